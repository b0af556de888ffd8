"""Signed mail that does not prove what it seems to, and mail whose signature is nobody's fault (B62 to B77, B79)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from mailproc.testing import SigningKey
from tests.attacks.letters import Body, Shown, Signed, block, crlf, mime, plain, signature_part
from tests.attacks.packets import armored, compressed, literal, notation, one_pass, packet, subpacket
from tests.attacks.signing import Secret
from tests.corpus.cases import ANN, ARRIVAL, SIGNED, Case, People

Wanted = Mapping[str, Any]
Make = Callable[[Secret, Secret, Secret], Body]  # from the keys of Ann, Bob and Mallory

EVIL = b"Pay eve.\r\n"
PART = b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
CLEAR = b"Hello\r\n\r\n- and goodbye"
B = b"=_limit"
TEXT = b"Content-Type: text/plain\r\n\r\n" + EVIL
HTML = b"Content-Type: text/html\r\n\r\n<p>" + EVIL

UNSIGNED = {"action": "process", "authentication.level": "weak", "authentication.signed": "none", "rule": "human"}
PARTLY = UNSIGNED | {"authentication.signed": "part", "authentication.fingerprint": None}
FOREIGN = UNSIGNED | {"authentication.signed": "whole", "authentication.fingerprint": None}


def cases() -> list[Case]:
    """All cases of these classes, the same each time but for their keys."""
    return [case for make_cases in CLASSES for case in make_cases()]


def strong(content: bytes) -> Wanted:
    """What must come of a mail that proves its sender: exactly this content was signed."""
    return {
        "action": "process",
        "rule": "human",
        "authentication.level": "strong",
        "authentication.method": "openpgp",
        "authentication.signed": "whole",
        "authentication.signed_at": SIGNED.isoformat(),
        "authentication.content_sha256": hashlib.sha256(content).hexdigest(),
    }


def refused(rule: str, signed: str = "whole") -> Wanted:
    """What must come of a mail whose signature is not a good one."""
    return {
        "action": "reject",
        "rule": f"signature.{rule}",
        "authentication.level": "weak",
        "authentication.signed": signed,
        "authentication.fingerprint": None,
    }


def case(name: str, make: Make, wanted: Wanted, *fields: bytes, sender: str = ANN, arrival: datetime = ARRIVAL) -> Case:
    """A mail From Ann, whose body is made when the keys are there."""

    def raw(people: People) -> bytes:
        body = make(_secret(people.ann), _secret(people.bob), _secret(people.mallory))
        top = (f"From: {sender}".encode(), b"To: notes@example.net", b"Subject: Greetings", b"MIME-Version: 1.0", *fields)
        return b"".join(field + b"\r\n" for field in top) + body.entity

    return Case(name, raw, wanted, arrival)


@cache
def _secret(key: SigningKey) -> Secret:
    return Secret.all_of(key)[0]


def signed(key: Secret, content: bytes = PART, *, clear: bool = False, at: datetime = SIGNED, **how: Any) -> Signed:
    """A content with a signature over it."""
    return Signed("", content, Shown(""), key.sign(content, at, **({"kind": 1} if clear else {}) | how), clear)


def entity(key: Secret, **how: Any) -> Body:
    """PGP/MIME over `PART`."""
    return mime(signed(key), B, **how)


def text(key: Secret, before: bytes = b"", behind: bytes = b"", **how: Any) -> Body:
    """A clear-signed mail of `CLEAR`, with text beside it."""
    return plain(before + block(signed(key, CLEAR, clear=True), **how) + behind)


def within(kind: bytes, *parts: bytes) -> Body:
    """A multipart of these parts."""
    body = b"".join(b"--outer\r\n" + part + b"\r\n" for part in parts) + b"--outer--\r\n"
    return Body((b"Content-Type: multipart/" + kind + b"; boundary=outer",), body)


def with_signature(data: bytes, content: bytes = PART) -> Body:
    """PGP/MIME with these packets for a signature."""
    return mime(Signed("", content, Shown(""), data), B)


def valid_ones() -> Iterator[Case]:
    """B62: nothing but the block, blank lines beside it: this one does prove."""
    yield case("B62.nothing-beside-clear-signed", lambda ann, *_: text(ann, b"\r\n", b"\r\n \r\n"), strong(CLEAR))
    yield case("B62.nothing-beside-pgp-mime", lambda ann, *_: entity(ann), strong(PART))


def text_beside() -> Iterator[Case]:
    """B62: text before, after, between signed blocks."""
    yield case("B62.before", lambda ann, *_: text(ann, EVIL), PARTLY)
    yield case("B62.after", lambda ann, *_: text(ann, b"", EVIL), PARTLY)
    yield case("B62.after-many-lines", lambda ann, *_: text(ann, b"", b"\r\n" * 500 + EVIL), PARTLY)
    two = refused("several", "part")
    yield case("B62.between", lambda ann, *_: text(ann, text(ann).body + EVIL), two)
    yield case("B62.preamble", lambda ann, *_: entity(ann, preamble=EVIL), PARTLY)
    yield case("B62.epilogue", lambda ann, *_: entity(ann, epilogue=EVIL), PARTLY)
    yield case("B62.beside-the-signature", lambda ann, *_: _armored(ann, EVIL + signed(ann).armor), PARTLY)
    yield case(
        "B62.known-preamble",
        lambda ann, *_: entity(ann, preamble=b"This is a multi-part message in MIME format.\r\n"),
        strong(PART),
    )


def _armored(key: Secret, armor: bytes) -> Body:
    return mime(signed(key), B, parts=(PART, signature_part(armor)))


def armor_headers() -> Iterator[Case]:
    """B63: text in armor headers."""
    for name, header in {
        "comment": b"Hash: SHA256\r\nComment: " + EVIL,
        "charset": b"Hash: SHA256\r\nCharset: " + EVIL,
        "hash": b"Hash: " + EVIL,
        "not-dash-escaped": b"Hash: SHA256\r\nNotDashEscaped: You need GnuPG to verify this message\r\n",
    }.items():
        yield case(f"B63.{name}", lambda ann, *_, header=header: text(ann, headers=header), PARTLY)
    altered = refused("altered", "part")
    yield case("B63.no-blank-line", lambda ann, *_: text(ann, headers=b"Hash: SHA256\r\n" + EVIL, blank=b""), altered)
    version = b"Version: GnuPG v2\r\nComment: " + EVIL
    yield case(
        "B63.in-the-signature-which-nobody-reads",
        lambda ann, *_: _armored(ann, signed(ann).armor.replace(b"\r\n", b"\r\n" + version, 1)),
        strong(PART),
    )


def wrapped() -> Iterator[Case]:
    """B64: a signed part beside an unsigned one, or hidden."""
    for kind in ("mixed", "alternative", "related", "digest", "parallel", "x-anything"):
        yield case(f"B64.{kind}", lambda ann, *_, kind=kind: within(kind.encode(), entity(ann).entity, TEXT), PARTLY)
    machine = PARTLY | {"action": "drop", "verdict": "bounce", "rule": "bounce.untyped-report"}
    yield case("B64.report", lambda ann, *_: within(b"report", entity(ann).entity, TEXT), machine)
    yield case("B64.behind", lambda ann, *_: within(b"mixed", TEXT, entity(ann).entity), PARTLY)
    yield case("B64.hidden-by-html", lambda ann, *_: within(b"alternative", entity(ann).entity, HTML), PARTLY)
    page = HTML + b'<img src="cid:signed"><div style="display:none">'
    named = b"Content-ID: <signed>\r\nContent-Disposition: inline\r\n"
    yield case("B64.cid", lambda ann, *_: within(b"related", page, named + entity(ann).entity), PARTLY)
    attached = b"Content-Disposition: attachment; filename=signed.eml\r\n"
    yield case("B64.attachment", lambda ann, *_: within(b"mixed", TEXT, attached + entity(ann).entity), PARTLY)
    yield case("B64.clear-signed-and-html", lambda ann, *_: within(b"alternative", text(ann).entity, HTML), PARTLY)

    def message(ann: Secret) -> Body:
        return Body((b"Content-Type: message/rfc822",), b"From: ann@example.org\r\n" + entity(ann).entity)

    yield case("B64.message", lambda ann, *_: within(b"mixed", TEXT, message(ann).entity), UNSIGNED)
    yield case("B64.message-alone", lambda ann, *_: message(ann), UNSIGNED)


def parts() -> Iterator[Case]:
    """B65: three parts; B66: parts swapped; B67: wrong protocol or digest name."""
    yield case("B65.third-part", lambda ann, *_: entity(ann, parts=(PART, signature_part(signed(ann).armor), TEXT)), UNSIGNED)
    yield case("B65.second-part", lambda ann, *_: entity(ann, parts=(PART, TEXT, signature_part(signed(ann).armor))), UNSIGNED)
    yield case("B66.swapped", lambda ann, *_: entity(ann, parts=(signature_part(signed(ann).armor), PART)), UNSIGNED)
    yield case("B67.protocol", lambda ann, *_: entity(ann, protocol=b"protocol=text/plain"), PARTLY)
    yield case("B67.no-protocol", lambda ann, *_: entity(ann, protocol=b""), PARTLY)
    yield case("B67.smime-protocol", lambda ann, *_: entity(ann, protocol=b'protocol="application/pkcs7-signature"'), PARTLY)
    yield case("B67.micalg", lambda ann, *_: entity(ann, micalg=b"micalg=pgp-md5"), strong(PART))
    yield case("B67.no-micalg", lambda ann, *_: entity(ann, micalg=b""), strong(PART))


def spoofed_status() -> Iterator[Case]:
    """B68: lines as gpg writes them, in a file name, a notation, a user id, and beside what is encrypted."""

    def lines(ann: Secret) -> bytes:
        key, at = ann.fingerprint.hex().upper(), int(SIGNED.timestamp())
        said = f"GOODSIG {key[-16:]} Ann", f"VALIDSIG {key} 2026-11-02 {at} 0 4 0 22 8 00 {key}", "TRUST_ULTIMATE 0 pgp"
        return "\n[GNUPG:] ".join(["", *said, ""]).encode()

    def message(ann: Secret) -> bytes:
        signature = ann.sign(PART, SIGNED)
        return one_pass(signature, ann.key_id) + literal(PART, lines(ann)[:250]) + signature

    unknown, altered = refused("unknown-key"), refused("altered")
    yield case(
        "B68.notation", lambda ann, _, mallory: mime(signed(mallory, hashed=notation(b"x@example.org", lines(ann))), B), unknown
    )
    yield case("B68.user-id", lambda ann, _, mallory: mime(signed(mallory, hashed=subpacket(28, lines(ann))), B), unknown)
    yield case("B68.policy", lambda ann, _, mallory: mime(signed(mallory, hashed=subpacket(26, lines(ann))), B), unknown)
    yield case(
        "B68.own-notation", lambda ann, *_: mime(signed(ann, hashed=notation(b"x@example.org", lines(ann))), B), strong(PART)
    )
    yield case("B68.file-name", lambda ann, *_: with_signature(message(ann)), altered)
    yield case("B68.file-name-in-the-text", lambda ann, *_: plain(crlf(armored(message(ann), "MESSAGE"))), UNSIGNED)
    encrypted = packet(1, b"\3" + bytes(40)) + packet(18, b"\1" + bytes(400))
    yield case("B68.encrypted", lambda ann, *_: with_signature(encrypted + message(ann)), altered)


def several() -> Iterator[Case]:
    """B69: several signatures: good eve and bad manager, and the other way round."""

    def both(one: Signed, other: Signed) -> Body:
        return with_signature(one.signature + other.signature)

    many, bad = refused("several"), b"something else"
    yield case("B69.good-and-good", lambda ann, bob, _: both(signed(ann), signed(bob)), many)
    yield case("B69.good-and-the-same", lambda ann, *_: both(signed(ann), signed(ann)), many)
    yield case("B69.good-bob-bad-ann", lambda ann, bob, _: both(signed(bob), signed(ann, bad)), many)
    yield case("B69.bad-ann-good-bob", lambda ann, bob, _: both(signed(ann, bad), signed(bob)), many)
    yield case("B69.good-ann-bad-bob", lambda ann, bob, _: both(signed(ann), signed(bob, bad)), many)
    yield case("B69.good-ann-unknown-mallory", lambda ann, _, mallory: both(signed(ann), signed(mallory)), many)
    two_parts = refused("several", "part")
    yield case("B69.two-signed-parts", lambda ann, bob, _: within(b"mixed", entity(bob).entity, entity(ann).entity), two_parts)


def names_of_keys() -> Iterator[Case]:
    """B70: a key id that is not the key's, the fingerprint of another key, a subkey that nobody has bound."""

    def claiming(mallory: Secret, hashed: bytes, unhashed: bytes) -> Body:
        return mime(signed(mallory, named=False, hashed=hashed, unhashed=unhashed), B)

    altered, unknown = refused("altered"), refused("unknown-key")
    yield case("B70.long-key-id", lambda ann, _, mallory: claiming(mallory, b"", subpacket(16, ann.key_id)), altered)
    yield case(
        "B70.short-key-id",
        lambda ann, _, mallory: claiming(mallory, b"", subpacket(16, mallory.key_id[:4] + ann.key_id[4:])),
        unknown,
    )
    yield case(
        "B70.fingerprint", lambda ann, _, mallory: claiming(mallory, subpacket(33, b"\4" + ann.fingerprint), b""), altered
    )
    yield case("B70.subkey-of-nobody", lambda *_: mime(signed(Secret.make(SIGNED - timedelta(days=9))), B), unknown)
    yield case("B70.no-name", lambda ann, _, mallory: claiming(mallory, b"", b""), unknown)


