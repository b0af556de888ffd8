"""What speaks against passing a mail on: one test for each check, and their order."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc import Address, Reply
from mailproc.forward.checks import CHECKS, Candidate, objection, unsendable
from mailproc.reading import read_message
from mailproc.testing import make_mail

LIST = Address("choir", "lists.example.org")
STRICT = {"strict.example.com"}
HARMLESS = make_mail(to=str(LIST), subject="Rehearsal", text="At seven.")


def asked(
    name: str,
    raw: bytes,
    path: str | None = "ann@example.com",
    to: Address = LIST,
    strict: Callable[[str], bool] = STRICT.__contains__,
) -> Reply | None:
    """What one check says."""
    return objection([name], Candidate(read_message(raw), raw, path, to, strict))


def mail(header: bytes) -> bytes:
    """A mail with these fields and a text."""
    return header.replace(b"\n", b"\r\n") + b"\r\n\r\nHello.\r\n"


@pytest.mark.parametrize("name", CHECKS)
def test_a_mail_of_a_person_is_passed_on(name: str) -> None:
    """No check has anything against it, whether its reverse path is known or not."""
    assert asked(name, HARMLESS) is None
    assert asked(name, HARMLESS, None) is None


FROM_ANN = b"From: ann@example.com\n"


@pytest.mark.parametrize(
    "kind",
    [
        b"multipart/report; report-type=delivery-status; boundary=x",
        b'Multipart/Report; boundary=x; Report-Type="Delivery-Status"',
        b"multipart/report; boundary=x",
        b"message/delivery-status",
        b"message/global-delivery-status",
    ],
)
def test_a_delivery_status_notification_is_refused(kind: bytes) -> None:
    """By its type, at its top."""
    assert asked("report", mail(FROM_ANN + b"Content-Type: " + kind)) == Reply(
        550, "5.7.1", "It is a delivery status notification"
    )


def test_a_receipt_is_no_delivery_status_notification() -> None:
    """Nor is a mail that has one attached."""
    assert (
        asked("report", mail(FROM_ANN + b"Content-Type: multipart/report; report-type=disposition-notification; boundary=x"))
        is None
    )
    assert asked("report", make_mail(to=str(LIST), attachments=[("report.eml", b"x")])) is None


@pytest.mark.parametrize("subject", ["Delayed Mail (still being retried)", "Re: UNDELIVERED MAIL returned to sender"])
@pytest.mark.parametrize(("local", "refused"), [("admin", True), ("Postmaster", True), ("choir", False)])
def test_a_notification_for_the_postmaster_is_known_by_its_subject(subject: str, local: str, refused: bool) -> None:
    """A list may speak of undelivered mail."""
    raw = make_mail(to="x@lists.example.org", subject=subject)
    assert (asked("admin-subject", raw, to=Address(local, "lists.example.org")) is not None) == refused


@pytest.mark.parametrize(
    ("field", "refused"),
    [
        (b"Subject: R\xf8dgr\xf8d", True),
        (b"X-Anything: \xff", True),
        (b"Subject: =?utf-8?b?w6Y=?= \xa3", True),
        ("Subject: Rødgrød".encode(), False),
        (b"Subject: =?UTF-8?a?hello_world?=", False),
        (b"Subject: =?UTF-8?b?hello_world?=", False),
        (b"Subject: =?iso-8859-1?q?=F8?=", False),
    ],
)
def test_a_header_is_ascii_or_utf_8(field: bytes, refused: bool) -> None:
    """Encoded words may be as wrong as they like: their octets are ASCII."""
    found = asked("header-encoding", mail(FROM_ANN + field))
    assert (found is not None) == refused
    if found:
        assert (found.code, found.status) == (554, "5.6.0") and found.line().isascii()


def test_only_the_header_is_looked_at() -> None:
    """A text may be in any charset."""
    assert asked("header-encoding", mail(FROM_ANN + b"Subject: x") + b"\xf8\xff") is None


def test_the_null_reverse_path_is_refused() -> None:
    """Only notifications have it."""
    assert asked("null-reverse-path", HARMLESS, "") == Reply(550, "5.7.1", "Its reverse path is null (RFC 5321 section 4.5.5)")


@pytest.mark.parametrize(("header", "number"), [(b"Subject: x", 0), (FROM_ANN * 2 + b"Subject: x", 2)])
def test_a_mail_has_one_from_field(header: bytes, number: int) -> None:
    """No more and no fewer."""
    found = asked("one-from", mail(header))
    assert found == Reply(554, "5.6.0", f"It has {number} From fields (RFC 5322 section 3.6 wants one)")


@pytest.mark.parametrize("author", [b"ann", b"Ann <ann>", b"", b"<>", b"undisclosed:;"])
def test_an_author_has_a_domain(author: bytes) -> None:
    """Else nobody could answer."""
    found = asked("from-domain", mail(b"From: " + author))
    assert found == Reply(554, "5.6.0", "From holds no address with a domain")


@pytest.mark.parametrize(
    ("author", "more", "refused"),
    [
        (b"ann@strict.example.com", b"", True),
        (b"Ann <ann@STRICT.example.com>", b"", True),
        (b"bob@example.com, ann@strict.example.com", b"", True),
        (b"ann@strict.example.com", b"DKIM-Signature: v=1; d=strict.example.com\n", False),
        (b"ann@example.com", b"", False),
        (b"nobody", b"", False),
    ],
)
def test_a_strict_domain_signs(author: bytes, more: bytes, refused: bool) -> None:
    """What everybody would refuse is refused here, where its author hears of it."""
    found = asked("dmarc", mail(more + b"From: " + author + b"\nSubject: x"))
    assert (found is not None) == refused
    if found:
        assert found == Reply(550, "5.7.1", "The DMARC policy of strict.example.com wants a DKIM signature, and it has none")


def test_three_authors_are_looked_up_at_most() -> None:
    """Look-ups take time while others wait."""
    asked_for: list[str] = []
    authors = b", ".join(b"a@%d.example.org" % at for at in range(30))
    assert asked("dmarc", mail(b"From: " + authors), strict=lambda domain: bool(asked_for.append(domain))) is None
    assert asked_for == ["0.example.org", "1.example.org", "2.example.org"]


def test_the_first_objection_counts() -> None:
    """In the order in which the operator names them; what is not asked is not said."""
    raw = mail(b"Subject: \xff")
    candidate = Candidate(read_message(raw), raw, "", LIST, STRICT.__contains__)
    for names, status in (
        (("header-encoding", "null-reverse-path"), 554),
        (("null-reverse-path", "one-from"), 550),
        (("dmarc",), None),
        ((), None),
    ):
        found = objection(names, candidate)
        assert (found and found.code) == status


@pytest.mark.parametrize(
    ("raw", "carried"),
    [(b"a\nb\r\n", True), (b"", True), (b"a\rb", False), (b"a\r\r\n", False), (b"a\r", False), (b"a\0\r\n", False)],
)
def test_what_no_relay_takes(raw: bytes, carried: bool) -> None:
    """A NUL and a CR without LF; a lone LF goes on as CRLF."""
    found = unsendable(raw)
    assert (found is None) == carried
    assert found is None or (found.code, found.status) == (554, "5.6.0")


def test_a_check_that_there_is_not_is_an_error() -> None:
    """The configuration is asked before any mail."""
    with pytest.raises(KeyError):
        asked("spf", HARMLESS)


@given(st.binary(max_size=500), st.sampled_from([None, "", "x"]))
def test_any_mail_is_checked(raw: bytes, path: str | None) -> None:
    """Whatever its bytes, a check answers, and on one line."""
    for name in CHECKS:
        found = asked(name, raw, path)
        assert found is None or found.line().isprintable()
