"""Access tokens of one client: the kept one for as long as it lives, else a new one."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from hashlib import sha256

from mailproc.errors import SettingsError
from mailproc.oauth2 import LONGEST_LIFE, Client
from mailproc.oauth2.cache import Cache, Kept
from mailproc.oauth2.exchange import undisturbed

MARGIN = 60.0  # seconds before its end at which a token is renewed


class Tokens:
    """What gives access tokens to a login; used by one thread, while other processes may use the same cache.

    Cron starts a new process every minute, so that only the cache knows what was asked before. A refresh token that the
    endpoint gives in exchange is used from then on, until the operator gives another one than it descends from.
    """

    def __init__(self, client: Client, cache: Cache) -> None:
        self._client = client
        self._cache = cache
        self._given = ""

    def __call__(self, fresh: bool) -> str:
        """An access token; a ``fresh`` one is not the one that was given before, or in a refused login of this process.

        Raises `Away`, `LoginRefused` or `SettingsError`.
        """
        first = self._first_refresh_token()
        kept = self._cache.read()
        if not self._good(kept, first, fresh):
            with self._cache.locked():
                kept = self._cache.read()  # another process may have been quicker
                if not self._good(kept, first, fresh):
                    kept = self._renewed(kept, first, fresh)
        self._given = kept.access_token
        return kept.access_token

    def _first_refresh_token(self) -> str | None:
        if self._client.grant != "refresh_token":
            return None
        if token := self._client.refresh_token():
            return token
        raise SettingsError(f"{self._client.name}.refresh_token_file: is missing; give it")

    def _good(self, kept: Kept, first: str | None, fresh: bool) -> bool:
        refused = fresh and self._given in ("", kept.access_token)
        # What lives longer than any token was kept by a clock that has been put back since.
        lives = MARGIN < kept.expires_at - time.time() <= LONGEST_LIFE
        return lives and not refused and kept.asked == self._asked(first)

    def _renewed(self, kept: Kept, first: str | None, fresh: bool) -> Kept:
        from mailproc.oauth2.endpoint import ask  # a run that has a token pays for no client of HTTP

        origin = _digest(self._client.token_url, self._client.client_id, first)
        inherited = kept.refresh_token if first and kept.origin == origin else ""
        if fresh:  # the mail server has refused it: whatever the endpoint says now, no later run tries it again
            with self._cache.writing() as write:
                write(replace(kept, access_token="", expires_at=0.0))
        secret = self._client.client_secret()  # now: a command that prints it must not inherit that signals wait
        with undisturbed(), self._cache.writing() as write:
            granted = ask(self._client, secret, inherited or first)
            renewed = Kept(
                asked=self._asked(first),
                access_token=granted.access_token,
                expires_at=time.time() + granted.lifetime,
                origin=origin,
                refresh_token=granted.refresh_token or inherited if first else "",
            )
            write(renewed)
        return renewed

    def _asked(self, first: str | None) -> str:
        client = self._client
        return _digest(client.token_url, client.client_id, client.grant, client.scope, first)


def _digest(*parts: str | None) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()
