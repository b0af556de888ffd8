"""What stands in a configuration for a gateway."""

from __future__ import annotations

import json
from pathlib import Path

HOOK = {"target": "webhook", "url": "https://hooks.example.net/mail", "secret_file": "hook.secret"}


def section(name: str, pattern: str, **options: str) -> str:
    """A gateway that serves the domain of a pattern, as an operator has it; the options are those of its target."""
    domain = pattern.rpartition("@")[2]
    lines = [f'[domains."{domain}"]', f'handler = "{name}"', 'drop = ["bounce", "loop"]', "trust = []"]
    lines += [f"[handler.{name}]", 'use = "gateway"', f'pattern = "{pattern}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in (options or HOOK).items()]
    return "\n".join(["", *lines, ""])


def configured(folder: Path, more: str) -> None:
    """Add to the configuration."""
    with (folder / "mailproc.toml").open("a") as file:
        file.write(more)
