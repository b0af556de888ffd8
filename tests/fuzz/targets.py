"""What must hold for any bytes: one property for each part that reads a mail or writes what stems from one.

A target fails by AssertionError, by an exception of the code under test, which has none to raise, or by taking too long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.cost import within
from tests.fuzz import mails
from tests.fuzz.answers import answers_are_whole
from tests.fuzz.authors import authors_are_beyond_doubt
from tests.fuzz.output import output_is_one_safe_line
from tests.fuzz.readers import reading_is_total, recipients_are_addresses, screening_is_total
from tests.fuzz.signatures import only_signed_bytes_are_strong, signed_part_is_of_the_mail

MOST_SECONDS = 2.0  # of processor time, for one input


@dataclass(frozen=True)
class Target:
    """A property of any bytes, and what makes a strategy for its inputs; ``examples`` is how many of them the tests try."""

    name: str
    check: Callable[[bytes], None]
    inputs: Callable[[], st.SearchStrategy[bytes]]
    examples: int

    def __call__(self, raw: bytes) -> None:
        """Raise AssertionError, or whatever escapes, when the property does not hold for ``raw``."""
        began = time.process_time()
        self.check(raw)
        if time.process_time() - began > MOST_SECONDS:  # the machine may have been busy: now with care
            within(MOST_SECONDS, lambda: self.check(raw))


def _headed() -> st.SearchStrategy[bytes]:
    return mails.authored() | mails.mails()


def _signed() -> st.SearchStrategy[bytes]:
    return mails.signed_by_ann() | mails.signed()


def _texts() -> st.SearchStrategy[bytes]:
    return mails.mails() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))


TARGETS = {
    target.name: target
    for target in (
        Target("reading", reading_is_total, mails.mails, 300),
        Target("screening", screening_is_total, mails.mails, 300),
        Target("addresses", authors_are_beyond_doubt, _headed, 600),
        Target("recipients", recipients_are_addresses, _headed, 300),
        Target("signed-part", signed_part_is_of_the_mail, mails.signed, 300),
        Target("authentication", only_signed_bytes_are_strong, _signed, 150),
        Target("answers", answers_are_whole, mails.mails, 120),
        Target("output", output_is_one_safe_line, _texts, 150),
    )
}
