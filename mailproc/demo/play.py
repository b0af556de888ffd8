"""Playing the demo: two runs, and what they did, to be read."""

from __future__ import annotations

import email
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mailproc import logs
from mailproc.app import open_engine
from mailproc.database import books
from mailproc.database.engine import reading
from mailproc.database.receipts import list_receipts
from mailproc.database.tables import letter, outbox
from mailproc.demo.stage import ACTS, set_up
from mailproc.reading import one_line
from mailproc.run import Run
from mailproc.settings import Settings

SHOWN_OF_A_MAIL = 14  # lines
SHOWN_OF_A_REASON = 55  # characters


def play(folder: Path) -> Iterator[str]:
    """Set up an installation in the empty ``folder``, run it twice, and tell line by line what happened."""
    settings = set_up(folder)
    if settings.log.file:
        logs.to_file(settings.log.file, settings.log.format)
    yield f"Eight mails wait in a Maildir. Everything of this demo is in {folder}"
    yield ""
    yield "$ mailproc handle"
    status = Run(settings).run()
    yield "(The line above is on stderr: cron mails it to the administrator. All else is silent.)"
    yield ""
    yield from _ends(settings)
    yield ""
    yield from _answers(settings)
    yield from _books(settings)
    yield ""
    yield "$ mailproc handle          # once more"
    again = Run(settings).run()
    yield f"Nothing was left to do. (Exit status {status}, then {again}.)"
    yield ""
    yield "Look around:"
    yield f"  cd {shlex.quote(str(folder))}"
    yield "  mailproc messages list"
    yield "  mailproc oops show " + _oops(settings)
    yield "  mailproc inspect mails/5-altered.eml"
    yield f"When you have seen enough: rm -r {shlex.quote(str(folder))}"


def _ends(settings: Settings) -> Iterator[str]:
    """A line for each mail."""
    yield f"  {'what came':24} {'trust':7} {'ended as':9} why"
    for number, (act, row) in enumerate(zip(ACTS, _receipts(settings), strict=True), 1):
        trust = "-" if row["trust"] == "none" else row["trust"]
        yield f"{number} {act.what:24} {trust:7} {row['disposition']:9} {_why(row)}"


def _receipts(settings: Settings) -> list[dict[str, Any]]:
    """What the ledger knows of the mails, in the order of their numbers, with which their Message-IDs begin."""
    with reading(open_engine(settings)) as conn:
        return sorted(list_receipts(conn), key=lambda row: str(row["message_id"]))


def _why(row: dict[str, Any]) -> str:
    return one_line(f"{row['oops_id']}: {row['reason']}" if row["oops_id"] else str(row["reason"]), SHOWN_OF_A_REASON)


def _oops(settings: Settings) -> str:
    return next(str(row["oops_id"]) for row in _receipts(settings) if row["oops_id"])


def _answers(settings: Settings) -> Iterator[str]:
    """What the senders are told, as it lies in the outbox."""
    with reading(open_engine(settings)) as conn:
        raws = conn.execute(sa.select(letter.c.raw).join(outbox).order_by(outbox.c.id)).scalars()
        mails = [email.message_from_bytes(raw) for raw in raws]
    for mail in mails:
        answered = str(mail["In-Reply-To"]).lstrip("<").partition(".")[0]
        yield f"The sender of {answered} is told: {mail['Subject']}"
        text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
        lines = text.get_payload(decode=True).decode().splitlines()  # type: ignore[union-attr]
        for line in lines[:SHOWN_OF_A_MAIL]:
            indent = " " * (len(line) - len(line.lstrip()))
            yield f"    | {indent}{one_line(line)}".rstrip()
        if len(lines) > SHOWN_OF_A_MAIL:
            yield "    | ..."
        yield ""


def _books(settings: Settings) -> Iterator[str]:
    with reading(open_engine(settings)) as conn:
        found = books.balance(conn)
    counted = f"{found.handled} handled + {found.dropped} dropped + {found.rejected} rejected + {found.failed} failed"
    left = len(list((settings.file.parent / "Maildir" / "new").iterdir()))
    yield f"The books: {found.seen} seen = {counted} + {found.waiting} waiting."
    yield f"Left in the maildrop: {left}. Every mail is in the archive."
