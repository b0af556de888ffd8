"""A certificate for the tests of TLS."""

from __future__ import annotations

import ssl

import pytest

from mailproc.smtpd.tls import server_context
from tests.servers.certificates import Certificate, make_authority


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A throw-away certificate for localhost."""
    return make_authority(tmp_path_factory.mktemp("authority")).issue()


@pytest.fixture(scope="session")
def tls(certificate: Certificate) -> ssl.SSLContext:
    """What a server shows."""
    return server_context(certificate.certificate, certificate.key)
