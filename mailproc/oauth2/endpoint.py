"""A token endpoint (RFC 6749 section 3.2): what is asked of it, and what its answers mean."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus, urlencode, urlsplit

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.oauth2 import LONGEST_LIFE, Client, Granted, is_token
from mailproc.oauth2.http import LONGEST_ANSWER, Answer, post
from mailproc.reading.display import one_line

UNSAID = 300.0  # seconds that a token lives whose lifetime the server does not tell

_REFRESH_TOKEN = re.compile(r"[\x20-\x7e]{1,16384}")  # appendix A.17; it is sent to the endpoint alone

# Errors that pass by themselves, of RFC 6749 section 4.1.2.1 and RFC 8628 section 3.5.
_PASSING = {"temporarily_unavailable", "server_error", "slow_down"}

# What mends an error of RFC 6749 section 5.2; ``{key}`` is the section of the configuration.
_REMEDIES = {
    "invalid_client": "check {key}.client_id and the client's secret, which may have expired",
    "unauthorized_client": "check {key}.grant, and what this client may do there",
    "unsupported_grant_type": "check {key}.grant and {key}.token_url",
    "invalid_scope": "check {key}.scope",
}
_NEW_LOGIN = "authorize the client anew, and give the new refresh token as {key}.refresh_token_file"


def ask(client: Client, secret: str | None, refresh_token: str | None) -> Granted:
    """A new access token; ``secret`` is the client's, ``refresh_token`` for the grant of this name (RFC 6749 sections 4.4.2
    and 6).

    Raises `LoginRefused` when the endpoint says no for good, `Away` when it cannot be asked or answers what is no answer.
    """
    if secret is None and (client.grant == "client_credentials" or client.client_auth == "basic"):
        raise SettingsError(f"{client.name}.client_secret_file: is missing; give it, or client_secret_command")
    form = {"grant_type": client.grant, "refresh_token": refresh_token, "scope": client.scope}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    proof = _basic(client.client_id, secret or "")
    if client.client_auth == "basic":
        headers["Authorization"] = f"Basic {proof}"
    else:
        form |= {"client_id": client.client_id, "client_secret": secret}
    body = urlencode({name: value for name, value in form.items() if value is not None}).encode()
    try:
        answer = post(client.token_url, body, headers, client.ca_file)
    except Away as away:
        raise Away(f"{client.name}.token_url: {away}") from None
    except SettingsError as error:
        raise SettingsError(f"{client.name}.{error}") from None
    return _understood(client, answer, [text for text in (secret, refresh_token, proof if secret else None) if text])


def _basic(client_id: str, secret: str) -> str:
    return base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def _understood(client: Client, answer: Answer, secrets: Sequence[str]) -> Granted:
    where = f"{client.name}.token_url: {urlsplit(client.token_url).hostname}"
    if 300 <= answer.status < 400:
        raise Away(f"{where} answers {answer.status}, and a redirect is not followed: it would carry the secret on; check it")
    said = _object(answer.body)
    if answer.status == 429 or answer.status >= 500:
        raise Away(f"{where} answers {answer.status}{_told(said, secrets)}; it is asked again by the next run")
    if error := _text(said, "error"):
        if error in _PASSING:
            raise Away(f"{where} says{_told(said, secrets)}; it is asked again by the next run")
        raise LoginRefused(f"{where} says{_told(said, secrets)}; {_remedy(client, error)}")
    if answer.status == 401:
        raise LoginRefused(f"{where} answers 401; {_remedy(client, 'invalid_client')}")
    token = _text(said, "access_token")
    if answer.status != 200 or not is_token(token):
        raise Away(f"{where} answers {answer.status} and what is no answer of a token endpoint; check it")
    if _text(said, "token_type").lower() not in {"", "bearer"}:
        raise Away(f"{where} gives tokens of another type than bearer, which no mail server takes; check it")
    refresh_token = _REFRESH_TOKEN.fullmatch(_text(said, "refresh_token"))
    return Granted(token, _lifetime(said.get("expires_in")), refresh_token and refresh_token[0])


def _remedy(client: Client, error: str) -> str:
    again = _NEW_LOGIN if client.grant == "refresh_token" else "check what {key} names"
    return _REMEDIES.get(error, again).format(key=client.name)


def _object(body: bytes) -> Mapping[str, object]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _text(said: Mapping[str, object], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _lifetime(said: object) -> float:
    """``expires_in`` within bounds; some servers give it as a text."""
    text = str(said) if isinstance(said, int | float | str) and not isinstance(said, bool) else ""
    digits = re.match(r"[0-9]{1,18}", text)
    return min(float(digits[0]), LONGEST_LIFE) if digits else UNSAID


def _told(said: Mapping[str, object], secrets: Sequence[str]) -> str:
    """The server's own words with a blank before them, or nothing; a server that repeats our secrets shows none of them."""
    words = ": ".join(text for name in ("error", "error_description") if (text := _text(said, name)))
    words = one_line(words, LONGEST_ANSWER)  # first, so that nothing invisible parts a secret, and nothing cuts one
    for secret in secrets:
        for form in (secret, quote_plus(secret)):
            words = words.replace(form, "***")
    return f" {one_line(words)}" if words else ""
