"""Removing what is final from its maildrop: the last step, after everything else is durable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailproc.database import places
from mailproc.database.engine import writing
from mailproc.failpoints import failpoint
from mailproc.maildrops import Maildrop
from mailproc.processing.works import Works


def remove(works: Works, drop: Maildrop, removals: Mapping[str, str]) -> list[str]:
    """Let each uid leave as ``removals`` says: ``delete``, ``keep`` or ``move:FOLDER``; answers those that were to be deleted
    and stay: the next run tries again.

    If we die in here, the receipts are final and the next run only removes.
    """
    stay: list[str] = []
    groups: dict[str, list[str]] = {}
    for uid, removal in removals.items():
        groups.setdefault(removal, []).append(uid)
    groups.pop("keep", None)
    if groups:
        works.note_pending()
    for removal, uids in groups.items():
        kind, _, folder = removal.partition(":")
        left = _move(drop, uids, folder) if kind == "move" else _delete(drop, uids)
        note_left(works, drop, left)
        stay += set(uids).difference(left) if kind == "delete" else ()
    return stay


def _delete(drop: Maildrop, uids: Sequence[str]) -> Sequence[str]:
    """Mark ours, then expunge exactly ours: what another client has marked is not ours to remove (RFC 4315).

    Where the server can neither expunge by uid nor move, ours stay marked; that is all we can do there.
    """
    drop.mark(uids)
    failpoint("after-store")
    gone = drop.expunge(uids)
    failpoint("after-expunge")
    if len(gone) == len(uids):
        return uids
    done = {*gone, *drop.marked()}
    return [uid for uid in uids if uid in done]


def _move(drop: Maildrop, uids: Sequence[str], folder: str) -> Sequence[str]:
    return drop.move(uids, folder)


def note_left(works: Works, drop: Maildrop, uids: Sequence[str]) -> None:
    """Write into the ledger that these have left their maildrop."""
    if uids:
        with writing(works.engine) as conn:
            places.note_left(conn, drop.name, drop.uidvalidity, uids, works.clock())
