"""The envelope of a mail that goes on: who hears of failures, and whose failure it is that comes back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mailproc import Address
from mailproc.forward import srs, verp

# What can stand in a path: no angle bracket, and nothing that could end the command (RFC 5321 section 4.1.2).
_PATH = re.compile(r"[^\x00-\x1f\x7f-\x9f<>@]{1,64}@[^\x00-\x20\x7f-\x9f<>@]{1,253}")


@dataclass(frozen=True, slots=True)
class EnvelopePolicy:
    """Which reverse path a mail goes on with.

    ``kind``        ``keep``: the sender's own, so that he hears of failures, though SPF of his domain may not fit any more;
                    ``fixed``: ``bounces``, so that we hear of them; ``srs``: one of ours that leads back to the sender
    ``bounces``     where failures come in
    ``verp``        whether each recipient has a path of its own below ``bounces``, which says whose failure it is
    ``srs_secret``  the key with which we know our own paths, of both kinds
    ``srs_domain``  the domain of the paths of ``srs``

    Raises ValueError, which names the key, for what cannot be.
    """

    kind: Literal["keep", "fixed", "srs"]
    bounces: Address | None
    verp: bool
    srs_secret: str | None
    srs_domain: str

    def __post_init__(self) -> None:
        if self.kind not in ("keep", "fixed", "srs"):
            raise ValueError(f"envelope_from: {self.kind!r} is none of keep, fixed, srs")
        if self.kind == "fixed" and self.bounces is None:
            raise ValueError("envelope_from: fixed needs the address where failures come in")
        if self.verp and self.kind != "fixed":
            raise ValueError(f"verp: is a way of fixed, and envelope_from is {self.kind}")
        if (self.verp or self.kind == "srs") and not self.srs_secret:
            raise ValueError(f"{'verp' if self.verp else 'envelope_from: srs'} needs a secret")
        if self.kind == "srs" and not self.srs_domain:
            raise ValueError("envelope_from: srs needs a domain")
        if self.kind == "srs" and not srs.installed():
            raise ValueError("envelope_from: srs needs an extra; pip install 'mailproc[forward]'")


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
    policy: EnvelopePolicy, incoming: str | None, recipients: Sequence[str]
) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Which reverse path each of ``recipients`` (``local@domain``) gets the mail with: pairs of a path and its recipients.

    ``incoming`` is the path that the mail came with; "" is the null path and stays it, because a notification of a failure
    must cause none (RFC 5321 section 6.1). Of a mail whose path is not known (None) nobody hears, but who is fixed.
    """
    if incoming == "" or not recipients:
        return [("", tuple(recipients))] if recipients else []
    if not policy.verp:
        return [(_path(policy, incoming), tuple(recipients))]
    assert policy.bounces is not None and policy.srs_secret is not None  # noqa: S101 - __post_init__ has seen to it
    sorted_out: dict[str, list[str]] = {}
    for recipient in dict.fromkeys(recipients):
        own = verp.path_for(recipient, policy.bounces, policy.srs_secret)
        sorted_out.setdefault(own or str(policy.bounces), []).append(recipient)
    return [(path, tuple(whose)) for path, whose in sorted_out.items()]


def has_own_path(policy: EnvelopePolicy, recipient: str) -> bool:
    """Whether failures of mail to ``recipient`` come to a path that says so (verp), and to no other."""
    if not policy.verp or policy.bounces is None or policy.srs_secret is None:
        return False
    return verp.path_for(recipient, policy.bounces, policy.srs_secret) is not None


def bounced(recipient: Address, policy: EnvelopePolicy) -> BouncePath | None:
    """What ``recipient`` says when mail is returned to it; None when it is no address for that.

    Paths of a kind that is not in use any more are known as long as the secret is: mail comes back for days.
    """
    if policy.srs_secret and recipient.domain == policy.srs_domain.lower() and srs.LOOKS.match(recipient.local):
        return _of_srs(recipient, policy.srs_secret)
    if policy.bounces is None or recipient.domain != policy.bounces.domain:
        return None
    if recipient.local.lower() == policy.bounces.local.lower():
        return BouncePath("fixed")
    ours = policy.bounces.local.lower() + "+"
    if not recipient.local.lower().startswith(ours) or not policy.srs_secret:
        return None
    whose = verp.recipient_of(recipient.local[len(ours) :], policy.bounces, policy.srs_secret)
    return BouncePath("verp", whose) if whose else BouncePath("verp", None, "it is none that we have made lately")


def _path(policy: EnvelopePolicy, incoming: str | None) -> str:
    """The one path for all: "" where there is none that a failure could be told to."""
    if policy.kind == "fixed":
        return str(policy.bounces)
    if incoming is None or not _PATH.fullmatch(incoming):
        return ""
    if policy.kind == "keep" or Address.parse(incoming).domain == policy.srs_domain.lower():
        return incoming  # SPF of our own domain fits
    assert policy.srs_secret is not None  # noqa: S101 - __post_init__ has seen to it
    return srs.rewritten(incoming, policy.srs_domain, policy.srs_secret) or str(policy.bounces or "")


def _of_srs(recipient: Address, secret: str) -> BouncePath:
    if not srs.installed():
        return BouncePath("srs", None, "srslib is not installed; pip install 'mailproc[forward]'")
    try:
        return BouncePath("srs", srs.original(recipient, secret))
    except srs.NotOurs as error:
        return BouncePath("srs", None, str(error))
