"""Mail to titles, from the maildrop to those who hold them: nothing is mocked, and nothing is sent."""

from collections.abc import Iterator
from email import message_from_bytes

import pytest
from titles.models import Base, Circle, Holder, Period, Person
from titles.resolver import Titles

from mailproc import Address
from mailproc.forward import InvalidRecipient
from mailproc.testing import PostOffice, make_mail

CLUB = "club.example.org"
OFFICES = ("CERM", "FORM", "INKA", "KASS", "NF", "PR", "SEKR", "VC")
YEARS = (2012, 2013, 2025, 2026)


def people() -> Iterator[Base]:
    """Eight offices and two assistants a year, each with people of their own, and two circles."""
    yield from (Period(year=year) for year in YEARS)
    number = 0
    for year in YEARS:
        for title in (*OFFICES, "FUVE", "FUIT", "EFUVE"):
            number += 1
            yield Person(id=number, name=title, email=f"{title.lower()}-{year}@example.com", direct_mail=True)
            yield Holder(title=title, period=year, person_id=number)
    yield Person(id=900, name="Silent", email="silent@example.com", direct_mail=False)
    yield Person(id=901, name="Nowhere", email="", direct_mail=True)
    yield Holder(title="FUXX", period=2026, person_id=900)
    yield Holder(title="FUYY", period=2026, person_id=901)
    ann, bob = (
        Person(id=number, name=name, email=f"{name}@example.com", direct_mail=True)
        for number, name in ((910, "ann"), (911, "bob"))
    )
    yield Circle(name="Revue", pattern="REVY[0-9]*", people=[ann, bob])
    yield Circle(name="Technicians", pattern="REVYTEKNIK|TEKNIK", people=[bob])
    yield Circle(name="One", pattern="TWICE|ONE", people=[ann])
    yield Circle(name="Two", pattern="TWICE|TWO", people=[bob])


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    """An installation with the club in it, bound as an operator would."""
    with PostOffice(migrations="forward", tables=Base.metadata) as office:
        with office.session() as session:
            session.add_all(people())
        office.bind(CLUB, "forward", {"resolver": "titles.resolver:Titles"}, drop=("loop",), trust=())
        yield office


def reached(office: PostOffice, local: str) -> set[str]:
    """Who gets mail for an address."""
    with office.session() as session:
        groups = Titles().resolve(Address(local, CLUB), session)
        return {recipient for group in groups for recipient in group.recipients}


def refused(office: PostOffice, local: str) -> tuple[str, ...]:
    """What is wrong with an address."""
    with pytest.raises(InvalidRecipient) as found, office.session() as session:
        Titles().resolve(Address(local, CLUB), session)
    return found.value.reasons


@pytest.mark.parametrize("local", ["FORM13", "FORM2013", "FORM1314", "gFORM14", "form13", "DIRECTUSER13", "kFORM12"])
def test_the_chair_of_2013_has_many_names(office: PostOffice, local: str) -> None:
    """One and the same person."""
    assert reached(office, local) == {"form-2013@example.com"}


@pytest.mark.parametrize("local", ["FORM", "BEST-CERM-INKA-KASS-nf-PR-SEKR-VC", "-KASS+FORM", "fu+form-fu"])
def test_the_chair_is_the_board_without_the_others(office: PostOffice, local: str) -> None:
    """Terms are taken from left to right; the year is that of the last period that has begun."""
    assert reached(office, local) == {"form-2026@example.com"}


@pytest.mark.parametrize(
    ("local", "who"),
    [
        ("revy+revyteknik", {"ann@example.com", "bob@example.com"}),
        ("revy-teknik", {"ann@example.com"}),
        ("REVY2026", {"ann@example.com", "bob@example.com"}),
        ("ka$$", {"kass-2026@example.com"}),
        ("form+fu", {f"{title}-2026@example.com" for title in ("form", "fuve", "fuit")}),
        ("EFU", {"efuve-2026@example.com"}),
        ("gFUVE", {"fuve-2025@example.com"}),
        ("best", {f"{title.lower()}-2026@example.com" for title in OFFICES}),
        ("bestfu12", {f"{title.lower()}-2012@example.com" for title in (*OFFICES, "FUVE", "FUIT")}),
    ],
)
def test_an_address_reaches_who_it_names(office: PostOffice, local: str, who: set[str]) -> None:
    """Circles, offices, assistants, and all of a kind."""
    assert reached(office, local) == who


