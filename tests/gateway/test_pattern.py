"""The addresses of a gateway: what they say, and how they are written."""

from __future__ import annotations

import time

import pytest

from mailproc import Address
from mailproc.gateway.options import OPTIONS
from mailproc.gateway.pattern import ChannelAddress, ReplyAddress, read_pattern, slug_of
from mailproc.gateway.tokens import derived_token, new_token

TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
REPLY = f"mm{TOKEN}"


def decoded(address: str, pattern: str = "%s@chat.example.org", extra: tuple[str, ...] = ()) -> object:
    """What an address says to the gateway of a pattern."""
    return read_pattern(pattern, extra).decode(Address.parse(address))


@pytest.mark.parametrize(
    ("local", "options"),
    [
        (TOKEN, ()),
        (f"dev-help.{TOKEN}", ()),
        (f"dev-help+{TOKEN}", ()),
        (f"some_other_name.{TOKEN}", ()),
        (f"{TOKEN}.show-sender", ("show-sender",)),
        (f"dev-help.{TOKEN}+include-footer.show-sender+include-quotes", ("include-footer", "show-sender", "include-quotes")),
        (f"show-sender.{TOKEN}", ("show-sender",)),
        (f"dev-help.{TOKEN}.prefer-html.unknown-word", ("prefer-html",)),
        (f"Dev-Help.{TOKEN.upper()}.Show-Sender", ("show-sender",)),
    ],
)
def test_an_address_of_a_channel_has_a_token_and_options(local: str, options: tuple[str, ...]) -> None:
    """Dots and pluses separate alike, the name does not count, and upper and lower case are one."""
    assert decoded(f"{local}@chat.example.org") == ChannelAddress(TOKEN, options)


@pytest.mark.parametrize(
    "local",
    [
        "",
        "show-sender",
        "show-sender.include-quotes",
        ".",
        "+.+",
        "general",
        f"{TOKEN}x",
        TOKEN[:-1],
        f"{TOKEN}.unknown-word",
        f"a.b.{TOKEN}",
        f"<{TOKEN}",
        f"{TOKEN} ",
        f"{TOKEN}\n",
        TOKEN.replace("k", "\u212a"),
        "mmathers",
        f"{REPLY}x",
        REPLY[:-1],
        f"{REPLY}.show-sender",
    ],
)
def test_what_has_no_token_is_no_address(local: str) -> None:
    """Whatever stands there, it is answered for and raises nothing."""
    assert decoded(f"{local}@chat.example.org") is None


@pytest.mark.parametrize("local", [REPLY, REPLY.upper()])
def test_a_reply_address_is_mm_and_a_token(local: str) -> None:
    """It has 34 characters, and upper and lower case are one."""
    assert decoded(f"{local}@chat.example.org") == ReplyAddress(TOKEN)


@pytest.mark.parametrize(
    ("address", "pattern", "extra", "ours"),
    [
        (f"{TOKEN}@CHAT.example.org", "%s@chat.example.org", (), True),
        (f"{TOKEN}@chat.example.org", "%s@Chat.Example.Org", (), True),
        (f"{TOKEN}@chat.example.org.evil.example", "%s@chat.example.org", (), False),
        (f"{TOKEN}@evil.example", "%s@chat.example.org", (), False),
        (f"{TOKEN}@chatxexample.org", "%s@chat.example.org", (), False),
        (f"{TOKEN}", "%s@chat.example.org", (), False),
        (f"{TOKEN}@old.example.net", "%s@chat.example.org", ("old.example.net",), True),
        (f"{TOKEN}@oldxexample.net", "%s@chat.example.org", ("old.example.net",), False),
        (f"chat+{TOKEN}@example.org", "chat+%s@example.org", (), True),
        (f"Chat+{TOKEN}@example.org", "chat+%s@example.org", (), True),
        (f"chat+dev.{TOKEN}+show-sender@example.org", "chat+%s@example.org", (), True),
        (f"{TOKEN}@example.org", "chat+%s@example.org", (), False),
        (f"chaat{TOKEN}@example.org", "chat+%s@example.org", (), False),
        (f"{TOKEN}-in@example.org", "%s-in@example.org", (), True),
        ("aa@example.org", "a%sa@example.org", (), False),
        ("a@example.org", "a%sa@example.org", (), False),
    ],
)
def test_an_address_has_the_whole_form(address: str, pattern: str, extra: tuple[str, ...], ours: bool) -> None:
    """What only begins like one is none; the domain's letters have no case, and its dots are dots."""
    assert (decoded(address, pattern, extra) is not None) is ours


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "%s",
        "@example.org",
        "chat@example.org",
        "%s%s@example.org",
        "%s@",
        "%s@%s",
        "chat@%s",
        "%s@exa mple.org",
        "(%s@example.org",
        "%s@-example.org",
        "a@%s@example.org",
        "%s@example.org\n",
        "\u00e4%s@example.org",
        f"{'a' * 31}%s@example.org",
        "%s@" + "a" * 64,
    ],
)
def test_a_pattern_is_checked_at_the_start(pattern: str) -> None:
    """The error names the option and shows how it is written."""
    with pytest.raises(ValueError, match=r"^pattern: "):
        read_pattern(pattern)


