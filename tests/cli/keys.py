"""Keys as tests of the command line make them, and as it lists them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mailproc.testing.keys import SigningKey
from tests.cli_run.calling import Ended

Call = Callable[..., Ended]
Generate = Callable[..., SigningKey]
Import = Callable[..., Ended]


def revoke(key: SigningKey) -> None:
    """Import the revocation that GnuPG made along with the key."""
    (file,) = (key.home / "openpgp-revocs.d").iterdir()
    key.gpg("--import", data=file.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))


def expiring(generate: Generate, days: int) -> SigningKey:
    """A key that was made a year ago and expires in so many days, less an hour."""
    made = datetime.now(UTC) - timedelta(days=365)
    until = datetime.now(UTC) + timedelta(days=days, hours=-1)
    return generate("Ann <ann@example.org>", expires=f"seconds={int((until - made).total_seconds())}", at=made)


def listed(site: Call) -> dict[str, dict[str, object]]:
    """The keys as a program sees them, by fingerprint."""
    return {str(row["fingerprint"]): row for row in site("key", "list", "--format", "jsonl").rows}
