"""A refresh token that a server gives once is kept, although whoever has asked for it is told to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.oauth2 import exchange
from tests.oauth2.conftest import Held
from tests.oauth2.test_tokens import USE, kept
from tests.processes import wait_for
from tests.servers.oauth2 import REFRESH, TokenServer


@pytest.fixture
def held(issuer: TokenServer) -> Iterator[Held]:
    """Its answer, which is released at the latest at the end of the test."""
    made = Held(issuer)
    yield made
    made.released.set()


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a process of its own."""
    monkeypatch.setattr(exchange, "_exchanges", exchange._Exchanges())


def ask(issuer: TokenServer, cache: Path, before: str = "") -> subprocess.Popen[str]:
    """A process that asks in its main thread."""
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", before + USE, issuer.url, REFRESH, str(cache)], env=environment, stderr=-1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_waits_until_the_answer_is_kept(number: int, issuer: TokenServer, held: Held, cache: Path) -> None:
    """Then it ends the process as it would have before."""
    with ask(issuer, cache) as process:
        assert held.asked.wait(20)
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        held.released.set()
        assert process.wait(20) == -number
    assert {kept(cache)["refresh_token"]} == issuer.refresh_tokens


def test_a_signal_does_not_wait_for_ever(issuer: TokenServer, held: Held, cache: Path) -> None:
    """A server that does not answer keeps nobody from ending."""
    with ask(issuer, cache, "import mailproc.oauth2.exchange as exchange\nexchange.PATIENCE = 0.2\n") as process:
        assert held.asked.wait(20)
        process.terminate()
        assert process.wait(5) == -signal.SIGTERM
    assert not held.released.is_set()
    assert exchange.PATIENCE < 10


@pytest.mark.usefixtures("exchanges")
def test_who_ends_waits_for_every_thread() -> None:
    """And lets none begin again."""
    inside, leave, ended = threading.Event(), threading.Event(), threading.Event()
    entered: list[str] = []

    def first() -> None:
        with exchange.undisturbed():
            inside.set()
            leave.wait(20)
            entered.append("left")

    def last() -> None:
        exchange.end()
        entered.append("ended")
        ended.set()

    def another() -> None:
        with exchange.undisturbed():
            entered.append("another")

    for work in (first, last, another):
        threading.Thread(target=work, daemon=True).start()
        inside.wait(20)
        wait_for(lambda work=work: work is first or exchange._exchanges.ended)  # type: ignore[misc]
    assert not ended.wait(0.1)
    leave.set()
    assert ended.wait(20)
    assert entered == ["left", "ended"]


@pytest.mark.usefixtures("exchanges")
def test_signals_come_through_again_afterwards() -> None:
    """Whatever has happened inside; those that were blocked before are blocked still."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        with pytest.raises(ValueError, match="inside"), exchange.undisturbed():
            assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
            raise ValueError("inside")
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before | {signal.SIGUSR1}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
