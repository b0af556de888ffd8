"""A key in the DNS (RFC 6376 section 3.6.1), and whether it is one to rely on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dkim.crypto import parse_public_key

from mailproc.dkim.signature import ALGORITHMS, Signature
from mailproc.dkim.tags import Unfit, read_base64, read_list, read_tags

MIN_BITS = 1024  # RFC 8301 section 3.2
MAX_BITS = 4096  # the same; a longer one only costs time
MAX_OCTETS = 4096  # of a record

_ED25519_OCTETS = 32  # RFC 8463
_LARGEST_EXPONENT = 1 << 32


@dataclass(frozen=True, slots=True)
class Key:
    """A public key that is fit: its type (``rsa`` or ``ed25519``), its octets, and the length of its signatures in octets."""

    type: str
    data: bytes
    signature_octets: int


def read_key(records: Sequence[bytes], signature: Signature) -> Key:
    """The key of a signature, from the TXT records of its name; raises `Unfit` where there is none to rely on."""
    name = signature.key_name
    if len(records) != 1:  # section 3.6.2.2: several are not defined
        raise Unfit(f"the key {name} is not in DNS" if not records else f"there are several records for the key {name}")
    if len(records[0]) > MAX_OCTETS:
        raise Unfit(f"the key {name} is too long")
    tags = read_tags(records[0].decode("latin-1"), f"the key {name}")
    _check_use(tags, name)
    kind = tags.get("k", "rsa")
    if kind != ALGORITHMS[signature.algorithm]:
        raise Unfit(f"the key {name} is for {kind}, the signature is {signature.algorithm}")
    data = read_base64(tags["p"])
    if data is None:
        raise Unfit(f"the key {name} cannot be read")
    return _rsa(data, name) if kind == "rsa" else _ed25519(data, name)


def _check_use(tags: dict[str, str], name: str) -> None:
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v") or "p" not in tags:
        raise Unfit(f"the record of the key {name} is none of DKIM")
    if not tags["p"]:
        raise Unfit(f"the key {name} was revoked")
    if "y" in read_list(tags.get("t", "")):
        raise Unfit(f"the key {name} is only for testing (t=y)")
    if "sha256" not in read_list(tags.get("h", "sha256")) or not {"*", "email"}.intersection(read_list(tags.get("s", "*"))):
        raise Unfit(f"the key {name} is not for mail signed with SHA-256 (h=, s=)")


def _rsa(data: bytes, name: str) -> Key:
    try:
        found = parse_public_key(data)
    except Exception:  # it raises whatever comes: the octets are anybody's
        raise Unfit(f"the key {name} cannot be read") from None
    bits, exponent = found["modulus"].bit_length(), found["publicExponent"]
    if not MIN_BITS <= bits <= MAX_BITS:
        raise Unfit(f"the key {name} has {bits} bits; {MIN_BITS} to {MAX_BITS} are accepted")
    if not 2 < exponent < _LARGEST_EXPONENT or exponent % 2 == 0 or found["modulus"] % 2 == 0:
        raise Unfit(f"the key {name} is no key of RSA")
    return Key("rsa", data, (bits + 7) // 8)


def _ed25519(data: bytes, name: str) -> Key:
    if len(data) != _ED25519_OCTETS:
        raise Unfit(f"the key {name} cannot be read")
    return Key("ed25519", data, 64)
