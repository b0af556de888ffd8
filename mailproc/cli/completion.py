"""`mailproc completion`: completion of commands and options in a shell."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash  mailproc completion bash > ~/.local/share/bash-completion/completions/mailproc
    zsh   mailproc completion zsh > ~/.zfunc/_mailproc        (a folder of $fpath)
    fish  mailproc completion fish > ~/.config/fish/completions/mailproc.fish
    """
    from click.shell_completion import get_completion_class

    from mailproc.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choices above are click's own
    print(kind(cli, {}, "mailproc", "_MAILPROC_COMPLETE").source())
