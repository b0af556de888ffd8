"""A small Zulip organization on a free loopback port: the part of its REST API that the gateway uses, as it is published.

::

    with ZulipServer() as zulip:
        zulip.faults["POST /messages"] = [lost_answer]
        ...
        assert [message["content"] for message in zulip.messages] == ["Hello"]

It says what https://zulip.com/api has it say, errors with their codes, and misbehaves when told to, which a real one does not.
``ignored`` holds every parameter that it does not know: Zulip takes no offence at those either, but they are of no use.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers.certificates import Certificate

EMAIL = "mail-bot@chat.example.org"
KEY = "vD7rYpQ0c1aBkXw9TzEm4uHs6NfLgJ2i"

Said = tuple[int, dict[str, Any], dict[str, str]]
Fault = Callable[["Exchange"], Any]


class Error(Exception):
    """An error of the API: its words, its code, its status, and what else is told."""

    def __init__(self, words: str, code: str = "BAD_REQUEST", status: int = 400, **more: Any) -> None:
        super().__init__(words)
        self.status = status
        self.told = {"result": "error", "msg": words, "code": code, **more}


@dataclass
class Exchange:
    """One request, and how it is answered."""

    server: ZulipServer
    connection: BaseHTTPRequestHandler
    body: bytes

    def work(self) -> Said:
        """Do what is asked for; what is to be answered."""
        return self.server.said(self.connection, self.body)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send the answer."""
        self.connection.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.connection.send_header(name, value)
        self.connection.end_headers()
        self.connection.wfile.write(body)


def lost_answer(exchange: Exchange) -> None:
    """The request is done, and the connection ends without a word."""
    exchange.work()


def not_heard(exchange: Exchange) -> None:
    """The connection ends without a word, and nothing is done."""


def trickling(exchange: Exchange) -> None:
    """The request is done, and its answer comes by one octet now and then."""
    exchange.work()
    with suppress(OSError):
        exchange.connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not exchange.server.closing.wait(0.05):
            exchange.connection.wfile.write(b" ")


