"""A mail, keys, and a verifier that knows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from mailproc.dkim import DomainVerification
from mailproc.dkim.txt import Records, TextRecords
from mailproc.dkim.verifier import DkimVerifier
from mailproc.reading import read_header
from tests.dkim.signer import NAME, Ed25519Key

ARRIVAL = datetime(2026, 11, 2, 10, 5, tzinfo=UTC)  # five minutes after the usual t=
KEY = Ed25519Key()
MAIL = (
    b"Received: from mail.example.org by mx.example.net with ESMTPS id 1; Mon, 02 Nov 2026 10:00:01 +0000\r\n"
    b"From: Ann <ann@example.org>\r\n"
    b"To: notes@example.net\r\n"
    b"Subject: What we\r\n said\r\n"
    b"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"It is  fine.\r\n"
    b"\r\n"
    b"Ann\r\n"
)
USUAL = {NAME: [KEY.record()]}


def verify(
    raw: bytes,
    records: Mapping[str, Sequence[str]] | TextRecords | None = None,
    *,
    domains: Collection[str] = ("example.org",),
    arrival: datetime = ARRIVAL,
) -> list[DomainVerification]:
    """What is found about a mail where the DNS holds these records, or the usual key."""
    txt = Records(USUAL) if records is None else Records(records) if isinstance(records, Mapping) else records
    return list(DkimVerifier(txt).verify(raw, read_header(raw), set(domains), arrival=arrival))
