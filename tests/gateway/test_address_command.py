"""`mailproc address`: addresses of the gateway are made, listed, revoked and decoded, and are written once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mailproc.gateway.options import OPTIONS
from tests.cli.keys import Call
from tests.cli_run.calling import Ended
from tests.gateway.sections import configured, section


def made(site: Call, *arguments: str) -> str:
    """The address that was written, alone on its line."""
    ended = site("address", "new", *arguments)
    assert (ended.status, ended.err) == (0, "")
    (line,) = ended.out.splitlines()
    return line


def test_a_channels_address_is_shown_again(realm: Call) -> None:
    """Whoever asks for the same channel, creator and sender gets the same one; the channel is named in two ways."""
    first = made(realm, "dev. help", "--creator", "ann", "--sender", "bot")
    assert first.startswith("dev-help.")
    assert first.endswith("@chat.example.org")
    assert made(realm, "--channel", "dev. help", "--sender", "bot", "--creator", "ann") == first
    assert made(realm, "dev. help") != first


def test_what_is_shown_is_written_in_the_address(realm: Call) -> None:
    """An option for each word that there is."""
    plain = made(realm, "general")
    for word in OPTIONS:
        assert made(realm, "general", f"--{word}") == plain.replace("@", f".{word}@")
    told = realm("address", "new", "general", "--show-sender", "--include-footer", "--include-quotes")
    assert (told.status, told.out) == (64, "")
    assert told.err.count("\n") == 1
    assert "leave out options" in told.err


def test_an_address_for_answers_is_of_a_conversation(realm: Call) -> None:
    """Of a topic with a message of it, or of users; each is another one."""
    topic = ("--reply-to", "general", "--topic", "lunch", "--message", "4711", "--user", "ann@example.com")
    addresses = [made(realm, *topic, "--expires", "30d", "--uses", "5"), made(realm, *topic)]
    addresses.append(made(realm, "--reply-to", "@bob@example.com", "--reply-to", "@9", "--user", "17"))
    assert len(set(addresses)) == 3
    assert all(address.startswith("mm") and len(address) == 34 + len("@chat.example.org") for address in addresses)
    rows = realm("address", "list", "--format", "jsonl").rows
    assert [row["to"] for row in rows] == [
        {"name": "general", "topic": "lunch", "message": 4711},
        {"name": "general", "topic": "lunch", "message": 4711},
        {"users": ["bob@example.com", "9"]},
    ]
    assert [(row["kind"], row["user"], row["max_uses"]) for row in rows] == [
        ("reply", "ann@example.com", 5),
        ("reply", "ann@example.com", None),
        ("reply", "17", None),
    ]
    assert [row["expires_at"] is None for row in rows] == [False, True, True]


def test_a_listing_has_ids_and_no_address(realm: Call) -> None:
    """As a table and as JSON Lines, of all realms or of one."""
    addresses = [made(realm, "general", "--creator", "ann"), made(realm, "--reply-to", "@bob", "--user", "ann", "--uses", "3")]
    table, lines = realm("address", "list"), realm("address", "list", "--handler", "chat", "--format", "jsonl")
    for address in addresses:
        token = address.partition("@")[0][-32:]
        assert token not in table.out + lines.out
    assert table.out.splitlines() == [
        "ID  KIND     TO       USER  CREATOR  SENDER  USES    STATE  EXPIRES AT",
        "1   channel  general  -     ann      -       0       valid  -",
        "2   reply    @bob     ann   -        -       0 of 3  valid  -",
    ]
    assert [row["id"] for row in lines.rows] == [1, 2]
    assert len(realm("address", "list", "--limit", "1", "--format", "jsonl").rows) == 1


def test_an_address_is_revoked_by_its_id_or_by_itself(realm: Call) -> None:
    """For good: it can be done again, and who asks for an address then gets another one."""
    first, second = made(realm, "general"), made(realm, "random")
    assert realm("address", "revoke", "1", second.upper()) == Ended(0, "", "")
    assert realm("address", "revoke", "1") == Ended(0, "", "")
    assert [row["state"] for row in realm("address", "list", "--format", "jsonl").rows] == ["revoked", "revoked"]
    assert made(realm, "general") != first


def test_what_was_never_made_is_not_revoked(realm: Call) -> None:
    """Nor is what stands before it; the one line repeats no address."""
    made(realm, "general")
    for name in ("7", "general", "nobody@chat.example.org", f"{'a' * 32}@chat.example.org", "9" * 30):
        told = realm("address", "revoke", "1", name)
        assert (told.status, told.out) == (64, "")
        assert told.err.count("\n") == 1
        assert "type: mailproc address list" in told.err
        assert name not in told.err
    assert [row["state"] for row in realm("address", "list", "--format", "jsonl").rows] == ["valid"]


def test_an_address_is_decoded(realm: Call) -> None:
    """What it is, by its id, and not the address itself."""
    channel, reply = made(realm, "general", "--show-sender"), made(realm, "--reply-to", "@bob", "--user", "ann")
    strange = [f"general.{'a' * 32}@chat.example.org", "mmathers@chat.example.org", "ann@example.com", "general"]
    ended = realm("address", "decode", channel, reply, *strange, "--format", "jsonl")
    assert [(row["handler"], row["kind"], row["id"], row["state"]) for row in ended.rows] == [
        ("chat", "channel", 1, "valid"),
        ("chat", "reply", 2, "valid"),
        ("chat", "channel", None, "unknown"),
        (None, None, None, "invalid"),
        (None, None, None, "invalid"),
        (None, None, None, "invalid"),
    ]
    assert ended.rows[0]["shows"] == ["show-sender"]
    table = realm("address", "decode", channel, reply, *strange)
    assert table.out.splitlines()[1].split() == [
        "channel",
        "1",
        "valid",
        "general",
        "show-sender",
        f"{'X' * 52}@chat.example.org",
    ]
    assert not any(address in table.out + ended.out for address in (channel, reply, *strange[:3]))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Give the NAME of a channel, or --reply-to"),
        (("general", "--channel", "general"), "NAME and --channel are the same"),
        (("general", "--reply-to", "@bob", "--user", "ann"), "Give the NAME of a channel, or --reply-to"),
        (("general", "--user", "ann"), "--user is for an address of --reply-to"),
        (("general", "--expires", "30d"), "--expires is for an address of --reply-to"),
        (("--reply-to", "@bob"), "--reply-to needs --user"),
        (("--reply-to", "@bob", "--user", "ann", "--show-sender"), "--show-sender is for an address of a channel"),
        (("--reply-to", "@bob", "--user", "ann", "--creator", "x"), "--creator is for an address of a channel"),
        (("--reply-to", "@bob", "--user", "ann", "--topic", "x"), "--topic and --message are of a channel"),
        (("--reply-to", "@bob", "--reply-to", "general", "--user", "ann"), "--reply-to is one channel, or one or more @USER"),
        (("--reply-to", "@bob", "--user", "ann", "--expires", "soon"), "'soon' is not a time"),
        (("--reply-to", "@bob", "--user", "ann", "--expires", "99999999 d"), "--expires is beyond the calendar"),
        (("--reply-to", "@bob", "--user", "ann", "--uses", "0"), "--uses"),
        (("--reply-to", "@bob", "--reply-to", "@", "--user", "ann"), "--reply-to: @ is nobody; write @USER"),
        (("a\nb",), "is not a text of at most 200 printable characters"),
        (("general", "--creator", " "), "is not a text of at most 200 printable characters"),
        (("general", "--sender", "x" * 201), "is not a text of at most 200 printable characters"),
        (("--reply-to", "@b\udc80b", "--user", "ann"), "is not a text of at most 200 printable characters"),
    ],
)
def test_what_does_not_go_together_is_refused(call: Call, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    """As a mistake in the usage, before anything is asked of a database."""
    (tmp_path / "mailproc.toml").write_text('database = "sqlite:///none.db"\narchive = "archive"\nstate = "state"\n')
    ended = call("address", "new", *arguments)
    assert (ended.status, ended.out) == (64, "")
    assert told in ended.err


def test_a_key_that_is_none_is_told_of(realm: Call, tmp_path: Path) -> None:
    """With the file and the fix, as a mistake in the installation."""
    made(realm, "general")
    (tmp_path / "state" / "address.key").write_bytes(b"short")
    ended = realm("address", "new", "random")
    assert (ended.status, ended.out) == (78, "")
    assert "address.key is no key of 32 octets; remove it" in ended.err


def test_where_there_are_several_gateways_one_is_named(realm: Call, tmp_path: Path) -> None:
    """An address is decoded by whosever it is."""
    configured(tmp_path, section("news", "news+%s@example.org"))
    told = realm("address", "new", "general")
    assert (told.status, told.out) == (64, "")
    assert "there are several gateways; give --handler, one of: chat, news" in told.err
    chat, news = made(realm, "general", "--handler", "chat"), made(realm, "general", "--handler", "news")
    assert news.startswith("news+general.")
    assert [row["handler"] for row in realm("address", "decode", news, chat, "--format", "jsonl").rows] == ["news", "chat"]
    assert [row["realm"] for row in realm("address", "list", "--handler", "news", "--format", "jsonl").rows] == ["example.org"]
    assert realm("address", "revoke", news) == Ended(0, "", "")


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        ((), 'no handler is a gateway; bind a domain to handler = "gateway"'),
        (("--handler", "sink"), "sink is no gateway; there are: none"),
    ],
)
def test_a_site_without_a_gateway_is_told_how_to_get_one(site: Call, handler: tuple[str, ...], told: str) -> None:
    """In one line, as a mistake in the configuration."""
    ended = site("address", "new", "general", *handler)
    assert (ended.status, ended.out) == (78, "")
    assert told in ended.err
    assert ended.err.count("\n") == 1


def test_a_database_without_the_tables_is_told_of(realm: Call, tmp_path: Path) -> None:
    """With the command to type, before anything is asked of it."""
    with sqlite3.connect(tmp_path / "mailproc.db") as database:
        database.execute("DELETE FROM alembic_gateway")
    database.close()
    for command in (("list",), ("new", "general"), ("revoke", "1"), ("decode", "x@chat.example.org")):
        ended = realm("address", *command)
        assert (ended.status, ended.out) == (78, "")
        assert "the schema of gateway is at nothing, this program needs 0001; type: mailproc db upgrade" in ended.err


@pytest.mark.parametrize("command", [(), ("new",), ("list",), ("revoke",), ("decode",)])
def test_every_command_says_what_it_does(call: Call, command: tuple[str, ...]) -> None:
    """Each option has a line, and none needs a configuration to be explained."""
    ended = call("address", *command, "--help")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    options = [line for line in lines if line.strip().startswith("--")]
    assert all(len(line.split("  ")) > 1 or lines[lines.index(line) + 1].startswith("   ") for line in options)
