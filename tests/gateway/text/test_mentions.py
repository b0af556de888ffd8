"""Text of strangers made harmless for the people in a chat."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailproc.gateway.text.characters import BREAK
from mailproc.gateway.text.mentions import defused, defused_line
from tests.cost import within

MILLION = 1_000_000
SHOWN = "·"  # how the invisible break is written here


def seen(text: str) -> str:
    """The text made harmless, with its breaks to be seen."""
    return defused(text).replace(BREAK, SHOWN)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("@**all** @**everyone** @**channel** @**topic**", "@·**all** @·**everyone** @·**channel** @·**topic**"),
        ("@**Ann** @**Ann|12** @*group* @_*group*", "@·**Ann** @·**Ann|12** @·*group* @·_*group*"),
        ("@_**Ann|12** [said](https://chat.example.org/1):", "@·_**Ann|12** [said](https://chat.example.org/1):"),
        ("@all,@here;@channel @everyone @room", "@·all,@·here;@·channel @·everyone @·room"),
        ("<!channel> <!here> <!subteam^S1>", "<·!channel> <·!here> <·!subteam^S1>"),
        ("<@U123> <@!123> <@&123> <#C1>", "<·@·U123> <·@·!123> <·@·&123> <·#C1>"),
        ("@ann @ann:example.org (@ann)", "@·ann @·ann:example.org (@·ann)"),
        ("&#64;all &#064;all &#x40;all &commat;all", "&·#64;all &·#064;all &·#x40;all &·commat;all"),
        (r"\@all `@all`", r"\@·all `@·all`"),
        ("ann.@all -@room.example ann@bob", "ann.@·all -@·room.example ann@·bob"),
        ("x@here.example x@room.example.org x@ALL.example", "x@·here.example x@·room.example.org x@·ALL.example"),
        ("https://example.org/@ann?x=@**all**", "https://example.org/%40ann?x=%40**all**"),
    ],
)
def test_nobody_is_notified(text: str, harmless: str) -> None:
    """No mention of a chat's is one any more, in whatever disguise."""
    assert seen(text) == harmless


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.org",
        "Ann <ann.lee+x@mail.example.org>, bob@münchen.example",
        "mailto:ann@example.org <mailto:ann@example.org>",
        "https://example.org/?to=ann@example.org <https://example.org/a>",
        "[site](https://example.org/a_(b)?c=d#e) [us](mailto:ann@example.org)",
        "[https://example.org](https://www.example.org/x) [ann@example.org](mailto:ann@example.org?subject=x)",
        "[a](http://a.example) [note] [b [c]](http://b.example)\n\n`x` [`d`](https://d.example)",
        "1 < 2 > 1, <3, a<-b, a && b &amp; c",
        "#**channel>topic** $$x^2$$ :smile: **bold** *italic* ~~gone~~",
        "# Title\n\n- one\n  - two\n\n> quoted\n\n| a | b |\n| --- | --- |",
        "and/or, 1/2, see /usr/bin\n/me too",
        "what! [x] ok",
        "שלום \u200fx\u200e",
        "\U0001f468\u200d\U0001f469",
        "",
    ],
)
def test_what_harms_nobody_stays(text: str) -> None:
    """Addresses and links can be clicked, and what people write is left as it is."""
    assert defused(text) == text


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("<b>x</b> <img src=https://example.net/x.png>", "<·b>x<·/b> <·img src=https://example.net/x.png>"),
        ("<!-- a --> <?x?> <![CDATA[a]]> </p>", "<·!-- a --> <·?x?> <·!·[CDATA[a]]> <·/p>"),
        ("<https://evil.example|https://bank.example>", "<·https://evil.example|https://bank.example>"),
        ("<time:2026-11-21T10:00Z> <:smile:1>", "<·time:2026-11-21T10:00Z> <·:smile:1>"),
        ("<script\n>", "<·script\n>"),
    ],
)
def test_raw_html(text: str, harmless: str) -> None:
    """Tags and commands in angle brackets are text."""
    assert seen(text) == harmless


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("[x](javascript:alert(1))", "[x]·(javascript:alert(1))"),
        ("[x](java&#115;cript:1) [x](<javascript:1>)", "[x]·(java&#115;cript:1) [x]·(<·javascript:1>)"),
        ("[x](data:text/html,x) [x](//evil.example) [x](/logout)", "[x]·(data:text/html,x) [x]·(//evil.example) [x]·(/logout)"),
        ('[x](https://evil.example "', '[x]·(https://evil.example "'),
        (r"[x](https://evil.example\) y", r"[x]·(https://evil.example\) y"),
        ("[x]: javascript:alert(1)", "[x]·: javascript:alert(1)"),
        ("[x]:\n  javascript:alert(1)", "[x]·:\n  javascript:alert(1)"),
        ("[https://bank.example](https://evil.example)", "[https://bank.example]·(https://evil.example)"),
        (
            "[https://bank.example](https://bank.example@evil.example)",
            "[https://bank.example]·(https://bank.example@evil.example)",
        ),
        ("[https://bank.example [x] (y)](http://evil.example)", "[https://bank.example [x] (y)]·(http://evil.example)"),
        ("[www.bank.example](mailto:eve@example.net)", "[www.bank.example]·(mailto:eve@example.net)"),
        ("[ann@example.org](mailto:eve@example.net)", "[ann@example.org]·(mailto:eve@example.net)"),
        ("[https://bank.example][x]\n\n[x]: https://evil.example", "[https://bank.example][x]\n\n[x]·: https://evil.example"),
        ("[https://bank.example]: https://evil.example", "[https://bank.example]·: https://evil.example"),
        (
            "[a](http://a.example) [https://b.example](http://e.example)",
            "[a](http://a.example) [https://b.example]·(http://e.example)",
        ),
    ],
)
def test_links(text: str, harmless: str) -> None:
    """A link leads to the web or to a mail program, is whole, and leads not elsewhere than it says."""
    assert seen(text) == harmless


