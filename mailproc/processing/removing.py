"""Removing what is final from its maildrop: the last step, after everything else is durable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailproc.database import places
from mailproc.database.engine import writing
from mailproc.failpoints import failpoint
from mailproc.maildrops import Maildrop
from mailproc.processing.works import Works


def remove(works: Works, drop: Maildrop, removals: Mapping[str, str]) -> None:
    """Let each uid leave as ``removals`` says: ``delete``, ``keep`` or ``move:FOLDER``.

    If we die in here, the receipts are final and the next run only removes.
    """
    groups: dict[str, list[str]] = {}
    for uid, removal in removals.items():
        groups.setdefault(removal, []).append(uid)
    groups.pop("keep", None)
    if groups:
        works.note_pending()
    for removal, uids in groups.items():
        kind, _, folder = removal.partition(":")
        note_left(works, drop, _move(drop, uids, folder) if kind == "move" else _delete(drop, uids))


def _delete(drop: Maildrop, uids: Sequence[str]) -> Sequence[str]:
    """Mark ours, then expunge exactly ours: what another client has marked is not ours to remove (RFC 4315).

    Where the server can neither expunge by uid nor move, ours stay marked; that is all we can do there.
    """
    drop.mark(uids)
    failpoint("after-store")
    drop.expunge(uids)
    failpoint("after-expunge")
    return uids


def _move(drop: Maildrop, uids: Sequence[str], folder: str) -> Sequence[str]:
    return drop.move(uids, folder)


def note_left(works: Works, drop: Maildrop, uids: Sequence[str]) -> None:
    """Write into the ledger that these have left their maildrop."""
    if uids:
        with writing(works.engine) as conn:
            places.note_left(conn, drop.name, drop.uidvalidity, uids, works.clock())
