"""A site: a real Postfix before real mailprocs, one for each recipe of docs/receiving.md, each with a domain of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Self

from mailproc.database.engine import writing
from mailproc.database.passwords import set_password
from tests.installation import ROOT, SENDER, Installation, finish, make_mail
from tests.mta.recipes import recipe
from tests.nursery.process import Running
from tests.processes import wait_for
from tests.servers.certificates import make_authority
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.servers.relay import RelayServer

USER = "nobody"  # in place of the user mailproc
PASSWORD = "correct horse battery"
ROBOT = "robot@mail.example.com"  # whose domain is none of ours

COMMON = "What all of them have"
HEADINGS = {
    "inline": "LMTP, worked before the reply",
    "spool": "LMTP over a Unix socket, into the spool",
    "pipe": "A pipe",
    "network": "LMTP over a network",
    "checked": "Refusing unknown recipients",
    "mailbox": "A mailbox that Dovecot keeps",
}

# What Debian's master.cf has besides.
_SERVICES = """\
lmtp unix - - y - - lmtp
verify unix - - n - 1 verify
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
"""


class Site:
    """The Postfix, the relay that takes what leaves the site, such as bounces, and an installation for each recipe."""

    def __init__(self, database: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="site-", dir="/tmp"))  # USER may look into it, and paths are short
        self.folder.chmod(0o755)
        self.relay = RelayServer()
        self.dovecot = Dovecot(relay_port=self.relay.port)
        self.dovecot.folder.chmod(0o755)  # for Postfix; the socket in it is open to all
        self._kept = {"inline": _kept_port(), "network": _kept_port()}
        self.ports = {name: int(kept.getsockname()[1]) for name, kept in self._kept.items()}
        self.installations: dict[str, Installation] = {}
        self._database = database
        self._held = ExitStack()
        places = self._places()
        self._files = {name: recipe(heading, places[name]) for name, heading in HEADINGS.items()}
        self.postfix = self._make_postfix()

    def __enter__(self) -> Self:
        with ExitStack() as held:
            held.callback(shutil.rmtree, self.folder)
            for server in (*self._kept.values(), self.relay, self.dovecot, self.postfix):
                held.enter_context(server)
            for name in HEADINGS:
                self.installations[name] = held.enter_context(self._installation(name))
            self._prepare_spool(self.installations["spool"])
            self._prepare_pipe(self.installations["pipe"])
            self._prepare_mailbox(self.installations["mailbox"])
            self._prepare_network(self.installations["network"])
            self._held = held.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._held.close()

    def _places(self) -> dict[str, dict[str, object]]:
        """What each recipe has here in place of what the page has."""
        folder, network = self.folder, self.ports["network"]
        certificate = make_authority(folder).issue("localhost")
        inline: dict[str, object] = {":8024": f":{self.ports['inline']}"}
        places: dict[str, dict[str, object]] = {
            "inline": inline,
            "checked": inline | {"/etc/postfix": folder},
            "spool": {},
            "pipe": {
                "user=mailproc": f"user={USER}",
                "/usr/local/bin/mailproc": folder / "pipe" / "mailproc",
                "/etc/mailproc/mailproc.toml": folder / "pipe" / "mailproc.toml",
            },
            "network": {
                "0.0.0.0:24": f"127.0.0.1:{network}",
                "mailproc.example.net:24": f"localhost:{network}",
                "/etc/mailproc/tls.pem": certificate.certificate,
                "/etc/mailproc/tls.key": certificate.key,
                "/etc/ssl/certs/ca-certificates.crt": folder / "ca.pem",
                "/etc/postfix": folder,
                "mx:the-password": f"ann:{PASSWORD}",
            },
            "mailbox": {
                "robot@mail.example.org": ROBOT,
                "mail.example.org  ": f"{ROBOT.partition('@')[2]}  ",
                "unix:private/dovecot-lmtp": f"unix:{self.dovecot.folder / 'run' / 'lmtp'}",
                "y       -       -       lmtp": "n       -       -       lmtp",  # the socket is outside of the chroot
                "imap.password": "password",
            },
        }
        return {name: {"notes.example.org": f"{name}.example.org"} | place for name, place in places.items()}

    def _make_postfix(self) -> Postfix:
        domains = " ".join(f"{name}.example.org" for name in HEADINGS)
        common = recipe(COMMON, {"notes.example.org": domains, "/etc/postfix": self.folder})
        for name in ("transport", "mailproc.password", "verified"):
            (self.folder / name).write_text(self._all(name))
        main = common["main.cf"] + self._all("main.cf") + "address_verify_poll_delay = 1s\n"
        return Postfix({}, _SERVICES + self._all("master.cf"), relay_port=self.relay.port, settings=main)

    def _all(self, name: str) -> str:
        """A file of Postfix, with what every recipe says of it."""
        return "".join(files.get(name, "") for files in self._files.values())

    # mailproc --------------------------------------------------------------------------------------------------------------

    def _installation(self, name: str) -> Installation:
        folder = self.folder / name
        folder.mkdir()
        database = shutil.copy(self._database, folder / "mailproc.db")
        made = Installation(folder, f"sqlite:///{database}", relay=self.relay)
        with made.config.open("a") as config:
            config.write('[domains."*.example.org"]\nhandler = "deeds"\n')
            config.write('[domains."checked.example.org"]\nhandler = "chatty"\n')
            config.write(f'[handler.chatty]\nuse = "tests.pipe.handlers:Chatty"\nfolder = "{folder}"\n')
            config.write(self._files[name].get("mailproc.toml", ""))
        return made

    def _prepare_spool(self, made: Installation) -> None:
        """The folder of the socket, as the page has it made."""
        queue = self.postfix.folder / "queue"
        made.edit("/var/spool/postfix/", f"{queue}/")
        subprocess.run(["install", "-d", "-g", "postfix", "-m", "2710", queue / "mailproc"], check=True, timeout=20)

    def _prepare_pipe(self, made: Installation) -> None:
        """Another user's: Postfix starts nothing as root, nor as itself."""
        program = made.folder / "mailproc"
        paths = ":".join(path for path in sys.path if path)
        program.write_text(f'#!/bin/sh\nPYTHONPATH={paths} exec {python_for_others()} -m mailproc "$@"\n')
        program.chmod(0o755)
        for path in (made.folder, *made.folder.rglob("*")):
            shutil.chown(path, USER)

    def _prepare_mailbox(self, made: Installation) -> None:
        made.edit("imaps://robot%40mail.example.org@mail.example.org/INBOX", self.dovecot.url(ROBOT.replace("@", "%40")))

    def _prepare_network(self, made: Installation) -> None:
        with writing(made.engine) as conn:
            set_password(conn, "ann", PASSWORD)

    @contextmanager
    def serving(self, name: str) -> Iterator[Running]:
        """`mailproc serve` runs for as long as the block lasts."""
        process = self.installations[name].start("-n", command="serve")
        try:
            wait_for(lambda: "open: " in self.said_by(name) or process.poll() is not None)
            assert process.poll() is None, finish(process).stderr  # type: ignore[arg-type]
            yield process
        finally:
            process.terminate()
            assert finish(process).returncode == 0
            (self.installations[name].folder / "log").unlink()

    def said_by(self, name: str) -> str:
        """What stands in the log of this mailproc."""
        log = self.installations[name].folder / "log"
        return log.read_text() if log.exists() else ""

    # Mail ------------------------------------------------------------------------------------------------------------------

    def send(self, name: str, subject: str, *locals: str, sender: str = SENDER) -> None:
        """Hand Postfix a mail of ann's for these at the domain of a recipe."""
        self.postfix.send(sender, [f"{local}@{name}.example.org" for local in locals or ("book",)], make_mail(subject, to=None))

    def left(self, subject: str) -> list[tuple[str, list[str], Message]]:
        """Of the mails that have left the site, those about this one: from whom, to whom, and what."""
        marks = (f"\nSubject: {subject}\r\n".encode(), f"in-reply-to: <{subject.replace(' ', '.')}@".encode())
        return [
            (mail.mail_from, mail.rcpt_tos, message_from_bytes(mail.data))
            for mail in list(self.relay.received)
            if any(mark.lower() in mail.data.lower() for mark in marks)
        ]

    def bounce(self, subject: str) -> Message:
        """The bounce of a mail, as soon as it has left; there is no other."""
        wait_for(lambda: self.left(subject))
        ((mail_from, recipients, bounce),) = self.left(subject)
        assert (mail_from, recipients, bounce["From"]) == ("", [SENDER], "Mail Delivery System <MAILER-DAEMON@mx.example.net>")
        return bounce


def status_of(bounce: Message) -> dict[str, str]:
    """What a bounce says of its recipient (RFC 3464 section 2.3), its fields without their folds."""
    (report,) = [part for part in bounce.walk() if part.get_content_type() == "message/delivery-status"]
    _, recipient = report.get_payload()
    return {name: " ".join(value.split()) for name, value in recipient.items()}


def python_for_others() -> str:
    """A Python like ours that other users may start: ours may lie in a folder of root's."""
    names = (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    for python in names:
        with suppress(OSError, subprocess.CalledProcessError):
            tried = [python, "-c", f"import os; os.scandir({str(ROOT)!r})"]
            subprocess.run(tried, user=USER, check=True, capture_output=True, timeout=20)
            return python
    raise AssertionError(f"{USER} must be able to start one of {names} and to read {ROOT}")


def _kept_port() -> socket.socket:
    """A port that nobody else is given as long as this socket is open; a server that says SO_REUSEADDR may listen there."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept
