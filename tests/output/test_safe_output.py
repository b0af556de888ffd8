"""Nothing of a mail reaches a terminal, a log, or a header of ours unescaped: promise 8, over real commands."""

from __future__ import annotations

import re
import stat
import unicodedata
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from mailproc.oops import LONGEST_TRACEBACK
from mailproc.testing.keys import SigningKey
from tests.cli_run.calling import call_on_terminal
from tests.fuzz.answers import FIELDS
from tests.output.attacks import ATTACKS, FORGED, LONGEST_LINE, SECRETS, assert_clean, objects
from tests.output.conftest import Attacked

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
CRLF = "\r\n"


def terminal_lines(shown: str, longest: int = LONGEST_LINE) -> list[str]:
    """What a command writes on a terminal, line by line."""
    return assert_clean(shown.replace("\r\n", "\n"), longest)


def width(line: str) -> int:
    """The columns that a line takes."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in line)
    return len(line) + wide - sum(unicodedata.combining(letter) != 0 for letter in line)


# A run -----------------------------------------------------------------------------------------------------------------


def test_the_run_survives_it(attacked: Attacked) -> None:
    """Each mail has an end or waits for its time, and each of the handler's faults is an OOPS."""
    ends = attacked.site.dispositions()
    assert len(ends) == len(attacked.mails)
    assert ends.count("failed") == ends.count("rejected") == ends.count(None) == len(attacked.mails) // 5
    assert ends.count("handled") == 2 * len(attacked.mails) // 5
    assert len(attacked.site.oopses()) == len(attacked.mails) // 5
    assert attacked.run.status == 0


def test_the_events_of_a_run_are_one_line_each(attacked: Attacked) -> None:
    """On stderr with -v: each line begins with a time of ours."""
    lines = assert_clean(attacked.run.err)
    assert len(lines) > len(attacked.mails)
    assert all(TIME.match(line) for line in lines)


def test_the_log_file_is_clean(attacked: Attacked) -> None:
    """A line begins with a time of ours, or with four blanks where it belongs to a traceback."""
    lines = assert_clean((attacked.site.folder / "log").read_text(), longest=2 * LONGEST_LINE)
    assert all(TIME.match(line) or line.startswith("    ") for line in lines)
    assert any(line.startswith("    Traceback") for line in lines)


def test_the_json_log_is_clean(attacked_in_json: Path) -> None:
    """One ASCII object for each event; no text of a mail blows one up, and no secret is in it."""
    written = attacked_in_json.read_text()
    events = list(objects(written))
    assert {event["level"] for event in events} >= {"INFO", "ERROR"}
    for event in events:
        assert {"time", "level", "logger", "message"} <= set(event)
        assert all(len(str(value)) <= 2_000 for name, value in event.items() if name != "traceback")
        assert len(str(event.get("traceback", ""))) <= LONGEST_TRACEBACK
    for name, (_, hidden) in SECRETS.items():
        assert hidden not in written, name


# Listings --------------------------------------------------------------------------------------------------------------


def test_listings_have_one_line_for_each_record(attacked: Attacked) -> None:
    """Into a pipe, as a table and as JSON Lines."""
    for command, number in {"messages": len(attacked.mails), "oops": len(attacked.site.oopses())}.items():
        table = assert_clean(attacked.call(command, "list").out)
        assert len(table) == number + 1
        assert len(list(objects(attacked.call(command, "list", "--format", "jsonl").out))) == number


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_listings_fit_a_terminal(attacked: Attacked, columns: int) -> None:
    """No line is wider than the terminal, whatever letters are in it, so that none is broken by it."""
    for command in ("messages", "oops"):
        status, shown = call_on_terminal(attacked.site.folder, command, "list", columns=columns)
        lines = terminal_lines(shown)
        assert status == 0
        assert len(lines) == 1 + (len(attacked.mails) if command == "messages" else len(attacked.site.oopses()))
        if columns > 40:
            assert max(map(width, lines)) <= columns


