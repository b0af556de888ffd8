"""PGP/MIME: the signed bytes are cut from the raw mail, and "whole" means that nothing stands beside them (RFC 3156)."""

import base64
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring_of_test import armored, signature, subpacket

from mailproc.openpgp import SignedPart, signed
from mailproc.openpgp.armor import blocks
from mailproc.openpgp.entities import MAX_DEPTH
from mailproc.openpgp.signed import find_signed_part, without_trailing_blanks
from mailproc.testing.keys import signed_mime
from tests.cost import within

ISSUER = "0123456789ABCDEF"
PACKET = signature(unhashed=subpacket(16, bytes.fromhex(ISSUER)))
SIGNATURE = armored(PACKET)
PART = b"Content-Type: text/plain\r\n\r\nHello\r\n"
TOP = b"From: ann@example.org\r\nSubject: Greetings"
MAIL = signed_mime(TOP, PART, SIGNATURE, boundary="limit")


def found(raw: bytes) -> SignedPart:
    """The signed part, which has to be there."""
    part = find_signed_part(raw)
    assert part is not None
    return part


def inside(outer: bytes, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """The signed mail as a part of another one."""
    head = TOP + b"\r\nContent-Type: " + outer + b'; boundary="outer"\r\n\r\n'
    part = MAIL[MAIL.index(b"MIME-Version") :]
    parts = b"".join(b"--outer\r\n" + each + b"\r\n" for each in (before, part, after) if each)
    return head + parts + b"--outer--\r\n"


def test_the_signed_part_is_cut_from_the_raw_bytes() -> None:
    """What was signed comes out byte for byte, with its header, and with whom the signature names."""
    assert found(MAIL) == SignedPart(PART, PACKET, 1, True, (ISSUER,))


def test_a_mail_without_a_signature_has_no_signed_part() -> None:
    """A plain mail is not signed, and that is no error."""
    assert find_signed_part(b"From: ann@example.org\r\n\r\nHello\r\n") is None


@pytest.mark.parametrize(
    "boundary",
    ["'()+_,-./:=?", "a.b*c", "[x]", "$^|*{2}", "a b", "=_" + "x" * 66, "--", "limit--x"],
)
def test_odd_boundaries_are_taken_literally(boundary: str) -> None:
    """A boundary may hold what means something in a regular expression (RFC 2046 section 5.1.1)."""
    assert found(signed_mime(TOP, PART, SIGNATURE, boundary=boundary)).content == PART


def test_a_line_that_only_starts_like_the_boundary_is_text() -> None:
    """A delimiter is a whole line: a longer boundary inside the part does not end it."""
    part = b"Content-Type: text/plain\r\n\r\n--limitless\r\n --limit\r\n--limit x\r\n"
    assert found(signed_mime(TOP, part, SIGNATURE, boundary="limit")).content == part


def test_a_delimiter_may_have_blanks_behind_it() -> None:
    """Blanks behind a delimiter are padding on the way (RFC 2046 section 5.1.1)."""
    assert found(MAIL.replace(b"\r\n--limit\r\n", b"\r\n--limit \t\r\n")).content == PART


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_the_last_line_end_belongs_to_the_delimiter(line_end: bytes) -> None:
    """One line end before the delimiter is cut, and no more (RFC 3156 section 5)."""
    part = b"Content-Type: text/plain\r\n\r\nHello\r\n\r\n\r\n"
    mail = signed_mime(TOP, part, SIGNATURE).replace(b"\r\n", line_end)
    assert found(mail).content == part


@pytest.mark.parametrize(
    "written, canonical",
    [
        (b"a\nb", b"a\r\nb"),
        (b"a\r\nb", b"a\r\nb"),
        (b"a\rb", b"a\r\nb"),
        (b"a\r\rb", b"a\r\n\r\nb"),
        (b"a\n\rb", b"a\r\n\r\nb"),
        (b"a\r\n\nb\r", b"a\r\n\r\nb\r\n"),
    ],
)
def test_line_ends_are_made_canonical(written: bytes, canonical: bytes) -> None:
    """CR, LF and CRLF, also mixed, are each one CRLF (RFC 3156 section 5)."""
    mail = MAIL.replace(b"Hello", written)
    assert found(mail).content == PART.replace(b"Hello", canonical)


def test_folded_fields_of_the_part_stay_folded() -> None:
    """The part is never written again, so a folded header is signed as it was folded."""
    part = b'Content-Type: text/plain;\r\n\tcharset="utf-8";\r\n format=flowed\r\nX-Odd:nospace\r\n\r\nHello\r\n'
    assert found(signed_mime(TOP, part, SIGNATURE)).content == part


def test_a_signed_multipart_is_one_part() -> None:
    """Attachments inside the signed part belong to it."""
    part = b'Content-Type: multipart/mixed; boundary="in"\r\n\r\n--in\r\n\r\nHello\r\n--in\r\n\r\nfile\r\n--in--\r\n'
    assert found(signed_mime(TOP, part, SIGNATURE)) == SignedPart(part, PACKET, 1, True, (ISSUER,))


FORWARDED = inside(b"multipart/mixed").replace(b"--outer\r\n", b"--outer\r\nContent-Type: message/rfc822\r\n\r\n", 1)


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(MAIL.replace(b"Content-Type: application/pgp-signature", b"Content-Type: text/plain"), id="text"),
        pytest.param(MAIL.replace(b"application/pgp-signature", b"application/pkcs7-signature"), id="S/MIME"),
        pytest.param(MAIL.replace(b"\r\n--limit--", b"\r\n--limit\r\n\r\nmore\r\n--limit--"), id="three parts"),
        pytest.param(TOP + b"\r\nContent-Type: multipart/signed\r\n\r\n" + MAIL.partition(b"\r\n\r\n")[2], id="no boundary"),
        pytest.param(MAIL.replace(b"multipart/signed", b"multipart/mixed"), id="not multipart/signed"),
        pytest.param(TOP + b"\r\nContent-Type: message/rfc822\r\n\r\n" + MAIL, id="only an attached mail is signed"),
        pytest.param(FORWARDED, id="a forwarded mail is signed"),
        pytest.param(TOP + b'\r\nContent-Type: multipart/encrypted; boundary="b"\r\n\r\n--b\r\n\r\n--b--', id="encrypted"),
        pytest.param(b"", id="empty"),
        pytest.param(TOP + b'\r\nContent-Type: multipart/signed; boundary="limit"\r\n\r\n', id="no parts"),
        pytest.param(TOP + b'\r\nContent-Type: multipart/signed; boundary=""\r\n\r\n----\r\n----\r\n', id="empty boundary"),
    ],
)
def test_what_is_no_openpgp_signature_is_none(mail: bytes) -> None:
    """A claim without an OpenPGP signature behind it makes an unsigned mail, not a bad one."""
    assert find_signed_part(mail) is None


