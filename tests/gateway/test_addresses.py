"""Addresses that are given out: whose they are, how long they are good for, and what is kept of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address, SettingsError
from mailproc.database.engine import make_engine
from mailproc.gateway import new_reply_address, tables
from mailproc.gateway.addresses import Entry, entries, find, new_channel_address, revoke, use
from mailproc.gateway.key import key_in
from mailproc.gateway.pattern import Decoded, Pattern, read_pattern
from mailproc.gateway.posting import Channel, Direct
from mailproc.gateway.rates import count, read_rates, spent
from tests.gateway.conftest import DOMAIN, KEY, Chat

NOW = datetime.now(UTC)
SECOND = timedelta(seconds=1)


def read(form: Pattern, address: str) -> Decoded:
    """What an address says."""
    decoded = form.decode(Address.parse(address))
    assert decoded is not None
    return decoded


def entry(session: Session, chat: Chat, address: str, realm: str = DOMAIN) -> Entry | None:
    """What is known of an address."""
    return find(session, realm, read(chat.gateway.form, address))


def test_the_same_channel_creator_and_sender_have_the_same_address(chat: Chat) -> None:
    """And others have another one."""
    first = chat.channel("general", creator="ann", sender="bot")
    assert chat.channel("general", creator="ann", sender="bot") == first
    others = [
        chat.channel("general", creator="bob", sender="bot"),
        chat.channel("general", creator="ann", sender="ann"),
        chat.channel("random", creator="ann", sender="bot"),
        chat.channel("general"),
    ]
    assert len({first, *others}) == 5
    with chat.office.session() as session:
        assert [each.id for each in entries(session)] == [1, 2, 3, 4, 5]


def test_options_are_in_the_address_and_make_no_other_one(chat: Chat) -> None:
    """One token, whatever mail to it shows."""
    plain = chat.channel("dev. help")
    shown = chat.channel("dev. help", options=["show-sender"])
    assert shown == plain.replace("@", ".show-sender@")
    assert plain.startswith("dev-help.")


def test_a_revoked_address_is_not_given_out_again(chat: Chat) -> None:
    """Who asks again gets another one; that is the same each time."""
    first = chat.channel()
    with chat.office.session() as session:
        assert revoke(session, 1)
        assert not revoke(session, 1)
        assert not revoke(session, 7)
    second = chat.channel()
    assert second != first
    assert chat.channel() == second
    with chat.office.session() as session:
        states = [(each.id, each.state(NOW)) for each in entries(session)]
    assert states == [(1, "revoked"), (2, "valid")]


def test_another_key_makes_another_address_and_both_are_good(chat: Chat) -> None:
    """A key that is lost costs nobody an address."""
    first = chat.channel()
    with chat.office.session() as session:
        second = new_channel_address(session, chat.gateway.form, DOMAIN, b"l" * 32, "general")
    assert second != first
    with chat.office.session() as session:
        found = [entry(session, chat, address) for address in (first, second)]
    assert [each and each.state(NOW) for each in found] == ["valid", "valid"]


def test_no_token_is_in_the_database(chat: Chat) -> None:
    """Neither of a channel's address nor of one for answers."""
    made = [chat.channel(), chat.reply(Channel("general", "lunch")), chat.reply(Direct(("bob@example.com",)))]
    with chat.office.session() as session:
        kept = repr(session.execute(sa.select(tables.address)).all())
    tokens = [Address.parse(address).local.removeprefix("general.").removeprefix("mm") for address in made]
    assert all(len(token) == 32 for token in tokens)
    assert not any(token in kept for token in tokens)


def test_an_address_is_known_in_its_realm_alone(chat: Chat) -> None:
    """Another gateway on the same database knows nothing of it, and a token of one kind is none of the other."""
    made, reply = chat.channel(), chat.reply(Channel("general", "lunch"))
    with chat.office.session() as session:
        assert entry(session, chat, made) is not None
        assert entry(session, chat, made, realm="other.example.org") is None
        assert entry(session, chat, made.replace("general.", "mm")) is None
        assert entry(session, chat, reply.removeprefix("mm")) is None


