"""The whole mail: text, HTML, attachments, and the limits of its structure."""

import email.message
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import Message, read_message

MIXED = b"""From: ann@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Thu, 19 Nov 2026 10:00:00 +0000
Message-ID: <one@example.org>
Content-Type: multipart/mixed; boundary=outer

preamble
--outer
Content-Type: multipart/alternative; boundary="outer-inner"

--outer-inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello=20=C3=A9
--outer-inner
Content-Type: text/html

<p>Hello</p>
--outer-inner--
--outer
Content-Type: text/x-diff; name=fix.diff
Content-Disposition: attachment; filename="../fix.diff"
Content-Transfer-Encoding: base64

LS0tIGEK
--outer

Second text
--outer--
epilogue
"""


def mail(head: str, body: str = "") -> Message:
    """The message with these header lines and this body."""
    return read_message(f"{head}\n\n{body}".encode())


@pytest.mark.parametrize("raw", [MIXED, MIXED.replace(b"\n", b"\r\n")], ids=["lf", "crlf"])
def test_parts_of_a_mail(raw: bytes) -> None:
    """Plain parts are the text, the HTML stands beside it, files are attachments; preamble and epilogue are nobody's."""
    message = read_message(raw)
    assert message.subject == "Grüße"
    assert message.date == datetime(2026, 11, 19, 10, tzinfo=UTC)
    assert message.message_id == "<one@example.org>"
    assert message.text == "Hello é\nSecond text"
    assert message.html == "<p>Hello</p>"
    (patch,) = message.attachments
    assert (patch.name, patch.safe_name, patch.type, patch.size) == ("../fix.diff", "fix.diff", "text/x-diff", 6)
    assert patch.content == b"--- a\n"
    assert message.defects == ()
    assert message.unparseable is None
    assert message.part_types == ("text/plain", "text/html", "text/x-diff", "text/plain")


def test_message_is_immutable() -> None:
    """What was read of a mail cannot be changed."""
    with pytest.raises(AttributeError):
        read_message(MIXED).header = None  # type: ignore[misc,assignment]


def test_verified_content() -> None:
    """Text and attachments come from the verified bytes alone, the subject from the header of the mail."""
    content = b"Content-Type: text/plain; charset=iso-8859-1\r\nSubject: inner\r\n\r\nsigned \xe9\r\n"
    message = read_message(MIXED, content)
    assert message.text == "signed é\n"
    assert message.html is None
    assert message.attachments == ()
    assert message.subject == "Grüße"


def test_verified_text() -> None:
    """A clear-signed text is no MIME entity: what looks like a header in it is text."""
    message = read_message(MIXED, b"Content-Type: text/html\r\n\r\nsigned \xe9\r\n", is_text=True, charset="iso-8859-1")
    assert message.text == "Content-Type: text/html\n\nsigned é\n"
    assert message.html is None
    assert read_message(MIXED, b"", is_text=True).text == ""


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        ("Subject: a\n\tb", "a b"),
        ("Subject: =?utf-8?q?a=0D=0ABcc:_eve?=", "a  Bcc: eve"),
        ("Subject: Test \0 subject", "Test \ufffd subject"),
        ("Subject: =?utf-8?q?Test_=00_subject?=", "Test  subject"),
        ("Subject: a\u2028b", "a b"),
        ("X: y", ""),
    ],
)
def test_subject(field: str, subject: str) -> None:
    """The subject is one line, whatever is encoded in it."""
    assert mail(field).subject == subject


