"""What docs/receiving.md says beside its recipes: configurations that load."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailproc.settings import load
from mailproc.smtpd.listening import read_listener
from tests.mta.recipes import PAGE
from tests.pages import blocks


@pytest.mark.parametrize("text", blocks(PAGE, "toml"))
def test_a_configuration_that_is_shown_loads(text: str, tmp_path: Path) -> None:
    """The real loader takes every block, and every place to listen can be read."""
    file = tmp_path / "mailproc.toml"
    file.write_text(text)
    settings = load(file, {})
    for place in settings.serve.listen if settings.serve else ():
        read_listener(place)


def test_every_block_of_a_recipe_says_which_file_it_is() -> None:
    """So that nobody has to guess, and the tests need not."""
    for block in blocks(PAGE, "conf", "toml"):
        assert block.startswith("# /etc/"), block
