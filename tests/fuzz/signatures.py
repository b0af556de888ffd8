"""The signed part of any bytes, and whom it proves: strong is what was signed, all of it, and nothing beside it."""

from __future__ import annotations

import atexit
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from functools import cache

from mailproc import Outcome, Trust
from mailproc.directory import RegisteredKey, User
from mailproc.handler import Traits
from mailproc.inspection import Inspector
from mailproc.openpgp import SignedPart
from mailproc.openpgp.armor import lf_ends
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.entities import Entity, first_leaf
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.signed import find_signed_part, without_trailing_blanks
from mailproc.pipeline import Binding, Site
from mailproc.reading import read_message
from mailproc.registry import Registry
from mailproc.testing import SigningKey, make_mail
from mailproc.userfile import UserFile
from tests.fuzz.readers import is_one_safe_line

ANN = "ann@example.org"
ARRIVAL = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def signed_part_is_of_the_mail(raw: bytes) -> None:
    """The content stands in the mail, line for line; where it is whole, another reader sees no body beside it."""
    part = find_signed_part(raw)
    if part is None:
        return
    assert part.signatures > 0 or part.signature == b""
    if part.is_text:
        _check_lines(raw, part)
    else:
        assert lf_ends(part.content) in lf_ends(raw)
    if part.whole:
        (_check_clear if part.is_text else _check_alone)(raw, part)
    stripped = without_trailing_blanks(part)
    assert stripped is None or len(stripped.content) < len(part.content)
    message = read_message(raw, part.content, is_text=part.is_text, charset=part.charset)
    assert message.text is not None and message.defects is not None


def _check_lines(raw: bytes, part: SignedPart) -> None:
    """The lines of a clear-signed text stand in this order, one behind the other, in the first part of the mail."""
    text = lf_ends(first_leaf(Entity(raw, 0, len(raw))).decoded())
    shown = [{line.rstrip(b" \t"), line.removeprefix(b"- ").rstrip(b" \t")} for line in text.split(b"\n")]
    lines = [line.rstrip(b" \t") for line in lf_ends(part.content).split(b"\n")]
    starts = range(len(shown) - len(lines) + 1)
    assert any(all(map(set.__contains__, shown[at : at + len(lines)], lines)) for at in starts)


def _check_clear(raw: bytes, part: SignedPart) -> None:
    """Another reader, too, finds one text, and in it nothing before the block and behind it."""
    other = message_from_bytes(raw, policy=compat32)
    assert not other.is_multipart() and other.get_content_type() == "text/plain"
    text = lf_ends(other.get_payload(decode=True)).strip()
    assert text.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----") and text.endswith(b"-----END PGP SIGNATURE-----")


def _check_alone(raw: bytes, part: SignedPart) -> None:
    """Another reader, too, finds two parts, of which the second is the signature, and in the first what was signed."""
    other = message_from_bytes(raw, policy=compat32)
    assert other.get_content_type() == "multipart/signed"
    content, signature = other.get_payload()
    assert signature.get_content_type() == "application/pgp-signature"
    assert not (other.epilogue or "").strip()
    assert (other.preamble or "").strip().lower()[:7] in ("", "this is")
    assert _shown(content) == _shown(message_from_bytes(part.content, policy=compat32))


def _shown(message: Message) -> list[tuple[str, bytes]]:
    leaves = [leaf for leaf in message.walk() if not leaf.is_multipart()]
    shown = [(leaf.get_content_type(), lf_ends(leaf.get_payload(decode=True) or b"").rstrip(b"\n")) for leaf in leaves]
    return [(kind, text) for kind, text in shown if text]


@dataclass(frozen=True)
class Ann:
    """The one who signs: her mails, the digests of what she signed in them, and an inspector that knows her key."""

    mails: tuple[bytes, ...]
    digests: frozenset[str]
    inspector: Inspector


@cache
def ann() -> Ann:
    """Ann, with a real key, made once."""
    key = SigningKey.generate(f"Ann <{ANN}>", at=ARRIVAL - timedelta(days=365))
    atexit.register(key.close)
    how = {"to": "desk@desk.example.org", "sender": ANN, "key": key, "at": ARRIVAL - timedelta(hours=1)}
    mails = (
        make_mail(text="Turn left.\nThen go on.\n", **how),
        make_mail(text="Turn left. \n- dash\n", inline=True, **how),
        make_mail(text="Grüße\n", attachments=[("a.txt", b"file\n")], **how),
    )
    parts = [part for mail in mails if (part := find_signed_part(mail))]
    known = [content for part in parts for content in (part, without_trailing_blanks(part)) if content]
    digests = frozenset(hashlib.sha256(part.content).hexdigest() for part in known)
    return Ann(mails, digests, _inspector(key))


def _inspector(key: SigningKey) -> Inspector:
    certificates = read_certificates(key.certificate)
    keys = [RegisteredKey(each.fingerprint, ANN, each.data) for each in certificates]
    names = {name: keys for each in certificates for name in each.names}
    registry: Registry[Binding] = Registry()
    registry.add("*", Binding("desk", lambda delivery: Outcome("handled"), Traits(Trust.NONE), drop=()))  # type: ignore[arg-type]
    directory = UserFile({ANN: User(ANN)}, {ANN: keys}, names)
    return Inspector(
        Site(registry, directory, GnupgVerifier(), "robot.example.org", 25_000_000), ("Delivered-To",), routing=False
    )


def only_signed_bytes_are_strong(raw: bytes) -> None:
    """The record is one ASCII line; it says strong only of what Ann has signed, digest for digest, and only of her mail."""
    record = ann().inspector.mail("mail", raw, len(raw), hashlib.sha256(raw).hexdigest(), ARRIVAL)
    line = json.dumps(record)
    assert line.isascii() and "\n" not in line
    assert record["error"] is None, record["error"]
    found = record["authentication"]
    assert is_one_safe_line(record["reason"]) and is_one_safe_line(found["reason"])
    assert found["signed"] in ("whole", "part", "none") and found["level"] in ("none", "weak", "strong")
    if record["sender"] is None or record["sender"].lower() != ANN:
        assert found["level"] == "none"
    if found["level"] == "strong":
        assert found["signed"] == "whole" and found["method"] == "openpgp"
        assert found["content_sha256"] in ann().digests
        signed_part_is_of_the_mail(raw)
