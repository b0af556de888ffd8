"""What authentication answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mailproc.directory import User
from mailproc.outcome import Disposition, Outcome
from mailproc.principal import Principal


@dataclass(frozen=True, slots=True)
class ReplayMark:
    """What must not come a second time for the same recipient: a key, its signing time, and the SHA-256 of what it signed.

    ``key`` is the fingerprint of an OpenPGP key, or ``dkim:`` and the name of the user whom a domain vouches for.
    """

    key: str
    signed_at: datetime
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A sender, with all that was found out about them.

    ``principal``       who it is and how sure we are
    ``user``            the account to which the From address belongs, or None
    ``content``         the verified bytes where an OpenPGP signature made the trust strong, else the mail as received
    ``content_is_text`` whether ``content`` is a plain text in ``charset``, not a MIME entity
    ``rule``, ``reason``  what decided: a stable id, and one line for people
    ``replay``          none of these may have come before: the marks of all signatures that could make the mail strong
    ``signed``          whole, part or none: how much of the body a signature claims to cover, good or not
    ``signed_at``, ``content_sha256``  of a signature that a verifier vouches for; of DKIM the digest of what it always covers
    ``outcome``         set when the message ends here
    """

    principal: Principal
    user: User | None
    content: bytes
    rule: str
    reason: str
    content_is_text: bool = False
    charset: str | None = None
    replay: tuple[ReplayMark, ...] = ()
    signed: str = "none"
    signed_at: datetime | None = None
    content_sha256: str | None = None
    outcome: Outcome | None = None

    def ended(self, disposition: Disposition, rule: str, reason: str) -> Authenticated:
        """The same findings, with the end that they lead to."""
        return replace(self, rule=rule, reason=reason, outcome=Outcome(disposition, reason, rule))
