"""What tests of the forwarder deliver, and what they see of it."""

from __future__ import annotations

import sqlalchemy as sa

from mailproc.forward import tables
from mailproc.reading import read_header
from mailproc.testing import Delivered, PostOffice, make_mail

BOARD = "board@lists.example.org"
BOUNCES = "bounces@lists.example.org"
SENDER = "sue@example.com"


def by_group(delivered: Delivered) -> list[list[str]]:
    """Who gets the same bytes."""
    copies: dict[bytes, list[str]] = {}
    for sent in delivered.sent:
        copies.setdefault(sent.raw, []).append(sent.to)
    return list(copies.values())


def fields(delivered: Delivered, name: str) -> list[tuple[str, ...]]:
    """The values of a field in each copy that goes on."""
    return [read_header(raw).all(name) for raw in dict.fromkeys(sent.raw for sent in delivered.sent)]


def deliver(office: PostOffice, to: str = BOARD, *, reverse_path: str | None = SENDER, **how: str) -> Delivered:
    """Deliver a new mail of Sue's."""
    return office.deliver(
        make_mail(to=to, **{"sender": f"Sue <{SENDER}>", "text": "hello", **how}), to=to, reverse_path=reverse_path
    )


def report(to: str, *failed: str, action: str = "failed", about: str = "") -> bytes:
    """A notification of another mail server."""
    told = "".join(
        f"Final-Recipient: rfc822; {each}\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\nRemote-MTA: dns; mx.example.net\r\n\r\n"
        for each in failed
    )
    return (
        f"From: MAILER-DAEMON@mx.example.net\r\nTo: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n{told}"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n{about}\r\n--b--\r\n"
    ).encode()


def dead(office: PostOffice) -> dict[str, int]:
    """Who is known as dead, and how often mail came back."""
    with office.session() as session:
        return {
            row.address: row.count_
            for row in session.execute(sa.select(tables.bounce.c.address, tables.bounce.c["count"].label("count_")))
        }
