"""The class of aiosmtpd that speaks: its own, or a subclass that an operator has written, with verbs of its own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from aiosmtpd.smtp import SMTP

from mailproc.errors import SettingsError
from mailproc.reading import one_line
from mailproc.smtpd.guest import loaded


def smtp_kind(target: str | None, parameters: Mapping[str, Any] | None = None) -> type[SMTP]:
    """aiosmtpd's SMTP, or the subclass of it that ``module:Class`` names.

    Raises `SettingsError`, also where its constructor has no such ``parameters``.
    """
    kind = SMTP if target is None else _subclass(target)
    try:
        inspect.signature(kind).bind_partial(None, **parameters or {})
    except TypeError as error:
        raise SettingsError(f"serve.smtp_parameters: {one_line(str(error))}; write what its constructor takes") from error
    return kind


def _subclass(target: str) -> type[SMTP]:
    try:
        found = loaded(target)
    except SettingsError as error:
        raise SettingsError(f"serve.smtp_class: {error}") from error
    if not (isinstance(found, type) and issubclass(found, SMTP)):
        raise SettingsError(f"serve.smtp_class: {target} is no subclass of aiosmtpd.smtp.SMTP; make it one")
    return found
