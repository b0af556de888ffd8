"""Answers of responders: vacation, out of office, tickets, challenges."""

from __future__ import annotations

from tests.screening.forms.drafts import TONGUES, Dice, Draft, mail, multipart, subject, text_part, topic, words_part

Fields = tuple[tuple[str, str], ...]
ABSENT = (
    "Out of office",
    "Automatic reply: hello",
    "Abwesenheitsnotiz",
    "Absence du bureau",
    "Автоответ",
    "自動返信",
    "Fuera de oficina",
)


def _answer(dice: Dice) -> Fields:
    """From somebody, in reply to something, in some language."""
    topics = (*ABSENT, f"Re: {dice.choice(TONGUES)[2]}")
    answered = dice.message_id()
    return (
        ("From", dice.author()),
        ("To", dice.person()),
        ("Date", "Mon, 2 Nov 2026 09:00:00 +0000"),
        ("Message-ID", dice.message_id()),
        subject(dice, dice.choice(topics)),
        *dice.choice(((("In-Reply-To", answered), ("References", answered)), ())),
    )


def _text(dice: Dice) -> tuple[Fields, str]:
    if dice.random() < 0.5:
        return text_part(dice)
    return multipart(dice, "multipart/alternative", words_part(dice), words_part(dice))


def _reply(dice: Dice, *more: tuple[str, str]) -> Draft:
    """An answer with some fields, with any path."""
    fields, body = _text(dice)
    return mail(dice.path(None, "<ann@example.org>", "<MAILER-DAEMON>"), _answer(dice), more, fields, body=body)


def sieve_vacation(dice: Dice) -> Draft:
    """Sieve (RFC 5230): the null path, and the field of RFC 3834."""
    fields, body = _text(dice)
    head = (("Auto-Submitted", "auto-replied (vacation)"), ("X-Sieve", "Pigeonhole Sieve 0.5.19"))
    return mail(dice.path(), _answer(dice), head, fields, body=body)


def exim_autoreply(dice: Dice) -> Draft:
    """Exim's autoreply transport."""
    return _reply(dice, ("Auto-Submitted", "auto-replied"))


def zimbra(dice: Dice) -> Draft:
    """Zimbra."""
    return _reply(dice, ("Auto-Submitted", "auto-replied (zimbra; vacation)"), ("Precedence", "bulk"))


def gmail_vacation(dice: Dice) -> Draft:
    """Gmail: three fields."""
    return _reply(dice, ("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"), ("X-Autoreply", "yes"))


def gmail_field_alone(dice: Dice) -> Draft:
    """One of them."""
    return _reply(dice, ("X-Autoreply", dice.choice(("yes", "YES", "true", "1", ""))))


def exchange_online(dice: Dice) -> Draft:
    """Out of office of Exchange Online, which calls itself auto-generated; its path is null."""
    head = (
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-MS-Exchange-Generated-Message-Source", "Mailbox Rules Agent"),
        ("X-MS-Exchange-Inbox-Rules-Loop", dice.person()),
    )
    fields, body = _text(dice)
    return mail(dice.path(), _answer(dice), head, fields, body=body)


def exchange_server(dice: Dice) -> Draft:
    """Out of office of Exchange on its own: one of its fields, under the null path."""
    loop = ("X-MS-Exchange-Inbox-Rules-Loop", dice.person())
    source = ("X-MS-Exchange-Generated-Message-Source", dice.choice(("Mailbox Rules Agent", "mailbox rules agent")))
    fields, body = _text(dice)
    return mail(dice.path(), _answer(dice), dice.choice((loop, source)), fields, body=body)


def request_tracker(dice: Dice) -> Draft:
    """A ticket system: we have got your mail."""
    head = (("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"), ("X-RT-Loop-Prevention", "example.org"))
    return _reply(dice, *head, ("RT-Ticket", f"example.org #{dice.randint(1, 9999)}"))


