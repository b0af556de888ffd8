"""The kinds of maildrop that keep the one contract, each with another mail program's view of the same mail."""

from __future__ import annotations

import hashlib
import mailbox
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailproc.maildrops import Maildrop
from mailproc.maildrops.account import Account
from mailproc.maildrops.imap import ImapDrop, open_imap
from mailproc.maildrops.maildir import MaildirDrop
from mailproc.maildrops.mbox import MboxDrop
from mailproc.maildrops.memory import MemoryDrop
from mailproc.maildrops.pop3 import Pop3Drop
from tests.servers.dovecot import PASSWORD, Dovecot

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
POSTMARK = b"From ann@example.org  Sun Mar  1 12:30:00 2026\n"

# Where marks outlive a session, others may mark too, and there are folders to move to; and where not.
MARKING = ("imap", "imap-move", "imap-neither", "maildir", "memory")
FORGETTING = ("pop3", "mbox")
KINDS = (*MARKING, *FORGETTING)


@dataclass(frozen=True)
class Kind:
    """One maildrop under test.

    ``deliver(raw, marked)`` and ``take(uid)`` are what others do to it, ``folder(name)`` the raw messages of a folder.
    ``expunged`` says where expunged mail ends: "gone", in the folder "Processed", or it "stays". ``packed(raw)`` is what is
    fetched of a delivered message, ``arrival()`` about when it has arrived; ``folders`` says whether mail can be moved.
    """

    open: Callable[[], Maildrop]
    deliver: Callable[..., Any]
    take: Callable[[str], Any]
    folder: Callable[[str], list[bytes]]
    expunged: str = "gone"
    folders: bool = True
    packed: Callable[[bytes], bytes] = bytes
    arrival: Callable[[], datetime] = lambda: WHEN


def imap_to(dovecot: Dovecot, user: str, **changes: Any) -> ImapDrop:
    """Our maildrop on a Dovecot, without TLS unless said otherwise."""
    plain = {"host": "127.0.0.1", "port": dovecot.port, "security": "plain", "username": user, "login": PASSWORD}
    of_the_folder = {key: changes.pop(key) for key in ("folder", "readonly") if key in changes}
    return open_imap(Account("main", **{**plain, **changes}), **of_the_folder)


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


def pop3_to(dovecot: Dovecot, user: str, **changes: Any) -> Pop3Drop:
    """Our maildrop on the same Dovecot over POP3, without TLS unless said otherwise."""
    plain = {"host": "127.0.0.1", "port": dovecot.pop3_port, "security": "plain", "username": user, "login": PASSWORD}
    return Pop3Drop(Account("main", **{**plain, **changes}))


def pop3_kind(dovecot: Dovecot) -> Kind:
    """A user of his own on a Dovecot, whose IMAP is the other mail program."""
    user = f"robot-{secrets.token_hex(6)}"

    def take(uid: str) -> None:
        with dovecot.client(user) as client:
            client.select_folder("INBOX")
            client.delete_messages([int(uid[:8], 16)])  # as Dovecot makes its unique ids, of uid and validity
            client.expunge()

    return Kind(
        lambda: pop3_to(dovecot, user),
        lambda raw: dovecot.append(user, raw, when=WHEN),
        take,
        lambda folder: [],
        folders=False,
        arrival=lambda: datetime.now(UTC),
    )


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


def mbox_kind(file: Path) -> Kind:
    """An mbox file to which an MTA appends."""

    def deliver(raw: bytes) -> None:
        with file.open("ab") as mbox:
            mbox.write(POSTMARK + raw + b"\n")
        os.utime(file, (WHEN.timestamp(), WHEN.timestamp()))

    def take(uid: str) -> None:
        messages = [POSTMARK + rest for rest in file.read_bytes().split(POSTMARK)[1:]]
        digests = [hashlib.blake2b(message[:-1], digest_size=20).hexdigest() for message in messages]
        del messages[digests.index(uid)]
        file.write_bytes(b"".join(messages))

    return Kind(
        lambda: MboxDrop("main", file), deliver, take, lambda folder: [], folders=False, packed=lambda raw: POSTMARK + raw
    )


def memory_kind() -> Kind:
    """Mail in memory: opening it again gives the same maildrop."""
    drop = MemoryDrop("main")
    return Kind(
        lambda: drop,
        lambda raw, marked=False: drop.add(raw, arrival=WHEN, marked=marked),
        drop.remove,
        lambda name: drop.folders.get(name, []),
    )
