"""The documents are complete and true: they name everything that there is, and nothing that is not."""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import mailproc.processing
import mailproc.state
from mailproc import authenticate, pipeline, screening
from mailproc.cli import cli, running
from mailproc.outcome import Disposition
from tests.pages import PAGES, TOP, blocks, named, rows, section
from tests.test_imports import LAYERS

OPERATING = PAGES["docs/operating.md"]
FLOW, PROMISES, ARCHITECTURE = (PAGES[name] for name in ("docs/flow.md", "docs/promises.md", "docs/architecture.md"))

# Links and tests ---------------------------------------------------------------------------------------------------------


def anchors(page: str) -> set[str]:
    """The names by which headings are linked to."""
    headings = [heading.lower().replace("`", "") for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)]
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Every link within the repository has its file, and its heading in there."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", PAGES[name], flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = ((TOP / name).parent / path).resolve() if path else TOP / name
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def names_in(file: Path) -> set[str]:
    """The names of the functions of a file."""
    return {node.name for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", PAGES)
def test_tests_and_files_that_are_cited_exist(name: str) -> None:
    """What a page gives as proof is there, and a file that it names too."""
    for path, test in re.findall(r"`((?:tests|mailproc|migrations)/[\w/.]*)(?:::(\w+))?`", PAGES[name]):
        assert (TOP / path).exists(), path
        assert not test or test in names_in(TOP / path), test


def test_every_promise_has_its_number_and_its_proof() -> None:
    """The ten promises have stable names, and each shows tests."""
    numbers = re.findall(r"^## (\d+)\. \w", PROMISES, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 11)]
    assert PROMISES.count("*How.*") == PROMISES.count("*Shown by* `tests/") == 10


def crash_table(text: str) -> list[str]:
    """The first column of a table in the form of reStructuredText, its folded lines joined."""
    lines = text.split("\n=")[2].splitlines()[1:]
    width = text.partition("\n=")[2].index(" ") + 1
    starts = [line for line in lines if line[:1].strip()]
    return [line[:width].strip() for line in starts]


def test_the_crash_table_is_that_of_the_program() -> None:
    """Both tables have the same rows, and each row on the page names a test."""
    shown = rows(section(FLOW, "If it dies there"))
    assert [row[0] for row in shown] == crash_table(mailproc.processing.__doc__ or "")
    assert all(row[-1].startswith("`tests/") for row in shown)


def test_the_layers_are_those_of_the_program() -> None:
    """The table of layers names all that is in them, and nothing else."""
    for layer, holds, _ in rows(section(ARCHITECTURE, "Layers")):
        assert re.findall(r"`(\w+)`", holds) == LAYERS[layer].split(), layer


def test_the_index_has_every_page() -> None:
    """No document is without a way to it."""
    for file in TOP.glob("docs/**/*.md"):
        assert file.name == "README.md" or f"({file.relative_to(TOP / 'docs')})" in PAGES["docs/README.md"]


# The recipes for their logins name them.
PROVIDERS = {"imap.gmail.com", "smtp.gmail.com", "outlook.office365.com", "smtp.office365.com"}


def test_the_pages_name_nobody_s_machine() -> None:
    """No path of a machine of ours, and no host but those kept for examples (RFC 2606)."""
    for name, page in PAGES.items():
        assert not re.search(r"/(?:root|work|home/(?!you))/", page), name
        hosts = set(re.findall(r"[\w.-]+\.(?:org|com|net|io|dev)\b", re.sub(r"https://\S+", "", page).replace("%40", "@")))
        hosts -= PROVIDERS if name == "docs/oauth2.md" else set()
        assert all(re.search(r"(^|\.)example\.(org|com|net)$", host) for host in hosts), (name, hosts)


# Commands ----------------------------------------------------------------------------------------------------------------


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its name, groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_described(path: tuple[str, ...]) -> None:
    """The page has a heading for every command, or a row, and its options stand there."""
    text = section(OPERATING, f"mailproc {path[0]}").split("\n### ")[0]
    if len(path) > 1:
        text = next(" ".join(row) for row in rows(text) if row[0].startswith(f"`mailproc {' '.join(path)}"))
    for param in COMMANDS[path].params:
        for option in param.opts if isinstance(param, click.Option) else []:
            common = option in {"--config", "-v", "--verbose"}
            assert re.search(rf"`[^`]*{option}\b", OPERATING if common else text), option


@pytest.mark.parametrize("option", ["--version", "--help", "-h"])
def test_common_options_are_described(option: str) -> None:
    """Those of the program itself too."""
    assert re.search(rf"`[^`]*{option}\b", section(OPERATING, "Commands"))


def shown_commands() -> Iterator[tuple[str, str]]:
    """Every command line of mailproc that a page shows in a block, with the name of the page."""
    for name, page in PAGES.items():
        shown = [line for block in blocks(page, "sh", "") for line in block.splitlines() if not line.startswith("$ ")]
        typed = [line for block in blocks(page, "console", "") for line in block.replace("\\\n", " ").splitlines()]
        for line in (*shown, *(line[2:] for line in typed if line.startswith("$ "))):
            if words := re.match(r"(?:\* )*(?:\S*/)?(?:mailproc )?mailproc (.+?)(?:\s+#.*|\s+>.*)?$", line):
                yield name, words[1]


