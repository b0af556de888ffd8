"""What both kinds of mail server share: whom we trust, and how what they say is shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailproc.errors import Away
from mailproc.maildrops.account import Account, shown, tls_context
from tests.maildrops.kinds import imap_to
from tests.servers.certificates import Authority, make_authority
from tests.servers.dovecot import Dovecot


def account(security: str, ca_file: Path | None = None) -> Account:
    """An account that is reached in this way."""
    return Account("main", "localhost", 993, security, "ann", "secret", str(ca_file) if ca_file else None)  # type: ignore[arg-type]


def test_connections_share_what_verifies(authority: Authority, tmp_path: Path) -> None:
    """It takes a megabyte and 20 ms to make; each CA file has its own, and a connection in clear has none."""
    other = make_authority(tmp_path).certificate
    made = [tls_context(account("tls", file)) for file in (None, authority.certificate, other)]
    assert [tls_context(account("starttls", file)) for file in (None, authority.certificate, other)] == made
    assert len(set(made)) == 3
    assert tls_context(account("plain", other)) is None


def test_a_renewed_authority_counts(dovecot: Dovecot, authority: Authority, user: str, tmp_path: Path) -> None:
    """A process that goes on for ever takes the file as it is when it connects."""
    ca_file = tmp_path / "trusted.pem"
    old = make_authority(tmp_path).certificate
    shutil.copyfile(old, ca_file)
    changes = {"host": "localhost", "port": dovecot.tls_port, "security": "tls", "ca_file": str(ca_file)}
    with pytest.raises(Away, match="certificate is not trusted"):
        imap_to(dovecot, user, **changes)
    shutil.copyfile(authority.certificate, ca_file)
    imap_to(dovecot, user, **changes).close()


def test_what_a_server_says_is_shown_without_what_hides() -> None:
    """On one line that is not too long, and without characters that are not seen."""
    assert shown("no\r\n\x1b[2J \u202ego\u200b\u2800\ufe0f" + "d" * 300) == "no [2J go" + "d" * 188 + "..."
