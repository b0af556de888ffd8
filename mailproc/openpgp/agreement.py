"""Two verifiers that must agree: a fault of one of them then lets nobody in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailproc.openpgp import Finding, SignedPart, Verification, Verifier


@dataclass(frozen=True, slots=True)
class Both:
    """Asks two verifiers, one after the other; usable from several threads at once when they are.

    Where both find the same, for a good signature also the same key and time, that is the finding. Where one cannot tell,
    nobody can. Anything else is DISAGREEMENT: one of them is wrong, and nobody knows which.
    """

    first: Verifier
    second: Verifier

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """Answer for the one signature of ``part``; never raises where neither of the two does."""
        first = self.first.verify(part, certificates)
        second = self.second.verify(part, certificates)
        doubtful = next((each for each in (first, second) if each.finding is Finding.CANNOT_TELL), None)
        if doubtful:
            return doubtful
        if _stated(first) == _stated(second):
            return first
        detail = f"{_named(self.first)} finds {_described(first)}, {_named(self.second)} finds {_described(second)}"
        return Verification(Finding.DISAGREEMENT, detail=detail)


def _stated(found: Verification) -> tuple[object, ...]:
    """What must be the same; the details are each verifier's own words."""
    if found.finding is not Finding.GOOD or found.signed_at is None:
        return (found.finding,)
    return found.finding, found.fingerprint, int(found.signed_at.timestamp())


def _named(verifier: Verifier) -> str:
    return type(verifier).__name__


def _described(found: Verification) -> str:
    if found.finding is not Finding.GOOD or found.signed_at is None:
        return f"{found.finding} ({found.detail})"
    return f"{found.finding} ({found.fingerprint} at {found.signed_at:%Y-%m-%dT%H:%M:%SZ})"
