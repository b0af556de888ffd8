"""Users and keys: who an address and a key belong to, kept unambiguous, found without a scan."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from mailproc.address import Address
from mailproc.database import keys, users
from mailproc.database.directory import DatabaseDirectory
from mailproc.database.engine import make_engine, reading, writing
from mailproc.database.tables import key
from mailproc.directory import Certificate, Directory, RegisteredKey, User
from mailproc.errors import Away, MailprocError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANNA = Address.parse("Anna@Example.org")
FPR = "A" * 40
SUBKEY = "B" * 40
KEY_ID = "A" * 16


@pytest.fixture
def conn(engine):
    """A connection in a transaction that is open for the whole test."""
    with writing(engine) as connection:
        yield connection


@pytest.fixture
def anna(conn):
    """A user with one address."""
    users.add_user(conn, "anna", [ANNA], now=NOW)
    return "anna"


def register(conn, user, fingerprint=FPR, now=NOW, **changed):
    """Import a key with some facts changed."""
    read = Certificate(fingerprint, (fingerprint, SUBKEY, KEY_ID), (), NOW, None, False, b"cert")
    return keys.import_key(conn, user, replace(read, **changed), now=now)


def test_a_user_is_found_by_an_address_in_any_case(conn, anna):
    """What was registered as Anna@Example.org is looked up as ANNA@example.org."""
    assert users.user_of(conn, Address.parse("ANNA@example.org")) == User("anna")
    assert users.user_of(conn, Address.parse("ann@example.org")) is None


@pytest.mark.parametrize("hostile", ["nul\x00@example.org", "half\ud800@example.org", "'; DROP TABLE mailproc_user;@x", "%@%"])
def test_any_address_of_a_mail_can_be_asked(conn, anna, hostile):
    """What no database can hold belongs to nobody, and does not raise."""
    assert users.user_of(conn, Address.parse(hostile)) is None
    assert users.user_of(conn, ANNA) == User("anna")


def test_a_user_is_listed_with_all_that_was_said_of_them(conn):
    """A listing has every user by name, with their addresses in order, also one without any."""
    users.add_user(conn, "bob", [Address.parse("b2@example.org"), Address.parse("b1@example.org")], active=False, now=NOW)
    users.add_user(conn, "anna", [ANNA], require_strong=True, now=NOW)
    users.add_user(conn, "zoe", [], now=NOW)
    assert list(users.list_users(conn)) == [
        users.Account(User("anna", True, True), ("anna@example.org",), NOW),
        users.Account(User("bob", False, False), ("b1@example.org", "b2@example.org"), NOW),
        users.Account(User("zoe"), (), NOW),
    ]


def test_a_limit_counts_users_and_not_addresses(conn):
    """The first of two users is listed with both of their addresses."""
    users.add_user(conn, "anna", [ANNA, Address.parse("a@example.net")])
    users.add_user(conn, "bob", [])
    assert [(one.user.name, len(one.addresses)) for one in users.list_users(conn, limit=1)] == [("anna", 2)]


def test_the_same_address_twice_is_one(conn):
    """An address that was typed twice, in two cases, is registered once."""
    users.add_user(conn, "anna", [ANNA, Address.parse("anna@example.org")])
    assert users.user_of(conn, ANNA) == User("anna")


@pytest.mark.parametrize(
    ("name", "address", "text"),
    [
        ("anna", "new@example.org", "there is already a user anna; type: mailproc user list"),
        (
            "eve",
            "ANNA@EXAMPLE.ORG",
            "the address anna@example.org belongs to the user anna; no two may share one, so leave it out",
        ),
        ("eve", "eve", "eve is no address; write it like ann@example.org"),
        ("eve", "@example.org", "@example.org is no address; write it like ann@example.org"),
        (" ", "eve@example.org", "a user needs a name; type: mailproc user add NAME --email ADDR"),
    ],
)
def test_a_user_who_cannot_be_added_is_told_in_one_line(conn, anna, name, address, text):
    """Names and addresses belong to one user each."""
    with pytest.raises(MailprocError) as caught:
        users.add_user(conn, name, [Address.parse(address)])
    assert str(caught.value) == text


def test_a_user_who_cannot_be_added_leaves_nothing(engine):
    """The refusal rolls the whole user back, also the addresses that were free."""
    with writing(engine) as connection:
        users.add_user(connection, "anna", [ANNA])
    with pytest.raises(MailprocError), writing(engine) as connection:
        users.add_user(connection, "eve", [Address.parse("eve@example.org"), ANNA])
    with reading(engine) as connection:
        assert [account.user.name for account in users.list_users(connection)] == ["anna"]
        assert users.user_of(connection, Address.parse("eve@example.org")) is None


def test_a_user_is_switched_off_and_on(conn, anna):
    """An inactive user is still known."""
    users.set_active(conn, "anna", False)
    assert users.user_of(conn, ANNA) == User("anna", active=False)
    users.set_active(conn, "anna", True)
    assert users.user_of(conn, ANNA) == User("anna")
    with pytest.raises(MailprocError, match=r"^there is no user eve; type: mailproc user list$"):
        users.set_active(conn, "eve", False)


@pytest.mark.parametrize("name", [FPR, SUBKEY, KEY_ID])
def test_a_key_is_found_by_each_of_its_names(conn, anna, name):
    """A signature may name the primary key or a subkey, by fingerprint or by key id."""
    assert register(conn, anna)
    assert keys.keys_named(conn, name) == [RegisteredKey(FPR, "anna", b"cert")]
    assert keys.keys_of(conn, "anna") == [RegisteredKey(FPR, "anna", b"cert")]


def test_two_keys_may_share_a_name(conn, anna):
    """A key id may be that of two keys, of two users, and both are answered."""
    users.add_user(conn, "bob", [])
    register(conn, "anna")
    register(conn, "bob", "C" * 40)
    assert [one.user for one in keys.keys_named(conn, KEY_ID)] == ["anna", "bob"]
    with pytest.raises(MailprocError, match="names several keys; use one of these fingerprints: AAAA"):
        keys.show_key(conn, KEY_ID)


def test_importing_a_key_again_replaces_it(conn, anna):
    """The newer copy counts: its bytes, its expiry, its subkeys."""
    register(conn, anna)
    later = NOW + timedelta(days=365)
    assert not register(conn, anna, data=b"newer", expires_at=later, names=("d" * 40,), now=later)
    assert keys.show_key(conn, FPR) == (keys.KeyEntry(FPR, "anna", later, False, NOW), [FPR, "D" * 40])
    assert keys.keys_named(conn, SUBKEY) == []
    assert keys.keys_of(conn, "anna") == [RegisteredKey(FPR, "anna", b"newer")]


def test_a_revoked_key_does_not_come_back_to_life(conn, anna):
    """An old copy of a key, without its revocation, is refused."""
    register(conn, anna, revoked=True)
    with pytest.raises(MailprocError, match="is revoked, and this is an older copy of it"):
        register(conn, anna)
    register(conn, anna, revoked=True, data=b"still revoked")


def test_a_key_belongs_to_one_user(conn, anna):
    """Nobody registers the key of somebody else, nor for somebody who is not there."""
    users.add_user(conn, "eve", [])
    register(conn, anna)
    with pytest.raises(MailprocError, match=f"^the key {FPR} belongs to the user anna; type: mailproc key remove {FPR}$"):
        register(conn, "eve", data=b"mine")
    with pytest.raises(MailprocError, match=r"^there is no user mallory; type: mailproc user list$"):
        register(conn, "mallory")
    assert keys.keys_named(conn, FPR) == [RegisteredKey(FPR, "anna", b"cert")]


def test_keys_are_listed_and_removed(conn, anna):
    """A listing is in order of owners; a removed key is found by none of its names."""
    users.add_user(conn, "bob", [])
    register(conn, "bob", "C" * 40)
    register(conn, "anna")
    assert [(one.user, one.fingerprint[0]) for one in keys.list_keys(conn)] == [("anna", "A"), ("bob", "C")]
    assert [one.user for one in keys.list_keys(conn, user="bob")] == ["bob"]
    assert [one.user for one in keys.list_keys(conn, limit=1)] == ["anna"]
    assert keys.remove_key(conn, "0x" + " ".join([FPR.lower()[at : at + 4] for at in range(0, 40, 4)])) == FPR
    assert [one.user for one in keys.keys_named(conn, KEY_ID)] == ["bob"]
    with pytest.raises(MailprocError, match=r"^there is no key A.*; type: mailproc key list$"):
        keys.remove_key(conn, FPR)


def test_the_directory_answers_from_the_database(engine):
    """It answers the same over an engine, which any thread may ask, and over a connection."""
    with writing(engine) as connection:
        users.add_user(connection, "anna", [ANNA])
        register(connection, "anna")
        directories: list[Directory] = [DatabaseDirectory(engine), DatabaseDirectory(connection)]
        assert directories[1].user_of(ANNA) == User("anna")
        assert directories[0].user_of(ANNA) is None  # not yet committed
    known = DatabaseDirectory(engine)
    assert known.user_of(ANNA) == User("anna")
    assert known.keys_of("anna") == known.keys_named(SUBKEY) == [RegisteredKey(FPR, "anna", b"cert")]


def test_a_directory_that_is_away_is_not_one_that_knows_nobody():
    """When the database fails the question is not answered at all."""
    lost = make_engine("postgresql://127.0.0.1:1/x")
    with pytest.raises(Away):
        DatabaseDirectory(lost).user_of(ANNA)


def test_the_questions_about_a_sender_are_look_ups(conn):
    """No question of authentication reads a whole table, whichever database plans it."""
    asked = []

    @sa.event.listens_for(conn, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, executemany):
        asked.append((statement, parameters))

    users.user_of(conn, ANNA)
    keys.keys_of(conn, "anna")
    keys.keys_named(conn, FPR)
    plans = [plan_of(conn, *question) for question in list(asked)]
    assert len(plans) == 3
    for plan in plans:
        assert "SCAN" not in plan and "Seq Scan" not in plan, plan


def plan_of(conn, statement, parameters):
    """How the database would answer; PostgreSQL avoids a scan where it can, although the tables are small."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        conn.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
    explain = "EXPLAIN " if conn.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    return "\n".join(str(tuple(row)) for row in conn.exec_driver_sql(explain + statement, parameters))


