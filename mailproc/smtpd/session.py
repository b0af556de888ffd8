"""aiosmtpd's SMTP and LMTP, mended: what they lack to be shown to the world. Their verbs and replies stay what they are.

Each override says why it is there. The names that begin with an underscore are aiosmtpd's own; it has no others for them.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.proxy_protocol import ProxyData
from aiosmtpd.smtp import ALLOWED_BEFORE_STARTTLS, SMTP, TLSSetupException, syntax

from mailproc.errors import Transient
from mailproc.failpoints import failpoint
from mailproc.reading import one_line
from mailproc.smtpd.connection import Connection
from mailproc.smtpd.handshake import Handshake
from mailproc.smtpd.limits import TOO_MANY, plain
from mailproc.smtpd.reader import NO_ROOM, Unfit
from mailproc.smtpd.replies import replies_of

_log = logging.getLogger(__name__)

ALLOWED_BEFORE_STARTTLS.add("LHLO")  # aiosmtpd's list has the greeting of SMTP alone

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")  # octets that were no UTF-8
_NULL = "<>"  # what aiosmtpd calls the null path


class Severed(Exception):
    """A hook has lost a connection of its own, and raised the argument."""


class Mended(Connection):
    """The protocol of one connection, to be put before a subclass of aiosmtpd's SMTP by `mended`."""

    def __init__(self, handler: Any, **parameters: Any) -> None:
        super().__init__(handler, **parameters)
        self._recording: set[asyncio.Task[str]] = set()
        self._mend_tables()

    def _mend_tables(self) -> None:
        """Mend what aiosmtpd calls by its tables: greetings, mechanisms of AUTH, and the one hook that is no coroutine."""
        for verb in {"EHLO", "LHLO"} & self._smtp_methods.keys():
            self._smtp_methods[verb] = self._greeting(self._smtp_methods[verb])
        for name, mechanism in self._auth_methods.items():
            self._auth_methods[name] = mechanism._replace(method=self._settled(mechanism.method))
        if "STARTTLS" in self._handle_hooks:
            self._handle_hooks["STARTTLS"] = self._starttls_hook(self._handle_hooks["STARTTLS"])

    # Replies ------------------------------------------------------------------------------------------------------------

    async def push(self, status: Any) -> None:
        """Send only whole lines of printable ASCII, and to LMTP's dot a reply for each recipient, whatever went wrong."""
        replies = replies_of(status, self._owed or 1)
        if self.is_gone():
            raise ConnectionResetError("nobody is there to be told")
        owed, self._owed, self._greeted = self._owed, 0, True
        for reply in replies:
            if owed:
                failpoint("door-reply")
            self._writer.write(b"".join(line.encode("ascii") + b"\r\n" for line in reply))
            self.dialogue.told(reply)
        await self._writer.drain()

    async def handle_exception(self, error: Exception) -> str:
        """Tell nothing of it to the client, and forget the envelope: aiosmtpd says its text with a permanent code."""
        if isinstance(error, TLSSetupException):
            _log.info("%s: TLS handshake failed: %s", self.caller().peer, one_line(str(error.__cause__)))
            return ""  # which is not sent
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        if isinstance(error, Severed):
            error = error.args[0]
        if isinstance(error, Transient):
            return "451 4.3.0 Not possible now, try again later"
        oops = await self._recorded(error)
        return await self._own_words(error) or f"451 4.3.0 Internal error{f', recorded as ({oops})' if oops else ''}"

    async def _own_words(self, error: Exception) -> str:
        """What the handler's own hook says of an error; "" for a hook that says nothing of use."""
        hook = getattr(self.event_handler, "handle_exception", None)
        try:
            status = await hook(error) if hook else None
            return "\r\n".join(replies_of(status)[0]) if hook else ""
        except Exception as worse:
            await self._recorded(worse)
            return ""

    # Verbs --------------------------------------------------------------------------------------------------------------

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """Not twice, which aiosmtpd allows; and notice a handshake that ended without success and without an error."""
        if self._tls_protocol:
            await self.push("503 5.5.1 TLS already active")
            return
        if self.tls_context and not arg:
            self.transport = Handshake(self.transport)  # type: ignore[assignment]
        await super().smtp_STARTTLS(arg)
        if self._tls_protocol and self.session.ssl is None:
            raise TLSSetupException

    @syntax("AUTH <mechanism>")
    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """Strip also blanks beyond ASCII, of which aiosmtpd finds no first word."""
        await super().smtp_AUTH(arg and arg.strip())

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Refuse what must not be taken, after its dot; nothing of a message may ever be read as commands."""
        if self.envelope.rcpt_tos and not arg and not self.seat.census.has_room():
            await self.push(NO_ROOM.line())
            return
        refusal = None
        try:
            await super().smtp_DATA(arg)
        except Unfit as unfit:
            refusal = unfit.reply  # and the lines are forgotten with the traceback
        except Exception:
            await self._reader.skip_message()
            raise
        finally:
            self._reader.forget_message()
        if refusal:
            await self._reader.skip_message()
            self._set_post_data_state()  # type: ignore[no-untyped-call]
            await self.push(refusal.line())

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The standard library's parser raises much besides its own error, and makes an address of what is none.

        What it answers must stand in the command as it is: it decodes encoded words, which have no place there (RFC 2047
        section 5), and quotes what the client should have quoted, so that another server would read another address.
        """
        try:
            address, rest = super()._getaddr(arg)
        except Exception:
            return None, None
        unfit = address and (_CONTROLS.search(address) or address.startswith("@") or not _stands_in(address, arg))
        return (None, None) if unfit else (address, rest)

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        """A SIZE of superscript digits is none."""
        return super()._getparams(params) if all(map(str.isascii, params)) else None

    # Hooks --------------------------------------------------------------------------------------------------------------

    async def _call_handler_hook(self, command: str, *args: Any) -> Any:
        """What aiosmtpd does not refuse, before the hook hears of it; a PROXY header needs no hook."""
        if command == "PROXY":
            known = await self._knows_proxy(*args)
            return known and (command not in self._handle_hooks or await super()._call_handler_hook(command, *args))
        return self._refusal(command, *args) or await self._own(super()._call_handler_hook(command, *args))

    async def _own(self, hook: Awaitable[Any]) -> Any:
        """What a hook answers; a connection that it has lost to somebody else is not our client's, as aiosmtpd thinks."""
        try:
            return await hook
        except ConnectionResetError as error:
            raise error if self.is_gone() else Severed(error) from error
        except SystemExit as error:  # it would end the server
            raise RuntimeError(f"a hook called exit({error.code})") from error

    async def _knows_proxy(self, data: ProxyData) -> bool:
        """Believe configured proxies alone; the address they name counts from here on (a health check names none)."""
        peer, source = plain(self.session.peer), plain(data.src_addr)
        self.dialogue.note(f"is here by {peer or 'a neighbour'}")
        if peer and not self.seat.census.is_proxy(peer):
            _warn_of_stranger(peer)
            return False
        if source and not self.seat.move(source):
            await self.push(TOO_MANY)
            return False
        return True

    def _refusal(self, command: str, *args: Any) -> str:
        census = self.seat.census
        if command in {"MAIL", "RCPT"} and _SURROGATES.search(args[0]):
            return "553 5.6.7 Address is not valid UTF-8"
        if command == "MAIL":
            sizes = [int(option[5:]) for option in args[1] if option.startswith("SIZE=") and option[5:].isdecimal()]
            if not census.has_room(max(sizes, default=0)):
                return NO_ROOM.line()
            if census.limits.rate and not census.may_send(self.caller().peer):
                return "450 4.7.1 Too many messages, try again later"
        if command == "RCPT" and args[0] == _NULL:
            return "501 5.1.3 Recipient is no address"
        if command == "RCPT" and len(self.envelope.rcpt_tos) >= census.limits.recipients:
            return "452 4.5.3 Too many recipients"
        return ""

    def _greeting(self, method: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
        """A greeting that does not make the lines that are allowed longer each time."""

        @functools.wraps(method)
        async def greeting(arg: str) -> None:
            if arg:
                self.command_size_limits.clear()
            await method(arg)

        return greeting

    def _settled(self, mechanism: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """A mechanism of AUTH whose authenticator may be a coroutine function; aiosmtpd's would block the loop."""

        async def settled(server: SMTP, args: list[str]) -> Any:
            result = await mechanism(server, args)
            return await self._own(result) if inspect.isawaitable(result) else result

        return settled

    def _starttls_hook(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """A hook whose error is recorded, and refuses what comes; it is called by the event loop."""

        def guarded(*args: Any) -> Any:
            try:
                return hook(*args)
            except Exception as error:
                task = self.loop.create_task(self._recorded(error))
                self._recording.add(task)
                task.add_done_callback(self._recording.discard)
                return False

        return guarded


@functools.lru_cache(maxsize=1000)
def _warn_of_stranger(peer: str) -> None:
    """Once, whatever else it sends."""
    _log.warning("%s: PROXY header from an address that is no configured proxy", peer)


def _stands_in(address: str, arg: str) -> bool:
    """Whether an address, blanks aside, is what was said; one without a domain not without its quotes."""
    return "".join(address.split()) in "".join(arg.split()) and f'"{address}"' not in arg


def mended(kind: type[SMTP], *, lmtp: bool = False) -> type[Mended]:
    """A class like ``kind``, aiosmtpd's SMTP or any subclass, with all mends; ``lmtp`` makes one of it that speaks LMTP."""
    bases = (Mended, LMTP, kind) if lmtp and not issubclass(kind, LMTP) else (Mended, kind)
    return type(f"Mended{kind.__name__}", bases, {})
