"""`mailproc check`: each thing that a run needs is tried, and each failure says what mends it."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailproc.testing import SigningKey
from tests.cli_run.conftest import Called, give_away
from tests.installation import DovecotBox, Installation, make_mail
from tests.servers.dovecot import WITHOUT_UIDPLUS, Dovecot
from tests.servers.relay import RelayServer

pytestmark = pytest.mark.timeout(90)

TRIED = [
    "configuration",
    "state",
    "database",
    "archive",
    "handlers",
    "answers",
    "signatures",
    "dkim",
    "keys",
    "maildrop main",
    "smtp",
]


def failures(mailproc: Called, **options: object) -> tuple[int, dict[str, tuple[int, str]]]:
    """The exit status, and what failed: its status and what is said of it."""
    ended = mailproc("check", "--format", "jsonl", **options)
    assert ended.err == ""
    assert [row["what"] for row in ended.rows][:-1] == TRIED[:-1]
    return ended.status, {row["what"]: (row["status"], row["text"]) for row in ended.rows if row["status"]}


def test_an_installation_that_is_well(
    make: Callable[..., Installation], dovecot: Dovecot, user: str, relay: RelayServer, mailproc: Called
) -> None:
    """One line for each thing, no note, status 0; no mail is touched."""
    site = make(DovecotBox(dovecot, user), relay=relay)
    site.append(make_mail("1"))
    ended = mailproc("check")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [re.split(r"  +", line)[:2] for line in lines] == [["ok", what] for what in TRIED]
    assert lines[-2].endswith("1 waiting")
    assert all(line[20] == " " and line[21] != " " for line in lines), ended.out
    assert site.left_in_maildrop() == ["1"]
    assert dovecot.flags(user) == {1: set()}
    assert relay.received == []


def test_a_server_that_cannot_expunge_ours_alone_is_noted(
    make: Callable[..., Installation], user: str, mailproc: Called
) -> None:
    """Nothing is wrong, but the operator should know where processed mail goes."""
    with Dovecot(capability=WITHOUT_UIDPLUS) as server:
        make(DovecotBox(server, user))
        ended = mailproc("check")
    assert ended.status == 0
    (note,) = [line for line in ended.out.splitlines() if line.startswith("note") and "Processed" in line]
    assert "UIDPLUS" in note


def test_results_of_an_mx_without_a_trusted_domain_are_noted(site: Installation, mailproc: Called) -> None:
    """They have no effect, and who relies on them should know."""
    with site.config.open("a") as config:
        config.write('[dkim]\nauthserv_id = "mx.example.org"\n')
    ended = mailproc("check")
    assert ended.status == 0
    (note,) = [line for line in ended.out.splitlines() if "trusted_domains" in line]
    assert note.split(maxsplit=1) == ["note", "[dkim] authserv_id has no effect without trusted_domains"]


def test_keys_that_expire_are_noted(site: Installation, mailproc: Called) -> None:
    """Before their owners wonder why their mail is rejected."""
    now = datetime.now(UTC)
    with (
        SigningKey.generate("Ann <ann@example.com>", expires="10d", at=now - timedelta(days=365)) as old,
        SigningKey.generate("Ann <ann@example.com>", expires="10d", at=now) as soon,
    ):
        for key in (old, soon):
            (site.folder / "key.asc").write_text(key.armored_certificate)
            assert mailproc("key", "import", "--user", "ann", "key.asc").status == 0
    ended = mailproc("check")
    assert f"the key {old.fingerprint} of ann has expired" in ended.out
    assert re.search(rf"the key {soon.fingerprint} of ann expires on \d{{4}}-\d\d-\d\d", ended.out)
    assert "2 registered" in ended.out
    assert ended.status == 0


def test_a_schema_that_is_missing_does_not_hide_the_rest(site: Installation, mailproc: Called) -> None:
    """What rests on the database fails with it; all else is tried."""
    site.engine.dispose()
    for file in site.folder.glob("mailproc.db*"):
        file.unlink()
    (site.folder / "mailproc.db").touch(0o600)
    status, failed = failures(mailproc)
    assert status == 78
    assert set(failed) == {"database", "keys"}
    assert all("mailproc db upgrade" in text for _, text in failed.values()), failed


def test_the_gravest_failure_is_the_status(imap_site: Installation, mailproc: Called) -> None:
    """A refused login is graver than an archive that is away, and a plugin graver than both."""
    shutil.rmtree(imap_site.folder / "archive")
    status, failed = failures(mailproc)
    away = f"archive: {imap_site.folder / 'archive'}: No such file or directory; mount its disk, or type: mailproc db upgrade"
    assert (status, failed) == (75, {"archive": (75, away)})
    (imap_site.folder / "password").write_text("wrong\n")
    status, failed = failures(mailproc)
    assert (status, {what: code for what, (code, _) in failed.items()}) == (77, {"archive": 75, "maildrop main": 77})
    imap_site.edit("tests.crash.deeds:Deeds", "tests.crash.deeds:Nothing")
    status, failed = failures(mailproc)
    assert (status, failed["handlers"][0]) == (78, 78)
    assert "tests.crash.deeds:Nothing does not import" in failed["handlers"][1]
    text = mailproc("check")
    assert [line[:4] for line in text.out.splitlines()].count("FAIL") == 3


def test_a_program_that_is_missing_is_69(site: Installation, mailproc: Called) -> None:
    """With the command that installs it."""
    status, failed = failures(mailproc, environ={"PATH": str(site.folder)})
    assert status == 69
    assert failed["signatures"] == (69, "gpg is not installed; type: apt-get install gnupg")


def test_a_relay_that_is_away_is_75(make: Callable[..., Installation], relay: RelayServer, mailproc: Called) -> None:
    """Its address is named."""
    make(relay=relay)
    relay.stop()
    status, failed = failures(mailproc)
    assert (status, set(failed)) == (75, {"smtp"})
    assert f"127.0.0.1:{relay.port}" in failed["smtp"][1]


def test_what_is_thin_but_not_wrong_is_noted(site: Installation, mailproc: Called) -> None:
    """A stop file, no relay, and no domain."""
    (site.folder / "state" / "stop").touch()
    text = mailproc("check").out
    assert "note" in text
    assert "there is a stop file" in text
    assert "without [smtp]" in text


def test_a_maildrop_that_does_not_answer_does_not_hang_it(imap_site: Installation, mailproc: Called) -> None:
    """A closed port fails at once."""
    box = imap_site.boxes[0]
    assert isinstance(box, DovecotBox)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        imap_site.edit(f":{box.dovecot.port}/", f":{taken.getsockname()[1]}/")
        status, failed = failures(mailproc)
    assert (status, set(failed)) == (75, {"maildrop main"})


def test_a_state_folder_that_is_open_to_others_is_told(site: Installation, mailproc: Called) -> None:
    """With the command that closes it."""
    (site.folder / "state").chmod(0o755)
    status, failed = failures(mailproc)
    assert status == 78
    assert failed["state"][1].endswith(f"type: chmod 700 {site.folder / 'state'}")


def test_nothing_is_left_behind(site: Installation, mailproc: Called) -> None:
    """It changes nothing, also where it tries to write."""
    before = {path: path.stat().st_mtime_ns for path in _files(site.folder)}
    mailproc("check")
    assert {path: path.stat().st_mtime_ns for path in _files(site.folder)} == before
    assert site.receipts() == []


def _files(folder: Path) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and path.name != "log" and not path.name.endswith(("-wal", "-shm"))
    ]


def test_another_users_installation_is_not_tried(site: Installation, mailproc: Called) -> None:
    """What would work for us may not work for that user."""
    owner = give_away(site)
    ended = mailproc("check")
    assert ended.status == 78
    assert f" belongs to {owner}; " in ended.line


def test_a_handler_that_nobody_can_satisfy_is_noted(site: Installation, mailproc: Called) -> None:
    """It wants proof, and nothing that its domain trusts can prove a sender."""
    demand = '[domains."strict.example.org"]\nhandler = "librarian"\ntrust = ["dkim", "from"]\n'
    with site.config.open("a") as config:
        config.write(demand)
    notes = [line for line in mailproc("check").out.splitlines() if "takes only proven senders" in line]
    assert len(notes) == 1
    assert "strict.example.org" in notes[0]


def test_an_administrator_who_would_hear_nothing_is_noted(
    make: Callable[..., Installation], relay: RelayServer, mailproc: Called
) -> None:
    """Our own mail is dropped where a handler of ours serves the address: a report that goes there is read by nobody."""
    site = make(relay=relay)
    site.edit('from = "Mail Robot <robot@example.org>"', 'from = "Mail Robot <robot@notes.example.org>"')
    noted = "mail to robot@notes.example.org comes back to deeds, and of ours nothing is read there"
    assert noted in mailproc("check").out
    site.edit('from = "Mail', 'admin = "ann@example.com"\nfrom = "Mail')
    assert noted not in mailproc("check").out
