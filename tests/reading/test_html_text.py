"""The text of HTML: what is shown of it, how it is laid out, and that nothing takes long."""

import re
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailproc.reading.html import text_of_html
from tests.cost import within

MIB = 1024 * 1024
SIZE = 25 * MIB


def shown(html: str) -> str:
    """The text of HTML in which nothing is wrong."""
    text, defects = text_of_html(html)
    assert defects == ()
    return text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("   \n ", ""),
        ("plain", "plain"),
        ("<p>one\n  two</p><p>three</p>", "one two\n\nthree"),
        ("<div>one</div><div><br></div><div>two<br></div><div>three</div>", "one\n\ntwo\nthree"),
        ("one<br>two<br/><br>three", "one\ntwo\n\nthree"),
        ("<p class=MsoNormal>one<o:p></o:p></p><p class=MsoNormal>two</p>", "one\ntwo"),
        ("<p style='margin:0 0 0 0'>one</p><p style='margin: 0cm'>two</p>", "one\ntwo"),
        ("<p class=MsoNormal>one</p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>two</p>", "one\n\ntwo"),
        ("<h1>Title</h1>text<h3>Part</h3>", "# Title\n\ntext\n\n### Part"),
        ("do <b>not</b>, <i> really </i>not", "do *not*,  _really_ not"),
        ("<b style='font-weight:normal'>text</b> <b></b><b><strong>x</strong></b>", "text *x*"),
        ("<b>one<br>two</b>", "one\ntwo"),
        ("one<hr>two", "one\n\n---\n\ntwo"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "- a\n- b\n  - c\n- d\n\ne"),
        ("<ol start=9><li>a<br>b</li><li><p>c</p></li></ol>", "9. a\n   b\n10. c"),
        ("<ol start=none><li>a</ol><ol start=99999999999><li>a</ol><li>b", "1. a\n\n1. a\n\n- b"),
        ("<ul><li></ul><blockquote></blockquote><p></p>x", "x"),
        ("a<blockquote><p>b<p>c<blockquote>d</blockquote></blockquote>e", "a\n> b\n>\n> c\n>\n> > d\n\ne"),
        ("<blockquote><ul><li>a</ul></blockquote>", "> - a"),
        ("<pre>\n  if x:\n\n    y &lt; 1</pre>z", "  if x:\n\n    y < 1\n\nz"),
        ("<table><tr><th>A<th>B<tr><td>1<td><p>2</p><tr><td>3<td></table>", "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 |  |"),
        ("<table><tr><td>a<tr><td>b</table>", "a\nb"),
        ("<table role=presentation><tr><td>a<td>b</table>", "a\nb"),
        ("<table><tr><td>a<td><table><tr><td>1<td>2</table></table>", "a\n\n| 1 | 2 |\n| --- | --- |"),
        ("<img src=https://example.org/1.gif><img src=cid:1 alt=' a\n chart '>", "a chart"),
        ("&lt;b&gt; &amp;amp; &#228;&#x20ac;&nbsp;&bogus;", "<b> &amp; ä€ &bogus;"),
        ("*one* _two_ #3 [x](y)", "*one* _two_ #3 [x](y)"),
        ("<title>T</title><style>p {}</style><script>alert(1)</script><textarea>x</textarea>text", "text"),
        (
            "<!-- a --><!DOCTYPE html><?xml version='1.0' encoding='x'?><![if !mso]>text<![endif]><!--[if mso]>x<![endif]-->",
            "text",
        ),
        ("<?xml version='1.0' encoding='latin-1'?><html>é</html>", "é"),
        ("<meta charset=latin-1>é", "é"),
        ("<html><head>a</head>b<body>c</body></html>d", "abc\nd"),
        ("<body>a</body></html><html><body>b</body></html>", "a\nb"),
        ("a<p>&nbsp;</p>b<div><p>c</p></div><div>d</div>", "a\nb\n\nc\n\nd"),
        ("<div>one<br> two</div><div><div><br></div></div><div>three</div>", "one\ntwo\n\nthree"),
        ("<div><ul><li>a<li>b</ul></div><div>c</div>", "- a\n- b\n\nc"),
        ("<b><div>one</div></b>two<h1><img src=x></h1>", "one\ntwo"),
        ("<xmp>a</xmp><noscript>b</noscript> <math><mi>c</math>", "a\n\nb c"),
    ],
)
def test_layout(html: str, text: str) -> None:
    """Paragraphs, lines, lists, quotes, tables and headings read as they do on the screen."""
    assert shown(html) == text


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("<a href='https://example.org/'>here</a>", "[here](https://example.org/)"),
        ("see <a href=http://example.org> here </a>now", "see  [here](http://example.org) now"),
        ("<a href='https://evil.example/'>https://bank.example/</a>", "[https://bank.example/](https://evil.example/)"),
        ("<a href='https://example.org/'>https://example.org</a>", "https://example.org"),
        ("<a href='mailto:Ann@example.org'>ann@example.org</a>", "ann@example.org"),
        ("<a href='mailto:eve@example.net'>ann@example.org</a>", "[ann@example.org](mailto:eve@example.net)"),
        (
            "<a href='https://evil.example'>x](https://bank.example) [y</a>",
            "[x)(https://bank.example) (y](https://evil.example)",
        ),
        ("<a href='https://evil.example/)](x'>y</a>", "[y](https://evil.example/%29%5D%28x)"),
        ("<a href='https://b\u0430nk.example'>y</a>", "[y](https://b%D0%B0nk.example)"),
        ("<a href=' HTTPS://example.org/a b\n'>y</a>", "[y](HTTPS://example.org/a%20b)"),
        ("<a href='javascript:alert(1)'>y</a>", "y"),
        ("<a href='java\nscript:alert(1)'>y</a> <a href=data:text/html,x>z</a> <a href=cid:1>c</a>", "y z c"),
        ("<base href=https://evil.example><a href='/x'>y</a> <a href=//evil.example>z</a> <a name=x>n</a>", "y z n"),
        ("<a href=https://example.org/><img src=x></a>", ""),
        ("<a href=https://example.org/><img alt=Logo></a>", "[Logo](https://example.org/)"),
        ("<a href=https://example.org/><div>one</div><div>two</div></a>", "one\ntwo\n<https://example.org/>"),
    ],
)
def test_links(link: str, text: str) -> None:
    """A link shows where it leads, whatever its text says, and only where a browser should go."""
    assert shown(link) == text


