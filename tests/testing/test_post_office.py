"""The post office: what a handler's test sees of it is what a run of ``mailproc handle`` would have done."""

import logging
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import mailproc.testing
from mailproc import Delivery, Outcome, Rejected, Reply, Transient, Trust, handler
from mailproc.address import Address
from mailproc.errors import MailprocError, SettingsError
from mailproc.testing import PostOffice, SigningKey, make_mail
from tests.servers.relay import RelayServer

metadata = sa.MetaData()
line = sa.Table("test_line", metadata, sa.Column("text", sa.Text))
TO = "lines@example.org"

MIGRATION = '''
"""lines"""
import sqlalchemy as sa
from alembic import op
revision = "1"
down_revision = None

def upgrade():
    op.create_table("test_line", sa.Column("text", sa.Text))
'''


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A post office with a table and two users."""
    with PostOffice(tables=metadata) as office:
        office.user("ann", "ann@example.com", "Ann@work.example")
        office.user("bob", "bob@example.com", require_strong=True)
        yield office


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    """A key for a user."""
    with SigningKey.generate("Cid <cid@example.com>") as key:
        yield key


@handler()
def write_line(delivery: Delivery) -> Outcome:
    """Keep the text."""
    delivery.session.execute(sa.insert(line).values(text=delivery.message.text.strip()))
    return delivery.handled("kept", send=[delivery.reply("Thank you.")])


def lines(office: PostOffice) -> list[str]:
    """What is kept."""
    with office.session() as session:
        return list(session.scalars(sa.select(line.c.text)))


def test_what_a_handler_writes_and_sends_is_seen(office: PostOffice) -> None:
    """The facts are those of the receipt, the row and the outbox."""
    office.bind("example.org", write_line)
    delivered = office.deliver(make_mail(to=TO, subject="Greetings", text="Hello"))
    assert (delivered.disposition, delivered.reason, delivered.rule) == ("handled", "kept", "human")
    assert (delivered.user, delivered.trust, delivered.handler) == ("ann", Trust.WEAK, "write_line")
    assert (delivered.answer, delivered.attempts, delivered.oops, delivered.traceback) == ("queued", 1, None, "")
    (sent,) = delivered.sent
    assert (sent.to, sent.subject, sent.text, sent.answer) == ("ann@example.com", "Re: Greetings", "Thank you.\n", True)
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in sent.raw
    assert lines(office) == ["Hello"]


def test_every_address_of_a_user_is_theirs(office: PostOffice) -> None:
    """Addresses are compared without regard to case."""
    office.bind("example.org", write_line)
    assert office.deliver(make_mail(sender="ann@WORK.example", to=TO)).user == "ann"


def test_a_signed_mail_is_strong(office: PostOffice, key: SigningKey) -> None:
    """PGP/MIME and clear-signed texts are verified by the real GnuPG."""
    office.user("cid", "cid@example.com", key=key)
    office.bind("example.org", write_line)
    for inline in (False, True):
        mail = make_mail(sender="cid@example.com", to=TO, text=f"Größe {inline}", key=key, inline=inline)
        delivered = office.deliver(mail)
        assert (delivered.disposition, delivered.trust) == ("handled", Trust.STRONG), delivered.reason
    assert lines(office) == ["Größe False", "Größe True"]


def test_an_altered_mail_is_rejected(office: PostOffice, key: SigningKey) -> None:
    """A signature is no ornament."""
    office.user("cid", "cid@example.com", key=key)
    office.bind("example.org", write_line)
    mail = make_mail(sender="cid@example.com", to=TO, text="Pay 10", key=key)
    assert office.deliver(mail.replace(b"Pay 10", b"Pay 99")).disposition == "rejected"
    assert lines(office) == []


def test_a_user_may_want_nothing_unsigned(office: PostOffice) -> None:
    """The flags of a user count."""
    office.user("dan", "dan@example.com", active=False)
    office.bind("example.org", write_line)
    assert office.deliver(make_mail(sender="bob@example.com", to=TO)).rule == "require-strong"
    assert office.deliver(make_mail(sender="dan@example.com", to=TO)).rule == "inactive"


def test_a_bug_is_an_oops(office: PostOffice) -> None:
    """What was written is undone, also what the handler has committed, and the exception can be read."""

    @handler()
    def broken(delivery: Delivery) -> Outcome:
        write_line(delivery)
        delivery.session.commit()
        return {}["nothing"]

    office.bind("example.org", broken)
    delivered = office.deliver(make_mail(to=TO, text="Hello"))
    assert (delivered.disposition, delivered.oops) == ("failed", "KeyError: 'nothing'")
    assert 'return {}["nothing"]' in delivered.traceback
    assert "OOPS-" in delivered.sent[0].text
    assert lines(office) == []


def test_a_handler_says_no_in_two_ways(office: PostOffice) -> None:
    """What a returned rejection has written stays; a raised one is undone."""

    @handler()
    def refuse(delivery: Delivery) -> Outcome:
        write_line(delivery)
        if "raise" in delivery.message.text:
            raise Rejected("No.")
        return delivery.reject("No.")

    office.bind("example.org", refuse)
    for text in ("return", "raise"):
        delivered = office.deliver(make_mail(to=TO, text=text))
        assert (delivered.disposition, delivered.reason, delivered.rule) == ("rejected", "No.", "handler")
    assert lines(office) == ["return"]


def test_a_deferred_mail_is_tried_again_when_time_has_passed(office: PostOffice) -> None:
    """Too early, it is left alone; each deferral gives its start back."""
    seen = []

    @handler()
    def wait(delivery: Delivery) -> Outcome:
        seen.append((delivery.id, delivery.attempt))
        write_line(delivery)
        if len(seen) < 3:
            raise Transient("the printer is away")
        return delivery.handled()

    office.bind("example.org", wait)
    delivered = office.deliver(make_mail(to=TO, text="Hello"))
    assert (delivered.disposition, delivered.reason, delivered.attempts) == ("deferred", "the printer is away", 0)
    assert lines(office) == []
    office.retry(delivered, after=timedelta(seconds=59))
    assert len(seen) == 1
    assert office.retry(delivered, after=timedelta(seconds=1)).disposition == "deferred"
    assert office.retry(delivered).disposition == "handled"
    assert lines(office) == ["Hello"]
    assert seen == [(delivered.id, 1)] * 3


def test_a_mail_is_not_deferred_for_ever(office: PostOffice) -> None:
    """After four days it has failed."""

    @handler()
    def wait(delivery: Delivery) -> Outcome:
        return delivery.defer("the printer")

    office.bind("example.org", wait)
    delivered = office.retry(office.deliver(make_mail(to=TO)), after=timedelta(days=4))
    assert (delivered.disposition, delivered.oops) == ("failed", "still waiting for the printer after 4 days")


def test_a_handler_can_log(office: PostOffice, caplog: pytest.LogCaptureFixture) -> None:
    """Its records carry the id of the message."""

    @handler()
    def talk(delivery: Delivery) -> Outcome:
        delivery.log.warning("looked at %s", delivery.recipient)
        return delivery.handled()

    office.bind("example.org", talk)
    with caplog.at_level(logging.INFO, "mailproc"):
        delivered = office.deliver(make_mail(to=TO))
    assert delivered.disposition == "handled", delivered.traceback
    (record,) = [record for record in caplog.records if record.name == "mailproc.talk"]
    assert (record.getMessage(), record.about) == (f"{delivered.id}: looked at {TO}", {"receipt": delivered.id})


def test_a_handler_may_use_its_session_as_it_likes(office: PostOffice) -> None:
    """Its own rollback takes back what it wrote since its own commit, and nothing of the mail's record."""

    @handler()
    def to_and_fro(delivery: Delivery) -> Outcome:
        write_line(delivery)
        delivery.session.commit()
        delivery.session.execute(sa.insert(line).values(text="gone"))
        delivery.session.rollback()
        return delivery.handled()

    office.bind("example.org", to_and_fro)
    assert office.deliver(make_mail(to=TO, text="Hello")).disposition == "handled"
    assert lines(office) == ["Hello"]


