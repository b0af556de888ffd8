"""The relay client against a real SMTP server."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.submission import Relay, Submitted
from tests.servers.certificates import Authority, make_authority
from tests.servers.relay import RelayServer

RAW = b"From: robot@example.org\r\nTo: ann@example.com\r\nSubject: hi\r\n\r\nhello\r\n"
ANN = "ann@example.com"
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is TLS from the start
LOGIN = ("robot", "pässword")


@pytest.fixture
def server() -> Iterator[RelayServer]:
    """A relay without TLS or login."""
    with RelayServer() as running:
        yield running


def client(server: RelayServer, **options: object) -> Relay:
    """A client for ``server`` that does not wait long."""
    options = {"timeout": 5.0} | options
    return Relay(str(options.pop("host", server.host)), server.port, **options)  # type: ignore[arg-type]


def secure(server: RelayServer, authority: Authority, **options: object) -> Relay:
    """A client that trusts the authority, and uses the name for which it issued."""
    return client(server, host="localhost", ca_file=str(authority.certificate), **options)


def hand(relay: Relay, reverse_path: str, recipient: str, raw: bytes) -> Submitted:
    """Hand over a mail for one recipient."""
    (submitted,) = relay.send(reverse_path, [recipient], raw)
    return submitted


def test_mail_is_taken_over_with_its_envelope(server: RelayServer) -> None:
    """The relay gets the null reverse path, the recipient and exactly the octets."""
    with client(server) as relay:
        assert hand(relay, "", ANN, RAW).kind == "sent"
    assert server.received == [("", [ANN], RAW)]


def test_dots_survive(server: RelayServer) -> None:
    """Lines that begin with dots, also a lone one, arrive as they were, and as one mail."""
    raw = RAW + b".\r\n..\r\n.hidden\r\nMAIL FROM:<eve@example.net>\r\n"
    with client(server) as relay:
        hand(relay, "robot@example.org", ANN, raw)
    assert server.received == [("robot@example.org", [ANN], raw)]


def test_one_connection_serves_several_mails(server: RelayServer) -> None:
    """Ten mails need one connection, also with a refused one among them."""
    server.refuse["bob@example.com"] = "550 5.1.1 no such user"
    with client(server) as relay:
        kinds = [hand(relay, "", to, RAW).kind for to in [ANN] * 5 + ["bob@example.com"] + [ANN] * 5]
    assert kinds == ["sent"] * 5 + ["refused"] + ["sent"] * 5
    assert len(server.received) == 10
    assert len(set(server.clients)) == 1


@pytest.mark.parametrize(("reply", "kind"), [("550 5.1.1 no such user", "refused"), ("451 4.2.1 busy", "retry")])
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
def test_reply_decides_at_every_step(server: RelayServer, at: str, reply: str, kind: str) -> None:
    """A 5xx to the mail is final and a 4xx is not, whichever command it answers; the relay's words are kept."""
    server.refuse_mail = reply if at == "MAIL" else None
    server.refuse_data = reply if at == "DATA" else None
    server.refuse = {ANN: reply} if at == "RCPT" else {}
    with client(server) as relay:
        submitted = hand(relay, "", ANN, RAW)
        assert (submitted.kind, submitted.reply) == (kind, reply)
        server.refuse, server.refuse_mail, server.refuse_data = {}, None, None
        assert hand(relay, "", ANN, RAW).kind == "sent"
    assert len(server.received) == 1


@pytest.mark.parametrize("reply", ["252 who knows", "354 go on", "199 odd"])
@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
def test_an_odd_reply_in_the_middle_is_not_taken_for_the_end(server: RelayServer, at: str, reply: str) -> None:
    """Only a 2yz to the content says that the relay has the mail, whatever it has said before."""
    server.refuse_mail = reply if at == "MAIL" else None
    server.refuse = {ANN: reply} if at == "RCPT" else {}
    with client(server) as relay:
        assert hand(relay, "", ANN, RAW).kind != "sent"
    assert server.received == []


def test_421_ends_the_connection_and_not_the_mail(server: RelayServer) -> None:
    """After a 421 the mail is tried again over a new connection."""
    server.refuse[ANN] = "421 4.3.2 shutting down"
    with client(server) as relay:
        assert hand(relay, "", ANN, RAW).kind == "retry"
        assert not relay.connected
        server.refuse.clear()
        assert hand(relay, "", ANN, RAW).kind == "sent"


