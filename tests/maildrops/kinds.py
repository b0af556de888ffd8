"""The kinds of maildrop that keep the one contract, each with another mail program's view of the same mail."""

from __future__ import annotations

import mailbox
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailproc.maildrops import Maildrop
from mailproc.maildrops.imap import ImapDrop, open_imap
from mailproc.maildrops.maildir import MaildirDrop
from mailproc.maildrops.memory import MemoryDrop
from tests.servers.dovecot import PASSWORD, Dovecot

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Kind:
    """One maildrop under test.

    ``deliver(raw, marked)`` and ``take(uid)`` are what others do to it, ``folder(name)`` the raw messages of a folder.
    ``expunged`` says where expunged mail ends: "gone", in the folder "Processed", or it "stays".
    """

    open: Callable[[], Maildrop]
    deliver: Callable[..., Any]
    take: Callable[[str], Any]
    folder: Callable[[str], list[bytes]]
    expunged: str = "gone"


def imap_to(dovecot: Dovecot, user: str, **changes: Any) -> ImapDrop:
    """Our maildrop on a Dovecot, without TLS unless said otherwise."""
    plain = {"host": "127.0.0.1", "port": dovecot.port, "security": "plain", "username": user, "password": PASSWORD}
    return open_imap("main", **{**plain, **changes})


def imap_kind(dovecot: Dovecot, expunged: str) -> Kind:
    """A user of his own on a Dovecot."""
    user = f"robot-{secrets.token_hex(6)}"

    def deliver(raw: bytes, marked: bool = False) -> None:
        dovecot.append(user, raw, ["\\Deleted"] if marked else [], WHEN)

    def take(uid: str) -> None:
        with dovecot.client(user) as client:
            client.select_folder("INBOX")
            client.delete_messages([int(uid)])
            client.uid_expunge([int(uid)]) if client.has_capability("UIDPLUS") else client.expunge()

    return Kind(lambda: imap_to(dovecot, user), deliver, take, lambda folder: dovecot.messages(user, folder), expunged)


def maildir_kind(folder: Path) -> Kind:
    """A Maildir that the standard library's `mailbox` also uses."""
    maildir = mailbox.Maildir(folder)
    seconds = iter(range(10))

    def deliver(raw: bytes, marked: bool = False) -> None:
        key = maildir.add(raw)
        placed = folder / "new" / key
        if marked:
            placed = placed.rename(folder / "cur" / f"{key}:2,T")
        arrival = WHEN.timestamp() + next(seconds)
        os.utime(placed, (arrival, arrival))

    def messages(name: str) -> list[bytes]:
        other = mailbox.Maildir(folder / f".{name}", create=False)
        return [other.get_bytes(key) for key in other.iterkeys()]

    return Kind(lambda: MaildirDrop("main", folder), deliver, maildir.remove, messages)


def memory_kind() -> Kind:
    """Mail in memory: opening it again gives the same maildrop."""
    drop = MemoryDrop("main")
    return Kind(
        lambda: drop,
        lambda raw, marked=False: drop.add(raw, arrival=WHEN, marked=marked),
        drop.remove,
        lambda name: drop.folders.get(name, []),
    )