def test_swapped_parts_are_not_signed() -> None:
    """The signature has to be the second part (RFC 1847 section 2.1)."""
    head, first, second, end = MAIL.split(b"--limit")
    assert find_signed_part(b"--limit".join((head, second, first, end))) is None


def above_the_signature(line: bytes) -> bytes:
    """The mail with a line at the top of the header of its signature."""
    field = b"Content-Type: application/pgp-signature"
    assert MAIL.count(field) == 1
    return MAIL.replace(field, line + field)


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(inside(b"multipart/mixed"), id="in a mixed"),
        pytest.param(inside(b"multipart/mixed", after=b"\r\nA footer of the list\r\n"), id="with a footer"),
        pytest.param(inside(b"multipart/mixed", before=b"\r\nPay eve.\r\n"), id="behind another text"),
        pytest.param(inside(b"multipart/alternative", after=b"Content-Type: text/html\r\n\r\nPay eve.\r\n"), id="alternative"),
        pytest.param(inside(b"multipart/related", before=b"Content-Type: text/html\r\n\r\nPay eve.\r\n"), id="related"),
        pytest.param(MAIL.replace(b"\r\n\r\n--limit", b"\r\n\r\nPay eve.\r\n--limit", 1), id="text in the preamble"),
        pytest.param(MAIL + b"Pay eve.\r\n", id="text in the epilogue"),
        pytest.param(MAIL.replace(b"--limit--", b""), id="not closed"),
        pytest.param(MAIL.replace(b"-----BEGIN", b"Pay eve.\r\n-----BEGIN"), id="text beside the armor"),
        pytest.param(MAIL.replace(b'protocol="application/pgp-signature"', b'protocol="text/plain"'), id="other protocol"),
        pytest.param(MAIL.replace(b'protocol="application/pgp-signature";', b""), id="no protocol"),
        pytest.param(MAIL.replace(b"MIME-Version", b"Content-Transfer-Encoding: base64\r\nMIME-Version"), id="encoded"),
        pytest.param(MAIL.replace(b"boundary", b"Content-Type: text/html\r\n boundary"), id="two types"),
        pytest.param(MAIL.replace(b"MIME-Version", b"no field\r\nMIME-Version"), id="a line that is no field"),
        pytest.param(MAIL.replace(b'"limit"', b'"limit"; boundary="other"'), id="two boundaries"),
        pytest.param(MAIL.replace(b'boundary="limit"', b"boundary*=us-ascii''limit"), id="an encoded boundary"),
        pytest.param(MAIL.replace(b'boundary="limit"', b'boundary*0="li"; boundary*1="mit"'), id="a boundary in pieces"),
        pytest.param(MAIL.replace(b'"limit"', b'"limit", text/html'), id="something behind the parameters"),
        pytest.param(MAIL.replace(b"Type: multipart", b"Type:\xa0multipart"), id="a blank beyond ASCII before the type"),
        pytest.param(MAIL.replace(b"Type: app", b"Type:\xa0app"), id="a blank beyond ASCII before the type of the signature"),
        pytest.param(MAIL.replace(b' boundary="limit"', b'\xa0boundary="limit"'), id="one before a parameter"),
        pytest.param(above_the_signature(b"Pay eve.\r\n"), id="a line that is no field above the signature"),
        pytest.param(above_the_signature(b"Content-Type: text/plain\r\n"), id="two types of the signature"),
        pytest.param(
            above_the_signature(b"").replace(b"--limit\r\nContent-Type: app", b"--limit\rPay eve.\r\nContent-Type: app"),
            id="a delimiter that ends in a CR",
        ),
    ],
)
def test_a_signature_with_anything_beside_it_covers_only_a_part(mail: bytes) -> None:
    """Whatever some reader may show beside the signed part makes it a part."""
    if part := find_signed_part(mail):
        assert not part.whole
        assert part.content == PART


