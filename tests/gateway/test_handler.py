"""Mail to the gateway: what is posted, what is refused, what waits, and what is told of it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailproc import Address, SettingsError
from mailproc.gateway import tables
from mailproc.gateway.addresses import entries, revoke
from mailproc.gateway.handler import Gateway
from mailproc.gateway.posting import Channel, Direct, File, Posting
from mailproc.plugins import resolve
from mailproc.testing import Delivered, make_mail
from tests.gateway.conftest import DOMAIN, Chat

TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
LUNCH = Channel("general", "lunch", 4711)
LATER = "450 4.7.1 Too many mails for this gateway; try again later"
GONE = "550 5.1.1 Bad destination mailbox address: it is not valid, or no longer"


def post_of(delivered: Delivered) -> Posting:
    """The one post that a mail became."""
    assert delivered.disposition == "handled", delivered.reason + delivered.traceback
    (wanted,) = delivered.errands
    return Posting.of(wanted.payload)


def counted(chat: Chat) -> int:
    """How many mails count against the rates."""
    with chat.office.session() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(tables.rate)) or 0


def uses(chat: Chat) -> list[int]:
    """How often each address was used."""
    with chat.office.session() as session:
        return [each.uses for each in entries(session)]


def test_mail_is_posted_in_the_channel_of_its_address(chat: Chat) -> None:
    """Under its subject, from whomever it is, with nothing above its text."""
    delivered = chat.deliver(chat.channel("general"), sender="stranger@example.net", subject="Re: Lunch")
    assert post_of(delivered) == Posting(to=Channel("general", "Lunch"), body="At noon.")
    assert delivered.reason == "for the channel general by address 1"
    assert (counted(chat), uses(chat)) == (1, [1])


def test_a_client_at_a_door_hears_that_it_was_taken(chat: Chat) -> None:
    """At RCPT and at the end; in upper case, too."""
    address = chat.channel().replace("general.", "Some-Name+").upper()
    assert chat.office.submit(make_mail(to=address, text="At noon.\n")).line().startswith("250 2.0.0 OK: ")


def test_options_in_the_address_change_what_is_posted(chat: Chat) -> None:
    """The sender is decoded, name and address alike; footer and quotes stay."""
    text = "At noon.\n\nOn Monday Bob wrote:\n> Where?\n\n--\nAnn\n"
    address = chat.channel("general", options=["show-sender"])
    sender = "=?utf-8?q?Z=C3=B6e?= <zoe@example.net>"
    raw = make_mail(to=address, text=text).replace(b"From: ann@example.com", b"From: " + sender.encode())
    plain = post_of(chat.office.deliver(raw))
    assert (plain.sender, plain.body) == ("Z\u00f6e <zoe@example.net>", "At noon.")
    whole = post_of(chat.deliver(address.replace("@", ".include-quotes.include-footer@"), text=text))
    assert whole.body == text.rstrip()
    marked_up = post_of(chat.deliver(address.replace(".show-sender", "+prefer-html"), html="<p>At <b>noon</b>.</p>"))
    assert marked_up == Posting(to=Channel("general", "Lunch"), body="At **noon**.")


def test_what_is_forwarded_is_posted_with_its_quotes(chat: Chat) -> None:
    """The subject says it, at its beginning."""
    text = "See below.\n\nOn Monday Bob wrote:\n> Where is lunch?\n"
    assert "Where is lunch?" in post_of(chat.deliver(chat.channel(), subject="[Fwd: Lunch]", text=text)).body
    assert "Where is lunch?" not in post_of(chat.deliver(chat.channel(), subject="Re: Fwd: Lunch", text=text)).body


def test_a_subject_that_is_no_topic_is_shown(chat: Chat) -> None:
    """Whole, where it had to be cut; and where the channels have no topics."""
    long = "A word about " + "lunch " * 20
    post = post_of(chat.deliver(chat.channel(), subject=long))
    assert isinstance(post.to, Channel)
    assert (len(post.to.topic), post.to.topic[-3:], post.subject) == (60, "...", long.strip())
    chat.changed(topics="empty")
    post = post_of(chat.deliver(chat.channel(), subject="Fwd: Lunch"))
    assert (post.to, post.subject) == (Channel("general", ""), "Lunch")
    chat.changed(topics="subject", topic_length=20)
    post = post_of(chat.deliver(chat.channel(), subject="x" * 21))
    assert post.to == Channel("general", "x" * 17 + "...")
    assert post_of(chat.deliver(chat.channel(), subject="x" * 20)).subject is None


def test_attachments_are_named_by_their_place_in_the_mail(chat: Chat) -> None:
    """With what they say they are; their bytes stay in the archive."""
    files = [("r\u00e9sum\u00e9.pdf", b"%PDF-"), ("../../lunch.png", b"PNG!")]
    post = post_of(chat.deliver(chat.channel(), attachments=files))
    assert post.attachments == (File(0, "r\u00e9sum\u00e9.pdf", "application/pdf", 5), File(1, "lunch.png", "image/png", 4))


def test_of_a_long_text_no_more_is_kept_than_is_posted(chat: Chat) -> None:
    """One character more, by which it is seen that it was cut."""
    assert len(post_of(chat.deliver(chat.channel(), text="lunch " * 9000)).body) == 10_001
    chat.changed(message_length=2000)
    assert len(post_of(chat.deliver(chat.channel(), text="lunch " * 9000)).body) == 2001


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_mail_that_says_nothing_is_dropped(chat: Chat, text: str) -> None:
    """It is no use of the address, and counts for nothing."""
    delivered = chat.deliver(chat.channel(), text=text)
    assert (delivered.disposition, delivered.reason, delivered.errands) == ("dropped", "the text of the mail is empty", ())
    assert (counted(chat), uses(chat)) == (0, [0])


def test_automatic_mail_is_posted_in_a_channel(chat: Chat) -> None:
    """Builds, monitors and lists are what a channel's address is for."""
    for headers in ({"Auto-Submitted": "auto-generated"}, {"Precedence": "bulk"}, {"List-Id": "<all.example.net>"}):
        assert chat.deliver(chat.channel(), headers=headers).disposition == "handled"


