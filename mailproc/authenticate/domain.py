"""What a DKIM signature is worth (RFC 6376): it proves a domain, and a trusted one vouches for its users' addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailproc.authenticate.authenticated import Authenticated, ReplayMark
from mailproc.authenticate.freshness import Timeliness, Window
from mailproc.authenticate.signature import marks_of_signature
from mailproc.directory import Directory
from mailproc.dkim import DomainFinding, DomainVerification, DomainVerifier
from mailproc.outcome import Disposition
from mailproc.principal import Principal, Trust
from mailproc.reading import Header, read_addresses, read_date

RULE_IDS: Sequence[str] = ("dkim.pass", "dkim.no-dns")

_UNTIMELY = {
    Timeliness.TOO_OLD: "{domain} signed it too long before it arrived",
    Timeliness.TOO_NEW: "{domain} signed it later than it arrived",
}
# The Date field, which stands in the digest, tells two mails of the same text apart.
_NO_TIME = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class DomainTrust:
    """Whose DKIM signatures prove a sender, and what finds out about them.

    ``domains`` are the trusted ones, lower-case: those that let each of their users write from their own address only.
    ``verifiers`` are asked one after the other until one finds a signature that passes. ``defer`` says that a mail waits while
    the DNS does not answer; else it goes on without the proof.
    """

    domains: frozenset[str]
    verifiers: Sequence[DomainVerifier]
    defer: bool = True


@dataclass(frozen=True, slots=True)
class DomainProof:
    """What DKIM says of a sender.

    ``proven`` is set when a trusted domain vouches for them. ``away`` is what could not be asked, ``doubts`` why signatures
    that could have counted do not: each one line, or empty.
    """

    proven: Authenticated | None = None
    away: str = ""
    doubts: str = ""


def prove_by_domain(
    sender: Authenticated, header: Header, window: Window, directory: Directory, dkim: DomainTrust
) -> DomainProof:
    """Whether the domain of From, or of a Sender who is the same user, has signed the mail (``d=`` is exactly that domain)."""
    domains = dkim.domains.intersection(_domains(sender, header, directory))
    found: list[DomainVerification] = []
    for verifier in dkim.verifiers if domains else ():
        found_now = verifier.verify(sender.content, header, domains, arrival=window.arrival)
        said = [_judged(each, header, window) for each in found_now]
        passed = next((each for each in said if each.finding is DomainFinding.PASS), None)
        if passed is not None:
            return DomainProof(_proven(sender, passed, directory))
        # What one could not find out, as our MX on the day of the arrival, the next one may know.
        answered = {each.domain for each in said}
        found = [each for each in found if each.finding is not DomainFinding.AWAY or each.domain not in answered] + said
    return DomainProof(None, _details(found, DomainFinding.AWAY), _details(found, DomainFinding.FAIL))


def _domains(sender: Authenticated, header: Header, directory: Directory) -> Iterator[str]:
    """The domains that can vouch for the sender; a Sender who is somebody else vouches for nothing."""
    author, user = sender.principal.address, sender.user
    if author is not None:
        yield author.domain
    fields = header.all("Sender")
    others = read_addresses(fields) if len(fields) == 1 else ()
    if len(others) == 1 and user is not None and directory.user_of(others[0]) == user:
        yield others[0].domain


def _judged(each: DomainVerification, header: Header, window: Window) -> DomainVerification:
    """The same, but what was signed at another time than that of the mail proves nothing: somebody may send it again.

    Where the signature states no time, the Date field does, which it covers (RFC 6376 section 5.4.1 advises it).
    """
    if each.finding is not DomainFinding.PASS:
        return each
    signed_at = each.signed_at or read_date(header.first("Date"))
    untimely = _UNTIMELY.get(window.judge(signed_at)) if signed_at else "{domain} does not say when it signed it"
    return replace(each, finding=DomainFinding.FAIL, detail=untimely.format(domain=each.domain)) if untimely else each


def _proven(sender: Authenticated, found: DomainVerification, directory: Directory) -> Authenticated:
    assert sender.user is not None  # noqa: S101 - nobody else is asked about
    mark = ReplayMark(f"dkim:{sender.user.name}", _NO_TIME, found.covered_sha256)
    return replace(
        sender,
        principal=Principal(sender.user.name, sender.principal.address, Trust.STRONG, "dkim"),
        rule="dkim.pass",
        reason=f"the domain {found.domain} has signed the mail",
        replay=(mark, *marks_of_signature(sender.content, sender.user, directory)),
        signed="whole",
        signed_at=found.signed_at,
        content_sha256=found.covered_sha256,
    )


def _details(found: Sequence[DomainVerification], finding: DomainFinding) -> str:
    return ", ".join(dict.fromkeys(each.detail for each in found if each.finding is finding))


def wait_for_dns(found: Authenticated, proof: DomainProof, dkim: DomainTrust) -> Authenticated:
    """What was found without DKIM, where DKIM has proven nothing: that the DNS is away never means "unsigned and fine"."""
    if found.principal.trust is Trust.STRONG:
        return found
    if proof.away and dkim.defer:
        return found.ended(Disposition.DEFERRED, "dkim.no-dns", f"the DNS ({proof.away})")
    why = "; ".join(filter(None, (proof.doubts, proof.away)))
    return replace(found, reason=f"{found.reason}; DKIM proves nothing: {why}") if why else found