def lifetimes() -> Iterator[Case]:
    """B71: a signature that has expired, one that is not valid yet, a key of nobody's that has expired.

    What a user's own key that has expired, was revoked or may not sign does is shown in `tests.attacks`, family unfit-key.
    """
    yield case(
        "B71.signature-expired", lambda ann, *_: mime(signed(ann, hashed=subpacket(3, b"\0\0\0\x3c")), B), refused("expired")
    )
    yield case("B71.signed-tomorrow", lambda ann, *_: entity(ann), refused("too-new"), arrival=SIGNED - timedelta(days=1))
    yield case("B71.signed-in-ten-minutes", lambda ann, *_: entity(ann), strong(PART), arrival=SIGNED - timedelta(minutes=10))
    yield case("B71.before-its-key", lambda ann, *_: mime(signed(ann, at=SIGNED - timedelta(days=1000)), B), refused("altered"))


def owners() -> Iterator[Case]:
    """B72: the right key of another user, the right user id on another's key, two keys with the same user id."""
    yield case("B72.another-user", lambda _, bob, __: entity(bob), FOREIGN)
    yield case("B72.another-user-clear-signed", lambda _, bob, __: text(bob), FOREIGN)
    claimed = subpacket(28, b"Ann <ann@example.org>")
    yield case(
        "B72.claims-the-user-id", lambda _, __, mallory: mime(signed(mallory, hashed=claimed), B), refused("unknown-key")
    )
    yield Case("B72.same-user-id", _by_a_namesake, refused("unknown-key"))


