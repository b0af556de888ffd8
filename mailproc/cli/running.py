"""Running a command, and what its end means to the shell (sysexits)."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mailproc import logs
from mailproc.cli.lazy import ReaderGone
from mailproc.errors import MailprocError, of_the_machine

INTERRUPTED = 130  # 128 and the number of SIGINT, as a shell has it
READER_GONE = 141  # 128 and the number of SIGPIPE

log = logging.getLogger("mailproc")


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Run ``command`` and answer the exit status; what went wrong is on stderr in one line, and no traceback."""
    logs.to_stderr(verbose=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name in a mail may not fit the terminal's charset
    try:
        status = command.main(list(arguments), prog_name="mailproc", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        return _misused(error)
    except MailprocError as error:
        return _told(error)
    except PermissionError as error:
        log.error("%s: %s; run it as the user to whom that belongs", error.filename, error.strerror)
        return os.EX_CONFIG
    except (ReaderGone, BrokenPipeError):
        return _reader_gone()
    except Exception as error:
        if away := of_the_machine(error):
            return _told(away)
        log.critical("a bug of ours: %s: %s (%s)", type(error).__name__, error, _place(error), exc_info=True)
        return os.EX_SOFTWARE
    return _status(status)


def _misused(error: click.ClickException) -> int:
    """Click's own message, of which each line may quote what was typed, and that may have been copied out of a mail."""
    from mailproc.cli.listing import safe

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.ctx.get_help() if error.ctx else "", file=sys.stderr)
        return os.EX_USAGE
    ctx = getattr(error, "ctx", None)
    usage = [ctx.get_usage(), f"Try '{ctx.command_path} --help' for help.", ""] if ctx else []
    print("\n".join([*usage, f"Error: {safe(error.format_message())}"]), file=sys.stderr)
    return os.EX_USAGE


def _told(error: MailprocError) -> int:
    from mailproc.exits import exit_status  # an error may cost the import

    log.error("%s", error)
    return exit_status(error)


def _status(code: object) -> int:
    """A command answers its exit status, or nothing when all is well."""
    return code if isinstance(code, int) else os.EX_OK


def _reader_gone() -> int:
    """End without a word, as a program does whose reader, like ``head``, has had enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else the interpreter complains when it flushes at the end
    return READER_GONE


def _place(error: BaseException) -> str:
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    return f"{Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}" if traceback else "?"
