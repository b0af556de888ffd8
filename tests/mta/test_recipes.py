"""docs/receiving.md, tried: a real Postfix hands mail to mailproc by its recipes, and senders hear the truth."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.installation import SENDER
from tests.mta.recipes import PAGE
from tests.mta.site import Site, status_of
from tests.processes import wait_for


@pytest.fixture(scope="module")
def site(sqlite_template: Path) -> Iterator[Site]:
    """One for all tests; each mail has a subject of its own."""
    with Site(sqlite_template) as site:
        yield site


def test_lmtp_inline(site: Site) -> None:
    """Each recipient has its own end: who is refused is told by Postfix in our words, who is deferred waits in its queue."""
    inline = site.installations["inline"]
    with site.serving("inline"):
        site.send("inline", "1")
        site.send("inline", "2 rejectone", "one", "two")
        site.send("inline", "3 deferone", "one", "two")
        told = status_of(site.bounce("2 rejectone"))
        (deferred,) = site.postfix.wait_for("said: 451 4.3.0 Waiting for the tide; try again later")
        wait_for(lambda: inline.effects() == ["1", "2", "2", "3"])
        site.postfix.flush()
        wait_for(lambda: inline.effects() == ["1", "2", "2", "3", "3"])
        site.send("inline", "4 raise")
        (oops,) = site.postfix.wait_for("said: 451 4.3.0 Our fault (OOPS-")
    for field in ("Final-Recipient", "Action", "Status", "Diagnostic-Code"):
        assert f"{field}: {told[field].replace('inline.', 'notes.')}\n" in PAGE
    assert told["Status"] == "5.6.0"
    assert "to=<one@inline.example.org>" in deferred and "dsn=4.3.0, status=deferred" in deferred
    assert "status=deferred" in oops and "bug of the handler" not in oops
    assert inline.outbox() == []  # whatever there was to tell, Postfix has told


def test_mail_waits_in_the_queue_of_postfix_while_mailproc_is_stopped(site: Site) -> None:
    """It is deferred, and comes when somebody is there again."""
    site.send("inline", "5")
    port = site.ports["inline"]
    (line,) = site.postfix.wait_for(f"status=deferred (connect to 127.0.0.1[127.0.0.1]:{port}: Connection refused)")
    assert f"\n{line[line.index('status=') :].replace(str(port), '8024')}\n" in PAGE
    with site.serving("inline"):
        site.postfix.flush()
        wait_for(lambda: "5" in site.installations["inline"].effects())


def test_an_unknown_recipient_is_refused_at_the_front(site: Site) -> None:
    """Postfix asks our handler at its own RCPT, so that it has nothing to bounce; a question leaves nothing behind."""
    with site.serving("inline"):
        before = site.installations["inline"].receipts()
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            site.send("checked", "6", "nobody")
        assert site.installations["inline"].receipts() == before
        site.send("checked", "7", "book")
        site.postfix.wait_for("to=<book@checked.example.org>", 2)
    ((code, text),) = refused.value.recipients.values()
    assert code == 550
    assert text.startswith(b"5.1.1 <nobody@checked.example.org>: Recipient address rejected: undeliverable")
    assert text.endswith(b"550 5.1.1 No such address here (in reply to RCPT TO command)")
    assert [one.recipient for one in site.installations["inline"].receipts()].count("book@checked.example.org") == 1


def test_lmtp_spool(site: Site) -> None:
    """Also before there is a socket nothing is lost; everything is accepted, and what is refused later is told by us."""
    spool = site.installations["spool"]
    site.send("spool", "8")
    site.postfix.wait_for("status=deferred (connect to mx.example.net[mailproc/lmtp]: No such file or directory)")
    with site.serving("spool"):
        site.postfix.flush()
        site.send("spool", "9 reject")
        wait_for(lambda: spool.effects() == ["8", "9"])
        wait_for(lambda: site.left("9 reject"))
    ((mail_from, recipients, answer),) = site.left("9 reject")
    assert (mail_from, recipients, answer["From"]) == ("", [SENDER], "Mail Robot <robot@example.org>")
    assert all(
        "status=sent (250 2.0.0 OK: " in line for line in site.postfix.wait_for("relay=mx.example.net[mailproc/lmtp], ", 2)
    )


def test_pipe(site: Site) -> None:
    """What is handled is sent, what is rejected is bounced in our words, what is deferred or killed waits."""
    pipe = site.installations["pipe"]
    site.send("pipe", "10", sender="")
    site.send("pipe", "11 reject")
    site.send("pipe", "12 killonce")
    site.send("pipe", "13 deferone", "one", "two")
    told = status_of(site.bounce("11 reject"))
    site.postfix.wait_for("4.3.0, status=deferred (This mail could not be worked; try again later")  # its handler was killed
    site.postfix.wait_for("4.3.0, status=deferred (Waiting for the tide; try again later")
    site.postfix.wait_for("(delivered via mailproc service)", 2)
    site.postfix.flush()
    site.postfix.wait_for("(delivered via mailproc service)", 4)
    assert pipe.effects() == ["11", "12", "13", "13"]
    assert (told["Status"], told["Diagnostic-Code"]) == ("5.6.0", "x-unix; There is no such book.")
    assert {(one.entrance, one.reverse_path) for one in pipe.receipts()} == {("pipe", SENDER), ("pipe", "")}


def test_lmtp_over_a_network(site: Site) -> None:
    """By TLS with a certificate that is verified, and with a password."""
    network = site.installations["network"]
    with site.serving("network"):
        site.send("network", "14")
        wait_for(lambda: network.effects() == ["14"])
    assert [one.entrance for one in network.receipts()] == ["lmtp"]


def test_a_mailbox_that_dovecot_keeps(site: Site) -> None:
    """Postfix writes into each copy for whom it is, and mailproc finds it there."""
    mailbox = site.installations["mailbox"]
    site.send("mailbox", "15", "one", "two")
    site.postfix.wait_for(" Saved)", 2)
    assert mailbox.run().returncode == 0
    assert sorted(one.recipient for one in mailbox.receipts()) == ["one@mailbox.example.org", "two@mailbox.example.org"]
    tops = [message_from_bytes(raw).keys()[:4] for raw in mailbox.archived()]
    assert all("X-Original-To" in top for top in tops), tops
