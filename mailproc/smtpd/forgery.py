"""Fields of a sender's that pretend to be the envelope.

aiosmtpd's Message, AsyncMessage and Mailbox put the envelope behind the header, as X-Peer, X-MailFrom and X-RcptTo; whoever
then reads the first field of such a name reads what the sender has written.
"""

from __future__ import annotations

import re

# Readers differ in what ends a line; the header is as long as for the most generous, and a line as short as for the strictest.
_HEADER_END = re.compile(rb"(?:\A|\n)\r?\n")
_LINE_END = rb"(?:\r\n|\r|\n)"
_FORGED = re.compile(
    _LINE_END + rb"X-(?:Peer|MailFrom|RcptTo)[ \t]*:[^\r\n]*(?:" + _LINE_END + rb"[ \t][^\r\n]*)*", re.IGNORECASE
)


def without_forged(raw: bytes) -> bytes:
    """The mail without the fields X-Peer, X-MailFrom and X-RcptTo of its header; all its other bytes stay."""
    end = _HEADER_END.search(raw)
    length = end.end() if end else len(raw)
    header, found = _FORGED.subn(b"", b"\n" + raw[:length])
    # Each went with the line end before it: had it taken its own, a bare CR and a bare LF might have met.
    return re.sub(rb"\A" + _LINE_END, b"", header) + raw[length:] if found else raw
