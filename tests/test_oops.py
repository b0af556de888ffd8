"""The record of a fault."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.address import Address
from mailproc.oops import LONGEST_EXCEPTION, LONGEST_LINE, LONGEST_TRACEBACK, Oops, make_oops, new_id, redact, signature_of
from mailproc.outcome import Disposition, Outcome
from mailproc.pipeline import call
from mailproc.principal import Principal, Trust
from tests.cost import within

NOW = datetime(2026, 11, 21, 5, 24, 37, tzinfo=UTC)


def oops(error: BaseException | str, **facts: Any) -> Oops:
    """The record of ``error``."""
    return make_oops(error, now=NOW, **facts)


def caught(function: Callable[..., object], *arguments: object) -> BaseException:
    """What ``function`` raises."""
    try:
        function(*arguments)
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


class Unprintable(Exception):
    """An exception whose text leaves by sys.exit."""

    def __str__(self) -> str:
        sys.exit(3)


def test_record_holds_what_the_administrator_needs() -> None:
    """All that is known about the mail stands in it."""
    record = oops(
        caught(int, "x"),
        principal=Principal("ann", Address("ann", "example.com"), Trust.WEAK, "from"),
        message_id="<n1@example.com>",
        recipient="notes@example.org",
        archive_url="file:///archive/ab",
        receipt_id="r1",
    )
    assert record.exception == "ValueError: invalid literal for int() with base 10: 'x'"
    assert record.traceback.startswith("Traceback (most recent call last):\n")
    assert record.traceback.rstrip().endswith(record.exception)
    assert record.principal == "ann <ann@example.com>, weak (from)"
    assert (record.message_id, record.recipient) == ("<n1@example.com>", "notes@example.org")
    assert (record.archive_url, record.receipt_id, record.created_at) == ("file:///archive/ab", "r1", NOW)


def test_reason_in_words_needs_no_exception() -> None:
    """What nobody raised has a record too, with a signature that names no address and no detail."""
    record = oops("gave up after 3 starts without an outcome; the last one was killed by signal 11")
    assert record.exception == "gave up after 3 starts without an outcome; the last one was killed by signal 11"
    assert (record.signature, record.traceback) == ("gave up after 3 starts without an outcome", "")
    assert signature_of("no handler is bound to the domain of ann@example.com") == signature_of(
        "no handler is bound to the domain of bob@example.net"
    )


def test_id_can_be_read_aloud() -> None:
    """It is short, and holds no letter that is taken for a digit."""
    assert re.fullmatch(r"OOPS-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{5}", new_id(NOW))


@given(st.datetimes(min_value=datetime(1970, 1, 2)), st.timedeltas(timedelta(milliseconds=2), timedelta(days=300)))
def test_ids_sort_by_time(moment: datetime, later: timedelta) -> None:
    """A later id is greater, whatever is random in it."""
    moment = min(moment, datetime(2999, 1, 1)).replace(tzinfo=UTC)
    assert new_id(moment) < new_id(moment + later)


def test_ids_of_one_moment_differ() -> None:
    """A chunk that fails as a whole has as many ids as messages."""
    assert len({new_id(NOW) for _ in range(200)}) == 200


# The signature --------------------------------------------------------------------------------------------------------

PLUGIN = """
import json
from mailproc import delivery


def add_note(value):
    return store(value)


def store(value):
    return json.loads(value)
"""


def module_at(folder: Path, name: str, text: str) -> ModuleType:
    """A module that was installed in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(name, None)


@pytest.mark.parametrize("folder", ["site-packages", "checkout"])
def test_signature_names_the_handlers_function(tmp_path: Path, folder: str) -> None:
    """Not the standard library's in which it broke, wherever the handler is installed."""
    plugin = module_at(tmp_path / folder, "notes_plugin", PLUGIN)
    error = caught(call, plugin.add_note, "no json")
    assert signature_of(error) == "json.decoder.JSONDecodeError in notes_plugin:store"


