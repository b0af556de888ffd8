"""A reply of SMTP as a value: what a client that waits at a door is told (RFC 5321 section 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 512  # octets of a reply line, with its CRLF (RFC 5321 section 4.5.3.1.5)

UNFIT = re.compile(r"[^ -~]+")  # what a reply line must not hold


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: ``code`` has three digits, ``status`` is the enhanced status code (RFC 3463) or "", ``text`` is for people.

    The text may be anything, also what a sender has written; only `line` is fit for the wire.
    """

    code: int
    status: str
    text: str

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"{self.code} is no code of a reply")

    @property
    def accepts(self) -> bool:
        """Whether the server has taken over responsibility (RFC 5321 section 4.2.1: 2yz)."""
        return self.code < 300

    @property
    def passing(self) -> bool:
        """Whether the client is to come again (4yz)."""
        return 400 <= self.code < 500

    def line(self) -> str:
        """The reply as one line of printable ASCII without its CRLF, cut to what a line may hold; never raises."""
        words = [str(self.code), self.status, UNFIT.sub(" ", self.text).strip()]
        return " ".join(word for word in words if word)[: LONGEST - 2]


OK = Reply(250, "2.0.0", "OK")