def test_a_message_is_shown_one_fact_a_line(attacked: Attacked) -> None:
    """Whatever the fact is: as many lines as there are facts, and below them one for everybody to whom it was sent."""
    for receipt in attacked.site.receipts()[::7]:
        (facts,) = objects(attacked.here("messages", "show", receipt.id, "--format", "jsonl"))
        lines = assert_clean(attacked.here("messages", "show", receipt.id))
        sent, errands = facts.pop("outbox"), facts.pop("errands")
        assert [line.split("  ")[0] for line in lines[: len(facts)]] == [name.replace("_", " ") for name in facts]
        assert errands == []
        assert len(lines) == len(facts) + (len(sent) + 2 if sent else 0)


def test_an_oops_is_shown_with_its_traceback_below(attacked: Attacked) -> None:
    """The facts, an empty line, and the traceback, of which no line can be taken for a fact."""
    for oops in attacked.site.oopses():
        (facts,) = objects(attacked.here("oops", "show", oops.id, "--format", "jsonl"))
        lines = assert_clean(attacked.here("oops", "show", oops.id))
        gap = lines.index("")
        assert gap == len(facts) - 1
        assert all(line == "" or line.startswith("    ") for line in lines[gap + 1 :])


def test_what_is_stored_of_an_oops_could_stand_on_a_page(attacked: Attacked) -> None:
    """Also the record itself, which a page or another program may show, holds nothing that acts."""
    for oops in attacked.site.oopses():
        for line in [oops.signature, oops.exception, *oops.traceback.split("\n"), oops.message_id or "", oops.recipient or ""]:
            assert line.replace("\t", "").isprintable(), ascii(line[:300])


@pytest.mark.parametrize("command", ["status", "check", "handlers"])
def test_the_other_commands_are_clean(attacked: Attacked, command: str) -> None:
    """They tell of the same installation."""
    assert_clean(attacked.call(command).out)
    list(objects(attacked.call(command, "--format", "jsonl").out))


# Files -----------------------------------------------------------------------------------------------------------------


def test_inspecting_says_one_line_for_each_question(attacked: Attacked, tmp_path: Path) -> None:
    """Of mails that attack, in files whose names attack."""
    names = [text.encode("utf-8", "surrogatepass") for text in ATTACKS.values() if len(text) < 60 and "\0" not in text]
    files = []
    for number, raw in enumerate(attacked.mails[::3]):
        name = names[number % len(names)].replace(b"/", b"_") + b" %d" % number
        files.append(tmp_path / name.decode("utf-8", "surrogateescape"))
        files[-1].write_bytes(raw)
    lines = assert_clean(attacked.call("inspect", *files).out)
    questions = [line for line in lines if line.startswith("  ")]
    assert len(lines) - len(questions) == len(files)
    assert all(re.match(r"  [A-Z][A-Za-z ]+\? +\S", line) for line in questions)
    records = list(objects(attacked.call("inspect", "--format", "jsonl", *files).out))
    assert len(records) == len(files)
    for record in records:
        assert_clean(f"{record['reason']}\n")
        assert all(assert_clean(f"{attachment['safe_name']}\n") for attachment in record["attachments"])  # type: ignore[attr-defined]


def test_a_dry_run_is_clean(attacked: Attacked) -> None:
    """The same answers, about what waits in the maildrop."""
    attacked.site.append(*attacked.mails[::11])
    lines = assert_clean(attacked.call("handle", "--dry-run").out)
    assert any(line.startswith("main/") for line in lines)
    assert len(list(objects(attacked.call("handle", "--dry-run", "--format", "jsonl").out))) >= len(attacked.mails[::11])


# Keys and users --------------------------------------------------------------------------------------------------------


def test_the_user_ids_of_a_key_are_shown_one_a_line(attacked: Attacked, hostile_key: SigningKey) -> None:
    """What the owner of a key writes into it is no better than a mail."""
    file = attacked.site.folder / "hostile.gpg"
    file.write_bytes(hostile_key.certificate)
    status, told = call_on_terminal(attacked.site.folder, "key", "import", "--user", "ann", file)
    assert status == 0
    (line,) = terminal_lines(told)
    assert line.startswith(f"{hostile_key.fingerprint} registered: ")
    (facts,) = objects(attacked.call("key", "show", hostile_key.fingerprint, "--format", "jsonl").out)
    lines = assert_clean(attacked.call("key", "show", hostile_key.fingerprint).out)
    ids = facts.pop("user_ids")
    assert isinstance(ids, list) and len(ids) > 15
    assert len(lines) == len(facts) + len(ids)
    assert len(assert_clean(attacked.call("key", "list").out)) == 2
    assert len(assert_clean(attacked.call("user", "list").out)) == 2


