"""A Zulip organization by its REST API, as a bot of it sees it: https://zulip.com/api/rest.

Names of values are those that the oldest and the newest servers know: ``stream`` for a channel, ``uri`` beside ``url``.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from mailproc import Away, Transient
from mailproc.gateway.targets.http import Declined, Visit
from mailproc.gateway.targets.response import Response

PAGE = 20  # messages asked for together: of long ones, with four octets a character, less than an answer may have
PAGES = 150  # in one try: Zulip lets a bot ask 200 times a minute

_SURROGATE = re.compile("[\ud800-\udfff]")
_ELSEWHERE = {404, 405, 410}  # as a wrong URL has it
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_LARGEST_NUMBER = 2**63
_LONGEST_TEXT = 1000  # characters of a name or a topic
_ENDS_MENTION = re.compile(r"[*`\\\n]")  # what Zulip lets no full name have, and what would end a mention
# In English, which we ask for. Another refusal, such as that a bot of this type may not ask, says nothing of what there is.
_UNKNOWN = re.compile(r"No such user|Invalid message\(s\)|unknown (?:channel|stream|user)\b|does not exist")


class Refused(Exception):
    """Zulip understood us and says no; the text is its own, on one line."""

    @property
    def is_unknown(self) -> bool:
        """Whether it says that there is no such user, channel or message."""
        return _UNKNOWN.search(str(self)) is not None


@dataclass(frozen=True, slots=True)
class User:
    """A user of the organization, or a bot; ``name`` is theirs in full."""

    id: int
    name: str
    active: bool

    @property
    def mention(self) -> str:
        """The Markdown that names them and does not notify them."""
        return f"@_**{self.name}|{self.id}**"


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as it was written, in Markdown; ``sent_at`` in seconds since 1970."""

    id: int
    content: str
    sent_at: int


