"""Completion in a real bash, with the script that the program prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli_run.calling import environment

BIN = Path(sys.executable).parent

# What bash does when a person presses the tab key after these words.
ASK = """
source <(mailproc completion bash)
COMP_WORDS=(%s) COMP_CWORD=%d
_mailproc_completion mailproc
printf '%%s\\n' "${COMPREPLY[@]}"
"""


def completed(folder: Path, line: str) -> set[str]:
    """What the last word of ``line`` can become."""
    words = line.split(" ")
    asked = ASK % (" ".join(f"'{word}'" for word in words), len(words) - 1)
    ended = subprocess.run(
        ["/bin/bash", "--norc", "-c", asked],
        cwd=folder,
        env=environment(folder, PATH=f"{BIN}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr == ""
    return set(ended.stdout.split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mailproc h", {"handle", "handlers"}),
        ("mailproc messages re", {"reprocess"}),
        ("mailproc handle --max", {"--max-time"}),
        ("mailproc handle --format j", {"jsonl"}),
        ("mailproc messages list --disposition d", {"dropped", "deferred"}),
        ("mailproc inspect --g", {"--gnupghome"}),
        ("mailproc nothing x", set()),
    ],
)
def test_commands_options_and_choices_are_completed(line: str, words: set[str], tmp_path: Path) -> None:
    """Without a configuration, and without touching anything."""
    assert completed(tmp_path, line) == words