@pytest.mark.parametrize(
    "hiding",
    [
        "style='display:none'",
        "style='color:red; DISPLAY : none !important'",
        "style='display:block;display:none'",
        "style='visibility:hidden'",
        "style='mso-hide:all'",
        "style='font-size:0'",
        "style='font-size:0.0px'",
        "style='opacity:0'",
        "style='max-height:0px;overflow:hidden'",
        "hidden",
        "hidden=until-found",
    ],
)
def test_hidden(hiding: str) -> None:
    """Text that a mail reader does not show is left out, and what stands behind it is not."""
    assert shown(f"<div {hiding}>no <b>no</b><img alt=no><br><hr></div>one <span {hiding}>no</span>two") == "one two"


@pytest.mark.parametrize(
    "html",
    [
        "<div style='display:none;display:block'>seen</div>",
        "<td style='font-size:0'><div style='font-size:13px'>seen</div>no</td>",
        "<td style='font-size:0'><div style='font-size:2em'>no</div><div style='font-size:1rem'>seen</div></td>",
        "<div title='hidden' class='display:none'>seen</div>",
        "<div style='overflow:hidden;max-height:9px;opacity:0.5'>seen</div>",
    ],
)
def test_shown(html: str) -> None:
    """What only looks as if it were hidden is read: newsletters set sizes to 0 and back within."""
    assert shown(html) == "seen"


def test_what_has_no_ink() -> None:
    """Controls, zero-width and bidirectional characters go, however they are written; blanks are blanks."""
    assert shown("a\0\x1b[2J\u200b\u202eb&#8238;&#x1b;&shy;&zwnj;&#127;\ufeffc&nbsp;\u2003d\u2028e\U000e0041") == "a[2Jbc  d e"


COMPLEX = f"<b {'x' * 5000}>"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one<br>two &lt; three</p>", "one\ntwo < three"),
        ("<div hidden>no<div>no</div>no</div>one<p style='display:none'>no<p>two", "one\ntwo"),
        ("<style>no</style><script>if (a<b) no</script><!-- no <p> -->one<input hidden>two", "one\ntwo"),
        ("<a title='>' href=\"javascript:x>\">one</a>&#99999999999999999999;", "one\ufffd"),
        ("one<p", "one"),
        ("one<!-- two", "one"),
        ("one<a b='two", "one"),
        ("one < two", "one < two"),
    ],
)
def test_too_complex(html: str, text: str) -> None:
    """HTML with too many tags is read without its layout, and hides what is plainly hidden all the same."""
    assert text_of_html(COMPLEX + html) == (text, ("html-too-complex",))


