"""`relay` hands mail on to a real second server, and what that says is what our client is told."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from mailproc.errors import SettingsError
from mailproc.reading import read_header
from mailproc.testing import PostOffice, make_mail
from tests.ends.conftest import HandIn
from tests.servers.certificates import make_authority
from tests.servers.relay import RelayServer

RAW = b"From: Eve <eve@example.net>\r\nTo: all@example.org\r\nSubject: hi\r\n\r\nhello\r\n.\r\n"
BY = {"helo": "relay.example.org"}


@pytest.fixture
def upstream(relay: RelayServer, office: PostOffice) -> RelayServer:
    """The next server, to which all mail for example.org goes."""
    office.bind("example.org", "relay", BY | {"url": f"smtp://{relay.host}:{relay.port}"}, drop=[], trust=[])
    return relay


@pytest.mark.parametrize("path", ["eve@example.net", ""])
def test_a_mail_goes_on_with_its_envelope(upstream: RelayServer, hand_in: HandIn, path: str) -> None:
    """The next server gets the same reverse path and recipient, and all octets below one Received field."""
    assert hand_in(RAW, path=path).code == 250
    ((mail_from, rcpt_tos, data),) = upstream.received
    assert (mail_from, rcpt_tos) == (path, ["ann@example.org"])
    assert data.endswith(RAW)
    (received,) = read_header(data).all("Received")
    assert data.startswith(b"Received: ")
    pattern = r"from unknown by relay\.example\.org \(mailproc\) with SMTP\s+id [0-9a-f]{24}; (.*)"
    found = re.fullmatch(pattern, received)
    assert found is not None
    assert parsedate_to_datetime(found[1]).tzinfo is not None


def test_no_recipient_is_told_of_another(upstream: RelayServer, hand_in: HandIn) -> None:
    """Whoever got a blind copy is named in the envelope alone."""
    for recipient in ("ann@example.org", "bob@example.org"):
        assert hand_in(RAW, to=recipient).code == 250
    assert [mail.rcpt_tos for mail in upstream.received] == [["ann@example.org"], ["bob@example.org"]]
    assert not any(b"ann@" in mail.data or b"bob@" in mail.data or b" for " in mail.data for mail in upstream.received)


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "554 spam", "450 4.2.0 come back later", "452 full"])
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_is_told_as_it_is(upstream: RelayServer, hand_in: HandIn, at: str, reply: str) -> None:
    """Code and text are the next server's own, whichever command it answers; nothing is taken that it has not taken."""
    upstream.refuse_mail = reply if at == "MAIL" else None
    upstream.refuse_data = reply if at == "DATA" else None
    upstream.refuse = {"ann@example.org": reply} if at == "RCPT" else {}
    assert hand_in(RAW).line() == reply
    assert upstream.received == []


def test_each_recipient_has_a_reply_of_its_own(upstream: RelayServer, hand_in: HandIn) -> None:
    """What one is refused for is no matter of the others."""
    upstream.refuse = {"bob@example.org": "550 5.1.1 no such user", "cyd@example.org": "450 4.2.1 mailbox busy"}
    told = [hand_in(RAW, to=f"{name}@example.org").code for name in ("ann", "bob", "cyd")]
    assert told == [250, 550, 450]
    assert [mail.rcpt_tos for mail in upstream.received] == [["ann@example.org"]]


def test_a_refusal_is_one_safe_line(upstream: RelayServer, hand_in: HandIn) -> None:
    """Several lines become one, and terminal codes are none."""
    upstream.refuse["ann@example.org"] = "550-5.7.1 first\r\n550 5.7.1 \x1b[31msecond"
    assert hand_in(RAW).line() == "550 5.7.1 first 5.7.1 [31msecond"


def test_a_server_that_hangs_up_does_not_hang_up_ours(upstream: RelayServer, hand_in: HandIn) -> None:
    """A 421 is about a connection (RFC 5321 section 3.8), and ours to the client goes on."""
    upstream.refuse["ann@example.org"] = "421 4.3.2 shutting down"
    assert hand_in(RAW).line() == "451 4.3.2 shutting down"


def test_a_server_that_is_away_is_waited_for(upstream: RelayServer, hand_in: HandIn, caplog: pytest.LogCaptureFixture) -> None:
    """The client is told to come again and not where we go; the log says it."""
    upstream.stop()
    with caplog.at_level(logging.WARNING):
        assert hand_in(RAW).line() == "451 4.4.1 The next mail server is out of reach; try again later"
    assert f"relay {upstream.host}:{upstream.port}: Connection refused" in caplog.text
    upstream.start()
    assert hand_in(RAW).code == 250
    assert len(upstream.received) == 1


def test_a_connection_that_breaks_after_the_dot_is_no_250(upstream: RelayServer, hand_in: HandIn) -> None:
    """Nobody knows whether the mail was taken: it is sent again, twice rather than never."""
    upstream.drop_after_dot = 1
    assert hand_in(RAW).code == 451
    assert hand_in(RAW).code == 250
    assert [mail.data.endswith(RAW) for mail in upstream.received] == [True, True]


@pytest.mark.parametrize(("hops", "told"), [(50, 250), (51, 554)])
def test_a_mail_that_goes_in_circles_is_refused(upstream: RelayServer, hand_in: HandIn, hops: int, told: int) -> None:
    """The limit is that of screening, which holds here also where the domain drops no loops."""
    reply = hand_in(b"Received: from a by b; Sat, 21 Nov 2026 14:00:00 +0000\r\n" * hops + RAW)
    assert (reply.code, len(upstream.received)) == (told, 1 if told == 250 else 0)
    assert told == 250 or reply.status == "5.4.6"


