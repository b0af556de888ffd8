"""The doors as an operator sets them up: TLS, logins, Unix sockets, proxies, relaying, other people's handlers, privileges."""

from __future__ import annotations

import base64
import contextlib
import os
import pwd
import re
import smtplib
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mailproc.database.engine import writing
from mailproc.database.passwords import set_password
from mailproc.privileges import become
from mailproc.reception.children import fork_child
from tests.installation import ROOT, Installation, finish, make_mail
from tests.processes import free_port, listens, wait_for
from tests.serve.house import ANN, House
from tests.servers.certificates import Certificate, make_authority
from tests.servers.relay import RelayServer
from tests.smtpd.dialogue import Client, codes

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost."""
    return make_authority(tmp_path_factory.mktemp("authority")).issue("localhost")


def tls_section(certificate: Certificate) -> str:
    """What stands in ``[serve]`` for it."""
    return f'tls_cert = "{certificate.certificate}"\ntls_key = "{certificate.key}"'


def relaying(installation: Installation, upstream: RelayServer) -> None:
    """Have ``*`` relay to another server."""
    with installation.config.open("a") as config:
        config.write(f'[domains."*"]\nhandler = "relay"\n[handler.relay]\nurl = "smtp://127.0.0.1:{upstream.port}"\n')


def test_who_has_logged_in_may_relay(installation: Installation, certificate: Certificate) -> None:
    """A user with a password, inside of TLS, may send anywhere that ``*`` serves; a stranger may not, nor a wrong password."""
    with writing(installation.engine) as conn:
        set_password(conn, "ann", PASSWORD)
    with RelayServer() as upstream:
        house = House(installation, tls_section(certificate))
        relaying(installation, upstream)
        with house.opened():
            assert house.send(make_mail("1"), "bob@elsewhere.example.net")[-2] == "550 5.7.1 Relaying denied"
            with smtplib.SMTP("127.0.0.1", house.port) as client:
                client.starttls(context=ssl._create_unverified_context())
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    client.login("ann", "wrong horse")
                client.login("ann", PASSWORD)
                client.sendmail(ANN, ["bob@elsewhere.example.net"], make_mail("1"))
                upstream.refuse["eve@elsewhere.example.net"] = "550 5.1.1 no such user"
                with pytest.raises(smtplib.SMTPDataError, match="no such user"):
                    client.sendmail(ANN, ["eve@elsewhere.example.net"], make_mail("2"))
        assert [received.rcpt_tos for received in upstream.received] == [["bob@elsewhere.example.net"]]
        assert upstream.received[0].data.startswith(b"Received: from ")
        assert make_mail("1") in upstream.received[0].data


def test_an_upstream_that_is_away_is_no_250(installation: Installation) -> None:
    """Nothing is taken that cannot be passed on now: 451, and the client keeps it."""
    with RelayServer() as upstream:
        relaying(installation, upstream)
    house = House(installation, 'relay_from = ["127.0.0.0/8"]')
    with house.opened():
        assert codes(house.send(make_mail("1"), "bob@elsewhere.example.net"))[-1].startswith("451")


def test_a_unix_socket_speaks_lmtp(installation: Installation, tmp_path: Path) -> None:
    """It is there while we are, for its group and not for the world."""
    path = tmp_path / "lmtp"
    house = House(installation)
    installation.edit(f"smtp://127.0.0.1:{house.port}", f"lmtp:unix:{path}")
    process = installation.start("-n", command="serve")
    wait_for(lambda: listens(str(path)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with Client(str(path)) as client:
        client.reply()
        replies = client.say_all("LHLO mta", f"MAIL FROM:<{ANN}>", "RCPT TO:<book@notes.example.org>", "DATA")
        assert replies[-1].startswith("354")
        client.send(make_mail("1") + b".\r\n")
        assert codes([client.reply()]) == ["250 2.0.0"]
    process.terminate()
    assert finish(process).returncode == os.EX_OK
    assert not path.exists()
    assert installation.receipts()[0].entrance == "lmtp"


def test_tls_may_be_required_of_lmtp_too(installation: Installation, certificate: Certificate) -> None:
    """LHLO is heard before STARTTLS, and nothing of a mail is."""
    house = House(installation, tls_section(certificate) + "\nrequire_tls = true", scheme="lmtp")
    with house.opened(), house.client() as client:
        client.reply()
        assert client.say_all("LHLO mta", f"MAIL FROM:<{ANN}>")[1] == "530 Must issue a STARTTLS command first"
        assert client.say("STARTTLS").startswith("220")
        client.start_tls()
        assert client.say_all("LHLO mta", f"MAIL FROM:<{ANN}>")[1] == "250 OK"


def test_a_proxy_tells_who_calls(installation: Installation) -> None:
    """Behind a proxy that we know its client's address counts; who comes without a header, is not heard."""
    house = House(
        installation, 'proxy_from = ["127.0.0.1"]\nrelay_from = ["192.0.2.0/24"]\nrequire_tls = false\ntimeout = "1 s"'
    )
    with installation.config.open("a") as config:
        config.write('[domains."*"]\nhandler = "sink"\n')
    process = installation.start("-n", command="serve")
    wait_for(lambda: listens(("127.0.0.1", house.port)))
    for source, told in (("192.0.2.9", "250"), ("198.51.100.1", "550")):
        with house.client() as client:
            client.send(f"PROXY TCP4 {source} 127.0.0.1 1234 25\r\n".encode())
            assert client.reply().startswith("220")
            client.say_all("EHLO client.example.net", f"MAIL FROM:<{ANN}>")
            assert client.say("RCPT TO:<bob@elsewhere.example.net>").startswith(told)
    with house.client() as client:
        client.send(b"EHLO client.example.net\r\n")
        assert client.closed()
    process.terminate()
    finish(process)


