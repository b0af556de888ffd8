"""A client waits for the end of its message: it is told there, and what it was not told 250 is its own."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP

import pytest

from mailproc.processing.attending import attend
from mailproc.processing.policy import Budget, ChunkLimits
from mailproc.processing.reworking import expire, reprocess, resume
from mailproc.processing.works import Works
from mailproc.reception.arriving import arrived_at_door
from tests.installation import RECIPIENT, Clock, Installation, make_mail
from tests.smtpd.dialogue import codes

HOUR = timedelta(hours=1)
ONE, TWO = "one@notes.example.org", "two@notes.example.org"


def said(works: Works, raw: bytes, *recipients: str, lmtp: bool = False) -> list[str]:
    """The replies to a message, as lines."""
    arrived = arrived_at_door(
        raw,
        "ann@example.com",
        recipients or (RECIPIENT,),
        entrance="lmtp" if lmtp else "smtp",
        arrival=works.clock(),
        client_waits=True,
    )
    return [reply.line() for reply in attend(works, arrived, one_reply=not lmtp)]


@pytest.mark.parametrize(
    ("subject", "told", "end"),
    [
        ("1", "250 2.0.0", "handled"),
        ("1 drop", "250 2.0.0", "dropped"),
        ("1 reject", "554 5.6.0", "rejected"),
        ("1 defer", "451 4.3.0", None),
        ("1 raise", "451 4.3.0", None),
    ],
)
def test_the_reply_tells_the_end(installation: Installation, clock: Clock, subject: str, told: str, end: str | None) -> None:
    """Each end has its reply, and nothing besides: no error mail goes out for it."""
    assert codes(said(installation.works(clock), make_mail(subject))) == [told]
    assert (installation.dispositions(), installation.outbox()) == ([end], [])


def test_a_failure_is_final_after_the_third_start(installation: Installation, clock: Clock) -> None:
    """The client comes again after 451 twice; each time there is an OOPS, which it hears, and not a word of the exception."""
    works, mail = installation.works(clock), make_mail("1 raise")
    replies = [said(works, mail)[0] for _ in range(4)]
    assert codes(replies) == ["451 4.3.0", "451 4.3.0", "554 5.3.0", "554 5.3.0"]
    ids = {oops.id for oops in installation.oopses()}
    assert {re.findall(r"OOPS-[0-9A-Z-]+", reply)[0] for reply in replies} == ids
    assert (len(ids), len(installation.calls())) == (3, 3)
    assert not any("a bug" in reply for reply in replies)
    assert replies[3] == replies[2], "the same bytes get the same reply"
    assert (installation.outbox(), installation.dispositions()) == ([], ["failed"])


def test_the_same_bytes_get_the_same_reply(installation: Installation, clock: Clock) -> None:
    """A client that has not heard its reply comes again: the handler is not called, and the copy is counted."""
    works, mail = installation.works(clock), make_mail("1")
    first = said(works, mail)
    assert said(works, mail) == first
    assert (installation.calls(), installation.receipts()[0].copies) == (["1 1"], 1)


def test_what_waits_for_its_client_is_taken_up_by_nobody_else(installation: Installation, clock: Clock) -> None:
    """After a 451 no run touches the message, and the client may come again at once."""
    works, mail = installation.works(clock), make_mail("1 defer")
    said(works, mail)
    clock.forward(HOUR)
    resume(works, ChunkLimits(), Budget())
    assert len(installation.calls()) == 1
    said(works, mail)
    said(works, mail)
    assert len(installation.calls()) == 3
    assert installation.receipts()[0].attempts == 0


def test_a_client_that_never_comes_again_has_failed_in_silence(installation: Installation, clock: Clock) -> None:
    """After 4 days the message has failed, loudly here and without a mail to anybody; who comes later hears of it."""
    works, mail = installation.works(clock), make_mail("1 defer")
    said(works, mail)
    clock.forward(timedelta(days=5))
    expire(works)
    assert (installation.dispositions(), installation.outbox()) == (["failed"], [])
    (oops,) = installation.oopses()
    assert oops.exception.startswith("still waiting for")
    assert oops.id in said(works, mail)[0]


def test_lmtp_has_a_reply_for_each_recipient(installation: Installation, clock: Clock) -> None:
    """RFC 2033 section 4.2: one reply for each RCPT that was accepted, in their order."""
    replies = said(installation.works(clock), make_mail("1 rejectone"), TWO, ONE, TWO, lmtp=True)
    assert codes(replies) == ["250 2.0.0", "554 5.6.0", "250 2.0.0"]


def test_smtp_has_one_reply_for_unlike_ends(installation: Installation, clock: Clock) -> None:
    """It is accepted when it was for one; the others are told by mail, once, also when the client comes again."""
    works = installation.works(clock)
    mail = make_mail("1 rejectone")
    for _ in range(2):
        assert codes(said(works, mail, ONE, TWO)) == ["250 2.0.0"]
    assert sorted(installation.dispositions(), key=str) == ["handled", "rejected"]
    (sent,) = installation.outbox()
    assert (sent.recipient, sent.reverse_path) == ("ann@example.com", "")


def test_smtp_takes_over_what_waits_when_one_was_accepted(installation: Installation, clock: Clock) -> None:
    """The client will not come again for the recipient that was deferred: a run does it."""
    works = installation.works(clock)
    assert codes(said(works, make_mail("1 deferone"), ONE, TWO)) == ["250 2.0.0"]
    assert set(installation.dispositions()) == {None, "handled"}
    resume(works, ChunkLimits(), Budget())
    assert installation.dispositions() == ["handled", "handled"]


def test_smtp_tells_late_what_a_crash_kept_from_being_told(installation: Installation, clock: Clock) -> None:
    """Between the ends and the mail about one of them we may die: the client comes again, and the mail goes out then."""
    works, mail = installation.works(clock), make_mail("1 rejectone")
    said(works, mail, ONE, TWO, lmtp=True)
    assert installation.outbox() == []
    assert codes(said(works, mail, ONE, TWO)) == ["250 2.0.0"]
    assert [sent.recipient for sent in installation.outbox()] == ["ann@example.com"]


def test_all_refused_is_refused(installation: Installation, clock: Clock) -> None:
    """Nobody took it: the client hears the refusal, and nothing goes out by mail."""
    assert codes(said(installation.works(clock), make_mail("1 reject"), ONE, TWO)) == ["554 5.6.0"]
    assert installation.outbox() == []


def test_who_was_told_at_the_door_is_not_told_by_mail(installation: Installation, clock: Clock) -> None:
    """A failed message that is processed again by hand and fails again is told to nobody; its client knows."""
    works, mail = installation.works(clock), make_mail("1 raise")
    for _ in range(3):
        said(works, mail)
    assert reprocess(works, installation.receipts()[0].id) == "failed"
    assert installation.outbox() == []
    assert codes(said(works, mail)) == ["554 5.3.0"]


def test_a_client_hears_of_the_end_after_a_reprocess(installation: Installation, clock: Clock) -> None:
    """It was told 554; somebody has mended the handler and run the message again: the same bytes are 250 now."""
    works, mail = installation.works(clock), make_mail("1 fourth")
    assert codes([said(works, mail)[0] for _ in range(3)])[-1] == "554 5.3.0"
    assert reprocess(works, installation.receipts()[0].id) == "handled"
    assert codes(said(works, mail)) == ["250 2.0.0"]
    assert len(installation.calls()) == 4


def test_a_reprocessed_message_waits_for_us(installation: Installation, clock: Clock) -> None:
    """What failed at a door and is processed again by hand is a run's from then on, and no more the client's."""
    works = installation.works(clock)
    said(works, make_mail("1 defer"))
    clock.forward(timedelta(days=5))
    expire(works)
    (receipt,) = installation.receipts()
    assert reprocess(works, receipt.id) == "deferred"
    clock.forward(HOUR)
    resume(works, ChunkLimits(), Budget())
    assert len(installation.calls()) == 3


@pytest.mark.parametrize("recipient", ["postmaster", "PostMaster"])
def test_the_postmasters_mail_goes_to_the_administrator(installation: Installation, clock: Clock, recipient: str) -> None:
    """Whoever wrote it, and also a bounce: whole, as a part of a mail of ours (RFC 5321 section 4.5.1)."""
    raw = b"From: stranger@elsewhere.example.net\r\nSubject: Abuse\r\nX-Bcc: x\r\n\r\nStop it.\r\n"
    arrived = arrived_at_door(raw, "", [recipient], entrance="smtp", arrival=clock.now, client_waits=True)
    (reply,) = attend(installation.works(clock), arrived, one_reply=True)
    assert reply.accepts
    ((receipt,), (sent,)) = installation.receipts(), installation.outbox()
    assert (receipt.recipient, receipt.handler, sent.recipient) == ("postmaster", "postmaster", "robot@example.org")
    mail = message_from_bytes(sent.raw)
    assert mail["Subject"] == "Mail to postmaster: Abuse"
    assert mail.get_payload()[1].get_payload()[0].as_bytes(policy=SMTP) == raw