def test_a_conversation_is_kept_with_its_address(chat: Chat) -> None:
    """A topic with a message of it, or the users."""
    topic = chat.reply(Channel("12", "l\u00fcnch", 4711), "ann@example.com")
    direct = chat.reply(Direct(("bob@example.com", "9")), "ann@example.com")
    with chat.office.session() as session:
        found = [entry(session, chat, each) for each in (topic, direct)]
    assert [each and (each.to, each.user) for each in found] == [
        (Channel("12", "l\u00fcnch", 4711), "ann@example.com"),
        (Direct(("bob@example.com", "9")), "ann@example.com"),
    ]


def test_a_reply_address_may_end(chat: Chat) -> None:
    """At a time, after a number of answers, or when it is revoked."""
    to = Channel("general", "lunch")
    made = [chat.reply(to), chat.reply(to, expires_at=NOW + 100 * SECOND), chat.reply(to, max_uses=2)]
    with chat.office.session() as session:
        found = [each for each in (entry(session, chat, address) for address in made) if each]
        for _ in range(5):
            assert use(session, found[0], NOW)
        assert use(session, found[1], NOW + 99 * SECOND)
        assert not use(session, found[1], NOW + 100 * SECOND)
        assert [use(session, found[2], NOW) for _ in range(3)] == [True, True, False]
        revoke(session, found[0].id)
        assert not use(session, found[0], NOW)
        again = list(entries(session))
    assert [(each.uses, each.state(NOW), each.state(NOW + 100 * SECOND)) for each in again] == [
        (5, "revoked", "revoked"),
        (1, "valid", "expired"),
        (2, "used up", "used up"),
    ]


def test_the_key_is_made_once_and_is_its_users_alone(tmp_path: Path) -> None:
    """It is 32 octets that nobody chose."""
    key = key_in(tmp_path)
    assert key_in(tmp_path) == key
    assert len(key) == 32
    assert [(file.name, file.stat().st_mode & 0o777) for file in tmp_path.iterdir()] == [("address.key", 0o600)]
    (tmp_path / "address.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="is no key of 32 octets; remove it"):
        key_in(tmp_path)


def test_the_tables_are_those_of_the_migrations(chat: Chat) -> None:
    """Column for column, with their indexes."""
    with chat.office.session() as session:
        inspector = sa.inspect(session.connection())
        for table in tables.metadata.tables.values():
            made = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert made == {column.name: column.nullable for column in table.columns}
            assert {index["name"] for index in inspector.get_indexes(table.name) if index["name"]} >= {
                index.name for index in table.indexes
            }


def test_addresses_and_rates_work_on_every_database(database_url: str) -> None:
    """They are made, used up, listed, and counted in the same way."""
    engine, form = make_engine(database_url), read_pattern(f"%s@{DOMAIN}")
    with Session(engine) as session:
        first, again = (new_channel_address(session, form, DOMAIN, KEY, "general") for _ in range(2))
        reply = new_reply_address(session, f"%s@{DOMAIN}", Channel("general", "lunch", 2**40), "ann", max_uses=1)
        session.commit()
        assert first == again
        channel, answer = entries(session)
        assert answer.to == Channel("general", "lunch", 2**40)
        assert [use(session, answer, NOW) for _ in range(2)] == [True, False]
        assert find(session, DOMAIN, read(form, first)) == channel
        assert find(session, DOMAIN, read(form, reply)) == replace(answer, uses=1)
        rates = read_rates(["2/10"])
        for at in (NOW, NOW + SECOND):
            assert spent(session, DOMAIN, rates, at) is None
            count(session, DOMAIN, rates, at)
        assert [spent(session, DOMAIN, rates, NOW + after * SECOND) for after in (1, 10)] == [rates[0], None]
        assert revoke(session, channel.id)
        session.commit()
    engine.dispose()


def test_two_who_ask_at_once_get_the_same_address(postgresql_url: str) -> None:
    """Whoever commits first; the other is told of no error."""
    engine, form, answers = make_engine(postgresql_url), read_pattern(f"%s@{DOMAIN}"), []

    def ask() -> None:
        with Session(engine) as session:
            answers.append(new_channel_address(session, form, DOMAIN, KEY, "general"))
            session.commit()

    with Session(engine) as session:
        answers.append(new_channel_address(session, form, DOMAIN, KEY, "general"))
        second = threading.Thread(target=ask)
        second.start()
        waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        with engine.connect() as watching:
            while second.is_alive() and not watching.scalar(waits):
                watching.rollback()
        session.commit()
        second.join()
    assert len(answers) == 2
    assert len(set(answers)) == 1
    engine.dispose()
