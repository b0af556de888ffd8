"""The copy of a mail that a group gets: what the operator's options make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from mailproc import Address, Delivery
from mailproc.dkim.sealing import Seal
from mailproc.dkim.txt import TextRecords
from mailproc.forward.changes import Changes, FromPolicy, apply
from mailproc.forward.listfields import ListFields
from mailproc.forward.received import Hop
from mailproc.forward.resolver import Group
from mailproc.rawmail import RawMail

_PROTOCOLS = {"smtp": "SMTP", "lmtp": "LMTP"}
_SAMPLE = Group("list", Address("list", "example.org"), (), is_list=True, owner="owner@example.org")


@dataclass(frozen=True, slots=True)
class Copying:
    """How copies are made.

    ``hostname`` is our name in Received. ``sender`` is the address in Sender of a list's mail, "" for no such field. ``help``,
    ``subscribe`` and ``unsubscribe`` are URLs, in which ``{list}`` is the name of the list; where there is none a mail to the
    list's owner does it. The others are those of `Changes`. Raises ValueError for what cannot stand in its field.
    """

    hostname: str
    txt: TextRecords
    sender: str = ""
    help: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    one_click: bool = False
    from_policy: FromPolicy = FromPolicy.KEEP
    plain_text: bool = False
    references: bool = False
    seal: Seal | None = None

    def __post_init__(self) -> None:
        Hop(self.hostname, "0")
        self._fields(_SAMPLE)

    def copy(self, delivery: Delivery, group: Group, recipients: Sequence[str], now: datetime) -> bytes:
        """The mail as it goes on to these recipients of a group; raises `BrokenReferences` for one that cannot be mended."""
        changes = Changes(
            list_fields=self._fields(group) if group.is_list else None,
            address=str(group.address),
            hop=self._hop(delivery),
            from_policy=self.from_policy,
            plain_text=self.plain_text,
            references=self.references,
            seal=self.seal,
            txt=self.txt,
        )
        return _applied(delivery, changes, recipients, now)

    def unchanged(self, delivery: Delivery, recipient: Address, now: datetime) -> bytes:
        """The mail as it is, with our Received on top."""
        return _applied(delivery, Changes(hop=self._hop(delivery)), [str(recipient)], now)

    def _hop(self, delivery: Delivery) -> Hop:
        return Hop(self.hostname, delivery.id, _PROTOCOLS.get(delivery.entrance, ""))

    def _fields(self, group: Group) -> ListFields:
        return ListFields(
            name=group.description or group.name,
            address=str(group.address),
            help=_urls(self.help, group, "help"),
            subscribe=_urls(self.subscribe, group, "subscribe"),
            unsubscribe=_urls(self.unsubscribe, group, "unsubscribe"),
            owner=group.owner,
            sender=self.sender,
            posting=group.posters is None or group.posters != {group.owner.lower()},
            one_click=self.one_click,
            others=(("List-Name", group.name),),
        )


def _applied(delivery: Delivery, changes: Changes, recipients: Sequence[str], now: datetime) -> bytes:
    """The changed mail, without the Return-Path of the delivery to us: the next one writes its own (RFC 5321 section 4.4)."""
    raw = RawMail.read(delivery.raw).without("Return-Path").to_bytes()
    return apply(raw, delivery.message, changes, now, recipients)


def _urls(patterns: Sequence[str], group: Group, command: str) -> tuple[str, ...]:
    name = quote(group.name, safe="")
    if patterns:
        return tuple(pattern.replace("{list}", name) for pattern in patterns)
    return (f"mailto:{quote(group.owner, safe='@+')}?subject={command}%20{name}",) if group.owner else ()
