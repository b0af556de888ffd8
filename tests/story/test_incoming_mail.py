"""The story of incoming mail, from the first letter to the last: a real mail server, a real relay, real signatures.

Every chapter begins with the town as it was founded, and lets cron call ``mailproc handle`` once. Where a transaction is
the point, it is told on SQLite and on PostgreSQL. The numbers are those of docs/behaviour/incoming.md.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest

from mailproc.testing import SigningKey, make_mail
from tests.installation import Installation

ORIGINAL_TO = "X-Launchpad-Original-To"
NOBODY_SERVES = "weather.example.org"

on_both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


def cron_runs(town: Installation) -> str:
    """One run of the real program; what it wrote on stderr, which cron would mail."""
    done = town.run()
    assert (done.returncode, done.stdout) == (0, "")
    return done.stderr


def logged(town: Installation) -> str:
    """The log file."""
    return (town.folder / "log").read_text()


def the_answer(town: Installation) -> tuple[str, Message]:
    """The text and the enclosed mail of the one error mail that the relay was given, which went to Ann."""
    ((mail_from, rcpt_tos, data),) = town.relay.received
    answer = message_from_bytes(data)
    assert (mail_from, rcpt_tos, answer["To"]) == ("", ["ann@example.com"], "ann@example.com")
    assert answer.get_content_type() == "multipart/mixed"
    text, original = answer.get_payload()
    assert (text.get_content_type(), original.get_content_type()) == ("text/plain", "message/rfc822")
    return text.get_payload(decode=True).decode(), original.get_payload(0)


def the_oops(town: Installation) -> str:
    """The id of the one OOPS that was recorded."""
    (oops,) = town.oopses()
    return oops.id


def assert_nobody_was_told(town: Installation) -> None:
    """No mail has left, none waits to leave, and nothing was recorded as a fault."""
    assert (town.relay.received, town.outbox(), town.oopses()) == ([], [], [])


# 1 and 2: whom a mail is for -------------------------------------------------------------------------------------------------


@on_both_databases
def test_01_the_domain_chooses_the_handler_in_any_case(town: Installation) -> None:
    """Each handler gets the mail of its domain, however it is written, with a WARNING where only the sender says for whom."""
    to = ["desk@maps.example.org", "desk@songs.example.org", "Desk@MAPS.example.ORG", f"desk@{NOBODY_SERVES}"]
    town.append(*(make_mail(to=address, subject=str(n)) for n, address in enumerate(to, 1)))
    cron_runs(town)
    assert town.effects() == ["maps: 1 by ann, weak", "maps: 3 by ann, weak", "songs: 2 by ann, weak"]
    assert {receipt.recipient for receipt in town.receipts()} == {
        "desk@maps.example.org",
        "desk@songs.example.org",
        "Desk@maps.example.org",
        f"desk@{NOBODY_SERVES}",
    }
    warnings = [line for line in logged(town).splitlines() if " WARNING mailproc: No " in line]
    assert len(warnings) == 4
    assert all(ORIGINAL_TO in line for line in warnings)
    assert {re.sub(".*the mail is ", "", line) for line in warnings} == {each.archive_url for each in town.receipts()}
    assert town.left_in_maildrop() == []


def test_02_a_domain_that_nobody_serves_is_an_oops(town: Installation) -> None:
    """The sender is told the number of the OOPS on a line of its own and gets the mail back with its header intact."""
    town.append(make_mail(to=f"desk@{NOBODY_SERVES}", sender="Ann Example <ann@example.com>", subject="Will it rain?"))
    assert NOBODY_SERVES in cron_runs(town)
    text, original = the_answer(town)
    assert f"    {the_oops(town)}" in text.splitlines()
    assert "sorry" in text
    assert (original["From"], original["To"]) == ("Ann Example <ann@example.com>", f"desk@{NOBODY_SERVES}")
    assert original["Subject"] == "Will it rain?"
    assert (town.dispositions(), town.left_in_maildrop()) == (["failed"], [])


# 3 to 6: who may write -------------------------------------------------------------------------------------------------------


def test_03_a_stranger_is_not_handled(town: Installation) -> None:
    """The mail of an unknown sender is dropped in silence where the handler asks for somebody whom we know."""
    town.append(make_mail(to="desk@maps.example.org", sender="zoe@example.net"))
    cron_runs(town)
    assert [(receipt.disposition, receipt.rule) for receipt in town.receipts()] == [("dropped", "unknown-sender")]
    assert (town.effects(), town.left_in_maildrop()) == ([], [])
    assert_nobody_was_told(town)


def test_04_a_stranger_is_welcome_at_the_open_house(town: Installation) -> None:
    """A handler that requires no trust gets the mail of an unknown sender, and is told that it is nobody's."""
    town.append(make_mail(to="door@guests.example.org", sender="zoe@example.net", subject="hello"))
    cron_runs(town)
    assert town.effects() == ["open house: hello by nobody, none"]


