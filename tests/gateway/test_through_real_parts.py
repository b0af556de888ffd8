"""From a mail server to a chat: SMTP or IMAP, the programs as processes of their own, HTTP, and what is kept of it."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway.installed import FILES, add_gateway, mail_to
from tests.gateway.targets.realm import key_file, shown
from tests.gateway.targets.zulip_server import EMAIL, ZulipServer
from tests.installation import SENDER, DovecotBox, Installation
from tests.processes import wait_for
from tests.serve.house import House
from tests.servers.dovecot import Dovecot

CHAT, HOOKS = "chat.example.org", "hooks.example.org"
RECEIVER = Path(__file__).parent / "targets" / "receiver.py"
SENT = dict(list(FILES.items())[:2])


@dataclass
class Site:
    """An installation with a gateway to Zulip and one to the receiver of the documentation, and an address of each."""

    house: House
    zulip: ZulipServer
    printed: Path
    chat: str
    hook: str

    @property
    def installation(self) -> Installation:
        """The installation."""
        return self.house.installation


@pytest.fixture(scope="module")
def zulip() -> Iterator[ZulipServer]:
    """The chat."""
    with ZulipServer() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of it is."""
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def receiver(folder: Path) -> Iterator[str]:
    """The receiver as a program of its own, which writes into the file ``printed``; its URL."""
    printed = folder / "printed"
    with printed.open("w") as output:
        command = [sys.executable, str(RECEIVER), str(key_file(folder)), "0"]
        with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as program:
            wait_for(lambda: printed.read_text().endswith("\n"))
            yield f"http://127.0.0.1:{int(printed.read_text())}/"
            program.terminate()


@pytest.fixture(scope="module")
def site(folder: Path, sqlite_template: Path, dovecot: Dovecot, zulip: ZulipServer, receiver: str) -> Iterator[Site]:
    """The installation, whose addresses were made by the command."""
    shutil.copy(sqlite_template, folder / "mailproc.db")
    (folder / "mailproc.db").chmod(0o600)
    key = str(folder / "key")
    box = DovecotBox(dovecot, f"robot-{secrets.token_hex(6)}")
    with Installation(folder, f"sqlite:///{folder}/mailproc.db", box) as installation:
        add_gateway(installation, "chat", CHAT, target="zulip", url=zulip.url, email=EMAIL, api_key_file=key)
        add_gateway(installation, "hook", HOOKS, target="webhook", url=receiver, secret_file=key)
        made = [installation.mailproc("address", "new", "general", "--handler", name) for name in ("chat", "hook")]
        assert [(done.returncode, done.stderr) for done in made] == [(0, "")] * 2
        chat, hook = (done.stdout.strip() for done in made)
        yield Site(House(installation), zulip, folder / "printed", chat, hook)


def assert_posted(site: Site, subject: str) -> None:
    """It is in the chat with its files, the receiver has printed it, and the ledger says so."""
    [message] = [message for message in site.zulip.messages if message["subject"] == subject]
    text, links = shown(message["content"]).split("\n\n", 1)
    linked = dict(re.findall(r"^\[(.*)\]\((.*)\)$", links, re.MULTILINE))
    assert (message["display_recipient"], text) == ("general", "At noon.")
    assert {name: site.zulip.uploads[path][2] for name, path in linked.items()} == SENT
    [line] = [line for line in site.printed.read_text().splitlines() if f"'{subject}'" in line]
    assert line == f"{{'name': 'general', 'topic': '{subject}', 'message': None}} At noon."
    assert_told(site, subject, f"message {message['id']} in channel general > {subject}")


def assert_told(site: Site, subject: str, note: str) -> None:
    """`mailproc messages show` tells where it went, and what came of the post."""
    listed = site.installation.mailproc("messages", "list", "--format", "jsonl")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    ours = {row["recipient"]: row for row in rows if row["message_id"] == f"<{subject.lower()}@example.com>"}
    assert {row["disposition"] for row in ours.values()} == {"handled"}
    show = site.installation.mailproc("messages", "show", str(ours[site.chat]["id"]))
    assert "for the channel general by address 1" in show.stdout
    assert show.stdout.splitlines()[-1].split(maxsplit=2) == ["done", ours[site.chat]["id"], note]


def test_a_mail_that_comes_by_smtp(site: Site) -> None:
    """Who has a token is heard, and nobody else; one mail to two chats is posted in both, once."""
    site.zulip.reset()
    wrong = f"general.{'a' * 32}@{CHAT}"
    with site.house.opened(), smtplib.SMTP("127.0.0.1", site.house.port, timeout=20) as client:
        client.ehlo("client.example.net")
        client.mail(SENDER)
        said = [client.rcpt(each) for each in (wrong, site.chat, site.hook, f"general@{CHAT}")]
        assert [code for code, _ in said] == [550, 250, 250, 550]
        assert said[0][1] == b"5.1.1 Bad destination mailbox address: it is not valid, or no longer"
        assert client.data(mail_to(site.chat, subject="Smtp", files=2))[0] == 250
        wait_for(lambda: len(site.installation.errands()) == 2 and not site.installation.state.pending)
        assert [state for state, _, _ in site.installation.errands()] == ["done"] * 2
    assert_posted(site, "Smtp")


def test_a_mail_that_is_fetched_by_imap(site: Site) -> None:
    """The recipients stand in To: each has its post, and the mail leaves the mailbox."""
    site.zulip.reset()
    site.installation.append(mail_to(site.chat, site.hook, subject="Imap", files=2))
    done = site.installation.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert site.installation.left_in_maildrop() == []
    assert_posted(site, "Imap")


def test_no_log_has_the_token_of_an_address(site: Site) -> None:
    """Whoever reads the log of both can post nowhere; the runs are in it."""
    log = (site.installation.folder / "log").read_text()
    assert "done: message " in log
    assert not any(re.split(r"[.@]", address)[1] in log for address in (site.chat, site.hook))
