"""Mail that is quoted in HTML, and HTML as Markdown for programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import markdown_of, read_message, without_html_quotes, without_quotes
from tests.cost import within

ON = "On Thu, Nov 19, 2026 at 10:00 AM Ann &lt;<a href='mailto:ann@example.org'>ann@example.org</a>&gt; wrote:"
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("html", "own"),
    [
        ("<p>Yes.</p><blockquote>Shall we?</blockquote>", "Yes."),
        (f"Yes.<br>{ON}<br><blockquote type=cite>Shall we?</blockquote>", "Yes."),
        (f"<p>Yes.</p><div>{ON}</div><div><blockquote>Shall we?</blockquote></div>", "Yes."),
        (f"<p>Yes.</p><div>{ON}</div><blockquote>Shall we?</blockquote><div>Bob</div>", "Yes.\n\nBob"),
        ("<p>Yes.</p><p>Ann said:</p><blockquote>Shall we?</blockquote>", "Yes.\n\nAnn said:"),
        ("<div class=moz-cite-prefix>Dixit Ann:<br></div><blockquote type=cite>Shall we?</blockquote><p>Yes.</p>", "Yes."),
        (
            "<div>Yes.</div><div class='gmail_quote gmail_quote_container'><div class=gmail_attr>Ann dixit<br></div>"
            "<blockquote class=gmail_quote>Shall we?</blockquote></div>",
            "Yes.",
        ),
        (
            f"<div class=gmail_quote><div class=gmail_attr>{ON}</div><blockquote class=gmail_quote>Shall we?</blockquote>"
            "<div>Yes.</div></div>",
            "Yes.",
        ),
        ("<div>See.</div><div class=gmail_quote>--- Forwarded message ---<br>From: Ann<br>Shall we?</div>", "See."),
        (
            "<div>Yes.</div><div id=appendonsend></div><hr><div id=divRplyFwdMsg><b>From:</b> Ann</div><div>Shall we?</div>",
            "Yes.",
        ),
        ("<div><div>Yes.</div><hr><div id=x_divRplyFwdMsg>From: Ann</div></div><div>Shall we?</div>", "Yes."),
        (
            "<div><p>Yes.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm'>"
            "<p><b>Von:</b> Ann<br><b>Gesendet:</b> heute</p></div></div><p>Shall we?</p></div>",
            "Yes.",
        ),
        ("<div>Yes.</div><div id=ydp1a2byahoo_quoted_12 class=ydp1a2byahoo_quoted>Shall we?</div>", "Yes."),
        ("<div>Yes.</div><div name=quote>Shall we?</div>", "Yes."),
        ("<div>Yes.</div><div class=protonmail_quote>Shall we?</div></body></html>footer", "Yes.\nfooter"),
        ("<blockquote>Shall we?</blockquote>", ""),
        ("<p>Yes.</p>" + "<blockquote>" * 5000 + "x", "Yes."),
    ],
)
def test_quotes(html: str, own: str) -> None:
    """What the usual mailers quote goes, with the line above it that says whose words these are."""
    assert markdown_of(without_html_quotes(html)) == own


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p>Yes.</p>",
        "<p>Look:</p><blockquote>A fine sentence.</blockquote><p>Is it not?</p>",
        f"<div>{ON}</div><blockquote type=cite>One?</blockquote><p>Yes.</p><blockquote type=cite>Two?</blockquote><p>No.</p>",
        "<div style='border:none;border-top:solid blue 1pt'>Yes.</div><p>And no.</p>",
        "<div>" * 400 + "Yes.<blockquote>Shall we?</blockquote>",
        "<p>Yes." * 40_000 + "<blockquote>Shall we?</blockquote>",
    ],
    ids=["empty", "none", "cited", "between", "framed", "deep", "large"],
)
def test_no_quotes(html: str) -> None:
    """The HTML is as it was where there is no quote, where it is not certain, and where it would take long to tell."""
    assert without_html_quotes(html) == html


@pytest.mark.parametrize(
    "html",
    [
        "<blockquote>" * (MIB // 12),
        "<blockquote>" * 19_000 + "</blockquote>" * 19_000,
        "<blockquote>x</blockquote>" * 19_000,
        ("<br>" * 29 + "<blockquote>x</blockquote>") * 1200,
        "<div class=gmail_quote>" * 290 + "<p>x</p>" * 19_000 + "<blockquote>x</blockquote>",
        "<p>" + "<i>x</i>" * 19_000 + "</p><blockquote>x</blockquote>",
        "<div>" * 290 + "<div id=divRplyFwdMsg>" + "<p>x" * 19_000,
        "border-top" * 100_000,
        "<div style='" + "border:none;" * 80_000,
    ],
    ids=["open", "closed", "flat", "breaks", "containers", "pieces", "begin", "words", "style"],
)
def test_time(html: str) -> None:
    """A mebibyte of HTML takes no second."""
    within(1, lambda: without_html_quotes(html))


@given(
    st.lists(
        st.sampled_from(
            ["<blockquote>", "</blockquote>", "<div class=gmail_quote>", "</div>", "<hr>", "<div id=divRplyFwdMsg>"]
        )
        | st.sampled_from(["x", "a@b.example wrote:", "<br>", "<p>", "</body>", "<b", "\0", "\ud800", "<!--"]),
        max_size=20,
    ).map("".join)
)
def test_any_html(html: str) -> None:
    """It answers for any HTML, and what is left can be read."""
    assert len(markdown_of(without_html_quotes(html)).encode()) < 1000


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<b>x</b> <i>y</i> <strong><em>z</em></strong>", "**x** *y* ***z***"),
        ("<p>one<br>two</p><ul><li>three</ul>", "one\ntwo\n\n- three"),
        ("<a href='https://example.org/'>here</a><script>x</script>", "[here](https://example.org/)"),
        ("<b" * 100_000, ""),
    ],
)
def test_markdown(html: str, markdown: str) -> None:
    """A program that renders Markdown sees bold and italic text as such."""
    assert markdown_of(html) == markdown


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Yes.\n-- \nBob\n\n-----Original Message-----\nShall we?", "Yes.\n-- \nBob"),
        ("-----Original Message-----\nShall we?", ""),
        ("Yes.\n\n**From:** Ann\n**Sent:** Thursday\n**To:** Bob\n**Subject:** x\n\nShall we?", "Yes."),
        ("Hi\n\n> One?\n\nYes.\n", "Hi\n\n> One?\n\nYes.\n"),
        ("> x\n" * 6000, "> x\n" * 6000),
    ],
)
def test_quotes_of_text(text: str, own: str) -> None:
    """Quotes go and the signature stays; nothing is left of a text that was one quote."""
    assert without_quotes(text) == own


def test_plain_text_alone() -> None:
    """The plain text of a mail can be had without the HTML that its reader may see instead."""
    parts = b"--b\r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n--b\r\n\r\nfooter\r\n--b--\r\n"
    mail = read_message(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts)
    assert (mail.plain, mail.text) == ("footer", "*x*\nfooter")
    assert read_message(b"Content-Type: text/html\r\n\r\nx").plain is None
