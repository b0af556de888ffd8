"""Mail that was made to do harm: it costs little, it is kept, and nothing of it acts in a chat or in the configuration."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mailproc.gateway.posting import Channel, Posting
from mailproc.testing import make_mail
from tests.cost import within
from tests.gateway.conftest import Chat

FILE = b'--=b\r\nContent-Disposition: attachment; filename="a%d.txt"\r\n\r\nx\r\n'


def with_parts(to: str, number: int) -> bytes:
    """A mail with a text and so many files."""
    head = f'To: {to}\r\nFrom: ann@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=b"\r\n\r\n'
    text = b"--=b\r\nContent-Type: text/plain\r\n\r\nAt noon.\r\n"
    return head.encode() + text + b"".join(FILE % each for each in range(number)) + b"--=b--\r\n"


def test_ten_thousand_attachments(chat: Chat) -> None:
    """That is more than is read of any mail: it has failed with an OOPS, is in the archive, and posts nothing."""
    address = chat.channel()
    raw = with_parts(address, 10_000)
    delivered = within(5, lambda: chat.office.deliver(raw, to=address))
    assert (delivered.disposition, delivered.rule, delivered.errands) == ("failed", "unparseable.structure", ())
    assert delivered.oops
    with chat.office.session() as session:
        [url] = session.connection().exec_driver_sql("SELECT archive_url FROM mailproc_receipt").scalars()
    assert Path(urlsplit(url).path).read_bytes().endswith(raw)


def test_as_many_as_are_read(chat: Chat) -> None:
    """A thousand parts are a post, all of whose files are told to the target."""
    address = chat.channel()
    delivered = chat.office.deliver(with_parts(address, 998), to=address)
    assert delivered.disposition == "handled", delivered.reason
    assert len(Posting.of(delivered.errands[0].payload).attachments) == 998


def test_a_subject_of_a_megabyte(chat: Chat) -> None:
    """What is read of it becomes a topic that fits, and one line."""
    address = chat.channel()
    raw = make_mail(to=address, text="At noon.\n").replace(b"Subject: ", b"Subject: @all " + b"[ Re: " * 170_000)
    delivered = within(5, lambda: chat.office.deliver(raw, to=address))
    assert delivered.disposition == "handled", delivered.reason
    post = Posting.of(delivered.errands[0].payload)
    assert isinstance(post.to, Channel)
    assert len(post.to.topic) <= 60


@pytest.mark.parametrize("word", [b"=?utf-8?q?x=0D=0ATo:_all?=", b"=?utf-8?q?x=00=1B[2J?="])
def test_nothing_leaves_its_line(chat: Chat, word: bytes) -> None:
    """An encoded word with line ends and controls in a subject or a name is one line in a topic, and above a text."""
    address = chat.channel(options=["show-sender"])
    raw = make_mail(to=address, text="At noon.\n")
    raw = raw.replace(b"Subject: ", b"Subject: " + word).replace(b"From: ", b"From: " + word + b" <ann@example.com>\r\nX-Old: ")
    post = Posting.of(chat.office.deliver(raw, to=address).errands[0].payload)
    assert isinstance(post.to, Channel)
    assert post.sender
    assert all(text.isprintable() for text in (post.to.topic, post.sender))


def test_a_name_of_a_file_is_no_path(chat: Chat) -> None:
    """What would lead out of a folder, or is none, is a name."""
    address = chat.channel()
    names = ["../../etc/passwd", "/etc/cron.d/x", "C:\\windows\\system.ini", ".."]
    post = Posting.of(chat.deliver(address, attachments=[(name, b"x") for name in names]).errands[0].payload)
    assert len(post.attachments) == len(names)
    assert not any(set(file.name) & set("/\\") or file.name in {"..", "."} for file in post.attachments)
