"""Keys and signatures with RSA from the ground up, for what no program makes: with the real mathematics, and any defect wanted.

A key is made from a seed, so that it is the same in each run.
"""

import hashlib
import math
import random
import struct
from dataclasses import dataclass, field
from functools import cache

from keyring_of_test import packet, subpacket

from mailproc.openpgp import SignedPart, packets

DIGESTS = {"md5": 1, "sha1": 2, "ripemd160": 3, "sha256": 8, "sha384": 9, "sha512": 10, "sha224": 11, "sha3_256": 12}
_MARKS = {  # of the digest's algorithm, RFC 9580 section 5.2.3.1
    "md5": "3020300c06082a864886f70d020505000410",
    "sha1": "3021300906052b0e03021a05000414",
    "ripemd160": "3021300906052b2403020105000414",
    "sha224": "302d300d06096086480165030402040500041c",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
    "sha3_256": "3031300d060960864801650304020805000420",
}
_SMALL = [number for number in range(3, 2000, 2) if all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))]
MADE_AT = 1_700_000_000  # November 2023
SIGN = b"\x02"
CERTIFY_AND_SIGN = b"\x03"
CERTIFY = b"\x01"


def _is_prime(number: int, chance: random.Random) -> bool:
    if any(number % prime == 0 for prime in _SMALL):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(5):
        power = pow(chance.randrange(2, number - 1), odd, number)
        squares = [pow(power, 1 << times, number) for times in range(twos)]
        if power != 1 and number - 1 not in squares:
            return False
    return True


def _prime(bits: int, chance: random.Random) -> int:
    while True:
        number = chance.getrandbits(bits) | 3 << bits - 2 | 1
        if math.gcd(number - 1, 65537) == 1 and _is_prime(number, chance):
            return number


