"""The page on the gateway is true: what is typed there can be typed, and what is said there is said."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailproc.gateway import handler as module
from mailproc.gateway import tokens
from mailproc.gateway.addresses import entries
from mailproc.gateway.handler import Gateway
from mailproc.gateway.options import OPTIONS
from mailproc.gateway.pattern import ChannelAddress
from mailproc.gateway.posting import Channel, Direct, Posting
from mailproc.gateway.targets.organization import PAGE as PAGE_OF_MESSAGES
from mailproc.gateway.targets.organization import PAGES as PAGES_OF_MESSAGES
from mailproc.gateway.targets.target import PATIENCE, make_target
from mailproc.gateway.targets.zulip import MOST_FILES
from mailproc.gateway.text import body
from mailproc.plugins import resolve
from mailproc.reply import Reply
from mailproc.settings import load
from mailproc.testing import make_mail
from tests.cli.keys import Call
from tests.gateway.conftest import Chat
from tests.gateway.targets.errands import Tries, mail_with
from tests.gateway.targets.hook import Hook
from tests.gateway.targets.realm import key_file, shown
from tests.gateway.targets.zulip_server import EMAIL, KEY, ZulipServer
from tests.pages import PAGES, TOP, blocks, named, rows, section
from tests.servers.certificates import make_authority
from tests.servers.dovecot import Dovecot
from tests.test_readme import PROGRAM, on_a_terminal, steady

PAGE = PAGES["docs/gateway.md"]
TOKEN = re.compile(r"(?<![a-z0-9])[a-z2-7]{32}(?![a-z0-9])")


def steady_lines(text: str) -> list[str]:
    """The lines of a text without what is another one each time; columns are as far apart as the widest of them needs."""
    return [re.sub("  +", "  ", line) for line in steady(TOKEN.sub("TOKEN", text))]


def steps(heading: str) -> Iterator[tuple[str, str]]:
    """What is typed on the page, and what it shows below that; a block of TOML is typed into the configuration."""
    for block in re.findall(r"^```(?:toml|console)\n.*?^```$", section(PAGE, heading), re.MULTILINE | re.DOTALL):
        text = block.partition("\n")[2].removesuffix("```")
        if block.startswith("```toml"):
            yield "", text
            continue
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, said = step.partition("\n")
            yield command, said


def test_the_first_post_goes_as_the_page_says(tmp_path: Path) -> None:
    """Who types what stands there sees what stands there, on a real IMAP server and with TLS to the chat."""
    folder = tmp_path / "robot"
    folder.mkdir()
    authority = make_authority(tmp_path)
    certificate = authority.issue("localhost")
    with Dovecot(certificate=certificate) as dovecot, ZulipServer(certificate) as zulip:
        places = {
            "imap.example.org": f"localhost:{dovecot.tls_port}",
            "https://zulip.example.org": zulip.url,
            "mail-bot@zulip.example.org": EMAIL,
        }
        environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        environ |= {"SSL_CERT_FILE": str(authority.certificate), "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
        for command, shown_there in steps("The first post"):
            for name, place in places.items():
                command = command.replace(name, place)
            if not command:
                configure(folder, shown_there, places)
                continue
            said = on_a_terminal(command, folder, environ)
            assert steady_lines(said) == steady_lines(shown_there), command
            if command == "mailproc address new general":
                picture = make_mail(to=said.strip(), subject="Lunch", text="At noon.\n", attachments=[("lunch.png", b"PNG")])
                dovecot.append("robot", f"X-Original-To: {said.strip()}\r\n".encode() + picture)
        [message] = zulip.messages
        assert (message["display_recipient"], message["subject"]) == ("general", "Lunch")
        assert shown(message["content"]).startswith("At noon.\n\n[lunch.png](/user_uploads/")


def test_addresses_are_made_as_the_page_says(realm: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on from the first one."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    made = realm("address", "new", "general")
    assert made.status == 0
    with sqlite3.connect("mailproc.db") as connection:
        connection.execute("UPDATE gateway_address SET uses = 1")
    for command, shown_there in steps("Addresses"):
        ended = realm(*command.split()[1:])
        assert (ended.status, ended.err) == (0, "")
        assert steady_lines(ended.out) == steady_lines(shown_there), command


def configure(folder: Path, toml: str, places: dict[str, str]) -> None:
    """Put it at the end of the configuration, and the secrets into their files."""
    for name, place in places.items():
        toml = toml.replace(name, place)
    with (folder / "mailproc.toml").open("a") as file:
        file.write(f"\n{toml}")
    (folder / "imap.password").write_text("secret\n")
    (folder / "zulip.key").write_text(f"{KEY}\n")


@pytest.mark.parametrize("text", blocks(PAGE, "toml"))
def test_a_configuration_on_the_page_loads(text: str, tmp_path: Path) -> None:
    """The real loader takes it, and each domain is bound to a gateway whose pattern is of it."""
    for name in ("zulip.key", "hook.secret"):
        (tmp_path / name).write_text(KEY)
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "mailproc.toml"
    file.write_text(text)
    settings = load(file, {})
    for domain, bound in settings.domains.items():
        gateway = resolve(bound.handler, settings.handlers, tmp_path).handler
        assert isinstance(gateway, Gateway)
        assert gateway.form.domains == (domain,)
        assert (bound.drop, bound.trust) == (("bounce", "loop"), ())


def test_every_option_is_described_with_its_default() -> None:
    """The table has the fields of the handler in their order of use, and no other."""
    fields = {field.name: field.default for field in dataclasses.fields(Gateway) if field.init}
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(section(PAGE, "Options"))}
    assert sorted(told) == sorted(fields)
    for name, default in fields.items():
        if default in (dataclasses.MISSING, None):
            assert told[name] == ("none" if default is None else "required"), name
        else:
            read = tomllib.loads(f"x = {told[name]}")["x"]
            assert (tuple(read) if isinstance(read, list) else read) == default, name
    assert PATIENCE < 150  # with the request that had begun


def test_every_word_of_an_address_is_described() -> None:
    """And the address that is shown is one."""
    assert sorted(named(section(PAGE, "Addresses"))) == sorted(OPTIONS)
    (shown_address,) = re.findall(r"^    (\S+@\S+)$", PAGE, re.MULTILINE)
    gateway = module.read_pattern("%s@chat.example.org")
    decoded = gateway.decode(module.Address.parse(shown_address))
    assert isinstance(decoded, ChannelAddress)
    assert decoded.options == ("show-sender",)


def test_a_program_makes_addresses_for_answers(chat: Chat) -> None:
    """By the function on the page, as it stands there."""
    (text,) = (text for text in blocks(PAGE, "python") if "reply_to" in text)
    program: dict[str, Callable[..., str]] = {}
    exec(compile(text, "docs/gateway.md", "exec", dont_inherit=True), program)
    with chat.office.session() as session:
        made = program["reply_to"](session, "ann@example.com", "general", "Lunch", 4711)
        (entry,) = entries(session)
    assert (entry.to, entry.user, entry.max_uses) == (Channel("general", "Lunch", 4711), "ann@example.com", 10)
    assert entry.expires_at is not None and entry.expires_at > datetime.now(UTC)
    assert chat.deliver(made).disposition == "handled"


def test_the_receiver_is_the_one_that_was_tried() -> None:
    """As it stands in the tests, which run it."""
    receiver = (TOP / "tests/gateway/targets/receiver.py").read_text()
    assert receiver in blocks(PAGE, "python")
    ast.parse(receiver)


def test_the_contract_of_the_webhook_is_whole(tmp_path: Path) -> None:
    """The tables have every header of ours and every field of a body, and what the fields of a field are."""
    raw, files = mail_with([("a.png", b"a")])
    to = [Channel("general", "Lunch", 42), Direct(("9",))]
    with Hook() as hook:
        target = make_target("webhook", hook.url, secret_file=key_file(tmp_path))
        for each in to:
            Tries(Posting(each, "At noon.", attachments=files), raw).at(target)
        bodies = [json.loads(body) for _, _, body in hook.asked]
        headers = set(hook.asked[0][1]) - {"Host", "Accept-Encoding", "Content-Length", "User-Agent"}
    told = section(PAGE, "Webhook")
    by_name = {name: row[1] for row in rows(told) for name in re.findall(r"`([^`]+)`", row[0])}
    assert headers | set(bodies[0]) == set(by_name)
    for value, name in ((bodies[0]["to"], "to"), (bodies[1]["to"], "to"), (bodies[0]["attachments"][0], "attachments")):
        assert all(f'"{field}"' in by_name[name] for field in value)


def test_the_replies_are_those_of_the_handler() -> None:
    """What a client is told, word for word."""
    known = module._refusal(ChannelAddress("x"))
    wanted = [module._refusal(None), known, Reply(450, "4.7.1", module.BUSY)]
    table = [name for name in named(section(PAGE, "What is said")) if name[:3].isdigit()]
    assert table == [reply.line() for reply in wanted]


NAMES = r"in channel general > Lunch|general|'closed'|Channel|auto-reply|ann@example.org"
NUMBERS = r"50 mails in 60 s|4711|404|401|301|120|\b1\b"


def test_the_texts_are_those_of_the_program() -> None:
    """What an operator reads stands in the program, but for what is an example of a name or a number."""
    program = " ".join(file.read_text() for file in (TOP / "mailproc").rglob("*.py"))
    texts = [name for name in named(section(PAGE, "What is said")) if not name[:3].isdigit()]
    assert len(texts) > 12
    for text in texts:
        for words in re.split(f"{NAMES}|{NUMBERS}", text):
            found = words.strip(" :;>()")
            assert found in program or found in {"does not exist", "Connection refused"}, text


def test_the_numbers_are_those_of_the_program() -> None:
    """How many files are posted, how far back a post is looked for, and what would have to be guessed."""
    assert f"the first {MOST_FILES}" in PAGE
    assert f"the bot's last {PAGE_OF_MESSAGES * PAGES_OF_MESSAGES} messages" in " ".join(PAGE.split())
    assert f"{8 * tokens._OCTETS} bits" in PAGE
    assert f"Of a text {body._MOST_CHARACTERS:,} characters and {body._MOST_LINES:,} lines" in PAGE