@pytest.mark.parametrize(
    ("local", "reasons"),
    [
        ("nosuch", ("nobody is NOSUCH",)),
        ("form+nosuch-x9+form1", ("nobody is NOSUCH", "nobody is X9", "nobody is FORM1")),
        ("form-form", ("nobody is left of FORM-FORM",)),
        ("form14", ("nobody is FORM14",)),
        ("FUXX", ("nobody is FUXX",)),
        ("FUYY", ("nobody is FUYY",)),
        ("DIRECTUSER900", ("nobody is DIRECTUSER900",)),
        ("DIRECTUSER7777", ("nobody is DIRECTUSER7777",)),
        ("form+", ("a name is missing beside a + or a -",)),
        ("form@fu", ("there is no list form@fu",)),
        ("", ("a name is missing beside a + or a -",)),
    ],
)
def test_an_address_that_reaches_nobody_says_why(office: PostOffice, local: str, reasons: tuple[str, ...]) -> None:
    """Everything that is wrong, together; also who wants no mail, or has no address, is nobody."""
    assert refused(office, local) == reasons


def test_two_circles_of_one_name_are_an_error(office: PostOffice) -> None:
    """Not the sender's: an OOPS, and the mail can be processed again when the patterns are mended."""
    delivered = office.deliver(make_mail(to=f"twice@{CLUB}"))
    assert (delivered.disposition, delivered.oops) == ("failed", "LookupError: TWICE is in two circles: One and Two")


def test_a_new_period_counts_at_once(office: PostOffice) -> None:
    """Nothing is kept in the process."""
    with office.session() as session:
        session.add(Period(year=2027))
    assert reached(office, "gform") == {"form-2026@example.com"}
    with office.session() as session:
        session.delete(session.get(Period, 2027))
    assert reached(office, "form") == {"form-2026@example.com"}


def test_without_a_period_mail_waits() -> None:
    """Nobody can tell who is in the chair."""
    with PostOffice(migrations="forward", tables=Base.metadata) as office:
        office.bind(CLUB, "forward", {"resolver": "titles.resolver:Titles"}, drop=("loop",), trust=())
        delivered = office.deliver(make_mail(to=f"form@{CLUB}"))
        assert (delivered.disposition, delivered.reason) == ("deferred", "the titles, which have no period yet")


def test_each_title_gets_a_copy_of_its_own(office: PostOffice) -> None:
    """With the fields of its own list, and of no other."""
    delivered = office.deliver(make_mail(to=f"FORM13+FUVE25@{CLUB}", subject="Keys", text="Who has them?"))
    assert delivered.disposition == "handled"
    copies = {sent.to: message_from_bytes(sent.raw) for sent in delivered.sent}
    assert {to: copy["List-Id"].split()[-1] for to, copy in copies.items()} == {
        "form-2013@example.com": f"<form13.{CLUB}>",
        "fuve-2025@example.com": f"<fuve25.{CLUB}>",
    }
    for copy, other in zip(copies.values(), ("fuve25", "form13"), strict=True):
        fields = {name: value for name, value in copy.items() if name.startswith("List-")}
        assert fields.keys() >= {"List-Id", "List-Unsubscribe", "List-Help", "List-Subscribe", "List-Post"}
        assert not any(other in value for value in fields.values())
        assert copy["Subject"] == "Keys"


def test_a_client_at_a_door_is_told_what_is_wrong(office: PostOffice) -> None:
    """All of it, at RCPT."""
    reply = office.submit(make_mail(to=f"form+nosuch+fu1@{CLUB}"))
    assert reply.line() == "550 5.1.1 nobody is NOSUCH; nobody is FU1"