def test_a_bad_signature_keeps_no_mail_out(chat: Chat) -> None:
    """The address entitles, and not the sender; the whole mail is posted."""
    text = "-----BEGIN PGP SIGNED MESSAGE-----\n\nAt noon.\n-----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----\n"
    assert post_of(chat.deliver(chat.channel(), text=text)).body == "At noon."


def test_a_mail_to_two_channels_is_posted_in_both(chat: Chat) -> None:
    """Once in each, also where no mail server has written down for whom it came; each counts."""
    to = [chat.channel("general"), chat.channel("random"), chat.reply(LUNCH)]
    chat.office._drop.add(make_mail(to=", ".join(to), subject="Lunch", text="At noon.\n"), arrival=chat.office.now)
    chat.office._handle()
    with chat.office.session() as session:
        payloads = session.scalars(sa.text("SELECT payload FROM mailproc_errand ORDER BY id")).all()
    posts = [Posting.of(json.loads(payload)).to for payload in payloads]
    assert sorted(posts, key=repr) == [Channel("general", "Lunch"), LUNCH, Channel("random", "Lunch")]
    assert (counted(chat), uses(chat)) == (2, [1, 1, 1])


def test_brackets_round_an_address_are_none_of_it(chat: Chat) -> None:
    """As servers write a path; a name may be missing."""
    address = chat.channel().removeprefix("general.")
    assert post_of(chat.office.deliver(make_mail(to="x@example.org", text="At noon.\n"), to=f"<{address}>")).body == "At noon."


def test_a_header_chooses_no_address_at_a_door(chat: Chat) -> None:
    """The envelope does, whatever is written in the mail."""
    other, address = chat.channel("random"), chat.channel("general")
    fields = dict.fromkeys(["X-RcptTo", "Delivered-To", "X-Original-To", "Resent-To", "Cc"], other)
    assert chat.office.submit(make_mail(to=other, text="At noon.\n", headers=fields), to=address).code == 250
    assert uses(chat) == [0, 1]


