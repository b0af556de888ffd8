"""`mailproc serve`: take mail in by SMTP and LMTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailproc.cli.lazy import CONFIG
from mailproc.cli.listing import done

if TYPE_CHECKING:
    from mailproc.settings import Serve, Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


class _Size(click.ParamType[int]):
    """Such as ``25 MiB``, or a number of octets, as aiosmtpd has it."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The size that the operator wrote."""
        from mailproc.settings.quantities import read_size  # not for --help

        try:
            size = int(str(value)) if str(value).isdecimal() else read_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return size or self.fail(f"{value!r} is too small", param, ctx)


@click.command()
@click.argument("classargs", nargs=-1)
@click.option(
    "-l",
    "--listen",
    multiple=True,
    metavar="[SCHEME://]HOST:PORT",
    help="Or [SCHEME:]unix:/PATH, with smtp, smtps or lmtp; may be given again.",
)
@click.option("--lmtp", is_flag=True, help="Speak LMTP where --listen names no scheme.")
@click.option("--mode", type=click.Choice(["inline", "spool"]), help="Work before the reply, or make durable and work later.")
@click.option("--work/--no-work", default=None, help="Work what was taken over and send answers here, or leave it to cron.")
@click.option("--tls-cert", "--tlscert", type=_FILE, help="PEM, with its chain; STARTTLS is offered.")
@click.option("--tls-key", "--tlskey", type=_FILE, help="PEM, without a passphrase.")
@click.option("--smtpscert", type=_FILE, help="As --tls-cert, and TLS from the first octet where --listen names no scheme.")
@click.option("--smtpskey", type=_FILE, help="The key that goes with it.")
@click.option("--require-tls/--no-requiretls", default=None, help="Refuse mail before STARTTLS, or do not.")
@click.option("-s", "--size", type=_Size(), help="The largest message.  [default: max_size]")
@click.option("--user", help="Whom to become when started by root.")
@click.option("-n", "--nosetuid", is_flag=True, help="Stay who we are.")
@click.option(
    "-c",
    "--class",
    "brought",
    metavar="MODULE:CLASS",
    help="Hand the mail to a handler for aiosmtpd or smtpd instead; no configuration, ledger or archive is used then.",
)
@click.option("-u", "--smtputf8", is_flag=True, hidden=True, help="It is always offered.")
@click.option("-d", "--debug", count=True, help="Write the dialogue to stderr; -dd also the messages.")
@click.pass_context
def serve(ctx: click.Context, /, **given: Any) -> int:
    """Take mail in by SMTP or LMTP, on loopback unless told otherwise.

    With --mode inline the reply tells what became of the mail; with --mode spool a mail is durable before its 250, and is
    worked at once after it. Domains and their handlers are those of the configuration. What stands in its section [serve]
    can be said here too, and counts more.

    SIGTERM and Ctrl-C let every message that has been sent whole get its reply, within 10 seconds.

    \b
    Exit status:
       0  it was told to stop
      69  aiosmtpd, or another package that is needed, is not installed
      70  a bug of ours
      75  the database or this machine is not fit for now
      78  the configuration, the schema, a plugin, an address or a certificate
          is not usable
    """
    from mailproc.smtpd import require_aiosmtpd
    from mailproc.systemd import service

    require_aiosmtpd()
    if given["classargs"] and not given["brought"]:
        raise click.UsageError("CLASSARGS belong to --class")
    _heed_dialogue(given["debug"])
    if given["brought"]:
        return _serve_guest(given)
    from mailproc.serve import serve_mail
    from mailproc.settings import load

    settings = load(ctx.meta.get(CONFIG), os.environ)
    told = _told(settings.serve, given)
    return serve_mail(
        _with(settings, told, given["size"]), service(os.environ), done, lmtp=given["lmtp"], stay=given["nosetuid"]
    )


def _told(serve: Serve | None, given: dict[str, Any]) -> Serve:
    """The section ``[serve]`` with what the command line says; raises `SettingsError` as the section does."""
    from msgspec.structs import replace

    from mailproc.errors import SettingsError
    from mailproc.settings import Serve
    from mailproc.smtpd.listening import by_tls

    wanted = {
        "listen": tuple(given["listen"]),
        "mode": given["mode"],
        "work": given["work"],
        "tls_cert": given["smtpscert"] or given["tls_cert"],
        "tls_key": given["smtpskey"] or given["tls_key"],
        "require_tls": given["require_tls"],
        "user": given["user"],
    }
    try:
        told = replace(serve or Serve(), **{key: value for key, value in wanted.items() if value not in (None, ())})
    except ValueError as error:
        raise SettingsError(f"serve{error}") from None
    return replace(told, listen=tuple(map(by_tls, told.listen))) if given["smtpscert"] else told


def _with(settings: Settings, serve: Serve, size: int | None) -> Settings:
    from msgspec.structs import replace

    from mailproc.settings import Size

    return replace(settings, serve=serve, max_size=Size(size) if size else settings.max_size)


def _serve_guest(given: dict[str, Any]) -> int:
    """Without a configuration: the handler is all there is."""
    from mailproc.envelope import MAX_SIZE
    from mailproc.reception.guests import serve_guest
    from mailproc.systemd import service

    return serve_guest(
        _told(None, given),
        given["brought"],
        given["classargs"],
        max_size=given["size"] or MAX_SIZE,
        service=service(os.environ),
        lmtp=given["lmtp"],
        stay=given["nosetuid"],
        say=done,
    )


def _heed_dialogue(asked: int) -> None:
    """Write what clients say and are told to stderr, without passwords, for who asks for it."""
    import logging

    from mailproc import logs

    if asked:
        logs.to_stderr(verbose=True)
    logging.getLogger("mailproc.dialogue").setLevel({0: logging.WARNING, 1: logging.INFO}.get(asked, logging.DEBUG))
