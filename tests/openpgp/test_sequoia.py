"""Sequoia in this process: what is missing or breaks says nothing about a signature."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from keyring_of_test import signed_part

from mailproc.errors import MissingProgram
from mailproc.openpgp import Finding
from mailproc.openpgp.agreement import Both
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.sequoia import SequoiaVerifier
from mailproc.testing.keys import SigningKey

CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"

PANICKING = """
from datetime import UTC, datetime
import pysequoia
from pathlib import Path
from mailproc.openpgp import SignedPart
from mailproc.openpgp.sequoia import SequoiaVerifier

class Panicking:
    class Cert:
        def from_bytes(data):
            secret = pysequoia.Tsk.generate("Ann")
            secret.extract_certificate().set_expiration(datetime(1960, 1, 1, tzinfo=UTC), secret.certifier())

part = SignedPart({content!r}, {signature!r}, 1, True, ())
certificates = [Path({file!r}).read_bytes()]
verifier = SequoiaVerifier()
verifier._pysequoia = Panicking
found = verifier.verify(part, certificates)
print(found.finding, found.detail)
print(SequoiaVerifier().verify(part, certificates).finding)
"""


def test_a_missing_extra_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pysequoia there is no verifier, and the text says what installs it; the module itself can be imported."""
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(MissingProgram, match=r"type: pip install 'pysequoia>=0\.1\.35,<0\.2'$"):
        SequoiaVerifier()


def test_pysequoia_is_not_imported_with_the_module() -> None:
    """An empty run does not pay for it."""
    program = "import sys; import mailproc.openpgp.sequoia, mailproc.openpgp.agreement; sys.exit('pysequoia' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2]).returncode == 0


def test_a_panic_cannot_tell(tmp_path: Path, ann: SigningKey) -> None:
    """A real panic in Rust, which no `except Exception` sees, is a doubt, and the next verification is as before."""
    part = signed_part(CONTENT, ann)
    (tmp_path / "certificate").write_bytes(ann.certificate)
    program = PANICKING.format(content=part.content, signature=part.signature, file=str(tmp_path / "certificate"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    first, second = done.stdout.splitlines()
    assert first.startswith("cannot-tell PanicError: Sequoia: ")
    assert second == "good"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_ends_it(error: type[BaseException], ann: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption is no finding."""
    verifier = SequoiaVerifier()

    def interrupt(case: object) -> None:
        raise error

    monkeypatch.setattr(verifier, "_ask", interrupt)
    with pytest.raises(error):
        verifier.verify(signed_part(CONTENT, ann), [ann.certificate])


def test_no_process_is_started(ann: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequoia needs no gpg, no agent and no file."""
    part, certificate = signed_part(CONTENT, ann), ann.certificate
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr(os, "open", None)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert SequoiaVerifier().verify(part, [certificate]).finding is Finding.GOOD


def test_many_threads_at_once(ann: SigningKey, bob: SigningKey) -> None:
    """Eight threads that share a verifier see only their own keys."""
    verifier = SequoiaVerifier()
    parts = [signed_part(CONTENT, ann), signed_part(CONTENT, bob)]
    keys = [ann.certificate, bob.certificate]
    jobs = [(part, [key]) for part in parts for key in keys] * 100
    with ThreadPoolExecutor(8) as pool:
        found = [each.finding for each in pool.map(lambda job: verifier.verify(*job), jobs)]
    assert found == [Finding.GOOD, Finding.UNKNOWN_KEY, Finding.UNKNOWN_KEY, Finding.GOOD] * 100


@pytest.mark.parametrize("ahead", [timedelta(minutes=25), timedelta(days=300)])
def test_a_signature_that_is_dated_ahead(ahead: timedelta, ann: SigningKey) -> None:
    """GnuPG takes any date; Sequoia, and so both, cannot tell before its time has come, and say when that is."""
    at = datetime.now(UTC).replace(microsecond=0) + ahead
    part, certificates = signed_part(CONTENT, ann, at=at), [ann.certificate]
    gnupg, sequoia = GnupgVerifier(), SequoiaVerifier()
    assert gnupg.verify(part, certificates).finding is Finding.GOOD
    for verifier in (sequoia, Both(gnupg, sequoia)):
        found = verifier.verify(part, certificates)
        assert (found.finding, found.signed_at, found.fingerprint) == (Finding.CANNOT_TELL, at, None)
