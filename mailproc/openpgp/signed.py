"""Which part of a mail is signed, cut from its raw bytes: PGP/MIME (RFC 3156) or clear-signed text (RFC 9580 section 7).

What comes out is plain data and one signature: verifiers get neither armor nor the clear-signed form to parse, whose corners
(text before the block, foreign packets in the armor, odd headers) have let unsigned text pass as signed before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mailproc.openpgp import SignedPart, packets
from mailproc.openpgp.armor import HEADERS, Block, blocks, crlf_ends, find_line, has_long_line, lf_ends
from mailproc.openpgp.entities import MAX_DEPTH, Entity, Multipart, first_leaf, split
from mailproc.reading.charsets import decode_text

_PGP_SIGNATURE = "application/pgp-signature"
_LARGEST_SIGNATURE = 64 * 1024  # an honest one has less than 2 KiB
_AT_ONCE = 64 * 1024
_NAMED = b"pgp-signature"  # what no PGP/MIME is without: around the slash of a media type comments may stand
_LONGEST_LINE = 16 * 1024  # GnuPG leaves what stands far to the right in a clear-signed text out of account
_MOST_HEADERS = 4 * 1024  # octets of armor headers; an honest text has "Hash: SHA512"
_FOR_OLD_READERS = re.compile(
    rb"(This is an OpenPGP/MIME signed message( \(RFC \d{4}( and \d{4})?\))?\.?"
    rb"|This is a multi-?part message in MIME format\.*"
    rb"|This message is in MIME format and has been PGP signed\."
    rb"|This is a MIME GnuPG-signed message\. +If you see this text, it means that"
    rb"\s+your E-mail or Usenet software does not support MIME signed messages\."
    rb"(\s+The Internet standard for MIME PGP messages, RFC 2015, was published in 1996\."
    rb"\s+To open this message correctly you will need to install E-mail or Usenet"
    rb"\s+software that supports modern Internet standards\.)?"
    rb"|This is a MIME-formatted message\. +If you see this text it means that your"
    rb"\s+E-mail software does not support MIME-formatted messages\.)?",
    re.IGNORECASE,
)
_HASH_ONLY = re.compile(rb"(?:Hash: *[A-Za-z0-9/-]+(?: *, *[A-Za-z0-9/-]+)* *\n)*")


def find_signed_part(raw: bytes) -> SignedPart | None:
    """The signed part of a mail, or None for a mail that is not signed with OpenPGP; never raises."""
    mail = Entity(raw, 0, len(raw))
    return _pgp_mime(mail) or _clear_signed(mail)


def without_trailing_blanks(part: SignedPart) -> SignedPart | None:
    """The same part with the blanks at the ends of its lines removed; None where there are none.

    RFC 3156 section 5 signs PGP/MIME as it is, so that is tried first. Old programs sign as for a clear-signed text and leave
    trailing blanks out of account, which MTAs and mail programs used to add and to remove.
    """
    stripped = crlf_ends(_unpadded(lf_ends(part.content)))
    if stripped == part.content:
        return None
    return replace(part, content=stripped, whole=part.whole and (part.is_text or _hides_no_text(stripped)))


def _pgp_mime(mail: Entity) -> SignedPart | None:
    found = list(_signed_entities(mail)) if _names_a_signature(mail.mail) else []
    if not found:
        return None
    entity, pieces = found[0]
    armor = lf_ends(pieces.parts[1].decoded())
    signature, number, issuers = _read_signature(armor)
    content = crlf_ends(pieces.parts[0].raw)
    return SignedPart(
        content=content,
        signature=signature,
        signatures=number if len(found) == 1 else max(number, len(found)),
        whole=entity is mail and _nothing_outside(entity, pieces) and _is_one_block(armor) and _hides_no_text(content),
        issuers=issuers,
    )


def _names_a_signature(raw: bytes) -> bool:
    """Whether the name of the media type, in any case, is anywhere; piece by piece, for the whole is large to copy."""
    pieces = (raw[at : at + _AT_ONCE + len(_NAMED)].lower() for at in range(0, len(raw), _AT_ONCE))
    return any(_NAMED in piece for piece in pieces)


def _signed_entities(entity: Entity, depth: int = 0) -> Iterator[tuple[Entity, Multipart]]:
    """The outermost signed parts; an attached mail (message/rfc822) is somebody else's word and is not looked into."""
    pieces = split(entity) if depth < MAX_DEPTH else None
    if pieces is None:
        return
    if _is_pgp_mime(entity, pieces):
        yield entity, pieces
        return
    for part in pieces.parts:
        yield from _signed_entities(part, depth + 1)


def _is_pgp_mime(entity: Entity, pieces: Multipart) -> bool:
    """Two parts, the second a signature; also S/MIME is multipart/signed, and is not ours to judge."""
    return entity.type == "multipart/signed" and len(pieces.parts) == 2 and pieces.parts[1].type == _PGP_SIGNATURE


