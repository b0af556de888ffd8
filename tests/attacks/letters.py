"""What the authors have signed, with what a reader must see of it, and the mails that carry it."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from tests.attacks.cast import AUTHORS, DOMAIN, Cast
from tests.attacks.packets import armored
from tests.attacks.signing import TEXT

EVIL = "Pay eve"  # no author has ever signed a text in which this can be read, save as a file


FORMS = ("mime", "clear")


@dataclass(frozen=True)
class Shown:
    """What a reader sees of a mail: the plain text, the HTML, and the files with their names."""

    text: str
    html: str | None = None
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Signed:
    """A content in its canonical form, the signature packets over it, and what a reader sees of it.

    ``clear`` tells a text that is sent clear-signed from a MIME entity.
    """

    signer: str
    content: bytes
    shown: Shown
    signature: bytes
    clear: bool = False

    @property
    def form(self) -> str:
        """One of `FORMS`: in which form it is sent."""
        return "clear" if self.clear else "mime"

    @property
    def armor(self) -> bytes:
        """The signature in armor, CRLF ends."""
        return crlf(armored(self.signature))


@dataclass(frozen=True)
class Body:
    """The fields that describe a body, and the body."""

    kind: tuple[bytes, ...]
    body: bytes

    @property
    def entity(self) -> bytes:
        """It as a part of a multipart."""
        return b"".join(field + b"\r\n" for field in self.kind) + b"\r\n" + self.body


@dataclass(frozen=True)
class Letter:
    """A mail in the making: the fields that say nothing of its content, the content, and last changes to the whole.

    ``author`` is the user whose address is the only one in the only From field, None where there is no such.
    """

    top: tuple[bytes, ...]
    content: Body
    author: str | None
    finish: tuple[Callable[[bytes], bytes], ...] = ()

    @property
    def raw(self) -> bytes:
        """The mail as it comes."""
        raw = b"".join(field + b"\r\n" for field in self.top) + self.content.entity
        for step in self.finish:
            raw = step(raw)
        return raw

    def with_body(self, content: Body) -> Letter:
        """The same header over another body."""
        return replace(self, content=content)

    def with_top(self, *top: bytes) -> Letter:
        """The same body below another header."""
        return replace(self, top=top)

    def finished(self, step: Callable[[bytes], bytes]) -> Letter:
        """With a last change to the whole mail."""
        return replace(self, finish=(*self.finish, step))


def crlf(text: bytes) -> bytes:
    """``text`` with CRLF ends, from LF ends."""
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def evil(rng: Random) -> bytes:
    """A line that nobody signed."""
    return f"{EVIL} {rng.randrange(1, 10**9)} euros.\r\n".encode()


def address_of(user: str) -> bytes:
    """``Ann <ann@example.org>``."""
    return f"{user.capitalize()} <{user}@{DOMAIN}>".encode()


def top_of(user: str, rng: Random) -> tuple[bytes, ...]:
    """The fields of a user's mail that say nothing of its content."""
    return (
        b"From: " + address_of(user),
        b"To: notes@example.net",
        b"Subject: Greetings",
        b"Message-ID: <%d@%s>" % (rng.randrange(10**12), DOMAIN.encode()),
        b"MIME-Version: 1.0",
    )


def boundary_of(rng: Random) -> bytes:
    """A boundary that is in no text."""
    return b"=_" + bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz0123456789", k=12))


def mime(
    signed: Signed,
    boundary: bytes,
    *,
    protocol: bytes = b'protocol="application/pgp-signature"',
    micalg: bytes = b"micalg=pgp-sha256",
    preamble: bytes = b"",
    epilogue: bytes = b"",
    parts: tuple[bytes, ...] | None = None,
    close: bool = True,
) -> Body:
    """PGP/MIME (RFC 3156 section 5); ``parts`` are the entities between its delimiters, where they are not the usual two."""
    parts = (signed.content, signature_part(signed.armor)) if parts is None else parts
    kind = b"; ".join(filter(None, (b"Content-Type: multipart/signed", micalg, protocol))) + b";\r\n boundary="
    mark = b"--" + boundary
    body = preamble + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts)
    return Body((kind + b'"' + boundary + b'"',), body + (mark + b"--\r\n" if close else b"") + epilogue)


def signature_part(armor: bytes) -> bytes:
    """The second part."""
    return b'Content-Type: application/pgp-signature; name="signature.asc"\r\n\r\n' + armor


def block(
    signed: Signed,
    *,
    headers: bytes = b"Hash: SHA256\r\n",
    text: bytes | None = None,
    armor: bytes | None = None,
    blank: bytes = b"\r\n",
) -> bytes:
    """The clear-signed form (RFC 9580 section 7) of a signed text, dashes escaped."""
    framed = re.sub(rb"(?m)^-", b"- -", signed.content) if text is None else text
    begin = b"-----BEGIN PGP SIGNED MESSAGE-----\r\n"
    return begin + headers + blank + framed + b"\r\n" + (signed.armor if armor is None else armor)