@pytest.mark.parametrize(
    "part, whole",
    [
        pytest.param(PART, True, id="a type"),
        pytest.param(b"From: Bob <bob@example.org>\r\nContent-Type: text/plain\r\n\r\nHello\r\n", True, id="protected fields"),
        pytest.param(b"\r\nHello\r\n", True, id="no header"),
        pytest.param(b"Hello\r\n\r\nPay eve.\r\n", True, id="no header, and no blank line above the text, which is all shown"),
        pytest.param(b"Not: what follows\r\n\r\nPay eve.\r\n", False, id="a text whose first line looks like a field"),
        pytest.param(b"From now on not:\r\n\r\nPay eve.\r\n", False, id="a line as an mbox has it"),
        pytest.param(b"Do this: not\r\nContent-Type: text/plain\r\n\r\nPay eve.\r\n", False, id="a line that is no field"),
    ],
)
def test_the_header_of_the_part_hides_no_text(part: bytes, whole: bool) -> None:
    """What was signed as a text cannot be sent as a MIME entity, whose first lines nobody would see."""
    assert found(signed_mime(TOP, part, SIGNATURE)).whole is whole


def test_at_least_a_list_footer_leaves_a_signed_part() -> None:
    """A list that wraps the mail leaves the part itself to be verified."""
    assert found(inside(b"multipart/mixed", after=b"\r\nA footer\r\n")).content == PART


