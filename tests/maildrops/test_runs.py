"""Whole runs of ``mailproc handle`` over maildrops that keep no marks: POP3 and mbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Box, Installation, MboxBox, Pop3Box, make_mail
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer

KILLED = -9
MAILS = (make_mail("1"), make_mail("2 reply"), make_mail("3 raise"))


@pytest.fixture(params=["pop3", "mbox"])
def box(request: pytest.FixtureRequest, tmp_path: Path, user: str) -> Box:
    """An empty maildrop of each kind in turn."""
    if request.param == "mbox":
        return MboxBox(tmp_path / "mbox")
    return Pop3Box(request.getfixturevalue("dovecot"), user)


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str, box: Box, relay: RelayServer) -> Iterator[Installation]:
    """An installation that empties it."""
    with Installation(tmp_path, sqlite_url, box, relay=relay) as installation:
        yield installation


def assert_all_is_well(installation: Installation) -> None:
    """Each mail has had its one effect, both senders were answered, nothing waits, and the maildrop is empty."""
    assert installation.left_in_maildrop() == []
    assert (installation.effects(), installation.dispositions()) == (["1", "2"], ["handled", "handled", "failed"])
    assert len(installation.calls()) == len(installation.sent()) + 1 == 3
    assert all(receipt.deleted_at for receipt in installation.receipts())
    assert not installation.state.pending


def test_a_run_empties_the_maildrop(installation: Installation) -> None:
    """Mail is handled and leaves; the next run finds nothing to do."""
    installation.append(*MAILS)
    assert installation.run().returncode == 0
    assert_all_is_well(installation)
    assert [receipt.uidvalidity for receipt in installation.receipts()] == [None] * 3
    assert installation.run().returncode == 0
    assert_all_is_well(installation)


def test_mail_is_emptied_in_chunks(tmp_path: Path, sqlite_url: str, box: Box) -> None:
    """Each chunk is removed by itself, and the uids of the next ones are still good."""
    with Installation(tmp_path, sqlite_url, box, limits={"chunk_messages": 2}) as installation:
        installation.append(*(make_mail(str(number)) for number in range(7)))
        assert installation.run().returncode == 0
        assert installation.effects() == [str(number) for number in range(7)]
        assert installation.left_in_maildrop() == []


def test_kept_mail_is_handled_once(tmp_path: Path, sqlite_url: str, box: Box) -> None:
    """With after = keep the ledger knows by the uid what it has seen; new mail beside it is handled."""
    with Installation(tmp_path, sqlite_url, box, after={"handled": "keep"}) as installation:
        installation.append(make_mail("1"))
        for _ in range(2):
            assert installation.run().returncode == 0
        installation.append(make_mail("2"))
        assert installation.run().returncode == 0
        assert (installation.calls(), installation.left_in_maildrop()) == (["1 1", "2 1"], ["1", "2"])


@pytest.mark.parametrize("failpoint", ["after-store", "leaving", "after-expunge"])
def test_a_run_that_dies_while_it_removes(installation: Installation, box: Box, failpoint: str) -> None:
    """Whether or not the mail had left, the next run calls no handler, and makes it right."""
    leaving = "pop3-quit" if isinstance(box, Pop3Box) else "mbox-rename"
    installation.append(*MAILS)
    assert installation.run(failpoint=f"{leaving if failpoint == 'leaving' else failpoint}:killall").returncode == KILLED
    assert len(installation.left_in_maildrop()) == (0 if failpoint == "after-expunge" else 3)
    assert installation.run().returncode == 0
    assert_all_is_well(installation)


def test_what_cannot_be_moved_is_refused_at_the_start(tmp_path: Path, sqlite_url: str, box: Box) -> None:
    """after = move:FOLDER is a mistake there, and no mail is touched."""
    with Installation(tmp_path, sqlite_url, box, after={"failed": "move:Failed"}) as installation:
        installation.append(*MAILS)
        run = installation.run()
        assert (run.returncode, len(installation.left_in_maildrop())) == (os.EX_CONFIG, 3)
    assert "maildrop[0].after: failed cannot be move: a" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_large_mail_is_streamed_and_rejected(tmp_path: Path, sqlite_url: str, box: Box, relay: RelayServer) -> None:
    """A mail over max_size goes into the archive whole, and leaves."""
    with Installation(tmp_path, sqlite_url, box, relay=relay) as installation:
        installation.config.write_text(f'max_size = "100 KiB"\n{installation.config.read_text()}')
        installation.append(make_mail("1", text="From here\r\n" * 20_000))
        assert installation.run().returncode == 0
        assert (installation.dispositions(), installation.left_in_maildrop()) == (["rejected"], [])
        assert installation.archived()[0].count(b"\nFrom here") == 20_000


def test_the_reverse_path_of_an_mbox_counts(tmp_path: Path, sqlite_url: str) -> None:
    """The line "From " of the MTA tells of a bounce, which has no other sign here, and it is dropped."""
    box = MboxBox(tmp_path / "mbox", "MAILER-DAEMON")
    with Installation(tmp_path, sqlite_url, box) as installation:
        installation.append(make_mail("1"))
        assert installation.run().returncode == 0
        (receipt,) = installation.receipts()
    assert (receipt.disposition, receipt.verdict, receipt.reverse_path) == ("dropped", "bounce", "")


def test_a_server_that_does_not_let_us_in_is_told(tmp_path: Path, sqlite_url: str, dovecot: Dovecot, user: str) -> None:
    """A wrong password is exit 77, and a server that is gone is exit 75; each is one line, and names the maildrop."""
    box = Pop3Box(dovecot, user)
    with Installation(tmp_path, sqlite_url, box) as installation:
        (tmp_path / "password").write_text("wrong\n")
        refused = installation.run()
        installation.edit(str(dovecot.pop3_port), "1")
        (tmp_path / "password").write_text("secret\n")
        gone = installation.run()
    assert (refused.returncode, gone.returncode) == (os.EX_NOPERM, os.EX_TEMPFAIL)
    for run, words in ((refused, f"the login of {user} was refused: -ERR [AUTH]"), (gone, "Connection refused")):
        (line,) = run.stderr.splitlines()
        assert "maildrop main: 127.0.0.1:" in line and words in line
