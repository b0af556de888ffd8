"""The way of one message, in reading order: screen, route, authenticate, permit, handle.

`examine` goes as far as the handler and answers all that it found, with an `Outcome` when a step has ended the message;
`call` asks the handler, which has the last word. Nothing here writes, commits, fetches, deletes or sends: that is
`mailproc.processing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailproc.address import Address
from mailproc.authenticate import MAX_AGE, Authenticated, DomainTrust, authenticate, permit
from mailproc.defaults import DEFAULT_DROP, DEFAULT_TRUST
from mailproc.delivery import Delivery
from mailproc.directory import Directory, User
from mailproc.envelope import Envelope
from mailproc.failpoints import failpoint
from mailproc.handler import Handler, Traits
from mailproc.openpgp import Verifier
from mailproc.outcome import Disposition, Outcome
from mailproc.reading import Message, sole_author
from mailproc.recipients import POSTMASTER, domain_of
from mailproc.registry import Registry
from mailproc.screening import Screened, Verdict, screen


@dataclass(frozen=True, slots=True)
class Binding:
    """What the operator bound to a domain: a handler, and the policy for its mail.

    ``drop`` are the verdicts that are dropped, ``trust`` the methods of authentication that count.
    """

    name: str
    handler: Handler
    traits: Traits
    drop: tuple[str, ...] = DEFAULT_DROP
    trust: tuple[str, ...] = DEFAULT_TRUST


@dataclass(frozen=True, slots=True)
class Site:
    """What the decisions of one installation rest on.

    ``domain`` is our own (it marks our mail); ``max_size`` in octets; ``max_signature_age`` None means no limit; ``dkim`` None
    means that no domain is trusted; ``postmaster`` serves the recipient ``postmaster``, whom every door takes mail for.
    """

    registry: Registry[Binding]
    directory: Directory
    verifier: Verifier | None
    domain: str
    max_size: int
    max_signature_age: timedelta | None = MAX_AGE
    dkim: DomainTrust | None = None
    postmaster: Binding | None = None

    def serving(self, recipient: str) -> Binding | None:
        """What serves the mail for ``recipient``, or None."""
        return self.postmaster if recipient == POSTMASTER else self.registry.get(domain_of(recipient))


@dataclass(frozen=True, slots=True)
class Examined:
    """What is known of a message before its handler is called.

    ``outcome`` is set when the message has ended already. ``user`` is the one to whom the single From address belongs,
    looked up also for a message that ended early, because an answer depends on it.
    """

    message: Message
    screened: Screened
    author: Address | None = None
    user: User | None = None
    binding: Binding | None = None
    authenticated: Authenticated | None = None
    outcome: Outcome | None = None


class NotAnOutcome(TypeError):
    """A handler returned something else; a forgotten ``return`` must not delete mail quietly."""


def examine(envelope: Envelope, message: Message, *, size: int, arrival: datetime, site: Site) -> Examined:
    """Decide all that can be decided without the handler.

    ``size`` is the message's true size in octets: of a mail that is too big, ``envelope.raw`` is only the beginning.
    ``arrival`` is when it reached the maildrop or the door.
    """
    seen = look(envelope, message, size=size, site=site)
    author = seen.author
    early = _screened_out(seen, size, site.max_size) or _unroutable(seen, envelope.recipient)
    if early is not None:
        return replace(seen, outcome=early, user=site.directory.user_of(author) if author else None)
    return _authenticate(seen, envelope, arrival, site)


def look(envelope: Envelope, message: Message, *, size: int, site: Site) -> Examined:
    """What is known from the bytes of a message alone: nobody is asked, and nothing is decided."""
    failpoint("parse")
    screened = screen(message, reverse_path=envelope.reverse_path, size=size, max_size=site.max_size, our_domain=site.domain)
    return Examined(message, screened, sole_author(message.header), binding=site.serving(envelope.recipient))


def _screened_out(seen: Examined, size: int, max_size: int) -> Outcome | None:
    """What the policy makes of the verdict: the fact is recorded either way."""
    screened = seen.screened
    if screened.verdict is Verdict.UNPARSEABLE:
        return Outcome(Disposition.FAILED, screened.reason, screened.rule)
    if screened.verdict in (seen.binding.drop if seen.binding else DEFAULT_DROP):
        return Outcome(Disposition.DROPPED, screened.reason, screened.rule)
    if screened.verdict is Verdict.TOO_BIG:
        reason = f"The mail is {size / 1e6:.1f} MB long; at most {max_size / 1e6:.1f} MB are accepted."
        return Outcome(Disposition.REJECTED, reason, screened.rule)
    return None


def _unroutable(seen: Examined, recipient: str) -> Outcome | None:
    """Nobody to give the message to: junk without an address is dropped, an unbound domain is our fault."""
    if not recipient:
        return Outcome(Disposition.DROPPED, "the mail names no valid recipient", "route.no-recipient")
    if seen.binding is None:
        return Outcome(Disposition.FAILED, f"no handler is bound to the domain of {recipient}", "route.no-handler")
    return None


def _authenticate(seen: Examined, envelope: Envelope, arrival: datetime, site: Site) -> Examined:
    assert seen.binding is not None  # noqa: S101 - what is unroutable has ended before
    found = who_sent(envelope.raw, seen, arrival, site)
    # The postmaster hears everybody, whatever their account or their signature (RFC 5321 section 4.5.1).
    outcome = None if seen.binding is site.postmaster else found.outcome or permit(found, seen.binding.traits.requires)
    return replace(seen, user=found.user, authenticated=found, outcome=outcome)


def who_sent(raw: bytes, seen: Examined, arrival: datetime, site: Site) -> Authenticated:
    """Who sent a mail, by the methods that count for its domain; by all of them where nobody has bound the domain."""
    return authenticate(
        raw,
        seen.message.header,
        arrival=arrival,
        trust=seen.binding.trust if seen.binding else DEFAULT_TRUST,
        directory=site.directory,
        verifier=site.verifier,
        dkim=site.dkim,
        max_age=site.max_signature_age,
    )


def call(handler: Handler, delivery: Delivery) -> Outcome:
    """Let the handler decide; whatever it raises goes through to the caller, who undoes its writes."""
    outcome: object = handler(delivery)
    if not isinstance(outcome, Outcome):
        raise NotAnOutcome(f"the handler returned {type(outcome).__name__}, not an Outcome")
    return outcome


RULE_IDS: Sequence[str] = ("route.no-recipient", "route.no-handler", "handler")