def test_relay_that_hangs_up_after_the_dot_may_have_the_mail(server: RelayServer) -> None:
    """No reply to the content means try again later, never at once: it is sent at least once."""
    server.drop_after_dot = 1
    with client(server) as relay:
        assert hand(relay, "", ANN, RAW).kind == "retry"
        assert len(server.received) == 1
        assert hand(relay, "", ANN, RAW).kind == "sent"
    assert server.received == [("", [ANN], RAW)] * 2


MANY = [f"{n}@example.com" for n in range(6)]


def kinds(submitted: list[Submitted]) -> str:
    """What became of each, by the first letters."""
    return " ".join(each.kind for each in submitted)


def test_many_recipients_go_in_one_mail_transaction(server: RelayServer) -> None:
    """Each with the reply to its own RCPT, and those that were taken with that to the content."""
    server.refuse = {MANY[1]: "550 5.1.1 no such user", MANY[4]: "450 4.2.0 greylisted"}
    with client(server) as relay:
        submitted = relay.send("list@example.org", [*MANY[:3], "a b@c", *MANY[3:], MANY[0]], RAW)
        assert relay.send("", [ANN], RAW)[0].kind == "sent"
    assert kinds(submitted) == "sent refused sent refused sent retry sent sent"
    assert [each.reply for each in submitted[:4]] == [
        "250 OK",
        "550 5.1.1 no such user",
        "250 OK",
        "not sent: an address that SMTP cannot carry",
    ]
    assert [mail.rcpt_tos for mail in server.received] == [[MANY[n] for n in (0, 2, 3, 5)], [ANN]]
    assert len(set(server.clients)) == 1


@pytest.mark.parametrize(("reply", "kind"), [("552 5.6.0 no", "refused"), ("451 4.3.0 not now", "retry")])
def test_the_reply_to_the_content_is_for_all_that_were_taken(server: RelayServer, reply: str, kind: str) -> None:
    """Who had been refused stays so."""
    server.refuse, server.refuse_data = {MANY[1]: "550 5.1.1 no such user"}, reply
    with client(server) as relay:
        assert [(each.kind, each.reply) for each in relay.send("", MANY[:3], RAW)] == [
            (kind, reply),
            ("refused", "550 5.1.1 no such user"),
            (kind, reply),
        ]


def test_no_content_is_sent_where_nobody_was_taken(server: RelayServer) -> None:
    """The connection is good for the next mail."""
    server.refuse = dict.fromkeys(MANY, "550 5.1.1 no such user")
    with client(server) as relay:
        assert kinds(relay.send("", MANY[:3], RAW)) == "refused refused refused"
        assert relay.connected
    assert server.received == []


@pytest.mark.parametrize("too_many", ["452 4.5.3 too many recipients", "552 too many recipients"])
def test_whom_the_relay_does_not_want_in_the_same_mail_is_left(server: RelayServer, too_many: str) -> None:
    """They are not asked for in vain, and go in further transactions (RFC 5321 section 4.5.3.1.10)."""
    server.most_recipients, server.too_many = 4, too_many
    with client(server) as relay:
        assert kinds(relay.send("", MANY, RAW)) == "sent sent sent sent left left"
        assert server.asked == MANY[:5]
        assert kinds(relay.send("", MANY[4:], RAW)) == "sent sent"
    assert [mail.rcpt_tos for mail in server.received] == [MANY[:4], MANY[4:]]


@pytest.mark.parametrize(("reply", "kind"), [("452 4.2.2 over quota", "retry"), ("552 5.2.2 over quota", "refused")])
def test_a_full_mailbox_is_not_asked_for_again_at_once(server: RelayServer, reply: str, kind: str) -> None:
    """The same replies to the first recipient are about nobody else."""
    server.refuse = {MANY[0]: reply}
    with client(server) as relay:
        assert kinds(relay.send("", MANY[:3], RAW)) == f"{kind} sent sent"


@pytest.mark.parametrize("how", ["421", "drop"])
def test_who_was_refused_before_the_connection_broke_off_stays_refused(server: RelayServer, how: str) -> None:
    """The others, taken or not asked for, are to be tried again; nobody was sent anything."""
    server.refuse = {MANY[0]: "550 5.1.1 no such user"} | ({MANY[3]: "421 4.7.0 too many errors"} if how == "421" else {})
    server.drop_at = {MANY[3]} if how == "drop" else set()
    with client(server) as relay:
        assert kinds(relay.send("", MANY, RAW)) == "refused retry retry retry retry retry"
        assert not relay.connected
    assert server.received == []


