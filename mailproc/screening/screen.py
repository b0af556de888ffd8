"""The rules in the order in which they are asked; the first opinion wins."""

from __future__ import annotations

import re

from mailproc.reading import Header, Message, one_line
from mailproc.screening import automatic, bounces, limits, loops, many, reports
from mailproc.screening.verdict import Evidence, Rule, Screened, Verdict


def no_sign_of_a_machine(mail: Evidence) -> str:
    """What no other rule has an opinion about is from a person."""
    return "no rule sees a machine"


RULES: tuple[Rule, ...] = (
    *limits.UNPARSEABLE,
    *loops.RULES,
    *bounces.RULES,
    *reports.RULES,
    *automatic.REPLIES,
    *automatic.GENERATED,
    *many.BULK,
    *many.LIST,
    *limits.TOO_BIG,
    Rule("human", Verdict.HUMAN, no_sign_of_a_machine),
)
RULE_IDS: tuple[str, ...] = tuple(rule.id for rule in RULES)

# Only such mail may be answered (RFC 3834 section 2).
FROM_A_PERSON: frozenset[Verdict] = frozenset({Verdict.HUMAN, Verdict.TOO_BIG})

_SUPPRESSING = {"all", "autoreply"}


def screen(message: Message, *, reverse_path: str | None, size: int, max_size: int, our_domain: str) -> Screened:
    """What the mail is, by the first rule that has an opinion; never raises.

    ``reverse_path`` is None when unknown and ``""`` for the null path; ``size`` is the mail's in octets, also where
    ``message`` was read from its first octets only.
    """
    mail = Evidence(message, reverse_path, size, max_size, our_domain)
    for rule in RULES:
        reason = rule.opinion(mail)
        if reason is not None:
            return Screened(rule.verdict, rule.id, one_line(reason))
    raise AssertionError("the last rule always has an opinion")


def suppresses_answers(header: Header) -> bool:
    """Whether the sender asks for no automatic answer: X-Auto-Response-Suppress says All or AutoReply ([MS-OXCMAIL])."""
    values = header.all("X-Auto-Response-Suppress")
    return any(token.strip().lower() in _SUPPRESSING for value in values for token in re.split("[,;]", value))
