"""Sequoia behind pysequoia: verification in this process, with nothing but the certificates that are given.

pysequoia tells that no valid signature was found, and never why: the reasons are those of `mailproc.openpgp.objections`, and
what is left is that the content, or the certificate, is not what its signature was made over.

``Cert.is_revoked`` and ``Cert.expiration`` are not asked for a verification: the first takes a stranger's word, and after one
panic in Rust both panic for ever. A panic is an exception that is no `Exception`; here it is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType

from mailproc.errors import MissingProgram
from mailproc.openpgp import Finding, SignedPart, Verification
from mailproc.openpgp.objections import Case, examine
from mailproc.openpgp.signature import DSA, ECDSA, EDDSA, RSA, RSA_SIGN
from mailproc.openpgp.standing import Key, read_certificates

_NOT_VALID = "no valid signatures found"
_AHEAD = timedelta(minutes=20)  # clocks differ; Sequoia grants them 30 minutes
_CURVES = (
    "2a8648ce3d030107",  # NIST P-256
    "2b81040022",  # NIST P-384
    "2b81040023",  # NIST P-521
    "2b06010401da470f01",  # Ed25519
)


class PanicError(Exception):
    """An error within Sequoia that it did not expect."""


def _library() -> ModuleType:
    """The package pysequoia; raises `MissingProgram` with what installs it."""
    try:
        import pysequoia  # an extra, and dear to an empty run
    except ImportError as error:
        raise MissingProgram(f"pysequoia is not installed ({error}); type: pip install 'pysequoia>=0.1.35,<0.2'") from error
    return pysequoia


@contextmanager
def _panics_are_errors() -> Iterator[None]:
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise PanicError(f"Sequoia: {error}") from None


class SequoiaVerifier:
    """Verifies with Sequoia, in this process; usable from several threads at once.

    `MissingProgram` is raised at once where the extra ``sequoia`` is not installed.
    """

    def __init__(self) -> None:
        self._pysequoia = _library()

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """Answer for the one signature of ``part``.

        CANNOT_TELL for a key of a kind that Sequoia does not know, and for a signature that is dated ahead, until its time has
        come; then ``signed_at`` is that time, for which nobody vouches.
        """
        return examine(part, certificates, self._check)

    def _check(self, case: Case) -> Verification:
        unknown = [key for key in (case.certificate.primary, case.key) if not _is_known(key)]
        if unknown:
            return Verification(Finding.CANNOT_TELL, detail=f"Sequoia does not know the algorithm of {unknown[0].fingerprint}")
        if case.signed_at > datetime.now(UTC) + _AHEAD:
            return Verification(Finding.CANNOT_TELL, signed_at=case.signed_at, detail="it is dated ahead")
        with _panics_are_errors():
            return self._ask(case)

    def _ask(self, case: Case) -> Verification:
        certificate = self._pysequoia.Cert.from_bytes(case.certificate.data)
        signature = self._pysequoia.Sig.from_bytes(case.signature)
        try:
            verified = self._pysequoia.verify(case.content, lambda names: [certificate], signature=signature)
        except RuntimeError as error:
            if _NOT_VALID not in str(error):
                raise
            return Verification(Finding.ALTERED, detail="the signature does not fit the content, or the key may not sign")
        (valid,) = verified.valid_sigs
        return Verification(Finding.GOOD, valid.certificate.upper(), signature.created, "good signature")


def list_certificate(data: bytes) -> tuple[tuple[str, ...], datetime | None, bool] | None:
    """The user ids of one certificate, when it expires, and whether its owner has revoked it; None where it is not valid.

    Valid is what its owner has signed in a way that is safe today. Raises `MissingProgram` without pysequoia.
    """
    library, said = _library(), next(read_certificates(data), None)
    try:
        with _panics_are_errors():
            certificate = library.Cert.from_bytes(data)
            user_ids = tuple(map(str, certificate.user_ids))
            revoked = certificate.is_revoked and said is not None and said.primary.revoked  # nobody else's word
            return user_ids, certificate.expiration, revoked
    except (RuntimeError, PanicError):
        return None


def _is_known(key: Key) -> bool:
    """Whether Sequoia, as it is built for pysequoia, has the key's algorithm and curve."""
    if key.algorithm in (ECDSA, EDDSA):
        return key.packet.body[7 : 7 + key.packet.body[6]].hex() in _CURVES
    return key.algorithm in (RSA, RSA_SIGN, DSA)
