"""An IMAP folder beside the contract: flags, reconnecting, hostile answers, memory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from imapclient import IMAPClient

from mailproc.errors import Away, MailprocError, SettingsError
from mailproc.maildrops import imap
from mailproc.maildrops.imap import ImapDrop
from tests.maildrops.kinds import imap_to
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import Fault, Proxy

ROOT = Path(__file__).parents[2]
RAWS = [f"From: ann@example.org\r\nSubject: {number}\r\n\r\nHello.\r\n".encode() for number in range(3)]


@pytest.fixture
def filled(dovecot: Dovecot, user: str) -> str:
    """A user with three messages, uids 1 to 3."""
    dovecot.append_all(user, RAWS)
    return user


@pytest.fixture
def drop(dovecot: Dovecot, filled: str) -> Iterator[ImapDrop]:
    """The maildrop of that user."""
    opened = imap_to(dovecot, filled)
    yield opened
    opened.close()


def raws(drop: ImapDrop) -> list[bytes]:
    """All that waits, fetched."""
    return [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))]


def test_reading_sets_no_flag(dovecot: Dovecot, filled: str, drop: ImapDrop) -> None:
    """Looking, fetching, streaming and leaving mark nothing as seen."""
    waiting = drop.waiting(drop.uids())
    list(drop.fetch(waiting))
    drop.stream(waiting[0], io.BytesIO())
    drop.close()
    assert dovecot.flags(filled) == {1: set(), 2: set(), 3: set()}


def test_marking_keeps_other_flags(dovecot: Dovecot, user: str) -> None:
    """Only ``\\Deleted`` is added."""
    dovecot.append(user, RAWS[0], ["\\Flagged", "\\Answered"])
    drop = imap_to(dovecot, user)
    drop.mark(drop.uids())
    drop.close()
    assert dovecot.flags(user) == {1: {b"\\Flagged", b"\\Answered", b"\\Deleted"}}


def test_arrival_is_the_internal_date_in_utc(dovecot: Dovecot, user: str) -> None:
    """A date with an offset is the same moment in UTC."""
    when = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    dovecot.append(user, RAWS[0], when=when)
    (waiting,) = imap_to(dovecot, user).waiting(["1"])
    assert (waiting.arrival, waiting.arrival.tzinfo) == (when, UTC)


def test_pages_of_a_long_search_make_one_list(dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searching by pages of messages finds each once, also when there are fewer messages than at the SELECT."""
    monkeypatch.setattr(imap, "_PAGE_MESSAGES", 2)
    dovecot.append_all(user, RAWS * 3)
    drop = imap_to(dovecot, user)
    assert list(drop.uids()) == [str(uid) for uid in range(1, 10)]
    drop.mark(map(str, range(1, 8)))
    drop.expunge(map(str, range(1, 8)))
    assert list(drop.uids()) == ["8", "9"]
    drop.close()


def test_a_read_only_drop_examines(dovecot: Dovecot, filled: str) -> None:
    """With readonly the server itself ignores every change."""
    drop = imap_to(dovecot, filled, readonly=True)
    assert raws(drop) == RAWS
    drop.mark(["1"])
    assert list(drop.expunge(["1"])) == []
    drop.close()
    assert dovecot.flags(filled) == {1: set(), 2: set(), 3: set()}


def test_a_folder_that_is_read_only_is_refused_at_once(dovecot: Dovecot, filled: str) -> None:
    """When SELECT answers READ-ONLY though we want to delete, no mail is touched."""
    with (
        Proxy(dovecot.port, rest=Fault(replace=((b"[READ-WRITE]", b"[READ-ONLY]"),))) as proxy,
        pytest.raises(SettingsError, match="folder INBOX is read-only"),
    ):
        imap_to(dovecot, filled, port=proxy.port)


def test_a_missing_folder_is_named(dovecot: Dovecot, user: str) -> None:
    """A folder that is not there is the operator's mistake, and the error names it."""
    with pytest.raises(SettingsError, match=r"the folder Robot cannot be opened: .*Mailbox doesn't exist"):
        imap_to(dovecot, user, folder="Robot")


def test_mail_is_not_moved_into_its_own_folder(drop: ImapDrop) -> None:
    """A move to where the mail comes from would go on for ever."""
    with pytest.raises(SettingsError, match="to itself"):
        drop.move(["1"], "Inbox")


