"""Answers: whether a message may have one, and the mails that an outcome sends, as raw bytes."""

from mailproc.answers.answering import Answering
from mailproc.answers.compose import (
    compose,
    compose_answer,
    compose_dsn,
    compose_error,
    compose_mail,
)
from mailproc.answers.composed import Composed
from mailproc.answers.dsn import Undelivered
from mailproc.answers.notice import compose_notice
from mailproc.answers.original import Original
from mailproc.answers.permission import RATE_LIMIT, RATE_WINDOW, may_answer, wire_address
from mailproc.answers.sendable import Unsendable, check_sendable
from mailproc.answers.templates import Text, Texts, load_texts

__all__ = [
    "RATE_LIMIT",
    "RATE_WINDOW",
    "Answering",
    "Composed",
    "Original",
    "Text",
    "Texts",
    "Undelivered",
    "Unsendable",
    "check_sendable",
    "compose",
    "compose_answer",
    "compose_dsn",
    "compose_error",
    "compose_mail",
    "compose_notice",
    "load_texts",
    "may_answer",
    "wire_address",
]
