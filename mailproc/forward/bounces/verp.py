"""Variable envelope return paths: each recipient has a reverse path of its own, so that a failure says whose it is.

``bounces+DAYHASH-user=example.com@lists.example.org`` stands for user@example.com. The hash takes our secret: nobody can have
a recipient declared dead by a report that he has made up, and the day keeps an address that leaked from serving for ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime

from mailproc import Address
from mailproc.forward.paths import fits_into_local_part

VALID_DAYS = 21

_DAY = 86_400  # seconds
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_TAG = 12  # characters: 60 bits
_LONGEST = 64  # octets of a local part (RFC 5321 section 4.5.3.1.1)

_SIGNED = re.compile(rf"([{_DIGITS}]{{2}})([{_DIGITS}]{{{_TAG}}})-([^@]{{1,64}})=([^=@]{{1,253}})", re.IGNORECASE)


def has_path(recipient: str, bounces: Address) -> bool:
    """Whether the address of a recipient fits into a path below ``bounces``."""
    local = f"{bounces.local}+{'-' * (len('-') + 2 + _TAG)}{recipient}"
    return fits_into_local_part(recipient) and len(local) <= _LONGEST


def serves(bounces: Address) -> bool:
    """Whether any recipient at all has a path below ``bounces``: whether the shortest address fits."""
    return has_path("a@b.de", bounces)


def path_for(recipient: str, bounces: Address, secret: str, now: datetime) -> str | None:
    """The reverse path below ``bounces`` for one recipient; None where his address does not fit into one."""
    if not has_path(recipient, bounces):
        return None
    local, _, domain = recipient.rpartition("@")
    day = _written(_day_of(now))
    return f"{bounces.local}+{day}{_tag(day, recipient, bounces, secret)}-{local}={domain}@{bounces.domain}"


def recipient_of(detail: str, bounces: Address, secret: str, now: datetime) -> Address | None:
    """Whose reverse path ``bounces+detail`` is; None where we have not made it, or not within 21 days."""
    found = _SIGNED.fullmatch(detail)
    if found is None:
        return None
    day, tag, local, domain = found[1].lower(), found[2].lower(), found[3], found[4]
    if not hmac.compare_digest(tag, _tag(day, f"{local}@{domain}", bounces, secret)):
        return None
    return Address(local, domain) if day in {_written(_day_of(now) - age) for age in range(VALID_DAYS)} else None


def _tag(day: str, recipient: str, bounces: Address, secret: str) -> str:
    """The hash; case does not count, because some of those who return mail change it."""
    signed = f"verp\0{bounces}\0{day}\0{recipient}".lower()
    digest = hmac.digest(secret.encode(), signed.encode("utf-8", "replace"), hashlib.sha256)
    return base64.b32encode(digest).decode("ascii")[:_TAG].lower()


def _day_of(now: datetime) -> int:
    return int(now.timestamp() // _DAY)


def _written(day: int) -> str:
    """The day, which comes again every 1024, in two digits of five bits, as SRS has it."""
    return _DIGITS[day >> 5 & 31] + _DIGITS[day & 31]
