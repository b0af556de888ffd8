"""Certificates that strangers have flooded, as public key servers hold them, cost nothing; what is too large is refused."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from forgery_of_test import RsaKey
from keyring_of_test import packet, signed_part, subpacket
from test_gpg_faults import fake_gpg

from mailproc.directory import Certificate
from mailproc.errors import MailprocError
from mailproc.openpgp import Finding, packets
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.gnupg import GnupgVerifier, Gpg, GpgUnfinished
from mailproc.openpgp.merging import merged
from mailproc.testing.keys import SigningKey
from tests.cost import within

Reader = Callable[[bytes], list[Certificate]]
CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"
CLEAN = r"; export a clean copy: gpg --armor --export-options export-minimal --export ADDRESS$"
STRANGER = "E" * 40


@pytest.fixture(params=["gpg", "/nonexistent/gpg"], ids=["GnuPG", "Sequoia"])
def certificates_in(request: pytest.FixtureRequest) -> Reader:
    """Both ways in which keys are checked when they are registered."""
    return partial(read_certificates, program=request.param)


def certification(issuer: str, number: int) -> bytes:
    """A signature packet over a user id that its issuer never made, each another one."""
    name = bytes.fromhex(issuer)
    hashed = subpacket(2, struct.pack(">I", 1_700_000_000 + number)) + subpacket(33, b"\4" + name)
    unhashed = subpacket(16, name[-8:])
    areas = struct.pack(">H", len(hashed)) + hashed + struct.pack(">H", len(unhashed)) + unhashed
    return packet(packets.SIGNATURE, b"\4\x10\x16\x08" + areas + b"\0\0" + (b"\1\0" + b"\x80" + b"\0" * 31) * 2)


def flooded(key: SigningKey, issuer: str, number: int) -> bytes:
    """A certificate with one user id and so many signatures more on it."""
    primary, *rest = packets.read_packets(key.certificate) or []
    more = b"".join(certification(issuer, each) for each in range(number))
    return primary.raw + rest[0].raw + more + b"".join(each.raw for each in rest[1:])


def test_what_strangers_have_signed_is_left_out(ann: SigningKey, certificates_in: Reader) -> None:
    """A certificate of 7 MiB is kept as its owner made it, and its mail is verified as fast as any."""
    data = flooded(ann, STRANGER, 60_000)
    assert len(data) > 7 * 2**20
    (read,) = certificates_in(data)
    assert (read.data, read.user_ids) == (ann.certificate, ("Ann <ann@example.org>",))
    part = signed_part(CONTENT, ann)
    assert within(1, lambda: GnupgVerifier().verify(part, [read.data])).finding is Finding.GOOD


def test_a_signature_that_names_a_stranger_too_is_left_out(ann: SigningKey, certificates_in: Reader) -> None:
    """Of two issuers a verifier may take either."""
    primary, user_id, own = packets.read_packets(ann.certificate) or []
    name = bytes.fromhex(ann.fingerprint)
    both = subpacket(16, name[-8:]) + subpacket(16, bytes.fromhex(STRANGER)[-8:])
    nobody = subpacket(16, name[-8:]) + subpacket(16, bytes(8))
    for issuers in (both, nobody, b""):
        areas = b"\0\6" + subpacket(2, bytes(4)) + struct.pack(">H", len(issuers)) + issuers
        forged = packet(packets.SIGNATURE, b"\4\x10\x16\x08" + areas + b"\0\0" + b"\0\1\1" * 2)
        (read,) = certificates_in(primary.raw + user_id.raw + forged + own.raw)
        assert read.data == ann.certificate


def test_each_signature_is_kept_once(ann: SigningKey, with_subkey: SigningKey, certificates_in: Reader) -> None:
    """The same one again says nothing; behind another packet it is another statement, and stays."""
    primary, user_id, own = packets.read_packets(ann.certificate) or []
    assert certificates_in(primary.raw + user_id.raw + own.raw * 5_000)[0].data == ann.certificate
    forged = packet(packets.USER_ID, b"The Boss <boss@example.org>") + own.raw
    (read,) = certificates_in(primary.raw + forged + user_id.raw + own.raw)
    assert read.data == primary.raw + forged + user_id.raw + own.raw
    assert read.user_ids == ("Ann <ann@example.org>",)
    assert certificates_in(with_subkey.certificate)[0].data == with_subkey.certificate


def user_ids(number: int) -> bytes:
    """So many user ids."""
    return b"".join(packet(packets.USER_ID, b"Ann %d" % each) for each in range(number))


@pytest.mark.parametrize(
    ("flood", "held"),
    [
        (lambda key: flooded(key, key.fingerprint, 40_000), "40001 signatures of its own, more than 1000"),
        (lambda key: key.certificate + user_ids(10_000), "10001 user ids, more than 1000"),
        (lambda key: key.certificate + packet(packets.USER_ATTRIBUTE, b"\2\1x") * 1001, "1001 pictures, more than 1000"),
        (lambda key: key.certificate + packet(packets.SUBKEY, RsaKey(1).body) * 1001, "1001 subkeys, more than 1000"),
        (lambda key: key.certificate + packet(packets.USER_ATTRIBUTE, bytes(2**20)), r"\d+ octets, more than 1048576"),
    ],
    ids=["false self-signatures", "user ids", "pictures", "subkeys", "size"],
)
def test_a_flooded_certificate_is_refused(flood: Callable[[SigningKey], bytes], held: str, ann: SigningKey) -> None:
    """It is told at once, before any verifier has seen it, with what is too much and the fix."""
    data = flood(ann)

    def refused() -> None:
        with pytest.raises(MailprocError, match=f"^this key holds {held}{CLEAN}"):
            read_certificates(data)

    within(5, refused)


def test_a_thousand_signatures_are_not_too_many(ann: SigningKey, certificates_in: Reader) -> None:
    """An old key with many names and renewals is read; one signature more is told by its number."""
    (read,) = certificates_in(flooded(ann, ann.fingerprint, 999))
    assert (len(packets.read_packets(read.data) or []), read.user_ids) == (1_002, ("Ann <ann@example.org>",))
    with pytest.raises(MailprocError, match="1001 signatures of its own"):
        certificates_in(flooded(ann, ann.fingerprint, 1_000))


def test_copies_that_are_too_large_as_one_are_not_joined(ann: SigningKey) -> None:
    """The new copy is taken alone where the old one, registered before there was a limit, is flooded."""
    (new,) = read_certificates(ann.certificate)
    assert merged(flooded(ann, ann.fingerprint, 2_000), new) == new
    assert merged(flooded(ann, STRANGER, 2_000), new) == new


@pytest.mark.parametrize("script", ["exec sleep 600", 'echo "pub:u:"; kill -SEGV $$'], ids=["hangs", "crashes"])
def test_a_gpg_that_does_not_finish_is_no_answer(script: str, tmp_path: Path, ann: SigningKey) -> None:
    """What it said until then is not taken for all that it had to say."""
    program = fake_gpg(tmp_path, "").replace("*--verify*", "")
    text = Path(program).read_text().replace("*--verify*) ;;", f"*--import*) {script};;")
    Path(program).write_text(text)
    (tmp_path / "key").write_bytes(ann.certificate)
    with pytest.raises(GpgUnfinished, match=r"^gpg did not finish within 0\.5 s$"):
        Gpg(program, timeout=0.5).list_certificates(tmp_path, tmp_path / "key")


def test_an_import_says_that_gpg_did_not_finish(tmp_path: Path, ann: SigningKey) -> None:
    """Nobody is told that a key is not valid which nobody has looked at, nor is its older copy forgotten."""
    program = fake_gpg(tmp_path, "")
    Path(program).write_text(Path(program).read_text().replace("*--verify*) ;;", "*--import*) kill -KILL $$;;"))
    told = r"^gpg did not finish within 10 s, so that nothing was checked; import fewer keys at once, or export a clean copy: "
    with pytest.raises(GpgUnfinished, match=told):
        read_certificates(ann.certificate, program)
    with SigningKey.generate("Gus <gus@example.org>", expires="1d") as key:
        old = key.certificate
        key.gpg("--passphrase", "", "--quick-set-expire", key.fingerprint, "2y")
        (new,) = read_certificates(key.certificate)
    with pytest.raises(GpgUnfinished):
        merged(old, new, program)
