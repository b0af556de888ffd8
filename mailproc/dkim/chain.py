"""The Authenticated Received Chain of a mail that others have sealed before us (RFC 8617 section 5.2).

As in `mailproc.dkim.verifier`, dkimpy puts into canonical form and computes; it gets the header alone, and the key.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dkim
from dkim.util import get_default_logger

from mailproc.dkim.canonical import Body
from mailproc.dkim.key import read_key
from mailproc.dkim.signature import ALGORITHMS, MAX_FIELDS, MAX_OCTETS, Signature, check_header
from mailproc.dkim.tags import Unfit, read_base64, read_list, read_tags
from mailproc.dkim.txt import TextRecords
from mailproc.errors import Away
from mailproc.reading import Header

MOST_SETS = 50  # section 4.2.1
NAMES = ("arc-authentication-results", "arc-message-signature", "arc-seal")  # in the order in which a seal covers them

_INSTANCE = re.compile(r"(?:^|;)[ \t]*i[ \t]*=[ \t]*([0-9]{1,3})[ \t]*(?:;|$)")
_MANY_BLANKS = re.compile(r"[ \t]{100}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")

get_default_logger().propagate = False  # as in `mailproc.dkim.verifier`


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found: ``status`` is the result of RFC 8617 section 4.4, ``length`` the highest instance that is there.

    ``over`` says that the newest seal has reported a failure itself: such a chain is not gone on with (section 5.1.2).
    """

    status: Literal["none", "pass", "fail"]
    length: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True)
class _Set:
    """One ARC set: the places of its three fields in the header, and the tags of its seal."""

    places: tuple[int, int, int]
    seal: dict[str, str]


def read_chain(raw: bytes, header: Header, txt: TextRecords) -> Chain:
    """The chain of a mail with this header; raises `Away` where a key cannot be looked up now.

    How long the look-ups of up to 50 keys may take is for ``txt`` to say: see `mailproc.dkim.txt.Hurried`.
    """
    found = [(at, name.lower(), value) for at, (name, value) in enumerate(header.fields) if name.lower() in NAMES]
    if not found:
        return Chain("none")
    length = max(instance_of(value) or 1 for _, _, value in found)
    try:
        check_header(header)
        sets = _sets(found)
        over = sets[-1].seal.get("cv") == "fail"
        if not over:
            _check(raw, header, sets, txt)
    except Unfit:
        return Chain("fail", length)
    except Away:
        raise
    except Exception:  # of dkimpy and what is below it: the bytes are anybody's
        return Chain("fail", length)
    return Chain("fail" if over else "pass", length, over)


def instance_of(value: str) -> int:
    """The number of the set that a field of a chain belongs to, by its tag ``i``; 0 where it has none."""
    found = _INSTANCE.search(value)
    return int(found[1]) if found else 0


def _sets(found: Sequence[tuple[int, str, str]]) -> list[_Set]:
    """The sets, the first one first; `Unfit` unless each instance from 1 on has each of its fields once."""
    places: dict[tuple[int, str], int] = {}
    values: dict[int, str] = {}
    for at, name, value in found:
        key = instance_of(value), name
        if key in places:
            raise Unfit("an instance of the chain has a field twice")
        places[key] = at
        values[at] = value
    count = len(found) // 3
    wanted = {(instance, name) for instance in range(1, count + 1) for name in NAMES}
    if set(places) != wanted or not 1 <= count <= MOST_SETS:
        raise Unfit("the chain is not whole")
    order = [tuple(places[instance, name] for name in NAMES) for instance in range(1, count + 1)]
    return [_Set((aar, ams, seal), _tags(values[seal])) for aar, ams, seal in order]


def _check(raw: bytes, header: Header, sets: Sequence[_Set], txt: TextRecords) -> None:
    """Raise `Unfit` unless the newest message signature and all seals are true (section 5.2, steps 3 to 6)."""
    if [each.seal.get("cv") for each in sets] != ["none", *["pass"] * (len(sets) - 1)]:
        raise Unfit("the seals of the chain contradict each other")
    signer = dkim.ARC(raw[: header.length])
    newest = sets[-1].places[1]
    signature = _signature(newest, _tags(header.fields[newest][1]))
    if Body(raw, header.length).digest(relaxed=signature.relaxed_body) != signature.body_hash:
        raise Unfit("the body was changed after it was sealed")
    _verify(signer, signature, txt)
    for count in range(len(sets), 0, -1):
        covered = [place for each in sets[:count] for place in each.places]
        _verify(_covering(signer, covered), _seal(sets[count - 1], len(covered)), txt)


def _covering(signer: Any, places: Sequence[int]) -> Any:
    """A view of these fields alone: dkimpy takes the undermost of a name first, which is then the one of the first set."""
    view = dkim.ARC()
    view.headers = [signer.headers[place] for place in reversed(places)]
    return view


def _verify(signer: Any, signature: Signature, txt: TextRecords) -> None:
    key = read_key(txt.txt(signature.key_name), signature)
    form = "relaxed" if signature.relaxed_header else "simple"
    tags = {"a": signature.algorithm, "c": form, "d": signature.domain, "s": signature.selector}
    tags["b"] = base64.b64encode(signature.signed).decode()
    record = f"k={key.type}; p={base64.b64encode(key.data).decode()}".encode()
    right = len(signature.signed) == key.signature_octets and signer.verify_sig(
        {name.encode(): value.encode() for name, value in tags.items()},
        [name.encode() for name in signature.fields],
        signer.headers[signature.position],
        lambda name, timeout: record,
    )
    if not right:
        raise Unfit("a signature of the chain is not true")


def _tags(value: str) -> dict[str, str]:
    if len(value) > MAX_OCTETS or _MANY_BLANKS.search(value):
        raise Unfit("a field of the chain is too long")
    return read_tags(value, "a field of the chain")


def _signature(position: int, tags: dict[str, str]) -> Signature:
    """A message signature (section 4.1.2)."""
    header_form, _, body_form = tags.get("c", "simple/simple").partition("/")
    names = tuple(read_list(tags.get("h", "")))
    if "l" in tags or not {header_form, body_form or "simple"} <= {"relaxed", "simple"}:
        raise Unfit("a message signature of the chain is of a kind that is not known")
    if "from" not in names or "arc-seal" in names or len(names) > MAX_FIELDS:
        raise Unfit("a message signature of the chain does not cover what it must, or what it must not")
    body_hash = read_base64(tags.get("bh", "")) or b""
    return _made(position, tags, (header_form == "relaxed", body_form == "relaxed"), names, body_hash)


def _seal(each: _Set, count: int) -> Signature:
    """A seal (section 4.1.3), in a view of the ``count`` fields that it covers, where it stands on top itself."""
    if "h" in each.seal:
        raise Unfit("a seal of the chain has a tag that it must not have")
    names = (NAMES * (count // 3))[:-1]
    return _made(0, each.seal, (True, True), names, b"")


def _made(
    position: int, tags: dict[str, str], relaxed: tuple[bool, bool], names: tuple[str, ...], body_hash: bytes
) -> Signature:
    signed = read_base64(tags.get("b", ""))
    domain, selector = tags.get("d", "").lower(), tags.get("s", "")
    if not signed or tags.get("a") not in ALGORITHMS or not _NAME.fullmatch(f"{selector}._domainkey.{domain}"):
        raise Unfit("a signature of the chain is not well formed")
    return Signature(position, domain, selector, tags["a"], *relaxed, names, body_hash, signed, None)
