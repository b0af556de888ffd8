"""Signatures of any kind, made in this process: secret keys that GnuPG made, or that are made here, sign in microseconds.

An honest program signs a text with its own key and the time of its clock. An attacker is not bound by that, so each field of a
signature can be chosen here: its class, digest, time and version, whom it names, and what else it carries.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from nacl.signing import SigningKey as Ed25519

from mailproc.openpgp.packets import SECRET_KEYS, read_packets
from mailproc.testing import SigningKey
from tests.attacks.packets import PRIMARY_KEY, SIGNATURE, SUBKEY, USER_ID, mpi, packet, subpacket

BINARY, TEXT = 0x00, 0x01
MADE = timedelta(days=365)  # how long before now keys are made
_ED25519, _RSA = 22, 1
_CURVE = bytes.fromhex("092b06010401da470f01")
# Number in OpenPGP, and for RSA the head of the ASN.1 that stands before the digest (RFC 8017 section 9.2).
_DIGESTS = {
    "md5": (1, "3020300c06082a864886f70d020505000410"),
    "sha1": (2, "3021300906052b0e03021a05000414"),
    "ripemd160": (3, "3021300906052b2403020105000414"),
    "sha256": (8, "3031300d060960864801650304020105000420"),
    "sha384": (9, "3041300d060960864801650304020205000430"),
    "sha512": (10, "3051300d060960864801650304020305000440"),
    "sha224": (11, "302d300d06096086480165030402040500041c"),
}


@dataclass(frozen=True)
class Secret:
    """One key that signs, primary or subkey: the body of its public packet, and its secret numbers."""

    public: bytes
    secret: tuple[int, ...]

    @classmethod
    def make(cls, at: datetime) -> Secret:
        """A new ed25519 key that says it was made at a time."""
        seed = os.urandom(32)
        point = b"\x40" + bytes(Ed25519(seed).verify_key)
        body = b"\x04" + _time(at) + bytes([_ED25519]) + _CURVE + mpi(int.from_bytes(point, "big"))
        return cls(body, (int.from_bytes(seed, "big"),))

    @classmethod
    def all_of(cls, key: SigningKey) -> list[Secret]:
        """The keys of a key pair of GnuPG, the primary one first."""
        exported = key.gpg("--passphrase", "", "--pinentry-mode", "loopback", "--export-secret-keys")
        return [_read_secret(each.body) for each in read_packets(exported) or [] if each.kind in SECRET_KEYS]

    @property
    def fingerprint(self) -> bytes:
        """Its own fingerprint, binary."""
        return hashlib.sha1(self.material, usedforsecurity=False).digest()

    @property
    def key_id(self) -> bytes:
        """The last eight octets of the fingerprint."""
        return self.fingerprint[-8:]

    @property
    def material(self) -> bytes:
        """The key as certifications sign it (RFC 9580 section 5.2.4)."""
        return b"\x99" + struct.pack(">H", len(self.public)) + self.public

    def packet(self, kind: int = PRIMARY_KEY) -> bytes:
        """Its public packet."""
        return packet(kind, self.public)

    def sign(
        self,
        data: bytes,
        at: datetime,
        *,
        digest: str = "sha256",
        kind: int = BINARY,
        hashed: bytes = b"",
        unhashed: bytes | None = None,
        dated: bool = True,
        named: bool = True,
    ) -> bytes:
        """A version 4 signature packet over ``data``; ``unhashed`` is what stands in place of the issuer's key id."""
        number = _DIGESTS[digest][0]
        time = subpacket(2, _time(at)) if dated else b""
        issuer = subpacket(33, b"\x04" + self.fingerprint) if named else b""
        area = time + issuer + hashed
        beside = subpacket(16, self.key_id) if unhashed is None else unhashed
        head = bytes([4, kind, self.public[5], number]) + struct.pack(">H", len(area)) + area
        value = _digest(digest, data + head + b"\x04\xff" + struct.pack(">I", len(head)))
        body = head + struct.pack(">H", len(beside)) + beside + value[:2] + self._numbers(value, digest)
        return packet(SIGNATURE, body)

    def sign_as_version_3(self, data: bytes, at: datetime, *, digest: str = "sha256", kind: int = BINARY) -> bytes:
        """A version 3 signature packet (section 5.2.2), as PGP made them before 1998."""
        signed = bytes([kind]) + _time(at)
        value = _digest(digest, data + signed)
        head = b"\x03\x05" + signed + self.key_id + bytes([self.public[5], _DIGESTS[digest][0]])
        return packet(SIGNATURE, head + value[:2] + self._numbers(value, digest))

    def _numbers(self, value: bytes, digest: str) -> bytes:
        if self.public[5] == _RSA:
            return mpi(self._rsa(bytes.fromhex(_DIGESTS[digest][1]) + value))
        signed = Ed25519(self.secret[0].to_bytes(32, "big")).sign(value).signature
        return mpi(int.from_bytes(signed[:32], "big")) + mpi(int.from_bytes(signed[32:], "big"))

    @cache  # noqa: B019 - some thousand numbers, and most of them are asked for again and again
    def _rsa(self, digest: bytes) -> int:
        """PKCS #1 version 1.5, with the Chinese remainder theorem (RFC 8017 section 5.1.2)."""
        _, p, q, u = self.secret
        size = (p * q).bit_length() + 7 >> 3
        number = int.from_bytes(b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest, "big")
        by_p, by_q = pow(number, self.secret[0] % (p - 1), p), pow(number, self.secret[0] % (q - 1), q)
        return by_p + p * ((by_q - by_p) * u % q)


