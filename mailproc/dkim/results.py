"""What our own mail server found out about DKIM, as it wrote into the header: Authentication-Results (RFC 8601).

Anybody can write such a field. Ours is one that bears our server's name and stands above all traces of the way to that server.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain, combinations
from typing import Any, NamedTuple

import authres

from mailproc.dkim import DomainFinding, DomainVerification
from mailproc.dkim.canonical import Body, covered_sha256
from mailproc.dkim.shape import check_shape
from mailproc.dkim.signature import check_header, find_claims, read_signature
from mailproc.dkim.tags import Unfit, read_tags, without_blanks
from mailproc.reading import Header, one_line
from mailproc.reading.comments import without_comments

MAX_OCTETS = 4096  # of one field
MAX_FIELDS = 5  # of ours: a server writes one, or one for each of its filters
MAX_RESULTS = 5

_LMTP = {"LMTP", "LMTPS", "LMTPA", "LMTPSA"}  # RFC 3848


class _Result(NamedTuple):
    """What is said of one signature: a word of section 2.7.1, and its ``d=``, ``s=`` and the first letters of its ``b=``."""

    word: str
    domain: str
    selector: str
    beginning: str


class TrustedResults:
    """Believes the server whose name in Authentication-Results is ``authserv_id``; usable from several threads at once."""

    def __init__(self, authserv_id: str) -> None:
        self._id = authserv_id.lower()

    def verify(
        self, raw: bytes, header: Header, domains: Collection[str], *, arrival: datetime
    ) -> Sequence[DomainVerification]:
        """Answer for each signature that our server found to pass, and for each that it could not look up; at most five.

        Nothing is said of all others, and of those that we would not rely on: they are left to our own verification.
        """
        try:
            check_header(header)
            results = self._results(header)
        except Exception:  # of authres, which raises whatever comes, down to RecursionError: then nothing is said
            return ()
        body = Body(raw, header.length)
        found = (self._judged(result, raw, header, body, arrival) for result in results if result.domain in domains)
        return [each for each in found if each][:MAX_RESULTS]

    def _results(self, header: Header) -> Sequence[_Result]:
        """What our fields say of DKIM; nothing where two of them contradict each other."""
        fields = [value for value in _on_top(header) if self._id in value.lower()]
        if len(fields) > MAX_FIELDS or any(len(value) > MAX_OCTETS for value in fields):
            return ()
        said = [self._read(value) for value in fields]
        if any(_contradict(one, other) for one, other in combinations(said, 2)):
            return ()
        return list(dict.fromkeys(chain.from_iterable(said)))

    def _read(self, value: str) -> Sequence[_Result]:
        parsed = authres.AuthenticationResultsHeader.parse_value(value)
        if parsed.authserv_id != self._id:
            return ()
        return [_result(each) for each in parsed.results if each.method == "dkim"]

    def _judged(self, result: _Result, raw: bytes, header: Header, body: Body, arrival: datetime) -> DomainVerification | None:
        if result.word == "temperror":
            detail = one_line(f"{self._id} could not look up the key of {result.domain}")
            return DomainVerification(DomainFinding.AWAY, result.domain, detail=detail)
        if result.word != "pass":
            return None
        try:
            signed_at = _signed_at(result, raw, header, arrival)
        except Unfit:
            return None
        detail = one_line(f"signed by {result.domain}, says {self._id}")
        return DomainVerification(DomainFinding.PASS, result.domain, signed_at, detail, covered_sha256(header, body))


def _on_top(header: Header) -> Sequence[str]:
    """The fields above every Received, but for those that the final delivery wrote: what is below may have come with the mail.

    Nothing where no other Received is there: then no server of ours is seen to have taken the mail in.
    """
    found: list[str] = []
    for name, value in header.fields:
        if name.lower() == "received" and not _is_final_delivery(value):
            return found
        if name.lower() == "authentication-results":
            found.append(value)
    return ()


def _is_final_delivery(received: str) -> bool:
    """Whether it says ``by HOST [via LINK] with LMTP`` and nothing else of the kind (RFC 5321 section 4.4).

    A client can have words of its own written there by the name that it gives in EHLO: in a comment they do not count, and
    with them there are two of a clause. A quotation mark or an unclosed comment may hide the words of our server.
    """
    words = without_comments(f"{received} \n;END").upper().replace(";", " ; ").split()
    if words[-1:] != ["END"] or any('"' in word for word in words) or (words.count("BY"), words.count("WITH")) != (1, 1):
        return False
    behind = words[words.index("BY") + 2 :]
    if behind[:1] == ["VIA"]:
        behind = behind[2:]
    return behind[0] == "WITH" and behind[1] in _LMTP if len(behind) > 1 else False


def _result(parsed: Any) -> _Result:
    """The facts of one result of authres; `Unfit` where one is stated twice."""
    stated: dict[str, str] = {}
    for each in parsed.properties:
        if each.type == "header" and stated.setdefault(each.name, each.value) != each.value:
            raise Unfit("it states two values")
    return _Result(parsed.result, stated.get("d", "").lower(), stated.get("s", "").lower(), stated.get("b", ""))


def _contradict(one: Sequence[_Result], other: Sequence[_Result]) -> bool:
    """Whether two fields say different things of a domain of which both speak."""
    shared = {result.domain for result in one} & {result.domain for result in other}
    return {each for each in one if each.domain in shared} != {each for each in other if each.domain in shared}


def _signed_at(result: _Result, raw: bytes, header: Header, arrival: datetime) -> datetime | None:
    """When the one signature was made that passed; `Unfit` where it is not the only one, or proves too little.

    The results tell nothing of what it covers. Where two signatures could be meant, one may be made up to look better.
    """
    meant = []
    for claim in find_claims(header, {result.domain}):
        tags = read_tags(claim.value, "the signature")
        signed = without_blanks(tags.get("b", ""))
        if result.selector in ("", tags.get("s", "").lower()) and signed.startswith(result.beginning):
            meant.append(claim)
    if len(meant) != 1:
        raise Unfit("it is not clear which signature passed")
    signature = read_signature(header, meant[0], arrival)
    check_shape(raw, header, signature.fields)
    return signature.signed_at
