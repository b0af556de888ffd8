"""GnuPG behind python-gnupg: verification of one signature by one bounded process, and facts about certificates.

python-gnupg starts gpg and collects what it says. Four things of it are replaced here, each because of a danger:

- Its result classes call a SHA-1 signature valid, keep the names of a second signer, and fail on an empty user id: we only
  collect the status lines, and `mailproc.openpgp.status` judges them.
- It shares one descriptor between status lines and messages, where a file name or user id has passed as a status line before
  (CVE-2018-12020): the status lines get a descriptor of their own, and the messages go nowhere.
- It decodes as Latin-1 and then splits at each Unicode line end, so that an innocent UTF-8 user id with the byte 0x85 can start
  a line of its own choice. No byte of cp437 is a line end, save the ones that gpg escapes.
- It waits for ever: each process is the leader of a session, which is killed as a whole when its time is over.
"""

from __future__ import annotations

import io
import logging
import math
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gnupg

from mailproc.errors import MailprocError, MissingProgram
from mailproc.failpoints import failpoint
from mailproc.openpgp import SignedPart, Verification
from mailproc.openpgp.objections import Case, examine
from mailproc.openpgp.status import Line, read_status

# A bad signature is a finding, which we report; python-gnupg would warn of each, with the bytes of the mail.
logging.getLogger("gnupg").propagate = False

_ALONE = (
    "--no-options",  # nobody's gpg.conf
    "--batch",
    "--no-tty",
    "--no-verbose",
    "--with-colons",
    "--no-default-keyring",
    "--trust-model=always",  # who may sign for whom is decided in authenticate
    "--no-auto-check-trustdb",
    "--no-auto-key-retrieve",  # a mail must not make us fetch a key
    "--no-auto-key-locate",
    "--no-sig-cache",  # a certificate cannot bring its own "already checked" along
    "--disable-dirmngr",
)
_MEMORY = 1 << 30  # octets of address space; gpg reads a mail of any size in pieces


class GpgUnfinished(MailprocError):
    """gpg was ended before it had said everything: by our limits of time and memory, or by a signal of somebody else's."""


class _Limited(subprocess.Popen[bytes]):
    """A gpg process with a time limit; its end is that of all its children."""

    def __init__(self, command: Sequence[str], timeout: float, status: int) -> None:
        super().__init__(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(status,),
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
        # The timer dies with us; these limits stay with gpg, and no wait of ours can keep them from it.
        with suppress(OSError):
            resource.prlimit(self.pid, resource.RLIMIT_CPU, (math.ceil(timeout),) * 2)
            resource.prlimit(self.pid, resource.RLIMIT_AS, (_MEMORY,) * 2)
        self._timer = threading.Timer(timeout, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; the timer is stopped while the process is still a zombie, so that it never hits another's pid."""
        if self.returncode is None:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self._timer.cancel()
        self._timer.join()
        return super().wait(timeout)


class _StatusLines(gnupg.StatusHandler):  # type: ignore[misc]
    """The status lines of one call, unjudged."""

    returncode: int | None = None

    def __init__(self, gpg: gnupg.GPG) -> None:
        super().__init__(gpg)
        self.lines: list[Line] = []

    def handle_status(self, key: str, value: str) -> None:
        """Take one line."""
        self.lines.append((key, value))


def gpg_path(program: str = "gpg") -> str:
    """Where gpg is; raises `MissingProgram` with what installs it."""
    path = shutil.which(program)
    if path is None:
        raise MissingProgram(f"{program} is not installed; type: apt-get install gnupg")
    return path


class Gpg(gnupg.GPG):  # type: ignore[misc]
    """python-gnupg with the safeguards that the head of this module names; usable from several threads at once."""

    result_map = gnupg.GPG.result_map | {"verify": _StatusLines}

    def __init__(self, program: str = "gpg", timeout: float = 10.0) -> None:
        path = gpg_path(program)
        self.timeout = timeout
        try:
            super().__init__(path, encoding="cp437")
        except (OSError, ValueError) as error:
            raise MissingProgram(f"{path} cannot be run as GnuPG: {error}; type: apt-get install gnupg") from error

    def make_args(self, args: Sequence[str], passphrase: object) -> list[str]:
        """The command line; nothing of a mail is ever in it."""
        return [self.gpgbinary, *_ALONE, *args]

    def _open_subprocess(self, args: Sequence[str], passphrase: object = False) -> _Limited:
        """Start gpg; its ``stderr`` is, for python-gnupg, the pipe of the status lines."""
        read, write = os.pipe()
        try:
            command = self.make_args([f"--status-fd={write}", *args], passphrase)
            process = _Limited(command, self.timeout, write)
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        process.stderr = open(read, "rb")  # noqa: SIM115, PTH123 -- python-gnupg closes it
        return process

    def verify_files(self, home: Path, keys: Path, signature: Path, content: Path) -> _StatusLines:
        """The status lines for a detached signature, checked with the keys of one file and a home that holds nothing."""
        where = [f"--homedir={home}", f"--keyring={keys}", str(signature), str(content)]
        lines: _StatusLines = self.verify_file(io.BytesIO(), extra_args=where)
        return lines

    def list_certificates(self, home: Path, certificates: Path) -> list[dict[str, Any]]:
        """What gpg says of the certificates in a file after it has checked their self-signatures; nothing is imported.

        Raises `GpgUnfinished` where gpg did not come to an end of its own: what it said until then is no answer.
        """
        # An expired key makes gpg look for a trust database, which it only makes for itself in the model "pgp".
        where = ["--trust-model=pgp", f"--homedir={home}", f"--keyring={home / 'none'}"]
        command = [*where, "--dry-run", "--import-options=import-show", "--import", str(certificates)]
        result = self.result_map["scan"](self)
        self._handle_io(command, io.BytesIO(), result, binary=True)
        if result.returncode is None or result.returncode < 0:
            raise GpgUnfinished(f"gpg did not finish within {self.timeout:g} s")
        return list(self._decode_result(result))


class GnupgVerifier:
    """Verifies with GnuPG, one process for each signature; usable from several threads at once.

    ``program`` is the name or path of gpg, ``timeout`` the seconds after which a gpg process is killed, ``folder`` where the
    short-lived folders of each call are made (the system's own place unless given). `MissingProgram` is raised at once where
    gpg is not installed.
    """

    def __init__(self, program: str = "gpg", timeout: float = 10.0, folder: Path | None = None) -> None:
        self._gpg = Gpg(program, timeout)
        self._folder = folder

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """Answer for the one signature of ``part``; CANNOT_TELL when gpg hangs, crashes or cannot be started."""
        return examine(part, certificates, self._check)

    def _check(self, case: Case) -> Verification:
        failpoint("gpg")
        with tempfile.TemporaryDirectory(prefix="gpg-", dir=self._folder) as name:
            home = Path(name)
            keys, signature, content = home / "keys", home / "signature", home / "content"
            keys.write_bytes(case.certificate.data)
            signature.write_bytes(case.signature)
            content.write_bytes(case.content)
            said = self._gpg.verify_files(home, keys, signature, content)
        return read_status(said.lines, said.returncode)
