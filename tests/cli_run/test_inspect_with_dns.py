"""`mailproc inspect --dns FILE`: DKIM without a name server, and files that are none."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.address import Address
from mailproc.database.engine import writing
from mailproc.database.users import add_user
from tests.cli_run.conftest import Called
from tests.dkim.signer import NAME, Ed25519Key, sign
from tests.installation import Installation, MaildirBox

KEY = Ed25519Key()
MAIL = (
    b"From: Gil <gil@example.org>\r\nTo: book@notes.example.org\r\nSubject: x\r\n"
    b"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"
)


@pytest.fixture
def site(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation that trusts example.org, where Gil is at home; a signed mail of Gil's, and the records of the key."""
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")) as site:
        with site.config.open("a") as config:
            config.write('[dkim]\ntrusted_domains = ["Example.org"]\n')
        with writing(site.engine) as conn:
            add_user(conn, "gil", [Address.parse("gil@example.org")])
        (tmp_path / "signed.eml").write_bytes(sign(MAIL, KEY, t=int(time.time())))
        (tmp_path / "dns.json").write_text(json.dumps({f"{NAME}.": [KEY.record()]}))
        yield site


def found(mailproc: Called, *options: str) -> tuple[str, str, str]:
    """The action, the level and the method for the signed mail."""
    ended = mailproc("inspect", *options, "--format", "jsonl", "signed.eml")
    assert (ended.status, ended.err) == (0, "")
    (row,) = ended.rows
    return row["action"], row["authentication"]["level"], row["authentication"]["method"]


def test_the_records_of_the_file_prove_the_sender(site: Installation, mailproc: Called) -> None:
    """They stand in for the DNS; a name that is not in the file does not exist."""
    assert found(mailproc, "--dns", "dns.json") == ("process", "strong", "dkim")
    (site.folder / "none.json").write_text("{}")
    assert found(mailproc, "--dns", "none.json") == ("process", "weak", "from")


@pytest.mark.usefixtures("site")
def test_without_the_file_nobody_is_asked(mailproc: Called) -> None:
    """The mail would have to wait for the answer."""
    assert found(mailproc) == ("defer", "weak", "from")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: file.write_text('{"a": "b"}'), 'write it like {"s1._domainkey.example.org"'),
        (lambda file: file.write_bytes(b"\xff"), "write it like"),
        (lambda file: file.write_bytes(b"[" * (2**24 + 1)), "it is larger than 16 MiB"),
        (os.mkfifo, "it is not a regular file"),
        (Path.mkdir, "Is a directory"),
        (lambda file: None, "No such file"),
    ],
)
@pytest.mark.parametrize("option", ["--dns", "--users"])
def test_a_file_that_is_none_is_named(make: object, words: str, option: str, site: Installation, mailproc: Called) -> None:
    """In one line with the fix, and at once."""
    assert callable(make)
    make(site.folder / "given")
    ended = mailproc("inspect", option, "given", "signed.eml")
    assert (ended.status, ended.out) == (78, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("mailproc: given: ")
    if option == "--dns" or "write it" not in words:
        assert words in line
