"""`mailproc send`: a mail composed on the command line, taken by a real relay."""

from __future__ import annotations

import io
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from tests.cli.keys import Call
from tests.servers.relay import RelayServer

ANN, TO = "ann@example.org", "bob@example.com"


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch):
    """Have these octets on standard input."""

    def typed(octets: bytes) -> None:
        stdin = io.TextIOWrapper(io.BytesIO(octets))
        monkeypatch.setattr("sys.stdin", stdin)

    typed(b"Hello\n")
    return typed


def taken(relay: RelayServer) -> EmailMessage:
    """The one mail that the relay was given."""
    (received,) = relay.received
    mail = message_from_bytes(received.data, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_mail_has_all_that_a_mail_needs(call: Call, relay: RelayServer, type_in) -> None:
    """From, To, Cc, Subject, Date, a Message-ID of the author's domain, further fields, and the text."""
    type_in("Grüße\n".encode())
    ended = call(
        "send", "--relay", f"127.0.0.1:{relay.port}", "-f", "Ann Bå <ann@example.org>", "-t", "Bob <bob@example.com>",
        "-t", "cid@example.com", "-c", "dee@example.net", "-s", "Übung", "-I", "X-Trial", "one two",
    )  # fmt: skip
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    mail = taken(relay)
    assert (mail["From"], mail["To"], mail["Cc"]) == (
        "Ann Bå <ann@example.org>",
        "Bob <bob@example.com>, cid@example.com",
        "dee@example.net",
    )
    assert (mail["Subject"], mail["X-Trial"], mail.get_content()) == ("Übung", "one two", "Grüße\r\n")
    assert mail["Content-Transfer-Encoding"] == "quoted-printable"
    assert re.fullmatch(r"<\d{14}\.\d{6}\.\d+@example\.org>", mail["Message-ID"])
    assert mail["Date"].datetime.tzinfo is not None
    (received,) = relay.received
    assert (received.mail_from, received.rcpt_tos) == (
        "ann@example.org",
        ["bob@example.com", "cid@example.com", "dee@example.net"],
    )


def test_the_envelope_may_be_another(call: Call, relay: RelayServer, type_in) -> None:
    """Whom it goes to, and who hears of failures, is not what the header says."""
    relay_url = f"smtp://127.0.0.1:{relay.port}"
    ended = call(
        "send", "--relay", relay_url, "-f", "ann@example.org", "-t", "all@example.com", "-T", "<bob@example.com>", "-F", "<>"
    )
    assert ended.status == 0
    (received,) = relay.received
    assert (received.mail_from, received.rcpt_tos) == ("", ["bob@example.com"])


def test_a_dry_run_prints_it(call: Call, type_in) -> None:
    """Nothing is sent, so that no relay is needed."""
    ended = call(
        "send", "-n", "-f", "ann@example.org", "-t", "bob@example.com", "-s", "Hi", "-I", "Message-ID", "<a.b@example.org>"
    )
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("From: ann@example.org\nTo: bob@example.com\nSubject: Hi\nMessage-ID: <a.b@example.org>\n")
    assert ended.out.endswith("\n\nHello\n")


def test_what_the_relay_says_of_each_recipient_is_told(call: Call, relay: RelayServer, type_in) -> None:
    """A line for each who did not get it, and a status that says whether to try again."""
    relay.refuse |= {"bob@example.com": "550 5.1.1 no Bob", "cid@example.com": "451 4.2.1 later"}
    ended = call(
        "send",
        "--relay",
        f"127.0.0.1:{relay.port}",
        "-f",
        "a@example.org",
        "-t",
        "bob@example.com",
        "-t",
        "cid@example.com",
        "-t",
        "d@example.com",
    )
    assert ended.status == 69
    assert ended.err.splitlines() == [
        "mailproc: bob@example.com: refused: 550 5.1.1 no Bob",
        "mailproc: cid@example.com: not taken now: 451 4.2.1 later",
    ]
    assert [mail.rcpt_tos for mail in relay.received] == [["d@example.com"]]


def test_a_relay_that_is_away_is_told(call: Call, relay: RelayServer, type_in) -> None:
    """Come again: 75."""
    relay.stop()
    ended = call("send", "--relay", f"127.0.0.1:{relay.port}", "-f", "a@example.org", "-t", "b@example.org")
    assert (ended.status, len(ended.err.splitlines())) == (75, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-t", TO], "There is no [smtp] from; say who writes, with --from."),
        (["-f", ANN], "Nobody is to get it; name somebody with --to or --recipient."),
        (["-f", ANN, "-t", TO], "There is no [smtp]; name a relay, as --relay 127.0.0.1:25."),
        (["-f", "nobody", "-t", TO], "nobody has no address; write it like Ann <ann@example.org>."),
        (["-f", ANN, "-T", "b c"], "b c is no address; write it like ann@example.org."),
        (["-f", ANN, "-s", "x\nBcc: c@example.org"], "Subject: 'x Bcc: c@example.org' is not one line of text."),
        (["-f", ANN, "-I", "X Y", "1"], "--header X Y: no field can be added under this name."),
        (["-f", ANN, "-I", "Message-ID", "<a..b@c>"], "Message-ID <a..b@c> is none; write it like <word.word@example.org>."),
        (["-f", ANN, "-t", TO, "-I", "Bcc", "x@example.org"], "--header Bcc: no field can be added under this name."),
        (["-f", ANN, "-t", TO, "-I", "Content-Disposition", "x"], "--header Content-Disposition: no field can be added"),
        (["-f", ANN, "-t", TO, "-I", "Date", "rubbish"], "Date is none; write it like"),
        (["-f", ANN, "-t", "ä@example.org"], "ä@example.org: an address in a header must be ASCII here"),
        (["-f", ANN, "-t", TO, "-F", "a b"], "a b is no address; write it like ann@example.org."),
        (["-f", ANN, "-T", "\udcff@example.org"], "is no address; write it like ann@example.org."),
        (["-f", ANN, "-t", TO, "--encoding", "undefined"], "stdin is not undefined; name its charset with --encoding."),
        (["-f", ANN, "--encoding", "bogus"], "--encoding bogus: there is no such charset; say utf-8."),
        (["-f", ANN, "-t", TO, "--relay", "smtp://me@127.0.0.1"], "--relay takes no user name: a password has no place"),
        (["-f", ANN, "-t", TO, "--relay", "ftp://x"], "--relay: ftp: is not known here; there are smtp+starttls:, smtps: and"),
    ],
)
def test_a_mistake_is_told_with_its_fix(call: Call, type_in, arguments: list[str], says: str) -> None:
    """A usage error: 64, and no traceback."""
    ended = call("send", *arguments)
    assert (ended.status, says in ended.err, "Traceback" in ended.err) == (64, True, False), ended.err


def test_a_text_in_another_charset_is_read(call: Call, type_in) -> None:
    """What it is not is told with the place."""
    type_in("Grüße".encode("latin-1"))
    ended = call("send", "-n", "-f", "a@example.org", "-t", "b@example.org", "--encoding", "latin-1")
    assert (ended.status, ended.out.endswith("Gr=C3=BC=C3=9Fe\n")) == (0, True)
    type_in("Grüße".encode("latin-1"))
    ended = call("send", "-n", "-f", "a@example.org", "-t", "b@example.org")
    assert (ended.status, "stdin is not utf-8 (octet 2)" in ended.err) == (64, True)
