"""Classes B32 to B41: who seems to have written a mail, to whom it is, and what is to be put into an answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from tests.corpus.cases import ANN, BOB, GONE, Case

REST = b"To: robot@example.net\r\nSubject: A mail\r\n\r\nHello\r\n"

WEAK: dict[str, Any] = {
    "verdict": "human",
    "action": "process",
    "sender": ANN,
    "authentication.level": "weak",
    "authentication.method": "from",
    "authentication.fingerprint": None,
    "reply_text": "Hello",
}
NOBODY: dict[str, Any] = {**WEAK, "sender": None, "authentication.level": "none", "authentication.method": "none"}


def cases() -> list[Case]:
    """All of them."""
    makers = (authors, names, lenient, other_letters, injected, answered_elsewhere, threads, recipients, many_recipients)
    return [case for make in makers for case in make()]


def from_(id: str, value: str | bytes, sender: str | None = None) -> Case:
    """A mail with this From field; without a sender it is from nobody."""
    octets = value if isinstance(value, bytes) else value.encode()
    wanted = NOBODY if sender is None else {**WEAK, "sender": sender}
    if sender not in (ANN, BOB):
        wanted = {**wanted, "authentication.level": "none", "authentication.method": "none"}
    return Case(id, b"From: " + octets + b"\r\n" + REST, wanted)


def with_fields(id: str, *fields: bytes, **wanted: Any) -> Case:
    """A mail of Ann's with these fields above all others."""
    raw = b"".join(field + b"\r\n" for field in fields) + b"From: Ann <ann@example.org>\r\n" + REST
    return Case(id, raw, {**WEAK, **wanted})


# Who wrote it --------------------------------------------------------------------------------------------------------------


def authors() -> Iterator[Case]:
    """B32: not exactly one field with exactly one address."""
    two = b"From: ann@example.org\r\n"
    for name, second in (
        ("same", b"From: ann@example.org"),
        ("other", b"From: bob@example.org"),
        ("lower-case", b"from: bob@example.org"),
        ("unknown", b"From: eve@example.net"),
        ("empty", b"From:"),
        ("blank-before-colon", b"From : bob@example.org"),
        ("tab-before-colon", b"From\t: bob@example.org"),
    ):
        yield Case(f"B32.two-fields-{name}", two + second + b"\r\n" + REST, NOBODY)
        yield Case(f"B32.two-fields-{name}-first", second + b"\r\n" + two + REST, NOBODY)
    apart = two + b"X: y\r\n" * 300 + b"From: bob@example.org\r\n" + REST
    yield Case("B32.two-fields-far-apart", apart, NOBODY)
    for name, value in (
        ("two", "ann@example.org, bob@example.org"),
        ("two-named", "Ann <ann@example.org>, Bob <bob@example.org>"),
        ("two-the-same", "ann@example.org, ann@example.org"),
        ("semicolon", "ann@example.org; bob@example.org"),
        ("comma", "ann@example.org,"),
        ("comma-first", ", ann@example.org"),
        ("empty", ""),
        ("blank", " \t "),
        ("null", "<>"),
        ("name", "Ann"),
        ("quoted-name", '"Ann"'),
        ("comment", "(ann@example.org)"),
        ("group", "Team: ann@example.org;"),
        ("empty-group", "undisclosed-recipients:;"),
        ("group-of-two", "Team: ann@example.org, bob@example.org;"),
        ("groups-in-groups", "a:b:ann@example.org;;"),
        ("at", "@"),
        ("no-domain", "ann@"),
        ("no-local", "@example.org"),
        ("url", "mailto:ann@example.org"),
    ):
        yield from_(f"B32.{name}", value)
    yield Case("B32.none", REST, {**NOBODY, "defects": []})
    yield Case("B32.sender-instead", b"Sender: ann@example.org\r\nReturn-Path: <ann@example.org>\r\n" + REST, NOBODY)
    yield Case("B32.resent-instead", b"Resent-From: ann@example.org\r\nX-From: ann@example.org\r\n" + REST, NOBODY)
    stray = b"this is no field\r\nFrom: ann@example.org\r\n"
    yield Case("B32.behind-a-stray-line", stray + REST, NOBODY)
    inactive = {**NOBODY, "sender": GONE, "action": "drop", "rule": "inactive"}
    yield Case("B32.inactive", b"From: Gone <gone@Example.ORG>\r\n" + REST, inactive)


