"""What is posted of the text of a mail."""

from contextlib import suppress

import pytest

from mailproc.gateway.options import Options
from mailproc.gateway.text.body import NOTHING_LEFT, NoBody, body_of
from mailproc.gateway.text.characters import BREAK
from mailproc.gateway.text.content import content_of
from mailproc.reading import read_message
from tests.cost import within

HTML = Options(prefer_text=False)
QUOTES = Options(include_quotes=True)
FOOTER = Options(include_footer=True)
ON = "On Thu, Nov 19, 2026 at 10:00 AM Ann <ann@example.org> wrote:"
SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\niHUE\n-----END PGP SIGNATURE-----"
MIB = 1024 * 1024


def entity(content: str | bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    """A part of a mail, or what follows the subject of one."""
    body = content if isinstance(content, bytes) else content.encode()
    return b"Content-Type: %b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%b\r\n" % (kind.encode(), body)


def several(*parts: bytes, kind: str = "alternative") -> bytes:
    """A multipart of these parts."""
    inside = b"".join(b"--=b\r\n" + part for part in parts)
    return b'Content-Type: multipart/%b; boundary="=b"\r\n\r\n%b--=b--\r\n' % (kind.encode(), inside)


def html(content: str) -> bytes:
    """A part of HTML."""
    return entity(content, "text/html; charset=utf-8")


def posted(content: bytes, options: Options = Options(), subject: str = "Question") -> str:  # noqa: B008 - it is frozen
    """What is posted of this mail."""
    return body_of(read_message(b"Subject: %b\r\nMIME-Version: 1.0\r\n%b" % (subject.encode(), content)), options)


BOTH = several(entity("plain"), html("<b>rich</b>"))


@pytest.mark.parametrize(
    ("content", "options", "body"),
    [
        (BOTH, Options(), "plain"),
        (BOTH, HTML, "**rich**"),
        (entity("plain"), HTML, "plain"),
        (html("<i>rich</i>"), Options(), "*rich*"),
        (several(entity(" \r\n"), html("rich")), Options(), "rich"),
        (several(entity("plain"), html("<html><body></body></html>")), HTML, "plain"),
        (several(several(entity("deep"), html("x")), entity("x", "image/png"), kind="mixed"), Options(), "deep"),
        (several(entity("Your mail client does not show HTML."), html("rich")), Options(), "rich"),
        (several(html("rich"), entity("a list's footer"), kind="mixed"), Options(), "rich\na list's footer"),
        (several(html("rich"), entity("a list's footer"), kind="mixed"), HTML, "rich\na list's footer"),
    ],
)
def test_choice(content: bytes, options: Options, body: str) -> None:
    """The option decides between text and HTML, wherever they stand, and the other is taken where the chosen one is blank."""
    assert posted(content, options) == body


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (entity("%PDF", "application/pdf"), "the mail has neither plain text nor HTML"),
        (several(entity("GIF", "image/gif"), kind="mixed"), "the mail has neither plain text nor HTML"),
        (entity(" \r\n\t"), "the text of the mail is empty"),
        (html("<html><body> <p>&nbsp;</p></body></html>"), "the text of the mail is empty"),
        (several(entity(""), html("<img src='https://example.org/x.png'>")), "the text of the mail is empty"),
    ],
)
def test_a_mail_that_says_nothing(content: bytes, reason: str) -> None:
    """A mail that was empty before anything was removed is not posted, whatever is preferred."""
    for options in (Options(), HTML, QUOTES):
        with pytest.raises(NoBody, match=f"^{reason}$"):
            posted(content, options)


@pytest.mark.parametrize(
    ("octets", "charset", "body"),
    [
        ("grün".encode(), "", "grün"),
        ("grün".encode(), "; charset=bogus", "grün"),
        ("grün".encode("latin-1"), "; charset=bogus", "grün"),
        ("grün".encode("latin-1"), "", "grün"),
        ("grün".encode(), "; charset=us-ascii", "grün"),
        ("שלום".encode("iso-8859-8"), "; charset=iso-8859-8-i", "שלום"),
        (b"gr\xfcn", "; charset=utf-8", "gr\ufffdn"),
        (b"a\0b", "", "ab"),
    ],
)
@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_charsets(octets: bytes, charset: str, body: str, kind: str) -> None:
    """Letters are kept where the charset is missing, unknown or wrong; octets that are none are shown as such."""
    assert posted(entity(octets, kind + charset)) == body


