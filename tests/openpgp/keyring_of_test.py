"""What tests do to keys and signatures that nobody should do."""

import base64
import struct

from mailproc.openpgp import SignedPart, packets
from mailproc.openpgp.armor import blocks
from mailproc.openpgp.signed import find_signed_part
from mailproc.testing.keys import SigningKey, signed_mime


def revoke(key: SigningKey) -> None:
    """Import the revocation that GnuPG made along with the key; it keeps it harmless with a colon."""
    (file,) = (key.home / "openpgp-revocs.d").iterdir()
    key.gpg("--import", data=file.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))


def armored(data: bytes, label: str = "SIGNATURE") -> bytes:
    """Packets in armor."""
    return f"-----BEGIN PGP {label}-----\n\n{base64.encodebytes(data).decode()}-----END PGP {label}-----\n".encode()


def binary(armor: bytes) -> bytes:
    """The packets in armor."""
    (block,) = blocks(armor, b"SIGNATURE")
    data = block.data()
    assert data is not None
    return data


def packet(kind: int, body: bytes) -> bytes:
    """A packet with a length of five octets."""
    return bytes([0xC0 | kind, 255]) + struct.pack(">I", len(body)) + body


def subpacket(kind: int, value: bytes) -> bytes:
    """A subpacket of a signature."""
    return bytes([len(value) + 1, kind]) + value


def signature(hashed: bytes = b"", unhashed: bytes = b"", version: int = 4) -> bytes:
    """A signature packet that nobody made."""
    width = ">I" if version == 6 else ">H"
    areas = struct.pack(width, len(hashed)) + hashed + struct.pack(width, len(unhashed)) + unhashed
    return packet(packets.SIGNATURE, bytes([version, 0, 22, 8]) + areas + b"\0\0" + b"\0\1\1" * 2)


def signed_part(content: bytes, key: SigningKey, **how: object) -> SignedPart:
    """The part that is found in a PGP/MIME mail over ``content``, which has to be a MIME entity with CRLF ends."""
    part = find_signed_part(signed_mime(b"From: ann@example.org", content, key.sign_detached(content, **how)))
    assert part is not None
    return part
