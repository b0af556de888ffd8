"""The command line. Cron asks every minute, so a command is imported only when it is called."""

from __future__ import annotations

from mailproc import origin  # isort: skip - it looks who has started us, before the rest takes its time

import sys
from typing import NoReturn

import click

from mailproc.cli.lazy import LazyGroup
from mailproc.cli.running import run

__all__ = ["cli", "handle_mail", "main"]

# In the order of `mailproc --help`; each is the attribute of the same name in mailproc.cli.NAME.
COMMANDS = {
    "handle": "Empty the maildrops: what cron runs.",
    "watch": "Handle mail as soon as it comes.",
    "serve": "Take mail in by SMTP or LMTP.",
    "deliver": "Handle a mail from standard input, as the pipe of an MTA.",
    "inject": "Handle mail in files, folders and mbox archives.",
    "check": "Try everything that a run needs, and say what to mend.",
    "inspect": "Run the real decisions on mail in files.",
    "status": "Say how many mails came, and what became of them.",
    "messages": "List, show and reprocess messages.",
    "oops": "List, show and prune the records of our faults.",
    "user": "Add, list, activate and deactivate users, and set their passwords.",
    "key": "Import, list, show, export and remove OpenPGP keys.",
    "address": "Make, list, revoke and decode addresses of the gateway.",
    "list": "Make, show and change mailing lists and aliases.",
    "report": "Mail the administrator what failed since the last report.",
    "send": "Write a mail and send it.",
    "handlers": "List the handlers and the domains that they serve.",
    "db": "Upgrade the database's schema, or say its version.",
    "init": "Write a configuration and make what it names.",
    "demo": "Show a whole run on a maildrop of its own.",
    "completion": "Print the completion script for a shell.",
}


@click.group(cls=LazyGroup, short_helps=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mailproc", message="%(prog)s %(version)s")
def cli() -> None:
    """Mail in, handlers run, nothing lost."""


def main() -> NoReturn:
    """Be the program `mailproc`."""
    origin.fill_streams()
    sys.exit(run(cli, sys.argv[1:]))


def handle_mail() -> NoReturn:
    """Be the program `handle-mail`, another name for `mailproc handle`."""
    origin.fill_streams()
    sys.exit(run(cli, ["handle", *sys.argv[1:]]))
