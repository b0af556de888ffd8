"""Handlers that people have written for aiosmtpd and smtpd work as they did, and better where that lost mail or lied."""

from __future__ import annotations

import asyncio
import mailbox
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mailproc.errors import MailprocError, SettingsError
from mailproc.smtpd.forgery import without_forged
from mailproc.smtpd.guest import bring
from tests.cost import within
from tests.smtpd.dialogue import Scripted, Server, start_mailproc

TOP = Path(__file__).parents[2]
ENVELOPE = ("EHLO client.example.net", "MAIL FROM:<eve@example.net>", "RCPT TO:<ann@example.org>", "RCPT TO:<bob@example.org>")
MAIL = b"Subject: hi\r\n\r\n..two dots\r\n\r\n"
RECEIVED = b"Subject: hi\r\n\r\n.two dots\r\n\r\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a module that is found nowhere but in its own folder; answers its name."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"acme_{tmp_path.name}"

    def written(code: str) -> str:
        (tmp_path / f"{name}.py").write_text(code)
        return name

    yield written
    sys.modules.pop(name, None)


def deliver(server: Server, *mails: bytes, lines: Sequence[str] = ENVELOPE) -> list[str]:
    """The replies to the contents of these mails."""
    replies = []
    with server.greeted() as client:
        for mail in mails:
            assert all(reply.startswith("2") for reply in client.say_all(*lines))
            assert client.say("DATA").startswith("354")
            replies.append(client.say(mail + b"."))
    return replies


# Of aiosmtpd ----------------------------------------------------------------------------------------------------------------

HOOKS = """
class Handler:
    def __init__(self):
        self.seen = []
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return ["250-ours", *responses]
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == "no@example.org":
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 yes"
    async def handle_DATA(self, server, session, envelope):
        assert server.event_handler.seen is self.seen
        self.seen.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, envelope.original_content))
        return "250 2.0.0 seen"
    async def handle_exception(self, error):
        return "542 mine"
"""


@pytest.mark.parametrize("spelling", ["{}:Handler", "{}.Handler"])
def test_a_handler_of_aiosmtpd_has_all_of_its_hooks(write: Callable[[str], str], tmp_path: Path, spelling: str) -> None:
    """Each is called, and its reply told."""
    handler: Any = bring(spelling.format(write(HOOKS)), (), tmp_path)
    with start_mailproc(handler=handler) as server, server.greeted() as client:
        assert client.say("EHLO x").startswith("250-ours / 250-mx.example.org / ")
        assert client.say_all("MAIL FROM:<a@b.example>", "RCPT TO:<no@example.org>") == ["250 OK", "550 5.1.1 no such user"]
        assert client.say_all("RCPT TO:<ann@example.org>", "DATA")[0] == "250 yes"
        assert client.say(MAIL + b".") == "250 2.0.0 seen"
    assert handler.seen == [("a@b.example", ["ann@example.org"], RECEIVED, RECEIVED)]


def test_the_handlers_of_aiosmtpd_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sink has no hook at all, Debugging prints, Mailbox keeps; they get their arguments as from aiosmtpd's command line."""
    handlers = [
        bring("aiosmtpd.handlers.Sink", (), tmp_path),
        bring("aiosmtpd.handlers:Debugging", ("stderr",), tmp_path),
        bring("aiosmtpd.handlers.Mailbox", (str(tmp_path / "box"),), tmp_path),
    ]
    for handler in handlers:
        with start_mailproc(handler=handler) as server:
            assert deliver(server, MAIL) == ["250 OK"]
    assert "---------- MESSAGE FOLLOWS ----------\nSubject: hi\nX-Peer: ('127.0.0.1'," in capsys.readouterr().err
    (message,) = mailbox.Maildir(tmp_path / "box")
    assert (message["X-MailFrom"], message["X-RcptTo"]) == ("eve@example.net", "ann@example.org, bob@example.org")


