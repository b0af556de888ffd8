"""Screening: whether a mail comes from a person, and the rule that says so. What is done about it is policy."""

from mailproc.screening.reverse_path import written_path
from mailproc.screening.screen import FROM_A_PERSON, RULE_IDS, RULES, screen, suppresses_answers
from mailproc.screening.verdict import Evidence, Rule, Screened, Verdict

__all__ = [
    "FROM_A_PERSON",
    "RULES",
    "RULE_IDS",
    "Evidence",
    "Rule",
    "Screened",
    "Verdict",
    "screen",
    "suppresses_answers",
    "written_path",
]
