"""Each finding about a signature has one end, and a text that says what was found and what mends it."""

from datetime import UTC, datetime, timedelta

import pytest
from people import MAIL, People, Telling, ask

from mailproc.authenticate import MAX_AGE, MAX_AHEAD, RULE_IDS
from mailproc.openpgp import Finding, Verification
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.outcome import Disposition
from mailproc.principal import Trust
from mailproc.testing.keys import SigningKey, sign_mail

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    "finding, rule, words",
    [
        (Finding.ALTERED, "signature.altered", "changed after it was signed"),
        (Finding.UNKNOWN_KEY, "signature.unknown-key", "gpg --armor --export"),
        (Finding.EXPIRED_KEY, "signature.expired-key", "gpg --quick-set-expire"),
        (Finding.REVOKED_KEY, "signature.revoked-key", "Sign with another key"),
        (Finding.EXPIRED_SIGNATURE, "signature.expired", "Sign the mail anew"),
        (Finding.WEAK_DIGEST, "signature.weak-digest", "SHA-256 or better"),
        (Finding.WEAK_KEY, "signature.weak-key", "can be forged"),
        (Finding.SEVERAL_SIGNATURES, "signature.several", "a single signature"),
    ],
)
def test_a_bad_signature_is_rejected(finding: Finding, rule: str, words: str, people: People, ann: SigningKey) -> None:
    """The sender, who stays weakly known so that an answer can go out, is told what mends it."""
    found = ask(sign_mail(MAIL, ann), people, Telling(Verification(finding, detail="SHA-1")))
    assert found.outcome is not None
    assert (found.outcome.disposition, found.outcome.rule) == (Disposition.REJECTED, rule)
    assert words in found.outcome.reason
    assert not set("{}\r") & set(found.outcome.reason)
    assert (found.principal.user, found.principal.trust, found.signed) == ("ann", Trust.WEAK, "whole")
    assert (found.content_sha256, found.replay) == (None, ())


def test_every_finding_has_a_rule(people: People, ann: SigningKey) -> None:
    """No finding is forgotten, and every rule that decides is listed."""
    for finding in Finding:
        found = ask(sign_mail(MAIL, ann), people, Telling(Verification(finding, ann.fingerprint, NOW)))
        assert found.rule in RULE_IDS
    assert len(set(RULE_IDS)) == len(RULE_IDS)


def test_a_verifier_that_cannot_tell_makes_the_mail_wait(people: People, ann: SigningKey) -> None:
    """A hang or a crash is neither good nor bad: the mail is tried again."""
    verifier = Telling(Verification(Finding.CANNOT_TELL, detail="gpg ended with status -9"))
    outcome = ask(sign_mail(MAIL, ann), people, verifier).outcome
    assert outcome is not None
    assert (outcome.disposition, outcome.rule) == (Disposition.DEFERRED, "signature.cannot-tell")
    assert "gpg ended with status -9" in outcome.reason


def test_a_key_that_nobody_has_registered(people: People, stranger: SigningKey, verifier: GnupgVerifier) -> None:
    """A key that merely bears the sender's name is an unknown one, and the text says which it is."""
    outcome = ask(sign_mail(MAIL, stranger), people, verifier).outcome
    assert outcome is not None
    assert outcome.rule == "signature.unknown-key"
    assert stranger.fingerprint in outcome.reason


