"""`forward`: who gets a mail, what it looks like then, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address, Transient
from mailproc.forward import checks, lists, tables
from mailproc.forward.resolver import Group
from mailproc.reading import read_header
from mailproc.testing import PostOffice, SigningKey, make_mail
from tests.forward.conftest import Bind, MakeList
from tests.forward.delivering import BOARD, SENDER, by_group, deliver, fields
from tests.servers.relay import RelayServer


@pytest.mark.usefixtures("board")
def test_a_mail_goes_to_the_members(office: PostOffice) -> None:
    """As it is, with what a list adds on top."""
    mail = make_mail(to=BOARD, sender=f"Sue <{SENDER}>", subject="Minutes", text="hello")
    delivered = office.deliver(mail, reverse_path=SENDER)
    assert (delivered.disposition, delivered.reason) == ("handled", "forwarded to 2")
    assert [(sent.to, sent.reverse_path) for sent in delivered.sent] == [
        ("ann@example.org", SENDER),
        ("bob@example.net", SENDER),
    ]
    (raw,) = {sent.raw for sent in delivered.sent}
    header = read_header(raw)
    assert header.all("Subject") == ("Minutes",)
    assert header.all("From") == (f"Sue <{SENDER}>",)
    assert header.all("List-Id") == ("The board <board.lists.example.org>",)
    assert header.all("List-Post") == (f"<mailto:{BOARD}>",)
    assert header.all("List-Unsubscribe") == ("<mailto:eve@example.org?subject=unsubscribe%20board>",)
    assert header.all("List-Subscribe") == ("<mailto:eve@example.org?subject=subscribe%20board>",)
    assert header.all("List-Help") == ("<mailto:eve@example.org?subject=help%20board>",)
    assert header.all("List-Owner") == ("<mailto:eve@example.org>",)
    assert header.all("List-Name") == ("board",)
    assert header.all("X-Loop") == (BOARD,)
    assert header.all("Received")[0].startswith(f"from unknown by mail.example.org (mailproc) id {delivered.id};")
    assert header.all("Return-Path") == ()
    assert raw.endswith(mail[read_header(mail).length :])


def test_an_alias_leaves_no_list_fields(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """It is no mailing list; with one recipient, our Received names it."""
    make_list("boss", "ann@example.org", kind="alias", owner="eve@example.org")
    bind()
    delivered = deliver(office, "Boss@lists.example.org")
    ((value,),) = [received[:1] for received in fields(delivered, "Received")]
    assert "for <ann@example.org>" in value
    (header,) = [read_header(sent.raw) for sent in delivered.sent]
    assert [name for name, _ in header.fields if name.lower().startswith("list-")] == []


def test_a_sum_is_one_copy_for_each_list(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """Each with its own list's fields, and nobody gets it twice."""
    make_list("board", "ann@example.org", "bob@example.net")
    make_list("choir", "Bob@example.net", "cyd@example.org", "dan@example.org")
    bind()
    delivered = deliver(office, "board+choir@lists.example.org")
    assert delivered.reason == "forwarded to 4 in 2 groups"
    assert by_group(delivered) == [["ann@example.org", "bob@example.net"], ["cyd@example.org", "dan@example.org"]]
    assert fields(delivered, "List-Id") == [("board <board.lists.example.org>",), ("choir <choir.lists.example.org>",)]
    assert fields(delivered, "X-Loop") == [(BOARD,), ("choir@lists.example.org",)]
    assert by_group(deliver(office, "choir-board@lists.example.org")) == [["cyd@example.org", "dan@example.org"]]


