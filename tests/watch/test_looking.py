"""Listening to one maildrop: what is told and when, by real servers and files."""

from __future__ import annotations

import mailbox
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any, ClassVar

import pytest

from mailproc.drops import open_drop
from mailproc.errors import Away
from mailproc.maildrops import idle
from mailproc.settings import ImapUrl, MaildirUrl, Maildrop, MboxUrl, Pop3Url
from mailproc.state import State
from mailproc.watching import looking
from mailproc.watching.looking import listen, listen_for_spool, pause
from mailproc.watching.news import News
from tests.installation import MaildirBox, make_mail
from tests.servers.certificates import Authority
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import Fault, Proxy

POLL = 600.0  # seconds; what comes sooner has come by itself


class Listener:
    """A thread that listens, and what it tells."""

    def __init__(self, listening: Callable[[Callable[[News], None]], None]) -> None:
        self._told: Queue[News] = Queue()
        self._over = False

        def thread() -> None:
            with pytest.raises(SystemExit):
                listening(self._tell)

        threading.Thread(target=thread, daemon=True).start()

    def _tell(self, news: News) -> None:
        if self._over:
            raise SystemExit
        self._told.put(news)

    def hears(self, seconds: float = 20.0) -> str:
        """The next word."""
        return self._told.get(timeout=seconds).word

    def hears_nothing(self, seconds: float) -> bool:
        """Whether nothing is told for so long."""
        try:
            return self._told.get(timeout=seconds) is None
        except Empty:
            return True

    def close(self) -> None:
        """End the thread, when next it has something to tell."""
        self._over = True


