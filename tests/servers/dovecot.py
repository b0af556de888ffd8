"""A real Dovecot, unprivileged, in a short temporary folder, on free loopback ports.

::

    with Dovecot() as dovecot:
        dovecot.append("robot", raw)
        client = dovecot.client("robot")

Any user name logs in with one password, ``secret`` unless said otherwise, and has a Maildir of its own. Dovecot 2.3 was
tried; the configuration for 2.4 is written from its manual and was not. It is quick because it never calls fsync, and
because a wrong password does not slow down the next login.

Given the port of a relay it also takes mail by LMTP, runs the user's Sieve script over it, and sends by that relay what the
script answers::

    with RelayServer() as relay, Dovecot(relay_port=relay.port) as dovecot:
        dovecot.script("ann@example.com", 'require "vacation"; vacation "I am away.";')
        dovecot.deliver("ann@example.com", "robot@example.org", raw)
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from imapclient import IMAPClient

from tests.processes import free_port
from tests.servers.certificates import Certificate
from tests.servers.dovecot_conf import Ports, configuration, oauth2_database

PASSWORD = "secret"
WITHOUT_UIDPLUS = "IMAP4rev1 LITERAL+ SASL-IR UNSELECT NAMESPACE MOVE"
WITHOUT_UIDPLUS_AND_MOVE = "IMAP4rev1 LITERAL+ SASL-IR UNSELECT NAMESPACE"


class Dovecot:
    """A Dovecot that serves IMAP on ``port`` and POP3 on ``pop3_port``.

    Given a certificate, there are also STARTTLS and STLS, and TLS on ``tls_port`` and ``pop3_tls_port``.

    ``capability`` replaces the list of capabilities that it announces (it still understands every command). With
    ``relay_port`` there are also LMTP, in a socket of its folder, and Sieve. At ``introspection_url`` (RFC 7662) it asks whose
    an OAuth 2.0 token is; passwords are good all the same.
    """

    def __init__(
        self,
        *,
        certificate: Certificate | None = None,
        capability: str = "",
        password: str = PASSWORD,
        relay_port: int = 0,
        introspection_url: str = "",
    ) -> None:
        self.program = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if self.program is None:
            raise RuntimeError("these tests need Dovecot: apt-get install dovecot-imapd dovecot-pop3d")
        self.certificate = certificate
        self.capability = capability
        self.password = password
        self.relay_port = relay_port
        self.introspection_url = introspection_url
        self.port = 0
        self.tls_port = 0
        self.pop3_port = 0
        self.pop3_tls_port = 0
        self.process: subprocess.Popen[bytes] | None = None
        # Dovecot's UNIX sockets lie below it, and a socket's path may have 108 octets, so it is not pytest's tmp_path.
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
        self.token = secrets.token_hex(8)
        self._own(self.folder)
        for name in ("run", "mail"):
            (self.folder / name).mkdir()
            self._own(self.folder / name)

    def __enter__(self) -> Dovecot:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def user(self) -> str:
        """The system user whose rights Dovecot has: nobody if we are root, else ourselves."""
        return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

    def start(self) -> None:
        """Start, or start again on the same ports with the same mail; returns when the server greets."""
        for _ in range(5):
            # Between our look and Dovecot's bind, a parallel test may take a port; then we look again.
            ports = Ports(*(port or free_port() for port in (self.port, self.tls_port, self.pop3_port, self.pop3_tls_port)))
            self._launch(ports)
            if self._greets(ports.imap):
                self.port, self.tls_port, self.pop3_port, self.pop3_tls_port = ports
                return
            self.stop()
        raise RuntimeError(f"Dovecot does not start: {self.log()[-2000:]}")

    def stop(self) -> None:
        """Stop this Dovecot and wait until it has gone."""
        if self.process is None:
            return
        # To all of its session: told alone, the master waits a second for its children, and now and then for longer.
        for told, seconds in ((signal.SIGTERM, 0.5), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, told)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.process = None

    def log(self) -> str:
        """All that Dovecot has logged."""
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def url(self, user: str, folder: str = "INBOX") -> str:
        """The URL of a user's folder, in the form of mailproc's configuration."""
        return f"imap://{user}@127.0.0.1:{self.port}/{folder}"

    def client(self, user: str) -> IMAPClient:
        """A logged-in client, as any other mail program would be."""
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20)
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login(user, self.password)
        return client

    def append(
        self, user: str, raw: bytes, flags: Iterable[str] = (), when: datetime | None = None, folder: str = "INBOX"
    ) -> None:
        """Put a message into a folder; its line ends become CRLF."""
        with self.client(user) as client:
            client.append(folder, raw, tuple(flags), when)

    def append_all(self, user: str, raws: Iterable[bytes], folder: str = "INBOX") -> None:
        """Put many messages into a folder over one connection."""
        with self.client(user) as client:
            for raw in raws:
                client.append(folder, raw)

    def script(self, user: str, sieve: str) -> None:
        """Give a user a Sieve script (RFC 5228), in the place of the one before."""
        home = self.folder / "mail" / user
        home.mkdir(exist_ok=True)
        (home / ".dovecot.sieve").write_text(sieve)
        for path in (home, home / ".dovecot.sieve"):
            self._own(path)

    def deliver(self, user: str, reverse_path: str, raw: bytes) -> None:
        """Deliver a message by LMTP; when this returns, what the user's script answers has been sent."""
        with smtplib.LMTP(str(self.folder / "run" / "lmtp"), timeout=20) as lmtp:
            lmtp.sendmail(reverse_path, [user], raw)

    def uids(self, user: str, criteria: str = "ALL", folder: str = "INBOX") -> list[int]:
        """The uids of the messages that are in a folder."""
        with self.client(user) as client:
            client.select_folder(folder, readonly=True)
            return sorted(client.search(criteria))

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The raw messages of a folder, oldest first."""
        with self.client(user) as client:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
            return [found[uid][b"BODY[]"] for uid in sorted(found)]

    def flags(self, user: str, folder: str = "INBOX") -> dict[int, set[bytes]]:
        """The flags of each message of a folder, without ``\\Recent``, by uid."""
        with self.client(user) as client:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["FLAGS"])
            return {uid: set(message[b"FLAGS"]) - {b"\\Recent"} for uid, message in found.items()}

    def _launch(self, ports: Ports) -> None:
        conf = self.folder / "dovecot.conf"
        conf.write_text(configuration(self, ports))
        (self.folder / "oauth2").write_text(oauth2_database(self))
        if self.certificate:
            for path in (self.certificate.certificate, self.certificate.key):
                self._own(Path(shutil.copy(path, self.folder / path.name)))
        # Whatever becomes of the tests, Dovecot ends with the process that has started it.
        rights = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", *rights, str(self.program), "-F", "-c", str(conf)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _greets(self, port: int) -> bool:
        """Whether our own Dovecot greets; its port accepts connections before a login process lives."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), 2) as connection:
                    if self.token.encode() in connection.recv(4096):
                        return True
            except OSError:
                pass
            time.sleep(0.01)
        return False

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", "nogroup")


def trusting(authority: Path) -> ssl.SSLContext:
    """A context that trusts one authority alone."""
    return ssl.create_default_context(cafile=str(authority))
