"""Who sent a message, and how sure we are: what the findings about From and a signature mean, and who may go on.

In this order, and the first that ends the message ends it:

1. Whose address is the one in From? Nobody's: nothing is verified. An inactive user's: dropped in silence, nothing is verified.
2. Is the mail signed, and what does the verifier find? Anything but a good signature is told to the sender, with what mends it.
3. When was it signed, compared with the arrival? Then a backlog, or a second run over old mail, refuses nothing.
4. Whose key is it, and does the signature cover the whole body? Only the sender's own key over all of it is *strong*.

A signature does not cover the header: the recipient, the subject and the date are the sender's word alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailproc.directory import Directory, RegisteredKey, User
from mailproc.failpoints import failpoint
from mailproc.openpgp import Finding, SignedPart, Verification, Verifier
from mailproc.openpgp.signed import find_signed_part, without_trailing_blanks
from mailproc.outcome import Disposition, Outcome
from mailproc.principal import NOBODY, Principal, Trust
from mailproc.reading import Header, sole_author
from mailproc.remedies import MENDS, REFUSALS, TOO_NEW, TOO_OLD

MAX_AGE = timedelta(hours=48)  # a weekend in a queue; a replay of what is older needs no memory of ours
MAX_AHEAD = timedelta(minutes=10)  # clocks differ

RULE_IDS: Sequence[str] = (
    "unknown-sender",
    "inactive",
    "unsigned",
    "signature.good",
    "signature.partial",
    "signature.foreign-key",
    *(rule for rule, _ in REFUSALS.values()),
    "signature.too-old",
    "signature.too-new",
    "signature.cannot-tell",
    "require-strong",
    "not-strong-enough",
)


@dataclass(frozen=True, slots=True)
class ReplayMark:
    """What must not come a second time for the same recipient: a key, its signing time, and the SHA-256 of what it signed."""

    fingerprint: str
    signed_at: datetime
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A sender, with all that was found out about them.

    ``principal``       who it is and how sure we are
    ``user``            the account to which the From address belongs, or None
    ``content``         the verified bytes when the trust is strong, else the mail as received
    ``content_is_text`` whether ``content`` is a plain text in ``charset``, not a MIME entity
    ``rule``, ``reason``  what decided: a stable id, and one line for people
    ``replay``          set when the trust comes from a signature
    ``signed``          whole, part or none: how much of the body a signature claims to cover, good or not
    ``signed_at``, ``content_sha256``  of a signature that a verifier vouches for
    ``outcome``         set when the message ends here
    """

    principal: Principal
    user: User | None
    content: bytes
    rule: str
    reason: str
    content_is_text: bool = False
    charset: str | None = None
    replay: ReplayMark | None = None
    signed: str = "none"
    signed_at: datetime | None = None
    content_sha256: str | None = None
    outcome: Outcome | None = None

    def ended(self, disposition: Disposition, rule: str, reason: str) -> Authenticated:
        """The same findings, with the end that they lead to."""
        return replace(self, rule=rule, reason=reason, outcome=Outcome(disposition, reason, rule))


def authenticate(
    raw: bytes,
    header: Header,
    *,
    arrival: datetime,
    trust: Sequence[str],
    directory: Directory,
    verifier: Verifier | None,
    max_age: timedelta | None = MAX_AGE,
    max_ahead: timedelta = MAX_AHEAD,
) -> Authenticated:
    """The sender of a mail, and how the mail ends where its sender is the reason.

    ``header`` is that of ``raw``; ``arrival`` is when the mail reached the maildrop or the door, aware; ``trust`` are the
    methods that count: ``openpgp``, ``dkim``, ``from``. A signature is fresh when it was made at most ``max_age`` before the
    arrival (None: whenever) and at most ``max_ahead`` after it. What the directory raises goes through.
    """
    unknown = _look_up(raw, header, directory)
    if unknown.outcome or unknown.user is None:
        return unknown
    sender = _by_from(unknown, unknown.user, trust)
    # DKIM, where it is trusted, will stand here: what it proves needs no other signature.
    part = find_signed_part(raw) if "openpgp" in trust else None
    if part is None:
        return sender
    keys = _keys(part, unknown.user, directory)
    part, found = _verify(part, keys, verifier)
    signed = replace(sender, signed="whole" if part.whole else "part")
    if found.finding is not Finding.GOOD:
        return _refused(signed, part, found)
    return _judged(signed, part, found, keys, _untimely(found, arrival, max_age, max_ahead))


def _look_up(raw: bytes, header: Header, directory: Directory) -> Authenticated:
    """The account of the single From address; the database's own failure goes through, it never means "unknown"."""
    author = sole_author(header)
    failpoint("user-lookup")
    user = directory.user_of(author) if author else None
    reason = "From is not exactly one address" if author is None else "the address in From is nobody's"
    found = Authenticated(replace(NOBODY, address=author), user, raw, "unknown-sender", reason)
    if user is not None and not user.active:
        return found.ended(Disposition.DROPPED, "inactive", "the account is not active")
    return found


