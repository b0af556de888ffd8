"""A mail as plain text, for lists that want no HTML and no files."""

from __future__ import annotations

import binascii

from mailproc.forward.signed import SIGNATURE
from mailproc.rawmail import RawMail
from mailproc.reading import Message

_OF_THE_BODY = (
    *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-Description"),
    *("Content-ID", "Content-Location", "Content-MD5", "Content-Duration"),
)


def as_plain_text(mail: RawMail, message: Message) -> RawMail:
    """The mail with its text alone as the body, in UTF-8 and quoted-printable, and without its DKIM signatures.

    ``message`` is the same mail, read. One that is nothing but a plain text stays as it is, signatures and all.
    """
    if message.part_types == ("text/plain",):
        return mail
    encoded = binascii.b2a_qp(message.text.encode("utf-8", "replace"), istext=True)
    mail = mail.without(SIGNATURE, *_OF_THE_BODY).replaced("MIME-Version", "1.0")
    mail = mail.replaced("Content-Transfer-Encoding", "quoted-printable")
    mail = mail.replaced("Content-Type", 'text/plain; charset="utf-8"')
    ended = encoded if encoded.endswith(b"\n") else encoded + b"\n"
    return mail.with_body(ended.replace(b"\n", mail.line_end))
