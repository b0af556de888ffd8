"""A mail to a list, from the client of its author to the server of its reader, through real programs at every step.

The author's server signs with dkimpy. The mail comes by SMTP to `mailproc serve`, or waits in a Dovecot for `mailproc handle`;
what goes on passes a Postfix, and another server takes it. What was signed is verified over the bytes that arrive there, with
keys from a DNS server. A Postfix that cannot deliver tells so by itself.
"""

from __future__ import annotations

import re
import shutil
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import dkim
import pytest
from sqlalchemy.orm import Session

from mailproc.database.engine import writing
from mailproc.dkim.txt import Dns
from mailproc.forward import lists, members
from mailproc.reading import read_header
from tests.forward.signing import AUTHOR, LIST, MAIL, key, record, signed
from tests.installation import DovecotBox, Installation, MaildirBox
from tests.processes import wait_for
from tests.serve.house import House
from tests.servers.dns import DnsServer
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.servers.relay import Received, RelayServer

DOMAIN = "lists.example.net"
ANN = "ann@example.org"
MEMBERS = ["bob@example.com", "cyd@example.com"]
GONE = "gone@example.com"
KILLED = -9

CONFIGURATION = f"""
[domains."{DOMAIN}"]
handler = "forward"
drop = ["loop"]
trust = []

[handler.forward]
envelope_from = "srs"
srs_domain = "{DOMAIN}"
secret_file = "srs-secret"
from_policy = "munge-if-dmarc-strict"
arc_key_file = "arc.pem"
arc_selector = "s2"
arc_domain = "{DOMAIN}"
hostname = "mx.{DOMAIN}"
"""


class Site(NamedTuple):
    """All of it: our installation with its open door, and what is before and behind it."""

    installation: Installation
    house: House
    relay: RelayServer
    dns: DnsServer

    def arrived(self, to: str, text: bytes) -> Received:
        """What came to somebody with these words in it, once it is there."""
        wait_for(lambda: self._found(to, text))
        (found,) = self._found(to, text)
        return found

    def _found(self, to: str, text: bytes) -> list[Received]:
        return [mail for mail in self.relay.received if to in mail.rcpt_tos and text in mail.data]


def private(file: Path, content: bytes) -> None:
    """A file that nobody else can read."""
    file.touch(mode=0o600)
    file.write_bytes(content)


def make_lists(installation: Installation, **given: list[str]) -> None:
    """Lists with these members."""
    now = datetime.now(UTC)
    with writing(installation.engine) as conn, Session(conn) as session:
        for name, addresses in given.items():
            lists.create(session, name, DOMAIN, now=now)
            members.add(session, lists.find(session, name), addresses, now=now)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, dovecot: Dovecot) -> Iterator[Site]:
    """The lists notes and old, of which the one member of old has left his server without a word."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template, folder / "mailproc.db")
    (folder / "mailproc.db").chmod(0o600)
    known = {AUTHOR: [record("author")], LIST: [record("list")], "_dmarc.example.org": ["v=DMARC1; p=none"]}
    box = DovecotBox(dovecot, f"robot-{folder.parent.name}-{folder.name}")
    with RelayServer() as relay, DnsServer(known) as dns:
        relay.refuse[GONE] = "550 5.1.1 no such user"
        with Installation(folder, f"sqlite:///{folder}/mailproc.db", box, relay=relay) as installation:
            private(folder / "srs-secret", b"correct horse battery\n")
            private(folder / "arc.pem", key("list"))
            with installation.config.open("a") as config:
                config.write(f'{CONFIGURATION}dns_server = "{dns.server}"\n')
            make_lists(installation, notes=MEMBERS, old=[GONE])
            house = House(installation)
            with Postfix({DOMAIN: f"smtp:[127.0.0.1]:{house.port}"}, "", relay_port=relay.port) as postfix:
                installation.edit(f"127.0.0.1:{relay.port}", f"127.0.0.1:{postfix.port}")
                with house.opened():
                    yield Site(installation, house, relay, dns)


def mail(words: str, to: str = f"notes@{DOMAIN}") -> bytes:
    """A mail of Ann's that no other is like, signed by her server."""
    raw = MAIL.replace(b"It is  fine.", f"It is  {words}.".encode()).replace(b"notes@lists.example.net", to.encode())
    return signed(raw.replace(b"<1@example.org>", f"<{words.replace(' ', '.')}@example.org>".encode()))


def holds(site: Site, arrived: Received) -> None:
    """It goes on as a list's, in a reverse path of ours, and what was signed by Ann's server and by us can be verified."""
    look_up = Dns(site.dns.server)

    def dnsfunc(name: bytes, timeout: float = 5) -> bytes | None:
        return next(iter(look_up.txt(name.decode())), None)

    assert sorted(arrived.rcpt_tos) == MEMBERS
    assert re.fullmatch(rf"SRS0=[^=]{{8}}=[A-Z2-7]{{2}}=example\.org=ann@{DOMAIN}", arrived.mail_from)
    header = read_header(arrived.data)
    assert header.all("List-Id") == (f"notes <notes.{DOMAIN}>",)
    assert header.all("From") == (f"Ann Doe <{ANN}>",)
    assert any(value.startswith(f"from unknown by mx.{DOMAIN} (mailproc)") for value in header.all("Received"))
    assert dkim.verify(arrived.data, dnsfunc=dnsfunc)
    assert dkim.arc_verify(arrived.data, dnsfunc=dnsfunc)[0] == b"pass"
    changed = arrived.data.replace(b"It is ", b"It was ")
    assert not dkim.verify(changed, dnsfunc=dnsfunc)
    assert dkim.arc_verify(changed, dnsfunc=dnsfunc)[0] == b"fail"
    assert ("udp", AUTHOR) in site.dns.asked  # by us, for what the seal says of it