def test_a_handler_that_ends_the_transaction_fails_alone(office: PostOffice) -> None:
    """The transaction belongs to the chunk."""

    @handler()
    def greedy(delivery: Delivery) -> Outcome:
        delivery.session.connection().get_transaction().commit()
        return delivery.handled()

    office.bind("example.org", greedy)
    assert office.deliver(make_mail(to=TO)).disposition == "failed"
    office.bind("example.org", write_line)
    assert office.deliver(make_mail(to=TO)).disposition == "handled"


def test_time_stands_still_until_it_is_set(key: SigningKey) -> None:
    """A mail may be written, signed and delivered at any time."""
    then = datetime(2020, 2, 29, 12, tzinfo=UTC)
    with SigningKey.generate("Cid <cid@example.com>", at=then - timedelta(days=1)) as old, PostOffice(now=then) as office:
        office.user("cid", "cid@example.com", key=old)

        @handler(requires=Trust.STRONG)
        def look(delivery: Delivery) -> Outcome:
            return delivery.handled(str(delivery.message.date))

        office.bind("example.org", look)
        mail = make_mail(sender="cid@example.com", to=TO, text="Old", key=old, at=then)
        assert office.deliver(mail).reason == "2020-02-29 12:00:00+00:00"
        office.now += timedelta(days=3)
        late = make_mail(sender="cid@example.com", to=TO, text="Late", key=old, at=then)
        assert office.deliver(late).rule == "signature.too-old"


