"""`mailproc send`: write a mail and send it, as an administrator does to try a list, a gateway or a relay."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

import click

from mailproc.cli.addresses import address, is_storable, reverse_path
from mailproc.cli.configured import settings_if_any
from mailproc.cli.listing import done, safe

if TYPE_CHECKING:
    from mailproc.settings import Settings
    from mailproc.submission import Relay, Submitted

_NAME = re.compile(r"[!-9;-~]{1,77}")  # of a field (RFC 5322 section 2.2)
_OURS = frozenset({"bcc", "mime-version"})  # and all of Content-: a blind copy is a --recipient
# Without blanks and angle brackets, as a command of SMTP carries it (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
_ADDRESS = re.compile(r"[^\s<>@\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]+@[^\s<>@\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]+")
_DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@{_DOT_ATOM}>")  # RFC 5322 section 3.6.4, without its obsolete forms

log = logging.getLogger("mailproc")


@click.command()
@click.option("-F", "--sender", metavar="ADDRESS", help='The reverse path, "<>" for the null path; that of From unless given.')
@click.option("-T", "--recipient", "recipients", multiple=True, metavar="ADDRESS", help="The envelope's; all of --to and --cc.")
@click.option("-f", "--from", "author", metavar="MAILBOX", help="From, as Ann <ann@example.org>; [smtp] from unless given.")
@click.option("-t", "--to", multiple=True, metavar="MAILBOX", help="To; may be given several times, as may the next two.")
@click.option("-c", "--cc", multiple=True, metavar="MAILBOX", help="Cc.")
@click.option("-I", "--header", "headers", nargs=2, multiple=True, metavar="NAME VALUE", help="One more field.")
@click.option("-s", "--subject", default="", metavar="TEXT", help="Subject.")
@click.option("--encoding", default="utf-8", show_default=True, metavar="CHARSET", help="Of what stands on stdin.")
@click.option("--relay", "url", metavar="URL", help="Instead of [smtp] url: smtp://HOST:PORT or HOST:PORT, without a login.")
@click.option("-n", "--dry-run", is_flag=True, help="Print the mail; send nothing.")
@click.pass_context
def send(
    ctx: click.Context,
    sender: str | None,
    recipients: tuple[str, ...],
    author: str | None,
    to: tuple[str, ...],
    cc: tuple[str, ...],
    headers: tuple[tuple[str, str], ...],
    subject: str,
    encoding: str,
    url: str | None,
    dry_run: bool,
) -> int:
    """Write a mail and send it; its text is read from standard input.

    \b
    echo "Is anybody there?" | mailproc send -t all@lists.example.org -s Test

    Exit status: 0 taken for all recipients, 69 refused for one, 75 one must be tried again or the relay is away, 77 it refused
    our login.
    """
    settings = settings_if_any(ctx)
    author = author or (str(settings.smtp.sender) if settings and settings.smtp else None)
    if author is None:
        raise click.UsageError("There is no [smtp] from; say who writes, with --from.")
    mail = _composed(author, to, cc, subject, headers, _text(encoding))
    envelope = [address(each) for each in recipients] or _addresses([*to, *cc])
    if not envelope:
        raise click.UsageError("Nobody is to get it; name somebody with --to or --recipient.")
    path = reverse_path(sender) if sender is not None else _addresses([author])[0]
    for each in [*envelope, *([path] if path else [])]:
        if not _ADDRESS.fullmatch(each):
            raise click.UsageError(f"{safe(each)} is no address; write it like ann@example.org.")
    if dry_run:
        click.echo(mail.as_string(policy=SMTP.clone(linesep="\n")), nl=False)
        return os.EX_OK
    with _relay(settings, url) as relay:
        submitted = _submitted(relay, path, envelope, mail.as_bytes(policy=SMTP))
    return _told(dict(zip(envelope, submitted, strict=True)))


def _text(encoding: str) -> str:
    if sys.stdin.isatty():
        click.echo("The text; end it with Ctrl-D.", err=True)
    octets = sys.stdin.buffer.read()
    try:
        text = octets.decode(encoding)
        text.encode()  # what a codec may give and no mail can hold: halves of surrogate pairs
    except LookupError:
        raise click.UsageError(f"--encoding {safe(encoding)}: there is no such charset; say utf-8.") from None
    except UnicodeError as error:
        place = f" (octet {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise click.UsageError(f"stdin is not {safe(encoding)}{place}; name its charset with --encoding.") from None
    return text.replace("\r\n", "\n")


def _composed(
    author: str, to: Sequence[str], cc: Sequence[str], subject: str, headers: Sequence[tuple[str, str]], text: str
) -> EmailMessage:
    mail = EmailMessage(SMTP)
    given = [("From", author), *_joined("To", to), *_joined("Cc", cc), ("Subject", subject), *headers]
    for name, value in given:
        _add(mail, name, value)
    international = [each for name in ("From", "To", "Cc") for each in _addresses(mail.get_all(name, [])) if not each.isascii()]
    if international:  # an encoded word may not stand in an address (RFC 2047 section 5)
        raise click.UsageError(
            f"{safe(international[0])}: an address in a header must be ASCII here; name it with --recipient."
        )
    domain = _addresses([author])[0].rpartition("@")[2]
    now = datetime.now(UTC)
    for name, value in (("Date", format_datetime(now)), ("Message-ID", f"<{now:%Y%m%d%H%M%S.%f}.{os.getpid()}@{domain}>")):
        if name not in mail:
            mail[name] = value
    if not getattr(mail["Date"], "datetime", None):
        raise click.UsageError("Date is none; write it like Sat, 21 Nov 2026 12:00:00 +0000.")
    if not _MESSAGE_ID.fullmatch(str(mail["Message-ID"])):
        raise click.UsageError(f"Message-ID {safe(str(mail['Message-ID']))} is none; write it like <word.word@example.org>.")
    mail.set_content(text, cte="quoted-printable" if not text.isascii() else None)
    return mail


def _joined(name: str, mailboxes: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, ", ".join(mailboxes))] if mailboxes else []


def _add(mail: EmailMessage, name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("content-"):
        raise click.UsageError(f"--header {safe(name)}: no field can be added under this name.")
    if not is_storable(value):
        raise click.UsageError(f"{name}: {safe(value)!r} is not one line of text.")
    try:
        mail[name] = value
    except ValueError as error:
        raise click.UsageError(f"{name}: {safe(str(error))}; give it once.") from None


def _addresses(mailboxes: Sequence[str]) -> list[str]:
    """The addresses in these; raises UsageError for one that has none."""
    from mailproc.reading import read_addresses

    found = list(map(str, read_addresses(mailboxes)))
    if mailboxes and not found:
        raise click.UsageError(f"{safe(mailboxes[0])} has no address; write it like Ann <ann@example.org>.")
    return found


def _relay(settings: Settings | None, url: str | None) -> Relay:
    from mailproc.app import make_relay
    from mailproc.settings.urls import read_smtp_url
    from mailproc.submission import Relay

    if url is not None:
        try:
            found = read_smtp_url(url if "://" in url else f"smtp://{url}")
        except ValueError as error:
            raise click.UsageError(f"--relay: {error}.") from None
        if found.username:
            raise click.UsageError("--relay takes no user name: a password has no place on a command line; use [smtp].")
        return Relay(found.host, found.port, security=found.security)
    relay = make_relay(settings) if settings else None
    if relay is None:
        raise click.UsageError("There is no [smtp]; name a relay, as --relay 127.0.0.1:25.")
    return relay


def _submitted(relay: Relay, path: str, recipients: list[str], raw: bytes) -> list[Submitted]:
    """What became of it for each; who was left over, because the relay takes few at once, goes in the next transaction."""
    told: dict[str, Submitted] = {}
    while left := [each for each in recipients if each not in told or told[each].kind == "left"]:
        told |= dict(zip(left, relay.send(path, left, raw), strict=True))
    return [told[each] for each in recipients]


def _told(submitted: dict[str, Submitted]) -> int:
    for recipient, each in submitted.items():
        if each.kind == "sent":
            done(f"{recipient}: {each.reply}")
        else:
            log.error("%s: %s: %s", safe(recipient), "refused" if each.kind == "refused" else "not taken now", each.reply)
    kinds = {each.kind for each in submitted.values()}
    return os.EX_UNAVAILABLE if "refused" in kinds else os.EX_TEMPFAIL if kinds - {"sent"} else os.EX_OK
