"""Certificates are read as their owners send them, and only what is public is kept."""

from datetime import UTC, datetime, timedelta

import pytest
from keyring_of_test import armored, packet, revoke, signed_part

from mailproc.errors import MailprocError
from mailproc.openpgp import Finding, packets
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.testing.keys import SigningKey

CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"


def test_armored_and_binary_are_the_same(ann: SigningKey) -> None:
    """An armored file, with mail's line ends and text around it, holds the same certificate as a binary one."""
    armor = b"Here is my key:\r\n" + ann.armored_certificate.replace("\n", "\r\n").encode() + b"Regards\r\n"
    (read,) = read_certificates(armor)
    assert [read] == read_certificates(ann.certificate)
    assert (read.fingerprint, read.user_ids) == (ann.fingerprint, ("Ann <ann@example.org>",))
    assert (read.expires_at, read.revoked) == (None, False)
    assert timedelta(days=364) < datetime.now(UTC) - read.created_at < timedelta(days=366)


def test_a_subkey_is_a_name_of_its_certificate(with_subkey: SigningKey) -> None:
    """Every fingerprint and key id that a signature can name leads to the certificate."""
    (read,) = read_certificates(with_subkey.certificate)
    part = signed_part(CONTENT, with_subkey)
    assert set(part.issuers) < set(read.names)
    assert read.names[:2] == (with_subkey.fingerprint, with_subkey.fingerprint[-16:])
    assert len(read.names) == 4


def test_several_certificates_in_one_file(ann: SigningKey, bob: SigningKey) -> None:
    """A key ring, or several armored blocks one after the other, are several certificates."""
    both = [ann.fingerprint, bob.fingerprint]
    assert [each.fingerprint for each in read_certificates(ann.certificate + bob.certificate)] == both
    blocks = (ann.armored_certificate + bob.armored_certificate).encode()
    assert [each.fingerprint for each in read_certificates(blocks)] == both


def test_expiry_and_revocation_are_told(expired: SigningKey) -> None:
    """An administrator sees at import that a key has expired or was revoked."""
    (read,) = read_certificates(expired.certificate)
    assert read.expires_at is not None
    assert abs(read.expires_at - read.created_at - timedelta(days=1)) < timedelta(minutes=1)
    with SigningKey.generate("Gus <gus@example.org>") as key:
        revoke(key)
        assert read_certificates(key.certificate)[0].revoked


def test_what_was_read_verifies(with_subkey: SigningKey, verifier: GnupgVerifier) -> None:
    """The binary data of a certificate is all that a verifier needs."""
    (read,) = read_certificates(with_subkey.armored_certificate.encode())
    found = verifier.verify(signed_part(CONTENT, with_subkey), [read.data])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, read.fingerprint)


@pytest.mark.parametrize("arguments", [["--armor"], []], ids=["armored", "binary"])
def test_a_secret_key_is_refused(arguments: list[str], ann: SigningKey) -> None:
    """A secret key is not taken, and the text says what to send instead."""
    secret = ann.gpg(*arguments, "--passphrase", "", "--pinentry-mode", "loopback", "--export-secret-keys")
    with pytest.raises(MailprocError, match=r"secret key.*gpg --armor --export"):
        read_certificates(secret)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Hello\n",
        b"\xff" * 100,
        armored(b"garbage", "PUBLIC KEY BLOCK"),
        armored(packet(packets.USER_ID, b"Ann"), "PUBLIC KEY BLOCK"),
        packet(packets.SIGNATURE, b"\4"),
    ],
)
def test_what_is_no_key_is_refused(data: bytes) -> None:
    """A file without a public key is refused with the command that makes one."""
    with pytest.raises(MailprocError, match=r"no OpenPGP public key.*gpg --armor --export"):
        read_certificates(data)


def test_a_key_without_a_self_signature_is_refused(ann: SigningKey) -> None:
    """A bare key with somebody's name beside it is nobody's word."""
    primary = (packets.read_packets(ann.certificate) or [])[0]
    with pytest.raises(MailprocError, match="is no valid public key"):
        read_certificates(primary.raw + packet(packets.USER_ID, b"Ann <ann@example.org>"))


def test_a_user_id_that_its_owner_did_not_sign_is_not_told(ann: SigningKey) -> None:
    """An administrator is not shown a name that somebody else has put beside the key."""
    primary, *rest = packets.read_packets(ann.certificate) or []
    forged = packet(packets.USER_ID, b"The Boss <boss@example.org>")
    (read,) = read_certificates(primary.raw + forged + b"".join(each.raw for each in rest))
    assert read.user_ids == ("Ann <ann@example.org>",)


def test_a_user_id_may_be_in_any_script() -> None:
    """User ids are UTF-8."""
    with SigningKey.generate("Zo\u00eb: \u5c0f\u7b20\u539f <zoe@example.org>") as key:
        assert read_certificates(key.certificate)[0].user_ids == ("Zo\u00eb: \u5c0f\u7b20\u539f <zoe@example.org>",)


def test_an_old_version_is_refused(ann: SigningKey) -> None:
    """A key of version 3 has a fingerprint that can be forged."""
    primary = (packets.read_packets(ann.certificate) or [])[0]
    with pytest.raises(MailprocError, match="version"):
        read_certificates(packet(packets.PRIMARY_KEY, b"\3" + primary.body[1:]))


def test_trust_packets_are_left_out(ann: SigningKey) -> None:
    """A certificate cannot bring GnuPG's own "this signature was checked" along."""
    read = packets.read_packets(ann.certificate) or []
    trusting = b"".join(each.raw + packet(12, b"\0\3gpg\0\0") for each in read)
    assert read_certificates(trusting)[0].data == ann.certificate


def test_a_user_id_cannot_add_a_fingerprint(ann: SigningKey) -> None:
    """A user id that looks like a line of gpg's listing gives its key no other name."""
    with SigningKey.generate(f"Eve \u0145fpr:::::::::{ann.fingerprint}:") as eve:
        (read,) = read_certificates(eve.certificate)
    assert read.names == (eve.fingerprint, eve.fingerprint[-16:])
