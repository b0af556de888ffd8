"""OpenPGP packets made by hand (RFC 9580 sections 4 and 5), among them those that no honest program makes."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache

PRIMARY_KEY, SUBKEY, USER_ID, SIGNATURE = 6, 14, 13, 2
ONE_PASS, LITERAL, COMPRESSED, MARKER = 4, 11, 8, 10


def packet(kind: int, body: bytes) -> bytes:
    """A packet with a length of five octets (section 4.2.1)."""
    return bytes([0xC0 | kind, 255]) + struct.pack(">I", len(body)) + body


def old_packet(kind: int, body: bytes) -> bytes:
    """A packet in the legacy form (section 4.2.2)."""
    return bytes([0x80 | kind << 2 | 2]) + struct.pack(">I", len(body)) + body


def subpacket(kind: int, value: bytes) -> bytes:
    """A subpacket of a signature (section 5.2.3.7)."""
    if len(value) < 191:
        return bytes([len(value) + 1, kind]) + value
    return b"\xff" + struct.pack(">I", len(value) + 1) + bytes([kind]) + value


def notation(name: bytes, value: bytes) -> bytes:
    """A notation that people can read (section 5.2.3.24)."""
    return subpacket(20, b"\x80\0\0\0" + struct.pack(">HH", len(name), len(value)) + name + value)


def mpi(number: int) -> bytes:
    """A number of any size (section 3.2)."""
    return struct.pack(">H", number.bit_length()) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def literal(content: bytes, name: bytes = b"") -> bytes:
    """The packet that carries a text (section 5.9)."""
    return packet(LITERAL, b"b" + bytes([len(name)]) + name + b"\0\0\0\0" + content)


@cache
def compressed(data: bytes, layers: int = 1) -> bytes:
    """Packets in packets that are compressed (section 5.6)."""
    for _ in range(layers):
        data = packet(COMPRESSED, b"\x02" + zlib.compress(data, 9))
    return data


def one_pass(signature: bytes, key_id: bytes) -> bytes:
    """The packet that announces a version 4 signature (section 5.4); ``signature`` is a packet with a length of five octets."""
    body = signature[6:] + bytes(4)
    return packet(ONE_PASS, bytes([3, body[1], body[3], body[2]]) + key_id + b"\1")


def armored(data: bytes, label: str = "SIGNATURE", headers: bytes = b"", width: int = 64) -> bytes:
    """Packets in armor, LF ends (section 6.2)."""
    text = base64.b64encode(data)
    lines = b"".join(text[at : at + width] + b"\n" for at in range(0, len(text), width))
    name = label.encode()
    return b"-----BEGIN PGP " + name + b"-----\n" + headers + b"\n" + lines + b"-----END PGP " + name + b"-----\n"


def checksum(data: bytes) -> bytes:
    """The line of the checksum that older programs write at the end of an armor (section 6.1)."""
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
    return b"=" + base64.b64encode(crc.to_bytes(3, "big")) + b"\n"