def test_a_changed_mail(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A mail that was changed after signing is refused, also when a list has put its footer beside it."""
    raw = sign_mail(MAIL, ann)
    assert ask(raw.replace(b"Hello", b"Goodbye"), people, verifier).rule == "signature.altered"
    footer = raw.replace(b"Hello\r\n", b"Hello\r\n_____\r\nThe list\r\n")
    assert ask(footer, people, verifier).rule == "signature.altered"


@pytest.mark.parametrize(
    "age, rule",
    [
        (timedelta(hours=1), "signature.good"),
        (MAX_AGE, "signature.good"),
        (MAX_AGE + MINUTE / 60, "signature.too-old"),
        (timedelta(days=7), "signature.too-old"),
        (-MINUTE, "signature.good"),
        (-MAX_AHEAD, "signature.good"),
        (-MAX_AHEAD - MINUTE / 60, "signature.too-new"),
        (timedelta(days=-7), "signature.too-new"),
    ],
)
def test_a_signature_has_to_be_fresh(age: timedelta, rule: str, people: People, ann: SigningKey) -> None:
    """Older than 48 hours, or more than 10 minutes ahead, is refused; the limits themselves are not."""
    verifier = Telling(Verification(Finding.GOOD, ann.fingerprint, NOW - age))
    found = ask(sign_mail(MAIL, ann), people, verifier, arrival=NOW)
    assert found.rule == rule
    if rule != "signature.good":
        assert found.outcome is not None
        assert found.outcome.disposition is Disposition.REJECTED
        assert f"{NOW - age:%Y-%m-%d %H:%M} UTC" in found.outcome.reason
        assert (found.signed_at, found.replay) == (NOW - age, ())


def test_freshness_is_a_matter_of_the_arrival(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A mail that has waited a month in the maildrop was fresh when it came."""
    then = NOW - timedelta(days=30)
    raw = sign_mail(MAIL, ann, at=then)
    assert ask(raw, people, verifier, arrival=then + MINUTE).principal.trust is Trust.STRONG
    assert ask(raw, people, verifier, arrival=NOW).rule == "signature.too-old"


def test_there_may_be_no_limit_of_age(people: People, ann: SigningKey) -> None:
    """Without a limit any age will do; a signature from the future still will not."""
    verifier = Telling(Verification(Finding.GOOD, ann.fingerprint, NOW - timedelta(days=5000)))
    assert ask(sign_mail(MAIL, ann), people, verifier, arrival=NOW, max_age=None).rule == "signature.good"
    verifier = Telling(Verification(Finding.GOOD, ann.fingerprint, NOW + timedelta(days=5000)))
    assert ask(sign_mail(MAIL, ann), people, verifier, arrival=NOW, max_age=None).rule == "signature.too-new"


def test_an_old_signature_is_refused_whosever_it_is(people: People, bob: SigningKey) -> None:
    """Freshness is asked before ownership, so an old mail of a colleague is refused too."""
    verifier = Telling(Verification(Finding.GOOD, bob.fingerprint, NOW - timedelta(days=7)))
    assert ask(sign_mail(MAIL, bob), people, verifier).rule == "signature.too-old"


@pytest.mark.parametrize(
    "age, disposition, rule",
    [
        (-MAX_AHEAD - MINUTE / 60, Disposition.REJECTED, "signature.too-new"),
        (MAX_AGE + MINUTE / 60, Disposition.REJECTED, "signature.too-old"),
        (MINUTE, Disposition.DEFERRED, "signature.cannot-tell"),
    ],
)
def test_the_time_of_a_signature_needs_no_verifier(
    age: timedelta, disposition: Disposition, rule: str, people: People, ann: SigningKey
) -> None:
    """One that is refused for its time does not wait for a verifier that does not look at it before."""
    verifier = Telling(Verification(Finding.CANNOT_TELL, None, NOW - age, "it is dated ahead"))
    outcome = ask(sign_mail(MAIL, ann), people, verifier, arrival=NOW).outcome
    assert outcome is not None
    assert (outcome.disposition, outcome.rule) == (disposition, rule)


def test_a_disagreement_of_verifiers_is_our_fault(people: People, ann: SigningKey) -> None:
    """One of them is wrong: the mail has failed, which makes an OOPS, and the sender stays weak."""
    found = ask(sign_mail(MAIL, ann), people, Telling(Verification(Finding.DISAGREEMENT, detail="A finds x, B finds y")))
    assert found.outcome is not None
    assert (found.outcome.disposition, found.outcome.rule) == (Disposition.FAILED, "signature.disagreement")
    assert found.outcome.reason == "the verifiers of signatures do not agree: A finds x, B finds y"
    assert (found.principal.trust, found.replay) == (Trust.WEAK, ())


@pytest.mark.parametrize("named", [None, "", "A" * 40])
def test_a_key_that_was_not_given_is_not_believed(named: str | None, people: People, ann: SigningKey) -> None:
    """A verifier that names it, or no time, is out of order, and the mail waits."""
    for says in (Verification(Finding.GOOD, named, NOW), Verification(Finding.GOOD, ann.fingerprint, None)):
        outcome = ask(sign_mail(MAIL, ann), people, Telling(says)).outcome
        assert outcome is not None
        assert (outcome.disposition, outcome.rule) == (Disposition.DEFERRED, "signature.cannot-tell")
        assert outcome.reason == "the check of the signature (the verifier names a key that it was not given)"