def test_the_envelope_may_name_another_recipient(office: PostOffice) -> None:
    """``to`` is what a mail server leaves in Delivered-To; without it, To counts."""

    @handler()
    def tell(delivery: Delivery) -> Outcome:
        return delivery.handled(str(delivery.recipient))

    office.bind("*.example.org", tell)
    mail = make_mail(to="A list <list@example.net>", text="Hello")
    assert office.deliver(mail, to="ann+work@Lists.example.org").reason == "ann+work@lists.example.org"
    assert office.deliver(mail).rule == "route.no-handler"
    assert office.deliver(b"From: ann@example.com\r\n\r\nNobody\r\n").rule == "route.no-recipient"


def test_automatic_mail_is_dropped_unless_the_domain_wants_it(office: PostOffice) -> None:
    """The policy of a domain is given with the handler."""
    office.bind("example.org", write_line)
    assert office.deliver(make_mail(to=TO, headers={"Precedence": "bulk"})).disposition == "dropped"
    office.bind("example.org", write_line, drop=["loop"], trust=["from"])
    assert office.deliver(make_mail(to=TO, headers={"Precedence": "bulk"})).disposition == "handled"


def test_a_copy_is_not_handled_again(office: PostOffice) -> None:
    """The same bytes for the same recipient have one effect."""
    office.bind("example.org", write_line)
    mail = make_mail(to=TO, text="Hello")
    assert office.deliver(mail) == office.deliver(mail)
    assert lines(office) == ["Hello"]


def test_migrations_make_the_tables(tmp_path: Path) -> None:
    """A folder of versions is run as ``mailproc db upgrade`` would."""
    (tmp_path / "1_lines.py").write_text(MIGRATION)
    with PostOffice(migrations=tmp_path) as office:
        office.user("ann", "ann@example.com")
        office.bind("example.org", write_line)
        assert office.deliver(make_mail(to=TO, text="Hello")).disposition == "handled"
    with pytest.raises(MailprocError, match="no installed plugin offers migrations under the name nosuch"):
        PostOffice(migrations="nosuch")


@handler()
@dataclass(frozen=True)
class Shout:
    """A handler with an option."""

    mark: str = "!"

    def __call__(self, delivery: Delivery) -> Outcome:
        """Shout."""
        return delivery.handled(self.mark)


def test_a_handler_is_given_as_it_is_or_by_name(office: PostOffice) -> None:
    """A name is looked up as the configuration does, with its options."""
    office.bind("a.example.org", Shout("?"))
    office.bind("b.example.org", f"{__name__}:Shout", {"mark": "!!"})
    delivered = [office.deliver(make_mail(to=f"x@{domain}.example.org")) for domain in "ab"]
    assert [one.reason for one in delivered] == ["?", "!!"]
    assert [one.handler for one in delivered] == ["Shout", f"{__name__}:Shout"]