def test_a_folder_that_cannot_be_made_is_named(drop: ImapDrop) -> None:
    """The error of a move names the folder; the mail stays."""
    with pytest.raises(SettingsError, match="the folder Failed//x cannot be created"):
        drop.move(["1"], "Failed//x")
    assert raws(drop) == RAWS


def test_advice_names_what_the_server_lacks(
    drop: ImapDrop, dovecot_with_move: Dovecot, dovecot_without: Dovecot, user: str
) -> None:
    """check can tell the operator where processed mail will be."""
    assert drop.advice() == []
    assert "UIDPLUS" in drop.capabilities()
    assert "Processed" in imap_to(dovecot_with_move, user).advice()[0]
    assert "stays in the folder" in imap_to(dovecot_without, user).advice()[0]


def test_imaplib_does_not_write_out_mail(drop: ImapDrop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The debugging that imapclient switches on is off: a fetch formats no literal (it took four fifths of the time)."""
    client = drop._folder._connection.client  # type: ignore[union-attr]
    written: list[str] = []
    assert isinstance(client, IMAPClient)
    monkeypatch.setattr(client._imap, "_mesg", lambda *words: written.append(str(words)))
    assert raws(drop) == RAWS
    assert (client._imap.debug, written) == (0, [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(at_command=b"SEARCH UNDELETED"),
        Fault(at_command=b"RFC822.SIZE"),
        Fault(at_command=b"BODY.PEEK[]"),
        Fault(at_command=b"STORE", forward=True),
        Fault(at_command=b"UID EXPUNGE"),
        Fault(at_command=b"UID EXPUNGE", forward=True),
        Fault(at_command=b"LOGOUT"),
    ],
    ids=lambda fault: f"{fault.at_command.decode()}{' heard' * fault.forward}",
)
def test_a_dropped_connection_is_made_again(dovecot: Dovecot, filled: str, fault: Fault) -> None:
    """A connection cut at any command changes nothing about the end."""
    with Proxy(dovecot.port, [fault]) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert raws(drop) == RAWS
        drop.mark(["1", "2"])
        assert list(drop.expunge(["1", "2"])) == ["1", "2"]
        assert list(drop.uids()) == ["3"]
        drop.close()
    assert dovecot.uids(filled) == [3]


@pytest.mark.parametrize("heard", [False, True])
def test_a_move_that_is_cut_loses_nothing(dovecot: Dovecot, filled: str, heard: bool) -> None:
    """After a cut before or behind MOVE the mail is in the folder once."""
    with Proxy(dovecot.port, [Fault(at_command=b"UID MOVE", forward=heard)]) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert list(drop.move(["1", "2"], "Failed")) == ["1", "2"]
        drop.close()
    assert (dovecot.messages(filled, "Failed"), dovecot.uids(filled)) == (RAWS[:2], [3])


def test_without_move_a_killed_move_leaves_two_not_none(user: str) -> None:
    """A copy is there before the original goes; killed in between, mail is in both folders, and the next move ends it."""
    with Dovecot(capability="IMAP4rev1 UIDPLUS") as dovecot:
        dovecot.append_all(user, RAWS)
        program = f"""
from mailproc.maildrops.account import Account
from mailproc.maildrops.imap import open_imap
drop = open_imap(Account("main", "127.0.0.1", {dovecot.port}, "plain", "{user}", "secret"))
drop.move(["1"], "Failed")
"""
        environment = {**os.environ, "MAILPROC_FAILPOINT": "move:kill"}
        killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=False)
        assert killed.returncode == -9
        assert (dovecot.flags(user), dovecot.messages(user, "Failed")) == ({1: set(), 2: set(), 3: set()}, RAWS[:1])
        drop = imap_to(dovecot, user)
        assert list(drop.move(["1", "2"], "Failed")) == ["1", "2"]
        drop.close()
        assert (dovecot.uids(user), set(dovecot.messages(user, "Failed"))) == ([3], set(RAWS[:2]))


@pytest.mark.parametrize("after", range(2200, 3000, 100))
def test_a_body_that_is_cut_is_no_body(dovecot: Dovecot, user: str, after: int) -> None:
    """Wherever a FETCH is cut, and cut again, no part of a message comes out."""
    dovecot.append(user, b"Subject: long\r\n\r\n" + b"x" * 1200 + b"\r\n")
    whole = dovecot.messages(user)
    with Proxy(dovecot.port, rest=Fault(after_bytes=after)) as proxy:
        fetched: list[bytes] = []
        with pytest.raises(Away):
            drop = imap_to(dovecot, user, port=proxy.port)
            waiting = drop.waiting(drop.uids())
            for _ in range(12):
                fetched += [message.raw for message in drop.fetch(waiting)]
                if drop.unreadable():
                    raise Away("it was left out")
    assert set(fetched) <= set(whole)


def test_a_second_drop_is_away(dovecot: Dovecot, filled: str) -> None:
    """A server that hangs up on the group and on each of it is away, and is told nothing more."""
    with Proxy(dovecot.port, rest=Fault(at_command=b"BODY.PEEK[]")) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        waiting = drop.waiting(drop.uids())
        with pytest.raises(Away, match=f"maildrop main: 127.0.0.1:{proxy.port}: "):
            list(drop.fetch(waiting))
        assert proxy.connections <= 11
        with pytest.raises(Away, match="closed"):
            drop.mark(["1"])
        drop.close()
    assert dovecot.flags(filled) == {1: set(), 2: set(), 3: set()}


def test_a_changed_uidvalidity_voids_the_uids(dovecot: Dovecot, filled: str) -> None:
    """If the folder was made anew while the connection was down, nothing is done to its uids."""
    with dovecot.client(filled) as client:
        client.create_folder("Robot")
        client.append("Robot", RAWS[0])
    with Proxy(dovecot.port, [Fault(at_command=b"STORE")]) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port, folder="Robot")
        assert list(drop.uids()) == ["1"]
        before = drop.uidvalidity
        with dovecot.client(filled) as client:
            client.delete_folder("Robot")
            client.create_folder("Robot")
            client.append("Robot", RAWS[1])
        with pytest.raises(Away, match=f"UIDVALIDITY of Robot has changed from {before} to"):
            drop.mark(["1"])
        drop.close()
    assert dovecot.flags(filled, "Robot") == {1: set()}


def test_a_server_that_stops_and_starts_is_found_again(user: str) -> None:
    """A restart of the server in mid-run is only a dropped connection; while it is down the maildrop is away."""
    with Dovecot() as dovecot:
        dovecot.append_all(user, RAWS)
        drop = imap_to(dovecot, user)
        dovecot.stop()
        with pytest.raises(Away, match="Connection refused"):
            imap_to(dovecot, user)
        dovecot.start()
        assert raws(drop) == RAWS
        drop.close()


def test_a_server_that_hangs_is_away(dovecot: Dovecot, filled: str) -> None:
    """No answer within the read timeout ends the connection."""
    with Proxy(dovecot.port, rest=Fault(at_command=b"RFC822.SIZE", hold=True)) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port, read_timeout=0.3)
        with pytest.raises(Away, match="no answer in time"):
            drop.waiting(["1", "2"])
        assert proxy.connections <= 11


def test_a_goodbye_that_hangs_is_bounded(dovecot: Dovecot, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer LOGOUT costs seconds, and no error."""
    monkeypatch.setattr("mailproc.maildrops.imap_folder._GOODBYE_SECONDS", 0.2)
    with Proxy(dovecot.port, rest=Fault(at_command=b"UNSELECT", hold=True)) as proxy:
        imap_to(dovecot, filled, port=proxy.port).close()
    assert b"UNSELECT" in proxy.heard


@pytest.mark.parametrize(
    "replace",
    [
        (b"* SEARCH 1 2 3", b"* SEARCH 0 2 3"),
        (b"* SEARCH 1 2 3", b"* SEARCH 1 2 99999999999"),
        (b"* SEARCH 1 2 3", b"* SEARCH " + b"(" * 5000),
        (b"* SEARCH 1 2 3", b"* SEARCH " + b"1 " * 600_000),
        (b"* SEARCH 1 2 3", b"\xff\x00 what?"),
        (b"[UIDVALIDITY ", b"[UIDVALIDITY 0] [X "),
        (b"BODY[] {", b"BODY[] {1099511627"),
        (b"BODY[] {", b"BODY[] {1"),
        (b"FETCH (UID", b"FETCH ((UID"),
        (b" FETCH (UID", b" EXPUNGE\r\n* BYE I am tired\r\n* 1 FETCH (UID"),
    ],
    ids=lambda pair: str(pair[1][:24]),
)
def test_hostile_answers_delete_nothing(dovecot: Dovecot, filled: str, replace: tuple[bytes, bytes]) -> None:
    """Answers that are no IMAP, or lies, end as Away, in bounded memory, with the mail untouched."""
    with (
        Proxy(dovecot.port, rest=Fault(replace=(replace,))) as proxy,
        pytest.raises(MailprocError, match=r"maildrop main: 127\.0\.0\.1"),
    ):
        drop = imap_to(dovecot, filled, port=proxy.port, read_timeout=0.5)
        list(drop.fetch(drop.waiting(drop.uids())))
        drop.mark(drop.uids())
    assert dovecot.flags(filled) == {1: set(), 2: set(), 3: set()}


def test_search_results_are_deduplicated_and_sorted(dovecot: Dovecot, filled: str) -> None:
    """Uids that come twice or out of order are one rising list."""
    with Proxy(dovecot.port, rest=Fault(replace=((b"* SEARCH 1 2 3", b"* SEARCH 3 1 3 2 1"),))) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert list(drop.uids()) == ["1", "2", "3"]
        drop.close()


def test_other_peoples_messages_are_not_taken_for_ours(dovecot: Dovecot, filled: str) -> None:
    """A FETCH answer for a uid that nobody asked for is left out."""
    with Proxy(dovecot.port, rest=Fault(replace=((b"(UID 2 BODY[]", b"(UID 7 BODY[]"),))) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert raws(drop) == [RAWS[0], RAWS[2]]
        drop.close()


def test_a_server_that_floods_is_cut_off(
    dovecot: Dovecot, filled: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Notices without end do not fill our memory."""
    monkeypatch.setattr("mailproc.maildrops.imap_connection._SLACK_OCTETS", 10_000)
    flood = (b"* 1 FETCH", b"* 9 EXPUNGE\r\n" * 1_000 + b"* 1 FETCH")
    with Proxy(dovecot.port, rest=Fault(replace=(flood,))) as proxy:
        drop = imap_to(dovecot, filled, port=proxy.port)
        assert drop.waiting(["1"]) == []
        assert drop.unreadable() == ["1"]
        assert "more than was asked for" in caplog.text


def test_a_server_that_floods_where_the_folder_is_opened_is_away(
    dovecot: Dovecot, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no fault of the configuration."""
    monkeypatch.setattr("mailproc.maildrops.imap_connection._SLACK_OCTETS", 10_000)
    flood = (b"* OK [UIDVALIDITY", b"* 9 EXPUNGE\r\n" * 1_000 + b"* OK [UIDVALIDITY")
    with Proxy(dovecot.port, rest=Fault(replace=(flood,))) as proxy, pytest.raises(Away, match="more than was asked for"):
        imap_to(dovecot, filled, port=proxy.port).waiting(["1"])


def test_a_huge_message_is_streamed_in_little_memory(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    """48 MiB pass through less than 16 MiB, and come out whole."""
    raw = b"Subject: huge\r\n\r\n" + (b"x" * 76 + b"\r\n") * (48 * 1024 * 1024 // 78)
    dovecot.append(user, raw)
    streamed = tmp_path / "streamed"
    program = f"""
from mailproc.maildrops.account import Account
from mailproc.maildrops.imap import open_imap
from tests.processes import peak_of
drop = open_imap(Account("main", "127.0.0.1", {dovecot.port}, "plain", "{user}", "secret"))
(waiting,) = drop.waiting(drop.uids())
before = peak_of()
with open({str(streamed)!r}, "wb") as to:
    assert drop.stream(waiting, to)
print(peak_of() - before)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 16 * 1024
    assert streamed.read_bytes() == raw


def test_many_uids_take_little_memory() -> None:
    """A hundred thousand uids are held in half a megabyte."""
    from mailproc.maildrops.sequence_set import UidList

    uids = UidList(range(1, 100_001))
    assert uids.numbers.itemsize * len(uids.numbers) < 512 * 1024
    assert (uids[0], uids[-1], uids[9:11], len(uids)) == ("1", "100000", ["10", "11"], 100_000)
