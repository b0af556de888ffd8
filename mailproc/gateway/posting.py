"""What is to be posted: a value that an intent's payload holds as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic of a channel.

    ``name`` is the channel's name or, of digits alone, its id. ``message`` is a message of the conversation: a target that
    can finds by it the channel and the topic where the conversation is now.
    """

    name: str
    topic: str
    message: int | None = None


@dataclass(frozen=True, slots=True)
class Direct:
    """A conversation of users, each an address or an id of the chat; the bot itself need not be named."""

    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """An attachment: its place in ``mailproc.reading.read_message(raw).attachments``, and what it is called there."""

    index: int
    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class Posting:
    """A text for a conversation.

    ``body`` is chosen and freed of quotes, and not yet made harmless. ``sender`` is shown above it and ``subject`` too, unless
    None. ``user`` is whose text it is in the chat, an address or an id there, where the address was made for a user.
    """

    to: Channel | Direct
    body: str
    sender: str | None = None
    subject: str | None = None
    attachments: tuple[File, ...] = ()
    user: str | None = None

    def payload(self) -> dict[str, object]:
        """The same as JSON can hold it."""
        return {**asdict(self), "to": asdict(self.to), "attachments": [asdict(file) for file in self.attachments]}

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Posting:
        """The post that `payload` made this of; raises KeyError or TypeError for what it did not make."""
        to = payload["to"]
        return cls(
            to=Direct(tuple(to["users"])) if "users" in to else Channel(**to),
            body=payload["body"],
            sender=payload["sender"],
            subject=payload["subject"],
            attachments=tuple(File(**file) for file in payload["attachments"]),
            user=payload["user"],
        )
