"""Each way in which a signature or its key can be wrong, made from the ground up: all verifiers find the same."""

import struct
import time
from collections.abc import Iterator

import pytest
from forgery_of_test import CERTIFY, MADE_AT, SIGN, Forged, RsaKey, integer, long_subpacket, part_with, seconds
from keyring_of_test import packet, subpacket

from mailproc.openpgp import Finding, SignedPart, Verifier, packets

CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"
NOW = int(time.time()) - 100
LATER = NOW + 50
SHORT = seconds(9, 1000)  # a key that has expired 1000 seconds after it was made
PRIMARY = subpacket(25, b"\1")
FRED, SUB, EVE = RsaKey(1), RsaKey(2), RsaKey(4)
WEAK, SCANT = RsaKey(3, 1024), RsaKey(5, 2046)
CERT = Forged(FRED)

Row = tuple[str, bytes, bytes, Finding]


def by(key: RsaKey, hashed: bytes = b"", unhashed: bytes | None = None, kind: int = 0, **how: object) -> bytes:
    """A signature over CONTENT, now unless said otherwise."""
    return key.sign(kind, CONTENT, hashed, unhashed, **({"at": NOW} | how))


def revocation(key: RsaKey, hashed: bytes = b"", of: RsaKey | None = None, **how: object) -> bytes:
    """A revocation of a primary key by itself, or ``of`` another."""
    return packet(packets.SIGNATURE, key.sign(0x20, (of or key).framed, hashed, **how))


def direct(hashed: bytes, **how: object) -> bytes:
    """A signature of Fred's key over itself alone."""
    return packet(packets.SIGNATURE, FRED.sign(0x1F, FRED.framed, hashed, **how))


def second_user(hashed: bytes = b"", **how: object) -> bytes:
    """Another user id of Fred's key, a bit younger than the first."""
    other = Forged(FRED, user_id=b"Frederic")
    return packet(packets.USER_ID, b"Frederic") + other.certify(hashed, at=MADE_AT + 9, **how)


def with_sub(*subkeys: bytes, **how: object) -> bytes:
    """Fred's certificate with subkeys."""
    return Forged(FRED, subkeys=subkeys, **how).certificate


def signatures() -> Iterator[Row]:
    """What the signature itself is."""
    good, altered = Finding.GOOD, Finding.ALTERED
    for kind in (0x00, 0x01, 0x02, 0x03, 0x10, 0x13, 0x18, 0x1F, 0x20, 0x40, 0x50, 0xFF):
        yield f"of class {kind:02x}", by(FRED, kind=kind), CERT.certificate, good if kind < 2 else altered
    for digest in ("sha224", "sha256", "sha384", "sha512"):
        yield f"with {digest}", by(FRED, digest=digest), CERT.certificate, good
    for digest in ("md5", "sha1", "ripemd160"):
        yield f"with {digest}", by(FRED, digest=digest), CERT.certificate, Finding.WEAK_DIGEST
        yield f"with {digest}, old", by(FRED, digest=digest, at=MADE_AT + 9), CERT.certificate, Finding.WEAK_DIGEST
    yield "with SHA3", by(FRED, digest="sha3_256"), CERT.certificate, altered
    yield "of version 5", by(FRED, version=5), CERT.certificate, altered
    yield "without a time", by(FRED, at=None), CERT.certificate, altered
    yield "with two times", by(FRED, seconds(2, NOW - 7)), CERT.certificate, altered
    yield "with a time that is not signed", by(FRED, unhashed=seconds(2, NOW - 7) + FRED.issuer), CERT.certificate, good
    yield "ten minutes ahead", by(FRED, at=NOW + 700), CERT.certificate, good
    yield "older than its key", by(FRED, at=MADE_AT - 1), CERT.certificate, altered
    yield "that has expired", by(FRED, seconds(3, 50)), CERT.certificate, Finding.EXPIRED_SIGNATURE
    yield "that will expire", by(FRED, seconds(3, 5000)), CERT.certificate, good
    yield "that expires after 0 seconds, never", by(FRED, seconds(3, 0)), CERT.certificate, good
    yield "that expires in its unsigned part", by(FRED, unhashed=seconds(3, 50) + FRED.issuer), CERT.certificate, good
    yield "of another algorithm than its key", by(FRED, algorithm=3), CERT.certificate, altered
    yield "with octets behind", by(FRED) + b"\0", CERT.certificate, altered
    yield "cut", by(FRED)[:-1], CERT.certificate, altered
    yield "with a second integer", by(FRED) + integer(1), CERT.certificate, altered
    yield "of zero", by(FRED)[:-258] + b"\0\0", CERT.certificate, altered
    yield "with another's digest prefix", by(FRED)[:-260] + b"\0\0" + by(FRED)[-258:], CERT.certificate, altered


