"""Which keys are good enough: each that is not is refused in words that say why."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping

import pytest

from mailproc.dkim import DomainFinding
from tests.cost import within
from tests.dkim.signed_mail import KEY, MAIL, verify
from tests.dkim.signer import NAME, Ed25519Key, Key, RsaKey, rsa_key, sign

SIGNED = sign(MAIL, KEY)


def refused(record: str, raw: bytes = SIGNED) -> str:
    """Why the signature proves nothing with this key."""
    (found,) = verify(raw, {NAME: [record]})
    assert found.finding is DomainFinding.FAIL
    return found.detail


def passes(record: str, raw: bytes = SIGNED) -> bool:
    """Whether the signature passes with this key."""
    return [found.finding for found in verify(raw, {NAME: [record]})] == [DomainFinding.PASS]


@pytest.mark.parametrize("key", [rsa_key(1024), rsa_key(2048), rsa_key(4096), KEY], ids=["1024", "2048", "4096", "ed25519"])
def test_keys(key: Key) -> None:
    """RSA of 1024 to 4096 bits is accepted, and Ed25519."""
    assert passes(key.record(), sign(MAIL, key))


@pytest.mark.parametrize("bits", [512, 768, 1022, 16384])
def test_lengths(bits: int) -> None:
    """A key that is too short can be found out, and one that is too long only costs time (RFC 8301)."""
    key = rsa_key(bits)
    mail = sign(MAIL, key)
    why = within(1, lambda: refused(key.record(), mail))
    assert why == f"the key {NAME} has {bits} bits; 1024 to 4096 are accepted"


def test_the_longest_and_the_shortest() -> None:
    """The limits are met to the bit."""
    chosen = random.Random(1)
    for bits, fits in ((1023, False), (1024, True), (4096, True), (4097, False)):
        n = chosen.getrandbits(bits) | 1 << (bits - 1) | 1
        detail = refused(_Numbers(n).record(), sign(MAIL, rsa_key(1024)))
        assert ("bits; 1024 to 4096" in detail) is not fits


class _Numbers(RsaKey):
    """A public key of any numbers at all."""

    def __init__(self, n: int, e: int = 65537) -> None:
        super().__init__((n,), e)


@pytest.mark.parametrize("exponent", [1, 2, 65536, 2**32 + 1, 2**1023 + 1])
def test_exponents(exponent: int) -> None:
    """With an exponent of 1 anybody signs; a huge one makes us compute for seconds."""
    key = rsa_key(1024)
    assert refused(_Numbers(key.n, exponent).record(), sign(MAIL, key)) == f"the key {NAME} is no key of RSA"


def test_an_even_modulus() -> None:
    """A product of primes is odd."""
    key = rsa_key(1024)
    assert refused(_Numbers(key.n - 1).record(), sign(MAIL, key)) == f"the key {NAME} is no key of RSA"


@pytest.mark.parametrize("exponent", [3, 17, 2**32 - 1])
def test_usual_exponents(exponent: int) -> None:
    """Any odd exponent from 3 on will do."""
    n = rsa_key(1024).n
    detail = refused(_Numbers(n, exponent).record(), sign(MAIL, rsa_key(1024)))
    assert detail == "the header was changed after example.org signed it, or another key signed it"


def test_a_bare_rsa_key() -> None:
    """The key may stand without the frame that names its algorithm (RFC 6376 erratum 3017)."""
    key = rsa_key(1024)
    bare = base64.b64encode(key.public()[22:]).decode()
    assert base64.b64decode(bare)[0] == 0x30
    assert passes(key.record(p=bare), sign(MAIL, key))


@pytest.mark.parametrize(
    "tags",
    [
        {"v": None},
        {"k": "ed25519"},
        {"h": "sha256"},
        {"h": "sha1:sha256"},
        {"h": "SHA256"},
        {"s": "*"},
        {"s": "email"},
        {"s": "tlsrpt : email"},
        {"t": "s"},
        {"t": ""},
        {"t": "x:s"},
        {"n": "a note"},
        {"g": "*"},
    ],
)
def test_uses(tags: Mapping[str, str | None]) -> None:
    """A key that is for mail and for SHA-256, or says nothing about it, is fit (section 3.6.1)."""
    assert passes(KEY.record(**tags))


def test_the_usual_type() -> None:
    """A key without a type is of RSA."""
    key = rsa_key(1024)
    assert passes(key.record(k=None, v=None), sign(MAIL, key))


@pytest.mark.parametrize(
    "tags, why",
    [
        ({"v": "DKIM2"}, "the record of the key {} is none of DKIM"),
        ({"v": "dkim1"}, "the record of the key {} is none of DKIM"),
        ({"v": ""}, "the record of the key {} is none of DKIM"),
        ({"p": None}, "the record of the key {} is none of DKIM"),
        ({"p": ""}, "the key {} was revoked"),
        ({"t": "y"}, "the key {} is only for testing (t=y)"),
        ({"t": "s:y"}, "the key {} is only for testing (t=y)"),
        ({"t": "Y : s"}, "the key {} is only for testing (t=y)"),
        ({"h": "sha1"}, "the key {} is not for mail signed with SHA-256 (h=, s=)"),
        ({"h": ""}, "the key {} is not for mail signed with SHA-256 (h=, s=)"),
        ({"s": "tlsrpt"}, "the key {} is not for mail signed with SHA-256 (h=, s=)"),
        ({"s": "emails"}, "the key {} is not for mail signed with SHA-256 (h=, s=)"),
        ({"k": "rsa"}, "the key {} is for rsa, the signature is ed25519-sha256"),
        ({"k": "dsa"}, "the key {} is for dsa, the signature is ed25519-sha256"),
        ({"k": ""}, "the key {} is for , the signature is ed25519-sha256"),
        ({"p": "AAAA"}, "the key {} cannot be read"),
        ({"p": "!"}, "the key {} cannot be read"),
        ({"p": "A" * 43 + "="}, "the header was changed after example.org signed it, or another key signed it"),
    ],
)
def test_keys_that_are_not_fit(tags: Mapping[str, str | None], why: str) -> None:
    """A key for something else, for testing, revoked or unreadable proves nothing, and it is said why."""
    assert refused(KEY.record(**tags)) == why.format(NAME)


@pytest.mark.parametrize(
    "record", ["", "garbage", "v=spf1 -all", "p=x;p=y", "v=DKIM1;;p=x", "p", "v=DKIM1; p=\u00e4", "<html>", "=;="]
)
def test_garbage(record: str) -> None:
    """What is no key is said to be none."""
    assert refused(record).startswith(f"the {'record of the ' if record in ('', 'v=spf1 -all') else ''}key {NAME} ")


def test_a_tag_twice() -> None:
    """Two values of a tag are none."""
    assert refused(KEY.record() + "; k=ed25519") == f"the key {NAME} has the tag k= twice"


def test_the_version_comes_first() -> None:
    """A version behind other tags is none (section 3.6.1)."""
    record = KEY.record(v=None)
    assert passes(f"v=DKIM1; {record};")
    assert refused(f"{record}; v=DKIM1") == f"the record of the key {NAME} is none of DKIM"


@pytest.mark.parametrize("cut", [1, 10, 40, 150])
def test_a_broken_rsa_key(cut: int) -> None:
    """A key that was cut when it was put into the DNS cannot be read."""
    key = rsa_key(1024)
    cut_key = base64.b64encode(key.public()[:-cut]).decode()
    assert refused(key.record(p=cut_key), sign(MAIL, key)) == f"the key {NAME} cannot be read"


def test_any_octets_as_a_key() -> None:
    """No octets make the reader of keys fail."""
    raw, whole = sign(MAIL, rsa_key(1024)), rsa_key(1024).public()
    chosen = random.Random(7)
    for _ in range(500):
        octets = bytearray(whole)
        for _ in range(chosen.randrange(1, 4)):
            octets[chosen.randrange(40 if chosen.random() < 0.7 else len(octets))] = chosen.randrange(256)
        if bytes(octets) != whole:
            record = f"p={base64.b64encode(bytes(octets)).decode()}"
            (found,) = verify(raw, {NAME: [record]})
            same = octets[29:157] == whole[29:157] and octets[157:] == whole[157:]
            assert found.finding is DomainFinding.FAIL or same, octets.hex()


@pytest.mark.parametrize("octets, why", [(4096, "none of DKIM"), (4097, "too long")])
def test_a_long_record(octets: int, why: str) -> None:
    """A record is read up to 4,096 octets."""
    record = "n=" + "x" * (octets - 2)
    assert refused(record).endswith(why)


def test_no_key() -> None:
    """A key that is not there, maybe removed since, proves nothing."""
    (found,) = verify(SIGNED, {})
    assert (found.finding, found.detail) == (DomainFinding.FAIL, f"the key {NAME} is not in DNS")


def test_several_keys() -> None:
    """With several records nobody knows which one counts (section 3.6.2.2), even where they are the same."""
    (found,) = verify(SIGNED, {NAME: [KEY.record(), KEY.record()]})
    assert (found.finding, found.detail) == (DomainFinding.FAIL, f"there are several records for the key {NAME}")


@pytest.mark.parametrize(
    "other", [Ed25519Key(b"x" * 32), rsa_key(1024), rsa_key(1024, seed=1)], ids=["ed25519", "rsa", "rsa-2"]
)
def test_another_key(other: Key) -> None:
    """Only the key under the selector of the domain counts."""
    raw = sign(MAIL, other) if other.type == "ed25519" else sign(MAIL, rsa_key(1024, seed=2))
    assert refused(KEY.record() if other.type == "ed25519" else other.record(), raw) == (
        "the header was changed after example.org signed it, or another key signed it"
    )


@pytest.mark.parametrize("octets", [63, 65, 127, 128, 256])
@pytest.mark.parametrize("key", [KEY, rsa_key(1024)], ids=["ed25519", "rsa"])
def test_signatures_of_another_length(key: Key, octets: int) -> None:
    """A signature has the length that its key makes (RFC 8017 section 8.2.2)."""
    raw = sign(MAIL, key, b=base64.b64encode(b"\1" * octets).decode())
    assert refused(key.record(), raw) == "the header was changed after example.org signed it, or another key signed it"


def test_a_longer_way_to_write_the_same_signature() -> None:
    """Octets in front of a number change nothing in arithmetic; they are refused all the same."""
    key = rsa_key(1024)
    signed = base64.b64decode(sign(MAIL, key).split(b" b=", 1)[1].split(b"\r\n")[0])
    assert passes(key.record(), sign(MAIL, key, b=base64.b64encode(signed).decode()))
    assert not passes(key.record(), sign(MAIL, key, b=base64.b64encode(b"\0" + signed).decode()))
