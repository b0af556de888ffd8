"""The judge finds what is wrong: with each safeguard taken away, the attacks that it is against succeed and are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from mailproc.authenticate import signature
from mailproc.openpgp import Finding, SignedPart, Verification, Verifier
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.signed import find_signed_part
from tests.attacks.attacks import Attack
from tests.attacks.campaign import VERIFIERS, attack_with
from tests.attacks.cast import Cast
from tests.attacks.judge import welcome
from tests.attacks.letters import Signed
from tests.attacks.valid import Valid


class Credulous:
    """A verifier that takes every signature for one by the last certificate that it is given, which is the sender's own."""

    def __init__(self, cast: Cast) -> None:
        self.signed_at = cast.now - timedelta(hours=1)
        self.fingerprints = {key.certificate: key.fingerprint for _, key in cast.keys}

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """Believe it."""
        return Verification(Finding.GOOD, self.fingerprints[certificates[-1]], self.signed_at)


def succeeded(attacking: list[Attack], cast: Cast, verifier: Verifier, known: list[Signed]) -> set[str]:
    """The families of which an attack succeeds alone."""
    tally = attack_with(attacking, cast, verifier, known)
    return {family for family, end in tally.ends if end == "strong"}


@pytest.fixture(scope="module")
def alone(attacking: list[Attack]) -> list[Attack]:
    """Half of the attacks of one trick."""
    return [attack for attack in attacking if len(attack.tricks) == 1][::2]


def test_a_verifier_that_believes_everything_is_found_out(alone: list[Attack], cast: Cast, known: list[Signed]) -> None:
    """Each family of attacks on the signature and on what is signed succeeds against it."""
    found = succeeded(alone, cast, Credulous(cast), known)
    assert found >= {"wrong-key", "unfit-key", "class", "weak-digest", "several", "packets", "spoofed-status", "altered"}


def test_a_part_that_is_taken_for_the_whole_is_found_out(
    alone: list[Attack], cast: Cast, known: list[Signed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each family of attacks by text beside the signed part succeeds when nobody asks whether it is the whole."""

    def everything_is_whole(raw: bytes) -> SignedPart | None:
        part = find_signed_part(raw)
        return replace(part, whole=True) if part else None

    monkeypatch.setattr(signature, "find_signed_part", everything_is_whole)
    found = succeeded(alone, cast, VERIFIERS["sequoia"](), known)
    assert found >= {"wrapped", "text-beside", "type", "encoding", "charset", "other-form", "header"}


def test_a_signature_that_is_never_too_old_is_found_out(
    alone: list[Attack], cast: Cast, known: list[Signed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attacks with an old signature succeed when nobody asks for its age."""
    monkeypatch.setattr(signature, "_untimely", lambda signed_at, window: None)
    attacking = [attack for attack in alone if attack.family == "time"]
    assert succeeded(attacking, cast, VERIFIERS["sequoia"](), known) == {"time"}


def test_anybodys_key_is_found_out(
    alone: list[Attack], cast: Cast, known: list[Signed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attacks with another user's key succeed when each key is taken for the sender's."""
    keys_of = cast.keys_of
    everybody = [key for _, key in cast.keys]
    monkeypatch.setattr(Cast, "keys_of", lambda self, user: [*(replace(key, user=user) for key in everybody), *keys_of(user)])
    attacking = [attack for attack in alone if attack.family in ("from", "wrong-key")]
    assert succeeded(attacking, cast, VERIFIERS["sequoia"](), known) == {"from", "wrong-key"}


def test_a_valid_mail_that_is_refused_is_seen(mails: list[Valid], cast: Cast) -> None:
    """What is wrong with the end of a valid mail is said."""
    mail = mails[0]
    broken = replace(mail, raw=mail.raw.replace(b"multipart/signed", b"multipart/mixed"))
    assert welcome(mail, cast, VERIFIERS["sequoia"]()) is None
    assert welcome(broken, cast, VERIFIERS["sequoia"]()) == "unsigned: the mail is not signed with OpenPGP"


def test_all_keys_of_the_cast_can_be_registered(cast: Cast) -> None:
    """What the odd users have is what an administrator could have imported, save the key that is not valid yet."""
    for _, key in cast.keys:
        if key.user != "zoe":
            assert read_certificates(key.certificate)[0].fingerprint == key.fingerprint
