"""What a run leaves to do is known without opening the database, and the next run does it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.installation import DovecotBox, Installation, MaildirBox, finish, make_mail
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str, relay: RelayServer) -> Installation:
    """An installation on a Maildir, with a relay."""
    return Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir"), relay=relay)


def test_a_run_that_did_all_leaves_no_marker(installation: Installation) -> None:
    """When nothing waits and nothing is to be sent, the next run opens no database."""
    with installation:
        installation.append(make_mail("1"))
        assert installation.run().returncode == 0
        assert not installation.state.pending


def test_an_answer_that_waits_is_sent_although_the_maildrop_is_away(installation: Installation) -> None:
    """The outbox does not depend on the maildrops."""
    with installation:
        assert installation.relay is not None
        installation.append(make_mail("1 reply"))
        installation.relay.stop()
        assert installation.run().returncode == 0
        assert installation.state.pending
        installation.relay.start()
        _make_due(installation)
        (installation.folder / "Maildir").rename(installation.folder / "gone")
        assert installation.run().returncode == 75
        assert len(installation.sent()) == 1


def test_a_run_cut_short_is_no_success(installation: Installation) -> None:
    """A maildrop counts as emptied only when it was."""
    with installation:
        installation.append(make_mail("1"), make_mail("2"))
        assert installation.run("--limit", "1").returncode == 0
        assert installation.state.last_success("main") is None
        assert installation.run().returncode == 0
        assert installation.state.last_success("main") is not None


def test_a_mail_too_large_for_the_archive_stays_and_is_said(tmp_path: Path, sqlite_url: str) -> None:
    """Over max_archived it stays in the maildrop: an ERROR the first time, and status says so ever after."""
    box = MaildirBox(tmp_path / "Maildir")
    with Installation(tmp_path, sqlite_url, box, limits={"max_archived": "1 MiB"}) as installation:
        config = installation.config.read_text()
        installation.config.write_text('max_size = "1 KiB"\n' + config)
        installation.append(make_mail("large", text="x" * (2 << 20)), make_mail("small"))
        first, second = installation.run(), installation.run()
        assert "too large to be archived" in first.stderr and second.stderr == ""
        assert installation.left_in_maildrop() == ["large"]
        assert installation.effects() == ["small"]
        assert "too large in main" in installation.mailproc("status").stdout


def test_a_run_that_waits_for_the_relay_ends_when_told_to(
    tmp_path: Path, sqlite_url: str, dovecot: Dovecot, user: str, relay: RelayServer
) -> None:
    """SIGTERM while a relay says nothing ends the run within 10 seconds; the next run sends, with the same Message-ID."""
    with Installation(tmp_path, sqlite_url, DovecotBox(dovecot, user), relay=relay) as installation:
        installation.append(make_mail("1 reply"))
        relay.hang = 60.0
        process = installation.start()
        while installation.dispositions() != ["handled"] or installation.left_in_maildrop():
            time.sleep(0.05)
        time.sleep(0.5)
        began = time.monotonic()
        process.terminate()
        assert finish(process).returncode == 0
        assert time.monotonic() - began < 10
        relay.hang = 0.0
        assert installation.run().returncode == 0
        assert installation.outbox()[0].sent_at is not None
        assert len({mail["Message-ID"] for mail in installation.sent()}) == 1


def _make_due(installation: Installation) -> None:
    import sqlalchemy as sa

    from mailproc.database.engine import writing
    from mailproc.database.tables import outbox

    with writing(installation.engine) as conn:
        conn.execute(sa.update(outbox).values(retry_at=None))
