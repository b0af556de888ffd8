"""The crash table of `mailproc.processing`, row by row: a real run is killed there with SIGKILL, and the next makes it right.

Each test says what the killed run has left behind, then runs again and asks for the same end as if nothing had happened.
"""

from __future__ import annotations

import pytest

from tests.installation import DovecotBox, Installation, make_mail

KILLED = -9
CHUNK = (make_mail("1"), make_mail("2 reply"), make_mail("3 raise"))
SUBJECTS = ["1", "2 reply", "3 raise"]
ENDS = ["handled", "handled", "failed"]


def killed_at(installation: Installation, failpoint: str) -> None:
    """A chunk of three waits: one is handled, one answered, one fails; the run is killed at ``failpoint``."""
    installation.append(*CHUNK)
    assert installation.run(failpoint=failpoint).returncode == KILLED


def assert_all_is_well(installation: Installation) -> None:
    """Every effect stands once, every mail has left, the books balance, and both senders were answered."""
    assert installation.left_in_maildrop() == []
    assert installation.effects() == ["1", "2"]
    assert installation.dispositions() == ENDS
    balance = installation.balance()
    assert balance.balanced and (balance.seen, balance.handled, balance.failed, balance.waiting) == (3, 2, 1, 0)
    assert [oops.receipt_id for oops in installation.oopses()] == [installation.receipts()[2].id]
    assert sorted(set(answered(installation))) == ["<2.reply@example.com>", "<3.raise@example.com>"]
    assert all(row.sent_at for row in installation.outbox()) and len(installation.outbox()) == 2
    assert len(installation.archived()) == 3
    assert all(receipt.deleted_at for receipt in installation.receipts())
    assert not installation.state.pending


def answered(installation: Installation) -> list[str]:
    """What was answered, as often as it was."""
    return [mail["In-Reply-To"] for mail in installation.sent()]


def the_next_run_makes_it_right(installation: Installation) -> None:
    """One more run, which nobody disturbs."""
    done = installation.run()
    assert done.returncode == 0, done.stderr
    assert_all_is_well(installation)


def test_without_a_crash_all_is_well(installation: Installation) -> None:
    """The end that every crash must come to is that of an undisturbed run."""
    installation.append(*CHUNK)
    assert installation.run().returncode == 0
    assert_all_is_well(installation)
    assert len(answered(installation)) == 2
    assert installation.calls() == ["1 1", "2 reply 1", "3 raise 1"]


@pytest.mark.parametrize("failpoint", ["search", "fetch-body"])
def test_killed_before_the_mail_is_here(installation: Installation, failpoint: str) -> None:
    """A run that dies while it looks or fetches has left nothing behind."""
    killed_at(installation, f"{failpoint}:killall")
    assert (installation.left_in_maildrop(), installation.receipts(), installation.archived()) == (SUBJECTS, [], [])
    the_next_run_makes_it_right(installation)
    assert len(answered(installation)) == 2


@pytest.mark.parametrize(
    ("failpoint", "copies"),
    [("archive-temp:2", 0), ("archive-fsync", 0), ("archive-rename", 3), ("receive", 3), ("attempt", 3)],
)
def test_killed_before_t1_commits(installation: Installation, failpoint: str, copies: int) -> None:
    """Before T1 commits the mail is in the drop, there may be archived copies, and the digest finds them."""
    name, _, nth = failpoint.partition(":")
    killed_at(installation, f"{name}:killall:{nth or 1}")
    assert (installation.left_in_maildrop(), installation.receipts()) == (SUBJECTS, [])
    # What is half written lies under no digest, and disturbs nobody.
    assert len(installation.archived()) == copies
    the_next_run_makes_it_right(installation)
    assert [receipt.attempts for receipt in installation.receipts()] == [1, 1, 1]


