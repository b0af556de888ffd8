"""Clear-signed text: what is signed is computed here, and handed to a verifier as plain data (RFC 9580 section 7)."""

import base64
import quopri

import pytest
from keyring_of_test import armored, signature, subpacket

from mailproc.openpgp import Finding, SignedPart
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.signed import find_signed_part
from mailproc.testing.keys import SigningKey, sign_mail

PACKET = signature(unhashed=subpacket(16, b"\1" * 8))
SIGNATURE = armored(PACKET).replace(b"\n", b"\r\n")
TOP = b"From: ann@example.org\r\n"


def block(text: bytes, headers: bytes = b"Hash: SHA256\r\n") -> bytes:
    """A clear-signed block."""
    return b"-----BEGIN PGP SIGNED MESSAGE-----\r\n" + headers + b"\r\n" + text + b"\r\n" + SIGNATURE


def found(raw: bytes) -> SignedPart:
    """The signed part, which has to be there."""
    part = find_signed_part(raw)
    assert part is not None
    return part


@pytest.mark.parametrize(
    "written, signed",
    [
        pytest.param(b"Hello", b"Hello", id="plain"),
        pytest.param(b"- -----BEGIN\r\n- - x\r\n-", b"-----BEGIN\r\n- x\r\n-", id="dash escapes"),
        pytest.param(b"a \r\nb\t \r\n \r\n", b"a\r\nb\r\n\r\n", id="trailing blanks"),
        pytest.param(b"a\nb\rc", b"a\r\nb\r\nc", id="line ends"),
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"\r\n\r\nx", b"\r\n\r\nx", id="empty lines first"),
        pytest.param(b" indented\r\n bug 1", b" indented\r\n bug 1", id="indented"),
    ],
)
def test_the_signed_text_is_what_the_signature_covers(written: bytes, signed: bytes) -> None:
    """Dash escapes, trailing blanks and the last line end are not signed, so they are not in the content."""
    part = found(TOP + b"\r\n" + block(written))
    assert part == SignedPart(signed, PACKET, 1, True, ("01" * 8,), is_text=True)


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "- dash\n-- \n-----BEGIN X\n",
        "trail  \t\nx\n\n\n",
        "",
        "\n\nx",
        "Grüße\n",
        pytest.param("line \t\n- \n\n" * 30_000, id="long"),
    ],
)
def test_gnupg_agrees_what_was_signed(text: str, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """A text that GnuPG has clear-signed verifies as plain data, which shows that our reading of it is GnuPG's."""
    part = found(TOP + b"\r\n" + ann.clearsign(text).encode())
    assert verifier.verify(part, [ann.certificate]).finding is Finding.GOOD


@pytest.mark.parametrize(
    "encoding, encode",
    [
        ("quoted-printable", quopri.encodestring),
        ("base64", base64.encodebytes),
        ("8bit", bytes),
    ],
)
def test_the_transfer_encoding_is_undone(encoding, encode, ann: SigningKey, verifier: GnupgVerifier) -> None:
    """What was signed is the text before it was encoded for the way."""
    signed = ann.clearsign("Grüße = 1\n").encode()
    fields = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    part = found(TOP + fields + encode(signed))
    assert (part.charset, part.content.decode(), part.whole) == ("utf-8", "Grüße = 1", True)
    assert verifier.verify(part, [ann.certificate]).finding is Finding.GOOD


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(TOP + b"\r\nPay eve.\r\n" + block(b"Hello"), id="text before"),
        pytest.param(TOP + b"\r\n" + block(b"Hello") + b"Pay eve.\r\n", id="text behind"),
        pytest.param(TOP + b"\r\n" + block(b"Hello", b"Hash: SHA256\r\nComment: Pay eve.\r\n"), id="text in a header"),
        pytest.param(TOP + b"\r\n" + block(b"Hello", b"NotDashEscaped: You need GnuPG\r\n"), id="not dash-escaped"),
        pytest.param(TOP + b"\r\n" + block(b"Hello", b"Hash: Pay eve now.\r\n"), id="text as a digest"),
        pytest.param(TOP + b"\r\n" + block(b"Hello", b"Hash: SHA256\r\nPay eve.\r\n"), id="a line among the headers"),
        pytest.param(TOP + b"\r\n" + block(b"x" * 20_000), id="a line that is too long"),
        pytest.param(TOP + b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n" + block(b"Hello"), id="two types"),
        pytest.param(TOP + b"Content-Type: a@btext/plain\r\n\r\n" + block(b"Hello"), id="no type"),
        pytest.param(TOP + b"Content-Type:\xa0text/plain\r\n\r\n" + block(b"Hello"), id="a blank beyond ASCII"),
        pytest.param(
            TOP + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\n' + block(b"Hello") + b"\r\n--x--\r\n",
            id="in a multipart",
        ),
        pytest.param(TOP + b"\r\n\xef\xbb\xbf\r\n" + block(b"Hello"), id="something invisible before"),
    ],
)
def test_a_block_with_anything_beside_it_covers_only_a_part(mail: bytes) -> None:
    """Text outside of the block, however it is hidden, makes the signed text a part of the mail."""
    assert not found(mail).whole


