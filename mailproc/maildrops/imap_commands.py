"""The commands that a maildrop sends: each is a question that may be repeated, and has its failpoint."""

from __future__ import annotations

import imaplib
from datetime import UTC, datetime
from typing import Any

from imapclient import DELETED, IMAPClient

from mailproc.errors import SettingsError
from mailproc.failpoints import failpoint
from mailproc.maildrops.account import Account
from mailproc.maildrops.imap_words import reason
from mailproc.maildrops.sequence_set import UidList

PIECE_OCTETS = 1024 * 1024  # of a message that is streamed


def found(criteria: str, client: IMAPClient) -> UidList:
    """SEARCH: the uids that meet ``criteria``."""
    failpoint("search")
    return UidList(client.search(criteria))


def sizes(numbers: list[int], client: IMAPClient) -> dict[int, dict[bytes, Any]]:
    """FETCH of size and arrival."""
    failpoint("fetch-size")
    return dict(client.fetch(numbers, ["RFC822.SIZE", "INTERNALDATE"]))


def arrival(internal_date: object) -> datetime:
    """INTERNALDATE as an aware time in UTC; now, where the server gives none that exists."""
    try:
        if isinstance(internal_date, datetime):
            return internal_date.astimezone(UTC)
    except (OverflowError, ValueError):
        pass
    return datetime.now(UTC)


def bodies(numbers: list[int], client: IMAPClient) -> dict[int, dict[bytes, Any]]:
    """FETCH of the raw bytes; PEEK sets no ``\\Seen``."""
    failpoint("fetch-body")
    return dict(client.fetch(numbers, ["BODY.PEEK[]"]))


def piece(number: int, offset: int, client: IMAPClient) -> bytes | None:
    """FETCH of at most `PIECE_OCTETS` of one message; None when it is not there."""
    failpoint("fetch-body")
    answer = client.fetch([number], [f"BODY.PEEK[]<{offset}.{PIECE_OCTETS}>"])
    octets = answer.get(number, {}).get(f"BODY[]<{offset}>".encode())
    return octets if isinstance(octets, bytes) else None


def mark(numbers: str, client: IMAPClient) -> None:
    """UID STORE: mark these as to be deleted."""
    failpoint("store-deleted")
    client.add_flags(numbers, DELETED, silent=True)


def expunge(numbers: str, client: IMAPClient) -> None:
    """UID EXPUNGE: remove those of these that are marked."""
    failpoint("expunge")
    client.uid_expunge(numbers)


def move(folder: str, capabilities: frozenset[str], numbers: str, client: IMAPClient) -> None:
    """MOVE (RFC 6851), or else a copy, after which the original is marked and, where UIDPLUS allows it, expunged."""
    if "MOVE" in capabilities:
        failpoint("move")
        client.move(numbers, folder)
        return
    client.copy(numbers, folder)
    failpoint("move")
    client.add_flags(numbers, DELETED, silent=True)
    if "UIDPLUS" in capabilities:
        client.uid_expunge(numbers)


def create(account: Account, folder: str, client: IMAPClient) -> None:
    """Create the folder where it is missing; raises `SettingsError` when the server does not let us."""
    if client.folder_exists(folder):
        return
    try:
        client.create_folder(folder)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        raise SettingsError(f"{account}: the folder {folder} cannot be created: {reason(error)}") from None
