"""A POP3 maildrop beside the contract: what a QUIT confirms, dropped connections, duplicate ids, memory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailproc.errors import Away, SettingsError
from mailproc.maildrops import Waiting
from mailproc.maildrops.account import Account
from mailproc.maildrops.pop3 import Pop3Drop
from mailproc.maildrops.pop3_session import has_mail
from tests.maildrops.kinds import WHEN, pop3_to
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.pop3 import ScriptedPop3
from tests.servers.proxy import Fault, Proxy

ROOT = Path(__file__).parents[2]
RAWS = [f"From: ann@example.org\r\nSubject: {number}\r\n\r\nHello.\r\n".encode() for number in range(3)]


@pytest.fixture
def filled(dovecot: Dovecot, user: str) -> str:
    """A user with three messages."""
    dovecot.append_all(user, RAWS)
    return user


def scripted(server: ScriptedPop3, **changes: float) -> Pop3Drop:
    """Our maildrop on a server that says what is written."""
    return Pop3Drop(Account("main", "127.0.0.1", server.port, "plain", "robot", PASSWORD, **changes))


def raws(drop: Pop3Drop) -> list[bytes]:
    """All that waits, fetched."""
    return [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))]


def test_nothing_leaves_before_it_is_expunged(dovecot: Dovecot, filled: str) -> None:
    """Marks are ours alone: the server hears of no deletion, and closing makes none."""
    with Proxy(dovecot.pop3_port) as proxy:
        drop = pop3_to(dovecot, filled, port=proxy.port)
        drop.mark(drop.uids())
        drop.close()
    assert b"DELE" not in proxy.heard
    assert dovecot.messages(filled) == RAWS


def test_one_quit_removes_all(dovecot: Dovecot, filled: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each message has its DELE, and the QUIT behind them lets them go; what came meanwhile stays, and is in a new session."""
    with Proxy(dovecot.pop3_port) as proxy:
        drop = pop3_to(dovecot, filled, port=proxy.port)
        uids = list(drop.uids())
        dovecot.append(filled, b"Subject: new\r\n\r\n")
        drop.mark(uids)
        assert list(drop.expunge(uids)) == uids
        assert raws(drop) == [b"Subject: new\r\n\r\n"]
        drop.close()
    assert b"DELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n" in proxy.heard
    assert (proxy.connections, caplog.text) == (2, "")


def test_killed_between_dele_and_quit_nothing_has_left(dovecot: Dovecot, filled: str) -> None:
    """A connection that ends without QUIT removes nothing (RFC 1939 section 6), and the next run removes it."""
    program = f"""
from mailproc.maildrops.account import Account
from mailproc.maildrops.pop3 import Pop3Drop
drop = Pop3Drop(Account("main", "127.0.0.1", {dovecot.pop3_port}, "plain", {filled!r}, {PASSWORD!r}))
uids = drop.uids()
drop.mark(uids)
drop.expunge(uids)
"""
    environment = {**os.environ, "MAILPROC_FAILPOINT": "pop3-quit:kill"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=False)
    assert killed.returncode == -9
    drop = pop3_to(dovecot, filled)
    uids = list(drop.uids())
    assert len(uids) == 3
    drop.mark(uids[:1])
    assert list(drop.expunge(uids[:1])) == uids[:1]
    assert raws(drop) == RAWS[1:]
    drop.close()


@pytest.mark.parametrize("heard", [False, True], ids=["before it hears QUIT", "before it answers QUIT"])
def test_a_lost_answer_to_quit_is_looked_into(dovecot: Dovecot, filled: str, heard: bool) -> None:
    """A second session shows what has left; what has not is deleted there."""
    with Proxy(dovecot.pop3_port, [Fault(at_command=b"QUIT", forward=heard)]) as proxy:
        drop = pop3_to(dovecot, filled, port=proxy.port)
        first, second, _ = drop.uids()
        drop.mark([first, second])
        assert list(drop.expunge([first, second])) == [first, second]
        drop.close()
    assert proxy.heard.count(b"DELE") == (2 if heard else 4)
    assert dovecot.messages(filled) == [RAWS[2]]


def test_what_no_quit_confirms_has_not_left(dovecot: Dovecot, filled: str) -> None:
    """A server that never answers QUIT is away, and nothing counts as removed."""
    with Proxy(dovecot.pop3_port, rest=Fault(at_command=b"QUIT")) as proxy:
        drop = pop3_to(dovecot, filled, port=proxy.port)
        uids = list(drop.uids())
        drop.mark(uids)
        with pytest.raises(Away, match=rf"^maildrop main: 127\.0\.0\.1:{proxy.port}: it hung up$"):
            drop.expunge(uids)
        drop.close()
    assert dovecot.messages(filled) == RAWS


