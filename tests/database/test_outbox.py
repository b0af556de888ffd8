"""The outbox: mails leave it once, in order, in pieces that fit into memory."""

import threading
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from mailproc.database import outbox
from mailproc.database.engine import reading, writing
from mailproc.database.outbox import Post
from mailproc.database.tables import letter

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def conn(engine):
    """A connection in a transaction that is open for the whole test."""
    with writing(engine) as connection:
        yield connection


RAW = b"From: us\r\n\r\nhello\r\n"


def post(*recipients, raw=RAW, reverse_path="", answer=False, tell=None):
    """A letter to these."""
    return Post(raw, reverse_path, recipients, "<1@us>", answer, tell)


def put(conn, recipient="anna@example.org", *, answer=True, raw=RAW, now=NOW):
    """Queue a mail to one recipient."""
    (id,) = outbox.queue(conn, [post(recipient, raw=raw, answer=answer)], receipt_id="r1", now=now)
    return id


def rows_due(conn, now=NOW, limit=100):
    """The recipients that are due."""
    return [row for batch in outbox.due(conn, now, limit) for row in batch.rows]


def ids_due(conn, now=NOW, limit=100):
    """Their numbers."""
    return [row.id for row in rows_due(conn, now, limit)]


def stored(conn):
    """How many letters there are."""
    return conn.scalar(sa.select(sa.func.count()).select_from(letter))


def test_a_queued_mail_is_due_as_it_was(conn):
    """Every field comes back, and nobody has claimed it."""
    id = put(conn)
    row = outbox.Queued(id, "r1", "anna@example.org", NOW, attempts=0, claim=0, owner=None)
    assert outbox.due(conn, NOW, 10) == [outbox.Batch(RAW, None, "", (row,))]
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


def test_the_bytes_of_a_letter_are_stored_once(conn):
    """What a message sends to many, also by a reverse path for each, is one letter; who is told of failures makes another."""
    verp = [post(f"{n}@example.net", reverse_path=f"list+{n}@example.org") for n in range(30)]
    told = post("x@example.net", tell="ann@example.com")
    ids = outbox.queue(conn, [*verp, post("a@example.net", "b@example.net"), told], receipt_id="r1", now=NOW)
    assert (len(ids), ids, stored(conn)) == (33, sorted(ids), 2)
    assert [batch.tell for batch in outbox.due(conn, NOW, 100)] == [None] * 31 + ["ann@example.com"]


def test_nobody_gets_the_same_bytes_twice_from_the_same_path(conn):
    """A recipient who is in two lists is served once; by another reverse path, or with other bytes, it is another mail."""
    posts = [
        post("a@example.net", "b@example.net"),
        post("b@example.net", "c@example.net"),
        post("b@example.net", reverse_path="x@example.org"),
        post("b@example.net", raw=RAW + b"more\r\n"),
    ]
    assert len(outbox.queue(conn, posts, receipt_id="r1", now=NOW)) == 5
    assert outbox.queue(conn, [], receipt_id="r1", now=NOW) == []


def test_recipients_of_a_letter_go_together(conn):
    """In mail transactions of at most a hundred, one of them whole also beyond the limit, and apart from what is not ASCII."""
    many = [f"{n}@example.net" for n in range(250)]
    outbox.queue(conn, [post("z@example.net", raw=b"other\r\n"), post(*many, "j\xf6rg@example.net")], receipt_id="r1", now=NOW)
    sizes = [len(batch.rows) for batch in outbox.due(conn, NOW, 50)]
    assert sizes == [1, 100, 49]
    assert [len(batch.rows) for batch in outbox.due(conn, NOW, 1000)] == [1, 100, 100, 50, 1]


def test_a_large_letter_to_thousands_is_read_once_for_all_that_are_due(conn):
    """Memory holds its bytes one time, however many wait for it."""
    large = bytes(outbox.OCTETS_AT_ONCE // 2)
    posts = [post(f"{n}@example.net", raw=large, reverse_path=f"list+{n}@example.org") for n in range(1000)]
    outbox.queue(conn, posts, receipt_id="r1", now=NOW)
    tracemalloc.start()
    batches = outbox.due(conn, NOW, 100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(batches), len({id(batch.raw) for batch in batches})) == (100, 1)
    assert peak < 4 * len(large)


def test_what_became_of_everybody_is_told(conn):
    """Each recipient of a message with its state and the relay's last words."""
    ids = outbox.queue(conn, [post("a@example.net", "b@example.net", "c@example.net")], receipt_id="r1", now=NOW)
    outbox.sent(conn, ids[0], NOW, "250 OK")
    outbox.refused(conn, ids[1], NOW, "550 5.1.1 no such user")
    told = [(each["recipient"], each["state"], each["reply"]) for each in outbox.recipients_of(conn, "r1")]
    assert told == [
        ("a@example.net", "sent", "250 OK"),
        ("b@example.net", "refused", "550 5.1.1 no such user"),
        ("c@example.net", "waiting", None),
    ]


def test_of_two_who_saw_the_same_claim_one_wins(conn):
    """A claim rises when it is taken, and who comes later must have seen that."""
    id = put(conn)
    assert outbox.claim(conn, id, 0, "me", NOW)
    assert not outbox.claim(conn, id, 0, "you", NOW)
    [row] = rows_due(conn)
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
        assert [row.owner for row in rows_due(connection)] == won
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
    [row] = rows_due(conn, NOW + MINUTE)
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
    assert [row.recipient for row in rows_due(conn)] == ["Anna@Example.org"]


def test_a_large_letter_is_cut_once_nobody_waits_for_it(conn):
    """What was sent is in the archive; the database keeps the beginning, and small letters whole."""
    large = RAW + bytes(outbox.KEPT_OF_A_LETTER)
    ids = outbox.queue(conn, [post("a@x.org", "b@x.org", raw=large), post("c@x.org")], receipt_id="r1", now=NOW)

    def sizes():
        return [len(raw) for raw in conn.scalars(sa.select(letter.c.raw).order_by(letter.c.id))]

    outbox.sent(conn, ids[0], NOW, "250")
    outbox.cut_letters(conn, [ids[0]])
    assert sizes() == [len(large), len(RAW)]
    outbox.refused(conn, ids[1], NOW, "550")
    outbox.sent(conn, ids[2], NOW, "250")
    outbox.cut_letters(conn, ids[1:])
    assert sizes() == [outbox.KEPT_OF_A_LETTER, len(RAW)]
