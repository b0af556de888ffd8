"""A handler that says whom it takes mail for, and that talks to stdout and stderr."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from mailproc import Delivery, Outcome, Rejected, Transient, handler
from mailproc.address import Address


@handler()
@dataclass(frozen=True)
class Chatty:
    """Takes mail for ``book`` alone; ``no`` and ``later`` say so in their own words, ``broken`` is a bug of it."""

    folder: Path

    def accepts(self, address: Address, session: Session) -> bool:
        """Whether there is such a book."""
        match address.local:
            case "no":
                raise Rejected("Not to me")
            case "later":
                raise Transient("Come back at noon")
            case "broken":
                raise LookupError("secret words")
        return address.local == "book"

    def __call__(self, delivery: Delivery) -> Outcome:
        """Talk, as libraries do, also below Python."""
        print("5.1.1 this must not reach the MTA", flush=True)
        os.write(1, b"4.1.1 nor this\n")
        print("a handler's noise", file=sys.stderr, flush=True)
        if delivery.message.subject == "flood":
            return delivery.defer("a word that is not drowned" if _flood() else "what was printed to be shortened")
        if delivery.message.subject == "stdin":
            return delivery.reject(f"{len(sys.stdin.read())} characters were on standard input")
        return delivery.defer("a quiet hour") if delivery.message.subject == "defer" else delivery.handled("talked")


def _flood() -> bool:
    """Print 8 MiB; whether they are not kept."""
    os.write(1, b"x\n" * (4 << 20))
    until = time.monotonic() + 10
    while os.fstat(1).st_size > 1 << 20:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    print("these are the last words", flush=True)
    return True