@dataclass(frozen=True, slots=True)
class Organization:
    """What we ask of it, as the bot ``email``. Every method raises `Transient` and, unless it says otherwise, `Refused`."""

    visit: Visit
    email: str
    api_key: str = field(repr=False)

    def send(self, form: Mapping[str, str]) -> int:
        """Send a message; answers its id."""
        return self._number(self._asked("POST", "/messages", form).get("id"))

    def upload(self, name: str, media_type: str, content: bytes) -> str:
        """Upload a file; answers the path at the server by which a message links to it."""
        from urllib3.filepost import encode_multipart_formdata

        body, kind = encode_multipart_formdata({"filename": (name, content, media_type)})
        answer = self._read(self.visit.ask("POST", "/api/v1/user_uploads", self._headers({"Content-Type": kind}), body))
        path = self._text(answer.get("url") or answer.get("uri"))
        if not path.startswith("/user_uploads/"):
            raise self._senseless()
        return path

    def conversation(self, message: int) -> tuple[int, str] | None:
        """The channel's id and the topic where a message is now; None where there is no such message for us."""
        query = {"apply_markdown": "false", "allow_empty_topic_name": "true"}
        found = self._known("GET", f"/messages/{message}", query)
        told = found.get("message") if found else None
        match told:
            case {"stream_id": channel, "subject": topic}:
                return self._number(channel), self._text(topic)
        return None

    def user(self, who: str) -> User | None:
        """The user with this id or address; None for nobody."""
        found = self._known("GET", f"/users/{quote(who, safe='@')}", {})
        if found is None:
            return None
        match found.get("user"):
            case {"user_id": number, "full_name": name, "is_active": bool(active)}:
                return User(self._number(number), self._name(name), active)
        raise self._senseless()

    def me(self) -> int:
        """Our own id."""
        return self._number(self._asked("GET", "/users/me", {}).get("user_id"))

    def messages(self, narrow: list[dict[str, object]], before: int | None) -> Iterator[Posted]:
        """The messages of a narrow, the newest first, all of them or those ``before`` this id.

        Raises `Transient` where it has more than `PAGES` of them.
        """
        for _ in range(PAGES):
            page, is_last = self._page(narrow, before)
            yield from page
            if is_last:
                return
            before = page[-1].id
        raise Transient(f"{self.visit.service.called}: it has very many messages; the search goes on later")

    def without_refusal(self, refusal: Refused) -> Transient:
        """What becomes of a refusal that costs no mail: the operator has to see to it."""
        self.visit.log.error("%s does not answer what we have to know: %s", self.visit.service.called, refusal)
        return Transient(f"{self.visit.service.called}: it does not answer what we have to know")

    def _page(self, narrow: list[dict[str, object]], before: int | None) -> tuple[list[Posted], bool]:
        """Messages, and whether there are no older ones."""
        anchor = {
            "anchor": "newest" if before is None else str(before),
            "include_anchor": "true" if before is None else "false",
        }
        bounds = {"num_before": str(PAGE), "num_after": "0", "apply_markdown": "false", "client_gravatar": "true"}
        found = self._asked("GET", "/messages", {**anchor, **bounds, "narrow": json.dumps(narrow)})
        match found:
            case {"messages": list(told), "found_oldest": bool(is_last)} if told or is_last:
                page = sorted(map(self._message, told), key=lambda message: -message.id)
                return page, is_last
        raise self._senseless()

    def _message(self, told: object) -> Posted:
        match told:
            case {"id": number, "content": str(content), "timestamp": sent_at}:
                return Posted(self._number(number), content, self._number(sent_at))
        raise self._senseless()

    def _known(self, method: str, endpoint: str, fields: Mapping[str, str]) -> dict[str, Any] | None:
        """The answer; None where there is no such thing."""
        try:
            return self._asked(method, endpoint, fields)
        except Refused as refusal:
            if refusal.is_unknown:
                return None
            raise self.without_refusal(refusal) from None

    def _asked(self, method: str, endpoint: str, fields: Mapping[str, str]) -> dict[str, Any]:
        path, form = f"/api/v1{endpoint}", urlencode(fields)
        if method == "GET":
            return self._read(self.visit.ask(method, f"{path}?{form}" if form else path, self._headers({})))
        return self._read(self.visit.ask(method, path, self._headers(_FORM), form.encode("ascii")))

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        credentials = f"Basic {basic(self.email, self.api_key)}"
        return {"Authorization": credentials, "User-Agent": "mailproc", "Accept-Language": "en", **more}

    def _read(self, answer: Response) -> dict[str, Any]:
        found = answer.object()
        if answer.status == 200 and found.get("result") == "success":
            return found
        if answer.status == 413:  # of the web server before Zulip, in HTML
            raise Refused("it is too large")
        if 400 <= answer.status < 500 and answer.status not in _ELSEWHERE and found.get("result") == "error":
            raise Refused(answer.shown(str(found.get("msg"))))
        self.visit.log.error("%s does not answer as Zulip does: %d; check url", self.visit.service.called, answer.status)
        kind = Declined if answer.status >= 400 else Away
        raise kind(f"{self.visit.service.called}: {answer.status}, which is no answer of Zulip's")

    def _number(self, told: object) -> int:
        """An id or a time that can be one; JSON has true and numbers of a thousand digits as well."""
        if isinstance(told, int) and not isinstance(told, bool) and 0 < told < _LARGEST_NUMBER:
            return told
        raise self._senseless()

    def _text(self, told: object) -> str:
        """A name that can be written in UTF-8."""
        if isinstance(told, str) and len(told) <= _LONGEST_TEXT and not _SURROGATE.search(told):
            return told
        raise self._senseless()

    def _name(self, told: object) -> str:
        name = self._text(told)
        if _ENDS_MENTION.search(name):
            raise self._senseless()
        return name

    def _senseless(self) -> Away:
        return Away(f"{self.visit.service.called}: its answer makes no sense")


def basic(email: str, api_key: str) -> str:
    """The credentials as they stand in the header (RFC 7617)."""
    return b64encode(f"{email}:{api_key}".encode()).decode("ascii")
