"""An installation whose maildrop is full of mail that attacks whoever looks at it, after a run that handled it."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailproc.cli import cli
from mailproc.cli.running import run
from mailproc.testing.keys import SigningKey
from tests.cli_run.calling import Ended, call
from tests.installation import Installation, MaildirBox
from tests.output.attacks import ATTACKS, SECRETS, encoded_word, raw_octets
from tests.servers.relay import RelayServer

KINDS = ("raise", "reject", "defer", "log", "answer")
DOMAIN = "notes.example.org"


def attacking(attack: str, kind: str, number: int, *, encoded: bool) -> bytes:
    """A mail of Ann's with the attack in every field, in the name of an attachment, and in its text."""
    put = (encoded_word if encoded else raw_octets)(attack[:200_000])
    short = (encoded_word if encoded else raw_octets)(attack[:2_000])
    text = b64encode(attack.encode("utf-8", "surrogatepass"))
    fields = [
        b"X-Original-To: %b@%b" % (kind.encode(), DOMAIN.encode()),
        b'From: "%b" <ann@example.com>' % short if not encoded else b"From: %b <ann@example.com>" % short,
        b"To: %b <%b@%b>" % (short, kind.encode(), DOMAIN.encode()),
        b"Subject: %b" % put,
        b"Message-ID: <%d.%b@example.com>" % (number, short),
        b"References: <%b@example.com> %b" % (short, short),
        b"Date: %b" % short,
        b"Reply-To: %b" % short,
        b"X-Mailer: %b" % put,
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="b"',
    ]
    part = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + text
    name = b'Content-Disposition: attachment; filename="%b"' % short
    attachment = b"Content-Type: application/octet-stream\r\n" + name + b"\r\n\r\nx"
    body = b"".join(b"--b\r\n" + each + b"\r\n" for each in (part, attachment)) + b"--b--\r\n"
    return b"\r\n".join(fields) + b"\r\n\r\n" + body


def attacks() -> Iterator[bytes]:
    """All of them: each attack, each way of handling it, raw and encoded; then the secrets."""
    texts = [*ATTACKS.values(), *(secret for secret, _ in SECRETS.values())]
    number = 0
    for text in texts:
        for kind in KINDS:
            for encoded in (True, False):
                number += 1
                yield attacking(text, kind, number, encoded=encoded)


@dataclass(frozen=True)
class Attacked:
    """The installation after the run, how the run ended, and the raw mails."""

    site: Installation
    run: Ended
    mails: tuple[bytes, ...]

    def call(self, *arguments: str | Path) -> Ended:
        """Call mailproc as a process in the folder of the installation."""
        return call(self.site.folder, *arguments)

    def here(self, *arguments: str) -> str:
        """Call mailproc in this process; answers what it wrote to its stdout, which was all."""
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        before = list(logging.getLogger().handlers)
        with contextlib.redirect_stdout(out):
            status = run(cli, ["--config", str(self.site.config), *arguments])
        for handler in [handler for handler in logging.getLogger().handlers if handler not in before]:
            logging.getLogger().removeHandler(handler)
            handler.close()
        assert status == 0
        return out.buffer.getvalue().decode()  # type: ignore[attr-defined]


@contextmanager
def installation(folder: Path, template: Path) -> Iterator[Installation]:
    """A Maildir and a handler that writes what it reads wherever it can."""
    file = folder / "mailproc.db"
    shutil.copy(template, file)
    file.chmod(0o600)
    box = MaildirBox(folder / "Maildir")
    with RelayServer() as relay, Installation(folder, f"sqlite:///{file}", box, relay=relay) as site:
        edited = site.config.read_text().replace('handler = "deeds"', 'handler = "tests.output.handlers:loud"')
        site.config.write_text(edited)
        yield site


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Attacked]:
    """One run over all of it, with every event on stderr."""
    mails = tuple(attacks())
    with installation(tmp_path_factory.mktemp("attacked"), sqlite_template) as site:
        site.append(*mails)
        yield Attacked(site, call(site.folder, "handle", "-v"), mails)


@pytest.fixture(scope="session")
def attacked_in_json(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Path]:
    """The log of another run in JSON, over those of the mails whose handler logs or raises."""
    with installation(tmp_path_factory.mktemp("json"), sqlite_template) as site:
        site.edit('file = "log"', 'file = "log"\nformat = "json"')
        site.append(*(raw for raw in attacks() if raw.startswith((b"X-Original-To: log@", b"X-Original-To: raise@"))))
        assert call(site.folder, "handle").status == 0
        yield site.folder / "log"


@pytest.fixture(scope="session")
def hostile_key() -> Iterator[SigningKey]:
    """A key whose user ids attack whoever looks at them."""
    with SigningKey.generate("Ann <ann@example.com>") as key:
        for text in ATTACKS.values():
            if len(text) < 100 and "\0" not in text and "\ud800" not in text:
                key.gpg("--allow-freeform-uid", "--passphrase", "", "--quick-add-uid", key.fingerprint, f"Ann {text} x")
        yield key