def hints() -> Iterator[Row]:
    """What the signature says about whose it is (class B70)."""
    name, other = bytes.fromhex(FRED.fingerprint), bytes.fromhex(EVE.fingerprint)
    long, short = subpacket(33, b"\4" + name), subpacket(16, name[-8:])
    others_long, others_short = subpacket(33, b"\4" + other), subpacket(16, other[-8:])
    everyone = CERT.certificate + Forged(EVE).certificate
    good, altered, unknown = Finding.GOOD, Finding.ALTERED, Finding.UNKNOWN_KEY
    for label, hashed, unhashed, finding in (
        ("signed fingerprint", long, b"", good),
        ("key id", b"", short, good),
        ("signed key id", short, b"", good),
        ("both", long, short, good),
        ("both, the other way", short, long, good),
        ("twice", long + long, short, good),
        ("nobody", b"", b"", unknown),
        ("anybody", b"", subpacket(16, bytes(8)), unknown),
        ("a fingerprint that is not signed", b"", long, unknown),
        ("another key id", long, others_short, altered),
        ("another fingerprint", others_long, short, altered),
        ("another, not signed", short, others_long, altered),
        ("two fingerprints", long + others_long, short, altered),
        ("two key ids", short + others_short, b"", altered),
        ("another key", others_long, others_short, altered),
    ):
        yield f"naming {label}", by(FRED, hashed, unhashed), everyone, finding
    yield "naming a key that is not known", by(FRED, others_long, others_short), CERT.certificate, unknown
    yield "naming nothing of ours, with MD5", by(EVE, digest="md5"), CERT.certificate, unknown
    bound = with_sub(CERT.bind(SUB))
    yield "by the subkey, naming the primary key", by(SUB, unhashed=FRED.issuer), bound, altered
    yield "by the primary key, naming the subkey", by(FRED, unhashed=SUB.issuer), bound, altered


