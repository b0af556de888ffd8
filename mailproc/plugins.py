"""Handlers by name: an installed entry point, a ``[handler.NAME]`` of the configuration, or ``module:attribute``."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import msgspec

from mailproc.errors import MissingProgram, SettingsError
from mailproc.handler import Handler, Traits, traits_of
from mailproc.reading import one_line
from mailproc.settings.explaining import wrong

GROUP = "mailproc.handlers"


@dataclass(frozen=True, slots=True)
class Bound:
    """A handler that is ready to be called, under the name that the operator knows it by."""

    name: str
    handler: Handler
    traits: Traits


@dataclass(frozen=True, slots=True)
class Installed:
    """A handler that an installed package offers; it is not imported."""

    name: str
    target: str
    package: str


def installed() -> list[Installed]:
    """The handlers that installed packages offer, by name."""
    points = entry_points(group=GROUP)
    return sorted(
        (Installed(point.name, point.value, _package(point)) for point in points), key=lambda found: (found.name, found.package)
    )


def resolve(name: str, sections: Mapping[str, Mapping[str, object]], folder: Path | None = None, *, key: str = "") -> Bound:
    """The handler called ``name``; ``sections`` are the ``[handler.NAME]`` tables, by name.

    A relative path among its options is below ``folder``; ``key`` is where the configuration has the name. Raises
    `SettingsError`, in one line with the name, and so `MissingProgram` where a handler lacks an extra.
    """
    options = dict(sections.get(name, {}))
    target = options.pop("use", name)
    if not isinstance(target, str):
        raise SettingsError(f"handler.{name}.use: must be a text")
    found = _load(name, target, f"handler.{name}.use" if "use" in sections.get(name, {}) else key or f"handler {name}")
    handler = _ready(name, target, found, options, folder)
    traits = traits_of(handler)
    if traits is None:
        raise SettingsError(f"handler {name}: {target} is not a handler; mark it with @handler()")
    if not callable(handler):
        raise SettingsError(f"handler {name}: {target} has no __call__; give it one")
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        raise SettingsError(f"handler {name}: {target} is async; a handler is an ordinary function")
    return Bound(name, handler, traits)


def _load(name: str, target: str, key: str) -> object:
    load = _entry_point(target, key).load if ":" not in target else lambda: _attribute(target)
    return _guarded(load, f"handler {name}: {target} does not import", "; install or mend it")


def _attribute(target: str) -> object:
    module, _, path = target.partition(":")
    found: object = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _entry_point(target: str, key: str) -> EntryPoint:
    points = {point.value: point for point in entry_points(group=GROUP, name=target)}
    if len(points) > 1:
        packages = " and ".join(sorted(_package(point) for point in points.values()))
        raise SettingsError(f'{key}: {packages} both offer {target}; say which with use = "module:attribute"')
    if not points:
        known = ", ".join(found.name for found in installed()) or "none"
        raise SettingsError(f"{key}: no installed package offers {target}; installed are: {known}")
    return next(iter(points.values()))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"


def _ready(name: str, target: str, found: object, options: dict[str, Any], folder: Path | None) -> Any:
    if not isinstance(found, type):
        if options:
            raise SettingsError(f"handler.{name}.{next(iter(options))}: {target} is a function and has no options; remove it")
        return found
    # Frozen, because one instance serves every message: what one leaves behind the next would see.
    if not (dataclasses.is_dataclass(found) and getattr(found, "__dataclass_params__").frozen):  # noqa: B009
        raise SettingsError(f"handler {name}: {target} is a class; a handler is a function or a frozen dataclass")
    _refuse_misspelt(name, found, options)
    return _guarded(
        lambda: msgspec.convert(options, found, dec_hook=lambda kind, value: _option(kind, value, folder)), f"handler.{name}"
    )


def _refuse_misspelt(name: str, handler: type, options: Mapping[str, object]) -> None:
    """Compare the keys with the fields: msgspec passes over keys that a dataclass does not have."""
    known = [field.name for field in dataclasses.fields(handler) if field.init]
    for key in options:
        if key not in known:
            import difflib  # only an error needs it

            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
            raise SettingsError(f"handler.{name}.{one_line(key)}: there is no such option; {hint}")


def _option(kind: type, value: object, folder: Path | None) -> object:
    if isinstance(value, kind):
        return value
    if kind is Path and isinstance(value, str):
        return (folder or Path()) / value
    raise ValueError(f"an option of the type {kind.__name__} cannot be read from a configuration")


def _guarded(call: Callable[[], object], what: str, fix: str = "") -> object:
    """What ``call`` answers; whatever leaves a plugin, an exit too, becomes one line with its name."""
    try:
        return call()
    except msgspec.ValidationError as error:
        found = wrong(error, None, what)
        raise SettingsError(f"{found.key}: {one_line(found.text)}") from None
    except (SettingsError, MissingProgram) as error:
        raise type(error)(f"{what}: {error}") from None
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{what}: {type(error).__name__}: {one_line(str(error))}{fix}") from error
