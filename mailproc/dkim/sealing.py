"""Our seal on a mail that we change and send on (RFC 8617 section 5.1), so that its receivers can see what we saw.

We say what we found out ourselves: about its DKIM signatures, and about the chain. The client that brought it is not known
here, so nothing is said of SPF, and nothing is taken over from an Authentication-Results field, which may have come with it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dkim
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import HASH_ALGORITHMS, parse_pem_private_key

from mailproc.dkim import DomainFinding, DomainVerification
from mailproc.dkim.canonical import Body
from mailproc.dkim.chain import MOST_SETS, NAMES, Chain, instance_of, read_chain
from mailproc.dkim.signature import check_header
from mailproc.dkim.tags import Unfit, read_tags
from mailproc.dkim.txt import Remembered, TextRecords
from mailproc.dkim.verifier import DkimVerifier
from mailproc.reading import Header, one_line, read_header

# What a reader sees or is threaded by, and what says how to read the body; other relays may add or change the rest.
SIGNED = (
    "from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding", "list-id", "list-post", "list-help", "list-subscribe", "list-unsubscribe",
    "list-unsubscribe-post", "list-owner", "dkim-signature",
)  # fmt: skip

_ALGORITHM = b"rsa-sha256"  # the only one of RFC 8617 section 4.1.2 that receivers are known to verify
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,30}")
_WORDS = {DomainFinding.PASS: "pass", DomainFinding.AWAY: "temperror", DomainFinding.FAIL: "policy"}


@dataclass(frozen=True, slots=True)
class Seal:
    """Who seals: an RSA private ``key`` in PEM, whose public half is in the DNS at ``selector``._domainkey.``domain``.

    ``authserv_id`` is our name in what we state (RFC 8601 section 2.5). Case does not matter. Raises ValueError where one of
    them cannot be used: its name, a colon and what is wrong with it.
    """

    key: bytes = field(repr=False)
    selector: str
    domain: str
    authserv_id: str

    def __post_init__(self) -> None:
        for name in ("selector", "domain", "authserv_id"):
            value = getattr(self, name).lower()
            object.__setattr__(self, name, value)
            if not _DOMAIN.fullmatch(value):
                raise ValueError(f"{name}: {value!a} is no name in the DNS; use letters, digits, hyphens and dots")
        try:
            parse_pem_private_key(self.key)
        except Exception:  # whatever its reader of ASN.1 stumbles over
            raise ValueError("key: it is no RSA private key in PEM; make one with openssl genrsa") from None


def sealed(raw: bytes, original: bytes, seal: Seal, txt: TextRecords, now: datetime) -> bytes:
    """The mail ``raw`` with our ARC set on top; ``original`` is the mail as it came to us, of which the set tells.

    A chain that does not hold is sealed as failed. One that reported a failure before, one that is full, and a header that
    readers may take for different ones stay as they are. Raises `Away` where a key of the chain cannot be looked up now.
    """
    txt, came, header = Remembered(txt), read_header(original), read_header(raw)
    try:
        check_header(header)
    except Unfit:
        return raw
    chain = read_chain(original, came, txt)
    if chain.over or chain.length >= MOST_SETS or not header.all("from"):
        return raw
    results = [*dkim_results(original, came, txt, now), f"arc={chain.status}"]
    return _set(raw, header, chain, seal, results, now) + raw


def dkim_results(raw: bytes, header: Header, txt: TextRecords, now: datetime) -> list[str]:
    """What we found out about each DKIM signature, as RFC 8601 section 2.7.1 words it; at most five.

    ``policy`` stands for every signature that we do not rely on: one that is wrong, and one that proves too little.
    """
    domains = {domain for value in header.all("dkim-signature")[:20] if (domain := _signer(value))}
    found = DkimVerifier(txt).verify(raw, header, domains, arrival=now)
    return [_result(each) for each in found] or [f"dkim={'policy' if header.all('dkim-signature') else 'none'}"]


def _signer(value: str) -> str:
    try:
        domain = read_tags(value, "the signature").get("d", "").lower()
    except Unfit:
        return ""
    return domain if _DOMAIN.fullmatch(domain) else ""


def _result(each: DomainVerification) -> str:
    reason = one_line(each.detail.encode("ascii", "ignore").decode(), 100).replace("\\", "").replace('"', "'")
    because = "" if each.finding is DomainFinding.PASS else f' reason="{reason}"'
    return f"dkim={_WORDS[each.finding]}{because} header.d={each.domain}"


def _set(raw: bytes, header: Header, chain: Chain, seal: Seal, results: Sequence[str], now: datetime) -> bytes:
    """The three fields of our set, in their order from the top: the seal, the message signature, the results."""
    instance = str(chain.length + 1).encode()
    stated = "".join(f";\r\n {result}" for result in results)
    about = f" i={instance.decode()}; {seal.authserv_id}{stated}\r\n".encode("ascii")
    signer = dkim.ARC(raw[: header.length])
    before = signer.headers
    names = [name for name in SIGNED for _ in header.all(name)]
    digest = base64.b64encode(Body(raw, header.length).digest(relaxed=True))
    common = [(b"a", _ALGORITHM), (b"d", seal.domain.encode()), (b"s", seal.selector.encode())]
    common.append((b"t", str(int(now.timestamp())).encode()))
    covers = [(b"c", b"relaxed/relaxed"), (b"h", " : ".join(names).encode()), (b"bh", digest)]
    message = _signed(signer, NAMES[1], seal, [(b"i", instance), *common, *covers], names)
    own = [(NAMES[1].encode(), message), (NAMES[0].encode(), about)]
    earlier = [] if chain.status == "fail" else _earlier(before, header)  # section 5.1.2: as if ours were the only set
    signer.headers = own + earlier
    covered = (NAMES * (len(earlier) // 3 + 1))[:-1]
    stamp = _signed(signer, NAMES[2], seal, [(b"i", instance), (b"cv", chain.status.encode()), *common], covered)
    return b"ARC-Seal:" + stamp + b"ARC-Message-Signature:" + message + b"ARC-Authentication-Results:" + about


def _earlier(fields: Sequence[Any], header: Header) -> list[Any]:
    """The fields of a chain that holds, the newest set first, each as seal, message signature, results."""
    order = {name: place for place, name in enumerate(NAMES)}
    found = [(value, name.lower(), at) for at, (name, value) in enumerate(header.fields) if name.lower() in order]
    ranked = sorted(found, key=lambda each: (instance_of(each[0]), order[each[1]]), reverse=True)
    return [fields[at] for _, _, at in ranked]


def _signed(signer: Any, name: str, seal: Seal, tags: list[tuple[bytes, bytes]], names: Sequence[str]) -> bytes:
    """The value of a field that signs those of these names; ``b=`` begins a line of its own, so that its folds harm nothing."""
    signer.hasher, signer.signature_algorithm = HASH_ALGORITHMS[_ALGORITHM], _ALGORITHM
    policy = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    key = parse_pem_private_key(seal.key)
    signed = signer.gen_header([*tags, (b"b", b"0" * 60)], [each.encode() for each in names], policy, name.encode(), key)
    return b" " + bytes(signed)
