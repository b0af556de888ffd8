"""SIGKILL at every step of a post with three files: there is one message with all of them, whatever was killed and when."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.installed import FILES, add_gateway, channel_of, mail_to
from tests.gateway.targets.hook import Hook
from tests.gateway.targets.realm import key_file, shown
from tests.gateway.targets.zulip_server import EMAIL, ZulipServer
from tests.installation import Installation, MaildirBox

KILLED = -9
CHAT, HOOKS = "chat.example.org", "hooks.example.org"
UPLOADS = ("gateway-post:killall:1", "gateway-post:killall:2", "gateway-post:killall:3")
POSTED = "gateway-post:killall:4"


@pytest.fixture(scope="module")
def zulip() -> Iterator[ZulipServer]:
    """The chat."""
    with ZulipServer() as server:
        yield server


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    """The service that stands before another chat."""
    with Hook() as server:
        yield server


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str, zulip: ZulipServer, hook: Hook) -> Iterator[Installation]:
    """An installation that posts to both; that errands are kept on both databases is shown with the errands."""
    zulip.reset()
    hook.reset()
    key = str(key_file(tmp_path))
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")) as installation:
        add_gateway(installation, "chat", CHAT, target="zulip", url=zulip.url, email=EMAIL, api_key_file=key)
        add_gateway(installation, "hook", HOOKS, target="webhook", url=hook.url, secret_file=key)
        yield installation


def killed_at(installation: Installation, failpoint: str, domain: str) -> None:
    """A mail to a channel comes in, and the run is killed; no mail is lost by it."""
    installation.append(mail_to(channel_of(installation, domain)))
    assert installation.run(failpoint=failpoint).returncode == KILLED
    assert len(installation.archived()) == 1
    assert installation.state.pending or installation.left_in_maildrop()


def the_next_run_posts_it(installation: Installation) -> None:
    """One more run, which nobody disturbs, brings it to its end."""
    done = installation.run()
    assert done.returncode == 0, done.stderr
    assert (installation.dispositions(), installation.left_in_maildrop()) == (["handled"], [])
    assert [state for state, _, _ in installation.errands()] == ["done"]
    assert installation.balance().balanced
    assert not installation.state.pending


def assert_one_message(zulip: ZulipServer) -> Counter[str]:
    """There is one message, whose links lead to all files; answers how often each file was uploaded."""
    [message] = zulip.messages
    assert (message["display_recipient"], message["subject"]) == ("general", "Lunch")
    text, links = shown(message["content"]).split("\n\n", 1)
    linked = dict(re.findall(r"\[(.*)\]\((.*)\)", links))
    assert text == "At noon."
    assert {name: zulip.uploads[path][2] for name, path in linked.items()} == FILES
    return Counter(name for name, _, _ in zulip.uploads.values())


@pytest.mark.parametrize(
    ("failpoint", "requests"),
    [
        ("handler-half:killall", 0),
        ("before-commit:killall", 0),
        ("after-commit:killall", 0),
        ("errand-start:killall", 0),
        (POSTED, 4),
        ("errand-done:killall", 4),
    ],
)
def test_killed_around_a_post(installation: Installation, zulip: ZulipServer, failpoint: str, requests: int) -> None:
    """There is one message and each file once, also where the crash fell between the post and our note of it."""
    killed_at(installation, failpoint, CHAT)
    assert len(zulip.asked) == requests
    the_next_run_posts_it(installation)
    assert assert_one_message(zulip) == Counter(FILES.keys())
    assert zulip.asked.count("POST /messages") == 1


@pytest.mark.parametrize(("failpoint", "twice"), list(zip(UPLOADS, FILES, strict=True)))
def test_killed_after_an_upload(installation: Installation, zulip: ZulipServer, failpoint: str, twice: str) -> None:
    """The file that was uploaded and not noted is there twice, once without a message; nothing else is."""
    killed_at(installation, failpoint, CHAT)
    assert not zulip.messages
    the_next_run_posts_it(installation)
    assert assert_one_message(zulip) == Counter([*FILES, twice])


@pytest.mark.parametrize(
    ("failpoint", "before", "requests"),
    [("errand-start:killall", 0, 1), ("gateway-post:killall", 1, 2), ("errand-done:killall", 1, 1)],
)
def test_killed_around_a_request(installation: Installation, hook: Hook, failpoint: str, before: int, requests: int) -> None:
    """A receiver that keeps the keys takes one post: what comes again has the same key, and is the same octet by octet."""
    killed_at(installation, failpoint, HOOKS)
    assert len(hook.asked) == before
    the_next_run_posts_it(installation)
    assert len(hook.asked) == requests
    [(key, body)] = {(header["Idempotency-Key"], body) for _, header, body in hook.asked}
    post = json.loads(body)
    assert key == json.dumps(post["id"])
    assert (post["text"], [file["name"] for file in post["attachments"]]) == ("At noon.", list(FILES))