@pytest.mark.parametrize("kept", [True, False])
def test_all_that_were_taken_are_tried_again_when_nobody_says_250(server: RelayServer, kept: bool) -> None:
    """Whether the relay had the mail when it hung up or not: we cannot know. Who was refused is not asked for again."""
    server.drop_after_dot, server.lose_after_dot = int(kept), int(not kept)
    server.refuse = {MANY[1]: "550 5.1.1 no such user"}
    with client(server) as relay:
        assert kinds(relay.send("", MANY[:3], RAW)) == "retry refused retry"
        assert kinds(relay.send("", [MANY[0], MANY[2]], RAW)) == "sent sent"
    assert server.received == [("", [MANY[0], MANY[2]], RAW)] * (1 + kept)


def test_a_recipient_that_needs_smtputf8_is_refused_alone(server: RelayServer) -> None:
    """Where the relay does not offer it; the others are served."""
    server.hide = {"SMTPUTF8"}
    with client(server) as relay:
        submitted = relay.send("", ["j\xf6rg@example.com", ANN], RAW)
    assert kinds(submitted) == "refused sent"
    assert submitted[0].status == "5.6.7"


def test_death_after_the_dot_leaves_the_mail_with_the_relay(server: RelayServer) -> None:
    """A process that is killed between the dot and the reply has sent its mail and cannot know it."""
    program = f"from mailproc.submission import Relay; Relay({server.host!r}, {server.port}).send('', [{ANN!r}], {RAW!r})"
    armed = os.environ | {"MAILPROC_FAILPOINT": "outbox-after-data:kill"}
    died = subprocess.run([sys.executable, "-c", program], env=armed, check=False, timeout=30)
    deadline = time.monotonic() + 5
    while not server.received and time.monotonic() < deadline:
        time.sleep(0.01)
    assert died.returncode == -signal.SIGKILL
    assert server.received == [("", [ANN], RAW)]


def test_silent_relay_costs_the_timeout(server: RelayServer) -> None:
    """A relay that does not answer the content in time is tried again."""
    server.hang = 30.0
    began = time.monotonic()
    with client(server, timeout=0.3) as relay:
        submitted = hand(relay, "", ANN, RAW)
    assert submitted.kind == "retry"
    assert "timed out" in submitted.reply
    assert time.monotonic() - began < 20


def test_relay_that_went_away_between_two_mails_is_found_again(server: RelayServer) -> None:
    """A connection that was closed meanwhile is replaced; while the relay is down, mail is to be retried."""
    with client(server) as relay:
        assert hand(relay, "", ANN, RAW).kind == "sent"
        server.stop()
        down = hand(relay, "", ANN, RAW)
        assert down.kind == "retry"
        assert not relay.connected
        server.start()
        assert hand(relay, "", ANN, RAW).kind == "sent"
    assert len(server.received) == 2


def test_relay_that_is_away_at_the_start_says_so(server: RelayServer) -> None:
    """To enter without a relay raises Away with the place and what to do; one mail alone is to be retried."""
    server.stop()
    with pytest.raises(Away, match=rf"relay 127.0.0.1:{server.port}: .*refused; check that it runs"), client(server):
        pass
    assert hand(client(server), "", ANN, RAW).kind == "retry"


