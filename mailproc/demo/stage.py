"""Setting the demo's stage: an installation in a folder of its own, and the mails that will come."""

from __future__ import annotations

import mailbox
from dataclasses import dataclass
from pathlib import Path

from mailproc import archive
from mailproc.address import Address
from mailproc.app import open_engine
from mailproc.database import keys, migrations, users
from mailproc.database.engine import writing
from mailproc.demo.notebook import metadata
from mailproc.errors import SettingsError
from mailproc.openpgp.certificates import read_certificates
from mailproc.settings import Settings, load
from mailproc.state import State
from mailproc.testing.keys import SigningKey, sign_mail

CONFIGURATION = """\
database = "sqlite:///mailproc.db"
archive = "archive"
state = "state"

[[maildrop]]
name = "demo"
url = "maildir:Maildir"

[smtp]                              # no relay runs at port 9: the answers stay in the outbox, to be looked at
url = "smtp://127.0.0.1:9"
from = "The Notebook <robot@notes.example.org>"
admin = "postmaster@notes.example.org"

[log]
file = "mailproc.log"

[domains."notes.example.org"]
handler = "mailproc.demo.notebook:keep_note"
"""


@dataclass(frozen=True, slots=True)
class Act:
    """One mail of the demo: its file in testdata, what it is, whether Ann signs it, and whether it is altered then."""

    file: str
    what: str
    signed: bool = False
    altered: bool = False


ACTS = (
    Act("1-signed-command.eml", "Ann's command, signed", signed=True),
    Act("2-unsigned-note.eml", "Ann's note, unsigned"),
    Act("3-bounce.eml", "a bounce"),
    Act("4-auto-reply.eml", "Ben's auto-reply"),
    Act("5-altered.eml", "Ann's command, altered", signed=True, altered=True),
    Act("6-stranger.eml", "a stranger's question"),
    Act("7-divide.eml", "Ben's sum, a bug"),
    Act("8-unsigned-command.eml", "Ann's command, unsigned"),
)


def mails() -> Path:
    """The folder of the demo's mails, in a checkout or in an installed package."""
    package = Path(__file__).parent.parent
    for folder in (package / "_testdata" / "demo", package.parent / "testdata" / "demo"):
        if folder.is_dir():
            return folder
    raise SettingsError("the demo's mails are not installed; run it from a checkout")


def set_up(folder: Path) -> Settings:
    """Make the installation, its two users and Ann's key, and put the mails into the maildrop."""
    path = folder / "mailproc.toml"
    path.write_text(CONFIGURATION)
    settings = load(path, {})
    State(settings.state).create()
    archive.create(settings.archive)
    engine = open_engine(settings)
    migrations.upgrade(engine, migrations.plugin_migrations())
    with SigningKey.generate("Ann Gardener <ann@example.com>") as key, writing(engine) as conn:
        metadata.create_all(conn)
        users.add_user(conn, "ann", [Address.parse("ann@example.com")])
        users.add_user(conn, "ben", [Address.parse("ben@example.com")])
        for found in read_certificates(key.certificate):
            keys.import_key(conn, "ann", found)
        _deliver(folder, key)
    engine.dispose()
    return settings


def _deliver(folder: Path, key: SigningKey) -> None:
    """Put the mails into the maildrop, and a copy of each into ``mails`` to be looked at."""
    box = mailbox.Maildir(str(folder / "Maildir"))
    copies = folder / "mails"
    copies.mkdir()
    for act in ACTS:
        raw = _mail(act, key)
        (copies / act.file).write_bytes(raw)
        box.add(raw)


def _mail(act: Act, key: SigningKey) -> bytes:
    raw = (mails() / act.file).read_bytes()
    if act.signed:
        raw = sign_mail(raw, key)
    return raw.replace(b"orchard", b"vineyard") if act.altered else raw
