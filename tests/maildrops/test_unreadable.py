"""A message that cannot be read is left out and named; its neighbours are read."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from mailproc.maildrops.maildir import MaildirDrop
from tests.maildrops.kinds import imap_to
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import Fault, Proxy

NOBODY = 65534
RAWS = [f"From: ann@example.org\r\nSubject: {number}\r\n\r\nHello.\r\n".encode() for number in range(3)]
GROUP = Fault(at_command=b"BODY.PEEK[]")


@pytest.fixture
def filled(dovecot: Dovecot, user: str) -> str:
    """A user with three messages, uids 1 to 3."""
    dovecot.append_all(user, RAWS)
    return user


def test_a_server_that_hangs_up_on_one_message_gives_the_others(
    dovecot: Dovecot, filled: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is made again, and only the uid on which the server hangs up is left out."""
    with Proxy(dovecot.port, [GROUP, GROUP], rest=Fault(at_command=b"FETCH 2 (BODY.PEEK[]")) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))] == [RAWS[0], RAWS[2]]
        assert drop.unreadable() == ["2"]
        drop.mark(["1", "3"])
        assert list(drop.expunge(["1", "3"])) == ["1", "3"]
        drop.close()
    assert "maildrop main: message 2 cannot be fetched; it stays there" in caplog.text
    assert dovecot.uids(filled) == [2]


def test_a_message_alone_is_left_out_too(dovecot: Dovecot, filled: str) -> None:
    """A group of one that fails, fetched or streamed, does not take the maildrop along."""
    with Proxy(dovecot.port, rest=Fault(at_command=b"FETCH 2 (BODY.PEEK[]")) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        first, second, _ = drop.waiting(drop.uids())
        assert list(drop.fetch([second])) == []
        assert drop.unreadable() == ["2"]
        assert drop.stream(first, io.BytesIO())
    with Proxy(dovecot.port, rest=Fault(at_command=b"FETCH 2 (BODY.PEEK[]<")) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert not drop.stream(second, io.BytesIO())
        assert [fetched.raw for fetched in drop.fetch([first])] == RAWS[:1]


def test_a_no_keeps_the_connection(dovecot: Dovecot, filled: str) -> None:
    """A server that answers NO is asked on over the same connection."""
    no = (b" OK Fetch completed", b" NO [SERVERBUG] Internal error")
    with Proxy(dovecot.port, rest=Fault(replace=(no,))) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert drop.waiting(["2"]) == []
        assert drop.unreadable() == ["2"]
        assert list(drop.uids()) == ["1", "2", "3"]
        assert drop.unreadable() == []
        drop.close()
        assert proxy.connections == 1


def test_a_damaged_file_of_the_server_is_one_message(dovecot: Dovecot, filled: str) -> None:
    """Dovecot says "Internal error" and hangs up; the others come, and nothing is made of what it sent before."""
    damage(dovecot, filled)
    drop = imap_to(dovecot, filled)
    assert [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))] == [RAWS[0], RAWS[2]]
    assert drop.unreadable() == ["2"]
    drop.close()


def damage(dovecot: Dovecot, user: str) -> None:
    """Take the rights from the file of the second message, so that Dovecot cannot deliver it."""
    maildir = dovecot.folder / "mail" / user / "Maildir"
    (file,) = (file for part in ("new", "cur") for file in (maildir / part).iterdir() if b"Subject: 1" in file.read_bytes())
    file.chmod(0)


def test_a_file_that_may_not_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file of another user is named and skipped; the files beside it are read."""
    for part in ("tmp", "new", "cur"):
        (tmp_path / part).mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "new" / name).write_bytes(name.encode())
    drop = MaildirDrop("main", tmp_path)
    uids = drop.uids()
    first, second, third = drop.waiting(uids)
    (tmp_path / "new" / "b").chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        assert [fetched.raw for fetched in drop.fetch([first, second, third])] == [b"a", b"c"]
        assert drop.unreadable() == ["b"]
        drop.uids()
        assert [waiting.uid for waiting in drop.waiting(uids)] == ["a", "c"]
    finally:
        os.seteuid(before)
    assert drop.unreadable() == ["b"]
    assert "maildrop main: message b cannot be fetched; it stays there: Permission denied" in caplog.text
