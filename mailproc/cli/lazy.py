"""A group of commands that imports one only when it is called, and the options that every command has."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

CONFIG = "mailproc.config"


class ReaderGone(Exception):
    """Who reads our stdout has had enough of it."""


class LazyGroup(click.Group):
    """Commands known by their short helps; the command NAME is the attribute NAME of the module mailproc.cli.NAME."""

    def __init__(self, *args: Any, short_helps: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._short_helps = short_helps
        self.params += _common_options()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self._short_helps)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self._short_helps:
            return None
        module = importlib.import_module(f"mailproc.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        _add_common_options(command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a misspelt one gets a hint."""
        name = args[0]
        if name not in self._short_helps and not name.startswith("-") and not ctx.resilient_parsing:
            import difflib  # only an error needs it

            near = difflib.get_close_matches(name, self._short_helps, n=1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click itself would make a closed pipe status 1, which is no other error's but says nothing."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the short helps without importing what they are about."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._short_helps.items()))


def _add_common_options(command: click.Command) -> None:
    """Let --config and -v stand behind the command too, as people write them in a crontab."""
    if not any(param.name == "config" for param in command.params):
        command.params += _common_options()
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _add_common_options(inner)


def _common_options() -> list[click.Parameter]:
    config = click.Path(dir_okay=False, path_type=Path)
    return [
        click.Option(["--config"], type=config, expose_value=False, callback=_remember, help="The configuration file."),
        click.Option(
            ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_speak, help="Write every event to stderr."
        ),
    ]


def _remember(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.meta[CONFIG] = value


def _speak(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from mailproc import logs

        logs.to_stderr(verbose=True)
