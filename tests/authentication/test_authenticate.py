"""Who sent a mail: first whose address it is, then whose signature, and how much of the mail it covers."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from people import MAIL, METHODS, People, Telling, ask

from mailproc.address import Address
from mailproc.authenticate import ReplayMark
from mailproc.directory import User
from mailproc.errors import Away
from mailproc.openpgp import Finding, Verification
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.outcome import Disposition, Outcome
from mailproc.principal import Principal, Trust
from mailproc.testing.keys import SigningKey, sign_mail

ADDRESS = Address("ann", "example.org")
WEAK = Principal("ann", ADDRESS, Trust.WEAK, "from")


def test_an_unsigned_mail_of_a_known_address_is_weak(people: People) -> None:
    """From alone makes the sender weak, and the whole mail is the content."""
    found = ask(MAIL, people, Telling())
    assert found.principal == WEAK
    assert (found.rule, found.signed, found.outcome, found.replay) == ("unsigned", "none", None, ())
    assert found.content is MAIL


@pytest.mark.parametrize("inline", [False, True], ids=["PGP/MIME", "clear-signed"])
def test_the_senders_own_signature_over_the_whole_is_strong(
    inline: bool, people: People, ann: SigningKey, verifier: GnupgVerifier
) -> None:
    """The content is exactly what was signed, and its mark keeps it from counting twice."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    found = ask(sign_mail(MAIL, ann, inline=inline, at=at), people, verifier)
    content = b"Hello" if inline else b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
    digest = hashlib.sha256(content).hexdigest()
    assert found.principal == Principal("ann", ADDRESS, Trust.STRONG, "openpgp", ann.fingerprint)
    assert (found.content, found.content_is_text, found.outcome) == (content, inline, None)
    assert (found.rule, found.signed, found.signed_at, found.content_sha256) == ("signature.good", "whole", at, digest)
    assert found.replay == (ReplayMark(ann.fingerprint, at, digest),)


