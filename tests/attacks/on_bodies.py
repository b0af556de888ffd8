"""Tricks with the body of a signed mail: PGP/MIME and clear-signed, and one in the place of the other."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.attacks.letters import Body, Signed, block, boundary_of, crlf, evil, mime, plain, signature_part
from tests.attacks.packets import armored, literal
from tests.attacks.trick import OnBody, Trick, on_body

_KNOWN = b"This is an OpenPGP/MIME signed message (RFC 4880 and 3156)\r\n"
_BEGIN, _END = b"-----BEGIN PGP SIGNATURE-----\r\n", b"-----END PGP SIGNATURE-----\r\n"


def _parts(make: Callable[[Random, bytes, bytes], tuple[bytes, ...]], **how: bytes) -> OnBody:
    """PGP/MIME of other parts than its two, which ``make`` is given."""

    def play(rng: Random, signed: Signed) -> Body:
        parts = make(rng, signed.content, signature_part(signed.armor))
        return mime(signed, boundary_of(rng), parts=parts, **how)  # type: ignore[arg-type]

    return play


def _around(**how: Callable[[Random], bytes]) -> OnBody:
    """PGP/MIME with something beside its parts."""
    return lambda rng, signed: mime(signed, boundary_of(rng), **{name: make(rng) for name, make in how.items()})  # type: ignore[arg-type]


def _armor(change: Callable[[Random, bytes], bytes]) -> OnBody:
    """PGP/MIME with a change to the armored signature."""
    return lambda rng, signed: _parts(lambda rng, part, _: (part, signature_part(change(rng, signed.armor))))(rng, signed)


def _kind(change: Callable[[bytes, bytes], bytes | tuple[bytes, ...]]) -> OnBody:
    """PGP/MIME with a change to its Content-Type field; ``change`` is given the field and the boundary."""

    def play(rng: Random, signed: Signed) -> Body:
        boundary = boundary_of(rng)
        body = mime(signed, boundary)
        fields = change(body.kind[0], boundary)
        return replace(body, kind=fields if isinstance(fields, tuple) else (fields,))

    return play


def _body(change: Callable[[Random, bytes, bytes], bytes], *fields: bytes) -> OnBody:
    """PGP/MIME with a change to its body; ``change`` is given the body and the boundary."""

    def play(rng: Random, signed: Signed) -> Body:
        boundary = boundary_of(rng)
        body = mime(signed, boundary)
        return Body((*body.kind, *fields), change(rng, body.body, boundary))

    return play


def _html(rng: Random) -> bytes:
    return b"Content-Type: text/html\r\n\r\n<p>" + evil(rng)


def _text(rng: Random) -> bytes:
    return b"Content-Type: text/plain\r\n\r\n" + evil(rng)


def _two_boundaries(rng: Random, signed: Signed) -> Body:
    """One boundary finds the signed parts, the other one Eve's."""
    good, bad = mime(signed, b"good"), mime(signed, b"bad", parts=(_text(rng), signature_part(signed.armor)))
    pairs = [b'boundary="good"; boundary="bad"', b'boundary="bad"; boundary="good"', b"boundary=good; boundary*=us-ascii''bad"]
    pairs += [b"boundary=bad; boundary*=us-ascii''good", b"boundary*0=go; boundary*1=od; boundary=bad"]
    kind = good.kind[0].replace(b'boundary="good"', rng.choice(pairs))
    return Body((kind,), bad.body + good.body if rng.random() < 0.5 else good.body + bad.body)


def _nested_same_boundary(rng: Random, signed: Signed) -> Body:
    inner = mime(signed, b"same")
    return mime(signed, b"same", parts=(inner.entity, _text(rng)))