class Reluctant:
    """An IMAP server with one message that says it can IDLE, and refuses to, which Dovecot never does.

    ``answers`` are in the place of its own, once each.
    """

    answers: ClassVar = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n%s OK done\r\n",
        b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] good\r\n%s OK [READ-ONLY] done\r\n",
        b"UID": b"* SEARCH 7\r\n%s OK done\r\n",
        b"IDLE": b"%s NO not now\r\n",
    }

    def __init__(self, answers: dict[bytes, bytes] | None = None) -> None:
        self.once = answers or {}
        self.heard: list[bytes] = []

    def __enter__(self) -> Reluctant:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                with client, client.makefile("rb") as commands:
                    client.sendall(b"* OK ready\r\n")
                    for line in commands:
                        tag, command = (*line.split(), b"")[:2]
                        self.heard.append(command)
                        answer = self.once.pop(command, self.answers.get(command, b"%s OK done\r\n"))
                        with suppress(OSError):
                            client.sendall(answer.replace(b"%s", tag))


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state folder."""
    made = State(tmp_path / "state")
    made.create()
    return made


@pytest.fixture
def listener(state: State, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Listener]]:
    """Listen to a maildrop, with short pauses between tries."""
    monkeypatch.setattr(looking, "pause", lambda attempt, *, refused: 1.0 if refused else 0.05)
    made: list[Listener] = []

    def start(maildrop: Maildrop, poll: float = POLL) -> Listener:
        made.append(Listener(lambda tell: listen(maildrop, poll, state, tell)))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """The file with the password of everybody."""
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("secret\n")
    return file


@pytest.fixture
def imap(user: str, password: Path) -> Callable[..., Maildrop]:
    """The INBOX of the user on a port."""
    return lambda port: Maildrop(url=ImapUrl("127.0.0.1", port, "plain", user, "INBOX"), password_file=password)


def test_a_server_with_idle_tells_at_once(
    dovecot: Dovecot, user: str, imap: Callable[..., Maildrop], listener: Callable[..., Listener]
) -> None:
    """New mail is news, mail that leaves is not, and what stays is told once."""
    dovecot.append(user, make_mail("0"))
    heard = listener(imap(dovecot.port))
    assert heard.hears() == "new"  # what came before anybody listened
    dovecot.append(user, make_mail("1"))
    assert heard.hears() == "new"
    with dovecot.client(user) as client:
        client.select_folder("INBOX")
        client.delete_messages([1])
    assert heard.hears() == "same"


def test_a_server_without_idle_is_asked_again(
    poor_dovecot: Dovecot, user: str, imap: Callable[..., Maildrop], listener: Callable[..., Listener]
) -> None:
    """By one connection, at every poll."""
    with Proxy(poor_dovecot.port) as proxy:
        heard = listener(imap(proxy.port), 0.1)
        assert [heard.hears(), heard.hears()] == ["none", "none"]
        poor_dovecot.append(user, make_mail("1"))
        while (word := heard.hears()) == "none":
            pass
        assert (word, heard.hears()) == ("new", "same")
        assert (proxy.connections, b"IDLE" in proxy.heard) == (1, False)


def test_idle_is_renewed(dovecot: Dovecot, imap: Callable[..., Maildrop], listener: Callable[..., Listener]) -> None:
    """At every poll on the same connection, long before a server loses its patience."""
    with Proxy(dovecot.port) as proxy:
        heard = listener(imap(proxy.port), 0.2)
        assert [heard.hears() for _ in range(4)] == ["none"] * 4
        assert (proxy.connections, proxy.heard.count(b"DONE\r\n") >= 3) == (1, True)
    assert idle.LONGEST < 29 * 60  # RFC 2177


@pytest.mark.parametrize("spoken", [b"* 7 EXISTS\r\n+ idling\r\n", b"+ idling\r\n* 7 EXISTS\r\n"])
def test_news_that_come_along_with_the_word_to_idle_are_not_missed(
    spoken: bytes, dovecot: Dovecot, imap: Callable[..., Maildrop]
) -> None:
    """Before it or in the same segment, where the socket has nothing more to say."""
    with Proxy(dovecot.port, rest=Fault(replace=((b"+ idling\r\n", spoken),))) as proxy:
        drop = open_drop(imap(proxy.port), readonly=True)
        try:
            idle.rest(drop, POLL)  # type: ignore[arg-type]
            assert list(drop.uids()) == []
        finally:
            drop.close()


def test_a_server_that_does_not_let_us_idle_is_asked_again(
    imap: Callable[..., Maildrop], listener: Callable[..., Listener]
) -> None:
    """Whatever it has promised, and by the same connection."""
    with Reluctant() as server:
        heard = listener(imap(server.port), 0.1)
        assert [heard.hears() for _ in range(3)] == ["new", "same", "same"]
        assert server.connections == 1


@pytest.mark.parametrize("told", [b"* 2 EXISTS\r\n", b"* 1 EXPUNGE\r\n* 1 EXISTS\r\n"])
def test_news_that_come_along_with_the_answer_to_a_search_are_not_slept_over(
    told: bytes, imap: Callable[..., Maildrop]
) -> None:
    """RFC 9051 section 7.4.1: a server tells them at the end of any command, once, and IDLE does not repeat it."""
    with Reluctant({b"UID": b"* SEARCH 7\r\n" + told + b"%s OK done\r\n"}) as server:
        drop = open_drop(imap(server.port), readonly=True)
        assert list(drop.uids()) == ["7"]
        idle.rest(drop, 1.0)  # type: ignore[arg-type]
        assert b"IDLE" not in server.heard
        assert list(drop.uids()) == ["7"]
        idle.rest(drop, 0.01)  # type: ignore[arg-type]
        assert b"IDLE" in server.heard


def test_a_server_that_floods_an_idle_is_left(imap: Callable[..., Maildrop]) -> None:
    """After a few hundred KiB, for each line costs memory and time."""
    with Reluctant({b"IDLE": b"+ idling\r\n" + b"* 5 EXISTS\r\n" * 30_000}) as server:
        drop = open_drop(imap(server.port), readonly=True)
        with pytest.raises(Away, match="it sends more than was asked for"):
            idle.rest(drop, POLL)  # type: ignore[arg-type]


def test_idle_under_tls(authority: Authority, user: str, password: Path, listener: Callable[..., Listener]) -> None:
    """News wake it there too."""
    with Dovecot(certificate=authority.issue()) as server:
        url = ImapUrl("localhost", server.tls_port, "tls", user, "INBOX")
        heard = listener(Maildrop(url=url, password_file=password, ca_file=authority.certificate))
        assert heard.hears() == "none"
        server.append(user, make_mail("1"))
        assert heard.hears() == "new"


def test_a_connection_that_is_dead_without_a_word_is_made_again(
    dovecot: Dovecot,
    user: str,
    imap: Callable[..., Maildrop],
    listener: Callable[..., Listener],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is noticed when IDLE is renewed; that is no outage, and mail that came meanwhile is told."""
    monkeypatch.setattr(idle, "ANSWER", 0.2)
    with Proxy(dovecot.port, [Fault(at_command=b"DONE", hold=True)]) as proxy:
        heard = listener(imap(proxy.port), 0.3)
        assert heard.hears() == "none"
        dovecot.append(user, make_mail("1"))
        assert heard.hears() == "new"
        assert proxy.connections == 2


