"""urllib3, which only a gateway needs: what is said where it is missing, and that it is loaded when something is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.keys import Call
from tests.gateway.installed import add_gateway, channel_of, mail_to
from tests.gateway.targets.realm import key_file
from tests.installation import ROOT, Installation, MaildirBox
from tests.test_startup import CODE, found

MISSING = "handler.chat: urllib3 is not installed; type: pip install 'urllib3>=2.5'"


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Installation:
    """An installation with a gateway to a webhook."""
    installation = Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir"))
    key = str(key_file(tmp_path))
    add_gateway(installation, "chat", "chat.example.org", target="webhook", url="http://127.0.0.1:1/", secret_file=key)
    return installation


def test_without_it_the_line_says_what_to_type(installation: Installation, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is handled, and no address is made, as where another program is missing."""
    installation.append(mail_to(channel_of(installation, "chat.example.org")))
    monkeypatch.setitem(sys.modules, "urllib3", None)  # what an import finds where it is not installed
    config = ("--config", str(installation.config))
    told = call(*config, "address", "new", "general")
    assert (told.status, told.err) == (69, f"mailproc: {MISSING}\n")
    checked = call(*config, "check")
    assert checked.status == 69
    assert MISSING in checked.out
    assert MISSING in call(*config, "handlers").out


def modules_after(installation: Installation, *arguments: str) -> set[str]:
    """What this command has imported, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", CODE, "--config", str(installation.config), *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(ended.stdout.split())


def test_it_is_not_loaded_before_something_is_asked(installation: Installation) -> None:
    """A gateway that is made, and asked for its addresses, needs no HTTP."""
    modules = modules_after(installation, "address", "new", "general")
    assert {"mailproc.gateway.handler", "mailproc.gateway.targets.webhook"} <= modules
    assert found(modules, ("urllib3", "http.client")) == set()
