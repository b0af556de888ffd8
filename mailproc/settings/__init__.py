"""The configuration: one TOML file, read into frozen values once and handed on as plain arguments."""

from mailproc.settings.keys import (
    RECIPIENT_HEADERS,
    After,
    Dkim,
    Domain,
    Limits,
    Log,
    Maildrop,
    Openpgp,
    Settings,
    Smtp,
)
from mailproc.settings.loading import SEARCHED, find, load
from mailproc.settings.mailbox import Mailbox
from mailproc.settings.passwords import Secret, password_of
from mailproc.settings.quantities import Seconds, Size
from mailproc.settings.urls import DatabaseUrl, ImapUrl, MaildirUrl, SmtpUrl

__all__ = [
    "RECIPIENT_HEADERS",
    "SEARCHED",
    "After",
    "DatabaseUrl",
    "Dkim",
    "Domain",
    "ImapUrl",
    "Limits",
    "Log",
    "Mailbox",
    "MaildirUrl",
    "Maildrop",
    "Openpgp",
    "Seconds",
    "Secret",
    "Settings",
    "Size",
    "Smtp",
    "SmtpUrl",
    "find",
    "load",
    "password_of",
]