def answering(status: int, body: bytes = b"<html>no</html>", **headers: str) -> Fault:
    """A web server before Zulip answers, and nothing is done."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.answer(status, body, {"Content-Type": "text/html", **named})


def too_often(seconds: float) -> Fault:
    """The rate limit is hit."""

    def fault(exchange: Exchange) -> None:
        error = Error("API usage exceeded rate limit", "RATE_LIMIT_HIT", 429, **{"retry-after": seconds})
        exchange.answer(429, json.dumps(error.told).encode(), {"Retry-After": str(seconds)})

    return fault


@dataclass
class User:
    """A user or a bot."""

    id: int
    email: str
    full_name: str
    is_active: bool = True

    @property
    def told(self) -> dict[str, Any]:
        """As the API shows it."""
        shown = {"user_id": self.id, "email": self.email, "full_name": self.full_name, "is_active": self.is_active}
        return {**shown, "is_bot": self.email == EMAIL, "role": 400}


@dataclass
class Stream:
    """A channel; ``closed`` is why the bot may not post there."""

    id: int
    name: str
    closed: str = ""


@dataclass
class _State:
    users: list[User] = field(default_factory=lambda: [User(8, EMAIL, "Mail bot"), User(9, "ann@example.org", "Ann")])
    streams: list[Stream] = field(default_factory=lambda: [Stream(3, "general")])
    messages: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    largest_upload: int = 25 * 1024 * 1024
    key: str = KEY


class ZulipServer(_State):
    """The server; everything in `_State` may be read and changed while it runs.

    ``faults`` are, by endpoint ("POST /messages"), what happens to the next requests in place of an answer.
    """

    def __init__(self, certificate: Certificate | None = None) -> None:
        super().__init__()
        self.closing = threading.Event()
        self._ids = itertools.count(101)
        self._certificate = certificate
        self._server = self._made()
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> ZulipServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        """Make it as it was at first."""
        _State.__init__(self)

    def post(self, topic: str, content: str, stream: int = 3, sender: int = 8, sent_at: float = 0) -> int:
        """Put a message there; answers its id."""
        self.messages.append(self._made_message(self._user(str(sender)), self._stream(stream), topic, content))
        self.messages[-1]["timestamp"] = int(sent_at or time.time())
        return int(self.messages[-1]["id"])

    def said(self, connection: BaseHTTPRequestHandler, body: bytes) -> Said:
        """What Zulip says to this request."""
        try:
            return 200, {"result": "success", "msg": "", **self._done(connection, body)}, {}
        except Error as error:
            headers = {"WWW-Authenticate": 'Basic realm="zulip"'} if error.status == 401 else {}
            return error.status, error.told, headers

    def _made(self) -> ThreadingHTTPServer:
        zulip = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                zulip._exchange(self, self.rfile.read(int(self.headers["Content-Length"])))

            def do_GET(self) -> None:
                zulip._exchange(self, b"")

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if self._certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._certificate.certificate, self._certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return server

    def _exchange(self, connection: BaseHTTPRequestHandler, body: bytes) -> None:
        endpoint = f"{connection.command} {urlsplit(connection.path).path.removeprefix('/api/v1')}"
        self.asked.append(endpoint)
        exchange = Exchange(self, connection, body)
        if faults := self.faults.get(endpoint):
            faults.pop(0)(exchange)
            return
        status, told, headers = exchange.work()
        exchange.answer(status, json.dumps(told).encode(), {"Content-Type": "application/json", **headers})

    def _done(self, connection: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any]:
        parts = urlsplit(connection.path)
        if not parts.path.startswith("/api/v1/"):
            raise Error("Not found", status=404)
        self._authenticate(connection.headers.get("Authorization"))
        kind = connection.headers.get("Content-Type", "")
        endpoint = f"{connection.command} {parts.path.removeprefix('/api/v1')}"
        if endpoint == "POST /user_uploads":
            return self._upload(kind, body)
        if connection.command == "POST" and kind != "application/x-www-form-urlencoded":
            raise Error("Missing 'type' argument", "REQUEST_VARIABLE_MISSING", var_name="type")
        pairs = parse_qsl(parts.query or body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(parts.query or body))
        form = _Form(dict(pairs))
        done = self._answered(endpoint, form)
        self.ignored += form.unread
        return {**done, **({"ignored_parameters_unsupported": form.unread} if form.unread else {})}

    def _answered(self, endpoint: str, form: _Form) -> dict[str, Any]:
        if endpoint == "POST /messages":
            return self._send(form)
        if endpoint == "GET /messages":
            return self._messages(form)
        if endpoint == "POST /users/me/subscriptions":
            return self._subscribe(form)
        if endpoint == "GET /users/me":
            return self._user("8").told
        if found := re.fullmatch(r"GET /users/(.+)", endpoint):
            return {"user": self._user(unquote(found[1])).told}
        if found := re.fullmatch(r"GET /messages/(\d+)", endpoint):
            return self._message(int(found[1]), form)
        raise Error("Not found", status=404)

    def _authenticate(self, header: str | None) -> None:
        if header is None:
            raise Error("Not logged in: API authentication or user session required", "UNAUTHORIZED", 401)
        scheme, _, credentials = header.partition(" ")
        if scheme != "Basic":
            raise Error("This endpoint requires HTTP basic authentication.")
        email, _, key = base64.b64decode(credentials, validate=True).decode().partition(":")
        if not re.fullmatch("[A-Za-z0-9]{32}", key):
            raise Error("Malformed API key", "INVALID_API_KEY", 401)
        if (email, key) != (EMAIL, self.key):
            raise Error("Invalid API key", "INVALID_API_KEY", 401)

    def _upload(self, kind: str, body: bytes) -> dict[str, Any]:
        form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        files = [part for part in form.iter_parts() if part.get_filename() is not None]
        if form.get_content_type() != "multipart/form-data" or not files:
            raise Error("You must specify a file to upload")
        if len(files) != 1:
            raise Error("You may only upload one file at a time")
        name, content = files[0].get_filename() or "", files[0].get_payload(decode=True)
        if len(content) > self.largest_upload:
            raise Error(f"Uploaded file is larger than the allowed limit of {self.largest_upload >> 20} MiB")
        safe = re.sub(r"[^\w. -]", "", name.rsplit("/", 1)[-1]).strip().replace(" ", "-") or "uploaded-file"
        path = f"/user_uploads/2/{next(self._ids):02x}/{base64.urlsafe_b64encode(content[:9].ljust(9)).decode()}/{safe}"
        self.uploads[path] = (name, files[0].get_content_type(), content)
        return {"uri": path, "url": path, "filename": name}

    def _send(self, form: _Form) -> dict[str, Any]:
        kind, to, content = form.needed("type"), form.needed("to"), form.needed("content")
        form.get("read_by_sender", "queue_id", "local_id")
        if kind not in {"stream", "channel", "direct", "private"}:
            raise Error("Invalid type", "BAD_REQUEST")
        if "\0" in content:
            raise Error("Message must not contain null bytes")
        content = content.rstrip().lstrip("\n")
        if not content:
            raise Error("Message must not be empty")
        if len(content) > 10_000:
            content = content[: 10_000 - len("\n[message truncated]")] + "\n[message truncated]"
        place = self._conversation(to, form) if kind in {"direct", "private"} else self._topic(to, form)
        self.messages.append(self._made_message(self._user("8"), *place, content))
        return {"id": self.messages[-1]["id"], "automatic_new_visibility_policy": 0}

    def _topic(self, to: str, form: _Form) -> tuple[Stream, str]:
        stream = self._stream(_json_or_text(to))
        topic = form.needed("topic").strip()
        if not all(character.isprintable() for character in topic):
            raise Error("Invalid character in topic, at position 1!")
        if stream.closed:
            raise Error(stream.closed)
        return stream, topic if len(topic) <= 60 else f"{topic[:57]}..."

    def _conversation(self, to: str, form: _Form) -> tuple[list[User], str]:
        named = json.loads(to)
        if not isinstance(named, list) or len({type(each) for each in named} - {int, str}) or not named:
            raise Error("Recipient list may only contain user IDs or emails")
        if len({type(each) for each in named}) != 1:
            raise Error("Recipient lists may contain emails or user IDs, but not both.")
        users = [self._recipient(str(each)) for each in named]
        for user in users:
            if not user.is_active:
                raise Error(f"'{user.email}' is no longer using Zulip.")
        return users, ""

    def _recipient(self, named: str) -> User:
        try:
            return self._user(named)
        except Error:
            raise Error(f"Invalid user ID {named}" if named.isdigit() else f"Invalid email '{named}'") from None

    def _message(self, number: int, form: _Form) -> dict[str, Any]:
        form.get("apply_markdown", "allow_empty_topic_name")
        for message in self.messages:
            if message["id"] == number:
                return {"message": message, "raw_content": message["content"]}
        raise Error("Invalid message(s)")

    def _messages(self, form: _Form) -> dict[str, Any]:
        anchor, before, after = form.needed("anchor"), int(form.needed("num_before")), int(form.needed("num_after"))
        if form.get("apply_markdown") != ("false",):
            raise Error("this server knows no Markdown")
        included = json.loads(form.get("include_anchor")[0] or "true")
        form.get("client_gravatar")
        narrow = list(self._narrow(json.loads(form.get("narrow")[0] or "[]")))
        found = [message for message in self.messages if all(fits(message) for fits in narrow)]
        last = 10**16 if anchor == "newest" else int(anchor)
        older = [message for message in found if message["id"] < last]
        same = [message for message in found if message["id"] == last and included]
        shown = older[len(older) - min(before, len(older)) :] + same + [m for m in found if m["id"] > last][:after]
        return {"messages": shown, "anchor": last, "found_oldest": len(older) <= before, "found_newest": True}

    def _narrow(self, terms: Any) -> Iterator[Callable[[dict[str, Any]], bool]]:
        for term in terms:
            match term:
                case {"operator": "stream" | "channel", "operand": operand}:
                    stream = self._narrowed("channel", self._stream, operand)
                    yield lambda message, stream=stream: message.get("stream_id") == stream.id
                case {"operator": "topic", "operand": str(topic)}:
                    yield lambda message, topic=topic: message["subject"].lower() == topic.lower()
                case {"operator": "sender", "operand": operand}:
                    sender = self._narrowed("user", self._user, str(operand))
                    yield lambda message, sender=sender: message["sender_id"] == sender.id
                case {"operator": "dm", "operand": list(operand)}:
                    users = {self._narrowed("user", self._user, str(each)).id for each in operand} | {8}
                    yield lambda message, users=users: _users(message) == users
                case _:
                    raise Error(f"Invalid narrow operator: {term}", "BAD_NARROW")

    def _narrowed(self, what: str, find: Callable[[Any], Any], operand: Any) -> Any:
        try:
            return find(operand)
        except Error:
            raise Error(f"Invalid narrow operator: unknown {what} {operand}", "BAD_NARROW") from None

    def _subscribe(self, form: _Form) -> dict[str, Any]:
        wanted = [each["name"] for each in json.loads(form.needed("subscriptions"))]
        for name in wanted:
            if all(stream.name != name for stream in self.streams):
                self.streams.append(Stream(max(stream.id for stream in self.streams) + 1, name))
        return {"subscribed": {EMAIL: wanted}, "already_subscribed": {}}

    def _made_message(self, sender: User, to: Stream | list[User], topic: str, content: str) -> dict[str, Any]:
        told = {"id": next(self._ids), "sender_id": sender.id, "sender_email": sender.email, "content": content}
        told |= {"subject": topic, "timestamp": int(time.time()), "content_type": "text/x-markdown", "client": "mailproc"}
        if isinstance(to, Stream):
            return told | {"type": "stream", "stream_id": to.id, "display_recipient": to.name}
        users = {user.id: {"id": user.id, "email": user.email, "full_name": user.full_name} for user in (*to, sender)}
        return told | {"type": "private", "display_recipient": list(users.values())}

    def _stream(self, named: object) -> Stream:
        for stream in self.streams:
            if named == stream.id or (isinstance(named, str) and named.lower() == stream.name.lower()):
                return stream
        if isinstance(named, int):
            raise Error(f"Channel with ID '{named}' does not exist", "STREAM_DOES_NOT_EXIST", stream_id=named)
        raise Error(f"Channel '{named}' does not exist", "STREAM_DOES_NOT_EXIST", stream=named)

    def _user(self, named: str) -> User:
        for user in self.users:
            if named in {str(user.id), user.email}:
                return user
        raise Error("No such user")


class _Form:
    """The parameters of a request, and which of them were not read."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields
        self._read: set[str] = set()

    def needed(self, name: str) -> str:
        """Its value, which must be there."""
        self._read.add(name)
        if name not in self._fields:
            raise Error(f"Missing '{name}' argument", "REQUEST_VARIABLE_MISSING", var_name=name)
        return self._fields[name]

    def get(self, *names: str) -> tuple[str, ...]:
        """Their values, "" where there is none."""
        self._read |= set(names)
        return tuple(self._fields.get(name, "") for name in names)

    @property
    def unread(self) -> list[str]:
        """The names of the others."""
        return sorted(set(self._fields) - self._read)


def _users(message: dict[str, Any]) -> set[int]:
    return {user["id"] for user in message["display_recipient"]} if message["type"] == "private" else set()


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