def test_a_sender_cannot_write_the_envelope_of_a_mailbox(tmp_path: Path) -> None:
    """What stands in X-RcptTo, X-MailFrom and X-Peer is the session's, however often the sender has written it before."""
    handler = bring("aiosmtpd.handlers.Mailbox", (str(tmp_path / "box"),), tmp_path)
    forged = b"X-RcptTo: root@example.org\r\nx-mailfrom: boss@example.org\r\nX-Peer:\r\n 10.0.0.1\r\n"
    with start_mailproc(handler=handler) as server:
        assert deliver(server, forged + MAIL) == ["250 OK"]
    (message,) = mailbox.Maildir(tmp_path / "box")
    assert message.get_all("X-RcptTo") == ["ann@example.org, bob@example.org"]
    assert message.get_all("X-MailFrom") == ["eve@example.net"]
    assert "127.0.0.1" in message.get_all("X-Peer")[0]


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        (b"A: 1\r\nX-Peer: x\r\nB: 2\r\n\r\nX-Peer: body\r\n", b"A: 1\r\nB: 2\r\n\r\nX-Peer: body\r\n"),
        (b"X-Peer: x\r\nX-RcptTo: y\r\n\r\nbody", b"\r\nbody"),
        (b"X-PEER \t: x\n\tfolded\n  \n more\nB: 2\n\nbody", b"B: 2\n\nbody"),
        (b"A: 1\rX-MailFrom: x\rB: 2\r\n\r\nbody", b"A: 1\rB: 2\r\n\r\nbody"),
        (b"A: 1\rX-Peer: x\r\n\nX-RcptTo: y\r\n\r\n", b"A: 1\r\n\nX-RcptTo: y\r\n\r\n"),
        (b"A: 1\r\rX-Peer: x\n\nbody", b"A: 1\r\n\nbody"),
        (b"A: 1\r\nX-Peer: x", b"A: 1"),
        (b"X-Peerage: x\r\nAX-Peer: y\r\n\r\n", b"X-Peerage: x\r\nAX-Peer: y\r\n\r\n"),
        (b"\r\nX-Peer: body\r\n", b"\r\nX-Peer: body\r\n"),
        (b"", b""),
    ],
)
def test_only_forged_fields_are_taken_out(raw: bytes, left: bytes) -> None:
    """Whatever ends the lines; the border of header and body stays, and so does every other byte."""
    assert without_forged(raw) == left


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\n\r", b"\r\r\n"])
@pytest.mark.parametrize("before", [b"", b"A: 1", b"A: 1\r", b"no field", b" ", b"From x", b"X-Peer: q"])
@pytest.mark.parametrize("after", [b"", b"\r", b"\n", b" ", b"X-RcptTo: z"])
def test_the_parser_of_the_standard_library_sees_none(end: bytes, before: bytes, after: bytes) -> None:
    """No order of odd line ends makes a forged field one of the header."""
    raw = end.join([before, b"X-RcptTo: root@example.org", after, b"X-MailFrom: x", b"B: 2", b"", b"X-Peer: y", b"body"])
    message = message_from_bytes(without_forged(raw))
    assert [name for name in ("X-Peer", "X-MailFrom", "X-RcptTo") if name in message] == []


def test_a_header_of_forged_fields_is_cleaned_in_one_pass() -> None:
    """Time grows with the length alone: a mail of 8 MB takes less than a few seconds."""
    forged = b"X-Peer: x\r\n \r\n" * 600_000 + b"B: 2\r\n\r\n"
    assert within(2.0, lambda: without_forged(forged)) == b"B: 2\r\n\r\n"
    ends = b"\r" * 8_000_000 + b"X-Peer: x"
    assert within(2.0, lambda: without_forged(ends)).count(b"\r") == 8_000_000 - 1


# Of smtpd -------------------------------------------------------------------------------------------------------------------

