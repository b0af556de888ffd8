"""`mailproc messages` and `mailproc status`: what became of every mail, and having it processed again."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa

from mailproc.database import tables
from tests.cli_run.calling import call_on_terminal
from tests.cli_run.conftest import Called
from tests.installation import Installation, MaildirBox, make_mail
from tests.servers.relay import RelayServer

pytestmark = pytest.mark.timeout(90)

LISTED = [
    *("id", "sha256", "message_id", "entrance", "maildrop", "uidvalidity", "uid", "reverse_path", "sender", "user", "trust"),
    *("method", "recipient", "handler", "verdict", "disposition", "reason", "attempts", "retry_at", "oops_id", "archive_url"),
    *("received_at", "finished_at", "deleted_at"),
]
STATUS = ["seen", "handled", "dropped", "rejected", "failed", "waiting", "outbox", "last_success", "balanced"]
HOSTILE = "\x1b[2J\u202egnp.exe\u2066"
BROKEN, MENDED, DEADLY = (f"tests.cli_run.books:{name}" for name in ("Broken", "Mended", "Deadly"))

MIXED = (
    make_mail("1"),
    make_mail("2", header="Return-Path: <>"),
    make_mail("3 reject"),
    make_mail("4 raise"),
    make_mail("5 defer"),
)


def mend(site: Installation, broken: str = BROKEN) -> None:
    """Bind the handler that works."""
    site.edit(broken, MENDED)


def ids(mailproc: Called, *options: str) -> list[str]:
    """The ids of the messages."""
    return [row["id"] for row in mailproc("messages", "list", "--format", "jsonl", *options).rows]


def test_a_listing_has_the_facts_of_every_receipt(imap_site: Installation, mailproc: Called) -> None:
    """One object each, with these keys in this order; an IMAP uid is a number."""
    imap_site.append(*MIXED)
    mailproc("handle")
    rows = {row["message_id"][1]: row for row in mailproc("messages", "list", "--format", "jsonl").rows}
    assert all(list(row) == LISTED for row in rows.values())
    assert {key: row["disposition"] for key, row in rows.items()} == {
        "1": "handled",
        "2": "dropped",
        "3": "rejected",
        "4": "failed",
        "5": "deferred",
    }
    one = rows["1"]
    assert (one["uid"], one["maildrop"], one["user"], one["trust"], one["handler"]) == (1, "main", "ann", "weak", "deeds")
    assert isinstance(one["uidvalidity"], int)
    assert datetime.fromisoformat(one["received_at"]).tzinfo is not None
    assert one["deleted_at"] is not None
    assert rows["5"]["retry_at"] is not None
    assert rows["5"]["finished_at"] is None
    assert rows["4"]["oops_id"].startswith("OOPS-")


def test_a_listing_can_be_narrowed(site: Installation, mailproc: Called) -> None:
    """By what became of them, by recipient, and by number; nothing found is no error."""
    site.append(*MIXED, make_mail("6", to="other@notes.example.org"))
    mailproc("handle")
    assert len(ids(mailproc)) == 6
    assert len(ids(mailproc, "--disposition", "failed", "--disposition", "rejected")) == 2
    assert ids(mailproc, "--disposition", "waiting") == ids(mailproc, "--disposition", "deferred") != []
    assert len(ids(mailproc, "--recipient", "OTHER@notes.example.org")) == 1
    assert len(ids(mailproc, "--limit", "2")) == 2
    none = mailproc("messages", "list", "--recipient", "nobody@notes.example.org")
    assert (none.status, none.out, none.err) == (0, "", "")


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_a_listing_fits_the_terminal(columns: int, site: Installation, mailproc: Called) -> None:
    """Each message is one line with its whole id, and nothing of a mail is shown raw."""
    hostile = make_mail(f"1 reject {HOSTILE}", to=f"{'x' * 60}@notes.example.org", header=f"Return-Path: <{HOSTILE}>")
    site.append(hostile, make_mail("2", sender=f"{'ann' * 30}@example.com"), make_mail("3 raise"))
    mailproc("handle")
    status, shown = call_on_terminal(site.folder, "messages", "list", columns=columns)
    lines = shown.replace("\r\n", "\n").splitlines()
    assert status == 0
    assert len(lines) == 4
    assert all(len(line) <= columns and line.isprintable() for line in lines), shown
    assert lines[0].split()[0] == "ID"
    assert sorted(line.split()[0] for line in lines[1:]) == sorted(ids(mailproc))


def test_a_message_is_shown_with_all_that_is_known(site: Installation, mailproc: Called) -> None:
    """A line for each fact; one that is not there is told."""
    site.append(make_mail(f"1 reject {HOSTILE}"))
    mailproc("handle")
    (id,) = ids(mailproc)
    shown = mailproc("messages", "show", id)
    assert re.search(r"^disposition +rejected$", shown.out, re.MULTILINE)
    assert re.search(r"^archive url +file:///", shown.out, re.MULTILINE)
    assert all(line.isprintable() for line in shown.out.splitlines())
    (row,) = mailproc("messages", "show", id, "--format", "jsonl").rows
    assert set(LISTED) <= set(row)
    unknown = mailproc("messages", "show", "0" * 24)
    assert unknown.status == 64
    assert unknown.line == f"there is no message {'0' * 24}; type: mailproc messages list"


def test_a_message_is_shown_with_everybody_to_whom_it_went_on(
    make: Callable[..., Installation], relay: RelayServer, mailproc: Called
) -> None:
    """What became of each recipient, in the relay's words, below the facts."""
    site = make(relay=relay)
    relay.refuse = {"a0@example.net": "550 5.1.1 no such user", "a1@example.net": "451 4.3.0 later"}
    site.append(make_mail("1 forward 1 3"))
    mailproc("handle")
    (id,) = ids(mailproc)
    lines = mailproc("messages", "show", id).out.splitlines()
    table = [re.split("  +", line) for line in lines[lines.index("") + 1 :]]
    told = [
        ["refused", "a0@example.net", "550 5.1.1 no such user"],
        ["waiting", "a1@example.net", "451 4.3.0 later"],
        ["sent", "a2@example.net", "250 OK"],
        ["sent", "ann@example.com", "250 OK"],
    ]
    assert table == [["STATE", "RECIPIENT", "REPLY"], *told]
    (row,) = mailproc("messages", "show", id, "--format", "jsonl").rows
    assert [[each["state"], each["recipient"], each["reply"]] for each in row["outbox"]] == told


