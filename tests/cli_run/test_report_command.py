"""`mailproc report`: the administrator is told once of what failed, by a real relay, and of nothing when there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import sqlalchemy as sa

from mailproc.database import tables
from mailproc.database.engine import writing
from tests.cli_run.conftest import Called, Make
from tests.installation import Installation, make_mail
from tests.servers.relay import RelayServer


@pytest.fixture
def site(make: Make, relay: RelayServer) -> Installation:
    """An installation in which one mail failed, one was rejected, one was handled, and an address is dead."""
    site = make(relay=relay)
    relay.refuse["ann@example.com"] = "550 5.1.1 no such user"
    for name in ("1", "2 raise", "3 reject", "4 reply"):
        site.append(make_mail(name))
    works = site.works()
    site.empty(works)
    site.flush(works)
    relay.refuse.clear()
    return site


def told(site: Installation) -> list[tuple[str, str, str]]:
    """The reports that the relay was given: to whom, the subject, the text."""
    assert site.relay is not None
    mails = [(mail.rcpt_tos, message_from_bytes(mail.data, policy=default)) for mail in site.relay.received]
    return [(to[0], str(mail["Subject"]), mail.get_content().replace("\r\n", "\n")) for to, mail in mails]


def test_what_failed_is_told_once(site: Installation, mailproc: Called) -> None:
    """Each kind has a section and each thing what it takes to look it up; the next report has nothing to tell."""
    assert mailproc("report") == mailproc("report")  # quiet, with and without anything to tell
    ((to, subject, text),) = told(site)
    assert (to, subject) == ("robot@example.org", "mailproc: 1 failed, 3 not sent, 1 rejected")
    assert "LookupError in the handler" in text and site.oopses()[0].id in text
    assert "There is no such book." in text
    assert text.count("550 5.1.1 no such user") == 3
    assert "ann at example com" in text
    assert "wrote 1" not in text


def test_a_report_is_a_mail_of_a_machine(site: Installation, mailproc: Called) -> None:
    """No responder answers it, and it is known for ours when it comes back (RFC 3834 section 5)."""
    assert mailproc("report", "--to", "ops@example.net").status == 0
    assert site.relay is not None
    (received,) = site.relay.received
    mail = message_from_bytes(received.data)
    assert (received.mail_from, received.rcpt_tos) == ("robot@example.org", ["ops@example.net"])
    assert (mail["Auto-Submitted"], mail["X-Loop"]) == ("auto-generated", "mailproc/example.org")


def test_it_is_marked_only_once_the_relay_has_taken_it(site: Installation, mailproc: Called) -> None:
    """A relay that is away or refuses the report leaves all of it for the next time."""
    assert site.relay is not None
    site.relay.stop()
    away = mailproc("report")
    assert (away.status, "relay 127.0.0.1" in away.line) == (75, True)
    site.relay.start()
    site.relay.refuse["robot@example.org"] = "550 5.7.1 not you"
    refused = mailproc("report")
    told_twice = ["mailproc: the relay refused the report to robot@example.org: 550 5.7.1 not you"] * 2
    assert (refused.status, refused.err.splitlines()) == (69, told_twice)
    site.relay.refuse["robot@example.org"] = "451 4.3.0 not now"
    assert mailproc("report").status == 75
    site.relay.refuse.clear()
    assert mailproc("report").status == 0
    assert len(told(site)) == 1


def test_a_dry_run_shows_it_and_changes_nothing(site: Installation, mailproc: Called) -> None:
    """It can be looked at as often as one likes."""
    first, second = mailproc("report", "-n"), mailproc("report", "--dry-run")
    assert first == second
    assert first.out.startswith("To: robot@example.org\nSubject: mailproc: 1 failed, 3 not sent, 1 rejected\n\nOn ")
    assert told(site) == []


@pytest.mark.parametrize(
    ("arguments", "days", "sent"),
    [
        (["--at-least", "5"], 0, True),
        (["--at-least", "6"], 0, False),
        (["--at-least", "6", "--older-than", "2 d"], 1, False),
        (["--at-least", "6", "--older-than", "2 d"], 3, True),
    ],
)
def test_little_is_told_when_it_is_old(
    site: Installation, mailproc: Called, arguments: list[str], days: int, sent: bool
) -> None:
    """A threshold keeps the mail away until there is enough, or until it has waited."""
    with writing(site.engine) as conn:
        then = datetime.now(UTC) - timedelta(days=days)
        conn.execute(sa.update(tables.receipt).where(tables.receipt.c.disposition == "failed").values(finished_at=then))
    assert mailproc("report", *arguments).status == 0
    assert bool(told(site)) == sent


def test_what_handlers_want_told_and_what_was_not_done_is_told(site: Installation, mailproc: Called) -> None:
    """A note of a handler, and an errand that has failed, each under its own heading."""
    with writing(site.engine) as conn:
        conn.execute(sa.update(tables.receipt).where(tables.receipt.c.disposition == "handled").values(report=True))
        errand = {"receipt_id": site.receipts()[0].id, "key": "", "handler": "chat", "payload": "{}"}
        now = datetime.now(UTC)
        conn.execute(
            sa.insert(tables.errand).values(**errand, created_at=now, waiting_since=now, failed_at=now, reply="no such channel")
        )
    assert mailproc("report").status == 0
    ((_, subject, text),) = told(site)
    assert subject == "mailproc: 1 failed, 1 not done, 3 not sent, 2 noted, 1 rejected"
    assert "no such channel" in text and "wrote 1" in text


def test_what_failed_again_is_told_again(site: Installation, mailproc: Called) -> None:
    """A message that was reprocessed in vain is news."""
    assert mailproc("report").status == 0
    assert mailproc("messages", "reprocess", "--failed").status == 0
    assert mailproc("report").status == 0
    assert [subject for _, subject, _ in told(site) if subject.startswith("mailproc:")][1] == "mailproc: 1 failed"


def test_two_reports_do_not_meet(site: Installation, mailproc: Called) -> None:
    """The second says so and leaves it to the first."""
    with site.state.locked("of.the.report"):
        assert (mailproc("report").status, mailproc("report").line) == (75, "another report is being sent")


def test_nobody_to_tell_is_said(make: Make, mailproc: Called) -> None:
    """Without a relay there is no report; the line names the file and the fix."""
    site = make()
    ended = mailproc("report")
    assert (ended.status, ended.line) == (78, f"{site.config}: there is no [smtp], by which a report could be sent; add one")


def test_a_bad_address_is_told(site: Installation, mailproc: Called) -> None:
    """Nothing is marked for a report that nobody could get."""
    ended = mailproc("report", "--to", "nobody")
    assert (ended.status, "--to 'nobody' is no address" in ended.err) == (64, True)
    assert mailproc("report").status == 0
    assert len(told(site)) == 1


def test_a_report_does_not_read_all_that_is_kept(site: Installation) -> None:
    """What is to be told is found by indexes that hold nothing else."""
    from mailproc.database.engine import reading
    from mailproc.database.unreported import unreported

    asked: list[tuple[str, object]] = []
    with reading(site.engine) as conn:
        sa.event.listen(conn, "before_cursor_execute", lambda c, cursor, text, values, *_: asked.append((text, values)))
        assert len(unreported(conn)) == 5
        plans = [conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in list(asked)]
    shown = [" ".join(str(row[3]) for row in plan) for plan in plans]
    assert ["_unreported" in plan for plan in shown] == [True, True, True], shown


def test_a_report_whose_words_are_refused_is_sent_without_them(site: Installation, mailproc: Called) -> None:
    """What a sender has written into an address or a reason cannot keep the administrator from hearing."""
    assert site.relay is not None
    site.relay.refuse_words = b"There is no such book."
    assert mailproc("report").status == 0
    ((_, subject, text),) = told(site)
    assert subject == "mailproc: 1 failed, 3 not sent, 1 rejected"
    assert site.oopses()[0].id in text and "LookupError" not in text
    assert mailproc("report", "-n").out == ""


def test_a_handler_may_say_how_its_addresses_are_written(site: Installation, mailproc: Called) -> None:
    """An address that is a secret does not travel in a report; of a handler that is gone none does."""
    site.edit('use = "tests.crash.deeds:Deeds"', 'use = "tests.crash.deeds:Discreet"')
    assert "     to: somebody at notes.example.org" in mailproc("report", "-n").out
    site.edit('use = "tests.crash.deeds:Discreet"', 'use = "tests.crash.deeds:Nobody"')
    assert "     to: ...@notes.example.org" in mailproc("report", "-n").out
