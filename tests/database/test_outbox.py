"""The outbox: mails leave it once, in order, in pieces that fit into memory."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from mailproc.database import outbox
from mailproc.database.engine import reading, writing

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def conn(engine):
    """A connection in a transaction that is open for the whole test."""
    with writing(engine) as connection:
        yield connection


def put(conn, recipient="anna@example.org", *, answer=True, raw=b"From: us\r\n\r\nhello\r\n", now=NOW):
    """Queue a mail."""
    return outbox.queue(
        conn, receipt_id="r1", answer=answer, reverse_path="", recipient=recipient, message_id="<1@us>", raw=raw, now=now
    )


def ids_due(conn, now=NOW, limit=100):
    """The numbers of the mails that are due."""
    return [row.id for row in outbox.due(conn, now, limit)]


def test_a_queued_mail_is_due_as_it_was(conn):
    """Every field comes back, and nobody has claimed it."""
    id = put(conn)
    raw = b"From: us\r\n\r\nhello\r\n"
    assert outbox.due(conn, NOW, 10) == [
        outbox.Queued(id, "r1", True, "", "anna@example.org", "<1@us>", raw, NOW, attempts=0, claim=0, owner=None)
    ]
    assert outbox.waiting(conn) == 1


def test_the_oldest_are_sent_first(conn):
    """A limit takes from the front."""
    ids = [put(conn) for _ in range(3)]
    assert ids_due(conn) == ids
    assert ids_due(conn, limit=2) == ids[:2]


def test_one_question_is_answered_with_as_much_as_fits(conn):
    """Large mails come one at a time, however large, and small ones together."""
    large = bytes(outbox.OCTETS_AT_ONCE + 1)
    ids = [put(conn, raw=large), put(conn), put(conn), put(conn, raw=large)]
    assert ids_due(conn) == ids[:1]
    outbox.sent(conn, ids[0], NOW, "250")
    assert ids_due(conn) == ids[1:3]


def test_of_two_who_saw_the_same_claim_one_wins(conn):
    """A claim rises when it is taken, and who comes later must have seen that."""
    id = put(conn)
    assert outbox.claim(conn, id, 0, "me", NOW)
    assert not outbox.claim(conn, id, 0, "you", NOW)
    [row] = outbox.due(conn, NOW, 1)
    assert (row.claim, row.owner) == (1, "me")
    assert outbox.claim(conn, id, row.claim, "the next, after my death", NOW)


def test_two_processes_do_not_claim_the_same_mail(engine):
    """Eight connections at once that saw the same claim: one has it."""
    with writing(engine) as connection:
        id = put(connection)
    won = []
    start = threading.Barrier(8)

    def try_it(name):
        start.wait()
        with writing(engine) as connection:
            if outbox.claim(connection, id, 0, name, NOW):
                won.append(name)

    threads = [threading.Thread(target=try_it, args=(f"run {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert [row.owner for row in outbox.due(connection, NOW, 1)] == won
    assert len(won) == 1


def test_a_sent_mail_does_not_come_back(conn):
    """Nothing that is said later makes it wait again."""
    id = put(conn)
    outbox.sent(conn, id, NOW, "250 2.0.0 queued")
    outbox.retry(conn, id, NOW, "451 too late")
    outbox.refused(conn, id, NOW, "550 too late")
    assert ids_due(conn, NOW + timedelta(days=9)) == []
    assert not outbox.claim(conn, id, 0, "me", NOW)
    assert outbox.waiting(conn) == 0


def test_a_refused_mail_is_final(conn):
    """After a 5xx nobody tries again."""
    id = put(conn)
    outbox.refused(conn, id, NOW, "550 5.1.1 no such user")
    assert ids_due(conn, NOW + timedelta(days=9)) == []
    assert outbox.waiting(conn) == 0


def test_a_mail_that_was_put_off_waits_for_its_time(conn):
    """It counts its tries, belongs to nobody, and cannot be claimed before."""
    id = put(conn)
    outbox.claim(conn, id, 0, "me", NOW)
    outbox.retry(conn, id, NOW + MINUTE, "451 later")
    assert ids_due(conn) == []
    assert not outbox.claim(conn, id, 1, "me", NOW)
    assert outbox.waiting(conn) == 1
    [row] = outbox.due(conn, NOW + MINUTE, 10)
    assert (row.id, row.attempts, row.claim, row.owner) == (id, 1, 1, None)


def test_answers_are_counted_by_address_in_any_case(conn):
    """Writing one's address in another way does not get round the limit; other mails and older answers do not count."""
    put(conn, "Anna@Example.org")
    put(conn, "anna@example.org", now=NOW - MINUTE)
    put(conn, "anna@example.org", now=NOW - 2 * MINUTE)
    put(conn, "anna@example.org", answer=False)
    put(conn, "bob@example.org")
    assert outbox.answers_between(conn, "ANNA@example.ORG", NOW - MINUTE, NOW + 59 * MINUTE) == 2


def test_answers_that_a_wrong_clock_has_dated_ahead_do_not_count(conn):
    """The window of an hour ends now: what was queued a year later silences nobody."""
    put(conn, now=NOW + timedelta(days=365))
    put(conn, now=NOW)
    assert outbox.answers_between(conn, "anna@example.org", NOW - timedelta(hours=1), NOW) == 1


def test_a_mail_that_a_wrong_clock_has_put_off_for_a_year_is_due(conn):
    """Nothing is put off for more than an hour, so that a later time is none to wait for."""
    id = put(conn)
    outbox.retry(conn, id, NOW + timedelta(hours=1), "451 later")
    assert ids_due(conn) == []
    outbox.retry(conn, id, NOW + timedelta(days=365), "451 later")
    assert ids_due(conn) == [id]
    assert outbox.claim(conn, id, 0, "me", NOW)


def test_what_is_no_answer_keeps_its_address_as_it_is(conn):
    """The local part belongs to the receiving host (RFC 5321 section 2.4)."""
    put(conn, "Anna@Example.org", answer=False)
    assert [row.recipient for row in outbox.due(conn, NOW, 1)] == ["Anna@Example.org"]