def test_the_same_mail_is_posted_once(chat: Chat) -> None:
    """However often it comes."""
    raw, address = make_mail(to="x@example.org", text="At noon.\n"), chat.channel()
    assert len({chat.office.deliver(raw, to=address).id for _ in range(3)}) == 1
    assert (counted(chat), uses(chat)) == (1, [1])


def test_an_answer_is_posted_in_its_users_name(chat: Chat) -> None:
    """Whoever writes it, whatever its subject, without what it quotes; a topic is followed by a message of it."""
    text = "Yes!\n\nOn Monday Bob wrote:\n> Coming?\n"
    address = chat.reply(LUNCH, "ann@example.com")
    mail = {"sender": "ann@private.example", "subject": "Fwd: nonsense", "text": text, "attachments": [("a.txt", b"a")]}
    delivered = chat.deliver(address, **mail)
    files = (File(0, "a.txt", "text/plain", 1),)
    assert post_of(delivered) == Posting(to=LUNCH, body="Yes!", attachments=files, user="ann@example.com")
    direct = chat.reply(Direct(("bob@example.com", "9")), "17")
    assert post_of(chat.deliver(direct)) == Posting(to=Direct(("bob@example.com", "9")), body="At noon.", user="17")
    assert delivered.reason == "for the channel general by address 1"


def test_a_reply_address_serves_again_and_again(chat: Chat) -> None:
    """Each answer is counted at the address, and none against the rates."""
    chat.changed(rates=("1/60",))
    address = chat.reply(LUNCH)
    assert [chat.deliver(address).disposition for _ in range(5)] == ["handled"] * 5
    assert (counted(chat), uses(chat)) == (0, [5])


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "Auto-Replied; owner-email=ann@example.com"},
        {"Auto-Submitted": "auto-generated"},
        {"X-Autoreply": "yes"},
        {"Precedence": "bulk"},
    ],
)
def test_no_machine_answers(chat: Chat, headers: dict[str, str]) -> None:
    """That is decided before the address is looked up: an unknown one is answered in the same way."""
    for address in (chat.reply(LUNCH), f"mm{TOKEN}@{DOMAIN}"):
        delivered = chat.deliver(address, headers=headers)
        assert delivered.disposition == "dropped"
        assert delivered.reason.startswith("an automatic mail (")
    assert uses(chat) == [0]


Spoil = Callable[[Chat, Any], None]


def revoked(chat: Chat, session: Any) -> None:
    """Revoke the address."""
    revoke(session, 1)


def expired(chat: Chat, session: Any) -> None:
    """Let its time be over."""
    session.execute(sa.update(tables.address).values(expires_at=chat.office.now))


def used_up(chat: Chat, session: Any) -> None:
    """Let there be no use left."""
    session.execute(sa.update(tables.address).values(max_uses=3, uses=3))


def forgotten(chat: Chat, session: Any) -> None:
    """Let it be one that was never given out."""
    session.execute(sa.delete(tables.address))


@pytest.mark.parametrize("spoil", [revoked, expired, used_up, forgotten])
@pytest.mark.parametrize("kind", ["channel", "reply"])
def test_an_address_that_is_not_valid_is_refused(chat: Chat, kind: str, spoil: Spoil) -> None:
    """At RCPT and after it, in the same words whatever is the matter with it."""
    address = chat.channel() if kind == "channel" else chat.reply(LUNCH)
    with chat.office.session() as session:
        spoil(chat, session)
    assert chat.office.submit(make_mail(to=address, text="x")).line() == GONE
    delivered = chat.deliver(address)
    assert (delivered.disposition, delivered.reason) == ("rejected", GONE.removeprefix("550 5.1.1 "))
    assert delivered.errands == ()


def test_every_address_without_a_post_costs_the_same_questions(chat: Chat) -> None:
    """One look into the table, whether there is nothing, or something that is not valid."""
    asked: list[str] = []
    addresses = [chat.channel(), f"general.{TOKEN}@{DOMAIN}"]
    with chat.office.session() as session:
        revoke(session, 1)
    questions = []
    for address in addresses:
        with chat.office.session() as session:
            listen = sa.event.listens_for(session.get_bind(), "before_cursor_execute")
            heard = listen(lambda *call: asked.append(str(call[2])))
            chat.gateway.accepts(Address.parse(address), session)
            sa.event.remove(session.get_bind(), "before_cursor_execute", heard)
        questions.append([statement for statement in asked if "gateway_address" in statement])
        asked.clear()
    assert questions[0] == questions[1]
    assert len(questions[0]) == 1