def test_a_message_is_shown_with_what_was_done_elsewhere(site: Installation, mailproc: Called) -> None:
    """What came of it, in the handler's words; an object has more."""
    site.append(make_mail("1 intend 1"))
    mailproc("handle")
    (id,) = ids(mailproc)
    lines = mailproc("messages", "show", id).out.splitlines()
    assert [re.split("  +", line) for line in lines[-2:]] == [["STATE", "ERRAND", "NOTE"], ["done", id, "did 1"]]
    (row,) = mailproc("messages", "show", id, "--format", "jsonl").rows
    told = {
        "state": "done",
        "errand": id,
        "handler": "deeds",
        "note": "did 1",
        "attempts": 0,
        "retry_at": None,
        "oops_id": None,
    }
    assert row["errands"] == [told]


def test_a_failed_message_is_processed_again_when_its_handler_is_mended(
    make: Callable[..., Installation], mailproc: Called
) -> None:
    """Its effect is there once; a second try is refused in one line, and has no effect either."""
    site = make(handler=BROKEN)
    site.append(make_mail("1"))
    assert mailproc("handle", "--fail-on-oops").status == 70
    (id,) = ids(mailproc)
    assert site.effects() == []
    again = mailproc("messages", "reprocess", id)
    assert again.status == 0
    assert "OOPS-" in again.line
    mend(site)
    ended = mailproc("messages", "reprocess", id)
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert site.effects() == ["1"]
    assert site.dispositions() == ["handled"]
    assert len(site.oopses()) == 2
    refused = mailproc("messages", "reprocess", id)
    assert refused.status == 64
    assert refused.line == f"{id} is handled: only failed and dropped messages are processed again"
    assert site.effects() == ["1"]
    assert mailproc("status").status == 0


def test_all_failed_messages_are_processed_again_and_an_unknown_one_stops_nobody(
    make: Callable[..., Installation], mailproc: Called
) -> None:
    """A person is told how each ended; the refused one decides the status."""
    site = make(handler=BROKEN)
    site.append(*(make_mail(str(number)) for number in range(3)))
    mailproc("handle")
    mend(site)
    status, shown = call_on_terminal(site.folder, "messages", "reprocess", "0" * 24, "--failed", columns=200)
    assert status == 64
    assert f"mailproc: there is no message {'0' * 24}" in shown
    assert shown.count(": handled\r\n") == 3
    assert site.effects() == ["0", "1", "2"]
    assert call_on_terminal(site.folder, "messages", "reprocess", "--failed") == (0, "No message has failed.\r\n")
    assert mailproc("messages", "reprocess").status == 64


def test_a_message_that_kills_its_process_does_not_take_the_others_along(
    make: Callable[..., Installation], mailproc: Called
) -> None:
    """The next worker goes on with the message after it; the next run takes up the one that waits."""
    site = make(handler=BROKEN)
    site.append(make_mail("1"), make_mail("2"), make_mail("3"))
    mailproc("handle")
    site.edit(BROKEN, DEADLY)
    ended = mailproc("messages", "reprocess", *(receipt.id for receipt in site.receipts()))
    assert re.fullmatch(r"[0-9a-f]{24}: the worker died of it, it was ended by SIGKILL; its mail is file:///\S+", ended.line)
    assert site.dispositions() == ["handled", None, "handled"]
    mend(site, DEADLY)
    assert mailproc("handle").status == 0
    assert site.effects() == ["1", "2", "3"]


