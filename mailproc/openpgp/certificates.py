"""OpenPGP certificates (RFC 9580 section 10.1) as an administrator hands them in: armored or binary, one or several."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mailproc.directory import Certificate
from mailproc.errors import MailprocError, MissingProgram
from mailproc.openpgp import packets
from mailproc.openpgp.armor import blocks, lf_ends
from mailproc.openpgp.gnupg import Gpg, GpgUnfinished
from mailproc.openpgp.packets import Packet

_VERSION = 4  # of a key: whatever an older one signs can be forged, and GnuPG 2.2 reads none that is newer
_PRIVATE = (
    "this holds a secret key, which belongs on its owner's machine alone; "
    "send the public one: gpg --armor --export ADDRESS > public.asc"
)
_NOTHING = "this holds no OpenPGP public key; export one with: gpg --armor --export ADDRESS > public.asc"
_CLEAN = "export a clean copy: gpg --armor --export-options export-minimal --export ADDRESS"
_MOST = 1_000  # packets of each sort; an old key with many names and renewals has some hundred
_LARGEST = 2**20  # octets; a renewal adds some hundred for each user id and subkey
_SORTS = {
    packets.SIGNATURE: "signatures of its own",
    packets.USER_ID: "user ids",
    packets.USER_ATTRIBUTE: "pictures",
    packets.SUBKEY: "subkeys",
}
_Groups = Sequence[list[Packet]]
_INVALID = "i"  # in gpg's listing: no user id that its owner has signed


@dataclass(frozen=True, slots=True)
class _Facts:
    """What its owner says of a key, in signatures that were checked."""

    user_ids: tuple[str, ...]
    expires_at: datetime | None
    revoked: bool


def read_certificates(data: bytes, program: str = "gpg") -> list[Certificate]:
    """The certificates in armored or binary ``data``, checked by GnuPG, or by Sequoia where GnuPG is not installed.

    Of the signatures only the owner's are kept, each once: on a key server anybody may add others, and every mail would pay
    for them. `MailprocError` with the fix where a secret key, or nothing usable, is in it, or a certificate of more than 1 MiB
    or with more than 1,000 signatures, user ids or subkeys, or where gpg does not finish (`GpgUnfinished`); `MissingProgram`
    where neither is installed.
    """
    found = packets.by_primary_key(_packets(data))
    if found is None:
        raise MailprocError(_NOTHING)
    groups = [_owners(group) for group in found]
    for group in groups:
        _refuse_flooded(group)
    checked = _checked_by(program)(groups)
    return [_read(group, checked) for group in groups]


def _checked_by(program: str) -> Callable[[_Groups], Mapping[str, _Facts]]:
    """What checks self-signatures here; answers with the facts of each valid key by fingerprint."""
    try:
        return partial(_checked_by_gnupg, Gpg(program))
    except MissingProgram:
        if find_spec("pysequoia") is None:
            raise
        return _checked_by_sequoia


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
    return [packet for packet in found if packet.kind in packets.OF_A_CERTIFICATE]


def _owners(group: Sequence[Packet]) -> list[Packet]:
    """A certificate without what others have signed of it, and without the same signature twice behind one packet."""
    primary = packets.fingerprint(group[0]) or ""
    names = {primary, packets.key_id(primary)}
    kept: list[Packet] = []
    seen: set[bytes] = set()
    for packet in group:
        if packet.kind != packets.SIGNATURE:
            seen.clear()
        elif packet.body in seen or not packets.is_by(names, packet):
            continue
        else:
            seen.add(packet.body)
        kept.append(packet)
    return kept


def _refuse_flooded(group: Sequence[Packet]) -> None:
    """Raise where a certificate holds so much that each mail that it signs would cost seconds."""
    counts = Counter(packet.kind for packet in group)
    held = [f"{counts[kind]} {sort}, more than {_MOST}" for kind, sort in _SORTS.items() if counts[kind] > _MOST]
    size = sum(len(packet.raw) for packet in group)
    if size > _LARGEST:
        held.append(f"{size} octets, more than {_LARGEST}")
    if held:
        raise MailprocError(f"this key holds {held[0]}; {_CLEAN}")


def _read(group: list[Packet], checked: Mapping[str, _Facts]) -> Certificate:
    keys = [packet for packet in group if packet.kind in (packets.PRIMARY_KEY, packets.SUBKEY)]
    fingerprints = [fingerprint for key in keys if (fingerprint := packets.fingerprint(key))]
    if len(fingerprints) != len(keys) or any(key.body[0] != _VERSION for key in keys):
        raise MailprocError("this key has another version than 4, the only one that is verified here; make a new key")
    facts = checked.get(fingerprints[0])
    if facts is None:
        raise MailprocError(
            f"{fingerprints[0]} is no valid public key: its owner has not signed it, or not in a way that is safe today; "
            "ask its owner to export it anew: gpg --armor --export ADDRESS"
        )
    return Certificate(
        fingerprint=fingerprints[0],
        names=tuple(dict.fromkeys(name for each in fingerprints for name in (each, packets.key_id(each)))),
        user_ids=facts.user_ids,
        created_at=packets.created_at(keys[0]),
        expires_at=facts.expires_at,
        revoked=facts.revoked,
        data=_joined(group),
    )


def _joined(group: Iterable[Packet]) -> bytes:
    return b"".join(packet.raw for packet in group)


def _checked_by_gnupg(gpg: Gpg, groups: _Groups) -> dict[str, _Facts]:
    with tempfile.TemporaryDirectory(prefix="gpg-") as name:
        file = Path(name) / "certificates"
        file.write_bytes(b"".join(map(_joined, groups)))
        try:
            listed = gpg.list_certificates(Path(name), file)
        except GpgUnfinished as error:
            raise GpgUnfinished(f"{error}, so that nothing was checked; import fewer keys at once, or {_CLEAN}") from None
    return {key.get("fingerprint", ""): _said_by_gnupg(key) for key in listed if key.get("trust") != _INVALID}


def _said_by_gnupg(listed: Mapping[str, Any]) -> _Facts:
    expires = str(listed.get("expires", ""))
    return _Facts(
        user_ids=tuple(map(_as_written, listed.get("uids", ()))),
        expires_at=datetime.fromtimestamp(int(expires), UTC) if expires.isdigit() else None,
        revoked=listed.get("trust") == "r",
    )


def _checked_by_sequoia(groups: _Groups) -> dict[str, _Facts]:
    from mailproc.openpgp.sequoia import list_certificate  # an extra

    listed = [(packets.fingerprint(group[0]) or "", list_certificate(_joined(group))) for group in groups]
    return {fingerprint: _Facts(*facts) for fingerprint, facts in listed if facts is not None}


def _as_written(user_id: str) -> str:
    """A user id in UTF-8, as RFC 9580 section 5.11 has it; gpg's listing was read in the code page that `Gpg` explains."""
    return user_id.encode("cp437", "replace").decode("utf-8", "replace")
