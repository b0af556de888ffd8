"""A message that its server cannot deliver costs itself alone."""

from __future__ import annotations

from pathlib import Path

from tests.installation import DovecotBox, Installation, make_mail
from tests.servers.dovecot import Dovecot


def test_neighbours_of_an_unreadable_message_are_handled(tmp_path: Path, sqlite_url: str, dovecot: Dovecot, user: str) -> None:
    """The others are handled and leave; the run names the one that stays, and ends with 75, as does the next."""
    with Installation(tmp_path, sqlite_url, DovecotBox(dovecot, user)) as installation:
        installation.append(make_mail("1"), make_mail("2"), make_mail("3"))
        maildir = dovecot.folder / "mail" / user / "Maildir"
        files = [file for part in ("new", "cur") for file in (maildir / part).iterdir()]
        (bad,) = (file for file in files if b"Subject: 2" in file.read_bytes())
        bad.chmod(0)
        first, second = installation.run(), installation.run()
        assert (first.returncode, second.returncode) == (75, 75)
        assert "message 2 cannot be fetched; it stays there" in first.stderr
        assert "1 messages cannot be fetched: 2" in first.stderr
        assert installation.effects() == ["1", "3"]
        assert dovecot.uids(user) == [2]
        for file in (maildir / "cur").iterdir():
            file.chmod(0o600)
        assert installation.run().returncode == 0
        assert installation.effects() == ["1", "2", "3"]