def test_04b_a_proven_sender_is_told_from_one_who_only_says_so(town: Installation, ann_key: SigningKey) -> None:
    """The same user is strong with a signature of their own key over the whole mail, and weak without one."""
    for subject, key in (("signed", ann_key), ("unsigned", None)):
        town.append(make_mail(to="desk@maps.example.org", subject=subject, text="Turn left.\n", key=key))
    cron_runs(town)
    assert town.effects() == ["maps: signed by ann, strong", "maps: unsigned by ann, weak"]


@pytest.mark.parametrize("domain", ["maps.example.org", "guests.example.org"])
def test_05_who_has_left_is_rejected_in_silence(town: Installation, domain: str) -> None:
    """An inactive user's mail reaches no handler, not even one that takes strangers, and nobody is told."""
    town.append(make_mail(to=f"desk@{domain}", sender="ivy@example.com"))
    cron_runs(town)
    assert [(receipt.disposition, receipt.rule) for receipt in town.receipts()] == [("dropped", "inactive")]
    assert town.effects() == []
    assert_nobody_was_told(town)


def test_06_who_has_left_is_rejected_in_silence_with_a_bad_signature_too(town: Installation, ivy_key: SigningKey) -> None:
    """The account is looked at first: of an inactive user's broken signature nobody is told either."""
    signed = make_mail(to="desk@maps.example.org", sender="ivy@example.com", text="Turn left.\n", key=ivy_key)
    town.append(signed.replace(b"Turn left.", b"Turn right."))
    cron_runs(town)
    assert [(receipt.disposition, receipt.rule) for receipt in town.receipts()] == [("dropped", "inactive")]
    assert_nobody_was_told(town)


# 7 and 8: what our own mail server says of the recipient ---------------------------------------------------------------------


def test_07_what_our_mail_server_wrote_wins(town: Installation) -> None:
    """The header field of our own mail server tells the recipient, whatever To says, and then there is no warning."""
    town.append(make_mail(to="a friend <friend@example.net>", subject="bcc", headers={ORIGINAL_TO: "desk@maps.example.org"}))
    cron_runs(town)
    assert town.effects() == ["maps: bcc by ann, weak"]
    assert "WARNING" not in logged(town)


def test_08_to_and_cc_count_for_nothing_then(town: Installation) -> None:
    """Addresses in To and Cc that a handler serves are not asked when the field is there, so its domain alone is an OOPS."""
    header = {ORIGINAL_TO: f"desk@{NOBODY_SERVES}", "Cc": "desk@songs.example.org"}
    town.append(make_mail(to="desk@maps.example.org", headers=header))
    cron_runs(town)
    assert [(receipt.recipient, receipt.disposition) for receipt in town.receipts()] == [(f"desk@{NOBODY_SERVES}", "failed")]
    assert town.effects() == []


# 9 to 12: when a handler breaks ----------------------------------------------------------------------------------------------


@on_both_databases
def test_09_a_handler_that_raises_is_an_oops(town: Installation) -> None:
    """The log has an ERROR with the traceback to its end, the sender an OOPS id and the mail, the maildrop nothing."""
    town.append(make_mail(to="bench@workshop.example.org", subject="hammer"))
    stderr = cron_runs(town)
    oops, url = the_oops(town), town.receipts()[0].archive_url
    (error,) = stderr.splitlines()
    assert re.search(rf"An exception was raised inside the handler: {oops}; the mail is {re.escape(url)}$", error)
    assert re.search(r" ERROR mailproc: .* raised inside the handler", logged(town))
    assert "    LookupError: the hammer is not where it should be\n" in logged(town)
    text, original = the_answer(town)
    assert f"    {oops}" in text.splitlines()
    assert original["Subject"] == "hammer"
    assert (town.effects(), town.left_in_maildrop()) == ([], [])


@pytest.mark.parametrize("name", ["Änn".encode(), "Änn".encode("latin-1")], ids=["UTF-8", "Latin-1"])
def test_10_so_it_is_with_raw_letters_in_from(town: Installation, name: bytes) -> None:
    """A From with 8-bit letters that nobody encoded keeps neither the OOPS from being made nor the answer from going out."""
    raw = make_mail(to="bench@workshop.example.org", sender="NAME <ann@example.com>", subject="hammer")
    town.append(raw.replace(b"NAME", name))
    cron_runs(town)
    text, original = the_answer(town)
    assert the_oops(town) in text
    assert str(make_header(decode_header(original["From"]))) == "Änn <ann@example.com>"


def test_11_no_exception_is_too_ordinary_for_an_oops(town: Installation) -> None:
    """What a web framework would answer and forget is a bug of the handler here, and so is a PermissionError."""
    town.append(*(make_mail(to="bench@workshop.example.org", subject=subject) for subject in ("forbidden", "locked")))
    cron_runs(town)
    assert sorted(oops.exception for oops in town.oopses()) == [
        "PermissionError: the door is locked",
        "tests.story.handlers.Unauthorized: not without a login",
    ]
    assert len(town.relay.received) == 2


