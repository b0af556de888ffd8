"""A throw-away certificate authority and server certificates, made by the ``openssl`` program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """A server's certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority that lives in one folder and is trusted by nobody who is not given ``certificate``."""

    folder: Path
    certificate: Path
    key: Path

    def issue(self, name: str = "localhost", *, days: int = 2) -> Certificate:
        """A certificate for the DNS name ``name``; with ``days=0`` it is expired at once."""
        issued = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{name}\n")
        _openssl("req", "-new", *_CURVE, "-subj", f"/CN={name}", "-keyout", issued.key, "-out", request)
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial"),
            *("-days", str(days), "-extfile", extensions, "-out", issued.certificate),
        )
        return issued


def make_authority(folder: Path) -> Authority:
    """A new authority whose files lie in ``folder``."""
    authority = Authority(folder, folder / "ca.pem", folder / "ca.key")
    _openssl(
        *("req", "-x509", *_CURVE, "-subj", "/CN=Throw-away test authority", "-days", "2"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", authority.key, "-out", authority.certificate),
    )
    return authority


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
