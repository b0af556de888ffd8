"""Handlers that people have written for aiosmtpd and for smtpd, and bring along.

A handler of aiosmtpd's has hooks, ``handle_DATA`` and others; they are coroutines of the server's own loop, so that one which
blocks holds up every client. A class made for smtpd has ``process_message(peer, mailfrom, rcpttos, data, **kwargs)``, which
answers None or a reply; it may block, for it has a thread to itself. It gets the bytes as received; where the class says
``mailproc_data = "lf"`` it gets them as smtpd gave them: lines that end with LF, and none at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from mailproc.errors import MailprocError, SettingsError
from mailproc.reading import one_line
from mailproc.smtpd.forgery import without_forged
from mailproc.smtpd.threads import answered

_OK = "250 OK"
_THREADS = 32  # messages that one process_message works at the same time
_SMTPD = ("smtpd", "asyncore")  # of the standard library, until Python 3.11
_LOSING = ("aiosmtpd.handlers.Proxy.handle_DATA", "smtpd.PureProxy.process_message", "smtpd.MailmanProxy.process_message")


def bring(target: str, arguments: Sequence[str], folder: Path) -> object:
    """The handler that ``module:Class`` or ``module.Class`` names, as an object with hooks that aiosmtpd can call.

    Modules are found where Python looks, and in ``folder``. The class gets ``arguments`` by ``from_cli(parser, *arguments)``.
    Raises `SettingsError` with what to mend, and `MailprocError` where the class does not take these arguments.
    """
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # behind all others, so that no file there takes the place of a library
    found = loaded(target)
    hook = getattr(found, "handle_DATA", None) or getattr(found, "process_message", None)
    if f"{getattr(hook, '__module__', '')}.{getattr(hook, '__qualname__', '')}" in _LOSING:
        raise SettingsError(f'{target} answers 250 also where the next server refuses; in its place use handler = "relay"')
    handler = _made(target, found, arguments) if isinstance(found, type) else found
    if not isinstance(found, type) and arguments:
        raise MailprocError(f"{target} is no class and takes no arguments; leave them out")
    if callable(getattr(handler, "process_message", None)) and not hasattr(handler, "handle_DATA"):
        return _Process(handler)
    if hasattr(handler, "from_cli") or any(name.startswith("handle_") for name in dir(handler)):
        return _Hooks(handler)
    raise SettingsError(f"{target} has neither handle_DATA nor process_message; give it one")


def loaded(target: str) -> Any:
    """What ``module:Name`` or ``module.Name`` names, where Python looks; raises `SettingsError`."""
    module, colon, path = target.partition(":")
    if not colon:
        module, _, path = target.rpartition(".")
    if not module or not path:
        raise SettingsError(f"{one_line(target)}: write it like module:Class")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{one_line(target)} does not import: {_what(error)}; install or mend it") from error
    return found


def _made(target: str, found: type, arguments: Sequence[str]) -> Any:
    """An instance of the class; what its constructor raises becomes one line."""
    from_cli = getattr(found, "from_cli", None)
    if arguments and from_cli is None:
        raise MailprocError(f"{target} takes no arguments; give it a class method from_cli(parser, *arguments)")
    try:
        if from_cli is not None:
            return from_cli(_Parser(target), *arguments)
        return _deaf(target, found) if any(base.__module__ in _SMTPD for base in found.__mro__) else found()
    except MailprocError:
        raise
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{target} cannot be made: {_what(error)}; mend it, or give it a from_cli(parser)") from error


def _deaf(target: str, found: type) -> object:
    """A server of smtpd's without its constructor, which would listen; of a constructor of its own that is not known."""
    if getattr(found, "__init__").__module__ not in _SMTPD:  # noqa: B009 - of the class, and for its own sake
        raise SettingsError(f"{target} listens when it is made; take smtpd.SMTPServer off its bases, for the rest is done here")
    return object.__new__(found)


def _what(error: BaseException) -> str:
    return f"{type(error).__name__}: {one_line(str(error))}"


class _Parser(argparse.ArgumentParser):
    """What ``from_cli`` is given: its errors are exceptions with one line."""

    def __init__(self, target: str) -> None:
        super().__init__(prog=target, add_help=False)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments."""
        raise MailprocError(f"{self.prog}: {one_line(message)}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """The same: a class must not end the program."""
        self.error(message or "ended the program")


class _Hooks:
    """A handler of aiosmtpd's, whose ``handle_DATA`` sees no forged fields."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handler, name)

    def __dir__(self) -> list[str]:
        return [*dir(self._handler), "handle_DATA"]  # this is where aiosmtpd looks for hooks

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> Any:  # noqa: N802
        """Let the handler have the message, or take it where it has no hook for that."""
        envelope.content = envelope.original_content = without_forged(envelope.content)
        hook = getattr(self._handler, "handle_DATA", None)
        return _OK if hook is None else await hook(server, session, envelope)


class _Process:
    """A class made for smtpd, called as it was there."""

    def __init__(self, handler: Any) -> None:
        self._process = handler.process_message
        self._as_lf = getattr(handler, "mailproc_data", "") == "lf"
        self._free = asyncio.Semaphore(_THREADS)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """The reply of ``process_message``; None and an empty one mean ``250 OK``, as they did there."""
        data = without_forged(envelope.content)
        if self._as_lf:
            data = data.replace(b"\r\n", b"\n").removesuffix(b"\n")
        path = envelope.mail_from or "<>"
        call = partial(self._process, _peer(session), path, list(envelope.rcpt_tos), data, **self._options(envelope))
        if inspect.iscoroutinefunction(self._process):
            answer = await call()
        else:
            await self._free.acquire()
            answer = await answered(call, self._free)
        if answer is not None and not isinstance(answer, str):
            raise TypeError(f"process_message answered {type(answer).__name__}, neither None nor a reply")
        return answer or _OK

    def _options(self, envelope: Any) -> dict[str, list[str]]:
        """The parameters of MAIL and RCPT, where it takes them: those written for Python 2 do not."""
        options = {"mail_options": list(envelope.mail_options), "rcpt_options": list(envelope.rcpt_options)}
        taken = inspect.signature(self._process).parameters
        every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
        return {name: said for name, said in options.items() if every or name in taken}


def _peer(session: Any) -> Any:
    """Who has called: the client that a proxy names, else the address of the connection."""
    proxied = session.proxy_data
    return (str(proxied.src_addr), proxied.src_port) if proxied and proxied.src_addr else session.peer