@pytest.mark.parametrize(
    ("fields", "message_id"),
    [
        ("Message-ID: <a@b>", "<a@b>"),
        ("message-id:\n <a@b> (comment)", "<a@b>"),
        ("Message-ID: <[]>", "<[]>"),
        ("Message-ID: <>", None),
        ("Message-ID: a@b", None),
        ("Message-ID: <a@b> <c@d>", None),
        ("Message-ID: <a@b>\nMessage-ID: <a@b>", None),
        ("Message-ID: <a b@c>", None),
        ("Message-ID: <a\x1b@c>", None),
        ("Message-ID: <é@c>", None),
        (f"Message-ID: <{'a' * 997}>", None),
        ("X: y", None),
    ],
)
def test_message_id(fields: str, message_id: str | None) -> None:
    """There is one Message-ID, well formed, or none."""
    assert mail(fields).message_id == message_id


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        ("X: y", "a\r\nb\rc\n", "a\nb\nc\n"),
        ("X: y", "a\0b", "ab"),
        ("Content-Type: text/plain; charset=nowhere", "é", "é"),
        ("Content-Type: text/plain; charset=zlib", "é", "é"),
        ("Content-Type: nonsense", "a", "a"),
        ("Content-Type: multipart/mixed", "a", "a"),
        ("Content-Type: multipart/mixed; boundary=", "a", "a"),
        ("Content-Type: multipart/mixed; boundary=nowhere", "--other\n\na", "--other\n\na"),
        ("Content-Type: multipart/mixed; boundary=b", "--b\n\na", "a"),
        ("Content-Type: multipart/mixed; boundary=b", "--bc\n\na\n--b \n\nd\n--b--x\n--b--", "d\n--b--x"),
        ("Content-Type: multipart/mixed; boundary=b", "--b\n--b\n\na\n--b--\n--b\n\nz", "\na"),
        ("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64", "--b\n\na\n--b--", "a"),
        (f"Content-Type: multipart/mixed; boundary={'b' * 200}", f"--{'b' * 200}\n\na", "a"),
        ('Content-Type: multipart/mixed; boundary="\'()+_,./:=?[x"', "--'()+_,./:=?[x\n\na", "a"),
        ("Content-Transfer-Encoding: base64", "w6k", "é"),
        ("Content-Transfer-Encoding: BASE64 (yes)", "w6\n!k=", "é"),
        ("Content-Transfer-Encoding: quoted-printable", "=C3=A9=\nx=ZZ=", "éx=ZZ"),
        ("Content-Transfer-Encoding: x-uuencode", "begin", "begin"),
        ("Content-Type: text/plain\nContent-Type: text/html", "a", "a"),
        ("Content-Type: text/html", "<p>", ""),
        ("Content-Type: text/html; charset=iso-8859-1", "<p>a&eacute;</p>", "aé"),
        ("Content-Type: text/html; name=a.html", "<p>a</p>", ""),
        ("Content-Type: text/plain", "begin 644 a.txt\n#86)C\n`\nend\n", "begin 644 a.txt\n#86)C\n`\nend\n"),
        ("Content-Type: text/plain; format=fixed", " affects x \n status new", " affects x \n status new"),
        ("Content-Type: text/plain; format=flowed", "a \nb\n  status new\n-- \nx", "a b\n status new\n-- \nx"),
        ("Content-Type: text/plain; Format=Flowed; DelSp=Yes", "a \nb", "ab"),
        ("Content-Type: text/html; format=flowed", "<pre>a \nb", "a\nb"),
        ("Content-Disposition: attachment", "a", ""),
        ("Content-Type: text/plain; name=a.txt", "a", ""),
        ("Content-Type: text/plain\nContent-Disposition: inline", "a", "a"),
        ("Content-Type: message/rfc822", "Subject: x\n\ninner", ""),
        ("Content-Type: multipart/digest; boundary=b", "--b\n\nSubject: x\n\ninner\n--b--", ""),
    ],
)
def test_text(head: str, body: str, text: str) -> None:
    """Every shape of a mail has a text, which is what its plain parts say."""
    assert mail(head, body).text == text


@pytest.mark.parametrize(
    ("head", "body", "defect"),
    [
        ("Content-Type: text/plain; charset=nowhere", "a", "unknown-charset"),
        ("Content-Type: multipart/mixed", "a", "no-boundary"),
        ("Content-Type: multipart/mixed; boundary=b", "a", "boundary-not-found"),
        ("Content-Type: multipart/mixed; boundary=b", "--b\n\na", "no-closing-boundary"),
        ("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64", "--b\n--b--", "encoded-multipart"),
        ("Content-Transfer-Encoding: base64", "w6k!", "bad-base64"),
        ("Content-Transfer-Encoding: quoted-printable", "=Z", "bad-quoted-printable"),
        ("Content-Transfer-Encoding: x-uuencode", "begin", "unknown-transfer-encoding"),
        ("Content-Type: text/plain\nContent-Type: text/html", "a", "duplicate-content-type"),
        ("Content-Disposition: attachment\nContent-Transfer-Encoding: base64", "!", "bad-base64"),
        ("stray", "a", "no-header"),
    ],
)
def test_defects_of_a_mail(head: str, body: str, defect: str) -> None:
    """What is wrong with a mail is named, once."""
    defects = mail(head, body).defects
    assert defect in defects
    assert len(set(defects)) == len(defects)