def test_what_the_parser_would_drop() -> None:
    """Text that is nested deeper than the parser goes, or stands in a tag with too many attributes, is not lost."""
    assert text_of_html("<div>" * 3000 + "text") == ("text", ("html-too-complex",))
    assert text_of_html("<p " + " ".join(f"a{n}" for n in range(9000)) + ">text") == ("text", ("html-too-complex",))


def test_embedded_images() -> None:
    """An image that stands in the HTML itself takes no room from the text."""
    assert shown(f"<img src='data:image/png;base64,{'A' * 900_000}'>text") == "text"


def test_text_is_cut() -> None:
    """Of long HTML the beginning is read, and no letter is cut in two."""
    text, defects = text_of_html("é" * 3 * MIB)
    assert (set(text), len(text.encode()), defects) == ({"é"}, MIB, ("html-cut",))
    assert text_of_html("<ul><li>" * 20 + "x<br>" * 30_000)[1] == ("html-cut",)


SHAPES: dict[str, Callable[[], str]] = {
    "deep divs": lambda: "<div>" * (SIZE // 5),
    "deep divs, closed": lambda: "<div>" * (SIZE // 11) + "</div>" * (SIZE // 11),
    "39,000 paragraphs": lambda: "<p>x" * 39_000,
    "unclosed attributes": lambda: '<a href="' * (SIZE // 9),
    "unclosed tags": lambda: "<a href=" * (SIZE // 8),
    "39,000 ends of lines": lambda: "x<br>" * 39_000,
    "9,000 links": lambda: "<a href=http://a>x</a> " * 9000,
    "39,000 paragraphs with a style": lambda: "<p style='color:red'>x" * 39_000,
    "chains of divs": lambda: ("<div>" * 140 + "x" + "</div>" * 140) * 70,
    "lines in deep quotes": lambda: "<blockquote>" * 140 + "<pre>" + "x\n" * 10_000,
    "lines in numbered lists": lambda: "<ol start=999999><li>" * 70 + "<pre>" + "x\n" * 20_000,
    "half a million lines in lists": lambda: "<ul><li>" * 3 + "<pre>" + "x\n" * 500_000,
    "a list of 2,500 numbers": lambda: "<ol>" + "<li>x" * 2500,
    "a list of 9,000 numbers": lambda: "<ol>" + "<li>x" * 9000,
    "a row of cells": lambda: "<table><tr>" + "<td>x" * 9900,
    "bodies of tables": lambda: "<table>" + "<tbody><tr><td>x<td>y" * 2400,
    "190,000 entities": lambda: "&lt;" * 190_000,
    "nested lists": lambda: "<ul><li>" * 3000,
    "a numbered list": lambda: "<ol>" + "<li>x" * 39_000,
    "a table of 10 MB": lambda: "<table>" + "<tr><td>one</td><td>two</td></tr>" * (10 * MIB // 33),
    "a table with one wide cell": lambda: f"<table><tr><td>{'x' * 400_000}<td>y" + "<tr><td>a<td>b" * 13_000,
    "nested tables": lambda: ("<table><tr><td>x" * 60 + "</table>" * 60) * 240,
    "named entities": lambda: "&a" * (SIZE // 2),
    "entities before a long text": lambda: "&amp;" * 9000 + "\u3042" * (SIZE - 45_000),
    "blanks that do not break": lambda: "\xa0" * SIZE,
    "huge numbers": lambda: "&#" + "1" * SIZE,
    "400,000 attributes": lambda: "<p " + " ".join(f"a{n}=1" for n in range(400_000)) + ">",
    "tags of 700 attributes": lambda: ("<p " + " ".join(f"a{n}" for n in range(700)) + ">x") * 300,
    "long styles": lambda: ("<p style='" + "display:" * 400 + "'>x") * 300,
    "unclosed comments": lambda: "<!--" * (SIZE // 4),
    "a million tags": lambda: "<i>x</i>" * 1_000_000,
    "open angles": lambda: "<" * SIZE,
    "blanks in a tag": lambda: "<a href" + " " * SIZE,
    "blanks": lambda: " " * SIZE,
    "lines": lambda: "<pre>" + "\n" * SIZE,
    "lines in quotes": lambda: "<blockquote>" * 60 + "<pre>" + "a\n" * 50_000,
    "many links": lambda: "<a href=http://a>x</a>" * 19_000,
    "foreign links": lambda: f"<a href='http://a/{'€' * 3000}'>x</a>" * 150,
    "nested links": lambda: "<a href=http://x><div>" * 900 + "word " * 200_000,
    "nested bold": lambda: ("<b>" * 900 + "</b>" * 900) * 33,
    "misnested": lambda: "<a><b><i><u>" * 10 + "<b><p></b>" * 13_000,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_time(shape: str) -> None:
    """HTML of this shape, up to 25 MB, takes at most two seconds; a text of at most 1 MiB comes of it."""
    html = SHAPES[shape]()
    text_of_html("<p>")
    text, _ = within(2, lambda: text_of_html(html))
    assert len(text.encode()) <= MIB


def test_nothing_is_warned_of() -> None:
    """HTML that is only an address or the name of a file is text, and the library says nothing of it to cron."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shown("https://example.org/") == "https://example.org/"
        assert shown("/etc/passwd") == "/etc/passwd"


def test_depth() -> None:
    """HTML that is nested as deep as replies to replies are is laid out."""
    quotes = "<div><blockquote><div>" * 45
    assert shown(quotes + "text") == "> " * 45 + "text"
    assert text_of_html(quotes + "<div>" * 20 + "text") == ("text", ("html-too-complex",))


@pytest.mark.parametrize("shape", ["9,000 links", "39,000 paragraphs with a style"])
def test_memory(shape: str) -> None:
    """The memory of Python objects stays far below what the mail may take; that of the parser is bounded by the tags."""
    html = SHAPES[shape]()
    text_of_html("<p>")
    tracemalloc.start()
    try:
        text_of_html(html)
        assert tracemalloc.get_traced_memory()[1] < 32 * MIB
    finally:
        tracemalloc.stop()


def test_nothing_is_imported_in_vain() -> None:
    """Reading mail without HTML imports no parser of HTML."""
    code = (
        "import sys; from mailproc.reading import read_message; "
        "assert read_message(b'Subject: x\\n\\nHello').text == 'Hello'; "
        "assert not {'lxml', 'nh3', 'markdownify', 'bs4', 'quotequail'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
pieces = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<div style='display:none'>",
        "</div>",
        "<table><tr><td>",
        "<td>",
        "</table>",
        "<ul>",
        "<li>",
        "</ul>",
        "<ol start=-1>",
        "<blockquote>",
        "</blockquote>",
        "<pre>",
        "</pre>",
        "<a href=https://x>",
        "</a>",
        "<b>",
        "</b>",
        "<br>",
        "<!--",
        "-->",
        "<![CDATA[",
        "<script>",
        "</script>",
        "<svg>",
        "<a b='",
        "'",
        '"',
        ">",
        "<",
        "&#27;",
        "&#8238;",
        "&lt;",
        "\0",
        "\x1b[31m",
        "\u202e",
        "\r\n",
        "x",
        " ",
    ]
)


@example("\ud800", False)
@given(st.one_of(st.text(), st.lists(pieces, max_size=60).map("".join)), st.booleans())
def test_any_html(html: str, complicated: bool) -> None:
    """Any HTML has a text; lines end with LF, and nothing else in it steers a terminal."""
    text, defects = text_of_html(COMPLEX + html if complicated else html)
    assert not FORBIDDEN.search(text)
    assert len(text.encode()) <= MIB
    assert ("html-too-complex" in defects) is complicated


@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=5))
def test_no_word_is_lost(words: list[str]) -> None:
    """What stands in paragraphs, quotes, items and cells is read, each word once and in its order."""
    wrapped = ("<p>{}</p>", "<blockquote>{}</blockquote>", "<ul><li>{}</ul>", "<table><tr><td>{}<td>z</table>", "<h2>{}</h2>")
    html = "".join(wrap.format(word) for wrap, word in zip(wrapped, words, strict=False))
    assert re.findall("[abc]+", shown(html)) == words
