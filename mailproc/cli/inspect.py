"""`mailproc inspect`: run the real decisions on mail in files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailproc.cli.configured import settings_if_any
from mailproc.cli.listing import format_option, safe

if TYPE_CHECKING:
    from mailproc.dkim.txt import Records
    from mailproc.inspection import Inspector

_FILE = click.Path(path_type=Path)


class _Moment(click.ParamType[datetime]):
    """Seconds since 1970, or ISO 8601; UTC where it names no zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that the operator wrote."""
        try:
            text = str(value)
            moment = datetime.fromtimestamp(float(text), UTC) if _is_number(text) else datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError, OSError):
            self.fail(f"{value!r} is no time; write it like 2026-11-21T12:00:00Z, or as seconds since 1970", param, ctx)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdigit()


@click.command()
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option("--gnupghome", type=_FILE, metavar="DIR", help="Take public keys from this GnuPG home.")
@click.option("--users", type=_FILE, metavar="FILE", help='Take users from JSON: {"ADDRESS": {"fingerprints": [...]}}.')
@click.option("--max-signature-age", type=click.IntRange(min=0), metavar="SECONDS", help="0 for no limit; else 48 hours.")
@click.option("--now", type=_Moment(), help="The arrival of the mail; else the time of the file.")
@click.option("--dns", type=_FILE, metavar="FILE", help='Take TXT records for DKIM from JSON: {"NAME": ["TXT record", ...]}.')
@format_option
@click.pass_context
def inspect(
    ctx: click.Context,
    files: Sequence[Path],
    gnupghome: Path | None,
    users: Path | None,
    max_signature_age: int | None,
    now: datetime | None,
    dns: Path | None,
    form: str,
) -> None:
    """Run the real decisions on files; nothing is changed, nothing is sent and no network is used.

    Users and keys come from --users and --gnupghome, else from the configuration's database, where there is one. Without
    a configuration there is no routing, and DKIM proves nothing: what is said is what screening and authentication say.
    """
    inspector = _inspector(ctx, users, gnupghome, max_signature_age, dns)
    write_records((inspector.file(path, now) for path in files), form)


def _inspector(
    ctx: click.Context, users: Path | None, gnupghome: Path | None, max_age: int | None, dns: Path | None
) -> Inspector:
    from mailproc.app import make_inspector
    from mailproc.userfile import read_users

    from_files = users is not None or gnupghome is not None
    directory = read_users(users, gnupghome) if from_files else None
    age = None if max_age is None else timedelta(seconds=max_age)
    return make_inspector(settings_if_any(ctx), directory, age, _records(dns) if dns else None)


def _records(path: Path) -> Records:
    from mailproc.dnsfile import read_records

    return read_records(path)


def write_records(records: Iterable[Mapping[str, Any]], form: str) -> None:
    """Print the records: one ASCII object each, or a list of questions and answers."""
    for record in records:
        if form == "jsonl":
            print(json.dumps(record), flush=True)
        else:
            print("\n".join(_answers(record)), flush=True)


def _answers(record: Mapping[str, Any]) -> list[str]:
    """The way of a mail as questions and answers, in the order in which they are asked."""
    if record["error"] is not None:
        lines = [("Can it be read?", f"no: {record['error']}"), ("What comes of it?", _end(record))]
    else:
        lines = [
            ("What is it?", record["verdict"]),
            ("For whom is it?", _route(record)),
            ("Who is in From?", record["sender"] or "not exactly one address"),
            ("Was it they?", _proof(record["authentication"])),
            ("What comes of it?", _end(record)),
        ]
    if record["attachments"]:
        lines.append(("What is attached?", ", ".join(map(_attachment, record["attachments"]))))
    if record["defects"]:
        lines.append(("What is amiss?", ", ".join(record["defects"])))
    return [safe(record["file"]), *(f"  {question:18} {safe(answer)}" for question, answer in lines)]


def _route(record: Mapping[str, Any]) -> str:
    recipients = ", ".join(record["recipients"]) or "nobody"
    return f"{recipients}; handler: {record['handler']}" if record["handler"] else recipients


def _proof(found: Mapping[str, Any]) -> str:
    words = {"none": "nobody knows", "weak": "perhaps (weak)", "strong": "yes (strong)"}
    part = "; only a part of it is signed" if found["signed"] == "part" else ""
    return f"{words[found['level']]}: {found['reason']}{part}"


def _end(record: Mapping[str, Any]) -> str:
    """The action and the rule; a reason that stands above already is not repeated."""
    proof = record["authentication"]["reason"]
    reason = record["reason"].removesuffix(proof).removesuffix("; ")
    return f"{record['action']}, by the rule {record['rule']}" + (f": {reason}" if reason else "")


def _attachment(attachment: Mapping[str, Any]) -> str:
    return f"{attachment['safe_name']} ({attachment['type']}, {attachment['size']} octets)"
