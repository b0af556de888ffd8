"""What a door has taken over is durable, waits for nobody but us, and is worked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from mailproc.archive import FolderArchive
from mailproc.database import ledger, spool
from mailproc.database.engine import writing
from mailproc.database.ledger import Busy, Started
from mailproc.database.tables import receipt
from mailproc.maildrops.memory import MemoryDrop
from mailproc.processing.emptying import empty
from mailproc.processing.policy import Budget, ChunkLimits, DropPolicy
from mailproc.processing.receiving import Arrived
from mailproc.processing.reworking import resume
from mailproc.reception.handover import Handover
from mailproc.reception.spool import Accepted, Spooled, replies_to
from mailproc.state import State
from tests.installation import RECIPIENT, Clock, Installation, make_mail
from tests.reception.test_attending import said

CHUNK = ChunkLimits()


def spooled(installation: Installation) -> Spooled:
    """The spool of an installation."""
    return Spooled(installation.engine, FolderArchive(installation.folder / "archive"))


def offer(spooled: Spooled, *mails: bytes, recipient: str = RECIPIENT) -> list[str]:
    """Hand over mails at the same time; the replies as lines."""
    now = datetime.now(UTC).timestamp()
    handovers = [Handover("smtp", "ann@example.com", [recipient], now, mail) for mail in mails]
    return [reply.line() for replies in replies_to(spooled, handovers) for reply in replies]


def test_a_spooled_mail_is_ours_and_is_worked_by_a_run(installation: Installation) -> None:
    """It has a receipt that nobody has started; a run does its work as for mail of a maildrop."""
    (told,) = offer(spooled(installation), make_mail("1"))
    (found,) = installation.receipts()
    assert told == f"250 2.0.0 OK: {found.id}"
    assert (found.attempts, found.disposition, found.entrance, found.reverse_path) == (
        0,
        None,
        "smtp",
        "ann@example.com",
    )
    resume(installation.works(), CHUNK, Budget())
    assert (installation.effects(), installation.dispositions()) == (["1"], ["handled"])
    assert installation.balance().balanced


def test_what_is_found_out_later_is_told_by_mail(installation: Installation) -> None:
    """After the 250 the client is gone: a refusal is answered as in polling."""
    offer(spooled(installation), make_mail("1 reject"))
    resume(installation.works(), CHUNK, Budget())
    assert [sent.recipient for sent in installation.outbox()] == ["ann@example.com"]


def test_a_client_that_has_not_heard_its_250_comes_again(installation: Installation) -> None:
    """The same bytes are one message, before and after it was worked."""
    works = installation.works()
    for _ in range(2):
        assert len({*offer(spooled(installation), *[make_mail("1")] * 3)}) == 1
        resume(works, CHUNK, Budget())
    assert (installation.effects(), installation.calls()) == (["1"], ["1 1"])
    assert installation.balance().seen == 1


def test_a_client_is_told_250_of_what_the_spool_has(installation: Installation) -> None:
    """Who comes to an inline door with mail that we have taken over before hears that we have it."""
    offer(spooled(installation), make_mail("1"))
    assert said(installation.works(), make_mail("1"))[0].startswith("250 2.0.0 OK")
    assert installation.calls() == []


def test_the_spool_takes_over_what_waited_for_its_client(installation: Installation, clock: Clock) -> None:
    """A message that was told 451 inline, and 250 by a spool, is worked by the next run."""
    works = installation.works(clock)
    said(works, make_mail("1 defer"))
    offer(spooled(installation), make_mail("1 defer"))
    resume(works, CHUNK, Budget())
    assert len(installation.calls()) == 2


def test_many_at_once_are_durable_before_any_is_told(installation: Installation) -> None:
    """Two hundred messages at once: each its own receipt, and one commit for all."""
    told = offer(spooled(installation), *(make_mail(f"{n:03}") for n in range(200)))
    assert len(set(told)) == len(installation.receipts()) == len(installation.archived()) == 200
    assert len({receipt.received_at for receipt in installation.receipts()}) == 1


def test_without_an_archive_nothing_is_taken(installation: Installation) -> None:
    """The disk of the archive is not there: the clients hear 451 and no 250, and there is no receipt."""
    (installation.folder / "archive").rename(installation.folder / "elsewhere")
    assert [told[:9] for told in offer(spooled(installation), make_mail("1"), make_mail("2"))] == ["451 4.3.0"] * 2
    assert installation.receipts() == []


def test_without_a_state_folder_nothing_is_taken(installation: Installation) -> None:
    """The marker of work cannot be set: the clients hear 451, there is no receipt, and no OOPS for each of them."""
    lost = replace(spooled(installation), note=State(installation.folder / "gone").pending.set)
    assert [told[:9] for told in offer(lost, make_mail("1"), make_mail("2"))] == ["451 4.3.0"] * 2
    assert (installation.receipts(), installation.oopses()) == ([], [])


def test_a_mail_that_breaks_us_takes_no_other_along(installation: Installation) -> None:
    """Of those that came together each other one is taken over; its own client hears 451 with the OOPS."""

    class Breaking(Spooled):
        def accept(self, arrived: Sequence[Arrived]) -> Accepted:
            if any(b"poison" in each.raw for each in arrived):
                raise ValueError("a bug of ours")
            return super().accept(arrived)

    breaking = Breaking(installation.engine, FolderArchive(installation.folder / "archive"))
    told = offer(breaking, make_mail("1"), make_mail("2 poison"), make_mail("3"))
    assert [reply[:9] for reply in told] == ["250 2.0.0", "451 4.3.0", "250 2.0.0"]
    assert installation.oopses()[0].id in told[1]
    assert len(installation.receipts()) == 2


def test_a_backlog_is_worked_in_chunks_and_what_killed_before_last(installation: Installation) -> None:
    """Poison in the spool takes nobody along: who has died with us before comes after all others, and alone."""
    offer(spooled(installation), make_mail("0 poison"))
    offer(spooled(installation), *(make_mail(f"{n}") for n in range(1, 6)))
    with writing(installation.engine) as conn:
        conn.execute(sa.update(receipt).where(receipt.c.message_id == "<0.poison@example.com>").values(attempts=1))
    resume(installation.works(), ChunkLimits(messages=2), Budget(messages=4))
    assert len(installation.calls()) == 4
    resume(installation.works(), ChunkLimits(messages=2), Budget())
    assert installation.calls()[-1].startswith("0 poison")
    assert installation.effects() == ["1", "2", "3", "4", "5"]


def test_each_chunk_gives_way_to_a_crowd_at_the_door(installation: Installation) -> None:
    """Before the ledger is asked what waits, so that the chunk is what waits then."""
    offer(spooled(installation), make_mail("1"), make_mail("2"))
    seen: list[list[str]] = []

    def give_way() -> None:
        if not seen:
            offer(spooled(installation), make_mail("3"))
        seen.append(installation.effects())

    resume(replace(installation.works(), give_way=give_way), ChunkLimits(messages=2), Budget())
    assert seen[:2] == [[], ["1", "2"]]
    assert installation.effects() == ["1", "2", "3"]


def test_what_is_not_due_is_left(installation: Installation, clock: Clock) -> None:
    """A deferred message of the spool is tried again when it is due, and not before."""
    offer(spooled(installation), make_mail("1 defer"))
    works = installation.works(clock)
    clock.now = datetime.now(UTC)
    for calls in (1, 1):
        resume(works, CHUNK, Budget())
        assert len(installation.calls()) == calls
    clock.forward(timedelta(minutes=2))
    resume(works, CHUNK, Budget())
    assert len(installation.calls()) == 2


def test_what_is_ours_stays_ours_when_a_copy_lies_in_a_maildrop(installation: Installation, clock: Clock) -> None:
    """The client of the spool was told 250: that the copy is removed there by somebody else must not lose the mail."""
    clock.now = datetime.now(UTC)
    drop, works = MemoryDrop("main"), installation.works(clock)
    raw = make_mail("1 defer")
    offer(spooled(installation), raw)
    drop.add(raw)
    empty(works, drop, DropPolicy(("X-Original-To",)), ChunkLimits(), Budget())
    (found,) = installation.receipts()
    assert (found.maildrop, found.deleted_at is None, drop.uids()) == (None, False, ["1"])
    clock.forward(timedelta(hours=1))
    resume(works, CHUNK, Budget())
    assert len(installation.calls()) == 2


def test_the_spool_takes_over_what_waits_in_a_maildrop(installation: Installation, clock: Clock) -> None:
    """A 250 rests on what we have, and not on a copy that another client of the mailbox may remove."""
    clock.now = datetime.now(UTC)
    drop, works = MemoryDrop("main"), installation.works(clock)
    raw = make_mail("1 defer")
    drop.add(raw)
    empty(works, drop, DropPolicy(("X-Original-To",)), ChunkLimits(), Budget())
    offer(spooled(installation), raw)
    (found,) = installation.receipts()
    assert (found.maildrop, found.deleted_at is None) == (None, False)


def test_of_two_runs_one_works_a_spooled_mail(installation: Installation) -> None:
    """What one run has in hand the other leaves alone, although it saw it waiting before."""
    offer(spooled(installation), make_mail("1"), make_mail("2"))
    one, other = installation.works(owner="one"), installation.works(owner="other")
    with writing(installation.engine) as conn:
        seen = spool.waiting(conn, one.clock(), behind=None, limit=10)
    with writing(installation.engine) as conn:
        started = [ledger.restart(conn, row.id, one.owner.id, {"other"}, due=one.clock()) for row in seen]
        again = [ledger.restart(conn, row.id, other.owner.id, {"one"}, due=one.clock()) for row in seen]
    assert [type(entry) for entry in started + again] == [Started, Started, Busy, Busy]