def test_extra_domains_are_domains() -> None:
    """An @ in front is the habit of another program, and is named."""
    with pytest.raises(ValueError, match=r"^extra_domains: '@example.org' is no domain"):
        read_pattern("%s@chat.example.org", ["@example.org"])


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("general", "general"),
        ("dev. help", "dev-help"),
        ("Dev  Help!", "dev-help"),
        ("\u0105\u0119\u017c\u0107", "aezc"),
        ("\u00dcber uns", "uber-uns"),
        ("snake_case", "snake_case"),
        ("\u0422\u0435\u0441\u0442\u043e\u0432\u044b some letters", ""),
        ("stra\u00dfe", ""),
        ("!!!", ""),
        ("", ""),
        ("show sender", ""),
        ("Include Quotes", ""),
    ],
)
def test_a_slug_is_the_whole_name_in_ascii_or_nothing(name: str, slug: str) -> None:
    """A name that would lose letters, or be read as an option, is left out."""
    assert slug_of(name) == slug


@pytest.mark.parametrize("name", ["general", "dev. help", "show-sender", "\u0422\u0435\u0441\u0442", "n" * 200, ".+.", ""])
@pytest.mark.parametrize("options", [(), ("show-sender",), ("include-footer", "prefer-html")])
@pytest.mark.parametrize("pattern", ["%s@chat.example.org", "chat+%s@example.org", f"{'p' * 5}%s@example.org"])
def test_what_is_written_is_read_again(name: str, options: tuple[str, ...], pattern: str) -> None:
    """Whatever a channel is called, and the local part has at most 64 octets (RFC 5321 section 4.5.3.1.1)."""
    form = read_pattern(pattern)
    address = form.channel_address(TOKEN, name, options)
    assert form.decode(Address.parse(address)) == ChannelAddress(TOKEN, options)
    assert len(Address.parse(address).local) <= 64
    assert form.decode(Address.parse(form.reply_address(TOKEN))) == ReplyAddress(TOKEN)


def test_the_options_that_there_are_fit_not_all_into_one_address() -> None:
    """Mail servers need not take a longer local part, so it is not made."""
    with pytest.raises(ValueError, match="would have 91 octets, and may have 64; leave out options"):
        read_pattern("chat+%s@example.org").channel_address(
            TOKEN, "general", [word for word in OPTIONS if word != "prefer-text"]
        )


def test_every_option_is_told_in_an_address() -> None:
    """Each of them alone."""
    assert {option: decoded(f"{TOKEN}.{option}@chat.example.org") for option in OPTIONS} == {
        option: ChannelAddress(TOKEN, (option,)) for option in OPTIONS
    }


@pytest.mark.parametrize("local", ["a" * 1_000_000, ".+" * 500_000, "show-sender." * 80_000, f"{TOKEN}." * 30_000])
def test_a_long_local_part_costs_no_time(local: str) -> None:
    """It is no address."""
    began = time.process_time()
    assert decoded(f"{local}@chat.example.org") is None
    assert time.process_time() - began < 0.5


def test_tokens_are_of_the_form_that_is_read() -> None:
    """Those that are drawn, none of them twice, and those that are derived."""
    tokens = {new_token() for _ in range(200)} | {derived_token(b"k" * 32, "a", str(number)) for number in range(200)}
    assert len(tokens) == 400
    assert all(decoded(f"{token}@chat.example.org") == ChannelAddress(token) for token in tokens)


def test_words_of_a_derived_token_do_not_run_together() -> None:
    """Another split of the same letters is another token, and so is another key."""
    key = b"k" * 32
    tokens = {
        derived_token(key, "ab", "c"),
        derived_token(key, "a", "bc"),
        derived_token(key, "abc"),
        derived_token(b"l" * 32, "abc"),
    }
    assert len(tokens) == 4
    assert derived_token(key, "ab", "c") == derived_token(key, "ab", "c")