def test_a_quit_that_fails_confirms_nothing() -> None:
    """-ERR to QUIT means that some were not removed (RFC 1939 section 6), and nobody knows which."""
    with ScriptedPop3({"QUIT": b"-ERR some deleted messages not removed\r\n"}) as server:
        drop = scripted(server)
        drop.mark(["one"])
        with pytest.raises(Away, match="does not confirm that the deleted mail has left: -ERR some"):
            drop.expunge(["one"])


def test_what_dies_before_quit_leaves_no_deletion_behind(
    dovecot: Dovecot, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When anything goes wrong between DELE and QUIT, the session ends without one, also when the maildrop is closed."""

    def failing(name: str) -> None:
        if name == "pop3-quit":
            raise RuntimeError

    monkeypatch.setattr("mailproc.maildrops.pop3_session.failpoint", failing)
    drop = pop3_to(dovecot, filled)
    uids = list(drop.uids())
    drop.mark(uids)
    with pytest.raises(RuntimeError):
        drop.expunge(uids)
    drop.close()
    assert dovecot.messages(filled) == RAWS


def test_a_deletion_that_is_refused_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What the server does not delete is looked for once more; if it is there the operator is told, and the rest has left."""
    with ScriptedPop3({"DELE 2": b"-ERR it is dear to me\r\n"}) as server:
        drop = scripted(server)
        drop.mark(["one", "two"])
        assert drop.expunge(["one", "two"]) == ["one"]
    assert "message two cannot be deleted" in caplog.text
    assert server.heard.count("DELE 1") == 1


@pytest.mark.parametrize("fault", [Fault(at_command=b"RETR 2"), Fault(at_command=b"UIDL"), Fault(after_bytes=300)])
def test_a_dropped_connection_is_made_again(
    dovecot: Dovecot, filled: str, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Dropped in the list or in a mail, the question is asked again in a new session, and the mail comes whole."""
    with Proxy(dovecot.pop3_port, [fault]) as proxy:
        drop = pop3_to(dovecot, filled, port=proxy.port)
        assert raws(drop) == RAWS
        assert drop.unreadable() == []
        drop.close()
        assert proxy.connections == 2
    assert "it hung up" in caplog.text


def test_a_server_that_hangs_up_on_one_message_gives_the_others(dovecot: Dovecot, filled: str) -> None:
    """It is left out, told, and stays."""
    with Proxy(dovecot.pop3_port, rest=Fault(at_command=b"RETR 2")) as proxy:
        drop = pop3_to(dovecot, filled, port=proxy.port)
        _, second, _ = drop.uids()
        assert raws(drop) == [RAWS[0], RAWS[2]]
        assert drop.unreadable() == [second]
        assert drop.waiting([second]) == []
        drop.close()


def test_a_server_that_hangs_up_on_every_message_is_away(dovecot: Dovecot, user: str) -> None:
    """After ten lost connections it is not asked again."""
    dovecot.append_all(user, [*RAWS, *RAWS, *RAWS])
    with Proxy(dovecot.pop3_port, rest=Fault(at_command=b"RETR")) as proxy:
        drop = pop3_to(dovecot, user, port=proxy.port)
        with pytest.raises(Away, match="it hung up; the connection was lost too often"):
            raws(drop)
        assert proxy.connections <= 11
    assert dovecot.messages(user) == [*RAWS, *RAWS, *RAWS]


def test_a_mail_that_breaks_off_is_fetched_again(dovecot: Dovecot, user: str) -> None:
    """What has come of it is thrown away; a stream, which cannot be taken back, is left to the next run."""
    raw = b"Subject: long\r\n\r\n" + b"x" * 300_000 + b"\r\n"
    dovecot.append(user, raw)
    with Proxy(dovecot.pop3_port, [Fault(after_bytes=200_000)]) as proxy:
        drop = pop3_to(dovecot, user, port=proxy.port)
        assert raws(drop) == [raw]
        drop.close()
    with Proxy(dovecot.pop3_port, [Fault(after_bytes=200_000)]) as proxy:
        drop = pop3_to(dovecot, user, port=proxy.port)
        (waiting,) = drop.waiting(drop.uids())
        assert not drop.stream(waiting, io.BytesIO())
        assert drop.unreadable() == [waiting.uid]
        drop.close()


def test_a_message_that_is_refused_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """-ERR to RETR is one message's fault; whether it is still there is looked into once, at the end."""
    with ScriptedPop3({"RETR 1": b"-ERR [SYS/PERM] damaged\r\n"}) as server:
        drop = scripted(server)
        assert raws(drop) == [b"A: two\r\n\r\n"]
        assert drop.waiting(["one"]) == []
        assert drop.unreadable() == ["one"]
        assert not drop.stream(Waiting("one", 10, WHEN), io.BytesIO())
        drop.close()
    assert (server.connections, server.heard.count("RETR 1")) == (2, 1)
    assert "maildrop main: message one cannot be fetched; it stays there: the server refuses it" in caplog.text


def test_a_server_without_unique_ids_is_refused() -> None:
    """Without UIDL one message cannot be told from another, and the operator is told so."""
    with ScriptedPop3({"UIDL": b"-ERR unknown command\r\n"}) as server:
        drop = scripted(server)
        with pytest.raises(SettingsError, match=r"no unique ids \(UIDL\), .*: -ERR unknown command; use IMAP there"):
            drop.uids()


def test_a_list_that_fails_for_now_is_away() -> None:
    """A refusal with a response code is no lack of UIDL."""
    with ScriptedPop3({"UIDL": b"-ERR [SYS/TEMP] index is being rebuilt\r\n"}) as server, pytest.raises(Away, match="rebuilt"):
        scripted(server).uids()


def test_ids_that_tell_no_message_from_another_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """An id that stands there twice or has forbidden characters is not used; those messages stay, and are told."""
    listed = b"+OK\r\n1 one\r\n2 two\r\n3 two\r\n4 t\xe9n\x1b[1m\r\n5\r\n6 " + b"x" * 300 + b"\r\n.\r\n"
    with ScriptedPop3({"UIDL": listed}) as server:
        drop = scripted(server)
        assert list(drop.uids()) == ["one"]
        assert drop.unreadable() == ["two", r"number 4 (b' t\xe9n\x1b[1m')", "number 5 (b'')", f"number 6 (b' {'x' * 69}')"]
        drop.mark(["two"])
        assert list(drop.expunge(["two"])) == ["two"]
        drop.close()
    assert not any(command.startswith("DELE") for command in server.heard)
    assert "message two cannot be fetched; it stays there: its unique id (RFC 1939 section 7)" in caplog.text


@pytest.mark.parametrize("listed", [b"1 10\r\n", b"1 10\r\n2 7 or so\r\n", b"1   10\r\n2 30 \r\n"])
def test_a_size_may_be_wrong(listed: bytes) -> None:
    """A message of which no size or a wrong one is told comes as it is."""
    with ScriptedPop3({"LIST": b"+OK\r\n" + listed + b".\r\n"}) as server:
        drop = scripted(server)
        assert raws(drop) == [b"A: one\r\n\r\n", b"A: two\r\n\r\n"]
        drop.close()


@pytest.mark.parametrize(("messages", "waits"), [(0, False), (2, True)])
def test_the_first_look_is_cheap(dovecot: Dovecot, user: str, messages: int, waits: bool) -> None:
    """Whether mail waits is asked by STAT alone."""
    dovecot.append_all(user, RAWS[:messages])
    with Proxy(dovecot.pop3_port) as proxy:
        assert has_mail(Account("main", "127.0.0.1", proxy.port, "plain", user, PASSWORD)) is waits
    assert proxy.heard == f"USER {user}\r\nPASS {PASSWORD}\r\nSTAT\r\nQUIT\r\n".encode()


def test_the_first_look_imports_no_imap() -> None:
    """Who has a POP3 maildrop pays for poplib, and for no other client."""
    with ScriptedPop3({"STAT": b"+OK 0 0\r\n"}) as server:
        program = f"""
import sys
from mailproc.drops import has_mail
from mailproc.settings import Maildrop, Pop3Url, Secret
assert not has_mail(Maildrop(Pop3Url("127.0.0.1", {server.port}, "plain", "robot"), password=Secret("x")))
print(*{{"imaplib", "imapclient", "email", "sqlalchemy", "mailproc.reading"}}.intersection(sys.modules))
"""
        run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "\n"


def test_a_huge_message_is_streamed_in_little_memory(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """11 MiB pass through less than 5 MiB, and come out whole: most of it in one line, a part in lines of dots."""
    raw = b"Subject: huge\r\n\r\n" + b"x" * (10 << 20) + b"\r\n" + b"..\r\n.\r\n" * ((1 << 20) // 7)
    dovecot.append(user, raw)
    streamed = tmp_path / "streamed"
    program = f"""
from mailproc.maildrops.account import Account
from mailproc.maildrops.pop3 import Pop3Drop
from tests.processes import peak_of
drop = Pop3Drop(Account("main", "127.0.0.1", {dovecot.pop3_port}, "plain", {user!r}, {PASSWORD!r}))
(waiting,) = drop.waiting(drop.uids())
before = peak_of()
with open({str(streamed)!r}, "wb") as to:
    assert drop.stream(waiting, to)
print(peak_of() - before)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 5 * 1024
    assert streamed.read_bytes() == raw


def test_a_full_disk_under_the_archive_is_not_an_away_maildrop(dovecot: Dovecot, filled: str) -> None:
    """What goes wrong in writing a stream elsewhere is the writer's error, and the maildrop can be used on."""
    drop = pop3_to(dovecot, filled)
    waiting = drop.waiting(drop.uids())
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        drop.stream(waiting[0], full)
    assert [fetched.raw for fetched in drop.fetch(waiting[1:])] == RAWS[1:]
    drop.close()
