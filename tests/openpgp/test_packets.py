"""Packets are read as far as they can be, and nothing is made of the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring_of_test import binary, packet, signature, subpacket

from mailproc.openpgp import packets
from mailproc.openpgp.packets import issuers, read_packets
from mailproc.testing.keys import SigningKey

KEY_ID = bytes.fromhex("0123456789abcdef")
FINGERPRINT = bytes(range(20))
LONG_FINGERPRINT = bytes(range(32))


def issuers_of(data: bytes) -> tuple[str, ...]:
    """The issuers in one signature packet."""
    read = read_packets(data)
    assert read is not None
    return issuers(read)


@pytest.mark.parametrize(
    "data, named",
    [
        pytest.param(signature(unhashed=subpacket(16, KEY_ID)), ("0123456789ABCDEF",), id="key id"),
        pytest.param(signature(hashed=subpacket(33, b"\4" + FINGERPRINT)), (FINGERPRINT.hex().upper(),), id="fingerprint"),
        pytest.param(
            signature(hashed=subpacket(33, b"\6" + LONG_FINGERPRINT), version=6),
            (LONG_FINGERPRINT.hex().upper(),),
            id="version 6",
        ),
        pytest.param(
            signature(hashed=subpacket(33, b"\4" + FINGERPRINT), unhashed=subpacket(16, KEY_ID)),
            (FINGERPRINT.hex().upper(), "0123456789ABCDEF"),
            id="both",
        ),
        pytest.param(packet(2, b"\3\5\0" + b"\0" * 4 + KEY_ID + b"\1\2\0\0"), ("0123456789ABCDEF",), id="version 3"),
        pytest.param(signature(hashed=subpacket(16 | 0x80, KEY_ID)), ("0123456789ABCDEF",), id="critical"),
        pytest.param(signature(hashed=subpacket(2, b"\0\0\0\0")), (), id="nobody"),
        pytest.param(signature(unhashed=subpacket(16, bytes(8))), (), id="hidden"),
        pytest.param(signature(unhashed=subpacket(16, b"short")), (), id="too short"),
        pytest.param(packet(2, b""), (), id="empty"),
        pytest.param(packet(2, b"\x09" + bytes(30)), (), id="version 9"),
    ],
)
def test_issuers_are_read_from_every_version(data: bytes, named: tuple[str, ...]) -> None:
    """The issuers of a signature are those of its subpackets, hashed or not."""
    assert issuers_of(data) == named


def test_a_signature_cannot_cost_many_look_ups() -> None:
    """Of a thousand issuers only a few are taken."""
    many = b"".join(subpacket(16, number.to_bytes(8, "big")) for number in range(1, 1000))
    assert len(issuers_of(signature(unhashed=many))) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\xc2",
        b"\xc2\xff\x00",
        b"\xc2\xc5",
        b"\xc2\x05abc",
        b"\x8b" + b"x" * 10,
        b"\xc2\xe1" + b"x" * 10,
        b"\x89\x00",
        b"Hello",
    ],
)
def test_what_is_no_sequence_of_packets_is_none(data: bytes) -> None:
    """Cut packets, and lengths that only bulk data may have, are refused as a whole."""
    assert read_packets(data) is None


@pytest.mark.parametrize("length", [0, 191, 192, 8383, 8384, 70000])
def test_both_forms_of_length_are_read(length: int) -> None:
    """A body of any length comes out as it went in, whichever way its length is written."""
    body = b"x" * length
    if length < 192:
        new = bytes([length])
    elif length < 8384:
        new = bytes([192 + (length - 192 >> 8), length - 192 & 255])
    else:
        new = b"\xff" + length.to_bytes(4, "big")
    for data in (b"\xc2" + new + body, b"\x8a" + length.to_bytes(4, "big") + body):
        (read,) = read_packets(data) or ()
        assert (read.kind, read.body, read.raw) == (packets.SIGNATURE, body, data)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\xc2\x60\x04" + tail))
def test_reading_is_total(data: bytes) -> None:
    """No bytes make the reader raise."""
    issuers(read_packets(data) or [])


@given(st.binary(max_size=100), st.binary(max_size=100), st.sampled_from([4, 5, 6]))
def test_reading_broken_areas_is_total(hashed: bytes, unhashed: bytes, version: int) -> None:
    """No bytes in a signature's areas make the reader raise."""
    issuers_of(signature(hashed, unhashed, version))


def test_fingerprints_are_those_of_gnupg(ann: SigningKey, bob: SigningKey) -> None:
    """Fingerprint and key id are computed as GnuPG computes them, and a real signature names them."""
    for key in (ann, bob):
        primary = (read_packets(key.certificate) or [])[0]
        assert packets.fingerprint(primary) == key.fingerprint
        assert issuers_of(binary(key.sign_detached(b"x"))) == (key.fingerprint, packets.key_id(key.fingerprint))