@pytest.mark.parametrize(
    "label",
    [
        "https://bank.example",
        "https:\u200b//bank.example",
        "h\u200dttps://bank.example",
        "www\u2060.bank.example",
        "https:\ufe0f//bank.example",
        r"https\://bank.example",
        "https:&#47;/bank.example",
        "https&colon;//bank.example",
        "https:&#x200b;//bank.example",
        "**https:**//bank.example",
        "ht*tp*s://bank.example",
        "`https:`//bank.example",
        "\uff48ttps\uff1a//bank.example",
        "https://evil.example or https://bank.example",
        "https://bank.example" + "\u00a0" * 300,
        "https://bank.example [x]" + " " * 300,
        r"https://bank.example \](https://bank.example) foo",
        r"https://bank.example \](https://bank.example) [foo] x",
        r"https://bank.example \](https://bank.example) \[foo x",
        r"https://bank.example \](https://bank.example) `[`foo",
        "https://bank.example `](https://bank.example)` foo",
        "https://bank.example <https://x.example/[> foo",
        "<https://bank.example>",
        "`<https://bank.example>",
        "https://bank.example `[` " + "x" * 600,
        "ann@example.org",
        "ann\u200b@example.org",
        r"ann\@example.org",
    ],
)
def test_a_label_that_lies(label: str) -> None:
    """However a host or an address is written, or hidden from a program, a link to another one is none."""
    for target in ("https://evil.example/bank.example", "https://evil.example?https://bank.example", "mailto:eve@example.net"):
        assert seen(f"[{label}]({target})").endswith(f"]·({target})")


def test_a_target_that_lies() -> None:
    """Entities in a target are what a browser makes of them."""
    for dot in ("&#46;", "&period;", "&#x2e;"):
        assert "]·(" in seen(f"[https://bank.example](https://bank.example{dot}evil.example/)")


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("![](https://tracker.example/x.png)", "[image](https://tracker.example/x.png)"),
        ("![logo](https://tracker.example/x.png)", "!·[logo](https://tracker.example/x.png)"),
        ("!![a][b]\n\n[b]: https://tracker.example/x.png", "!!·[a][b]\n\n[b]·: https://tracker.example/x.png"),
    ],
)
def test_images(text: str, harmless: str) -> None:
    """An image is a link, which nobody's program follows by itself."""
    assert seen(text) == harmless


@pytest.mark.parametrize("command", ["/me sighs", "/poll Lunch?", "/todo", "\n /me sighs"])
def test_commands(command: str) -> None:
    """A command at the beginning of the text is text."""
    assert seen(command) == command.replace("/", f"{SHOWN}/")


def test_characters() -> None:
    """What is no text for a chat, or turns its direction, is left out; every line ends with LF."""
    assert defused("a\0b\ud800c\x1bd\u202ee\u2066f\ufffeg\r\nh\ri\u2028j\tk") == "abcdefg\nh\ni\nj\tk"


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("a\n@all", "a @·all"),
        ("Bug in `foo()`", "Bug in 'foo()'"),
        ("```", "'''"),
        ("[x](https://evil.example)", "[x]·(https://evil.example)"),
        ("Ann <ann@example.org>", "Ann <ann@example.org>"),
        ("/me", "·/me"),
        ("  a \t b\u202e ", "a b"),
    ],
)
def test_lines(text: str, harmless: str) -> None:
    """A name or a subject is one line without links of its own and without code."""
    assert defused_line(text).replace(BREAK, SHOWN) == harmless


PIECES = [
    "@",
    "a@a.",
    "<a@",
    "<https://",
    "](",
    "](http://(",
    "[a@a.a](mailto:b@b.b)",
    "[`a`](http://b)",
    "[a&amp;[](http://b)",
    "[[]](http://b)",
    "]: \n",
    "```x\n~~~\n",
    "http://a@",
    "\0",
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_huge_text(piece: str) -> None:
    """A million characters take less than a second."""
    text = (piece * (MILLION // len(piece) + 1))[:MILLION]
    within(1, lambda: defused(text))


HOSTILE = st.lists(
    st.sampled_from(
        [
            *"@<>![]()&/`~\\:\n \t\0a1",
            "ann@example.org",
            "all",
            "**",
            "http://",
            "mailto:",
            "```",
            "~~~",
            "quote",
            "#64;",
            BREAK,
            "\ud800",
        ]
    ),
    max_size=30,
).map("".join)


@given(HOSTILE | st.text(max_size=100))
@example("```\n~~~\n```` x\n```")
@example("~~~ ~~~\n/me")
def test_any_text(text: str) -> None:
    """It answers for any text, changes nothing the second time, and what it answers can be sent."""
    once = defused(text)
    assert defused(once) == once
    assert once.encode().decode() == once
    line = defused_line(text)
    assert defused_line(line) == line
    assert len(line.splitlines()) <= 1


@given(HOSTILE, st.sampled_from(["@**all**", "<!channel>", "@room", "@_**Ann**"]), HOSTILE)
def test_any_text_around_a_mention(before: str, mention: str, after: str) -> None:
    """No neighbours make a mention live again."""
    assert mention not in defused(f"{before}{mention}{after}")
