"""A DKIM-Signature field, and whether its text is that of a signature to rely on (RFC 6376 sections 3.5 and 8).

What a verifier has to compute is no matter here: what is signed, by which key, when, and with which algorithms.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from mailproc.dkim.tags import Unfit, read_base64, read_list, read_tags
from mailproc.reading import Header

MAX_OCTETS = 8192  # of one field; with a key of 4096 bits and fifty signed fields it takes 2,000
MAX_FIELDS = 200  # in h=

# What a person or a handler reads of a header; whoever could add or change one of them would speak in the signer's name.
SHOWN = ("from", "sender", "reply-to", "subject", "date", "to", "cc")
# Large providers do not sign these, so they need not be; of two, some readers believe the one that was added.
AT_MOST_ONCE = ("content-type", "content-transfer-encoding", "content-disposition", "mime-version")

ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}  # RFC 8301 forbids rsa-sha1; RFC 8463

_REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")
_FORMS = {  # of c=: whether the fields, and whether the body, are in the relaxed form
    "simple": (False, False),
    "relaxed": (True, False),
    "simple/simple": (False, False),
    "simple/relaxed": (False, True),
    "relaxed/simple": (True, False),
    "relaxed/relaxed": (True, True),
}

_D = re.compile(r"(?:^|;)[ \t]*d[ \t]*=[ \t]*([^; \t]*)")
_B = re.compile(r"(?:^|[; \t])b[ \t]*=")
_MANY_BLANKS = re.compile(r"[ \t]{100}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_FIELD_NAME = re.compile(r"[!-9;-~]+")
_SECONDS = re.compile(r"[0-9]{1,12}")
_LONGEST_NAME = 253  # RFC 1035 section 2.3.4, as text

_FIRST_DKIM = datetime(2007, 5, 1, tzinfo=UTC).timestamp()  # RFC 4871
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Claim:
    """A field in which ``domain`` seems to sign: its place among the header's fields, and its unfolded value."""

    position: int
    domain: str
    value: str


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature whose text is sound: it covers what is shown, and all of the body.

    ``algorithm`` is the one of ``a=``; ``relaxed_header`` and ``relaxed_body`` say which canonical forms were signed
    (``c=``). ``body_hash`` and ``signed`` are ``bh=`` and ``b=``. ``fields`` are the names of ``h=``, lower-case.
    """

    position: int
    domain: str
    selector: str
    algorithm: str
    relaxed_header: bool
    relaxed_body: bool
    fields: tuple[str, ...]
    body_hash: bytes
    signed: bytes
    signed_at: datetime | None

    @property
    def key_name(self) -> str:
        """Where the key is in the DNS (section 3.6.2.1), lower-case."""
        return f"{self.selector}._domainkey.{self.domain}".lower()


def find_claims(header: Header, domains: Collection[str]) -> list[Claim]:
    """The fields with one of ``domains`` (lower-case) in ``d=``, the topmost first, by a look that costs next to nothing."""
    found = []
    for position, (name, value) in enumerate(header.fields):
        if name.lower() == "dkim-signature":
            named = [domain for domain in map(str.lower, _D.findall(value)) if domain in domains]
            found += [Claim(position, domain, value) for domain in named[:1]]
    return found


def read_signature(header: Header, claim: Claim, arrival: datetime) -> Signature:
    """The signature of a claim on the mail with this header, which arrived then; raises `Unfit` where it proves too little."""
    check_header(header)
    tags = _tags(claim.value)
    _check_identity(tags, claim.domain)
    names = tuple(read_list(tags["h"]))
    _check_fields(header, names)
    signed_at = _check_times(tags, arrival)
    body_hash, signed = read_base64(tags["bh"]), read_base64(tags["b"])
    if body_hash is None or len(body_hash) != 32 or not signed:
        raise Unfit("the signature's b= or bh= cannot be read")
    form = _FORMS[tags.get("c", "simple")]
    return Signature(claim.position, claim.domain, tags["s"], tags["a"], *form, names, body_hash, signed, signed_at)


def check_header(header: Header) -> None:
    """Raise `Unfit` where readers may take the header for different ones: each would find what it looks for."""
    defects = [each for each in header.defects if each != "eight-bit" and not each.startswith("duplicate-")]
    if defects:
        raise Unfit(f"the header of the mail is not sound ({', '.join(defects)})")
    if any("\v" in value or "\f" in value for _, value in header.fields):
        raise Unfit("the header of the mail is not sound (control characters)")


def _tags(value: str) -> dict[str, str]:
    if len(value) > MAX_OCTETS or _MANY_BLANKS.search(value):
        raise Unfit("the signature is too long")
    tags = read_tags(value, "the signature")
    absent = [name for name in _REQUIRED if not tags.get(name)]
    if absent or len(_B.findall(value)) != 1:
        raise Unfit(f"the signature is not well formed ({', '.join(absent) or 'b'}=)")
    if tags["v"] != "1" or tags.get("q", "dns/txt") != "dns/txt":
        raise Unfit("the signature is of a kind that is not known (v=, q=)")
    algorithm, form = tags["a"], tags.get("c", "simple")
    if algorithm not in ALGORITHMS or form not in _FORMS:
        raise Unfit(f"a={algorithm}, c={form} is not accepted; rsa-sha256 or ed25519-sha256 is, relaxed or simple")
    if "l" in tags:
        raise Unfit(f"it covers only the first {tags['l']} octets of the body (l=)")
    return tags


def _check_identity(tags: dict[str, str], domain: str) -> None:
    _, at, identity = tags.get("i", f"@{domain}").rpartition("@")
    if tags["d"].lower() != domain or not at or identity.lower() != domain:
        raise Unfit(f"it does not speak for {domain} itself (i=)")
    name = f"{tags['s']}._domainkey.{domain}"
    if not _SELECTOR.fullmatch(tags["s"]) or len(name) > _LONGEST_NAME:
        raise Unfit("its selector is no name in the DNS (s=)")


def _check_fields(header: Header, names: tuple[str, ...]) -> None:
    """Each field that is shown is signed as often as it is there, so that none was added (section 8.15)."""
    if len(names) > MAX_FIELDS or not all(map(_FIELD_NAME.fullmatch, names)):
        raise Unfit("the signature is not well formed (h=)")
    if len(header.all("from")) != 1:
        raise Unfit("the mail has no single From field")
    for name in SHOWN:
        if names.count(name) < len(header.all(name)):
            raise Unfit(f"a {name.title()} field of the mail is not signed")
    for name in AT_MOST_ONCE:
        if len(header.all(name)) > 1:
            raise Unfit(f"the mail has more than one {name.title()} field")


def _check_times(tags: dict[str, str], arrival: datetime) -> datetime | None:
    """``t=`` as a time; a mail is judged by its arrival, not by our clock, so that one that had to wait is not refused."""
    if not all(_SECONDS.fullmatch(tags[name]) for name in "tx" if name in tags):
        raise Unfit("the signature is not well formed (t= or x=)")
    arrived = arrival.timestamp()
    signed, expires = (int(tags[name]) if name in tags else None for name in "tx")
    if signed is not None and not _FIRST_DKIM <= signed <= arrived + _DAY:
        raise Unfit("the time at which it was made is impossible (t=)")
    if expires is not None and (expires < arrived or expires <= (signed or 0)):
        raise Unfit("it had expired when the mail arrived (x=)")
    return None if signed is None else datetime.fromtimestamp(signed, UTC)
