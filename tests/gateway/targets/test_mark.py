"""The mark of a message."""

from __future__ import annotations

import pytest

from mailproc.gateway.targets.mark import MARK_LENGTH, mark_of, marked


def test_marks_differ() -> None:
    """Each errand has a mark of its own, always the same and always as long."""
    marks = {mark_of(f"r{number}.gateway.0") for number in range(1000)}
    assert len(marks) == 1000
    assert {len(marked("", mark)) for mark in marks} == {MARK_LENGTH}
    assert mark_of("r1.gateway.0") == mark_of("r1.gateway.0")


def test_a_mark_is_not_stripped() -> None:
    """A server that strips white space at the end leaves it."""
    text = marked("Hello", mark_of("r1.gateway.0"))
    assert text.strip() == text


@pytest.mark.parametrize(
    ("content", "between"),
    [("Hello", " "), ("See https://example.org/x", " "), ("```\ncode\n```", "\n"), ("a\n ~~~", "\n"), ("``` at first\nx", " ")],
)
def test_a_mark_changes_nothing(content: str, between: str) -> None:
    """A link ends before it, and so does a block of code."""
    assert marked(content, "x") == f"{content}{between}x"
