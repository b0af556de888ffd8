"""The canonical forms of a body, against a plain reading of the RFC, and in bounded time and memory."""

from __future__ import annotations

import hashlib
import random
import re
import tracemalloc

import pytest
from dkim.canonicalization import CanonicalizationPolicy

from mailproc.dkim import canonical
from mailproc.dkim.canonical import Body, canonical_body, covered_sha256
from mailproc.reading import read_header
from tests.cost import within
from tests.dkim.signed_mail import MAIL
from tests.dkim.signer import canonical_lines

LARGE = 25 << 20
FORMS = ["relaxed", "simple"]


def canonical_form(body: bytes, form: str, start: int = 0) -> bytes:
    """The canonical form of a body in one piece."""
    return b"".join(canonical_body(body, start, relaxed=form == "relaxed"))


def covered(raw: bytes) -> str:
    """What a signature on this mail covers."""
    header = read_header(raw)
    return covered_sha256(header, Body(raw, header.length))


@pytest.mark.parametrize(
    "body, relaxed, simple",
    [
        (b"", b"", b"\r\n"),
        (b"\r\n", b"", b"\r\n"),
        (b"\r\n\r\n", b"", b"\r\n"),
        (b" \t\r\n", b"", b" \t\r\n"),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a\r\n\r\n\r\n", b"a\r\n", b"a\r\n"),
        (b"\r\n\r\na", b"\r\n\r\na\r\n", b"\r\n\r\na\r\n"),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n", b" C \r\nD \t E\r\n"),  # the example of RFC 6376 section 3.4.5
        (b"a\n\nb\n", b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a \r\n \r\n", b"a\r\n", b"a \r\n \r\n"),
        (b"a\r", b"a\r\r\n", b"a\r\r\n"),
        (b"a\rb\r\r\n", b"a\rb\r\r\n", b"a\rb\r\r\n"),
    ],
)
def test_forms(body: bytes, relaxed: bytes, simple: bytes) -> None:
    """Line ends, blanks and empty lines at the end are as RFC 6376 section 3.4 has them."""
    assert (canonical_form(body, "relaxed"), canonical_form(body, "simple")) == (relaxed, simple)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 1 << 18])
def test_any_body(form: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the body is cut into pieces, the form is the one that a reading line by line gives."""
    monkeypatch.setattr(canonical, "_AT_ONCE", at_once)
    chosen = random.Random(at_once)
    for _ in range(3000):
        body = b"".join(chosen.choices([b" ", b"\t", b"\r\n", b"\n", b"\r", b"x", b"yz"], k=chosen.randrange(14)))
        wanted = canonical_lines(re.sub(rb"\r?\n", b"\r\n", body), form)
        assert canonical_form(body, form) == wanted, body
        assert canonical_form(b"Xy\r\n\r\n" + body, form, start=6) == wanted, body


@pytest.mark.parametrize("form", FORMS)
def test_the_library_agrees(form: str) -> None:
    """dkimpy, whose own way to it takes too long for some bodies, comes to the same."""
    policy = CanonicalizationPolicy.from_c_value(f"{form}/{form}".encode())
    chosen = random.Random(form)
    for _ in range(2000):
        body = b"".join(chosen.choices([b" ", b"\t", b"\r\n", b"\r", b"x", b"yz"], k=chosen.randrange(14))) + b"x\r\n"
        assert canonical_form(body, form) == policy.canonicalize_body(body), body


@pytest.mark.parametrize("form", FORMS)
def test_a_digest_is_computed_once(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five signatures of one mail hash its body once for each form."""
    body = Body(b"\r\nHello \r\n", 2)
    wanted = hashlib.sha256(b"Hello\r\n" if form == "relaxed" else b"Hello \r\n").digest()
    assert body.digest(relaxed=form == "relaxed") == wanted
    monkeypatch.setattr(canonical, "canonical_body", None)
    assert body.digest(relaxed=form == "relaxed") == wanted


SHAPES = {
    "base64": (b"A" * 76 + b"\r\n"),
    "text": b"The quick  brown fox\tjumps over the lazy dog. \r\n",
    "blanks": b" ",
    "line-ends": b"\r\n",
    "blank-lines": b"\t \n",
    "bare-cr": b"\r",
    "one-line": b"x",
    "words": b"x ",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_large_body(shape: str) -> None:
    """25 MiB of whatever are hashed in both forms in seconds, with little memory beside them."""
    raw = SHAPES[shape] * (LARGE // len(SHAPES[shape])) + b"x"
    within(4, lambda: [Body(raw, 0).digest(relaxed=relaxed) for relaxed in (True, False)])
    tracemalloc.start()
    Body(raw[: 4 << 20], 0).digest(relaxed=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


SAME = {
    "another-way": b"Received: from a by b\r\nDKIM-Signature: v=1; d=example.org\r\n" + MAIL,
    "lf": MAIL.replace(b"\r\n", b"\n"),
    "refolded": MAIL.replace(b"Subject: What we\r\n said", b"subject:What\r\n\twe  said "),
    "blanks-in-the-body": MAIL.replace(b"It is  fine.", b"It is\tfine. \t"),
    "lines-at-the-end": MAIL + b"\r\n \r\n",
    "other-unsigned-fields": MAIL.replace(b"Message-ID: <1@", b"Message-ID: <2@").replace(b"To: notes@", b"To: bugs@"),
    "mbox": b"From ann@example.org Mon Nov  2 10:00:00 2026\r\n" + MAIL,
}
OTHER = {
    "author": MAIL.replace(b"Ann <", b"Anne <"),
    "subject": MAIL.replace(b"said", b"sait"),
    "subject-case": MAIL.replace(b"said", b"Said"),
    "no-subject": MAIL.replace(b"Subject: What we\r\n said\r\n", b""),
    "date": MAIL.replace(b"10:00:00 +0000\r\nMess", b"10:00:01 +0000\r\nMess"),
    "second-date": MAIL.replace(b"Message-ID", b"Date: x\r\nMessage-ID"),
    "text": MAIL.replace(b"fine", b"fined"),
    "blank-within": MAIL.replace(b"fine", b"fi ne"),
    "line-within": MAIL.replace(b"fine.", b"fi\r\nne."),
    "moved": MAIL.replace(b"Subject: What we\r\n said\r\n", b"Subject: What we\r\n").replace(b"It is", b"said It is"),
}


@pytest.mark.parametrize("name", SAME)
def test_copies_of_a_mail(name: str) -> None:
    """A copy covers the same, whichever way it came and however it was folded."""
    assert covered(SAME[name]) == covered(MAIL)


@pytest.mark.parametrize("name", OTHER)
def test_another_mail(name: str) -> None:
    """Another author, subject, date or text is another mail."""
    assert covered(OTHER[name]) != covered(MAIL)


def test_what_is_covered() -> None:
    """It is the SHA-256 of the relaxed From, Subject and Date, and of the digest of the relaxed body."""
    body = hashlib.sha256(b"It is fine.\r\n\r\nAnn\r\n").digest()
    fields = "from:Ann <ann@example.org>\r\nsubject:What we said\r\ndate:Mon, 02 Nov 2026 10:00:00 +0000\r\n"
    assert covered(MAIL) == hashlib.sha256(fields.encode() + body).hexdigest()