def test_root_does_not_serve_as_root(installation: Installation) -> None:
    """Root must say whom to become, and that must be somebody."""
    House(installation)
    for arguments, named in (([], "serve.user"), (["--user", "nosuchuser"], "nosuchuser")):
        refused = finish(installation.start(*arguments, command="serve"))
        assert (refused.returncode, refused.stderr.count("\n")) == (os.EX_CONFIG, 1)
        assert named in refused.stderr


def test_dropped_rights_are_gone() -> None:
    """Who has become another user has its groups and no others, and no way back."""
    nobody = pwd.getpwnam("nobody")
    told, tell = os.pipe()

    def work() -> int:
        become(nobody)
        back = "no"
        with contextlib.suppress(PermissionError):
            os.setuid(0)
            back = "yes"
        os.write(tell, f"{os.getresuid()} {os.getresgid()} {os.getgroups()} {back}".encode())
        return os.EX_OK

    _, status = os.waitpid(fork_child(work), 0)
    os.close(tell)
    with os.fdopen(told) as pipe:
        said = pipe.read()
    uid, gid = nobody.pw_uid, nobody.pw_gid
    assert (os.waitstatus_to_exitcode(status), said) == (os.EX_OK, f"{(uid,) * 3} {(gid,) * 3} {[gid]} no")


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ('listen = ["127.0.0.1:99999"]', "serve.listen"),
        ('listen = ["127.0.0.1:8025", "lmtp://8025"]', "serve.listen: names lmtp://127.0.0.1:8025 twice"),
        ('tls_cert = "missing.pem"\ntls_key = "missing.key"', "missing.pem"),
        ('smtp_class = "no.such:Class"', "serve.smtp_class"),
        ("smtp_parameters = { nonsense = 1 }", "serve.smtp_parameters"),
        ('listen = ["smtps://127.0.0.1:0"]', "tls_cert"),
        ('rate = ["often"]', "serve.rate"),
    ],
)
def test_a_wrong_setting_is_one_line(installation: Installation, section: str, named: str) -> None:
    """Status 78, one line with the key and the fix, and no door was open."""
    house = House(installation)
    text = installation.config.read_text()
    kept = f'listen = ["smtp://127.0.0.1:{house.port}"]' if "listen" not in section else ""
    installation.config.write_text(text[: text.index("[serve]")] + f"[serve]\n{kept}\n{section}\n")
    done = finish(installation.start("-n", command="serve"))
    assert (done.returncode, done.stderr.count("\n")) == (os.EX_CONFIG, 1), done.stderr
    assert named in done.stderr


