"""A real PostgreSQL server for tests: its own folder, its own port, gone afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psycopg
import pytest

from tests.processes import free_port

USER = "postgres"
GUARDED = "guarded"  # the one role that must give a password; every other one is trusted

_ACCESS = f"""\
local all all trust
host all {GUARDED} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # what is tested is our order of commits, not this disk
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "lc_messages": "C",
}
_START_SECONDS = 30
_ROOM = 4 << 30  # octets for the databases of all tests, which are some hundred of 8 MB


class PostgreSQL:
    """A server that runs between ``with`` and its end; ``pid`` is the postmaster's."""

    def __init__(self) -> None:
        self.folder = Path()
        self.port = 0
        self.pid = 0
        self._numbers = itertools.count(1)

    def __enter__(self) -> PostgreSQL:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_place()))  # short: a socket's path has 108 bytes at most
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        _run([_program("initdb"), "-D", str(self.folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
        (self.folder / "data" / "pg_hba.conf").write_text(_ACCESS)
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server, on the port it had before if it was stopped."""
        self.port = self.port or free_port()
        settings = {**_SETTINGS, "unix_socket_directories": str(self.folder), "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [*_as_user(), _program("postgres"), "-D", str(self.folder / "data"), *options]
            self._process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log)
        self.pid = self._process.pid
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server at once; its clients are cut off."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def url(self, database: str, user: str = USER, password: str = "") -> str:
        """The URL of a database on this server, over TCP."""
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template0") -> str:
        """Create a database of its own for a test, as a copy of ``template``; answers its URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside of a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()}") from error
                time.sleep(0.02)
            else:
                return


def _place() -> str:
    """Where the folder is made: in memory if there is much of it, since each database is a copy of three hundred files."""
    with suppress(OSError):
        if shutil.disk_usage("/dev/shm").free > _ROOM and os.access("/dev/shm", os.W_OK):
            return "/dev/shm"
    return "/tmp"


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise RuntimeError(f"the tests need PostgreSQL, and there is no {name}: apt-get install postgresql")
    return path


def _as_user() -> list[str]:
    # PostgreSQL refuses to run as root. The server dies with the tests, also when those are killed.
    if os.geteuid() != 0:
        return ["setpriv", "--pdeathsig=INT"]
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--pdeathsig=INT"]


def _run(command: list[str]) -> None:
    done = subprocess.run([*_as_user(), *command], cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for the whole session; every test takes a database of its own."""
    with PostgreSQL() as server:
        yield server