PROCESS = """
seen = []
class {name}:
    {extra}
    def process_message(self, peer, mailfrom, rcpttos, data, **kwargs):
        seen.append((peer[0], mailfrom, rcpttos, data, kwargs))
        return {{b"hi": None, b"no": "554 5.6.0 no", b"": ""}}.get(data[9:11], 7)
class Old:
    def process_message(self, peer, mailfrom, rcpttos, data):
        seen.append((data,))
class Half:
    def process_message(self, peer, mailfrom, rcpttos, data, mail_options):
        seen.append((mail_options,))
class Later:
    async def process_message(self, peer, mailfrom, rcpttos, data, mail_options, rcpt_options):
        seen.append((mail_options, rcpt_options))
        return "250 later"
"""


def seen_by(module: str) -> list[tuple[Any, ...]]:
    """What the classes of the module have seen."""
    return list(sys.modules[module].seen)


def test_a_process_message_gets_what_smtpd_gave(write: Callable[[str], str], tmp_path: Path) -> None:
    """None is 250, a text is the reply; the bytes are as received, the null path is as smtpd called it."""
    module = write(PROCESS.format(name="Handler", extra=""))
    handler = bring(f"{module}:Handler", (), tmp_path)
    lines = ("EHLO x", "MAIL FROM:<> BODY=8BITMIME", "RCPT TO:<ann@example.org>")
    with start_mailproc(handler=handler) as server:
        assert deliver(server, MAIL, MAIL.replace(b"hi", b"no"), lines=lines) == ["250 OK", "554 5.6.0 no"]
    options = {"mail_options": ["BODY=8BITMIME"], "rcpt_options": []}
    first, _ = seen_by(module)
    assert first == ("127.0.0.1", "<>", ["ann@example.org"], RECEIVED, options)


def test_the_bytes_can_be_those_of_smtpd(write: Callable[[str], str], tmp_path: Path) -> None:
    """A class that asks for it gets LF and no last one, which is what smtpd made of every mail."""
    module = write(PROCESS.format(name="Handler", extra='mailproc_data = "lf"'))
    with start_mailproc(handler=bring(f"{module}:Handler", (), tmp_path)) as server:
        deliver(server, MAIL)
    assert seen_by(module)[0][3] == b"Subject: hi\n\n.two dots\n"


@pytest.mark.parametrize(
    ("name", "saw", "reply"),
    [("Old", (RECEIVED,), "250 OK"), ("Half", ([],), "250 OK"), ("Later", ([], []), "250 later")],
)
def test_a_process_message_may_take_less_and_may_be_a_coroutine(
    write: Callable[[str], str], tmp_path: Path, name: str, saw: tuple[Any, ...], reply: str
) -> None:
    """The options are given to whom takes them."""
    module = write(PROCESS.format(name="Handler", extra=""))
    with start_mailproc(handler=bring(f"{module}.{name}", (), tmp_path)) as server:
        assert deliver(server, MAIL) == [reply]
    assert seen_by(module) == [saw]


def test_what_is_no_reply_is_a_bug_and_no_250(write: Callable[[str], str], tmp_path: Path) -> None:
    """The client comes again."""
    module = write(PROCESS.format(name="Handler", extra=""))
    bugs = Scripted()
    with start_mailproc(bugs, handler=bring(f"{module}:Handler", (), tmp_path)) as server:
        assert deliver(server, MAIL.replace(b"hi", b"??"))[0].startswith("451 4.3.0 ")
    assert [str(bug) for bug in bugs.bugs] == ["process_message answered int, neither None nor a reply"]


