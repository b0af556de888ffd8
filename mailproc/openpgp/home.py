"""The public keys of somebody's GnuPG home, read through gpg and left as they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mailproc.directory import Certificate
from mailproc.errors import SettingsError
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.gnupg import gpg_path

PATIENCE = 60.0  # seconds for exporting a key ring


def public_keys(home: Path, program: str = "gpg") -> list[Certificate]:
    """The certificates in a GnuPG home; raises `SettingsError` where there is none and `MissingProgram` without gpg."""
    if not home.is_dir():
        raise SettingsError(f"{home}: there is no such GnuPG home; name the folder of one")
    command = [gpg_path(program), "--batch", "--no-options", "--no-autostart", "--homedir", str(home), "--export"]
    try:
        exported = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False).stdout
    except subprocess.TimeoutExpired:
        raise SettingsError(f"{home}: gpg does not answer; try: gpg --homedir {home} --export") from None
    return read_certificates(exported, program) if exported else []
