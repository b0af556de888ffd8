"""A real DNS server on a free loopback port, over UDP and TCP, that knows TXT records and misbehaves when told to.

::

    with DnsServer({"s1._domainkey.example.org": ["v=DKIM1; p=..."]}) as dns:
        dns.behave["s2._domainkey.example.org"] = "servfail"
        Dns(dns.server).txt("s1._domainkey.example.org")
        assert dns.asked == [("udp", "s1._domainkey.example.org")]
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from dnslib import CNAME, QTYPE, RCODE, RR, TXT, DNSRecord

_MOST_ALIASES = 20
_RCODES = {"nxdomain": RCODE.NXDOMAIN, "servfail": RCODE.SERVFAIL, "refused": RCODE.REFUSED, "formerr": RCODE.FORMERR}


class DnsServer:
    """The server and its switches, which may be turned while it runs.

    ``records``   the TXT records of each name (lower-case, no dot at the end); another name does not exist
    ``aliases``   the canonical name of a name, which may be an alias itself
    ``behave``    by name: ``silence``, ``servfail``, ``refused``, ``formerr``, ``nxdomain``, ``empty`` (the name is there, but
                  has no TXT record), ``truncate`` (by UDP nothing but the word that there is more), ``cut`` (TCP closes in
                  the middle), ``other-name`` (the right record under another name), ``other-question`` (the answer to
                  another question), ``other-id``, ``garbage``
    ``asked``     (``udp`` or ``tcp``, name) of each query
    """

    def __init__(self, records: Mapping[str, Sequence[str | bytes]] | None = None) -> None:
        self.records: dict[str, Sequence[str | bytes]] = dict(records or {})
        self.aliases: dict[str, str] = {}
        self.behave: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self._udp, self._tcp = _same_port()
        self.server = f"127.0.0.1:{self._udp.getsockname()[1]}"
        self._stopping = False
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve_udp, self._serve_tcp)]

    def __enter__(self) -> DnsServer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping = True
        self._udp.sendto(b"", self._udp.getsockname())
        with suppress(OSError), socket.create_connection(self._tcp.getsockname(), timeout=5):
            pass
        for thread in self._threads:
            thread.join(timeout=10)
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            data, client = self._udp.recvfrom(4096)
            if self._stopping:
                return
            if reply := self._reply("udp", data):
                self._udp.sendto(reply, client)

    def _serve_tcp(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection:
                if self._stopping:
                    return
                connection.settimeout(5)
                with suppress(OSError, struct.error):
                    self._answer_tcp(connection)

    def _answer_tcp(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        (length,) = struct.unpack("!H", stream.read(2))
        if reply := self._reply("tcp", data := stream.read(length)):
            framed = struct.pack("!H", len(reply)) + reply
            connection.sendall(framed[:20] if self._behaviour(data) == "cut" else framed)

    def _behaviour(self, data: bytes) -> str:
        return self.behave.get(_name(DNSRecord.parse(data)), "")

    def _reply(self, transport: str, data: bytes) -> bytes:
        """The reply to a query; nothing where the server is silent."""
        query = DNSRecord.parse(data)
        name = _name(query)
        self.asked.append((transport, name))
        behaviour = self.behave.get(name, "")
        if behaviour == "silence":
            return b""
        if behaviour == "garbage":
            return data[:2] + b"\xff" * 40
        answer = self._answer(query, name, behaviour)
        if behaviour in ("truncate", "cut") and transport == "udp":
            answer.header.tc, answer.rr = 1, []
        return bytes(answer.pack())

    def _answer(self, query: DNSRecord, name: str, behaviour: str) -> DNSRecord:
        answer = query.reply()
        answer.header.ra = 1
        if behaviour == "other-question":
            answer.questions = DNSRecord.question("elsewhere.example.net", "TXT").questions
        if behaviour == "other-id":
            answer.header.id ^= 1
        if behaviour in _RCODES:
            answer.header.rcode = _RCODES[behaviour]
            return answer
        for _ in range(_MOST_ALIASES):
            if name not in self.aliases:
                break
            answer.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(self.aliases[name]), ttl=60))
            name = self.aliases[name]
        if name not in self.records and name not in self.aliases and behaviour != "empty":
            answer.header.rcode = RCODE.NXDOMAIN
        for record in self.records.get(name, ()) if behaviour != "empty" else ():
            owner = "elsewhere.example.net" if behaviour == "other-name" else name
            answer.add_answer(RR(owner, QTYPE.TXT, rdata=TXT(_strings(record)), ttl=60))
        return answer


def _name(query: DNSRecord) -> str:
    return str(query.q.qname).removesuffix(".").lower()


def _strings(record: str | bytes) -> list[bytes]:
    """The record as strings of at most 255 octets (RFC 1035 section 3.3.14)."""
    data = record.encode() if isinstance(record, str) else record
    return [data[at : at + 255] for at in range(0, len(data), 255)] or [b""]


def _same_port() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one free port."""
    while True:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
            return udp, tcp
        except OSError:  # another's, for UDP
            tcp.close()
            udp.close()
