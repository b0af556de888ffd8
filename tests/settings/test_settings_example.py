"""The commented example: it loads, it has every key, and what it states as defaults is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from mailproc.settings import After, Dkim, Domain, Limits, Log, Maildrop, Oauth2, Openpgp, Serve, Settings, Smtp, load

TOP = Path(__file__).parents[2]
SECTIONS = (Settings, Maildrop, After, Smtp, Oauth2, Openpgp, Dkim, Log, Limits, Serve, Domain)
FILLED_BY_THE_PROGRAM = {"password", "token", "client_secret", "refresh_token", "cache"}

# A login is one of these ways alone: what is left out for each.
LOGINS = {
    "password": {"auth", "oauth2", "token_file", "token_command"},
    "token": {"oauth2", "password_file", "password_command"},
    "oauth2": {"token_file", "token_command", "password_file", "password_command"},
}


def example(folder: Path, *, login: str | None = None) -> Settings:
    """The settings that the example gives, with the commented keys too if a ``login`` is said."""
    text = (TOP / "mailproc/settings/example.toml").read_text()
    if login:
        text = re.sub(r"(?m)^# (?=\w+ = |\[handler|\[oauth2|\[serve)", "", text)
        text = re.sub(rf"(?m)^(?:{'|'.join(LOGINS[login])}) = .*\n", "", text)
    (folder / "mailproc.toml").write_text(text)
    return load(folder / "mailproc.toml", {})


def test_the_example_has_every_key() -> None:
    """Every key that a configuration may hold stands in the example, live or commented."""
    text = (TOP / "mailproc/settings/example.toml").read_text()
    keys = {field.encode_name for section in SECTIONS for field in fields(section)} - {"file", *FILLED_BY_THE_PROGRAM}
    written = set(re.findall(r"(?m)^(?:# )?\[*(\w+)", text)) | set(re.findall(r"(\w+) =", text))
    assert keys - written == set()


@pytest.mark.parametrize("login", LOGINS)
def test_the_example_loads_with_every_key(tmp_path: Path, login: str) -> None:
    """Also with all of its comments taken away from the keys, it is a valid configuration."""
    settings = example(tmp_path, login=login)
    assert settings.answers == tmp_path / "answers"
    assert settings.log.file == tmp_path / "mailproc.log"
    (maildrop,) = settings.maildrops
    assert maildrop.password_command[:1] == (("pass",) if login == "password" else ())
    assert maildrop.token_command[:1] == (("oauth2-token",) if login == "token" else ())
    assert (maildrop.oauth2 is settings.oauth2["office"]) == (login == "oauth2")
    assert settings.handlers["notes"]["use"] == "notes.mail:Notes"


def test_what_the_example_sets_are_the_defaults(tmp_path: Path) -> None:
    """A live line may be deleted without a change, except for what only the operator knows."""
    settings = example(tmp_path)
    (tmp_path / "mailproc.toml").write_text('[[maildrop]]\nurl = "maildir:x"\n[domains."x.example"]\nhandler = "x"\n')
    bare = load(tmp_path / "mailproc.toml", {})
    for key in ("database", "archive", "state", "max_size", "openpgp", "dkim", "log", "limits", "answers"):
        assert getattr(settings, key) == getattr(bare, key), key
    for key in ("name", "recipient_headers", "after", "ca_file", "allow_plaintext"):
        assert getattr(settings.maildrops[0], key) == getattr(bare.maildrops[0], key), key
    for key in ("drop", "trust"):
        assert getattr(settings.domains["bugs.example.org"], key) == getattr(bare.domains["x.example"], key), key


def test_the_example_at_the_top_is_the_shipped_one() -> None:
    """There is one source: what `mailproc init` writes is what the reader of the repository sees."""
    assert (TOP / "mailproc.example.toml").read_bytes() == (TOP / "mailproc/settings/example.toml").read_bytes()