PGP_MIME: tuple[Trick, ...] = (
    *on_body(
        "text-beside",
        "mime",
        True,
        preamble=_around(preamble=evil),
        preamble_behind_a_known_one=_around(preamble=lambda rng: _KNOWN + evil(rng)),
        preamble_before_a_known_one=_around(preamble=lambda rng: evil(rng) + _KNOWN),
        preamble_html=_around(preamble=_html),
        preamble_on_one_line=_around(preamble=lambda rng: _KNOWN.strip() + b" " + evil(rng)),
        epilogue=_around(epilogue=evil),
        epilogue_far_below=_around(epilogue=lambda rng: b"\r\n" * 200 + evil(rng)),
        epilogue_html=_around(epilogue=_html),
        epilogue_a_part=_body(
            lambda rng, body, mark: body + b"--" + mark + b"\r\n" + _text(rng) + b"\r\n--" + mark + b"--\r\n"
        ),
        before_the_armor=_armor(lambda rng, armor: evil(rng) + armor),
        behind_the_armor=_armor(lambda rng, armor: armor + evil(rng)),
        within_the_armor=_armor(lambda rng, armor: armor.replace(_END, evil(rng) + _END)),
        between_armor_lines=_armor(lambda rng, armor: armor[:-60] + b"\r\n" + evil(rng) + armor[-60:]),
        in_the_armor_without_blank_line=_armor(lambda rng, armor: armor.replace(b"-----\r\n\r\n", b"-----\r\n" + evil(rng), 1)),
        on_the_line_of_the_end=_armor(lambda rng, armor: armor.rstrip() + b" " + evil(rng)),
        on_the_line_of_the_beginning=_armor(lambda rng, armor: armor.replace(b"URE-----\r\n", b"URE----- " + evil(rng), 1)),
    ),
    *on_body(
        "text-beside",
        "mime",
        False,
        in_an_armor_header=_armor(lambda rng, armor: armor.replace(b"\r\n", b"\r\nComment: " + evil(rng), 1)),
        in_many_armor_headers=_armor(lambda rng, armor: armor.replace(b"\r\n", b"\r\n" + (b"Comment: " + evil(rng)) * 50, 1)),
        in_the_name_of_the_signature=_parts(lambda rng, part, sig: (part, sig.replace(b"signature.asc", evil(rng).strip()))),
        blank_epilogue=_around(epilogue=lambda rng: b"\r\n \t\r\n" * rng.randrange(1, 9)),
        known_preamble=_around(preamble=lambda rng: _KNOWN),
    ),
    *on_body(
        "parts",
        "mime",
        True,
        a_third_behind=_parts(lambda rng, part, sig: (part, sig, _text(rng))),
        a_third_between=_parts(lambda rng, part, sig: (part, _text(rng), sig)),
        a_third_before=_parts(lambda rng, part, sig: (_text(rng), part, sig)),
        html_behind=_parts(lambda rng, part, sig: (part, sig, _html(rng))),
        swapped=_parts(lambda rng, part, sig: (sig, part)),
        an_empty_one_before=_parts(lambda rng, part, sig: (b"", part, sig)),
        an_empty_one_behind=_parts(lambda rng, part, sig: (part, sig, b"")),
        two_signatures=_parts(lambda rng, part, sig: (part, sig, sig)),
        no_signature=_parts(lambda rng, part, sig: (part,)),
        only_a_signature=_parts(lambda rng, part, sig: (sig,)),
        nothing_signed=_parts(lambda rng, part, sig: (b"", sig)),
        another_text_in_place=_parts(lambda rng, part, sig: (_text(rng), sig)),
        the_text_twice=_parts(lambda rng, part, sig: (part, part, sig)),
        text_in_place_of_the_signature=_parts(lambda rng, part, sig: (part, _text(rng))),
        signature_as_text=_parts(lambda rng, part, sig: (part, sig.replace(b"application/pgp-signature", b"text/plain"))),
        signature_as_html=_parts(lambda rng, part, sig: (part, _html(rng) + sig.partition(b"\r\n\r\n")[2])),
        signature_as_keys=_parts(lambda rng, part, sig: (part, sig.replace(b"pgp-signature", b"pgp-keys"))),
        signature_attached_to_a_mixed=_parts(
            lambda rng, part, sig: (part, b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n" + sig + b"\r\n--q--")
        ),
        nested_same_boundary=_nested_same_boundary,
        not_closed=_body(lambda rng, body, mark: body.replace(b"--" + mark + b"--\r\n", b"")),
        not_closed_and_text=_body(lambda rng, body, mark: body.replace(b"--" + mark + b"--", b"--" + mark + b"- ") + evil(rng)),
        closed_too_early=_body(lambda rng, body, mark: body.replace(b"--" + mark + b"\r\n", b"--" + mark + b"--\r\n", 1)),
        closed_before_the_signature=_body(
            lambda rng, body, mark: (b"--" + mark).join(
                [piece if n != 2 else b"--" + piece for n, piece in enumerate(body.split(b"--" + mark))]
            )
        ),
        first_delimiter_missing=_body(lambda rng, body, mark: body.removeprefix(b"--" + mark + b"\r\n")),
        text_on_a_delimiter=_body(lambda rng, body, mark: body.replace(mark + b"\r\n", mark + b" " + evil(rng), 1)),
        text_behind_a_delimiter_and_cr=_body(
            lambda rng, body, mark: body.replace(b"\r\n--" + mark + b"\r\n", b"\r\n--" + mark + b"\r" + evil(rng), 1)
        ),
        text_above_the_header_of_the_signature=_parts(lambda rng, part, sig: (part, evil(rng) + sig)),
        text_below_the_header_of_the_signature=_parts(
            lambda rng, part, sig: (part, sig.replace(b"\r\n\r\n", b"\r\n" + evil(rng) + b"\r\n", 1))
        ),
        one_message=_parts(lambda rng, part, sig: (b"Content-Type: message/rfc822\r\n\r\n" + _text(rng), sig)),
    ),
    *on_body(
        "parts",
        "mime",
        False,
        delimiters_indented=_body(lambda rng, body, mark: body.replace(b"--" + mark, b" --" + mark, 1)),
        blanks_behind_delimiters=_body(lambda rng, body, mark: body.replace(mark + b"\r\n", mark + b" \t\r\n")),
        longer_boundaries_beside=_body(lambda rng, body, mark: b"--" + mark + b"x\r\n" + body),
        delimiters_after_bare_cr=_body(lambda rng, body, mark: body.replace(b"\r\n--" + mark, b"\r--" + mark)),
        no_line_end_at_the_end=_body(lambda rng, body, mark: body.rstrip(b"\r\n")),
    ),
    *on_body(
        "type",
        "mime",
        True,
        mixed=_kind(lambda field, _: field.replace(b"multipart/signed", b"multipart/mixed")),
        alternative=_kind(lambda field, _: field.replace(b"multipart/signed", b"multipart/alternative")),
        encrypted=_kind(lambda field, _: field.replace(b"multipart/signed", b"multipart/encrypted")),
        text=_kind(lambda field, _: field.replace(b"multipart/signed", b"text/plain")),
        html=_kind(lambda field, _: field.replace(b"multipart/signed", b"text/html")),
        message=_kind(lambda field, _: field.replace(b"multipart/signed", b"message/rfc822")),
        smime=_kind(lambda field, _: field.replace(b"pgp-signature", b"pkcs7-signature")),
        other_protocol=_kind(lambda field, _: field.replace(b"application/pgp-signature", b"text/plain")),
        no_protocol=_kind(lambda field, _: field.replace(b'protocol="application/pgp-signature";', b"")),
        no_boundary=_kind(lambda field, mark: field.replace(b"boundary=", b"bound=")),
        empty_boundary=_kind(lambda field, mark: field.replace(mark, b"")),
        another_boundary=_kind(lambda field, mark: field.replace(mark, mark + b"x")),
        two_boundaries=_two_boundaries,
        html_first=_kind(lambda field, _: (b"Content-Type: text/html", field)),
        html_second=_kind(lambda field, _: (field, b"Content-Type: text/html")),
        text_second=_kind(lambda field, _: (field, b"Content-type: text/plain; charset=utf-8")),
        two_types_in_one=_kind(lambda field, _: field + b", text/html"),
        not_a_type=_kind(lambda field, _: field.replace(b"multipart/signed", b"multipart signed")),
    ),
    *on_body(
        "type",
        "mime",
        False,
        other_case=_kind(lambda field, _: field.replace(b"multipart/signed", b"MultiPart/SIGNED")),
        other_micalg=_kind(lambda field, _: field.replace(b"pgp-sha256", b"pgp-md5")),
        evil_micalg=_kind(lambda field, _: field.replace(b"pgp-sha256", b'"' + evil(Random(2)).strip() + b'"')),
        comments=_kind(lambda field, _: field.replace(b"; ", b" (Pay; boundary=eve) ; ")),
        encoded_boundary=_kind(lambda field, mark: field.replace(b'boundary="' + mark + b'"', b"boundary*=us-ascii''" + mark)),
        boundary_in_pieces=_kind(
            lambda field, mark: field.replace(
                b'boundary="' + mark + b'"', b'boundary*0="' + mark[:4] + b'"; boundary*1="' + mark[4:] + b'"'
            )
        ),
        parameters_twice=_kind(lambda field, mark: field + b'; boundary="' + mark + b'"'),
        protocol_twice=_kind(lambda field, mark: field + b'; protocol="text/html"'),
        a_name=_kind(lambda field, mark: (field + b'; name="pay eve.txt"', b"Content-Disposition: attachment")),
        a_charset=_kind(lambda field, mark: field + b"; charset=utf-16"),
        the_field_twice=_kind(lambda field, mark: (field, field)),
        space_before_colon=_kind(lambda field, mark: field.replace(b"Content-Type:", b"Content-Type :")),
        folded_everywhere=_kind(lambda field, mark: field.replace(b"; ", b"\r\n ;\r\n\t")),
    ),
    *on_body(
        "encoding",
        "mime",
        True,
        said_to_be_base64=_body(lambda rng, body, _: body, b"Content-Transfer-Encoding: base64"),
        said_to_be_quoted=_body(lambda rng, body, _: body, b"Content-Transfer-Encoding: quoted-printable"),
        base64=_body(lambda rng, body, _: base64.encodebytes(body), b"Content-Transfer-Encoding: base64"),
        quoted=_body(lambda rng, body, _: quopri.encodestring(body), b"Content-Transfer-Encoding: Quoted-Printable"),
        unknown=_body(lambda rng, body, _: body, b"Content-Transfer-Encoding: x-uuencode"),
        two=_body(lambda rng, body, _: body, b"Content-Transfer-Encoding: 7bit", b"Content-Transfer-Encoding: base64"),
        signature_in_another_armor=_armor(lambda rng, armor: crlf(armored(literal(evil(rng)), "MESSAGE"))),
        signature_as_a_message=_armor(lambda rng, armor: armor.replace(b"SIGNATURE", b"MESSAGE")),
        signature_of_two_kinds=_armor(lambda rng, armor: armor.replace(b"END PGP SIGNATURE", b"END PGP MESSAGE")),
    ),
    *on_body(
        "encoding",
        "mime",
        False,
        commented=_body(lambda rng, body, _: body, b"Content-Transfer-Encoding: 8bit (or base64)"),
        signature_encoded=_parts(
            lambda rng, part, sig: (
                part,
                sig.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1).partition(b"\r\n\r\n")[0]
                + b"\r\n\r\n"
                + base64.encodebytes(sig.partition(b"\r\n\r\n")[2]),
            )
        ),
    ),
    *on_body(
        "other-form",
        "mime",
        False,
        clear_signed=lambda rng, signed: plain(block(signed)),
        clear_signed_without_its_end=lambda rng, signed: plain(
            block(replace(signed, content=signed.content.removesuffix(b"\r\n")))
        ),
    ),
)


