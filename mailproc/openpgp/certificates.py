"""OpenPGP certificates (RFC 9580 section 10.1) as an administrator hands them in: armored or binary, one or several."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailproc.directory import Certificate
from mailproc.errors import MailprocError
from mailproc.openpgp import packets
from mailproc.openpgp.armor import blocks, lf_ends
from mailproc.openpgp.gnupg import Gpg
from mailproc.openpgp.packets import Packet

_PRIVATE = (
    "this holds a secret key, which belongs on its owner's machine alone; "
    "send the public one: gpg --armor --export ADDRESS > public.asc"
)
_NOTHING = "this holds no OpenPGP public key; export one with: gpg --armor --export ADDRESS > public.asc"
# Trust packets above all are left out: GnuPG would take their word that signatures were checked already.
_KEPT = (packets.PRIMARY_KEY, packets.SUBKEY, packets.USER_ID, packets.USER_ATTRIBUTE, packets.SIGNATURE)
_INVALID = "i"  # in gpg's listing: no user id that its owner has signed


def read_certificates(data: bytes, program: str = "gpg") -> list[Certificate]:
    """The certificates in armored or binary ``data``.

    `MailprocError` with the fix where a secret key, or nothing usable, is in it; `MissingProgram` without GnuPG.
    """
    groups = _by_primary_key(_packets(data))
    listed = _list(b"".join(packet.raw for group in groups for packet in group), Gpg(program))
    return [_read(group, listed) for group in groups]


def _packets(data: bytes) -> list[Packet]:
    if b"-----BEGIN PGP PRIVATE KEY BLOCK-----" in data:
        raise MailprocError(_PRIVATE)
    armored = [block.data() for block in blocks(lf_ends(data), b"PUBLIC KEY BLOCK")] or [data]
    read = [packets.read_packets(each) if each is not None else None for each in armored]
    found = [packet for each in read if each is not None for packet in each]
    if any(packet.kind in packets.SECRET_KEYS for packet in found):
        raise MailprocError(_PRIVATE)
    if None in read or not found:
        raise MailprocError(_NOTHING)
    return [packet for packet in found if packet.kind in _KEPT]


def _by_primary_key(found: list[Packet]) -> list[list[Packet]]:
    groups: list[list[Packet]] = []
    for packet in found:
        if packet.kind == packets.PRIMARY_KEY:
            groups.append([])
        if not groups:
            raise MailprocError(_NOTHING)
        groups[-1].append(packet)
    return groups


def _read(group: list[Packet], listed: Mapping[str, dict[str, Any]]) -> Certificate:
    keys = [packet for packet in group if packet.kind in (packets.PRIMARY_KEY, packets.SUBKEY)]
    fingerprints = [fingerprint for key in keys if (fingerprint := packets.fingerprint(key))]
    if len(fingerprints) != len(keys):
        raise MailprocError("this key has a version that is no longer safe (3 or older), or that is not known; make a new key")
    facts = listed.get(fingerprints[0], {"trust": _INVALID})
    if facts.get("trust") == _INVALID:
        raise MailprocError(
            f"GnuPG finds that {fingerprints[0]} is no valid public key; "
            "ask its owner to export it anew: gpg --armor --export ADDRESS"
        )
    expires = str(facts.get("expires", ""))
    return Certificate(
        fingerprint=fingerprints[0],
        names=tuple(dict.fromkeys(name for each in fingerprints for name in (each, packets.key_id(each)))),
        user_ids=tuple(map(_as_written, facts.get("uids", ()))),
        created_at=packets.created_at(keys[0]),
        expires_at=datetime.fromtimestamp(int(expires), UTC) if expires.isdigit() else None,
        revoked=facts.get("trust") == "r",
        data=b"".join(packet.raw for packet in group),
    )


def _list(data: bytes, gpg: Gpg) -> dict[str, dict[str, Any]]:
    """What gpg says of each primary key, once it has checked the self-signatures, by fingerprint."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as name:
        file = Path(name) / "certificates"
        file.write_bytes(data)
        return {key.get("fingerprint", ""): key for key in gpg.list_certificates(Path(name), file)}


def _as_written(user_id: str) -> str:
    """A user id in UTF-8, as RFC 9580 section 5.11 has it; gpg's listing was read in the code page that `Gpg` explains."""
    return user_id.encode("cp437", "replace").decode("utf-8", "replace")
