"""Addresses as programs and people write them on a command line."""

from __future__ import annotations

import os

from mailproc.reading.display import one_line

_NULL = ("", "<>", "mailer-daemon")  # the null path as MTAs write it


def reverse_path(text: str) -> str:
    """The reverse path that an MTA has written on a command line; "" for the null path."""
    return "" if text.lower() in _NULL else address(text)


def is_storable(text: str) -> bool:
    """Whether it has none of the characters with which it would look like another one, or like several lines.

    Nothing more is asked of it: whom there is mail for, its domain says.
    """
    return one_line(text, len(text)) == text


def address(text: str) -> str:
    """An address as text that can be stored, whatever its octets were, without the brackets of a path."""
    whole = os.fsencode(text).decode("utf-8", "replace").strip()
    return whole[1:-1] if whole.startswith("<") and whole.endswith(">") else whole