def test_a_process_message_that_blocks_holds_up_nobody(write: Callable[[str], str], tmp_path: Path) -> None:
    """Two of them meet, which they could not do one after the other."""
    code = """
import threading
both = threading.Barrier(2, timeout=10)
class Handler:
    def process_message(self, peer, mailfrom, rcpttos, data):
        both.wait()
"""
    replies: list[str] = []
    with start_mailproc(handler=bring(f"{write(code)}:Handler", (), tmp_path)) as server:
        clients = [threading.Thread(target=lambda: replies.extend(deliver(server, MAIL))) for _ in range(2)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert replies == ["250 OK", "250 OK"]


HANGS = """
import asyncio, sys, threading
from types import SimpleNamespace
from mailproc.smtpd.guest import _Process
started = threading.Event()
def hang(peer, mailfrom, rcpttos, data):
    started.set()
    threading.Event().wait()
handler = _Process(SimpleNamespace(process_message=hang))
envelope = SimpleNamespace(content=b"", mail_from="a@b.example", rcpt_tos=[], mail_options=[], rcpt_options=[])
async def serve():
    task = asyncio.create_task(handler.handle_DATA(None, SimpleNamespace(peer=None, proxy_data=None), envelope))
    await asyncio.to_thread(started.wait)
    task.cancel()
asyncio.run(serve())
print("ended")
"""


def test_a_process_message_that_hangs_does_not_hold_up_the_end() -> None:
    """The program ends though it is still at it."""
    command = [sys.executable, "-c", HANGS]
    ended = subprocess.run(command, env={"PYTHONPATH": str(TOP)}, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")


@pytest.mark.parametrize("error", ["ValueError('x')", "SystemExit(3)", "StopIteration()"])
def test_an_error_of_a_process_message_is_a_bug(write: Callable[[str], str], tmp_path: Path, error: str) -> None:
    """Whatever is raised there, the client is told 451 and the next mail is taken."""
    code = f"""
class Handler:
    def process_message(self, peer, mailfrom, rcpttos, data):
        if b"bad" in data:
            raise {error}
"""
    bugs = Scripted()
    with start_mailproc(bugs, handler=bring(f"{write(code)}:Handler", (), tmp_path)) as server:
        replies = deliver(server, b"bad\r\n", MAIL)
    assert (replies[0][:10], replies[1], len(bugs.bugs)) == ("451 4.3.0 ", "250 OK", 1)


def test_it_sees_no_forged_fields_and_the_client_behind_a_proxy() -> None:
    """The peer is whom the proxy names."""
    told: list[Any] = []
    target = SimpleNamespace(process_message=lambda peer, mailfrom, rcpttos, data: told.extend((peer, data)))
    sys.modules["acme_instance"] = SimpleNamespace(handler=target)  # type: ignore[assignment]
    try:
        handler: Any = bring("acme_instance:handler", (), Path())
    finally:
        del sys.modules["acme_instance"]
    proxied = SimpleNamespace(src_addr="192.0.2.7", src_port=1025)
    session = SimpleNamespace(peer=("10.0.0.1", 1), proxy_data=proxied)
    content = b"X-Peer: x\r\n" + MAIL
    envelope = SimpleNamespace(content=content, mail_from="a@b.example", rcpt_tos=[], mail_options=[], rcpt_options=[])
    assert asyncio.run(handler.handle_DATA(None, session, envelope)) == "250 OK"
    assert told == [("192.0.2.7", 1025), MAIL]


SMTPD = """
import smtpd
class Handler(smtpd.SMTPServer):
    def process_message(self, *arguments, **options):
        return f"250 {arguments[1]} {sorted(options)}"
class Listens(smtpd.SMTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), None)
    def process_message(self, *arguments, **options): ...
class Loses(smtpd.PureProxy): ...
"""
CALL = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from mailproc.errors import SettingsError
from mailproc.smtpd.guest import bring
module, folder = sys.argv[1:]
handler = bring(f"{module}:Handler", (), Path(folder))
envelope = SimpleNamespace(content=b"", mail_from="a@b.example", rcpt_tos=[], mail_options=[], rcpt_options=[])
print(asyncio.run(handler.handle_DATA(None, SimpleNamespace(peer=("::1", 1), proxy_data=None), envelope)))
for name in ("Listens", "Loses"):
    try:
        bring(f"{module}:{name}", (), Path(folder))
    except SettingsError as error:
        print(error)
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="smtpd is gone")
def test_a_server_of_smtpd_listens_nowhere(write: Callable[[str], str], tmp_path: Path) -> None:
    """Its process_message is all that is used, without the constructor that would bind a port; PureProxy is refused.

    In a process of its own, for here these tests have the name ``smtpd``.
    """
    module = write(SMTPD)
    command = [sys.executable, "-W", "ignore", "-c", CALL, module, str(tmp_path)]
    ended = subprocess.run(command, env={"PYTHONPATH": str(TOP)}, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        "250 a@b.example ['mail_options', 'rcpt_options']",
        f"{module}:Listens listens when it is made; take smtpd.SMTPServer off its bases, for the rest is done here",
        f'{module}:Loses answers 250 also where the next server refuses; in its place use handler = "relay"',
    ]


# Mistakes -------------------------------------------------------------------------------------------------------------------

MISTAKES = """
from aiosmtpd.handlers import Message, Proxy
class Nothing: ...
class Needy:
    def __init__(self, needed): ...
    async def handle_DATA(self, *arguments): ...
class Exits:
    def __init__(self): raise SystemExit(3)
class Parses:
    @classmethod
    def from_cli(cls, parser, *arguments):
        parser.add_argument("--folder", required=True)
        parser.parse_args(arguments)
class Chatty:
    @classmethod
    def from_cli(cls, parser, *arguments): parser.exit(0, "bye\\n\\x1b[2J")
class MyProxy(Proxy): ...
class Abstract(Message): ...
plain = Needy(1)
"""


@pytest.mark.parametrize(
    ("target", "arguments", "kind", "says"),
    [
        ("nowhere_at_all:Handler", (), SettingsError, "does not import: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("{}:Missing", (), SettingsError, "does not import: AttributeError: module .* has no attribute 'Missing'"),
        ("Handler", (), SettingsError, "^Handler: write it like module:Class$"),
        ("{}:", (), SettingsError, "write it like module:Class"),
        ("{}:Nothing", (), SettingsError, "Nothing has neither handle_DATA nor process_message; give it one$"),
        ("{}:Needy", (), SettingsError, "Needy cannot be made: TypeError: .*missing 1 required positional argument: 'needed'"),
        ("{}:Needy", ("x",), MailprocError, "Needy takes no arguments; give it a class method from_cli"),
        ("{}:plain", ("x",), MailprocError, "plain is no class and takes no arguments"),
        ("{}:Exits", (), SettingsError, "Exits cannot be made: SystemExit: 3"),
        ("{}:Parses", (), MailprocError, "Parses: the following arguments are required: --folder"),
        ("{}:Chatty", (), MailprocError, r"Chatty: bye \[2J$"),
        ("{}:Abstract", (), SettingsError, "Abstract cannot be made: TypeError: Can't instantiate abstract class"),
        ("{}:MyProxy", (), SettingsError, 'answers 250 also where the next server refuses; in its place use handler = "relay"'),
        ("aiosmtpd.handlers.Proxy", ("mx", "25"), SettingsError, '^aiosmtpd.handlers.Proxy answers 250 .* handler = "relay"$'),
        ("aiosmtpd.handlers.Debugging", ("x",), MailprocError, r"Debugging: Debugging usage: \[stdout\|stderr\]$"),
        ("aiosmtpd.handlers.Mailbox", (), MailprocError, "Mailbox: The directory for the maildir is required$"),
    ],
)
def test_a_mistake_is_one_line(
    write: Callable[[str], str],
    tmp_path: Path,
    target: str,
    arguments: Sequence[str],
    kind: type[MailprocError],
    says: str,
) -> None:
    """It names the class; one in the arguments is a misuse, every other one is of the configuration."""
    with pytest.raises(MailprocError, match=says) as caught:
        bring(target.format(write(MISTAKES)), arguments, tmp_path)
    assert type(caught.value) is kind
    assert str(caught.value).isprintable()


def test_a_file_takes_no_librarys_place(write: Callable[[str], str], tmp_path: Path) -> None:
    """The folder is the last place where a module is looked for."""
    (tmp_path / "mailbox.py").write_text("raise SystemExit")
    bring(f"{write(HOOKS)}:Handler", (), tmp_path)
    assert sys.path[-1] == str(tmp_path)
