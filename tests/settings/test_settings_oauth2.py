"""Logins with OAuth 2.0 in the configuration: what is read, where secrets come from, and every mistake in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailproc.errors import SettingsError
from mailproc.logins import login_of
from mailproc.settings import Oauth2, Settings, load
from mailproc.transport import Bearer

OFFICE = """
[oauth2.office]
token_url = "https://login.example.com/tenant/token"
client_id = "robot-id"
"""
CREDENTIALS = OFFICE + 'grant = "client_credentials"\nclient_secret_file = "secret"\n'
REFRESH = OFFICE + 'grant = "refresh_token"\nrefresh_token_file = "token"\n'
DROP = '[[maildrop]]\nurl = "imaps://robot@imap.example.com/INBOX"\n'
SMTP = '[smtp]\nurl = "smtps://robot@smtp.example.com"\nfrom = "robot@example.org"\n'
ASKS = 'auth = "xoauth2"\noauth2 = "office"\n'


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    """A configuration of this text."""
    file = folder / "mailproc.toml"
    file.write_text(text)
    return load(file, environ)


def secret(folder: Path, name: str, content: str) -> None:
    """A file for its user alone."""
    (folder / name).touch(mode=0o600)
    (folder / name).write_text(content)


def token(login: object, fresh: bool = False) -> str:
    """What a login gives for a token."""
    assert isinstance(login, Bearer)
    return login.token(fresh)


def test_a_section_is_read_and_named_by_others(tmp_path: Path) -> None:
    """A maildrop and the relay may share one; its tokens lie in the state folder."""
    settings = loaded(
        tmp_path, f'{DROP}{ASKS}{SMTP}{ASKS.replace("xoauth2", "oauthbearer")}{CREDENTIALS}scope = "a b"\nca_file = "ca.pem"'
    )
    assert settings.oauth2 == {
        "office": Oauth2(
            name="office",
            cache=tmp_path / "state/tokens/office",
            token_url="https://login.example.com/tenant/token",
            client_id="robot-id",
            grant="client_credentials",
            scope="a b",
            client_secret_file=tmp_path / "secret",
            ca_file=tmp_path / "ca.pem",
        )
    }
    assert settings.smtp is not None
    (maildrop,) = settings.maildrops
    assert maildrop.oauth2 is settings.smtp.oauth2 is settings.oauth2["office"]
    logins = login_of(maildrop, "maildrop main"), login_of(settings.smtp, "smtp")
    assert [login.mechanism for login in logins if isinstance(login, Bearer)] == ["XOAUTH2", "OAUTHBEARER"]


def test_the_tokens_follow_the_state_folder(tmp_path: Path) -> None:
    """Also where the environment moves it."""
    settings = loaded(tmp_path, CREDENTIALS, MAILPROC_STATE="/run/mailproc")
    assert settings.oauth2["office"].cache == Path("/run/mailproc/tokens/office")


def test_the_environment_gives_secrets_and_single_values(tmp_path: Path) -> None:
    """With the name of the section in upper case and _ for -; it goes before the files."""
    text = REFRESH.replace("oauth2.office", "oauth2.my-office") + DROP + 'auth = "xoauth2"\n'
    settings = loaded(
        tmp_path,
        text,
        MAILPROC_OAUTH2_MY_OFFICE_CLIENT_SECRET="hush-client",
        MAILPROC_OAUTH2_MY_OFFICE_REFRESH_TOKEN="hush-refresh",
        MAILPROC_OAUTH2_MY_OFFICE_CLIENT_ID="other-id",
        MAILPROC_MAILDROP_MAIN_TOKEN="hush-access",
    )
    office = settings.oauth2["my-office"]
    assert office.client_secret is not None
    assert office.refresh_token is not None
    assert (office.client_id, office.client_secret.reveal(), office.refresh_token.reveal()) == (
        *("other-id", "hush-client", "hush-refresh"),
    )
    assert token(login_of(settings.maildrops[0], "maildrop main")) == "hush-access"
    assert "hush" not in f"{settings!r} {settings} {settings.oauth2} {settings.maildrops}"


def test_the_environment_names_the_section(tmp_path: Path) -> None:
    """As any other single value."""
    settings = loaded(
        tmp_path, DROP + CREDENTIALS, MAILPROC_MAILDROP_MAIN_AUTH="xoauth2", MAILPROC_MAILDROP_MAIN_OAUTH2="office"
    )
    assert settings.maildrops[0].oauth2 is settings.oauth2["office"]


def test_a_token_file_is_read_for_every_login(tmp_path: Path) -> None:
    """Some other program writes it anew; also relative to systemd's credentials."""
    (tmp_path / "creds").mkdir()
    secret(tmp_path / "creds", "t", "ya29.first\nmore\n")
    maildrop = loaded(
        tmp_path, DROP + 'auth = "oauthbearer"\ntoken_file = "t"', CREDENTIALS_DIRECTORY=str(tmp_path / "creds")
    ).maildrops[0]
    login = login_of(maildrop, "maildrop main")
    assert token(login) == token(login, fresh=True) == "ya29.first"
    secret(tmp_path / "creds", "t", "ya29.second\n")
    assert token(login, fresh=True) == "ya29.second"


