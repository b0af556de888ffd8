"""The certificate that a server shows."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from mailproc.errors import SettingsError

_FOREIGN = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")  # of OpenSSL: the key is another one's


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What STARTTLS and implicit TLS need, from PEM files: the certificate with its chain, and its private key.

    TLS 1.2 or newer; clients are asked for no certificate. Raises `SettingsError` that names key and file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    _check("serve.tls_cert", certificate)
    _check("serve.tls_key", key)
    try:
        context.load_cert_chain(certificate, key, password=_none)
    except SettingsError as error:
        raise SettingsError(f"serve.tls_key: {key}: {error}") from None
    except ssl.SSLError as error:
        raise SettingsError(_trouble(error, certificate, key)) from error
    return context


def _check(name: str, file: Path) -> None:
    try:
        with file.open("rb"):
            return
    except OSError as error:
        raise SettingsError(f"{name}: {file}: {error.strerror}; TLS needs a certificate and its key, as PEM files") from error


def _none() -> str:
    """Instead of OpenSSL asking at the terminal."""
    raise SettingsError("the key has a passphrase; write it without one, readable by its owner alone")


def _trouble(error: ssl.SSLError, certificate: Path, key: Path) -> str:
    if error.reason in _FOREIGN:
        return f"serve.tls_key: {key}: is not the key of {certificate}; give the two that belong together"
    for name, file, wanted in (("serve.tls_cert", certificate, "certificate"), ("serve.tls_key", key, "private key")):
        if not re.search(f"-----BEGIN (\\w+ )*{wanted.upper()}-----".encode(), file.read_bytes()):
            return f"{name}: {file}: holds no {wanted} as PEM; tls_cert and tls_key may be swapped"
    return f"serve.tls_cert: {certificate}, or its key {key}, cannot be read as PEM ({error.reason}); write them anew"
