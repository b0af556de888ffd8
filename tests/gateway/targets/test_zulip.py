"""Posting to Zulip: these facts hold at the small one of the tests and at a real one."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mailproc import Rejected, Transient
from mailproc.gateway.posting import Channel, Direct, Posting
from tests.gateway.targets.errands import Tries, mail_with
from tests.gateway.targets.realm import Realm, key_file


def test_a_message(realm: Realm, topic: str) -> None:
    """A text is posted in its topic as it is, and the note says where."""
    said = Tries(Posting(Channel(realm.channel, topic), "Grüße & 100 % = `code`")).at(realm.target)
    assert realm.contents(topic) == ["Grüße & 100 % = `code`"]
    assert re.fullmatch(rf"message \d+ in channel {realm.channel} > {topic}", said)


def test_a_channel_by_its_id(realm: Realm, topic: str) -> None:
    """A name of digits alone is the channel's id, which lasts when the channel is renamed."""
    Tries(Posting(Channel(realm.channel, topic), "by name")).at(realm.target)
    channel = realm.ask("GET", f"/messages/{realm.messages(topic)[-1]['id']}?apply_markdown=false")["message"]["stream_id"]
    Tries(Posting(Channel(str(channel), topic), "by id")).at(realm.target)
    assert realm.contents(topic) == ["by name", "by id"]


def test_the_topic_of_a_message(realm: Realm, topic: str) -> None:
    """An answer goes where the message is that it answers, whatever the topic was when its address was made."""
    Tries(Posting(Channel(realm.channel, topic), "question")).at(realm.target)
    Tries(Posting(Channel(realm.channel, f"old {topic}", realm.messages(topic)[-1]["id"]), "answer")).at(realm.target)
    assert realm.contents(topic) == ["question", "answer"]


def test_a_message_that_has_gone(realm: Realm, topic: str) -> None:
    """Where the message cannot be found any more, the topic counts that the address was made for."""
    Tries(Posting(Channel(realm.channel, topic, 2**31 - 1), "answer")).at(realm.target)
    assert realm.contents(topic) == ["answer"]


def test_files(realm: Realm, topic: str) -> None:
    """The files of a mail are uploaded, and the text links to them in their order."""
    raw, files = mail_with([("plan.png", b"plan"), ("ärger [1].png", b"trouble")])
    Tries(Posting(Channel(realm.channel, topic), "See the files.", attachments=files), raw).at(realm.target)
    [content] = realm.contents(topic)
    assert re.fullmatch(
        r"See the files\.\n\n\[plan\.png\]\(/user_uploads/[^ ()]+\.png\)\n\[.rger .*\]\(/user_uploads/[^ ()]+\.png\)", content
    )


def test_a_direct_message(realm: Realm) -> None:
    """A conversation is named by addresses or by ids."""
    own = str(realm.ask("GET", "/users/me")["user_id"])
    for users in ((realm.email,), (own,)):
        assert Tries(Posting(Direct(users), "to myself")).at(realm.target).endswith(" in a direct message to 1")


def test_no_such_channel(realm: Realm, topic: str) -> None:
    """A channel that is not there is told to whom it concerns, and the errand ends."""
    with pytest.raises(Rejected, match=r"The chat does not take it: .*'no such channel' does not exist"):
        Tries(Posting(Channel("no such channel", topic), "lost")).at(realm.target)


@pytest.mark.parametrize("user", ["nobody@example.invalid", "999999999"])
def test_no_such_user(realm: Realm, topic: str, user: str) -> None:
    """Nothing is posted for a user who is not there."""
    with pytest.raises(Rejected, match=f"The user {user} is not active"):
        Tries(Posting(Channel(realm.channel, topic), "lost", user=user)).at(realm.target)


def test_in_the_name_of_a_user(realm: Realm, topic: str) -> None:
    """What was written for a user is posted by the bot, and says whose it is without notifying them."""
    me = realm.ask("GET", "/users/me")
    Tries(Posting(Channel(realm.channel, topic), "I agree.", user=realm.email)).at(realm.target)
    assert realm.contents(topic) == [f"@_**{me['full_name']}|{me['user_id']}** wrote:\n\nI agree."]


def test_a_try_of_which_nobody_knows(realm: Realm, topic: str) -> None:
    """A message that an earlier try has posted is found again by its text, and not posted twice."""
    tries = Tries(Posting(Channel(realm.channel, topic), "Once, and no more\n\n*only*"))
    first = tries.at(realm.target)
    del tries.progress["posted"]
    assert tries.at(realm.target) == first
    assert len(realm.contents(topic)) == 1


def test_a_try_that_did_not_come_through(realm: Realm, topic: str) -> None:
    """Where an earlier try has posted nothing, it is posted."""
    tries = Tries(Posting(Channel(realm.channel, topic), "late"))
    target = realm.target
    tries.at(target)
    lost = Tries(Posting(Channel(realm.channel, topic), "later"), id="r8.gateway.0", progress=dict(tries.progress))
    del lost.progress["posted"]
    lost.at(target)
    assert realm.contents(topic) == ["late", "later"]


def test_the_same_text_of_two_mails(realm: Realm, topic: str) -> None:
    """Two mails that say the same are two messages, even where it is not known what became of the second one."""
    post, target = Posting(Channel(realm.channel, topic), "The disk is full."), realm.target
    Tries(post, id="r1.gateway.0").at(target)
    second = Tries(post, id="r2.gateway.0")
    second.at(target)
    del second.progress["posted"]
    said = second.at(target)
    assert len(realm.contents(topic)) == 2
    assert said == f"message {realm.messages(topic)[-1]['id']} in channel {realm.channel} > {topic}"


def test_a_wrong_key(realm: Realm, topic: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key that is not taken defers the mail and is an error of the operator's; the key is in no log."""
    wrong = "abcdefghijklmnopqrstuvwxyz012345"
    realm = replace(realm, key_file=key_file(tmp_path, wrong))
    with caplog.at_level(logging.ERROR), pytest.raises(Transient, match=r"the chat \(http.*\): 401, it does not let us in"):
        Tries(Posting(Channel(realm.channel, topic), "hello")).at(realm.target)
    assert "401 " in caplog.text
    assert wrong not in caplog.text
