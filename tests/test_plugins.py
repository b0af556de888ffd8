"""Finding handlers: by entry point, by section, by module and attribute; and every way in which that can go wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.errors import SettingsError
from mailproc.handler import Traits
from mailproc.plugins import installed, resolve
from mailproc.principal import Trust

MODULE = """
from dataclasses import dataclass
from pathlib import Path
from mailproc.handler import handler
from mailproc.principal import Trust

@handler(requires=Trust.STRONG)
def plain(delivery): ...

@handler()
async def later(delivery): ...

def unmarked(delivery): ...

@handler(external=True)
@dataclass(frozen=True)
class Notes:
    limit: int = 10
    folder: Path | None = None
    words: tuple[str, ...] = ()
    def __call__(self, delivery): ...

@handler()
@dataclass(frozen=True)
class Needy:
    token: str
    def __call__(self, delivery): ...
    def __post_init__(self):
        if self.token == "bad":
            raise ValueError("token is bad\\x1b[2J")
        if self.token == "odd":
            raise RuntimeError("odd")

@handler()
@dataclass
class Loose:
    limit: int = 10
    def __call__(self, delivery): ...

@handler()
@dataclass(frozen=True)
class Mute:
    limit: int = 10

@handler()
@dataclass(frozen=True)
class Strange:
    who: type(lambda: 0) = None
    def __call__(self, delivery): ...
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages: real modules and real entry points."""
    (tmp_path / "acme_notes.py").write_text(MODULE)
    (tmp_path / "acme_broken.py").write_text("import acme_missing\n")
    (tmp_path / "acme_exits.py").write_text("raise SystemExit(3)\n")
    install(tmp_path, "acme-notes", memos="acme_notes:Notes", broken="acme_broken:x", twice="acme_notes:plain")
    install(tmp_path, "acme-other", twice="acme_notes:Notes")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


def install(folder: Path, package: str, **handlers: str) -> None:
    """Lay down the metadata that an installer would."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = {target}" for name, target in handlers.items())
    (info / "entry_points.txt").write_text(f"[mailproc.handlers]\n{lines}\n")


def test_an_entry_point_is_found_by_its_name(packages: Path) -> None:
    """A frozen dataclass without a section has its defaults, and its traits are told."""
    bound = resolve("memos", {})
    assert bound.name == "memos"
    assert bound.handler.limit == 10  # type: ignore[attr-defined]
    assert bound.traits == Traits(Trust.WEAK, external=True)


def test_a_section_gives_the_options(packages: Path) -> None:
    """Options are converted to the types of the fields; a relative path is below the configuration."""
    section = {"limit": 3, "folder": "texts", "words": ["a", "b"]}
    handler = resolve("memos", {"memos": section}, Path("/etc/mailproc")).handler
    assert handler == type(handler)(3, Path("/etc/mailproc/texts"), ("a", "b"))  # type: ignore[call-arg,comparison-overlap]
    assert section == {"limit": 3, "folder": "texts", "words": ["a", "b"]}


def test_use_lets_one_handler_serve_under_two_names(packages: Path) -> None:
    """The name is the operator's, the handler the one that `use` names."""
    sections = {"big": {"use": "memos", "limit": 99}, "small": {"use": "acme_notes:Notes", "limit": 1}}
    assert [resolve(name, sections).handler.limit for name in sections] == [99, 1]  # type: ignore[attr-defined]


def test_module_and_attribute_need_no_entry_point(packages: Path) -> None:
    """A function is taken as it is."""
    bound = resolve("acme_notes:plain", {})
    assert bound.handler.__name__ == "plain"
    assert bound.traits.requires is Trust.STRONG


@pytest.mark.parametrize(
    ("name", "sections", "says"),
    [
        ("nots", {}, r"^handler nots: no installed package offers nots; installed are: .*memos"),
        ("twice", {}, r"^handler twice: acme-notes and acme-other both offer twice; say which with use"),
        (
            "broken",
            {},
            r"broken: broken does not import: ModuleNotFoundError: No module named 'acme_missing'; install or mend it$",
        ),
        ("acme_exits:x", {}, r"acme_exits:x does not import: SystemExit: 3; install or mend it$"),
        (
            "acme_notes:nothing",
            {},
            r"does not import: AttributeError: module 'acme_notes' has no attribute 'nothing'; install or mend it$",
        ),
        ("acme_notes:", {}, r"acme_notes: does not import: AttributeError"),
        (":x", {}, r":x does not import: ValueError"),
        ("acme_notes:unmarked", {}, r"acme_notes:unmarked is not a handler; mark it with @handler\(\)$"),
        ("acme_notes:Path", {}, r"acme_notes:Path is a class; a handler is a function or a frozen dataclass$"),
        ("acme_notes:Loose", {}, r"a handler is a function or a frozen dataclass$"),
        ("acme_notes:Mute", {}, r"acme_notes:Mute has no __call__; give it one$"),
        ("acme_notes:later", {}, r"acme_notes:later is async"),
        ("n", {"n": {"use": 3}}, r"^handler\.n\.use: must be a text$"),
        ("memos", {"memos": {"limt": 3}}, r"^handler\.memos\.limt: there is no such option; did you mean limit\?$"),
        ("memos", {"memos": {"zz": 3}}, r"^handler\.memos\.zz: there is no such option; there are: limit, folder, words$"),
        ("memos", {"memos": {"limit": "many"}}, r"^handler\.memos\.limit: must be a whole number, not a text$"),
        ("p", {"p": {"use": "acme_notes:plain", "limit": 1}}, r"^handler\.p\.limit: acme_notes:plain is a function and has no"),
        ("acme_notes:Needy", {}, r"^handler\.acme_notes:Needy\.token: is missing$"),
        ("n", {"n": {"use": "acme_notes:Needy", "token": "bad"}}, r"^handler\.n: token is bad \[2J$"),
        ("n", {"n": {"use": "acme_notes:Needy", "token": "odd"}}, r"^handler\.n: RuntimeError: odd$"),
        ("n", {"n": {"use": "acme_notes:Strange", "who": "x"}}, r"^handler\.n\.who: an option of the type function cannot be"),
    ],
)
def test_a_mistake_is_one_line_with_the_name(
    packages: Path, name: str, sections: dict[str, dict[str, object]], says: str
) -> None:
    """Whatever is wrong with a plugin or its section stops the start with a line for the operator."""
    with pytest.raises(SettingsError, match=says) as caught:
        resolve(name, sections)
    assert str(caught.value).isprintable()


def test_a_name_that_nobody_has_is_told_with_the_key_that_has_it(packages: Path) -> None:
    """That is the domain's, or `use` where a section has one."""
    key = 'domains."example.org".handler'
    for sections, where in (({}, key), ({"nots": {"use": "nots"}}, "handler.nots.use")):
        with pytest.raises(SettingsError) as caught:
            resolve("nots", sections, key=key)
        assert str(caught.value).startswith(f"{where}: no installed package offers nots; installed are: ")


def test_what_is_installed_is_listed_without_importing_it(packages: Path) -> None:
    """A broken package is listed too, since nothing of it is run."""
    ours = [(found.name, found.target, found.package) for found in installed() if found.package.startswith("acme")]
    assert ours == [
        ("broken", "acme_broken:x", "acme-notes"),
        ("memos", "acme_notes:Notes", "acme-notes"),
        ("twice", "acme_notes:plain", "acme-notes"),
        ("twice", "acme_notes:Notes", "acme-other"),
    ]
    assert "acme_broken" not in sys.modules
