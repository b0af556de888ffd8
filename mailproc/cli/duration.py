"""A length of time on the command line, written as in the configuration."""

from __future__ import annotations

from datetime import timedelta

import click


class Duration(click.ParamType[timedelta]):
    """Such as ``90 d`` or ``5 min``."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time that the operator wrote."""
        from mailproc.settings.quantities import read_time  # not for --help

        try:
            return timedelta(seconds=read_time(value))
        except (ValueError, OverflowError) as error:
            self.fail(str(error), param, ctx)
