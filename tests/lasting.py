"""Keys that nobody changes after a fixture has made them: GnuPG is asked once for their certificate, not in each test."""

from __future__ import annotations

from functools import cache, cached_property

from mailproc.directory import Certificate
from mailproc.openpgp.certificates import read_certificates
from mailproc.testing import SigningKey


class LastingKey(SigningKey):
    """A key pair whose certificate stays as it is when it is first asked for."""

    @cached_property
    def certificate(self) -> bytes:  # type: ignore[override]
        """The certificate, binary."""
        return self.gpg("--export")


@cache
def certificate_in(data: bytes) -> Certificate:
    """The only certificate in these octets."""
    (read,) = read_certificates(data)
    return read