def test_signature_does_not_move_with_lines(tmp_path: Path) -> None:
    """An edit above the fault changes the traceback and not the signature."""
    before = module_at(tmp_path / "a", "notes_plugin", PLUGIN)
    after = module_at(tmp_path / "b", "notes_plugin", "# a comment\n" * 20 + PLUGIN)
    first, second = (oops(caught(call, plugin.add_note, "no json")) for plugin in (before, after))
    assert first.signature == second.signature
    assert first.traceback != second.traceback


def test_library_that_a_handler_calls_is_passed_over(tmp_path: Path) -> None:
    """A package that we did not call is library code, though it is installed beside the handler."""
    folder = tmp_path / "site-packages"
    library = module_at(folder, "some_library", "def parse(value):\n    return int(value)\n")
    plugin = module_at(folder, "notes_plugin", "def add_note(value):\n    return parse(value)\n")
    plugin.parse = library.parse  # type: ignore[attr-defined]
    assert signature_of(caught(call, plugin.add_note, "x")) == "ValueError in notes_plugin:add_note"


def test_fault_of_ours_is_named_after_us() -> None:
    """A handler that returns nothing is found by the step that noticed it."""
    error = caught(call, lambda delivery: None, None)
    assert signature_of(error) == "mailproc.pipeline.NotAnOutcome in mailproc.pipeline:call"
    assert call(lambda delivery: Outcome(Disposition.HANDLED), None).disposition is Disposition.HANDLED  # type: ignore[arg-type]


def test_exception_that_was_never_raised_has_its_type() -> None:
    """There may be no frame at all."""
    assert signature_of(KeyError("x")) == "KeyError"


# Total, bounded and clean ---------------------------------------------------------------------------------------------


def _recursive() -> None:
    _recursive()


def _chained() -> None:
    error: BaseException = ValueError("first")
    for number in range(2000):
        following = RuntimeError(str(number))
        following.__cause__ = error
        error = following
    raise error


def _circular() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one
    raise one


def _unprintable() -> None:
    raise Unprintable


def _huge() -> None:
    raise ValueError("x" * 20_000_000)


def _grouped() -> None:
    raise BaseExceptionGroup("all", [KeyboardInterrupt(), ValueError("\x1b[31m"), SystemExit(3)])


def _noted() -> None:
    error = ValueError("x")
    error.__notes__ = [object(), "a\udc80b"]  # type: ignore[list-item]
    raise error


@pytest.mark.parametrize("function", [_recursive, _chained, _circular, _unprintable, _huge, _grouped, _noted])
def test_no_exception_is_too_much(function: Callable[[], None]) -> None:
    """However it was made, it gets a bounded record that can be stored, in bounded time."""
    error = caught(function)
    record = within(3, lambda: oops(error))
    assert len(record.traceback) <= LONGEST_TRACEBACK
    assert len(record.exception) <= LONGEST_EXCEPTION
    assert type(error).__qualname__ in record.exception
    (record.traceback + record.exception).encode("utf-8")
    assert "\x1b" not in record.traceback + record.exception


def test_end_of_a_long_traceback_is_kept() -> None:
    """The innermost fault stands last."""
    assert "RuntimeError: 1999" in oops(caught(_chained)).traceback[-200:]


@given(st.text(st.characters()))
def test_any_text_can_be_stored_and_shown(text: str) -> None:
    """No control character, no half of a surrogate pair and no NUL is left, in any field."""
    record = oops(caught(_raise, text), message_id=text, recipient=text, archive_url=text)
    for field in (record.exception, record.message_id, record.recipient, record.archive_url, oops(text).exception):
        assert field is not None
        assert field == "" or field.isprintable()
    assert all(line == "" or line.replace("\t", "").isprintable() for line in record.traceback.split("\n") if line.isascii())
    assert "\0" not in record.traceback
    record.traceback.encode("utf-8")


@pytest.mark.parametrize("letter", ["\u061c", "\u200f", "\u202e", "\u2066", "\xad", "\x9b", "\x85", "\ufff9", "\U000e0041"])
def test_what_turns_or_hides_letters_is_shown_as_an_escape(letter: str) -> None:
    """A traceback may stand on a page, where it would read backwards or like another name."""
    last = oops(caught(_raise, f"a{letter}b")).traceback.splitlines()[-1]
    code = ord(letter)
    shown = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    assert last == f"ValueError: a{shown}b"


