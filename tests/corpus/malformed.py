"""Classes B01 to B31: structure, size, header, encodings and contents that are malformed, or meant to hurt a parser."""

from __future__ import annotations

import base64
import gzip
import io
import lzma
import random
import string
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mailproc.envelope import MAX_SIZE
from tests.corpus.cases import ANN, Case, OneOf

HEAD = b"From: Ann <ann@example.org>\r\nTo: robot@example.net\r\nSubject: A mail\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n'
MIB = 1 << 20

READ: dict[str, Any] = {
    "verdict": "human",
    "rule": "human",
    "action": "process",
    "sender": ANN,
    "authentication.level": "weak",
    "authentication.signed": "none",
}
NO_AUTHOR: dict[str, Any] = {**READ, "sender": None, "authentication.level": "none"}
UNPARSEABLE: dict[str, Any] = {
    "verdict": "unparseable",
    "rule": "unparseable.structure",
    "action": "quarantine",
    "authentication.level": "none",
    "attachments": [],
    "reply_text": None,
}
TOO_BIG: dict[str, Any] = {"verdict": "too-big", "rule": "too-big.size", "action": "reject", "authentication.level": "none"}


def cases() -> list[Case]:
    """All of them."""
    makers = (
        structure,
        header_depth,
        message_ids,
        header_length,
        large,
        lacking,
        odd_octets,
        odd_fields,
        charsets,
        encodings,
        boundaries,
        several_types,
        encoded_multiparts,
        continuations,
        opaque,
        archives,
        html,
        other_types,
        dates,
    )
    return [case for make in makers for case in make()]


def case(id: str, raw: bytes | Callable[[], bytes], like: Mapping[str, Any] = READ, **wanted: Any) -> Case:
    """A case that ends ``like`` others, and differs in ``wanted``; a large one is made when it is run."""
    made = (lambda people: raw()) if callable(raw) else raw
    return Case(id, made, {**like, **wanted})


def typed(content_type: bytes, body: bytes, encoding: bytes = b"8bit") -> bytes:
    """A mail of one part."""
    return HEAD + b"Content-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (content_type, encoding, body)


