"""`gateway`: mail to an address with a token is posted in a chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from sqlalchemy.orm import Session

from mailproc import Address, Delivery, Errand, Outcome, Reply, SettingsError, Transient, Trust, handler
from mailproc.gateway.addresses import Entry, find, form_of, name_of, use
from mailproc.gateway.mail import Manner, channel_post, reply_post
from mailproc.gateway.pattern import ChannelAddress, Decoded, Pattern, read_pattern
from mailproc.gateway.posting import Channel, Posting
from mailproc.gateway.rates import Rate, count, read_rates, spent
from mailproc.gateway.redaction import redacted
from mailproc.gateway.targets.target import LONGEST_MESSAGE, Target, make_target
from mailproc.gateway.text.body import NoBody
from mailproc.reading import one_line

# What nobody has written as an answer. A list is not among them: an answer may come through one.
AUTOMATIC = frozenset({"bounce", "report", "auto-reply", "auto-generated", "bulk", "loop"})

BUSY = "Too many mails for this gateway; try again later"


@handler(requires=Trust.NONE)
@dataclass(frozen=True)
class Gateway:
    """Posts mail in a channel of a chat, or as a user's answer in a conversation; the address alone entitles to it.

    ``pattern`` has the form of the addresses, such as "%s@chat.example.org" or "chat+%s@example.org"; ``extra_domains`` are as
    good as its domain. ``realm`` is the name under which the addresses are kept, the domain of the pattern unless given: give
    the old one when that domain changes. ``rates`` bound what the channels take together ("50/60": 50 mails in 60 seconds).
    ``topics`` says whether the "subject" is the topic, or there is an "empty" one. Lengths are in characters. The others are
    of the ``target``.
    """

    pattern: str
    target: Literal["zulip", "webhook"]
    url: str
    email: str | None = None
    api_key_file: Path | None = None
    secret_file: Path | None = None
    ca_file: Path | None = None
    extra_domains: tuple[str, ...] = ()
    realm: str = ""
    rates: tuple[str, ...] = ("50/60", "120/300", "600/3600")
    topics: Literal["subject", "empty"] = "subject"
    topic_length: int = 60
    message_length: int = LONGEST_MESSAGE

    def __post_init__(self) -> None:
        object.__setattr__(self, "realm", self.realm or self.form.domains[0])
        if not 10 <= self.topic_length <= 1000:
            raise ValueError("topic_length: must be 10 to 1000 characters")
        try:
            self._rates, self._target  # noqa: B018 - what cannot be used is said at the start
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @cached_property
    def form(self) -> Pattern:
        """The form of the addresses."""
        return read_pattern(self.pattern, self.extra_domains)

    @cached_property
    def _rates(self) -> tuple[Rate, ...]:
        return read_rates(self.rates)

    @cached_property
    def _target(self) -> Target:
        return make_target(
            self.target,
            self.url,
            email=self.email,
            api_key_file=self.api_key_file,
            secret_file=self.secret_file,
            ca_file=self.ca_file,
            message_length=self.message_length,
        )

    def accepts(self, address: Address, session: Session) -> bool | Reply:
        """Whether there is such an address. Raises `Transient` for one of a channel while the rates leave no room; nothing is
        counted here, but when the mail is taken.
        """
        decoded, now = self.form.decode(address), datetime.now(UTC)
        if decoded is None or self._valid(session, decoded, now) is None:
            return _refusal(decoded)
        if self._spent(session, decoded, now):
            raise Transient(BUSY)
        return True

    def __call__(self, delivery: Delivery) -> Outcome:
        """Have it posted once this is committed; mail over the rates of the channels waits."""
        decoded, now = self.form.decode(delivery.recipient), delivery.now
        if decoded is None:
            return self._refused(delivery, decoded)
        if not isinstance(decoded, ChannelAddress) and delivery.verdict in AUTOMATIC:
            return delivery.drop(f"an automatic mail ({delivery.verdict}) is no answer")
        entry = self._valid(delivery.session, decoded, now)
        if entry is None:
            return self._refused(delivery, decoded)
        if rate := self._spent(delivery.session, decoded, now):
            return delivery.defer(f"the gateway, whose channels take {rate}", reply=Reply(450, "4.7.1", BUSY))
        try:
            post = self._post(delivery, decoded, entry)
        except NoBody as nothing:
            return delivery.drop(str(nothing))
        return self._posted(delivery, decoded, entry, post, now)

    def perform(self, errand: Errand) -> str:
        """Post what a mail said; answers a note for the ledger. Raises `Transient` and `Rejected`."""
        return self._target.carry_out(Posting.of(errand.payload), errand)

    def shown(self, address: Address) -> str:
        """How an address of it is written where people read: without what entitles to post."""
        return redacted(one_line(str(address), 500), self.form, self._form_of)

    def _valid(self, session: Session, decoded: Decoded, now: datetime) -> Entry | None:
        entry = find(session, self.realm, decoded)
        return entry if entry and entry.state(now) == "valid" else None

    def _spent(self, session: Session, decoded: Decoded, now: datetime) -> Rate | None:
        return spent(session, self.realm, self._rates, now) if isinstance(decoded, ChannelAddress) else None

    def _post(self, delivery: Delivery, decoded: Decoded, entry: Entry) -> Posting:
        manner = Manner(self.topics == "subject", self.topic_length, self.message_length)
        if isinstance(decoded, ChannelAddress) and isinstance(entry.to, Channel):
            return channel_post(delivery, entry.to.name, decoded.options, manner)
        return reply_post(delivery, entry.to, entry.user, manner)

    def _posted(self, delivery: Delivery, decoded: Decoded, entry: Entry, post: Posting, now: datetime) -> Outcome:
        """Count it, and send the post; another mail may have had the last use of the address meanwhile."""
        if not use(delivery.session, entry, now):
            return self._refused(delivery, decoded)
        if isinstance(decoded, ChannelAddress):
            count(delivery.session, self.realm, self._rates, now)
        return delivery.handled(_note(post, entry), send=[delivery.intent(post.payload())])

    def _refused(self, delivery: Delivery, decoded: Decoded | None) -> Outcome:
        reply = _refusal(decoded)
        asked = redacted(one_line(str(delivery.recipient), 500), self.form, self._named(delivery.session))
        delivery.log.info("mail to %s is refused", asked)
        return delivery.reject(reply.text, reply=reply, dsn=True)

    def _form_of(self, address: Address) -> str:
        return form_of(self.form.decode(address))

    def _named(self, session: Session) -> Callable[[Address], str]:
        return lambda address: name_of(session, self.form, self.realm, address)


def _refusal(decoded: Decoded | None) -> Reply:
    """What is told of an address: nobody learns whether one was ever valid."""
    reason = "it is none of this gateway's" if decoded is None else "it is not valid, or no longer"
    return Reply(550, "5.1.1", f"Bad destination mailbox address: {reason}")


def _note(post: Posting, entry: Entry) -> str:
    """What the ledger says: where it goes, by which address."""
    where = f"the channel {one_line(post.to.name, 100)}" if isinstance(post.to, Channel) else "a direct conversation"
    return f"for {where} by address {entry.id}"
