"""What each verifier finds, on real keys and real signatures."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from keyring_of_test import armored, binary, packet, revoke, signed_part, subpacket

from mailproc.openpgp import Finding, SignedPart, Verifier, packets
from mailproc.openpgp.signed import find_signed_part
from mailproc.testing.keys import SigningKey, sign_mail, signed_mime

CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"
MAIL = b"From: ann@example.org\r\nSubject: Greetings\r\n\r\nHello  \r\n- dash\r\n"


def with_signature(signature: bytes) -> SignedPart:
    """The part of a mail with this armored signature over CONTENT."""
    part = find_signed_part(signed_mime(b"From: ann@example.org", CONTENT, signature))
    assert part is not None
    return part


@pytest.mark.parametrize("inline", [False, True], ids=["PGP/MIME", "clear-signed"])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
def test_a_good_signature(inline: bool, line_end: bytes, ann: SigningKey, verifier: Verifier) -> None:
    """A good signature names its key and its time, whichever line ends the mail was stored with."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    part = find_signed_part(sign_mail(MAIL, ann, inline=inline, at=at).replace(b"\r\n", line_end))
    assert part is not None
    found = verifier.verify(part, [ann.certificate])
    assert (found.finding, found.fingerprint, found.signed_at) == (Finding.GOOD, ann.fingerprint, at)


@pytest.mark.parametrize("inline", [False, True], ids=["PGP/MIME", "clear-signed"])
@pytest.mark.parametrize("old, new", [(b"Hello", b"Hullo"), (b"Hello", b"Hello\r\n"), (b"dash", b"rush")])
def test_an_altered_mail(inline: bool, old: bytes, new: bytes, ann: SigningKey, verifier: Verifier) -> None:
    """A change of any letter or line of the content is found."""
    part = find_signed_part(sign_mail(MAIL, ann, inline=inline).replace(old, new, 1))
    assert part is not None
    found = verifier.verify(part, [ann.certificate])
    assert (found.finding, found.fingerprint) == (Finding.ALTERED, None)


def test_an_unknown_key(ann: SigningKey, bob: SigningKey, verifier: Verifier) -> None:
    """Only the given certificates count, and without any of them no process is started."""
    part = signed_part(CONTENT, ann)
    assert verifier.verify(part, [bob.certificate]).finding is Finding.UNKNOWN_KEY
    assert verifier.verify(part, []).finding is Finding.UNKNOWN_KEY


def test_the_right_key_among_others(ann: SigningKey, bob: SigningKey, with_subkey: SigningKey, verifier: Verifier) -> None:
    """With several certificates the fingerprint says whose the signature is."""
    everyone = [bob.certificate, with_subkey.certificate, ann.certificate, ann.certificate]
    assert verifier.verify(signed_part(CONTENT, ann), everyone).fingerprint == ann.fingerprint


def test_a_subkey_leads_to_its_primary_key(with_subkey: SigningKey, verifier: Verifier) -> None:
    """A signature by a subkey has the fingerprint of the primary key."""
    part = signed_part(CONTENT, with_subkey)
    assert with_subkey.fingerprint not in part.issuers
    assert verifier.verify(part, [with_subkey.certificate]).fingerprint == with_subkey.fingerprint


def test_a_subkey_that_did_not_agree_signs_for_nobody(with_subkey: SigningKey, verifier: Verifier) -> None:
    """A subkey without a back signature may be another's, adopted: it does not count (RFC 9580 section 5.2.1.8)."""
    adopted = without_back_signature(with_subkey.certificate)
    assert verifier.verify(signed_part(CONTENT, with_subkey), [adopted]).finding is not Finding.GOOD


def without_back_signature(certificate: bytes) -> bytes:
    """The certificate with the embedded signatures left out of the unhashed areas of its bindings."""
    kept = []
    for each in packets.read_packets(certificate) or []:
        body = each.body
        if each.kind == packets.SIGNATURE and body[1] == 0x18:
            hashed_end = 6 + int.from_bytes(body[4:6], "big")
            unhashed_end = hashed_end + 2 + int.from_bytes(body[hashed_end : hashed_end + 2], "big")
            issuer = subpacket(16, bytes(8))
            assert 32 in dict(packets._area(body[hashed_end + 2 : unhashed_end]))
            body = body[:hashed_end] + len(issuer).to_bytes(2, "big") + issuer + body[unhashed_end:]
            kept.append(packet(packets.SIGNATURE, body))
        else:
            kept.append(each.raw)
    return b"".join(kept)


@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160", "MD5"])
def test_a_weak_digest(digest: str, bob: SigningKey, verifier: Verifier) -> None:
    """GnuPG calls some of these valid, whatever the date; we do not."""
    part = signed_part(CONTENT, bob, digest=digest)
    assert verifier.verify(part, [bob.certificate]).finding is Finding.WEAK_DIGEST


@pytest.mark.parametrize("digest", ["SHA256", "SHA512"])
def test_a_strong_digest(digest: str, bob: SigningKey, verifier: Verifier) -> None:
    """The same RSA key with a digest of today is good."""
    assert verifier.verify(signed_part(CONTENT, bob, digest=digest), [bob.certificate]).finding is Finding.GOOD


