"""What is shown or logged of any text: one record is one line, and nothing in it acts on a terminal."""

from __future__ import annotations

import json
import logging
from types import TracebackType

from mailproc.cli.listing import safe
from mailproc.logs import _Json, _Line, _Text
from mailproc.reading import decode_text, decode_words, one_line
from mailproc.reading.attachments import safe_name
from tests.fuzz.readers import is_one_safe_line


def output_is_one_safe_line(raw: bytes) -> None:
    """However the bytes are decoded, what is made of them for people and for logs is one safe line of bounded length."""
    for text in (raw.decode("utf-8", "surrogateescape"), raw.decode("latin-1"), decode_words(decode_text(raw, None))):
        for limit in (0, 1, 3, 20, 200):
            line = one_line(text, limit)
            assert len(line) <= limit and is_one_safe_line(line) and one_line(line, limit) == line
        assert is_one_safe_line(safe(text)) and len(safe(text)) <= 2000
        assert is_one_safe_line(safe_name(text))
        _log(text)


def _log(text: str) -> None:
    record = logging.LogRecord(text[:50], logging.ERROR, "", 0, "%s: " + text.replace("%", "%%"), (text,), _raised(text))
    record.about = {"reason": text, "commands": [text]}
    (line,) = _Line(with_time=True).format(record).split("\n")
    assert is_one_safe_line(line)
    first, *traceback = _Text(with_time=True).format(record).split("\n")
    assert all(is_one_safe_line(each) for each in (first, *traceback))
    assert all(each.startswith("    ") for each in traceback), "a line of a traceback could pass for a record"
    line = _Json().format(record)
    assert line.isascii() and "\n" not in line and json.loads(line)["level"] == "ERROR"


def _raised(text: str) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    try:
        raise LookupError(text)
    except LookupError as error:
        return LookupError, error, error.__traceback__