def _by_from(unknown: Authenticated, user: User, trust: Sequence[str]) -> Authenticated:
    """The sender as far as From alone tells."""
    reason = "the mail is not signed with OpenPGP" if "openpgp" in trust else "signatures do not count for this domain"
    address = unknown.principal.address
    principal = Principal(user.name, address, Trust.WEAK, "from") if "from" in trust else unknown.principal
    return replace(unknown, principal=principal, rule="unsigned", reason=reason)


def _keys(part: SignedPart, user: User, directory: Directory) -> dict[str, RegisteredKey]:
    """The sender's own keys, and the registered ones that the signature names, by fingerprint.

    Without the latter nobody could tell a colleague's key from an unknown one. A key that is registered for several users
    is the sender's own.
    """
    named = [key for issuer in part.issuers for key in directory.keys_named(issuer)]
    return {key.fingerprint: key for key in (*named, *directory.keys_of(user.name))}


def _verify(part: SignedPart, keys: dict[str, RegisteredKey], verifier: Verifier | None) -> tuple[SignedPart, Verification]:
    """What the verifier finds, for the part as it is, then as programs sign it that leave trailing blanks out of account."""
    if verifier is None:
        return part, Verification(Finding.CANNOT_TELL, detail="the verifier is not installed")
    certificates = [key.certificate for key in keys.values()]
    found = verifier.verify(part, certificates)
    stripped = without_trailing_blanks(part) if found.finding is Finding.ALTERED else None
    if stripped is None:
        return part, found
    again = verifier.verify(stripped, certificates)
    return (part, found) if again.finding is Finding.ALTERED else (stripped, again)


def _refused(signed: Authenticated, part: SignedPart, found: Verification) -> Authenticated:
    if found.finding is Finding.CANNOT_TELL:
        reason = f"the check of the signature ({found.detail})"
        return signed.ended(Disposition.DEFERRED, "signature.cannot-tell", reason)
    rule, text = REFUSALS[found.finding]
    key = f" (it names {part.issuers[0]})" if part.issuers else ""
    return signed.ended(Disposition.REJECTED, rule, text.format(key=key, detail=found.detail))


def _untimely(
    found: Verification, arrival: datetime, max_age: timedelta | None, max_ahead: timedelta
) -> tuple[str, str] | None:
    """The rule and the text for a signature that is too old or too new; a limit itself is still accepted."""
    if found.signed_at is None:
        return None
    if max_age is not None and arrival - found.signed_at > max_age:
        return "signature.too-old", TOO_OLD.format(signed_at=found.signed_at, hours=max_age.total_seconds() / 3600)
    if found.signed_at - arrival > max_ahead:
        return "signature.too-new", TOO_NEW.format(signed_at=found.signed_at)
    return None


def _judged(
    signed: Authenticated,
    part: SignedPart,
    found: Verification,
    keys: dict[str, RegisteredKey],
    untimely: tuple[str, str] | None,
) -> Authenticated:
    """What a good signature is worth."""
    key, user = keys.get(found.fingerprint or ""), signed.user
    if key is None or found.signed_at is None or user is None:
        return _refused(
            signed, part, Verification(Finding.CANNOT_TELL, detail="the verifier names a key that it was not given")
        )
    digest = hashlib.sha256(part.content).hexdigest()
    signed = replace(signed, signed_at=found.signed_at, content_sha256=digest)
    if untimely is not None:
        return signed.ended(Disposition.REJECTED, *untimely)
    if key.user != user.name:
        reason = f"signed with the key of another user, {key.user}: {key.fingerprint}"
        return replace(signed, rule="signature.foreign-key", reason=reason)
    if not part.whole:
        return replace(signed, rule="signature.partial", reason=f"only a part of the mail is signed, with {key.fingerprint}")
    return replace(
        signed,
        principal=Principal(key.user, signed.principal.address, Trust.STRONG, "openpgp", key.fingerprint),
        content=part.content,
        content_is_text=part.is_text,
        charset=part.charset,
        rule="signature.good",
        reason=f"signed by {key.user} with {key.fingerprint}",
        replay=ReplayMark(key.fingerprint, found.signed_at, digest),
    )


def permit(authenticated: Authenticated, requires: Trust) -> Outcome | None:
    """None where the sender is trusted enough for a handler that ``requires`` so much, else how the mail ends.

    What has ended in `authenticate` stays ended. A known user is told what mends it; an unknown sender's mail is dropped.
    A user may have asked that nothing counts which is not strong, whatever the handler requires.
    """
    user, trust = authenticated.user, authenticated.principal.trust
    if authenticated.outcome is not None:
        return authenticated.outcome
    if user is None:
        return None if trust >= requires else Outcome(Disposition.DROPPED, authenticated.reason, "unknown-sender")
    if trust < requires:
        lead, rule = "This address takes only mail whose sender is proven, and ", "not-strong-enough"
    elif user.require_strong and trust < Trust.STRONG:
        lead, rule = f"Only signed mail is taken from {authenticated.principal.address or 'you'}, and ", "require-strong"
    else:
        return None
    mends = MENDS.get(authenticated.rule, MENDS["unsigned"])
    forged = " If you did not send this mail, somebody used your address, and you need do nothing."
    return Outcome(Disposition.REJECTED, lead + mends + forged, rule)
