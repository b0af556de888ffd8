"""Where the events of a run go: errors to stderr, one line each; everything to the log file, with tracebacks.

A record may carry facts in ``extra={"about": {...}}``: the log file has them beside the text. Whatever a record holds may
stem from a mail, so each line is made safe for a terminal, none can be mistaken for another, secrets are blacked out and
everything has an end.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Literal

from mailproc.errors import SettingsError

LONGEST = 2000  # characters of one text; an error may quote a path and what a server said
_LOOK_AT = 10 * LONGEST  # characters of a text that are looked at


def to_stderr(*, verbose: bool) -> None:
    """Write errors to stderr; everything when ``verbose``. Called again, it changes only what is written."""
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for handler in [handler for handler in root.handlers if isinstance(handler, _Stderr)]:
        root.removeHandler(handler)
    handler = _Stderr()
    handler.setLevel(logging.NOTSET if verbose else logging.ERROR)
    handler.setFormatter(_Line(with_time=verbose))
    root.addHandler(handler)
    logging.getLogger("mailproc").setLevel(logging.DEBUG if verbose else logging.INFO)


def to_file(file: Path, form: Literal["text", "json"]) -> None:
    """Write everything to ``file`` too, which may be rotated away at any time; raises `SettingsError` if we may not.

    A file that is not there yet is created 0600, for it names senders; one that is there keeps its mode.
    """
    try:
        handler = _handler_of(file)
    except OSError as error:
        raise SettingsError(f"log.file: {file}: {error.strerror}") from None
    handler.handleError = lambda record: _say_unwritten(file)  # type: ignore[method-assign]
    handler.setFormatter(_Json() if form == "json" else _Text(with_time=True))
    logging.getLogger().addHandler(handler)


def _handler_of(file: Path) -> logging.Handler:
    from logging.handlers import WatchedFileHandler  # brings sockets and more, and a run without a log file needs none

    class Private(WatchedFileHandler):
        def _open(self) -> TextIOWrapper:
            return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=_private)

    return Private(file, encoding="utf-8", errors="backslashreplace")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]
    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, on a terminal in the place of a progress bar that may stand on the line."""
        if self.stream.isatty():
            self.stream.write("\r\x1b[K")
        super().emit(record)


def _say_unwritten(file: Path) -> None:
    """Say in one line that the log cannot be written, where the standard library prints a traceback for each record."""
    print(_safe(f"mailproc: log.file: {file}: {sys.exception()}"), file=sys.stderr)


class _Line(logging.Formatter):
    """One line, without a traceback."""

    def __init__(self, *, with_time: bool) -> None:
        super().__init__()
        self._with_time = with_time

    def format(self, record: logging.LogRecord) -> str:
        """The record as one safe line."""
        text = _safe(_message(record))
        return f"{_time(record)} {record.levelname} {_line(record.name)}: {text}" if self._with_time else f"mailproc: {text}"


class _Text(_Line):
    """One line, with facts, and the traceback below it, indented so that no line of it passes for a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, and more only for a traceback."""
        facts = _safe(" ".join(f"{key}={_dumped(_bounded(value))}" for key, value in _about(record).items()))
        line = f"{super().format(record)} {facts}".rstrip()
        return "\n".join([line, *map(_indented, _traceback(record).splitlines())])


class _Json(logging.Formatter):
    """One ASCII object of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        event: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _bounded(_message(record)),
        }
        if traceback := _traceback(record):
            event["traceback"] = traceback
        facts = {str(key)[:LONGEST]: _bounded(value) for key, value in _about(record).items()}
        return _dumped({**facts, **event})


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # the arguments of a handler's own record; a slip in a log line must not cost its mail
        return f"{record.msg} {record.args}"


def _about(record: logging.LogRecord) -> Mapping[str, object]:
    about = getattr(record, "about", None)
    return about if isinstance(about, Mapping) else {}


def _traceback(record: logging.LogRecord) -> str:
    if not record.exc_info or not record.exc_info[0]:
        return ""
    from mailproc.oops import LONGEST_TRACEBACK, redact  # not before there is something to say

    text = logging.Formatter().formatException(record.exc_info)
    return redact(text[-4 * LONGEST_TRACEBACK :])[-LONGEST_TRACEBACK:]  # the fault is at the end


def _dumped(value: object) -> str:
    import json  # not before there is something to say

    return json.dumps(value)


def _indented(line: str) -> str:
    return " " * min(4 + len(line) - len(line.lstrip(" ")), 40) + _line(line)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _safe(text: str) -> str:
    return _line(_redacted(text))


def _line(text: str) -> str:
    from mailproc.reading.display import one_line  # not before there is something to say

    return one_line(text, LONGEST)


def _bounded(value: object) -> object:
    """A fact as JSON can hold it, with an end and without secrets."""
    return value if isinstance(value, bool | int | float | None) else _redacted(str(value))[:LONGEST]


def _redacted(text: str) -> str:
    from mailproc.oops import redact  # not before there is something to say

    return redact(text[:_LOOK_AT])