def _nothing_outside(entity: Entity, pieces: Multipart) -> bool:
    """Whether no reader may show anything beside the signed part, and all readers find the same part."""
    return (
        entity.unambiguous
        and entity.unencoded
        and entity.parameter("protocol").lower() == _PGP_SIGNATURE
        and pieces.parts[1].unambiguous  # a line that is no field ends the header for some, who show the rest as a text
        and pieces.closed
        and not pieces.epilogue.strip()
        and _FOR_OLD_READERS.fullmatch(pieces.preamble.strip()) is not None
    )


def _hides_no_text(content: bytes) -> bool:
    """Whether the header of a MIME entity says what follows, or is no header at all.

    The same signature would do for a clear-signed text, whose first lines would be read as a header, or as the line that
    an mbox puts above a mail, and not be shown.
    """
    entity = Entity(content, 0, len(content))
    return not content.startswith(b"From ") and (not entity.header.fields or _is_described(entity))


def _is_described(entity: Entity) -> bool:
    return entity.header_is_sound and any(name.lower().startswith("content-") for name, _ in entity.header.fields)


def _is_one_block(armor: bytes) -> bool:
    found = blocks(armor, b"SIGNATURE") if len(armor) <= _LARGEST_SIGNATURE else []
    return len(found) == 1 and not (armor[: found[0].start] + armor[found[0].end :]).strip()


def _read_signature(armor: bytes) -> tuple[bytes, int, tuple[str, ...]]:
    """The signature packets in armored text, their number, and whom they name; 0 of them where anything else is among them."""
    if len(armor) > _LARGEST_SIGNATURE:
        return b"", 0, ()
    data = [block.data() for block in blocks(armor, b"SIGNATURE")]
    read = [packets.read_packets(each) if each is not None else None for each in data]
    found = [packet for each in read if each is not None for packet in each if packet.kind != packets.MARKER]
    if None in read or any(packet.kind != packets.SIGNATURE for packet in found):
        return b"", 0, ()
    return b"".join(packet.raw for packet in found), len(found), packets.issuers(found)


def _clear_signed(mail: Entity) -> SignedPart | None:
    leaf = first_leaf(mail)
    if leaf.type != "text/plain":
        return None
    text = lf_ends(leaf.decoded())
    begin = find_line(text, b"BEGIN", b"SIGNED MESSAGE")
    armor = _armor_behind(text, begin.end) if begin else None
    if begin is None or armor is None:
        return None
    signature, number, issuers = _read_signature(text[armor.start : armor.end])
    headers, content = _clear_text(text[begin.end + 1 : armor.start])
    outside = text[: begin.start] + text[armor.end :]
    return SignedPart(
        content=crlf_ends(content),
        signature=signature,
        signatures=number + (find_line(text, b"BEGIN", b"SIGNED MESSAGE", begin.end) is not None),
        whole=leaf is mail
        and leaf.unambiguous
        and leaf.encoded_soundly
        and not outside.strip()
        and _is_plain(headers, content)
        and _has_one_meaning(content, leaf.parameter("charset")),
        issuers=issuers,
        is_text=True,
        charset=leaf.parameter("charset") or None,
    )


def _armor_behind(text: bytes, start: int) -> Block | None:
    begin = find_line(text, b"BEGIN", b"SIGNATURE", start)
    end = find_line(text, b"END", b"SIGNATURE", begin.end) if begin else None
    return Block(begin.start, end.end, text[begin.end : end.start]) if begin and end else None


def _clear_text(framed: bytes) -> tuple[bytes, bytes]:
    """The armor headers and the signed text of what stands between the first line and the signature (section 7.1)."""
    headers = HEADERS.match(framed, 0, _MOST_HEADERS)
    end = headers.end() if headers else 0
    text = framed[end:].removesuffix(b"\n")  # the line end before the signature is not signed
    blank, _, signed = text.partition(b"\n")
    if blank.strip(b" \t"):
        return framed[:end] + blank, text
    unescaped = (b"\n" + signed).replace(b"\n- ", b"\n")[1:]
    return framed[:end], _unpadded(unescaped)


def _unpadded(text: bytes) -> bytes:
    """``text``, LF ends, without blanks at the ends of its lines; piece by piece, for a list of all lines may not fit."""
    pieces, at = [], 0
    while at <= len(text):
        end = text.find(b"\n", at + _AT_ONCE)
        end = len(text) if end < 0 else end
        piece = text[at:end]
        padded = b" \n" in piece or b"\t\n" in piece or piece.endswith((b" ", b"\t"))
        pieces.append(b"\n".join([line.rstrip(b" \t") for line in piece.split(b"\n")]) if padded else piece)
        at = end + 1
    return b"\n".join(pieces)


def _is_plain(headers: bytes, content: bytes) -> bool:
    """Whether the block has no corner where text could hide: no header but Hash, no very long line."""
    return _HASH_ONLY.fullmatch(headers) is not None and not has_long_line(content, _LONGEST_LINE)


def _has_one_meaning(content: bytes, charset: str) -> bool:
    """Whether nothing but what is signed says how to read the text.

    The charset in the header of the mail is not signed; OpenPGP's text is UTF-8 (RFC 9580 section 6.2.2.4). And a MIME entity
    that was signed for PGP/MIME is not a text: its attachments are somebody else's words.
    """
    try:
        same = decode_text(content, charset) == content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return same and not _is_described(Entity(content, 0, len(content)))