def test_a_relay_that_cannot_be_used_is_one_line(installation: Installation) -> None:
    """Its password is read by the child that sends answers; what is wrong with it is said before a door is open."""
    House(installation)
    text = installation.config.read_text()
    relay = 'url = "smtps://robot@127.0.0.1"\npassword_file = "nowhere"'
    installation.config.write_text(re.sub(r'url = "smtp://127.*"', relay, text, count=1))
    done = finish(installation.start("-n", command="serve"))
    assert (done.returncode, done.stderr.count("\n")) == (os.EX_CONFIG, 1), done.stderr
    assert "smtp.password_file: " in done.stderr


def test_a_port_that_is_taken(installation: Installation) -> None:
    """Two servers do not share a port."""
    house = House(installation)
    with socket.create_server(("127.0.0.1", house.port)):
        done = finish(installation.start("-n", command="serve"))
    assert (done.returncode, done.stderr.count("\n")) == (os.EX_CONFIG, 1)
    assert str(house.port) in done.stderr


GUEST = '''
class Old:
    """As for smtpd."""

    def process_message(self, peer, mailfrom, rcpttos, data, **kwargs):
        with open("taken", "ab") as file:
            file.write(repr((mailfrom, rcpttos, data)).encode())
        return "550 no" if b"no" in data else None


class New:
    """As for aiosmtpd."""

    @classmethod
    def from_cli(cls, parser, *args):
        if len(args) != 1:
            parser.error("one file, please")
        guest = cls()
        guest.file = args[0]
        return guest

    async def handle_DATA(self, server, session, envelope):
        if b"boom" in envelope.content:
            raise ValueError("secret path /etc/x")
        with open(self.file, "ab") as file:
            file.write(envelope.content)
        return "250 taken"
'''


@pytest.mark.parametrize("arguments", [["guests:Old"], ["guests:New", "taken"]])
def test_a_handler_that_was_written_for_others(tmp_path: Path, arguments: list[str]) -> None:
    """``-c`` takes a class of aiosmtpd's kind or of smtpd's, without any configuration; its bugs are told to nobody."""
    (tmp_path / "guests.py").write_text(GUEST)
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "mailproc", "serve", "-n", "-l", f"127.0.0.1:{port}", "-c", *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_for(lambda: listens(("127.0.0.1", port)))
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.sendmail("a@example.com", ["b@example.org"], b"Subject: x\r\n\r\nfor the guest\r\n")
                with pytest.raises(smtplib.SMTPDataError) as refused:
                    client.sendmail("a@example.com", ["b@example.org"], b"Subject: x\r\n\r\nno, or boom\r\n")
            process.terminate()
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == os.EX_OK
    assert b"for the guest" in (tmp_path / "taken").read_bytes()
    assert refused.value.smtp_code == (550 if "Old" in arguments[0] else 451)
    assert b"secret" not in refused.value.smtp_error
    assert ("secret path" in errors) == ("New" in arguments[0])


def test_verbs_of_ones_own(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``smtp_class`` takes a subclass of aiosmtpd's SMTP, and its verbs stand in HELP."""
    (tmp_path / "mine.py").write_text(
        "from aiosmtpd.smtp import SMTP, syntax\n"
        "class Mine(SMTP):\n"
        "    @syntax('PING [ignored]')\n"
        "    async def smtp_PING(self, arg):\n"
        "        await self.push('259 Pong')\n"
    )
    house = House(installation, 'smtp_class = "mine:Mine"\nsmtp_parameters = { ident = "mine" }')
    monkeypatch.chdir(tmp_path)
    with house.opened(), house.client() as client:
        assert client.reply().endswith(" mine")
        assert client.say_all("EHLO x", "PING", "HELP PING")[1:] == ["259 Pong", "250 Syntax: PING [ignored]"]


def test_base64_is_no_secret(installation: Installation, certificate: Certificate) -> None:
    """A password is neither in the log nor on stderr, also with the dialogue shown."""
    house = House(installation, tls_section(certificate) + "\nsmtp_parameters = { auth_require_tls = false }")
    with writing(installation.engine) as conn:
        set_password(conn, "ann", PASSWORD)
    house.open("-dd")
    secret = base64.b64encode(b"\0ann\0" + PASSWORD.encode()).decode()
    with house.client() as client:
        client.reply()
        client.say_all("EHLO x", f"AUTH PLAIN {secret}")
    errors = house.close()
    assert ">> EHLO x\n" in errors
    assert ">> AUTH PLAIN\n" in errors
    assert "<< 235 2.7.0" in errors
    written = errors + (installation.folder / "log").read_text()
    assert secret not in written
    assert PASSWORD not in written