def test_any_address_of_a_user_will_do(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """The key belongs to the user, not to one address; case and display name do not matter."""
    raw = sign_mail(MAIL.replace(b"Ann <ann@example.org>", b'"boss@example.org" <ANN@Example.COM>'), ann)
    found = ask(raw, people, verifier)
    assert (found.principal.user, found.principal.trust) == ("ann", Trust.STRONG)
    assert found.principal.address == Address("ANN", "example.com")


def test_a_subkey_is_its_owners(people: People, bob: SigningKey, verifier: GnupgVerifier) -> None:
    """A signature by a subkey counts for the primary key that is registered."""
    found = ask(sign_mail(MAIL.replace(b"ann@", b"bob@"), bob), people, verifier)
    assert (found.principal.trust, found.principal.fingerprint) == (Trust.STRONG, bob.fingerprint)


def test_a_key_of_several_users_is_everyones_own(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A key that a team shares proves each of its members."""
    people.add(User("team"), "team@example.org", keys=[ann.certificate])
    for address in (b"ann", b"team"):
        found = ask(sign_mail(MAIL.replace(b"ann@", address + b"@"), ann), people, verifier)
        assert (found.principal.user, found.principal.trust) == (address.decode(), Trust.STRONG)


@pytest.mark.parametrize("inline", [False, True], ids=["PGP/MIME", "clear-signed"])
def test_a_colleagues_key_is_weak(inline: bool, people: People, bob: SigningKey, verifier: GnupgVerifier) -> None:
    """A good signature by another user proves nothing about From: the sender stays the one in From, and weak."""
    raw = sign_mail(MAIL, bob, inline=inline)
    found = ask(raw, people, verifier)
    assert (found.principal, found.rule, found.outcome) == (WEAK, "signature.foreign-key", None)
    assert (found.content, found.replay) == (raw, ())
    assert bob.fingerprint in found.reason


@pytest.mark.parametrize(
    "address", [b"nobody@example.org", b"ann@a@example.org", b"ann@example.org, bob@example.org", b"", b"ann"]
)
def test_an_unknown_sender_is_nobody_and_nothing_is_verified(address: bytes, people: People, ann: SigningKey) -> None:
    """Unless From is one known address, not even a good signature is looked at."""
    verifier = Telling()
    found = ask(sign_mail(MAIL.replace(b"Ann <ann@example.org>", address), ann), people, verifier)
    assert (found.principal.user, found.principal.trust, found.user) == (None, Trust.NONE, None)
    assert (found.rule, found.signed, found.outcome) == ("unknown-sender", "none", None)
    assert verifier.given == []


def test_two_from_fields_are_nobody(people: People, ann: SigningKey) -> None:
    """With two From fields nobody can say who the author is."""
    found = ask(b"From: bob@example.org\r\n" + sign_mail(MAIL, ann), people, Telling())
    assert (found.principal.trust, found.rule) == (Trust.NONE, "unknown-sender")


@pytest.mark.parametrize("signed", [False, True])
def test_an_inactive_users_mail_is_dropped_in_silence(signed: bool, people: People, stranger: SigningKey) -> None:
    """The account is looked at before the signature, so a bad one is not told of either."""
    raw = MAIL.replace(b"ann@", b"ivy@")
    verifier = Telling()
    found = ask(sign_mail(raw, stranger) if signed else raw, people, verifier)
    assert found.outcome is not None
    assert (found.outcome.disposition, found.outcome.rule, found.outcome.send) == (Disposition.DROPPED, "inactive", ())
    assert verifier.given == []
    assert found.principal.trust is Trust.NONE


def test_only_the_senders_keys_and_the_named_one_are_tried(
    people: People, ann: SigningKey, bob: SigningKey, stranger: SigningKey
) -> None:
    """The verifier gets no other certificate, however many are registered."""
    verifier = Telling(Verification(Finding.UNKNOWN_KEY))
    certificates = {key.fingerprint: key.certificate for _, key in people.keys}
    for signer, expected in [
        (ann, {certificates[ann.fingerprint]}),
        (bob, {certificates[ann.fingerprint], certificates[bob.fingerprint]}),
        (stranger, {certificates[ann.fingerprint]}),
    ]:
        ask(sign_mail(MAIL, signer), people, verifier)
        assert set(verifier.given.pop()[1]) == expected


def test_what_the_database_raises_is_never_an_unknown_sender(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away makes the run stop, not the sender a stranger."""

    def away(address: Address) -> None:
        raise Away("the database is away")

    monkeypatch.setattr(people, "user_of", away)
    with pytest.raises(Away):
        ask(MAIL, people, Telling())


@pytest.mark.parametrize(
    "trust, level, method",
    [
        (METHODS, Trust.WEAK, "from"),
        (("from",), Trust.WEAK, "from"),
        (("openpgp",), Trust.NONE, "none"),
        ((), Trust.NONE, "none"),
    ],
)
def test_from_counts_only_where_it_is_trusted(trust: tuple[str, ...], level: Trust, method: str, people: People) -> None:
    """A domain that does not trust From knows nobody by it, though the account is known for an answer."""
    found = ask(MAIL, people, Telling(), trust=trust)
    assert (found.principal.trust, found.principal.method) == (level, method)
    assert (found.principal.user is None) == (level is Trust.NONE)
    assert found.user == people.users["ann@example.org"]


def test_a_signature_counts_only_where_it_is_trusted(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A domain that does not trust OpenPGP verifies nothing, and one that trusts it alone knows whom it proves."""
    silent = Telling()
    found = ask(sign_mail(MAIL, ann), people, silent, trust=("from",))
    assert (found.principal, silent.given) == (WEAK, [])
    assert ask(sign_mail(MAIL, ann), people, verifier, trust=("openpgp",)).principal.trust is Trust.STRONG


def test_the_charset_of_a_clear_signed_text_goes_with_it(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A reader of the content knows how to decode it."""
    fields = b"Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    raw = sign_mail(MAIL.replace(b"\r\n\r\nHello", b"\r\n" + fields + "Grüße".encode()), ann, inline=True)
    found = ask(raw, people, verifier)
    assert (found.content.decode(), found.charset) == ("Grüße", "UTF-8")


def test_trailing_blanks_are_forgiven(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """Blanks that were signed may stay; blanks that came on the way do not count, and are not in the content."""
    kept = ask(sign_mail(MAIL.replace(b"Hello", b"Hello  \r\n-- "), ann), people, verifier)
    assert (kept.principal.trust, kept.content.endswith(b"Hello  \r\n-- \r\n")) == (Trust.STRONG, True)
    added = ask(sign_mail(MAIL, ann).replace(b"Hello\r\n", b"Hello \t\r\n"), people, verifier)
    assert (added.principal.trust, added.content.endswith(b"Hello\r\n")) == (Trust.STRONG, True)


def test_the_lenient_reading_is_no_second_chance(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A mail with other changes stays altered when its blanks are removed."""
    raw = sign_mail(MAIL.replace(b"Hello", b"Hello  "), ann).replace(b"Hello", b"Hullo")
    assert ask(raw, people, verifier).rule == "signature.altered"


def test_without_a_verifier_a_signature_waits(people: People, ann: SigningKey) -> None:
    """Where nothing can verify, a signed mail is deferred, not believed and not refused."""
    outcome = ask(sign_mail(MAIL, ann), people, None).outcome
    assert isinstance(outcome, Outcome)
    assert (outcome.disposition, outcome.rule) == (Disposition.DEFERRED, "signature.cannot-tell")


@pytest.mark.parametrize("fingerprint", [None, "0" * 40])
def test_a_verifier_that_names_a_key_of_its_own_is_not_believed(
    fingerprint: str | None, people: People, ann: SigningKey
) -> None:
    """Good, but by a key that was not given: the verifier is broken."""
    verifier = Telling(Verification(Finding.GOOD, fingerprint, datetime.now(UTC)))
    found = ask(sign_mail(MAIL, ann), people, verifier)
    assert (found.rule, found.principal) == ("signature.cannot-tell", WEAK)
