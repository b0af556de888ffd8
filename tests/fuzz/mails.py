"""Hostile mail to be drawn by hypothesis: put together from the parts of mails, then damaged byte by byte.

Parts come from short lists: what breaks a reader is seldom a random byte, and often the right piece in a wrong place.
"""

from __future__ import annotations

from base64 import b64encode
from functools import reduce

from hypothesis import strategies as st

from tests.fuzz.signatures import ann
from tests.loops.forged import forge

_ADDRESSES = (
    b"ann@example.org",
    b"Ann <ann@example.org>",
    b'"Ann, the \\"first\\"" <ann@example.org>',
    b"ann@example.org (Ann)",
    b"(x) ann@example.org",
    b"ann@example.org, eve@example.net",
    b'"boss@example.com" <eve@example.net>',
    b"<ann@example.org> <eve@example.net>",
    b"ann@example.org)eve@example.net",
    b"users: ann@example.org, eve@example.net;",
    b"undisclosed-recipients:;",
    b"@example.net:ann@example.org",
    b"ann%example.org@example.net",
    b'"ann@example.org"@example.net',
    b"=?utf-8?q?ann=40example.org?=",
    b"=?utf-8?b?QW5uLCBlZQ==?= <ann@example.org>",
    b"J\xc3\xb6rg <j\xc3\xb6rg@example.org>",
    b"ann@b\xfccher.example",
    b"ann@[192.0.2.1]",
    b"ann . b @ example . org",
    b"",
    b"<>",
    b"MAILER-DAEMON",
)
_WORDS = (
    b"=?utf-8?q?=0D=0ABcc:_eve=40example.net?=",
    b"=?utf-8?b?" + b"////" * 20 + b"?=",
    b"=?utf-16?b?2ADYAA==?=",
    b"=?x?q??=",
    b"Re: ",
    b"\xe2\x80\xae",
    b"\x1b[31m",
    b"\xff\xfe",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"$subject ${oops}",
    b"x" * 1200,
    b"a b",
    b"(((((",
    b'"',
    b"\\",
    b"\t",
    b"\r\n folded",
    b"\rFrom: eve@example.net",
    b"\r\n\tagain",
    b"\r",
    b"\n",
    b"\0",
    b",",
    b":",
    b";",
    b"<",
    b">",
    b"@",
    b"OOPS-1",
)
_IDS = (
    b"<1@example.org>",
    b"<mailproc.0123456789abcdef0123456789abcdef@robot.example.org>",
    b"<[]>",
    b"<a b@c>",
    b"<1@e><2@e>",
)
_TYPES = (
    b"text/plain",
    b"text/plain; charset=utf-8",
    b"text/plain; charset=utf-7",
    b"text/plain; charset=zlib",
    b"text/html; charset=iso-8859-1",
    b"multipart/mixed; boundary=b",
    b'multipart/alternative; boundary="b b"',
    b"multipart/mixed; boundary=bb",
    b"multipart/report; report-type=delivery-status; boundary=b",
    b'multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary=b',
    b"multipart/signed; boundary=b",
    b"multipart/digest; boundary=b",
    b"multipart/mixed",
    b"message/rfc822",
    b"message/delivery-status",
    b"application/pgp-signature; name=signature.asc",
    b"application/octet-stream; name*0*=utf-8''%2e%2e; name*1=/x; name*3=y",
    b'image/png; name="..\\..\\con.txt"',
    b"x",
    b"text/plain; charset",
)
_ENCODINGS = (b"7bit", b"8bit", b"base64", b"quoted-printable", b"x-uuencode", b"(c) base64", b"")
_DISPOSITIONS = (b"attachment", b"inline; filename=a.txt", b"attachment; filename*=utf-8''%E2%80%AEexe.txt", b'x; filename="/"')
_MARKS = (
    b"Auto-Submitted: auto-replied",
    b"Auto-Submitted: no",
    b"Precedence: bulk",
    b"X-Loop: mailproc/robot.example.org",
    b"Return-Path: <>",
    b"Return-Path: <ann@example.org>",
    b"List-Id: x",
    b"X-Failed-Recipients: a@b.example",
    b"X-Auto-Response-Suppress: All",
    b"Delivered-To: book@robot.example.org",
    b"X-Original-To: other@elsewhere.example",
    b"Date: Fri, 31 Feb 99999 25:61:61 +9999",
    b"Date: Mon, 2 Nov 2026 09:00:00 +0000",
    b"no colon",
    b"Space : x",
    b": empty",
    b"From ann@example.org Mon Nov  2 09:00:00 2026",
    b" folded from nothing",
)
# A signature packet of version 4 that names its issuer.
_PACKET = b"\xc2\x16\x04\x00\x16\x08\x00\x00\x00\x0a\x09\x10\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x00\x00\x00"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\r\n\r\n" + b64encode(_PACKET) + b"\r\n-----END PGP SIGNATURE-----\r\n"
_TEXTS = (
    b"Hello\r\n",
    b"> quoted\r\n>> twice\r\n\r\nOn Monday 2026 ann@example.org wrote:\r\n> x\r\n-- \r\nAnn\r\n",
    b"SGVsbG8=\r\n",
    b"=48=\r\n=ZZ=4",
    b"--b\r\n",
    b"--b--\r\n",
    b"--bb\r\n\r\n",
    b"\r\n--b b\r\n\r\n",
    b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- -- dash\r\nsigned  \r\n",
    b"-----BEGIN PGP SIGNED MESSAGE-----\nComment: x\n\n",
    _SIGNATURE,
    b"<html><b>x</b></html>",
    b"\x00\xff\r\r\n\n\x1b",
    b"From ann\r\n",
    b".\r\n",
    b"[GNUPG:] GOODSIG\r\n",
    b"y" * 3000 + b"\r\n",
)