@pytest.mark.parametrize(
    "failpoint",
    ["user-lookup:killall:2", "parse:killall:3", "handler-start:killall:1", "handler-start:killall:3", "handler-half:killall:2",
     "oops:killall", "before-commit:killall"],
)  # fmt: skip
def test_killed_in_the_handler(installation: Installation, failpoint: str) -> None:
    """Between T1 and T2 the receipts have one start each and no effect of any stands; the next run works each alone."""
    killed_at(installation, failpoint)
    assert installation.left_in_maildrop() == SUBJECTS
    assert [(receipt.disposition, receipt.attempts) for receipt in installation.receipts()] == [(None, 1)] * 3
    assert (installation.effects(), installation.oopses(), installation.outbox()) == ([], [], [])
    assert installation.balance().balanced and installation.balance().waiting == 3
    the_next_run_makes_it_right(installation)
    assert installation.calls()[-3:] == ["1 2", "2 reply 2", "3 raise 2"]
    assert [receipt.attempts for receipt in installation.receipts()] == [2, 2, 2]


@pytest.mark.parametrize("failpoint", ["after-commit", "store-deleted"])
def test_killed_after_t2_before_the_delete(installation: Installation, box: DovecotBox, failpoint: str) -> None:
    """After T2 the receipts are final while the mail is still there; the next run calls no handler and only deletes."""
    killed_at(installation, f"{failpoint}:killall")
    assert (installation.left_in_maildrop(), box.marked()) == (SUBJECTS, [])
    assert (installation.dispositions(), installation.effects()) == (ENDS, ["1", "2"])
    the_next_run_makes_it_right(installation)
    assert len(installation.calls()) == 3
    assert len(answered(installation)) == 2


@pytest.mark.parametrize("failpoint", ["after-store", "expunge"])
def test_killed_between_store_and_expunge(installation: Installation, box: DovecotBox, failpoint: str) -> None:
    """What is ours and marked is expunged by the next run, and what another client has marked is still there."""
    box.dovecot.append(box.user, make_mail("theirs"), flags=[rb"\Deleted"])
    killed_at(installation, f"{failpoint}:killall")
    assert len(box.marked()) == 4
    assert installation.dispositions() == ENDS
    assert installation.run().returncode == 0
    assert installation.left_in_maildrop() == ["theirs"]
    expunge(box)
    assert_all_is_well(installation)
    assert len(installation.calls()) == 3


def expunge(box: DovecotBox) -> None:
    """Have the other client expunge what it has marked."""
    with box.dovecot.client(box.user) as client:
        client.select_folder("INBOX")
        client.expunge()


def test_killed_after_the_expunge_before_it_is_written_down(installation: Installation) -> None:
    """A message that is gone before the ledger knows it is found missing by the next run, and noted."""
    killed_at(installation, "after-expunge:killall")
    assert installation.left_in_maildrop() == []
    assert [receipt.deleted_at for receipt in installation.receipts()] == [None] * 3
    the_next_run_makes_it_right(installation)
    assert len(installation.calls()) == 3


@pytest.mark.parametrize(("failpoint", "sends"), [("outbox-before-send", 2), ("outbox-after-data", 3), ("outbox-after-250", 3)])
def test_killed_after_the_delete_before_it_is_sent(installation: Installation, failpoint: str, sends: int) -> None:
    """An answer waits in the outbox; it is sent at least once, and twice only under the same Message-ID."""
    killed_at(installation, f"{failpoint}:killall")
    assert (installation.left_in_maildrop(), installation.dispositions()) == ([], ENDS)
    assert [row.sent_at for row in installation.outbox()] == [None, None]
    the_next_run_makes_it_right(installation)
    assert len(answered(installation)) == sends
    assert len({mail["Message-ID"] for mail in installation.sent()}) == 2


def test_killed_in_the_removal_again_and_again(installation: Installation) -> None:
    """Run after run may die between STORE and EXPUNGE: the handlers were called once, and nothing more happens."""
    killed_at(installation, "after-store:killall")
    assert [installation.run(failpoint="after-store:killall").returncode for _ in range(2)] == [KILLED, KILLED]
    the_next_run_makes_it_right(installation)
    assert len(installation.calls()) == 3
