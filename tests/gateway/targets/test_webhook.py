"""Posting to a webhook: what a receiver gets, and what its answers mean."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailproc import Away, Rejected, Transient, failpoints
from mailproc.gateway.posting import Channel, Direct, Posting
from mailproc.gateway.targets import http, webhook
from mailproc.gateway.targets.target import PATIENCE, Target, make_target
from tests.gateway.targets.errands import Tries, mail_with
from tests.gateway.targets.hook import Hook
from tests.gateway.targets.realm import key_file

SECRET = "swordfish & co"
POST = Posting(Channel("general", "Lunch", 42), "At noon?", sender="Ann <ann@example.org>", user="ann@example.org")
RECEIVER = Path(__file__).with_name("receiver.py")


@pytest.fixture(scope="module")
def served() -> Iterator[Hook]:
    """The webhook of all tests."""
    with Hook() as hook:
        yield hook


@pytest.fixture
def hook(served: Hook) -> Hook:
    """The webhook, which has heard nothing."""
    served.reset()
    return served


@pytest.fixture
def target(hook: Hook, tmp_path: Path) -> Target:
    """What posts there."""
    return make_target("webhook", hook.url, secret_file=key_file(tmp_path, SECRET))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """The receiver of the documentation, as a program of its own: its URL, and what ends it and answers what it has printed."""
    secret = key_file(tmp_path, SECRET)
    command = [sys.executable, str(RECEIVER), str(secret), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout

        def printed() -> str:
            program.terminate()
            assert program.stdout
            return program.stdout.read()

        yield f"http://127.0.0.1:{program.stdout.readline().strip()}/", printed
        program.terminate()


def test_what_a_receiver_gets(hook: Hook, target: Target) -> None:
    """The request is JSON with all that is known of the post; the path and the query are those of the URL."""
    raw, files = mail_with([("plan.png", b"\x00plan")])
    post = Posting(POST.to, POST.body, POST.sender, None, files, POST.user)
    at = datetime(2026, 11, 6, 10, 1, tzinfo=UTC)
    Tries(post, raw, created_at=at).at(target)
    [(path, header, body)] = hook.asked
    assert path == "/hooks/mail/?realm=x"
    assert header["Content-Type"] == "application/json"
    assert header["Idempotency-Key"] == '"r7.gateway.0"'
    assert json.loads(body) == {
        "version": 1,
        "id": "r7.gateway.0",
        "to": {"name": "general", "topic": "Lunch", "message": 42},
        "text": json.loads(body)["text"],
        "subject": "Files",
        "sender": "Ann <ann@example.org>",
        "user": "ann@example.org",
        "message_id": "<files@example.org>",
        "date": "2026-11-06T10:00:00+00:00",
        "received": "2026-11-06T10:01:00+00:00",
        "attachments": [
            {"name": "plan.png", "type": "image/png", "size": 5, "content": base64.b64encode(b"\x00plan").decode()},
        ],
        "attachments_left_out": 0,
    }
    assert json.loads(body)["text"].endswith("At noon?")


def test_a_conversation(hook: Hook, target: Target) -> None:
    """A conversation is named by its users."""
    Tries(Posting(Direct(("9", "10")), "Yes.")).at(target)
    assert json.loads(hook.asked[0][2])["to"] == {"users": ["9", "10"]}


def test_the_receiver_of_the_documentation(receiver: tuple[str, Callable[[], str]], tmp_path: Path) -> None:
    """The receiver that the documentation shows verifies the signature, and takes each post once."""
    url, printed = receiver
    target = make_target("webhook", url, secret_file=tmp_path / "key")
    tries = Tries(POST)
    tries.at(target)
    tries.progress.clear()
    tries.at(target)
    key_file(tmp_path, "another secret")
    with pytest.raises(Transient, match="401, it does not let us in"):
        Tries(POST, id="r8.gateway.0").at(target)
    assert printed().count("At noon?") == 1


@pytest.mark.parametrize("lost", [None, (500, b"", {}), (409, b"", {})], ids=["no answer", "500", "409"])
def test_a_repetition(hook: Hook, target: Target, lost: tuple[int, bytes, dict[str, str]] | None) -> None:
    """Every try has the same key and the same body, octet by octet; its timestamp and its signature are fresh."""
    hook.answers = [lost]
    tries = Tries(POST)
    with pytest.raises(Transient):
        tries.at(target)
    tries.at(target)
    (_, first, body), (_, second, again) = hook.asked
    assert body == again
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    stamp = int(second["X-Mailproc-Timestamp"])
    assert second["X-Mailproc-Signature"] == webhook.signature(SECRET, stamp, body)


def test_a_crash_before_the_note(hook: Hook, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a crash the request goes out once more with the key by which the receiver knows it; then never again."""
    monkeypatch.setattr(failpoints, "_armed", failpoints._Armed("gateway-post:raise"))
    tries = Tries(POST)
    with pytest.raises(RuntimeError, match="failpoint"):
        tries.at(target)
    assert tries.at(target) == tries.at(target)
    assert len({header["Idempotency-Key"] for _, header, _ in hook.asked}) == 1
    assert len(hook.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "note"),
    [(200, b"posted as 7\r\nevil\x1b[2J", ": posted as 7 evil [2J"), (204, b"", ""), (202, b"\xff", ": \ufffd")],
)
def test_it_is_taken(hook: Hook, target: Target, status: int, body: bytes, note: str) -> None:
    """Every 2xx is the end, and what the receiver says is noted on one line."""
    hook.answers = [(status, body, {})]
    assert Tries(POST).at(target) == f"taken by the chat ({hook.url.split('/hooks')[0]}){note}"


