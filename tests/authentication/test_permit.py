"""Who may go on: a known user who is not trusted enough is told what mends it, a stranger is not answered."""

import pytest
from people import MAIL, People, Telling, ask

from mailproc.authenticate import RULE_IDS, permit
from mailproc.authenticate.remedies import MENDS
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.outcome import Disposition
from mailproc.principal import Trust
from mailproc.testing.keys import SigningKey, sign_mail

STRANGER = MAIL.replace(b"ann@", b"nobody@")
SUE = MAIL.replace(b"ann@", b"sue@")


@pytest.mark.parametrize("requires", [Trust.NONE, Trust.WEAK])
def test_an_unsigned_mail_is_enough_where_no_proof_is_asked_for(requires: Trust, people: People) -> None:
    """A known address may go on to a handler that asks for no more."""
    assert permit(ask(MAIL, people, Telling()), requires) is None


@pytest.mark.parametrize("requires", list(Trust))
def test_a_signed_mail_is_enough_everywhere(requires: Trust, people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A proven sender may go on to every handler."""
    assert permit(ask(sign_mail(MAIL, ann), people, verifier), requires) is None


def test_a_stranger_goes_on_only_where_strangers_are_welcome(people: People) -> None:
    """An unknown sender is dropped without a word, unless the handler asks for nobody in particular."""
    found = ask(STRANGER, people, Telling())
    assert permit(found, Trust.NONE) is None
    for requires in (Trust.WEAK, Trust.STRONG):
        outcome = permit(found, requires)
        assert outcome is not None
        assert (outcome.disposition, outcome.rule, outcome.send) == (Disposition.DROPPED, "unknown-sender", ())


def test_each_lack_of_proof_has_its_own_remedy(
    people: People, ann: SigningKey, bob: SigningKey, verifier: GnupgVerifier
) -> None:
    """Not signed, signed by another's key, signed in part: three texts that say what to do."""
    signed = sign_mail(MAIL, ann)
    mails = {"is not signed": MAIL, "somebody else": sign_mail(MAIL, bob), "only a part": signed + b"Regards\r\n"}
    reasons = set()
    for words, raw in mails.items():
        outcome = permit(ask(raw, people, verifier), Trust.STRONG)
        assert outcome is not None
        assert (outcome.disposition, outcome.rule) == (Disposition.REJECTED, "not-strong-enough")
        assert words in outcome.reason
        reasons.add(outcome.reason)
    assert len(reasons) == 3


@pytest.mark.parametrize("requires", [Trust.NONE, Trust.WEAK])
def test_a_user_may_ask_that_only_proof_counts(requires: Trust, people: People) -> None:
    """With the user's flag an unsigned mail is refused by every handler, with a word for one who never sent it."""
    outcome = permit(ask(SUE, people, Telling()), requires)
    assert outcome is not None
    assert (outcome.disposition, outcome.rule) == (Disposition.REJECTED, "require-strong")
    assert "sue@example.org" in outcome.reason
    assert "If you did not send this mail" in outcome.reason


def test_the_users_flag_is_content_with_a_signature(people: People, stranger: SigningKey, verifier: GnupgVerifier) -> None:
    """With the user's flag a signed mail goes on."""
    people.add(people.users["sue@example.org"], keys=[stranger.certificate])
    assert permit(ask(sign_mail(SUE, stranger), people, verifier), Trust.WEAK) is None


def test_a_domain_that_does_not_trust_from_tells_a_user_to_sign(people: People) -> None:
    """A known user is not a stranger, also where From counts for nothing."""
    outcome = permit(ask(MAIL, people, Telling(), trust=("openpgp",)), Trust.WEAK)
    assert outcome is not None
    assert (outcome.disposition, outcome.rule) == (Disposition.REJECTED, "not-strong-enough")


@pytest.mark.parametrize("requires", list(Trust))
def test_what_has_ended_stays_ended(requires: Trust, people: People, stranger: SigningKey, verifier: GnupgVerifier) -> None:
    """A bad signature, or an inactive account, is not made good by a handler that asks for little."""
    for raw in (sign_mail(MAIL, stranger), MAIL.replace(b"ann@", b"ivy@")):
        found = ask(raw, people, verifier)
        assert found.outcome is not None
        assert permit(found, requires) == found.outcome


def test_the_rules_are_listed() -> None:
    """The rules of permission are among the ones that the documentation lists."""
    assert {"unknown-sender", "not-strong-enough", "require-strong"} <= set(RULE_IDS)


def test_the_whole_text(people: People) -> None:
    """What leads in, what mends it, and a word for one who never sent the mail, with blanks between."""
    strict, flagged = permit(ask(MAIL, people, Telling()), Trust.STRONG), permit(ask(SUE, people, Telling()), Trust.WEAK)
    assert strict is not None
    assert flagged is not None
    forged = " If you did not send this mail, somebody used your address, and you need do nothing."
    assert strict.reason == f"This address takes only mail whose sender is proven, and {MENDS['unsigned']}{forged}"
    assert flagged.reason == f"Only signed mail is taken from sue@example.org, and {MENDS['unsigned']}{forged}"


def test_where_openpgp_counts_for_nothing_it_is_not_advised(people: People) -> None:
    """Then the own server's DKIM is what can prove the mail."""
    found = ask(MAIL, people, Telling(), trust=("dkim", "from"))
    assert (found.rule, found.reason) == ("unproven", "OpenPGP signatures do not count for this domain")
    outcome = permit(found, Trust.STRONG)
    assert outcome is not None
    assert MENDS["unproven"] in outcome.reason
    assert "gpg" not in outcome.reason


def test_every_rule_of_a_weak_sender_has_its_remedy() -> None:
    """What may leave a known user weak is mended by a text of its own."""
    assert set(MENDS) == {"unsigned", "unproven", "signature.partial", "signature.foreign-key"}
