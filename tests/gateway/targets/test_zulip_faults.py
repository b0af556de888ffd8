"""What becomes of a post when Zulip says no, is away, or leaves us without an answer."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailproc import Away, Rejected, Transient, failpoints
from mailproc.gateway.posting import Channel, Direct, Posting
from mailproc.gateway.targets import organization
from mailproc.gateway.targets.mark import mark_of, marked
from mailproc.gateway.targets.target import Target, make_target
from tests.gateway.targets.errands import Tries, files_of, mail_with
from tests.gateway.targets.realm import key_file, shown
from tests.gateway.targets.zulip_server import (
    EMAIL,
    KEY,
    Fault,
    Stream,
    User,
    ZulipServer,
    answering,
    lost_answer,
    not_heard,
    too_often,
    trickling,
)
from tests.servers.certificates import Authority

SEND = "POST /messages"
UPLOAD = "POST /user_uploads"
POST = Posting(Channel("general", "alerts"), "The disk is full.")
NOT_FOR_BOTS = answering(
    400, b'{"result": "error", "msg": "This API is not available to incoming webhook bots.", "code": "BAD_REQUEST"}'
)


@pytest.fixture
def target(zulip: ZulipServer, tmp_path: Path) -> Target:
    """A program that has just been started, and has little time."""
    return make_target("zulip", zulip.url, email=EMAIL, api_key_file=key_file(tmp_path), patience=20)


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let the program die at the nth passage between an answer and its note."""

    def at(nth: int) -> None:
        monkeypatch.setattr(failpoints, "_armed", failpoints._Armed(f"gateway-post:raise:{nth}"))

    yield at


def contents(zulip: ZulipServer) -> list[str]:
    """What was posted, in its order."""
    return [shown(message["content"]) for message in zulip.messages]


@pytest.mark.parametrize(("asked", "waits"), [(7.5, 7.5), (86400, 3600)])
def test_the_rate_limit(zulip: ZulipServer, target: Target, asked: float, waits: float) -> None:
    """A server that says for how long we are to wait is heeded for up to an hour; nothing needs to be looked for then."""
    zulip.faults[SEND] = [too_often(asked)]
    tries = Tries(POST)
    with pytest.raises(Transient) as caught:
        tries.at(target)
    assert caught.value.after == waits
    tries.at(target)
    assert zulip.asked == [SEND, SEND]
    assert contents(zulip) == ["The disk is full."]


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        pytest.param(lost_answer, True, id="answer lost"),
        pytest.param(not_heard, False, id="request lost"),
        pytest.param(answering(502), False, id="502"),
        pytest.param(answering(504, Retry_After="9"), False, id="504"),
        pytest.param(answering(200, b"<html>welcome</html>"), False, id="no Zulip"),
        pytest.param(answering(200, b"[1]"), False, id="a list"),
        pytest.param(answering(200, b'{"result": "success", "id": "x"}'), False, id="no id"),
        pytest.param(answering(200, b"\x00" * 3_000_000), False, id="too long"),
        pytest.param(answering(200, b"[" * 500_000), False, id="too deep"),
    ],
)
def test_nobody_knows_what_became_of_it(zulip: ZulipServer, target: Target, fault: Fault, done: bool) -> None:
    """After a request without a good answer it is looked whether the message is there, and it is posted once in any case."""
    zulip.faults[SEND] = [fault]
    tries = Tries(POST)
    with pytest.raises(Transient, match=r"the chat \(http://127"):
        tries.at(target)
    tries.at(target)
    assert contents(zulip) == ["The disk is full."]
    assert zulip.asked == [SEND, "GET /users/me", "GET /messages", *([] if done else [SEND])]


def test_an_answer_that_trickles(zulip: ZulipServer, tmp_path: Path) -> None:
    """An answer that takes for ever is cut off, and its message found."""
    zulip.faults[SEND] = [trickling]
    impatient = make_target("zulip", zulip.url, email=EMAIL, api_key_file=key_file(tmp_path), patience=0.3)
    tries = Tries(POST)
    with pytest.raises(Transient, match="in time"):
        tries.at(impatient)
    assert tries.at(impatient).startswith("message ")
    assert len(zulip.messages) == 1


