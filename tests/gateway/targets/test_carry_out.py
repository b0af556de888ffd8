"""From a mail to the message in the chat, through the handler and its errands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailproc.gateway.posting import Channel
from tests.gateway.conftest import Chat
from tests.gateway.targets.realm import key_file, shown
from tests.gateway.targets.zulip_server import EMAIL, Fault, ZulipServer, answering, lost_answer, not_heard, too_often


@pytest.fixture
def chat(chat: Chat, zulip: ZulipServer, tmp_path: Path) -> Chat:
    """The gateway, which posts to the small Zulip."""
    chat.changed(target="zulip", url=zulip.url, email=EMAIL, api_key_file=key_file(tmp_path), secret_file=None)
    return chat


def test_a_mail_becomes_a_message(chat: Chat, zulip: ZulipServer) -> None:
    """Text and files of a mail are in the channel, and the ledger says which message it is."""
    delivered = chat.deliver(chat.channel(), attachments=[("a.txt", b"A"), ("b.png", b"B")])
    assert not zulip.asked
    chat.office.perform()
    [message] = zulip.messages
    [errand] = chat.office.look(delivered).errands
    assert (message["display_recipient"], message["subject"]) == ("general", "Lunch")
    assert message["content"].startswith("At noon.\n\n[a.txt](/user_uploads/")
    assert (errand.state, errand.note) == ("done", f"message {message['id']} in channel general > Lunch")
    assert [content for _, _, content in zulip.uploads.values()] == [b"A", b"B"]


@pytest.mark.parametrize("fault", [lost_answer, not_heard, answering(500), answering(401), too_often(3)])
def test_a_chat_that_is_away_for_a_while(chat: Chat, zulip: ZulipServer, fault: Fault) -> None:
    """After trouble of any kind each mail is posted once, and two that say the same are two messages."""
    zulip.faults["POST /messages"] = [fault]
    for _ in range(2):
        chat.deliver(chat.channel(), text="The disk is full.\n", subject="alert")
    chat.office.perform()
    chat.office.now += timedelta(minutes=5)
    chat.office.perform()
    assert [shown(message["content"]) for message in zulip.messages] == ["The disk is full."] * 2


def test_an_answer_by_mail(chat: Chat, zulip: ZulipServer) -> None:
    """An answer is posted for its user, in the topic where the conversation is now."""
    number = zulip.post("moved", "At noon?", sender=9)
    chat.deliver(chat.reply(Channel("general", "Lunch", number), "ann@example.org"), text="Yes.\n")
    chat.office.perform()
    assert (zulip.messages[-1]["subject"], shown(zulip.messages[-1]["content"])) == ("moved", "@_**Ann|9** wrote:\n\nYes.")


def test_a_channel_that_has_gone(chat: Chat, zulip: ZulipServer) -> None:
    """A channel that is not there any more ends it, and the ledger says why."""
    delivered = chat.deliver(chat.channel("closed"))
    chat.office.perform()
    [errand] = chat.office.look(delivered).errands
    assert (errand.state, errand.note) == ("failed", "The chat does not take it: Channel 'closed' does not exist")


def test_an_address_outlasts_the_person_it_was_made_for(chat: Chat, zulip: ZulipServer) -> None:
    """Mail to a channel is posted by the bot, whatever has become of whoever asked for the address, until it is revoked."""
    zulip.users[1].is_active = False
    chat.deliver(chat.channel(creator="ann@example.org", sender="ann@example.org"))
    chat.office.perform()
    assert [shown(message["content"]) for message in zulip.messages] == ["At noon."]
