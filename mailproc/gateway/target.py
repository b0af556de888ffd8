"""Where posts go: the target that the options name, and how an errand is carried out there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeVar

from mailproc import Errand
from mailproc.errors import MissingProgram
from mailproc.gateway.http import Site, read_url
from mailproc.gateway.post import Post

LONGEST_MESSAGE = 10_000  # characters; Zulip's default
PATIENCE = 120.0  # seconds for all that one errand asks of a target


_T = TypeVar("_T")


class Target(Protocol):
    """A chat, or what stands before one."""

    def carry_out(self, post: Post, errand: Errand) -> str:
        """Post it, and answer a note for the ledger; raises `Transient` and `Rejected` as `Errand` has it."""


def make_target(
    target: str,
    url: str,
    *,
    email: str | None = None,
    api_key_file: Path | None = None,
    secret_file: Path | None = None,
    ca_file: Path | None = None,
    message_length: int = LONGEST_MESSAGE,
    patience: float = PATIENCE,
) -> Target:
    """The target of these options, which has asked nobody yet.

    ``target`` is "zulip", which needs ``email`` and ``api_key_file`` of a bot, or "webhook", which needs ``secret_file``;
    ``patience`` are the seconds for all requests of one errand. Raises ValueError, which begins with the option's name,
    `SettingsError` for a file that cannot be used, and `MissingProgram` without urllib3.
    """
    if find_spec("urllib3") is None:
        raise MissingProgram("urllib3 is not installed; type: pip install 'urllib3>=2.5'")
    if message_length < 1000:
        raise ValueError("message_length: must be 1000 characters or more")
    if ca_file is not None and not ca_file.is_file():
        raise ValueError(f"ca_file: {ca_file}: there is no such file; name one of PEM certificates")
    site = Site(read_url(url), ca_file, patience)
    if target == "zulip":
        _useless("secret_file", secret_file, target)
        from mailproc.gateway.zulip import Zulip

        return Zulip(site, _given("email", email, target), _given("api_key_file", api_key_file, target), message_length)
    if target == "webhook":
        _useless("email", email, target)
        _useless("api_key_file", api_key_file, target)
        from mailproc.gateway.webhook import Webhook

        return Webhook(site, _given("secret_file", secret_file, target), message_length)
    raise ValueError('target: must be "zulip" or "webhook"')


def carry_out(target: Target, errand: Errand) -> str:
    """Post what the errand's payload says, and answer a note for the ledger; nothing is posted a second time.

    Raises `Transient` for a target that is away or does not know us, `Rejected` for one that will never take the post.
    """
    return target.carry_out(Post.of(errand.payload), errand)


def _given(key: str, value: _T | None, target: str) -> _T:
    if value is None:
        raise ValueError(f'{key}: is missing; target = "{target}" needs it')
    return value


def _useless(key: str, value: object, target: str) -> None:
    if value is not None:
        raise ValueError(f'{key}: has no use with target = "{target}"; remove it')