def test_nobody_gets_a_mail_twice(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """Who was served by one address of a mail is left out of the next, and of a copy that came another way."""
    make_list("board", "ann@example.org", "bob@example.net")
    make_list("choir", "ANN@example.org", "cyd@example.org")
    bind()
    mail = make_mail(to=f"{BOARD}, choir@lists.example.org", text="hello")
    assert by_group(office.deliver(mail, to=BOARD)) == [["ann@example.org", "bob@example.net"]]
    copy = b"Received: by another.example.org; Sat, 21 Nov 2026 12:00:00 +0000\r\n" + mail
    assert by_group(office.deliver(copy, to="choir@lists.example.org")) == [["cyd@example.org"]]
    again = office.deliver(copy, to="board+choir@lists.example.org")
    assert (again.disposition, again.reason, again.sent) == ("dropped", "everybody has had it by another address", ())


def test_mail_without_a_message_id_is_never_a_copy(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """A device that tells the same each day is heard each day; and in one delivery nobody gets it twice all the same."""
    make_list("board", "ann@example.org")
    make_list("choir", "ann@example.org", "cyd@example.org")
    bind()
    alarm = b"From: ups@example.org\r\nSubject: power failure\r\n\r\nOn battery.\r\n"
    for day in range(2):
        told = office.deliver(b"Received: id %d\r\n" % day + alarm, to="board+choir@lists.example.org")
        assert by_group(told) == [["ann@example.org"], ["cyd@example.org"]]


NOBODYS = [
    ("nobody@lists.example.org", "there is no list nobody"),
    ("board+eve-mallory@lists.example.org", "there is no list eve; there is no list mallory"),
    ("board-board@lists.example.org", "board-board reaches nobody"),
    ("empty@lists.example.org", "empty has no members"),
    ("b@ard@lists.example.org", "b@ard@lists.example.org is no address here"),
    ("b\xf8ard@lists.example.org", "b\xf8ard@lists.example.org is no address here"),
]


@pytest.mark.usefixtures("board")
def test_an_address_that_stands_for_nobody(office: PostOffice, make_list: MakeList) -> None:
    """It is refused at RCPT, with all that is wrong with it."""
    make_list("empty")
    for address, says in NOBODYS:
        reply = office.submit(make_mail(to=address), to=address)
        assert (reply.code, reply.status, reply.text) == (550, "5.1.1", says)


@pytest.mark.usefixtures("board")
def test_a_sender_whom_no_door_has_told_gets_a_report(office: PostOffice, bind: Bind) -> None:
    """A delivery status notification, where an answer is allowed (RFC 3464)."""
    bind(trust=["from"])
    office.user("sue", SENDER)
    delivered = deliver(office, "board+eve-mallory@lists.example.org")
    assert (delivered.disposition, delivered.reason) == ("rejected", "there is no list eve; there is no list mallory")
    (told,) = delivered.sent
    assert (told.to, told.answer) == (SENDER, True)
    assert b"Status: 5.1.1" in told.raw


@pytest.mark.usefixtures("board")
def test_a_door_tells_the_valid_addresses_from_the_others(office: PostOffice) -> None:
    """Each recipient of a mail is asked about and served by itself."""
    mail = make_mail(to=BOARD, sender=SENDER, text="hello")
    assert [office.submit(mail, to=f"{name}@lists.example.org").code for name in ("board", "nobody")] == [250, 550]


def test_an_address_that_reaches_nobody_is_dropped(office: PostOffice, bind: Bind) -> None:
    """Where the resolver knows it and has no group for it, nobody is told."""
    bind(resolver=f"{__name__}:Nobody")
    delivered = deliver(office)
    assert (delivered.disposition, delivered.reason, delivered.sent) == ("dropped", "the address reaches nobody", ())
    assert office.submit(make_mail(to=BOARD)).code == 250


class Nobody:
    """Knows every address, and nobody behind it."""

    def resolve(self, address: Address, session: Session) -> Sequence[Group]:
        """No group, but one without people for the address empty."""
        return [Group("empty", address, ())] if address.local == "empty" else []


class OfTheHouse:
    """A resolver of somebody else's."""

    def resolve(self, address: Address, session: Session) -> Sequence[Group]:
        """Two groups; and what can go wrong."""
        if address.local == "away":
            raise Transient("the address book")
        if address.local == "broken":
            return "ann@example.org"  # type: ignore[return-value]
        return [
            Group("empty", address, ()),
            Group("one", Address("one", address.domain), ("ann@example.org", "bob@example.net")),
            Group("two", Address("two", address.domain), ("ANN@example.org", "cyd@example.org"), is_list=True),
        ]


of_the_house = OfTheHouse()


@pytest.mark.parametrize("name", ["OfTheHouse", "of_the_house"])
def test_a_resolver_of_ones_own(office: PostOffice, bind: Bind, name: str) -> None:
    """A class or an instance; its groups are served in their order, and empty ones are passed over."""
    bind(resolver=f"{__name__}:{name}")
    delivered = deliver(office)
    assert by_group(delivered) == [["ann@example.org", "bob@example.net"], ["cyd@example.org"]]
    assert fields(delivered, "List-Id") == [(), ("two <two.lists.example.org>",)]


def test_a_resolver_whose_source_is_away(office: PostOffice, bind: Bind) -> None:
    """The client comes again; what was taken waits."""
    bind(resolver=f"{__name__}:OfTheHouse")
    reply = office.submit(make_mail(to="away@lists.example.org"))
    assert (reply.code, reply.status, reply.text) == (450, "4.7.1", "the address book")
    delivered = deliver(office, "away@lists.example.org")
    assert (delivered.disposition, delivered.reason) == ("deferred", "the address book")


def test_a_resolver_that_answers_a_text_is_a_bug(office: PostOffice, bind: Bind) -> None:
    """And no mail goes to its letters."""
    bind(resolver=f"{__name__}:OfTheHouse")
    delivered = deliver(office, "broken@lists.example.org")
    assert delivered.disposition == "failed"
    assert "answers what are no Groups" in (delivered.oops or "")
    assert not [sent for sent in delivered.sent if not sent.answer and sent.to != "admin@robot.example.org"]


WRITERS = [
    ("anyone", SENDER, True),
    ("members", SENDER, False),
    ("members", "ANN@example.org", True),
    ("members", "bob@example.net", True),
    ("members", "eve@example.org", True),
    ("members", f"ann@example.org, {SENDER}", False),
    ("owner", "ann@example.org", False),
    ("owner", "Eve <eve@example.org>", True),
]


def test_who_may_write_to_a_list(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """Anyone, or members and the owner, or the owner alone; members may be paused."""
    for posters in lists.POSTERS:
        make_list(posters, "ann@example.org", "(bob@example.net)", owner="eve@example.org", posters=posters)
    bind()
    for posters, sender, taken in WRITERS:
        to = f"{posters}@lists.example.org"
        reply = office.submit(make_mail(to=to, sender=sender, text="hello"), reverse_path=SENDER)
        assert reply.code == (250 if taken else 550)
        if not taken:
            assert (reply.status, reply.text) == ("5.7.2", f"You may not write to {posters} from this address")
    with office.session() as session:
        served = session.scalar(sa.select(sa.func.count()).select_from(tables.served))
    assert served == sum(taken for _, _, taken in WRITERS)


def test_a_list_that_wants_proof(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """An address in From that anybody could have written there is not enough."""
    make_list("board", "ann@example.org", posters="members", strong=True)
    bind(trust=["openpgp", "from"])
    with SigningKey.generate("Ann <ann@example.org>") as key:
        office.user("ann", "ann@example.org", key=key)
        signed = make_mail(to=BOARD, sender="ann@example.org", text="hello", key=key)
    assert office.submit(signed).code == 250
    reply = office.submit(make_mail(to=BOARD, sender="ann@example.org", text="hello"))
    assert (reply.code, reply.status, reply.text) == (550, "5.7.2", "Mail to board must be signed by who sends it")


def test_only_the_owner_s_list_says_so(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """List-Post tells that nobody else need try (RFC 2369 section 3.4)."""
    make_list("news", "ann@example.org", owner="Eve@example.org", posters="owner")
    bind()
    assert fields(deliver(office, "news@lists.example.org", sender="eve@example.org"), "List-Post") == [("NO",)]


@pytest.mark.usefixtures("board")
def test_a_mail_that_circles_is_refused(office: PostOffice) -> None:
    """It bears the mark of the list, or has passed too many servers."""
    mail = make_mail(to=BOARD, headers={"X-Loop": BOARD})
    reply = office.submit(mail)
    assert (reply.code, reply.status) == (554, "5.4.6")
    hops = b"".join(b"Received: by %d.example.org; Sat, 21 Nov 2026 12:00:00 +0000\r\n" % number for number in range(51))
    office.bind("lists.example.org", "forward", {"hostname": "mail.example.org"}, drop=[])
    assert office.submit(hops + make_mail(to=BOARD), to=BOARD).status == "5.4.6"
    assert office.submit(make_mail(to=BOARD, headers={"X-Loop": "choir@lists.example.org"})).code == 250


def test_a_list_in_a_sum_that_has_sent_it_on_before(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """Each list of the address knows its own mark."""
    make_list("board", "ann@example.org")
    make_list("choir", "cyd@example.org")
    bind()
    mail = make_mail(to="board+choir@lists.example.org", headers={"X-Loop": "choir@lists.example.org"})
    assert office.submit(mail).status == "5.4.6"


@pytest.mark.parametrize(("path", "headers"), [("", {}), (SENDER, {"Auto-Submitted": "auto-replied"})])
def test_what_a_machine_answers_is_not_for_a_list(
    office: PostOffice, make_list: MakeList, bind: Bind, path: str, headers: dict[str, str]
) -> None:
    """An alias passes it on, with the null path where it had that: it stands for a person."""
    make_list("board", "ann@example.org")
    make_list("boss", "ann@example.org", kind="alias")
    bind(envelope_from="fixed", bounces="bounces@lists.example.org")
    for name, ends in (("board", "dropped"), ("boss", "handled")):
        mail = make_mail(to=f"{name}@lists.example.org", sender=SENDER, text="I am away", headers=headers)
        delivered = office.deliver(mail, reverse_path=path)
        assert delivered.disposition == ends
        assert {sent.reverse_path for sent in delivered.sent} <= {path and "bounces@lists.example.org"}


@pytest.mark.usefixtures("board")
def test_any_bytes_go_on_or_are_refused(office: PostOffice) -> None:
    """Nothing that a mail holds is a bug of ours."""
    for raw in (b"", b"\0\xff", b"From: <", b"no header at all\n" * 1000):
        assert office.deliver(raw, to=BOARD, reverse_path=SENDER).traceback == ""


def test_a_group_that_fails_is_tried_again_without_the_others(
    office: PostOffice, make_list: MakeList, bind: Bind, relay: RelayServer
) -> None:
    """Of two lists, one is put off by the relay: the other is served, and not served again."""
    make_list("board", "ann@example.org", "bob@example.net")
    make_list("choir", "cyd@example.org", "dan@example.org")
    bind(envelope_from="fixed", bounces="bounces@lists.example.org")
    deliver(office, "board+choir@lists.example.org")
    relay.refuse = {"cyd@example.org": "451 4.3.0 later", "dan@example.org": "451 4.3.0 later"}
    for _ in range(3):
        office.flush(relay.host, relay.port)
        office.now += timedelta(hours=1)
        relay.refuse = {}
    assert [(mail.mail_from, mail.rcpt_tos) for mail in relay.received] == [
        ("bounces@lists.example.org", ["ann@example.org", "bob@example.net"]),
        ("bounces@lists.example.org", ["cyd@example.org", "dan@example.org"]),
    ]
    ids = [read_header(mail.data).first("List-Id") for mail in relay.received]
    assert ids == ["board <board.lists.example.org>", "choir <choir.lists.example.org>"]


class Twice:
    """A resolver that names somebody twice, in letters of another case."""

    def resolve(self, address: Address, session: Session) -> Sequence[Group]:
        """One group, or as many as the address says."""
        count = int(address.local) if address.local.isdigit() else 1
        people = ("Ann@example.org", "bob@example.net", "ann@example.org") if count == 1 else ("ann@example.org",)
        return [Group(str(number), Address(str(number), address.domain), people) for number in range(count)]


def test_who_stands_twice_in_a_group_is_served_once(office: PostOffice, bind: Bind) -> None:
    """As he is spelt first, whatever the case of its letters."""
    bind(resolver=f"{__name__}:Twice")
    assert by_group(deliver(office, "twice@lists.example.org")) == [["Ann@example.org", "bob@example.net"]]


def test_a_large_mail_goes_to_few_lists_at_once(office: PostOffice, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """All copies are in memory together: of more than 256 MiB nothing is made, and nobody counts as served."""
    assert checks.MAX_COPIES == 256 * 2**20
    bind(resolver=f"{__name__}:Twice")
    mail = make_mail(to=BOARD, sender=SENDER, text="hello")
    monkeypatch.setattr(checks, "MAX_COPIES", 2 * len(mail))
    reply = office.submit(mail, to="3@lists.example.org", reverse_path=SENDER)
    assert reply.line() == "552 5.3.4 The mail is too big to go to so many lists at once; write to fewer of them"
    assert office.submit(mail, to="2@lists.example.org", reverse_path=SENDER).code == 250


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("octet", [b"\0", b"\r"])
def test_a_mail_that_no_relay_takes_is_refused(office: PostOffice, octet: bytes) -> None:
    """While its sender can still be told: afterwards nobody could mend it."""
    mail = make_mail(to=BOARD, sender=SENDER, text="hello") + octet + b"x"
    assert office.submit(mail).line().startswith("554 5.6.0 It holds a NUL or a CR without LF")
