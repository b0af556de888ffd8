"""Commands in mails: which of them count, whose, and the one mail that tells what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailproc import Delivery, Outcome, handler
from mailproc.commands import CommandError, outcome_of
from mailproc.testing import Delivered, PostOffice, SigningKey, make_mail
from tests.commands.lamps import House, Lamp, commands

TO = "hall@lamps.example.org"
UNPROVEN = "Nothing proves that your mail is from you: it is not signed with a key that is registered for you"

Write = Callable[..., Delivered]


@handler()
def lamps(delivery: Delivery) -> Outcome:
    """Hang up the lamp that the address names, and do with it what is asked for; Bob is told."""
    asked = commands.asked(delivery)
    lamp = Lamp(name=delivery.recipient.local, label=asked.text)
    delivery.session.add(lamp)
    run = commands.run(asked, delivery.session, House(delivery.session), lamp)
    to_bob = delivery.mail("bob@example.com", "A lamp", f"{lamp.name} was hung up")
    send = [delivery.reply("Thank you."), to_bob] if "please" in asked.text else [to_bob]
    return outcome_of(delivery, run, f"hung up {lamp.name}", send=send)


@pytest.fixture
def office(installation: PostOffice) -> Iterator[PostOffice]:
    """The installation, for this test alone: no lamp has been hung up."""
    installation.bind("lamps.example.org", lamps)
    yield installation
    with installation.session() as session:
        session.query(Lamp).delete()


@pytest.fixture
def write(office: PostOffice, ann_key: SigningKey) -> Write:
    """Write a mail of Ann's, signed unless said otherwise."""

    def written(text: str, *, key: SigningKey | None = ann_key, **fields: object) -> Delivered:
        return office.deliver(make_mail(to=TO, text=text, key=key, **fields))  # type: ignore[arg-type]

    return written


def lamp(office: PostOffice) -> tuple[bool, str] | None:
    """Whether the lamp is on, and what stands on it; None where there is none."""
    with office.session() as session:
        found = session.get(Lamp, "hall")
        return (found.on, found.label) if found else None


def answers(delivered: Delivered) -> list[str]:
    """The answers to the sender, each as one line."""
    return [" ".join(mail.text.split()) for mail in delivered.sent if mail.answer]


def others(delivered: Delivered) -> list[str]:
    """To whom else mail goes."""
    return [mail.to for mail in delivered.sent if not mail.answer]


# Whose commands count ----------------------------------------------------------------------------------------------------


def test_a_text_without_commands_needs_no_signature(office: PostOffice, write: Write) -> None:
    """A comment may be anybody's whom we know (101)."""
    assert write("For the hall\n  lampshade\n", key=None).reason == "hung up hall"
    assert lamp(office) == (False, "For the hall\n  lampshade\n")


@pytest.mark.parametrize("signed", [False, True])
def test_commands_must_be_proven(office: PostOffice, write: Write, bob_key: SigningKey, signed: bool) -> None:
    """Else nothing of the mail is done, and the sender is told both ways to prove them (102; 85, 86)."""
    delivered = write("For the hall\n switch yes\n", key=bob_key if signed else None)
    (answer,) = answers(delivered)
    assert delivered.disposition == "rejected"
    assert f"Failing command: switch yes Error message: {UNPROVEN}" in answer
    assert "sign the whole text with your OpenPGP key" in answer
    assert "or write from a domain whose DKIM signature is trusted here" in answer
    assert (lamp(office), others(delivered)) == (None, [])


@pytest.mark.parametrize("inline", [False, True])
def test_commands_that_are_proven_are_carried_out(office: PostOffice, write: Write, inline: bool) -> None:
    """And the sender gets no mail of it (103; 87)."""
    delivered = write("- For the hall\n\n switch yes\n\nAnn\n", inline=inline)
    assert (delivered.disposition, delivered.reason) == ("handled", "hung up hall")
    assert (answers(delivered), others(delivered)) == ([], ["bob@example.com"])
    on, label = lamp(office) or (False, "")
    assert (on, label.rstrip("\n")) == (True, "- For the hall\n\n\nAnn")


def test_help_needs_no_proof(office: PostOffice, write: Write) -> None:
    """It changes nothing."""
    (answer,) = answers(write(" help\n", key=None))
    assert "* switch yes|no Switch the lamp on or off." in answer


def test_proof_may_be_asked_for_without_commands(office: PostOffice) -> None:
    """The handler says so."""

    @handler()
    def strict(delivery: Delivery) -> Outcome:
        commands.asked(delivery, proven=True)
        return delivery.handled()

    office.bind("strict.example.org", strict)
    (answer,) = answers(office.deliver(make_mail(to="x@strict.example.org", text="Hello")))
    assert UNPROVEN in answer
    assert "Failing command" not in answer


# Which lines count -------------------------------------------------------------------------------------------------------

FLOWED = "text/plain; charset=utf-8; format=flowed"


@pytest.mark.parametrize(
    ("kind", "text", "on", "label"),
    [
        ("text/plain", " switch yes", True, ""),
        (FLOWED, "  switch yes", True, ""),
        (FLOWED, " switch yes", False, "switch yes"),
        (FLOWED, "For the \nhall\n  switch yes", True, "For the hall"),
        (FLOWED, "For the hall \n  switch yes", False, "For the hall  switch yes"),
        (FLOWED, "  switch \nyes", True, ""),
        (f"{FLOWED}; delsp=yes", "  switch y \nes", True, ""),
        (f"{FLOWED}; delsp=yes", "  switch  \n yes", True, ""),
        (FLOWED, ">  switch yes", False, ">  switch yes"),
    ],
    ids=["fixed", "stuffed", "stuffing-alone", "soft-break", "joined", "command-broken", "delsp", "delsp-blank", "quoted"],
)
def test_a_text_that_flows(office: PostOffice, write: Write, kind: str, text: str, on: bool, label: str) -> None:
    """The blank that a program puts before a line is not the sender's (RFC 3676 section 4.4); a line that goes on is one."""
    write(text, headers={"Content-Type": kind})
    assert lamp(office) == (on, f"{label}\n" if label else "")