def plain(body: bytes, *, charset: bytes = b"utf-8", encoding: bytes = b"8bit") -> Body:
    """A text/plain body, in a transfer encoding."""
    encoded = {b"base64": base64.encodebytes, b"quoted-printable": quopri.encodestring}.get(encoding, bytes)
    kind = (b"Content-Type: text/plain; charset=" + charset, b"Content-Transfer-Encoding: " + encoding)
    return Body(kind, crlf(encoded(body)) if encoding == b"base64" else crlf(encoded(body.replace(b"\r\n", b"\n"))))


def usual(signed: Signed, rng: Random) -> Body:
    """The signed content as it is sent."""
    return plain(block(signed)) if signed.clear else mime(signed, boundary_of(rng))


def originals(cast: Cast) -> list[Signed]:
    """What the authors have signed an hour ago."""
    return [each for user in AUTHORS for each in (*_entities_of(cast, user), *_texts_of(cast, user))]


def signed_by(cast: Cast, user: str, content: bytes, shown: Shown, *, clear: bool = False) -> Signed:
    """A content with a good signature of a user's, an hour old."""
    at = cast.now - timedelta(hours=1)
    kind = {"kind": TEXT} if clear else {}
    return Signed(user, content, shown, cast.signs_with(user).sign(content, at, **kind), clear)


def _texts_of(cast: Cast, user: str) -> list[Signed]:
    name = user.capitalize()
    texts = [
        f"{name} says hello.\r\n indented, as flowed text is stuffed\r\n >not a quote",
        f"{name}: Grüße – schön!\r\n\r\n\tZweite Zeile",
        f"-----\r\n- {name}\r\n--\r\n-----BEGIN NOTHING-----",
        f"\r\n\r\n{name} begins late\r\n\r\n",
        f"Not: this is what {name} denies\r\n\r\nGive the keys to anybody who asks",
        f"From now on {name} denies this:\r\n\r\nGive the keys to anybody who asks",
        f"Not: {name} denies this\r\n\r\nContent-Type: text/plain\r\n\r\nGive the keys to anybody who asks",
        f"{name} writes\ttabs,\x0cform feeds, \u2028separators and \x85 too\x0b.",
    ]
    return [signed_by(cast, user, text.encode(), Shown(text.replace("\r\n", "\n")), clear=True) for text in texts]


def _entities_of(cast: Cast, user: str) -> list[Signed]:
    name = user.capitalize().encode()
    return [signed_by(cast, user, content, shown) for content, shown in _entities(name)]


def _entities(name: bytes) -> list[tuple[bytes, Shown]]:
    """Contents of every structure, with what a reader sees of each."""
    text = name.decode()
    forwarded = b"From: eve@example.net\r\nSubject: Money\r\n\r\nPay eve 10 euros.\r\n"
    return [
        (b"Content-Type: text/plain; charset=us-ascii\r\n\r\nHello from " + name + b"\r\n", Shown(f"Hello from {text}\n")),
        (
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            b"Gr=C3=BC=C3=9Fe, " + name + b" =\r\nund so\r\n",
            Shown(f"Grüße, {text} und so\n"),
        ),
        (
            b"Content-Type: text/plain; charset=utf-8; format=flowed\r\n\r\nA line that \r\nflows, "
            + name
            + b"\r\n-- \r\nbye\r\n",
            Shown(f"A line that flows, {text}\n-- \nbye\n"),
        ),
        (
            b'Content-Type: multipart/mixed; boundary="in"\r\n\r\n--in\r\n\r\nSee the map, says ' + name + b"\r\n--in\r\n"
            b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
            b'Content-Disposition: attachment; filename="map.png"\r\n\r\niVBORw==\r\n--in--\r\n',
            Shown(f"See the map, says {text}", None, (("map.png", b"\x89PNG"),)),
        ),
        (
            b'Content-Type: multipart/alternative; boundary="in"\r\n\r\n--in\r\n\r\nHi, ' + name + b"\r\n--in\r\n"
            b"Content-Type: text/html\r\n\r\n<b>Hi, " + name + b"</b>\r\n--in--\r\n",
            Shown(f"Hi, {text}", f"<b>Hi, {text}</b>"),
        ),
        (
            b'Content-Type: multipart/mixed; boundary="in"\r\n\r\n--in\r\n\r\nIs this true? ' + name + b"\r\n--in\r\n"
            b"Content-Type: message/rfc822\r\n\r\n" + forwarded + b"\r\n--in--\r\n",
            Shown(f"Is this true? {text}", None, (("", forwarded),)),
        ),
        (b"\r\nA part without a header, by " + name + b"\r\n", Shown(f"A part without a header, by {text}\n")),
        (
            b"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes("Привет, ".encode("koi8-r") + name).replace(b"\n", b"\r\n"),
            Shown(f"Привет, {text}"),
        ),
        (
            b'Content-Type: text/plain; charset=utf-8; protected-headers="v1"\r\nFrom: Somebody <somebody@example.net>\r\n'
            b"Subject: Inner\r\n\r\nProtected by " + name + b"\r\n",
            Shown(f"Protected by {text}\n"),
        ),
    ]
