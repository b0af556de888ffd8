"""The files of a mail: which parts they are."""

from __future__ import annotations

from email.message import EmailMessage

from mailproc.gateway.posting import Posting
from mailproc.testing import make_mail
from tests.gateway.conftest import Chat


def names(chat: Chat, raw: bytes) -> list[tuple[str, str]]:
    """Name and type of the files of a mail to a channel."""
    delivered = chat.office.deliver(raw, to=chat.channel())
    assert delivered.disposition == "handled", delivered.reason
    return [(file.name, file.type) for file in Posting.of(delivered.errands[0].payload).attachments]


def test_files_in_nested_parts(chat: Chat) -> None:
    """Wherever they stand, in their order."""
    inside = EmailMessage()
    inside.set_content("At noon.\n")
    inside.add_attachment(b"GIF", maintype="image", subtype="gif", filename="inside.gif")
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ann@example.com", "Lunch"
    mail.make_mixed()
    mail.attach(inside)
    mail.add_attachment(b"PNG", maintype="image", subtype="png", filename="\u0105\u0119.png")
    assert names(chat, mail.as_bytes()) == [("inside.gif", "image/gif"), ("\u0105\u0119.png", "image/png")]


def test_a_mail_in_a_mail_is_a_file(chat: Chat) -> None:
    """A part that is a mail of its own is one file, whole; what is in it is not looked for."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ann@example.com", "Fwd: Lunch"
    mail.set_content("See below.\n")
    inner = EmailMessage()
    inner["Subject"] = "Lunch"
    inner.set_content("At noon.\n")
    inner.add_attachment(b"PNG", maintype="image", subtype="png", filename="lunch.png")
    mail.add_attachment(inner, filename="lunch.eml")
    assert names(chat, mail.as_bytes()) == [("lunch.eml", "message/rfc822")]


def test_a_mail_without_files(chat: Chat) -> None:
    """Its text is no file."""
    assert names(chat, make_mail(to="x@example.org", text="At noon.\n", html="<p>At noon.</p>")) == []
