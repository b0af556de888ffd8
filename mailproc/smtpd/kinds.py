"""The class of aiosmtpd that speaks: its own, or a subclass that an operator has written, with verbs of its own."""

from __future__ import annotations

import importlib

from aiosmtpd.smtp import SMTP

from mailproc.errors import SettingsError
from mailproc.reading import one_line


def smtp_kind(target: str | None) -> type[SMTP]:
    """aiosmtpd's SMTP, or the subclass of it that ``module:Class`` names; raises `SettingsError`."""
    if target is None:
        return SMTP
    module, _, name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {one_line(str(error))}"
        raise SettingsError(f"serve.smtp_class: {target} does not import: {reason}; write it like module:Class") from error
    if not (isinstance(found, type) and issubclass(found, SMTP)):
        raise SettingsError(f"serve.smtp_class: {target} is no subclass of aiosmtpd.smtp.SMTP; make it one")
    return found
