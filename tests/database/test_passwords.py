"""Passwords of users: kept as scrypt makes them, and asked in a time that tells nothing."""

import re
import unicodedata
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from mailproc.address import Address
from mailproc.database import passwords, tables, users
from mailproc.database.engine import writing
from mailproc.database.passwords import password_fits, set_password
from mailproc.errors import MailprocError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = "correct horse"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """A hash that is made in a millisecond; the parameters are those of the text, whatever they were when it was made."""
    monkeypatch.setattr(passwords, "_LOG_COST", 6)
    monkeypatch.setattr(passwords, "_PARALLEL", 1)


@pytest.fixture
def conn(engine):
    """A connection in a transaction that is open for the whole test, with the users ann and bob."""
    with writing(engine) as connection:
        for name in ("ann", "bob"):
            users.add_user(connection, name, [Address.parse(f"{name}@example.org")], now=NOW)
        yield connection


def stored(conn, name="ann"):
    """What the database has."""
    return conn.scalar(sa.select(tables.user.c.password).where(tables.user.c.name == name))


def test_a_password_fits_its_user_alone(conn):
    """Not another user, not another spelling, not one with NULs behind it, and not without one."""
    set_password(conn, "ann", GOOD)
    assert password_fits(conn, "ann", GOOD)
    assert not password_fits(conn, "bob", GOOD)
    for other in ("", "Correct horse", "correct horse ", GOOD + "\0", stored(conn)):
        assert not password_fits(conn, "ann", other)


def test_the_password_itself_is_nowhere(conn):
    """The text that is stored has parameters, a salt of its own and a hash."""
    set_password(conn, "ann", GOOD)
    set_password(conn, "bob", GOOD)
    assert re.fullmatch(r"\$scrypt\$ln=6,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", stored(conn))
    assert stored(conn, "ann") != stored(conn, "bob")


def test_a_password_can_be_changed_and_taken_away(conn):
    """The one before does not fit any more."""
    set_password(conn, "ann", GOOD)
    set_password(conn, "ann", "another one")
    assert [password_fits(conn, "ann", text) for text in (GOOD, "another one")] == [False, True]
    assert [account.password for account in users.list_users(conn)] == [True, False]
    set_password(conn, "ann", None)
    assert stored(conn) is None
    assert not password_fits(conn, "ann", "another one")
    assert not password_fits(conn, "ann", "")


def test_an_inactive_user_does_not_get_in(conn):
    """Also with the right password, until they are active again."""
    set_password(conn, "ann", GOOD)
    users.set_active(conn, "ann", False)
    assert not password_fits(conn, "ann", GOOD)
    users.set_active(conn, "ann", True)
    assert password_fits(conn, "ann", GOOD)


def test_a_hash_of_other_parameters_fits_still(conn, monkeypatch):
    """What is stored says how it was made, so that the cost can be raised."""
    set_password(conn, "ann", GOOD)
    monkeypatch.setattr(passwords, "_LOG_COST", 8)
    assert password_fits(conn, "ann", GOOD)


@pytest.mark.parametrize(
    "name", ["ann", "bob", "nobody", "", "nul\0", "half\ud800", "'; DROP TABLE mailproc_user;--", "x" * 9999]
)
def test_every_name_costs_the_same(conn, monkeypatch, name):
    """A name that there is not is computed over as one that there is: with the same parameters, once."""
    made = []
    scrypt = passwords.hashlib.scrypt
    monkeypatch.setattr(passwords, "_NOBODYS", passwords._Hash(6, 8, 1, bytes(16), bytes(32)))
    monkeypatch.setattr(passwords.hashlib, "scrypt", lambda *a, **how: made.append(how) or scrypt(*a, **how))
    set_password(conn, "ann", GOOD)
    made.clear()
    assert not password_fits(conn, name, "wrong password")
    assert [{key: how[key] for key in ("n", "r", "p", "dklen")} for how in made] == [{"n": 64, "r": 8, "p": 1, "dklen": 32}]


def test_nobodys_password_does_not_fit(conn, monkeypatch):
    """Whatever the dummy may be made from, it lets nobody in."""
    monkeypatch.setattr(passwords._Hash, "fits", lambda self, password: True)
    assert not password_fits(conn, "bob", GOOD)
    assert not password_fits(conn, "nobody", GOOD)


def test_letters_are_the_same_however_they_are_composed(conn):
    """Clients differ in how they write an accent."""
    set_password(conn, "ann", unicodedata.normalize("NFD", "schöne größe"))
    assert password_fits(conn, "ann", unicodedata.normalize("NFC", "schöne größe"))


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("1234567", "at least 8 characters; give a longer one"),
        ("x" * 1025, "at most 1,024 octets; give a shorter one"),
        ("ä" * 513, "at most 1,024 octets"),
        ("tab\tand more", "has no control characters"),
        ("half \ud800 more", "has no control characters"),
    ],
)
def test_a_password_that_cannot_be_is_refused(conn, password, says):
    """In one line, and the one before stays."""
    set_password(conn, "ann", GOOD)
    with pytest.raises(MailprocError, match=says):
        set_password(conn, "ann", password)
    assert not password_fits(conn, "ann", password)
    assert password_fits(conn, "ann", GOOD)


def test_a_user_that_there_is_not_gets_none(conn):
    """The line names the command that lists them."""
    with pytest.raises(MailprocError, match="there is no user eve; type: mailproc user list"):
        set_password(conn, "eve", GOOD)


def test_a_password_of_any_length_is_asked_in_bounded_time(conn, monkeypatch):
    """Nobody may have us compute over megabytes."""
    monkeypatch.setattr(passwords.hashlib, "scrypt", None)
    assert not password_fits(conn, "ann", "x" * 10_000_000)


def test_the_cost_is_one_that_is_recommended(monkeypatch):
    """16 MiB and five passes: what OWASP asks for at least, and what the memory of a door can bear."""
    monkeypatch.undo()
    assert str(passwords._made(b"x")).startswith("$scrypt$ln=14,r=8,p=5$")
    assert not passwords._NOBODYS.fits(b"x")
