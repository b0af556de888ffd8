"""A handler that does with the text of a mail what it should not: it writes it down wherever it can."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mailproc import Delivery, Outcome, Rejected, Trust, handler
from mailproc.errors import Transient


class Loud(Exception):
    """An exception with a mail in its text, its notes and its cause."""


@handler(requires=Trust.NONE)
def loud(delivery: Delivery) -> Outcome:
    """Do what the recipient says, with the mail's text."""
    return _DEEDS[delivery.recipient.local](delivery, delivery.message.text)


def _raise(delivery: Delivery, text: str) -> Outcome:
    error = Loud(f"{delivery.message.subject} {text}")
    error.add_note(text)
    raise error from ValueError(text)


def _reject(delivery: Delivery, text: str) -> Outcome:
    raise Rejected(text, failing_commands=[text, delivery.message.subject])


def _defer(delivery: Delivery, text: str) -> Outcome:
    raise Transient(text)


def _log(delivery: Delivery, text: str) -> Outcome:
    delivery.log.info("%s", text, extra={"about": {"subject": delivery.message.subject, text[:50]: text}})
    try:
        raise Loud(text)
    except Loud:
        delivery.log.exception("it went wrong: %s", text)
    names = ", ".join(attachment.name or "" for attachment in delivery.message.attachments)
    return delivery.handled(f"{names} {delivery.message.subject}")


def _answer(delivery: Delivery, text: str) -> Outcome:
    answers = [delivery.reply(text, subject=f"{delivery.message.subject} {text[:100]}")]
    copy = delivery.mail("boss@example.net", delivery.message.subject, text)
    return delivery.handled(text, send=[*answers, copy])


_DEEDS: Mapping[str, Callable[[Delivery, str], Outcome]] = {
    "raise": _raise,
    "reject": _reject,
    "defer": _defer,
    "log": _log,
    "answer": _answer,
}