_pieces = st.one_of(*map(st.sampled_from, (_ADDRESSES, _WORDS, _IDS, _TYPES, _MARKS, _TEXTS)), st.binary(max_size=8))
_several = st.lists(st.sampled_from((*_ADDRESSES, *_WORDS)), max_size=5).map(b"".join)


def _field(names: tuple[bytes, ...], values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(lambda name, value: name + b": " + value, st.sampled_from(names), values)


_addressed = _field(
    (b"From", b"To", b"Cc", b"Reply-To", b"Sender", b"from", b"Resent-To"), st.sampled_from(_ADDRESSES) | _several
)
_described = st.one_of(
    _field((b"Content-Type",), st.sampled_from(_TYPES)),
    _field((b"Content-Transfer-Encoding",), st.sampled_from(_ENCODINGS)),
    _field((b"Content-Disposition",), st.sampled_from(_DISPOSITIONS)),
)
_told = st.one_of(
    _field((b"Subject", b"Comments", b"Keywords"), _several),
    _field((b"Message-ID", b"In-Reply-To", b"References"), st.lists(st.sampled_from(_IDS), max_size=30).map(b" ".join)),
    st.sampled_from(_MARKS),
    st.binary(max_size=30),
)
_from_ann = st.just(b"From: Ann <ann@example.org>")
_ends = st.sampled_from((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"))


def _lines(fields: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join([*fields, b"", body])


_leaves = st.builds(
    _lines, st.lists(_described, max_size=3), st.lists(st.sampled_from(_TEXTS), min_size=1, max_size=4).map(b"".join)
)
_KINDS = (b"mixed", b"alternative", b"related", b"digest", b"signed", b"report; report-type=delivery-status")
_BOUNDARIES = ((b"b", b"b"), (b"bb", b"bb"), (b'"b b"', b"b b"), (b"b", b"bb"), (b"=_x", b"=_x"), (b'"b', b"b"))
_CLOSINGS = (b"--\r\n", b"--\r\n", b"--", b" --\r\n", b"", b"--\r\nepilogue\r\n")


def _multipart(parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A multipart entity whose delimiters are those that it announces, or nearly so."""

    def joined(kind: bytes, boundary: tuple[bytes, bytes], more: list[bytes], each: list[bytes], closing: bytes) -> bytes:
        announced, mark = boundary
        body = b"".join(b"\r\n--" + mark + b"\r\n" + part for part in each) + b"\r\n--" + mark + closing
        return _lines([b"Content-Type: multipart/" + kind + b"; boundary=" + announced, *more], body)

    more = st.lists(_described, max_size=1)
    contents = st.lists(parts, min_size=1, max_size=3)
    return st.builds(joined, *map(st.sampled_from, (_KINDS, _BOUNDARIES)), more, contents, st.sampled_from(_CLOSINGS))


_forwarded = st.builds(lambda inner: b"Content-Type: message/rfc822\r\n\r\n" + inner, _leaves)
_entities = st.recursive(_leaves | _forwarded, _multipart, max_leaves=6)
_headers = st.lists(st.one_of(_addressed, _described, _told, _told, _from_ann), max_size=8)

_Edit = tuple[str, int, int, bytes]
_edits = st.lists(
    st.tuples(
        st.sampled_from(("insert", "delete", "double", "flip", "move", "cut")),
        st.integers(0, 1 << 16),
        st.integers(1, 60),
        _pieces,
    ),
    max_size=5,
)


def _edited(raw: bytes, edit: _Edit) -> bytes:
    kind, at, span, piece = edit
    at %= len(raw) + 1
    before, taken, after = raw[:at], raw[at : at + span], raw[at + span :]
    match kind:
        case "insert":
            return raw[:at] + piece + raw[at:]
        case "delete":
            return before + after
        case "double":
            return before + taken * (1 + len(piece) % 40) + after
        case "flip":
            return before + bytes(octet ^ 0x80 for octet in taken) + after
        case "move":
            return taken + before + after
    return before


def damaged(mails: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """These mails with up to five edits."""
    return st.builds(lambda raw, edits: reduce(_edited, edits, raw), mails, _edits)


def _whole(fields: list[bytes], end: bytes, entity: bytes) -> bytes:
    raw = b"".join(field + b"\r\n" for field in fields) + entity
    return raw if end == b"\r\n" else raw.replace(b"\r\n", end)


built = st.builds(_whole, _headers, _ends, _entities | _multipart(_leaves) | _multipart(_entities))
known = st.sampled_from([mail.raw for mail in map(forge, range(60)) if mail.kind != "bad_signature" and len(mail.raw) < 4096])
_mails = st.one_of(built, damaged(built), damaged(known), st.binary(max_size=200))

# Mails whose From is the point: its value is put together from what address readers stumble over.
_SYNTAX = (
    *_ADDRESSES[:8],
    *b'ab@.<>,:;"()\\ \t[]%!=?_-'.split(b" "),
    b"@",
    b"<",
    b">",
    b",",
    b"(",
    b")",
    b'"',
    b" ",
    b"\xa0",
    b"\xe3\x80\x80",
    b".",
    b":",
    b";",
)
_noise = st.lists(st.sampled_from((*_SYNTAX, *_WORDS)), max_size=6).map(b"".join)
_phrases = st.sampled_from(
    (b"", b"Ann ", b'"Ann, x" ', b"=?utf-8?q?Ann?= ", b"(x) ", b'"a\\"b@c" ', b"A. B. ", b"J\xc3\xb6rg ")
)
_framed = st.builds(
    lambda before, phrase, after: before + phrase + b"<ann@example.org>" + after,
    st.sampled_from((b"", b"", b"", b" ", b"\r\n ", b",", b"x: ")) | _noise,
    _phrases,
    st.sampled_from((b"", b"", b"", b" ", b" (x)", b",", b";")) | _noise,
)
_values = st.one_of(_framed, _framed, _noise, st.sampled_from(_ADDRESSES))
_hidden = st.sampled_from(([b"Subject: x\rFrom: eve@example.net"], [b"no colon"], [b"From: eve@example.net", b"Space : x"]))
_above = st.one_of(st.lists(_told, max_size=2), st.just([]), _hidden)
_below = st.one_of(st.just([]), st.lists(_told, max_size=2), st.lists(_addressed | _field((b"From",), _values), max_size=2))
_authored = st.builds(
    lambda above, value, below: _lines([*above, b"From: " + value, *below], b"Hello\r\n"), _above, _values, _below
)

# Mails that are signed, or look like it.
_signed_leaf = st.builds(_lines, st.lists(_described, max_size=2), st.just(b"Signed text\r\n"))
_signature_part = st.just(b"Content-Type: application/pgp-signature\r\n\r\n" + _SIGNATURE)
_pgp_mime = st.builds(
    lambda preamble, part, signature, epilogue: (
        b"From: ann@example.org\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r\n\r\n'
        + preamble
        + b"--b\r\n"
        + part
        + b"\r\n--b\r\n"
        + signature
        + b"--b--\r\n"
        + epilogue
    ),
    st.sampled_from((b"", b"This is an OpenPGP/MIME signed message (RFC 4880 and 3156)\r\n", b"hidden\r\n")),
    _entities | _signed_leaf,
    _signature_part,
    st.sampled_from((b"", b"\r\n", b"hidden\r\n")),
)
_clear = st.builds(
    lambda above, text, below: (
        b"From: ann@example.org\r\n\r\n"
        + above
        + b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\n"
        + text
        + _SIGNATURE
        + below
    ),
    st.sampled_from((b"", b"\r\n", b"hidden\r\n")),
    st.lists(st.sampled_from(_TEXTS), max_size=3).map(b"".join),
    st.sampled_from((b"", b"\r\n", b"hidden\r\n")),
)
_looks_signed = st.one_of(_pgp_mime, _clear)
_signed = st.one_of(_looks_signed, _looks_signed, damaged(_looks_signed), _mails)


# Each as a whole has a name, or what hypothesis says of it would fill pages.


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """Any mail."""
    return draw(_mails)


@st.composite
def authored(draw: st.DrawFn) -> bytes:
    """A mail whose From is hard to read."""
    return draw(_authored)


@st.composite
def signed(draw: st.DrawFn) -> bytes:
    """A mail that is signed, looks like it, or is any other."""
    return draw(_signed)


def signed_by_ann() -> st.SearchStrategy[bytes]:
    """Mails with a good signature: whole, damaged, or put between other parts."""
    whole = st.sampled_from(ann().mails)
    head = b"From: ann@example.org\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n"
    inside = st.builds(
        lambda parts: head + b"".join(b"--outer\r\n" + part + b"\r\n" for part in parts) + b"--outer--\r\n",
        st.lists(whole | _leaves | _signature_part, min_size=1, max_size=3),
    )
    return damaged(whole | inside)