def _block(change: Callable[[Random, bytes], bytes], **how: bytes) -> OnBody:
    """A clear-signed body with a change to the block."""
    return lambda rng, signed: plain(change(rng, block(signed)), **how)


def _headers(make: Callable[[Random], bytes], **how: bytes) -> OnBody:
    """A clear-signed body with other armor headers."""
    return lambda rng, signed: plain(block(signed, headers=make(rng), **how))  # type: ignore[arg-type]


def _encoded(encoding: bytes, change: Callable[[Random, bytes], bytes]) -> OnBody:
    """A clear-signed body with a change to its encoded form."""

    def play(rng: Random, signed: Signed) -> Body:
        body = plain(block(signed), encoding=encoding)
        return replace(body, body=change(rng, body.body))

    return play


def _typed(*kind: bytes) -> OnBody:
    """A clear-signed body with other fields above it."""
    return lambda rng, signed: Body(kind, block(signed))


_HASH = b"Hash: SHA256\r\n"
_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----\r\n"
_CHARSETS = (b"utf-16", b"utf-16be", b"utf-32", b"utf-7", b"iso-2022-jp", b"hz-gb-2312", b"cp037", b"koi8-r", b"iso-8859-5")
_CHARSETS += (b"shift_jis", b"gb18030", b"cp1252", b"big5", b"iso-2022-kr", b"ibm864", b"x-nobody-knows", b"utf8", b"us-ascii")

