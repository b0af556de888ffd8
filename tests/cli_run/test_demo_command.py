"""`mailproc demo`: a whole run that needs no server, no configuration and no network."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_run.calling import Ended, call, environment

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ended]]:
    """The folder of a demo, and what it wrote."""
    folder = tmp_path_factory.mktemp("demo")
    yield folder / "d", call(folder, "demo", "--folder", "d")
    shutil.rmtree(folder, ignore_errors=True)


def test_the_demo_shows_what_becomes_of_eight_mails(played: tuple[Path, Ended]) -> None:
    """A line for each, in columns that fit a terminal of 100."""
    folder, ended = played
    assert ended.status == 0
    out = ended.out.replace(str(folder), "/tmp/mailproc-demo-a1b2c3d4")
    assert all(len(line) <= 100 for line in out.splitlines())
    table = [line for line in ended.out.splitlines() if re.match(r"\d ", line)]
    columns = [(line[27:34].strip(), line[35:44].strip()) for line in table]
    assert columns == [
        ("strong", "handled"),
        ("weak", "handled"),
        ("-", "dropped"),
        ("-", "dropped"),
        ("weak", "rejected"),
        ("-", "dropped"),
        ("weak", "failed"),
        ("weak", "rejected"),
    ]
    assert "8 seen = 2 handled + 3 dropped + 2 rejected + 1 failed + 0 waiting" in ended.out
    assert "Left in the maildrop: 0." in ended.out


def test_the_error_of_the_demo_is_on_stderr(played: tuple[Path, Ended]) -> None:
    """Where cron would find it: one line with the OOPS and the place of the mail, and nothing else."""
    folder, ended = played
    (line,) = ended.err.splitlines()
    assert re.fullmatch(r"mailproc: [0-9a-f]{24}: .*: OOPS-[0-9A-Z-]+; the mail is file:///\S+", line)
    assert (folder / "mailproc.log").read_text().count("Traceback") == 1


def test_what_the_demo_says_to_look_at_is_there(played: tuple[Path, Ended]) -> None:
    """The commands that it ends with work as they are printed."""
    folder, ended = played
    lines = ended.out[ended.out.index("Look around:") :].splitlines()
    said = [line.strip().removeprefix("mailproc ").split() for line in lines if line.startswith("  mailproc ")]
    assert len(said) == 3
    shown = [call(folder, *arguments) for arguments in said]
    assert [(one.status, one.err) for one in shown] == [(0, "")] * 3
    assert len(shown[0].out.splitlines()) == 9
    assert "ZeroDivisionError" in shown[1].out
    assert "signature.altered" in shown[2].out
    assert call(folder, "status").status == 0
    signed = call(folder, "inspect", "--format", "jsonl", "mails/1-signed-command.eml").rows[0]
    assert signed["authentication"]["level"] == "strong"


def test_the_demo_takes_no_folder_that_is_in_use(tmp_path: Path) -> None:
    """Nothing of anybody's is overwritten."""
    (tmp_path / "mine").write_text("mine")
    ended = call(tmp_path, "demo", "--folder", ".")
    assert ended.status == 78
    assert "is not empty" in ended.line
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_demo_makes_a_folder_of_its_own(tmp_path: Path) -> None:
    """Without --folder it is a new one among the temporary files, which stays to be looked at."""
    ended = call(tmp_path, "demo", environ={"TMPDIR": str(tmp_path)})
    assert ended.status == 0
    (folder,) = tmp_path.glob("mailproc-demo-*")
    assert f"cd {folder}" in ended.out
    assert folder.stat().st_mode & 0o077 == 0


def test_the_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    """The agent of its throw-away key ends with it."""
    call(tmp_path, "demo", "--folder", "d", environ={"TMPDIR": str(tmp_path)})
    listed = subprocess.run(["ps", "-eo", "args"], env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert str(tmp_path) not in listed.stdout
