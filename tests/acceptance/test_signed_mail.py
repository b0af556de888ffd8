"""Signed mail in all its shapes, from the maildrop to what the handler gets: 34 to 53 of docs/behaviour/incoming.md."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from mailproc import Delivery, Trust
from mailproc.testing import PostOffice, SigningKey, make_mail
from mailproc.testing.keys import signed_mime

DESK = "desk@desk.example.org"
TOP = b"From: ann@example.com\r\nTo: desk@desk.example.org\r\nSubject: Greetings"
CRLF, LF = b"\r\n", b"\n"


def detached(part: bytes, key: SigningKey, **how: str) -> bytes:
    """A multipart/signed mail of Ann's around ``part``."""
    return signed_mime(TOP, part, key.sign_detached(part), **how)


def clear(text: str, key: SigningKey) -> bytes:
    """A clear-signed mail of Ann's in UTF-8."""
    head = TOP + b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return head + key.clearsign(text).encode().replace(b"\n", b"\r\n")


def the_letter(office: PostOffice, letters: list[Delivery], raw: bytes) -> Delivery:
    """What the handler is given of this mail."""
    delivered = office.deliver(raw, to=DESK)
    assert (delivered.disposition, delivered.oops) == ("handled", None), delivered
    (letter,) = letters
    return letter


def assert_strong(letter: Delivery, key: SigningKey) -> None:
    """Ann has proven herself with this key."""
    assert (letter.sender.user, letter.sender.trust, letter.sender.method) == ("ann", Trust.STRONG, "openpgp")
    assert letter.sender.fingerprint == key.fingerprint


def assert_weak(letter: Delivery, user: str = "ann") -> None:
    """The user in From is believed as far as From goes, and the content is the whole mail."""
    assert (letter.sender.user, letter.sender.trust, letter.sender.method) == (user, Trust.WEAK, "from")
    assert letter.sender.fingerprint is None
    assert letter.content == letter.raw


# 34 to 40, 44, 49: the shapes of a good signature ----------------------------------------------------------------------------

PLAIN = b"Content-Type: text/plain\r\n\r\nHello\r\n"


@pytest.mark.parametrize("boundary", ["plain", "'()+_,-./:=?", "a+(b"])
def test_34_detached(office: PostOffice, letters: list[Delivery], ann_key: SigningKey, boundary: str) -> None:
    """A detached signature counts, whatever the boundary looks like, and the content is exactly the signed part."""
    letter = the_letter(office, letters, detached(PLAIN, ann_key, boundary=boundary))
    assert_strong(letter, ann_key)
    assert (letter.content, letter.message.text, letter.message.subject) == (PLAIN, "Hello\n", "Greetings")


