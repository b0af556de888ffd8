"""What honest people sign: MIME entities in all charsets and shapes, and texts, each with what a reader must see of it."""

from __future__ import annotations

import base64
import quopri

from tests.attacks.letters import Shown, crlf

_LONG = "word " * 60

# Text, charset, transfer encoding.
_PLAIN = (
    ("Hello\n", "us-ascii", "7bit"),
    ("Grüße = schön\n", "utf-8", "quoted-printable"),
    ("Grüße, 你好, שלום\n", "utf-8", "base64"),
    ("Grüße\n", "utf-8", "8bit"),
    ("Ein Café für 5 £\n", "iso-8859-1", "quoted-printable"),
    ("Ein Café für 5 £\n", "iso-8859-1", "8bit"),
    ("Œuvre: 5 €\n", "iso-8859-15", "quoted-printable"),
    ("“Quoted” – and 5 €\n", "windows-1252", "8bit"),
    ("Привет\n", "koi8-r", "base64"),
    ("Привет\n", "windows-1251", "8bit"),
    ("こんにちは\n", "iso-2022-jp", "7bit"),
    ("Zażółć gęślą jaźń\n", "iso-8859-2", "quoted-printable"),
    (f"{_LONG}\n", "utf-8", "quoted-printable"),
    ("\n\nAn empty line first, and two at the end\n\n\n", "us-ascii", "7bit"),
    ("", "us-ascii", "7bit"),
    ("no line end", "us-ascii", "7bit"),
    ("--limit\n--\n-- \nbye\n", "us-ascii", "7bit"),
    ("From here\n>From there\n.\n..\n", "us-ascii", "7bit"),
    ("-----BEGIN PGP SIGNED MESSAGE-----\nnot one\n-----END PGP SIGNATURE-----\n", "us-ascii", "7bit"),
    ("\ttabs\tand \x0c form feeds\n", "us-ascii", "7bit"),
)
TEXTS = (
    "Hello\n",
    "Grüße = schön\n",
    "- dash\n-- \nAnn\n-----BEGIN NOTHING-----\n",
    "trailing blanks \t\nand more   \n",
    "\n\nlate\n\n\n",
    "",
    "no line end",
    "From here\n>From there\n.\n",
    "a\tb\x0cc\n",
    "你好 – “quoted” \u2028 sep\n",
    " indented\n  bug 1\n",
    "-\n--\n---\n- - -\n",
    f"{_LONG}\n",
    "line\n" * 500,
    "Version: 1\nHash: none\n\nlike a header\n",
    "Subject: x\n\nlike a mail\n",
    "-----BEGIN PGP MESSAGE-----\nnone\n-----END PGP MESSAGE-----\n",
    "x" * 900 + "\n",
)


def contents() -> list[tuple[bytes, Shown]]:
    """The entities, CRLF ends."""
    return [*(plain(*each) for each in _PLAIN), *_structures()]


def plain(text: str, charset: str, encoding: str, fields: str = "", parameters: str = "") -> tuple[bytes, Shown]:
    """A text/plain entity."""
    octets = crlf(text.encode(charset))
    if encoding == "base64":
        octets = crlf(base64.encodebytes(octets))
    elif encoding == "quoted-printable":
        octets = crlf(quopri.encodestring(octets.replace(b"\r\n", b"\n")))
    head = f"Content-Type: text/plain; charset={charset}{parameters}\r\nContent-Transfer-Encoding: {encoding}\r\n{fields}\r\n"
    return head.encode() + octets, Shown(text)


def _multi(kind: str, *parts: bytes, fields: str = "", boundary: str = "inner") -> bytes:
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n{fields}\r\n'.encode()
    mark = b"--" + boundary.encode()
    return head + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def _file(name: str, kind: str, octets: bytes) -> bytes:
    fields = f'Content-Type: {kind}; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"\r\n'
    return f"{fields}Content-Transfer-Encoding: base64\r\n\r\n".encode() + crlf(base64.encodebytes(octets))


def _structures() -> list[tuple[bytes, Shown]]:
    hello, greeting = plain("Hello\n", "us-ascii", "7bit")[0], plain("Grüße\n", "utf-8", "quoted-printable")[0]
    html = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<b>Gr\xc3\xbc\xc3\x9fe</b>\r\n"
    key = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
    mail = b"From: carol@example.com\r\nSubject: Inner\r\n\r\nForwarded\r\n"
    protected = "From: Ann <ann@example.org>\r\nTo: notes@example.net\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
    lamps = plain("Hello\n", "utf-8", "7bit", protected, '; hp="clear"; protected-headers="v1"')[0]
    autocrypt = "Autocrypt: addr=ann@example.org; prefer-encrypt=mutual;\r\n keydata=mDMEAAAA\r\n\tAAAA\r\n"
    picture = (
        b"Content-Type: image/png\r\nContent-ID: <p1>\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: inline; filename=p.png\r\n\r\niVBORw==\r\n"
    )
    flowed = plain("A line that \nflows on.\n\n-- \nAnn\n", "utf-8", "7bit", "", "; format=flowed; delsp=no")[0]
    return [
        (
            _multi("mixed", hello, _file("map.png", "image/png", b"\x89PNG\0")),
            Shown("Hello\n", None, (("map.png", b"\x89PNG\0"),)),
        ),
        (_multi("mixed", greeting, hello), Shown("Grüße\n\nHello\n")),
        (_multi("alternative", greeting, html), Shown("Grüße\n", "<b>Grüße</b>\n")),
        (
            _multi("mixed", _multi("alternative", hello, html, boundary="deep"), _file("a b.txt", "text/plain", b"x")),
            Shown("Hello\n", "<b>Grüße</b>\n", (("a b.txt", b"x"),)),
        ),
        (
            _multi("related", _multi("alternative", hello, html, boundary="deep"), picture),
            Shown("Hello\n", "<b>Grüße</b>\n", (("p.png", b"\x89PNG"),)),
        ),
        (
            _multi("mixed", hello, b"Content-Type: message/rfc822\r\n\r\n" + mail),
            Shown("Hello\n", None, (("", mail),)),
        ),
        (
            _multi("mixed", _multi("mixed", hello, boundary="deep"), _file("OpenPGP_0x1.asc", "application/pgp-keys", key)),
            Shown("Hello\n", None, (("OpenPGP_0x1.asc", key),)),
        ),
        (_multi("mixed", hello, fields=protected), Shown("Hello\n")),
        (lamps, Shown("Hello\n")),
        (plain("Hello\n", "utf-8", "8bit", autocrypt)[0], Shown("Hello\n")),
        (flowed, Shown("A line that flows on.\n\n-- \nAnn\n")),
        (html.replace(b"<b>", b"<p>").replace(b"</b>", b"</p>"), Shown("Grüße", "<p>Grüße</p>\n")),
        (b"Content-Disposition: inline\r\nContent-Type:\r\n\ttext/plain\r\n\r\nFolded\r\n", Shown("Folded\n")),
        (_multi("mixed", hello, b"", boundary="=-=-=") + b"\r\nEpilogue\r\n", Shown("Hello\n\n")),
        (
            b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n",
            Shown("", None, (("", b"%PDF-"),)),
        ),
    ]