def test_a_server_that_is_away(tmp_path: Path) -> None:
    """A server that cannot be reached has heard nothing, and so nothing will be looked for."""
    with ZulipServer() as gone:
        pass
    tries = Tries(POST)
    with pytest.raises(Transient, match=rf"the chat \({gone.url}\): Connection refused"):
        tries.at(make_target("zulip", gone.url, email=EMAIL, api_key_file=key_file(tmp_path)))
    assert tries.progress == {"posting": None}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect(zulip: ZulipServer, target: Target, caplog: pytest.LogCaptureFixture, status: int) -> None:
    """A redirect is not followed, for our key would go along; it is the operator's error and costs no mail."""
    zulip.faults[SEND] = [answering(status, Location=f"{zulip.url}/api/v1/elsewhere")]
    with caplog.at_level(logging.ERROR), pytest.raises(Transient, match=f"{status}, it is elsewhere"):
        Tries(POST).at(target)
    assert zulip.asked == [SEND]
    assert "put the right URL into url" in caplog.text


@pytest.mark.parametrize("status", [401, 403, 404])
def test_we_are_not_let_in(zulip: ZulipServer, target: Target, caplog: pytest.LogCaptureFixture, status: int) -> None:
    """What only the operator can mend defers the mail, and no log has the key, though the server repeats it."""
    basic = base64.b64encode(f"{EMAIL}:{KEY}".encode())
    zulip.faults[SEND] = [answering(status, b"what is " + KEY.encode() + b" or " + basic)]
    with caplog.at_level(logging.DEBUG), pytest.raises(Transient) as caught:
        Tries(POST).at(target)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert KEY not in caplog.text + str(caught.value)
    assert basic.decode() not in caplog.text


def test_the_key_is_read_when_it_is_needed(zulip: ZulipServer, target: Target, tmp_path: Path) -> None:
    """A new key counts at once, and a file that has gone defers the mail."""
    zulip.key = "k" * 32
    (tmp_path / "key").unlink()
    with pytest.raises(Transient, match="we cannot read our api_key_file"):
        Tries(POST).at(target)
    key_file(tmp_path, zulip.key)
    assert Tries(POST).at(target)


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_crash_before_the_note(zulip: ZulipServer, target: Target, crashing: Any, nth: int) -> None:
    """A crash after an upload repeats that upload alone, and one after the post repeats nothing."""
    raw, files = mail_with([(f"{number}.png", b"file %d" % number) for number in range(3)])
    tries = Tries(Posting(Channel("general", "alerts"), "Files", attachments=files), raw)
    crashing(nth)
    with pytest.raises(RuntimeError, match="failpoint"):
        tries.at(target)
    tries.at(target)
    assert len(zulip.messages) == 1
    assert zulip.asked.count(UPLOAD) == (4 if nth < 4 else 3)
    assert [zulip.uploads[path][2] for path in _linked(zulip)] == [b"file 0", b"file 1", b"file 2"]


def test_what_is_done_is_done(zulip: ZulipServer, target: Target) -> None:
    """A try after the end asks for nothing, and answers the same note."""
    tries = Tries(POST)
    assert tries.at(target) == tries.at(target)
    assert zulip.asked == [SEND]


def test_many_messages_since(zulip: ZulipServer, target: Target) -> None:
    """The message is found below dozens of later ones, a page after the other."""
    zulip.faults[SEND] = [lost_answer]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    for number in range(45):
        zulip.post("alerts", f"later {number}")
    tries.at(target)
    assert len(zulip.messages) == 46
    assert zulip.asked.count("GET /messages") == 3