@on_both_databases
def test_12_an_error_of_the_database_stops_nobody_else(town: Installation) -> None:
    """A division by zero in the database is logged, its mail is deleted, the next is handled, and one answer goes out."""
    town.append(
        make_mail(to="bench@workshop.example.org", subject="divide"), make_mail(to="desk@maps.example.org", subject="2")
    )
    assert "An exception was raised inside the handler" in cron_runs(town)
    assert town.left_in_maildrop() == []
    assert town.effects() == ["maps: 2 by ann, weak"]
    assert sorted(town.dispositions()) == ["failed", "handled"]
    text, original = the_answer(town)
    assert the_oops(town) in text
    assert original["Subject"] == "divide"


# 13: nothing is touched without a copy ---------------------------------------------------------------------------------------


@on_both_databases
def test_13_without_the_archive_nothing_is_touched(town: Installation) -> None:
    """An archive that is away is an ERROR and exit 75, and all mail stays, also what would be dropped; later all is done."""
    kept = town.folder / "archive"
    town.append(make_mail(to="desk@maps.example.org", subject="letter"))
    town.append(make_mail(to="desk@maps.example.org", subject="bulk", headers={"Precedence": "bulk"}))
    away = kept.rename(Path(f"{kept}.away"))
    done = town.run()
    assert done.returncode == 75
    assert str(kept) in done.stderr
    assert re.search(r" ERROR mailproc: .*archive", logged(town))
    assert (town.left_in_maildrop(), town.receipts()) == (["letter", "bulk"], [])
    assert_nobody_was_told(town)
    away.rename(kept)
    cron_runs(town)
    assert (town.left_in_maildrop(), town.effects()) == ([], ["maps: letter by ann, weak"])
    assert len(town.archived()) == 2


# 14 to 16: machines are not talked to; the handler of the workshop would answer each of these with an OOPS -------------------


def assert_screened_out(town: Installation, rule: str) -> None:
    """The mail was dropped by this rule, is kept in the archive, reached no handler, and nobody was told."""
    cron_runs(town)
    assert [(receipt.disposition, receipt.rule) for receipt in town.receipts()] == [("dropped", rule)]
    assert (town.left_in_maildrop(), len(town.archived())) == ([], 1)
    assert_nobody_was_told(town)


def test_14_a_null_return_path_is_dropped(town: Installation) -> None:
    """What came with the null reverse path is a bounce or the like, and answering it would make a loop."""
    town.append(make_mail(to="bench@workshop.example.org", headers={"Return-Path": "<>"}))
    assert_screened_out(town, "bounce.null-reverse-path")


@pytest.mark.parametrize("path", ["", "<daemon@example.net>"])
def test_15_a_report_is_dropped_whatever_its_return_path(town: Installation, path: str) -> None:
    """A multipart/report is dropped for what it is: an empty Return-Path field is no null path, a full one no excuse."""
    part = 'multipart/report; report-type=delivery-status; boundary="b"'
    raw = make_mail(to="bench@workshop.example.org", text="--b\n\nIt was not delivered.\n--b--\n")
    raw = re.sub(rb"Content-Type: [^\r]*", f"Content-Type: {part}".encode(), raw)
    town.append(f"Return-Path: {path}\r\n".encode() + raw)
    assert_screened_out(town, "bounce.delivery-status")


@pytest.mark.parametrize("value", ["bulk", "first-class"])
def test_16_precedence_is_dropped_whatever_it_says(town: Installation, value: str) -> None:
    """No person writes a Precedence field, so that any value of it is a program's."""
    town.append(make_mail(to="bench@workshop.example.org", headers={"Precedence": value}))
    assert_screened_out(town, "bulk.precedence")


def test_16b_the_same_mail_without_these_signs_is_a_persons(town: Installation) -> None:
    """Without any of the three the workshop gets it, and breaks: so each of them was the reason."""
    town.append(make_mail(to="bench@workshop.example.org", headers={"Return-Path": "<ann@example.com>"}))
    cron_runs(town)
    assert (town.dispositions(), len(town.relay.received)) == (["failed"], 1)


# The end ---------------------------------------------------------------------------------------------------------------------


@on_both_databases
def test_at_the_end_the_books_balance(town: Installation) -> None:
    """After a day with a bit of everything each mail seen has one end, all are archived, and a second run finds nothing."""
    town.append(
        make_mail(to="desk@maps.example.org"),
        make_mail(to="desk@maps.example.org", sender="zoe@example.net"),
        make_mail(to="bench@workshop.example.org", subject="divide"),
        make_mail(to=f"desk@{NOBODY_SERVES}"),
        make_mail(to="desk@songs.example.org", headers={"Precedence": "list"}),
    )
    cron_runs(town)
    books = town.balance()
    assert books.balanced
    assert (books.seen, books.handled, books.dropped, books.rejected, books.failed, books.waiting) == (5, 1, 2, 0, 2, 0)
    assert len(town.archived()) == 5
    assert cron_runs(town) == ""
    assert town.balance() == books
    assert len(town.relay.received) == 2
