"""The fields by which a list makes itself known, and those of a mail that are signed."""

from __future__ import annotations

import time

import pytest

from mailproc.forward.listfields import ListFields, with_list_fields
from mailproc.forward.signed import signed_names
from mailproc.rawmail import RawMail

ADDRESS = "notes@lists.example.net"


def fields(about: ListFields, raw: bytes = b"A: b\r\n\r\n", signed: frozenset[str] = frozenset()) -> dict[str, str]:
    """The values by name of all fields of a mail of the list."""
    return {field.name: field.value for field in with_list_fields(RawMail.read(raw), about, signed).fields}


def test_all_of_them() -> None:
    """Each field has the form of its RFC, in a constant order."""
    about = ListFields(
        "Notes, the",
        ADDRESS,
        help=("https://example.net/help",),
        subscribe=("mailto:a@example.net?subject=subscribe%20notes",),
        unsubscribe=("mailto:a@example.net", "https://example.net/u?x=1"),
        owner="a@example.net",
        sender="b@example.net",
        others=(("List-Name", "notes"), ("X-Group", "x")),
    )
    assert list(fields(about).items()) == [
        ("Sender", "b@example.net"),
        ("List-Id", '"Notes, the" <notes.lists.example.net>'),
        ("List-Post", "<mailto:notes@lists.example.net>"),
        ("List-Help", "<https://example.net/help>"),
        ("List-Subscribe", "<mailto:a@example.net?subject=subscribe%20notes>"),
        ("List-Unsubscribe", "<mailto:a@example.net>, <https://example.net/u?x=1>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Owner", "<mailto:a@example.net>"),
        ("Precedence", "list"),
        ("X-Auto-Response-Suppress", "OOF"),
        ("List-Name", "notes"),
        ("X-Group", "x"),
        ("A", "b"),
    ]


def test_as_few_as_there_can_be() -> None:
    """What is not given is not written; an announcement list says that nobody may post (RFC 2369 section 3.4)."""
    about = ListFields("", ADDRESS, posting=False)
    assert fields(about) == {
        "List-Id": "<notes.lists.example.net>",
        "List-Post": "NO",
        "Precedence": "list",
        "X-Auto-Response-Suppress": "OOF",
        "A": "b",
    }


@pytest.mark.parametrize(
    ("urls", "one_click", "expected"),
    [
        (("mailto:a@example.net",), True, False),
        (("https://example.net/u",), True, True),
        (("https://example.net/u",), False, False),
    ],
)
def test_one_click_needs_a_url_that_takes_it(urls: tuple[str, ...], one_click: bool, expected: bool) -> None:
    """List-Unsubscribe-Post stands beside an ``https:`` URL alone (RFC 8058 section 3.1); another list's goes."""
    found = fields(
        ListFields("N", ADDRESS, unsubscribe=urls, one_click=one_click),
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n",
    )
    assert ("List-Unsubscribe-Post" in found) is expected


def test_those_of_another_list_are_replaced() -> None:
    """The first of a name gets our value in its place, and further ones go, for each field stands once (RFC 2369 section 3)."""
    raw = b"From: a@example.org\r\nlist-id: <x.example.org>\r\nTo: x\r\nList-Id: <y.example.org>\r\nPrecedence: bulk\r\n\r\n"
    mail = with_list_fields(RawMail.read(raw), ListFields("N", ADDRESS), frozenset({"x-auto-response-suppress"}))
    assert mail.to_bytes() == (
        b"List-Post: <mailto:notes@lists.example.net>\r\nFrom: a@example.org\r\nList-Id: N <notes.lists.example.net>\r\n"
        b"To: x\r\nPrecedence: list\r\n\r\n"
    )


@pytest.mark.parametrize("name", ["List-Id", "list-unsubscribe", "LIST-UNSUBSCRIBE-POST", "Precedence", "Sender"])
def test_one_that_is_signed_stays(name: str) -> None:
    """It is not added, changed or left out, and the others are there."""
    about = ListFields("N", ADDRESS, unsubscribe=("mailto:a@example.net",), sender="b@example.net")
    raw = f"{name}: theirs\r\n\r\n".encode()
    assert fields(about, raw, frozenset({name.lower()}))[name] == "theirs"
    assert name.lower() not in {each.lower() for each in fields(about, signed=frozenset({name.lower()}))}
    assert "List-Post" in fields(about, raw, frozenset({name.lower()}))


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "no address"},
        {"owner": "a@b\r\nBcc: x"},
        {"sender": "<a@example.org>"},
        {"help": ("javascript:alert(1)",)},
        {"subscribe": ("https://example.org/> <mailto:x@example.org",)},
        {"unsubscribe": ("https://example.org/a b",)},
        {"address": '"a"@example.org'},
        {"address": "a@b> <c.d"},
    ],
)
def test_what_cannot_stand_in_a_field_is_refused(changed: dict[str, object]) -> None:
    """Addresses, URLs and identifiers are checked when the list is read, and not in the middle of a mail."""
    with pytest.raises(ValueError, match=r"."):
        ListFields(**({"name": "N", "address": ADDRESS} | changed))


def test_a_hostile_name() -> None:
    """The name of a list is words, whatever it holds."""
    found = fields(ListFields('x" <evil.example>\r\nBcc: y\u202e=?utf-8?q?z?= \xe9', ADDRESS))
    assert set(found) == {"List-Id", "List-Post", "Precedence", "X-Auto-Response-Suppress", "A"}
    assert found["List-Id"].startswith("=?utf-8?q?x=22_=3Cevil=2Eexample=3E_Bcc=3A_y")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"DKIM-Signature: v=1; h=From:List-Id; b=x\r\n\r\n", {"from", "list-id"}),
        (b"dkim-signature: v=1; h = FROM :\r\n\tSender\r\n :to;\r\n b=x\r\n\r\n", {"from", "sender", "to"}),
        (b"DKIM-Signature: h=from\r\nDKIM-Signature: a=x; h=list-post:list-post\r\n\r\n", {"from", "list-post"}),
        (b"DKIM-Signature: bh=list-id; H=from; b=h=to\r\n\r\n", {"from"}),
        (b"DKIM-Signature: h=lis\r\n t-id:from\r\n\r\n", {"list-id", "from"}),
        (b"DKIM-Signature:\r\nX: h=from\r\n\r\nDKIM-Signature: h=from\r\n", set()),
        (b"DKIM-Signature: \xff\0; h=from:\xe9\r\n\r\n", {"from", "\xe9"}),
    ],
)
def test_signed_names(raw: bytes, expected: set[str]) -> None:
    """They are read from each signature, however it is written."""
    assert signed_names(RawMail.read(raw)) == expected


def test_many_large_signatures_cost_little() -> None:
    """A header of signatures is read up to a bound."""
    raw = (b"DKIM-Signature: h=" + b"a:" * 500_000 + b"\r\n") * 20 + b"\r\n"
    started = time.process_time()
    assert signed_names(RawMail.read(raw)) == {"a"}
    assert time.process_time() - started < 2
