"""What speaks against a signature before anything is verified, the same for every verifier.

Whether a signature is good is for a verifier alone to say, and it gets one signature, one certificate and nothing to interpret:
who would be found under which name, what is in the packets twice or in a strange form, is settled here, so that two verifiers
can only differ where one of them is wrong. An objection can refuse a signature; none of this can make one good.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailproc.openpgp import Finding, SignedPart, Verification, packets
from mailproc.openpgp.armor import has_long_line
from mailproc.openpgp.signature import BINARY, DIGESTS, TEXT, WEAK_DIGESTS, Signature, Subpacket, read_signature
from mailproc.openpgp.standing import Key, Standing, read_certificates

_LONGEST_LINE = 19_000  # octets; GnuPG cuts the lines of a text at 19,995
_LARGEST = 0xFFFF  # octets of a signature packet
# Subpackets (RFC 9580 section 5.2.3.7): those that may say "refuse me if you do not know me", because both verifiers know them,
# and those of a key's own signature, which have no business on a document and which verifiers refuse for a false octet or not.
_CRITICAL = (2, 3, 16, 26, 33)
_OF_KEYS = (4, 5, 6, 7, 9, 11, 12, 21, 22, 23, 25, 27, 29, 30, 31, 32, 34, 37, 39)


@dataclass(frozen=True, slots=True)
class Case:
    """One signature over ``content`` that claims to be by ``key`` of ``certificate``: what a verifier is to check.

    ``signature`` is one packet, binary. A good finding must name the primary key's ``fingerprint`` and ``signed_at``.
    """

    content: bytes
    signature: bytes
    certificate: Standing
    key: Key
    signed_at: datetime

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint, upper-case hex."""
        return self.certificate.primary.fingerprint


def examine(part: SignedPart, certificates: Sequence[bytes], check: Callable[[Case], Verification]) -> Verification:
    """The finding for a signed part: an objection, or what ``check`` finds for the certificate that the signature names.

    ``check`` may raise anything, which is CANNOT_TELL.
    """
    body = _signature_packet(part)
    if isinstance(body, Verification):
        return body
    signature = read_signature(body)
    if signature is None:
        return Verification(Finding.ALTERED, detail="the signature cannot be read")
    signers = _signers(signature, certificates)
    if not signers:
        return Verification(Finding.UNKNOWN_KEY, detail="the key is not known here")
    objection = _against(signature, part.content)
    if objection:
        return objection
    packet = b"\x89" + len(body).to_bytes(2, "big") + body
    signed_at = datetime.fromtimestamp(signature.created_at, UTC)
    cases = [Case(part.content, packet, certificate, key, signed_at) for certificate, key in signers]
    # Two keys may share a key id, or two certificates a key: the one that fits counts, and a doubt comes before a refusal.
    return min((_judge(case, signature, check) for case in cases), key=lambda found: _RANK.get(found.finding, len(_RANK)))


_RANK = {Finding.GOOD: 0, Finding.CANNOT_TELL: 1}


def _signature_packet(part: SignedPart) -> bytes | Verification:
    """The body of the one signature packet."""
    found = packets.read_packets(part.signature) or []
    number = max(part.signatures, len(found))
    if number > 1:
        return Verification(Finding.SEVERAL_SIGNATURES, detail=f"{number} signatures")
    if not found or found[0].kind != packets.SIGNATURE or len(found[0].body) > _LARGEST:
        return Verification(Finding.ALTERED, detail="the signature cannot be read")
    return found[0].body


def _signers(signature: Signature, certificates: Sequence[bytes]) -> list[tuple[Standing, Key]]:
    """The keys that the signature names, be it with one of several names."""
    given = (standing for certificate in dict.fromkeys(certificates) for standing in read_certificates(certificate))
    return [(standing, key) for standing in given for key in standing.keys if signature.known_by & key.names]


def _against(signature: Signature, content: bytes) -> Verification | None:
    """What the signature says against itself."""
    if signature.kind not in (BINARY, TEXT):
        return _altered(f"the signature is of the class {signature.kind:02x}, not over a document")
    if signature.digest_algorithm in WEAK_DIGESTS:
        return Verification(Finding.WEAK_DIGEST, detail=f"the digest is {WEAK_DIGESTS[signature.digest_algorithm]}")
    if signature.digest_algorithm not in DIGESTS:
        return _altered(f"the digest algorithm {signature.digest_algorithm} is not known")
    if any(map(_is_out_of_place, (*signature.hashed, *signature.unhashed))):
        return _altered("the signature holds what a signature on a document does not")
    if signature.expires_at is not None and signature.expires_at <= time.time():
        return Verification(Finding.EXPIRED_SIGNATURE, detail="the signature has expired")
    if signature.kind == TEXT and not _is_canonical(content):
        return _altered("the text is not in the form in which it would be signed")
    return None if signature.may_cover(content) else _altered("the signature does not fit the content")


def _is_out_of_place(subpacket: Subpacket) -> bool:
    return subpacket.kind in _OF_KEYS or (subpacket.critical and subpacket.kind not in _CRITICAL)


def _altered(detail: str) -> Verification:
    return Verification(Finding.ALTERED, detail=detail)


def _is_canonical(text: bytes) -> bool:
    """Whether all line ends are CRLF, and nothing is in it that GnuPG leaves out of account: what is far right, and NUL."""
    ends = text.count(b"\r\n")
    return ends == text.count(b"\r") == text.count(b"\n") and b"\0" not in text and not has_long_line(text, _LONGEST_LINE)


def _judge(case: Case, signature: Signature, check: Callable[[Case], Verification]) -> Verification:
    if not signature.issuers <= case.key.names:
        return _altered("the signature names several keys")
    if signature.key_algorithm != case.key.algorithm:
        return _altered("the signature is by another algorithm than its key")
    for moment in (signature.created_at, int(time.time())):
        objection = case.certificate.objection(case.key, moment)
        if objection:
            return objection
    try:
        found = check(case)
    except Exception as error:  # whatever it is, it says nothing about the signature
        first, *_ = str(error).splitlines() or [""]
        return Verification(Finding.CANNOT_TELL, detail=f"{type(error).__name__}: {first}")
    if found.finding is Finding.GOOD and (found.fingerprint, found.signed_at) != (case.fingerprint, case.signed_at):
        return Verification(Finding.CANNOT_TELL, detail="the verifier speaks of another key or another time")
    return found
