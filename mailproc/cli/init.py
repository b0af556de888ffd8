"""`mailproc init`: the first configuration, and what it names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import click

from mailproc.cli.configured import settings_of
from mailproc.cli.lazy import CONFIG
from mailproc.cli.listing import done
from mailproc.errors import SettingsError
from mailproc.settings.mailbox import read_mailbox
from mailproc.settings.urls import read_database_url, read_maildrop_url, read_smtp_url

# (section, key) to its value, None for a key that becomes a comment.
Values = dict[tuple[str, str], str | None]


def _as(read: Callable[[str], object]) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """A callback that refuses what ``read`` refuses, before anything is written."""

    def check(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        try:
            if value is not None:
                read(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None
        return value

    return check


_database = _as(lambda text: read_database_url(text, Path()))
_maildrop = _as(lambda text: read_maildrop_url(text, Path()))
_smtp = _as(read_smtp_url)
_mailbox = _as(read_mailbox)


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Where database, archive and state go.")
@click.option("--database", callback=_database, metavar="URL", help="Another database than SQLite.")
@click.option("--maildrop-url", callback=_maildrop, metavar="URL", help="As imaps://USER@HOST/INBOX.")
@click.option("--smtp-url", callback=_smtp, metavar="URL", help="As smtp+starttls://USER@HOST; needs --from.")
@click.option("--from", "sender", callback=_mailbox, metavar="ADDR", help="Whom our mail is from.")
@click.option("--admin", callback=_mailbox, metavar="ADDR", help="Whom senders may ask for help.")
@click.option("--domain", metavar="DOMAIN", help="A domain to serve; needs --handler.")
@click.option("--handler", metavar="NAME", help="Who serves it.")
@click.pass_context
def init(ctx: click.Context, /, data: Path | None, database: str | None, **given: str | None) -> None:
    """Write a commented configuration, and make the database, the archive and the state folder.

    It asks nothing and overwrites nothing. What is not given is left in comments, to be filled in.
    """
    for one, other, options in (
        ("smtp_url", "sender", "--smtp-url and --from"),
        ("domain", "handler", "--domain and --handler"),
    ):
        if (given[one] is None) != (given[other] is None):
            raise click.UsageError(f"{options} go together.")
    file = Path(ctx.meta.get(CONFIG) or os.environ.get("MAILPROC_CONFIG") or "mailproc.toml")
    example = files("mailproc.settings").joinpath("example.toml").read_text()
    _create(file, "\n".join(_filled(example, {**_places(data, database), **_values(given)}, given)) + "\n")
    try:
        _make(ctx, file)
    except BaseException:
        file.unlink()
        raise
    done(f"{file} written; fill in what is in comments there, then type: mailproc --config {file} check")


def _make(ctx: click.Context, file: Path) -> None:
    from mailproc.cli.db import make_all

    ctx.meta[CONFIG] = file
    make_all(settings_of(ctx))


def _create(file: Path, text: str) -> None:
    """Write a new file that only its user can read: a password may get into it one day."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise SettingsError(f"{file}: is there already, and is not overwritten; for another one type: --config FILE") from None
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


def _places(data: Path | None, database: str | None) -> Values:
    places: Values = {}
    if data is not None:
        folder = data.absolute()
        places = {("", "archive"): str(folder / "archive"), ("", "state"): str(folder / "state")}
        places["", "database"] = f"sqlite:///{folder / 'mailproc.db'}"
    if database is not None:
        places["", "database"] = database
    return places


def _values(given: Mapping[str, str | None]) -> Values:
    values: Values = {
        ("maildrop", "url"): given["maildrop_url"],
        ("smtp", "url"): given["smtp_url"],
        ("smtp", "from"): given["sender"],
        ("smtp", "admin"): given["admin"],
        ("domains", "handler"): given["handler"],
    }
    for section in ("maildrop", "smtp"):
        if "@" not in (values[section, "url"] or "").partition("//")[2]:  # without a user name there is no password
            values[section, "password_file"] = None
    return values


def _filled(example: str, values: Values, given: Mapping[str, str | None]) -> Iterator[str]:
    """The lines of the example with the values put in; a section for which nothing was given becomes a comment."""
    needs = {"maildrop": given["maildrop_url"], "smtp": given["smtp_url"], "domains": given["domain"]}
    section = ""
    for line in example.splitlines():
        if line.startswith("["):
            section = line.strip("[]").partition(".")[0]
        key, equals, _ = line.partition(" = ")
        if not line or line.startswith("#"):
            yield line
        elif section in needs and needs[section] is None:
            yield f"# {line}"
        elif line.startswith("[domains."):
            yield f"[domains.{_quoted(given['domain'])}]"
        elif not equals or (section, key) not in values:
            yield line
        else:
            value = values[section, key]
            yield f"# {line}" if value is None else f"{key} = {_quoted(value)}"


def _quoted(value: str | None) -> str:
    """A basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(value, ensure_ascii=False)
