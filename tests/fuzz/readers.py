"""Reading, screening and finding the recipients of any bytes."""

from __future__ import annotations

import unicodedata

from mailproc.reading import Message, decode_words, read_addresses, read_message, reply_text
from mailproc.recipients import MAX_RECIPIENTS, domain_of, find_recipients, reverse_path_of, suspected
from mailproc.screening import FROM_A_PERSON, Screened, Verdict, screen, suppresses_answers
from mailproc.screening.screen import RULE_IDS

OURS = "robot.example.org"
MOST_TEXT = 1024 * 1024  # octets: what the docstring of `Message.text` promises, and the line ends between its parts
_BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def is_one_safe_line(text: str) -> bool:
    """Whether a text shows what it is: no line end, no control, no change of the direction of writing."""
    return all(unicodedata.category(each)[0] != "C" and unicodedata.bidirectional(each) not in _BIDI for each in text) and not (
        set(text) & {"\u2028", "\u2029"}
    )


def reading_is_total(raw: bytes) -> None:
    """Every property of a mail can be had, and is within its bounds: of all of it, and of any part of it as the signed one."""
    half = raw[len(raw) // 2 :]
    for message in (read_message(raw), read_message(raw, half), read_message(raw, half, is_text=True, charset="utf-16")):
        _check(message)


def _check(message: Message) -> None:
    assert not set("\r\n\0") & set(message.subject)
    assert message.date is None or message.date.tzinfo is not None
    assert message.message_id is None or message.message_id.isascii()
    assert len(message.text.encode()) <= MOST_TEXT + 1000 and "\r" not in message.text
    assert message.html is None or len(message.html.encode()) <= MOST_TEXT + 1000
    own = reply_text(message.text)
    assert own.strip() or not message.text.strip()
    assert all(line in message.text for line in own.splitlines())
    for attachment in message.attachments:
        _check_name(attachment.safe_name)
        assert attachment.size == len(attachment.content)
        assert attachment.type == attachment.type.lower() and attachment.type.count("/") == 1
    assert len(set(message.defects)) == len(message.defects)
    assert message.unparseable is None or not (message.text or message.html or message.attachments)
    for name, value in message.header.fields:
        assert name.isascii() and not set("\r\n\0") & set(value)
        decode_words(value).encode()


def _check_name(name: str) -> None:
    assert name and is_one_safe_line(name) and not set('/\\<>:"|?*') & set(name)
    assert name[0] not in " .-~" and name[-1] not in " ." and len(name.encode()) <= 200


def screening_is_total(raw: bytes) -> None:
    """There is always a verdict, with a rule and a reason; what says that it is a machine's is never taken for a person's."""
    for path in (None, "", "ann@example.org"):
        found = _screened(raw, path)
        assert found.rule in RULE_IDS and is_one_safe_line(found.reason) and found.reason
        assert found == _screened(raw, path)
        assert path != "" or found.verdict not in FROM_A_PERSON
    for mark in (b"Auto-Submitted: auto-replied", b"Auto-Submitted: auto-generated", b"Precedence: bulk", b"Return-Path: <>"):
        marked = mark + b"\r\nX-Next: x\r\n" + raw
        assert _screened(marked, None).verdict not in FROM_A_PERSON, mark
    looped = _screened(b"X-Loop: mailproc/" + OURS.encode() + b"\r\nX-Next: x\r\n" + raw, None)
    assert looped.verdict in (Verdict.LOOP, Verdict.UNPARSEABLE)
    assert suppresses_answers(read_message(b"X-Auto-Response-Suppress: All\r\nX-Next: x\r\n" + raw).header)


def _screened(raw: bytes, path: str | None) -> Screened:
    return screen(read_message(raw), reverse_path=path, size=len(raw), max_size=25_000_000, our_domain=OURS)


def recipients_are_addresses(raw: bytes) -> None:
    """Each recipient reads back as the address that it is; there is at least one, and there are not too many."""
    header = read_message(raw).header
    for fields in (("Delivered-To", "X-Original-To"), ("X-Nobody-Writes-This",)):
        found = suspected(find_recipients(header, fields, lambda domain: "example" in domain), raw, fields)
        assert 1 <= len(found.addresses) <= MAX_RECIPIENTS
        for address in found.addresses:
            again = read_addresses([address])
            assert [str(each) for each in again] == ([address] if address else [])
            assert domain_of(address) == (again[0].domain if again else "")
            assert is_one_safe_line(address)
    path = reverse_path_of(header)
    assert path in (None, "") or [str(each) for each in read_addresses([path])] == [path]
