"""Variable envelope return paths: each recipient has a reverse path of its own, so that a failure says whose it is.

``bounces+DAYHASH-user=example.com@lists.example.org`` stands for user@example.com. The hash takes our secret: nobody can have
a recipient declared dead by a report that he has made up, and the day keeps an address that leaked from serving for ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time

from mailproc import Address

VALID_DAYS = 21

_DAY = 86_400  # seconds
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_TAG = 12  # characters: 60 bits
_LONGEST = 64  # octets of a local part (RFC 5321 section 4.5.3.1.1)

_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_SIGNED = re.compile(rf"([{_DIGITS}]{{2}})([{_DIGITS}]{{{_TAG}}})-([^@]{{1,64}})=([^=@]{{1,253}})", re.IGNORECASE)


def path_for(recipient: str, bounces: Address, secret: str) -> str | None:
    """The reverse path below ``bounces`` for one recipient; None where his address does not fit into one."""
    local, _, domain = recipient.rpartition("@")
    if not _PLAIN.fullmatch(local) or not _PLAIN.fullmatch(domain) or "=" in domain:
        return None
    day = _written(_today())
    ours = f"{bounces.local}+{day}{_tag(day, recipient, bounces, secret)}-{local}={domain}"
    return f"{ours}@{bounces.domain}" if len(ours) <= _LONGEST else None


def recipient_of(detail: str, bounces: Address, secret: str) -> Address | None:
    """Whose reverse path ``bounces+detail`` is; None where we have not made it, or not within 21 days."""
    found = _SIGNED.fullmatch(detail)
    if found is None:
        return None
    day, tag, local, domain = found[1].lower(), found[2].lower(), found[3], found[4]
    if not hmac.compare_digest(tag, _tag(day, f"{local}@{domain}", bounces, secret)):
        return None
    return Address(local, domain) if day in {_written(_today() - age) for age in range(VALID_DAYS)} else None


def _tag(day: str, recipient: str, bounces: Address, secret: str) -> str:
    """The hash; case does not count, because some of those who return mail change it."""
    signed = f"verp\0{bounces}\0{day}\0{recipient}".lower()
    digest = hmac.digest(secret.encode(), signed.encode("utf-8", "replace"), hashlib.sha256)
    return base64.b32encode(digest).decode("ascii")[:_TAG].lower()


def _today() -> int:
    return int(time.time() // _DAY)


def _written(day: int) -> str:
    """The day, which comes again every 1024, in two digits of five bits, as SRS has it."""
    return _DIGITS[day >> 5 & 31] + _DIGITS[day & 31]
