"""The process from which the others are forked: it waits for orders on the socket that is its stdin, and ends with it."""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from typing import Any, NoReturn

import mailproc

LONGEST = 1 << 20  # octets of an order
LIBRARIES = (
    *("psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite", "sqlite3"),
    *("imapclient", "gnupg", "smtplib", "lxml.html", "dns.resolver", "click.shell_completion", "logging.handlers"),
)


def import_everything() -> None:
    """All of mailproc, and the libraries that it imports when they are needed."""
    ours = [module.name for module in pkgutil.walk_packages(mailproc.__path__, "mailproc.", onerror=lambda name: None)]
    for name in (*ours, *LIBRARIES):
        with suppress(Exception):  # who needs it will say so
            if name != "mailproc.__main__":
                importlib.import_module(name)


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork a process for each order and tell how it ended; returns in each of the forked, with its order."""
    living: dict[int, tuple[int, int]] = {}  # the descriptor that tells of the end, the process, where its end is asked for
    while True:
        ready, _, _ = select.select([control, *living], [], [])
        for ended in set(ready) & living.keys():
            _tell(*living.pop(ended))
            os.close(ended)
        if control in ready:
            order, descriptors, _, _ = socket.recv_fds(control, LONGEST, 4)
            if not order:
                sys.exit()
            *standard, asked = descriptors
            if (pid := os.fork()) == 0:
                for number, descriptor in enumerate(standard):
                    os.dup2(descriptor, number)
                os.closerange(3, os.sysconf("SC_OPEN_MAX"))
                return dict(json.loads(order))
            for descriptor in standard:
                os.close(descriptor)
            os.write(asked, b"%d\n" % pid)
            living[os.pidfd_open(pid)] = (pid, asked)


def _tell(pid: int, asked: int) -> None:
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):  # nobody wants to know
        os.write(asked, b"%d\n" % os.waitstatus_to_exitcode(status))
    os.close(asked)


def become(arguments: list[str], folder: str, environ: dict[str, str], umask: int) -> NoReturn:
    """Be ``python -m mailproc`` with these arguments, in this folder and environment."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(umask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [sys.argv[0], *arguments]
    sys.path[0] = folder
    importlib.invalidate_caches()
    sys.stdin, sys.stdout, sys.stderr = (_stream(number) for number in range(3))
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    for name in ("mailproc.failpoints", "mailproc.origin"):  # which look at the environment and the parent when imported
        importlib.reload(importlib.import_module(name))
    try:
        importlib.import_module("mailproc.cli").main()
    except SystemExit as end:
        _leave(end.code)
    raise AssertionError("main() has returned")


def _leave(status: object) -> NoReturn:
    """End as Python does, without taking apart every module: that takes longer than most commands."""
    assert isinstance(status, int)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _stream(number: int) -> io.TextIOWrapper:
    """A standard stream as Python makes it in the locale C.UTF-8."""
    raw = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115
    errors = "backslashreplace" if number == 2 else "surrogateescape"
    return io.TextIOWrapper(raw, "utf-8", errors, line_buffering=number == 2 or raw.isatty())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_everything()
    gc.collect()
    gc.freeze()
    become(**serve(socket.socket(fileno=os.dup(0))))
