"""Signs mail with DKIM, right or wrong in any way: by the text of RFC 6376, with nothing of the library that verifies.

::

    key = rsa_key(2048)
    raw = sign(MAIL, key)                                   # relaxed/relaxed, s1._domainkey.example.org
    raw = sign(MAIL, key, l=12, h="from", x=1700000000)     # any tag; None leaves it out
    records = {"s1._domainkey.example.org": [key.record()]}
"""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import prod

from nacl.signing import SigningKey

NAME = "s1._domainkey.example.org"
TIME = 1793613600  # 2026-11-02T10:00:00Z

_E = 65537
_PREFIX = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Keys ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RsaKey:
    """An RSA key of several primes (RFC 8017 section 3.1), which are found quickly whatever the length of the key."""

    primes: tuple[int, ...]
    e: int = _E

    type = "rsa"

    @property
    def n(self) -> int:
        """The modulus."""
        return prod(self.primes)

    def public(self) -> bytes:
        """The SubjectPublicKeyInfo (RFC 5280), DER."""
        pkcs1 = _der(0x30, _der_integer(self.n) + _der_integer(self.e))
        algorithm = _der(0x30, bytes.fromhex("06092a864886f70d010101") + b"\x05\x00")
        return _der(0x30, algorithm + _der(0x03, b"\0" + pkcs1))

    def record(self, **tags: str | None) -> str:
        """The TXT record; a tag can be changed, added, or left out with None."""
        return tag_list({"v": "DKIM1", "k": self.type, "p": _b64(self.public())} | tags)

    def sign(self, data: bytes, digest: str = "sha256") -> bytes:
        """RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.1)."""
        octets = (self.n.bit_length() + 7) // 8
        info = _PREFIX[digest] + hashlib.new(digest, data).digest()
        padded = b"\0\1" + b"\xff" * (octets - len(info) - 3) + b"\0" + info
        return self._power(int.from_bytes(padded, "big")).to_bytes(octets, "big")

    def _power(self, message: int) -> int:
        found, modulus = 0, 1
        for p in self.primes:  # the Chinese remainder theorem, one prime after the other
            part = pow(message, pow(self.e, -1, p - 1), p)
            found += modulus * ((part - found) * pow(modulus, -1, p) % p)
            modulus *= p
        return found


@dataclass(frozen=True)
class Ed25519Key:
    """An Ed25519 key (RFC 8463)."""

    seed: bytes = b"mailproc's test key for Ed25519."

    type = "ed25519"

    def record(self, **tags: str | None) -> str:
        """The TXT record; a tag can be changed, added, or left out with None."""
        return tag_list({"v": "DKIM1", "k": self.type, "p": _b64(bytes(SigningKey(self.seed).verify_key))} | tags)

    def sign(self, data: bytes, digest: str = "sha256") -> bytes:
        """PureEdDSA over the digest (RFC 8463 section 3)."""
        return SigningKey(self.seed).sign(hashlib.new(digest, data).digest()).signature


Key = RsaKey | Ed25519Key