@dataclass(frozen=True)
class Subkey:
    """A subkey as a certificate binds it; ``back`` is who signs back: itself, nobody, or somebody else."""

    key: Secret
    flags: int = 0x02  # it may sign
    back: Secret | None = None
    expires: timedelta | None = None
    revoked: bool = False


def certificate(
    key: Secret,
    user_id: bytes,
    *,
    at: datetime,
    flags: int = 0x03,
    expires: timedelta | None = None,
    revoked: bool = False,
    subkeys: tuple[Subkey, ...] = (),
) -> bytes:
    """A certificate in binary (section 10.1); ``flags`` are those of the primary key: 1 certifies, 2 signs."""
    lasts = subpacket(9, _seconds(expires)) if expires else b""
    over_name = key.material + b"\xb4" + struct.pack(">I", len(user_id)) + user_id
    named = key.sign(over_name, at, kind=0x13, hashed=subpacket(27, bytes([flags])) + lasts, digest="sha512")
    gone = key.sign(key.material, at + timedelta(days=1), kind=0x20, digest="sha512") if revoked else b""
    return key.packet() + gone + packet(USER_ID, user_id) + named + b"".join(_bound(key, each, at) for each in subkeys)


def _bound(key: Secret, subkey: Subkey, at: datetime) -> bytes:
    both = key.material + subkey.key.material
    back = subpacket(32, subkey.back.sign(both, at, kind=0x19, digest="sha512")[6:]) if subkey.back else b""
    lasts = subpacket(9, _seconds(subkey.expires)) if subkey.expires else b""
    binding = key.sign(both, at, kind=0x18, hashed=subpacket(27, bytes([subkey.flags])) + lasts + back, digest="sha512")
    gone = key.sign(both, at + timedelta(days=1), kind=0x28, digest="sha512") if subkey.revoked else b""
    return subkey.key.packet(SUBKEY) + gone + binding


def renamed(secret: Secret, at: datetime) -> Secret:
    """The same secret in a key that says it was made at another time: it has another fingerprint."""
    return replace(secret, public=b"\x04" + _time(at) + secret.public[5:])


def _read_secret(body: bytes) -> Secret:
    """The numbers of a secret key packet without a passphrase (sections 5.5.3 and 5.6)."""
    public_numbers = {_RSA: 2, _ED25519: 1}[body[5]]
    at = 6 + (len(_CURVE) if body[5] == _ED25519 else 0)
    for _ in range(public_numbers):
        at += 2 + (int.from_bytes(body[at : at + 2], "big") + 7 >> 3)
    if body[at]:
        raise ValueError("the secret key has a passphrase")
    public, at, numbers = body[:at], at + 1, []
    while at < len(body) - 2:
        size = int.from_bytes(body[at : at + 2], "big") + 7 >> 3
        numbers.append(int.from_bytes(body[at + 2 : at + 2 + size], "big"))
        at += 2 + size
    return Secret(public, tuple(numbers))


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def _time(at: datetime) -> bytes:
    return struct.pack(">I", int(at.astimezone(UTC).timestamp()))


def _seconds(span: timedelta) -> bytes:
    return struct.pack(">I", int(span.total_seconds()))
