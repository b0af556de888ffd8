"""From in the name of the list, for mail whose author's domain would have it refused when it comes from us (RFC 7960)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailproc import Address
from mailproc.forward.paths import angled
from mailproc.forward.signed import SIGNATURE
from mailproc.rawmail import RawMail, phrase
from mailproc.reading import decode_words, one_line, read_addresses, without_comments

_LONGEST_NAME = 60  # characters
_MOST_ANSWERED = 10  # addresses in Reply-To
_LOOK_AT = 10_000  # characters of From
_SYNTAX = re.compile(r"[,;:<>()\[\]\"\\@]+")  # what makes other readers see an address, or several
_BEHIND_AT = re.compile(r"@([^\s@<>()\[\],;:\"\\]*)")
_NOBODY = "Somebody"


def in_the_name_of(mail: RawMail, list_name: str, list_address: str) -> RawMail:
    """The mail with From ``"Ann via List" <list address>``, and Reply-To to whom From named, then to whom Reply-To did.

    Its DKIM signatures, which cover From, are taken away: a signature that is wrong is of no use to anybody.
    """
    written = [field.value[:_LOOK_AT] for field in mail.all("From")]
    shown = one_line(f"{display_name(written[0]) if written else _NOBODY} via {_plain(list_name) or list_address}", 120)
    answers = [field.value[:_LOOK_AT] for field in mail.all("Reply-To")]
    found = [str(each) for value in (*written, *answers) for each in named(value) if str(each).isascii()]
    reply_to = ", ".join(list(dict.fromkeys(found))[:_MOST_ANSWERED])
    mail = mail.without(SIGNATURE).replaced("From", f"{phrase(shown)} <{list_address}>")
    return mail.replaced("Reply-To", reply_to) if reply_to else mail


def named(value: str) -> list[Address]:
    """The addresses that a From or Reply-To field names, at most ten.

    Where none is well formed those in angle brackets: many write an address as the name before it, and do not quote it. A
    mail is not trusted by this, it is only made sure that its author hears of the answers.
    """
    found = read_addresses([value[:_LOOK_AT]], limit=_MOST_ANSWERED)
    return list(found) or [Address.parse(each) for each in angled(value[:_LOOK_AT])[:_MOST_ANSWERED]]


def domains_in(values: Sequence[str]) -> frozenset[str] | None:
    """Every domain that any reader may take for one of the authors', by these From fields: what stands behind each ``@``.

    In lower case; "" stands for an ``@`` with nothing readable behind it. None where there is text and no ``@``, or too much of
    it: then nobody can tell whose the mail is.
    """
    text = " ".join(" ".join(values).split())
    if len(text) > _LOOK_AT or (text and "@" not in text):
        return None
    readings = (_tight(text), _tight(without_comments(text)))  # some take a comment for one that others see through
    return frozenset(found.lower() for each in readings for found in _BEHIND_AT.findall(each))


def _tight(text: str) -> str:
    """The text without the blanks that may stand around the signs of an address (RFC 5322 section 4.4)."""
    text = " ".join(text.split())
    for sign in "@.":
        text = text.replace(f" {sign}", sign).replace(f"{sign} ", sign)
    return text


def display_name(value: str) -> str:
    """The name that a From field shows, without any address in it; its local part where there is no name."""
    head, opening, _ = value.rpartition("<")
    words = _plain(decode_words(head.strip(' \t"'))) if opening else ""
    if not words:
        words = _plain(next((each.local for each in named(value)), ""))
    return words or _NOBODY


def _plain(name: str) -> str:
    """Words without syntax; one with an "@" in it is an address, of which nothing is left."""
    words = [word for word in one_line(name, 4 * _LONGEST_NAME).split() if "@" not in word]
    return one_line(_SYNTAX.sub(" ", " ".join(words)), _LONGEST_NAME)