def integer(value: int) -> bytes:
    """A multi-precision integer (section 3.2)."""
    return struct.pack(">H", value.bit_length()) + value.to_bytes((value.bit_length() + 7) // 8, "big")


@cache
def _primes(seed: int, bits: int) -> tuple[int, int]:
    chance = random.Random(seed)
    return _prime(bits // 2, chance), _prime(bits // 2, chance)


@cache
def _signed(seed: int, bits: int, value: int) -> int:
    """A number to the power of the secret exponent; by each prime apart, which is three times as fast."""
    first, second = _primes(seed, bits)
    of_first, of_second = (pow(value % prime, pow(65537, -1, prime - 1), prime) for prime in (first, second))
    return of_second + second * ((of_first - of_second) * pow(second, -1, first) % first)


@dataclass(frozen=True)
class RsaKey:
    """A key pair; ``body`` is that of its public key packet."""

    seed: int
    bits: int = 2048
    made_at: int = MADE_AT
    algorithm: int = 1

    @property
    def body(self) -> bytes:
        """The body of the public key packet."""
        modulus = math.prod(_primes(self.seed, self.bits))
        return struct.pack(">BIB", 4, self.made_at, self.algorithm) + integer(modulus) + integer(65537)

    @property
    def fingerprint(self) -> str:
        """Upper-case hex."""
        return hashlib.sha1(self.framed).hexdigest().upper()

    @property
    def framed(self) -> bytes:
        """The key as it is signed."""
        return b"\x99" + struct.pack(">H", len(self.body)) + self.body

    @property
    def issuer(self) -> bytes:
        """The two subpackets by which a signature names its key."""
        name = bytes.fromhex(self.fingerprint)
        return subpacket(33, b"\4" + name) + subpacket(16, name[-8:])

    def sign(
        self,
        kind: int,
        data: bytes,
        hashed: bytes = b"",
        unhashed: bytes | None = None,
        *,
        at: int | None = MADE_AT,
        digest: str = "sha256",
        version: int = 4,
        algorithm: int | None = None,
    ) -> bytes:
        """The body of a signature packet over ``data``; ``unhashed`` names the key unless given."""
        unhashed = self.issuer if unhashed is None else unhashed
        hashed = (b"" if at is None else subpacket(2, struct.pack(">I", at))) + hashed
        head = bytes([version, kind, algorithm or self.algorithm, DIGESTS[digest]]) + struct.pack(">H", len(hashed)) + hashed
        signed = hashlib.new(digest, data + head + bytes([version, 0xFF]) + struct.pack(">I", len(head))).digest()
        marked = b"\0" + bytes.fromhex(_MARKS[digest]) + signed
        padded = b"\0\1" + b"\xff" * (self.bits // 8 - 2 - len(marked)) + marked
        value = _signed(self.seed, self.bits, int.from_bytes(padded, "big"))
        return head + struct.pack(">H", len(unhashed)) + unhashed + signed[:2] + integer(value)


@dataclass(frozen=True)
class Forged:
    """A certificate in the making: a primary key with one user id, its self-signature, and subkeys."""

    key: RsaKey
    user_id: bytes = b"Fred <fred@example.org>"
    flags: bytes | None = CERTIFY_AND_SIGN
    hashed: bytes = b""
    at: int = MADE_AT
    digest: str = "sha256"
    more: bytes = b""  # packets behind the self-signature
    before: bytes = b""  # packets before the user id
    subkeys: tuple[bytes, ...] = field(default=())

    @property
    def framed_user(self) -> bytes:
        """The key and the user id as they are signed."""
        return self.key.framed + b"\xb4" + struct.pack(">I", len(self.user_id)) + self.user_id

    def certify(self, hashed: bytes = b"", *, kind: int = 0x13, flags: bytes | None = CERTIFY_AND_SIGN, **how: object) -> bytes:
        """A self-signature packet over the user id."""
        said = (b"" if flags is None else subpacket(27, flags)) + hashed
        return packet(packets.SIGNATURE, self.key.sign(kind, self.framed_user, said, **how))

    @property
    def certificate(self) -> bytes:
        """The certificate, binary."""
        own = self.certify(self.hashed, flags=self.flags, at=self.at, digest=self.digest)
        primary = packet(packets.PRIMARY_KEY, self.key.body)
        return primary + self.before + packet(packets.USER_ID, self.user_id) + own + self.more + b"".join(self.subkeys)

    def bind(
        self,
        subkey: RsaKey,
        hashed: bytes = b"",
        *,
        flags: bytes | None = SIGN,
        back: bytes | None = None,
        at: int = MADE_AT,
        digest: str = "sha256",
    ) -> bytes:
        """The packets of a subkey with its binding; ``back`` is the body of its back signature, a good one unless given."""
        return packet(packets.SUBKEY, subkey.body) + self.binding(subkey, hashed, flags=flags, back=back, at=at, digest=digest)

    def binding(
        self,
        subkey: RsaKey,
        hashed: bytes = b"",
        *,
        kind: int = 0x18,
        flags: bytes | None = SIGN,
        back: bytes | None = None,
        at: int = MADE_AT,
        digest: str = "sha256",
    ) -> bytes:
        """A signature packet over a subkey."""
        both = self.key.framed + subkey.framed
        back = subkey.sign(0x19, both, at=at) if back is None else back
        said = (b"" if flags is None else subpacket(27, flags)) + hashed
        unhashed = self.key.issuer + (long_subpacket(32, back) if back else b"")
        return packet(packets.SIGNATURE, self.key.sign(kind, both, said, unhashed, at=at, digest=digest))


def long_subpacket(kind: int, value: bytes) -> bytes:
    """A subpacket of any length."""
    return b"\xff" + struct.pack(">I", len(value) + 1) + bytes([kind]) + value


def seconds(kind: int, number: int) -> bytes:
    """A subpacket with a number of four octets, such as 9, the seconds after which a key expires."""
    return subpacket(kind, struct.pack(">I", number))


def part_with(signature: bytes, content: bytes, number: int = 1) -> SignedPart:
    """A signed part with one signature packet of this body."""
    raw = packet(packets.SIGNATURE, signature)
    return SignedPart(content, raw, number, True, packets.issuers(packets.read_packets(raw) or []))
