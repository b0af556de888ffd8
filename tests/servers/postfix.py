"""A real Postfix (Debian's) in a temporary folder, which takes mail on a free loopback port and hands it on as it is told.

::

    with Postfix({"books.example.org": "mailproc:"}, service, relay_port=relay.port) as postfix:
        postfix.send("ann@example.com", ["book@books.example.org"], raw)
        postfix.wait_for("status=sent")

``domains`` says by which transport mail for a domain goes (transport(5)), ``services`` are lines of master.cf (master(5)). Its
own mail, such as bounces, and all other mail goes to the relay. It needs root, because it is many processes of its own users.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.processes import free_port

_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("maildrop", "private", "public", "saved", "trace"),
)

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
{services}
"""

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
myhostname = mx.example.net
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
relay_recipient_maps =
relayhost = [127.0.0.1]:{relay_port}
smtputf8_enable = no
smtpd_peername_lookup = no
disable_dns_lookups = yes
{settings}
"""

_ROUTES = """\
relay_domains = {domains}
transport_maps = inline:{{ {transports} }}
"""


class Postfix:
    """A Postfix that listens on ``port``; ``settings`` are more lines of main.cf: also for the ways, without ``domains``."""

    def __init__(self, domains: Mapping[str, str], services: str, *, relay_port: int, settings: str = "") -> None:
        if os.geteuid() != 0:
            raise RuntimeError("these tests need root, because Postfix is processes of several users")
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.port = free_port()
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it is closed with the server
        self.log = self.folder / "log"
        self.folder.chmod(0o755)
        self._config = self.folder / "conf"
        owned = ("data", *(f"queue/{name}" for name in _QUEUES))
        for name in ("conf", "queue", "queue/pid", *owned):
            (self.folder / name).mkdir()
        for name in owned:  # what `postfix start` would do, in the three seconds that it takes
            shutil.chown(self.folder / name, "postfix")
            (self.folder / name).chmod(0o700)
        (self.folder / "queue" / "public").chmod(0o755)
        transports = ", ".join(f"{{ {domain} = {transport} }}" for domain, transport in domains.items())
        routes = _ROUTES.format(domains=" ".join(domains), transports=transports) if domains else ""
        main = _MAIN.format(folder=self.folder, relay_port=relay_port, settings=routes + settings)
        (self._config / "main.cf").write_text(main)
        (self._config / "master.cf").write_text(_MASTER.format(port=self.port, services=services))

    def __enter__(self) -> Postfix:
        # It closes every descriptor that it might have, and that takes seconds where it might have a million.
        few = ["prlimit", "--nofile=1024:1024", "--"]
        command = [*few, f"{_daemons()}/master", "-c", str(self._config), "-d"]
        self._master = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said)
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._master.terminate()  # its processes end with it
        try:
            self._master.wait(20)
        finally:
            self._master.kill()
            self._said.close()
            shutil.rmtree(self.folder)

    def send(self, reverse_path: str, recipients: Sequence[str], raw: bytes) -> None:
        """Hand it a mail by SMTP."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.sendmail(reverse_path, recipients, raw)

    def flush(self) -> None:
        """Have it try at once whatever it has put off."""
        subprocess.run(["postfix", "-c", str(self._config), "flush"], check=True, capture_output=True, timeout=20)

    def wait_for(self, words: str, number: int = 1) -> list[str]:
        """The lines of its log with these words, when there are so many of them."""
        until = time.monotonic() + 30
        while len(found := [line for line in self._lines() if words in line]) < number:
            if time.monotonic() > until:
                raise AssertionError(f"{words!r} is not in the log of Postfix:\n" + "\n".join(self._lines()))
            time.sleep(0.02)
        return found

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def _wait_until_it_listens(self) -> None:
        until = time.monotonic() + 30
        while self._master.poll() is None and time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
                    probe.recv(4)
                    return
            except OSError:
                time.sleep(0.02)
        self._said.seek(0)
        raise RuntimeError("\n".join(["Postfix did not start:", self._said.read(), *self._lines()]))


def _daemons() -> str:
    """The folder with the programs of Postfix."""
    asked = subprocess.run(["postconf", "-d", "-h", "daemon_directory"], check=True, capture_output=True, text=True, timeout=20)
    return asked.stdout.strip()
