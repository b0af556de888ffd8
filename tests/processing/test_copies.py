"""A mail that comes again: the digest knows it, whatever its UID (promise 2), and what is not ours is left (promise 6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailproc.maildrops.memory import MemoryDrop
from tests.installation import Installation, MaildirBox, make_mail


def run(installation: Installation, drop: MemoryDrop) -> None:
    """One emptying of the maildrop."""
    installation.empty(installation.works(), drop)


def test_a_copy_of_a_handled_mail_is_only_deleted(installation: Installation, drop: MemoryDrop) -> None:
    """The same bytes again have no second effect; they are deleted and counted."""
    for _ in range(3):
        drop.add(make_mail("1"))
        run(installation, drop)
    assert (installation.effects(), len(installation.calls()), drop.uids()) == (["1"], 1, [])
    (receipt,) = installation.receipts()
    assert (receipt.copies, receipt.disposition, receipt.attempts) == (2, "handled", 1)
    assert (installation.balance().seen, installation.balance().balanced) == (1, True)


def test_the_same_mail_twice_in_one_chunk_has_one_effect(installation: Installation, drop: MemoryDrop) -> None:
    """Two copies that arrive together are one message; both leave."""
    drop.add(make_mail("1"))
    drop.add(make_mail("1"))
    run(installation, drop)
    run(installation, drop)
    assert (installation.effects(), drop.uids(), drop.marked()) == (["1"], [], [])


def test_another_mail_with_the_same_message_id_is_another_mail(installation: Installation, drop: MemoryDrop) -> None:
    """A sender chooses the Message-ID, so it is nobody's identity: both are handled."""
    drop.add(make_mail("1", text="one"))
    drop.add(make_mail("1", text="two"))
    run(installation, drop)
    assert installation.effects() == ["1", "1"]


def test_a_failed_mail_that_is_put_back_is_processed_again(installation: Installation, drop: MemoryDrop) -> None:
    """A copy of a failed mail starts anew: the attempts from 0, the fence rising, the first OOPS kept."""
    drop.add(make_mail("1 raise"))
    run(installation, drop)
    first = installation.receipts()[0]
    drop.add(make_mail("1 raise"))
    run(installation, drop)
    (again,) = installation.receipts()
    assert installation.calls() == ["1 raise 1", "1 raise 1"]
    assert (again.disposition, again.attempts) == ("failed", 1)
    assert again.claim > first.claim
    assert len(installation.oopses()) == 2
    assert (drop.uids(), installation.balance().balanced, installation.balance().seen) == ([], True, 1)


def test_a_changed_uidvalidity_has_no_second_effect(installation: Installation) -> None:
    """All UIDs of a mailbox that was restored are new; the digests say which mails had their effect already."""
    run(installation, MemoryDrop("main", [make_mail("1"), make_mail("2 raise")], uidvalidity=1))
    restored = MemoryDrop("main", [make_mail("2 raise"), make_mail("1"), make_mail("3")], uidvalidity=2)
    run(installation, restored)
    assert (installation.effects(), restored.uids()) == (["1", "3"], [])
    assert [receipt.copies for receipt in installation.receipts()] == [1, 0, 0]


def test_a_uid_that_means_another_mail_now_is_not_deleted_for_the_old_one(installation: Installation) -> None:
    """After a change of UIDVALIDITY the old UIDs are void: a new mail under an old UID is handled, not expunged unread."""
    old = MemoryDrop("main", [make_mail("1")], uidvalidity=1)
    works = installation.works()
    old.mark = lambda uids: (_ for _ in ()).throw(RuntimeError("died before the STORE"))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        installation.empty(works, old)
    renumbered = MemoryDrop("main", [make_mail("2")], uidvalidity=2)
    run(installation, renumbered)
    assert (installation.effects(), renumbered.uids()) == (["1", "2"], [])


def test_what_another_client_has_marked_is_left_alone(installation: Installation, drop: MemoryDrop) -> None:
    """A foreign ``\\Deleted`` mail is neither handled nor expunged, also when it is a copy of one that was."""
    drop.add(make_mail("1"), marked=True)
    drop.add(make_mail("2"))
    run(installation, drop)
    drop.add(make_mail("2"), marked=True)
    run(installation, drop)
    assert (installation.effects(), drop.uids(), drop.marked()) == (["2"], [], ["1", "3"])
    assert [receipt.copies for receipt in installation.receipts()] == [0]


def with_after(installation: Installation, **after: str) -> Installation:
    """The same installation with other wishes for what has ended."""
    return Installation(
        installation.folder, installation.database_url, *installation.boxes, relay=installation.relay, after=after
    )


