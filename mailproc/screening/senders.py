"""Who claims to have written a mail: a mail system, nobody, or somebody who may be a person.

Only From is looked at (and Sender where there is no From), since lists and relays set Sender for the mail of people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailproc.reading import decode_words, read_addresses, without_comments
from mailproc.screening.reverse_path import is_daemons
from mailproc.screening.verdict import Evidence

_MAX_NAME = 998  # RFC 5322 section 2.1.1

# No person signs with these; sendmail, Postfix, Exim, qmail, Gmail and OpenSMTPD do.
_DAEMONS = {"mailer-daemon", "mailer daemon", "mail delivery subsystem", "mail delivery system"}

# A person may read and write mail here too (RFC 5321 section 4.5.1); the last is Exchange's own mailbox.
_POSTMASTERS = {"postmaster", "mdaemon", "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e"}

_ROBOT = re.compile(r"(?:no|do[-_.]?not)[-_.]?reply\b.*|notifications?|notices?")


def from_daemon(mail: Evidence) -> bool:
    """Whether the mail claims to be from a mailer daemon, by its name or its address."""
    return any(name in _DAEMONS or local in _DAEMONS for name, local in _authors(mail))


def from_mail_system(mail: Evidence) -> bool:
    """Whether it may be from a mail system: a daemon, a postmaster, nobody at all, or with a path that says so.

    That alone is no evidence: a postmaster may be a person.
    """
    if mail.path == "" or is_daemons(mail.path) or from_daemon(mail):
        return True
    return not read_addresses(mail.senders) or any(local in _POSTMASTERS for _, local in _authors(mail))


def from_robot(mail: Evidence) -> bool:
    """Whether nobody reads what is sent to the author, by the name of the address or by the null path.

    That alone is no evidence: people write by way of services that have such addresses.
    """
    return mail.path == "" or any(_ROBOT.fullmatch(local) for _, local in _authors(mail))


def _authors(mail: Evidence) -> Iterator[tuple[str, str]]:
    """The display name and the local part of each author, lower-case; an address without a domain is a local part."""
    for value in mail.senders:
        bare = without_comments(value[:_MAX_NAME])
        name = decode_words(bare.partition("<")[0]).replace('"', " ")
        local = bare.rpartition("<")[2].partition("@")[0].strip(' \t"<>')
        yield " ".join(name.split()).lower(), local.lower()
