"""Opening a configured maildrop; nothing heavier is imported than the kind of maildrop needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailproc.errors import SettingsError
from mailproc.logins import login_of
from mailproc.maildrops import Maildrop as Drop
from mailproc.settings import ImapUrl, MaildirUrl, Maildrop, MboxUrl, Pop3Url

if TYPE_CHECKING:
    from mailproc.maildrops.account import Account


def open_drop(maildrop: Maildrop, *, readonly: bool = False) -> Drop:
    """The maildrop, connected and selected.

    Raises `Away`, `LoginRefused` or `SettingsError`, each with one line that names the maildrop.
    """
    match maildrop.url:
        case ImapUrl() as url:
            from mailproc.maildrops.imap import open_imap

            return open_imap(_account(maildrop, url), url.folder, readonly=readonly)
        case MaildirUrl(path):
            from mailproc.maildrops.maildir import MaildirDrop

            return MaildirDrop(maildrop.name, path)
        case Pop3Url() as url:
            from mailproc.maildrops.pop3 import Pop3Drop

            return Pop3Drop(_account(maildrop, url))
        case MboxUrl(path):
            from mailproc.maildrops.mbox import MboxDrop

            return MboxDrop(maildrop.name, path)
        case unknown:
            raise SettingsError(f"{maildrop.name}: nothing here opens a maildrop of the kind {type(unknown).__name__}")


def _account(maildrop: Maildrop, url: ImapUrl | Pop3Url) -> Account:
    from mailproc.maildrops.account import Account

    return Account(
        maildrop.name,
        url.host,
        url.port,
        url.security,
        url.username,
        login_of(maildrop, f"maildrop {maildrop.name}"),
        str(maildrop.ca_file) if maildrop.ca_file else None,
    )


def has_mail(maildrop: Maildrop) -> bool:
    """Whether anything waits there; the cheap question with which every run begins."""
    match maildrop.url:
        case Pop3Url() as url:
            from mailproc.maildrops import pop3_session

            return pop3_session.has_mail(_account(maildrop, url))
        case MboxUrl(path):
            from mailproc.maildrops import mbox

            return mbox.has_mail(maildrop.name, path)
    drop = open_drop(maildrop, readonly=True)
    try:
        return bool(drop.uids())
    finally:
        drop.close()
