"""Valid signed mail, as its programs write it and as it arrives: each must be strong, and show exactly what was signed."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import pysequoia

from mailproc.openpgp.armor import blocks
from mailproc.testing import SigningKey
from tests.attacks.cast import AUTHORS, Cast
from tests.attacks.contents import TEXTS, contents
from tests.attacks.letters import Shown, Signed, address_of, crlf
from tests.attacks.packets import armored, checksum
from tests.attacks.programs import PROGRAMS, Program
from tests.attacks.signing import TEXT

SEED = 20261122
OF_EACH_PROGRAM = 36
CLEAR_SIGNED = 400
DIGESTS = ("sha256", "sha384", "sha512")


@dataclass(frozen=True)
class Valid:
    """A valid mail, after whom it is written, and what was signed."""

    program: str
    raw: bytes
    signed: Signed


@dataclass(frozen=True)
class Block:
    """A clear-signed text as a program wrote it, LF ends, and what is signed in it."""

    text: bytes
    signed: Signed


def valid_mails(cast: Cast) -> list[Valid]:
    """All of them; those of one seed and one cast are the same mails in the same order."""
    rng = Random(SEED)
    signed = _signed(cast)
    written = [_pgp_mime(rng, program, rng.choice(signed)) for program in PROGRAMS for _ in range(OF_EACH_PROGRAM)]
    texts = _blocks(cast)
    return written + [_clear_signed(rng, rng.choice(texts)) for _ in range(CLEAR_SIGNED)]


def _signed(cast: Cast) -> list[Signed]:
    """Each content, signed by GnuPG, by Sequoia and here."""
    found = []
    for number, (content, shown) in enumerate(contents()):
        user = AUTHORS[number % len(AUTHORS)]
        home = cast.homes[user]
        by_gnupg = home.sign_detached(content, digest=DIGESTS[number % 3].upper())
        found.append(Signed(user, content, shown, _packets(by_gnupg)))
        by_sequoia = _by_sequoia(cast.homes["ann"], content, pysequoia.SignatureMode.DETACHED)
        found.append(Signed("ann", content, shown, _packets(by_sequoia)))
        for other in ("ann", "carol"):
            how: dict[str, Any] = {"digest": DIGESTS[(number + 1) % 3], "kind": TEXT * (number % 2), "named": number % 3 > 0}
            found.append(Signed(other, content, shown, cast.signs_with(other).sign(content, cast.now, **how)))
    return found


def _blocks(cast: Cast) -> list[Block]:
    """Each text, clear-signed by GnuPG and by Sequoia."""
    found = []
    for number, text in enumerate(TEXTS):
        user = AUTHORS[number % len(AUTHORS)]
        by_gnupg = cast.homes[user].clearsign(text, digest=DIGESTS[number % 3].upper()).encode()
        found.append(_block(user, text.removesuffix("\n"), by_gnupg))  # which leaves the last line end out of it
        found.append(_block("ann", text, _by_sequoia(cast.homes["ann"], text.encode(), pysequoia.SignatureMode.CLEAR)))
    return found


def _block(user: str, text: str, written: bytes) -> Block:
    signed = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return Block(written, Signed(user, crlf(signed.encode()), Shown(signed), _packets(written), clear=True))


def _by_sequoia(home: SigningKey, data: bytes, mode: Any) -> bytes:
    made: bytes = pysequoia.sign(_signer(home), data, mode=mode)
    return made


@cache
def _signer(home: SigningKey) -> Any:
    exported = home.gpg("--passphrase", "", "--pinentry-mode", "loopback", "--export-secret-keys")
    return pysequoia.Tsk.from_bytes(exported).signer()


def _packets(armor: bytes) -> bytes:
    (block,) = blocks(crlf(armor).replace(b"\r\n", b"\n"), b"SIGNATURE")
    data = block.data()
    assert data is not None
    return data


def _pgp_mime(rng: Random, program: Program, signed: Signed) -> Valid:
    boundary = program.boundary(rng)
    while f"--{boundary}".encode() in signed.content:
        boundary = program.boundary(rng) + "x"
    kind = program.type.replace("{b}", boundary).replace("{m}", rng.choice(DIGESTS))
    fields = [f"From: {address_of(signed.signer).decode()}", "To: notes@example.net", "Subject: Greetings"]
    fields += [f"Message-ID: <{rng.randrange(10**12)}@example.org>", *program.beside, kind]
    rng.shuffle(fields)
    armor = crlf(armored(signed.signature, headers=program.armor.encode(), width=rng.choice([64, 76])))
    if rng.random() < 0.5:
        armor = armor.replace(b"-----END", checksum(signed.signature).replace(b"\n", b"\r\n") + b"-----END")
    mark = f"--{boundary}".encode()
    raw = (
        "\r\n".join(fields).encode()
        + b"\r\n\r\n"
        + program.preamble.encode()
        + (b"" if not program.preamble or program.preamble.endswith("\n") else b"\r\n")
        + mark
        + b"\r\n"
        + signed.content
        + b"\r\n"
        + mark
        + b"\r\n"
        + _signature_part(rng, program, armor)
        + b"\r\n"
        + mark
        + rng.choice([b"--\r\n", b"--", b"-- \r\n", b"--\r\n\r\n"])
        + program.epilogue.encode()
    )
    return Valid(program.name, rng.choice(ON_THE_WAY)(raw), signed)


def _signature_part(rng: Random, program: Program, armor: bytes) -> bytes:
    encode = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(program.encoding)
    fields = [*program.signature, *([f"Content-Transfer-Encoding: {program.encoding}"] if encode else [])]
    rng.shuffle(fields)
    body = rng.choice([b"", b"\r\n"]) + armor + rng.choice([b"", b"\r\n", b"\r\n\r\n"])
    encoded = crlf(encode(body.replace(b"\r\n", b"\n"))) if encode else body
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + encoded


_HASHES = (None, b"", b"Hash: SHA512\n", b"Hash: SHA256, SHA512\n", b"Hash: SHA1\nHash: SHA256\n", b"Hash: RIPEMD160\n")
_ARMOR_HEADERS = (
    b"",
    b"Version: GnuPG v2\n",
    b"Version: GnuPG v1.4.9 (GNU/Linux)\nComment: https://example.org\n",
    b"Charset: utf-8\n",
)


def _clear_signed(rng: Random, block: Block) -> Valid:
    text = block.text
    hashes = rng.choice(_HASHES)
    if hashes is not None:
        head, _, rest = text.partition(b"\n\n")
        text = head.partition(b"\n")[0] + b"\n" + hashes + b"\n" + rest
    begin = b"-----BEGIN PGP SIGNATURE-----\n"
    at = text.rindex(begin)
    text = text[:at] + text[at:].replace(begin, begin + rng.choice(_ARMOR_HEADERS))
    text = rng.choice([b"", b"\n", b"\n \n\t\n"]) + text + rng.choice([b"", b"\n", b"\n\n \n"])
    raw = _headed(rng, block.signed.signer, text)
    return Valid("clear-signed", rng.choice(ON_THE_WAY)(raw), block.signed)


def _headed(rng: Random, user: str, text: bytes) -> bytes:
    """A clear-signed text as a mail in one of the ways in which it may be encoded."""
    charsets = ["utf-8", "UTF-8", '"utf-8"'] + (["us-ascii", "iso-8859-1", "windows-1252"] if text.isascii() else [])
    encodings = ["quoted-printable", "base64", "8bit"] + (["7bit", ""] if text.isascii() else [])
    encoding = rng.choice(encodings)
    encode = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, bytes)
    fields = [f"From: {address_of(user).decode()}", "To: notes@example.net", "Subject: Greetings"]
    fields += [f"Message-ID: <{rng.randrange(10**12)}@example.org>", "MIME-Version: 1.0"]
    flowed = rng.choice(
        ["", "; format=flowed", '; format="flowed"; delsp=no', "; x-action=pgp-signed", "; reply-type=original"]
    )
    if encoding or rng.random() < 0.7 or not text.isascii():
        fields.append(f"Content-Type: text/plain; charset={rng.choice(charsets)}{flowed}")
    fields += [f"Content-Transfer-Encoding: {encoding}"] if encoding else []
    rng.shuffle(fields)
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + crlf(encode(crlf(text) if encoding == "base64" else text))


def _unfolded(raw: bytes) -> bytes:
    """The header with each field on one line, as some gateways write it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    for fold in (b"\r\n\t", b"\r\n "):
        head = head.replace(fold, b" ")
    return head + b"\r\n\r\n" + body


