"""Lists in the database, and whom an address stands for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address
from mailproc.database.engine import make_engine
from mailproc.database.migrations import plugin_migrations, upgrade
from mailproc.forward import lists, members, tables
from mailproc.forward.bounces.dead import forget, note_bounce
from mailproc.forward.expansion import Lists
from mailproc.forward.resolver import Group, InvalidRecipient
from mailproc.forward.served import KEPT, claim, digest_of, had_mail
from mailproc.rawmail import RawMail
from mailproc.testing import PostOffice
from tests.forward.conftest import NOW, MakeList


def resolve(office: PostOffice, address: str) -> list[Group]:
    """The groups of an address."""
    with office.session() as session:
        return list(Lists().resolve(Address.parse(address), session))


def reached(office: PostOffice, address: str) -> dict[str, tuple[str, ...]]:
    """Whom a mail to an address reaches, by the name of the list."""
    return {group.name: group.recipients for group in resolve(office, address)}


def refusal(office: PostOffice, address: str) -> tuple[str, ...]:
    """Why an address stands for nobody."""
    with pytest.raises(InvalidRecipient) as caught:
        resolve(office, address)
    return caught.value.reasons


def test_a_list_is_its_members(office: PostOffice, make_list: MakeList) -> None:
    """They are sorted, spelt as they were given, and who is paused is left out."""
    make_list("board@example.org", "Cyd@Example.org", "ann@example.org", "(bob@example.org)", description="The board")
    (group,) = resolve(office, "BOARD@example.org")
    assert group == Group(
        name="board",
        address=Address("board", "example.org"),
        recipients=("ann@example.org", "Cyd@example.org"),
        description="The board",
        is_list=True,
    )


def test_a_list_of_the_domain_goes_before_one_of_every_domain(office: PostOffice, make_list: MakeList) -> None:
    """A list without a domain is an address in each."""
    make_list("board", "ann@example.org")
    make_list("board@example.net", "bob@example.org")
    assert reached(office, "board@example.com") == {"board": ("ann@example.org",)}
    assert reached(office, "board@example.net") == {"board": ("bob@example.org",)}
    assert [group.address for group in resolve(office, "board@example.com")] == [Address("board", "example.com")]


def test_an_alias_is_no_list(office: PostOffice, make_list: MakeList) -> None:
    """Its group says so."""
    make_list("boss", "ann@example.org", kind="alias")
    assert [group.is_list for group in resolve(office, "boss@example.org")] == [False]


def test_who_may_write_is_told_by_the_group(office: PostOffice, make_list: MakeList) -> None:
    """Members, also those who are paused or in a list of the list, and the owner."""
    make_list("choir", "dan@example.org")
    make_list("open", "ann@example.org", owner="Eve@example.org")
    make_list("inner", "(ann@example.org)", "@choir", posters="members", owner="Eve@example.org", strong=True)
    make_list("news", "ann@example.org", posters="owner", owner="Eve@example.org")
    groups = {name: resolve(office, f"{name}@example.org")[0] for name in ("open", "inner", "news")}
    assert {name: group.posters for name, group in groups.items()} == {
        "open": None,
        "inner": {"ann@example.org", "dan@example.org", "eve@example.org"},
        "news": {"eve@example.org"},
    }
    assert [groups[name].strong for name in groups] == [False, True, False]
    assert groups["news"].owner == "Eve@example.org"


def test_a_sum_is_a_group_for_each_list(office: PostOffice, make_list: MakeList) -> None:
    """Who is in both belongs to the first; a list of which nobody is left is no group."""
    make_list("board", "ann@example.org", "bob@example.org")
    make_list("choir-guests", "dan@example.org")
    make_list("choir", "BOB@example.org", "cyd@example.org", "@choir-guests")
    assert reached(office, "board+choir@example.org") == {
        "board": ("ann@example.org", "bob@example.org"),
        "choir": ("cyd@example.org", "dan@example.org"),
    }
    assert reached(office, "board+choir-choir-guests-board@example.org") == {"choir": ("cyd@example.org",)}
    assert reached(office, "choir+choir-guests@example.org") == {
        "choir": ("BOB@example.org", "cyd@example.org", "dan@example.org")
    }


def test_lists_nest_and_may_go_in_circles(office: PostOffice, make_list: MakeList) -> None:
    """Everybody is reached once; of one who is in several, the nearest list tells whether mail is wanted."""
    make_list("a", "ann@example.org", "(bob@example.org)")
    make_list("b", "bob@example.org", "cyd@example.org", "@a")
    make_list("c", "dan@example.org", "(@b)")
    with office.session() as session:
        members.add(session, lists.find(session, "a"), ["@b"], now=NOW)
    assert reached(office, "a@example.org") == {"a": ("ann@example.org", "cyd@example.org")}
    assert reached(office, "b@example.org") == {"b": ("ann@example.org", "bob@example.org", "cyd@example.org")}
    assert reached(office, "c@example.org") == {"c": ("dan@example.org",)}
    with office.session() as session:
        lists.set_closed(session, lists.find(session, "b"), NOW)
    assert reached(office, "a@example.org") == {"a": ("ann@example.org",)}


def test_every_term_that_is_wrong_is_told(office: PostOffice, make_list: MakeList) -> None:
    """Unknown names together, then all that are closed or empty."""
    make_list("board", "ann@example.org")
    make_list("empty")
    make_list("old", "bob@example.org")
    make_list("asleep", "(bob@example.org)")
    with office.session() as session:
        lists.set_closed(session, lists.find(session, "old"), NOW)
    assert refusal(office, "board+eve-mallory@example.org") == ("there is no list eve", "there is no list mallory")
    assert refusal(office, "board+empty-old@example.org") == ("old is closed", "empty has no members")
    assert refusal(office, "board-board@example.org") == ("board-board reaches nobody",)
    assert refusal(office, "asleep@example.org") == ("asleep reaches nobody",)


CHECKED = [
    *("board", "choir", "board+choir", "board-choir", "choir-board", "board-board", "board-sleepers", "asleep", "asleep+board"),
    *(
        "board+asleep",
        "all",
        "all-board",
        "board-all",
        "empty",
        "board+empty",
        "old",
        "board-old",
        "nobody",
        "all-choir+asleep",
    ),
    *("-board", "-board+board", "board-board+choir-board", "nested", "board-nested", "board+choir-all+choir", "void", "a++b"),
]


def test_whether_an_address_stands_for_somebody(office: PostOffice, make_list: MakeList) -> None:
    """It is told as the groups would tell it."""
    make_list("board", "ann@example.org", "bob@example.org")
    make_list("choir", "BOB@example.org", "cyd@example.org")
    make_list("asleep", "(ann@example.org)", "(@board)")
    make_list("all", "@board", "@choir")
    make_list("nested", "dan@example.org", "@all")
    make_list("empty")
    make_list("void", "@empty")
    make_list("old", "bob@example.org")
    with office.session() as session:
        lists.set_closed(session, lists.find(session, "old"), NOW)
        for local in CHECKED:
            said = []
            for ask in (Lists().check, Lists().resolve):
                try:
                    ask(Address(local, "example.org"), session)
                    said.append(())
                except InvalidRecipient as no:
                    said.append(no.reasons)
            assert said[0] == said[1], local


def test_not_all_members_are_read_to_say_so(office: PostOffice, make_list: MakeList) -> None:
    """A client at a door may ask for an address of many again and again."""
    make_list("big", *(f"{at}@example.org" for at in range(100)))
    make_list("board", "ann@example.org", "0@example.org")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mailproc.forward.expansion.people_of", lambda *_: pytest.fail("all members are read"))
        with office.session() as session:
            for local in ("big", "big+board", "big-board", "board+big-board", "big-big+board"):
                Lists().check(Address(local, "example.org"), session)


@pytest.mark.parametrize(
    "recipients", ["ann@example.org", b"ann@example.org", [b"ann@example.org"], None, 7, [None], ("ann@example.org", 7)]
)
def test_recipients_are_a_sequence_of_texts(recipients: object) -> None:
    """One address in place of a list would be as many recipients as it has letters."""
    with pytest.raises(TypeError, match="Group x: recipients is a sequence of addresses"):
        Group("x", Address("x", "example.org"), recipients)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Group x: posters is a sequence of addresses"):
        Group("x", Address("x", "example.org"), (), posters="ann@example.org")  # type: ignore[arg-type]
    assert Group("x", Address("x", "example.org"), iter(["a@example.org"])).recipients == ("a@example.org",)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def one_list() -> Iterator[Session]:
    """A session in a database where there is the list board@example.org, and nothing is changed."""
    engine = sa.create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with Session(engine) as session:
        lists.create(session, "board", "example.org", now=NOW)
        lists.create(session, "guests", "example.net", now=NOW)
        yield session
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("a+b", {}, "'a+b' cannot be a name: use at most 64 of a-z, 0-9, _, and . or - between them"),
        ("-a", {}, "'-a' cannot be a name"),
        ("a..b", {}, "'a..b' cannot be a name"),
        ("b\xf8rn", {}, "cannot be a name"),
        ("news", {"owner": "b\xf8rn@example.org"}, "the owner b\xf8rn@example.org cannot stand in a mail's header"),
        ("x" * 65, {}, "cannot be a name"),
        ("", {}, "'' cannot be a name"),
        ("BOARD", {}, "there is a list board@example.org already; type: mailproc list show"),
        ("news", {"posters": "owner"}, "only the owner may write to news, and there is none; give one with --owner"),
        ("news", {"owner": "Ann <ann@example.org>"}, "'Ann <ann@example.org>' is not an address"),
    ],
)
def test_what_cannot_be_a_list(one_list: Session, name: str, options: dict[str, str], says: str) -> None:
    """The error names what is wrong and what to do."""
    with pytest.raises(lists.ListError) as caught:
        lists.create(one_list, name, "example.org", now=NOW, **options)  # type: ignore[arg-type]
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ann", "'ann' is not an address; write it like ann@example.org"),
        ("a@b@example.org", "is not an address"),
        ("ann@example.org, bob@example.org", "is not an address"),
        ("ann@example.org, ", "is not an address"),
        ("", "'' is not an address"),
        ("@nobody", "there is no list nobody in example.org, whose people could be in it; make it first"),
        ("@guests", "there is no list guests in example.org, whose people could be in it; make it first"),
        ("@Board", "@board is the list itself, and cannot be in it; leave it out"),
        ("Board@Example.org", "Board@example.org is the list itself, and cannot be in it; leave it out"),
    ],
)
def test_who_cannot_be_a_member(one_list: Session, address: str, says: str) -> None:
    """The error names what is wrong and what to do."""
    with pytest.raises(lists.ListError) as caught:
        members.add(one_list, lists.find(one_list, "board"), [members.read_member(address)], now=NOW)
    assert says in str(caught.value)


def test_a_bounce_is_counted_until_it_is_forgotten(office: PostOffice, make_list: MakeList) -> None:
    """Each keeps the words of the last one."""
    make_list("board", "Ann@example.org", "bob@example.org")
    ann = Address.parse("ann@example.org")
    with office.session() as session:
        note_bounce(session, ann, "4.2.2", "full\nquota", NOW)
        note_bounce(session, Address.parse("ANN@example.org"), "5.1.1", "no such user", NOW)
        (listed,) = lists.every(session)
        assert (listed.members, listed.receiving, listed.dead) == (2, 2, 1)
        first, second = members.members(session, listed)
    assert (first.address, first.dead, first.bounces, first.last_bounce) == ("Ann@example.org", "5.1.1 no such user", 2, NOW)
    assert (second.dead, second.bounces) == (None, 0)
    with office.session() as session:
        forget(session, ["Ann@example.org"])
        assert [each.dead for each in lists.every(session)] == [0]


@pytest.fixture
def session(request: pytest.FixtureRequest, database_url: str) -> Iterator[Session]:
    """A session in a database with our tables, on SQLite and on PostgreSQL in turn."""
    engine = make_engine(database_url)
    upgrade(engine, [plugin for plugin in plugin_migrations() if plugin.name == "forward"])
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_both_databases_keep_lists(session: Session) -> None:
    """The same statements do on SQLite and on PostgreSQL, and the migration makes the tables that they name."""
    lists.create(session, "board", "example.org", now=NOW)
    board = lists.find(session, "board@example.org")
    given = (["ann@example.org", "ANN@example.org"], ["Ann@example.org"], [])
    assert [members.add(session, board, addresses, now=NOW) for addresses in given] == [1, 0, 0]
    for local in ("board", "board-board+board"):
        Lists().check(Address(local, "example.org"), session)
    members.set_receives(session, board, ["ann@example.org"], False)
    with pytest.raises(InvalidRecipient, match="board reaches nobody"):
        Lists().check(Address("board", "example.org"), session)
    note_bounce(session, Address.parse("ann@example.org"), "5.1.1", "gone", NOW)
    note_bounce(session, Address.parse("ann@example.org"), "5.1.1", "gone", NOW)
    (listed,) = lists.every(session, limit=1)
    assert (listed.members, listed.receiving, listed.dead, listed.created_at) == (1, 0, 1, NOW)
    assert [each.bounces for each in members.members(session, board)] == [2]
    assert claim(session, "digest", ["b@example.org", "A@example.org"], NOW) == {"a@example.org", "b@example.org"}
    assert claim(session, "digest", ["a@example.org", "c@example.org"], NOW) == {"c@example.org"}
    members.remove(session, board, ["Ann@example.org"])
    members.add(session, board, ["ann@example.org"], now=NOW)
    lists.delete(session, board)
    with pytest.raises(lists.ListError):
        lists.find(session, "board")
    inspector = sa.inspect(session.connection())
    for table in tables.metadata.sorted_tables:
        assert {column["name"] for column in inspector.get_columns(table.name)} == set(table.columns.keys())


def test_of_two_who_serve_at_once_one_waits(postgresql_url: str) -> None:
    """And then leaves out whom the other has served."""
    engine = make_engine(postgresql_url)
    upgrade(engine, [plugin for plugin in plugin_migrations() if plugin.name == "forward"])
    waits = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with Session(engine) as first, Session(engine) as second, ThreadPoolExecutor(1) as thread, engine.connect() as looking:
        assert claim(first, "digest", ["ann@example.org", "bob@example.org"], NOW) == {"ann@example.org", "bob@example.org"}
        late = thread.submit(claim, second, "digest", ["bob@example.org", "cyd@example.org"], NOW)
        while not looking.scalar(waits) and not late.done():
            looking.rollback()
        assert not late.done()
        first.commit()
        assert late.result(10) == {"cyd@example.org"}
    engine.dispose()


def test_who_was_served_is_forgotten_after_a_month(office: PostOffice) -> None:
    """So that the table does not grow for ever."""
    with office.session() as session:
        assert claim(session, "digest", ["ann@example.org"], NOW) == {"ann@example.org"}
        assert claim(session, "other", ["ann@example.org"], NOW) == {"ann@example.org"}
        assert had_mail(session, ["Ann@example.org", "bob@example.org"], NOW + KEPT) == {"ann@example.org"}
        assert had_mail(session, ["ann@example.org"], NOW + KEPT + timedelta(seconds=1)) == frozenset()
        assert claim(session, "digest", ["ann@example.org"], NOW + KEPT) == frozenset()
        assert claim(session, "digest", ["ann@example.org"], NOW + 2 * KEPT) == {"ann@example.org"}
        assert session.scalar(sa.select(sa.func.count()).select_from(tables.served)) == 1


MAIL = b"From: Ann <ann@example.org>\r\nMessage-ID: <1@example.org>\r\nSubject: hi\r\n\r\nhello\r\n"


def digest(raw: bytes) -> str | None:
    """By which a mail is known again."""
    return digest_of(RawMail.read(raw))


@pytest.mark.parametrize(
    "top",
    [
        b"",
        b"Return-Path: <ann@example.org>\r\nDelivered-To: board@example.org\r\n",
        b"Received: from a\r\n\tby b\r\n from: c\r\nAuthentication-Results: x\r\nX-Loop: board@example.org\r\n",
        b"DKIM-Signature: v=1;\r\n b=x\r\nARC-Seal: i=1\r\nReceived-SPF: pass\r\nX-Original-To: board@example.org\r\n",
    ],
)
def test_copies_of_a_mail_are_one_mail(top: bytes) -> None:
    """The traces of its way do not count, and neither do the line ends."""
    assert digest(top + MAIL) == digest(MAIL) == digest((top + MAIL).replace(b"\r\n", b"\n"))
    assert digest(top + MAIL.replace(b"hello", b"hullo")) != digest(MAIL)


@pytest.mark.parametrize("top", [b"Errors-To: eve@example.net\r\n", b"X-Spam: no\r\n", b"From: eve@example.net\r\n"])
def test_any_other_field_makes_another_mail(top: bytes) -> None:
    """Nobody can send a mail of his own before another's, and have that one taken for a copy of it."""
    assert digest(top + MAIL) != digest(MAIL)


@pytest.mark.parametrize("raw", [b"", b"\n", b"no header", b"Message-ID:\r\n\r\n", b"X: y\n" * 200_000, b" " * 1_000_000])
def test_a_mail_without_a_message_id_is_no_copy(raw: bytes) -> None:
    """Nothing says that two of them are one, be they the same to the last byte; what stands in a body is no field."""
    assert digest(raw) is None
    assert digest(raw + b"\r\n\r\nMessage-ID: <1@example.org>\r\n") is None
