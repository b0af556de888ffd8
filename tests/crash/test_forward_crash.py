"""SIGKILL at every step of a forward to 50 people in 5 groups: who was noted is not served again, nobody more than twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, MaildirBox, make_mail
from tests.servers.relay import RelayServer

KILLED = -9
GROUPS = "abcde"
EVERYBODY = {f"{group}{number}@example.net" for group in GROUPS for number in range(10)}


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str, relay: RelayServer) -> Iterator[Installation]:
    """An installation with a maildrop of files: what differs between databases is shown by the crash table."""
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir"), relay=relay) as installation:
        yield installation


def served(relay: RelayServer) -> Counter[str]:
    """How often each was given the mail."""
    return Counter(to for mail in relay.received for to in mail.rcpt_tos)


def killed_at(installation: Installation, failpoint: str) -> set[str]:
    """The mail comes in, and the run is killed; answers who was noted as served."""
    installation.append(make_mail("1 forward 5 10"))
    assert installation.run(failpoint=failpoint).returncode == KILLED
    assert installation.dispositions() == ["handled"]
    return {row.recipient for row in installation.outbox() if row.sent_at}


def the_next_run_serves_the_rest(installation: Installation) -> None:
    """One more run, which nobody disturbs: everybody has the mail, in the words of their group."""
    assert installation.relay is not None
    done = installation.run()
    assert done.returncode == 0, done.stderr
    assert {row.recipient for row in installation.outbox() if row.sent_at} == EVERYBODY
    assert set(served(installation.relay)) == EVERYBODY
    assert len(installation.calls()) == 1
    words = defaultdict(set)
    for mail in installation.relay.received:
        words[mail.data].update(to[0] for to in mail.rcpt_tos)
    assert sorted(words.values()) == [{group} for group in GROUPS]
    assert not installation.state.pending


@pytest.mark.parametrize(
    ("failpoint", "noted"),
    [
        ("outbox-before-send:killall:1", 0),
        ("outbox-before-send:killall:3", 20),
        ("forward-recipient:killall:1", 0),
        ("forward-recipient:killall:25", 20),
        ("forward-recipient:killall:50", 40),
    ],
)
def test_killed_before_the_dot(installation: Installation, relay: RelayServer, failpoint: str, noted: int) -> None:
    """Between the replies to the recipients too: nobody of that group was sent anything, and everybody is served once."""
    assert len(killed_at(installation, failpoint)) == noted
    the_next_run_serves_the_rest(installation)
    assert set(served(relay).values()) == {1}


@pytest.mark.parametrize(
    ("failpoint", "noted"),
    [
        ("outbox-after-data:killall:1", 0),
        ("outbox-after-data:killall:4", 30),
        ("outbox-after-250:killall:1", 0),
        ("outbox-after-250:killall:5", 40),
    ],
)
def test_killed_after_the_dot(installation: Installation, relay: RelayServer, failpoint: str, noted: int) -> None:
    """Who was noted is served exactly once; the one group of which we cannot know is served again, with the same bytes."""
    known = killed_at(installation, failpoint)
    assert len(known) == noted
    the_next_run_serves_the_rest(installation)
    twice = {f"{GROUPS[noted // 10]}{number}@example.net" for number in range(10)}
    assert served(relay) == {to: 1 + (to in twice) for to in EVERYBODY}
    assert not known & twice