def _by_a_namesake(people: People) -> bytes:
    """Signed with a key that bears Ann's name, and that nobody has registered."""
    with SigningKey.generate(f"Ann <{ANN}>", at=ARRIVAL - timedelta(days=365)) as namesake:
        body = mime(signed(Secret.all_of(namesake)[0]), B)
    return f"From: {ANN}\r\nTo: notes@example.net\r\n".encode() + body.entity


def weak_digests() -> Iterator[Case]:
    """B73: digests for which two texts can be made that share one."""
    for digest in ("md5", "sha1", "ripemd160"):
        make = {form: (lambda ann, *_, form=form, digest=digest: form(ann, digest)) for form in (_mime_with, _text_with)}
        yield case(f"B73.{digest}", make[_mime_with], refused("weak-digest"))
        yield case(f"B73.{digest}-clear-signed", make[_text_with], refused("weak-digest"))
    for digest in ("sha224", "sha384", "sha512"):
        yield case(f"B73.{digest}", lambda ann, *_, digest=digest: _mime_with(ann, digest), strong(PART))


def _mime_with(key: Secret, digest: str) -> Body:
    return mime(signed(key, digest=digest), B)


def _text_with(key: Secret, digest: str) -> Body:
    return plain(block(signed(key, CLEAR, clear=True, digest=digest)))


