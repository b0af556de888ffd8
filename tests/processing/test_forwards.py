"""Mail that goes on: every recipient has a state of its own, and the sender hears of those who are refused for good."""

from __future__ import annotations

import email
import email.policy
import logging
from collections import Counter
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailproc import Delivery, Outcome, Trust, handler
from mailproc.database import outbox, tables
from mailproc.database.engine import writing
from mailproc.database.outbox import Post
from mailproc.maildrops.memory import MemoryDrop
from mailproc.testing import PostOffice
from mailproc.testing import make_mail as make_a_mail
from tests.installation import RECIPIENT, Clock, Installation, MaildirBox, make_mail
from tests.servers.relay import RelayServer

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
REFUSED = "550 5.1.1 no such user"


def forward(installation: Installation, drop: MemoryDrop, clock: Clock, what: str = "1 10", **mail: str) -> None:
    """A mail that is sent on to groups comes in."""
    drop.add(make_mail(f"1 forward {what}", **mail))
    installation.empty(installation.works(clock), drop)


def served(relay: RelayServer) -> Counter[str]:
    """How often each was given the mail."""
    return Counter(to for mail in relay.received if mail.mail_from for to in mail.rcpt_tos)


def states(installation: Installation) -> dict[str, str]:
    """What became of each recipient of the forward."""
    (receipt,) = installation.receipts()
    with writing(installation.engine) as conn:
        rows = outbox.recipients_of(conn, receipt.id)
    return {row["recipient"]: row["state"] for row in rows if not row["answer"]}


def reports(relay: RelayServer) -> list[EmailMessage]:
    """The delivery status notifications that the relay was given."""
    mails = [email.message_from_bytes(each.data, policy=email.policy.default) for each in relay.received if not each.mail_from]
    return [mail for mail in mails if isinstance(mail, EmailMessage)]


def test_a_forward_goes_as_it_is_in_one_transaction(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock
) -> None:
    """Exactly its bytes, by its reverse path, once for each group; nobody is answered."""
    forward(installation, drop, clock, "2 3")
    installation.flush(installation.works(clock))
    raw = make_mail("1 forward 2 3")
    assert [(each.mail_from, each.rcpt_tos, each.data) for each in relay.received] == [
        ("list@example.org", [f"{group}{n}@example.net" for n in range(3)], f"X-Group: {group}\r\n".encode() + raw)
        for group in "ab"
    ]
    assert [row.message_id for row in installation.outbox()] == ["<1.forward.2.3@example.com>"] * 6
    assert installation.receipts()[0].answer is None


