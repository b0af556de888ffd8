"""What a handler gets: one authenticated message for one recipient, and the words with which to end it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mailproc.address import Address
from mailproc.outcome import Disposition, Forward, Intent, Mail, Outcome, Sendable
from mailproc.principal import Principal
from mailproc.reply import Reply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc.reading import Message  # cron imports this every minute, and mostly there is no mail to read


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one recipient.

    ``message``      the mail decoded from ``content`` alone: ``text``, ``html``, ``attachments``; its ``subject`` and
                     ``date`` come from the header of the mail, which OpenPGP does not sign
    ``content``      the verified bytes when the sender's signature covers the whole body, else the whole mail
    ``raw``          the mail as received
    ``recipient``    the address that it was sent to
    ``reverse_path`` the address in the envelope to which failures are told, not verified: "" is the null path, None an unknown
                     one, as of mail from most maildrops (RFC 5321 section 4.4)
    ``entrance``     how it came: ``smtp``, ``lmtp``, ``pipe``, ``file`` or ``maildrop``
    ``verdict``      what screening took it for: ``human``, ``bounce``, ``list`` and so on
    ``sender``       who sent it and how sure we are; always there
    ``session``      a database session; what is written through it commits together with the outcome, or not at all
    ``id``           stable over every attempt: use it as the key of an effect elsewhere
    ``attempt``      1 for the first start, 2 after a start that ended without an outcome
    ``now``          the time, aware; in a test it is that of the `PostOffice`
    ``archive_url``  where the raw mail is kept
    ``log``          a logger whose records carry the id
    """

    message: Message
    content: bytes
    raw: bytes
    recipient: Address
    reverse_path: str | None
    entrance: str
    verdict: str
    sender: Principal
    session: Session
    id: str
    attempt: int
    now: datetime
    archive_url: str
    log: logging.LoggerAdapter[logging.Logger]

    def handled(self, note: str = "", *, send: Iterable[Sendable] = (), report: bool = False) -> Outcome:
        """The work is done; ``note`` goes into the ledger, ``send`` into the outbox in the same commit.

        ``report`` has the administrator's report tell of it, in the words of ``note``.
        """
        return Outcome(Disposition.HANDLED, note, send=tuple(send), report=report)

    def drop(self, reason: str) -> Outcome:
        """There is nothing to do; nobody is told."""
        return Outcome(Disposition.DROPPED, reason, rule="handler")

    def reject(
        self, reason: str, *, failing_commands: Iterable[str] = (), reply: Reply | None = None, dsn: bool = False
    ) -> Outcome:
        """The sender's mistake; ``reason`` is told to the sender, with the commands that failed.

        ``reply`` is what a client that waits at a door is told in place of the usual ``554``; its code is a 5yz. With ``dsn``
        the mail that tells it elsewhere is a delivery status notification (RFC 3464): as for an address that there is not.
        """
        commands = tuple(failing_commands)
        return Outcome(Disposition.REJECTED, reason, rule="handler", failing_commands=commands, reply=reply, dsn=dsn)

    def defer(self, reason: str, *, reply: Reply | None = None) -> Outcome:
        """Something needed is away; the message is tried again later, for up to 4 days.

        ``reason`` is a noun phrase, such as "the wiki": in the end it is told as "still waiting for {reason}".
        ``reply`` is what a client that waits at a door is told in place of the usual ``451``; its code is a 4yz.
        """
        return Outcome(Disposition.DEFERRED, reason, rule="handler", reply=reply)

    def mail(self, to: str, subject: str, text: str) -> Mail:
        """A mail to somebody else, ``local@domain``, for ``send``; failures to deliver it come back to our From address."""
        return Mail(Address.parse(to), subject, text)

    def forward(self, raw: bytes, recipients: Iterable[str], *, reverse_path: str, tells_sender: bool = False) -> Forward:
        """A mail that goes on as it is, for ``send``: the bytes ``raw``, once to each of ``recipients``.

        ``reverse_path`` is who hears of failures, "" for nobody. ``tells_sender`` has the sender told of the recipients that
        the relay refuses for good (RFC 3464), where an answer is allowed. Raises ValueError without a recipient.
        """
        return Forward(raw, tuple(recipients), reverse_path, tells_sender)

    def intent(self, payload: Mapping[str, object], *, key: str = "") -> Intent:
        """Something to be done elsewhere after the commit, for ``send``: the handler's ``perform`` is called with it.

        ``payload`` is what JSON can hold; ``key`` tells several intents of one message apart. Raises TypeError for what is no
        JSON.
        """
        return Intent(payload, key)

    def reply(self, text: str, *, subject: str | None = None) -> Mail:
        """An answer to the sender, for ``send``; ``subject`` is ``Re:`` and the mail's own unless given.

        It goes out only where an answer is allowed: to the single From address of an active user, never to a
        machine, at most 20 an hour (RFC 3834 section 2).
        """
        return Mail(self.sender.address, subject, text, answer=True)
