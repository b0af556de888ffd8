"""A trusted domain vouches for its users: what each finding about a DKIM signature comes to."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from people import MAIL, People, Telling, ask

from mailproc.address import Address
from mailproc.authenticate import MAX_AGE, MAX_AHEAD, RULE_IDS, Authenticated, DomainTrust, ReplayMark
from mailproc.dkim import DomainFinding, DomainVerification
from mailproc.openpgp import Finding, Verification
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.signed import find_signed_part
from mailproc.outcome import Disposition
from mailproc.principal import Principal, Trust
from mailproc.reading import Header, read_header
from mailproc.testing.keys import SigningKey, sign_mail

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DIGEST = "5e" * 32
PASS = DomainVerification(DomainFinding.PASS, "example.org", NOW, "it fits", DIGEST)
FAIL = DomainVerification(DomainFinding.FAIL, "example.org", None, "the body was changed")
AWAY = DomainVerification(DomainFinding.AWAY, "example.org", None, "the key of example.org")
SECOND = timedelta(seconds=1)


@dataclass
class Says:
    """A verifier of domains that says what it is told to say, and notes what it was asked about."""

    found: Sequence[DomainVerification] = ()
    asked: list[tuple[bytes, frozenset[str], datetime]] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)

    def verify(
        self, raw: bytes, header: Header, domains: Collection[str], *, arrival: datetime
    ) -> Sequence[DomainVerification]:
        """Say it."""
        self.asked.append((raw, frozenset(domains), arrival))
        self.headers.append(header)
        return self.found


def trust(*found: DomainVerification, domains: Collection[str] = ("example.org",), defer: bool = True) -> DomainTrust:
    """One verifier of these domains that finds this."""
    return DomainTrust(frozenset(domains), [Says(found)], defer)


def prove(people: People, dkim: DomainTrust | None, raw: bytes = MAIL, **how: object) -> Authenticated:
    """Authenticate a mail that arrived now; nothing is signed with OpenPGP unless a verifier is given."""
    return ask(raw, people, how.pop("verifier", Telling()), arrival=NOW, dkim=dkim, **how)


def test_a_domain_that_signed_the_mail_proves_its_user(people: People) -> None:
    """Then the trust is strong, the content is the whole mail, and the proof counts once."""
    found = prove(people, trust(PASS))
    assert found.principal == Principal("ann", Address("ann", "example.org"), Trust.STRONG, "dkim")
    assert (found.rule, found.reason, found.outcome) == ("dkim.pass", "the domain example.org has signed the mail", None)
    assert (found.content, found.signed, found.signed_at, found.content_sha256) == (MAIL, "whole", NOW, DIGEST)
    assert found.replay == (ReplayMark("dkim:ann", datetime(1970, 1, 1, tzinfo=UTC), DIGEST),)


def test_only_the_domain_of_from_is_asked_about(people: People) -> None:
    """Another trusted domain, a parent or a subdomain of that of From vouches for nobody there."""
    says = Says([])
    domains = {"example.org", "example.com", "org", "mail.example.org"}
    prove(people, DomainTrust(frozenset(domains), [says]))
    assert says.asked == [(MAIL, frozenset({"example.org"}), NOW)]
    assert says.headers == [read_header(MAIL)]


def test_a_domain_that_is_not_trusted_is_not_asked_about(people: People) -> None:
    """Without a trusted domain no verifier runs, and the DNS hears nothing."""
    says = Says([PASS])
    found = prove(people, DomainTrust(frozenset({"example.com"}), [says]))
    assert (says.asked, found.principal.trust, found.rule) == ([], Trust.WEAK, "unsigned")
    assert found.reason == "the mail is not signed with OpenPGP"


@pytest.mark.parametrize(
    "raw", [MAIL.replace(b"ann@example.org", b"eve@example.org"), b"X: y\r\n" + MAIL.replace(b"From", b"Form")]
)
def test_a_stranger_is_not_verified(raw: bytes, people: People) -> None:
    """Who is nobody's user is nobody, whatever their domain signs."""
    says = Says([PASS])
    found = prove(people, DomainTrust(frozenset({"example.org"}), [says]), raw)
    assert (says.asked, found.principal.trust, found.rule) == ([], Trust.NONE, "unknown-sender")


