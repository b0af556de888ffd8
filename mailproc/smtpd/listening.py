"""Where a server listens: TCP ports and Unix sockets, read from a text and bound before privileges are dropped."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from mailproc.errors import SettingsError

Scheme = Literal["smtp", "smtps", "lmtp"]

HOST, PORT = "127.0.0.1", 8025
BACKLOG = 512  # connections that the kernel keeps for us until they are accepted

_MODE = 0o660  # of a Unix socket: for its user and its group

_SCHEME = re.compile(r"(smtps?|lmtp):(?://|(?=unix:))")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_FORMS = "HOST:PORT, [IPV6]:PORT, PORT, or unix:/PATH, behind smtp://, smtps:// or lmtp:// where wanted"


@dataclass(frozen=True, slots=True)
class Listener:
    """A place to listen: ``host`` and ``port`` (0: any that is free), or a Unix socket's ``path``."""

    scheme: Scheme
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"{self.scheme}:unix:{self.path}"
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def read_listener(text: str, *, lmtp: bool = False) -> Listener:
    """The listener that a text describes, on loopback where it names no host.

    ``lmtp`` is for a text without a scheme. Raises `ValueError`: one line with the fix.
    """
    found = _SCHEME.match(text)
    scheme = cast(Scheme, found[1] if found else "lmtp" if lmtp else "smtp")
    place = text[found.end() :] if found else text
    if place.startswith("unix:"):
        return _unix(text, scheme, place.removeprefix("unix:"))
    if "/" in place:
        raise ValueError(f"{text}: want {_FORMS}")
    host, port = _host_and_port(text, place)
    if scheme == "lmtp" and port == 25:
        raise ValueError(f"{text}: LMTP must not be spoken on port 25 (RFC 2033 section 5); take another port, such as 24")
    return Listener(scheme, host, port)


def by_tls(text: str) -> str:
    """The same place with TLS from the first octet, where the text names a port without a scheme; else the text itself."""
    try:
        listener = read_listener(text)
    except ValueError:
        return text  # which is told by whoever listens there
    return text if listener.path or _SCHEME.match(text) else str(replace(listener, scheme="smtps"))


def refuse_twins(listeners: Iterable[Listener]) -> None:
    """Raise `SettingsError` where two are one place; port 0 is another port each time."""
    places = set()
    for listener in listeners:
        place = replace(listener, scheme="smtp")
        if place in places and (place.path or place.port):
            raise SettingsError(f"serve.listen: names {listener} twice; remove one")
        places.add(place)


def _unix(text: str, scheme: Scheme, path: str) -> Listener:
    if scheme == "smtps":
        raise ValueError(f"{text}: TLS is for networks; write smtp:unix:{path}")
    if not path.startswith("/"):
        raise ValueError(f"{text}: the path of a Unix socket begins with /")
    if len(os.fsencode(path)) > 107 or "\0" in path:
        raise ValueError(f"{text}: the path of a Unix socket has at most 107 octets")
    return Listener(scheme, path=path)


def _host_and_port(text: str, place: str) -> tuple[str, int]:
    if place.isdecimal():
        return HOST, _port(text, place)
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or not _is_ipv6(host):
            raise ValueError(f"{text}: want an IPv6 address in brackets and a port, such as [::1]:{PORT}")
        return host, _port(text, rest[1:]) if rest else PORT
    if place.count(":") > 1:
        whole, _, port = place.rpartition(":")
        advice = f"[{place}]:{PORT}" if _is_ipv6(place) else f"[{whole}]:{port}"
        raise ValueError(f"{text}: put brackets around an IPv6 address, such as {advice}")
    host, colon, port = place.partition(":")
    if host == "*":
        raise ValueError(f"{text}: write 0.0.0.0:{port or PORT} for every address of IPv4, [::]:{port or PORT} for IPv6")
    if (host and not _NAME.fullmatch(host)) or not place:
        raise ValueError(f"{text}: want {_FORMS}")
    return host or HOST, _port(text, port) if colon else PORT


def _port(text: str, port: str) -> int:
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and int(port) < 65536):
        raise ValueError(f"{text}: {port or 'nothing'} is no port; want a number from 1 to 65535")
    return int(port)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def bind(listener: Listener, owner: tuple[int, int] | None = None) -> list[socket.socket]:
    """Sockets that listen there: one, or one for each address that the host's name has.

    A Unix socket is given to ``owner``, a user and a group by number, where we are about to become that user. Raises
    `SettingsError` where we may not, or somebody else listens already. Whoever ends calls `release`.
    """
    try:
        return [_bound_unix(listener, owner)] if listener.path else _bound_ports(listener)
    except (OSError, UnicodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SettingsError(f"serve.listen: {listener}: cannot listen there: {reason}; {_fix(listener, error)}") from error


def _fix(listener: Listener, error: Exception) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return f"make the folder {Path(listener.path).parent}"
        case PermissionError() if listener.path:
            return f"give the folder {Path(listener.path).parent} to who starts this"
        case PermissionError():
            return "ports below 1024 are root's: start as root, or name another port"
        case OSError(errno=errno.EADDRINUSE):
            return "stop what listens there, or name another place"
    return "name an address of this machine"


def release(sockets: Iterable[socket.socket]) -> None:
    """Close the sockets, and remove the files of those that have one and may be removed."""
    for bound in sockets:
        remove_file(bound)
        bound.close()


def remove_file(bound: socket.socket) -> None:
    """Remove the file of a Unix socket that still listens, so that no successor of it can be hit."""
    if bound.family == socket.AF_UNIX:
        with contextlib.suppress(OSError):
            Path(bound.getsockname()).unlink()


def _bound_ports(listener: Listener) -> list[socket.socket]:
    found = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            try:
                sockets.append(_bound_port(family, address))
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error  # such as ::1 for localhost on a machine without IPv6
    except OSError:
        release(sockets)
        raise
    if missing and not sockets:
        raise missing
    return sockets


def _bound_port(family: int, address: object) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # by which asyncio knows to set TCP_NODELAY
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # or [::] would take the port of 0.0.0.0, too
        bound.bind(address)  # type: ignore[arg-type]
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _bound_unix(listener: Listener, owner: tuple[int, int] | None) -> socket.socket:
    _remove_stale(listener)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~_MODE)  # never open to more than who may, not even before a chmod
    try:
        bound.bind(listener.path)
        if owner is not None:
            user, group = owner
            kept = Path(listener.path).parent.stat().st_mode & stat.S_ISGID  # by which the folder gives its own group
            os.chown(listener.path, user, -1 if kept else group, follow_symlinks=False)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


def _remove_stale(listener: Listener) -> None:
    """Remove the socket that a server has left behind; `SettingsError` when it lives, or is no socket."""
    path = Path(listener.path)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SettingsError(f"serve.listen: {listener}: there is a file that is no socket; move it away")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5.0)
        try:
            probe.connect(listener.path)
        except ConnectionRefusedError:
            path.unlink()
            return
        except TimeoutError:
            pass  # it lives and is busy
    raise SettingsError(f"serve.listen: {listener}: another server listens there; stop it first")
