"""The log: one safe line for each record, errors alone on stderr, facts and tracebacks in the file."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from mailproc import logs
from mailproc.errors import SettingsError

log = logging.getLogger("mailproc.test")
HOSTILE = "\x1b[31m\nmailproc: forged\r\u202e"


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without any logging, and that of the other tests as it was when we leave."""
    root, ours = logging.getLogger(), logging.getLogger("mailproc")
    before = (root.level, ours.level)
    monkeypatch.setattr(root, "handlers", [])
    yield
    for handler in root.handlers:
        with contextlib.suppress(OSError):  # what could not be written to a full disk cannot be flushed either
            handler.close()
    root.setLevel(before[0])
    ours.setLevel(before[1])


def fail() -> None:
    """Log an error with a hostile traceback."""
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("it broke: %s", HOSTILE)


def test_stderr_has_errors_alone_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, no time, no terminal codes."""
    logs.to_stderr(verbose=False)
    log.warning("quiet")
    fail()
    assert capsys.readouterr().err == "mailproc: it broke: [31m mailproc: forged\n"


def test_verbose_writes_everything_once(capsys: pytest.CaptureFixture[str]) -> None:
    """-v behind the command replaces what was set up before it."""
    logs.to_stderr(verbose=False)
    logs.to_stderr(verbose=True)
    log.debug("low")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(" DEBUG mailproc.test: low")


def test_the_text_file_has_facts_and_tracebacks(tmp_path: Path) -> None:
    """A line that does not begin with a time belongs to a traceback, so that no record can be forged."""
    logs.to_stderr(verbose=False)
    logs.to_file(tmp_path / "log", "text")
    log.info("handled", extra={"about": {"id": "r1", "subject": HOSTILE}})
    fail()
    first, *rest = (tmp_path / "log").read_text().splitlines()
    assert first.endswith(r'INFO mailproc.test: handled id="r1" subject="\u001b[31m\nmailproc: forged\r\u202e"')
    assert rest[0][:4].isdigit()
    assert rest[1] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") and line.isprintable() for line in rest[1:])


def test_the_json_file_has_one_ascii_object_for_each_record(tmp_path: Path) -> None:
    """The traceback and the facts are keys of it; no fact hides what the record is."""
    logs.to_stderr(verbose=False)
    logs.to_file(tmp_path / "log", "json")
    log.info("handled ü", extra={"about": {"id": "r1", "path": Path("/x"), "level": "forged"}})
    fail()
    text = (tmp_path / "log").read_text()
    assert text.isascii()
    handled, failed = map(json.loads, text.splitlines())
    assert (handled["message"], handled["id"], handled["path"], handled["level"]) == ("handled ü", "r1", "/x", "INFO")
    assert failed["traceback"].startswith("Traceback")
    assert failed["message"] == f"it broke: {HOSTILE}"


def test_a_slip_in_a_record_costs_nothing() -> None:
    """Arguments that do not fit the text are shown beside it; in a process of its own, since pytest raises for them."""
    code = "import logging; from mailproc import logs; logs.to_stderr(verbose=False); logging.error('%d of %s', 'many')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == "mailproc: %d of %s ('many',)\n"


def test_the_file_may_be_rotated_away(tmp_path: Path) -> None:
    """The next record opens a new one."""
    logs.to_stderr(verbose=False)
    logs.to_file(tmp_path / "log", "text")
    log.info("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.info("two")
    assert "two" in (tmp_path / "log").read_text()


def test_the_file_is_ours_alone(tmp_path: Path) -> None:
    """It names senders: created 0600, after a rotation too; a mode that somebody gave it stays."""
    file = tmp_path / "log"
    logs.to_stderr(verbose=False)
    logs.to_file(file, "text")
    assert file.stat().st_mode & 0o777 == 0o600
    file.rename(tmp_path / "log.1")
    log.info("two")
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    log.info("three")
    logs.to_file(file, "text")
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("form", ["text", "json"])
def test_tracebacks_hold_no_secrets_and_have_an_end(tmp_path: Path, form: Literal["text", "json"]) -> None:
    """They are blacked out as those of an OOPS, and an exception that carries a whole mail is cut."""
    logs.to_stderr(verbose=False)
    logs.to_file(tmp_path / "log", form)
    try:
        raise ValueError("x\n" * 1_000_000 + "password=hunter2 postgresql://bot:tiger7@db/mail")
    except ValueError:
        log.exception("it broke")
    text = (tmp_path / "log").read_text()
    assert "password=***" in text and "postgresql://bot:***@db/mail" in text
    assert "hunter2" not in text and "tiger7" not in text
    assert len(text) < 500_000


@pytest.mark.parametrize("form", ["text", "json"])
def test_records_hold_no_secrets_and_have_an_end(
    tmp_path: Path, form: Literal["text", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither their text nor a fact: an error may quote what a server or a mail said."""
    logs.to_stderr(verbose=True)
    logs.to_file(tmp_path / "log", form)
    armor = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQdGsecret\n-----END PGP PRIVATE KEY BLOCK-----"
    log.error(
        "away: postgresql://bot:tiger7@db/mail %s %s",
        armor,
        "x" * 1_000_000,
        extra={"about": {"reason": "token=hunter2 " * 900}},
    )
    (line,) = (tmp_path / "log").read_text().splitlines()
    for written in (line, capsys.readouterr().err):
        assert "postgresql://bot:***@db/mail [private key]" in written
        assert not [secret for secret in ("tiger7", "lQdGsecret", "hunter2") if secret in written]
        assert len(written) < 2 * logs.LONGEST + 200


def test_a_fact_cannot_forge_a_line(tmp_path: Path) -> None:
    """Nor can its name; what JSON does not know is written as text."""
    logs.to_stderr(verbose=False)
    logs.to_file(tmp_path / "log", "text")
    log.info("x", extra={"about": {HOSTILE: 1, "folder": Path("/x"), "number": 2, "none": None}})
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.isprintable()
    assert line.endswith(' folder="/x" number=2 none=null')


def test_a_file_that_cannot_be_opened_is_a_setting(tmp_path: Path) -> None:
    """The key is named."""
    with pytest.raises(SettingsError, match=r"^log\.file: .*: No such file or directory$"):
        logs.to_file(tmp_path / "missing/log", "text")


def test_a_full_disk_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record that cannot be written is not lost in silence, and prints no traceback."""
    logs.to_stderr(verbose=False)
    logs.to_file(Path("/dev/full"), "text")
    log.info("x")
    assert capsys.readouterr().err == "mailproc: log.file: /dev/full: [Errno 28] No space left on device\n"


def test_warnings_of_python_go_to_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Cron would mail them."""
    logs.to_stderr(verbose=False)
    logging.getLogger("py.warnings").warning("deprecated")
    assert capsys.readouterr().err == ""
