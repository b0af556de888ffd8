"""What other servers say when they refuse a mail, in a few words for a person."""

from __future__ import annotations

import re
from typing import NamedTuple

from mailproc.forward.bounces.reports import Failed
from mailproc.forward.codes import refusal_in
from mailproc.reading import one_line

_LONGEST_WORDS = 200  # of a server whose words nobody knows


class _Diagnosis(NamedTuple):
    """What a refusal means: where the host ends so, the status is so, and one of the words is in the text ("" is in each)."""

    means: str
    words: tuple[str, ...] = ("",)
    status: str = r".*"
    host: str = ""


_GOOGLE, _MICROSOFT = ".google.com", ".outlook.com"
_RATE = ("rate limit", "rate of", "too many", "throttl")

# The first that fits counts, so that the narrower ones stand above.
_DIAGNOSES = (
    _Diagnosis("the sender's DMARC policy", ("dmarc",)),
    _Diagnosis("our mail proves no sender", ("unauthenticated", "spf ", "sender policy framework")),
    _Diagnosis("too much mail at once", status=r"4\.7\.28", host=_GOOGLE),
    _Diagnosis("taken for spam", status=r"[45]\.7\.(?:1|28)", host=_GOOGLE),
    _Diagnosis("a file of a kind that is not taken", status=r"5\.7\.0", host=_GOOGLE),
    _Diagnosis("our server is blocked", ("s3140", "s3150", "banned sending ip"), host=_MICROSOFT),
    _Diagnosis("our server is blocked", ("blacklist", "blocklist", "block list", "blocked using", "spamhaus", "reputation")),
    _Diagnosis("a virus in a file", ("virus", "malware", "infected")),
    _Diagnosis("the mailbox is full", status=r"[45]\.2\.2"),
    _Diagnosis("the mailbox is full", ("over quota", "quota exceeded", "mailbox full", "mailbox is full")),
    _Diagnosis("the mail is too big", status=r"5\.(?:2\.3|3\.4)"),
    _Diagnosis("too much mail at once", _RATE),
    _Diagnosis("greylisted", ("greylist", "graylist")),
    _Diagnosis("taken for spam", ("spam", "unsolicited", "junk")),
    _Diagnosis("refused for what is in it", ("content rejected", "message content", "attachment")),
    _Diagnosis("no such user", status=r"5\.1\.(?:1|3|6|10)"),
    _Diagnosis("no such user", ("user unknown", "unknown user", "no such user", "does not exist")),
    _Diagnosis("the mailbox is not available", status=r"[45]\.2\.[01]"),
    _Diagnosis("the mailbox is not available", ("mailbox unavailable", "mailbox disabled")),
    _Diagnosis("no such domain", status=r"[45]\.1\.2"),
    _Diagnosis("the mail goes in circles", status=r"5\.4\.6"),
    _Diagnosis("the server is out of reach", status=r"[45]\.4\.[0-9]+"),
)


def diagnosis(failed: Failed) -> str:
    """What a refusal means, with the code and the server: ``no such user (550-5.1.1 from mx.example.com)``.

    Words that nobody knows stand as they are, cut short.
    """
    said = failed.diagnostic.lower()
    known = next((rule.means for rule in _DIAGNOSES if _fits(rule, failed, said)), None)
    number = "-".join(filter(None, (refusal_in(failed.diagnostic), failed.status)))
    source = " ".join(filter(None, (number, f"from {failed.remote_mta}" if failed.remote_mta else "")))
    words = known or one_line(failed.diagnostic, _LONGEST_WORDS) or ("failed" if failed.action == "failed" else "delayed")
    return f"{words} ({source})" if source else words


def _fits(rule: _Diagnosis, failed: Failed, said: str) -> bool:
    return (
        f".{failed.remote_mta}".endswith(rule.host)
        and re.fullmatch(rule.status, failed.status) is not None
        and any(word in said for word in rule.words)
    )