def test_more_messages_since_than_one_try_reads(zulip: ZulipServer, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes on where the last try has stopped, and nothing is posted before it has come to its end."""
    monkeypatch.setattr(organization, "PAGES", 2)
    zulip.faults[SEND] = [lost_answer]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    for number in range(100):
        zulip.post("alerts", f"later {number}")
    for _ in range(2):
        with pytest.raises(Transient, match="the search goes on later"):
            tries.at(target)
    assert tries.at(target).startswith("message ")
    assert len(zulip.messages) == 101
    assert zulip.asked.count("GET /messages") == 6


def test_a_long_search_for_nothing(zulip: ZulipServer, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is not found is posted, and where nobody knows what became of that either it is looked for anew."""
    monkeypatch.setattr(organization, "PAGES", 2)
    zulip.faults[SEND] = [not_heard, lost_answer]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    for number in range(45):
        zulip.post("alerts", f"later {number}")
    for _ in range(2):
        with pytest.raises(Transient):
            tries.at(target)
    assert zulip.asked.count(SEND) == 2
    assert tries.at(target).startswith("message ")
    assert len(zulip.messages) == 46


@pytest.mark.parametrize("fault", [lost_answer, not_heard])
@pytest.mark.parametrize("asked", ["GET /users/me", "GET /messages"])
def test_a_search_that_is_refused(
    zulip: ZulipServer, target: Target, caplog: pytest.LogCaptureFixture, fault: Fault, asked: str
) -> None:
    """Where the bot may not look, nothing is posted again and no mail is lost; the operator is told."""
    zulip.faults |= {SEND: [fault], asked: [NOT_FOR_BOTS, NOT_FOR_BOTS]}
    tries = Tries(POST)
    for _ in range(3):
        with pytest.raises(Transient):
            tries.at(target)
    assert caplog.text.count("not available to incoming webhook bots") == 2
    tries.at(target)
    assert contents(zulip) == ["The disk is full."]


def test_a_user_of_whom_nothing_may_be_known(zulip: ZulipServer, target: Target, caplog: pytest.LogCaptureFixture) -> None:
    """A bot that may not ask for users costs no answer."""
    zulip.faults["GET /users/9"] = [NOT_FOR_BOTS]
    with pytest.raises(Transient, match="does not answer what we have to know"):
        Tries(Posting(POST.to, "answer", user="9")).at(target)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_place_that_has_gone_meanwhile(zulip: ZulipServer, target: Target) -> None:
    """Where there is no such channel any more there is no such message, and sending says why."""
    zulip.faults[SEND] = [not_heard]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    zulip.streams.clear()
    zulip.streams.append(Stream(4, "other"))
    with pytest.raises(Rejected, match="'general' does not exist"):
        tries.at(target)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (SEND, '"id": true'),
        (SEND, f'"id": 1{"0" * 4000}'),
        (SEND, '"id": -1'),
        ("GET /users/me", '"user_id": 1e400'),
        ("GET /messages", f'"found_oldest": true, "messages": [{{"id": 1, "content": "", "timestamp": 1{"0" * 400}}}]'),
        ("GET /messages", '"found_oldest": true, "messages": [{"id": 1, "content": "", "timestamp": NaN}]'),
        ("GET /messages", '"found_oldest": true, "messages": [null]'),
        ("GET /messages", '"found_oldest": false, "messages": []'),
        ("GET /messages", '"messages": [{"id": 1, "content": "", "timestamp": 1}]'),
        ("GET /users/9", r'"user": {"user_id": 9, "full_name": "A\ud800", "is_active": true}'),
        ("GET /users/9", '"user": null'),
        ("GET /users/9", '"user": {"user_id": 9, "full_name": "A", "is_active": 1}'),
        ("GET /users/9", '"user": {"user_id": 9, "full_name": "A** @**all**", "is_active": true}'),
        ("GET /users/9", f'"user": {{"user_id": 9, "full_name": "{"A" * 900_000}", "is_active": true}}'),
        ("GET /users/9", '"user": {"user_id": true, "full_name": "A", "is_active": true}'),
        ("GET /messages/7", r'"message": {"stream_id": 3, "subject": "A\ud800"}'),
        ("POST /user_uploads", r'"url": "/user_uploads/\ud800"'),
        ("POST /user_uploads", '"url": "//evil.example/x"'),
    ],
)
def test_answers_that_make_no_sense(zulip: ZulipServer, target: Target, asked: str, said: str) -> None:
    """Numbers and texts that JSON can hold, and nothing else, cost no mail: the chat is away."""
    raw, files = mail_with([("1.png", b"1")])
    searched = asked in {"GET /users/me", "GET /messages"}
    zulip.faults |= {asked: [answering(200, f'{{"result": "success", {said}}}'.encode())]}
    zulip.post("alerts", "question", sender=9)
    post = Posting(Channel("general", "alerts", 7), "Files", attachments=files, user="9")
    tries = Tries(post, raw, progress={"posting": 1.0} if searched else {})
    with pytest.raises(Away):
        tries.at(target)
    tries.at(target)
    assert len(zulip.messages) == 2


