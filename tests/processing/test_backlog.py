"""A backlog is worked in chunks: memory does not grow with it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.backlog import measure
from tests.installation import DovecotBox, Installation
from tests.servers.dovecot import Dovecot

ENOUGH = 150 * 2**20  # octets, for all processes of a run


def test_a_backlog_is_handled_in_one_run_with_bounded_memory(
    tmp_path: Path, sqlite_url: str, dovecot: Dovecot, user: str
) -> None:
    """All mails of a backlog of many chunks are handled in one run, and all its processes stay below 150 MiB."""
    with Installation(tmp_path, sqlite_url, DovecotBox(dovecot, user)) as installation:
        measured = measure(installation, 400)
    assert (measured.status, measured.handled, measured.left) == (0, 400, 0)
    assert 0 < measured.peak < ENOUGH, measured
