"""What clients may take: the limits, and the count of what they have taken."""

from __future__ import annotations

import functools
import ipaddress
import logging
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_log = logging.getLogger(__name__)

TOO_MANY = "421 4.7.0 Too many connections"
SHUTTING_DOWN = "421 4.3.2 shutting down"

_REMEMBERED = 10_000  # addresses whose messages are counted; beyond them the one that was heard of longest ago is forgotten
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What the clients of a server may take: the most that is allowed; times are in seconds, sizes in octets.

    connections, connections_per_address   at once; an IPv6 client is its /64, Unix sockets count only among all
    recipients    of one message; see `calls` for those of one session
    size          of one message
    octets        of all messages that are being received at once, with what it costs to hold them
    timeout       between two commands, or between two lines of a message
    session       of a whole connection
    handshake     of a TLS handshake
    rate          pairs of a count and seconds: so many messages of one address in such a time
    """

    connections: int = 100
    connections_per_address: int = 10
    recipients: int = 100
    size: int = 25 * _MEBIBYTE
    octets: int = 256 * _MEBIBYTE
    timeout: float = 300.0
    session: float = 1800.0
    handshake: float = 30.0
    rate: tuple[tuple[int, float], ...] = ()

    @property
    def calls(self) -> dict[str, int]:
        """How often each command may be given in a session; ``*`` stands for the others.

        A mail server sends many messages by one connection, and takes a 421 in the middle of them for a server that is down.
        Nor is a client with too many recipients cut off: it is told 452 for each, and sends its message to the others.
        """
        return {"*": 20, "MAIL": 1000, "RCPT": 10_000, "DATA": 1000, "RSET": 1000, "NOOP": 100}


class Occupant(Protocol):
    """Whoever sits on a seat."""

    def dismiss(self, farewell: str, at_once: bool = False) -> None:
        """End the session with this reply: when it is idle, or whatever it does but what was promised an answer."""

    def abort(self) -> None:
        """End the session without a word."""


@dataclass(eq=False, slots=True)
class Seat:
    """The seat of one connection in a `Census`: ``address`` is what it counts under, "" for nothing."""

    census: Census
    address: str
    occupant: Occupant | None = None
    octets: int = 0

    def hold(self, octets: int) -> bool:
        """Take so many octets more into the hand; False, and nothing is taken, when they are too many.

        No seat holds more than half of what the others leave, so that one client cannot take it all from them.
        """
        others = self.census.octets - self.octets
        if self.octets + octets > (self.census.limits.octets - others) / 2:
            return False
        self.census.octets += octets
        self.octets += octets
        return True

    def drop(self, kept: int = 0) -> None:
        """Let go of the octets in hand but for ``kept``."""
        self.census.octets += kept - self.octets
        self.octets = kept

    def move(self, peer: str) -> bool:
        """Count under the address that a proxy has named; False when that one has too many connections already."""
        self.census.forget(self)
        self.address = counted(peer)
        return self.census.remember(self)

    def leave(self) -> None:
        """Free the seat; a second time does nothing."""
        if self in self.census.seats:
            self.drop()
            self.census.forget(self)
            self.census.left()


@dataclass(slots=True)
class Census:
    """Who is there: the connections of a process, the octets in their hands, and when addresses sent messages.

    Connections from ``proxies`` count under no address until a PROXY header has named their client.
    """

    limits: Limits
    proxies: Sequence[Network] = ()
    clock: Callable[[], float] = time.monotonic
    seats: set[Seat] = field(default_factory=set)
    octets: int = 0
    closed: bool = False
    left: Callable[[], object] = lambda: None  # is called when somebody has left
    _by_address: Counter[str] = field(default_factory=Counter)
    _sent: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)
    _refused: set[str] = field(default_factory=set)  # who was told to go and was logged; they all have connections

    def enter(self, peer: str) -> Seat | None:
        """A seat for a connection from this address ("" for a Unix socket), or None when there is none."""
        seat = Seat(self, "" if self.is_proxy(peer) else counted(peer))
        return seat if self.remember(seat) else None

    def close(self, left: Callable[[], object]) -> None:
        """Let nobody in any more; ``left`` is called when somebody has left."""
        self.closed, self.left = True, left

    def occupants(self) -> list[Occupant]:
        """Who is on the seats now."""
        return [seat.occupant for seat in self.seats if seat.occupant]

    def is_proxy(self, peer: str) -> bool:
        """Whether this is the address of a configured proxy."""
        return bool(peer) and any(ipaddress.ip_address(peer) in network for network in self.proxies)

    def remember(self, seat: Seat) -> bool:
        """Count a seat, or log its refusal: once for an address until all its connections are gone."""
        full = self.closed or len(self.seats) >= self.limits.connections
        if not full and (not seat.address or self._by_address[seat.address] < self.limits.connections_per_address):
            self.seats.add(seat)
            self._by_address[seat.address] += 1
            return True
        who = "" if full else seat.address
        if who not in self._refused and not self.closed:
            self._refused.add(who)
            _log.warning("too many connections%s: more are refused", f" from {who}" if who else "")
        return False

    def forget(self, seat: Seat) -> None:
        """Count a seat no more."""
        self.seats.discard(seat)
        self._refused.discard("")
        self._by_address[seat.address] -= 1
        if self._by_address[seat.address] <= 0:
            del self._by_address[seat.address]
            self._refused.discard(seat.address)

    def has_room(self, octets: int = 0) -> bool:
        """Whether a client that holds nothing may begin a message of so many octets."""
        return octets <= (self.limits.octets - self.octets) / 2

    def may_send(self, peer: str) -> bool:
        """Whether this address may send one message more now, which then counts; a Unix socket always may."""
        address = counted(peer)
        if not address or not self.limits.rate:
            return True
        times = self._sent.setdefault(address, deque(maxlen=max(count for count, _ in self.limits.rate)))
        self._sent.move_to_end(address)
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        now = self.clock()
        if any(len(times) >= count and now - times[-count] < seconds for count, seconds in self.limits.rate):
            return False
        times.append(now)
        return True


def counted(peer: str) -> str:
    """What a client counts under: its IPv4 address, or the IPv6 network of 64 bits that one customer has."""
    if not peer:
        return ""
    address = ipaddress.ip_address(peer)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def plain(peer: object) -> str:
    """A socket's or a PROXY header's address as text: IPv4 as such also inside IPv6, no zone; "" for what is no IP address."""
    return _plain(str(peer[0] if isinstance(peer, tuple) else peer))


@functools.lru_cache(maxsize=1000)
def _plain(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