def test_what_is_not_this_message(zulip: ZulipServer, target: Target) -> None:
    """The same text of another mail, or what somebody else has copied, is not taken for ours."""
    zulip.faults[SEND] = [not_heard]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    Tries(POST, id="r8.gateway.0").at(target)
    zulip.post("alerts", marked(POST.body, mark_of(tries.id)), sender=9)
    tries.at(target)
    assert contents(zulip) == ["The disk is full."] * 3


def test_a_message_that_was_moved_meanwhile(zulip: ZulipServer, target: Target) -> None:
    """The message is found though its topic has been renamed since."""
    zulip.faults[SEND] = [lost_answer]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    zulip.messages[0]["subject"] = "\u2714 alerts"
    tries.at(target)
    assert len(zulip.messages) == 1


def test_it_is_not_looked_for_in_all_that_ever_was(zulip: ZulipServer, target: Target) -> None:
    """What was posted long before the try is not asked for, page after page."""
    for number in range(30):
        zulip.post("alerts", f"old {number}", sent_at=1_600_000_000)
    zulip.faults[SEND] = [not_heard]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    tries.at(target)
    assert zulip.asked.count("GET /messages") == 1


@pytest.mark.parametrize("fault", [answering(413), None], ids=["web server", "Zulip"])
def test_a_file_that_is_too_large(zulip: ZulipServer, target: Target, fault: Fault | None) -> None:
    """A file that is not taken is left out, which the text says, and the others are there."""
    zulip.largest_upload = 1000
    raw, files = mail_with([("big @**all** [x](y).png", b"x" * (2000 if fault is None else 9)), ("small.png", b"small")])
    zulip.faults[UPLOAD] = [fault] if fault else []
    Tries(Posting(Channel("general", "alerts"), "Files", attachments=files), raw).at(target)
    [content] = contents(zulip)
    assert content.startswith("Files\n\n[small.png](/user_uploads/")
    assert content.split("\n\n")[-1].startswith("(Not taken by the chat: big @")
    assert "@**" not in content
    assert "[x](" not in content


def test_a_file_for_which_the_server_is_away(zulip: ZulipServer, target: Target) -> None:
    """What is uploaded before the server goes away is not uploaded again."""
    raw, files = mail_with([("1.png", b"1"), ("2.png", b"2")])
    zulip.faults[UPLOAD] = [_works, answering(503, Retry_After="30")]
    tries = Tries(Posting(Channel("general", "alerts"), "Files", attachments=files), raw)
    with pytest.raises(Transient) as caught:
        tries.at(target)
    assert caught.value.after == 30
    tries.at(target)
    assert zulip.asked.count(UPLOAD) == 3
    assert len(zulip.uploads) == 2


def test_very_many_files(zulip: ZulipServer, target: Target) -> None:
    """Of very many files a hundred are uploaded, half of the text links to them, and the rest is counted."""
    raw, files = mail_with([(f"{number:0>60}.png", b"%d" % number) for number in range(140)])
    Tries(Posting(Channel("general", "alerts"), "x" * 20_000, attachments=files), raw).at(target)
    [content] = contents(zulip)
    assert len(zulip.uploads) == 100
    assert len(zulip.messages[0]["content"]) <= 10_000
    assert 20 < len(_linked(zulip)) < 100
    assert content.startswith("x" * 4000)
    assert "more files" not in content
    assert content.endswith(f"(Files that are not shown here: {140 - len(_linked(zulip))})")


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\windows\\system.ini", '"; x=y\r\nEvil: 1', "\u202egnp.exe"])
def test_hostile_file_names(zulip: ZulipServer, target: Target, name: str) -> None:
    """A name that is a path, ends the form's header or turns the text around goes as a plain one."""
    raw = (
        b"Content-Type: image/png\r\nContent-Disposition: attachment; filename*=utf-8''"
        + "".join(f"%{octet:02x}" for octet in name.encode()).encode()
        + b"\r\n\r\nx"
    )
    Tries(Posting(Channel("general", "alerts"), "Files", attachments=files_of(raw)), raw).at(target)
    [(sent, kind, content)] = zulip.uploads.values()
    assert not set(sent) & set('/\\"\r\n\u202e')
    assert (kind, content) == ("image/png", b"x")


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        ("private", "Not authorized to send to channel 'private'"),
        ("no-more", "Channel 'no-more' does not exist"),
    ],
)
def test_a_user_whose_answer_is_not_taken_is_told(zulip: ZulipServer, target: Target, stream: str, why: str) -> None:
    """Who answered by mail and may not post is told by the bot, once."""
    zulip.streams.append(Stream(4, "private", closed="Not authorized to send to channel 'private'"))
    tries = Tries(Posting(Channel(stream, "alerts"), "answer", user="ann@example.org"))
    for _ in range(2):
        with pytest.raises(Rejected, match=why):
            tries.at(target)
    [told] = zulip.messages
    assert {user["id"] for user in told["display_recipient"]} == {8, 9}
    assert told["content"] == f"Your answer by mail could not be posted in the channel **{stream}**: {why}"