@pytest.mark.parametrize(("page", "line"), list(shown_commands()))
def test_a_command_that_is_shown_exists(page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser takes every command line, with all of its options."""
    monkeypatch.chdir(tmp_path)
    command: click.Command = cli
    words = shlex.split(line)
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    for name in words:
        if re.fullmatch(r"\w+\.(asc|eml)", name):
            (tmp_path / name).touch()
    command.make_context(command.name, words)


def test_pages_show_commands() -> None:
    """The search for them finds those of every kind of block."""
    found = list(shown_commands())
    assert ("README.md", "handle --config $HOME/robot/mailproc.toml") in found
    assert ("docs/operating.md", "completion bash") in found


def test_every_exit_status_is_described() -> None:
    """The numbers that the program may end with are those of the table."""
    table = {int(row[0]) for row in rows(section(OPERATING, "Exit status"))}
    program = "\n".join(file.read_text() for file in (TOP / "mailproc").rglob("*.py"))
    used = {getattr(os, name) for name in re.findall(r"os\.(EX_\w+)", program)}
    assert table == used | {running.INTERRUPTED, running.READER_GONE}


def test_the_events_that_the_page_names_are_logged() -> None:
    """Their words, but for names and numbers, stand in the program."""
    program = "\n".join(file.read_text() for file in (TOP / "mailproc").rglob("*.py"))
    events = [row[1].strip("`") for row in rows(section(OPERATING, "The log"))]
    assert events
    for event in events:
        for words in re.split(r"(?: from)? *\b(?:ADDRESS|NAME|PLAIN|N)\b", event):
            assert words.strip() in program, event


def test_every_disposition_is_described() -> None:
    """The table has each of them, in their order."""
    assert [row[0] for row in rows(section(OPERATING, "What became of it"))] == list(Disposition)


def test_every_file_of_the_state_folder_is_described() -> None:
    """The table and the docstring of the module name the same files."""
    inside = (mailproc.state.__doc__ or "").split("::\n")[1]
    names = re.findall(r"^    ([\w/.-]+(?:, [\w/]+)*)  ", inside, re.MULTILINE)
    assert sorted(named(section(OPERATING, "The state folder"))) == sorted(", ".join(names).split(", "))


# Rules -------------------------------------------------------------------------------------------------------------------

# The call that makes an end, and which of its arguments is the rule.
ENDS = {"Outcome": 2, "failure": 1, "_blank": 2, "ended": 1}


def rules_in(file: Path) -> Iterator[str]:
    """The ids of rules that a file gives to an end as a plain text."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        given = [keyword.value for keyword in node.keywords if keyword.arg == "rule"]
        if name in ENDS:
            given += node.args[ENDS[name] : ENDS[name] + 1]
        yield from (value.value for value in given if isinstance(value, ast.Constant) and value.value)


def test_every_screening_rule_is_described_in_its_order() -> None:
    """The table is the list of rules, with the verdict of each."""
    shown = rows(section(OPERATING, "Screening rules"))
    assert [(row[0].strip("`"), row[1]) for row in shown] == [(rule.id, str(rule.verdict)) for rule in screening.RULES]


def test_every_authentication_rule_is_described() -> None:
    """The table has each of them, and no other."""
    assert sorted(named(section(OPERATING, "Authentication rules"))) == sorted(authenticate.RULE_IDS)


def test_every_other_rule_is_described() -> None:
    """What else ends a message, anywhere in the program, is in the third table."""
    found = {rule for file in (TOP / "mailproc").rglob("*.py") if "demo" not in file.parts for rule in rules_in(file)}
    others = (found | set(pipeline.RULE_IDS)) - set(screening.RULE_IDS) - set(authenticate.RULE_IDS)
    assert {"replay", "gave-up", "database", "examine", "too-large"} <= others, "the search for rules finds too little"
    assert set(named(section(OPERATING, "Other rules"))) == others


def reasons_in(file: Path) -> Iterator[str]:
    """The reasons for which a file says that no answer is sent: the second of a pair, or what follows the common words."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        texts = node.values if isinstance(node, ast.JoinedStr) and "NO_ANSWER" in ast.dump(node) else []
        texts = node.elts[1:] if isinstance(node, ast.Tuple) and len(node.elts) == 2 else texts
        yield from (text.value for text in texts if isinstance(text, ast.Constant))


def test_every_reason_for_no_answer_is_described() -> None:
    """What the ledger says of an answer that was not sent stands on the page."""
    text = " ".join(section(OPERATING, "What the sender is told").split())
    found = [*reasons_in(TOP / "mailproc/answers/permission.py"), *reasons_in(TOP / "mailproc/processing/ending.py")]
    assert {"rate", "answered already"} <= set(found), "the search for reasons finds too little"
    assert [reason for reason in found if reason not in text] == []