def send(site: Site, raw: bytes, to: str) -> None:
    """Hand a mail of Ann's to our door."""
    with smtplib.SMTP("127.0.0.1", site.house.port, timeout=20) as client:
        client.sendmail(ANN, [to], raw)


def test_a_mail_that_comes_to_the_door(site: Site) -> None:
    """By SMTP, and out by the relay: the author's signature holds, and so does our seal."""
    send(site, mail("at the door"), f"notes@{DOMAIN}")
    holds(site, site.arrived(MEMBERS[0], b"at the door"))


def test_a_mail_that_waits_in_a_mailbox(site: Site) -> None:
    """In a Dovecot, fetched by `mailproc handle`, it goes the same way; its Return-Path is what leads a bounce back."""
    delivered = f"Return-Path: <{ANN}>\r\nDelivered-To: notes@{DOMAIN}\r\n".encode() + mail("in the box")
    site.installation.append(delivered)
    done = site.installation.run()
    assert (done.returncode, done.stderr, site.installation.left_in_maildrop()) == (0, "", [])
    arrived = site.arrived(MEMBERS[0], b"in the box")
    holds(site, arrived)
    assert b"Return-Path" not in arrived.data


def test_a_bounce_finds_its_way_to_the_sender(site: Site) -> None:
    """The Postfix behind us tells our SRS address that somebody has gone, and we tell Ann, by the same way and once."""
    send(site, mail("for one who left", f"old@{DOMAIN}"), f"old@{DOMAIN}")
    bounce = site.arrived(ANN, b"message/delivery-status")
    assert bounce.mail_from == ""
    assert bounce.rcpt_tos == [ANN]
    assert GONE.encode() in bounce.data and b"Status: 5.1.1" in bounce.data
    header = read_header(bounce.data)
    assert (header.first("To") or "").startswith("SRS0=")
    assert any(f"by mx.{DOMAIN} (mailproc)" in value for value in header.all("Received"))


def test_a_forged_bounce_finds_nobody(site: Site) -> None:
    """Who makes up an address of this kind is told at the door that there is none, and no Ann hears of it."""
    with smtplib.SMTP("127.0.0.1", site.house.port, timeout=20) as client:
        client.ehlo()
        client.mail("")
        code, says = client.rcpt(f"SRS0=AAAAAAAA=AA=example.org=ann@{DOMAIN}")
    assert (code, says[:6]) == (550, b"5.1.1 ")


def test_clients_that_come_at_the_same_time(site: Site) -> None:
    """Two whose words cross each other, and a third with two mails in one session: all of their mail goes on, unmixed."""
    wanted, envelope = f"notes@{DOMAIN}", (f"MAIL FROM:<{ANN}>", f"RCPT TO:<notes@{DOMAIN}>", "DATA")
    with (
        site.house.client() as one,
        site.house.client() as two,
        smtplib.SMTP("127.0.0.1", site.house.port, timeout=20) as third,
    ):
        for command in ("EHLO client.example.org", *envelope):
            for client in (one, two):
                if command.startswith("EHLO"):
                    client.reply()
                client.say(command)
        for client, words in ((two, b"second"), (one, b"first")):
            client.send(mail(words.decode()) + b".\r\n")
        for words in ("third", "fourth"):
            third.sendmail(ANN, [wanted], mail(words))
        assert [client.reply()[:3] for client in (one, two)] == ["250", "250"]
    for words in (b"first", b"second", b"third", b"fourth"):
        arrived = site.arrived(MEMBERS[0], b"It is  " + words)
        assert sorted(arrived.rcpt_tos) == MEMBERS
        assert read_header(arrived.data).all("Message-ID") == (f"<{words.decode()}@example.org>",)


@pytest.mark.parametrize("failpoint", ["handler-half", "before-commit", "after-commit"])
def test_killed_around_the_commit(tmp_path: Path, sqlite_url: str, relay: RelayServer, failpoint: str) -> None:
    """Who has had the mail is noted in one transaction with the mail that goes out: nobody is left out, and nobody has two."""
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir"), relay=relay) as installation:
        with installation.config.open("a") as config:
            config.write(f'[domains."{DOMAIN}"]\nhandler = "forward"\ndrop = ["loop"]\ntrust = []\n')
        make_lists(installation, notes=MEMBERS, old=[GONE, MEMBERS[0]])
        installation.append(f"Delivered-To: notes+old@{DOMAIN}\r\n".encode() + MAIL)
        assert installation.run(failpoint=f"{failpoint}:killall").returncode == KILLED
        assert relay.received == []
        assert installation.run().returncode == 0
    assert sorted(mail.rcpt_tos for mail in relay.received) == [MEMBERS, [GONE]]