def names() -> Iterator[Case]:
    """B33: a display name that looks like the address of somebody else."""
    for name, value in (
        ("quoted", '"ann@example.org" <eve@example.net>'),
        ("quoted-brackets", '"<ann@example.org>" <eve@example.net>'),
        ("quoted-comma", '"Ann <ann@example.org>, x" <eve@example.net>'),
        ("escaped", r'"a\" <ann@example.org>, \"b" <eve@example.net>'),
        ("word", "=?utf-8?q?ann=40example.org?= <eve@example.net>"),
        ("word-of-brackets", "=?utf-8?b?PGFubkBleGFtcGxlLm9yZz4=?= <eve@example.net>"),
        ("word-of-a-field", "=?utf-8?q?Ann=0D=0AFrom=3A_ann=40example.org?= <eve@example.net>"),
        ("comment", "eve@example.net (ann@example.org)"),
        ("comment-first", "(Ann <ann@example.org>) eve@example.net"),
        ("comment-in-brackets", "<eve@example.net> (<ann@example.org>)"),
        ("nul-word", "=?utf-8?q?ann=40example.org=00?= <eve@example.net>"),
    ):
        yield from_(f"B33.{name}", value, "eve@example.net")
    yield from_("B33.bare", "ann@example.org <eve@example.net>")
    yield from_("B33.ann-with-a-name", '"eve@example.net" <ann@example.org>', ANN)
    spaces = '"ann@example.org' + " " * 5000 + '" <eve@example.net>'
    yield from_("B33.far-to-the-right", spaces, "eve@example.net")


def lenient() -> Iterator[Case]:
    """B34: what a lenient reader takes for an address, and another one for another address."""
    for number, value in enumerate(
        (
            "alice@a)bob@b",
            "ann@example.org)bob@example.org",
            "<ann@example.org> <bob@example.org>",
            "<ann@example.org>bob@example.org",
            "<eve@example.net>, <ann@example.org",
            "ann@example.org@example.net",
            "ann@example.net@example.org",
            '"ann@example.org"@example.net',
            '"ann@example.org,"@example.net',
            '"ann"bob@example.org',
            '"an" "n"@example.org',
            '"ann @example.org',
            "ann@example.org\\",
            "a\\nn@example.org",
            "<<ann@example.org>>",
            "<ann@example.org",
            "ann@example.org>",
            "Ann <ann@example.org> x",
            "Ann <ann@example.org> <>",
            "ann @example.org",
            "ann@ example.org",
            "ann@exam(ple)ple.org",
            "ann(eve@example.net)@example.org",
            ".ann@example.org",
            "ann.@example.org",
            "an..n@example.org",
            "ann@example..org",
            "ann@.example.org",
            "ann@example.org.",
            "ann@[192.0.2.1]",
            "ann@[example.org]",
            "ann@example.org\x0beve",
            "[ann@example.org]",
            "ann@example.org (open",
            "x" * 300 + "@example.org",
        )
    ):
        yield from_(f"B34.{number}", value)
    some = random.Random(34)
    for number in range(20):  # never somebody who is not there to be seen
        value = "".join(some.choices([*'<>(),:;@"\\[] ', "ann", "eve", "example.org", "example.net", "."], k=24)) + "@"
        yield from_(f"B34.at-random-{number}", value)


def other_letters() -> Iterator[Case]:
    """B35: letters that look like others, routes, and octets that are none of an address."""
    for name, value in (
        ("word-local", "=?utf-8?q?ann?=@example.org"),
        ("word-all", "=?utf-8?q?ann=40example.org?="),
        ("word-in-brackets", "<=?utf-8?q?ann=40example.org?=>"),
        ("word-domain", "ann@=?utf-8?q?example?=.org"),
        ("cyrillic-local", "\u0430nn@example.org"),
        ("cyrillic-domain", "ann@ex\u0430mple.org"),
        ("full-width", "\uff41nn@example.org"),
        ("kelvin", "ann@\u212aexample.org"),
        ("dotless", "ann@example\u3002org"),
        ("long-s", "ann@example.org\u017f"),
        ("zero-width", "ann\u200b@example.org"),
        ("soft-hyphen", "an\u00adn@example.org"),
        ("right-to-left", "\u202egro.elpmaxe@nna"),
        ("percent", "ann%example.org@example.net"),
        ("percent-ours", "eve%example.net@example.org"),
        ("bang", "example.org!ann@example.net"),
        ("bang-only", "example.org!ann"),
        ("route", "<@example.net:ann@example.org>"),
        ("route-of-two", "<@a.example,@b.example:ann@example.org>"),
    ):
        yield from_(f"B35.{name}", value)
    yield from_("B35.nul", b"ann\0@example.org")
    yield from_("B35.nul-behind", b"ann@example.org\0eve")
    yield from_("B35.escape", b"ann\x1b[2K@example.org")
    yield from_("B35.latin", "änn@example.org".encode("latin-1"))
    yield from_("B35.overlong", b"ann\xc1\x80example.org")
    yield from_("B35.punycode", "ann@xn--exmple-cua.org", "ann@xn--exmple-cua.org")
    upper = {**WEAK, "sender": "ANN@example.org"}
    yield Case("B35.upper-case", b"From: ANN@EXAMPLE.ORG\r\n" + REST, upper)