@pytest.mark.parametrize("status", [400, 422, 451])
def test_it_is_refused(hook: Hook, target: Target, status: int) -> None:
    """A receiver that understood and says no ends it, and its words are told."""
    hook.answers = [(status, b"no such\nroom", {})]
    with pytest.raises(Rejected, match=f"The chat does not take it: {status} no such room"):
        Tries(POST).at(target)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(("asked", "waits"), [("17", 17.0), ("999999", 3600.0), ("soon", None), ("-1", None), ("nan", None)])
def test_it_is_not_ready(hook: Hook, target: Target, status: int, asked: str, waits: float | None) -> None:
    """A receiver that is not ready is tried again, after the time that it asks for, an hour at most."""
    hook.answers = [(status, b"", {"Retry-After": asked})]
    with pytest.raises(Transient, match=str(status)) as caught:
        Tries(POST).at(target)
    assert caught.value.after == waits


@pytest.mark.parametrize("status", [301, 308, 401, 403, 404, 405, 410])
def test_the_operator_is_asked(hook: Hook, target: Target, caplog: pytest.LogCaptureFixture, status: int) -> None:
    """What only the operator can mend is an error in the log, without our secret, and costs no mail."""
    hook.answers = [(status, SECRET.encode(), {"Location": "http://127.0.0.1/"})]
    with caplog.at_level(logging.DEBUG), pytest.raises(Away, match=str(status)):
        Tries(POST).at(target)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert SECRET not in caplog.text


def test_files_that_are_too_large(hook: Hook, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are too large together go without their content, and those that fit with it."""
    monkeypatch.setattr(webhook, "LARGEST", 10)
    raw, files = mail_with([("a.png", b"12345"), ("b.png", b"123456"), ("c.png", b"12345")])
    Tries(Posting(POST.to, "Files", attachments=files), raw).at(target)
    told = json.loads(hook.asked[0][2])["attachments"]
    assert [(file["size"], file["content"] is None) for file in told] == [(5, False), (6, True), (5, False)]


def test_the_largest_body_has_time() -> None:
    """What goes along, in base64, is sent at the slowest that we wait for before the errand's time is over."""
    body = webhook.LARGEST * 4 / 3
    assert body / http.SLOWEST + http.ANSWER_SECONDS < PATIENCE


def test_a_body_that_is_too_large(hook: Hook, target: Target) -> None:
    """Where the receiver's web server takes no such body, the post goes without the files, and stays so."""
    hook.answers = [(413, b"", {}), (503, b"", {})]
    raw, files = mail_with([("a.png", b"12345")])
    tries = Tries(Posting(POST.to, "Files", attachments=files), raw)
    with pytest.raises(Transient):
        tries.at(target)
    tries.at(target)
    told = [json.loads(body)["attachments"][0]["content"] for _, _, body in hook.asked]
    assert told == ["MTIzNDU=", None, None]


def test_very_many_files(hook: Hook, target: Target) -> None:
    """Of very many files a hundred go along, and the others are counted."""
    raw, files = mail_with([(f"{number}.png", b"x") for number in range(120)])
    Tries(Posting(POST.to, "Files", attachments=files), raw).at(target)
    told = json.loads(hook.asked[0][2])
    assert (len(told["attachments"]), told["attachments_left_out"]) == (100, 20)


def test_the_secret_is_read_when_it_is_needed(hook: Hook, target: Target, tmp_path: Path) -> None:
    """A secret that has gone defers the mail."""
    (tmp_path / "key").unlink()
    with pytest.raises(Away, match="we cannot read our secret_file"):
        Tries(POST).at(target)
    assert not hook.asked