@pytest.mark.parametrize("greeting", [b"554 no service\r\n", b"421 later\r\n", b"garbage\r\n", b""])
def test_greeting_is_about_us_and_not_the_mail(greeting: bytes) -> None:
    """Whatever stands in place of a greeting, no mail is refused for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener, greeting))
        thread.start()
        submitted = hand(Relay("127.0.0.1", listener.getsockname()[1], timeout=5), "", ANN, RAW)
        thread.join(10)
    assert submitted.kind == "retry"


def _greet(listener: socket.socket, greeting: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(greeting)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1024)


@pytest.mark.parametrize(
    "raw", [RAW + b"\n.\r\nMAIL", RAW + b"\r.\r\n", RAW + b"\0\r\n", RAW + b".\n", b"\nSubject: x\r\n\r\n", RAW + b"\r"]
)
def test_what_could_end_the_mail_early_is_never_sent(server: RelayServer, raw: bytes) -> None:
    """A bare CR, a bare LF and a NUL are what mail is smuggled with."""
    with client(server) as relay:
        assert hand(relay, "", ANN, raw).kind == "refused"
    assert server.received == []


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "ann@example.com>\r\nDATA",
        "ann@example.com> SIZE=1",
        "<ann@example.com>",
        "a b@c",
        "a\u2028b@c",
        "\udc80@c",
        "a\xa0b@c",
    ],
)
def test_address_cannot_become_a_command(server: RelayServer, recipient: str) -> None:
    """What is not one plain path is refused before the relay hears of it."""
    with client(server) as relay:
        assert hand(relay, "", recipient, RAW).kind == "refused"
        assert hand(relay, recipient or "\r\n", ANN, RAW).kind == "refused"
    assert server.received == [] == server.parameters


def test_8bit_mail_goes_out_only_where_it_is_offered(server: RelayServer) -> None:
    """BODY=8BITMIME is said for 8-bit mail alone, and without the offer such mail is refused."""
    with client(server) as relay:
        hand(relay, "", ANN, RAW)
        hand(relay, "", ANN, RAW + "ä\r\n".encode())
    assert [[word for word in said if word.startswith("BODY")] for said in server.parameters] == [[], ["BODY=8BITMIME"]]
    server.hide = {"8BITMIME"}
    with client(server) as relay:
        assert hand(relay, "", ANN, RAW + "ä\r\n".encode()).kind == "refused"
        assert hand(relay, "", ANN, RAW).kind == "sent"


def test_international_mail_goes_out_only_where_it_is_offered(server: RelayServer) -> None:
    """SMTPUTF8 is said where an address or the header is not ASCII; without the offer such an address is refused."""
    with client(server) as relay:
        for path, recipient, raw in [
            ("", ANN, RAW + "ä\r\n".encode()),
            ("", "jörg@example.com", RAW),
            ("jörg@example.org", ANN, RAW),
            ("", ANN, "Subject: ä\r\n".encode() + RAW),
        ]:
            assert hand(relay, path, recipient, raw).kind == "sent"
    assert ["SMTPUTF8" in said for said in server.parameters] == [False, True, True, True]
    assert [(mail.mail_from, *mail.rcpt_tos) for mail in server.received[1:3]] == [
        ("", "jörg@example.com"),
        ("jörg@example.org", ANN),
    ]
    server.hide = {"SMTPUTF8"}
    with client(server) as relay:
        assert [hand(relay, "", to, RAW).kind for to in ("jörg@example.com", ANN)] == ["refused", "sent"]
        assert hand(relay, "", ANN, "Subject: ä\r\n".encode() + RAW).kind == "sent"  # as it was before there was SMTPUTF8
    assert "SMTPUTF8" not in server.parameters[-1]


def test_reply_is_one_safe_line(server: RelayServer) -> None:
    """Terminal codes and further lines of a reply do not get into the log."""
    server.refuse[ANN] = "550-first\r\n550 \x1b[31msecond"
    with client(server) as relay:
        reply = hand(relay, "", ANN, RAW).reply
    assert reply.isprintable()
    assert reply.startswith("550 first")


def test_starttls_with_login(authority: Authority) -> None:
    """Over verified TLS the relay gets name and password, in UTF-8, once for several mails."""
    with RelayServer(certificate=authority.issue(), login=LOGIN) as server:
        with secure(server, authority, security="starttls", username=LOGIN[0], login=LOGIN[1]) as relay:
            assert [hand(relay, "", ANN, RAW).kind for _ in range(2)] == ["sent", "sent"]
        assert server.logins == [(LOGIN[0].encode(), LOGIN[1].encode())]


def test_tls_from_the_start(authority: Authority) -> None:
    """The same over implicit TLS (RFC 8314)."""
    with RelayServer(certificate=authority.issue(), tls=True, login=LOGIN) as server:
        with secure(server, authority, security="tls", username=LOGIN[0], login=LOGIN[1]) as relay:
            assert hand(relay, "", ANN, RAW).kind == "sent"
        with secure(server, authority, security="tls") as relay, pytest.raises(LoginRefused, match=r"530 .*user name"):
            hand(relay, "", ANN, RAW)
        assert len(server.received) == 1


def test_login_mechanism_login(authority: Authority) -> None:
    """A relay that offers only the mechanism LOGIN is served too."""
    with RelayServer(certificate=authority.issue(), login=LOGIN) as server:
        server.hide = {"AUTH"}
        options = {"security": "starttls", "username": LOGIN[0], "login": LOGIN[1]}
        with pytest.raises(LoginRefused, match="offers no AUTH"):
            secure(server, authority, **options).connect()
        server.hide = {"PLAIN"}
        with secure(server, authority, **options) as relay:
            assert hand(relay, "", ANN, RAW).kind == "sent"


def test_wrong_password_is_tried_once(authority: Authority) -> None:
    """A refused login raises LoginRefused, never gives up a mail, and does not try one mechanism after another."""
    with RelayServer(certificate=authority.issue(), login=LOGIN) as server:
        relay = secure(server, authority, security="starttls", username="robot", login="wrong")
        with pytest.raises(LoginRefused, match=r"535 .*check the user name and password") as refused:
            hand(relay, "", ANN, RAW)
        assert "wrong" not in str(refused.value)
        assert len(server.logins) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("code", [535, 454])
def test_a_password_that_the_relay_repeats_is_not_told(authority: Authority, mechanism: str, code: int) -> None:
    """In clear and in base64, also where the login fails for now."""
    sent = {"PLAIN": "\0robot\0hush  wörd", "LOGIN": "hush  wörd"}[mechanism]
    repeated = base64.b64encode(sent.encode()).decode()
    with RelayServer(certificate=authority.issue(), login=LOGIN) as server:
        server.hide = {"PLAIN", "LOGIN"} - {mechanism}
        server.login_reply = f"{code} you said {repeated}, hush  word"
        relay = secure(server, authority, security="starttls", username="robot", login="hush  wörd")
        with pytest.raises((LoginRefused, Away), match=rf"{code} you said \*\*\*, hush word"):
            relay.connect()
        relay = secure(server, authority, security="starttls", username="robot", login="hush  word")
        with pytest.raises((LoginRefused, Away), match=rf"{code} you said .*, \*\*\*"):
            relay.connect()


def test_login_that_fails_for_now_is_away(authority: Authority) -> None:
    """A 454 to AUTH is the relay's trouble and passes."""
    with RelayServer(certificate=authority.issue(), login=LOGIN) as server:
        server.login_reply = "454 4.7.0 try later"
        with pytest.raises(Away, match="454"):
            secure(server, authority, security="starttls", username=LOGIN[0], login=LOGIN[1]).connect()


