"""Tricks with a whole mail: who is in From, the rest of the header, and what is wrapped around the signed entity."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

from tests.attacks.cast import AUTHORS
from tests.attacks.letters import Body, Letter, address_of, boundary_of, evil
from tests.attacks.trick import OnLetter, Trick, on_letter

Make = Callable[[Random, Letter], bytes]


def _from(*fields: Make | bytes, author: str | None = None) -> OnLetter:
    """Other From fields; ``author`` is whose single address stands in them, if one's does."""

    def play(rng: Random, letter: Letter) -> Letter:
        others = [field for field in letter.top if not field.lower().startswith(b"from")]
        made = [field if isinstance(field, bytes) else field(rng, letter) for field in fields]
        return replace(letter, top=(*made, *others), author=author)

    return play


def _plus(*fields: Make | bytes, below: bool = False) -> OnLetter:
    """More fields in the header, above the others or below."""

    def play(rng: Random, letter: Letter) -> Letter:
        made = tuple(field if isinstance(field, bytes) else field(rng, letter) for field in fields)
        return letter.with_top(*((*letter.top, *made) if below else (*made, *letter.top)))

    return play


def _changed(old: bytes, new: bytes) -> OnLetter:
    """A change to the mail as it goes."""
    return lambda rng, letter: letter.finished(lambda raw: raw.replace(old, new, 1))


def _finished(step: Callable[[bytes], bytes]) -> OnLetter:
    return lambda rng, letter: letter.finished(step)


def _author(_: Random, letter: Letter) -> bytes:
    return address_of(letter.author or "ann")


def _evil_field(name: bytes) -> Make:
    return lambda rng, _: name + b": " + evil(rng).strip()


def _other_user(rng: Random, letter: Letter) -> Letter:
    other = rng.choice([user for user in (*AUTHORS, "tom", "sid") if user != letter.author])
    return replace(_from(b"From: " + address_of(other))(rng, letter), author=other)


def _another_name(rng: Random, letter: Letter) -> Letter:
    author = letter.author or "ann"
    return replace(_from(b"From: Mallory <" + author.encode() + b"@example.org>")(rng, letter), author=author)


_MALLORY = b"mallory@evil.example"

FROM: tuple[Trick, ...] = (
    *on_letter("from", True, another_user=_other_user),
    *on_letter(
        "from",
        True,
        nobody=_from(b"From: Ann <ann@evil.example>"),
        none=_from(),
        empty=_from(b"From: "),
        two_fields=_from(b"From: " + _MALLORY, lambda rng, letter: b"From: " + _author(rng, letter)),
        two_fields_the_other_way=_from(lambda rng, letter: b"From: " + _author(rng, letter), b"From: " + _MALLORY),
        two_fields_folded=_from(b"From:\r\n " + _MALLORY, lambda rng, letter: b"FROM:\r\n\t" + _author(rng, letter)),
        the_field_twice=_from(*[lambda rng, letter: b"From: " + _author(rng, letter)] * 2),
        two_addresses=_from(lambda rng, letter: b"From: " + _MALLORY + b", " + _author(rng, letter)),
        two_addresses_the_other_way=_from(lambda rng, letter: b"From: " + _author(rng, letter) + b", " + _MALLORY),
        group=_from(lambda rng, letter: b"From: all: " + _author(rng, letter) + b";"),
        group_of_two=_from(lambda rng, letter: b"From: all: " + _MALLORY + b", " + _author(rng, letter) + b";"),
        in_the_name=_from(lambda rng, letter: b'From: "' + _author(rng, letter) + b'" <' + _MALLORY + b">"),
        in_the_name_unquoted=_from(lambda rng, letter: b"From: ann@example.org <" + _MALLORY + b">"),
        in_a_comment=_from(lambda rng, letter: b"From: " + _MALLORY + b" (ann@example.org)"),
        comment_in_the_address=_from(b"From: ann(x)@(y)evil.example"),
        comment_that_never_ends=_from(lambda rng, letter: b"From: (" + _author(rng, letter)),
        encoded_word=_from(b"From: =?utf-8?Q?ann=40example.org?= <" + _MALLORY + b">"),
        encoded_address=_from(b"From: =?utf-8?B?" + base64.b64encode(b"ann@example.org") + b"?="),
        encoded_local_part=_from(b"From: =?utf-8?Q?ann?=@example.org"),
        encoded_with_zero=_from(b"From: =?utf-8?Q?ann=40example.org=00?= <" + _MALLORY + b">"),
        route=_from(b"From: <@evil.example:ann@example.org>"),
        percent=_from(b"From: <ann%example.org@evil.example>"),
        two_at_signs=_from(b"From: <ann@example.org@evil.example>"),
        two_angles=_from(b"From: <ann@example.org> <" + _MALLORY + b">"),
        angle_in_quotes=_from(b'From: "<ann@example.org>" <' + _MALLORY + b">"),
        trailing_dot=_from(b"From: ann@example.org."),
        kelvin=_from("From: ann@example.or\u212a".encode()),
        cyrillic=_from("From: \u0430nn@example.org".encode()),
        zero=_from(b"From: ann@example.org\0@evil.example"),
        bare_cr=_from(b"From: ann@example.org\r@evil.example"),
        bare_cr_and_a_field=_from(b"Subject: x\rFrom: " + _MALLORY, b"From: ann@example.org"),
        only_sender=_from(lambda rng, letter: b"Sender: " + _author(rng, letter)),
        only_resent=_from(lambda rng, letter: b"Resent-From: " + _author(rng, letter)),
        space_before_colon=_from(lambda rng, letter: b"From : " + _author(rng, letter)),
        behind_a_line_that_is_no_field=_from(b"this is no field", lambda rng, letter: b"From: " + _author(rng, letter)),
        in_the_body=lambda rng, letter: _from()(rng, letter).finished(
            lambda raw: raw.replace(b"\r\n\r\n", b"\r\n\r\nFrom: " + address_of(letter.author or "ann") + b"\r\n", 1)
        ),
        mbox_line_only=lambda rng, letter: _from()(rng, letter).finished(
            lambda raw: b"From ann@example.org Sat Nov 21 08:00:00 2026\r\n" + raw
        ),
    ),
    *on_letter(
        "from",
        False,
        another_name=_another_name,
        sender=_plus(b"Sender: " + _MALLORY),
        reply_to=_plus(b"Reply-To: " + _MALLORY),
        resent=_plus(b"Resent-From: " + _MALLORY, b"Resent-To: " + _MALLORY),
        x_from=_plus(b"X-From: " + _MALLORY, b"Apparently-From: " + _MALLORY),
        return_path=_plus(b"Return-Path: <" + _MALLORY + b">"),
    ),
)

