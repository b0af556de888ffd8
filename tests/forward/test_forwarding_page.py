"""The page for those who run lists is true: its configurations load, its commands print what it shows, its code works."""

from __future__ import annotations

import dataclasses
import re
import shlex
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import mailproc.forward
from mailproc.forward.checks import CHECKS
from mailproc.forward.handler import Forwarder
from mailproc.forward.tunnel.handler import Tunnel
from mailproc.plugins import resolve
from mailproc.settings import load
from mailproc.testing import PostOffice, make_mail
from tests.cli.conftest import call, site
from tests.cli.keys import Call
from tests.forward.signing import key
from tests.pages import PAGES, blocks, named, rows, section

__all__ = ["call", "site"]

PAGE = PAGES["docs/forwarding.md"]
CONFIGURATIONS = blocks(PAGE, "toml")


@pytest.fixture(scope="module")
def office_module() -> Iterator[types.ModuleType]:
    """All code of the page, as the module ``office`` that its configurations name."""
    module = types.ModuleType("office")
    sys.modules["office"] = module
    for text in blocks(PAGE, "python"):
        exec(compile(text, "docs/forwarding.md", "exec", dont_inherit=True), module.__dict__)
    yield module
    del sys.modules["office"]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_on_the_page_loads(office_module: types.ModuleType, tmp_path: Path, text: str) -> None:
    """The real loader takes it, and its handler is there and takes its options."""
    for name, content in (("srs-secret", b"correct horse battery\n"), ("arc.pem", key("list"))):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "mailproc.toml").write_text(text)
    settings = load(tmp_path / "mailproc.toml", {})
    bound = [resolve(domain.handler, settings.handlers, tmp_path) for domain in settings.domains.values()]
    assert {type(each.handler) for each in bound} <= {Forwarder, Tunnel}


def options_of(handler: type) -> dict[str, str]:
    """The options of a handler, and what each is unless given, as the page writes it."""

    def written(field: dataclasses.Field[object]) -> str:
        if field.default is dataclasses.MISSING:
            return "must be given"
        if field.default in ("", None):
            return "none"
        return f"`{tomllib_text(field.default)}`"

    return {f"`{field.name}`": written(field) for field in dataclasses.fields(handler)}


def tomllib_text(value: object) -> str:
    """A value as it stands in TOML."""
    texts = {"True": "true", "False": "false", "()": "[]"}
    return texts.get(str(value), f'"{value}"')


@pytest.mark.parametrize(("heading", "handler"), [("All options of forward", Forwarder), ("A class for emailtunnel", Tunnel)])
def test_every_option_is_described(heading: str, handler: type) -> None:
    """The table has each of them, in their order, with what it is unless given."""
    assert [(row[0], row[1]) for row in rows(section(PAGE, heading))] == list(options_of(handler).items())


def test_every_check_is_described() -> None:
    """In the order in which the program names them."""
    assert named(section(PAGE, "What is refused")) == list(CHECKS)


def test_every_name_that_is_imported_is_described() -> None:
    """What `mailproc.forward` has for authors of resolvers, and the fields of a group."""
    text = section(PAGE, "A resolver of your own")
    assert named(text) == mailproc.forward.__all__
    (group,) = [row[1] for row in rows(text) if row[0] == "`Group`"]
    assert re.findall(r"`(\w+)`", group) == [field.name for field in dataclasses.fields(mailproc.forward.Group)]


def test_the_choices_are_those_of_the_program() -> None:
    """The tables of `envelope_from` and `from_policy` have them all."""
    hints = get_type_hints(Forwarder)
    for heading, option in (("Who hears of failures", "envelope_from"), ("Whose From", "from_policy")):
        told = set(named(section(PAGE, heading))) - {"verp"}
        assert told == set(get_args(hints[option]))


def test_the_commands_print_what_the_page_shows(site: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as on a terminal, which is told of what was done."""
    monkeypatch.setattr("mailproc.cli.list.done", print)
    shown = "".join(blocks(PAGE, "console"))
    dialogues = re.findall(r"^\$ mailproc (.*)\n((?:(?!\$ ).*\n)*)", shown, re.MULTILINE)
    assert len(dialogues) == shown.count("$ ") > 5
    for line, printed in dialogues:
        ended = site(*shlex.split(line))
        assert (ended.status, ended.out, ended.err) == (0, printed, ""), line


def test_the_addresses_reach_whom_the_page_says(site: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list in a list, and the longest name that there is."""
    site("list", "new", "board")
    site("list", "new", "choir")
    site("list", "new", "choir-guests")
    site("list", "add", "board", "ann@example.org", "bob@example.net")
    site("list", "add", "choir", "bob@example.net", "cyd@example.org")
    site("list", "add", "choir-guests", "ann@example.org")
    assert site("list", "new", "all").status == site("list", "add", "all", "@board", "@choir").status == 0
    reached = {
        local: [row["address"] for row in site("list", "show", local, "--format", "jsonl").rows]
        for local in ("choir-board", "board+choir-guests", "+all")
    }
    assert reached == {
        "choir-board": ["cyd@example.org"],
        "board+choir-guests": ["ann@example.org", "bob@example.net"],
        "+all": ["ann@example.org", "bob@example.net", "cyd@example.org"],
    }


def test_the_code_on_the_page_forwards_mail(office_module: types.ModuleType) -> None:
    """The resolver and the class, with the options that stand beside them."""
    options = {name: table for text in CONFIGURATIONS for name, table in tomllib.loads(text)["handler"].items()}
    desks = {name: value for name, value in options["desks"].items() if name != "use"}
    with PostOffice(migrations="forward") as office:
        office.bind("office.example.org", options["desks"]["use"], desks, drop=["loop"], trust=())
        office.bind("old.example.org", "tunnel", options["tunnel"], drop=["loop"], trust=())
        sales = office.deliver(make_mail(to="sales@office.example.org", subject="A desk"))
        assert [sent.to for sent in sales.sent] == ["ann@example.org", "bob@example.net"]
        assert office.submit(make_mail(to="cellar@office.example.org")).line() == "550 5.1.1 there is no desk cellar"
        board = office.deliver(make_mail(to="board@old.example.org", subject="Minutes"), reverse_path="sue@example.com")
        assert {(sent.subject, sent.reverse_path) for sent in board.sent} == {("[board] Minutes", "admin@office.example.org")}
        assert office.submit(make_mail(to="nobody@old.example.org")).code == 550
