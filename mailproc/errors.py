"""The exception tree: who is told, and whether it is tried again.

::

    MailprocError
    +-- SettingsError    the operator's: one line with the fix, exit 78, no mail is touched
    +-- MissingProgram   a program or an extra is not installed: one line with the fix, exit 69
    +-- Transient        something is away: the message is deferred; outside a message, exit 75
    |   +-- Away         a maildrop, the archive, the relay, the database or what gives a login is away, or unfit for now
    |   +-- Locked       another run holds the lock
    +-- LoginRefused     a server said no to our name and password, or token, exit 77
    +-- Rejected         the sender's: told to the sender, no OOPS
    Interrupted          nobody's, and no `MailprocError`: we are to stop, and the message in hand counts as not worked

Anything else that leaves a handler is a bug and becomes an OOPS, whatever its class.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailproc.reply import Reply

_OF_THE_MACHINE = {
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "ENOMEM", "EMFILE", "ENFILE", "ESTALE")
}


class MailprocError(Exception):
    """The root of what mailproc raises on purpose; ``str()`` of it is one line for a person."""


class SettingsError(MailprocError):
    """The configuration, the schema or a plugin is not usable; the text names the key or file and the fix."""


class MissingProgram(MailprocError):
    """A program or an optional package that the configuration needs is not installed."""


class Transient(MailprocError):
    """Something that the message needs is away: it is deferred and tried again (RFC 5321 section 4.5.4.1).

    ``after`` are the seconds to wait at the least, where what is away has said so; it counts for an errand.
    """

    def __init__(self, *words: object, after: float | None = None) -> None:
        super().__init__(*words)
        self.after = None if after is None else float(after)


class Away(Transient):
    """A maildrop, the archive, the relay, the database or what gives a login is out of reach, or unfit for now.

    Raised by a handler's ``perform`` it says that the handler's other errands need not be tried now either.
    """


class Locked(Transient):
    """Another run holds the lock."""


class LoginRefused(MailprocError):
    """A server refused our name and password, or our token; trying again would lock the account."""


class Rejected(MailprocError):
    """The sender's mistake; the text is told to the sender, with the commands that failed, where an answer is allowed.

    ``reply`` is what a client that waits at a door is told in place of the usual ``554``; with ``dsn`` the mail that tells it
    elsewhere is a delivery status notification (RFC 3464).
    """

    def __init__(
        self, reason: str, *, failing_commands: Iterable[str] = (), reply: Reply | None = None, dsn: bool = False
    ) -> None:
        super().__init__(reason)
        self.failing_commands = tuple(failing_commands)
        self.reply = reply
        self.dsn = dsn


class Interrupted(BaseException):
    """We were told to stop and a handler did not end in time; its message was not worked. No error of anybody's."""


def of_the_machine(error: BaseException) -> Away | None:
    """The same as what is away, where it is an error of the machine, such as a full disk; None for what may be a bug of ours.

    For the edges, outside of any message: what a handler lets through is the handler's.
    """
    if not isinstance(error, OSError) or error.errno not in _OF_THE_MACHINE:
        return None
    return Away(f"{error.filename}: {error.strerror}" if error.filename else f"this machine: {error.strerror}")
