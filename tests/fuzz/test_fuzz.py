"""A short run of every target, the same each time; ``python -m benchmarks.fuzz`` goes on for hours with new seeds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_it_holds_for_any_bytes(target: Target) -> None:
    """No exception but the declared, no broken property, and at most two seconds for any of the inputs."""

    @settings(
        max_examples=target.examples,
        derandomize=True,
        database=None,
        deadline=timedelta(seconds=10),
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs())
    def holds(raw: bytes) -> None:
        target(raw)

    holds()
