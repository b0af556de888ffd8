"""DKIM behind dkimpy: whether a signature that is fit to prove something (RFC 6376 section 6) is true.

dkimpy reads the header, puts what is signed into its canonical form, and computes. What it would decide is decided before,
each for a reason:

- It accepts signatures over a part of the body (``l=``), over SHA-1, with a key for testing, and mails with an added Reply-To:
  `mailproc.dkim.signature` and `mailproc.dkim.key` let none of them come so far.
- It holds the mail as a list of lines and searches it with expressions that take hours for a line of blanks: it only gets the
  header, and `mailproc.dkim.canonical` hashes the body.
- It compares times with the clock of the run, and asks the DNS without regard to what an error means: it is handed the key.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import dkim
from dkim.util import get_default_logger

from mailproc.dkim import DomainFinding, DomainVerification
from mailproc.dkim.canonical import Body, covered_sha256
from mailproc.dkim.key import Key, read_key
from mailproc.dkim.shape import check_shape
from mailproc.dkim.signature import Claim, Signature, find_claims, read_signature
from mailproc.dkim.tags import Unfit
from mailproc.dkim.txt import Remembered, TextRecords
from mailproc.errors import Away
from mailproc.reading import Header, one_line

MAX_SIGNATURES = 5
_MAX_AWAY = 2  # signatures whose key nobody could look up; then we stop to wait for the DNS

# A bad signature is a finding, which we report; dkimpy would log each, with the bytes of the mail.
get_default_logger().propagate = False


class _Mail:
    """One mail while its signatures are verified."""

    def __init__(self, raw: bytes, header: Header) -> None:
        self.raw = raw
        self.header = header
        self.body = Body(raw, header.length)

    @cached_property
    def signer(self) -> Any:
        """dkimpy's view of the header; its fields stand in the order of ours, for the header is sound."""
        return dkim.DKIM(self.raw[: self.header.length])

    @cached_property
    def covered_sha256(self) -> str:
        """What `DomainVerification.covered_sha256` is for this mail."""
        return covered_sha256(self.header, self.body)


class DkimVerifier:
    """Verifies with dkimpy and the TXT records of ``txt``; usable from several threads at once."""

    def __init__(self, txt: TextRecords) -> None:
        self._txt = Remembered(txt)

    def verify(
        self, raw: bytes, header: Header, domains: Collection[str], *, arrival: datetime
    ) -> Sequence[DomainVerification]:
        """Answer for each signature of one of ``domains``, the topmost first, at most five; see `DomainVerifier`."""
        mail = _Mail(raw, header)
        found: list[DomainVerification] = []
        for claim in find_claims(header, domains)[:MAX_SIGNATURES]:
            found.append(self._verify(mail, claim, arrival))
            if [each.finding for each in found].count(DomainFinding.AWAY) == _MAX_AWAY:
                break
        return found

    def _verify(self, mail: _Mail, claim: Claim, arrival: datetime) -> DomainVerification:
        try:
            signature = read_signature(mail.header, claim, arrival)
            check_shape(mail.raw, mail.header, signature.fields)
            _check_body(mail, signature)
            key = read_key(self._txt.txt(signature.key_name), signature)
            _check_fields(mail, signature, key)
            detail = f"signed by {signature.domain}"
            return DomainVerification(DomainFinding.PASS, claim.domain, signature.signed_at, detail, mail.covered_sha256)
        except Unfit as why:
            return DomainVerification(DomainFinding.FAIL, claim.domain, detail=one_line(str(why)))
        except Away as why:
            return DomainVerification(DomainFinding.AWAY, claim.domain, detail=one_line(str(why)))
        except Exception as error:  # of dkimpy and what is below it: the bytes are anybody's
            detail = one_line(f"the signature cannot be checked: {type(error).__name__}: {error}")
            return DomainVerification(DomainFinding.FAIL, claim.domain, detail=detail)


def _check_body(mail: _Mail, signature: Signature) -> None:
    if mail.body.digest(relaxed=signature.relaxed_body) != signature.body_hash:
        raise Unfit(f"the body was changed after {signature.domain} signed it")


def _check_fields(mail: _Mail, signature: Signature, key: Key) -> None:
    """Without ``bh=`` dkimpy verifies what ``b=`` signs: the fields, and with them the hash of the body."""
    form = "relaxed" if signature.relaxed_header else "simple"
    tags = {"a": signature.algorithm, "c": form, "d": signature.domain, "s": signature.selector}
    tags["b"] = base64.b64encode(signature.signed).decode()
    record = f"k={key.type}; p={base64.b64encode(key.data).decode()}".encode()
    right = len(signature.signed) == key.signature_octets and mail.signer.verify_sig(
        {name.encode(): value.encode() for name, value in tags.items()},
        [name.encode() for name in signature.fields],
        mail.signer.headers[signature.position],
        lambda name, timeout: record,
    )
    if not right:
        raise Unfit(f"the header was changed after {signature.domain} signed it, or another key signed it")
