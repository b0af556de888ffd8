"""The page for handler authors is true: its code runs, its configuration loads, and nothing that is promised is missing."""

import ast
import dataclasses
import re
import sys
import tomllib
import types
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mailproc
import mailproc.testing
from mailproc import Delivery
from mailproc.plugins import resolve
from mailproc.settings import load
from mailproc.testing import Delivered, PostOffice, Sent, SigningKey, make_mail

TOP = Path(__file__).parents[1]
PAGE = (TOP / "docs" / "handlers.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
TOML = [tomllib.loads(text) and text for language, text in BLOCKS if language == "toml"]
CONFIGURATIONS = [text for text in TOML if "[project" not in text]
AT = [datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (2, 1)]  # the same signature twice would be a replay
NOTES = TOP / "examples" / "notes"


@pytest.fixture(scope="module")
def printing() -> Iterator[types.ModuleType]:
    """All code of the page, run from its top to its end, as the module ``printing`` that its configuration names."""
    module = types.ModuleType("printing")
    sys.modules["printing"] = module
    for text in PYTHON:
        exec(compile(text, "docs/handlers.md", "exec", dont_inherit=True), module.__dict__)
    yield module
    del sys.modules["printing"]


def test_the_page_has_code_of_both_kinds() -> None:
    """Every block says what it is, so that none is passed over."""
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert {language for language, _ in BLOCKS} == {"python", "toml"}
    assert TOML != CONFIGURATIONS != []


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)", "\n".join(PYTHON), re.MULTILINE))
def test_the_tests_on_the_page_pass(printing: types.ModuleType, name: str) -> None:
    """They are run as they stand there."""
    getattr(printing, name)()


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_on_the_page_loads(printing: types.ModuleType, tmp_path: Path, text: str) -> None:
    """The real loader takes it, and every handler that it names is there and takes its options."""
    file = tmp_path / "mailproc.toml"
    file.write_text(text)
    settings = load(file, {})
    bound = {domain: resolve(each.handler, settings.handlers, tmp_path) for domain, each in settings.domains.items()}
    assert bound
    assert set(settings.handlers) <= {handler.name for handler in bound.values()}


def test_the_entry_points_are_those_of_the_example() -> None:
    """What the page says of pyproject.toml stands in the example's."""
    (page,) = [tomllib.loads(text)["project"]["entry-points"] for text in TOML if text not in CONFIGURATIONS]
    example = tomllib.loads((NOTES / "pyproject.toml").read_text())["project"]["entry-points"]
    assert all(points.items() <= example[group].items() for group, points in page.items())


@pytest.mark.parametrize(("function", "file"), [("add_note", "mail.py"), ("upgrade", "migrations/0001_notebooks.py")])
def test_the_page_shows_the_example(function: str, file: str) -> None:
    """What it shows of the example is what stands there."""
    assert source_of(function, "\n".join(PYTHON)) == source_of(function, (NOTES / "notes" / file).read_text())


def source_of(function: str, text: str) -> str:
    """A function as it is, without its comments and blanks."""
    (found,) = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == function]
    return ast.unparse(found)


def test_the_other_handlers_on_the_page_work(printing: types.ModuleType) -> None:
    """Those that no test on the page delivers to do what it says of them."""
    with SigningKey.generate("Ann <ann@example.com>") as key, PostOffice(migrations="notes") as office:
        office.user("ann", "ann@example.com", key=key)
        with office.session() as session:
            session.add_all(printing.Notebook(name=name, owner="ann") for name in ("work", "suggestions"))
        office.bind("close.example.org", printing.close_notebook)
        office.bind("suggest.example.org", printing.suggestion_box)
        closed = [office.deliver(make_mail(to="x@close.example.org", text="work", key=key, at=at)) for at in AT]
        assert [one.disposition for one in closed] == ["handled", "rejected"]
        suggested = [
            office.deliver(make_mail(to="x@suggest.example.org", sender=sender, text="More", key=key_))
            for sender, key_ in (("eve@example.net", None), ("ann@example.com", None), ("ann@example.com", key))
        ]
        assert [(one.disposition, len(one.sent)) for one in suggested] == [("handled", 0), ("handled", 0), ("handled", 1)]


def promised() -> Iterator[str]:
    """The names that a handler's author may rely on."""
    yield from mailproc.__all__
    yield from mailproc.testing.__all__
    for record in (Delivery, Delivered, Sent):
        yield from (field.name for field in dataclasses.fields(record))
    for kind in (Delivery, PostOffice):
        yield from (name for name in vars(kind) if callable(getattr(kind, name)) and not name.startswith("_"))


@pytest.mark.parametrize("name", sorted(set(promised()) - {"close"}))
def test_every_promised_name_is_explained(name: str) -> None:
    """Each stands somewhere on the page as code, not only in an example."""
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert any(re.search(rf"\b{name}\b", code) for code in re.findall(r"`([^`]+)`", prose))
