"""Nobody changes a signed mail unseen, nor makes two verifiers disagree, with whatever octets."""

import random
import time
from functools import cache

import pytest
from forgery_of_test import Forged, RsaKey, long_subpacket, part_with, subpacket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring_of_test import armored, binary, packet

from mailproc.openpgp import Finding, SignedPart, Verification, Verifier, packets
from mailproc.openpgp.objections import Case, examine
from mailproc.openpgp.signature import read_signature
from mailproc.openpgp.signed import find_signed_part
from mailproc.openpgp.standing import read_certificates
from mailproc.testing.keys import SigningKey, signed_mime
from tests.cost import within

CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"
FRED = RsaKey(1)
CERTIFICATE = Forged(FRED).certificate
AT_EASE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
SETTLED = set(Finding) - {Finding.CANNOT_TELL, Finding.DISAGREEMENT}


@cache
def body() -> bytes:
    """Fred's good signature over CONTENT."""
    return FRED.sign(0, CONTENT, at=int(time.time()) - 100)


def settled(verifier: Verifier, part: SignedPart, certificates: list[bytes]) -> Finding:
    """What is found, which is neither a doubt nor a disagreement."""
    found = verifier.verify(part, certificates)
    assert found.finding in SETTLED, found
    return found.finding


@pytest.mark.parametrize("verifier", ["both"], indirect=True)
@pytest.mark.parametrize("algorithm", ["ed25519", "nistp256", "rsa2048"])
def test_each_bit_of_a_signature(algorithm: str, verifier: Verifier) -> None:
    """A flipped bit is refused by both for the same reason, or is one that nobody looks at."""
    with SigningKey.generate("Ann <ann@example.org>", algorithm=algorithm) as key:
        certificates = [key.certificate]
        (read,) = packets.read_packets(binary(key.sign_detached(CONTENT))) or ()
    good = 0
    bits = 8 * len(read.body)
    for bit in (*range(0, bits - 480, 16), *range(bits - 480, bits)):  # the integers come last, and all their bits are alike
        flipped = (int.from_bytes(read.body, "big") ^ 1 << bit).to_bytes(len(read.body), "big")
        good += settled(verifier, part_with(flipped, CONTENT), certificates) is Finding.GOOD
    assert good <= 8, "only the type of the issuer's key id has bits that matter to nobody"


@AT_EASE
@given(at=st.integers(0, len(CONTENT) - 1), octet=st.integers(0, 255))
def test_each_octet_of_the_content(verifier: Verifier, at: int, octet: int) -> None:
    """Content with any other octet is altered, and content with the same is good."""
    changed = CONTENT[:at] + bytes([octet]) + CONTENT[at + 1 :]
    expected = Finding.GOOD if changed == CONTENT else Finding.ALTERED
    assert settled(verifier, part_with(body(), changed), [CERTIFICATE]) is expected


@AT_EASE
@given(at=st.integers(0, 400), octet=st.integers(0, 255), length=st.integers(0, 3), behind=st.binary(max_size=3))
def test_other_octets_in_the_signature(verifier: Verifier, at: int, octet: int, length: int, behind: bytes) -> None:
    """Octets that are other, missing or added settle the matter one way or the other."""
    changed = body()[:at] + bytes([octet]) * length + body()[at + length :] + behind
    settled(verifier, part_with(changed, CONTENT), [CERTIFICATE])
    assert settled(verifier, part_with(changed, CONTENT + b"x"), [CERTIFICATE]) is not Finding.GOOD


@pytest.mark.parametrize("verifier", ["both"], indirect=True)
@AT_EASE
@given(at=st.integers(0, len(CERTIFICATE) - 1), octet=st.integers(0, 255))
def test_other_octets_in_the_certificate(verifier: Verifier, at: int, octet: int) -> None:
    """A certificate with one other octet makes nobody disagree."""
    changed = CERTIFICATE[:at] + bytes([octet]) + CERTIFICATE[at + 1 :]
    assert verifier.verify(part_with(body(), CONTENT), [changed]).finding is not Finding.DISAGREEMENT


def certificate_with(hashed: bytes, unhashed: bytes) -> bytes:
    """Fred's certificate with more subpackets in its self-signature."""
    forged = Forged(FRED)
    own = forged.certify(hashed, unhashed=FRED.issuer + unhashed, at=forged.at)
    return packet(packets.PRIMARY_KEY, FRED.body) + packet(packets.USER_ID, forged.user_id) + own


VALUES = st.binary(max_size=40) | st.sampled_from([b"\0" * 22, b"\4" * 21, b"\x80" * 22, b"\6" * 33, b"\0" * 8, b"\0" * 32])