@pytest.mark.parametrize(
    "head",
    [
        "Content-Type: application/applefile; name=x",
        "Content-Type: application/pgp-signature; name=signature.asc",
        "Content-Type: application/pkcs7-signature; name=smime.p7s",
        "Content-Type: application/x-pkcs7-signature; name=smime.p7s",
        "Content-Type: text/x-vcard; name=ann.vcf",
        "Content-Type: application/ms-tnef; name=winmail.dat",
        "Content-Type: text/html\nContent-Disposition: attachment",
        "Content-Type: text/html",
        "Content-Type: text/plain",
    ],
)
def test_no_attachments(head: str) -> None:
    """Parts that serve the mail and not its reader are no attachments."""
    assert mail(head, "x").attachments == ()


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        ("Content-Type: text/html; name=a.html", "a.html", "text/html"),
        ("Content-Type: TEXT/CALENDAR", "", "text/calendar"),
        ("Content-Type: text/vcard; charset=utf-8", "", "text/vcard"),
        ("Content-Type: nonsense; name=a.bin\nContent-Disposition: attachment", "", "application/octet-stream"),
        ("Content-Disposition: attachment; filename=a.txt", "a.txt", "text/plain"),
        ("Content-Type: a/b; name=one\nContent-Disposition: inline; filename=two", "two", "a/b"),
        ('Content-Type: a/b; name="=?utf-8?q?Gr=C3=BC=C3=9Fe.txt?="', "Grüße.txt", "a/b"),
        ("Content-Type: a/b; name*=utf-8''Gr%C3%BC%00", "Grü", "a/b"),
        ("Content-Type: message/rfc822", "", "message/rfc822"),
        ("Content-Type: message/external-body; access-type=URL", "", "message/external-body"),
    ],
)
def test_attachments_of_a_mail(head: str, name: str, media_type: str) -> None:
    """Everything else is an attachment, with the name and type that the sender gives it."""
    (attachment,) = mail(head, "x").attachments
    assert (attachment.name, attachment.type, attachment.content) == (name, media_type, b"x")


def parts(kind: str, *bodies: tuple[str, str]) -> Message:
    """The message of this multipart, whose parts have these types."""
    body = "".join(f"--b\nContent-Type: {type_}\n\n{text}\n" for type_, text in bodies)
    return mail(f"Content-Type: multipart/{kind}; boundary=b", f"{body}--b--")


HTML = ("text/html", "<p>the <b>HTML</b></p>")


@pytest.mark.parametrize(
    ("message", "text", "from_html"),
    [
        (parts("alternative", ("text/plain", "plain"), HTML), "plain", False),
        (parts("alternative", ("text/plain", "plain"), ("text/calendar", "x"), HTML), "plain", False),
        (parts("alternative", ("text/plain", " \xa0\n"), HTML), "the *HTML*", True),
        (parts("alternative", ("text/plain", "Your mail program cannot show HTML."), HTML), "the *HTML*", True),
        (
            parts("alternative", ("text/plain", "Your mail program cannot show HTML."), ("text/html", "<img>")),
            "Your mail program cannot show HTML.",
            False,
        ),
        (parts("mixed", ("text/plain", "Your mail program cannot show HTML.")), "Your mail program cannot show HTML.", False),
        (parts("mixed", ("text/plain", "one"), ("image/gif", "x"), ("text/plain", "two")), "one\ntwo", False),
        (parts("mixed", HTML, ("text/plain", "a footer")), "the *HTML*\na footer", True),
        (
            parts("mixed", ("text/plain", ""), HTML, ("image/gif", "x"), ("text/html", "<p>more</p>")),
            "the *HTML*\n\nmore",
            True,
        ),
        (parts("mixed", ("text/plain", "one"), HTML, ("text/plain", "two")), "one\ntwo", False),
        (parts("related", HTML, ("image/gif", "x")), "the *HTML*", True),
    ],
    ids=range(11),
)
def test_choice_of_the_text(message: Message, text: str, from_html: bool) -> None:
    """Plain text is preferred where it says something, and HTML that no plain text comes before is read."""
    assert (message.text, message.text_from_html) == (text, from_html)
    assert message.defects == ()


