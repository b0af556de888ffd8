"""A process that was born in the nursery is one of its own, and says what one says that Python has started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.installation import Installation, MaildirBox, make_mail
from tests.nursery.process import Process, anew

COMMANDS = (
    (["--version"], 0),
    (["handle", "--help"], 0),
    (["--config", "mailproc.toml", "handlers", "--format", "jsonl"], 0),
    (["--config", "mailproc.toml", "status"], 0),
    (["--config", "mailproc.toml", "messages", "show", "Gr\u00fc\u00dfe"], 64),
    (["--config", "nowhere.toml", "handle"], 78),
    (["fly"], 64),
)


@pytest.fixture
def site(tmp_path: Path, sqlite_url: str) -> Installation:
    """An installation with a Maildir, which it finds in the folder."""
    return Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir"))


def environ(**more: str) -> dict[str, str]:
    """What every program has, and ours needs."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **more}


@pytest.mark.parametrize(
    ("arguments", "status"), COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_it_says_what_a_started_one_says(site: Installation, arguments: Sequence[str], status: int) -> None:
    """The same words on the same streams, and the same end."""
    born, started = (make(arguments, site.folder, environ()) for make in (Process, anew))
    said = [process.communicate(timeout=60) for process in (born, started)]
    assert said[0] == said[1]
    assert any(said[0])
    assert (born.returncode, started.returncode) == (status, status)


def test_it_has_an_environment_and_a_folder_of_its_own(site: Installation) -> None:
    """It finds the configuration in its folder, and what the environment overrides there; the next one has none of that."""
    changed = Process(["check", "--format", "jsonl"], site.folder, environ(MAILPROC_MAX_SIZE="nothing"))
    assert "MAILPROC_MAX_SIZE" in changed.communicate(timeout=60)[1]
    plain = Process(["handlers"], site.folder, environ())
    assert "deeds" in plain.communicate(timeout=60)[0]


def test_it_is_a_process(site: Installation) -> None:
    """It has a number of its own, is told to stop by it, and its end by a signal is known."""
    site.append(make_mail("1 wait"))
    process = site.start()
    assert process.pid != os.getpid() and process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.kill()
    assert process.wait(20) == process.returncode == -signal.SIGKILL
    process.kill()  # which harms nobody any more
    process.communicate(timeout=20)
    assert (process.communicate(timeout=20), process.poll()) == (("", ""), -signal.SIGKILL)


def test_what_it_imports_is_not_known_to_the_next(site: Installation) -> None:
    """Each is forked from the same process, which has done nothing but import mailproc."""
    handler = 'from mailproc import handler\n@handler()\ndef local(delivery):\n    return delivery.handled("{}")\n'
    site.edit("tests.crash.deeds:Deeds", "local_module:local")
    site.config.write_text("\n".join(line for line in site.config.read_text().splitlines() if not line.startswith("folder =")))
    for number in ("first", "second"):
        (site.folder / "local_module.py").write_text(handler.format(number))
        site.append(make_mail(number))
        assert site.run().returncode == 0
    assert [receipt.reason for receipt in site.receipts()] == ["first", "second"]
