"""A signed mail and a crash: the mark against replay commits with the effect, and never refuses the mail that wrote it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailproc.testing.keys import SigningKey, sign_mail
from tests.installation import Installation, make_mail


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    """The key of ann."""
    with SigningKey.generate("Ann <ann@example.com>") as made:
        yield made


@pytest.mark.parametrize("failpoint", ["gpg", "replay-mark"])
def test_a_signed_mail_is_strong_after_a_crash(installation: Installation, key: SigningKey, failpoint: str) -> None:
    """Wherever a run dies, the next one handles the mail once, as strong, and does not take it for a replay of itself."""
    installation.import_key(key.certificate)
    signed = sign_mail(make_mail("1"), key)
    installation.append(signed)
    assert installation.run(failpoint=f"{failpoint}:killall").returncode == -9
    assert installation.run().returncode == 0
    (receipt,) = installation.receipts()
    assert (receipt.disposition, receipt.trust, receipt.fingerprint) == ("handled", "strong", key.fingerprint)
    assert (installation.effects(), installation.left_in_maildrop()) == (["1"], [])
    # The same signature in other bytes is a replay, and is dropped in silence.
    installation.append(b"X-Other: yes\r\n" + signed)
    assert installation.run().returncode == 0
    assert [(row.disposition, row.rule) for row in installation.receipts() if row.rule == "replay"] == [("dropped", "replay")]
    assert (installation.effects(), installation.sent()) == (["1"], [])