def primary_keys() -> Iterator[Row]:
    """What the signing primary key is."""
    good, altered, weak = Finding.GOOD, Finding.ALTERED, Finding.WEAK_KEY
    expired, revoked = Finding.EXPIRED_KEY, Finding.REVOKED_KEY
    signed = by(FRED)
    for flags in (None, b"", b"\0", CERTIFY, b"\x0c"):
        yield f"with flags {flags!r}", signed, Forged(FRED, flags=flags).certificate, altered
    yield "for signing only", signed, Forged(FRED, flags=SIGN).certificate, good
    for digest, finding in (("md5", weak), ("sha1", weak), ("ripemd160", weak), ("sha512", good)):
        yield f"bound with {digest}", signed, Forged(FRED, digest=digest).certificate, finding
    again, weakly = CERT.certify(at=MADE_AT + 9), CERT.certify(at=MADE_AT + 9, digest="sha1")
    yield "bound with SHA-1, then SHA-256", signed, Forged(FRED, digest="sha1", more=again).certificate, good
    yield "bound with SHA-256, then SHA-1", signed, Forged(FRED, more=weakly).certificate, good
    yield "bound since", signed, Forged(FRED, at=LATER).certificate, altered
    yield "bound in the future", signed, Forged(FRED, at=NOW + 9000).certificate, altered
    yield "bound for a time", signed, Forged(FRED, hashed=seconds(3, 100)).certificate, altered
    for kind in (0x10, 0x11, 0x12):
        own = packet(packets.PRIMARY_KEY, FRED.body) + packet(packets.USER_ID, CERT.user_id) + CERT.certify(kind=kind)
        yield f"certified as {kind:x}", signed, own, good
    bare = packet(packets.PRIMARY_KEY, FRED.body)
    yield "without anything", signed, bare, altered
    yield "with a user id alone", signed, bare + packet(packets.USER_ID, b"Fred"), altered
    boss = packet(packets.USER_ID, b"The Boss")
    yield "with the self-signature of another user id", signed, bare + boss + CERT.certify(), altered
    yield "certified by a stranger", signed, bare + packet(packets.USER_ID, CERT.user_id) + stranger(), altered
    yield "without a user id", signed, bare + direct(subpacket(27, b"\3")), good
    young = RsaKey(1, made_at=NOW + 500)
    yield "not yet made", young.sign(0, CONTENT, at=NOW + 600), Forged(young, at=NOW + 500).certificate, altered
    yield "expired before", signed, Forged(FRED, hashed=SHORT).certificate, expired
    yield "expired since", by(FRED, at=MADE_AT + 9), Forged(FRED, hashed=SHORT).certificate, expired
    yield "to expire", signed, Forged(FRED, hashed=seconds(9, NOW - MADE_AT + 9000)).certificate, good
    renewed = Forged(FRED, hashed=SHORT, more=CERT.certify(at=MADE_AT + 3000)).certificate
    yield "renewed before", signed, renewed, good
    yield "renewed since", by(FRED, at=MADE_AT + 9), renewed, good
    yield "expired, then renewed", by(FRED, at=MADE_AT + 2000), renewed, expired
    yield "revoked", signed, Forged(FRED, before=revocation(FRED)).certificate, revoked
    yield "revoked with SHA-1", signed, Forged(FRED, before=revocation(FRED, digest="sha1")).certificate, revoked
    retired = revocation(FRED, subpacket(29, b"\3"), at=LATER)
    yield "retired since", signed, Forged(FRED, before=retired).certificate, revoked
    superseded = revocation(FRED, subpacket(29, b"\1"), at=MADE_AT + 50)
    yield "superseded, then bound again", signed, Forged(FRED, at=MADE_AT + 99, before=superseded).certificate, revoked
    yield "revoked in the future", signed, Forged(FRED, before=revocation(FRED, at=NOW + 9000)).certificate, revoked
    yield "revoked and expired", signed, Forged(FRED, hashed=SHORT, before=revocation(FRED)).certificate, revoked
    yield "revoked behind the user id", signed, Forged(FRED, more=revocation(FRED)).certificate, revoked
    yield "revoked by a stranger", signed, Forged(FRED, before=revocation(EVE, of=FRED)).certificate, good
    yield "with the revocation of another", signed, Forged(FRED, before=revocation(FRED, of=EVE)).certificate, good
    yield "of 1024 bits", by(WEAK), Forged(WEAK).certificate, weak
    yield "of 2046 bits", by(SCANT), Forged(SCANT).certificate, weak
    sole = RsaKey(1, algorithm=3)
    yield "that is RSA for signing only", by(sole), Forged(sole).certificate, good


def stranger() -> bytes:
    """A certification of Fred's user id by Eve."""
    return packet(packets.SIGNATURE, EVE.sign(0x13, CERT.framed_user, subpacket(27, b"\3")))


def user_ids() -> Iterator[Row]:
    """Several user ids, and what they say of the key."""
    good, altered, expired = Finding.GOOD, Finding.ALTERED, Finding.EXPIRED_KEY
    signed, gone = by(FRED), CERT.certify(kind=0x30, flags=None, at=MADE_AT + 5)
    yield "user id revoked", signed, Forged(FRED, more=gone).certificate, good
    yield "user id revoked, expired", signed, Forged(FRED, hashed=SHORT, more=gone).certificate, expired
    yield "one of two revoked", signed, Forged(FRED, hashed=SHORT, more=gone + second_user()).certificate, good
    yield "user id revoked, then certified", signed, Forged(FRED, more=gone + CERT.certify(at=MADE_AT + 9)).certificate, good
    yield "one expired", signed, Forged(FRED, hashed=SHORT, more=second_user()).certificate, expired
    yield "the other expired", signed, Forged(FRED, more=second_user(SHORT)).certificate, expired
    yield "the main one expired", signed, Forged(FRED, hashed=SHORT + PRIMARY, more=second_user()).certificate, expired
    yield "one not for signing", signed, Forged(FRED, flags=CERTIFY, more=second_user()).certificate, altered
    yield "the other not for signing", signed, Forged(FRED, more=second_user(flags=CERTIFY)).certificate, altered
    yield "direct, expired", signed, Forged(FRED, before=direct(SHORT)).certificate, expired
    yield "direct, not expired", signed, Forged(FRED, hashed=SHORT, before=direct(subpacket(27, b"\3"))).certificate, expired
    yield "direct, not for signing", signed, Forged(FRED, before=direct(subpacket(27, CERTIFY))).certificate, altered
    yield "direct, no flags", signed, Forged(FRED, before=direct(b"")).certificate, good
    yield "user id not certified", signed, Forged(FRED, more=packet(packets.USER_ID, b"The Boss")).certificate, good