def test_the_answer_to_a_reprocessed_message_is_sent_at_once(
    make: Callable[..., Installation], mailproc: Called, relay: RelayServer
) -> None:
    """Nobody was told before, for want of a relay; now the sender is."""
    site = make(handler=BROKEN)
    site.append(make_mail("1"))
    mailproc("handle")
    smtp = f'[smtp]\nurl = "smtp://127.0.0.1:{relay.port}"\nfrom = "Mail Robot <robot@example.org>"\n'
    site.config.write_text(site.config.read_text() + smtp)
    assert mailproc("messages", "reprocess", "--failed").status == 0
    (received,) = relay.received
    assert b"In-Reply-To: <1@example.com>" in received.data
    assert [row.sent_at is not None for row in site.outbox()] == [True]


def test_a_message_that_waits_is_left_to_the_run_that_has_it(site: Installation, mailproc: Called) -> None:
    """That run ends it, once."""
    site.append(make_mail("1 wait"))
    run = site.start()
    while site.calls() == []:
        time.sleep(0.02)
    (id,) = ids(mailproc)
    refused = mailproc("messages", "reprocess", id)
    assert (refused.status, refused.line) == (64, f"{id} is waiting: only failed and dropped messages are processed again")
    (site.folder / "go").touch()
    assert run.wait(30) == 0
    assert (site.effects(), len(site.calls())) == (["1"], 1)


def test_reprocessing_needs_the_archive(make: Callable[..., Installation], mailproc: Called) -> None:
    """Without it the message stays failed, and the status is that of an outage."""
    site = make(handler=BROKEN)
    site.append(make_mail("1"))
    mailproc("handle")
    shutil.move(site.folder / "archive", site.folder / "gone")
    ended = mailproc("messages", "reprocess", "--failed")
    assert ended.status == 75
    assert "archive" in ended.line
    assert site.dispositions() == ["failed"]


# The books -----------------------------------------------------------------------------------------------------------------


def test_status_has_the_keys_of_the_contract_and_balances(
    make: Callable[..., Installation], mailproc: Called, relay: RelayServer
) -> None:
    """Every mail that was seen has an end or waits; answers that were not sent are counted."""
    site = make(relay=relay)
    (new,) = mailproc("status", "--format", "jsonl").rows
    assert (new["seen"], new["last_success"], new["balanced"]) == (0, None, True)
    relay.stop()
    site.append(*MIXED)
    mailproc("handle")
    (row,) = mailproc("status", "--format", "jsonl").rows
    assert [key for key in row if key in STATUS] == STATUS
    counts = {key: row[key] for key in ("seen", "handled", "dropped", "rejected", "failed", "waiting", "outbox")}
    assert counts == {"seen": 5, "handled": 1, "dropped": 1, "rejected": 1, "failed": 1, "waiting": 1, "outbox": 2}
    assert row["balanced"] is True
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(row["last_success"])).total_seconds()) < 60
    text = mailproc("status").out
    assert re.search(r"^seen +5$", text, re.MULTILINE)
    assert re.search(r"^last success of main +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$", text, re.MULTILINE)


def test_status_names_each_maildrop_and_the_stop_file(make: Callable[..., Installation], mailproc: Called) -> None:
    """A maildrop that was never emptied makes the whole never; a stop file is not forgotten there."""
    folder = make().folder
    site = make(MaildirBox(folder / "Maildir"), MaildirBox(folder / "Second"))
    mailproc("handle", "--maildrop", "second")
    (row,) = mailproc("status", "--format", "jsonl").rows
    assert row["last_success"] is None
    text = mailproc("status").out
    assert re.search(r"^last success of main +never$", text, re.MULTILINE)
    assert "stopped by" not in text
    (site.folder / "state" / "stop").touch()
    assert re.search(r"^stopped by +/.*/state/stop$", mailproc("status").out, re.MULTILINE)


def test_books_that_do_not_balance_are_loud(site: Installation, mailproc: Called) -> None:
    """A receipt that has vanished is a mail that nobody can account for."""
    site.append(make_mail("1"), make_mail("2"))
    mailproc("handle")
    with site.engine.begin() as conn:
        conn.execute(sa.delete(tables.receipt).where(tables.receipt.c.message_id == "<1@example.com>"))
    ended = mailproc("status", "--format", "jsonl")
    assert ended.status == 70
    assert ended.rows[0]["balanced"] is False
