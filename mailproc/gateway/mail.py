"""A mail as a `Posting`: what is taken of it, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailproc import Delivery
from mailproc.gateway.options import Options, read_options
from mailproc.gateway.posting import Channel, Direct, File, Posting
from mailproc.gateway.text.body import body_of
from mailproc.gateway.text.content import LONGEST_SENDER
from mailproc.gateway.text.topic import full_subject, topic_of
from mailproc.reading import Message, decode_words, one_line, read_message

_OF_REPLIES = Options(show_sender=False, include_footer=False, include_quotes=False, prefer_text=True)


@dataclass(frozen=True, slots=True)
class Manner:
    """How mail to channels is posted: under its subject as the topic or under none; both lengths are in characters."""

    subject_is_topic: bool
    topic_length: int
    message_length: int


def channel_post(delivery: Delivery, channel: str, words: Sequence[str], manner: Manner) -> Posting:
    """The post for the channel of an address that has these options; the subject is shown where the topic does not tell it all.

    Raises `NoBody` for a mail that says nothing.
    """
    mail = _mail(delivery)
    options = read_options(words)
    topic = topic_of(mail.subject, manner.topic_length) if manner.subject_is_topic else ""
    subject = full_subject(mail.subject)
    told = manner.subject_is_topic and len(subject) <= manner.topic_length
    return Posting(
        to=Channel(channel, topic),
        body=_body(mail, options, manner),
        sender=_sender(mail) if options.show_sender else None,
        subject=None if told else one_line(subject, manner.message_length) or None,
        attachments=_files(mail),
    )


def reply_post(delivery: Delivery, to: Channel | Direct, user: str | None, manner: Manner) -> Posting:
    """The post for the conversation of a reply address, in the name of its user; From and Subject do not count.

    Raises `NoBody` for a mail that says nothing.
    """
    mail = _mail(delivery)
    return Posting(to=to, body=_body(mail, _OF_REPLIES, manner), attachments=_files(mail), user=user)


def _mail(delivery: Delivery) -> Message:
    """All of the mail, signed or not: the address is what entitles, and attachments are found again by their place in it."""
    return delivery.message if delivery.content is delivery.raw else read_message(delivery.raw)


def _body(mail: Message, options: Options, manner: Manner) -> str:
    """At most so much of the text as is needed to see that it must be cut: an intent is a row of the database."""
    return body_of(mail, options)[: manner.message_length + 1]


def _sender(mail: Message) -> str | None:
    return one_line(decode_words(mail.header.first("From") or ""), LONGEST_SENDER) or None


def _files(mail: Message) -> tuple[File, ...]:
    return tuple(File(index, each.safe_name, each.type, each.size) for index, each in enumerate(mail.attachments))