HEADER: tuple[Trick, ...] = (
    *on_letter(
        "header",
        True,
        text_below_a_blank_line=lambda rng, letter: letter.with_top(*letter.top, b"\r\n" + evil(rng)),
        type_below_a_blank_line=_plus(b"", below=True),
        type_above_html=_plus(b"Content-Type: text/html; charset=utf-8"),
        a_thousand_fields=_plus(*[b"X-Field: x"] * 1001),
        a_header_that_is_too_long=_plus(b"X-Field: " + b"x" * 270_000),
    ),
    *on_letter(
        "header",
        False,
        subject=_changed(b"Subject: Greetings", b"Subject: Pay eve now"),
        two_subjects=_plus(_evil_field(b"Subject")),
        date=_plus(b"Date: Thu, 1 Jan 1970 00:00:00 +0000"),
        recipient=_changed(b"notes@example.net", b"payments@example.net"),
        received=_plus(_evil_field(b"Received")),
        list=_plus(b"List-Id: <list.example.net>", b"Sender: list-bounces@example.net"),
        comments=_plus(_evil_field(b"Comments"), _evil_field(b"Keywords")),
        authentication_results=_plus(b"Authentication-Results: example.net; dkim=pass header.d=example.org"),
        dkim=_plus(b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh=x; b=x"),
        autocrypt=_plus(b"Autocrypt: addr=ann@example.org; prefer-encrypt=mutual; keydata=mDMEAAAA"),
        gossip=_plus(b"OpenPGP: id=0000; url=http://127.0.0.1:9/key.asc"),
        protected_from=_plus(b"HP: clear", b"HP-Outer: From: " + _MALLORY),
        signed_by=_plus(b"X-Enigmail-Status: good", b"X-PGP-Signed: " + b"ann@example.org"),
        description=_plus(_evil_field(b"Content-Description"), below=True),
        location=_plus(b"Content-Location: http://127.0.0.1:9/", b"Content-Base: http://127.0.0.1:9/", below=True),
        content_id=_plus(b"Content-ID: <eve>", below=True),
        two_versions=_plus(b"MIME-Version: 2.0"),
        no_version=_changed(b"MIME-Version: 1.0\r\n", b""),
        a_line_that_is_no_field=_plus(lambda rng, _: evil(rng).strip(), below=True),
        space_before_colon=_plus(b"X-Field : x", below=True),
        bare_cr=_plus(b"X-Field: x\rPay eve", below=True),
        zero=_plus(b"X-Field: x\0y", below=True),
        folded_blank=_plus(b"X-Field: x\r\n \r\n y", below=True),
        eight_bit=_plus("X-Field: Grüße".encode()),
        lf=_finished(lambda raw: raw.replace(b"\r\n", b"\n")),
        mbox_line=_finished(lambda raw: b"From ann@example.org Sat Nov 21 08:00:00 2026\r\n" + raw),
        no_blank_line=_finished(lambda raw: raw.replace(b"\r\n\r\n", b"\r\n", 1)),
        type_above=_plus(b"Content-Type: text/plain"),
        lower_case=_finished(lambda raw: raw.replace(b"Content-Type", b"content-type", 1)),
        fifty_received=_plus(*[b"Received: from a by b; Sat, 21 Nov 2026 08:00:00 +0000"] * 50),
        blank_lines_at_the_end=_finished(lambda raw: raw + b"\r\n\r\n"),
    ),
)


def _text(rng: Random) -> bytes:
    return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + evil(rng)


def _html(rng: Random) -> bytes:
    return b"Content-Type: text/html\r\n\r\n<html><body>" + evil(rng) + b"</body></html>"


def _html_hiding(rng: Random) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + evil(rng) + b'<div style="display:none"><plaintext>'


def _html_of_parts(rng: Random) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + evil(rng) + b'<img src="cid:signed"><iframe src="cid:signed">'


def _file(rng: Random) -> bytes:
    return b"Content-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\n" + evil(rng)


def _message(rng: Random) -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\nFrom: ann@example.org\r\nSubject: x\r\n\r\n" + evil(rng)


def _headless(rng: Random) -> bytes:
    return b"\r\n" + evil(rng)


def _encoded(rng: Random) -> bytes:
    return b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(evil(rng))


def _nothing(rng: Random) -> bytes:
    return b""


def _unclosed(rng: Random) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=open\r\n\r\n--open\r\n\r\n" + evil(rng)


_BESIDE = (_text, _html, _html_hiding, _html_of_parts, _file, _message, _headless, _encoded, _nothing, _unclosed)
_KINDS = ("mixed", "alternative", "related", "digest", "parallel", "report", "signed", "encrypted", "form-data", "x-unknown")
_PARAMETERS = {
    "report": b"; report-type=disposition-notification",
    "signed": b'; protocol="application/pgp-signature"; micalg=pgp-sha256',
    "encrypted": b'; protocol="application/pgp-encrypted"',
    "related": b"; type=text/html; start=eve",
}


def _wrapped(letter: Letter, kind: str, rng: Random, before: bool, after: bool) -> Letter:
    boundary = boundary_of(rng)
    beside = rng.choice(_BESIDE)
    parts = [beside(rng)] * before + [letter.content.entity] + [beside(rng)] * after
    mark = b"--" + boundary
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    field = b"Content-Type: multipart/" + kind.encode() + _PARAMETERS.get(kind, b"") + b"; boundary=" + b'"' + boundary + b'"'
    return letter.with_body(Body((field,), body))


def _in(kind: str, before: bool, after: bool, depth: int = 1) -> OnLetter:
    def play(rng: Random, letter: Letter) -> Letter:
        for _ in range(depth):
            letter = _wrapped(letter, kind, rng, before, after)
        return letter

    return play


def _in_any(rng: Random, letter: Letter) -> Letter:
    """A nest of different kinds."""
    for _ in range(rng.randrange(2, 12)):
        letter = _wrapped(letter, rng.choice(_KINDS), rng, rng.random() < 0.5, rng.random() < 0.5)
    return letter


def _attached(rng: Random, letter: Letter) -> Letter:
    """As a message in another one, alone or behind a text."""
    inner = b"From: ann@example.org\r\n" + letter.content.entity
    encoding = rng.choice([b"", b"Content-Transfer-Encoding: base64\r\n"])
    fields = b"Content-Type: message/rfc822\r\n" + encoding
    return letter.with_body(Body((fields.removesuffix(b"\r\n"),), base64.encodebytes(inner) if encoding else inner))


def _as_a_file(rng: Random, letter: Letter) -> Letter:
    """The signed entity as an attachment that is not shown."""
    kind = (*letter.content.kind, b"Content-Disposition: attachment; filename=signed.eml")
    return _wrapped(letter.with_body(Body(kind, letter.content.body)), "mixed", rng, True, False)


def _with_content_id(rng: Random, letter: Letter) -> Letter:
    """The signed entity as a picture of Eve's page."""
    kind = (*letter.content.kind, b"Content-ID: <signed>", b"Content-Disposition: inline")
    return _wrapped(letter.with_body(Body(kind, letter.content.body)), "related", rng, True, False)


def _twice(rng: Random, letter: Letter) -> Letter:
    entity = letter.content.entity
    body = b"--two\r\n" + entity + b"\r\n--two\r\n" + entity + b"\r\n--two--\r\n"
    return letter.with_body(Body((b"Content-Type: multipart/mixed; boundary=two",), body))


def _wrappings() -> Iterable[Trick]:
    places = {"alone": (False, False), "behind": (True, False), "before": (False, True), "between": (True, True)}
    for kind in _KINDS:
        for place, (before, after) in places.items():
            yield from on_letter("wrapped", True, **{f"{kind}-{place}": _in(kind, before, after)})
        yield from on_letter("wrapped", True, **{f"{kind}-deep": _in(kind, True, True, depth=4)})


WRAPPED: tuple[Trick, ...] = (
    *_wrappings(),
    *on_letter(
        "wrapped",
        True,
        in_a_nest=_in_any,
        attached=_attached,
        as_a_file=_as_a_file,
        as_a_picture=_with_content_id,
        twice=_twice,
        deeper_than_anybody_looks=_in("mixed", True, False, depth=30),
        attached_deep=lambda rng, letter: _wrapped(_attached(rng, letter), "mixed", rng, True, True),
    ),
)

TRICKS = FROM + HEADER + WRAPPED
