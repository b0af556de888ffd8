"""Who may take over what another run holds: within a state folder its lock tells, from elsewhere only its lease."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mailproc.database.engine import writing
from mailproc.ownership import forget_the_dead, owner
from mailproc.processing.receiving import LEASE, renew_lease
from mailproc.state import State
from tests.installation import Clock, Installation, MaildirBox, make_mail


def test_a_lease_is_believed_by_who_cannot_see_the_lock(tmp_path: Path, database_url: str) -> None:
    """A run of another state folder is alive until its lease has run out, and is not forgotten before."""
    clock = Clock()
    with Installation(tmp_path, database_url, MaildirBox(tmp_path / "Maildir")) as installation:
        here = installation.works(clock, owner="here")
        elsewhere = State(tmp_path / "elsewhere")
        elsewhere.create()
        other = owner(elsewhere.owners, "there", clock)
        with writing(installation.engine) as conn:
            renew_lease(here, conn)
            forget_the_dead(conn, other)
            assert other.living(conn) == {"here"}
        clock.forward(LEASE + timedelta(seconds=1))
        with writing(installation.engine) as conn:
            assert other.living(conn) == set()


def test_a_lock_is_believed_before_any_lease(tmp_path: Path, database_url: str) -> None:
    """A run of the same state folder is dead as soon as its lock is free, however long its lease still lasts."""
    clock = Clock()
    with Installation(tmp_path, database_url, MaildirBox(tmp_path / "Maildir")) as installation:
        me = owner(installation.state.owners, "me", clock)
        with installation.state.owning() as held:
            works = installation.works(clock, owner=held.id)
            with writing(installation.engine) as conn:
                renew_lease(works, conn)
                assert held.id in me.living(conn)
        with writing(installation.engine) as conn:
            assert me.living(conn) == set()


def test_work_renews_the_lease(tmp_path: Path, database_url: str) -> None:
    """A run that works for longer than its lease keeps it: each chunk renews it."""
    clock = Clock()
    with Installation(tmp_path, database_url, MaildirBox(tmp_path / "Maildir")) as installation:
        works = installation.works(clock, owner="here")
        far = owner(tmp_path / "elsewhere", "there", clock)
        for number in range(3):
            installation.append(make_mail(str(number)))
            installation.empty(works)
            clock.forward(LEASE - timedelta(minutes=1))
            with writing(installation.engine) as conn:
                assert far.living(conn) == {"here"}
