"""A small OAuth 2.0 server on a free loopback port: a token endpoint (RFC 6749) and token introspection (RFC 7662).

::

    with TokenServer() as issuer:
        issuer.users["robot-id"] = "robot"
        ...
        assert [asked["grant_type"] for asked in issuer.asked] == ["client_credentials"]

It misbehaves when told to, which real servers do not. A relay that takes such tokens is here too.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from aiosmtpd.smtp import MISSING, SMTP, AuthResult

from tests.servers.certificates import Certificate
from tests.servers.relay import RelayServer

SECRET = "hush&client=secret+"
REFRESH = "1//first-refresh-token"


class TokenServer:
    """The server and its switches, which may be turned while it runs.

    ``users``      whose tokens a client gets, by the client's id
    ``lifetime``   what it says of a token's life
    ``rotates``    whether every use of a refresh token gives the next one and ends the one before (RFC 6749 section 6)
    ``answer``     instead of all of this: a status and a body, or what writes to the connection itself
    ``asked``      the form of every request to the token endpoint, with the client's id and secret wherever they stood
    ``asked_how``  the header of each
    ``tokens``     whose the good tokens are; ``refresh_tokens`` are those that may be used
    ``introspections``   every token that a mail server has asked about
    """

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.reset()
        self._lock = threading.Lock()
        self._certificate = certificate
        self._server = self._made()
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> TokenServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The URL of the token endpoint."""
        return f"https://localhost:{self.port}/token" if self._certificate else f"http://127.0.0.1:{self.port}/token"

    @property
    def introspection_url(self) -> str:
        """The URL at which a mail server asks whose a token is."""
        return f"http://127.0.0.1:{self.port}/introspect"

    def reset(self) -> None:
        """Turn all switches to where they were at first, and forget what was given and heard."""
        self.users: dict[str, str] = {}
        self.lifetime: object = 3600
        self.rotates = False
        self.answer: tuple[int, bytes] | Callable[[Any], None] | None = None
        self.asked: list[dict[str, str]] = []
        self.asked_how: list[dict[str, str]] = []
        self.tokens: dict[str, str] = {}
        self.refresh_tokens = {REFRESH}
        self.introspections: list[str] = []
        self.longest = 0

    def expire(self) -> None:
        """End every access token that was given."""
        self.tokens.clear()

    def _made(self) -> ThreadingHTTPServer:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                if self.path == "/introspect":
                    return self._send(200, json.dumps(issuer._introspected(form["token"])).encode())
                issuer.asked_how.append(dict(self.headers.items()))
                issuer.asked.append(form | _basic(self.headers.get("Authorization", "")))
                if callable(issuer.answer):
                    with suppress(OSError):
                        issuer.answer(self.wfile)
                    return None
                return self._send(*(issuer.answer or issuer._granted(issuer.asked[-1])))

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if 300 <= status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{issuer.port}/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if self._certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._certificate.certificate, self._certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return server

    def _granted(self, asked: dict[str, str]) -> tuple[int, bytes]:
        with self._lock:
            client = asked.get("client_id", "")
            if client not in self.users or asked.get("client_secret", SECRET) != SECRET:
                return 401, _error("invalid_client", "who is that?")
            given: dict[str, object] = {"token_type": "bearer", "expires_in": self.lifetime}
            if asked["grant_type"] == "refresh_token":
                if asked["refresh_token"] not in self.refresh_tokens:
                    return 400, _error("invalid_grant", "Token has been expired or revoked.")
                if self.rotates:
                    following = f"1//{secrets.token_urlsafe(24)}"
                    given["refresh_token"] = following
                    self.refresh_tokens = {following}
            token = "ya29." + secrets.token_urlsafe(self.longest or 24)
            self.tokens[token] = self.users[client]
            return 200, json.dumps({**given, "access_token": token}).encode()

    def _introspected(self, token: str) -> dict[str, object]:
        self.introspections.append(token)
        return {"active": token in self.tokens, "username": self.tokens.get(token, ""), "scope": "mail"}


class BearerRelay(RelayServer):
    """A relay that takes the tokens of a token server, and tells its error as RFC 7628 and Google have it.

    ``responses`` are the client's responses, and what it said to the error. Passwords are not for it.
    """

    def __init__(self, issuer: TokenServer, user: str, **options: Any) -> None:
        super().__init__(login=(user, ""), **options)
        self.issuer = issuer
        self.user = user
        self.hide = {"PLAIN", "LOGIN"}
        self.responses: list[bytes] = []
        self.error: bytes = b'{"status":"invalid_token","scope":"mail"}'

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """Google's mechanism."""
        return await self._authenticate(server, args, rf"user={re.escape(self.user)}\x01auth=Bearer (\S+)\x01\x01")

    async def auth_OAUTHBEARER(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """That of RFC 7628."""
        gs2 = rf"n,a={re.escape(self.user)},\x01host=[\w.]+\x01port={self.port}\x01"
        return await self._authenticate(server, args, rf"{gs2}auth=Bearer (\S+)\x01\x01")

    async def _authenticate(self, server: SMTP, args: list[str], form: str) -> AuthResult:
        response = base64.b64decode(args[1]) if len(args) > 1 else await server.challenge_auth("")
        if response is MISSING:
            return AuthResult(success=False, handled=True)
        self.responses.append(response)
        match = re.fullmatch(form, response.decode())
        if self.login_reply is None and match and self.issuer.tokens.get(match[1]) == self.user:
            return AuthResult(success=True)
        if self.login_reply is None:
            answer = await server.challenge_auth(self.error)
            self.responses.append(answer)
        return AuthResult(success=False, handled=False, message=self.login_reply)


def _basic(header: str) -> dict[str, str]:
    if not header.startswith("Basic "):
        return {}
    id, _, secret = base64.b64decode(header[6:]).decode().partition(":")
    return {"client_id": unquote_plus(id), "client_secret": unquote_plus(secret)}


def _error(code: str, description: str) -> bytes:
    return json.dumps({"error": code, "error_description": description}).encode()