def test_after_move(installation: Installation, drop: MemoryDrop) -> None:
    """What has ended in this way goes to that folder, the others are deleted."""
    with with_after(installation, failed="move:Failed", rejected="move:Refused") as moving:
        for subject in ("1", "2 raise", "3 reject"):
            drop.add(make_mail(subject))
        run(moving, drop)
        assert drop.uids() == []
        assert drop.folders == {"Failed": [make_mail("2 raise")], "Refused": [make_mail("3 reject")]}
        assert all(receipt.deleted_at for receipt in moving.receipts())


def test_after_keep(installation: Installation, drop: MemoryDrop) -> None:
    """What is kept stays unmarked, and is not fetched again by the next run."""
    with with_after(installation, handled="keep") as keeping:
        drop.add(make_mail("1"))
        for _ in range(3):
            run(keeping, drop)
        assert (drop.uids(), drop.marked()) == (["1"], [])
        assert (keeping.effects(), len(keeping.calls())) == (["1"], 1)
        assert [receipt.copies for receipt in keeping.receipts()] == [0]


def test_a_second_copy_of_a_kept_mail_is_deleted(installation: Installation, drop: MemoryDrop) -> None:
    """A copy beside the mail that is kept is only deleted, and is not met again in every run."""
    with with_after(installation, handled="keep") as keeping:
        drop.add(make_mail("1"))
        run(keeping, drop)
        drop.add(make_mail("1"))
        for _ in range(3):
            run(keeping, drop)
        assert (keeping.effects(), drop.uids()) == (["1"], ["1"])
        assert [receipt.copies for receipt in keeping.receipts()] == [1]


def bound_addressees(to: str) -> bytes:
    """A mail whose MTA does not say whom it is for."""
    return make_mail("1", to=None, header=f"To: {to}\nCc: carl@elsewhere.example, two@notes.example.org")


def test_every_bound_addressee_has_a_receipt_of_its_own(installation: Installation, drop: MemoryDrop) -> None:
    """Without a recipient header each bound address of To and Cc is handled once; the others are nobody's here."""
    drop.add(bound_addressees("one@notes.example.org, One <one@NOTES.example.org>"))
    run(installation, drop)
    assert [receipt.recipient for receipt in installation.receipts()] == ["one@notes.example.org", "two@notes.example.org"]
    assert (installation.effects(), installation.dispositions(), drop.uids()) == (["1", "1"], ["handled"] * 2, [])
    assert installation.balance().seen == 2


def test_a_mail_leaves_when_all_its_receipts_are_final(installation: Installation, drop: MemoryDrop) -> None:
    """For one recipient it is deferred, for the other it is handled: it stays, and only the first is worked again."""
    drop.add(make_mail("1 deferone", to=None, header="To: one@notes.example.org, two@notes.example.org"))
    run(installation, drop)
    assert (installation.dispositions(), drop.uids()) == ([None, "handled"], ["1"])
    run(installation, drop)
    assert (len(installation.calls()), drop.uids()) == (2, ["1"])  # the first is not due yet
    with installation.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE mailproc_receipt SET retry_at = NULL")
    run(installation, drop)
    assert (installation.dispositions(), drop.uids()) == (["handled", "handled"], [])
    assert (installation.effects(), len(installation.calls())) == (["1", "1"], 3)


def test_the_worst_of_its_receipts_says_how_a_mail_leaves(installation: Installation, drop: MemoryDrop) -> None:
    """Handled for one and failed for the other, it goes where failed mail goes, and its sender has one answer."""
    with with_after(installation, failed="move:Failed") as moving:
        drop.add(make_mail("1 raiseone", to=None, header="To: one@notes.example.org, two@notes.example.org"))
        run(moving, drop)
        assert moving.dispositions() == ["failed", "handled"]
        assert (len(drop.folders["Failed"]), drop.uids(), len(moving.outbox())) == (1, [], 1)


def test_a_mail_for_nobody_here_fails_once_and_loudly(installation: Installation, drop: MemoryDrop) -> None:
    """Without a bound address there is one receipt, for the first address, and it is our fault."""
    drop.add(make_mail("1", to=None, header="To: x@elsewhere.example, y@elsewhere.example"))
    run(installation, drop)
    (receipt,) = installation.receipts()
    assert (receipt.recipient, receipt.disposition, receipt.rule) == ("x@elsewhere.example", "failed", "route.no-handler")
    assert (len(installation.oopses()), drop.uids()) == (1, [])


def test_a_maildir_knows_its_mails_too(installation: Installation, tmp_path: Path) -> None:
    """A Maildir has no UIDVALIDITY; an unfinished removal there is finished, and a copy is a copy."""
    box = installation.boxes[0]
    assert isinstance(box, MaildirBox)
    installation.append(make_mail("1"), make_mail("2"))
    assert installation.run(failpoint="after-store:killall").returncode == -9
    assert installation.run().returncode == 0
    installation.append(make_mail("1"))
    assert installation.run().returncode == 0
    assert (installation.left_in_maildrop(), installation.effects(), len(installation.calls())) == ([], ["1", "2"], 2)
