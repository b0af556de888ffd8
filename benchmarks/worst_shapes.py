"""Mails that were made to hurt: each is a pattern that fills a mail of any size."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mailproc.testing import SigningKey
from mailproc.testing.keys import signed_mime

ANN = "ann@example.org"
HEADERS = 1_000_000  # octets: a little less than the headers of all parts may have
HEADER_LINES = 48_000
SIGNED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
HEAD = b"From: ann@example.org\nTo: robot@example.net\nMIME-Version: 1.0\n"
MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n'
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\n\n"
FILE = HEAD + b'Content-Disposition: attachment; filename="a"\nContent-Type: application/x-a\nContent-Transfer-Encoding: '


@dataclass(frozen=True, slots=True)
class Keys:
    """A key that is registered for the author of the mails, and one that is registered with nobody."""

    ann: SigningKey
    unknown: SigningKey


Shape = Callable[[int], bytes]
SignedShape = Callable[[int, Keys], bytes]


def fill(head: bytes, unit: bytes, size: int, tail: bytes = b"") -> bytes:
    """``head``, as many units as fit, and ``tail``."""
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


def filled(head: bytes, unit: bytes, tail: bytes = b"") -> Shape:
    """The shape that repeats ``unit``."""
    return lambda size: fill(head, unit, size, tail)


def text(charset: bytes, unit: bytes, encoding: bytes = b"8bit") -> Shape:
    """A plain text of this charset."""
    return filled(HEAD + b"Content-Type: text/plain; charset=%b\nContent-Transfer-Encoding: %b\n\n" % (charset, encoding), unit)


def noise(head: bytes, seed: int) -> Shape:
    """Random bytes behind ``head``."""
    return lambda size: head + random.Random(seed).randbytes(size - len(head))  # noqa: S311 - the same in each run


def numbered(head: bytes, unit: bytes, number: int, tail: bytes = b"") -> Shape:
    """The unit, with ``%d`` counted up, ``number`` times at most."""

    def make(size: int) -> bytes:
        out, room = [head], size - len(head) - len(tail)
        for count in range(number):
            piece = unit.replace(b"%d", b"%d" % count)
            room -= len(piece)
            if room < 0:
                break
            out.append(piece)
        return b"".join([*out, tail])

    return make


def parts(number: int, header: bytes, unit: bytes) -> Shape:
    """So many parts of one size, each with ``header``."""

    def make(size: int) -> bytes:
        room = (size - len(MIXED)) // number - len(header) - 6
        part = b"--b\n" + header + b"\n" + unit * (room // len(unit)) + b"\n"
        return MIXED + part * number

    return make


def fat_headers(number: int, field: bytes, unit: bytes, octets: int | None = None) -> Shape:
    """So many parts with a header of one long field; ``octets`` in all of them, or as many as fit."""

    def make(size: int) -> bytes:
        room = (octets or size - len(MIXED)) // number - len(field) - 8
        return MIXED + (b"--b\n" + field + unit * (room // len(unit)) + b"\n\n\n") * number

    return make


def many_fields(number: int, unit: bytes, octets: int | None = None) -> Shape:
    """So many parts with a header of many lines."""

    def make(size: int) -> bytes:
        room = (octets or size - len(MIXED)) // number - 6
        return MIXED + (b"--b\n" + unit * (room // len(unit)) + b"\n\n") * number

    return make


def nest(depth: int, boundary: bytes, unit: bytes) -> Shape:
    """Multiparts in multiparts around something that looks like their boundaries."""

    def make(size: int) -> bytes:
        names = [boundary.replace(b"NN", b"%02d" % level) for level in range(depth)]
        head = b"".join(b'Content-Type: multipart/x; boundary="%b"\n\n--%b\n' % (name, name) for name in names)
        return fill(HEAD + head, unit, size)

    return make


def encoded(head: bytes, unit: bytes) -> Shape:
    """The base64 of a repeated unit."""

    def make(size: int) -> bytes:
        lines = base64.encodebytes(unit * (57 * 1000 // len(unit) + 1))
        return fill(head, lines, size)

    return make


def detached(unit: bytes, *, change: bool = False, known: bool = True) -> SignedShape:
    """A multipart/signed mail around a text; with ``change`` it was altered after it was signed."""

    def make(size: int, keys: Keys) -> bytes:
        part = fill(b"Content-Type: text/plain\r\n\r\n", unit, size - 2000)
        key = keys.ann if known else keys.unknown
        raw = signed_mime(HEAD, part, key.sign_detached(part, at=SIGNED), boundary="b")
        return raw.replace(b"text/plain", b"text/plane", 1) if change else raw

    return make


def clear_signed(line: str, *, known: bool = True) -> SignedShape:
    """A clear-signed text."""

    def make(size: int, keys: Keys) -> bytes:
        signed = keys.ann if known else keys.unknown
        grown = len(("- " if line.startswith("-") else "") + line) + 1
        body = signed.clearsign((line + "\n") * ((size - 2000) // grown), at=SIGNED)
        return HEAD + b"\n" + body.encode()

    return make


def armored(unit: bytes) -> Shape:
    """A multipart/signed mail whose signature is as long as the mail."""
    head = HEAD + b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\n\n--b\n\nHello\n--b\n'
    begin = b"Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n\n"
    return filled(head + begin, unit, b"\n-----END PGP SIGNATURE-----\n--b--\n")


def many_signed(size: int) -> bytes:
    """Multiparts that are signed, in a multipart, a hundred of them."""
    inner = (
        b"Content-Type: multipart/signed; boundary=c\n\n--c\n\n%b\n--c\nContent-Type: application/pgp-signature\n\nx\n--c--\n"
    )
    room = (size - len(MIXED)) // 100 - len(inner) - 6
    return MIXED + (b"--b\n" + inner % (b"x" * room)) * 100


SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
BLOCK = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n" + SIGNATURE
ENCRYPTED = (
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n\n'
    b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n"
    b"--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\n"
)
UUENCODED = b"begin 644 a.txt\n#0V%T\n`\nend\n"

SHAPES: dict[str, Shape] = {
    # The header
    "one header line": filled(HEAD + b"X-A: ", b"x"),
    "a header without a colon": filled(HEAD, b"hello world\n"),
    "folded lines": filled(HEAD + b"X-A: y\n", b" a\n"),
    "short fields": filled(HEAD, b"X-A: b\n"),
    "shortest fields": filled(HEAD, b"A:\n"),
    "200,000 fields": numbered(HEAD, b"X-Field-%d: " + b"x" * 100 + b"\n", 200_000, b"\nHello\n"),
    "Received": numbered(
        HEAD, b"Received: from a.example.net by b.example.net with ESMTP id %d; Mon, 2 Nov 2026 08:00:00 +0000\n", 200_000
    ),
    "1,000 From fields": filled(HEAD, b"From: ann@example.org, " + b"," * 200 + b"\n"),
    "References": filled(HEAD + b"References:", b" <0123456789@example.org>\n"),
    "References on one line": filled(HEAD + b"References:", b" <a@b>"),
    "Message-ID of comments": filled(HEAD + b"Message-ID: ", b"()"),
    "encoded words": filled(HEAD + b"Subject:", b" =?utf-8?q?a?="),
    "encoded words of two charsets": filled(HEAD + b"Subject:", b" =?utf-8?q?a?= =?big5?q?b?="),
    "encoded words of escapes": filled(HEAD + b"Subject:", b" =?iso-2022-jp?b?GyRCGyhCGyRCGyhCGyRCGyhC?="),
    "half encoded words": filled(HEAD + b"Subject: ", b"=?"),
    "addresses": filled(HEAD + b"Cc: ", b"a@b,"),
    "addresses in groups": filled(HEAD + b"Cc: ", b"a:b@c;,"),
    "addresses in many fields": filled(HEAD, b"Cc: " + b"a@b.example," * 20 + b"\n"),
    "commas": filled(HEAD + b"Cc: ", b","),
    "nested comments": filled(HEAD + b"Cc: ", b"("),
    "comments": filled(HEAD + b"Cc: ", b"()"),
    "comments in the type": filled(HEAD + b"Content-Type: text/plain; ", b"()"),
    "comments in Auto-Submitted": filled(HEAD, b"Auto-Submitted: no" + b"()" * 500 + b"\n"),
    "quoted strings": filled(HEAD + b"Cc: ", b'"" '),
    "open quoted strings": filled(HEAD + b"Cc: ", b'\\"'),
    "open quoted parameters": filled(HEAD + b"Content-Type: text/plain; ", b'a="\\";'),
    "parameters": filled(HEAD + b"Content-Type: text/plain", b"; a=b"),
    "continuations": numbered(HEAD + b"Content-Type: text/plain", b";\n n*%d=x", 2_000_000),
    "encoded continuations": numbered(HEAD + b"Content-Type: text/plain", b";\n n*%d*=%%41%%42", 2_000_000),
    "DKIM-Signature": numbered(
        HEAD,
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s%d; h=from; bh=" + b"A" * 44 + b"; b=" + b"B" * 350 + b"\n",
        1000,
        b"\n" + b"Hello\n" * 1000,
    ),
    "dates": filled(HEAD, b"Date: Mon, 2 Nov 2026 08:00:00 +0000 (" + b"(" * 900 + b"\n"),
    "bare CRs in the header": filled(HEAD + b"X-A: ", b"\r"),
    "eight-bit fields": filled(HEAD, b"X-A: \xe4\xf6\xfc\n"),
    "blanks": filled(HEAD + b"Cc: ", b" "),
    # The structure
    "a million parts": filled(MIXED, b"--b\n\nx\n"),
    "1,000 parts of base64": parts(999, b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n", b"QUJD" * 19 + b"\n"),
    "1,000 parts of noise in base64": parts(999, b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n", b"Q!U?J*D-"),
    "1,000 texts": parts(999, b"Content-Type: text/plain\n", b"text\n"),
    "1,000 texts of one character": parts(
        999, b"Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n", b"\n"
    ),
    "1,000 parts of HTML": parts(999, b"Content-Type: text/html\n", b"<p>a</p>"),
    "1,000 headers of parameters": fat_headers(999, b"Content-Type: image/png", b"; a=b"),
    "1,000 headers of continuations": fat_headers(999, b"Content-Type: image/png", b";n*0=b"),
    "1,000 headers of comments": fat_headers(999, b"Content-Type: image/png ", b"()"),
    "1,000 headers of encoded words": fat_headers(999, b'Content-Disposition: attachment; filename="', b"=?utf-8?q?a?= "),
    "100 headers of encoded words": fat_headers(100, b'Content-Disposition: attachment; filename="', b"=?utf-8?q?a?= "),
    "100 headers of parameters": fat_headers(100, b"Content-Type: image/png", b"; a=b"),
    "1,000 headers of fields": many_fields(999, b"A:\n"),
    "100 headers of fields": many_fields(100, b"A:\n"),
    "100 headers of folds": many_fields(100, b"A:b\n c\n"),
    "1,000 headers of stray lines": many_fields(999, b"b\n"),
    "99 headers of comments to the limit": fat_headers(99, b"Content-Type: image/png ", b"()", HEADERS),
    "999 headers of comments to the limit": fat_headers(999, b"Content-Type: image/png ", b"()", HEADERS),
    "99 headers of quoted strings to the limit": fat_headers(99, b"Content-Type: image/png ()", b'""', HEADERS),
    "99 headers of parameters to the limit": fat_headers(99, b"Content-Type: image/png", b";a=", HEADERS),
    "999 headers of parameters to the limit": fat_headers(999, b"Content-Type: image/png", b";a=", HEADERS),
    "999 headers of continuations to the limit": fat_headers(999, b"Content-Type: image/png", b";n*0=%41", HEADERS),
    "999 names of words to the limit": fat_headers(
        999, b"Content-Disposition: attachment; filename=", b"=?big5?q?a?=", HEADERS
    ),
    "99 headers of fields to the limit": many_fields(99, b"A:\n", 3 * HEADER_LINES),
    "999 headers of fields to the limit": many_fields(999, b"A:\n", 3 * HEADER_LINES),
    "99 headers of stray lines to the limit": many_fields(99, b"b\n", 2 * HEADER_LINES),
    "99 headers of folds to the limit": many_fields(99, b"A:\n \n", 2 * HEADER_LINES),
    "an open part of short lines": filled(MIXED + b"--b\n\n", b"a\n"),
    "2 million lines in an open part": filled(MIXED + b"--b\n\n", b"text text t\n"),
    "boundaries that begin alike": filled(MIXED, b"--bc\n"),
    "boundaries that begin alike in a line": filled(MIXED, b"--bc"),
    "blanks behind a boundary": filled(MIXED + b"--b", b" "),
    "boundary and CR": filled(MIXED, b"--b\r"),
    "nested boundaries of dashes": nest(49, b"NN" + b"-" * 60, b"-" * 62),
    "nested short boundaries": nest(49, b"NN", b"\n--"),
    "nested long boundaries": nest(49, b"-" * 900 + b"NN", b"\n" + b"-" * 901),
    "nested and full of text": nest(49, b"NN", b"text text\n"),
    "nested ten deep": nest(10, b"NN", b"text text\n"),
    "a thousand levels": filled(HEAD, b"Content-Type: multipart/x; boundary=b\n\n--b\n"),
    "forwarded mails": filled(HEAD, b"Content-Type: message/rfc822\n\n"),
    "forwarded fifty deep": filled(HEAD + b"Content-Type: message/rfc822\n\n" * 49, b"text text\n"),
    "a digest": filled(HEAD + b"Content-Type: multipart/digest; boundary=b\n\n", b"--b\n\nSubject: a\n\nb\n"),
    "a multipart in base64": encoded(
        HEAD + b"Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n", b"--b\n\n"
    ),
    # The text
    "one line": filled(HEAD + b"\n", b"x"),
    "short lines": filled(HEAD + b"\n", b"a\n"),
    "empty lines": filled(HEAD + b"\n", b"\n"),
    "NULs": filled(b"", b"\0"),
    "bare CRs": filled(HEAD + b"\n", b"\r"),
    "noise": noise(HEAD + b"\n", 1),
    "base64": encoded(HEAD + b"Content-Transfer-Encoding: base64\n\n", b"Hello\n"),
    "false base64": text(b"utf-8", b"!a==", b"base64"),
    "base64 of paddings": text(b"utf-8", b"=", b"base64"),
    "a file in base64": encoded(FILE + b"base64\n\n", b"\0\xff"),
    "a file in false base64": filled(FILE + b"base64\n\n", b"!a=="),
    "a file in quoted-printable": filled(FILE + b"quoted-printable\n\n", b"=41"),
    "a file of soft breaks": filled(FILE + b"quoted-printable\n\n", b"a=\n"),
    "a file of false escapes": filled(FILE + b"quoted-printable\n\n", b"=x"),
    "soft breaks": text(b"utf-8", b"=\n", b"quoted-printable"),
    "soft breaks with blanks": filled(FILE + b"quoted-printable\n\n=", b" "),
    "false escapes": text(b"utf-8", b"==", b"quoted-printable"),
    "uuencode": filled(HEAD + b"\n", UUENCODED),
    "uuencode as an encoding": text(b"utf-8", UUENCODED, b"x-uuencode"),
    "yEnc": filled(HEAD + b"\n", b"=ybegin line=128 size=3 name=a\nabc\n=yend size=3\n"),
    "utf-16": text(b"utf-16", b"\x01\x02"),
    "utf-16 of halves": text(b"utf-16-le", b"\x00\xd8"),
    "utf-32": text(b"utf-32", b"a\0\0\0"),
    "Japanese escapes": text(b"iso-2022-jp", b"\x1b$B\x1b(B"),
    "Japanese shifts": text(b"iso-2022-jp-2004", b"\x1b$(Q!!\x1b(B"),
    "Korean shifts": text(b"iso-2022-kr", b"\x0e\x0f"),
    "Chinese shifts": text(b"hz-gb-2312", b"~{~}"),
    "noise in gb18030": noise(HEAD + b"Content-Type: text/plain; charset=gb18030\n\n", 2),
    "noise in Japanese": noise(HEAD + b"Content-Type: text/plain; charset=iso-2022-jp-3\n\n", 3),
    "widest characters": text(b"utf-8", "\U0001f4a9".encode()),
    # HTML
    "nested div": filled(HTML, b"<div>"),
    "nested table": filled(HTML, b"<table><tr><td>"),
    "nested lists": filled(HTML, b"<ul><li>"),
    "nested quotes": filled(HTML, b"<blockquote>"),
    "nested links": filled(HTML, b'<a href="'),
    "links": filled(HTML, b'<a href="http://example.org/">x</a>'),
    "mixed formatting": filled(HTML, b"<b><i><a><p></b></i></a>"),
    "formatting in tables": filled(HTML, b"<table><b><i>x"),
    "templates and selects": filled(HTML, b"<template><select><option><svg><math>"),
    "attributes": numbered(HTML + b"<p", b" a%d=b", 10_000_000, b">Hello"),
    "one attribute": filled(HTML + b'<p title="', b"&lt;", b'">Hello'),
    "entities": filled(HTML, b"&#128169;"),
    "false entities": filled(HTML, b"&ampx&"),
    "blanks that do not break": filled(HTML, b"\xc2\xa0"),
    "less-than": filled(HTML, b"<"),
    "end tags": filled(HTML, b"</p>"),
    "comments of HTML": filled(HTML, b"<!-- -->"),
    "open comments": filled(HTML, b"<!--"),
    "style": filled(HTML + b"<style>", b"p{a:b}"),
    "style of elements": filled(HTML, b'<p style="display:none">x</p>'),
    "open style": filled(HTML, b"<style>"),
    "scripts": filled(HTML, b"<script></script>"),
    "paragraphs": filled(HTML, b"<p>Hello</p>\n"),
    "line breaks": filled(HTML, b"<br>"),
    "images": filled(HTML, b'<img src="cid:a" alt="b">'),
    "headings": filled(HTML, b"<h1>a</h1>"),
    "HTML without tags": filled(HTML, b"a * b _ c\n"),
    "tables": filled(HTML, b"<table><tr><td>a</td><td>b</td></tr></table>"),
    "one wide table": filled(HTML + b"<table><tr>", b"<td>a"),
    "preformatted": filled(HTML + b"<pre>", b"`\n"),
    "HTML in utf-16": filled(HEAD + b"Content-Type: text/html; charset=utf-16\n\n", b"<\0p\0>\0"),
    "HTML in base64": encoded(HEAD + b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n", b"<div>"),
    # Quotes
    "quote marks": filled(HEAD + b"\n", b">"),
    "quoted lines": filled(HEAD + b"\n", b"> a\n"),
    "quoted lines that are few": lambda size: HEAD + b"\nHello\n" + (b"> " + b"a" * 45 + b"\n") * 4900,
    "introductions of quotes": lambda size: HEAD + b"\n" + b"On Mon, 2 Nov 2026 at 10:00, A <a@b> wrote:\n" * 4900,
    "header lines in a text": lambda size: HEAD + b"\n" + b"From: a\nSent: b\nTo: c\nSubject: d\n" * 1200,
    "lines of underscores": lambda size: HEAD + b"\n" + (b"_" * 50 + b"\n") * 4900,
    "original messages": lambda size: HEAD + b"\n" + b"-----Original Message-----\n" * 4900,
    "blank lines and quotes": lambda size: HEAD + b"\n" + b"> a\n\n" * 2400,
    # Signatures that prove nothing
    "clear-signed blocks": filled(HEAD + b"\n", BLOCK),
    "begins of clear-signed blocks": filled(HEAD + b"\n", b"-----BEGIN PGP SIGNED MESSAGE-----\n"),
    "dashes": filled(HEAD + b"\n", b"-----BEGIN PGP "),
    "an open clear-signed block": filled(HEAD + b"\n-----BEGIN PGP SIGNED MESSAGE-----\n\n", b"- \n"),
    "a clear-signed block in base64": encoded(HEAD + b"Content-Transfer-Encoding: base64\n\n", BLOCK),
    "a clear-signed block of escapes": filled(
        HEAD + b"\n-----BEGIN PGP SIGNED MESSAGE-----\n\n",
        b"- \n",
        SIGNATURE,
    ),
    "armor headers": filled(
        HEAD + b"\n-----BEGIN PGP SIGNED MESSAGE-----\n",
        b"Hash: SHA256\n",
        b"\n" + SIGNATURE,
    ),
    "a long armor": armored(b"QUJD" * 16 + b"\n"),
    "an armor of blank lines": armored(b"\n"),
    "an armor of headers": armored(b"A: b\n"),
    "armors": armored(b"-----END PGP SIGNATURE-----\n-----BEGIN PGP SIGNATURE-----\n"),
    "100 signed parts": many_signed,
    "signed boundaries that begin alike": filled(HEAD + b"Content-Type: multipart/signed; boundary=b\n\n", b"--bc\n"),
    "an encrypted mail": filled(HEAD + ENCRYPTED, b"QUJD" * 16 + b"\n"),
}

SIGNED_SHAPES: dict[str, SignedShape] = {
    "signed": detached(b"A line of a text.\r\n"),
    "signed with an unknown key": detached(b"A line of a text.\r\n", known=False),
    "signed and altered": detached(b"A line of a text.\r\n", change=True),
    "signed with trailing blanks": detached(b"a \r\n"),
    "signed and altered with trailing blanks": detached(b"a \r\n", change=True),
    "signed blanks, altered": detached(b" ", change=True),
    "signed empty lines": detached(b"\r\n"),
    "signed empty lines, altered": detached(b"\r\n", change=True),
    "signed LFs": detached(b"\n", change=True),
    "clear-signed": clear_signed("A line of a text."),
    "clear-signed with an unknown key": clear_signed("A line of a text.", known=False),
    "clear-signed lines of a dash": clear_signed("-"),
    "clear-signed empty lines": clear_signed(""),
}


def shapes(size: int, keys: Keys) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """All shapes by name, each to be made of ``size`` octets."""
    for name, plain in SHAPES.items():
        yield name, lambda plain=plain: plain(size)
    for name, signed in SIGNED_SHAPES.items():
        yield name, lambda signed=signed: signed(size, keys)