CLEAR: tuple[Trick, ...] = (
    *on_body(
        "text-beside",
        "clear",
        True,
        before=_block(lambda rng, text: evil(rng) + text),
        behind=_block(lambda rng, text: text + evil(rng)),
        around=_block(lambda rng, text: evil(rng) + text + evil(rng)),
        far_below=_block(lambda rng, text: text + b"\r\n" * 300 + evil(rng)),
        in_an_armor_header=_headers(lambda rng: _HASH + b"Comment: " + evil(rng)),
        in_a_charset_header=_headers(lambda rng: _HASH + b"Charset: " + evil(rng)),
        in_a_hash_header=_headers(lambda rng: b"Hash: " + evil(rng)),
        in_a_version_header=_headers(lambda rng: b"Version: " + evil(rng) + _HASH),
        in_many_headers=_headers(lambda rng: _HASH + (b"X-Note: " + evil(rng)) * rng.randrange(2, 200)),
        not_dash_escaped=_headers(lambda rng: _HASH + b"NotDashEscaped: You need GnuPG to verify this message\r\n"),
        a_line_among_headers=_headers(lambda rng: _HASH + evil(rng)),
        a_folded_header=_headers(lambda rng: b"Hash: SHA256\r\n " + evil(rng)),
        missing_blank_line=_headers(lambda rng: _HASH + evil(rng), blank=b""),
        blank_line_of_form_feeds=_headers(lambda rng: _HASH, blank=b"\x0c\x0b\r\n"),
        before_the_signature=_block(lambda rng, text: text.replace(_BEGIN, evil(rng) + _BEGIN)),
        in_the_armor=_block(lambda rng, text: text.replace(_END, evil(rng) + _END)),
        between_armor_lines=_block(lambda rng, text: text[:-60] + b"\r\n" + evil(rng) + text[-60:]),
        on_the_line_of_the_end=_block(lambda rng, text: text.rstrip() + b" " + evil(rng)),
        on_the_first_line=_block(lambda rng, text: text.replace(b"AGE-----\r\n", b"AGE----- " + evil(rng), 1)),
        before_the_first_line=_block(lambda rng, text: evil(rng).strip() + b" " + text),
        invisible_before=_block(lambda rng, text: b"\xef\xbb\xbf\r\n" + text),
        html_behind=_block(lambda rng, text: text + b"<html>" + evil(rng)),
        another_signature_behind=_block(lambda rng, text: text + evil(rng) + text[text.index(_BEGIN) :]),
        quoted=_block(lambda rng, text: b"> " + text.replace(b"\r\n", b"\r\n> ") + b"\r\n" + evil(rng)),
    ),
    *on_body(
        "text-beside",
        "clear",
        False,
        blank_lines_around=_block(lambda rng, text: b"\r\n \t\r\n" + text + b"\t\r\n\r\n"),
        in_a_header_of_the_signature=_block(lambda rng, text: text.replace(_BEGIN, _BEGIN + b"Comment: " + evil(rng))),
        several_hash_headers=_headers(lambda rng: b"Hash: SHA256, SHA512\r\nHash: SHA1\r\n"),
        no_hash_header=_headers(lambda rng: b""),
        wrong_hash_header=_headers(lambda rng: b"Hash: MD5\r\n"),
    ),
    *on_body(
        "blocks",
        "clear",
        True,
        two=_block(lambda rng, text: text + text),
        eves_first=_block(lambda rng, text: _SIGNED + _HASH + b"\r\n" + evil(rng) + text),
        eves_behind=_block(lambda rng, text: text + _SIGNED + _HASH + b"\r\n" + evil(rng) + text[text.index(_BEGIN) :]),
        a_beginning_within=_block(lambda rng, text: text.replace(_BEGIN, _SIGNED + b"\r\n" + evil(rng) + _BEGIN)),
        an_end_within=_block(lambda rng, text: text.replace(_BEGIN, _END + evil(rng) + _BEGIN)),
        a_signature_within=_block(lambda rng, text: text.replace(_BEGIN, _BEGIN + b"\r\n" + _END + evil(rng) + _BEGIN)),
        a_message_behind=_block(lambda rng, text: text + crlf(armored(literal(evil(rng)), "MESSAGE"))),
        only_a_message=lambda rng, signed: plain(crlf(armored(literal(evil(rng)) + signed.signature, "MESSAGE")) + evil(rng)),
        no_signature=_block(lambda rng, text: text[: text.index(_BEGIN)]),
        no_end=_block(lambda rng, text: text.replace(_END, b"")),
        no_beginning=_block(lambda rng, text: text.replace(_SIGNED, b"")),
        a_line_within=_block(lambda rng, text: text.replace(b"\r\n\r\n", b"\r\n\r\n" + evil(rng), 1)),
        an_escaped_line_within=_block(lambda rng, text: text.replace(b"\r\n\r\n", b"\r\n\r\n- " + evil(rng), 1)),
        a_line_that_is_too_long=_block(lambda rng, text: text.replace(_BEGIN, b"\t" * 20_000 + evil(rng) + _BEGIN)),
        blanks_far_to_the_right=_block(lambda rng, text: text.replace(b"\r\n" + _BEGIN, b" " * 20_000 + evil(rng) + _BEGIN)),
    ),
    *on_body(
        "blocks",
        "clear",
        False,
        not_escaped=lambda rng, signed: plain(block(signed, text=signed.content)),
        all_escaped=lambda rng, signed: plain(block(signed, text=b"- " + signed.content.replace(b"\r\n", b"\r\n- "))),
        escaped_twice=_block(lambda rng, text: text.replace(b"\r\n- ", b"\r\n- - ")),
        escaped_with_a_tab=_block(lambda rng, text: text.replace(b"\r\n- ", b"\r\n-\t")),
        trailing_tabs=_block(lambda rng, text: text.replace(b"\r\n", b"\t \r\n")),
        bare_cr_in_the_middle=_block(lambda rng, text: text.replace(b"\r\n\r\n", b"\r\n\r", 1)),
        bare_cr_everywhere=_block(lambda rng, text: text.replace(b"\r\n", b"\r")),
        mixed_line_ends=_block(lambda rng, text: text.replace(b"\r\n", b"\n", 3)),
        many_trailing_blanks=_block(lambda rng, text: text.replace(b"\r\n" + _BEGIN, b" " * 30_000 + b"\r\n" + _BEGIN)),
        unicode_blank_line=_block(lambda rng, text: text.replace(b"\r\n\r\n", "\r\n\u2028\r\n".encode(), 1)),
    ),
    *(
        trick
        for charset in _CHARSETS
        for trick in on_body("charset", "clear", False, **{charset.decode(): _block(lambda rng, text: text, charset=charset)})
    ),
    *on_body(
        "encoding",
        "clear",
        True,
        text_behind_the_padding=_encoded(b"base64", lambda rng, body: body + b"=\r\n" + base64.encodebytes(evil(rng))),
        text_beside_the_quoted=_encoded(b"quoted-printable", lambda rng, body: body + b"=50=61y eve\r\n"),
        a_soft_break_before=_encoded(b"quoted-printable", lambda rng, body: evil(rng).strip() + b"=\r\n" + body),
        two=_typed(b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: base64"),
    ),
    *on_body(
        "encoding",
        "clear",
        False,
        said_to_be_quoted=_typed(b"Content-Transfer-Encoding: quoted-printable"),
        said_to_be_base64=_typed(b"Content-Transfer-Encoding: base64"),
        base64_with_signs_between=_encoded(b"base64", lambda rng, body: body.replace(b"\r\n", b"!\r\n")),
        base64_with_words_between=_encoded(b"base64", lambda rng, body: b"* " + body),
        quoted_with_broken_escapes=_encoded(
            b"quoted-printable", lambda rng, body: body.replace(b"e", b"=65").replace(b"=0A", b"=")
        ),
        everything_quoted=_encoded(b"8bit", lambda rng, body: body),
    ),
    *on_body(
        "type",
        "clear",
        True,
        html=_typed(b"Content-Type: text/html"),
        html_second=_typed(b"Content-Type: text/plain", b"Content-Type: text/html"),
        html_first=_typed(b"Content-Type: text/html", b"Content-Type: text/plain"),
        a_file=_typed(b"Content-Type: application/octet-stream"),
        message=_typed(b"Content-Type: message/rfc822"),
        multipart_without_parts=_typed(b"Content-Type: multipart/mixed; boundary=x"),
    ),
    *on_body(
        "type",
        "clear",
        False,
        none=_typed(b"X-Nothing: here"),
        not_a_type=_typed(b"Content-Type: text"),
        flowed=_typed(b"Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes"),
        attached=_typed(b"Content-Type: text/plain; name=pay.txt", b"Content-Disposition: attachment; filename=pay.txt"),
        x_action=_typed(b"Content-Type: text/plain; x-action=pgp-signed; charset=utf-8"),
    ),
    *on_body(
        "other-form",
        "clear",
        False,
        pgp_mime=lambda rng, signed: mime(signed, boundary_of(rng)),
        pgp_mime_with_a_padded_line=lambda rng, signed: mime(
            replace(signed, content=signed.content.replace(b"\r\n\r\n", b"\r\n \r\n", 1)), boundary_of(rng)
        ),
        pgp_mime_with_a_line_end=lambda rng, signed: mime(replace(signed, content=signed.content + b"\r\n"), boundary_of(rng)),
    ),
    *on_body(
        "other-form",
        "clear",
        True,
        pgp_mime_below_eves_header=lambda rng, signed: mime(
            replace(signed, content=b"Content-Type: text/html\r\n\r\n" + signed.content), boundary_of(rng)
        ),
        first_of_two_parts=lambda rng, signed: Body(
            (b"Content-Type: multipart/mixed; boundary=two",),
            b"--two\r\n" + plain(block(signed)).entity + b"\r\n--two\r\n" + _text(rng) + b"--two--\r\n",
        ),
        only_part=lambda rng, signed: Body(
            (b"Content-Type: multipart/mixed; boundary=one",), b"--one\r\n" + plain(block(signed)).entity + b"\r\n--one--\r\n"
        ),
    ),
)

TRICKS = PGP_MIME + CLEAR
