"""Tokens: what makes an address of the gateway a capability.

What our tables keep of one is its SHA-256, so that who reads them can post nowhere. Of an address that was used the ledger and
the archive of the same installation have more: they keep the mail that came by it, and for whom it was. A plain digest is
enough, without salt and without cost: a token has 160 bits that nobody has chosen, and cannot be guessed from it as a password
could. It is found by that digest, through an index; what the time of that tells is about digests, and leads to no token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

_OCTETS = 20  # 160 bits, which are 32 letters and digits


def new_token() -> str:
    """A token that was never there: 32 characters of a-z and 2-7."""
    return _written(secrets.token_bytes(_OCTETS))


def derived_token(key: bytes, *words: str) -> str:
    """The token that ``key`` makes of these words, the same each time: so it can be shown again though it is not kept.

    Who has not the ``key``, of 32 octets, can make none (RFC 2104).
    """
    return _written(hmac.digest(key, json.dumps(words).encode(), "sha256")[:_OCTETS])


def digest_of(token: str) -> str:
    """What is kept of a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def _written(octets: bytes) -> str:
    return base64.b32encode(octets).decode().lower()