@pytest.mark.parametrize("verifier", ["both"], indirect=True)
@AT_EASE
@given(kind=st.integers(0, 255), value=VALUES, hashed=st.booleans())
def test_any_subpacket(verifier: Verifier, kind: int, value: bytes, hashed: bool) -> None:
    """Whatever a certificate or a signature states besides, signed or not, makes nobody disagree."""
    one = subpacket(kind, value)
    more = (one, b"") if hashed else (b"", one)
    others = FRED.sign(0, CONTENT, more[0], FRED.issuer + more[1], at=int(time.time()) - 100)
    for signature, certificate in ((body(), certificate_with(*more)), (others, CERTIFICATE)):
        assert verifier.verify(part_with(signature, CONTENT), [certificate]).finding is not Finding.DISAGREEMENT


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (0xFF, b""),
        (4, b""),
        (5, b"\1"),
        (6, b"x"),
        (12, b"\0" * 22),
        (20, b"\0" * 7),
        (20, b"\0\0\0\0\0\1\0\0"),
        (29, b""),
        (31, b"\1"),
        (32, b"\4" * 30),
        (35, b"\6" * 21),
        (37, b"\0"),
        (39, b"\0"),
    ],
)
@pytest.mark.parametrize("verifier", ["both"], indirect=True)
def test_a_malformed_subpacket_takes_its_signature_away(verifier: Verifier, kind: int, value: bytes) -> None:
    """What one verifier passes over, and another does not, is a signature for neither."""
    certificate = certificate_with(b"", subpacket(kind, value))
    assert verifier.verify(part_with(body(), CONTENT), [certificate]).finding is Finding.ALTERED


@pytest.mark.parametrize("kind", [23, 28, 39])
@pytest.mark.parametrize("verifier", ["both"], indirect=True)
def test_what_is_critical_for_one_is_so_for_both(verifier: Verifier, kind: int) -> None:
    """GnuPG refuses a self-signature for these when they are critical, and Sequoia knows them."""
    for certificate, finding in (
        (certificate_with(subpacket(kind | 0x80, b"ab"), b""), Finding.ALTERED),
        (certificate_with(subpacket(kind, b"ab"), b""), Finding.GOOD),
    ):
        assert verifier.verify(part_with(body(), CONTENT), [certificate]).finding is finding


def test_a_signature_within_one_within_one_is_none() -> None:
    """A certificate may nest them as deep as it likes; they are read one deep."""
    nested = FRED.sign(0x19, CONTENT)
    assert read_signature(FRED.sign(0, CONTENT, long_subpacket(32, nested))) is not None
    for _ in range(2):
        nested = FRED.sign(0x19, CONTENT, long_subpacket(32, nested))
    assert read_signature(nested) is None


@AT_EASE
@given(data=st.binary(max_size=400), number=st.integers(0, 2))
def test_any_octets_as_a_signature(verifier: Verifier, data: bytes, number: int) -> None:
    """Whatever stands for a signature, it is not good, and nothing fails."""
    for raw in (data, packet(packets.SIGNATURE, data), packet(packets.SIGNATURE, b"\4\0\1\x08" + data)):
        assert settled(verifier, SignedPart(CONTENT, raw, number, True, ()), [CERTIFICATE]) is not Finding.GOOD


def test_ten_thousand_octets_of_noise(ann: SigningKey, verifier: Verifier) -> None:
    """Noise, in armor or not, alone or behind a good start, is an altered mail."""
    noise = random.Random(7).randbytes(10_000)
    part = find_signed_part(signed_mime(b"From: ann@example.org", CONTENT, armored(noise)))
    assert part is not None
    assert settled(verifier, part, [ann.certificate]) is Finding.ALTERED
    for raw in (noise, packet(packets.SIGNATURE, noise), packet(packets.SIGNATURE, body()[:20] + noise)):
        assert settled(verifier, SignedPart(CONTENT, raw, 1, True, ()), [CERTIFICATE]) is Finding.ALTERED


def test_each_cut_of_a_signature(verifier: Verifier) -> None:
    """A signature that ends early is altered, wherever it ends."""
    raw = packet(packets.SIGNATURE, body())
    for end in range(len(raw)):
        assert settled(verifier, SignedPart(CONTENT, raw[:end], 1, True, ()), [CERTIFICATE]) is Finding.ALTERED


@pytest.mark.parametrize("number, finding", [(3_300, Finding.GOOD), (3_400, Finding.ALTERED), (20_000, Finding.ALTERED)])
def test_many_subpackets(number: int, finding: Finding, verifier: Verifier) -> None:
    """GnuPG reads 10,000 octets of subpackets, so nobody reads more; thousands of them take no time worth mentioning."""
    at, many = int(time.time()) - 100, b"\2\x64x" * number
    for hashed, unhashed in ((many, FRED.issuer), (b"", many + FRED.issuer)):
        part = part_with(FRED.sign(0, CONTENT, hashed, unhashed, at=at), CONTENT)
        assert within(1, lambda part=part: settled(verifier, part, [CERTIFICATE])) is finding


@given(st.binary(max_size=300))
def test_reading_is_total(data: bytes) -> None:
    """No octets make the readers raise, be they a signature or a certificate."""
    read_signature(data)
    read_signature(b"\4\0\1\x08" + data)
    key = packet(packets.PRIMARY_KEY, data) + packet(packets.USER_ID, data) + packet(packets.SIGNATURE, b"\4\x13\1\x08" + data)
    for raw in (data, key, packet(packets.PRIMARY_KEY, b"\4" + data) + packet(packets.SUBKEY, b"\4" + data[:7])):
        for certificate in read_certificates(raw):
            for one in certificate.keys:
                certificate.objection(one, 1_700_000_000)


def test_an_objection_is_never_good(ann: SigningKey) -> None:
    """Without a verifier that says so nothing is good, and what it says must be of the key and the time in question."""
    part = part_with(body(), CONTENT)

    def confused(case: Case) -> Verification:
        return Verification(Finding.GOOD, ann.fingerprint, case.signed_at)

    assert examine(part, [CERTIFICATE], confused).finding is Finding.CANNOT_TELL