STUBS = [
    "Your e-mail client does not support HTML messages.",
    "Your email reader is not able to display HTML.",
    "*** This is an HTML e-mail; your reader shows plain text only. ***",
    "To view this message, please use an HTML compatible email viewer!",
    "If you cannot read this newsletter, open it in your browser: https://example.org/1",
    "View this message in your browser.",
    "This is a multi-part message in MIME format.",
    "Ihr E-Mail-Programm kann leider kein HTML anzeigen.",
    "Diese E-Mail ist im HTML-Format.",
    "Falls diese Nachricht nicht angezeigt wird, öffnen Sie sie im Browser.",
    "Votre messagerie n'affiche pas le HTML.",
    "Si vous ne voyez pas ce message, ouvrez-le dans votre navigateur.",
    "Su cliente de correo no admite HTML.",
    "Si no puede ver este mensaje, ábralo en su navegador.",
    "Il tuo client di posta non visualizza i messaggi HTML.",
    "O seu programa de e-mail não mostra HTML.",
    "Uw e-mailprogramma kan geen HTML weergeven.",
    "Ditt e-postprogram kan inte visa HTML.",
]


@pytest.mark.parametrize("stub", STUBS)
def test_stubs(stub: str) -> None:
    """A text that only says that there is HTML is none, in whatever language."""
    assert parts("alternative", ("text/plain", f"\n{stub}\n"), HTML).text_from_html


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        " affects mailer\n summary Your mail program does not show HTML",
        "I have a question: your mail program shows my HTML as text.",
        "The page looks wrong in my browser.",
        "Your mail client does not show HTML. " + "I have looked into it, and found why. " * 12,
    ],
)
def test_no_stubs(text: str) -> None:
    """What a person writes about HTML is a text."""
    assert parts("alternative", ("text/plain", text), HTML).text == text


def test_text_of_html_in_verified_content() -> None:
    """Of verified HTML the text is made from the verified bytes alone."""
    message = read_message(MIXED, b"Content-Type: text/html\r\n\r\n<p>signed</p>\r\n")
    assert (message.text, message.html, message.text_from_html) == ("signed", "<p>signed</p>\n", True)


@pytest.mark.parametrize(
    ("html", "defect"),
    [
        ("<div>" * 60_000 + "text", "html-too-complex"),
        ("<ul><li>" * 20 + "text<br>" * 30_000, "html-cut"),
        ("x" * 2_000_000, "text-cut"),
    ],
    ids=["html-too-complex", "html-cut", "text-cut"],
)
def test_defects_of_html(html: str, defect: str) -> None:
    """HTML that is not read in full is a defect, and so is a mail's text that is made of it; HTML alone is none."""
    message = mail("Content-Type: text/html", html)
    assert "te" in message.text or defect == "text-cut"
    assert defect in message.defects
    assert len(message.text.encode()) <= 1024 * 1024
    assert defect == "text-cut" or parts("alternative", ("text/plain", "plain"), ("text/html", html)).defects == ()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("Content-Type: a/b; name=one.txt; name=two.txt", "one.txt"),
        ("Content-Type: a/b; name=old\nContent-Disposition: attachment; filename=new", "new"),
        ('Content-Disposition: attachment; filename*0="a "; filename*1*=%E2%82%AC; filename=x', "a €"),
        ("Content-Disposition: attachment; filename*=utf-8'de'Gr%C3%BC%C3%9Fe.txt; filename=Gruesse.txt", "Grüße.txt"),
        ('Content-Disposition: attachment; filename="=?utf-8?b?w6Q=?= =?utf-8?q?=C3=B6.txt?="', "äö.txt"),
        ('Content-Disposition: attachment; filename="../../etc/passwd"', "../../etc/passwd"),
        ('Content-Disposition: attachment; filename=""', ""),
        ("Content-Disposition: attachment", ""),
    ],
)
def test_names_of_attachments(fields: str, names: str) -> None:
    """The name is what the sender calls the file, in each of the ways to write it; two files may have the same."""
    part = f"--b\n{fields}\n\nx\n"
    files = mail("Content-Type: multipart/mixed; boundary=b", f"{part}{part}--b--").attachments
    assert [file.name for file in files] == [names, names]
    assert not {"/", ".."} & set(files[0].safe_name)


def nested(kind: str, depth: int) -> bytes:
    """A mail in which parts of this kind are nested."""
    if kind == "message/rfc822":
        return b"Content-Type: message/rfc822\n\n" * depth + b"\ntext"
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
    return opening + b"\ntext"


