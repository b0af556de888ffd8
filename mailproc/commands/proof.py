"""What the sender of commands is told who has not proven that they are theirs."""

from __future__ import annotations

_SIGNED = b"-----BEGIN PGP SIGN"

_NOT_SIGNED = "Your mail is not signed."
_NOT_BY_YOU = "The signature on your mail is not by a key that is registered for you, or not of the whole mail."
_REMEDY = (
    "What it asks for is carried out only where it is proven to be yours: sign the whole text with your OpenPGP key, and have "
    "the administrator of this service register it. Nothing in your mail was carried out."
)


def missing(raw: bytes) -> str:
    """The text for the sender of ``raw``, with what is to be done."""
    return f"{_NOT_BY_YOU if _SIGNED in raw else _NOT_SIGNED} {_REMEDY}"