def test_some_are_put_off_and_some_refused(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each has its own end: who was served is not served again, who is put off is asked again, who is refused is not."""
    relay.refuse = {"a1@example.net": "451 4.3.0 later", "a2@example.net": REFUSED, "a4@example.net": "450 4.2.0 later"}
    forward(installation, drop, clock)
    works = installation.works(clock)
    installation.flush(works)
    assert Counter(states(installation).values()) == {"sent": 7, "waiting": 2, "refused": 1}
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert warned == [f"{installation.receipts()[0].id}: the relay refused the mail to a2@example.net: {REFUSED}"]
    installation.flush(works)
    assert relay.asked.count("a1@example.net") == 1  # not yet
    del relay.refuse["a1@example.net"]
    clock.forward(MINUTE)
    installation.flush(works)
    del relay.refuse["a4@example.net"]
    clock.forward(HOUR)
    installation.flush(works)
    assert Counter(states(installation).values()) == {"sent": 9, "refused": 1}
    assert served(relay) == {f"a{n}@example.net": 1 for n in range(10) if n != 2}
    assert relay.asked.count("a2@example.net") == 1


def test_a_relay_that_is_away_for_an_hour(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock
) -> None:
    """Run after run everybody waits, and is then served exactly once; nobody is told anything."""
    relay.stop()
    forward(installation, drop, clock, "5 10")
    works = installation.works(clock)
    for _ in range(60):
        installation.flush(works)
        clock.forward(MINUTE)
    assert set(states(installation).values()) == {"waiting"}
    relay.start()
    for _ in range(2):
        clock.forward(HOUR)
        installation.flush(works)
    assert served(relay) == dict.fromkeys(states(installation), 1)
    assert (len(relay.received), len(states(installation)), installation.oopses()) == (5, 50, [])


@pytest.mark.parametrize("kept", [True, False])
def test_a_connection_that_breaks_off_after_the_dot(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock, kept: bool
) -> None:
    """All of that transaction are asked for again, with the same bytes: one repeat, where the relay had them already."""
    relay.drop_after_dot, relay.lose_after_dot = int(kept), int(not kept)
    forward(installation, drop, clock, "3 4")
    works = installation.works(clock)
    installation.flush(works)
    assert set(states(installation).values()) == {"waiting"}
    clock.forward(MINUTE)
    installation.flush(works)
    assert served(relay) == {to: 1 + (kept and to.startswith("a")) for to in states(installation)}
    assert len({mail.data for mail in relay.received}) == 3
    assert reports(relay) == []


def test_a_relay_that_takes_few_recipients_at_once(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock
) -> None:
    """The others are served in further transactions of the same flush, and a full mailbox among them holds up nobody."""
    relay.most_recipients = 3
    relay.refuse = {"a5@example.net": "452 4.2.2 over quota"}
    forward(installation, drop, clock)
    installation.flush(installation.works(clock))
    assert Counter(states(installation).values()) == {"sent": 9, "waiting": 1}
    assert served(relay) == {f"a{n}@example.net": 1 for n in range(10) if n != 5}
    assert len(set(relay.clients)) == 1


def test_the_sender_is_told_who_was_refused(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock
) -> None:
    """By one report of RFC 3464 for all of a transaction, with the marks of an answer and the header of the mail alone."""
    relay.refuse = {"a1@example.net": REFUSED, "a3@example.net": "554 relay access denied", "a5@example.net": "451 later"}
    forward(installation, drop, clock, text="Secret words")
    installation.flush(installation.works(clock))
    (report,) = reports(relay)
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "delivery-status")
    assert (report["To"], report["Auto-Submitted"], report["X-Loop"]) == (
        "ann@example.com",
        "auto-replied",
        installation.works(clock).answering.mark,  # type: ignore[union-attr]
    )
    assert report["In-Reply-To"] == "<1.forward.1.10@example.com>"
    text, status, header = report.iter_parts()
    assert RECIPIENT in text.get_content() and f"a1@example.net: {REFUSED}" in text.get_content()
    about, first, second = status.get_payload()
    assert about["Reporting-MTA"].startswith("dns; ")
    assert [dict(each.items()) for each in (first, second)] == [
        {
            "Final-Recipient": "rfc822; a1@example.net",
            "Action": "failed",
            "Status": "5.1.1",
            "Diagnostic-Code": f"smtp; {REFUSED}",
        },
        {
            "Final-Recipient": "rfc822; a3@example.net",
            "Action": "failed",
            "Status": "5.0.0",
            "Diagnostic-Code": "smtp; 554 relay access denied",
        },
    ]
    assert header.get_content_type() == "text/rfc822-headers" and "X-Group: a" in header.get_content()
    assert "Secret" not in report.as_string()
    assert {each.mail_from for each in relay.received} == {"list@example.org", ""}


def test_who_waited_for_four_days_is_given_up_and_told_of(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """One OOPS for all of them, and one report, which says nothing of our relay."""
    relay.stop()
    forward(installation, drop, clock)
    works = installation.works(clock)
    for _ in range(4 * 2 + 1):
        installation.flush(works)
        clock.forward(12 * HOUR)
    assert set(states(installation).values()) == {"refused"}
    (oops,) = installation.oopses()
    (loud,) = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR and oops.id in each.getMessage()]
    assert "a0@example.net and 9 more" in loud
    relay.start()
    clock.forward(HOUR)
    installation.flush(works)
    (report,) = reports(relay)
    status = list(report.iter_parts())[1].as_string()
    assert status.count("Status: 4.4.7") == 10 and "127.0.0.1" not in report.as_string()
    assert served(relay) == {}


@handler(requires=Trust.NONE)
def onward(delivery: Delivery) -> Outcome:
    """Send the mail on, for anybody; the sender is told of one of two lists."""
    told, other = "bob@example.net", "eve@example.net"
    return delivery.handled(
        send=[
            delivery.forward(delivery.raw, [told], reverse_path="list@example.org", tells_sender=True),
            delivery.forward(delivery.raw, [other], reverse_path="list@example.org"),
        ]
    )


@pytest.mark.parametrize(
    ("mail", "tell"),
    [
        ({}, "ann@example.com"),
        ({"sender": "Ann <ANN@example.com>"}, "ANN@example.com"),
        ({"sender": "stranger@example.com"}, None),
        ({"sender": "old@example.com"}, None),
        ({"headers": {"X-Auto-Response-Suppress": "All"}}, None),
    ],
)
def test_who_may_be_told_is_decided_at_the_end_of_the_message(mail: dict[str, Any], tell: str | None) -> None:
    """As for every answer (design promise 3), and not when a recipient is refused; the bytes are stored for each."""
    with PostOffice() as office:
        office.user("ann", "ann@example.com")
        office.user("old", "old@example.com", active=False)
        office.bind("lists.example.org", onward)
        delivered = office.deliver(make_a_mail(to="all@lists.example.org", **mail))
    assert [(each.to, each.tell) for each in delivered.sent] == (
        [] if "old" in str(mail) else [("bob@example.net", tell), ("eve@example.net", None)]
    )
    assert delivered.answer is None


def test_the_sender_is_told_at_most_twenty_times_an_hour(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Reports count as answers do; what is over it is not sent, and logged."""
    relay.refuse = {"a1@example.net": REFUSED}
    forward(installation, drop, clock)
    answers = [Post(b"x\r\n", "", ["ann@example.com"], f"<{n}@us>", answer=True) for n in range(20)]
    with writing(installation.engine) as conn:
        for answer in answers:
            outbox.queue(conn, [answer], receipt_id="other", now=clock.now)
        conn.execute(sa.update(tables.outbox).where(tables.outbox.c.answer).values(sent_at=clock.now))
    installation.flush(installation.works(clock))
    assert reports(relay) == []
    assert any("answer suppressed: rate" in each.getMessage() for each in caplog.records)
    assert states(installation)["a1@example.net"] == "refused"


def test_a_report_that_is_refused_is_the_end(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock
) -> None:
    """Nobody is told of it: it has the null reverse path, and no report of its own."""
    relay.refuse = {"a1@example.net": REFUSED, "ann@example.com": REFUSED}
    forward(installation, drop, clock)
    installation.flush(installation.works(clock))
    assert [(row.recipient, row.tell) for row in installation.outbox() if row.answer] == [("ann@example.com", None)]
    assert installation.outbox()[-1].failed_at is not None


def test_what_would_say_more_than_one_mail_is_refused_for_all(
    installation: Installation, relay: RelayServer, drop: MemoryDrop, clock: Clock
) -> None:
    """A bare LF is what mail is smuggled with: the relay hears nothing of it, and the sender what is wrong."""
    forward(installation, drop, clock, text="a\n.\r\nMAIL FROM:<eve@example.net>")
    installation.flush(installation.works(clock))
    assert set(states(installation).values()) == {"refused"}
    (report,) = reports(relay)
    status = list(report.iter_parts())[1].as_string()
    assert status.count("Status: 5.6.0") == 10 and served(relay) == {}


def test_a_handler_that_sends_on_without_a_relay_has_failed(drop: MemoryDrop, tmp_path: Path, sqlite_url: str) -> None:
    """There is no [smtp] in the configuration: nothing would ever be sent."""
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")) as installation:
        drop.add(make_mail("1 forward 1 2"))
        installation.empty(installation.works(), drop)
        assert (installation.dispositions(), installation.effects(), installation.outbox()) == (["failed"], [], [])
        assert "there is no [smtp]" in installation.oopses()[0].exception


@handler()
def reporting(delivery: Delivery) -> Outcome:
    """Ask for a line in the administrator's report, where the subject does."""
    return delivery.handled("done", report="report" in delivery.message.subject)


@pytest.mark.parametrize("subject", ["report", "hush"])
def test_what_the_report_is_to_tell_stands_in_the_receipt(subject: str) -> None:
    """It is written with the end."""
    with PostOffice() as office:
        office.user("ann", "ann@example.com")
        office.bind("lists.example.org", reporting)
        office.deliver(make_a_mail(to="all@lists.example.org", subject=subject))
        with office.session() as session:
            assert session.execute(sa.select(tables.receipt.c.report)).scalar_one() is (subject == "report")
