"""A true signature of Ann's in a mail of Eve's making is never strong, and never lends its trust to other text."""

from email.utils import quote

import pytest
from people import MAIL, People, ask

from mailproc.openpgp.armor import blocks
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.principal import Trust
from mailproc.reading import read_header
from mailproc.testing.keys import SigningKey, sign_mail, signed_mime

HEADER = MAIL[: read_header(MAIL).length].removesuffix(b"\r\n")
PAY = b"Pay eve.\r\n"


def entity(raw: bytes) -> bytes:
    """A mail as a MIME part."""
    return raw[raw.index(b"MIME-Version") :]


def multipart(kind: bytes, *parts: bytes) -> bytes:
    """A mail From Ann with these parts."""
    body = b"".join(b"--outer\r\n" + part + b"\r\n" for part in parts)
    return HEADER + b"Content-Type: multipart/" + kind + b'; boundary="outer"\r\n\r\n' + body + b"--outer--\r\n"


def wrappings(mime: bytes, clear: bytes) -> dict[str, bytes]:
    """Eve's mails, made of a PGP/MIME mail and a clear-signed block."""
    text, html = b"\r\n" + PAY, b"Content-Type: text/html\r\n\r\n<p>" + PAY
    attached = b"Content-Type: message/rfc822\r\n\r\n" + mime
    plain = b"Content-Type: text/plain\r\n\r\n"
    top = HEADER + b"\r\n"
    return {
        "text before the block": top + PAY + clear,
        "text behind the block": top + clear + PAY,
        "text around the block": top + PAY + clear + PAY,
        "text in an armor header": top + clear.replace(b"Hash: SHA256", b"Hash: SHA256\r\nComment: Pay eve."),
        "text as a digest": top + clear.replace(b"Hash: SHA256", b"Hash: Pay eve."),
        "text between header and block": top + clear.replace(b"Hash: SHA256\r\n", b"Hash: SHA256\r\n" + PAY),
        "two blocks": top + clear + clear,
        "the block beside HTML": multipart(b"alternative", plain + clear, html),
        "the block as first part": multipart(b"mixed", plain + clear, text),
        "mixed, text first": multipart(b"mixed", text, entity(mime)),
        "mixed, text behind": multipart(b"mixed", entity(mime), text),
        "alternative": multipart(b"alternative", entity(mime), html),
        "related": multipart(b"related", html, entity(mime)),
        "digest": multipart(b"digest", b"\r\nFrom: ann@example.org\r\n\r\n" + PAY, attached),
        "attached": multipart(b"mixed", text, attached),
        "only attached": HEADER + attached,
        "preamble": mime.replace(b"\r\n\r\n--", b"\r\n\r\n" + PAY + b"--", 1),
        "epilogue": mime + PAY,
        "beside the signature": mime.replace(b"-----BEGIN PGP", PAY + b"-----BEGIN PGP"),
        "a third part": mime.removesuffix(b"--\r\n") + b"\r\n\r\n" + PAY,
        "two signed parts": multipart(b"mixed", entity(mime), entity(mime)),
        "a clear-signed text within": sign_nothing(clear),
    }


def sign_nothing(clear: bytes) -> bytes:
    """PGP/MIME whose signed part is Eve's, with a true clear-signed block in it and its signature beside it."""
    (block,) = blocks(clear.replace(b"\r\n", b"\n"), b"SIGNATURE")
    signature = b"-----BEGIN PGP SIGNATURE-----" + block.inner + b"-----END PGP SIGNATURE-----\n"
    return signed_mime(HEADER, b"\r\n" + PAY + clear, signature)


NAMES = sorted(
    wrappings(b"MIME-Version\r\n\r\n--\r\n--b--\r\n", b"\n-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----\n")
)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrapped_signature_is_not_strong(name: str, people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """However the signed part is wrapped, the mail is weak or refused."""
    clear = sign_mail(MAIL, ann, inline=True)
    raw = wrappings(sign_mail(MAIL, ann), clear[read_header(clear).length :])[name]
    assert b"Pay eve" in raw or name.startswith(("two ", "only attached"))
    found = ask(raw, people, verifier)
    assert found.principal.trust is Trust.WEAK
    assert found.signed != "whole" or found.outcome is not None
    assert (found.content is raw, found.replay) == (True, ())


def test_what_is_strong_holds_nothing_that_was_not_signed(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """Eve may change every field of the header: nothing of it gets into the content."""
    raw = sign_mail(MAIL, ann).replace(b"Subject: Greetings", b"Subject: " + PAY.strip())
    found = ask(raw, people, verifier)
    assert found.principal.trust is Trust.STRONG
    assert PAY.strip() not in found.content


def test_a_footer_of_a_list_makes_the_mail_a_partly_signed_one(
    people: People, ann: SigningKey, verifier: GnupgVerifier
) -> None:
    """The part still verifies, which is recorded, and is worth no more than From."""
    found = ask(multipart(b"mixed", entity(sign_mail(MAIL, ann)), b"\r\nThe list\r\n"), people, verifier)
    assert (found.rule, found.signed, found.outcome) == ("signature.partial", "part", None)
    assert found.content_sha256 is not None
    assert found.signed_at is not None


def test_somebody_elses_signed_mail_attached_is_no_signature(
    people: People, stranger: SigningKey, verifier: GnupgVerifier
) -> None:
    """Forwarding a mail that was signed with an unknown key is not signing with it."""
    attached = b"Content-Type: message/rfc822\r\n\r\n" + sign_mail(MAIL, stranger)
    found = ask(multipart(b"mixed", b"\r\nPlease look\r\n", attached), people, verifier)
    assert (found.rule, found.signed, found.outcome) == ("unsigned", "none", None)


def test_the_display_name_does_not_matter(people: People, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """An address in the display name is a name."""
    name = quote("ann@example.org").encode()
    raw = sign_mail(MAIL.replace(b"Ann <ann@example.org>", b'"' + name + b'" <bob@example.org>'), ann)
    found = ask(raw, people, verifier)
    assert (found.principal.user, found.principal.trust) == ("bob", Trust.WEAK)
