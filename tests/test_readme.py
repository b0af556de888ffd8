"""What the README shows happens: the handler, the demo, and the first maildrop, step by step on real servers."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailproc.testing import SigningKey, make_mail
from tests.pages import PAGES, TOP, blocks, section
from tests.servers.certificates import make_authority
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer

README = PAGES["README.md"]
PROGRAM = Path(sys.executable).parent / "mailproc"

# What is another one each time.
CHANGING = (
    (r"OOPS-[0-9A-Z-]+", "OOPS"),
    (r"\b[0-9A-F]{40}\b", "FINGERPRINT"),
    (r"\b[0-9a-f]{24}\b", "ID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME"),
    (r"TLSv1\.\d", "TLS"),
    (r"(?<= )/\S*/gpg\b", "GPG"),
    (r"(?m)^(?:bugs|titles): 0001 .*\n|, (?:bugs|titles) at 0001", ""),  # the other examples, which a reader has not installed
)


def steady(text: str) -> list[str]:
    """The lines of a text, without what changes."""
    for pattern, shown in CHANGING:
        text = re.sub(pattern, shown, text)
    return [line.rstrip() for line in text.splitlines()]


def test_the_handler_of_the_readme_is_that_of_the_example() -> None:
    """It is not a sketch: the example's tests run it."""
    (shown,) = blocks(README, "python")
    imports, _, function = shown.partition("@handler()")
    source = (TOP / "examples/notes/notes/mail.py").read_text()
    assert f"@handler(){function}" in source
    compile(imports, "README.md", "exec")


def test_the_demo_says_what_the_readme_shows(tmp_path: Path) -> None:
    """Every line of the README's block is one of the demo's, in their order."""
    (shown,) = (block for block in blocks(README, "console") if block.startswith("$ make demo\n"))
    done = subprocess.run([PROGRAM, "demo", "--folder", tmp_path], capture_output=True, text=True, check=True)
    said = iter(steady(done.stdout.replace(str(tmp_path), "...")))
    for line in steady(shown)[1:]:
        assert line == "..." or line in said, line


@pytest.mark.parametrize("target", re.findall(r"(?:`|^|\$ )make (\w+)", README, re.MULTILINE))
def test_the_targets_of_make_exist(target: str) -> None:
    """What the README tells a newcomer to type is in the Makefile."""
    assert re.search(rf"^{target}:", (TOP / "Makefile").read_text(), re.MULTILINE)


def on_a_terminal(command: str, folder: Path, environ: dict[str, str]) -> str:
    """What a command writes on a terminal of 120 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    process = subprocess.Popen(["sh", "-c", command], cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # EIO: the last process has closed the terminal
        pass
    os.close(ours)
    assert process.wait() == 0, said.decode()
    return said.decode().replace("\r\n", "\n")


def followed(folder: Path, run: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    """Do what the section on the first maildrop says, step by step: the command, what it said, what the README shows."""
    for block in re.findall(r"^```(?:toml|console)\n.*?^```$", section(README, "The first maildrop"), re.MULTILINE | re.DOTALL):
        text = block.partition("\n")[2].removesuffix("```")
        if block.startswith("```toml"):
            with (folder / "mailproc.toml").open("a") as file:
                file.write(f"\n{text}")
            continue
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = re.match(r"(?:.*\\\n)*.*\n", step)
            assert lines is not None
            yield lines[0], run(lines[0]), step[lines.end() :]
        for password in folder.glob("*.password"):
            password.write_text("secret\n")


def test_the_first_maildrop_goes_as_the_readme_says(tmp_path: Path) -> None:
    """A newcomer who types what stands there sees what stands there: on a real IMAP server and a real relay, with TLS."""
    folder = tmp_path / "robot"
    folder.mkdir()
    authority = make_authority(tmp_path)
    certificate = authority.issue("localhost")
    ann = SigningKey.generate("Ann Example <ann@example.com>")
    with (
        ann,
        Dovecot(certificate=certificate) as dovecot,
        RelayServer(certificate=certificate, login=("robot", "secret")) as relay,
    ):
        (folder / "ann.asc").write_text(ann.armored_certificate)
        dovecot.append("robot", make_mail(to="desk@librarian.example.org", text="open shopping", key=ann))
        dovecot.append("robot", make_mail(to="shopping@notes.example.org", text="Milk"))
        here = (
            (f"localhost:{dovecot.tls_port}", "imap.example.org"),
            (f"localhost:{relay.port}", "smarthost.example.org"),
        )
        environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        environ |= {"SSL_CERT_FILE": str(authority.certificate), "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}

        def run(command: str) -> str:
            for address, name in here:
                command = command.replace(name, address)
            return on_a_terminal(command, folder, environ)

        for command, said, shown in followed(folder, run):
            said = said.replace(str(folder), "/home/you/robot").replace(here[1][0], "smarthost.example.org:587")
            order = sorted if "messages list" in command else list  # those of one chunk have come at the same time
            assert order(steady(said)) == order(steady(shown)), command
        assert dovecot.messages("robot") == []
        assert [mail.rcpt_tos for mail in relay.received] == [["ann@example.com"]]
        assert b"shopping is open." in relay.received[0].data
