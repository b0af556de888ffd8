"""`mailproc deliver`: a mail from an MTA's pipe."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from mailproc.cli.addresses import address, is_storable, reverse_path
from mailproc.cli.configured import settings_of
from mailproc.cli.listing import safe
from mailproc.errors import SettingsError, Transient

if TYPE_CHECKING:
    from typing import TextIO

    from mailproc.pipe.source import Patience
    from mailproc.reply import Reply

log = logging.getLogger("mailproc")


class _Delivering(click.Command):
    """A command that is misused in an MTA's configuration: on 64 that would bounce all mail."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            from mailproc.pipe.status import line_of, reply_to

            _tell(sys.stdout, [line_of(reply_to(SettingsError()))])
            raise Transient(f"{safe(error.format_message())} Try 'mailproc deliver --help'") from None


@click.command(cls=_Delivering)
@click.option("-r", "--recipient", "recipients", multiple=True, metavar="ADDRESS", help="For whom it is; may be given again.")
@click.option("-f", "--sender", metavar="ADDRESS", help="The reverse path; '', <> and MAILER-DAEMON are the null path.")
@click.pass_context
def deliver(ctx: click.Context, recipients: Sequence[str], sender: str | None) -> int:
    """Handle a mail from standard input, as the pipe of an MTA, and answer by the exit status.

    Without -r the recipient is $ORIGINAL_RECIPIENT or $RECIPIENT, without -f the sender is $SENDER, as MTAs set them. On
    anything but success one line says why, an enhanced status code first, which the MTA takes over. All recipients are
    taken or none: let the MTA call for each of them alone. Answers are sent by `mailproc handle` or `mailproc watch`.

    \b
    Exit status:
       0  handled, or dropped
      65  rejected
      67  no such address, or domain, here
      70  it failed three times
      75  not now; the MTA is to try again. This is also the status of
          everything that is wrong here and not with the mail: the
          configuration, the database, the disk, how this command was called,
          a signal
      77  rejected because of a signature, or because the sender may not do this
    """
    from mailproc.exits import last_words
    from mailproc.pipe.source import Patience, drain
    from mailproc.pipe.status import exit_of, line_of, reply_to

    patience = Patience()
    patience.listen()
    try:
        reply, said = _delivered(ctx, recipients, sender, patience)
        _tell(sys.stdout, [line_of(reply)])
        # A sender is to read in the bounce of a mail that one line alone.
        if reply.passing or log.isEnabledFor(logging.DEBUG):
            _tell(sys.stderr, said.splitlines())
        return exit_of(reply)
    except Exception as error:
        _tell(sys.stdout, [line_of(reply_to(error))])
        last_words(error)
    finally:
        drain(patience)
    return os.EX_TEMPFAIL


def _delivered(ctx: click.Context, recipients: Sequence[str], sender: str | None, patience: Patience) -> tuple[Reply, str]:
    """What becomes of the mail, and what was written to stdout and stderr on the way."""
    from mailproc.pipe.door import Pipe
    from mailproc.reply import Reply

    settings = settings_of(ctx)
    said_of = os.environ.get("SENDER") if sender is None else sender
    path = None if said_of is None else reverse_path(said_of)
    found = _recipients(recipients, os.environ)
    if not all(map(is_storable, found)):
        return Reply(553, "5.1.3", "This is no address"), ""
    if not is_storable(path or ""):
        return Reply(553, "5.1.7", "The sender is no address"), ""
    pipe = Pipe(settings, found, path, patience)
    return pipe.reply(), pipe.said


def _recipients(given: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The recipients, each once; raises `SettingsError` when there is none."""
    set_by_mta = environ.get("ORIGINAL_RECIPIENT") or environ.get("RECIPIENT") or ""
    found = list(dict.fromkeys(filter(None, map(address, given or [set_by_mta]))))
    if not found:
        raise SettingsError("nobody said for whom the mail is; give -r ADDRESS, or have the MTA set $RECIPIENT")
    return found


def _tell(stream: TextIO, lines: Sequence[str]) -> None:
    """Write what there is to say; who asked may have gone, and then the status is all that counts."""
    text = "".join(f"{safe(line)}\n" for line in lines if line)
    with suppress(OSError):
        os.write(stream.fileno(), text.encode("ascii", "backslashreplace"))