# What would go into an answer ----------------------------------------------------------------------------------------------


def injected() -> Iterator[Case]:
    """B36: line ends that would start a field of ours; `tests/answers` has what comes of them in an answer."""
    for name, end in (("crlf", b"=0D=0A"), ("lf", b"=0A"), ("cr", b"=0D"), ("vt", b"=0B"), ("ls", b"=E2=80=A8")):
        word = b"=?utf-8?q?x" + end + b"Bcc=3A_eve=40example.net?="
        yield Case(
            f"B36.subject-{name}", b"From: ann@example.org\r\nSubject: " + word + b"\r\nTo: x@example.net\r\n\r\nHello", WEAK
        )
        yield from_(f"B36.name-{name}", word + b" <ann@example.org>", ANN)
        file = b'Content-Disposition: attachment; filename="' + word + b'"'
        yield with_fields(f"B36.file-{name}", file, **{"attachments.0.size": 7, "reply_text": None})
    percent = b"Content-Disposition: attachment; filename*=utf-8''a%0D%0ABcc:%20eve@example.net"
    wanted: dict[str, Any] = {"attachments.0.safe_name": "a__Bcc_ eve@example.net", "reply_text": None}
    yield with_fields("B36.file-percent", percent, **wanted)
    yield with_fields("B36.message-id", b"Message-ID: <1\r\n Bcc: eve@example.net>", message_id=None)
    yield with_fields("B36.message-id-word", b"Message-ID: =?utf-8?q?<1@example.org>=0D=0ABcc:_x?=", message_id=None)
    yield with_fields("B36.message-id-cr", b"Message-ID: <1@example.org>\rBcc: x", sender=None, message_id=None, **_NONE)


_NONE = {"authentication.level": "none", "authentication.method": "none"}


def answered_elsewhere() -> Iterator[Case]:
    """B37: fields that ask for an answer to somebody else change nothing about who wrote a mail."""
    for name in (
        b"Reply-To",
        b"Mail-Reply-To",
        b"Mail-Followup-To",
        b"Errors-To",
        b"Disposition-Notification-To",
        b"Return-Receipt-To",
    ):
        yield with_fields(f"B37.{name.decode().lower()}", name + b": victim@example.com")
    yield with_fields("B37.bob", b"Reply-To: bob@example.org", b"Sender: bob@example.org")
    yield with_fields("B37.return-path", b"Return-Path: <victim@example.com>")


def threads() -> Iterator[Case]:
    """B38, B39: what names a thread or holds a secret proves nobody."""
    for name, field in (
        ("in-reply-to", b"In-Reply-To: <mailproc.1.0123456789abcdef@robot.example.net>"),
        ("references", b"References: <mailproc.1@robot.example.net> <token.ann@example.org>"),
        ("thread-index", b"Thread-Index: Adc0123456789=="),
        ("list-id", b"X-Thread-Id: 0123456789abcdef"),
    ):
        yield with_fields(f"B38.{name}", field)
        forged = b"From: eve@example.net\r\n" + field + b"\r\n" + REST
        yield Case(f"B38.{name}-of-nobody", forged, {**NOBODY, "sender": "eve@example.net"})
    for name, address in (
        ("plus", b"robot+0123456789abcdef@example.net"),
        ("bounce", b"robot+ann=example.org@example.net"),
        ("local", b"reply-0123456789abcdef@example.net"),
    ):
        token = b"Delivered-To: " + address
        yield with_fields(f"B39.{name}", token, recipients=[address.decode()])
        stolen = token + b"\r\nFrom: eve@example.net\r\n" + REST
        yield Case(f"B39.{name}-stolen", stolen, {**NOBODY, "sender": "eve@example.net", "recipients": [address.decode()]})
    subject = b"From: eve@example.net\r\nSubject: [#1 0123456789abcdef] Re: x\r\nTo: robot@example.net\r\n\r\nHello"
    yield Case("B39.subject", subject, {**NOBODY, "sender": "eve@example.net"})


