"""The moment between asking for a token and keeping it: a process that ends there loses what a server gives but once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 8.0  # seconds for which a signal waits at most; who is told to stop ends within 10

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM}


class _Exchanges:
    """Those of this process: how many go on, and whether there may be another."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.open = 0
        self.ended = False


_exchanges = _Exchanges()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ask and keep inside of this block: a signal that ends us waits, for `PATIENCE` at most, and so does `end`."""
    with _exchanges.changed:
        _exchanges.changed.wait_for(lambda: not _exchanges.ended)
        _exchanges.open += 1
    try:
        if threading.current_thread() is threading.main_thread():
            with _signals_wait():
                yield
        else:
            yield
    finally:
        with _exchanges.changed:
            _exchanges.open -= 1
            _exchanges.changed.notify_all()


def end() -> None:
    """Wait until no thread is inside of such a block, and let none in again: the process is to end now."""
    with _exchanges.changed:
        _exchanges.ended = True
        _exchanges.changed.wait_for(lambda: not _exchanges.open)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Block the signals in the main thread; another one lets them through when that has lasted too long."""
    over = threading.Event()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def relent() -> None:
        if not over.wait(PATIENCE):
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            over.wait()

    thread = threading.Thread(target=relent, daemon=True)
    try:
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