def subkeys() -> Iterator[Row]:
    """What the signing subkey is."""
    good, altered, weak = Finding.GOOD, Finding.ALTERED, Finding.WEAK_KEY
    expired, revoked = Finding.EXPIRED_KEY, Finding.REVOKED_KEY
    signed, both = by(SUB), FRED.framed + SUB.framed

    def back(key: RsaKey = SUB, hashed: bytes = b"", data: bytes = both, kind: int = 0x19, **how: object) -> bytes:
        return with_sub(CERT.bind(SUB, back=key.sign(kind, data, hashed, **how)))

    yield "good", signed, with_sub(CERT.bind(SUB)), good
    yield "good, by the primary key", by(FRED), with_sub(CERT.bind(SUB)), good
    yield "without a back signature", signed, with_sub(CERT.bind(SUB, back=b"")), altered
    yield "with a stranger's back signature", signed, back(EVE), altered
    yield "with the back signature of another pair", signed, back(data=EVE.framed + SUB.framed), altered
    yield "with a back signature of another class", signed, back(kind=0x18), altered
    yield "with a weak back signature", signed, back(digest="sha1"), weak
    yield "with a back signature that has ended", signed, back(hashed=seconds(3, 10)), altered
    yield "with a back signature made since", signed, back(at=LATER), altered
    yield "bound with SHA-1", signed, with_sub(CERT.bind(SUB, digest="sha1")), weak
    yield "bound since", signed, with_sub(CERT.bind(SUB, at=LATER)), altered
    yield "bound by a stranger", signed, with_sub(Forged(EVE).bind(SUB)), altered
    for flags in (None, b"\x0c", CERTIFY):
        yield f"with flags {flags!r}", signed, with_sub(CERT.bind(SUB, flags=flags)), altered
    yield "expired", signed, with_sub(CERT.bind(SUB, SHORT)), expired
    yield "expired since", by(SUB, at=MADE_AT + 9), with_sub(CERT.bind(SUB, SHORT)), expired
    yield "renewed", signed, with_sub(CERT.bind(SUB, SHORT) + CERT.binding(SUB, at=MADE_AT + 9)), good
    yield "of an expired primary key", signed, with_sub(CERT.bind(SUB), hashed=SHORT), expired
    yield "of a revoked primary key", signed, with_sub(CERT.bind(SUB), before=revocation(FRED)), revoked
    gone = CERT.binding(SUB, kind=0x28, back=b"", flags=None)
    yield "revoked", signed, with_sub(CERT.bind(SUB) + gone), revoked
    late = CERT.binding(SUB, subpacket(29, b"\1"), kind=0x28, back=b"", flags=None, at=LATER)
    yield "superseded since", signed, with_sub(CERT.bind(SUB) + late), revoked
    others = CERT.bind(EVE) + CERT.binding(EVE, kind=0x28, back=b"", flags=None)
    yield "beside a revoked one", signed, with_sub(CERT.bind(SUB), others), good
    yield "beside a revoked one, which signs", by(EVE), with_sub(CERT.bind(SUB), others), revoked
    yield "of 1024 bits", by(WEAK), with_sub(CERT.bind(WEAK)), weak
    yield "of a primary key of 1024 bits", signed, Forged(WEAK, subkeys=(Forged(WEAK).bind(SUB),)).certificate, weak
    young = RsaKey(2, made_at=LATER)
    yield "made since", by(young, at=NOW), with_sub(CERT.bind(young)), altered


ROWS = [
    pytest.param(*row[1:], id=f"{about}: {row[0]}")
    for about, rows in (
        ("a signature", signatures()),
        ("a signature", hints()),
        ("a key", primary_keys()),
        ("a key", user_ids()),
        ("a subkey", subkeys()),
    )
    for row in rows
]


@pytest.mark.parametrize("signature, certificate, finding", ROWS)
def test_finding(signature: bytes, certificate: bytes, finding: Finding, verifier: Verifier) -> None:
    """One thing is wrong at most, and all verifiers find the same."""
    found = verifier.verify(part_with(signature, CONTENT), [certificate])
    assert found.finding is finding, found
    good = (packets.fingerprint((packets.read_packets(certificate) or [])[0]), True)
    assert (found.fingerprint, found.signed_at is not None) == (good if finding is Finding.GOOD else (None, False))
    assert "\n" not in found.detail


LONG_LINE = b"Content-Type: text/plain\r\n\r\n" + b"x" * 20_000
NUL = b"Hello\r\nWorld\r\n"


