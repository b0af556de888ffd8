"""OpenPGP signatures on mail: the part that is signed, and what a verifier found.

A `Verifier` answers with a fact; what the fact means for a message is decided in `mailproc.authenticate`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Finding(enum.StrEnum):
    """What a verifier found out about a signature."""

    GOOD = "good"
    UNKNOWN_KEY = "unknown-key"
    ALTERED = "altered"
    EXPIRED_KEY = "expired-key"
    REVOKED_KEY = "revoked-key"
    EXPIRED_SIGNATURE = "expired-signature"
    WEAK_DIGEST = "weak-digest"
    WEAK_KEY = "weak-key"
    SEVERAL_SIGNATURES = "several-signatures"
    CANNOT_TELL = "cannot-tell"
    DISAGREEMENT = "disagreement"


@dataclass(frozen=True, slots=True)
class SignedPart:
    """The signed part of a mail, cut from its raw bytes.

    ``content`` is exactly what the signature is computed over, line ends CRLF: for PGP/MIME (RFC 3156 section 5) the first
    part with its header; for a clear-signed text (RFC 9580 section 7) the text with the dash escapes undone, without
    trailing blanks and without the last line end, which the signature does not cover. ``is_text`` tells the two apart, and
    ``charset`` is that of the part where a clear-signed text stood.

    ``signature`` is the signature packets, binary, and ``signatures`` their number: 0 where they cannot be read. ``whole``
    says that nothing of the mail's body stands outside of the signed part. ``issuers`` are the upper-case hex fingerprints
    or 16-digit key ids that the signature packets name; they are only a hint at which keys to try.
    """

    content: bytes
    signature: bytes
    signatures: int
    whole: bool
    issuers: tuple[str, ...]
    is_text: bool = False
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """A finding with its facts.

    ``fingerprint`` is the primary key's, upper-case hex, None unless the verifier vouches for it. ``signed_at`` is the time
    that the signature itself states. ``detail`` is one line for a person. What was verified is the part's ``content``.
    """

    finding: Finding
    fingerprint: str | None = None
    signed_at: datetime | None = None
    detail: str = ""


class Verifier(Protocol):
    """Checks one signed part against the given certificates and nothing else."""

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """Answer for the signature of ``part``; ``certificates`` are binary OpenPGP certificates.

        It never raises: what hinders the verifier is the finding CANNOT_TELL.
        """
