"""Whatever happens to gpg: "cannot tell", in time, with nothing left behind, and never "good" or "bad"."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from keyring_of_test import signed_part

from mailproc.errors import MissingProgram
from mailproc.openpgp import Finding
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.testing.keys import SigningKey

CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"
GOOD = "[GNUPG:] GOODSIG 0 Ann"


def fake_gpg(folder: Path, verify: str) -> str:
    """A program that says its version as gpg does, and runs ``verify`` as a shell script when it is to verify.

    The descriptor for status lines is in $status.
    """
    file = folder / "gpg"
    file.write_text(
        "#!/bin/sh\n"
        'for each in "$@"; do case "$each" in --status-fd=*) status="${each#*=}";; esac; done\n'
        'case "$*" in *--verify*) ;; *) echo cfg:version:2.2.40; exit 0;; esac\n'
        f"{verify}\n"
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def running(folder: Path) -> list[str]:
    """The command lines of all processes that name this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and int(process.name) != os.getpid():
            found.append(line)
    return found


def test_a_missing_gpg_is_told_at_once() -> None:
    """Without GnuPG there is no verifier, and the text names the package to install."""
    with pytest.raises(MissingProgram, match="apt-get install gnupg"):
        GnupgVerifier("/nonexistent/gpg")


def test_a_program_that_is_not_gpg_is_told_at_once(tmp_path: Path) -> None:
    """A program that fails when it is asked for its version is not taken for gpg."""
    with pytest.raises(MissingProgram, match="cannot be run"):
        GnupgVerifier("/bin/false")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("sleep 300", id="hangs"),
        pytest.param("sleep 300 & sleep 300 & wait", id="hangs with children"),
        pytest.param("exec >&- 2>&-; sleep 300", id="closes its output and hangs"),
        pytest.param("trap '' TERM INT HUP; sleep 300", id="ignores signals"),
        pytest.param("sleep 300 & exit 0", id="leaves a child with its pipes"),
        pytest.param(f'echo "{GOOD}" >&"$status"; sleep 300', id="says good, then hangs"),
    ],
)
def test_a_hanging_gpg_is_ended_with_its_children(script: str, tmp_path: Path, ann: SigningKey) -> None:
    """After its time gpg and all it has started are gone, and the finding is that nobody can tell."""
    marked = script.replace("sleep 300", f"sh -c 'sleep 300; : {tmp_path}'")
    verifier = GnupgVerifier(fake_gpg(tmp_path, marked), timeout=0.3, folder=tmp_path)
    started = time.monotonic()
    assert verifier.verify(signed_part(CONTENT, ann), [ann.certificate]).finding is Finding.CANNOT_TELL
    assert time.monotonic() - started < 60
    assert running(tmp_path) == []


def verifying(folder: Path, key: SigningKey, verifier: str) -> str:
    """A program that prints what a verifier finds about a good signature."""
    part = signed_part(CONTENT, key)
    (folder / "certificate").write_bytes(key.certificate)
    return (
        "from pathlib import Path; from mailproc.openpgp import SignedPart; "
        "from mailproc.openpgp.gnupg import GnupgVerifier; "
        f"part = SignedPart({part.content!r}, {part.signature!r}, 1, True, {part.issuers!r}); "
        f"print({verifier}.verify(part, [Path({str(folder / 'certificate')!r}).read_bytes()]).finding)"
    )


def test_a_spinning_gpg_does_not_outlive_us_by_much(tmp_path: Path, ann: SigningKey) -> None:
    """When this process is killed, nobody counts gpg's time any more: its own limit of work ends it."""
    verify = f"touch {tmp_path}/begun; while :; do :; done"
    gpg = f"GnupgVerifier({fake_gpg(tmp_path, verify)!r}, timeout=0.9, folder=Path({str(tmp_path)!r}))"
    program = verifying(tmp_path, ann, gpg)
    with subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}) as us:
        until(lambda: (tmp_path / "begun").exists())
        us.kill()
    assert running(tmp_path) != []
    until(lambda: running(tmp_path) == [])


def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("kill -SEGV $$", id="crashes"),
        pytest.param(f'echo "{GOOD}" >&"$status"; kill -KILL $$', id="says good, then crashes"),
        pytest.param("exit 0", id="says nothing"),
        pytest.param("exit 2", id="fails"),
        pytest.param(f'echo "{GOOD}" >&"$status"', id="only half of good"),
        pytest.param(f'echo "{GOOD}"; echo "{GOOD}" >&2', id="speaks elsewhere"),
        pytest.param('head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 3', id="floods its pipes"),
        pytest.param('head -c 3000000 /dev/urandom >&"$status"', id="garbage as status"),
    ],
)  # fmt: skip
def test_a_failing_gpg_cannot_tell(script: str, tmp_path: Path, ann: SigningKey) -> None:
    """A crash, a failure or nonsense says nothing about the signature."""
    verifier = GnupgVerifier(fake_gpg(tmp_path, script), timeout=5)
    assert verifier.verify(signed_part(CONTENT, ann), [ann.certificate]).finding is Finding.CANNOT_TELL


def test_a_gpg_that_goes_away_cannot_tell(tmp_path: Path, ann: SigningKey) -> None:
    """An upgrade that takes gpg away during a run makes no signature bad."""
    program = fake_gpg(tmp_path, "exit 1")
    verifier = GnupgVerifier(program)
    Path(program).unlink()
    found = verifier.verify(signed_part(CONTENT, ann), [ann.certificate])
    assert found.finding is Finding.CANNOT_TELL
    assert "FileNotFoundError" in found.detail


def test_a_folder_that_cannot_be_written_cannot_tell(tmp_path: Path, ann: SigningKey) -> None:
    """A full or missing disk says nothing about the signature."""
    verifier = GnupgVerifier(folder=tmp_path / "missing")
    assert verifier.verify(signed_part(CONTENT, ann), [ann.certificate]).finding is Finding.CANNOT_TELL


@pytest.mark.parametrize("fault", ["raise", "enospc", "eio"])
def test_the_failpoint_cannot_tell(fault: str, ann: SigningKey, tmp_path: Path) -> None:
    """A fault at the step "gpg" is no verdict."""
    program = verifying(tmp_path, ann, "GnupgVerifier()")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"MAILPROC_FAILPOINT": f"gpg:{fault}", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "cannot-tell"


def test_nothing_is_left_behind(tmp_path: Path, ann: SigningKey) -> None:
    """No agent, no key file, no lock and no temporary file outlives a verification."""
    verifier = GnupgVerifier(folder=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: verifier.verify(part, [ann.certificate]), [signed_part(CONTENT, ann)] * 8))
    assert {each.finding for each in found} == {Finding.GOOD}
    assert list(tmp_path.iterdir()) == []
    assert running(tmp_path) == []


def test_the_home_of_the_user_plays_no_part(tmp_path: Path, ann: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gpg.conf and a key ring of whoever runs the program change nothing, and nothing is written there."""
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    (home / "gpg.conf").write_text("no-such-option\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GNUPGHOME", str(home))
    verifier = GnupgVerifier()
    assert verifier.verify(signed_part(CONTENT, ann), [ann.certificate]).finding is Finding.GOOD
    assert [file.name for file in home.iterdir()] == ["gpg.conf"]


def test_no_descriptor_is_left_open(ann: SigningKey) -> None:
    """A run of many mails does not run out of descriptors."""
    verifier, part = GnupgVerifier(), signed_part(CONTENT, ann)
    verifier.verify(part, [ann.certificate])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        verifier.verify(part, [ann.certificate])
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
