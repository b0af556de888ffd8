"""The examples use what is promised to handler authors, and nothing else; and they are well typed."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PROJECTS = sorted(EXAMPLES.glob("*/pyproject.toml"))
FILES = sorted(EXAMPLES.glob("*/**/*.py"))
PROMISED = {"mailproc", "mailproc.commands", "mailproc.forward", "mailproc.forward.expressions", "mailproc.testing"}
OTHERS = {"alembic", "pytest", "sqlalchemy", *sys.stdlib_module_names}


def imported(file: Path) -> set[str]:
    """The modules that a file imports, by their dotted names."""
    nodes = list(ast.walk(ast.parse(file.read_bytes())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_an_example_uses_the_public_api_alone(file: Path) -> None:
    """What is not promised may change without notice, so that no example may show it."""
    own = file.relative_to(EXAMPLES).parts[0]
    modules = imported(file)
    assert {module for module in modules if module.split(".")[0] == "mailproc"} <= PROMISED
    assert {module.split(".")[0] for module in modules} <= OTHERS | {"mailproc", own}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.parent.name)
def test_an_example_declares_what_it_imports(project: Path) -> None:
    """It can be installed by itself."""
    stated = {text.partition(">")[0] for text in tomllib.loads(project.read_text())["project"]["dependencies"]}
    package = [file for file in project.parent.rglob("*.py") if "tests" not in file.parts]
    used = {module.split(".")[0] for file in package for module in imported(file)} - sys.stdlib_module_names
    assert used - {project.parent.name} == stated


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.parent.name)
def test_an_example_is_well_typed(project: Path) -> None:
    """The types of the public API are enough for a strict checker."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=/dev/null", project.parent.name]
    done = subprocess.run(command, cwd=project.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