@pytest.mark.parametrize(
    "trick", [b"\n.\nMAIL FROM:<boss@example.org>\n", b"\n.\r\nMAIL", b"\r\n.\nMAIL", b"\r.\rMAIL", b"a\rb", b"a\0b"]
)
def test_no_second_mail_is_smuggled(upstream: RelayServer, hand_in: HandIn, trick: bytes) -> None:
    """A bare CR, a bare LF or a NUL among lines that end with CRLF is refused, and nothing of it is sent."""
    assert hand_in(RAW + trick + b"\r\n").line().startswith("554 5.6.0 not sent: a bare CR, a bare LF or a NUL in it")
    assert upstream.received == [] == upstream.parameters


def test_lines_of_a_file_become_lines_of_a_mail(upstream: RelayServer, office: PostOffice) -> None:
    """A mail without any CR came from a file; it goes on with the null path, since nobody knows to whom a failure may go."""
    raw = RAW.replace(b"\r\n", b"\n")
    office._drop.add(b"Delivered-To: ann@example.org\n" + raw, arrival=office.now)
    office._handle()
    ((mail_from, _, data),) = upstream.received
    assert mail_from == ""
    assert data.endswith(b"\r\nDelivered-To: ann@example.org\r\n" + RAW)
    assert b"with SMTP" not in data


@pytest.mark.parametrize(
    ("hidden", "recipient", "raw", "told"),
    [
        ("8BITMIME", "ann@example.org", RAW + b"\xff\r\n", "554 5.6.3 not sent: it has 8-bit octets"),
        ("SMTPUTF8", "jörg@example.org", RAW, "554 5.6.7 not sent: an address is not ASCII"),
        ("", "a b@example.org", RAW, "554 5.1.3 not sent: an address that SMTP cannot carry"),
    ],
)
def test_what_the_next_server_cannot_take_is_refused(
    upstream: RelayServer, hand_in: HandIn, hidden: str, recipient: str, raw: bytes, told: str
) -> None:
    """A mail is never changed to fit; where the server offers what is needed it goes on."""
    upstream.hide = {hidden}
    assert hand_in(raw, to=recipient).line().startswith(told)
    assert upstream.received == []
    upstream.hide = set()
    assert hidden == "" or hand_in(raw + b"again\r\n", to=recipient).code == 250


def test_spool_mode_tells_the_sender_by_mail(upstream: RelayServer, office: PostOffice) -> None:
    """Of a refusal after our 250 the words of the next server are in the error mail."""
    upstream.refuse["ann@example.org"] = "550 5.1.1 no such user"
    office.user("ann", "ann@example.com")
    office.bind("example.org", "relay", BY | {"url": f"smtp://{upstream.host}:{upstream.port}"})
    delivered = office.deliver(make_mail(to="ann@example.org"))
    assert (delivered.disposition, len(delivered.sent)) == ("rejected", 1)
    assert "550 5.1.1 no such user" in delivered.sent[0].text


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[RelayServer, Path, Path]]:
    """A server with STARTTLS that wants a login; the file of its authority and one for the password."""
    authority = make_authority(tmp_path)
    password = tmp_path / "password"
    with RelayServer(certificate=authority.issue("localhost"), login=("robot", "s3cret-word")) as server:
        yield server, authority.certificate, password


def test_we_log_in_and_a_refused_login_is_no_fault_of_the_mail(
    secure: tuple[RelayServer, Path, Path], office: PostOffice, hand_in: HandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """With a wrong password the client waits, the operator is told, and nobody sees the password."""
    server, authority, password = secure
    password.write_text("wr0ng-word\n")
    password.chmod(0o600)
    url = f"smtp+starttls://robot@localhost:{server.port}"
    options = {"url": url, "password_file": str(password), "ca_file": str(authority)}
    office.bind("example.org", "relay", options)
    assert hand_in(RAW).line() == "451 4.3.0 Waiting for the next mail server; try again later"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "535" in caplog.text
    assert "wr0ng-word" not in caplog.text + str(office._works)
    password.write_text("s3cret-word\n")
    assert hand_in(RAW).code == 250
    assert len(server.received) == 1
    password.unlink()
    assert hand_in(RAW + b"more\r\n").code == 451


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "http://example.org"}, r"http: is not known here; there are smtp\+starttls:, smtps: and smtp:"),
        ({"url": "smtp://a@example.org"}, "in the clear; use smtp\\+starttls: or smtps:"),
        ({"url": "smtps://a@example.org"}, "password_file: is missing; give it, or no user name in url"),
        ({"url": "smtps://a@example.org", "password_file": "/nowhere/x"}, "password_file: /nowhere/x: No such file"),
        ({"url": "smtps://example.org", "ca_file": "/nowhere/x"}, "ca_file /nowhere/x: No such file"),
        ({"url": "smtp://localhost", "helo": "a b"}, "helo: must be a domain, such as mail.example.org"),
        ({"url": "smtp://localhost", "helo": "a\r\nRSET"}, "helo: must be a domain"),
    ],
)
def test_options_that_cannot_be_stop_the_start(office: PostOffice, options: dict[str, str], says: str) -> None:
    """One line with the name of the section, and no traceback at night."""
    with pytest.raises(SettingsError, match=rf"^handler\.relay: .*{says}") as caught:
        office.bind("example.org", "relay", options)
    assert str(caught.value).isprintable()
    with pytest.raises(SettingsError, match=r"^handler\.relay\.url: is missing$"):
        office.bind("example.com", "relay", {})
