"""Gateways in an `Installation`, their addresses, and mail with files."""

from __future__ import annotations

from email.message import EmailMessage

from sqlalchemy.orm import Session

from mailproc.database.engine import writing
from mailproc.gateway.addresses import new_channel_address
from mailproc.gateway.pattern import read_pattern
from tests.gateway.sections import configured, section
from tests.installation import SENDER, Installation

FILES = {"plan.txt": b"We meet at noon.\n", "lunch.png": b"\x89PNG\r\n\x1a\nlunch", "bill.pdf": b"%PDF-1.7 a bill"}


def add_gateway(installation: Installation, name: str, domain: str, **options: str) -> None:
    """Serve a domain by a gateway of this name; the options are those of its target."""
    configured(installation.folder, section(name, f"%s@{domain}", **options))


def channel_of(installation: Installation, domain: str, channel: str = "general") -> str:
    """The address of a channel."""
    with writing(installation.engine) as connection, Session(connection) as session:
        return new_channel_address(session, read_pattern(f"%s@{domain}"), domain, b"k" * 32, channel)


def mail_to(*addresses: str, subject: str = "Lunch", files: int = 3) -> bytes:
    """A mail of a person with so many of `FILES`, as a server hands it over; who it is for stands in To."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, ", ".join(addresses), subject
    mail["Message-ID"] = f"<{subject.lower()}@example.com>"
    mail.set_content("At noon.\n")
    for name, content in list(FILES.items())[:files]:
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes().replace(b"\n", b"\r\n")