def _raise(text: str) -> None:
    raise ValueError(text)


def test_mail_in_an_exception_is_not_told_whole() -> None:
    """A line of the traceback is bounded, because an exception may carry what somebody wrote."""
    record = oops(caught(_raise, "x" * 50_000))
    assert max(map(len, record.traceback.split("\n"))) == LONGEST_LINE


def test_local_variables_are_not_told() -> None:
    """A value that a function only held is nobody's business."""

    def handler() -> None:
        held = "vier" + "zehn"
        raise ValueError(len(held))

    assert "vierzehn" not in oops(caught(handler)).traceback


# Secrets --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://mail:s3cr3t@db/x", "postgresql://mail:***@db/x"),
        ("imaps://robot:p@ss:w/rd@imap.example.org", "imaps://robot:***@imap.example.org"),
        ("https://example.org:8080/a?x", "https://example.org:8080/a?x"),
        ("connect(host='a', password='s3cr3t x', port=1)", "connect(host='a', password=***, port=1)"),
        ('{"api_key": "s3cr3t", "n": 1}', '{"api_key": ***, "n": 1}'),
        ("password=s3cr3t&user=ann", "password=***&user=ann"),
        ("PASSWD: s3cr3t", "PASSWD: ***"),
        ("client_secret = s3cr3t", "client_secret = ***"),
        ("Authorization: Bearer s3cr3t.s3cr3t", "Authorization: ***"),
        ("{'Authorization': 'Basic czNjcjN0'}", "{'Authorization': ***"),
        ("send: 'AUTH PLAIN AHJvYm90AHMzY3IzdA=='", "send: 'AUTH PLAIN ***'"),
        ("got ghp_s3cr3ts3cr3ts3cr3ts3cr3ts3cr", "got ***"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.s3cr3t", "jwt ***"),
        (
            "a -----BEGIN OPENSSH PRIVATE KEY-----\ns3cr3t\n-----END OPENSSH PRIVATE KEY----- b",
            "a [private key] b",
        ),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\ns3cr3t", "[private key]"),
        ("INSERT INTO t VALUES (?)]\n[parameters: ('s3cr3t',)]\nend", "INSERT INTO t VALUES (?)]\n[parameters: ***]\nend"),
        ("KeyError: 'passenger'", "KeyError: 'passenger'"),
        ("password_file = imap.password", "password_file = imap.password"),
    ],
)
def test_secrets_are_blacked_out(text: str, shown: str) -> None:
    """In each of the forms in which they get into an error, and nothing else is."""
    assert redact(text) == shown


def test_secrets_are_in_no_field() -> None:
    """Neither in the text nor in the traceback, also where a source line or a cause shows them."""

    def connect(url: str) -> None:
        try:
            raise OSError(f"cannot reach {url}")
        except OSError as error:
            raise RuntimeError("Authorization: Bearer s3cr3t-token") from error

    record = oops(caught(connect, "imaps://robot:s3cr3t@imap.example.org"))
    assert "s3cr3t@" not in record.traceback
    assert "robot:***@imap" in record.traceback
    assert "s3cr3t" not in record.exception
    assert "password=***" in oops("login failed: password=s3cr3t").exception


@pytest.mark.parametrize(
    "unit", ["eyJ-", "://a:", "password", "-----BEGIN PRIVATE KEY", "bearer ", "token='", "[parameters: ", "AUTH a"]
)
def test_redacting_is_fast_on_what_is_made_to_be_slow(unit: str) -> None:
    """Text that almost matches everywhere is looked through in time."""
    error = caught(_raise, unit * (3_000_000 // len(unit)))
    within(3, lambda: oops(error))


def test_a_file_whose_name_is_a_keyword_is_no_secret() -> None:
    """An operator must be told which file is missing, and why."""
    told = "maildrop main.password_file: /etc/mailproc/imap.password: No such file or directory; name a file that can be read"
    assert redact(told) == told
    assert redact("https://example.org/x?password=hunter2") == "https://example.org/x?password=***"
    assert redact("the password: hunter2") == "the password: ***"
    assert redact("/etc/imap.password=hunter2") == "/etc/imap.password=***"
