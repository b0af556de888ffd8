"""Texts with which a mail tries to act on a terminal, to forge a line, or to look like another; and what must come of it."""

from __future__ import annotations

import json
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Mapping

FORGED = "mailproc: forged"
LONG = 1_000_000  # characters
LONGEST_LINE = 2_100  # characters of a line that we write: 2000 of a text, and what stands before it

ATTACKS: Mapping[str, str] = {
    "ESC, a colour": "\x1b[31mred\x1b[0m",
    "ESC, the screen": "\x1b[2J\x1b[H\x1bc",
    "CSI of C1 in UTF-8": "\u009b31mred\u009b2J",
    "OSC of C1 in UTF-8": "\u009d52;c;cm0gLXJmIC8=\u009c",
    "OSC 0, the title": "\x1b]0;root@bank\x07",
    "OSC 8, a link": "\x1b]8;;https://evil.example.net\x1b\\click\x1b]8;;\x1b\\",
    "OSC 52, the clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "DCS": "\x1bP$q\x1b\\\u0090$q\u009c",
    "BEL and BS": "\a\b\b\b\b\b\b\b\b\b\b",
    "CR": f"x\r{FORGED}",
    "LF": f"x\n{FORGED}",
    "CRLF and a field": f"x\r\nBcc: victim@example.net\r\n\r\n{FORGED}",
    "VT and FF": f"x\v{FORGED}\f{FORGED}",
    "FS, GS, RS, US": f"x\x1c{FORGED}\x1d{FORGED}\x1e{FORGED}\x1f{FORGED}",
    "NUL": "be\0fore",
    "DEL": "be\x7ffore",
    "NEL": f"x\x85{FORGED}",
    "LINE SEPARATOR": f"x\u2028{FORGED}",
    "PARAGRAPH SEPARATOR": f"x\u2029{FORGED}",
    "RLO": "photo\u202egpj.exe\u202c",
    "isolates": "\u2066\u2067x\u2069\u2068",
    "marks of direction": "\u200e\u200f\u061cx",
    "zero width": "pay\u200bpal\u200c\u200d\u2060\ufeff",
    "soft hyphen and fillers": "pay\xadpal\u3164\u115f\u034f\ufe0f",
    "tags": "x\U000e0041\U000e007f",
    "annotations": "\ufff9x\ufffay\ufffb",
    "half of a pair": "x\udc80\udcff\ud800",
    "a very long line": "A" * LONG,
    "very many wide letters": "漢" * 50_000,
    "very many marks": "e" + "\u0301" * 50_000,
    "format and markup": "%s %n {0} $reason <b onclick=x> [x](javascript:x) =cmd|'x'!A1",
}
SECRETS = {
    "a password": ("password=hunter2-secret", "hunter2-secret"),
    "a URL": ("postgresql://bot:tiger7-secret@db/mail", "tiger7-secret"),
    "a token": ("Authorization: Bearer abcdefgh-12345678", "abcdefgh-12345678"),
    "a key of an API": ("api_key: 'zyxw-9876-secret'", "zyxw-9876-secret"),
    "a token of a forge": ("ghp_0123456789abcdefghijklmnop", "0123456789abcdefghijklmnop"),
    "a JSON Web Token": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"),
    "a private key": (
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQdGBGZsecretsecret\n-----END PGP PRIVATE KEY BLOCK-----",
        "lQdGBGZsecretsecret",
    ),
}


def encoded_word(text: str) -> bytes:
    """The text as RFC 2047 has it, in words of a bounded length: the decoded text holds what could not stand in a field."""
    octets = text.encode("utf-8", "surrogatepass")
    pieces = [octets[at : at + 45] for at in range(0, len(octets), 45)]
    return b"\r\n ".join(b"=?utf-8?b?" + b64encode(piece) + b"?=" for piece in pieces)


def raw_octets(text: str) -> bytes:
    """The text as it may stand in a field as it is; a line end is followed by a blank, or it would end the field."""
    octets = text.encode("utf-8", "surrogatepass")
    return octets.replace(b"\r\n", b"\r\n ").replace(b"\n", b"\n ").replace(b"\n  ", b"\n ")


def assert_clean(written: str, longest: int = LONGEST_LINE) -> list[str]:
    """Every line shows what is in it, does not claim to be ours, and has an end; answers the lines."""
    lines = written.split("\n")
    assert lines.pop() == "", "the last line does not end"
    for line in lines:
        assert line.isprintable(), ascii(line[:300])
        assert not _unseen(line), ascii(line[:300])
        assert len(line) <= longest, ascii(line[:300])
        assert not line.startswith(FORGED), line[:300]
    return lines


def _unseen(line: str) -> list[str]:
    """What changes the direction of writing or has no ink; `isprintable` knows most of it."""
    fillers = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    return [
        letter
        for letter in set(line)
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") or letter in fillers or "\ufe00" <= letter <= "\ufe0f"
    ]


def objects(written: str) -> Iterator[dict[str, object]]:
    """The objects of JSON Lines, which must be ASCII without a control character."""
    assert written.isascii()
    assert written.replace("\n", "").isprintable()
    for line in written.splitlines():
        row = json.loads(line)
        assert isinstance(row, dict)
        yield row