@pytest.mark.parametrize(
    "line",
    [
        b"This is an OpenPGP/MIME signed message (RFC 4880 and 3156)",
        b"This is an OpenPGP/MIME signed message (RFC 2440 and 3156).",
        b"This is a multi-part message in MIME format.",
        b"This is a multi-part message in MIME format...",
        b"This message is in MIME format and has been PGP signed.",
        b"This is a MIME GnuPG-signed message.  If you see this text, it means that\r\n"
        b"your E-mail or Usenet software does not support MIME signed messages.",
        b"\r\n  \r\n",
    ],
)
def test_what_mail_programs_write_into_the_preamble_is_harmless(line: bytes) -> None:
    """Well-known lines for old readers stand beside the signed part without being a message."""
    assert found(MAIL.replace(b"\r\n\r\n--limit", b"\r\n\r\n" + line + b"\r\n--limit", 1)).whole


@pytest.mark.parametrize("encoding", [b"7bit", b"8Bit", b"binary", b"7bit (as ever)"])
def test_a_multipart_may_say_that_it_is_not_encoded(encoding: bytes) -> None:
    """Programs and relays write so, with comments too (RFC 2045 section 6.1)."""
    assert found(MAIL.replace(b"MIME-Version", b"Content-Transfer-Encoding: " + encoding + b"\r\nMIME-Version")).whole


def test_a_micalg_that_is_wrong_changes_nothing() -> None:
    """The digest is the one that the signature itself names."""
    assert found(MAIL.replace(b"pgp-sha256", b"pgp-md5")).whole


@pytest.mark.parametrize(
    "armor, number",
    [
        pytest.param(SIGNATURE + SIGNATURE, 2, id="two blocks"),
        pytest.param(armored(PACKET + PACKET), 2, id="two packets"),
        pytest.param(armored(PACKET * 50), 50, id="fifty packets"),
        pytest.param(armored(b"\xca\x03PGP" + PACKET), 1, id="a marker packet"),
        pytest.param(SIGNATURE.replace(b"-----\n\n", b"-----\nVersion: 1\nComment: Pay eve.\n\n", 1), 1, id="armor headers"),
        pytest.param(SIGNATURE.replace(b"\n-----END", b"\n=AbCd\n-----END"), 1, id="checksum"),
    ],
)
def test_signatures_are_counted(armor: bytes, number: int) -> None:
    """Each signature packet counts, however they are spread."""
    part = found(signed_mime(TOP, PART, armor))
    assert (part.signatures, part.issuers) == (number, (ISSUER,))


@pytest.mark.parametrize(
    "armor",
    [
        pytest.param(b"nothing of the kind\r\n", id="no armor"),
        pytest.param(armored(b"garbage"), id="no packet"),
        pytest.param(armored(b"\xcb\x05b\0\0\0\0" + PACKET), id="a literal packet beside it"),
        pytest.param(armored(b"\xc8\x02\x00x"), id="a compressed packet"),
        pytest.param(SIGNATURE.replace(b"\n-----END", b"\nPay eve, now!\n-----END"), id="text in the armor"),
        pytest.param(armored(PACKET * 2000), id="huge"),
        pytest.param(SIGNATURE.partition(b"-----END")[0], id="cut"),
    ],
)
def test_a_signature_that_cannot_be_read_is_none_at_all(armor: bytes) -> None:
    """Foreign packets, text or too many octets in the armor leave no signature that anybody could verify."""
    part = found(signed_mime(TOP, PART, armor))
    assert (part.signature, part.signatures, part.issuers) == (b"", 0, ())


