"""TXT records: of the DNS, in bounded time, or of a file that stands in for it."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from mailproc.errors import Away, SettingsError
from mailproc.failpoints import failpoint
from mailproc.reading import one_line

if TYPE_CHECKING:
    import dns.resolver

QUERY_SECONDS = 3.0
NAME_SECONDS = 6.0
MAIL_SECONDS = 5.0


class TextRecords(Protocol):
    """Knows the TXT records of names."""

    def txt(self, name: str, seconds: float = math.inf) -> Sequence[bytes]:
        """The records of ``name`` (ASCII), the strings of each joined; none where the name does not exist or has none.

        Raises `Away` where that cannot be found out now, or not in so many seconds.
        """


class Dns:
    """The DNS, asked through the system's resolver or through ``server``, ``ADDRESS:PORT``; usable from several threads.

    A query takes at most ``query_seconds``, all queries for a name at most ``name_seconds``. An answer that does not fit into
    UDP is fetched by TCP; aliases are followed for a bounded way. `SettingsError` is raised where ``server`` is malformed.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        query_seconds: float = QUERY_SECONDS,
        name_seconds: float = NAME_SECONDS,
        resolv_conf: str = "/etc/resolv.conf",
    ) -> None:
        self._server = read_server(server) if server is not None else None
        self._query_seconds = query_seconds
        self._name_seconds = name_seconds
        self._resolv_conf = resolv_conf

    def txt(self, name: str, seconds: float = math.inf) -> Sequence[bytes]:
        """Ask; `Away` for a time that is over, a server that fails or refuses, and whatever else goes wrong."""
        import dns.resolver

        lifetime = min(self._name_seconds, seconds)
        try:
            failpoint("dns")
            answer = self._resolver.resolve(name, "TXT", search=False, lifetime=lifetime, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except Exception as error:  # nothing of it says that there is no such record
            raise Away(one_line(f"{name}: {self._reason(error, lifetime)}")) from error
        return tuple(b"".join(record.strings) for record in answer.rrset or ())

    def _reason(self, error: Exception, lifetime: float) -> str:
        """What happened, without the addresses and ports of dnspython's text."""
        import dns.rcode
        import dns.resolver

        if isinstance(error, dns.resolver.LifetimeTimeout):
            return f"no answer within {lifetime:.3g} s"
        if isinstance(error, dns.resolver.NoNameservers):
            for *_, response in error.kwargs.get("errors", ()):
                if response is not None:
                    return dns.rcode.to_text(response.rcode())
        return type(error).__name__

    @cached_property
    def _resolver(self) -> dns.resolver.Resolver:
        import dns.resolver

        resolver = dns.resolver.Resolver(self._resolv_conf, configure=self._server is None)
        if self._server is not None:
            resolver.nameservers, resolver.port = [self._server[0]], self._server[1]
        resolver.timeout = self._query_seconds
        resolver.use_edns(0, payload=1232)  # most keys then fit into UDP
        return resolver


def read_server(text: str) -> tuple[str, int]:
    """Address and port of ``127.0.0.1:53``, ``[::1]:53`` or, for the port 53, an address alone; raises `SettingsError`."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or (":" in host and not bracketed):
        host, port = text, "53"
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        address = None
    if address is None or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(f"the name server {text!r} is no address and port; write it like 127.0.0.1:53")
    return str(address), int(port)


class Records:
    """The records of a mapping, which stand in for the DNS: a name that is not in it does not exist."""

    def __init__(self, records: Mapping[str, Sequence[str]]) -> None:
        self._records = {
            name.lower().removesuffix("."): tuple(record.encode(errors="replace") for record in found)
            for name, found in records.items()
        }

    def txt(self, name: str, seconds: float = math.inf) -> Sequence[bytes]:
        """The records of ``name``; case and a dot at the end do not matter."""
        return self._records.get(name.lower().removesuffix("."), ())


class NoNetwork:
    """No records at all: `Away`, whatever the name."""

    def txt(self, name: str, seconds: float = math.inf) -> Sequence[bytes]:
        """Say what would mend it."""
        raise Away("inspect asks no name server; give --dns FILE")


class Remembered:
    """The records of ``source``, each name asked for once in ``seconds``; remembers ``most`` names.

    A domain whose key was away is away for all its keys as long, unless they are known: whoever makes up selectors for a DNS
    that does not answer, and a backlog of one domain, cost one wait. One that was given less time than a query has is not
    remembered as away: it is the mail before it that took the time.
    """

    def __init__(self, source: TextRecords, *, seconds: float = 60.0, most: int = 256) -> None:
        self._source = source
        self._seconds = seconds
        self._most = most
        self._answers: dict[str, tuple[float, Sequence[bytes] | Away]] = {}

    def txt(self, name: str, seconds: float = math.inf) -> Sequence[bytes]:
        """The records of ``name`` (lower-case), or `Away` as it was raised before."""
        domain = _domain_of(name)
        answer = self._known(name)
        if answer is None:
            answer = self._known(domain)
        if answer is None:
            answer = _asked(self._source, name, seconds)
            self._answers.pop(domain, None)
            if seconds >= QUERY_SECONDS or not isinstance(answer, Away):
                self._remember(domain if isinstance(answer, Away) else name, answer)
        if isinstance(answer, Away):
            raise Away(str(answer))
        return answer

    def _known(self, name: str) -> Sequence[bytes] | Away | None:
        known_since, answer = self._answers.get(name, (-math.inf, ()))
        return answer if time.monotonic() - known_since <= self._seconds else None

    def _remember(self, name: str, answer: Sequence[bytes] | Away) -> None:
        if len(self._answers) >= self._most:
            self._answers.clear()
        self._answers[name] = time.monotonic(), answer


class Hurried:
    """The records of ``source`` for one mail: its look-ups take ``seconds`` together, and each name is asked for once.

    What is not known by then is `Away`, as where the DNS does not answer: whoever has a slow name server, and writes its names
    into a mail, keeps nobody waiting for longer.
    """

    def __init__(self, source: TextRecords, seconds: float = MAIL_SECONDS) -> None:
        self._source = source
        self._seconds = self._left = seconds
        self._answers: dict[str, Sequence[bytes] | Away] = {}

    def txt(self, name: str, seconds: float = math.inf) -> Sequence[bytes]:
        """The records of ``name``, or `Away`, the same each time."""
        if name not in self._answers:
            began = time.monotonic()
            self._answers[name] = self._ask(name, min(seconds, self._left))
            self._left -= time.monotonic() - began
        answer = self._answers[name]
        if isinstance(answer, Away):
            raise Away(str(answer))
        return answer

    def _ask(self, name: str, seconds: float) -> Sequence[bytes] | Away:
        if seconds <= 0:
            return Away(one_line(f"{name}: the look-ups for this mail have taken {self._seconds:g} s"))
        return _asked(self._source, name, seconds)


def _asked(source: TextRecords, name: str, seconds: float) -> Sequence[bytes] | Away:
    try:
        return source.txt(name, seconds)
    except Away as away:
        return away


def _domain_of(name: str) -> str:
    """``_domainkey.DOMAIN`` for the name of a key, any other name as it is."""
    _, found, domain = name.rpartition("._domainkey.")
    return f"_domainkey.{domain}" if found else name
