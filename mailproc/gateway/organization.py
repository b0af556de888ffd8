"""A Zulip organization by its REST API, as a bot of it sees it: https://zulip.com/api/rest.

Names of values are those that the oldest and the newest servers know: ``stream`` for a channel, ``uri`` beside ``url``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from mailproc import Transient
from mailproc.gateway.answer import Answer
from mailproc.gateway.http import Declined, Site, Visit
from mailproc.reading import one_line

PAGE = 5  # messages asked for together: of long ones, with four octets a character, less than an answer may have
PAGES = 40

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Refused(Exception):
    """Zulip understood us and says no; the text is its own, on one line."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of the organization, or a bot; ``name`` is theirs in full."""

    id: int
    name: str
    active: bool

    @property
    def mention(self) -> str:
        """The Markdown that names them and does not notify them; a full name holds nothing that could end it."""
        return f"@_**{self.name}|{self.id}**"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was written, in Markdown; ``sent_at`` in seconds since 1970."""

    id: int
    content: str
    sent_at: float


@dataclass(frozen=True, slots=True)
class Organization:
    """What we ask of it, as the bot ``email``. Every method raises `Transient` and, unless it says otherwise, `Refused`."""

    visit: Visit
    email: str
    api_key: str = field(repr=False)

    def send(self, form: Mapping[str, str]) -> int:
        """Send a message; answers its id."""
        return _number(self._asked("POST", "/messages", form), "id", self.visit.site)

    def upload(self, name: str, media_type: str, content: bytes) -> str:
        """Upload a file; answers the path at the server by which a message links to it."""
        from urllib3.filepost import encode_multipart_formdata

        body, kind = encode_multipart_formdata({"filename": (name, content, media_type)})
        answer = self._read(self.visit.ask("POST", "/api/v1/user_uploads", self._headers({"Content-Type": kind}), body))
        path = answer.get("url") or answer.get("uri")
        if not isinstance(path, str) or not path.startswith("/user_uploads/") or len(path) > 1000:
            raise Transient(f"{self.visit.site.called}: it says nothing of where the file is")
        return path

    def conversation(self, message: int) -> tuple[int, str] | None:
        """The channel's id and the topic where a message is now; None where there is no such message for us."""
        try:
            found = self._asked("GET", f"/messages/{message}", {"apply_markdown": "false", "allow_empty_topic_name": "true"})
        except Refused:
            return None
        told = found.get("message")
        match told if isinstance(told, dict) else {}:
            case {"stream_id": int(channel), "subject": str(topic)}:
                return channel, topic
        return None

    def user(self, who: str) -> User | None:
        """The user with this id or address; None for nobody."""
        try:
            return self._user(self._asked("GET", f"/users/{quote(who, safe='@')}", {}).get("user"))
        except Refused:
            return None

    def me(self) -> int:
        """Our own id."""
        return _number(self._asked("GET", "/users/me", {}), "user_id", self.visit.site)

    def messages(self, narrow: list[dict[str, object]]) -> Iterator[Message]:
        """The messages of a narrow, the newest first, as far as `PAGES` reach."""
        anchor, included = "newest", "true"
        for _ in range(PAGES):
            page = self._page({"anchor": anchor, "include_anchor": included, "narrow": json.dumps(narrow)})
            yield from page
            if len(page) < PAGE:
                return
            anchor, included = str(page[-1].id), "false"

    def _page(self, query: Mapping[str, str]) -> list[Message]:
        bounds = {"num_before": str(PAGE), "num_after": "0", "apply_markdown": "false", "client_gravatar": "true"}
        found = self._asked("GET", "/messages", {**query, **bounds}).get("messages")
        if not isinstance(found, list):
            raise Transient(f"{self.visit.site.called}: it says nothing of its messages")
        read = (_message(told) for told in found[:PAGE])
        return sorted((message for message in read if message), key=lambda message: -message.id)

    def _user(self, told: object) -> User | None:
        match told:
            case {"user_id": int(number), "full_name": str(name), "is_active": bool(active)}:
                return User(number, name, active)
        raise Transient(f"{self.visit.site.called}: it says nothing of the user")

    def _asked(self, method: str, endpoint: str, fields: Mapping[str, str]) -> dict[str, Any]:
        path, form = f"/api/v1{endpoint}", urlencode(fields)
        if method == "GET":
            return self._read(self.visit.ask(method, f"{path}?{form}" if form else path, self._headers({})))
        return self._read(self.visit.ask(method, path, self._headers(_FORM), form.encode("ascii")))

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Basic {basic(self.email, self.api_key)}", "User-Agent": "mailproc", **more}

    def _read(self, answer: Answer) -> dict[str, Any]:
        found = answer.object()
        if answer.status == 200 and found.get("result") == "success":
            return found
        if answer.status == 413:  # of the web server before Zulip, in HTML
            raise Refused("it is too large")
        if 400 <= answer.status < 500 and answer.status != 404 and found.get("result") == "error":
            raise Refused(one_line(str(found.get("msg"))))
        self.visit.log.error("%s does not answer as Zulip does: %d; check url", self.visit.site.called, answer.status)
        kind = Declined if answer.status >= 400 else Transient
        raise kind(f"{self.visit.site.called}: {answer.status}, which is no answer of Zulip's")


def basic(email: str, api_key: str) -> str:
    """The credentials as they stand in the header (RFC 7617)."""
    return b64encode(f"{email}:{api_key}".encode()).decode("ascii")


def _message(told: object) -> Message | None:
    match told:
        case {"id": int(number), "content": str(content), "timestamp": int(sent_at) | float(sent_at)}:
            return Message(number, content, float(sent_at))
    return None


def _number(answer: Mapping[str, object], name: str, site: Site) -> int:
    number = answer.get(name)
    if not isinstance(number, int):
        raise Transient(f"{site.called}: its answer has no {name}")
    return number
