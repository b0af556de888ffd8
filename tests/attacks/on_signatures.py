"""Tricks with the signature itself, and with what it is over."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random

from tests.attacks.cast import AUTHORS, Cast
from tests.attacks.letters import Signed, evil
from tests.attacks.packets import (
    MARKER,
    SIGNATURE,
    compressed,
    literal,
    notation,
    old_packet,
    one_pass,
    packet,
    subpacket,
)
from tests.attacks.signing import TEXT, Secret, renamed
from tests.attacks.trick import OnSigned, Trick, on_signed

HOUR = timedelta(hours=1)
_ON_A_KEY = (0x10, 0x11, 0x12, 0x13, 0x16, 0x18, 0x19, 0x1F, 0x20, 0x28, 0x30)
_ON_NOTHING = (0x02, 0x03, 0x40, 0x50, 0xFF)


def _made(cast: Cast, signed: Signed, key: str | Secret, *, ago: timedelta = HOUR, **how: object) -> Signed:
    """The content with a signature by some key."""
    secret = cast.secrets[key] if isinstance(key, str) else key
    if signed.clear:
        how = {"kind": TEXT} | how
    return replace(signed, signature=secret.sign(signed.content, cast.now - ago, **how))  # type: ignore[arg-type]


def _own(**how: object) -> OnSigned:
    """The author's own signature, made in some odd way."""
    return lambda rng, cast, signed: _made(cast, signed, cast.signs_with(signed.signer), **how)


def _by(key: str, *, sender: str = "", **how: object) -> OnSigned:
    """Somebody else's signature; ``sender`` is who is then in From, unless it stays the author."""
    return lambda rng, cast, signed: replace(_made(cast, signed, key, **how), signer=sender or signed.signer)


def _with(change: Callable[[bytes], bytes]) -> OnSigned:
    """The good signature, its packets changed."""
    return lambda rng, cast, signed: replace(signed, signature=change(signed.signature))


def _beside(*keys: str, first: bool = True, **how: object) -> OnSigned:
    """The good signature, and others before or behind it; an empty name is the author's own key."""

    def play(rng: Random, cast: Cast, signed: Signed) -> Signed:
        secrets = [cast.secrets[key] if key else cast.signs_with(signed.signer) for key in keys]
        others = b"".join(_made(cast, signed, secret, **how).signature for secret in secrets)
        return replace(signed, signature=signed.signature + others if first else others + signed.signature)

    return play


def _another_author(rng: Random, cast: Cast, signed: Signed) -> Signed:
    other = rng.choice([user for user in AUTHORS if user != signed.signer])
    return _made(cast, signed, cast.signs_with(other))


def _both_authors(rng: Random, cast: Cast, signed: Signed) -> Signed:
    return replace(signed, signature=signed.signature + _another_author(rng, cast, signed).signature)


def _claiming(hashed: bool) -> OnSigned:
    """Mallory's signature that names the author's key."""

    def play(rng: Random, cast: Cast, signed: Signed) -> Signed:
        key = cast.signs_with(signed.signer)
        named = subpacket(33, b"\x04" + key.fingerprint)
        unhashed = subpacket(16, key.key_id) + (b"" if hashed else named)
        return _made(cast, signed, "mallory", named=False, hashed=named if hashed else b"", unhashed=unhashed)

    return play


def _status_lines(cast: Cast, signed: Signed) -> bytes:
    """What gpg would say of a good signature by the author, in the middle of another text (CVE-2018-12020)."""
    key = cast.secrets[signed.signer].fingerprint.hex().upper()
    at = int((cast.now - HOUR).timestamp())
    lines = (
        "",
        "[GNUPG:] NEWSIG",
        f"[GNUPG:] GOODSIG {key[-16:]} {signed.signer}",
        f"[GNUPG:] VALIDSIG {key} 2026-01-01 {at} 0 4 0 22 8 00 {key}",
        "[GNUPG:] TRUST_ULTIMATE 0 pgp",
        "",
    )
    return "\n".join(lines).encode()