@pytest.mark.parametrize(
    "signed, sent",
    [
        pytest.param(LONG_LINE + b"\r\n", LONG_LINE + b"\r\n", id="long line"),
        pytest.param(LONG_LINE + b"\r\n", LONG_LINE + b" and more\r\n", id="longer line"),
        pytest.param(NUL, NUL.replace(b"\r", b"\0\r"), id="NUL at the ends of lines"),
        pytest.param(NUL, NUL.replace(b"\r\n", b"\n"), id="bare LF"),
        pytest.param(NUL, NUL.replace(b"\n", b"\r\n"), id="CR CRLF"),
    ],
)
def test_a_text_signature_covers_all_of_the_text(signed: bytes, sent: bytes, verifier: Verifier) -> None:
    """GnuPG leaves out of account what stands far to the right, or is NUL; nobody can change that unseen."""
    body = FRED.sign(1, signed, at=NOW)
    found = verifier.verify(part_with(body, sent), [CERT.certificate])
    assert found.finding is Finding.ALTERED, found
    assert found.detail == "the text is not in the form in which it would be signed"


CONTENTS = {
    "empty": b"",
    "one letter": b"x",
    "one line end": b"\r\n",
    "many line ends": b"\r\n" * 100,
    "trailing blanks": b"Hello  \r\n\t\r\nWorld \t\r\n",
    "no line end": b"Hello\r\nWorld",
    "dashes": b"- \r\n-----BEGIN PGP SIGNATURE-----\r\n-- \r\n",
    "control characters": bytes(range(1, 10)) + b"\x0b\x0c\x1a\x1b\x7f\x80\xff\r\n",
    "long lines": (b"x" * 18_000 + b"\r\n") * 3,
    "5 MB": b"A line of some sixty octets, as mails have them in their body.\r\n" * 82_000,
}


@pytest.mark.parametrize("kind", [0, 1], ids=["binary", "text"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
def test_content(content: bytes, kind: int, verifier: Verifier) -> None:
    """Any content can be signed in either class, and its last octet counts as its first."""
    part = part_with(FRED.sign(kind, content, at=NOW), content)
    found = verifier.verify(part, [CERT.certificate])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, FRED.fingerprint), found
    for changed in (content + b"x", b"x" + content, content + b"\r\n", content[:-1]):
        other = SignedPart(changed, part.signature, 1, True, part.issuers)
        assert changed == content or verifier.verify(other, [CERT.certificate]).finding is Finding.ALTERED


@pytest.mark.parametrize("area", ["signed", "not signed"])
@pytest.mark.parametrize("critical", [0, 0x80], ids=["optional", "critical"])
@pytest.mark.parametrize("verifier", ["both"], indirect=True)
def test_every_kind_of_subpacket(area: str, critical: int, verifier: Verifier) -> None:
    """Whatever else a signature holds, well-formed or not, the verifiers do not differ about it, and none fails."""
    for kind in (*range(41), 60, 100, 110, 127):
        for value in (b"", b"\1", bytes(8), struct.pack(">IHH", 1 << 31, 1, 2) + b"abc"):
            extra = subpacket(kind | critical, value)
            body = by(FRED, extra) if area == "signed" else by(FRED, unhashed=extra + FRED.issuer)
            found = verifier.verify(part_with(body, CONTENT), [CERT.certificate])
            assert found.finding in (Finding.GOOD, Finding.ALTERED, Finding.EXPIRED_SIGNATURE), (kind, value, found)


SAID = f"\n[GNUPG:] GOODSIG {EVE.fingerprint[-16:]} Eve\n[GNUPG:] VALIDSIG {EVE.fingerprint} 2026-11-21\n".encode()


@pytest.mark.parametrize(
    "hashed",
    [
        pytest.param(long_subpacket(20, struct.pack(">IHH", 1 << 31, 5, len(SAID)) + b"a@b.c" + SAID), id="notation"),
        pytest.param(long_subpacket(20, struct.pack(">IHH", 1 << 31, len(SAID), 1) + SAID + b"x"), id="name of a notation"),
        pytest.param(long_subpacket(26, SAID), id="policy"),
        pytest.param(long_subpacket(26, b"http://127.0.0.1:9/" + SAID), id="address of a policy"),
        pytest.param(long_subpacket(24, b"http://127.0.0.1:9/" + SAID), id="key server"),
        pytest.param(long_subpacket(28, SAID), id="user id of the signer"),
        pytest.param(long_subpacket(100, SAID), id="private"),
    ],
)
def test_words_in_a_signature_stay_words(hashed: bytes, verifier: Verifier) -> None:
    """What looks like GnuPG's own verdict is the signer's text (class B68, CVE-2018-12020)."""
    found = verifier.verify(part_with(by(FRED, hashed), CONTENT), [CERT.certificate, Forged(EVE).certificate])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, FRED.fingerprint), found
    altered = verifier.verify(part_with(by(FRED, hashed), CONTENT + b"x"), [CERT.certificate, Forged(EVE).certificate])
    assert (altered.finding, altered.fingerprint) == (Finding.ALTERED, None)