@pytest.mark.parametrize("local", ["general", "show-sender", "mmathers", "<x", "."])
def test_what_has_no_token_is_refused(chat: Chat, local: str) -> None:
    """With another word: of what form an address has to be is no secret."""
    told = "550 5.1.1 Bad destination mailbox address: it is none of this gateway's"
    assert chat.office.submit(make_mail(to="x@example.org", text="x"), to=f"{local}@{DOMAIN}").line() == told


def test_a_refusal_is_reported_to_a_known_sender(chat: Chat) -> None:
    """As a delivery status notification (RFC 3464), where an answer is allowed at all."""
    chat.office.user("ann", "ann@example.com")
    chat.office.bind(DOMAIN, chat.gateway)
    (sent,) = chat.deliver(f"general.{TOKEN}@{DOMAIN}").sent
    assert sent.to == "ann@example.com"
    assert b"Status: 5.1.1" in sent.raw


def test_mail_over_the_rate_waits_and_is_not_lost(chat: Chat) -> None:
    """A client is told to come again, and in polling it is tried again; both when the window has passed."""
    chat.changed(rates=("2/10",))
    address = chat.channel()
    raw = make_mail(to=address, text="At noon.\n")
    assert [chat.deliver(address).disposition for _ in range(2)] == ["handled", "handled"]
    late = chat.deliver(address)
    assert (late.disposition, late.reason) == ("deferred", "the gateway, whose channels take 2 mails in 10 s")
    assert chat.office.submit(raw).line() == LATER
    assert chat.office.submit(make_mail(to=f"general.{TOKEN}@{DOMAIN}")).code == 550
    assert (counted(chat), uses(chat)) == (2, [2])
    with chat.office.session() as session:
        session.execute(sa.update(tables.rate).values(at=chat.office.now - timedelta(hours=1)))
    assert chat.office.retry(late, after=timedelta(hours=1)).disposition == "handled"
    assert chat.office.submit(raw).code == 250
    assert (counted(chat), uses(chat)) == (2, [4])