def test_a_dead_server_is_away_for_idle(
    dovecot: Dovecot, imap: Callable[..., Maildrop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its maildrop is named, and no read lasts longer than an answer may take."""
    monkeypatch.setattr(idle, "ANSWER", 0.2)
    with Proxy(dovecot.port, [Fault(at_command=b"DONE", hold=True)]) as proxy:
        drop = open_drop(imap(proxy.port), readonly=True)
        with pytest.raises(Away, match=r"maildrop main: 127\.0\.0\.1:\d+: no answer in time"):
            idle.rest(drop, 0.1)  # type: ignore[arg-type]


def test_a_server_that_is_started_again(user: str, imap: Callable[..., Maildrop], listener: Callable[..., Listener]) -> None:
    """While it is away that is told, for whoever keeps count of it; when it is back, so is what waits there."""
    with Dovecot() as server:
        heard = listener(imap(server.port))
        assert heard.hears() == "none"
        server.stop()
        assert heard.hears() == "away"
        server.start()
        server.append(user, make_mail("1"))
        while (word := heard.hears()) == "away":
            pass
        assert (word if word == "new" else heard.hears()) == "new"  # it may have been reached before the mail was there


def test_a_login_that_is_refused(
    dovecot: Dovecot, password: Path, imap: Callable[..., Maildrop], listener: Callable[..., Listener]
) -> None:
    """It is told apart, since it must not be tried soon."""
    password.write_text("wrong\n")
    assert listener(imap(dovecot.port)).hears() == "refused"


def test_a_login_that_is_refused_from_now_on(
    dovecot: Dovecot, user: str, password: Path, listener: Callable[..., Listener]
) -> None:
    """It is told at once, without another try, though the server was reached before."""
    with Proxy(dovecot.pop3_port) as proxy:
        maildrop = Maildrop(url=Pop3Url("127.0.0.1", proxy.port, "plain", user), password_file=password)
        heard = listener(maildrop, 0.2)
        assert heard.hears() == "none"
        password.write_text("wrong\n")
        while (word := heard.hears()) == "none":
            pass
        assert (word, proxy.heard.count(b"PASS wrong")) == ("refused", 1)


def test_pauses_grow_and_are_random() -> None:
    """From a second to five minutes, from nothing to all of it; after a refused login five minutes at the least."""
    assert all(pause(0, refused=False) <= 1 for _ in range(100))
    late = [pause(40, refused=False) for _ in range(200)]
    assert (min(late) < 100, 200 < max(late) <= 300) == (True, True)
    refused = [pause(attempt, refused=True) for attempt in (0, 1, 40) for _ in range(100)]
    assert (min(refused) >= 300, max(refused) <= 3600) == (True, True)


def test_a_maildir_tells_within_a_second(tmp_path: Path, listener: Callable[..., Listener]) -> None:
    """Of what is new; that mail leaves, or stays, is not news."""
    box = MaildirBox(tmp_path / "Maildir")
    box.append([make_mail("0")])
    heard = listener(Maildrop(url=MaildirUrl(box.path)))
    words = [heard.hears()]
    box.append([make_mail("1")])
    while words.count("new") < 2:
        words.append(heard.hears(5))
    next((box.path / "new").iterdir()).unlink()
    while words[-1] != "same":
        words.append(heard.hears(5))
    assert words.count("new") == 2
    next((box.path / "new").iterdir()).unlink()
    while words[-1] != "none":
        words.append(heard.hears(5))
    shutil.rmtree(box.path)
    while words[-1] != "away":
        words.append(heard.hears(5))
    MaildirBox(tmp_path / "Maildir").append([make_mail("2")])
    while words[-1] == "away":
        words.append(heard.hears(5))


def test_a_maildir_whose_times_are_kept_tells_too(tmp_path: Path, listener: Callable[..., Listener]) -> None:
    """What copies mail there may put the times of its folders back."""
    box = MaildirBox(tmp_path / "Maildir")
    box.append([make_mail("0")])
    heard = listener(Maildrop(url=MaildirUrl(box.path)))
    while heard.hears_nothing(0.5) is False:
        pass
    before = (box.path / "new").stat()
    box.append([make_mail("1")])
    os.utime(box.path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert heard.hears(5) == "new"


def test_an_mbox_tells_within_a_second(tmp_path: Path, listener: Callable[..., Listener]) -> None:
    """As soon as the file has grown."""
    file = tmp_path / "mbox"
    file.touch()
    heard = listener(Maildrop(url=MboxUrl(file)))
    assert heard.hears() == "none"
    with closing(mailbox.mbox(file)) as box:
        box.add(make_mail("1"))
    while (word := heard.hears(5)) == "none":
        pass
    assert word == "new"


def test_a_pop3_server_is_asked_at_every_poll_but_not_while_a_run_is_there(
    dovecot: Dovecot,
    user: str,
    password: Path,
    state: State,
    listener: Callable[..., Listener],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It lets in one client at a time (RFC 1939 section 3), so the listener holds the lock of a run."""
    monkeypatch.setattr(looking, "RETRY", 0.05)
    dovecot.append(user, make_mail("1"))
    maildrop = Maildrop(url=Pop3Url("127.0.0.1", dovecot.pop3_port, "plain", user), password_file=password)
    with state.locked("main"):
        heard = listener(maildrop, 0.1)
        assert heard.hears_nothing(0.3)
    assert [heard.hears(), heard.hears()] == ["new", "same"]


def test_a_kind_that_nobody_listens_to_is_told_by_its_name(state: State) -> None:
    """It is out of reach, and is not polled as a POP3 server is."""

    class JmapUrl:
        username = "robot"

    told: list[News] = []

    def tell(news: News) -> None:
        told.append(news)
        raise SystemExit

    strange: Any = JmapUrl()
    with pytest.raises(SystemExit):
        listen(Maildrop(url=strange), POLL, state, tell)
    assert told == [News("away", "main", "main: nothing here listens to a maildrop of the kind JmapUrl")]


def test_what_a_door_takes_over_is_told(state: State) -> None:
    """The first mail, when there is no file yet, and each one after it."""
    heard = Listener(lambda tell: listen_for_spool(state, tell))
    assert heard.hears_nothing(0.3)
    for _ in range(2):
        state.note_spooled()
        assert heard.hears() == "spooled"
    heard.close()
    state.note_spooled()
