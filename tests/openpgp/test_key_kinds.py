"""Keys of each kind, made and used by GnuPG and by Sequoia, in each form in which mail is signed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pysequoia
import pytest
from keyring_of_test import armored, signed_part

from mailproc.openpgp import Finding, Verifier
from mailproc.openpgp.agreement import Both
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.sequoia import SequoiaVerifier
from mailproc.openpgp.signed import find_signed_part
from mailproc.testing.keys import SigningKey, sign_mail, signed_mime
from tests.lasting import LastingKey

HEADER = b"From: ann@example.org\r\nSubject: Greetings\r\n"
TEXT = b"Hello\r\n- dash\r\n--- a/file\r\n-----BEGIN PGP SIGNED MESSAGE-----x\r\nFrom here on\r\nblanks  \t\r\n\r\n\xc3\xbc\r\n"
PART = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + TEXT
SUITES = ("Cv25519", "RSA2k", "P256", "P384", "P521")


@pytest.fixture(scope="module", params=["ed25519", "rsa2048", "rsa3072", "nistp256", "nistp384", "nistp521", "dsa2048"])
def key(request: pytest.FixtureRequest) -> Iterator[SigningKey]:
    """A key of GnuPG's of each kind that both verifiers know."""
    with LastingKey.generate("Ann <ann@example.org>", algorithm=request.param) as made:
        yield made


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
@pytest.mark.parametrize("form", ["binary", "text", "clear-signed"])
def test_a_mail_signed_with_gnupg(form: str, line_end: bytes, key: SigningKey, verifier: Verifier) -> None:
    """The key, the time and the content are found, whichever line ends the mail was stored with; a changed mail is altered."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    if form == "clear-signed":
        raw = sign_mail(
            HEADER + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + TEXT, key, inline=True, at=at, digest="SHA512"
        )
    else:
        text = ("--textmode",) if form == "text" else ()
        raw = signed_mime(HEADER, PART, key.gpg(*text, "--armor", "--detach-sign", data=PART, at=at))
    part = find_signed_part(raw.replace(b"\r\n", line_end))
    assert part is not None
    found = verifier.verify(part, [key.certificate])
    assert (found.finding, found.fingerprint, found.signed_at) == (Finding.GOOD, key.fingerprint, at), found
    altered = find_signed_part(raw.replace(b"Hello", b"Hullo"))
    assert altered is not None
    assert verifier.verify(altered, [key.certificate]).finding is Finding.ALTERED


def test_any_signature_is_written_in_the_strict_form(key: SigningKey, verifier: Verifier) -> None:
    """Integers that happen to be short are read too: one in some hundred is."""
    contents = [b"Content-Type: text/plain\r\n\r\n%d\r\n" % number for number in range(20)]
    found = {verifier.verify(signed_part(content, key, digest="SHA512"), [key.certificate]).finding for content in contents}
    assert found == {Finding.GOOD}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("form", ["DETACHED", "CLEAR"])
def test_a_mail_signed_with_sequoia(form: str, suite: str, verifier: Verifier) -> None:
    """Sequoia signs with a subkey and writes newer packets than GnuPG, with a salt in a notation."""
    secret = pysequoia.Tsk.generate("Ann <ann@example.org>", cipher_suite=getattr(pysequoia.CipherSuite, suite))
    certificate = secret.extract_certificate()
    mode = getattr(pysequoia.SignatureMode, form)
    if form == "CLEAR":
        body = pysequoia.sign(secret.signer(), TEXT, mode=mode)
        raw = HEADER + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body
    else:
        raw = signed_mime(HEADER, PART, armored(pysequoia.sign(secret.signer(), PART, mode=mode, armor=False)))
    part = find_signed_part(raw)
    assert part is not None
    found = verifier.verify(part, [bytes(certificate)])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, certificate.fingerprint.upper()), found


@pytest.mark.parametrize("form", ["binary", "clear-signed"])
def test_an_empty_mail(form: str, ann: SigningKey, verifier: Verifier) -> None:
    """Nothing can be signed as well as something."""
    raw = sign_mail(HEADER + b"\r\n", ann, inline=form == "clear-signed")
    part = find_signed_part(raw)
    assert part is not None
    assert verifier.verify(part, [ann.certificate]).finding is Finding.GOOD


def test_options_of_gnupg(ann: SigningKey, verifier: Verifier) -> None:
    """What GnuPG's users put into their configuration does no harm: notations, policies, their key in the signature."""
    options = (
        "--sig-notation=why@example.org=because",
        "--sig-policy-url=http://127.0.0.1:9/policy",
        "--sig-keyserver-url=http://127.0.0.1:9/key",
        "--sender=ann@example.org",
        "--include-key-block",
        "--default-sig-expire=2d",
        "--comment=[GNUPG:] GOODSIG",
    )
    part = find_signed_part(signed_mime(HEADER, PART, ann.gpg(*options, "--armor", "--detach-sign", data=PART)))
    assert part is not None
    assert verifier.verify(part, [ann.certificate]).finding is Finding.GOOD


