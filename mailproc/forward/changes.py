"""What becomes of a mail on its way through a list: its original bytes, with nothing but named fields changed."""

from __future__ import annotations

import enum
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailproc import Transient
from mailproc.dkim.sealing import Seal, sealed
from mailproc.dkim.txt import TextRecords
from mailproc.forward.author import domains_in, in_the_name_of
from mailproc.forward.dmarc import ascii_name, strict
from mailproc.forward.listfields import ListFields, with_list_fields
from mailproc.forward.plaintext import as_plain_text
from mailproc.forward.received import Hop, marked, received
from mailproc.forward.references import repaired
from mailproc.forward.signed import signed_names
from mailproc.rawmail import RawMail
from mailproc.reading import Message

_MOST_AUTHORS = 3  # domains that are looked up

_log = logging.getLogger("mailproc")


class FromPolicy(enum.StrEnum):
    """Whose address From has: the author's, the list's where the author's domain has a strict DMARC policy, or the list's."""

    KEEP = "keep"
    MUNGE_IF_DMARC_STRICT = "munge-if-dmarc-strict"
    MUNGE = "munge"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is changed in a mail for one group of recipients; a `Changes()` changes nothing at all.

    ``list_fields``  the list that the mail says it came through; None for an alias, which leaves no trace but the mark
    ``address``      the address that was written to: the mark against loops, and of From in the name of the list
    ``hop``          what our Received says, None for no such field
    ``from_policy``  whose address From has
    ``plain_text``   whether HTML and files are taken out
    ``references``   whether References that a relay has cut are mended
    ``seal``         by whom the mail is sealed (ARC), None for nobody
    ``txt``          the DNS, which a policy of DMARC and a seal need; without it there are neither
    """

    list_fields: ListFields | None = None
    address: str = ""
    hop: Hop | None = None
    from_policy: FromPolicy = FromPolicy.KEEP
    plain_text: bool = False
    references: bool = False
    seal: Seal | None = None
    txt: TextRecords | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail as it came, read once for all copies of it: ``raw``, ``message``, and ``mail``, of which copies are made."""

    raw: bytes
    message: Message
    mail: RawMail

    @classmethod
    def read(cls, raw: bytes, message: Message) -> Arrived:
        """The mail ``raw``, which is ``message``.

        Its copies have no Return-Path of the delivery to us: the next one writes its own (RFC 5321 section 4.4).
        """
        return cls(raw, message, RawMail.read(raw).without("Return-Path"))


def apply(arrived: Arrived, changes: Changes, now: datetime, recipients: Sequence[str] = ()) -> bytes:
    """A copy of the mail as it goes on to ``recipients``, with CRLF line ends.

    Raises `mailproc.forward.references.BrokenReferences` for a mail that cannot be mended.
    """
    mail, message = arrived.mail, arrived.message
    if changes.references:
        mail = repaired(mail)
    if changes.plain_text:
        mail = as_plain_text(mail, message)
    if _is_munged(message, changes):
        name = changes.list_fields.name if changes.list_fields else changes.address.partition("@")[0]
        mail = in_the_name_of(mail, name, changes.address)
    if changes.list_fields is not None and not message.header.cut:  # nobody knows what is signed in the rest of it
        mail = with_list_fields(mail, changes.list_fields, signed_names(mail))
    if changes.address:
        mail = marked(mail, changes.address)
    if changes.hop is not None:
        mail = mail.on_top("Received", received(changes.hop, recipients, now))
    return _sealed(mail.to_wire(), arrived.raw, changes, now)


def _is_munged(message: Message, changes: Changes) -> bool:
    if changes.from_policy is not FromPolicy.MUNGE_IF_DMARC_STRICT:
        return changes.from_policy is FromPolicy.MUNGE
    if changes.txt is None:
        return False
    domains = domains_in(message.header.all("From"))
    if domains is None or len(domains) > _MOST_AUTHORS or not all(map(ascii_name, domains)):
        return True  # who has been taken for its author by others may be strict, and with the list's From nothing is lost
    return any(strict(domain, changes.txt) for domain in sorted(domains))


def _sealed(raw: bytes, original: bytes, changes: Changes, now: datetime) -> bytes:
    """The mail with our seal, where we have one; without it where nobody can tell now what it would say."""
    if changes.seal is None or changes.txt is None:
        return raw
    try:
        return sealed(raw, original, changes.seal, changes.txt, now)
    except Transient as why:
        _log.warning("the mail goes on without a seal: %s", why)
        return raw