def test_a_door_that_has_said_yes_may_still_have_to_say_later(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others came between RCPT and the end of the data; the client keeps the mail."""
    chat.changed(rates=("1/60",))
    address = chat.channel()
    chat.deliver(address)
    monkeypatch.setattr(Gateway, "accepts", lambda self, address: True)
    assert chat.office.submit(make_mail(to=address, text="x")).line() == LATER


def test_two_gateways_share_a_database_and_nothing_else(chat: Chat) -> None:
    """An address of one is none of the other, and each has its own rate."""
    other = replace(chat.gateway, pattern="news+%s@example.org", realm="", rates=("1/60",))
    chat.office.bind("example.org", other, drop=["bounce", "loop"], trust=[])
    foreign = chat.channel().replace("general.", "news+general.").replace(DOMAIN, "example.org")
    assert chat.office.submit(make_mail(to=foreign)).line() == GONE
    here = Chat(chat.office, other)
    assert here.deliver(here.channel("general")).disposition == "handled"
    assert here.deliver(here.channel("general")).disposition == "deferred"
    assert chat.deliver(chat.channel("general")).disposition == "handled"


def test_addresses_live_on_when_the_domain_changes(chat: Chat) -> None:
    """Under the name of their realm; the old domain is as good as the new one."""
    old = chat.channel()
    chat.gateway = replace(chat.gateway, pattern="%s@talk.example.org", extra_domains=(DOMAIN,), realm=DOMAIN)
    chat.bind()
    chat.office.bind("talk.example.org", chat.gateway, drop=["bounce", "loop"], trust=[])
    assert chat.channel() == old.replace(DOMAIN, "talk.example.org")
    assert chat.deliver(old).disposition == "handled"
    assert chat.deliver(chat.channel()).disposition == "handled"


def test_no_log_has_an_address(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    """Neither one that is valid nor one that was; which one it was is said where mail is refused."""
    caplog.set_level(logging.DEBUG)
    addresses = [chat.channel(), chat.reply(LUNCH), chat.channel("random")]
    with chat.office.session() as session:
        revoke(session, 3)
    for address in [*addresses, f"general.{TOKEN}@{DOMAIN}"]:
        chat.deliver(address)
    told = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("mailproc"))
    assert not any(address.partition("@")[0][-32:] in told for address in [*addresses, TOKEN])
    assert f"mail to {'X' * 39}@{DOMAIN} <Address to channel: 3> is refused" in told
    assert f"mail to {'X' * 40}@{DOMAIN} <Invalid address> is refused" in told


def test_an_address_is_shown_without_what_entitles(chat: Chat) -> None:
    """To whom the ledger is reported: by its form alone."""
    shown = [chat.gateway.shown(Address.parse(each)) for each in (chat.channel(), chat.reply(LUNCH), f"ann@{DOMAIN}")]
    assert shown == [
        f"{'X' * 40}@{DOMAIN} <Address to channel>",
        f"{'X' * 34}@{DOMAIN} <Reply address>",
        f"XXX@{DOMAIN} <Invalid address>",
    ]
    assert chat.gateway.shown(Address("a\x1b" + "b" * 5000, DOMAIN)).isprintable()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"pattern": "chat@example.org"}, "handler.chat: pattern: must be like"),
        ({"extra_domains": ["@old.example.net"]}, "handler.chat: extra_domains: '@old.example.net' is no domain"),
        ({"rates": ["50"]}, "handler.chat: rates: '50' is no rate"),
        ({"topics": "none"}, "topics"),
        ({"topic_length": 3}, "handler.chat: topic_length: must be 10 to 1000 characters"),
        ({"target": "irc"}, "target"),
        ({"url": "ftp://example.org"}, "handler.chat: url: must be"),
        ({"secret_file": "missing"}, "handler.chat: secret_file: "),
        ({"patern": "x"}, "handler.chat.patern: there is no such option; did you mean pattern?"),
    ],
)
def test_a_mistake_is_one_line(hook: Gateway, tmp_path: Path, options: dict[str, object], told: str) -> None:
    """It names the option, before any mail is touched."""
    good = {"use": "gateway", "pattern": hook.pattern, "target": "webhook", "url": hook.url, "secret_file": "hook.secret"}
    assert isinstance(resolve("chat", {"chat": good}, tmp_path).handler, Gateway)
    with pytest.raises(SettingsError) as caught:
        resolve("chat", {"chat": {**good, **options}}, tmp_path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Error: " not in str(caught.value)


def test_what_was_committed_is_posted_afterwards(chat: Chat, tmp_path: Path) -> None:
    """Once each, at a service that knows our secret; a service that is away is asked again."""
    program = Path(__file__).parent / "targets" / "receiver.py"
    command = [sys.executable, str(program), str(tmp_path / "hook.secret"), "0"]
    receiver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert receiver.stdout
    try:
        chat.changed(url=f"http://127.0.0.1:{int(receiver.stdout.readline())}/mail")
        mails = [chat.deliver(chat.channel()), chat.deliver(chat.reply(LUNCH), text="Yes!\n")]
        for _ in range(2):
            chat.office.perform()
        assert [chat.office.look(mail).errands[0].state for mail in mails] == ["done", "done"]
        heard = [receiver.stdout.readline() for _ in mails]
    finally:
        receiver.kill()
        receiver.wait()
    assert receiver.stdout.read() == ""
    assert ["At noon." in heard[0], "Yes!" in heard[1]] == [True, True]
    receiver.stdout.close()
    late = chat.deliver(chat.channel())
    chat.office.perform()
    (wanted,) = chat.office.look(late).errands
    assert (wanted.state, wanted.attempts) == ("waiting", 1)


def test_the_domains_default_policy_is_not_the_gateways(chat: Chat) -> None:
    """An operator who forgets `drop` sees machines' mail dropped by screening, which the documents say."""
    chat.office.bind(DOMAIN, chat.gateway)
    delivered = chat.deliver(chat.channel(), headers={"Auto-Submitted": "auto-generated"})
    assert (delivered.disposition, delivered.errands) == ("dropped", ())