def mixed(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    """A multipart/mixed mail of these parts, each with its header."""
    return MIXED + b"\r\n" + b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def words(seed: int, number: int) -> str:
    """Some words of letters."""
    some = random.Random(seed)
    return " ".join("".join(some.choices(string.ascii_lowercase, k=some.randint(1, 9))) for _ in range(number))


def attached(type: str, size: int, name: str = "", safe_name: str = "unnamed") -> dict[str, Any]:
    """The record of an attachment."""
    return {"name": name, "safe_name": safe_name, "type": type, "size": size}


# B01 -----------------------------------------------------------------------------------------------------------------------


def structure() -> Iterator[Case]:
    """Parts in parts, deeper than any reader goes."""
    for depth in (51, 1000, 5000):
        yield case(f"B01.nested-{depth}-multiparts", HEAD + nested(depth), UNPARSEABLE, sender=ANN)
        yield case(f"B01.nested-{depth}-forwarded", HEAD + forwarded(depth), UNPARSEABLE, sender=ANN)
    yield case("B01.nested-50-multiparts", HEAD + nested(50), reply_text="Hello", **{"defects+": ["no-closing-boundary"]})
    yield case("B01.nested-50-forwarded", HEAD + forwarded(50), reply_text=None)
    for seed in range(3):
        yield case(f"B01.nested-at-random-{seed}", HEAD + nested_at_random(seed, 1000), UNPARSEABLE, sender=ANN)


def nested(depth: int) -> bytes:
    """Multiparts in multiparts, none of them closed."""
    return (
        b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
        + b"\r\nHello"
    )


def forwarded(depth: int) -> bytes:
    """Messages in messages."""
    return b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: x\r\n\r\nHello"


def nested_at_random(seed: int, depth: int) -> bytes:
    """Multiparts and messages in each other, some with parts before them."""
    some = random.Random(seed)
    out = []
    for level in range(depth):
        kind = some.choice(["mixed", "digest", "alternative", "signed", "related", ""])
        if not kind:
            out.append(b"Content-Type: message/rfc822\r\n\r\n")
            continue
        out.append(f'Content-Type: multipart/{kind}; boundary="{level}-"\r\n\r\n'.encode())
        # A part before it would make them many before they are deep.
        out.append(f"--{level}-\r\n".encode() + (b"\r\n" if kind == "digest" else b""))
    return b"".join(out) + b"\r\nHello"


# B02, B03 ------------------------------------------------------------------------------------------------------------------


def header_depth() -> Iterator[Case]:
    """Comments in comments, and what else makes a parser of addresses go deep."""
    rest = b"To: robot@example.net\r\n\r\nHello\r\n"
    for depth in (3000, 100_000):
        closed = b"From: " + b"(" * depth + b")" * depth + b" ann@example.org\r\n"
        yield case(f"B02.closed-{depth}", closed + rest, reply_text="Hello", defects=[])
        yield case(
            f"B02.open-{depth}", b"From: ann@example.org " + b"(" * depth + b"\r\n" + rest, NO_AUTHOR, reply_text="Hello"
        )
    for name, value in {
        "groups": b"a:" * 3000 + b"ann@example.org" + b";" * 3000,
        "brackets": b"<" * 3000 + b"ann@example.org" + b">" * 3000,
        "quotes": b'"\\' * 3000 + b" <ann@example.org>",
        "literals": b"ann@" + b"[" * 3000,
        "routes": b"<" + b"@example.org," * 3000 + b":ann@example.org>",
    }.items():
        yield case(f"B02.{name}", b"From: " + value + b"\r\n" + rest, NO_AUTHOR, reply_text="Hello")


def message_ids() -> Iterator[Case]:
    """Message-IDs that parsers have failed on."""
    for name, value, found in (
        ("brackets", b"<[]>", "<[]>"),
        ("open-literal", b"<a@[192.0.2.1>", "<a@[192.0.2.1>"),
        ("empty", b"<>", None),
        ("nothing", b"", None),
        ("bare", b"1@example.org", None),
        ("two", b"<1@example.org> <2@example.org>", None),
        ("open", b"<1@example.org", None),
        ("blanks", b"<1 @example.org>", None),
        ("comment", b"(x (y)) <1@example.org> (z)", "<1@example.org>"),
        ("nested", b"<<1@example.org>>", None),
        ("longest", b"<" + b"a" * 996 + b">", "<" + "a" * 996 + ">"),
        ("too-long", b"<" + b"a" * 5000 + b"@example.org>", None),
        ("eight-bit", b"<\xe4@example.org>", None),
        ("words", b"=?utf-8?q?<1@example.org>?=", None),
    ):
        yield case(f"B03.{name}", HEAD + b"Message-ID: " + value + b"\r\n\r\nHello\r\n", message_id=found, reply_text="Hello")
    twice = b"Message-ID: <1@example.org>\r\n" * 2
    yield case("B03.twice", HEAD + twice + b"\r\nHello\r\n", message_id=None, defects=["duplicate-message-id"])


# B04 to B12 ----------------------------------------------------------------------------------------------------------------


def header_length() -> Iterator[Case]:
    """Headers that are longer than any that people send; whoever stands in From may stand there a second time."""
    body = b"\r\nHello\r\n"
    long: dict[str, Any] = {**NO_AUTHOR, "reply_text": "Hello", "defects": ["header-too-long"]}
    many: dict[str, Any] = {**long, "defects": ["too-many-fields"]}
    fields = b"".join(b"X-%d: y\r\n" % number for number in range(200_000))
    yield case("B04.fields-200000", HEAD + fields + body, long, defects=["header-too-long", "too-many-fields"])
    yield case("B04.fields-1001", b"From: ann@example.org\r\n" + b"X: y\r\n" * 1000 + body, many)
    yield case("B04.fields-1000", b"From: ann@example.org\r\n" + b"X: y\r\n" * 999 + body, reply_text="Hello", defects=[])
    yield case(
        "B04.same-name",
        HEAD + b"From: ann@example.org\r\n" * 200_000 + body,
        NO_AUTHOR,
        **{"defects+": ["duplicate-from", "header-too-long"]},
    )
    addresses = [f"u{number}@example.net" for number in range(20_000)]
    some = ", ".join(addresses[:10_000]).encode()
    yield case("B05.to-20000", HEAD + b"Cc: " + ", ".join(addresses).encode() + b"\r\n" + body, long)
    to = b"From: ann@example.org\r\nTo: " + some + b"\r\n"
    yield case("B05.to-10000", to + body, recipients=addresses[:100], reply_text="Hello")
    yield case(
        "B05.short-20000", b"From: ann@example.org\r\nTo: " + b"a@b.cd," * 20_000 + b"\r\n" + body, recipients=["a@b.cd"]
    )
    yield case("B05.from-10000", b"From: " + some + b"\r\n" + body, NO_AUTHOR, reply_text="Hello")
    word = b" =?utf-8?q?a?="
    yield case("B06.subject-20000", HEAD + b"X-Subject:" + word * 18_000 + b"\r\n" + body, reply_text="Hello", defects=[])
    yield case("B06.from-18000", b"From:" + word * 18_000 + b" <ann@example.org>\r\n" + body, reply_text="Hello")
    yield case("B06.subject-200000", HEAD + b"X-Subject:" + word * 200_000 + b"\r\n" + body, long)
    name = b'Content-Disposition: attachment; filename="' + b"=?utf-8?q?a?= " * 18_000 + b'"\r\n'
    safe = "a" * 200
    yield case("B06.file-name", HEAD + name + body, **{"attachments.0.safe_name": safe, "attachments.0.size": 7})
    parameter = b"Content-Type: text/plain" + b"; a=b" * 20_000
    yield case("B07.parameters-20000", HEAD + parameter + b"\r\n" + body, reply_text="Hello", defects=[])
    numbered = b"".join(b"; p%d=x" % number for number in range(20_000))
    hidden = b"Content-Type: multipart/mixed" + numbered + b"; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b--\r\n"
    yield case("B07.boundary-behind-20000", HEAD + hidden, defects=["no-boundary"], attachments=[])
    reference = b"\r\n <%d@example.org>"
    references = b"References:" + b"".join(reference % number for number in range(200_000)) + b"\r\n"
    yield case("B08.references-200000", HEAD + references + body, long)
    yield case(
        "B08.references-10000", HEAD + b"References:" + b" <1@example.org>" * 10_000 + b"\r\n" + body, reply_text="Hello"
    )


def large() -> Iterator[Case]:
    """Mails of many octets, lines or parts."""
    yield case("B09.one-line", lambda: HEAD + b"\r\n" + b"x" * (24 * MIB), defects=["text-cut"], reply_text="x" * MIB)
    yield case("B09.one-line-of-50-mb", lambda: HEAD + b"\r\n" + b"x" * 50_000_000, TOO_BIG, sender=ANN)
    yield case(
        "B09.one-header-line", lambda: HEAD + b"X: " + b"y" * (24 * MIB) + b"\r\n\r\nHello", NO_AUTHOR, reply_text="Hello"
    )
    yield case(
        "B10.two-million-lines",
        lambda: MIXED + b"\r\n--b\r\n\r\n" + b"text text\r\n" * 2_000_000,
        defects=["no-closing-boundary", "text-cut"],
        reply_text=("text text\n" * MIB)[:MIB].rstrip("\n"),
    )
    yield case("B10.open-boundaries", lambda: MIXED + b"\r\n" + b"--b" * (8 * MIB), defects=["boundary-not-found", "text-cut"])
    yield case("B11.a-million-parts", lambda: mixed(b"\r\nx\r\n--b\r\n" * 1_000_000), UNPARSEABLE, sender=ANN)
    yield case("B11.1001-parts", mixed(*[b"\r\nx"] * 1001), UNPARSEABLE, sender=ANN)
    yield case("B11.1000-parts", mixed(*[b"\r\nx"] * 1000), reply_text="\n".join("x" * 1000), defects=[])
    yield case("B11.a-million-empty-parts", lambda: mixed(b"--b\r\n" * 1_000_000), UNPARSEABLE, sender=ANN)
    yield case("B12.100-mb", lambda: HEAD + b"\r\n" + b"text text\r\n" * 9_200_000, TOO_BIG, sender=ANN)
    yield case("B12.the-limit", lambda: (HEAD + b"\r\n").ljust(MAX_SIZE, b"x"), size=MAX_SIZE, defects=["text-cut"])
    yield case("B12.one-more", lambda: (HEAD + b"\r\n").ljust(MAX_SIZE + 1, b"x"), TOO_BIG, size=MAX_SIZE + 1)
    bounce = b"Return-Path: <>\r\n" + HEAD + b"\r\n"
    yield case(
        "B12.bounce", lambda: bounce.ljust(MAX_SIZE + 1, b"x"), verdict="bounce", action="drop", rule="bounce.null-reverse-path"
    )


# B13 to B20 ----------------------------------------------------------------------------------------------------------------


def lacking() -> Iterator[Case]:
    """Mails that lack a header, a body, or both."""
    nothing: dict[str, Any] = {**NO_AUTHOR, "recipients": [], "message_id": None, "attachments": []}
    yield case("B13.blank-line-first", b"\r\nHello\r\n", nothing, defects=["no-header"], reply_text="Hello")
    yield case("B13.blank-lines-first", b"\n\n\nHello\n", nothing, defects=["no-header"], reply_text="Hello")
    stray = ["field-without-colon", "no-header"]
    yield case("B13.only-text", b"Hello\r\nthere\r\n", nothing, defects=stray, reply_text="Hello\nthere")
    yield case("B13.only-text-and-a-colon", b"Dear Ann: hello\r\n", nothing, defects=["bad-field-name", "no-header"])
    yield case(
        "B13.fields-in-the-body", b"\r\nFrom: ann@example.org\r\n\r\nx", nothing, reply_text="From: ann@example.org\n\nx"
    )
    for seed in range(5):
        octets = random.Random(seed).randbytes(10_000)
        yield case(f"B13.noise-{seed}", b"\n" + octets, nothing, **{"defects+": ["no-header"]})
    yield case("B14.empty", b"", nothing, defects=["no-header"], reply_text=None, size=0)
    for name, raw in (("lf", b"\n"), ("crlf", b"\r\n"), ("nul", b"\0"), ("cr", b"\r"), ("blank", b" "), ("colon", b":")):
        yield case(f"B14.{name}", raw, nothing, size=len(raw), **{"defects+": ["no-header"]})
    yield case("B15.only-headers", HEAD, defects=[], reply_text=None)
    yield case("B15.without-a-line-end", HEAD.rstrip(), defects=[], reply_text=None)
    yield case("B15.blank-line", HEAD + b"\r\n", defects=[], reply_text=None)
    yield case("B15.multipart", MIXED, defects=["boundary-not-found"], reply_text=None, attachments=[])
    yield case("B15.cut-in-a-name", HEAD + b"Conte", defects=["field-without-colon"], reply_text="Conte")


def odd_octets() -> Iterator[Case]:
    """NULs, lines that end in CR or LF alone, and octets beyond ASCII in the header."""
    yield case("B16.nul-in-body", HEAD + b"\r\na\0b\0\r\n", reply_text="ab", defects=[])
    yield case("B16.nul-in-header", HEAD + b"X: a\0b\r\n\r\nHello", reply_text="Hello", defects=["nul"])
    yield case("B16.nul-in-from", b"From: ann@example.org\0\r\n\r\nHello", NO_AUTHOR, defects=["nul"])
    yield case("B16.only-nuls", b"\0" * 10_000, NO_AUTHOR, reply_text=None)
    yield case("B16.bare-lf", HEAD.replace(b"\r\n", b"\n") + b"\na\nb\n", reply_text="a\nb", defects=[])
    yield case("B16.bare-cr-in-body", HEAD + b"\r\na\rb\r", reply_text="a\nb", defects=[])
    yield case("B16.bare-cr-in-header", HEAD + b"X: a\rb\r\n\r\nHello", NO_AUTHOR, reply_text="Hello", defects=["bare-cr"])
    yield case("B16.bare-cr-hides-from", b"X: a\rFrom: ann@example.org\r\nTo: x@example.net\r\n\r\nHello", NO_AUTHOR)
    yield case("B16.bare-cr-everywhere", HEAD.replace(b"\r\n", b"\r") + b"\rHello\r", NO_AUTHOR, attachments=[])
    yield case("B16.mixed", b"From: ann@example.org\nTo: x@example.net\r\n\na\r\nb\nc\rd", reply_text="a\nb\nc\nd", defects=[])
    yield case("B16.crcrlf", HEAD.replace(b"\r\n", b"\r\r\n") + b"\r\r\nHello\r\r\n", NO_AUTHOR, **{"defects+": ["bare-cr"]})
    for seed in range(5):
        some = random.Random(seed)
        body = b"".join(some.choices([b"\r", b"\n", b"\r\n", b"\0", b"\x1a", b"x", b"\x0b", b"\x85", b" "], k=2000))
        yield case(f"B16.mixed-{seed}", HEAD + b"\r\n" + body, attachments=[], defects=[])
    for seed in range(5):
        value = bytes(random.Random(seed).choices(range(0x80, 0x100), k=200))
        yield case(
            f"B17.subject-{seed}", HEAD + b"X-Subject: " + value + b"\r\n\r\nHello", defects=["eight-bit"], reply_text="Hello"
        )
    name = "Änn Größe".encode("latin-1") + b" <ann@example.org>"
    yield case("B17.display-name", b"From: " + name + b"\r\n\r\nHello", defects=["eight-bit"])
    yield case("B17.address", "From: änn@example.org\r\n\r\nHello".encode(), NO_AUTHOR, defects=["eight-bit"])
    yield case("B17.field-name", HEAD + "X-Größe: 1\r\n\r\nHello".encode(), **{"defects+": ["eight-bit", "bad-field-name"]})


def odd_fields() -> Iterator[Case]:
    """Lines of a header that are no fields."""
    colon = ["field-without-colon"]
    yield case("B18.between", HEAD + b"no field\r\nX: y\r\n\r\nHello", defects=colon, reply_text="Hello")
    yield case("B18.first", b"no field\r\n" + HEAD + b"\r\nHello", NO_AUTHOR, defects=colon, reply_text="Hello")
    yield case("B18.before-the-blank-line", HEAD + b"Hello\r\n\r\nthere", defects=colon, reply_text="Hello\n\nthere")
    yield case("B18.a-second-from-behind", HEAD + b"no field\r\nFrom: bob@example.org\r\n\r\nx", NO_AUTHOR)
    yield case("B18.empty-name", HEAD + b": empty\r\nX: y\r\n\r\nHello", defects=["bad-field-name"], reply_text="Hello")
    yield case("B18.mbox-line", b"From ann@example.org Mon Nov  2 09:00:00 2026\r\n" + HEAD + b"\r\nHello", defects=[])
    yield case("B18.mbox-line-later", HEAD + b"From ann@example.org Mon Nov\r\nX: y\r\n\r\nHello", reply_text="Hello")
    space = ["space-before-colon"]
    yield case("B19.subject", HEAD + b"X-Subject : x\r\n\r\nHello", defects=space, reply_text="Hello")
    yield case("B19.from", b"From : ann@example.org\r\n\r\nHello", NO_AUTHOR, defects=space)
    yield case("B19.second-from", HEAD + b"From : bob@example.org\r\n\r\nHello", NO_AUTHOR)
    yield case("B19.content-type", HEAD + b"Content-Type\t: text/html\r\n\r\nHello", defects=space)
    blank = ["blank-fold"]
    yield case("B20.one", HEAD + b"X: y\r\n \r\n\r\nHello", defects=blank, reply_text="Hello")
    yield case("B20.many", HEAD + b"X: y\r\n" + b" \t \r\n" * 1000 + b" z\r\n\r\nHello", defects=blank, reply_text="Hello")
    yield case("B20.value", HEAD + b"X:\r\n \r\n\r\nHello", defects=blank, reply_text="Hello")
    yield case("B20.from-behind", b"X: y\r\n \r\nFrom: ann@example.org\r\n\r\nHello", NO_AUTHOR, defects=blank)
    yield case("B20.in-from", b"From: ann@example.org\r\n \r\n , bob@example.org\r\n\r\nHello", NO_AUTHOR, defects=blank)
    yield case("B20.first", b" \r\n" + HEAD + b"\r\nHello", NO_AUTHOR, **{"defects+": colon})


# B21, B22 ------------------------------------------------------------------------------------------------------------------


def charsets() -> Iterator[Case]:
    """Charsets that are none, or that a library takes for something else."""
    for number, charset in enumerate(
        b"x-nowhere zlib rot13 rot_13 idna punycode unicode_escape raw_unicode_escape utf-7 base64 hex quopri uu bz2 undefined "
        b"mbcs oem unicode_internal ../../etc/passwd utf-8-sig utf_8_sig utf-9 \xff\xfe %s {0} __class__".split()
    ):
        text = words(number, 20)
        raw = typed(b'text/plain; charset="' + charset + b'"', f"{text} +ADw- \\x41 eJwD".encode())
        yield case(f"B21.charset-{number}", raw, reply_text=f"{text} +ADw- \\x41 eJwD", **{"defects+": ["unknown-charset"]})
    for name, charset in (("nul", b"utf-8\0"), ("long", b"x" * 5000), ("blanks", b"utf 8")):
        yield case(
            f"B21.{name}", typed(b'text/plain; charset="' + charset + b'"', b"Hello"), **{"defects+": ["unknown-charset"]}
        )
    latin = typed(b"text/plain; charset=x-nowhere", "Grüße".encode("latin-1"))
    yield case("B21.latin", latin, reply_text="Grüße", defects=["unknown-charset"])
    yield case("B21.empty", typed(b'text/plain; charset=""', b"Hello"), reply_text="Hello", defects=[])
    yield case(
        "B21.ascii-that-is-not", typed(b"text/plain; charset=us-ascii", "Grüße".encode()), reply_text="Grüße", defects=[]
    )
    for seed, charset in enumerate(
        (b"utf-8", b"utf-16", b"utf-32", b"iso-2022-jp", b"hz-gb-2312", b"gb18030", b"big5", b"johab")
    ):
        octets = random.Random(seed).randbytes(5000)
        raw = typed(b"text/plain; charset=" + charset, base64.encodebytes(octets), b"base64")
        yield case(f"B21.noise-in-{charset.decode()}", raw, attachments=[], defects=[])
    name = b'Content-Disposition: attachment; filename="=?zlib?b?eJwDAAAAAAE=?="\r\n'
    yield case("B21.file-name", HEAD + name + b"\r\nx", **{"attachments.0.size": 1})
    extended = b"Content-Disposition: attachment; filename*=unicode_escape''%5Cx41.txt\r\n"
    yield case("B21.extended-file-name", HEAD + extended + b"\r\nx", **{"attachments.0.name": "\\x41.txt"})


def encodings() -> Iterator[Case]:
    """Encodings that are none."""
    bad = ["bad-base64"]
    plain = b"text/plain; charset=utf-8"
    for name, body, text in (
        ("foreign", b"SGVs!!!bG8*", "Hello"),
        ("no-padding", b"SGVsbG8", "Hello"),
        ("odd", b"SGVsbG8hQ", "Hello!"),
        ("one", b"Q", None),
        ("footer", b"SGVsbG8h\r\n-- \r\n", "Hello!"),
        ("too-much-padding", b"SGVsbG8=====", "Hello"),
    ):
        defects = [] if name == "too-much-padding" else bad
        yield case(f"B22.base64-{name}", typed(plain, body, b"base64"), reply_text=text, defects=defects)
    yield case("B22.base64-behind-padding", typed(plain, b"SGVsbG8=\r\nIHRoZXJl", b"base64"), reply_text="Hello", defects=bad)
    yield case("B22.base64-of-nothing", typed(plain, b"!?*\r\n", b"base64"), reply_text=None, defects=bad)
    yield case("B22.base64-empty", typed(plain, b"", b"base64"), reply_text=None, defects=[])
    for seed in range(5):
        noise = bytes(random.Random(seed).choices(string.printable.encode(), k=5000))
        yield case(f"B22.base64-noise-{seed}", typed(plain, noise, b"base64"), defects=bad, attachments=[])
        yield case(f"B22.quoted-printable-noise-{seed}", typed(plain, b"==" + noise, b"quoted-printable"), attachments=[])
    escape = typed(plain, b"a=ZZb=4", b"quoted-printable")
    yield case("B22.quoted-printable-false-escape", escape, reply_text="a=ZZb=4", defects=["bad-quoted-printable"])
    yield case("B22.quoted-printable-end", typed(plain, b"Hello=", b"quoted-printable"), reply_text="Hello", defects=[])
    yield case("B22.quoted-printable-lower", typed(plain, b"=c3=a4", b"quoted-printable"), reply_text="ä", defects=[])
    unknown = ["unknown-transfer-encoding"]
    uu = b"begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n"
    shown = uu.decode().replace("\r\n", "\n").rstrip()
    yield case("B22.uuencode", typed(plain, uu, b"x-uuencode"), reply_text=shown, defects=unknown, attachments=[])
    yield case("B22.uuencode-in-text", typed(plain, b"See:\r\n" + uu), reply_text=f"See:\n{shown}", defects=[], attachments=[])
    yield case("B22.uuencode-open", typed(plain, uu[:20] * 500), attachments=[], defects=[])
    yenc = b"=ybegin line=128 size=9 name=a.bin\r\n\x9f\x9e\x7d=J=M\x00\r\n=yend size=9\r\n"
    yield case("B22.yenc", typed(plain, yenc), attachments=[], defects=[])
    yield case("B22.yenc-as-encoding", typed(plain, yenc, b"x-yenc"), attachments=[], defects=unknown)
    binhex = b'(This file must be converted with BinHex 4.0)\r\n:"5!f"5"\r\n'
    file = typed(b'application/mac-binhex40; name="a.hqx"', binhex, b"7bit")
    yield case("B22.binhex", file, attachments=[attached("application/mac-binhex40", len(binhex), "a.hqx", "a.hqx")])
    for number, encoding in enumerate((b"base-64", b"8 bit", b"base64 base64", b'"base64"', b"x" * 5000, b"gzip", b"\xff")):
        found = typed(plain, b"SGVsbG8=", encoding)
        yield case(f"B22.unknown-{number}", found, reply_text="SGVsbG8=", **{"defects+": unknown})
    comment = typed(plain, b"SGVsbG8=", b"BASE64 (of course)")
    yield case("B22.comment", comment, reply_text="Hello", defects=[])


# B23 to B27 ----------------------------------------------------------------------------------------------------------------


def boundaries() -> Iterator[Case]:
    """Boundaries that are missing, odd, or alike."""

    def with_boundary(parameter: bytes, mark: bytes, end: bytes | None = None) -> bytes:
        closing = b"--" + mark + b"--" if end is None else end
        top = HEAD + b"Content-Type: multipart/mixed" + parameter + b"\r\n\r\nbefore\r\n"
        return top + b"--" + mark + b"\r\n\r\nHello\r\n" + closing + b"\r\nbehind\r\n"

    whole = "before\n--b\n\nHello\n--b--\nbehind"
    yield case("B23.missing", with_boundary(b"", b"b"), defects=["no-boundary"], reply_text=whole)
    yield case("B23.empty", with_boundary(b'; boundary=""', b"b"), defects=["no-boundary"], reply_text=whole)
    yield case("B23.blank", with_boundary(b'; boundary="  "', b"b"), defects=["no-boundary"], reply_text=whole)
    other = with_boundary(b"; boundary=c", b"b")
    yield case("B23.another", other, defects=["boundary-not-found"], reply_text=whole)
    case_matters = with_boundary(b"; boundary=B", b"b")
    yield case("B23.upper-case", case_matters, defects=["boundary-not-found"], reply_text=whole)
    yield case("B23.twice", with_boundary(b"; boundary=b; boundary=c", b"b"), reply_text="Hello", defects=[])
    for length in (70, 200, 998):
        long = b"x" * length
        yield case(f"B23.{length}-octets", with_boundary(b"; boundary=" + long, long), reply_text="Hello", defects=[])
    longest = with_boundary(b"; boundary=" + b"x" * 999, b"x" * 999)
    yield case("B23.999-octets", longest, defects=["no-boundary"])
    yield case("B23.of-patterns", with_boundary(b'; boundary="(.*)+[a]$|^"', b"(.*)+[a]$|^"), reply_text="Hello", defects=[])
    yield case("B23.of-dashes", with_boundary(b'; boundary="--"', b"--"), defects=[], reply_text="Hello")
    yield case("B23.blank-behind", with_boundary(b'; boundary="b "', b"b \t ", b"--b--"), reply_text="Hello")
    yield case(
        "B23.eight-bit", with_boundary('; boundary="grün"'.encode(), "grün".encode()), reply_text="Hello", defects=["eight-bit"]
    )
    yield case(
        "B23.open", with_boundary(b"; boundary=b", b"b", b""), reply_text="Hello\n\nbehind", defects=["no-closing-boundary"]
    )
    prefix = b"Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nHello\r\n--bb--\r\n"
    yield case("B23.prefix", mixed(prefix, b"\r\nthere"), reply_text="Hello\nthere", defects=[])
    longer = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b--\r\n"
    same = mixed(longer, b"\r\nthere")
    yield case("B23.the-same-in-itself", same, **{"defects+": ["boundary-not-found"]})
    none = ["boundary-not-found"]
    yield case("B23.nothing-in-it", mixed(), reply_text="--b--", attachments=[], defects=none)
    yield case("B23.only-the-end", MIXED + b"\r\n--b--\r\nHello", attachments=[], reply_text="--b--\nHello", defects=none)


def several_types() -> Iterator[Case]:
    """Two fields that may stand there once, in the mail and in its parts."""
    two = b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nHello"
    yield case("B24.plain-and-html", HEAD + two, defects=["duplicate-content-type"], reply_text="Hello", attachments=[])
    parts = b"\r\n--b\r\n\r\nHello\r\n--b--\r\n"
    plain_first = HEAD + b"Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b\r\n" + parts
    yield case("B24.plain-and-multipart", plain_first, defects=["duplicate-content-type"], reply_text="--b\n\nHello\n--b--")
    multipart_first = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain\r\n" + parts
    yield case("B24.multipart-and-plain", multipart_first, defects=["duplicate-content-type"], reply_text="Hello")
    boundaries = HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=%b\r\n" % mark for mark in (b"b", b"c")) + parts
    yield case("B24.two-boundaries", boundaries, defects=["duplicate-content-type"], reply_text="Hello")
    yield case("B24.in-a-part", mixed(two), defects=["duplicate-content-type"], reply_text="Hello", attachments=[])
    encodings = b"Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSGVsbG8="
    yield case("B24.encodings", HEAD + encodings, defects=["duplicate-content-transfer-encoding"], reply_text="Hello")
    yield case("B24.encodings-in-a-part", mixed(encodings), defects=["duplicate-content-transfer-encoding"], reply_text="Hello")
    yield case("B24.a-thousand", HEAD + b"Content-Type: text/plain\r\n" * 900 + b"\r\nHello", reply_text="Hello")


def encoded_multiparts() -> Iterator[Case]:
    """Multiparts with an encoding, which RFC 2045 section 6.4 forbids."""
    parts = b"--b\r\n\r\nHello\r\n--b--\r\n"
    for encoding in (b"base64", b"quoted-printable"):
        raw = MIXED + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + parts
        yield case(f"B25.{encoding.decode()}-that-is-not", raw, defects=["encoded-multipart"], reply_text="Hello")
    inside = MIXED + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(parts)
    shown = parts.decode().replace("\r\n", "\n").rstrip()
    yield case("B25.base64-that-is", inside, defects=["boundary-not-found"], reply_text=shown, attachments=[])
    nested = b"Content-Type: multipart/mixed; boundary=c\r\nContent-Transfer-Encoding: base64\r\n\r\n--c\r\n\r\nHello\r\n--c--"
    yield case("B25.in-a-part", mixed(nested), defects=["encoded-multipart"], reply_text="Hello")
    message = base64.encodebytes(b"Subject: x\r\n\r\n" + nested)
    forwarded = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + message
    yield case("B25.forwarded", mixed(forwarded), **{"attachments.0.type": "message/rfc822", "defects": []})


def continuations() -> Iterator[Case]:
    """Parameters in pieces (RFC 2231)."""

    def named(parameters: bytes) -> bytes:
        return HEAD + b"Content-Disposition: attachment" + parameters + b"\r\n\r\nx"

    long = b"".join(b";\r\n filename*%d=a" % number for number in range(12_000))
    safe = "a" * 200
    yield case("B26.12000", named(long), **{"attachments.0.safe_name": safe, "attachments.0.name": "a" * 1000, "defects": []})
    longer = b"".join(b";\r\n filename*%d=a" % number for number in range(20_000))
    yield case("B26.20000", named(longer), {**NO_AUTHOR, "defects": ["header-too-long"]})
    shuffled = list(range(300))
    random.Random(26).shuffle(shuffled)
    pieces = b"".join(b"; filename*%d=%d" % (number, number % 10) for number in shuffled)
    yield case("B26.shuffled", named(pieces), **{"attachments.0.name": "0123456789" * 30})
    for name, parameters, found in (
        ("gap", b"; filename*0=a; filename*2=c", "a"),
        ("no-first", b"; filename*1=b; filename*2=c", ""),
        ("no-first-but-plain", b"; filename*1=b; filename=plain.txt", "plain.txt"),
        ("duplicate", b"; filename*0=a; filename*0=b; filename*1=c", "ac"),
        ("both-forms", b"; filename*0=a; filename*0*=utf-8''b; filename=c", "b"),
        ("leading-zero", b"; filename*0=a; filename*01=b", "a"),
        ("negative", b"; filename*-1=a; filename=b", "b"),
        ("huge", b"; filename*0=a; filename*99999999999999999999=b", "a"),
        ("no-charset", b"; filename*=%41.txt", "A.txt"),
        ("false-charset", b"; filename*=zlib''%41.txt", "A.txt"),
        ("false-escapes", b"; filename*=utf-8''%4G%.txt", "%4G%.txt"),
        ("traversal", b"; filename*=utf-8''..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("cut-character", b"; filename*0*=utf-8''%C3; filename*1*=%A4", "ä"),
        ("quotes", b"; filename*=''''''", "''''"),
        ("word", b"; filename*0==?utf-8?q?a?=", "a"),
    ):
        yield case(f"B26.{name}", named(parameters), **{"attachments.0.name": found, "defects": []})
    split = b"; boundary*0=b; boundary*1=c\r\n\r\n--bc\r\n\r\nHello\r\n--bc--\r\n"
    yield case("B26.boundary", HEAD + b"Content-Type: multipart/mixed" + split, reply_text="Hello", defects=[])


def opaque() -> Iterator[Case]:
    """Parts that ask a reader to open, put together or fetch something."""
    tnef = b"\x78\x9f\x3e\x22" + random.Random(27).randbytes(500)
    winmail = b'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    winmail += base64.encodebytes(tnef)
    yield case("B27.tnef", mixed(b"\r\nHello", winmail), reply_text="Hello", defects=[], attachments=[])
    smime = b"application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
    found = [attached("application/pkcs7-mime", 300, "smime.p7m", "smime.p7m")]
    octets = base64.encodebytes(random.Random(28).randbytes(300))
    yield case("B27.smime", typed(smime, octets, b"base64"), attachments=found, reply_text=None, defects=[])
    partial = typed(b'message/partial; id="a@b"; number=1; total=3', b"Subject: x\r\n\r\nHello")
    piece = [attached("message/partial", 19)]
    yield case("B27.partial", partial, attachments=piece, reply_text=None)
    for access, parameters in {
        "url": b'URL="http://192.0.2.1/a"',
        "file": b'name="/etc/passwd"; access-type=local-file',
        "ftp": b'site="ftp.example.org"; directory="../.."; name=a',
        "mail-server": b'server="robot@example.net"; subject="x"',
    }.items():
        body = b"Content-Type: text/plain\r\n\r\nphantom"
        raw = typed(b"message/external-body; access-type=%b; %b" % (access.encode(), parameters), body)
        wanted = {"attachments.0.type": "message/external-body", "attachments.0.size": len(body), "reply_text": None}
        yield case(f"B27.external-{access}", raw, **wanted)


# B28 to B31 ----------------------------------------------------------------------------------------------------------------


def archives() -> Iterator[Case]:
    """Files that grow when they are opened: they are not."""
    zeros = b"\0" * (10 * MIB)
    bomb = zipped("a", zeros)
    for name, type, content in (
        ("a.zip", b"application/zip", bomb),
        ("nested.zip", b"application/zip", zipped("b.zip", zipped("a.zip", bomb))),
        ("a.txt.gz", b"application/gzip", gzip.compress(zeros, mtime=0)),
        ("a.xz", b"application/x-xz", lzma.compress(zeros)),
        ("traversal.zip", b"application/zip", zipped("../../etc/passwd", b"x")),
        ("a.pdf", b"application/pdf", b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"),
        ("a.doc", b"application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)),
        ("a.exe", b"application/octet-stream", b"MZ" + bytes(100)),
        ("a.svg", b"image/svg+xml", b'<svg onload="alert(1)"/>'),
        ("a.xml", b"text/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    ):
        head = (
            b'Content-Type: %b\r\nContent-Disposition: attachment; filename="%b"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        )
        part = head % (type, name.encode()) + base64.encodebytes(content)
        found = [attached(type.decode(), len(content), name, name)]
        yield case(
            f"B28.{name.replace('.', '-')}", mixed(b"\r\nHello", part), attachments=found, reply_text="Hello", defects=[]
        )


def zipped(name: str, content: bytes) -> bytes:
    """An archive with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def html() -> Iterator[Case]:
    """HTML, of which only text within bounds is left."""
    page = b"text/html; charset=utf-8"
    yield case("B29.only", typed(page, b"<p>Hello</p>"), reply_text="Hello", attachments=[], defects=[])
    yield case("B29.empty", typed(page, b""), reply_text=None, attachments=[], defects=[])
    for name, unit in {
        "div": b"<div>",
        "table": b"<table><tr><td>",
        "attributes": b"<p a=b ",
        "comments": b"<!-- ",
        "style": b"<style>p{",
        "paragraphs": b"<p>Hello</p>\n",
    }.items():
        raw = lambda unit=unit: typed(page, unit * (10 * MIB // len(unit)))  # noqa: E731
        yield case(f"B29.10-mb-of-{name}", raw, attachments=[], **{"defects+": ["text-cut"]})
    both = mixed(b"\r\nHello", b"Content-Type: text/html\r\n\r\n<p>there</p>")
    yield case("B29.beside-text", both, reply_text="Hello", attachments=[], defects=[])
    broken = typed(page, b"<p><<b>Hello</i><script>alert(1)</script><img src=http://192.0.2.1/a.gif><iframe src=//192.0.2.1>")
    yield case("B29.remote", broken, attachments=[], defects=[])


def other_types() -> Iterator[Case]:
    """What is no text, and what is none at all."""
    event = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    yield case(
        "B30.calendar", typed(b"text/calendar; method=REQUEST", event), attachments=[attached("text/calendar", len(event))]
    )
    card = b"BEGIN:VCARD\r\nFN:Ann\r\nEND:VCARD\r\n"
    yield case("B30.vcard", typed(b"text/vcard", card), attachments=[attached("text/vcard", len(card))], reply_text=None)
    yield case(
        "B30.x-vcard", mixed(b"\r\nHello", b"Content-Type: text/x-vcard\r\n\r\n" + card), attachments=[], reply_text="Hello"
    )
    yield case("B30.empty-body", HEAD + b"\r\n", reply_text=None, attachments=[], defects=[])
    yield case(
        "B30.blank-body", HEAD + b"\r\n \r\n\t\r\n\r\n", attachments=[], defects=[], reply_text=OneOf((None, " \n\t\n\n"))
    )
    yield case("B30.empty-parts", mixed(b"", b"\r\n", b"Content-Type: text/plain\r\n"), attachments=[], defects=[])
    for name, type in (
        ("empty", b""),
        ("slash", b"/"),
        ("words", b"text plain"),
        ("half", b"text/"),
        ("long", b"text/" + b"x" * 999),
    ):
        found = mixed(b"Content-Type: " + type + b"\r\n\r\nHello")
        yield case(f"B30.type-{name}", found, reply_text="Hello", attachments=[], defects=[])
        file = b'Content-Disposition: attachment; filename="a"\r\n'
        octets = "application/octet-stream"
        yield case(
            f"B30.file-{name}", mixed(file + b"Content-Type: " + type + b"\r\n\r\nHello"), **{"attachments.0.type": octets}
        )
    yield case(
        "B30.unknown-multipart", MIXED.replace(b"mixed", b"x-new") + b"\r\n--b\r\n\r\nHello\r\n--b--", reply_text="Hello"
    )


def dates() -> Iterator[Case]:
    """Dates that are none; a mail is as old as its arrival."""
    for name, value in {
        "missing": None,
        "empty": b"",
        "year-0": b"Mon, 2 Nov 0000 09:00:00 +0000",
        "year-9999": b"Fri, 31 Dec 9999 23:59:59 -2359",
        "year-99999": b"Fri, 31 Dec 99999 23:59:59 +0000",
        "zone": b"Mon, 2 Nov 2026 09:00:00 +9999",
        "zone-of-minutes": b"Mon, 2 Nov 2026 09:00:00 +0099",
        "digits": b"9" * 100_000,
        "month": b"Mon, 2 Foo 2026 09:00:00 +0000",
        "hour": b"Mon, 2 Nov 2026 25:61:99 +0000",
        "negative": b"Mon, -2 Nov -2026 09:00:00 +0000",
        "comments": b"(" * 10_000,
        "path": b"../../etc/passwd",
        "eastern-digits": "Mon, ٢ Nov ٢٠٢٦ 09:00:00 +0000".encode(),
        "nan": b"nan",
    }.items():
        field = b"" if value is None else b"Date: " + value + b"\r\n"
        yield case(f"B31.{name}", HEAD + field + b"\r\nHello", reply_text="Hello")
    twice = b"Date: Mon, 2 Nov 2026 09:00:00 +0000\r\n" * 2
    yield case("B31.twice", HEAD + twice + b"\r\nHello", defects=["duplicate-date"])