def _refolded(raw: bytes) -> bytes:
    """The header with its long fields folded elsewhere."""
    head, _, body = _unfolded(raw).partition(b"\r\n\r\n")
    return head.replace(b"; ", b";\r\n        ") + b"\r\n\r\n" + body


def _traced(raw: bytes) -> bytes:
    """With what servers and filters add at the top."""
    trace = (
        b"Return-Path: <ann@example.org>\r\nDelivered-To: notes@example.net\r\n"
        b"Received: from a.example.org (a.example.org [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id 1;\r\n"
        b"\tSat, 21 Nov 2026 08:00:00 +0000 (UTC)\r\nX-Spam-Status: No, score=-1.0 required=5.0\r\n\ttests=SIGNED\r\n"
        b"Authentication-Results: mx.example.net; dkim=none\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.org;\r\n b=abc\r\n"
    )
    return trace + raw


ON_THE_WAY: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    lambda raw: raw.replace(b"\r\n", b"\n"),
    _traced,
    _refolded,
    _unfolded,
    lambda raw: _traced(_refolded(raw)).replace(b"\r\n", b"\n"),
    lambda raw: b"From ann@example.org Sat Nov 21 08:00:00 2026\r\n" + raw,
    lambda raw: raw + b"\r\n\r\n",
)