def test_a_user_who_cannot_be_told(zulip: ZulipServer, target: Target) -> None:
    """It ends as it would even where the bot cannot tell the user."""
    zulip.faults[SEND] = [_works, answering(500)]
    with pytest.raises(Rejected, match="does not exist"):
        Tries(Posting(Channel("no-more", "alerts"), "answer", user="9")).at(target)
    assert not zulip.messages


def test_a_user_who_has_gone(zulip: ZulipServer, target: Target) -> None:
    """Nothing is posted for a user who is not active any more."""
    zulip.users[1].is_active = False
    with pytest.raises(Rejected, match="The user 9 is not active in the chat"):
        Tries(Posting(Channel("general", "alerts"), "answer", user="9")).at(target)
    assert zulip.asked == ["GET /users/9"]


def test_members_who_have_gone(zulip: ZulipServer, target: Target) -> None:
    """A conversation goes on between those who are active; who has gone is left out."""
    zulip.users += [User(10, "bob@example.org", "Bob", is_active=False), User(11, "eve@example.org", "Eve")]
    said = Tries(Posting(Direct(("9", "10", "11")), "answer")).at(target)
    assert [{user["id"] for user in message["display_recipient"]} for message in zulip.messages] == [{8, 9, 11}]
    assert said.endswith("in a direct message to 2")


def test_nobody_is_left(zulip: ZulipServer, target: Target) -> None:
    """A conversation of which nobody is active any more takes no message."""
    zulip.users[1].is_active = False
    with pytest.raises(Rejected, match="Nobody of the conversation is active any more"):
        Tries(Posting(Direct(("ann@example.org",)), "answer")).at(target)
    assert not zulip.messages


def test_a_conversation_that_has_shrunk_and_a_lost_answer(zulip: ZulipServer, target: Target) -> None:
    """What was posted to those who are left is found there."""
    zulip.users += [User(10, "bob@example.org", "Bob", is_active=False)]
    zulip.faults[SEND] = [_works, lost_answer]
    tries = Tries(Posting(Direct(("9", "10")), "answer"))
    with pytest.raises(Transient):
        tries.at(target)
    tries.at(target)
    assert len(zulip.messages) == 1


def test_a_topic_that_was_moved(zulip: ZulipServer, target: Target) -> None:
    """An answer follows its conversation to another channel and topic."""
    zulip.streams.append(Stream(4, "archive"))
    number = zulip.post("old", "question", sender=9)
    zulip.messages[0] |= {"stream_id": 4, "display_recipient": "archive", "subject": "new"}
    Tries(Posting(Channel("general", "old", number), "answer")).at(target)
    assert [(message["stream_id"], message["subject"]) for message in zulip.messages] == [(4, "new")] * 2


def test_tls(authority: Authority, tmp_path: Path) -> None:
    """A certificate is verified, against the file that is named."""
    with ZulipServer(authority.issue()) as zulip:
        options: dict[str, Any] = {"email": EMAIL, "api_key_file": key_file(tmp_path)}
        tries = Tries(POST)
        with pytest.raises(Transient, match=r"its certificate is not trusted.*name a ca_file"):
            tries.at(make_target("zulip", zulip.url, **options))
        with pytest.raises(Transient, match=r"its certificate is not trusted"):
            named = make_target("zulip", zulip.url.replace("localhost", "127.0.0.1"), ca_file=authority.certificate, **options)
            tries.at(named)
        assert not zulip.asked
        assert tries.at(make_target("zulip", zulip.url, ca_file=authority.certificate, **options))


def _works(exchange: Any) -> None:
    status, told, headers = exchange.work()
    exchange.answer(status, json.dumps(told).encode(), {"Content-Type": "application/json", **headers})


def _linked(zulip: ZulipServer) -> list[str]:
    content = zulip.messages[-1]["content"]
    return [part.split(")")[0] for part in content.split("](")[1:]]
