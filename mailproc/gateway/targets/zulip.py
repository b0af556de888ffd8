"""Posting to Zulip as a bot: files first, then the message, and neither of them again after a crash."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from mailproc import Errand, Rejected, Transient
from mailproc.failpoints import failpoint
from mailproc.gateway.posting import Channel, Direct, File, Posting
from mailproc.gateway.targets.http import Declined, Unsent, Visit
from mailproc.gateway.targets.mark import MARK_LENGTH, mark_of, marked
from mailproc.gateway.targets.organization import Organization, Refused, User, basic
from mailproc.gateway.targets.service import Service
from mailproc.gateway.text.composition import Link, composed, inert
from mailproc.reading import Attachment, one_line, read_message
from mailproc.secrets import secret_in

MOST_FILES = 100  # of one mail; the text says how many more it has

_SKEW = 600.0  # seconds that the server's clock may be behind ours


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message goes: as Zulip's form names it, as its narrow does, and for people."""

    form: dict[str, str]
    narrow: list[dict[str, object]]
    shown: str


class Zulip:
    """An organization of Zulip at ``service``, whose bot is ``email``; messages have at most ``message_length`` characters."""

    def __init__(self, service: Service, email: str, api_key_file: Path, message_length: int) -> None:
        """Raise ValueError for an option and `SettingsError` for a key that cannot be used."""
        if urlsplit(service.url).query:
            raise ValueError("url: must be that of the organization, without a ?")
        if not (email.isascii() and email.isprintable()) or ":" in email or "@" not in email:
            raise ValueError("email: must be the bot's address")
        self._service = replace(service, url=service.url.rstrip("/"))
        self._email = email
        self._api_key_file = api_key_file
        self._limit = message_length
        secret_in("api_key", api_key_file)

    def carry_out(self, post: Posting, errand: Errand) -> str:
        """Upload its files, and send it as one message."""
        if said := errand.progress.get("posted"):
            return str(said)
        organization = self._organization(errand)
        author = _author(organization, post)
        links = _links(organization, post, errand)
        content = composed(post, author.mention if author else None, links, self._limit - MARK_LENGTH)
        try:
            number, place = self._sent(organization, post.to, content, errand)
        except Refused as refusal:
            self._tell(organization, post, author, str(refusal), errand)
            raise Rejected(f"The chat does not take it: {refusal}") from None
        failpoint("gateway-post")
        said = organization.visit.shown(f"message {number} in {place.shown}")
        errand.note("posted", said)
        return said

    def _organization(self, errand: Errand) -> Organization:
        key = self._service.secret("api_key", self._api_key_file, errand)
        return Organization(Visit(self._service, errand.log, frozenset({key, basic(self._email, key)})), self._email, key)

    def _sent(self, organization: Organization, to: Channel | Direct, content: str, errand: Errand) -> tuple[int, _Place]:
        """Send it; to those of a conversation who are active where the server does not take it for all of them."""
        if isinstance(to, Channel):
            place = _channel(organization, to)
            return self._once(organization, place, content, errand), place
        place = _direct(to.users)
        try:
            return self._once(organization, place, content, errand), place
        except Refused:
            users = _active(organization, to.users)
            if len(users) == len(to.users):
                raise
            if not users:
                raise Rejected("Nobody of the conversation is active any more.") from None
        place = _direct(users)
        return self._once(organization, place, content, errand), place

    def _once(self, organization: Organization, place: _Place, content: str, errand: Errand) -> int:
        """Send it, unless an earlier try has, of which nobody knows what became of it; answers the message's id."""
        mark, posting = mark_of(errand.id), errand.progress.get("posting")
        if isinstance(posting, float) and (number := _found(organization, place, mark, posting, errand)):
            return number
        if not posting:
            errand.note("posting", time.time())
        try:
            return organization.send({**place.form, "content": marked(content, mark)})
        except (Unsent, Declined, Refused):
            if not posting:
                errand.note("posting", None)
            raise

    def _tell(self, organization: Organization, post: Posting, author: User | None, why: str, errand: Errand) -> None:
        """Tell the user for whom it should have been posted in a channel, once, if that can be done."""
        if author is None or not isinstance(post.to, Channel) or errand.progress.get("told"):
            return
        errand.note("told", True)
        content = f"Your answer by mail could not be posted in the channel **{inert(post.to.name)}**: {inert(why)}"
        try:
            organization.send({**_direct((str(author.id),)).form, "content": content})
        except (Transient, Refused) as error:
            errand.log.warning("the user %d could not be told: %s", author.id, one_line(str(error)))


