"""The reverse path of a mail that goes on: who hears of failures, and whose failure it is that comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mailproc import Address, MissingProgram
from mailproc.forward.bounces import srs, verp
from mailproc.forward.paths import is_domain, is_path


@dataclass(frozen=True, slots=True)
class ReversePaths:
    """Which reverse path a mail goes on with.

    ``kind``     ``keep``: the sender's own, so that he hears of failures, though SPF of his domain may not fit any more;
                 ``fixed``: ``bounces``, so that we hear of them; ``srs``: one of ours that leads back to the sender
    ``bounces``  where failures come in
    ``verp``     whether each recipient has a path of its own below ``bounces``, which says whose failure it is
    ``secret``   the key with which we know our own paths, of both kinds
    ``domain``   the domain of the paths of ``srs``, "" for none

    Raises ValueError, which names the option of the handler, for what cannot be, and `MissingProgram` where ``srs`` lacks its
    library.
    """

    kind: Literal["keep", "fixed", "srs"]
    bounces: Address | None
    verp: bool
    secret: str | None
    domain: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", self.domain.lower())
        if self.kind not in ("keep", "fixed", "srs"):
            raise ValueError(f"envelope_from: {self.kind!r} is none of keep, fixed, srs")
        if self.kind == "fixed" and self.bounces is None:
            raise ValueError("bounces: envelope_from = fixed needs the address where failures come in; give it")
        if self.verp and self.kind != "fixed":
            raise ValueError(f"verp: is a way of fixed, and envelope_from is {self.kind}")
        if self.verp and self.bounces is not None and not verp.serves(self.bounces):
            raise ValueError("verp: bounces is so long that no recipient has a path of his own; shorten it")
        if (self.verp or self.kind == "srs") and not self.secret:
            raise ValueError(f"secret_file: {'verp' if self.verp else 'envelope_from = srs'} needs a secret; give it")
        if self.kind == "srs" and not self.domain:
            raise ValueError("srs_domain: envelope_from = srs needs a domain; give it, or bounces")
        if self.domain and not is_domain(self.domain):
            raise ValueError(f"srs_domain: {self.domain[:80]!a} is not a domain; write it like lists.example.org")
        if self.kind == "srs" and not srs.installed():
            raise MissingProgram(srs.MISSING)


@dataclass(frozen=True, slots=True)
class BouncePath:
    """What an address of ours to which mail is returned says.

    ``kind``       ``fixed``: it says nothing of whose failure it is; ``verp`` and ``srs``: ``address`` says it
    ``address``    the recipient whom we could not reach (verp), or the sender to whom it is to be passed on (srs); None where
                   it is not to be believed
    ``objection``  why it is not, "" where it is
    """

    kind: Literal["fixed", "verp", "srs"]
    address: Address | None = None
    objection: str = ""


def reverse_paths(
    policy: ReversePaths, incoming: str | None, recipients: Sequence[str], now: datetime
) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Which reverse path each of ``recipients`` (``local@domain``) gets the mail with: pairs of a path and its recipients.

    ``incoming`` is the path that the mail came with; "" is the null path and stays it, because a notification of a failure
    must cause none (RFC 5321 section 6.1). Of a mail whose path is not known (None) nobody hears, but who is fixed.
    """
    if incoming == "" or not recipients:
        return [("", tuple(recipients))] if recipients else []
    if not policy.verp:
        return [(_path(policy, incoming), tuple(recipients))]
    assert policy.bounces is not None and policy.secret is not None  # noqa: S101 - __post_init__ has seen to it
    sorted_out: dict[str, list[str]] = {}
    for recipient in dict.fromkeys(recipients):
        own = verp.path_for(recipient, policy.bounces, policy.secret, now)
        sorted_out.setdefault(own or str(policy.bounces), []).append(recipient)
    return [(path, tuple(whose)) for path, whose in sorted_out.items()]


def has_own_path(policy: ReversePaths, recipient: str) -> bool:
    """Whether failures of mail to ``recipient`` come to a path that says so (verp), and to no other."""
    return policy.verp and policy.bounces is not None and verp.has_path(recipient, policy.bounces)


def bounced(recipient: Address, policy: ReversePaths, now: datetime) -> BouncePath | None:
    """What ``recipient`` says when mail is returned to it; None when it is no address for that.

    Paths of a kind that is not in use any more are known as long as the secret is: mail comes back for days.
    """
    if policy.secret and recipient.domain == policy.domain and srs.LOOKS.match(recipient.local):
        return _of_srs(recipient, policy.secret)
    if policy.bounces is None or recipient.domain != policy.bounces.domain:
        return None
    if recipient.local.lower() == policy.bounces.local.lower():
        return BouncePath("fixed")
    ours = policy.bounces.local.lower() + "+"
    if not recipient.local.lower().startswith(ours) or not policy.secret:
        return None
    whose = verp.recipient_of(recipient.local[len(ours) :], policy.bounces, policy.secret, now)
    return BouncePath("verp", whose) if whose else BouncePath("verp", None, "it is none that we have made lately")


def _path(policy: ReversePaths, incoming: str | None) -> str:
    """The one path for all: "" where there is none that a failure could be told to."""
    if policy.kind == "fixed":
        return str(policy.bounces)
    if incoming is None or not is_path(incoming):
        return ""
    if policy.kind == "keep" or Address.parse(incoming).domain == policy.domain:
        return incoming  # SPF of our own domain fits
    assert policy.secret is not None  # noqa: S101 - __post_init__ has seen to it
    return srs.rewritten(incoming, policy.domain, policy.secret) or str(policy.bounces or "")


def _of_srs(recipient: Address, secret: str) -> BouncePath:
    if not srs.installed():
        return BouncePath("srs", None, srs.MISSING)
    try:
        return BouncePath("srs", srs.original(recipient, secret))
    except srs.NotOurs as error:
        return BouncePath("srs", None, str(error))