def test_a_token_command_is_run_for_every_login(tmp_path: Path) -> None:
    """Its first line is the token."""
    maildrop = loaded(tmp_path, DROP + "auth = 'xoauth2'\ntoken_command = ['sh', '-c', 'echo ya29.$$; echo more']").maildrops[0]
    login = login_of(maildrop, "maildrop main")
    assert token(login).startswith("ya29.")
    assert token(login, fresh=True) != token(login)


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("ya29.x", 0o644, "maildrop main.token_file: others may read or write it; type: chmod o-rwx "),
        ("", 0o600, "first line is empty"),
        ("two words", 0o600, "maildrop main.token_file: what is given there is no access token; it must be one word of ASCII"),
        ("ya29\x01auth=", 0o600, "no access token"),
        ("tökén", 0o600, "no access token"),
        ("x" * 20_000, 0o600, "no access token"),
    ],
)
def test_a_token_file_of_no_use_is_named(tmp_path: Path, content: str, mode: int, says: str) -> None:
    """By the same rules as a password's, and what could not be sent is not."""
    secret(tmp_path, "t", content)
    (tmp_path / "t").chmod(mode)
    maildrop = loaded(tmp_path, DROP + 'auth = "xoauth2"\ntoken_file = "t"').maildrops[0]
    with pytest.raises(SettingsError, match=re.escape(says)):
        token(login_of(maildrop, "maildrop main"))


