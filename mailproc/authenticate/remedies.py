"""What senders are told whose signature does not count: what was found, and the command that mends it.

A text stands in the error mail, and as one line in the ledger and in ``inspect``. So what was found comes first, each paragraph
is one line (the answer wraps it), a command is indented by four blanks, and where there are several they are joined by ``&&``:
they can be pasted either way. Nothing of the mail is in it but what can do no harm: a key is named in hex, a digest by the name
that we know it by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailproc.openpgp import Finding

_FINGERPRINT = 40  # digits at least; a key id has 16
_KEY = re.compile(rf"\b[0-9A-F]{{16}}(?:[0-9A-F]{{{_FINGERPRINT - 16}}}(?:[0-9A-F]{{24}})?)?\b")  # versions 4 and 6
_DIGEST = re.compile(r"\b(?:MD5|SHA-?1|RIPEMD-?160)\b", re.IGNORECASE)
_WEAKNESS = re.compile(r"\b(?:RSA|DSA) with [0-9]{1,5} bits\b")
_YOURS = "YOUR-ADDRESS"


@dataclass(frozen=True, slots=True)
class Remedy:
    """A text with places for what was found, and the commands below it.

    ``{key}`` is `` (key ...)`` or nothing, ``{digest}`` a name, ``{weakness}`` what is wrong with a key; in commands ``{name}``
    is the key, or YOUR-ADDRESS where none is known, and ``{renew}`` is what extends it.
    """

    text: str
    commands: Sequence[str] = ()

    def format(self, *, key: str, detail: str) -> str:
        """The text with what was found; of ``key`` and ``detail`` only names of keys and of digests are taken.

        ``key`` is any text that names the key, upper-case hex, the primary fingerprint first where it is known.
        """
        names = list(dict.fromkeys(_KEY.findall(key))) or [_YOURS]
        digest, weakness = _DIGEST.search(detail), _WEAKNESS.search(detail)
        found = {
            "key": f" (key {names[0]})" if names[0] != _YOURS else "",
            "digest": digest[0].upper() if digest else "an old one",
            "weakness": weakness[0] if weakness else f"its own signature uses {digest[0].upper()}" if digest else "too old",
            "name": names[0],
            "renew": _renewal(names),
        }
        return _told(self.text.format(**found), [command.format(**found) for command in self.commands])


def _renewal(names: Sequence[str]) -> str:
    """What gives a key, and its subkey where there is a second fingerprint, a later date.

    GnuPG wants the primary fingerprint for it; where it gets another name it asks.
    """
    primary, *others = names
    if len(primary) < _FINGERPRINT:
        return f"gpg --edit-key {primary} expire save"
    subkeys = [name for name in others if len(name) >= _FINGERPRINT]
    renewals = [f"gpg --quick-set-expire {primary} 1y", *(f"gpg --quick-set-expire {primary} 1y {each}" for each in subkeys)]
    return " &&\n    ".join(renewals)


def _told(text: str, commands: Sequence[str]) -> str:
    block = " &&\n".join(f"    {command}" for command in commands)
    return f"{text}\n\n{block}" if block else text


_EXPORT = "gpg --armor --export {name} > key.asc"
_EXPORT_YOURS = f"gpg --armor --export {_YOURS} > key.asc"
_SIGN = "gpg --clearsign letter.txt"
_REGISTER = "send the file key.asc, which the command below writes, to the administrator of this service"
_BY_HAND = "By hand it is the command below, and the mail is then the text of letter.txt.asc alone."

REFUSALS: dict[Finding, tuple[str, Remedy]] = {
    Finding.ALTERED: (
        "signature.altered",
        Remedy(
            "The signature on your mail does not fit its content{key}: the mail was changed after it was signed, or the "
            "signature is damaged.\n\n"
            "What usually changes a mail: a mailing list or a gateway that adds a footer or a disclaimer, a server that "
            "re-encodes letters beyond ASCII, a mail program that wraps lines after signing or puts your name below the "
            "signed text. Send it again, directly, signed as PGP/MIME. If that is changed too, sign a plain text in short "
            f"lines. {_BY_HAND}",
            (_SIGN,),
        ),
    ),
    Finding.UNKNOWN_KEY: (
        "signature.unknown-key",
        Remedy(
            "Your mail is signed with a key that is not registered here{key}.\n\n"
            f"Sign with the key that is registered for you, or have this one registered: {_REGISTER}. Then send it again.",
            (_EXPORT,),
        ),
    ),
    Finding.EXPIRED_KEY: (
        "signature.expired-key",
        Remedy(
            "The key that signed your mail has expired{key}.\n\n"
            "Give it a later date with the commands below, and send the file key.asc, which they write, to the administrator "
            "of this service. When the key is registered, sign the mail anew and send it again.",
            ("{renew}", _EXPORT),
        ),
    ),
    Finding.REVOKED_KEY: (
        "signature.revoked-key",
        Remedy(
            "The key that signed your mail was revoked{key}; that cannot be undone.\n\n"
            f"Sign with another key. If that one is not registered here yet, first {_REGISTER}.",
            (_EXPORT_YOURS,),
        ),
    ),
    Finding.EXPIRED_SIGNATURE: (
        "signature.expired",
        Remedy(
            "The signature on your mail has expired{key}: it was made to be valid for a short time.\n\n"
            f"Remove default-sig-expire from gpg.conf. Sign the mail anew, and send it again. {_BY_HAND}",
            ("gpg --default-sig-expire 0 --clearsign letter.txt",),
        ),
    ),
    Finding.WEAK_DIGEST: (
        "signature.weak-digest",
        Remedy(
            "The signature on your mail uses a digest that can be forged ({digest}){key}.\n\n"
            "Have GnuPG use SHA-256 or better with the command below; if there are lines in gpg.conf that begin with "
            "digest-algo or cert-digest-algo, remove them. Then sign the mail anew and send it again.",
            ("echo personal-digest-preferences SHA512 SHA256 >> ~/.gnupg/gpg.conf",),
        ),
    ),
    Finding.WEAK_KEY: (
        "signature.weak-key",
        Remedy(
            "The key that signed your mail can be forged ({weakness}){key}.\n\n"
            "Make a new one with the commands below, and send the file key.asc, which they write, to the administrator of this "
            "service. When it is registered, sign the mail with it and send it again.",
            (f"gpg --quick-generate-key {_YOURS}", _EXPORT_YOURS),
        ),
    ),
    Finding.SEVERAL_SIGNATURES: (
        "signature.several",
        Remedy(
            "Your mail has more than one signature, and it cannot be told which one counts.\n\n"
            "Send it with a single signature, that of the key that is registered for you: with at most one local-user in "
            f"gpg.conf, and without another signed text below or inside of yours. {_BY_HAND}",
            (f"gpg --local-user {_YOURS} --clearsign letter.txt",),
        ),
    ),
}
TOO_OLD = (
    "Your mail was signed at {signed_at:%Y-%m-%d %H:%M} UTC, more than {hours:g} hours before it arrived.\n\n"
    f"Sign it anew and send it again. {_BY_HAND} If the time is wrong, set your computer's clock first.\n\n    {_SIGN}"
)
TOO_NEW = (
    "Your mail was signed at {signed_at:%Y-%m-%d %H:%M} UTC, which was still to come when it arrived.\n\n"
    "Set your computer's clock: the command below shows what it says. Then sign the mail anew and send it again.\n\n    date -u"
)
FORGED = "If you did not send this mail, somebody used your address, and you need do nothing."
# Each goes on a sentence, and another one follows it.
MENDS = {
    "unsigned": (
        "your mail is not signed.\n\n"
        "Sign all of it with the OpenPGP key that is registered for you, and send it again. If your mail program cannot sign:"
        "\n\n"
        f"    {_SIGN}\n\n"
        "(The mail is then the text of letter.txt.asc alone.)"
    ),
    "unproven": (
        "nothing proves that your mail is from you.\n\n"
        "Send it again from the account whose address is registered for you, by that account's own mail server, which signs "
        "what it sends (DKIM); a mail that is sent by another server, or that a list has changed, is not proven."
    ),
    "signature.partial": (
        "only a part of your mail is signed.\n\n"
        "Sign all of it, attachments too, as PGP/MIME, with nothing before or after the signed text, and send it again; "
        "mailing lists and some gateways add a footer. If your mail program cannot sign:\n\n"
        f"    {_SIGN}\n\n"
        "(The mail is then the text of letter.txt.asc alone.)"
    ),
    "signature.foreign-key": (
        "your mail is signed with a key that is registered for somebody else.\n\n"
        "Sign with the key that is registered for you, and send the mail again. To have another one registered, send the file "
        "key.asc, which this command writes, to the administrator of this service:\n\n"
        f"    {_EXPORT_YOURS}\n\n"
        "(It holds the public part of your keys.)"
    ),
}