def test_an_inactive_user_is_dropped_before_anything_is_verified(people: People) -> None:
    """The silence does not depend on DKIM."""
    says = Says([PASS])
    found = prove(people, DomainTrust(frozenset({"example.org"}), [says]), MAIL.replace(b"ann@", b"ivy@"))
    assert found.outcome is not None
    assert (says.asked, found.outcome.disposition, found.outcome.rule) == ([], Disposition.DROPPED, "inactive")


def test_a_domain_of_the_handler_that_does_not_trust_dkim(people: People) -> None:
    """Where `trust` leaves it out, DKIM is not looked at."""
    says = Says([PASS])
    found = prove(people, DomainTrust(frozenset({"example.org"}), [says]), trust=("openpgp", "from"))
    assert (says.asked, found.principal.trust) == ([], Trust.WEAK)


def test_dkim_counts_where_from_does_not(people: People) -> None:
    """A domain that wants proof takes DKIM's."""
    assert prove(people, trust(PASS), trust=("dkim",)).principal.trust is Trust.STRONG
    unproven = prove(people, trust(FAIL), trust=("dkim",))
    assert (unproven.principal.trust, unproven.principal.user) == (Trust.NONE, None)
    assert unproven.reason == "OpenPGP signatures do not count for this domain; DKIM proves nothing: the body was changed"


SENDER = MAIL.replace(b"From: Ann <ann@example.org>", b"From: ann@example.com\r\nSender: %s")


def test_the_domain_of_a_sender_who_is_the_same_user_vouches(people: People) -> None:
    """Ann writes from one of her addresses by way of the other, whose domain signs."""
    found = prove(people, trust(PASS), SENDER.replace(b"%s", b"Ann <ann@example.org>"))
    assert found.principal == Principal("ann", Address("ann", "example.com"), Trust.STRONG, "dkim")


@pytest.mark.parametrize(
    "sender",
    [
        b"bob@example.org",  # another user
        b"nobody@example.org",  # nobody's address
        b"ann@example.org, bob@example.org",
        b"ann@example.org\r\nSender: ann@example.org",
        b"ann@example.org\r\nSender:",
        b"Ann",
        b"",
    ],
)
def test_any_other_sender_vouches_for_nothing(sender: bytes, people: People) -> None:
    """Then the domain of Sender is not even asked about."""
    says = Says([PASS])
    found = prove(people, DomainTrust(frozenset({"example.org"}), [says]), SENDER.replace(b"%s", sender))
    assert (says.asked, found.principal.trust, found.principal.user) == ([], Trust.WEAK, "ann")


def test_one_signature_that_passes_is_enough(people: People) -> None:
    """Whatever else stands there, before or after it."""
    assert prove(people, trust(FAIL, AWAY, PASS)).principal.trust is Trust.STRONG


def test_verifiers_are_asked_until_one_finds_a_proof(people: People) -> None:
    """The first that finds one spares the others their work."""
    first, second, third = Says([FAIL]), Says([PASS]), Says([PASS])
    dkim = DomainTrust(frozenset({"example.org"}), [first, second, third])
    assert prove(people, dkim).principal.trust is Trust.STRONG
    assert [len(each.asked) for each in (first, second, third)] == [1, 1, 0]


def test_a_signature_that_does_not_count_leaves_the_mail_as_it_is(people: People) -> None:
    """It is as if there were none, and the reason says why; the same reason is said once."""
    found = prove(people, trust(FAIL, FAIL))
    assert (found.principal.trust, found.rule, found.outcome, found.replay) == (Trust.WEAK, "unsigned", None, ())
    assert found.reason == "the mail is not signed with OpenPGP; DKIM proves nothing: the body was changed"
    other = DomainVerification(DomainFinding.FAIL, "example.org", None, "its key was revoked")
    assert prove(people, trust(FAIL, other)).reason.endswith(": the body was changed, its key was revoked")