ARGUMENTS = (
    ["messages", "show", "{}"],
    ["messages", "reprocess", "{}"],
    ["messages", "list", "--recipient", "{}"],
    ["oops", "show", "{}"],
    ["oops", "list", "--signature", "{}"],
    ["key", "show", "{}"],
    ["key", "remove", "{}"],
    ["key", "export", "{}"],
    ["key", "list", "--user", "{}"],
    ["user", "activate", "{}"],
    ["user", "add", "{}", "--email", "x@example.com"],
    ["user", "add", "x", "--email", "{}@example.com"],
    ["key", "import", "--user", "{}", "hostile.gpg"],
    ["inspect", "{}"],
    ["inspect", "--users", "{}", "x"],
    ["handle", "--maildrop", "{}"],
)


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_an_argument_comes_back_in_one_line(attacked: Attacked, hostile_key: SigningKey, arguments: list[str]) -> None:
    """An id or a name that was copied out of a mail is no better than the mail."""
    (attacked.site.folder / "hostile.gpg").write_bytes(hostile_key.certificate)
    everything = "".join(text for text in ATTACKS.values() if len(text) < 100 and "\0" not in text and "\ud800" not in text)
    status, shown = call_on_terminal(
        attacked.site.folder, *(each.replace("{}", everything) for each in arguments), columns=1000
    )
    assert status in (0, 64, 78)
    ours = shown.replace("\r\x1b[K", "")  # it clears a progress bar away
    lines = terminal_lines(ours, longest=10 * LONGEST_LINE)  # one that is quoted as Python does is longer
    assert not any(FORGED in line[:20] for line in lines)


# What we send ----------------------------------------------------------------------------------------------------------


def test_what_we_send_has_our_fields_alone(attacked: Attacked) -> None:
    """No field, no recipient and no line end comes from a mail; the subject is one line of printable text."""
    rows = attacked.site.outbox()
    assert len(rows) > len(attacked.mails) / 5
    assert {row.recipient for row in rows} <= {"ann@example.com", "boss@example.net"}
    for row in rows:
        header, _, _ = row.raw.partition(b"\r\n\r\n")
        assert row.raw.isascii() and b"\0" not in row.raw
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", row.raw)
        assert max(map(len, row.raw.split(b"\r\n"))) <= 998
        assert header.replace(b"\r\n", b"").decode().isprintable()
        mail = message_from_bytes(row.raw)
        assert set(mail.keys()) <= FIELDS and len(mail.keys()) == len(set(mail.keys()))
        assert_clean(f"{make_header(decode_header(mail['Subject'].replace(CRLF, '')))}\n")
        part = mail.get_payload(0) if mail.is_multipart() else mail
        text = part.get_payload(decode=True).decode("utf-8", "ignore")  # type: ignore[union-attr] # a large one is kept in part
        for line in text.splitlines():
            assert line.replace("\t", "").isprintable() or not set(map(ord, line)) & {*range(32), 127, *range(128, 160)}


# Secrets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_in_no_log_and_no_oops(attacked: Attacked, name: str) -> None:
    """Where a handler's exception or its record holds one, it is blacked out. (A Message-ID is a name, and stays one.)"""
    _, hidden = SECRETS[name]
    assert hidden not in attacked.run.err
    assert hidden not in (attacked.site.folder / "log").read_text()
    for oops in attacked.site.oopses():
        assert hidden not in oops.exception + oops.traceback


def test_what_we_write_is_ours_alone(attacked: Attacked) -> None:
    """Database, archive, state and log are closed to others, whatever the umask is (it is 022 here)."""
    for path in attacked.site.folder.rglob("*"):
        top = path.relative_to(attacked.site.folder).parts[0]
        if top in ("log", "archive", "state") or top.startswith("mailproc.db"):
            enclosed = top in ("archive", "state") and path != attacked.site.folder / top
            closed = stat.S_IMODE((attacked.site.folder / top if enclosed else path).stat().st_mode) & 0o077 == 0
            assert closed, path