def in_charset(charset: bytes, text: bytes) -> SignedPart:
    """The part of a mail that says so of its text."""
    return found(TOP + b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n" + block(text))


@pytest.mark.parametrize(
    "charset", [b"utf-8", b"UTF8", b"us-ascii", b"iso-8859-1", b"windows-1251", b"iso-2022-jp", b"unknown"]
)
def test_a_charset_that_changes_nothing_may_be_any(charset: bytes) -> None:
    """A text in ASCII reads the same in all of them."""
    assert in_charset(charset, b"Hello").whole


@pytest.mark.parametrize(
    "charset, text",
    [
        (b"utf-16", b"Pay eve."),
        (b"utf-32", b"Pay eve."),
        (b"iso-8859-1", "Grüße".encode()),
        (b"koi8-r", "Grüße".encode()),
        (b"shift_jis", "Grüße".encode()),
        (b"iso-2022-jp", b"\x1b$B$3\x1b(B"),
        (b"iso-8859-1", "Grüße".encode("latin-1")),
        (b"utf-8", "Grüße".encode("latin-1")),
    ],
)
def test_a_charset_that_changes_the_text_leaves_it_unproven(charset: bytes, text: bytes) -> None:
    """The charset is not signed, and OpenPGP's text is UTF-8: who could say another one could say another text."""
    part = in_charset(charset, text)
    assert (part.whole, part.content) == (False, text)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(base64.encodebytes(b"x\n") + base64.encodebytes(block(b"Hello")), id="behind a padding"),
        pytest.param(base64.encodebytes(block(b"Hello") + b" ") + b"=" + base64.encodebytes(b"Pay eve."), id="below a padding"),
        pytest.param(b"* " + base64.encodebytes(block(b"Hello")), id="with signs that are skipped"),
    ],
)
def test_base64_that_readers_may_decode_otherwise_leaves_the_text_unproven(encoded: bytes) -> None:
    """Some readers stop at a padding and others go on; some skip foreign characters and others do not."""
    part = find_signed_part(TOP + b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded)
    assert part is None or not part.whole


def test_a_mime_entity_is_no_text() -> None:
    """What was signed for PGP/MIME cannot be sent clear-signed, where its attachments would be read as the sender's words."""
    entity = b"Content-Type: text/plain\r\n\r\nHello"
    assert not found(TOP + b"\r\n" + block(entity)).whole
    assert found(TOP + b"\r\n" + block(b"Subject: x\r\n\r\nHello")).whole


@pytest.mark.parametrize("headers", [b"", b"Hash: SHA256\r\n", b"Hash: SHA256, SHA512\r\n", b"Hash: SHA256\r\nHash: SHA1\r\n"])
def test_the_digests_header_is_no_text(headers: bytes) -> None:
    """The Hash header may be missing, or list several; the signature itself says which digest it is."""
    assert found(TOP + b"\r\n \r\n" + block(b"Hello", headers) + b"\r\n\t\r\n").whole


def test_several_blocks_are_several_signatures() -> None:
    """With two blocks nobody can say which one is meant."""
    assert found(TOP + b"\r\n" + block(b"Hello") + block(b"Pay eve.")).signatures == 2


def test_a_block_within_a_block_is_several_signatures() -> None:
    """A second beginning that is not dash-escaped is not hidden by the first."""
    assert found(TOP + b"\r\n" + block(block(b"Hello"))).signatures == 2


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(TOP + b"\r\n" + block(b"Hello").replace(b"\r\n", b"\r\n> "), id="only quoted"),
        pytest.param(TOP + b"\r\n -----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nHello", id="indented"),
        pytest.param(TOP + b"\r\n" + block(b"Hello").partition(b"-----END")[0], id="cut"),
        pytest.param(TOP + b"\r\n" + block(b"Hello").replace(b"SIGNED MESSAGE", b"MESSAGE"), id="another kind"),
        pytest.param(TOP + b"Content-Type: text/html\r\n\r\n" + block(b"Hello"), id="HTML"),
        pytest.param(
            TOP + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\nHi\r\n--x\r\n\r\n' + block(b"a") + b"--x--",
            id="not the first part",
        ),
        pytest.param(TOP + b"Content-Type: message/rfc822\r\n\r\n" + TOP + b"\r\n" + block(b"Hello"), id="an attached mail"),
    ],
)
def test_what_only_looks_like_a_block_is_unsigned(mail: bytes) -> None:
    """A quoted, cut, indented or attached block is not a signature on this mail."""
    assert find_signed_part(mail) is None


def test_the_part_of_sign_mail_is_whole(ann: SigningKey, verifier: GnupgVerifier) -> None:
    """The testing kit's clear-signed mail is one that counts."""
    part = found(sign_mail(TOP + b"\r\nHello\r\n", ann, inline=True))
    assert part.whole
    assert part.content == b"Hello"
    assert verifier.verify(part, [ann.certificate]).fingerprint == ann.fingerprint