def test_35_inline(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """A clear-signed text counts, and what the handler reads is the text without its armor."""
    letter = the_letter(office, letters, clear("First.\n\nSecond: Grüße.\n", ann_key))
    assert_strong(letter, ann_key)
    assert letter.message.text.rstrip("\n") == "First.\n\nSecond: Grüße."
    assert b"PGP" not in letter.content


def test_36_multipart(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """A signature over a multipart covers its attachments too."""
    message = EmailMessage(SMTP)
    message.set_content("See the map.\n")
    message.add_attachment(b"\x89PNG\x00", "image", "png", filename="map.png")
    part = message.as_bytes()
    letter = the_letter(office, letters, detached(part, ann_key))
    assert_strong(letter, ann_key)
    assert (letter.content, letter.message.text) == (part, "See the map.\n")
    assert [(each.name, each.content) for each in letter.message.attachments] == [("map.png", b"\x89PNG\x00")]


def test_37_dash_escaped(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """Lines that begin with a dash are escaped in a clear-signed text, and the handler reads them as they were written."""
    raw = clear("Hello\n-- \nAnn\n-----BEGIN NOTHING\n", ann_key)
    assert b"\r\n- -- \r\n" in raw or b"\r\n- --\r\n" in raw
    letter = the_letter(office, letters, raw)
    assert_strong(letter, ann_key)
    assert letter.message.text.split("\n")[1:4] == ["--", "Ann", "-----BEGIN NOTHING"]


def test_38_an_altered_mail_reaches_nobody(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """In each shape a changed letter is a refusal, never a weak mail."""
    for raw in (detached(PLAIN, ann_key), clear("Hello\n", ann_key)):
        delivered = office.deliver(raw.replace(b"Hello", b"Hallo"), to=DESK)
        assert (delivered.disposition, delivered.rule) == ("rejected", "signature.altered")
    assert letters == []


@pytest.mark.parametrize("stored", [CRLF, LF], ids=["CRLF", "LF"])
@pytest.mark.parametrize("inline", [False, True], ids=["detached", "clear-signed"])
def test_39_line_ends(office: PostOffice, letters: list[Delivery], ann_key: SigningKey, stored: bytes, inline: bool) -> None:
    """What was signed with CRLF verifies when it was stored with LF, and the content has CRLF either way."""
    raw = clear("One\ntwo\n", ann_key) if inline else detached(PLAIN.replace(b"Hello", b"One\r\ntwo"), ann_key)
    letter = the_letter(office, letters, raw.replace(CRLF, stored))
    assert_strong(letter, ann_key)
    assert b"One\r\ntwo" in letter.content
    assert letter.message.text.rstrip("\n") == "One\ntwo"


def test_40_folded_header(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """A folded header of the signed part, and one without a space, are verified as they were written."""
    part = b'Content-Type: text/plain;\r\n\tcharset="utf-8";\r\n  format=flowed\r\nX-Odd:none\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n'
    letter = the_letter(office, letters, detached(part, ann_key))
    assert_strong(letter, ann_key)
    assert (letter.content, letter.message.text) == (part, "Grüße\n")


def test_44_quoted_printable(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """The encoded octets are what is signed, and the handler reads them decoded."""
    part = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
    letter = the_letter(office, letters, detached(part, ann_key))
    assert_strong(letter, ann_key)
    assert (letter.content, letter.message.text) == (part, "Grüße\n")


def test_44_without_a_message_id(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """A mail needs no Message-ID and no Date to be believed."""
    letter = the_letter(office, letters, detached(PLAIN, ann_key))
    assert (letter.message.message_id, letter.message.date) == (None, None)
    assert_strong(letter, ann_key)


def test_49_trailing_blanks(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """Blanks that came to the ends of lines on the way harm no signature, and are not in the content."""
    raw = detached(PLAIN, ann_key).replace(b"Hello\r\n", b"Hello  \t\r\n")
    letter = the_letter(office, letters, raw)
    assert_strong(letter, ann_key)
    assert letter.content == PLAIN


# 41 to 43, 45 to 48, 50, 51: whose word it is --------------------------------------------------------------------------------


def test_41_45_46_unsigned(office: PostOffice, letters: list[Delivery]) -> None:
    """Without a signature the sender is weak, and there is no signed part: the content is the mail."""
    assert_weak(the_letter(office, letters, make_mail(to=DESK, text="Hello\n")))


def test_45_a_claim_without_a_signature_is_unsigned(office: PostOffice, letters: list[Delivery]) -> None:
    """A multipart/signed whose second part is a text is an unsigned mail, not a bad signature."""
    raw = signed_mime(TOP, PLAIN, b"Trust me.\n").replace(
        b"Content-Type: application/pgp-signature", b"Content-Type: text/plain"
    )
    assert_weak(the_letter(office, letters, raw))


@pytest.mark.parametrize("inline", [False, True], ids=["50 detached", "47 clear-signed"])
def test_42_47_50_somebody_elses_key(office: PostOffice, letters: list[Delivery], bob_key: SigningKey, inline: bool) -> None:
    """A good signature by another user's key is worth no more than From, and the user is still the one in From."""
    assert_weak(the_letter(office, letters, make_mail(to=DESK, text="Hello\n", key=bob_key, inline=inline)))


@pytest.mark.parametrize("inline", [False, True], ids=["51 detached", "48 clear-signed"])
def test_43_48_51_the_own_key(office: PostOffice, letters: list[Delivery], ann_key: SigningKey, inline: bool) -> None:
    """A good signature by the own key is proof."""
    assert_strong(the_letter(office, letters, make_mail(to=DESK, text="Hello\n", key=ann_key, inline=inline)), ann_key)


@pytest.mark.parametrize("inline", [False, True], ids=["detached", "clear-signed"])
def test_what_stands_beside_the_signed_part_makes_the_mail_weak(
    office: PostOffice, letters: list[Delivery], ann_key: SigningKey, inline: bool
) -> None:
    """Launchpad takes the first signed block for the mail; here the signature must cover the whole body (promise 4)."""
    signed = clear("Turn left.\n", ann_key) if inline else detached(PLAIN, ann_key)
    letter = the_letter(office, letters, signed + b"\r\nAnd burn the map.\r\n")
    assert_weak(letter)


def test_the_same_signature_counts_once(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """Who sends Ann's signed mail a second time, in a new envelope, is not heard; Launchpad has no memory (promise 4)."""
    raw = detached(PLAIN, ann_key)
    assert office.deliver(raw, to=DESK).disposition == "handled"
    again = office.deliver(raw.replace(b"Subject: Greetings", b"Subject: Once more"), to=DESK)
    assert (again.disposition, again.rule, again.sent) == ("dropped", "replay", ())
    assert len(letters) == 1


# 52 and 53: who wants nothing unproven to count ------------------------------------------------------------------------------


def test_52_who_wants_proof_and_gives_it_is_handled(
    office: PostOffice, letters: list[Delivery], strange_key: SigningKey
) -> None:
    """With the user's flag a signed mail is handled as ever."""
    office.user("eve", "eve@example.com", key=strange_key, require_strong=True)
    letter = the_letter(office, letters, make_mail(to=DESK, sender="eve@example.com", text="Hello\n", key=strange_key))
    assert (letter.sender.user, letter.sender.trust) == ("eve", Trust.STRONG)


def test_53_who_wants_proof_and_gives_none_is_told(office: PostOffice, letters: list[Delivery]) -> None:
    """With the user's flag an unsigned mail is refused with one text, which also serves somebody whose address was forged."""
    delivered = office.deliver(make_mail(to=DESK, sender="sue@example.com", text="Hello\n"))
    assert (delivered.disposition, delivered.rule) == ("rejected", "require-strong")
    assert delivered.reason == (
        "Only signed mail is taken from sue@example.com, and your mail is not signed. Sign all of it with the OpenPGP key that "
        "is registered for you, and send it again. If your mail program cannot sign: gpg --clearsign letter.txt (The mail is "
        "then the text of letter.txt.asc alone.) If you did not send this mail, somebody used your address, and you need do "
        "nothing."
    )
    assert " ".join(delivered.reason.split()) in " ".join(delivered.sent[0].text.split())
    assert letters == []
