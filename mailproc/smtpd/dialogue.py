"""The dialogue of a session, for an operator who looks on (`--debug`); no password can be read from it.

aiosmtpd has a log of its own, with each line in it that it did not take for AUTH: one that a client goes on with after AUTH was
refused, or an AUTH that is not quite one. So only what begins with a verb of ours is shown.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from mailproc.reading import one_line

log = logging.getLogger("mailproc.dialogue")

_SHOWN = 500  # characters of a line
_VERB = re.compile(rb"[ \t]*([A-Za-z][A-Za-z0-9]*)(?=[ \r\n]|\Z)")
_AUTH = re.compile(rb"[ \t]*AUTH", re.IGNORECASE)
_MECHANISM = re.compile(rb"[ \t]*AUTH[ \t]+([A-Za-z0-9_-]+)(?=[ \r\n]|\Z)", re.IGNORECASE)


@dataclass(slots=True)
class Dialogue:
    """One session's: ``client`` answers who speaks; ``verbs`` and ``mechanisms`` are what may be shown, in capitals."""

    client: Callable[[], str]
    verbs: Container[str]
    mechanisms: Container[str]
    _hidden: bool = False

    def note(self, text: str) -> None:
        """Something has happened to the connection."""
        if log.isEnabledFor(logging.INFO):
            log.info("%s %s", self.client(), text)

    def said(self, line: bytes) -> None:
        """A command has come."""
        if log.isEnabledFor(logging.INFO):
            shown = self._shown(line)
            self._hidden = shown is None
            log.info("%s >> %s", self.client(), _hidden(line) if shown is None else shown)

    def said_in_auth(self, line: bytes) -> None:
        """A client's word inside of AUTH has come."""
        if log.isEnabledFor(logging.INFO):
            log.info("%s >> %s", self.client(), _hidden(line))

    def sent(self, line: bytes) -> None:
        """A line of a message has come."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s >> %s", self.client(), _text(line))

    def told(self, reply: Sequence[str]) -> None:
        """A reply was given; aiosmtpd's to a line that is not shown repeats its first word."""
        if log.isEnabledFor(logging.INFO):
            log.info("%s << %s", self.client(), reply[0][:3] if self._hidden else one_line(" / ".join(reply), _SHOWN))
            self._hidden = False

    def _shown(self, line: bytes) -> str | None:
        """What may be shown of a command; None for nothing."""
        if _AUTH.match(line):
            mechanism = _MECHANISM.match(line)
            name = mechanism[1].decode("ascii").upper() if mechanism else ""
            return f"AUTH {name}" if name in self.mechanisms else None
        verb = _VERB.match(line)
        return _text(line) if verb and verb[1].decode("ascii").upper() in self.verbs else None


def _hidden(line: bytes) -> str:
    return f"({len(line.rstrip())} octets)"


def _text(line: bytes) -> str:
    return one_line(line.decode("utf-8", "backslashreplace").rstrip("\r\n"), _SHOWN)
