"""What a hostile mail puts into our answer: nothing but words, and it goes to nobody but the author."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import compat32

import pytest

from mailproc import Delivery, Outcome, handler
from mailproc.testing import PostOffice
from tests.corpus import addresses, output
from tests.corpus.cases import ANN, ARRIVAL, Case

OUR_FIELDS = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "auto-submitted",
    "x-auto-response-suppress",
    "x-loop",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
}
CLASSES = ("B36", "B37", "B85", "B86", "B87", "B88")
CASES = [
    case
    for case in (*addresses.cases(), *output.cases())
    if case.id.startswith(CLASSES) and case.wanted.get("sender") == ANN and case.wanted["action"] == "process"
]


@handler()
def refuse(delivery: Delivery) -> Outcome:
    """Refuse, in words that quote the mail."""
    return delivery.reject(f"There is no {delivery.message.subject} here.")


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    """A post office at which Ann has an account, and is told why."""
    with PostOffice(now=ARRIVAL) as office:
        office.user("ann", ANN)
        office.bind("example.net", refuse)
        yield office


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_answer_has_our_fields_alone_and_goes_to_the_author(case: Case, office: PostOffice) -> None:
    """To the author alone, each field once, no bare CR or LF, no control character in front of the mail that is returned."""
    office.now += timedelta(hours=1)  # at most twenty answers go out in one
    assert isinstance(case.raw, bytes)
    (sent,) = office.deliver(case.raw, to="robot@example.net").sent
    assert (sent.to, sent.answer) == (ANN, True)
    ours, _, _ = sent.raw.partition(b"Content-Type: message/rfc822")
    assert not set(ours.replace(b"\r\n", b"")) - set(b" ~" + bytes(range(0x21, 0x7F)))
    assert sent.raw.isascii() and b"\0" not in sent.raw
    assert sent.raw.count(b"\r") == sent.raw.count(b"\n") == sent.raw.count(b"\r\n")
    message = message_from_bytes(sent.raw, policy=compat32)
    names = [name.lower() for name, _ in message.items()]
    assert len(set(names)) == len(names)
    assert set(names) <= OUR_FIELDS
    assert message["To"] == ANN
