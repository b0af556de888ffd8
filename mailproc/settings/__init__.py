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
from mailproc.settings.oauth2 import Oauth2
from mailproc.settings.passwords import Secret, first_given
from mailproc.settings.quantities import Seconds, Size
from mailproc.settings.serving import Serve
from mailproc.settings.urls import DatabaseUrl, ImapUrl, MaildirUrl, MboxUrl, Pop3Url, SmtpUrl

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
    "MboxUrl",
    "Oauth2",
    "Openpgp",
    "Pop3Url",
    "Seconds",
    "Secret",
    "Serve",
    "Settings",
    "Size",
    "Smtp",
    "SmtpUrl",
    "find",
    "first_given",
    "load",
]
