"""The forms that mail has: what mailers, responders, reporters, lists and people write, in variants by seed."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from tests.screening.forms import bounces, generated, many, people, replies, reports
from tests.screening.forms.drafts import Dice, Draft, render

Form = Callable[[Dice], Draft]

# What each mail of a module must be found to be; a form may say otherwise of itself, `many` has two kinds.
KINDS: tuple[tuple[ModuleType, str], ...] = (
    (bounces, "bounce"),
    (replies, "auto-reply"),
    (reports, "report"),
    (generated, "auto-generated"),
    (many, ""),
    (people, "human"),
)


def forms_of(module: ModuleType) -> dict[str, Form]:
    """The public functions that a module defines, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }


def expected(module: ModuleType, name: str) -> str:
    """The verdict that a form must get."""
    return dict(KINDS)[module] or name.partition("_")[0]


def make(form: Form, seed: int) -> bytes:
    """One mail of a form, the same for the same seed."""
    dice = Dice(seed)
    return render(form(dice), dice)