def test_when_dns_is_away_the_mail_waits(people: People) -> None:
    """That nobody could tell never means "unsigned and fine"."""
    found = prove(people, trust(FAIL, AWAY))
    assert found.outcome is not None
    assert (found.outcome.disposition, found.outcome.rule) == (Disposition.DEFERRED, "dkim.no-dns")
    assert found.outcome.reason == "the DNS (the key of example.org)"


def test_when_dns_is_away_the_operator_may_want_to_go_on(people: People) -> None:
    """Then the mail is weak, and the reason says what was not asked."""
    found = prove(people, trust(FAIL, AWAY, defer=False))
    assert (found.principal.trust, found.outcome, found.rule) == (Trust.WEAK, None, "unsigned")
    assert found.reason.endswith("; DKIM proves nothing: the body was changed; the key of example.org")


def test_openpgp_proves_what_dns_cannot_tell(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A good signature of the sender's own needs no DNS."""
    raw = sign_mail(MAIL, ann, at=NOW)
    found = prove(people, trust(AWAY), raw, verifier=verifier)
    assert (found.outcome, found.principal.trust, found.principal.method) == (None, Trust.STRONG, "openpgp")


def test_a_bad_signature_waits_for_dns_too(people: People, ann: SigningKey) -> None:
    """DKIM would spare the sender the refusal, so that the mail waits until that is known."""
    refusing = Telling(Verification(Finding.ALTERED))
    found = prove(people, trust(AWAY), sign_mail(MAIL, ann), verifier=refusing)
    assert found.outcome is not None
    assert found.outcome.disposition is Disposition.DEFERRED
    ignored = prove(people, trust(AWAY, defer=False), sign_mail(MAIL, ann), verifier=refusing)
    assert ignored.outcome is not None
    assert (ignored.outcome.disposition, ignored.outcome.rule) == (Disposition.REJECTED, "signature.altered")


def test_a_domain_that_vouches_spares_the_verifier_of_signatures(people: People, ann: SigningKey) -> None:
    """What the domain has proven needs no OpenPGP, also where that would be refused."""
    verifier = Telling(Verification(Finding.ALTERED))
    found = prove(people, trust(PASS), sign_mail(MAIL, ann), verifier=verifier)
    assert (found.principal.method, found.outcome, verifier.given) == ("dkim", None, [])


@pytest.mark.parametrize("signed_at", [NOW - MAX_AGE, NOW + MAX_AHEAD])
def test_a_signature_of_about_now_counts(signed_at: datetime, people: People) -> None:
    """The limits themselves are still good."""
    found = prove(people, trust(DomainVerification(DomainFinding.PASS, "example.org", signed_at, "", DIGEST)))
    assert found.principal.trust is Trust.STRONG


@pytest.mark.parametrize(
    "signed_at, why",
    [
        (NOW - MAX_AGE - SECOND, "example.org signed it too long before it arrived"),
        (NOW + MAX_AHEAD + SECOND, "example.org signed it later than it arrived"),
    ],
)
def test_a_signature_of_another_time_proves_nothing(signed_at: datetime, why: str, people: People) -> None:
    """Whoever has an old mail of Ann's could send it again, to us."""
    found = prove(people, trust(DomainVerification(DomainFinding.PASS, "example.org", signed_at, "it fits", DIGEST)))
    assert (found.principal.trust, found.outcome) == (Trust.WEAK, None)
    assert found.reason.endswith(why)


@pytest.mark.parametrize(
    ("date", "trusted", "why"),
    [
        (b"Date: Mon, 02 Nov 2026 08:59:59 +0000\r\n", Trust.STRONG, "the domain example.org has signed the mail"),
        (b"Date: Mon, 02 Mar 2015 09:00:00 +0000\r\n", Trust.WEAK, ": example.org signed it too long before it arrived"),
        (b"Date: Tue, 03 Nov 2026 09:00:00 +0000\r\n", Trust.WEAK, ": example.org signed it later than it arrived"),
        (b"Date: some day\r\n", Trust.WEAK, ": example.org does not say when it signed it"),
        (b"", Trust.WEAK, ": example.org does not say when it signed it"),
    ],
)
def test_where_the_signature_states_no_time_the_date_does(date: bytes, trusted: Trust, why: str, people: People) -> None:
    """It is signed wherever it is there; an old mail out of an archive must not count for ever."""
    timeless = trust(DomainVerification(DomainFinding.PASS, "example.org", None, "it fits", DIGEST))
    found = prove(people, timeless, date + MAIL)
    assert found.principal.trust is trusted
    assert found.reason.endswith(why)
    stated = trust(PASS)
    assert prove(people, stated, date + MAIL).principal.trust is Trust.STRONG


def test_a_signed_mail_that_its_domain_has_proven_counts_once(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """Without its DKIM signature it is the same mail, so that both proofs leave the marks of the OpenPGP signature."""
    raw = sign_mail(MAIL, ann, at=NOW)
    by_domain = prove(people, trust(PASS), raw).replay
    (by_signature,) = prove(people, None, raw, verifier=verifier).replay
    assert by_signature in by_domain
    assert by_domain[0].key == "dkim:ann"
    for padded in (sign_mail(MAIL.replace(b"Hello", b"Hello  "), ann, at=NOW), raw.replace(b"Hello", b"Hello  ")):
        (by_signature,) = prove(people, None, padded, verifier=verifier).replay
        assert by_signature in prove(people, trust(PASS), padded).replay


def test_a_signature_that_cannot_be_read_leaves_no_mark(people: People, ann: SigningKey) -> None:
    """It states no time, and counts for nothing anyway."""
    head, begin, _ = sign_mail(MAIL, ann, at=NOW).partition(b"-----BEGIN PGP SIGNATURE-----\r\n\r\n")
    boundary = re.search(rb'boundary="([^"]+)"', head)
    assert begin and boundary
    raw = head + begin + b"AAAA\r\n-----END PGP SIGNATURE-----\r\n--" + boundary[1] + b"--\r\n"
    assert find_signed_part(raw) is not None
    assert [mark.key for mark in prove(people, trust(PASS), raw).replay] == ["dkim:ann"]


def test_without_a_limit_of_age_old_signatures_count(people: People) -> None:
    """`--max-signature-age 0` holds for domains, too."""
    old = DomainVerification(DomainFinding.PASS, "example.org", NOW - timedelta(days=4000), "", DIGEST)
    assert prove(people, trust(old), max_age=None).principal.trust is Trust.STRONG


def test_what_failed_is_not_asked_when_it_was_signed(people: People) -> None:
    """The reason why it fails stands, not its time."""
    old = DomainVerification(DomainFinding.FAIL, "example.org", NOW - timedelta(days=4000), "the body was changed")
    assert prove(people, trust(old)).reason.endswith("the body was changed")


def test_the_rules_of_domains_are_listed() -> None:
    """Each of them can be looked up."""
    assert {"dkim.pass", "dkim.no-dns"} <= set(RULE_IDS)


def test_what_a_later_verifier_knows_is_not_waited_for(people: People) -> None:
    """That our MX could not ask the DNS stands in the mail for ever; our own answer counts."""
    dkim = DomainTrust(frozenset({"example.org"}), [Says([AWAY]), Says([FAIL])])
    found = prove(people, dkim)
    assert (found.outcome, found.principal.trust) == (None, Trust.WEAK)
    assert found.reason == "the mail is not signed with OpenPGP; DKIM proves nothing: the body was changed"
    silent = prove(people, DomainTrust(frozenset({"example.org"}), [Says([AWAY]), Says([])]))
    assert silent.outcome is not None
    assert silent.outcome.rule == "dkim.no-dns"
