"""Throw-away OpenPGP keys, real ones made by GnuPG, and mails signed with them: for the tests of handlers and our own.

::

    with SigningKey.generate("Ann <ann@example.org>") as key:
        raw = sign_mail(b"From: ann@example.org\\r\\n\\r\\nHello\\r\\n", key)
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from mailproc.reading import read_header

_QUIETLY = ("--passphrase", "", "--allow-freeform-uid")
_BOUNDARY_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class SigningKey:
    """A key pair in a GnuPG home of its own; close it, or use it in a ``with`` statement, to end its agent and remove it.

    ``fingerprint`` is the primary key's in upper-case hex, ``certificate`` the public part in binary.
    """

    home: Path
    fingerprint: str

    @classmethod
    def generate(
        cls,
        user_id: str,
        *,
        folder: Path | None = None,
        expires: str = "0",
        algorithm: str = "ed25519",
        at: datetime | None = None,
    ) -> SigningKey:
        """Make a key that can sign.

        ``folder`` is where its home is made: a short path, since an agent's socket must fit into 108 bytes. ``expires`` is as
        GnuPG has it: ``0`` for never, ``1d`` after it was made, ``2030-01-01``. ``at`` is when it is made: a year ago
        unless said otherwise, so that it can sign at any time since; with ``expires="1d"`` it has expired.
        """
        at = at or datetime.now(UTC) - timedelta(days=365)
        home = Path(tempfile.mkdtemp(prefix="k", dir=folder))
        key = cls(home, "")
        try:
            key.gpg(*_QUIETLY, "--quick-generate-key", user_id, algorithm, "sign,cert", expires, at=at)
            return cls(home, key._primary())
        except BaseException:
            key.close()
            raise

    @property
    def certificate(self) -> bytes:
        """The certificate as it is now, binary."""
        return self.gpg("--export")

    @property
    def armored_certificate(self) -> str:
        """The certificate as it is sent around."""
        return self.gpg("--armor", "--export").decode("ascii")

    def sign_detached(self, data: bytes, *, at: datetime | None = None, digest: str = "SHA256", by: str | None = None) -> bytes:
        """An armored detached signature over exactly ``data``; ``by`` names a subkey, else GnuPG chooses."""
        return self.gpg("--local-user", by or self.fingerprint, *_digest(digest), "--armor", "--detach-sign", data=data, at=at)

    def clearsign(self, text: str, *, at: datetime | None = None, digest: str = "SHA256") -> str:
        """``text`` with its signature, in the clear-signed form of RFC 9580 section 7."""
        signed = self.gpg("--local-user", self.fingerprint, *_digest(digest), "--clearsign", data=text.encode(), at=at)
        return signed.decode()

    def gpg(self, *arguments: str, data: bytes = b"", at: datetime | None = None) -> bytes:
        """What gpg writes to its standard output when it is run with this key's home."""
        time = () if at is None else (f"--faked-system-time={at.astimezone(UTC):%Y%m%dT%H%M%S}!",)
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--no-options",
            "--batch",
            "--yes",
            "--no-tty",
            "--quiet",
            *time,
            *arguments,
        ]
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def close(self) -> None:
        """End the agent and remove the key."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], capture_output=True, check=False, timeout=60)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _primary(self) -> str:
        listing = self.gpg("--with-colons", "--list-keys").decode("utf-8", "replace").splitlines()
        return next(line.split(":")[9] for line in listing if line.startswith("fpr:"))


def _digest(name: str) -> Sequence[str]:
    """Options that let GnuPG use the digest, also one that it would not use by itself."""
    return ("--digest-algo", name, "--allow-weak-digest-algos")


def sign_mail(
    raw: bytes, key: SigningKey, *, inline: bool = False, at: datetime | None = None, digest: str = "SHA256"
) -> bytes:
    """A simple mail, header and body, with its body signed: PGP/MIME (RFC 3156), or clear-signed when ``inline``.

    The fields that describe the content go with it into the signed part; all others are outside of the signature, as in any
    signed mail. A clear-signed mail must be ``text/plain`` in UTF-8 without a transfer encoding.
    """
    header = read_header(raw)
    body = raw[header.length :]
    if inline:
        signed = key.clearsign(body.decode(), at=at, digest=digest).encode()
        return raw[: header.length] + _crlf(signed)
    content = [(name, value) for name, value in header.fields if name.lower().startswith("content-")]
    others = [field for field in header.fields if field not in content and field[0].lower() != "mime-version"]
    part = _crlf(_block(content or [("Content-Type", "text/plain; charset=utf-8")]) + b"\r\n" + body)
    return signed_mime(_block(others), part, key.sign_detached(part, at=at, digest=digest))


def signed_mime(header: bytes, part: bytes, signature: bytes, *, boundary: str | None = None) -> bytes:
    """A multipart/signed mail (RFC 3156 section 5) from its header fields, the signed part and the armored signature."""
    boundary = boundary or "".join(secrets.choice(_BOUNDARY_ALPHABET) for _ in range(24))
    mark = b"--" + boundary.encode()
    return b"\r\n".join(
        [
            _crlf(header).rstrip(b"\r\n"),
            b"MIME-Version: 1.0",
            b'Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature";',
            b' boundary="' + boundary.encode() + b'"',
            b"",
            mark,
            part,
            mark,
            b'Content-Type: application/pgp-signature; name="signature.asc"',
            b"",
            _crlf(signature).rstrip(b"\r\n"),
            mark + b"--",
            b"",
        ]
    )


def _block(fields: Sequence[tuple[str, str]]) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in fields)


def _crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