def keys_in_mail() -> Iterator[Case]:
    """B74: a key that comes with the mail is imported by nobody, nor is one fetched."""
    unknown = refused("unknown-key")
    keydata = base64.b64encode(bytes(60))
    autocrypt = b"Autocrypt: addr=ann@example.org; prefer-encrypt=mutual; keydata=" + keydata
    yield case("B74.autocrypt", lambda _, __, mallory: entity(mallory), unknown, autocrypt)

    def with_key(_: Secret, __: Secret, mallory: Secret) -> Body:
        key = b"Content-Type: application/pgp-keys\r\n\r\n" + crlf(armored(mallory.packet(), "PUBLIC KEY BLOCK"))
        return mime(signed(mallory, within(b"mixed", PART, key).entity), B)

    yield case("B74.attached-key", with_key, unknown)
    yield case(
        "B74.key-beside-the-signature",
        lambda _, __, mallory: with_signature(mallory.packet() + mallory.sign(PART, SIGNED)),
        refused("altered"),
    )
    server = subpacket(24, b"hkp://127.0.0.1:9/key")
    yield case("B74.key-server", lambda _, __, mallory: mime(signed(mallory, hashed=server), B), unknown)
    yield case(
        "B74.where-a-key-is", lambda _, __, mallory: entity(mallory), unknown, b"OpenPGP: url=http://127.0.0.1:9/key.asc"
    )


