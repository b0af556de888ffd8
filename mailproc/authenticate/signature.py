"""What an OpenPGP signature is worth: only the sender's own key over the whole body makes the trust strong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mailproc.authenticate.authenticated import Authenticated, ReplayMark
from mailproc.authenticate.freshness import Timeliness, Window
from mailproc.authenticate.remedies import FORGED, REFUSALS, TOO_NEW, TOO_OLD
from mailproc.directory import Directory, RegisteredKey, User
from mailproc.openpgp import Finding, SignedPart, Verification, Verifier
from mailproc.openpgp.signature import stated_time
from mailproc.openpgp.signed import find_signed_part, without_trailing_blanks
from mailproc.outcome import Disposition
from mailproc.principal import Principal, Trust

RULE_IDS: Sequence[str] = (
    "signature.good",
    "signature.partial",
    "signature.foreign-key",
    *(rule for rule, _ in REFUSALS.values()),
    "signature.too-old",
    "signature.too-new",
    "signature.cannot-tell",
    "signature.disagreement",
)


def prove_by_signature(sender: Authenticated, window: Window, directory: Directory, verifier: Verifier | None) -> Authenticated:
    """What the signature on the mail says of the sender; ``sender`` as it is where there is none."""
    part = find_signed_part(sender.content)
    if part is None or sender.user is None:
        return sender
    named = [key for issuer in part.issuers for key in directory.keys_named(issuer)]
    keys = _keys(named, sender.user, directory)
    part, found = _verify(part, keys, verifier)
    signed = replace(sender, signed="whole" if part.whole else "part")
    if found.finding is not Finding.GOOD:
        names = (*(key.fingerprint for key in named), *part.issuers)
        return _refused(signed, names, found, window)
    return _judged(signed, part, found, keys, window)


def marks_of_signature(content: bytes, user: User, directory: Directory) -> tuple[ReplayMark, ...]:
    """What an OpenPGP signature on ``content`` by one of the user's keys would be remembered by; it is not verified.

    A mail that DKIM has proven may hold one, too. Without its DKIM signature it must not count for a second time.
    """
    part = find_signed_part(content)
    signed_at = stated_time(part.signature) if part else None
    if part is None or signed_at is None:
        return ()
    stripped = without_trailing_blanks(part)
    digests = {hashlib.sha256(each.content).hexdigest() for each in (part, stripped) if each}
    keys = directory.keys_of(user.name)
    return tuple(ReplayMark(key.fingerprint, signed_at, digest) for key in keys for digest in sorted(digests))


def _keys(named: Sequence[RegisteredKey], user: User, directory: Directory) -> dict[str, RegisteredKey]:
    """The sender's own keys, and the registered ones that the signature names, by fingerprint.

    Without the latter nobody could tell a colleague's key from an unknown one. A key that is registered for several users
    is the sender's own.
    """
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


def _refused(signed: Authenticated, names: Sequence[str], found: Verification, window: Window) -> Authenticated:
    """How a mail ends whose signature is not good; ``names`` are those of the key, the primary fingerprint first if known."""
    if found.finding is Finding.CANNOT_TELL:
        # Some verifiers do not look at a signature before its time has come; what we say of its time needs no verifier.
        untimely = _untimely(found.signed_at, window) if found.signed_at else None
        if untimely:
            return signed.ended(Disposition.REJECTED, *untimely)
        reason = f"the check of the signature ({found.detail})"
        return signed.ended(Disposition.DEFERRED, "signature.cannot-tell", reason)
    if found.finding is Finding.DISAGREEMENT:
        reason = f"the verifiers of signatures do not agree: {found.detail}"
        return signed.ended(Disposition.FAILED, "signature.disagreement", reason)
    rule, text = REFUSALS[found.finding]
    told = text.format(key=" ".join(names), detail=found.detail)
    return replace(signed.ended(Disposition.REJECTED, rule, f"{told}\n\n{FORGED}"), reason=found.detail or rule)


def _judged(
    signed: Authenticated, part: SignedPart, found: Verification, keys: dict[str, RegisteredKey], window: Window
) -> Authenticated:
    """What a good signature is worth."""
    key, user = keys.get(found.fingerprint or ""), signed.user
    if key is None or found.signed_at is None or user is None:
        unknown = Verification(Finding.CANNOT_TELL, detail="the verifier names a key that it was not given")
        return _refused(signed, (), unknown, window)
    digest = hashlib.sha256(part.content).hexdigest()
    signed = replace(signed, signed_at=found.signed_at, content_sha256=digest)
    untimely = _untimely(found.signed_at, window)
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
        replay=(ReplayMark(key.fingerprint, found.signed_at, digest),),
    )


def _untimely(signed_at: datetime, window: Window) -> tuple[str, str] | None:
    """The rule and the text for a signature that is too old or too new."""
    timeliness = window.judge(signed_at)
    if timeliness is Timeliness.TOO_OLD and window.max_age is not None:
        hours = window.max_age.total_seconds() / 3600
        return "signature.too-old", f"{TOO_OLD.format(signed_at=signed_at, hours=hours)}\n\n{FORGED}"
    if timeliness is Timeliness.TOO_NEW:
        return "signature.too-new", f"{TOO_NEW.format(signed_at=signed_at)}\n\n{FORGED}"
    return None