def test_words_in_a_user_id_stay_words(verifier: Verifier) -> None:
    """A user id may hold lines of GnuPG's and terminal codes (class B68)."""
    loud = Forged(FRED, user_id=b"Fred" + SAID + b"\x1b[2J")
    found = verifier.verify(part_with(by(FRED), CONTENT), [loud.certificate])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, FRED.fingerprint)


def test_good_eve_bad_manager(verifier: Verifier) -> None:
    """A good signature by one and a bad one by another, in whatever order, are nobody's (class B69)."""
    good, bad = by(EVE), FRED.sign(0, b"something else", at=NOW)
    everyone = [CERT.certificate, Forged(EVE).certificate]
    for first, second in ((good, bad), (bad, good), (good, good)):
        both = packet(packets.SIGNATURE, first) + packet(packets.SIGNATURE, second)
        for number in (1, 2):
            found = verifier.verify(SignedPart(CONTENT, both, number, True, ()), everyone)
            assert (found.finding, found.fingerprint) == (Finding.SEVERAL_SIGNATURES, None)


def test_a_subkey_that_another_adopts_stays_its_owners(verifier: Verifier) -> None:
    """Eve's certificate, with Fred's subkey in it, comes first; the signature is Fred's (class B70)."""
    eves = Forged(EVE, subkeys=(Forged(EVE).bind(SUB, back=b""),)).certificate
    freds = with_sub(CERT.bind(SUB))
    for certificates in ([eves, freds], [freds, eves], [eves + freds]):
        found = verifier.verify(part_with(by(SUB), CONTENT), certificates)
        assert (found.finding, found.fingerprint) == (Finding.GOOD, FRED.fingerprint)
    assert verifier.verify(part_with(by(SUB), CONTENT), [eves]).finding is Finding.ALTERED


def test_the_first_of_two_owners_of_a_subkey(verifier: Verifier) -> None:
    """A subkey that has agreed to be of two certificates speaks for the first that is given, with every verifier."""
    eves = Forged(EVE, subkeys=(Forged(EVE).bind(SUB),)).certificate
    freds = with_sub(CERT.bind(SUB))
    assert verifier.verify(part_with(by(SUB), CONTENT), [eves, freds]).fingerprint == EVE.fingerprint
    assert verifier.verify(part_with(by(SUB), CONTENT), [freds, eves]).fingerprint == FRED.fingerprint


def test_two_keys_with_the_same_user_id(verifier: Verifier) -> None:
    """The name on a key is nobody's proof: the fingerprint tells whose signature it is (class B72)."""
    certificates = [CERT.certificate, Forged(EVE, user_id=CERT.user_id).certificate]
    for key in (FRED, EVE):
        assert verifier.verify(part_with(by(key), CONTENT), certificates).fingerprint == key.fingerprint


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"garbage",
        b"\xff" * 1000,
        CERT.certificate[:-1],
        packet(packets.PRIMARY_KEY, b""),
        packet(packets.PRIMARY_KEY, b"\4"),
        packet(packets.PRIMARY_KEY, b"\3" + FRED.body[1:]),
        packet(packets.SUBKEY, SUB.body) + CERT.certificate,
        packet(packets.SECRET_KEYS[0], FRED.body),
        packet(packets.SIGNATURE, by(FRED)),
    ],
)
def test_garbage_among_the_certificates(garbage: bytes, verifier: Verifier) -> None:
    """One certificate that cannot be read is in nobody's way, wherever it stands."""
    for certificates in ([garbage, CERT.certificate], [CERT.certificate, garbage]):
        assert verifier.verify(part_with(by(FRED), CONTENT), certificates).finding is Finding.GOOD
    assert verifier.verify(part_with(by(FRED), CONTENT), [garbage]).finding is Finding.UNKNOWN_KEY