def _spoofed(place: str, key: str = "mallory", ends: bytes = b"\n") -> OnSigned:
    """Status lines in something that a verifier may print."""

    def play(rng: Random, cast: Cast, signed: Signed) -> Signed:
        text = _status_lines(cast, signed).replace(b"\n", ends)
        hashed = {
            "notation": lambda: notation(b"note@example.org", text),
            "notation name": lambda: notation(text, b"x"),
            "policy": lambda: subpacket(26, b"https://example.org/" + text),
            "key server": lambda: subpacket(24, b"hkp://127.0.0.1:9/" + text),
            "user id": lambda: subpacket(28, text),
            "reason": lambda: subpacket(29, b"\0" + text),
            "many notations": lambda: notation(b"a@example.org", text[:60]) * 40,
        }[place]()
        secret = cast.secrets[key] if key else cast.signs_with(signed.signer)
        return _made(cast, signed, secret, hashed=hashed)

    return play


def _in_a_message(name: bytes = b"", layers: int = 0, kept: bool = False) -> OnSigned:
    """``gpg --sign``: one-pass signature, literal text, signature, compressed or not, in place of the detached signature."""

    def play(rng: Random, cast: Cast, signed: Signed) -> Signed:
        inner = literal(signed.content if kept else evil(rng), name or _status_lines(cast, signed)[:200])
        key = cast.signs_with(signed.signer).key_id
        return replace(signed, signature=compressed(one_pass(signed.signature, key) + inner + signed.signature, layers))

    return play


def _changed(change: Callable[[Random, bytes], bytes]) -> OnSigned:
    """The signed content, changed afterwards."""
    return lambda rng, cast, signed: replace(signed, content=change(rng, signed.content))


def _one_letter(rng: Random, content: bytes) -> bytes:
    at = rng.choice([at for at, octet in enumerate(content) if chr(octet).isalnum()])
    other = rng.choice([letter for letter in b"abcXYZ019" if letter != content[at]])
    return content[:at] + bytes([other]) + content[at + 1 :]


def _flipped_anywhere(rng: Random, cast: Cast, signed: Signed) -> Signed:
    data = bytearray(signed.signature)
    data[rng.randrange(6, len(data))] ^= 1 << rng.randrange(8)
    return replace(signed, signature=bytes(data))


def _odd_subpackets(area: str) -> OnSigned:
    """The author's signature with a subpacket of any kind and any content; the area that is not signed is anybody's."""

    def play(rng: Random, cast: Cast, signed: Signed) -> Signed:
        odd = subpacket(rng.randrange(256), rng.randbytes(rng.choice([0, 1, 4, 8, 9, 20, 21, 40])))
        return _made(cast, signed, cast.signs_with(signed.signer), **{area: odd})

    return play


def _flipped(rng: Random, cast: Cast, signed: Signed) -> Signed:
    data = bytearray(signed.signature)
    data[rng.randrange(len(data) - 60, len(data))] ^= 1 << rng.randrange(8)
    return replace(signed, signature=bytes(data))


def _partial(signature: bytes) -> bytes:
    """The packet in pieces, which only bulk data may have (RFC 9580 section 4.2.1.4)."""
    body = signature[6:]
    return bytes([0xC0 | SIGNATURE, 0xE0 | 5]) + body[:32] + bytes([len(body) - 32 if len(body) < 224 else 0]) + body[32:]


def _renamed(rng: Random, cast: Cast, signed: Signed) -> Signed:
    key = renamed(cast.signs_with(signed.signer), cast.now - timedelta(days=rng.randrange(1, 300)))
    return _made(cast, signed, key)


def _third_party(rng: Random, cast: Cast, signed: Signed) -> Signed:
    confirmed = cast.secrets["mallory"].sign(b"\x88" + signed.signature, cast.now - HOUR, kind=0x50)
    return replace(signed, signature=confirmed)


@cache
def _bomb() -> bytes:
    return compressed(literal(bytes(20_000_000)))


_CRITICAL = subpacket(0x80 | 100, b"x")