def replays() -> Iterator[Case]:
    """B75: the same mail later, to another recipient, with another header: what one mail alone can show."""
    hour = timedelta(hours=1)
    yield case(
        "B75.two-days-later", lambda ann, *_: entity(ann), refused("too-old"), arrival=SIGNED + 48 * hour + timedelta(seconds=1)
    )
    yield case("B75.within-two-days", lambda ann, *_: entity(ann), strong(PART), arrival=SIGNED + 48 * hour)
    yield case("B75.another-recipient", lambda ann, *_: entity(ann), strong(PART), b"Delivered-To: payments@example.net")
    attached = PART.replace(b"text/plain; charset=utf-8", b"multipart/mixed; boundary=in").replace(
        b"Hello", b"--in\r\n\r\nHello\r\n--in--"
    )
    yield case("B75.pgp-mime-as-clear-signed", lambda ann, *_: plain(block(signed(ann, attached))), PARTLY)
    hidden = b"Not: what follows\r\n\r\nPay eve."
    yield case("B75.clear-signed-as-pgp-mime", lambda ann, *_: mime(signed(ann, hidden, clear=True), B), PARTLY)
    yield case(
        "B75.clear-signed-in-another-charset",
        lambda ann, *_: plain(text(ann).body, charset=b"utf-16"),
        UNSIGNED | {"authentication.signed": "part"},
    )


def nested() -> Iterator[Case]:
    """B76: encrypted, encrypted and signed, nested 1,000 layers, a compressed bomb."""
    encrypted = packet(1, b"\3" + bytes(40)) + packet(18, b"\1" + bytes(4000))
    pgp = crlf(armored(encrypted, "MESSAGE"))
    both = (
        b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
        b"Content-Type: application/octet-stream\r\n\r\n" + pgp,
    )
    protocol = b'encrypted; protocol="application/pgp-encrypted"'
    yield case("B76.encrypted", lambda *_: within(protocol, *both), UNSIGNED)
    yield case("B76.encrypted-in-the-text", lambda *_: plain(pgp), UNSIGNED)
    inner = within(protocol, *both).entity
    yield case("B76.encrypted-and-signed", lambda ann, *_: mime(signed(ann, inner), B), strong(inner))
    yield case("B76.signed-within-encrypted", lambda ann, *_: within(protocol, both[0], entity(ann).entity), PARTLY)
    altered = refused("altered")
    yield case("B76.layers", lambda ann, *_: with_signature(compressed(ann.sign(PART, SIGNED), 1000)), altered)
    yield case("B76.bomb", lambda ann, *_: with_signature(compressed(literal(bytes(10_000_000)))), altered)
    yield case(
        "B76.bomb-beside", lambda ann, *_: with_signature(ann.sign(PART, SIGNED) + compressed(literal(bytes(10**6)))), altered
    )
    yield case("B76.large-signature", lambda ann, *_: with_signature(ann.sign(PART, SIGNED) * 700), refused("altered", "part"))


