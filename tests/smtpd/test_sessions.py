"""The table of sessions, played at our doors and at a bare aiosmtpd's with the same parameters.

The table is the folder ``sessions``; `tests.smtpd.transcripts` says how it is written.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mailproc import Delivery, Outcome
from mailproc.address import Address
from mailproc.database.engine import create_database, make_engine
from mailproc.handler import Traits
from mailproc.pipeline import Binding, Site
from mailproc.reception.policy import RecipientPolicy
from mailproc.registry import Registry
from mailproc.userfile import UserFile
from tests.smtpd.dialogue import Client, Server, client_context
from tests.smtpd.doorways import DOORWAYS, Plain, Told
from tests.smtpd.transcripts import CLOSED, Step, Transcript, octets, transcripts

TABLE = transcripts()
PATIENCE = 3.0  # seconds that a client waits for a line that does not come
QUIT = Step(b"QUIT\r\n", ("221 Bye", CLOSED), ("221 Bye", CLOSED))

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # one door is so, for the test

Open = Callable[[str], tuple[Server, Any]]


class Lists:
    """A handler that knows its one address."""

    def accepts(self, address: Address) -> bool:
        """Whether it is this."""
        return address.local == "announce"

    def __call__(self, delivery: Delivery) -> Outcome:
        """Nothing to do."""
        return delivery.handled()


def relayed(delivery: Delivery) -> Outcome:
    """A handler that takes everything."""
    return delivery.handled()


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecipientPolicy]:
    """A site that has lists, and relays for those whom it knows."""
    registry: Registry[Binding] = Registry()
    registry.add("lists.example.org", Binding("lists", Lists(), Traits()))
    registry.add("*", Binding("relay", relayed, Traits()))
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('relay') / 'empty.db'}")
    create_database(engine)
    yield RecipientPolicy(Site(registry, UserFile({}, {}), None, "example.org", 1000), engine)
    engine.dispose()


@pytest.fixture(scope="module")
def ours(policy: RecipientPolicy, tls: ssl.SSLContext) -> Iterator[Open]:
    """Our server at a door, and what has been handed over there; each is started once."""
    with ExitStack() as stack:
        doors: dict[str, tuple[Server, Any]] = {}

        def opened(name: str) -> tuple[Server, Any]:
            if name not in doors:
                doorway = DOORWAYS[name]
                reception = Told(policy if doorway.policy else None)
                handler = doorway.handler() if doorway.handler else None
                doors[name] = stack.enter_context(doorway.ours(reception, tls, handler)), (handler, reception)
            return doors[name]

        yield opened


@pytest.fixture(scope="module")
def bare(tls: ssl.SSLContext) -> Iterator[Open]:
    """The other one."""
    with ExitStack() as stack:
        doors: dict[str, tuple[Server, Any]] = {}

        def opened(name: str) -> tuple[Server, Any]:
            if name not in doors:
                handler = (DOORWAYS[name].handler or Plain)()
                doors[name] = stack.enter_context(DOORWAYS[name].bare(handler, tls)), handler
            return doors[name]

        yield opened


@pytest.mark.parametrize("transcript", TABLE, ids=lambda transcript: transcript.name)
def test_a_session_at_our_door(transcript: Transcript, ours: Open) -> None:
    """Every reply is the one in the table, and what is handed over is what the table says and nothing else."""
    server, (handler, reception) = ours(transcript.door)
    messages = handler.messages if hasattr(handler, "messages") else reception.messages
    messages.clear()
    reception.bugs.clear()
    play(server, transcript, transcript.steps, [step.told for step in transcript.steps])
    assert messages == [octets(message) for message in transcript.messages]
    assert server.problems == []
    assert len(reception.bugs) == bugs_in(transcript)
    if transcript.who:
        assert seen(reception) == transcript.who


@pytest.mark.parametrize("transcript", TABLE, ids=lambda transcript: transcript.name)
def test_the_same_session_with_aiosmtpd(transcript: Transcript, bare: Open) -> None:
    """The same octets, and where the replies or the messages are others the table says what they are."""
    server, handler = bare(transcript.door)
    messages = getattr(handler, "messages", [])
    messages.clear()
    play(server, transcript, transcript.steps, [step.bare for step in transcript.steps])
    assert messages == [octets(message) for message in transcript.bare_messages]


def test_the_word_of_each_session_is_true() -> None:
    """What says that it is as aiosmtpd has no other replies for it, and what is ours has some."""
    for transcript in TABLE:
        assert transcript.word == ("ours" if transcript.differs else "as aiosmtpd"), transcript.name
        assert transcript.text.endswith("."), transcript.name


def test_every_name_is_there_once() -> None:
    """The page that cites a session means that one; and no door is without one."""
    assert [name for name, times in Counter(transcript.name for transcript in TABLE).items() if times > 1] == []
    assert {transcript.door for transcript in TABLE} == set(DOORWAYS)


def play(server: Server, transcript: Transcript, steps: tuple[Step, ...], told: list[tuple[str, ...]]) -> None:
    """Say what the table says, and compare all that comes; QUIT at the end shows that no reply is left over."""
    doorway = DOORWAYS[transcript.door]
    if not any(CLOSED in lines for lines in told):
        steps, told = (*steps, QUIT), [*told, QUIT.told]
    with server.client(tls=client_context() if doorway.tls == "implicit" else None, timeout=PATIENCE) as client:
        for step, lines in zip(steps, told, strict=True):
            if step.tls:
                client.start_tls()
            client.send(step.sent)
            wanted = [line for text in lines for line in octets(text, doorway.greeting()).decode().split("\r\n")]
            assert answers(client, wanted) == wanted, step.sent
            if CLOSED in lines:
                return


def answers(client: Client, wanted: list[str]) -> list[str]:
    """As many lines as are wanted, or fewer where no more come."""
    lines: list[str] = []
    try:
        for want in wanted:
            lines.append(CLOSED if want == CLOSED and client.closed() else client.line())
    except TimeoutError:
        lines.append("(silence)")
    return lines


def bugs_in(transcript: Transcript) -> int:
    """How many bugs the table tells of: a step with an id in its replies, and the hook of STARTTLS, whose id nobody hears."""
    steps = sum(any("(OOPS-TEST-1)" in line for line in step.told) for step in transcript.steps)
    return steps + (transcript.door == "broken tls")


def seen(reception: Told) -> str:
    """Who the client was taken for when the reception was asked last."""
    caller = reception.asked[-1]
    return f"{caller.peer or '-'} {caller.user or '-'} {'tls' if caller.tls else 'clear'} {caller.helo} {caller.protocol}"
