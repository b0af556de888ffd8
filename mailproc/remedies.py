"""What senders are told whose signature does not count, and what they can do about it."""

from __future__ import annotations

from mailproc.openpgp import Finding

_SEND_KEY = "send its public part to the administrator of this service (gpg --armor --export YOUR-ADDRESS)"
REFUSALS: dict[Finding, tuple[str, str]] = {
    Finding.ALTERED: (
        "signature.altered",
        "The signature on your mail does not fit its content: the mail was changed after it was signed, or the signature is "
        "damaged. Send it again, directly; mailing lists and some gateways change what passes through them.",
    ),
    Finding.UNKNOWN_KEY: (
        "signature.unknown-key",
        "Your mail is signed with a key that is not registered here{key}. Sign with the key that is registered for you, or "
        f"have this one registered: {_SEND_KEY}. Then send the mail again.",
    ),
    Finding.EXPIRED_KEY: (
        "signature.expired-key",
        "The key that signed your mail has expired{key}. Give it a later date (gpg --quick-set-expire FINGERPRINT 1y), "
        f"{_SEND_KEY}, and send the mail again.",
    ),
    Finding.REVOKED_KEY: (
        "signature.revoked-key",
        f"The key that signed your mail was revoked{{key}}. Sign with another key; if it is new, first {_SEND_KEY}.",
    ),
    Finding.EXPIRED_SIGNATURE: (
        "signature.expired",
        "The signature on your mail has expired: it was made to be valid for a short time. Sign the mail anew, without a limit "
        "(no default-sig-expire in gpg.conf), and send it again.",
    ),
    Finding.WEAK_DIGEST: (
        "signature.weak-digest",
        "The signature on your mail uses a digest that can be forged ({detail}). Sign with SHA-256 or better "
        "(personal-digest-preferences SHA512 SHA256 in gpg.conf) and send the mail again.",
    ),
    Finding.SEVERAL_SIGNATURES: (
        "signature.several",
        "Your mail has more than one signature, and it cannot be told which one counts. Send it with a single signature.",
    ),
}
TOO_OLD = (
    "Your mail was signed at {signed_at:%Y-%m-%d %H:%M} UTC, more than {hours:g} hours before it arrived. Sign it anew and "
    "send it again; if the time is wrong, set your computer's clock first."
)
TOO_NEW = (
    "Your mail was signed at {signed_at:%Y-%m-%d %H:%M} UTC, which was still to come when it arrived. Set your computer's "
    "clock, then sign the mail anew and send it again."
)
MENDS = {
    "unsigned": "your mail is not signed. Sign all of it with the OpenPGP key that is registered for you, and send it again.",
    "signature.partial": (
        "only a part of your mail is signed. Sign all of it, for instance with PGP/MIME, with nothing before or after the "
        "signed text, and send it again."
    ),
    "signature.foreign-key": (
        "your mail is signed with a key that is registered for somebody else. Sign with the key that is registered for you, or "
        f"{_SEND_KEY} to have one registered, and send the mail again."
    ),
}
