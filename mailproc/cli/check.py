"""`mailproc check`: try everything that a run needs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import refuse_another_user, with_settings
from mailproc.cli.listing import format_option, safe

if TYPE_CHECKING:
    from mailproc.settings import Settings


@click.command()
@format_option
@with_settings
def check(settings: Settings, form: str) -> int:
    """Try everything that a run needs, and say what to mend: configuration, plugins, schema, archive, keys, logins.

    Nothing is changed and no mail is touched. The exit status is that of the gravest failure: 78 for the configuration,
    77 for a login, 69 for a missing program, 75 for what is away.
    """
    from mailproc.checkup import check as try_all
    from mailproc.exits import gravest

    refuse_another_user(settings)
    statuses = []
    for tried in try_all(settings):
        statuses.append(tried.status)
        if form == "jsonl":
            print(json.dumps({**asdict(tried), "advice": list(tried.advice)}), flush=True)
            continue
        print(f"{'FAIL' if tried.status else 'ok  '}  {tried.what:14} {safe(tried.text)}", flush=True)
        for line in tried.advice:
            print(f"note  {'':14} {safe(line)}", flush=True)
    return gravest(statuses)