def help_desk(dice: Dice) -> Draft:
    """Another one, with parameters of its own."""
    value = dice.choice(("auto-replied; owner-email=ann@example.org", "auto-replied;ticket=7", 'auto-replied; x="a; no"'))
    return _reply(dice, ("Auto-Submitted", value), ("X-Auto-Response-Suppress", "All"))


def comments_and_quotes(dice: Dice) -> Draft:
    """What the grammar of RFC 3834 allows, and what some write instead."""
    values = (
        "(no) auto-replied",
        "Auto-Replied",
        '"auto-replied"',
        '"auto-replied" (x)',
        "auto-replied(vacation)",
        "auto-replied (a (nested; no) comment)",
        "AUTO-REPLIED ; a=b",
        "auto-replied, vacation",
        "auto-replied vacation",
    )
    return _reply(dice, ("Auto-Submitted", dice.choice(values)))


def several_fields(dice: Dice) -> Draft:
    """Two programs have had their say."""
    other = dice.choice(("no", "auto-generated", ""))
    return _reply(dice, ("Auto-Submitted", other), ("Auto-Submitted", "auto-replied"))


def challenge_of_tmda(dice: Dice) -> Draft:
    """A challenge: answer this, and your mail is let through."""
    return _reply(dice, ("Auto-Submitted", "auto-replied"), ("X-Delivery-Agent", "TMDA/1.1.12"))


def challenge_of_boxtrapper(dice: Dice) -> Draft:
    """A challenge of cPanel's."""
    return _reply(dice, *dice.sample((("X-Autorespond", ""), ("Preference", "auto_reply"), ("X-Precedence", "auto_reply")), 1))


def cpanel(dice: Dice) -> Draft:
    """The responder of cPanel."""
    return _reply(dice, ("X-Autorespond", "Re: hello"), ("Precedence", "auto_reply"), ("X-Precedence", "auto_reply"))


def precedence(dice: Dice) -> Draft:
    """The one value of Precedence that has a meaning of its own."""
    return _reply(dice, ("Precedence", dice.choice(("auto_reply", "Auto_Reply", "auto_reply (x)"))))


def communigate(dice: Dice) -> Draft:
    """CommuniGate Pro."""
    return _reply(dice, ("X-Autogenerated", dice.choice(("Reply", "reply"))))


def mailtraq(dice: Dice) -> Draft:
    """Mailtraq."""
    return _reply(dice, ("X-POST-MessageClass", "9; Autoresponder"))


def domain_technologie(dice: Dice) -> Draft:
    """Domain Technologie Control."""
    return _reply(dice, dice.choice((("X-AutoReply-From", dice.person()), ("X-Mail-Autoreply", dice.choice(("yes", "1"))))))


def qmail_autoresponder(dice: Dice) -> Draft:
    """A responder for qmail, which breaks loops by a field of the maildrop."""
    return _reply(dice, ("Delivered-To", dice.choice(("Autoresponder", "autoresponder"))), ("Delivered-To", dice.person()))


def others(dice: Dice) -> Draft:
    """Fields of shops, panels and scripts."""
    names = ("X-Amazon-Auto-Reply", "X-Autoresponder", "X-Auto-Reply", "X-Vacation")
    return _reply(dice, (dice.choice(names), dice.choice(("yes", "true", "1"))))


def from_a_postmaster(dice: Dice) -> Draft:
    """A postmaster is on vacation."""
    fields, body = _text(dice)
    author = ("From", f"Postmaster <postmaster@{dice.domain()}>")
    return mail(dice.path(), author, topic(dice), ("Auto-Submitted", "auto-replied"), fields, body=body)


def another_mailproc(dice: Dice) -> Draft:
    """Another installation of this program, behind a gateway that left one of its marks."""
    serial = "".join(dice.choice("0123456789abcdef") for _ in range(32))
    marks = (("X-Loop", f"mailproc/{dice.domain()}"), ("Message-ID", f"<mailproc.{serial}@{dice.domain()}>"))
    return _reply(dice, dice.choice(marks))
