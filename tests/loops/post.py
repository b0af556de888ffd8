"""The way between two programs that answer mail: a real relay, and behind it MTAs and gateways that damage what passes.

The relay is spoken to by SMTP. What it was given is carried to the places that its recipients have: a maildrop, or LMTP.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from tests.servers.relay import RelayServer

# The fields by which RFC 3834 and Exchange let one responder know another's mail, by the damage that takes them away.
STRIPPED = {
    "auto-submitted": ("auto-submitted",),
    "suppress": ("x-auto-response-suppress",),
    "x-loop": ("x-loop",),
    "thread": ("in-reply-to", "references"),
    "mime": ("mime-version",),
}
DAMAGES = (*STRIPPED, "message-id", "reverse-path", "return-path", "precedence", "lower-case", "subject", "footer")

Fields = list[tuple[str, str]]
Place = Callable[["Carried"], None]


@dataclass(frozen=True, slots=True)
class Carried:
    """A mail on its way to one recipient; a field's value holds its folding."""

    reverse_path: str
    recipient: str
    fields: Fields
    body: str

    @classmethod
    def of(cls, raw: bytes, reverse_path: str, recipient: str) -> Carried:
        """A mail with a sound header in CRLF lines."""
        header, _, body = raw.decode("latin-1").partition("\r\n\r\n")
        lines = header.replace("\r\n ", "\0 ").replace("\r\n\t", "\0\t").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(reverse_path, recipient, [(name, value.replace("\0", "\r\n")) for name, _, value in pairs], body)

    @property
    def raw(self) -> bytes:
        """Its bytes."""
        header = "".join(f"{name}:{value}\r\n" for name, value in self.fields)
        return f"{header}\r\n{self.body}".encode("latin-1")

    def named(self, name: str) -> list[str]:
        """The values of the fields of this name."""
        return [value.strip() for found, value in self.fields if found.lower() == name]


def damaged(mail: Carried, damages: Collection[str], serial: int) -> Carried:
    """The mail after a gateway that does all of ``damages`` to it; ``serial`` makes its new Message-ID a fresh one."""
    stripped = {name for damage in damages for name in STRIPPED.get(damage, ())}
    fields = [(name, value) for name, value in mail.fields if name.lower() not in stripped]
    if "message-id" in damages:
        fields = _with(fields, "message-id", lambda value: f" <{serial}.fresh@gateway.example.net>")
    if "subject" in damages:
        fields = _with(fields, "subject", lambda value: f" [External]{value}")
    if "precedence" in damages:
        fields.append(("Precedence", " bulk"))
    if "lower-case" in damages:
        fields = [(name.lower(), value) for name, value in fields]
    body = f"{mail.body}\r\n-- \r\nScanned by a gateway\r\n" if "footer" in damages else mail.body
    path = mail.reverse_path
    if "reverse-path" in damages and not path:  # some give a null path to the postmaster of the sender's domain
        path = f"postmaster@{mail.named('from')[0].rpartition('@')[2].rstrip('>')}"
    return replace(mail, reverse_path=path, fields=fields, body=body)


def _with(fields: Fields, name: str, changed: Callable[[str], str]) -> Fields:
    return [(found, changed(value) if found.lower() == name else value) for found, value in fields]


def traced(mail: Carried, damages: Collection[str], serial: int) -> Carried:
    """The mail as an MTA delivers it finally: with its trace fields on top (RFC 5321 section 4.4)."""
    trace = [
        ("Delivered-To", f" {mail.recipient}"),
        (
            "Received",
            f" from gateway.example.net by mx.example.net with ESMTP id {serial};\r\n\tFri, 20 Nov 2026 10:00:00 +0000",
        ),
    ]
    if "return-path" not in damages:
        trace.insert(0, ("Return-Path", f" <{mail.reverse_path}>"))
    return replace(mail, fields=[*trace, *mail.fields])


@dataclass
class Post:
    """Carries mail from the relay to ``places``, by recipient in lower case; the others have no place, and it is ``lost``.

    ``carried`` is every mail that was delivered, in order, as it left its sender.
    """

    relay: RelayServer
    places: Mapping[str, Place]
    damages: Collection[str] = ()
    carried: list[Carried] = field(default_factory=list)
    lost: list[Carried] = field(default_factory=list)
    _serial: int = 0

    def deliver(self, mail: Carried) -> None:
        """Put a mail into the place of its recipient, past every gateway: so the first mail of a story comes."""
        self._serial += 1
        self.places[mail.recipient.lower()](traced(mail, self.damages, self._serial))

    def carry(self) -> int:
        """Carry what the relay was given since the last time; answers how many mails were delivered."""
        waiting = [
            Carried.of(received.data, received.mail_from, to) for received in self.relay.received for to in received.rcpt_tos
        ]
        self.relay.received.clear()
        known = [mail for mail in waiting if mail.recipient.lower() in self.places]
        self.lost += [mail for mail in waiting if mail not in known]
        for mail in known:
            self.carried.append(mail)
            self.deliver(damaged(mail, self.damages, self._serial))
        return len(known)
