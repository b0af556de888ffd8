"""The fields by which a mailing list makes itself known (RFC 2369, RFC 2919, RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailproc.forward.paths import is_address
from mailproc.rawmail import RawMail, phrase
from mailproc.reading import one_line

_LONGEST_NAME = 120  # characters; RFC 2919 section 2 would have the whole value below 255
_URL = re.compile(r"(?:https?|mailto|ftp):[!-;=?-~]{1,900}")
_LIST_ID = re.compile(r"[A-Za-z0-9_~!#$%&'*+/=?^`{|}-]+(?:\.[A-Za-z0-9_~!#$%&'*+/=?^`{|}-]+)+")


@dataclass(frozen=True, slots=True)
class ListFields:
    """What a mail tells of the list that it came through.

    ``name``            what people call the list
    ``address``         where it is written to, ``local@domain``; ``local.domain`` is its List-Id (RFC 2919)
    ``help``, ``subscribe``, ``unsubscribe``  URLs, ``https:`` or ``mailto:``, the preferred first; none leaves the field out
    ``owner``           the address of who runs it
    ``sender``          the value of Sender, mostly the envelope's
    ``posting``         whether List-Post names the address, or says that nobody may write (``NO``)
    ``one_click``       whether an ``https:`` URL in ``unsubscribe`` takes the POST of RFC 8058
    ``others``          further fields, name and value, such as List-Name

    Raises ValueError for what cannot stand in its field.
    """

    name: str
    address: str
    help: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    owner: str = ""
    sender: str = ""
    posting: bool = True
    one_click: bool = True
    others: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in ("address", "owner", "sender"):
            value: str = getattr(self, name)
            if not is_address(value) and (value or name == "address"):
                raise ValueError(f"{name}: {value!a} is no address; write it like notes@lists.example.org")
        for name in ("help", "subscribe", "unsubscribe"):
            for url in getattr(self, name):
                if not _URL.fullmatch(url):
                    raise ValueError(f"{name}: {url!a} is no URL; write it like https://example.org/x or mailto:x@example.org")
        if not _LIST_ID.fullmatch(self.list_id):
            raise ValueError(f"address: {self.address!a} makes no List-Id; write it like notes@lists.example.org")

    @property
    def list_id(self) -> str:
        """The identifier of the list (RFC 2919)."""
        return self.address.replace("@", ".")


def with_list_fields(mail: RawMail, about: ListFields, signed: frozenset[str]) -> RawMail:
    """The mail with the fields of this list, each in place of the first one of its name.

    A field whose name is in ``signed`` (lower-case) stays as it is, there or not. The one-click field of another list goes
    where ours has none, for it would speak of our URLs.
    """
    fields = dict(_fields(about))
    for name, value in fields.items():
        if name.lower() not in signed:
            mail = mail.replaced(name, value)
    if "list-unsubscribe-post" in signed or "List-Unsubscribe-Post" in fields:
        return mail
    return mail.without("List-Unsubscribe-Post")


def _fields(about: ListFields) -> Iterator[tuple[str, str]]:
    """From the undermost to the topmost: a field that is not there yet comes above the one before it."""
    yield from reversed(about.others)
    yield "X-Auto-Response-Suppress", "OOF"  # asks Exchange not to tell that its users are out of the office
    yield "Precedence", "list"  # responders go by it (RFC 3834 section 2)
    if about.owner:
        yield "List-Owner", f"<mailto:{about.owner}>"
    if about.one_click and any(url.lower().startswith("https:") for url in about.unsubscribe):
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
    for name, urls in (("Unsubscribe", about.unsubscribe), ("Subscribe", about.subscribe), ("Help", about.help)):
        if urls:
            yield f"List-{name}", ", ".join(f"<{url}>" for url in urls)
    yield "List-Post", f"<mailto:{about.address}>" if about.posting else "NO"
    shown = one_line(about.name, _LONGEST_NAME)
    yield "List-Id", f"{phrase(shown)} <{about.list_id}>" if shown else f"<{about.list_id}>"
    if about.sender:
        yield "Sender", about.sender
