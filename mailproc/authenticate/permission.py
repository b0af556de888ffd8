"""Whether a sender is trusted enough for a handler."""

from __future__ import annotations

from collections.abc import Sequence

from mailproc.authenticate.authenticated import Authenticated
from mailproc.authenticate.remedies import FORGED, MENDS
from mailproc.outcome import Disposition, Outcome
from mailproc.principal import Trust

RULE_IDS: Sequence[str] = ("require-strong", "not-strong-enough")


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
        lead, rule = f"Only signed mail is taken from {authenticated.principal.address}, and ", "require-strong"
    else:
        return None
    return Outcome(Disposition.REJECTED, f"{lead}{MENDS[authenticated.rule]} {FORGED}", rule)
