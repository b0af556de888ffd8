"""What each reply is to an MTA: an exit status, and one line with an enhanced status code."""

from __future__ import annotations

import pytest

from mailproc.errors import Away, LoginRefused, MissingProgram, SettingsError
from mailproc.pipe.status import exit_of, line_of, reply_to
from mailproc.reply import OK, Reply

REPLIES = [
    (OK, 0, ""),
    (Reply(250, "2.0.0", "OK: 1234"), 0, ""),
    (Reply(550, "5.1.1", "No such address here"), 67, "5.1.1 No such address here"),
    (Reply(550, "5.1.2", "Not here"), 67, "5.1.2 Not here"),
    (Reply(550, "5.7.1", "Not for you"), 77, "5.7.1 Not for you"),
    (Reply(554, "5.3.0", "Our fault (OOPS-1)"), 70, "5.3.0 Our fault (OOPS-1)"),
    (Reply(552, "5.3.4", "Too big"), 65, "5.3.4 Too big"),
    (Reply(554, "5.6.0", "No book"), 65, "5.6.0 No book"),
    (Reply(451, "4.3.0", "Later"), 75, "4.3.0 Later"),
    (Reply(450, "4.7.1", "Later"), 75, "4.7.1 Later"),
    (Reply(550, "", "4.2.2 says who wrote it"), 65, "5.0.0 4.2.2 says who wrote it"),
    (Reply(451, "5.1.1", "Two minds"), 75, "4.0.0 Two minds"),
    (Reply(550, "4.7.1", "Two minds"), 65, "5.0.0 Two minds"),
    (Reply(554, "5.6.0", "Grüße\r\n2.0.0 no second line"), 65, "5.6.0 Gr e 2.0.0 no second line"),
    (Reply(554, "5.6.0", ""), 65, "5.6.0"),
]


@pytest.mark.parametrize(("reply", "status", "line"), REPLIES)
def test_a_reply_is_a_status_and_a_line(reply: Reply, status: int, line: str) -> None:
    """The class of the code is that of the reply, because Postfix believes it more than the status."""
    assert (exit_of(reply), line_of(reply)) == (status, line)


def test_a_line_has_an_end() -> None:
    """However long a reason is."""
    assert len(line_of(Reply(554, "5.6.0", "x" * 9999))) < 512


@pytest.mark.parametrize(
    ("error", "code"), [(SettingsError(), "4.3.5"), (MissingProgram(), "4.3.5"), (Away(), "4.3.0"), (LoginRefused(), "4.3.0")]
)
def test_no_error_of_ours_bounces(error: Exception, code: str) -> None:
    """Whatever is wrong with us, the MTA is to try again, and is told none of our words."""
    reply = reply_to(type(error)("/etc/secret"))  # type: ignore[arg-type]
    assert exit_of(reply) == 75
    assert line_of(reply).startswith(code) and "secret" not in line_of(reply)
