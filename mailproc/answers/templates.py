"""The texts of error mails: files with ``$name`` placeholders, which the operator may replace.

A text file begins with a line ``Subject: ...`` and an empty line; the rest is the body. Values are filled in once and
never looked at again, so that a ``$`` in somebody's mail stays a ``$``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from mailproc.errors import SettingsError

PLACEHOLDERS = (
    "admin",  # the address of the administrator
    "domain",  # our own domain
    "recipient",  # the address that the mail was sent to
    "subject",  # the subject of the mail
    "message_id",  # the Message-ID of the mail
    "reason",  # why it was not accepted, or who did not get it and why
    "failing_commands",  # a block with the commands that failed, empty when there is none
    "oops",  # the id of the OOPS
    "size",  # how large the mail is, in MB
    "limit",  # how large it may be, in MB
)
# What a text must say, or its reader could not act on it.
_REQUIRED = {"rejected": {"reason"}, "too-big": {"size", "limit"}, "oops": {"oops"}, "undelivered": {"reason"}}
_DEFAULTS = Path(__file__).parent / "texts"
_LONGEST_FILE = 65_536  # octets


@dataclass(frozen=True, slots=True)
class Text:
    """The subject and the body of an error mail, both with placeholders."""

    subject: str
    body: str

    def filled(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Subject and body with the values in place; empty blocks leave no gap."""
        subject = Template(self.subject).safe_substitute(values)
        body = Template(self.body).safe_substitute(values)
        return subject, re.sub(r"\n{3,}", "\n\n", body)


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of all error mails."""

    rejected: Text
    too_big: Text
    oops: Text
    undelivered: Text


def load_texts(folder: Path | None = None) -> Texts:
    """The texts in ``folder``, and ours where it holds none.

    Raises `SettingsError`, which names the file and the fix, when a text is unknown, cannot be read or cannot be filled.
    """
    own = _own_files(folder) if folder else {}
    return Texts(*(_read(own.get(name, _DEFAULTS / f"{name}.txt"), name) for name in _REQUIRED))


def _own_files(folder: Path) -> dict[str, Path]:
    try:
        files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix == ".txt"}
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}; answers must name a folder with texts of error mails") from error
    for name, path in files.items():
        if name not in _REQUIRED:
            raise SettingsError(f"{path}: there is no such text; use one of {', '.join(f'{known}.txt' for known in _REQUIRED)}")
    return files


def _read(path: Path, name: str) -> Text:
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; make it readable, or remove it to get the default text") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8; save it as UTF-8") from error
    if len(content) > _LONGEST_FILE:
        raise SettingsError(f"{path}: longer than {_LONGEST_FILE} octets; shorten it")
    subject, gap, body = lines.partition("\n\n")
    if not re.fullmatch(r"Subject: [^\n]*\S", subject) or not gap:
        raise SettingsError(f"{path}: begin it with a line 'Subject: ...' and an empty line")
    _check_placeholders(path, f"{subject}\n{body}", _REQUIRED[name])
    return Text(subject.removeprefix("Subject: ").strip(), body)


def _check_placeholders(path: Path, text: str, required: set[str]) -> None:
    template = Template(text)
    if not template.is_valid():
        raise SettingsError(f"{path}: a $ without a name; write $$ for the sign itself")
    used = set(template.get_identifiers())
    if unknown := used.difference(PLACEHOLDERS):
        raise SettingsError(f"{path}: unknown ${min(unknown)}; there are {', '.join('$' + known for known in PLACEHOLDERS)}")
    if missing := required - used:
        raise SettingsError(f"{path}: it must say ${min(missing)}; add it")