def changed() -> Iterator[Case]:
    """B77: changed on the way, by a list or by whitespace."""

    def with_content(content: bytes, original: bytes = PART) -> Make:
        return lambda ann, *_: mime(replace(signed(ann, original), content=content), B)

    altered = refused("altered")
    yield case("B77.footer", with_content(PART + b"_____\r\nThe list\r\n"), altered)
    yield case("B77.letter", with_content(PART.replace(b"Hello", b"Hallo")), altered)
    yield case("B77.inner-blanks", with_content(PART.replace(b"Hello", b"Hel lo")), altered)
    yield case("B77.charset", with_content(PART.replace(b"utf-8", b"utf-7")), altered)
    yield case("B77.blanks-lost", with_content(PART, PART.replace(b"Hello", b"-- ")), altered)
    yield case("B77.blanks-added", with_content(PART.replace(b"Hello\r\n", b"Hello \t\r\n")), strong(PART))

    def clear_with(old: bytes, new: bytes) -> Make:
        return lambda ann, *_: plain(block(signed(ann, CLEAR, clear=True)).replace(old, new, 1))

    yield case("B77.clear-signed-letter", clear_with(b"Hello", b"Hallo"), altered)
    yield case("B77.clear-signed-blanks-added", clear_with(b"Hello\r\n", b"Hello \t\r\n"), strong(CLEAR))
    yield case("B77.footer-beside", lambda ann, *_: within(b"mixed", entity(ann).entity, b"\r\nThe list\r\n"), PARTLY)
    yield case("B77.footer-below-clear-signed", lambda ann, *_: text(ann, b"", b"_____\r\nThe list\r\n"), PARTLY)


def smime() -> Iterator[Case]:
    """B79: S/MIME is no error, and proves nothing here."""
    der = base64.encodebytes(b"\x30\x82\x01\x00" + bytes(252)).replace(b"\n", b"\r\n")
    detached = b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n\r\n' + der
    kinds = {"signature": b"application/pkcs7-signature", "x-signature": b"application/x-pkcs7-signature"}
    for name, kind in kinds.items():
        protocol = b'signed; protocol="' + kind + b'"; micalg=sha-256'
        second = detached.replace(b"application/pkcs7-signature", kind)
        yield case(f"B79.{name}", lambda *_, protocol=protocol, second=second: within(protocol, PART, second), UNSIGNED)
    for name in ("signed-data", "enveloped-data"):
        field = b'Content-Type: application/pkcs7-mime; name="smime.p7m"; smime-type=' + name.encode()
        body = Body((field, b"Content-Transfer-Encoding: base64"), der)
        yield case(f"B79.opaque-{name}", lambda *_, body=body: body, UNSIGNED)
    nobody = UNSIGNED | {"authentication.level": "none"}
    protocol = b'signed; protocol="application/pkcs7-signature"; micalg=sha-256'
    yield case("B79.of-a-stranger", lambda *_: within(protocol, PART, detached), nobody, sender="someone@example.com")
    yield case("B79.around-openpgp", lambda ann, *_: within(protocol, entity(ann).entity, detached), PARTLY)


CLASSES = (
    valid_ones,
    text_beside,
    armor_headers,
    wrapped,
    parts,
    spoofed_status,
    several,
    names_of_keys,
    lifetimes,
    owners,
    weak_digests,
    keys_in_mail,
    replays,
    nested,
    changed,
    smime,
)