@pytest.mark.parametrize("kind", ["multipart/mixed", "message/rfc822"])
def test_depth_is_bounded(kind: str) -> None:
    """Fifty levels are read, the fifty-first makes a mail unparseable, and so does the thousandth."""
    assert read_message(nested(kind, 50)).unparseable is None
    for depth in (51, 1000):
        message = read_message(nested(kind, depth))
        assert message.unparseable == "its parts are nested more than 50 deep"
        assert (message.text, message.html, message.attachments) == ("", None, ())


def test_number_of_parts_is_bounded() -> None:
    """A thousand parts are read, one more makes a mail unparseable, be it flat or in a forwarded mail."""
    head = b"Content-Type: multipart/mixed; boundary=b\n\n"
    assert len(read_message(head + b"--b\n\nx\n" * 1000).part_types) == 1000
    assert read_message(head + b"--b\n\nx\n" * 1001).unparseable == "it has more than 1000 parts"
    forwarded = b"Content-Type: message/rfc822\n\n" + head + b"--b\n\nx\n" * 1001
    assert read_message(forwarded).unparseable == "it has more than 1000 parts"


def test_forwarded_mail_is_one_attachment() -> None:
    """What a forwarded mail says is not what the mail says."""
    message = read_message(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nLook!\n--b\nContent-Type: message/rfc822\n\n" + MIXED
    )
    assert message.text == "Look!"
    assert message.html is None
    assert [attachment.type for attachment in message.attachments] == ["message/rfc822"]


def test_outer_boundary_wins() -> None:
    """A part cannot reach beyond the boundary of the multipart that holds it."""
    head = "Content-Type: multipart/mixed; boundary=out"
    body = "--out\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\na\n--out\n\nb\n--in\n\nc\n--out--\n--in--"
    assert mail(head, body).text == "a\nb\n--in\n\nc"


def test_text_is_bounded() -> None:
    """Of a text of 10 MB the first MiB is kept, and no letter is cut in two."""
    message = read_message(b"Content-Type: text/plain; charset=utf-8\n\n" + "é".encode() * 5_000_000 + b"x")
    assert len(message.text.encode()) == 1024 * 1024
    assert set(message.text) == {"é"}
    assert "text-cut" in message.defects


@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=200),
    st.binary(max_size=100),
    st.text(max_size=20),
)
def test_mail_of_the_standard_library(text: str, content: bytes, name: str) -> None:
    """What the standard library writes is read back."""
    written = email.message.EmailMessage(policy=email.policy.SMTP)
    written["From"] = "ann@example.org"
    written.set_content(text, cte="base64")
    written.add_alternative("<p>x</p>", subtype="html")
    written.add_attachment(content, "application", "x-test", filename="x" + "".join(filter(str.isalnum, name)))
    message = read_message(written.as_bytes())
    assert message.text.rstrip("\n") == (text.rstrip("\n") if text.strip() else "x")
    assert message.html == "<p>x</p>\n"
    assert [attachment.content for attachment in message.attachments] == [content]
    assert message.attachments[0].name == "x" + "".join(filter(str.isalnum, name))


lines = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=hz",
        b"",
        b"--b",
        b"--b--",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"w6k=",
        b"=ZZ=",
        b"Content-Disposition: attachment; filename*0*=x''%00",
        b"\xff\0\x1b",
        b"Subject: =?utf-8?b?/w==?=",
        b"Date: 1 Jan 2026 0:0",
    ]
)


@given(
    st.one_of(
        st.binary(max_size=200), st.lists(lines, max_size=30).map(b"\n".join), st.lists(lines, max_size=30).map(b"\r\n".join)
    )
)
def test_any_mail(raw: bytes) -> None:
    """Any octets are a mail: nothing raises, no text holds NUL or CR, no name is a path."""
    for message in (read_message(raw), read_message(b"", raw), read_message(b"", raw, is_text=True)):
        assert not set(message.text + (message.html or "")) & {"\0", "\r"}
        assert not set(message.subject) & {"\r", "\n", "\0"}
        assert len(message.text.encode()) <= 1024 * 1024
        assert message.date is None or message.date.tzinfo
        assert all(defect.replace("-", "").isalnum() for defect in message.defects)
        for attachment in message.attachments:
            assert attachment.size == len(attachment.content)
            assert not set(attachment.safe_name) & {"/", "\\", "\0"}
