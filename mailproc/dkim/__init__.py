"""DKIM signatures on mail (RFC 6376): which domain answers for a mail, as far as that can be proven.

A `DomainVerifier` answers with facts; what they mean for a message is decided in `mailproc.authenticate`.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mailproc.reading import Header


class DomainFinding(enum.StrEnum):
    """What was found out about one DKIM signature.

    pass   it fits, and it is one that we rely on: the whole body, the fields that a reader sees, a key that is strong enough
    fail   it does not fit, its key is gone, or it is one that proves too little; the mail counts as unsigned
    away   DNS did not answer: nobody can tell now
    """

    PASS = "pass"  # noqa: S105 - the word of RFC 8601 section 2.7.1
    FAIL = "fail"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class DomainVerification:
    """A finding about the signature of one domain.

    ``domain`` is the signing domain (``d=``), lower-case. ``signed_at`` is the time that the signature itself states (``t=``),
    None when it states none. ``detail`` is one line for a person. ``covered_sha256`` is set for PASS: the SHA-256, in hex, of
    what every signature that passes covers, so that it is the same for each of them and for each copy of the mail.
    """

    finding: DomainFinding
    domain: str
    signed_at: datetime | None = None
    detail: str = ""
    covered_sha256: str = ""


class DomainVerifier(Protocol):
    """Finds out about the DKIM signatures of a mail."""

    def verify(
        self, raw: bytes, header: Header, domains: Collection[str], *, arrival: datetime
    ) -> Sequence[DomainVerification]:
        """Answer for signatures of ``domains`` (lower-case), the topmost first, at most five; nothing where there is none.

        ``header`` is that of ``raw``; ``arrival`` is when the mail reached us, aware: an expiry (``x=``) is compared with it.
        It never raises: what it cannot ask is the finding AWAY, what it cannot read FAIL.
        """
