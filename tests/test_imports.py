"""The direction of imports: values know nobody, edges know everybody, and no file is too long to be read.

A new module needs a place in `LAYERS`. It may import what stands before it: earlier layers, and earlier in its own one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mailproc

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "mailproc"

# `mailproc` itself is mailproc/__init__.py, the public API.
LAYERS = {
    "values": "failpoints durability reply errors address defaults envelope principal outcome errand directory transport "
    "reading rawmail",
    "decisions": "patience screening delivery handler registry recipients answers oops replies mailproc",
    "adapters": "maildrops openpgp dkim database archive submission smtpd oauth2",
    "middle": "authenticate pipeline inspection processing",
    "edges": "origin exits inputfile settings plugins userfile dnsfile systemd crowd debts pending state ownership privileges "
    "logs logins drops worker supervisor postmaster app rehearsal shift run reception pipe letters inject watching serve "
    "secrets columns checkup ends commands gateway forward report testing demo cli __main__",
}
ORDER = [name for names in LAYERS.values() for name in names.split()]

# Each adapter wraps a library of its own and knows no other adapter.
APART = set(LAYERS["adapters"].split())
WRAPPED = {
    "imapclient": "maildrops",
    "gnupg": "openpgp",
    "alembic": "database",
    "smtplib": "submission",
    "aiosmtpd": "smtpd",
    "poplib": "maildrops",
    "quotequail": "reading",
    "pysequoia": "openpgp",
    "dkim": "dkim",
    "dns": "dkim",
    "authres": "dkim",
    "http": "oauth2",
    "nh3": "reading",
    "markdownify": "reading",
    "lxml": "reading",
    "urllib3": "gateway",
    "srslib": "forward",
}
SHARED = {"alembic": {"gateway", "forward"}}  # what the migrations of a plugin are made of

# The shipped handlers know what every handler's author may know, and each other not at all.
SHIPPED = {"gateway", "forward", "commands"}
DKIM = {("mailproc", "dkim", "txt"), ("mailproc", "dkim", "sealing")}  # of the adapter what is theirs too: look-ups, and ARC
OPEN = {"mailproc", "address", "errors", "transport", "reading", "rawmail", "secrets", "columns", "commands", "failpoints"}

DUMPING_GROUNDS = {"util", "utils", "helper", "helpers", "common", "core", "manager", "managers", "base", "misc", "lib"}
LONGEST = 250
LONGER: dict[str, int] = {}

PUBLIC = set(mailproc.__all__)  # `handler` is a name of the API and a module, too

FILES = sorted(PACKAGE.rglob("*.py"))
SHOWN = [str(file.relative_to(TOP)) for file in FILES]


def unit_of(parts: tuple[str, ...]) -> str:
    """The name in `LAYERS` that a module of the package belongs to."""
    return parts[0] if parts and parts[0] else "mailproc"


def parts_of(file: Path) -> tuple[str, ...]:
    """The dotted name of a file below the package, without ``mailproc``."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every import of a file, at its top or inside of a function, as line and dotted name."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, tuple(alias.name.split("."))) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            module = tuple((node.module or "").split("."))
            public = module == ("mailproc",)
            yield from (
                (node.lineno, module if public and alias.name in PUBLIC else (*module, alias.name)) for alias in node.names
            )


def own(name: tuple[str, ...]) -> str | None:
    """The unit that an imported name belongs to, None when it is not ours."""
    if name[0] != "mailproc":
        return None
    first = name[1] if len(name) > 1 else ""
    is_module = (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file()
    return first if first and is_module else "mailproc"


@pytest.mark.parametrize("file", FILES, ids=SHOWN)
def test_a_module_has_its_place(file: Path) -> None:
    """Every module belongs to a layer."""
    assert unit_of(parts_of(file)) in ORDER, "give it a place in LAYERS"


@pytest.mark.parametrize("file", FILES, ids=SHOWN)
def test_a_module_imports_only_what_stands_before_it(file: Path) -> None:
    """No import points from a value to an edge, and no adapter knows another."""
    unit = unit_of(parts_of(file))
    for line, name in imported(file):
        target = own(name)
        if target is None or target == unit:
            continue
        where = f"{file.relative_to(TOP)}:{line}: {unit} imports {target}"
        assert ORDER.index(target) < ORDER.index(unit), where
        assert not (unit in APART and target in APART), f"{where}: adapters know no other"


@pytest.mark.parametrize("file", FILES, ids=SHOWN)
def test_a_library_is_imported_by_its_wrapper_alone(file: Path) -> None:
    """What maps a library's errors to ours is in one place."""
    unit = unit_of(parts_of(file))
    for line, name in imported(file):
        wrapper = WRAPPED.get(name[0], unit)
        may = {wrapper, "testing", "demo"} | SHARED.get(name[0], set())
        assert unit in may, f"{file.relative_to(TOP)}:{line}: {name[0]} belongs to {wrapper}"


@pytest.mark.parametrize("file", [file for file in FILES if unit_of(parts_of(file)) in SHIPPED], ids=lambda file: file.name)
def test_a_shipped_handler_is_written_against_the_public_api(file: Path) -> None:
    """Whoever writes a handler of their own can do all that these do."""
    unit = unit_of(parts_of(file))
    for line, name in imported(file):
        allowed = own(name) in {None, unit, *OPEN} or name[:3] in DKIM
        assert allowed, f"{file.relative_to(TOP)}:{line}: {'.'.join(name)} is not public"


@pytest.mark.parametrize("file", FILES, ids=SHOWN)
def test_a_file_can_be_read_at_one_sitting(file: Path) -> None:
    """A file that grows over the limit is two nouns."""
    lines = len(file.read_text().splitlines())
    assert lines <= LONGER.get(str(file.relative_to(TOP)), LONGEST), f"{lines} lines"


@pytest.mark.parametrize("file", FILES, ids=SHOWN)
def test_a_module_is_named_after_its_noun(file: Path) -> None:
    """There is no dumping ground."""
    assert not DUMPING_GROUNDS & set(parts_of(file))


def test_every_place_is_taken_once() -> None:
    """No name stands twice in the table, and none that is not there any more."""
    assert sorted(ORDER) == sorted({unit_of(parts_of(file)) for file in FILES})


def test_examples_use_the_public_api_alone() -> None:
    """What a handler's author may import is what the package itself offers, its public parts, and the testing kit."""
    for file in sorted(TOP.glob("examples/**/*.py")):
        for line, name in imported(file):
            allowed = {None, "mailproc", "testing", "reading", "rawmail", "secrets", "columns", "commands", "forward"}
            assert own(name) in allowed, f"{file.relative_to(TOP)}:{line}: imports {'.'.join(name)}"