def test_a_user_who_goes_takes_their_keys_along(conn, anna):
    """No key is left without an owner."""
    register(conn, anna)
    conn.execute(sa.text("DELETE FROM mailproc_user WHERE name = 'anna'"))
    assert conn.scalar(sa.select(sa.func.count()).select_from(key)) == 0
    assert keys.keys_named(conn, SUBKEY) == []


def test_what_is_kept_of_two_copies_is_the_callers_to_say(conn, anna):
    """The registered copy is joined with the new one, all of whose names count; what turns out to be older is refused."""
    register(conn, anna)
    shorter = Certificate(FPR, (FPR, KEY_ID, "D" * 40), (), NOW, None, False, b"new")
    both = replace(shorter, data=b"both", names=(*shorter.names, SUBKEY))
    given = []
    assert not keys.import_key(conn, anna, shorter, merge=lambda *copies: given.append(copies) or both, now=NOW)
    assert given == [(b"cert", shorter)]
    assert keys.keys_named(conn, SUBKEY) == keys.keys_named(conn, "D" * 40) == [RegisteredKey(FPR, "anna", b"both")]
    assert not keys.import_key(conn, anna, shorter, merge=lambda old, new: both, now=NOW)
    with pytest.raises(MailprocError, match=f"the subkey {SUBKEY} is not in it"):
        keys.import_key(conn, anna, shorter, merge=lambda old, new: None, now=NOW)
    with pytest.raises(MailprocError, match="it lacks what its owner has signed since; leave it out"):
        keys.import_key(conn, anna, both, merge=lambda old, new: None, now=NOW)
    with pytest.raises(MailprocError, match=f"the subkey {SUBKEY} is not in it"):
        keys.import_key(conn, anna, shorter, now=NOW)
    assert keys.keys_of(conn, anna) == [RegisteredKey(FPR, "anna", b"both")]