TRICKS: tuple[Trick, ...] = (
    *on_signed(
        "wrong-key",
        True,
        mallory_with_the_authors_name=_by("mallory"),
        another_author=_another_author,
        another_user_with_the_authors_name=_by("tom"),
        the_same_secret_in_another_key=_renamed,
        mallory_claims_the_authors_key_hashed=_claiming(True),
        mallory_claims_the_authors_key_unhashed=_claiming(False),
        no_issuer_at_all=_by("mallory", named=False, unhashed=b""),
        another_users_subkey=_by("other"),
    ),
    *on_signed(
        "unfit-key",
        True,
        expired=_by("dan", sender="dan"),
        revoked=_by("rita", sender="rita"),
        not_for_signing=_by("nora", sender="nora"),
        not_yet_valid=_by("zoe", sender="zoe"),
        not_yet_valid_but_signed_later=_by("zoe", sender="zoe", ago=-timedelta(days=31)),
        expired_but_signed_before=_by("dan", sender="dan", ago=timedelta(days=364, hours=12)),
        revoked_but_signed_before=_by("rita", sender="rita", ago=timedelta(days=364, hours=12)),
        subkey_expired=_by("late", sender="sid"),
        subkey_revoked=_by("gone", sender="sid"),
        subkey_not_for_signing=_by("other", sender="sid"),
        subkey_without_back_signature=_by("carol.subkey", sender="eve"),
        subkey_with_a_wrong_back_signature=_by("ann", sender="eve"),
        inactive_user=_by("ivy", sender="ivy"),
    ),
    *(trick for kind in (*_ON_A_KEY, *_ON_NOTHING) for trick in on_signed("class", True, **{f"0x{kind:02x}": _own(kind=kind)})),
    *on_signed("class", True, third_party_confirmation=_third_party),
    *(
        trick
        for digest in ("md5", "sha1", "ripemd160")
        for trick in on_signed("weak-digest", True, **{digest: _own(digest=digest)})
    ),
    *on_signed(
        "time",
        True,
        expired=_own(hashed=subpacket(3, struct.pack(">I", 60))),
        too_old=_own(ago=timedelta(hours=49)),
        much_too_old=_own(ago=timedelta(days=200)),
        too_new=_own(ago=-timedelta(minutes=30)),
        before_its_key=_own(ago=timedelta(days=3000)),
        none=_own(dated=False),
        none_that_is_signed=_own(dated=False, unhashed=subpacket(2, struct.pack(">I", 1_790_000_000))),
    ),
    *on_signed(
        "several",
        True,
        good_and_good=_beside("", digest="sha512"),
        good_and_the_same=_with(lambda signature: signature * 2),
        good_and_mallory=_beside("mallory"),
        mallory_and_good=_beside("mallory", first=False),
        good_and_weak_digest=_beside("", digest="sha1"),
        weak_digest_and_good=_beside("", digest="sha1", first=False),
        good_and_expired=_beside("", hashed=subpacket(3, struct.pack(">I", 60))),
        good_and_certification=_beside("", kind=0x13),
        good_and_revoked_key=_beside("rita"),
        two_authors=_both_authors,
        ten=_beside(*["mallory"] * 9),
    ),
    *on_signed(
        "packets",
        True,
        message=_in_a_message(b"text"),
        message_of_the_content=_in_a_message(b"text", kept=True),
        message_compressed=_in_a_message(b"text", layers=1),
        message_with_status_lines_as_file_name=_in_a_message(),
        compressed=_with(compressed),
        compressed_a_thousand_times=_with(lambda signature: compressed(signature, 1000)),
        compressed_bomb=_with(lambda signature: _bomb() + signature),
        text_beside=lambda rng, cast, signed: replace(signed, signature=literal(evil(rng)) + signed.signature),
        text_behind=lambda rng, cast, signed: replace(signed, signature=signed.signature + literal(evil(rng))),
        a_key_beside=lambda rng, cast, signed: replace(
            signed, signature=cast.secrets["mallory"].packet() + _by("mallory")(rng, cast, signed).signature
        ),
        encrypted=_with(lambda signature: packet(1, b"\3" + bytes(40)) + packet(18, b"\1" + bytes(400))),
        of_an_unknown_kind=_with(lambda signature: signature + packet(60, b"x")),
        padding=_with(lambda signature: signature + packet(21, b"x" * 40)),
        in_pieces=_with(_partial),
        of_a_false_length=_with(lambda signature: signature[:2] + b"\xff\xff\xff\xf0" + signature[6:]),
        of_indeterminate_length=_with(lambda signature: bytes([0x80 | SIGNATURE << 2 | 3]) + signature[6:]),
        none=_with(lambda signature: b""),
        only_a_marker=_with(lambda signature: packet(MARKER, b"PGP")),
        cut=_with(lambda signature: signature[:-20]),
        garbage=lambda rng, cast, signed: replace(signed, signature=rng.randbytes(200)),
        a_flipped_bit=_flipped,
        version_5=_with(lambda signature: packet(SIGNATURE, b"\5" + signature[7:])),
        version_6=_with(lambda signature: packet(SIGNATURE, b"\6" + signature[7:])),
        version_200=_with(lambda signature: packet(SIGNATURE, b"\xc8" + signature[7:])),
        empty=_with(lambda signature: packet(SIGNATURE, b"")),
        a_critical_subpacket_that_nobody_knows=_own(hashed=_CRITICAL),
    ),
    *on_signed(
        "packets",
        False,
        a_marker_first=_with(lambda signature: packet(MARKER, b"PGP") + signature),
        legacy_form=_with(lambda signature: old_packet(SIGNATURE, signature[6:])),
        version_3=lambda rng, cast, signed: replace(
            signed,
            signature=cast.signs_with(signed.signer).sign_as_version_3(
                signed.content, cast.now - HOUR, kind=TEXT if signed.clear else 0
            ),
        ),
        without_issuer=_own(named=False, unhashed=b""),
        notation=_own(hashed=notation(b"note@example.org", b"x")),
        an_intended_recipient_of_no_kind=_own(unhashed=subpacket(35, b"\xff" * 21)),
        odd_unhashed_subpackets=_own(unhashed=subpacket(20, b"x") + subpacket(100, evil(Random(1)))),
        **{f"an_odd_subpacket_{number}": _odd_subpackets("unhashed") for number in range(8)},
        **{f"an_odd_subpacket_that_is_signed_{number}": _odd_subpackets("hashed") for number in range(8)},
        **{f"a_bit_flipped_anywhere_{number}": _flipped_anywhere for number in range(8)},
        binary_class=_own(kind=0),
        text_class=_own(kind=TEXT),
        another_digest=_own(digest="sha384"),
    ),
    *on_signed(
        "spoofed-status",
        True,
        notation=_spoofed("notation"),
        notation_with_cr=_spoofed("notation", ends=b"\r"),
        notation_with_crlf=_spoofed("notation", ends=b"\r\n"),
        notation_with_nel=_spoofed("notation", ends=b"\x85"),
        notation_with_line_separator=_spoofed("notation", ends="\u2028".encode()),
        notation_name=_spoofed("notation name"),
        policy=_spoofed("policy"),
        key_server=_spoofed("key server"),
        user_id=_spoofed("user id"),
        reason=_spoofed("reason"),
        many_notations=_spoofed("many notations"),
    ),
    *on_signed("spoofed-status", False, own_notation=_spoofed("notation", ""), own_user_id=_spoofed("user id", "")),
    *on_signed(
        "altered",
        True,
        one_letter=_changed(_one_letter),
        a_line_behind=_changed(lambda rng, content: content + b"\r\n" + evil(rng)),
        a_line_before=_changed(lambda rng, content: evil(rng) + content),
        its_end_cut=_changed(lambda rng, content: content[:-3]),
        an_empty_line=_changed(lambda rng, content: content + b"\r\n\r\nx"),
        another_text=_changed(lambda rng, content: b"Content-Type: text/plain\r\n\r\n" + evil(rng)),
        a_zero=_changed(lambda rng, content: content + b"\0"),
        a_zero_width_space=_changed(lambda rng, content: content + "\u200b".encode()),
        a_form_feed=_changed(lambda rng, content: content + b"\x0c"),
        a_bare_cr=_changed(lambda rng, content: content.rstrip(b"\r\n") + b"\rx"),
    ),
    *on_signed(
        "altered",
        False,
        trailing_blanks=_changed(lambda rng, content: content.replace(b"\r\n", b" \t\r\n")),
        trailing_blanks_removed=_changed(lambda rng, content: content.replace(b" \r\n", b"\r\n")),
        unicode_line_ends=_changed(lambda rng, content: content.replace(b"\r\n", "\u2028".encode())),
        form_feeds=_changed(lambda rng, content: content.replace(b"\r\n", b"\x0c\r\n")),
        bare_cr=_changed(lambda rng, content: content.replace(b"\r\n", b"\r")),
        doubled_cr=_changed(lambda rng, content: content.replace(b"\r\n", b"\r\r\n")),
        upper_case_fields=_changed(lambda rng, content: content.replace(b"Content-Type", b"CONTENT-TYPE")),
        another_charset=_changed(lambda rng, content: content.replace(b"koi8-r", b"cp1251").replace(b"utf-8", b"cp1252")),
        another_encoding=_changed(lambda rng, content: content.replace(b"quoted-printable", b"7bit")),
    ),
)
