"""The recipes of docs/receiving.md as files: what stands on the page is what the tests configure real mail servers with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from tests.pages import PAGES, blocks, section

PAGE = PAGES["docs/receiving.md"]


def recipe(heading: str, replacing: Mapping[str, object]) -> dict[str, str]:
    """The files of the recipe below a heading, by name, such as ``main.cf``, for another place than the page's.

    A block of the page that begins with a path in a comment is that file. Every text that is to be replaced must be there,
    or else the tests would try something that the page does not say.
    """
    files: dict[str, str] = {}
    for block in blocks(section(PAGE, heading).partition("\n### ")[0], "conf", "toml"):
        if found := re.match(r"# (/\S+)\n", block):
            name = PurePosixPath(found[1]).name
            files[name] = files.get(name, "") + block[found.end() :]
    assert files, heading
    for old, new in replacing.items():
        assert any(old in text for text in files.values()), (heading, old)
        files = {name: text.replace(old, str(new)) for name, text in files.items()}
    return files
