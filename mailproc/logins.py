"""How we log in at a server: with a password, or with an access token from where the configuration says."""

from __future__ import annotations

from collections.abc import Callable

from mailproc.errors import SettingsError
from mailproc.settings import Maildrop, Oauth2, Smtp, first_given
from mailproc.transport import Bearer, Login


def login_of(section: Maildrop | Smtp, key: str) -> Login:
    """The login for a section of the configuration; ``key`` is what an error calls it, as ``maildrop main``.

    A password is read at once, a token when it is needed. Raises `SettingsError` for a password that there is none of, or
    whose file may be read by others, `Away` when its command fails.
    """
    match section.auth:
        case "password":
            return password_of(section, key)
        case "xoauth2":
            return Bearer("XOAUTH2", _tokens(section, key))
        case "oauthbearer":
            return Bearer("OAUTHBEARER", _tokens(section, key))


def password_of(section: Maildrop | Smtp, key: str) -> str:
    """The password for a section; ``key`` and errors are those of `login_of`."""
    given = first_given(f"{key}.password", section.password, section.password_file, section.password_command)
    if given is None:
        raise SettingsError(f"{key}.password_file: is missing; give it, or password_command")
    return given


def _tokens(section: Maildrop | Smtp, key: str) -> Callable[[bool], str]:
    if section.oauth2 is not None:
        return _asked(section.oauth2)
    return lambda fresh: _given(section, key)


def _given(section: Maildrop | Smtp, key: str) -> str:
    """The token that the operator's own program or file has; asking again is all that can be done for a fresh one."""
    from mailproc.oauth2 import is_token  # only who has no password pays for it

    token = first_given(f"{key}.token", section.token, section.token_file, section.token_command)
    if token is None:
        raise SettingsError(f"{key}.oauth2: is missing; give it, or token_file or token_command")
    if not is_token(token):
        raise SettingsError(f"{key}.token_file: what is given there is no access token; it must be one word of ASCII")
    return token


def _asked(section: Oauth2) -> Callable[[bool], str]:
    from mailproc.oauth2 import Client  # as above
    from mailproc.oauth2.cache import Cache
    from mailproc.oauth2.tokens import Tokens

    key = f"oauth2.{section.name}"
    client = Client(
        name=key,
        token_url=section.token_url,
        client_id=section.client_id,
        grant=section.grant,
        scope=section.scope,
        client_auth=section.client_auth,
        client_secret=lambda: first_given(
            f"{key}.client_secret", section.client_secret, section.client_secret_file, section.client_secret_command
        ),
        refresh_token=lambda: first_given(f"{key}.refresh_token", section.refresh_token, section.refresh_token_file),
        ca_file=str(section.ca_file) if section.ca_file else None,
    )
    return Tokens(client, Cache(section.cache))
