"""What GnuPG's status lines say about one signature (doc/DETAILS of GnuPG, section "Format of the --status-fd output")."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mailproc.openpgp import Finding, Verification
from mailproc.openpgp.signature import WEAK_DIGESTS

Line = tuple[str, str]

_WEAK_DIGESTS = {str(number): name for number, name in WEAK_DIGESTS.items()}
_OVER_A_DOCUMENT = ("00", "01")  # binary and text, RFC 9580 section 5.2.1
_NO_PUBLIC_KEY = "9"
_VERDICTS = ("GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG")
_BROKEN = {
    "BADSIG": (Finding.ALTERED, "the signature does not fit the content"),
    "EXPSIG": (Finding.EXPIRED_SIGNATURE, "the signature has expired"),
    "EXPKEYSIG": (Finding.EXPIRED_KEY, "the key has expired"),
    "REVKEYSIG": (Finding.REVOKED_KEY, "the key was revoked"),
}


def read_status(lines: Sequence[Line], exit_status: int | None) -> Verification:
    """The finding; GOOD only where everything agrees, CANNOT_TELL where gpg did not come to an end of its own."""
    if exit_status not in (0, 1, 2):
        return Verification(Finding.CANNOT_TELL, detail=f"gpg ended with status {exit_status}")
    verdicts = [line for line in lines if line[0] in _VERDICTS]
    if len(verdicts) > 1:
        return Verification(Finding.SEVERAL_SIGNATURES, detail="more than one signature")
    if not verdicts:
        return _without_verdict(lines)
    valid = [value.split() for keyword, value in lines if keyword == "VALIDSIG"]
    keyword, value = verdicts[0]
    if keyword == "ERRSIG":
        return _unchecked(value.split())
    if keyword in _BROKEN:
        finding, detail = _BROKEN[keyword]
        return Verification(finding, detail=detail)
    return _valid(valid, exit_status)


def _without_verdict(lines: Sequence[Line]) -> Verification:
    """gpg speaks of NODATA or BADARMOR when it read the signature and made nothing of it; else something else went wrong."""
    if any(keyword in ("NODATA", "BADARMOR", "UNEXPECTED") for keyword, _ in lines):
        return Verification(Finding.ALTERED, detail="the signature cannot be read")
    return Verification(Finding.CANNOT_TELL, detail="gpg gave no verdict")


def _unchecked(fields: Sequence[str]) -> Verification:
    """ERRSIG: key id, key algorithm, digest algorithm, class, time, reason."""
    digest, reason = (fields[2], fields[5]) if len(fields) >= 6 else ("", "")
    if reason == _NO_PUBLIC_KEY:
        return Verification(Finding.UNKNOWN_KEY, detail="the key is not known here")
    if digest in _WEAK_DIGESTS:
        return Verification(Finding.WEAK_DIGEST, detail=f"the digest is {_WEAK_DIGESTS[digest]}")
    return Verification(Finding.ALTERED, detail=f"the signature cannot be checked (gpg's reason {reason or 'is unknown'})")


def _valid(valid: Sequence[Sequence[str]], exit_status: int) -> Verification:
    """VALIDSIG: fingerprint, date, time, expiry, version, reserved, key and digest algorithm, class, primary fingerprint."""
    if exit_status != 0 or len(valid) != 1 or len(valid[0]) < 10 or not valid[0][2].isdigit():
        return Verification(Finding.CANNOT_TELL, detail="gpg contradicts itself")
    signed_at, digest, kind, primary = valid[0][2], valid[0][7], valid[0][8], valid[0][9]
    if kind not in _OVER_A_DOCUMENT:
        return Verification(Finding.ALTERED, detail=f"the signature is of the class {kind}, not over a document")
    if digest in _WEAK_DIGESTS:
        return Verification(Finding.WEAK_DIGEST, detail=f"the digest is {_WEAK_DIGESTS[digest]}")
    return Verification(Finding.GOOD, primary.upper(), datetime.fromtimestamp(int(signed_at), UTC), "good signature")
