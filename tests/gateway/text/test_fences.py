"""Fenced blocks of code end where the text does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.gateway.text.fences import closed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "```\ncode\n```",
        "~~~\ncode\n~~~\n",
        "````\n```\n````",
        "```python\n~~~\n```\ntext",
        "a ``` b",
        "```code```",
        "> ```",
    ],
)
def test_closed_blocks_stay(text: str) -> None:
    """A block that is closed is left as it is, and so is what is no fence."""
    assert closed(text) == text


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("```\ncode", "```\ncode\n```"),
        ("a\n~~~~ x\ncode\n~~~", "a\n~~~~x\ncode\n~~~\n~~~~"),
        ("```\n```\n```", "```\n```\n```\n```"),
        ("  ```\ncode\n    ```", "```\ncode\n```"),
        ("```\ncode\n``````", "```\ncode\n```"),
        ("```some words\ncode", "```\nsome words\ncode\n```"),
        ("```{.quote}\nx\n```", "```\n{.quote}\nx\n```"),
        ("- ```\ncode\n```", "- ```\ncode\n```\n```"),
    ],
)
def test_blocks_are_closed(text: str, whole: str) -> None:
    """A block ends with exactly the fence that began it, at the latest at the end of the text."""
    assert closed(text) == whole


@pytest.mark.parametrize("language", ["quote", "Quoted", "spoiler"])
def test_no_words_of_others(language: str) -> None:
    """No block shows a stranger's words as somebody else's, or hides them."""
    assert closed(f"```{language}\nI quit.\n```") == "```text\nI quit.\n```"


@given(
    st.lists(st.sampled_from(["```", "````", "~~~", "  ~~~~", "``` x", "~~~ ~", "```a b", "text", ""]), max_size=12).map(
        "\n".join
    )
)
def test_any_blocks(text: str) -> None:
    """Closing is done once, and a line that is added is outside of every block."""
    whole = closed(text)
    assert closed(whole) == whole
    assert closed(f"{whole}\n[file](https://example.org)") == f"{whole}\n[file](https://example.org)"