# To whom it is -------------------------------------------------------------------------------------------------------------


def recipients() -> Iterator[Case]:
    """B40: the topmost field that the mail server writes, alone; a sender can write all those below it."""
    ours = b"Delivered-To: robot@example.net"
    only = ["robot@example.net"]
    yield with_fields("B40.to-says-other", ours, b"Cc: other@example.net", recipients=only)
    yield with_fields("B40.forged-below", ours, b"Delivered-To: forged@example.net", recipients=only)
    original = b"X-Launchpad-Original-To: robot@example.net"
    forged = b"Delivered-To: forged@example.net"
    yield with_fields("B40.more-telling-field", forged, original, recipients=only)
    yield with_fields("B40.order-of-fields", b"Envelope-To: forged@example.net", ours, recipients=only)
    yield with_fields("B40.unknown-field", b"X-Delivered-To: forged@example.net", recipients=only)
    yield with_fields("B40.empty", b"Delivered-To:", recipients=[])
    yield with_fields("B40.null", b"Delivered-To: <>", recipients=[])
    yield with_fields("B40.two-in-it", b"Delivered-To: robot@example.net, forged@example.net", recipients=only)
    yield with_fields("B40.malformed", b"Delivered-To: robot@example.net forged@example.net", recipients=[])
    yield with_fields("B40.word", b"Delivered-To: =?utf-8?q?robot=40example.net?=", recipients=[])
    yield with_fields("B40.blank-before-colon", b"X : y", ours, recipients=only, sender=None, **_NONE)
    body = b"From: ann@example.org\r\nTo: robot@example.net\r\n\r\nDelivered-To: forged@example.net\r\n"
    yield Case("B40.in-the-body", body, {"recipients": only, "sender": ANN})


def many_recipients() -> Iterator[Case]:
    """B41: none, many, and the same one in several spellings."""

    def to(id: str, wanted: list[str], *fields: str) -> Case:
        raw = b"From: ann@example.org\r\n" + "".join(f"{field}\r\n" for field in fields).encode() + b"\r\nHello"
        return Case(id, raw, {**WEAK, "recipients": wanted})

    yield to("B41.none", [])
    yield to("B41.undisclosed", [], "To: undisclosed-recipients:;")
    yield to("B41.only-bcc", [], "Bcc: robot@example.net")
    yield to("B41.plus", ["robot+tag@example.net"], "To: robot+tag@example.net")
    yield to("B41.two-plus", ["robot+a+b@example.net"], "To: robot+a+b@example.net")
    yield to("B41.case", ["Robot@example.net"], "To: Robot@EXAMPLE.net, robot@example.net", "Cc: ROBOT@Example.NET")
    yield to("B41.trailing-dot", ["robot@example.net"], "To: robot@example.net., robot@example.net")
    yield to("B41.unknown-domain", ["a@nowhere.invalid"], "To: a@nowhere.invalid")
    fields = [f"{name}: {name.lower()}@example.net" for name in ("To", "Cc", "Resent-To", "Resent-Cc")]
    addresses = ["to@example.net", "cc@example.net", "resent-to@example.net", "resent-cc@example.net"]
    yield to("B41.all-fields", addresses, *fields)
    yield to("B41.two-to-fields", ["a@example.net", "b@example.net"], "To: a@example.net", "To: b@example.net")
    yield to("B41.groups", ["a@example.net", "b@example.net"], "To: x: a@example.net, b@example.net;")
    yield to("B41.junk-among-them", ["a@example.net", "b@example.net"], "To: a@example.net, <b@, c d@e, b@example.net")
    thousand = [f"r{number}@example.net" for number in range(1000)]
    yield to("B41.1000", thousand[:100], "To: " + ", ".join(thousand))
    spellings = ["a@example.net", *["A@example.net", "a@EXAMPLE.net"] * 500]
    yield to("B41.1000-spellings", spellings[:1], "To: " + ", ".join(spellings))
    yield to("B41.1000-in-many-fields", thousand[:100], *(f"Cc: {address}" for address in thousand[:900]))