def test_an_expired_key(expired: SigningKey, verifier: Verifier) -> None:
    """A key that has expired since is told apart from an unknown one."""
    part = signed_part(CONTENT, expired, at=datetime.now(UTC) - timedelta(days=364, hours=12))
    assert verifier.verify(part, [expired.certificate]).finding is Finding.EXPIRED_KEY


def test_a_revoked_key(verifier: Verifier) -> None:
    """A revoked key does not count, although its signature fits."""
    with SigningKey.generate("Fay <fay@example.org>") as key:
        part = signed_part(CONTENT, key)
        assert verifier.verify(part, [key.certificate]).finding is Finding.GOOD
        revoke(key)
        assert verifier.verify(part, [key.certificate]).finding is Finding.REVOKED_KEY


def test_an_expired_signature(ann: SigningKey, verifier: Verifier) -> None:
    """A signature may be made for a time, and does not count when that is over."""
    then = datetime.now(UTC) - timedelta(days=3)
    signature = ann.gpg("--default-sig-expire", "1d", "--armor", "--detach-sign", data=CONTENT, at=then)
    assert verifier.verify(with_signature(signature), [ann.certificate]).finding is Finding.EXPIRED_SIGNATURE


def test_a_signature_older_than_its_key(ann: SigningKey, verifier: Verifier) -> None:
    """A signature that is older than its key is not good."""
    before = datetime.now(UTC) - timedelta(days=1000)
    signature = ann.gpg("--ignore-time-conflict", "--armor", "--detach-sign", data=CONTENT, at=before)
    assert verifier.verify(with_signature(signature), [ann.certificate]).finding is not Finding.GOOD


def test_two_signatures_are_refused(ann: SigningKey, bob: SigningKey, verifier: Verifier) -> None:
    """Good and good, or good and bad: more than one signature is more than one story."""
    both = armored(binary(ann.sign_detached(CONTENT)) + binary(bob.sign_detached(CONTENT)))
    found = verifier.verify(with_signature(both), [ann.certificate, bob.certificate])
    assert (found.finding, found.fingerprint) == (Finding.SEVERAL_SIGNATURES, None)


def test_a_signature_that_cannot_be_read(verifier: Verifier, ann: SigningKey) -> None:
    """Garbage in place of a signature does not fit the content."""
    assert verifier.verify(with_signature(armored(b"garbage")), [ann.certificate]).finding is Finding.ALTERED


@pytest.mark.parametrize("version", [3, 5, 9])
def test_a_signature_of_a_version_that_nobody_uses(version: int, verifier: Verifier, ann: SigningKey) -> None:
    """What a verifier does not read in full is not good."""
    body = bytes([version]) + binary(ann.sign_detached(CONTENT))[3:]
    found = verifier.verify(with_signature(armored(packet(2, body))), [ann.certificate])
    assert found.finding is Finding.ALTERED


def test_an_encrypted_mail_in_place_of_a_signature(verifier: Verifier, ann: SigningKey) -> None:
    """Only signature packets are given to a verifier: it has nothing to decrypt or to unpack."""
    compressed = ann.gpg("--store", "--compress-algo", "zip", data=bytes(1_000_000))
    assert verifier.verify(with_signature(armored(compressed)), [ann.certificate]).finding is Finding.ALTERED


def test_a_key_in_the_mail_is_not_used(ann: SigningKey, bob: SigningKey, verifier: Verifier) -> None:
    """A signature that brings its own key, or tells where to find it, is by an unknown key still."""
    arguments = ["--armor", "--detach-sign", "--include-key-block", "--sig-keyserver-url", "http://127.0.0.1:9/key"]
    part = with_signature(ann.gpg(*arguments, data=CONTENT))
    assert verifier.verify(part, [bob.certificate]).finding is Finding.UNKNOWN_KEY


@pytest.mark.parametrize("letter", ["\u0145", "\u2028", "\u0085"])
def test_a_user_id_cannot_forge_a_status_line(letter: str, ann: SigningKey, verifier: Verifier) -> None:
    """A user id with an exotic line end, or with an innocent letter that has the octet 0x85, stays a user id."""
    now = int(datetime.now(UTC).timestamp())
    forged = f"[GNUPG:] VALIDSIG {ann.fingerprint} 2026-11-21 {now} 0 4 0 22 8 00 {ann.fingerprint}"
    with SigningKey.generate(f"Eve {letter}{forged}") as eve:
        found = verifier.verify(signed_part(CONTENT, eve), [ann.certificate, eve.certificate])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, eve.fingerprint)


def test_many_threads_share_a_verifier(ann: SigningKey, bob: SigningKey, verifier: Verifier) -> None:
    """Verifications at the same time do not see each other's keys, signatures or findings."""
    parts = [signed_part(CONTENT, ann), signed_part(CONTENT, bob)]
    jobs = [(part, [key]) for part in parts for key in (ann.certificate, bob.certificate)] * 10
    expected = [Finding.GOOD, Finding.UNKNOWN_KEY, Finding.UNKNOWN_KEY, Finding.GOOD] * 10
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda job: verifier.verify(*job), jobs))
    assert [each.finding for each in found] == expected, found
