"""The words behind a token in an address."""

from dataclasses import fields

import pytest

from mailproc.gateway.options import OPTIONS, Options, read_options


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], Options()),
        (["show-sender"], Options(show_sender=True)),
        (["include-footer", "include-quotes"], Options(include_footer=True, include_quotes=True)),
        (["prefer-html"], Options(prefer_text=False)),
        (["prefer-html", "prefer-text"], Options()),
        (["Show-Sender", "bogus", ""], Options(show_sender=True)),
    ],
)
def test_words(words: list[str], options: Options) -> None:
    """Each word sets its option, the last of two wins, and other words say nothing."""
    assert read_options(words) == options


def test_defaults() -> None:
    """Without options neither sender nor footer is shown, quotes as the subject says, and text is preferred to HTML."""
    assert Options() == Options(show_sender=False, include_footer=False, include_quotes=None, prefer_text=True)


def test_every_option_has_a_word() -> None:
    """No option can be set by code alone."""
    assert {name for settings in OPTIONS.values() for name in settings} == {field.name for field in fields(Options)}
