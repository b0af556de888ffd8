"""Opening bugs and commenting on them, from the maildrop to the answer: nothing is mocked, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bugs.mail import BugTracker
from bugs.models import Bug, Person, Subscription
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from mailproc import Delivery, Outcome, Trust, handler
from mailproc.testing import Delivered, PostOffice, make_mail

ANN, BOB, CID = "ann@example.com", "Bob@example.com", "cid@example.com"

Write = Callable[..., Delivered]
Told = Callable[[Delivered], str]
Now = Callable[[], Bug]
Said = Callable[[], list[tuple[str, str]]]
Names = Callable[[InstrumentedAttribute[str]], list[str]]


def bugs_in(office: PostOffice) -> int:
    """How many there are."""
    with office.session() as session:
        return session.scalar(select(func.count()).select_from(Bug)) or 0


# New bugs ----------------------------------------------------------------------------------------------------------------


def test_a_bug_is_opened(write: Write, office: PostOffice, said: Said, names: Names) -> None:
    """The subject is its title, the text its description, and who has opened it is told its number."""
    delivered = write("new", "It squeaks.\n\n status confirmed\n done\n\n-- \n Ann\n", subject="The door squeaks")
    assert (delivered.disposition, delivered.reason) == ("handled", "opened bug 1")
    (answer,) = delivered.sent
    assert (answer.to, answer.answer) == (ANN, True)
    assert "Your bug has the number 1. Write to 1@bugs.example.org" in answer.text
    with office.session() as session:
        bug = session.get_one(Bug, 1)
        assert (bug.title, bug.reporter, bug.status, bug.private) == ("The door squeaks", "ann", "confirmed", False)
    assert said() == [("ann", "It squeaks.\n\n\n-- \n Ann"), ("ann", "status: confirmed")]
    assert names(Subscription.person) == ["ann"]


def test_a_bug_that_is_none_is_not_opened(write: Write, told: Told, office: PostOffice) -> None:
    """Its sender is told, and nothing is made."""
    for subject, text, expected in [
        ("The door", "", "Your mail has no text."),
        ("The door", " status fixed\n", "Your mail has no text."),
        ("The door", "x" * 1001, "Your text is longer than 1000 characters."),
        ("", "It squeaks.", "A bug needs a title: the subject of your mail."),
        ("x" * 201, "It squeaks!", "A title has at most 200 characters."),
        ("The door", "It squeaks.\n private perhaps", 'It takes yes or no, and not "perhaps".'),
    ]:
        assert expected in told(write("new", text, subject=subject))
    assert bugs_in(office) == 0


def test_a_new_bug_must_be_signed(write: Write, told: Told, office: PostOffice) -> None:
    """Also without a command in it."""
    delivered = write("new", "It squeaks.", sender=CID, subject="The door", signed=False)
    assert delivered.disposition == "rejected"
    assert "Nothing proves that your mail is from you" in told(delivered)
    assert bugs_in(office) == 0


def test_a_domain_s_signature_will_do(office: PostOffice) -> None:
    """Who is proven by DKIM alone may open a bug: the handler looks at nothing but how sure we are."""

    @handler()
    def by_dkim(delivery: Delivery) -> Outcome:
        return BugTracker()(replace(delivery, sender=replace(delivery.sender, trust=Trust.STRONG, method="dkim")))

    office.bind("dkim.example.org", by_dkim)
    mail = make_mail(sender=CID, to="new@dkim.example.org", subject="The door", text="It squeaks.\n\n status fixed")
    assert office.deliver(mail).reason == "opened bug 1"


def test_a_bug_with_a_command_that_fails_is_opened(write: Write, told: Told) -> None:
    """The one answer tells both."""
    delivered = write("new", "It squeaks.\n status burnt", subject="The door")
    assert delivered.disposition == "rejected"
    assert "Failing command: status burnt" in told(delivered)
    assert "Everything else in your mail was carried out: opened bug 1." in told(delivered)


# Comments ----------------------------------------------------------------------------------------------------------------


def test_a_comment_needs_no_signature(write: Write, bug: Now, said: Said) -> None:
    """Without a command in it; the subscribers are told of it."""
    delivered = write("1", "Here too.\n\n  as I said", sender=CID, signed=False)
    assert (delivered.disposition, delivered.reason) == ("handled", "commented")
    assert said()[1:] == [("cid", "Here too.\n\n  as I said")]
    (mail,) = delivered.sent
    assert (mail.to, mail.subject, mail.answer) == (ANN, "[Bug 1] The door squeaks", False)
    assert mail.text.startswith("cid on bug 1, The door squeaks:\n\nHere too.\n\n|  as I said\n\n-- \n")


def test_nobody_is_told_what_they_said(write: Write, bug: Now) -> None:
    """Also not who is subscribed."""
    write("1", " subscribe", sender=BOB)
    assert [mail.to for mail in write("1", "Here too.", sender=BOB).sent] == [ANN]
    assert [mail.to for mail in write("1", "Really?").sent] == [BOB]


def test_a_comment_with_commands_must_be_signed(write: Write, told: Told, bug: Now, said: Said) -> None:
    """Else nothing of it is taken, and its sender is told what to do."""
    delivered = write("1", "Done.\n\n status fixed", sender=ANN, signed=False)
    assert delivered.disposition == "rejected"
    assert "Failing command: status fixed" in told(delivered)
    assert "sign the whole text with your OpenPGP key" in told(delivered)
    assert (bug().status, len(said())) == ("new", 1)


def test_a_comment_with_commands_is_carried_out(write: Write, bug: Now, said: Said) -> None:
    """Its sender gets no mail of it."""
    delivered = write("1", "Done.\n\n status fixed", sender=BOB)
    assert (delivered.disposition, delivered.reason) == ("handled", "commented, commands: 1")
    assert [mail.to for mail in delivered.sent] == [ANN]
    assert bug().status == "fixed"
    assert said()[1:] == [("bob", "Done."), ("bob", "status: fixed")]


def test_a_mail_without_text_is_no_comment(write: Write, bug: Now, said: Said) -> None:
    """There is nothing to do, and nobody to tell."""
    assert write("1", " \n").disposition == "dropped"
    assert len(said()) == 1


def test_a_bug_that_is_hidden_is_as_good_as_none(write: Write, told: Told, bug: Now) -> None:
    """Who may not see it is told the same as of a number that no bug has, to the letter."""
    write("1", " private yes")
    for text in ("Hello", " status fixed"):
        hidden, missing = (write(number, text, sender=BOB) for number in ("1", "2"))
        assert (hidden.disposition, hidden.reason) == ("rejected", "There is no bug 1.")
        assert told(hidden).replace("1@", "2@").replace("bug 1.", "bug 2.") == told(missing)
    assert write("1", "Hello").disposition == "handled"


def test_no_command_tells_of_a_hidden_bug(write: Write, told: Told, bug: Now) -> None:
    """It is the same text as for a number that no bug has."""
    write("1", " private yes")
    write("new", "Mine", subject="Mine", sender=BOB)
    for command in ("bug", "duplicate"):
        hidden, missing = (told(write("2", f" {command} {number}", sender=BOB)) for number in (1, 9))
        assert "There is no bug 1." in hidden
        assert hidden.replace("bug 1", "bug 9").replace("duplicate 1", "duplicate 9") == missing


# Addresses ---------------------------------------------------------------------------------------------------------------


def test_help_is_answered(write: Write, bug: Now, said: Said) -> None:
    """To everybody who is known, signed or not; nothing is written down."""
    for to, text in [("help", ""), ("HELP", "What?"), ("1", " help")]:
        (answer,) = write(to, text, sender=CID, signed=False).sent
        assert (answer.to, answer.answer) == (CID, True)
        assert "* private yes|no\nHide the bug from all but its subscribers" in answer.text
    assert len(said()) == 1


def test_help_is_not_for_strangers(office: PostOffice, write: Write) -> None:
    """Nor for who has left: their mail is dropped."""
    office.user("dan", "dan@example.com", active=False)
    for sender in ("eve@example.net", "dan@example.com"):
        delivered = write("help", "", sender=sender, signed=False)
        assert (delivered.disposition, delivered.sent) == ("dropped", ())


def test_there_are_no_other_addresses(office: PostOffice, write: Write, told: Told) -> None:
    """The sender is told which there are; a door refuses the address, but no number."""
    assert "There are new@, edit@, help@" in told(write("mutt", "x"))
    replies = [
        office.submit(make_mail(to=f"{local}@bugs.example.org", text=text)).code
        for local, text in [("mutt", "x"), ("1" * 10, "x"), ("7", "x"), ("help", "")]
    ]
    assert replies == [550, 550, 554, 250]


def test_a_person_is_written_to_at_the_address_they_proved(office: PostOffice, write: Write) -> None:
    """What stands in an unsigned From changes nothing."""

    def address() -> str:
        with office.session() as session:
            return session.get_one(Person, "ann").address

    write("new", "It squeaks.", subject="The door")
    write("1", "x", sender="ann@example.net", signed=False)
    assert address() == ANN
    write("1", "x", sender="ann@example.net")
    assert address() == "ann@example.net"


def test_what_subscribers_are_told_holds_no_command(write: Write, bug: Now) -> None:
    """A program that repeats it unmarked in an answer has nothing carried out in the name of who answers."""
    (mail,) = write("1", "Try:\n done\n private yes\n", sender=BOB).sent
    assert "\n| private yes\n" in mail.text
    assert write("1", mail.text).reason == "commented"
    assert not bug().private