def _author(organization: Organization, post: Posting) -> User | None:
    """The user whose text it is; None for nobody, and for a name that is no user's. Raises `Rejected` for one who has gone."""
    if post.user is None or not _names_user(post.user):
        return None
    user = organization.user(post.user)
    if user is None or not user.active:
        raise Rejected(f"The user {one_line(post.user)} is not active in the chat.")
    return user


def _names_user(user: str) -> bool:
    return "@" in user or user.isdecimal()


def _links(organization: Organization, post: Posting, errand: Errand) -> list[Link]:
    """The files, uploaded as far as the server takes them; each is noted at once."""
    return [Link(file.name, url) for file, url in _uploaded(organization, post.attachments[:MOST_FILES], errand)]


def _uploaded(organization: Organization, files: Iterable[File], errand: Errand) -> Iterator[tuple[File, str | None]]:
    mail = None
    for file in files:
        key = f"file {file.index}"
        if key not in errand.progress:
            mail = mail or read_message(errand.raw)
            url: object = _upload(organization, mail.attachments[file.index], errand)
            failpoint("gateway-post")
            errand.note(key, url)
        else:
            url = errand.progress[key]
        yield file, url if isinstance(url, str) else None


def _upload(organization: Organization, attachment: Attachment, errand: Errand) -> str | None:
    """Where it is now; None where the server does not take it."""
    try:
        return organization.upload(attachment.safe_name, attachment.type, attachment.content)
    except Refused as refusal:
        errand.log.warning("%s: not uploaded: %s", attachment.safe_name, refusal)
        return None


def _channel(organization: Organization, to: Channel) -> _Place:
    """The topic; where it has moved since, and perhaps to another channel, there."""
    now = organization.conversation(to.message) if to.message is not None else None
    channel, topic = now or (int(to.name) if to.name.isdecimal() else to.name, to.topic)
    return _Place(
        {"type": "stream", "to": json.dumps(channel), "topic": topic},
        [{"operator": "stream", "operand": channel}],  # the topic may be another one by now
        f"channel {one_line(to.name)} > {one_line(topic)}",
    )


def _direct(users: tuple[str, ...]) -> _Place:
    """Ids are numbers in Zulip's JSON, and addresses texts; a list of both is not taken."""
    ids = all(user.isdecimal() for user in users)
    named = [int(user) for user in users] if ids else list(users)
    return _Place(
        {"type": "direct", "to": json.dumps(named)},
        [{"operator": "dm", "operand": named}],
        f"a direct message to {len(users)}",
    )


def _active(organization: Organization, users: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of those who are there still."""
    found = (organization.user(user) for user in users)
    return tuple(str(user.id) for user in found if user and user.active)


def _found(organization: Organization, place: _Place, mark: str, posting: float, errand: Errand) -> int | None:
    """The id of the message with this mark, which has not been sent before ``posting``, in seconds since 1970.

    Where the search does not come to its end, it is noted how far it has come. Raises `Transient` then, and where Zulip says
    no to it: a message that was not looked for may be there.
    """
    before = errand.progress.get("searched")
    last = before if isinstance(before, int) else None
    try:
        narrow = [*place.narrow, {"operator": "sender", "operand": organization.me()}]
        for message in organization.messages(narrow, last):
            if message.sent_at < posting - _SKEW:
                break
            if message.content.endswith(mark):
                return message.id
            last = message.id
    except Refused as refusal:
        if not refusal.is_unknown:  # what sending says of an unknown place counts
            raise organization.without_refusal(refusal) from None
    except Transient:
        if last != before:
            errand.note("searched", last)
        raise
    if before is not None:
        errand.note("searched", None)
    return None
