"""The judge of the campaign, who does not ask the code under test what was signed.

What the authors have signed, and what a reader must see of it, is known here because it was made here. Of every mail:

1. *A hopeless mail is never strong.* One is hopeless when text that nobody signed stands in its body, when its signature is not
   a good one of its author's, or when it does not have exactly one author.
2. *A strong mail shows exactly what was signed.* Its ``content`` is byte for byte something that this author has signed, in its
   canonical form; what `read_message` makes of it is the text, HTML and files that the author wrote, and not a character more;
   and the sender is the user whose address stands in From. This allows changes to the header outside of the signature.
3. *A mail that is not strong has no share in the signature's credit*: its content is the whole mail, and it has no fingerprint.
4. *No mail can be made to wait, or to look like a fault of ours*: what is wrong with it is found at once, by all verifiers.

A valid mail must be strong, and the second rule holds for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailproc.authenticate import Authenticated, authenticate
from mailproc.openpgp import Verifier
from mailproc.principal import Trust
from mailproc.reading import read_header, read_message
from tests.attacks.attacks import Attack
from tests.attacks.cast import Cast
from tests.attacks.letters import Shown, Signed
from tests.attacks.valid import Valid

METHODS = ("openpgp", "from")


@dataclass(frozen=True)
class Judgement:
    """What became of a mail, and what is wrong with that.

    ``end`` is ``weak``, ``none``, ``rejected``, ``dropped``, ``deferred`` or ``failed``; ``as signed`` is a strong mail of
    which exactly what was signed is seen, and ``strong`` is one for which that does not hold: the attack has succeeded.
    """

    end: str
    sha256: bytes
    wrong: str | None


def ask(raw: bytes, cast: Cast, verifier: Verifier) -> Authenticated:
    """The code under test."""
    return authenticate(raw, read_header(raw), arrival=cast.now, trust=METHODS, directory=cast, verifier=verifier)


def judge(attack: Attack, cast: Cast, verifier: Verifier, known: Sequence[Signed]) -> Judgement:
    """What became of an attack."""
    mail = attack.mail(cast)
    raw = mail.raw
    found = ask(raw, cast, verifier)
    end = _end(found)
    if end == "strong":
        wrong = "it is strong" if attack.hopeless else not_as_signed(raw, mail.author, found, known)
        end = "strong" if wrong else "as signed"
    elif end in ("deferred", "failed"):
        wrong = f"it is {end}: {found.reason}"
    else:
        wrong = _takes_credit(raw, found)
    return Judgement(end, hashlib.sha256(raw).digest(), wrong)


def welcome(mail: Valid, cast: Cast, verifier: Verifier) -> str | None:
    """What is wrong with what became of a valid mail: it must be strong and show exactly what was signed."""
    found = ask(mail.raw, cast, verifier)
    if _end(found) != "strong":
        return f"{found.rule}: {found.reason}"
    return not_as_signed(mail.raw, mail.signed.signer, found, [mail.signed])


def not_as_signed(raw: bytes, author: str | None, found: Authenticated, known: Sequence[Signed]) -> str | None:
    """What of a strong mail is not what its author has signed."""
    if author is None or found.principal.user != author:
        return f"the sender is {found.principal.user}, the author {author}"
    wanted = [signed for signed in known if (signed.signer, signed.content) == (author, found.content)]
    if not wanted:
        return "the content is not what was signed"
    message = read_message(raw, found.content, is_text=found.content_is_text, charset=found.charset)
    shown = Shown(message.text, message.html, tuple((file.name, file.content) for file in message.attachments))
    return None if _alike(shown, wanted[0].shown) else f"{shown} is seen of {wanted[0].shown}"


def _alike(one: Shown, other: Shown) -> bool:
    """The same, save for one empty line at the head of the text: as a MIME entity it is the end of an empty header."""
    same_text = one.text == other.text or one.text == f"\n{other.text}" or f"\n{one.text}" == other.text
    return same_text and (one.html, one.files) == (other.html, other.files)


def _end(found: Authenticated) -> str:
    if found.principal.trust is Trust.STRONG and found.outcome is None:
        return "strong"
    if found.outcome is None:
        return str(found.principal.trust)
    return str(found.outcome.disposition)


def _takes_credit(raw: bytes, found: Authenticated) -> str | None:
    if found.content is not raw or found.replay or found.principal.fingerprint is not None:
        return "it is not strong, and yet keeps what only a strong mail has"
    return "it is strong, and yet ended" if found.principal.trust is Trust.STRONG else None