def test_a_critical_notation_is_refused(ann: SigningKey, verifier: Verifier) -> None:
    """Who marks what we do not know as critical wants to be refused (RFC 9580 section 5.2.3.7)."""
    signature = ann.gpg("--sig-notation=!why@example.org=because", "--armor", "--detach-sign", data=PART)
    part = find_signed_part(signed_mime(HEADER, PART, signature))
    assert part is not None
    assert verifier.verify(part, [ann.certificate]).finding is Finding.ALTERED


def test_an_embedded_file_name_stays_a_name(ann: SigningKey, verifier: Verifier) -> None:
    """A message with content, whose file name looks like a verdict, is no signature (CVE-2018-12020)."""
    forged = f"\n[GNUPG:] GOODSIG {ann.fingerprint[-16:]} Ann\n[GNUPG:] VALIDSIG {ann.fingerprint}"
    message = ann.gpg(f"--set-filename={forged}", "--sign", data=PART)
    part = find_signed_part(signed_mime(HEADER, PART, armored(message)))
    assert part is not None
    assert verifier.verify(part, [ann.certificate]).finding is Finding.ALTERED


@pytest.mark.parametrize("algorithm", ["brainpoolP256r1", "secp256k1"])
def test_a_curve_that_sequoia_does_not_have(algorithm: str) -> None:
    """GnuPG verifies with it, Sequoia cannot tell, so both together cannot, and nobody says that the mail was altered."""
    gnupg, sequoia = GnupgVerifier(), SequoiaVerifier()
    with SigningKey.generate("Ann <ann@example.org>", algorithm=algorithm) as key:
        part, certificates = signed_part(PART, key), [key.certificate]
    assert gnupg.verify(part, certificates).finding is Finding.GOOD
    for verifier in (sequoia, Both(gnupg, sequoia)):
        found = verifier.verify(part, certificates)
        assert found.finding is Finding.CANNOT_TELL
        assert f"Sequoia does not know the algorithm of {key.fingerprint}" in found.detail


def test_many_certificates(ann: SigningKey, verifier: Verifier) -> None:
    """One among a thousand is found."""
    crowd = [bytes(pysequoia.Tsk.generate(f"{number}@example.org").extract_certificate()) for number in range(300)] * 3
    found = verifier.verify(signed_part(PART, ann), [*crowd, ann.certificate, *crowd])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, ann.fingerprint)
    assert verifier.verify(signed_part(PART, ann), crowd).finding is Finding.UNKNOWN_KEY


def test_a_revoked_user_id(verifier: Verifier) -> None:
    """Somebody gives up an address: the key stays theirs, for whom an administrator has registered it."""
    with SigningKey.generate("Gil <gil@example.org>") as key:
        key.gpg("--quick-add-uid", key.fingerprint, "Gil <gil@example.net>")
        key.gpg("--quick-revoke-uid", key.fingerprint, "Gil <gil@example.org>")
        found = verifier.verify(signed_part(PART, key), [key.certificate])
    assert (found.finding, found.fingerprint) == (Finding.GOOD, key.fingerprint)


def test_a_key_that_was_given_more_time(verifier: Verifier) -> None:
    """A key that had expired counts again for what is signed after its owner has renewed it, and was registered anew."""
    month = timedelta(days=30)
    with SigningKey.generate("Hal <hal@example.org>", expires="1d", at=datetime.now(UTC) - month) as key:
        key.gpg("--quick-set-expire", key.fingerprint, "1y")
        part, certificate = signed_part(PART, key), key.certificate
    assert verifier.verify(part, [certificate]).finding is Finding.GOOD