def test_starttls_never_falls_back(server: RelayServer) -> None:
    """A relay, or somebody in between, that does not offer STARTTLS gets no mail."""
    relay = client(server, security="starttls")
    with pytest.raises(Away, match="does not offer STARTTLS"):
        relay.connect()
    assert hand(relay, "", ANN, RAW).kind == "retry"
    assert server.received == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_no_password_for_a_certificate_that_is_not_valid(authority: Authority, tmp_path: Path, security: str) -> None:
    """A foreign authority and a wrong host name end it before the login, and say what to do."""
    stranger = make_authority(tmp_path)
    with RelayServer(certificate=authority.issue(), tls=security == "tls", login=LOGIN) as server:
        options = {"security": security, "username": LOGIN[0], "login": LOGIN[1]}
        with pytest.raises(Away, match=r"certificate is not valid.*ca_file"):
            secure(server, stranger, **options).connect()
        with pytest.raises(Away, match=r"certificate is not valid.*host name"):
            client(server, ca_file=str(authority.certificate), **options).connect()
        assert server.logins == []


def test_clear_text_password_is_refused_by_configuration() -> None:
    """A password travels in clear to loopback alone."""
    with pytest.raises(SettingsError, match="in clear"):
        Relay("relay.example.org", 25, username="robot", login="secret")
    for host in ("127.0.0.1", "::1", "localhost"):
        Relay(host, 25, username="robot", login="secret")


def test_missing_ca_file_is_named(tmp_path: Path) -> None:
    """A ca_file that is not there, or is none, is the operator's to mend."""
    for path in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(SettingsError, match=str(path)):
            Relay("localhost", 25, security="tls", ca_file=str(path))


def test_plain_relay_spoken_to_in_tls(server: RelayServer) -> None:
    """TLS to a port that speaks first in clear says which security the ports have."""
    with pytest.raises(Away, match="smtps: is TLS from the start"):
        client(server, security="tls").connect()


def test_check_reports_facts(authority: Authority) -> None:
    """A check logs in and tells how, and sends nothing."""
    with RelayServer(certificate=authority.issue(), login=LOGIN) as server:
        relay = secure(server, authority, security="starttls", username=LOGIN[0], login=LOGIN[1])
        facts = relay.check()
        assert (facts.tls or "").startswith("TLSv1.")
        assert facts.logged_in
        assert not relay.connected
        assert server.received == []


@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_a_recipient_for_whom_a_login_is_wanted_waits_alone(server: RelayServer, code: int) -> None:
    """Said to MAIL such a reply is about us; said of one recipient it is no reason to keep the mail from the others."""
    server.refuse["bad@example.org"] = f"{code} 5.7.0 log in first"
    with Relay(server.host, server.port) as relay:
        told = relay.send("", ["bad@example.org", ANN], RAW)
    assert [(each.kind, each.reply[:3]) for each in told] == [("retry", str(code)), ("sent", "250")]