@pytest.mark.parametrize(
    "quote",
    [
        f"{ON}\n> Shall we?",
        "-----Original Message-----\nShall we?",
        "    -----Original Message-----\n    Shall we?",
        "From: Ann <ann@example.org>\nTo: Bob <bob@example.org>\nSubject: Question\n\nShall we?",
        "---------- Forwarded message ---------\nFrom: Ann\nDate: Thursday\nSubject: x\nTo: Bob\n\nShall we?",
    ],
)
def test_quotes_in_text(quote: str) -> None:
    """What is answered is left out, unless the address or a forwarded subject wants it."""
    content = f"Yes.\n\n{quote}"
    assert posted(entity(content)) == "Yes."
    assert posted(entity(content), QUOTES) == content
    assert posted(entity(content), subject="Fwd: Question") == content
    assert posted(entity(content), Options(include_quotes=False), subject="Fwd: Question") == "Yes."


def test_quotes_in_html() -> None:
    """HTML loses its quotes before it becomes Markdown."""
    content = html(f"<p>Yes.</p><div>{ON.replace('<', '&lt;')}</div><blockquote><p>Shall <b>we</b>?</p></blockquote>")
    assert posted(content) == "Yes."
    assert posted(content, QUOTES).startswith("Yes.\n\nOn Thu")
    assert posted(content, QUOTES).endswith("wrote:\n> Shall **we**?")


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("Hello\n--\nBob\n", "Hello"),
        ("Hello\n-- \nBob\n", "Hello"),
        ("Hello\n  --\nBob\n", "Hello"),
        ("Hello\n--\na\n--\nBob", "Hello\n--\na\n--\nBob"),
        ("Hello\n--Not a delimiter--\nBob", "Hello\n--Not a delimiter--\nBob"),
        (f"Hello\n--\nBob\n\n{ON}\n> Shall we?\n> --\n> Ann", "Hello"),
    ],
)
def test_footers(text: str, body: str) -> None:
    """The footer begins at the only line of two hyphens; of several none is certain."""
    assert posted(entity(text)) == body
    assert posted(html(text.replace("<", "&lt;").replace("\n", "<br>"))).replace("  --", "--") == body


def test_a_footer_that_is_wanted() -> None:
    """The option keeps the footer, and quotes go as before."""
    assert posted(entity(f"Hello\n--\nBob\n\n{ON}\n> Shall we?"), FOOTER) == "Hello\n--\nBob"


@pytest.mark.parametrize(
    "content",
    [entity("--\nBob"), entity("-----Original Message-----\nShall we?"), html("<blockquote type=cite>Shall we?</blockquote>")],
)
def test_nothing_left(content: bytes) -> None:
    """A mail that said something, all of it quote or footer, is posted as such."""
    assert posted(content) == NOTHING_LEFT == "(No email body)"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (f"{SIGNED}\nHash: SHA256\n\nAt noon.\n- -- dash\n{SIGNATURE}", "At noon.\n-- dash"),
        (f"Hello\n{SIGNED}\n\nAt noon.\n{SIGNATURE}\nBob", "Hello\nAt noon.\nBob"),
        (f"{SIGNED}\n\na\n{SIGNATURE}\n{SIGNED}\n\nb\n{SIGNATURE}", "a\nb"),
        (f"{SIGNED}\n\nAt noon.", f"{SIGNED}\n\nAt noon."),
        (f"{SIGNED}\n{SIGNED}\n\nAt noon.\n{SIGNATURE}", f"{SIGNED}\nAt noon."),
        (f"{SIGNED}\n\nYes.\n\n{ON}\n> Shall we?\n{SIGNATURE}", "Yes."),
    ],
)
def test_clear_signed_text(text: str, body: str) -> None:
    """What was signed is posted without the lines that are there for programs; what is not whole stays."""
    assert posted(entity(text)) == body


def test_a_mention_behind_entities() -> None:
    """What HTML hides from a look at its source is harmless in the chat all the same."""
    body = posted(html("&#64;all &commat;**all** &lt;!channel&gt; &lt;b&gt; &#96;&#96;&#96;<br>![](https://t.example/x.png)"))
    shown = content_of(body, sender=None, subject=None, links=[])
    assert shown == "@·all @·**all** <·!channel> <·b> ```\n[image](https://t.example/x.png)".replace("·", BREAK)


@pytest.mark.parametrize(
    "content",
    [
        html("<blockquote>" * (MIB // 12)),
        html("<blockquote>" * 19_000 + "x" + "</blockquote>" * 19_000),
        html(("<blockquote>" + 40 * "x") * 19_000),
        html("&#64;all " * 100_000),
        html("<hr>" * (MIB // 4)),
        html("<font>" * (MIB // 6) + "x"),
        entity(f"{ON}\n> x\n" * 10_000),
        entity("From: a\nSent: b\n" * 60_000),
        entity("> " * (MIB // 2)),
        entity("--\n" * (MIB // 3)),
    ],
    ids=["open", "nested", "filled", "entities", "rules", "fonts", "attributions", "headers", "marks", "footers"],
)
def test_a_huge_body(content: bytes) -> None:
    """A mail of a mebibyte takes less than a second, whatever it is made of."""

    def read() -> None:
        with suppress(NoBody):
            assert len(posted(content)) <= 60_000

    within(1, read)