def test_no_token_at_all_is_said_when_one_is_needed(tmp_path: Path) -> None:
    """The configuration loads without one, so that commands that log in nowhere work."""
    maildrop = loaded(tmp_path, DROP + 'auth = "xoauth2"').maildrops[0]
    with pytest.raises(SettingsError, match=r"^maildrop main\.oauth2: is missing; give it, or token_file or token_command$"):
        token(login_of(maildrop, "maildrop main"))


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The client's and the refresh token's file, before anybody is asked."""
    for text, key, name in ((CREDENTIALS, "client_secret_file", "secret"), (REFRESH, "refresh_token_file", "token")):
        (tmp_path / name).write_text("hush")
        (tmp_path / name).chmod(0o604)
        maildrop = loaded(tmp_path, DROP + ASKS + text).maildrops[0]
        (tmp_path / "state").mkdir(exist_ok=True)
        with pytest.raises(SettingsError, match=rf"oauth2\.office\.{key}: others may read .* chmod o-rwx {tmp_path}/{name}$"):
            token(login_of(maildrop, "maildrop main"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (DROP + 'auth = "oauth"', "maildrop[0].auth: 'oauth' is not one of password, xoauth2, oauthbearer"),
        (DROP + 'oauth2 = "office"\n' + CREDENTIALS, "maildrop[0].oauth2: has no use with a password; write auth = "),
        (DROP + 'token_file = "x"', "maildrop[0].token_file: has no use with a password; write auth = "),
        (
            DROP + ASKS + 'password_file = "x"' + CREDENTIALS,
            'maildrop[0].password_file: has no use with auth = "xoauth2"; remove it',
        ),
        (
            DROP + ASKS + 'token_file = "x"' + CREDENTIALS,
            "maildrop[0].token_file: has no use beside oauth2; remove one of them",
        ),
        (DROP + ASKS, "maildrop[0].oauth2: there is no section [oauth2.office]; write one"),
        (
            DROP + ASKS.replace("office", "ofice") + CREDENTIALS,
            "maildrop[0].oauth2: there is no section [oauth2.ofice]; did you mean office?",
        ),
        (DROP + "oauth2 = 7", "maildrop[0].oauth2: must be a text"),
        (DROP + "token = 'hush'", "maildrop[0].token: a secret must not stand in the configuration; use token_file"),
        (
            "[[maildrop]]\nurl = 'imap://robot@imap.example.com'\nallow_plaintext = true\n" + ASKS + CREDENTIALS,
            "maildrop[0].url: sends the token in the clear; use TLS or STARTTLS",
        ),
        (
            SMTP.replace("robot@smtp", "smtp") + ASKS + CREDENTIALS,
            'smtp.url: there is no user name, and auth = "xoauth2" needs one',
        ),
        (SMTP + 'auth = "xoauth2"\npassword_command = ["x"]', "smtp.password_command: has no use with auth"),
        ("oauth2 = 1", "oauth2: must be written [oauth2.NAME]"),
        ("[oauth2]\noffice = 1", "oauth2.office: must be a table; write [oauth2.NAME]"),
        ("[oauth2.office]", "oauth2.office.token_url: is missing"),
        (OFFICE, "oauth2.office.grant: is missing"),
        (OFFICE + "grant = 'password'", "oauth2.office.grant: 'password' is not one of client_credentials, refresh_token"),
        (CREDENTIALS + "refresh_token_file = 'x'", "oauth2.office.refresh_token_file: has no use with grant = "),
        (CREDENTIALS + "client_auth = 'x'", "oauth2.office.client_auth: 'x' is not one of body, basic"),
        (
            CREDENTIALS + "client_secret = 'hush'",
            "oauth2.office.client_secret: a secret must not stand in the configuration; use client_",
        ),
        (
            REFRESH + "refresh_token = 'hush'",
            "oauth2.office.refresh_token: a secret must not stand in the configuration; use refresh_",
        ),
        (CREDENTIALS + "scop = 'x'", "oauth2.office.scop: there is no such key; did you mean scope?"),
        (CREDENTIALS + "name = 'x'", "oauth2.office.name: there is no such key; remove it"),
        (CREDENTIALS + "cache = 'x'", "oauth2.office.cache: there is no such key; remove it"),
        (CREDENTIALS.replace("office", '"../x"'), "oauth2.../x: the name of a section must be of letters, digits, - and _"),
        (CREDENTIALS.replace("office", '"a\\nb"'), "oauth2.a\\nb: the name of a section must be of letters"),
        (
            CREDENTIALS + CREDENTIALS.replace("office", "OFFICE"),
            "oauth2: 'OFFICE' is taken by another [oauth2.NAME]; give each",
        ),
        ("state = 'x://y'\n" + CREDENTIALS, "state: 'x://y' is not a file or folder on this machine"),
        *(
            (CREDENTIALS.replace("https://login.example.com/tenant/token", url), f"oauth2.office.token_url: {says}")
            for url, says in (
                ("http://login.example.com/token", "http: sends secrets in the clear; use https:"),
                ("ftp://login.example.com", "must be https://HOST/PATH"),
                ("https:///token", "must be https://HOST/PATH"),
                ("https://a:b@login.example.com/", "neither a user name nor a # may stand in it"),
                ("https://login.example.com/#x", "neither a user name nor a # may stand in it"),
                ("https://login.example.com:99999/", "the port must be a number from 1 to 65535"),
                ("https://login.example.com/a b", "a URL must be of visible ASCII"),
                ("https://lögin.example.com/", "a URL must be of visible ASCII"),
                ("https://login.example.com/\\r\\nX: y", "a URL must be of visible ASCII"),
            )
        ),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    """The error is one printable line that begins with the file, and shows no secret."""
    with pytest.raises(SettingsError, match=re.escape(says)) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/mailproc.toml: ")
    assert str(caught.value).isprintable()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/token", "http://[::1]/token", "http://localhost/token"])
def test_a_token_endpoint_on_this_machine_needs_no_tls(tmp_path: Path, url: str) -> None:
    """Nobody else hears it."""
    settings = loaded(tmp_path, CREDENTIALS.replace("https://login.example.com/tenant/token", url))
    assert settings.oauth2["office"].token_url == url
