"""Maildrops without a server: 98 and 99 of docs/behaviour/incoming.md.

What every kind of maildrop does is in tests/maildrops/test_contract.py; here is what the two that hold files do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailproc.errors import Away
from mailproc.maildrops.maildir import MaildirDrop
from mailproc.maildrops.memory import MemoryDrop
from tests.installation import MaildirBox

RAWS = [f"Subject: {n}\r\n\r\nHello\r\n".encode() for n in range(3)]


@pytest.fixture
def box(tmp_path: Path) -> MaildirBox:
    """A Maildir with three messages."""
    box = MaildirBox(tmp_path / "Maildir")
    box.append(RAWS)
    return box


def removed(drop: MaildirDrop | MemoryDrop, uid: str) -> list[str]:
    """Remove one message; what has left."""
    drop.mark([uid])
    return list(drop.expunge([uid]))


def test_98_a_maildir_has_its_files(box: MaildirBox) -> None:
    """Each file is a message, whole and in the order of arrival."""
    drop = MaildirDrop("main", box.path)
    assert [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))] == RAWS


def test_98_a_removed_file_has_gone(box: MaildirBox) -> None:
    """What is removed is no longer on the disk, and nothing else is touched."""
    drop = MaildirDrop("main", box.path)
    first, *_ = drop.uids()
    assert removed(drop, first) == [first]
    assert box.left() == RAWS[1:]


def test_98_files_may_go_while_we_go_through_them(box: MaildirBox) -> None:
    """Removing each message as soon as it was fetched skips none and breaks nothing."""
    drop = MaildirDrop("main", box.path)
    seen = []
    for fetched in drop.fetch(drop.waiting(drop.uids())):
        seen.append(fetched.raw)
        assert removed(drop, fetched.waiting.uid) == [fetched.waiting.uid]
    assert (seen, box.left()) == (RAWS, [])


@pytest.mark.parametrize("uid", ["../outside", "/etc/hostname", "..", "new/../../outside", ""])
def test_98_a_uid_is_no_path(box: MaildirBox, uid: str) -> None:
    """A uid that would lead out of the Maildir leads nowhere: the file outside stays."""
    outside = box.path.parent / "outside"
    outside.write_text("keep me")
    drop = MaildirDrop("main", box.path)
    drop.mark([uid])
    drop.expunge([uid])
    assert outside.read_text() == "keep me"
    assert box.left() == RAWS


def test_98_a_folder_that_is_not_there_is_away(tmp_path: Path) -> None:
    """A Maildir that is missing is an error, not an empty one."""
    with pytest.raises(Away):
        MaildirDrop("main", tmp_path / "none").uids()


def test_99_it_may_be_opened_twice(box: MaildirBox) -> None:
    """Launchpad refuses to open its mailbox twice; here a run has a lock, and a second look sees the same."""
    one, other = MaildirDrop("main", box.path), MaildirDrop("main", box.path)
    assert list(one.uids()) == list(other.uids())
    one.close()
    assert len(other.uids()) == 3


def test_99_what_is_not_removed_stays() -> None:
    """Closing removes nothing."""
    drop = MemoryDrop(messages=RAWS)
    first, second, third = drop.uids()
    removed(drop, second)
    drop.close()
    assert list(drop.uids()) == [first, third]


def test_99_all_may_be_removed() -> None:
    """An emptied maildrop is empty, and a uid is never given again."""
    drop = MemoryDrop(messages=RAWS)
    before = list(drop.uids())
    for uid in before:
        assert removed(drop, uid) == [uid]
    assert list(drop.uids()) == []
    assert drop.add(RAWS[0]) not in before


@pytest.mark.parametrize("uid", ["-1", "4", "none"])
def test_99_a_uid_that_is_not_there_is_passed_over(uid: str) -> None:
    """Launchpad raises; we count it among what has left, because removing must be safe to repeat (promise 2)."""
    drop = MemoryDrop(messages=RAWS)
    assert removed(drop, uid) == [uid]
    assert len(drop.uids()) == 3
