"""What a reply is to an MTA: an exit status (sysexits.h), and a line with an enhanced status code (RFC 3463)."""

from __future__ import annotations

import os

from mailproc.errors import MailprocError, MissingProgram, SettingsError, of_the_machine
from mailproc.replies import AWAY, DIED
from mailproc.reply import Reply

_REFUSALS = (("5.1.", os.EX_NOUSER), ("5.7.", os.EX_NOPERM), ("5.3.0", os.EX_SOFTWARE))
_UNFIT = Reply(451, "4.3.5", "Not set up rightly here; try again later")


def exit_of(reply: Reply) -> int:
    """The exit status for a reply: 0, 75, or one on which an MTA bounces the mail: 65, 67, 70 or 77."""
    if reply.accepts:
        return os.EX_OK
    if reply.passing:
        return os.EX_TEMPFAIL
    return next((status for start, status in _REFUSALS if reply.status.startswith(start)), os.EX_DATAERR)


def line_of(reply: Reply) -> str:
    """The reply as ``STATUS TEXT``, one line of ASCII; "" for success.

    Postfix believes the code more than the exit status, so its class is always that of the reply, whoever wrote that.
    """
    if reply.accepts:
        return ""
    kind = f"{reply.code // 100}."
    status = reply.status if reply.status.startswith(kind) else f"{kind}0.0"
    return Reply(reply.code, status, reply.text).line().partition(" ")[2]


def reply_to(error: Exception) -> Reply:
    """What an MTA is told of an error that is not the mail's: to come again, whatever it is."""
    if isinstance(error, SettingsError | MissingProgram):
        return _UNFIT
    return AWAY if isinstance(error, MailprocError) or of_the_machine(error) else DIED
