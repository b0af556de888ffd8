"""The copy of a mail that a group gets: what the operator's options make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mailproc import Address, Delivery
from mailproc.dkim.sealing import Seal
from mailproc.dkim.txt import TextRecords
from mailproc.forward.changes import Arrived, Changes, FromPolicy, apply
from mailproc.forward.listfields import ListFields
from mailproc.forward.received import Hop, hop_of
from mailproc.forward.resolver import Group

_SAMPLE = Group("list", Address("list", "example.org"), (), is_list=True, owner="owner@example.org")


@dataclass(frozen=True, slots=True)
class Copying:
    """How copies are made.

    ``hostname`` is our name in Received. ``sender`` is the address in Sender of a list's mail, "" for no such field. ``help``,
    ``subscribe`` and ``unsubscribe`` are URLs, in which ``{list}`` is the name of the list; where there is none a mail to the
    list's owner does it. The others are those of `Changes`. Raises ValueError, which names the option of the handler, for what
    cannot stand in its field.
    """

    hostname: str
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
        try:
            Hop(self.hostname, "0")
        except ValueError:
            raise ValueError(f"hostname: {self.hostname!a} cannot be a name; write it like mx.example.org") from None
        try:
            self._fields(_SAMPLE)
        except ValueError as error:  # of the sample all is sound but the URLs
            raise ValueError(f"list_{error}") from None

    def copy(
        self, delivery: Delivery, arrived: Arrived, group: Group, recipients: Sequence[str], txt: TextRecords | None = None
    ) -> bytes:
        """The mail as it goes on to these recipients of a group; raises `BrokenReferences` for one that cannot be mended."""
        changes = Changes(
            list_fields=self._fields(group) if group.is_list else None,
            address=str(group.address),
            hop=hop_of(delivery, self.hostname),
            from_policy=self.from_policy,
            plain_text=self.plain_text,
            references=self.references,
            seal=self.seal,
            txt=txt,
        )
        return apply(arrived, changes, delivery.now, recipients)

    def unchanged(self, delivery: Delivery, recipient: Address) -> bytes:
        """The mail as it is, with our Received on top."""
        arrived = Arrived.read(delivery.raw, delivery.message)
        return apply(arrived, Changes(hop=hop_of(delivery, self.hostname)), delivery.now, [str(recipient)])

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


def _urls(patterns: Sequence[str], group: Group, command: str) -> tuple[str, ...]:
    name = quote(group.name, safe="")
    if patterns:
        return tuple(pattern.replace("{list}", name) for pattern in patterns)
    return (f"mailto:{quote(group.owner, safe='@+')}?subject={command}%20{name}",) if group.owner else ()
