"""Certificates are read as their owners send them, and only what is public is kept."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from forgery_of_test import Forged, RsaKey
from keyring_of_test import armored, packet, revoke, signed_part

from mailproc.directory import Certificate
from mailproc.errors import MailprocError, MissingProgram
from mailproc.openpgp import Finding, Verifier, packets
from mailproc.openpgp.certificates import read_certificates
from mailproc.testing.keys import SigningKey

Reader = Callable[[bytes], list[Certificate]]
CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"


@pytest.fixture(params=["gpg", "/nonexistent/gpg"], ids=["GnuPG", "Sequoia"])
def certificates_in(request: pytest.FixtureRequest) -> Reader:
    """Both ways in which keys are checked when they are registered: Sequoia is asked where GnuPG is not there."""
    return partial(read_certificates, program=request.param)


def test_armored_and_binary_are_the_same(ann: SigningKey, certificates_in: Reader) -> None:
    """An armored file, with mail's line ends and text around it, holds the same certificate as a binary one."""
    armor = b"Here is my key:\r\n" + ann.armored_certificate.replace("\n", "\r\n").encode() + b"Regards\r\n"
    (read,) = certificates_in(armor)
    assert [read] == certificates_in(ann.certificate)
    assert (read.fingerprint, read.user_ids) == (ann.fingerprint, ("Ann <ann@example.org>",))
    assert (read.expires_at, read.revoked) == (None, False)
    assert timedelta(days=364) < datetime.now(UTC) - read.created_at < timedelta(days=366)


def test_a_subkey_is_a_name_of_its_certificate(with_subkey: SigningKey, certificates_in: Reader) -> None:
    """Every fingerprint and key id that a signature can name leads to the certificate."""
    (read,) = certificates_in(with_subkey.certificate)
    part = signed_part(CONTENT, with_subkey)
    assert set(part.issuers) < set(read.names)
    assert read.names[:2] == (with_subkey.fingerprint, with_subkey.fingerprint[-16:])
    assert len(read.names) == 4


def test_several_certificates_in_one_file(ann: SigningKey, bob: SigningKey, certificates_in: Reader) -> None:
    """A key ring, or several armored blocks one after the other, are several certificates."""
    both = [ann.fingerprint, bob.fingerprint]
    assert [each.fingerprint for each in certificates_in(ann.certificate + bob.certificate)] == both
    blocks = (ann.armored_certificate + bob.armored_certificate).encode()
    assert [each.fingerprint for each in certificates_in(blocks)] == both


def test_expiry_and_revocation_are_told(expired: SigningKey, certificates_in: Reader) -> None:
    """An administrator sees at import that a key has expired or was revoked."""
    (read,) = certificates_in(expired.certificate)
    assert read.expires_at is not None
    assert abs(read.expires_at - read.created_at - timedelta(days=1)) < timedelta(minutes=1)
    with SigningKey.generate("Gus <gus@example.org>") as key:
        revoke(key)
        assert certificates_in(key.certificate)[0].revoked


def test_what_was_read_verifies(with_subkey: SigningKey, verifier: Verifier, certificates_in: Reader) -> None:
    """The binary data of a certificate is all that a verifier needs."""
    (read,) = certificates_in(with_subkey.armored_certificate.encode())
    found = verifier.verify(signed_part(CONTENT, with_subkey), [read.data])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, read.fingerprint)


@pytest.mark.parametrize("arguments", [["--armor"], []], ids=["armored", "binary"])
def test_a_secret_key_is_refused(arguments: list[str], ann: SigningKey, certificates_in: Reader) -> None:
    """A secret key is not taken, and the text says what to send instead."""
    secret = ann.gpg(*arguments, "--passphrase", "", "--pinentry-mode", "loopback", "--export-secret-keys")
    with pytest.raises(MailprocError, match=r"secret key.*gpg --armor --export"):
        certificates_in(secret)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Hello\n",
        b"\xff" * 100,
        armored(b"garbage", "PUBLIC KEY BLOCK"),
        armored(packet(packets.USER_ID, b"Ann"), "PUBLIC KEY BLOCK"),
        packet(packets.SIGNATURE, b"\4"),
    ],
)
def test_what_is_no_key_is_refused(data: bytes, certificates_in: Reader) -> None:
    """A file without a public key is refused with the command that makes one."""
    with pytest.raises(MailprocError, match=r"no OpenPGP public key.*gpg --armor --export"):
        certificates_in(data)