def test_blanks_survive_the_ways_of_encoding(office: PostOffice, write: Write) -> None:
    """In quoted-printable a line that was broken for the way is no line."""
    write(f"{'Für die Diele ' * 8} switch no\n \tswitch yes\n")
    assert lamp(office) == (True, f"{'Für die Diele ' * 8} switch no\n")


def test_html_holds_no_commands(office: PostOffice, write: Write) -> None:
    """What a person sees of it is a sender's to choose."""
    page = "<p>For the hall</p><pre>  switch yes\n  smash 9</pre>"
    write("", html=page)
    hung = lamp(office)
    assert hung is not None
    assert hung[0] is False
    assert "  switch yes\n" in hung[1]


def test_the_plain_text_beside_html_holds_commands(office: PostOffice, write: Write) -> None:
    """It is the text of the mail."""
    write("For the hall\n switch yes\n", html="<p>For the hall</p>")
    assert lamp(office) == (True, "For the hall\n")


def test_what_is_not_signed_holds_no_commands(office: PostOffice, ann_key: SigningKey) -> None:
    """A line outside of the signed part makes the mail unproven; nothing is done."""
    mail = make_mail(to=TO, text="For the hall\n switch yes\n", key=ann_key, inline=True) + b"\r\n smash 9\r\n"
    delivered = office.deliver(mail)
    assert (delivered.disposition, lamp(office)) == ("rejected", None)


# What is told ------------------------------------------------------------------------------------------------------------


def test_commands_that_fail_are_told_in_one_mail(office: PostOffice, write: Write) -> None:
    """The others are done, what the handler has written stays, and others get their mail (109)."""
    delivered = write("For the hall, please\n switch yes\n colour dark-red\n smash\n switch maybe\n")
    (answer,) = answers(delivered)
    assert "Failing command: colour dark-red switch maybe Error message: colour dark-red: There is no red paint." in answer
    assert 'switch maybe: It takes yes or no, and not "maybe". It is written: switch yes|no' in answer
    assert "Everything else in your mail was carried out: hung up hall." in answer
    assert others(delivered) == ["bob@example.com"]
    assert lamp(office) == (True, "For the hall, please\n")


def test_a_command_that_stops_undoes_what_the_handler_did(office: PostOffice, write: Write) -> None:
    """Nobody else is told of it (110)."""
    delivered = write("For the hall\n switch yes\n smash 9\n switch no\n")
    (answer,) = answers(delivered)
    assert "Failing command: smash 9 Error message: smash 9: It does not break. Nothing in your mail was carried out." in answer
    assert (lamp(office), others(delivered)) == (None, [])


def test_a_mistake_that_no_command_has_found_is_told(office: PostOffice) -> None:
    """A `CommandError` of the handler itself ends the mail and undoes all, as `Rejected` does."""

    @handler()
    def cellar(delivery: Delivery) -> Outcome:
        delivery.session.add(Lamp(name="hall"))
        raise CommandError("There is no lamp in the cellar.")

    office.bind("cellar.example.org", cellar)
    delivered = office.deliver(make_mail(to="x@cellar.example.org", text="Hello"))
    assert (delivered.disposition, delivered.reason) == ("rejected", "There is no lamp in the cellar.")
    assert lamp(office) is None


def test_help_comes_with_the_one_answer(office: PostOffice, write: Write) -> None:
    """Whether that says thanks or what has failed."""
    (answer,) = answers(write("For the hall, please\n help\n", key=None))
    assert answer.startswith("Thank you. A command is a line of your mail")
    with office.session() as session:
        session.query(Lamp).delete()
    (answer,) = answers(write(" help\n switch maybe\n"))
    assert "switch maybe: It takes yes or no" in answer
    assert "* switch yes|no" in answer


def test_a_client_at_a_door_is_told(office: PostOffice, ann_key: SigningKey) -> None:
    """In place of the mail; what was done is done there, too."""
    reply = office.submit(make_mail(to=TO, text="Hello\n switch yes\n switch maybe\n", key=ann_key))
    assert (reply.code, "switch maybe: It takes yes or no" in reply.text) == (554, True)
    assert lamp(office) == (True, "Hello\n")


def test_a_bug_in_a_command_is_an_oops(office: PostOffice, write: Write) -> None:
    """It is nobody's mistake but ours, and all is undone."""
    delivered = write("For the hall\n switch yes\n burn-down slowly\n")
    assert (delivered.disposition, delivered.oops, lamp(office)) == ("failed", "ZeroDivisionError: slowly", None)


def test_a_command_may_wait(office: PostOffice, write: Write) -> None:
    """What is away defers the mail, and all is undone."""
    delivered = write(" switch yes\n burn-down later\n")
    assert (delivered.disposition, delivered.reason, lamp(office)) == ("deferred", "the fire", None)


def test_a_hostile_command_is_shown_on_one_line(office: PostOffice, write: Write) -> None:
    """Whatever it holds."""
    delivered = write(f" switch \x1b[31m\u202eyes{'x' * 900}\n")
    (mail,) = [mail for mail in delivered.sent if mail.answer]
    assert not {"\x1b", "\u202e"} & set(mail.text)
    assert f"switch [31myes{'x' * 43}..." in mail.text
