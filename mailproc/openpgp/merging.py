"""Two copies of one OpenPGP certificate (RFC 9580 section 10.1) joined: what its owner says now, and what was said before.

When a key is extended, GnuPG puts a new self-signature in the place of the old one. A mail that was signed before, and is
handled after, is judged by what the owner said at that time, which the new copy no longer holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from mailproc.directory import Certificate
from mailproc.errors import MailprocError
from mailproc.openpgp import packets
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.gnupg import GpgUnfinished
from mailproc.openpgp.packets import Packet
from mailproc.openpgp.signature import KEY_EXPIRES, read_signatures

_USER_IDS = (packets.USER_ID, packets.USER_ATTRIBUTE)
_PLACES = {packets.PRIMARY_KEY: 0, packets.USER_ID: 1, packets.USER_ATTRIBUTE: 1, packets.SUBKEY: 2}

_Name = tuple[int, bytes]  # the kind of a packet and its body: its head may be written in several ways
_Components = dict[_Name, list[Packet]]  # each key, user id and attribute, and behind it what its owner has signed of it


def merged(old: bytes, new: Certificate, program: str = "gpg") -> Certificate | None:
    """The new copy of a certificate with all that its owner said in the ``old`` one, binary; None where it is the older copy.

    An older copy is one that adds nothing, revokes nothing, and lacks the owner's last word. The facts are those of both copies
    as one, checked as `read_certificates` does. Signatures by anybody else are left out. The new copy alone is the answer where
    the old one has nothing to add or cannot be read, and where both are no valid certificate, or too large for one. Raises
    `GpgUnfinished` where gpg does not finish.
    """
    owner = {new.fingerprint, packets.key_id(new.fingerprint)}
    before, now = _components(old, owner), _components(new.data, owner)
    if before is None or now is None or next(iter(before)) != next(iter(now)) or _words(before) <= _words(now):
        return new
    if not new.revoked and _words(now) <= _words(before) and _last_word(now) < _last_word(before):
        return None
    data = _joined(now, before)
    return _read(data, program) or new


def _read(data: bytes, program: str) -> Certificate | None:
    try:
        (certificate,) = read_certificates(data, program)
    except GpgUnfinished:
        raise  # it says nothing about the certificate
    except MailprocError:
        return None
    return certificate


def _components(data: bytes, owner: Set[str]) -> _Components | None:
    """What one certificate is made of; ``owner`` are the names of its primary key."""
    kept = (packet for packet in packets.read_packets(data) or () if packet.kind in packets.OF_A_CERTIFICATE)
    groups = packets.by_primary_key(kept) or ()
    if len(groups) != 1:
        return None
    found: _Components = {}
    for packet in groups[0]:
        if packet.kind != packets.SIGNATURE:
            component = found.setdefault((packet.kind, packet.body), [packet])
        elif packets.is_by(owner, packet):
            component.append(packet)
    return found


def _words(components: _Components) -> set[tuple[_Name, bytes]]:
    return {(name, packet.body) for name, component in components.items() for packet in component}


def _last_word(components: _Components) -> int:
    """When the owner has last signed anything, in seconds since 1970."""
    signatures = (signature for component in components.values() for signature in read_signatures(component))
    return max((signature.created_at for signature in signatures), default=0)


def _joined(now: _Components, before: _Components) -> bytes:
    """Both copies as one: keys behind user ids, as section 10.1 has it, and what the new one has before all else."""
    lasting = {name: component for name, component in before.items() if name in now or not _is_left_behind(component)}
    names = sorted({**now, **lasting}, key=lambda name: _PLACES[name[0]])
    packets_of = (_distinct([*now.get(name, ()), *lasting.get(name, ())]) for name in names)
    return b"".join(packet.raw for component in packets_of for packet in component)


def _is_left_behind(component: Sequence[Packet]) -> bool:
    """Whether this, where the new copy is without it, would let the key expire when its owner has put that off.

    A user id says when the key expires (section 5.2.3.13), and is not told of a new date once its owner has deleted it.
    """
    return component[0].kind in _USER_IDS and any(each.seconds(KEY_EXPIRES) for each in read_signatures(component))


def _distinct(found: Iterable[Packet]) -> Iterable[Packet]:
    return {(packet.kind, packet.body): packet for packet in found}.values()