def test_a_key_without_a_self_signature_is_refused(ann: SigningKey, certificates_in: Reader) -> None:
    """A bare key with somebody's name beside it is nobody's word."""
    primary = (packets.read_packets(ann.certificate) or [])[0]
    with pytest.raises(MailprocError, match="is no valid public key"):
        certificates_in(primary.raw + packet(packets.USER_ID, b"Ann <ann@example.org>"))


def test_a_user_id_that_its_owner_did_not_sign_is_not_told(ann: SigningKey, certificates_in: Reader) -> None:
    """An administrator is not shown a name that somebody else has put beside the key."""
    primary, *rest = packets.read_packets(ann.certificate) or []
    forged = packet(packets.USER_ID, b"The Boss <boss@example.org>")
    (read,) = certificates_in(primary.raw + forged + b"".join(each.raw for each in rest))
    assert read.user_ids == ("Ann <ann@example.org>",)


def test_a_user_id_may_be_in_any_script(certificates_in: Reader) -> None:
    """User ids are UTF-8."""
    with SigningKey.generate("Zo\u00eb: \u5c0f\u7b20\u539f <zoe@example.org>") as key:
        assert certificates_in(key.certificate)[0].user_ids == ("Zo\u00eb: \u5c0f\u7b20\u539f <zoe@example.org>",)


def test_an_old_version_is_refused(ann: SigningKey, certificates_in: Reader) -> None:
    """A key of version 3 has a fingerprint that can be forged."""
    primary = (packets.read_packets(ann.certificate) or [])[0]
    with pytest.raises(MailprocError, match="version"):
        certificates_in(packet(packets.PRIMARY_KEY, b"\3" + primary.body[1:]))


def test_trust_packets_are_left_out(ann: SigningKey, certificates_in: Reader) -> None:
    """A certificate cannot bring GnuPG's own "this signature was checked" along."""
    read = packets.read_packets(ann.certificate) or []
    trusting = b"".join(each.raw + packet(12, b"\0\3gpg\0\0") for each in read)
    assert certificates_in(trusting)[0].data == ann.certificate


def test_a_user_id_cannot_add_a_fingerprint(ann: SigningKey, certificates_in: Reader) -> None:
    """A user id that looks like a line of gpg's listing gives its key no other name."""
    with SigningKey.generate(f"Eve \u0145fpr:::::::::{ann.fingerprint}:") as eve:
        (read,) = certificates_in(eve.certificate)
    assert read.names == (eve.fingerprint, eve.fingerprint[-16:])


def test_a_revocation_by_a_stranger_revokes_nothing(certificates_in: Reader) -> None:
    """Anybody can put such a packet beside a key."""
    fred, eve = RsaKey(1), RsaKey(4)
    forged = packet(packets.SIGNATURE, eve.sign(0x20, fred.framed))
    (read,) = certificates_in(Forged(fred, before=forged).certificate)
    assert not read.revoked
    (read,) = certificates_in(Forged(fred, before=packet(packets.SIGNATURE, fred.sign(0x20, fred.framed))).certificate)
    assert read.revoked


def test_without_gnupg_and_sequoia_nothing_is_read(ann: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is not registered unread; the text says what to install."""
    certificate = ann.certificate
    monkeypatch.delitem(sys.modules, "pysequoia", raising=False)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "site-packages" not in entry])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(MissingProgram, match="apt-get install gnupg"):
        read_certificates(certificate, "/nonexistent/gpg")


def test_a_key_of_another_version_is_refused() -> None:
    """It could be registered, but nothing that it signs would ever count."""
    body = b"\x06" + bytes(4) + bytes([27]) + (32).to_bytes(4, "big") + bytes(32)
    with pytest.raises(MailprocError, match=r"another version than 4"):
        read_certificates(b"\xc6" + bytes([len(body)]) + body)
