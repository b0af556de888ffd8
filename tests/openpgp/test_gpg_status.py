"""gpg's status lines are a closed language: what does not say "good" in every line is not good."""

from datetime import UTC, datetime

import pytest

from mailproc.openpgp import Finding
from mailproc.openpgp.status import Line, read_status

KEY_ID = "139FD82A85E6D1BE"
PRIMARY = "265405AA68B8969A1DCE02C0139FD82A85E6D1BE"
SUBKEY = "ED64D81A1BBC86CE166C62A24C28F4DF2C8D3B75"
GOODSIG = ("GOODSIG", f"{KEY_ID} Ann <ann@example.org>")


def validsig(digest: int = 8, fingerprint: str = PRIMARY, kind: str = "01") -> Line:
    """A VALIDSIG line."""
    return ("VALIDSIG", f"{fingerprint} 2026-11-21 1795239204 0 4 0 22 {digest} {kind} {PRIMARY}")


def errsig(digest: int, reason: int) -> Line:
    """An ERRSIG line."""
    return ("ERRSIG", f"{KEY_ID} 22 {digest} 01 1795239204 {reason} {PRIMARY}")


@pytest.mark.parametrize(
    "lines, exit_status, finding",
    [
        pytest.param([GOODSIG, validsig()], 0, Finding.GOOD, id="good"),
        pytest.param([GOODSIG, validsig(1)], 0, Finding.WEAK_DIGEST, id="MD5"),
        pytest.param([GOODSIG, validsig(2)], 0, Finding.WEAK_DIGEST, id="SHA-1"),
        pytest.param([GOODSIG, validsig(3)], 0, Finding.WEAK_DIGEST, id="RIPEMD-160"),
        pytest.param([GOODSIG, validsig(kind="00")], 0, Finding.GOOD, id="binary"),
        pytest.param([GOODSIG, validsig(kind="10")], 0, Finding.ALTERED, id="certification"),
        pytest.param([("BADSIG", KEY_ID)], 1, Finding.ALTERED, id="bad"),
        pytest.param([("EXPSIG", KEY_ID), validsig()], 0, Finding.EXPIRED_SIGNATURE, id="expired signature"),
        pytest.param([("EXPKEYSIG", KEY_ID), validsig()], 0, Finding.EXPIRED_KEY, id="expired key"),
        pytest.param([("REVKEYSIG", KEY_ID), validsig()], 0, Finding.REVOKED_KEY, id="revoked key"),
        pytest.param([errsig(8, 9)], 2, Finding.UNKNOWN_KEY, id="no public key"),
        pytest.param([errsig(1, 5)], 2, Finding.WEAK_DIGEST, id="digest refused by gpg"),
        pytest.param([errsig(8, 4)], 2, Finding.ALTERED, id="algorithm unknown to gpg"),
        pytest.param([("ERRSIG", "")], 2, Finding.ALTERED, id="nothing said"),
        pytest.param([GOODSIG, validsig(), GOODSIG, validsig()], 0, Finding.SEVERAL_SIGNATURES, id="two good"),
        pytest.param([GOODSIG, validsig(), ("BADSIG", KEY_ID)], 1, Finding.SEVERAL_SIGNATURES, id="good and bad"),
        pytest.param([("NODATA", "4")], 2, Finding.ALTERED, id="no signature"),
        pytest.param([], 2, Finding.CANNOT_TELL, id="silence"),
        pytest.param([], 0, Finding.CANNOT_TELL, id="silence, but success"),
        pytest.param([GOODSIG, validsig()], -9, Finding.CANNOT_TELL, id="killed"),
        pytest.param([GOODSIG, validsig()], None, Finding.CANNOT_TELL, id="no exit status"),
        pytest.param([GOODSIG, validsig()], 127, Finding.CANNOT_TELL, id="strange exit status"),
        pytest.param([("BADSIG", KEY_ID)], -11, Finding.CANNOT_TELL, id="bad, then crashed"),
        pytest.param([GOODSIG, validsig()], 2, Finding.CANNOT_TELL, id="good, but failure"),
        pytest.param([GOODSIG], 0, Finding.CANNOT_TELL, id="good, but not valid"),
        pytest.param([validsig()], 0, Finding.CANNOT_TELL, id="valid, but not good"),
        pytest.param([GOODSIG, validsig(), validsig()], 0, Finding.CANNOT_TELL, id="good once, valid twice"),
        pytest.param([GOODSIG, ("VALIDSIG", PRIMARY)], 0, Finding.CANNOT_TELL, id="valid, cut"),
    ],
)
def test_finding(lines: list[Line], exit_status: int | None, finding: Finding) -> None:
    """Each combination of lines and exit status has one finding."""
    assert read_status(lines, exit_status).finding is finding


def test_a_good_signature_has_the_primary_fingerprint_and_its_time() -> None:
    """The fingerprint is the primary key's also when a subkey has signed."""
    found = read_status([GOODSIG, validsig(fingerprint=SUBKEY)], 0)
    assert (found.fingerprint, found.signed_at) == (PRIMARY, datetime(2026, 11, 21, 5, 33, 24, tzinfo=UTC))


@pytest.mark.parametrize("exit_status", [0, 1, -9])
def test_nobody_is_named_unless_the_signature_is_good(exit_status: int) -> None:
    """A finding other than good vouches for no fingerprint and no time."""
    found = read_status([("BADSIG", KEY_ID), validsig()], exit_status)
    assert (found.fingerprint, found.signed_at) == (None, None)
