"""`sink` keeps nothing and `debug` shows all, in the words of the servers whose place it takes."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.handlers import Debugging

from mailproc.ends.debug import Debug, shown
from mailproc.errors import SettingsError
from mailproc.testing import PostOffice, make_mail
from tests.ends.conftest import HandIn

MAIL = b"From: Eve <eve@example.net>\r\nTo: ann@example.org\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nfirst\r\n\r\nlast \xff\r\n"


def as_aiosmtpd(raw: bytes) -> str:
    """What aiosmtpd's own handler prints, without the line that names the client."""
    stream = io.StringIO()
    envelope = SimpleNamespace(content=raw, mail_options=[], rcpt_options=[])
    asyncio.run(Debugging(stream).handle_DATA(None, SimpleNamespace(peer="PEER"), envelope))  # type: ignore[arg-type]
    return stream.getvalue().replace("X-Peer: 'PEER'\n", "")


def test_a_sink_takes_mail_from_anybody(office: PostOffice, hand_in: HandIn) -> None:
    """The client hears 250, and nothing is sent."""
    office.bind("example.org", "sink")
    assert hand_in(MAIL).code == 250
    delivered = office.deliver(make_mail(to="ann@example.org", sender="nobody@example.net"))
    assert (delivered.disposition, delivered.sent) == ("handled", ())


@pytest.mark.parametrize("raw", [MAIL, MAIL.replace(b"\r\n", b"\n"), b"no header", b"", b"A: b\r\n\r\nx\rz\n"])
def test_the_format_is_the_one_of_aiosmtpd(raw: bytes) -> None:
    """Rulers, header, border and body stand as they do there, whatever the ends of the lines."""
    assert shown(raw) == as_aiosmtpd(raw)


def test_what_steers_a_terminal_is_shown_escaped() -> None:
    """Controls, also of the second set, and what turns a line around; tabs, blanks and letters of any script stay."""
    raw = "Subject: \x1b]0;owned\x07\t\xa0\u3000\u00df\u6f22\n\n\u202egnp.exe\u200b \x9b2J\x0b\x85\u2028\ufeff\0\n".encode()
    assert shown(raw).splitlines() == [
        "---------- MESSAGE FOLLOWS ----------",
        "Subject: \\x1b]0;owned\\x07\t\xa0\u3000\u00df\u6f22",
        "",
        "\\u202egnp.exe\\u200b \\x9b2J\\x0b\\x85\\u2028\\ufeff\\x00",
        "------------ END MESSAGE ------------",
    ]


def test_mail_is_shown_on_stdout(office: PostOffice, hand_in: HandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """It is, unless the operator says otherwise."""
    office.bind("example.org", "debug")
    assert hand_in(MAIL).code == 250
    assert capsys.readouterr() == (shown(MAIL), "")


def test_mail_is_shown_on_stderr(office: PostOffice, hand_in: HandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """The option is the argument of aiosmtpd's handler."""
    office.bind("example.org", "debug", {"stream": "stderr"})
    assert hand_in(MAIL).code == 250
    assert capsys.readouterr() == ("", shown(MAIL))


def test_a_terminal_that_lacks_a_letter_gets_an_escape(
    office: PostOffice, hand_in: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail that does not fit the charset of the stream is no bug."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    office.bind("example.org", "debug")
    assert hand_in(MAIL).code == 250
    assert b"Subject: Gr\\xfc\\xdfe\n" in out.buffer.getvalue()  # type: ignore[attr-defined]


def test_mail_is_appended_to_a_file(office: PostOffice, hand_in: HandIn, tmp_path: Path) -> None:
    """One mail stands behind the other, and nobody else may read it."""
    file = tmp_path / "shown"
    office.bind("example.org", "debug", {"file": str(file)})
    for number in range(3):
        hand_in(MAIL + b"%d\r\n" % number)
    assert file.read_text() == "".join(shown(MAIL + b"%d\r\n" % number) for number in range(3))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_waited_for(office: PostOffice, hand_in: HandIn, tmp_path: Path) -> None:
    """The client comes again, and is not told where the file is."""
    office.bind("example.org", "debug", {"file": str(tmp_path / "missing" / "shown")})
    assert hand_in(MAIL).line() == (
        "451 4.3.0 Waiting for the place where mail is shown: No such file or directory; try again later"
    )
    (tmp_path / "missing").mkdir()
    assert hand_in(MAIL).code == 250


def test_a_stream_that_there_is_not_stops_the_start(office: PostOffice) -> None:
    """There are two."""
    with pytest.raises(SettingsError, match=r"^handler\.debug\.stream: Invalid enum value 'stdin'$"):
        office.bind("example.org", "debug", {"stream": "stdin"})
    assert Debug() == Debug("stdout")