@pytest.mark.parametrize(
    ("candidate", "options", "says"),
    [
        (f"{__name__}:Shout", {"marc": "!"}, "there is no such option; did you mean mark"),
        ("nosuch", {}, "no installed package offers nosuch"),
        (len, {}, "len is not a handler"),
        (Shout, {}, "Shout: give options with the name of a handler, or an instance"),
        (Shout(), {"mark": "?"}, "Shout: give options with the name of a handler, or an instance"),
    ],
)
def test_what_is_no_handler_cannot_be_bound(
    office: PostOffice, candidate: object, options: dict[str, object], says: str
) -> None:
    """A mistake is told at once, not with the first mail."""
    with pytest.raises(SettingsError, match=says):
        office.bind("example.org", candidate, options)


def test_the_example_of_the_kit_is_true() -> None:
    """The test in its docstring runs and passes."""
    example = textwrap.dedent((mailproc.testing.__doc__ or "").split("::\n\n")[1].split("\n``")[0])
    names = dict(vars(mailproc.testing))
    exec(example, names)
    names["test_a_note_needs_a_notebook"]()


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder and database are removed, also when the post office could not be opened."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with PostOffice(tables=metadata) as office:
        office.deliver(make_mail(to=TO))
        assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(MailprocError):
        PostOffice(migrations="nosuch")
    assert list(tmp_path.iterdir()) == []


@handler()
@dataclass(frozen=True)
class Shelf:
    """A handler that knows its addresses, and says where a mail came from."""

    def accepts(self, address: Address) -> bool:
        """Its one address."""
        return address.local == "lines"

    def __call__(self, delivery: Delivery) -> Outcome:
        """Refuse what is long, and note the reverse path of the rest."""
        if len(delivery.raw) > 1000:
            return delivery.reject("too long for the shelf", reply=Reply(552, "5.2.2", "The shelf is full"))
        return delivery.handled(f"from {delivery.reverse_path!r} by {delivery.entrance}")


def test_a_mail_may_be_brought_to_a_door(office: PostOffice) -> None:
    """The reply is what a client would hear, at RCPT or in the end; nobody is told by mail besides."""
    office.bind("example.org", Shelf())
    short, long = make_mail(to=TO), make_mail(to=TO, text="x" * 2000)
    assert office.submit(short, reverse_path="ann@example.com").code == 250
    assert office.submit(long).line() == "552 5.2.2 The shelf is full"
    assert office.submit(short, to="books@example.org").line() == "550 5.1.1 No such address here"
    assert office.submit(short, to="lines@example.net").line() == "550 5.7.1 Relaying denied"


def test_a_mail_may_have_a_reverse_path(office: PostOffice) -> None:
    """As a mail server writes it down; without one nothing is known."""
    office.bind("example.org", Shelf())
    mail = make_mail(to=TO)
    assert office.deliver(mail, reverse_path="bob@example.net").reason == "from 'bob@example.net' by maildrop"
    assert office.deliver(mail).reason == "from None by maildrop"


def test_a_mistake_that_is_raised_is_told_in_its_own_words(office: PostOffice) -> None:
    """At a door by the reply that it has, elsewhere by a delivery status notification (RFC 3464)."""

    @handler()
    def nobody(delivery: Delivery) -> Outcome:
        raise Rejected("There is no such line.", reply=Reply(550, "5.1.1", "There is no such line"), dsn=True)

    office.bind("example.org", nobody)
    assert office.submit(make_mail(to=TO, text="Hello")) == Reply(550, "5.1.1", "There is no such line")
    (told,) = office.deliver(make_mail(to=TO, text="Hello")).sent
    assert b"report-type=delivery-status" in told.raw and b"\r\nStatus: 5.1.1\r\n" in told.raw


def test_a_handler_sees_the_time_of_the_post_office(office: PostOffice) -> None:
    """What depends on the time can be tried at any time."""
    seen = []

    @handler()
    def watch(delivery: Delivery) -> Outcome:
        seen.append(delivery.now)
        return delivery.handled()

    office.bind("example.org", watch)
    office.now = datetime(2030, 1, 1, tzinfo=UTC)
    office.deliver(make_mail(to=TO, text="Hello"))
    assert seen == [office.now]


def test_what_waits_is_sent_to_a_relay_of_the_test(office: PostOffice, relay: RelayServer) -> None:
    """It is a real relay, and the outbox knows what it said."""
    office.bind("example.org", write_line)
    office.deliver(make_mail(to=TO, text="Hello"))
    office.flush(relay.host, relay.port)
    assert [received.rcpt_tos for received in relay.received] == [["ann@example.com"]]
