"""A trick: one thing that an attacker does, or that happens on the way, to a signature, to a body, or to a whole mail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from tests.attacks.cast import Cast
from tests.attacks.letters import Body, Letter, Signed

OnSigned = Callable[[Random, Cast, Signed], Signed]
OnBody = Callable[[Random, Signed], Body]
OnLetter = Callable[[Random, Letter], Letter]


@dataclass(frozen=True)
class Trick:
    """One of ``on_signed``, ``on_body`` and ``on_letter`` is set, and says what it works on.

    ``breaks`` says that after it the mail must not be strong, whatever else is done to it: text that nobody signed stands in
    the body, or the signature is not a good one of the author's, or the body is no longer wholly signed. After any other trick
    the mail may be strong or not; if it is, exactly what was signed must be seen.

    ``form`` is one of `FORMS` where it works on that alone.
    """

    family: str
    name: str
    breaks: bool
    on_signed: OnSigned | None = None
    on_body: OnBody | None = None
    on_letter: OnLetter | None = None
    form: str = ""

    @property
    def id(self) -> str:
        """``family.name``."""
        return f"{self.family}.{self.name}"


def on_signed(family: str, breaks: bool, **named: OnSigned) -> Iterable[Trick]:
    """Tricks with signatures."""
    return [Trick(family, _id(name), breaks, on_signed=play) for name, play in named.items()]


def on_body(family: str, form: str, breaks: bool, **named: OnBody) -> Iterable[Trick]:
    """Tricks with bodies of one form."""
    return [Trick(family, _id(name), breaks, on_body=play, form=form) for name, play in named.items()]


def on_letter(family: str, breaks: bool, **named: OnLetter) -> Iterable[Trick]:
    """Tricks with whole mails."""
    return [Trick(family, _id(name), breaks, on_letter=play) for name, play in named.items()]


def _id(name: str) -> str:
    return name.replace("_", "-")
