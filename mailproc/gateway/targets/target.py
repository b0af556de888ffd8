"""Where posts go: the target that the options name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeVar

from mailproc import Errand, MissingProgram
from mailproc.gateway.posting import Posting
from mailproc.gateway.targets.service import Service, read_url

LONGEST_MESSAGE = 10_000  # characters; Zulip's default
PATIENCE = 120.0  # seconds for all that one errand asks of a target


_T = TypeVar("_T")


class Target(Protocol):
    """A chat, or what stands before one."""

    def carry_out(self, post: Posting, errand: Errand) -> str:
        """Post it, and answer a note for the ledger; nothing is posted a second time.

        Raises `Away` for a target that is away or does not know us, `Transient` for one that cannot take this post now, and
        `Rejected` for one that never will.
        """


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
    service = Service(read_url(url), ca_file, patience)
    if target == "zulip":
        _useless("secret_file", secret_file, target)
        from mailproc.gateway.targets.zulip import Zulip

        return Zulip(service, _given("email", email, target), _given("api_key_file", api_key_file, target), message_length)
    if target == "webhook":
        _useless("email", email, target)
        _useless("api_key_file", api_key_file, target)
        from mailproc.gateway.targets.webhook import Webhook

        return Webhook(service, _given("secret_file", secret_file, target), message_length)
    raise ValueError('target: must be "zulip" or "webhook"')


def _given(key: str, value: _T | None, target: str) -> _T:
    if value is None:
        raise ValueError(f'{key}: is missing; target = "{target}" needs it')
    return value


def _useless(key: str, value: object, target: str) -> None:
    if value is not None:
        raise ValueError(f'{key}: has no use with target = "{target}"; remove it')