def test_a_signature_may_be_encoded() -> None:
    """A gateway may have put the signature part into base64."""
    head, _, tail = MAIL.partition(b"\r\n-----BEGIN")
    armor, _, end = tail.partition(b"\r\n--limit--")
    encoded = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"-----BEGIN" + armor)
    assert found(head + encoded + b"\r\n--limit--" + end).signature == PACKET


def test_two_signed_parts_are_two_signatures() -> None:
    """ "Good eve, bad manager": two signed parts side by side are more than one signature."""
    assert found(inside(b"multipart/mixed", after=MAIL[MAIL.index(b"MIME-Version") :])).signatures == 2


def test_trailing_blanks_are_kept_first_and_removed_for_a_second_try() -> None:
    """PGP/MIME signs blanks at line ends as they are; the other reading has none at all."""
    part = found(MAIL.replace(b"Hello", b"Hello \t \r\n \r\nx  y"))
    assert part.content == PART.replace(b"Hello", b"Hello \t \r\n \r\nx  y")
    stripped = without_trailing_blanks(part)
    assert stripped is not None
    assert stripped.content == PART.replace(b"Hello", b"Hello\r\n\r\nx  y")
    assert without_trailing_blanks(stripped) is None


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n" * 400_000, id="many parts"),
        pytest.param(
            b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(20_000)),
            id="deep",
        ),
        pytest.param(b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b " * 500_000, id="almost delimiters"),
        pytest.param(b"\r\n" + b"-----BEGIN PGP SIGNED MESSAGE-----\r\n" * 60_000, id="many beginnings"),
        pytest.param(b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n" + b"-----BEGIN PGP SIGNATURE-----\n" * 60_000, id="no end"),
        pytest.param(
            b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n\n" + b" " * 2_000_000 + b"x\n" + SIGNATURE, id="blanks before text"
        ),
        pytest.param(b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n" + b"A: b\n" * 400_000 + SIGNATURE, id="armor headers"),
        pytest.param(b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n\n" + b" \n" * 1_000_000 + SIGNATURE, id="blank lines"),
        pytest.param(b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n\n" + b"- \n" * 700_000 + SIGNATURE, id="dashes"),
        pytest.param(
            b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n\n" + (b"x" * 16_383 + b"\n") * 120 + SIGNATURE, id="long lines"
        ),
        pytest.param(MAIL.replace(b"\r\n\r\n--", b"\r\n\r\n" + b"\t" * 2_000_000 + b"x\r\n--", 1), id="preamble of blanks"),
        pytest.param(MAIL.replace(b"--limit--", b"--limit--" + b" " * 2_000_000 + b"x"), id="blanks behind a delimiter"),
        pytest.param(MAIL.replace(b"Hello", b"a \t" * 700_000), id="blanks in a part"),
        pytest.param(MAIL.replace(b'"limit"', b'"limit"' + b"; a=b" * 40_000), id="parameters"),
        pytest.param(MAIL.replace(b'"limit"', b'"limit";' + b"\x0b" * 200_000 + b"x"), id="blanks behind the parameters"),
        pytest.param(MAIL.replace(b"multipart/signed;", b"multipart/signed" + b"()" * 100_000 + b";"), id="comments"),
    ],
)
def test_hostile_mails_take_little_time(mail: bytes) -> None:
    """Two megabytes of the worst kind are read in the time of a mail, not of an afternoon."""
    part = within(2, lambda: find_signed_part(mail))
    if part:
        within(2, lambda: without_trailing_blanks(part))


def nested(word: bytes) -> bytes:
    """A mail of a MiB that is not signed: ten multiparts, one in the other, around what begins like a delimiter."""
    heads = (b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(10))
    return b"X: " + word + b"\r\n" + b"".join(heads) + b"--b" * (2**20 // 3)


def test_an_unsigned_mail_is_not_taken_apart_for_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no such media type is named anywhere, no entity is looked into for one; where one is, in any case, they all are."""
    looked = []
    monkeypatch.setattr(signed, "_is_pgp_mime", lambda entity, pieces: bool(looked.append(entity)))
    assert find_signed_part(nested(b"pgp-signatur")) is None
    assert not looked
    assert find_signed_part(nested(b"PGP-Signature")) is None
    assert len(looked) == MAX_DEPTH


@pytest.mark.parametrize(
    "written", [b"application/pgp-signature", b"APPLICATION/PGP-Signature", b"application/pgp-signature (c)"]
)
@pytest.mark.parametrize("before", [0, 65_300, 65_390, 65_400, 65_410, 65_420, 65_450, 65_600])
def test_the_media_type_is_found_wherever_it_stands(written: bytes, before: int) -> None:
    """In any case, and across the pieces in which a mail is searched."""
    mail = MAIL.replace(b"Content-Type: application/pgp-signature", b"Content-Type: " + written)
    mail = mail.replace(b'protocol="application/pgp-signature"', b'protocol="application/PGP"')
    assert found(mail.replace(b"Hello", b"x" * before)).issuers == (ISSUER,)


@pytest.mark.parametrize("line", [b"x-----BEGIN PGP SIGNATURE-----\n", b"-----BEGIN PGP SIGNATURE-----x\n"])
def test_false_marks_are_given_up(line: bytes) -> None:
    """No honest mail holds ten thousand lines with the words of an armor that are none; fewer do not hide the one."""
    text = b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n\n"
    assert found(text + line * 9_999 + SIGNATURE).signatures == 1
    many = text + line * 700_000 + SIGNATURE
    assert within(0.5, lambda: find_signed_part(many)) is None


def test_more_blocks_than_anybody_writes_are_none() -> None:
    """So that a list of a million blocks is never made."""
    assert [len(blocks(SIGNATURE * number, b"SIGNATURE")) for number in (10_000, 10_001)] == [10_000, 0]


@pytest.mark.parametrize("line", [b" \n", b"- \n", b"\n", b"A:\n", b"-----BEGIN PGP SIGNATURE-----\n", b"--limit\n"])
def test_hostile_mails_take_little_memory(line: bytes) -> None:
    """Millions of short lines take a few times the memory of the mail, not hundreds of times."""
    text = line * (2_000_000 // len(line))
    mails = [b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n\n" + text + SIGNATURE, MAIL.replace(b"Hello", text)]
    for mail in mails:
        tracemalloc.start()
        part = find_signed_part(mail)
        if part:
            without_trailing_blanks(part)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20 * len(mail)


PIECES = [b"\r\n", b"\n", b"\r", b"--limit", b"--", b"Content-Type: ", b"multipart/signed", b"; boundary=limit", b"=0a", b" "]
PIECES += [b"application/pgp-signature", b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----", b"\0", b"=="]
PIECES += [
    b"-----END PGP SIGNATURE-----",
    b"Hash: SHA256",
    b"- ",
    b"text",
    b"\xff",
    b"Content-Transfer-Encoding: base64",
    PACKET,
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=5), max_size=40).map(b"".join))
def test_finding_is_total(raw: bytes) -> None:
    """No mail makes the search raise."""
    if part := find_signed_part(raw):
        without_trailing_blanks(part)


@given(st.integers(0, len(MAIL)), st.integers(0, len(MAIL)), st.binary(max_size=3))
def test_damaged_mails_are_read_too(start: int, end: int, instead: bytes) -> None:
    """A signed mail with any piece replaced is read, and what is called signed is never more than what stands there."""
    if part := find_signed_part(MAIL[:start] + instead + MAIL[end:]):
        assert len(part.content) <= 2 * len(MAIL)