@cache
def rsa_key(bits: int, seed: int = 0) -> RsaKey:
    """A key of exactly so many bits; the same for the same seed."""
    chosen = random.Random(f"{bits} {seed}")
    count = max(bits // 256, 2)
    lengths = [bits * (n + 1) // count - bits * n // count for n in range(count)]
    while True:
        key = RsaKey(tuple(_prime(chosen, length) for length in lengths))
        if key.n.bit_length() == bits and len(set(key.primes)) == count:
            return key


def _prime(chosen: random.Random, bits: int) -> int:
    while True:
        candidate = chosen.getrandbits(bits) | 1 | 0xFF << (bits - 8)  # high: a product of many has all its bits
        if all(candidate % small for small in _small_primes()) and candidate % _E != 1 and _probably_prime(candidate, chosen):
            return candidate


@cache
def _small_primes() -> tuple[int, ...]:
    return tuple(n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))


def _probably_prime(n: int, chosen: random.Random) -> bool:
    """Miller and Rabin's test; a handful of rounds is plenty for random numbers of this length."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(5):
        x = pow(chosen.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        if not any((x := x * x % n) == n - 1 for _ in range(twos - 1)):
            return False
    return True


def _der(tag: int, content: bytes) -> bytes:
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _der_integer(n: int) -> bytes:
    return _der(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


# Canonical forms, line by line as the RFC words them ----------------------------------------------------------------------


def split(raw: bytes) -> tuple[list[bytes], bytes]:
    """The fields of a mail, folded as they are and with CRLF, and its body with CRLF."""
    raw = re.sub(rb"\r?\n", b"\r\n", raw)
    header, _, body = raw.partition(b"\r\n\r\n")
    return [field + b"\r\n" for field in re.split(rb"\r\n(?![ \t])", header)], body


def canonical_field(field: bytes, form: str) -> bytes:
    """A field with its CRLF (section 3.4.1 and 3.4.2)."""
    if form == "simple":
        return field
    name, _, value = field.partition(b":")
    return name.rstrip(b" \t").lower() + b":" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ") + b"\r\n"


def canonical_lines(body: bytes, form: str) -> bytes:
    """A body (section 3.4.3 and 3.4.4)."""
    lines = body.split(b"\r\n")
    if form == "relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).removesuffix(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return b"" if form == "relaxed" else b"\r\n"
    return b"".join(line + b"\r\n" for line in lines)


# Signatures ----------------------------------------------------------------------------------------------------------------


def tag_list(tags: dict[str, str | None]) -> str:
    """Tags as text, those that are not None."""
    return "; ".join(f"{name}={value}" for name, value in tags.items() if value is not None)


def signed_names(raw: bytes) -> str:
    """What a careful signer puts into h=: all fields that are there, and From, Subject, To once more."""
    names = [field.partition(b":")[0].decode().strip() for field in split(raw)[0]]
    return ":".join([*names, "From", "Subject", "To"])


def sign(raw: bytes, key: Key, *, extra: str = "", **tags: str | int | None) -> bytes:
    """The mail with a signature on top; ``tags`` are added, put in place of the usual ones, or left out when None.

    ``extra`` is text that stands behind the tags, before ``b=``. ``b`` and ``bh``, where given, are taken as they are.
    """
    text = {name: None if value is None else str(value) for name, value in tags.items()}
    fields, body = split(raw)
    usual = {"v": "1", "a": f"{key.type}-sha256", "c": "relaxed/relaxed", "d": "example.org", "s": "s1", "t": str(TIME)}
    form = (text.get("c", usual["c"]) or "simple/simple").split("/")
    header_form, body_form = (form[0], form[1] if len(form) > 1 else "simple")
    digest = "sha1" if str(text.get("a", "")).endswith("sha1") else "sha256"
    hashed = canonical_lines(body, body_form)
    if "l" in text:
        hashed = hashed[: int(text["l"] or len(hashed))]
    usual |= {"h": signed_names(raw), "bh": _b64(hashlib.new(digest, hashed).digest())}
    given = text.pop("b", None)
    value = f" {tag_list(usual | text)};{extra} b="
    return signature_field(value, fields, key, header_form, digest, given) + raw


def signature_field(value: str, fields: Sequence[bytes], key: Key, form: str, digest: str, given: str | None) -> bytes:
    """The field with ``b=`` filled in: signed over what ``h=`` says, the undermost field of a name first (section 5.4.2)."""
    left = list(fields)
    signed = b""
    found = re.search(r"(?:^|;)\s*h\s*=([^;]*)", value)
    for name in (found[1] if found else "").split(":"):
        for field in reversed(left):
            if field.partition(b":")[0].strip().lower() == name.strip().lower().encode():
                left.remove(field)
                signed += canonical_field(field, form)
                break
    own = f"DKIM-Signature:{value}"
    signed += canonical_field(own.encode() + b"\r\n", form)[:-2]
    return f"{own}{_b64(key.sign(signed, digest)) if given is None else given}\r\n".encode()
