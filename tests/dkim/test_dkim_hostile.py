"""No mail, record or time makes a verifier raise, or say anything but a finding."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailproc.dkim import DomainFinding, DomainVerification
from mailproc.dkim.results import TrustedResults
from mailproc.dkim.txt import Records
from mailproc.dkim.verifier import DkimVerifier
from mailproc.reading import read_header
from tests.dkim.signed_mail import ARRIVAL, KEY, MAIL, USUAL
from tests.dkim.signer import NAME, rsa_key, sign

RESULTS = b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org header.s=s1\r\n"
GOOD = RESULTS + sign(MAIL, KEY, x=1999999999, i="ann@example.org", q="dns/txt")
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b";",
    b":",
    b"=",
    b"(",
    b'"',
    b"\xff",
    b"d=example.org;",
    b"From: x",
    b"\r\n\r\n",
    b"b=",
    b"",
]
DIGEST = re.compile("[0-9a-f]{64}")

changes = st.lists(
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 30), st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))),
    max_size=5,
)


def assert_findings(found: Sequence[DomainVerification]) -> None:
    """Each is whole, and can be shown."""
    assert len(found) <= 5
    for each in found:
        assert each.domain == "example.org"
        assert each.finding in set(DomainFinding)
        assert 0 < len(each.detail) <= 200 and each.detail.isprintable()
        assert bool(DIGEST.fullmatch(each.covered_sha256)) == (each.finding is DomainFinding.PASS)
        assert each.signed_at is None or each.signed_at.tzinfo is UTC


def look(raw: bytes, records: dict[str, list[str]] | None = None, arrival: datetime = ARRIVAL) -> list[DomainVerification]:
    """What both verifiers find."""
    header, txt = read_header(raw), Records(USUAL if records is None else records)
    found = [
        verifier.verify(raw, header, {"example.org"}, arrival=arrival)
        for verifier in (DkimVerifier(txt), TrustedResults("mx.example.net"))
    ]
    for each in found:
        assert_findings(each)
    return [*found[0], *found[1]]


@settings(max_examples=400, deadline=None)
@given(changes)
@example([])
def test_a_mutated_mail(made: list[tuple[int, int, bytes]]) -> None:
    """A signed mail with octets cut out and put in is verified as any other; unchanged it passes, by both."""
    raw = GOOD
    for at, length, piece in made:
        raw = raw[:at] + piece + raw[at + length :]
    found = look(raw)
    assert raw != GOOD or [each.finding for each in found] == [DomainFinding.PASS, DomainFinding.PASS]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_signature(value: bytes) -> None:
    """Any octets may stand in the field."""
    look(b"DKIM-Signature: d=example.org;" + value + b"\r\n" + MAIL)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("vabchdilqstxz"), st.text(st.characters(codec="utf-8"), max_size=20), max_size=6))
def test_any_tags(tags: dict[str, str]) -> None:
    """Any values may stand in the tags."""
    pairs = "; ".join(f"{name}={value}" for name, value in ({"d": "example.org", "bh": "x"} | tags).items())
    look(f"DKIM-Signature: {pairs}\r\n".encode() + MAIL)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_results(value: bytes) -> None:
    """Any octets may stand in the field of our server."""
    look(b"Authentication-Results: mx.example.net; " + value + b"\r\n" + GOOD)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60),
    st.lists(st.sampled_from(["v=DKIM1;", "k=rsa;", "k=ed25519;", "p=", "t=y", "MIGf", "AAAA", ";", "="]), max_size=8),
)
def test_any_record(text: str, pieces: list[str]) -> None:
    """Any text may stand in the DNS; it is never a good key."""
    for raw in (sign(MAIL, KEY), sign(MAIL, rsa_key(1024))):
        (found,) = look(raw, {NAME: ["".join(pieces) + text]})
        assert found.finding is DomainFinding.FAIL


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30)),
    st.integers(0, 10**12),
)
def test_any_time(arrival: datetime, at: int) -> None:
    """Whenever a mail arrives, and whatever it says of its own times."""
    look(sign(MAIL, KEY, t=at, x=at + 1), arrival=arrival)
