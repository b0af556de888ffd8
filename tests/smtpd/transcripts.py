"""Sessions as a table: text files that say what a client sends and what it is told, octet by octet.

::

    === the_name | door | as aiosmtpd | after EHLO
    What it shows, in a sentence.
    C: NOOP \\xff{x*500}
    S: 250 OK

A session begins with its name, the door at which it is played (`tests.smtpd.doorways`), the word whether a bare aiosmtpd says
the same (``as aiosmtpd``) or not (``ours``), and how far it has come before its first line: ``nothing`` (not even the greeting
is awaited), ``connect`` where there is no word, ``HELO``, ``EHLO``, ``MAIL``, ``RCPT`` or ``DATA``. Lines that follow one
another belong to one step, and are sent as one piece:

    C:  sent with a CRLF                     S:  what is told, a line of a reply; ``(closed)`` is the end of the connection
    R:  sent as it is                        B:  what a bare aiosmtpd tells in place of all the S of this step
    T:  the client begins TLS                M:  the message that is handed over: reverse path > recipients | octets
    W:  who the client is taken for          BM: the messages that a bare aiosmtpd hands over in place of all M

``(nothing)`` stands for no line at all. In all of them ``\\r``, ``\\n``, ``\\t``, ``\\0``, ``\\xff`` and ``\\\\`` are octets,
``{x*500}`` is so many of a text, ``{b64 text}`` its base64, and ``{EHLO}`` the reply to EHLO or LHLO at this door. At the end
QUIT is said, so that no reply is left over, where the session does not close.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.smtpd.dialogue import HOSTNAME, IDENT

FOLDER = Path(__file__).parent / "sessions"
CLOSED = "(closed)"
NOTHING = "(nothing)"
PROMPT = "354 End data with <CR><LF>.<CR><LF>"

_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|[rnt0\\])|\{(?:EHLO|(?s:.)\*\d+|[^{}*]+\*\d+|b64 [^{}]*)\}")
_LETTERS = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


@dataclass(frozen=True)
class Step:
    """What is sent at once, and the lines that are told for it: by us, and by a bare aiosmtpd."""

    sent: bytes
    told: tuple[str, ...]
    bare: tuple[str, ...]
    tls: bool = False


@dataclass(frozen=True)
class Transcript:
    """A session of the table; ``messages`` and ``bare_messages`` are what is handed over, ``who`` the client as it is seen."""

    name: str
    file: str
    door: str
    word: str
    opening: str
    text: str
    steps: tuple[Step, ...]
    messages: tuple[str, ...]
    bare_messages: tuple[str, ...]
    who: str

    @property
    def differs(self) -> bool:
        """Whether a bare aiosmtpd does something else."""
        return self.messages != self.bare_messages or any(step.told != step.bare for step in self.steps)


def transcripts() -> list[Transcript]:
    """All sessions, in the order of the files."""
    return [found for file in sorted(FOLDER.glob("*.txt")) for found in _in_file(file)]


def _in_file(file: Path) -> Iterator[Transcript]:
    _, *parts = re.split(r"^=== ", file.read_text(), flags=re.MULTILINE)
    for part in parts:
        head, text, *lines = part.strip("\n").split("\n")
        name, door, word, *after = (field.strip() for field in head.split("|"))
        opening = after[0].removeprefix("after ") if after else "connect"
        fields = [_field(file, name, line) for line in lines if line]
        messages = _kept(text for letter, text in fields if letter == "M")
        bare = [text for letter, text in fields if letter == "BM"]
        yield Transcript(
            name=name,
            file=file.stem,
            door=door,
            word=word,
            opening=opening,
            text=text,
            steps=tuple(_opened(opening, door) + list(_steps(fields))),
            messages=messages,
            bare_messages=_kept(bare) if bare else messages,
            who=next((text for letter, text in fields if letter == "W"), ""),
        )


def _field(file: Path, name: str, line: str) -> tuple[str, str]:
    found = re.fullmatch(r"(C|R|T|S|B|M|BM|W):(?: (.*))?", line)
    assert found, f"{file.name}, {name}: {line}"
    return found[1], found[2] or ""


def _kept(texts: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text != NOTHING)


def _opened(opening: str, door: str) -> list[Step]:
    """The steps of a session that are told in its first line."""
    if opening == "nothing":
        return []
    hello = ("HELO", f"250 {HOSTNAME}") if opening == "HELO" else ("LHLO" if "lmtp" in door else "EHLO", "{EHLO}")
    ladder = [
        ("connect", "", f"220 {HOSTNAME} {IDENT}"),
        ("EHLO", f"{hello[0]} client.example.net\r\n", hello[1]),
        ("MAIL", "MAIL FROM:<ann@example.net>\r\n", "250 OK"),
        ("RCPT", "RCPT TO:<bob@example.org>\r\n", "250 OK"),
        ("DATA", "DATA\r\n", PROMPT),
    ]
    height = [rung for rung, _, _ in ladder].index("EHLO" if opening == "HELO" else opening)
    return [Step(sent.encode(), (told,), (told,)) for _, sent, told in ladder[: height + 1]]


def _steps(fields: list[tuple[str, str]]) -> Iterator[Step]:
    """Each begins with what is sent, and ends where something is sent again after a reply, or TLS begins."""
    groups: list[list[tuple[str, str]]] = []
    for letter, text in fields:
        if letter in {"M", "BM", "W"}:
            continue
        sends = letter in {"C", "R"}
        if not groups or letter == "T" or (sends and not all(before in {"C", "R"} for before, _ in groups[-1])):
            groups.append([])
        groups[-1].append((letter, text))
    for group in groups:
        sent = b"".join(octets(text) + (b"\r\n" if letter == "C" else b"") for letter, text in group if letter in {"C", "R"})
        told = _kept(text for letter, text in group if letter == "S")
        bare = [text for letter, text in group if letter == "B"]
        yield Step(sent, told, _kept(bare) if bare else told, tls=group[0][0] == "T")


def octets(text: str, ehlo: str = "") -> bytes:
    """The octets that a text of the table stands for; ``ehlo`` is what ``{EHLO}`` is."""
    pieces, end = [], 0
    for found in _ESCAPE.finditer(text):
        pieces += [text[end : found.start()].encode(), _octets_of(found[0], ehlo)]
        end = found.end()
    return b"".join([*pieces, text[end:].encode()])


def _octets_of(escape: str, ehlo: str) -> bytes:
    if escape == "{EHLO}":
        return ehlo.encode()
    if escape.startswith("{b64 "):
        return b64encode(octets(escape[5:-1]))
    if escape.startswith("{"):
        text, _, times = escape[1:-1].rpartition("*")
        return octets(text) * int(times)
    return bytes([int(escape[2:], 16)]) if escape[1] == "x" else _LETTERS[escape[1]]
