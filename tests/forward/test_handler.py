"""`forward`: who gets a mail, what it looks like then, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address, Transient
from mailproc.errors import SettingsError
from mailproc.forward import lists, tables
from mailproc.forward.resolver import Group
from mailproc.plugins import resolve
from mailproc.processing.sending import flush
from mailproc.reading import read_header
from mailproc.submission import Relay
from mailproc.testing import Delivered, PostOffice, SigningKey, make_mail
from tests.forward.conftest import MakeList
from tests.forward.signing import key
from tests.servers.relay import RelayServer

Bind = Callable[..., None]

BOARD = "board@lists.example.org"
SENDER = "sue@example.com"


@pytest.fixture
def board(make_list: MakeList, bind: Bind) -> None:
    """The list board with two members, served by a forwarder without options."""
    make_list("board", "ann@example.org", "bob@example.net", description="The board", owner="eve@example.org")
    bind()


def by_group(delivered: Delivered) -> list[list[str]]:
    """Who gets the same bytes."""
    copies: dict[bytes, list[str]] = {}
    for sent in delivered.sent:
        copies.setdefault(sent.raw, []).append(sent.to)
    return list(copies.values())


def fields(delivered: Delivered, name: str) -> list[tuple[str, ...]]:
    """The values of a field in each copy that goes on."""
    return [read_header(raw).all(name) for raw in dict.fromkeys(sent.raw for sent in delivered.sent)]


def deliver(office: PostOffice, to: str = BOARD, *, reverse_path: str | None = SENDER, **how: str) -> Delivered:
    """Deliver a new mail of Sue's."""
    return office.deliver(
        make_mail(to=to, **{"sender": f"Sue <{SENDER}>", "text": "hello", **how}), to=to, reverse_path=reverse_path
    )


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


@pytest.mark.parametrize(
    ("reject", "status"),
    [([], "2.0.0"), (["null-reverse-path", "one-from"], "5.6.0"), (["header-encoding", "one-from"], "5.6.0")],
)
def test_the_operator_chooses_what_is_refused(
    office: PostOffice, make_list: MakeList, bind: Bind, reject: list[str], status: str
) -> None:
    """The checks are made before anything else, in the order in which they are named."""
    make_list("board", "ann@example.org")
    bind(reject=reject)
    mail = b"From: eve@example.org\r\n" + make_mail(to=BOARD, sender=SENDER)
    assert office.submit(mail, to=BOARD, reverse_path=SENDER).status == status


def test_a_bounce_is_taken_back_before_anything_is_checked(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """A list refuses reports where the operator says so; the address that is there for them takes them all the same."""
    make_list("board", "ann@example.org")
    bind(envelope_from="fixed", bounces="bounces@lists.example.org", reject=["report", "null-reverse-path"])
    deliver(office)
    replies = []
    for to in (BOARD, "bounces@lists.example.org"):
        mail = report(to, "ann@example.org", about="List-Id: <board.lists.example.org>\r\n")
        replies.append(office.submit(mail, to=to, reverse_path="").line())
    assert replies[0] == "550 5.7.1 It is a delivery status notification"
    assert replies[1].startswith("250 ")
    assert dead(office) == {"ann@example.org": 1}


def test_references_are_mended_or_refused(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """Where two fields are broken nobody can tell what was signed; then nobody counts as served."""
    make_list("board", "ann@example.org")
    bind(repair_references=True)
    cut = make_mail(to=BOARD, sender=SENDER, text="hello")
    mended = office.deliver(b"References: <one\r\n two@example.org>\r\n" + cut, to=BOARD, reverse_path=SENDER)
    assert fields(mended, "References") == [("<onetwo@example.org>",)]
    broken = b"References: <one\r\n two@example.org>\r\n" * 2 + make_mail(to=BOARD, sender=SENDER, text="hello")
    assert office.submit(broken, to=BOARD, reverse_path=SENDER).status == "5.6.0"
    bind()
    assert office.deliver(broken, to=BOARD, reverse_path=SENDER).disposition == "handled"


@pytest.mark.parametrize(
    ("options", "path", "tell"),
    [
        ({}, SENDER, SENDER),
        ({"envelope_from": "fixed", "bounces": "bounces@lists.example.org"}, "bounces@lists.example.org", None),
    ],
)
def test_who_hears_of_failures(
    office: PostOffice, make_list: MakeList, bind: Bind, options: dict[str, str], path: str, tell: str | None
) -> None:
    """The sender, if known also of those whom our own relay refuses; or we."""
    make_list("board", "ann@example.org", "bob@example.net")
    bind(trust=["from"], **options)
    office.user("sue", SENDER)
    delivered = deliver(office)
    assert {(sent.reverse_path, sent.tell) for sent in delivered.sent} == {(path, tell)}
    assert fields(delivered, "Sender") == [(path,) if options else ()]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a secret that nobody else may read."""
    file = tmp_path / "secret"
    file.write_text("correct horse battery\n")
    file.chmod(0o600)
    return file


def report(to: str, *failed: str, action: str = "failed", about: str = "") -> bytes:
    """A notification of another mail server."""
    told = "".join(
        f"Final-Recipient: rfc822; {each}\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\nRemote-MTA: dns; mx.example.net\r\n\r\n"
        for each in failed
    )
    return (
        f"From: MAILER-DAEMON@mx.example.net\r\nTo: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n{told}"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n{about}\r\n--b--\r\n"
    ).encode()


def dead(office: PostOffice) -> dict[str, int]:
    """Who is known as dead, and how often mail came back."""
    with office.session() as session:
        return {
            row.address: row.count_
            for row in session.execute(sa.select(tables.bounce.c.address, tables.bounce.c["count"].label("count_")))
        }


def test_each_recipient_may_have_a_path_of_its_own(office: PostOffice, make_list: MakeList, bind: Bind, secret: Path) -> None:
    """A bounce to it tells who is dead, whatever address the report names; a path that we have not made is none."""
    make_list("board", "ann@example.org", "bob@example.net")
    bind(envelope_from="fixed", bounces="bounces@lists.example.org", verp=True, secret_file=str(secret))
    delivered = deliver(office)
    assert len(by_group(delivered)) == 1
    paths = {sent.to: sent.reverse_path for sent in delivered.sent}
    assert len(set(paths.values())) == 2
    path = paths["bob@example.net"]
    bounce = office.deliver(report(path, "robert@example.net"), to=path, reverse_path="")
    assert (bounce.disposition, bounce.reason) == (
        "handled",
        "bounce: bob@example.net: no such user (550-5.1.1 from mx.example.net)",
    )
    assert office.deliver(report(path, "robert@example.net", action="delayed"), to=path, reverse_path="").reason == (
        "bounce: nobody of ours has failed for good"
    )
    assert dead(office) == {"bob@example.net": 1}
    forged = path.replace("bob=", "ann=")
    assert office.submit(report(forged, "ann@example.org"), to=forged, reverse_path="").code == 550
    assert office.deliver(report(forged, "ann@example.org"), to=forged, reverse_path="").disposition == "dropped"
    with office.session() as session:
        (listed,) = lists.every(session)
        assert listed.dead == 1


def test_a_bounce_of_our_mail_is_kept(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """By the address for all of them, where the report is about mail of ours; the administrator hears of it."""
    make_list("board", "ann@example.org", "bob@example.net", "cyd@example.org")
    bind(envelope_from="fixed", bounces="bounces@lists.example.org")
    deliver(office)
    to = "bounces@lists.example.org"
    about = "List-Id: <board.lists.example.org>\r\n"
    failed = ("ann@example.org", "Bob@example.net", "mallory@example.org")
    kept = office.deliver(report(to, *failed, about=about), to=to, reverse_path="")
    assert kept.reason.startswith("bounce: ann@example.org: no such user")
    assert dead(office) == {"ann@example.org": 1, "bob@example.net": 1}
    foreign = office.deliver(report(to, "cyd@example.org"), to=to, reverse_path="")
    assert foreign.reason == "bounce: a report about mail that does not seem to be ours"
    assert "cyd@example.org" not in dead(office)
    assert foreign.sent == ()
    with office.session() as session:
        assert session.scalars(sa.text("SELECT report FROM mailproc_receipt")).all() == [0, 1, 1]


def test_who_has_a_path_of_his_own_fails_there(office: PostOffice, make_list: MakeList, bind: Bind, secret: Path) -> None:
    """A report that anybody could have written to the address of all is told, and marks only those who share that address."""
    local = "a" * 60
    make_list("board", "ann@example.org", f"{local}@example.org")
    bind(envelope_from="fixed", bounces="bounces@lists.example.org", verp=True, secret_file=str(secret))
    paths = {sent.to: sent.reverse_path for sent in deliver(office).sent}
    to = paths[f"{local}@example.org"]
    assert to == "bounces@lists.example.org" != paths["ann@example.org"]
    about = "List-Id: <board.lists.example.org>\r\n"
    told = office.deliver(report(to, "ann@example.org", about=about), to=to, reverse_path="")
    assert (told.disposition, dead(office)) == ("handled", {})
    assert told.reason == (
        "bounce: ann@example.org: no such user (550-5.1.1 from mx.example.net) (not at the path of their own: not noted)"
    )
    both = office.deliver(report(to, f"{local}@example.org", "ann@example.org", about=about), to=to, reverse_path="")
    assert dead(office) == {f"{local}@example.org": 1}
    assert "ann@example.org" in both.reason
    with office.session() as session:
        assert session.scalars(sa.text("SELECT report FROM mailproc_receipt")).all() == [0, 1, 1]


@pytest.mark.parametrize(
    ("hostname", "about", "ours"),
    [
        ("mail.example.org", "Received: from unknown by mail.example.org (mailproc) id 1; x", True),
        ("mail.example.org", "Received: from mail.example.org by mx.example.net; x", False),
        ("localhost", "Received: from unknown by localhost (mailproc) id 1; x", False),
        ("localhost.localdomain", "Received: from unknown by localhost.localdomain (mailproc) id 1; x", False),
        ("localhost", "List-Id: The board <board.lists.example.org>", True),
        ("mail.example.org", "Return-Path: <bounces@lists.example.org>", False),
    ],
)
def test_a_mail_of_ours_is_known_by_what_only_we_write(
    office: PostOffice, make_list: MakeList, bind: Bind, hostname: str, about: str, ours: bool
) -> None:
    """By the Received of a host with a name of its own, or the List-Id; every machine is called localhost."""
    make_list("board", "ann@example.org")
    bind(hostname=hostname, envelope_from="fixed", bounces="bounces@lists.example.org")
    deliver(office)
    to = "bounces@lists.example.org"
    office.deliver(report(to, "ann@example.org", about=f"{about}\r\n"), to=to, reverse_path="")
    assert bool(dead(office)) is ours


@pytest.mark.parametrize(
    ("path", "headers", "ends"),
    [
        (SENDER, {}, "rejected"),
        ("", {"Auto-Submitted": "auto-replied"}, "dropped"),
        ("", {}, "handled"),
    ],
)
def test_other_mail_to_the_address_of_bounces(
    office: PostOffice, bind: Bind, path: str, headers: dict[str, str], ends: str
) -> None:
    """A person is told so, an absence is nothing to report, and what is no report goes to the administrator."""
    bind(envelope_from="fixed", bounces="bounces@lists.example.org")
    mail = make_mail(to="bounces@lists.example.org", sender=SENDER, subject="failure notice", text="x", headers=headers)
    delivered = office.deliver(mail, reverse_path=path)
    assert delivered.disposition == ends
    if ends == "handled":
        assert delivered.reason == "bounce without a report: failure notice"
    assert dead(office) == {}


def test_srs_leads_a_bounce_back_to_the_sender(office: PostOffice, make_list: MakeList, bind: Bind, secret: Path) -> None:
    """With the null path; nobody else can have us pass mail on."""
    make_list("board", "ann@example.org")
    bind(envelope_from="srs", srs_domain="lists.example.org", secret_file=str(secret))
    (path,) = [sent.reverse_path for sent in deliver(office).sent]
    assert path.startswith("SRS0=")
    assert path.endswith("=example.com=sue@lists.example.org")
    mail = report(path, "ann@example.org")
    bounce = office.deliver(mail, to=path, reverse_path="")
    assert bounce.reason == f"bounce: passed on to {SENDER}"
    ((to, back, raw),) = [(sent.to, sent.reverse_path, sent.raw) for sent in bounce.sent]
    assert (to, back) == (SENDER, "")
    assert raw.endswith(mail)
    assert read_header(raw).all("Received")
    forged = path.replace("=sue@", "=eve@")
    assert office.submit(mail, to=forged, reverse_path="").code == 550
    assert office.submit(make_mail(to=path, text="buy"), to=path, reverse_path=SENDER).code == 550


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"resolver": "nowhere"}, "resolver: nowhere: is not written like module:attribute"),
        ({"resolver": "no_such_module:x"}, "resolver: no_such_module:x: ModuleNotFoundError"),
        ({"resolver": "mailproc.forward:x"}, "resolver: mailproc.forward:x: AttributeError"),
        ({"resolver": "json:dumps"}, "resolver: json:dumps has no method resolve(address, session)"),
        ({"envelope_from": "ours"}, "envelope_from"),
        ({"envelope_from": "fixed"}, "envelope_from: fixed needs the address where failures come in"),
        ({"envelope_from": "srs"}, "envelope_from: srs needs a secret"),
        ({"bounces": "nobody"}, "bounces: 'nobody' is not an address; write it like bounces@lists.example.org"),
        ({"verp": True}, "verp: is a way of fixed, and envelope_from is keep"),
        ({"secret_file": "nowhere"}, "secret_file: nowhere"),
        ({"from_policy": "lie"}, "from_policy"),
        ({"reject": ["spam"]}, "reject: there is no check spam; there are: report, "),
        ({"arc_selector": "a"}, "arc_key_file, arc_selector and arc_domain: give all of them, or none"),
        ({"dns_server": "localhost"}, "dns_server: the name server 'localhost' is no address and port"),
        ({"hostname": "a b"}, "'a b' cannot stand in a Received field"),
        ({"list_help": ["help"]}, "'help' is no URL"),
        ({"recipients": []}, "recipients: there is no such option"),
    ],
)
def test_options_that_cannot_be_used_stop_the_start(options: dict[str, object], says: str) -> None:
    """The error names the option and what to do."""
    with pytest.raises(SettingsError) as caught:
        resolve("forward", {"forward": options})
    assert says in str(caught.value)


def test_a_secret_is_long_and_one_s_own(secret: Path) -> None:
    """Nobody can guess it, and nobody else can read it."""
    section = {"forward": {"secret_file": str(secret)}}
    resolve("forward", section)
    secret.chmod(0o644)
    with pytest.raises(SettingsError, match="secret"):
        resolve("forward", section)
    secret.chmod(0o600)
    secret.write_text("short\n")
    with pytest.raises(SettingsError, match="the secret has 5 characters; make one of at least 16"):
        resolve("forward", section)


@pytest.mark.usefixtures("board")
def test_urls_name_the_list(office: PostOffice, bind: Bind) -> None:
    """Those of the operator go before a mail to the owner; one click must be promised."""
    bind(
        list_unsubscribe=["https://example.org/{list}/leave", "mailto:{list}-leave@example.org"],
        list_help=["https://example.org/help"],
        one_click=True,
    )
    delivered = deliver(office)
    assert fields(delivered, "List-Unsubscribe") == [("<https://example.org/board/leave>, <mailto:board-leave@example.org>",)]
    assert fields(delivered, "List-Unsubscribe-Post") == [("List-Unsubscribe=One-Click",)]
    assert fields(delivered, "List-Help") == [("<https://example.org/help>",)]


@pytest.mark.usefixtures("board")
def test_from_may_be_the_list_s(office: PostOffice, bind: Bind) -> None:
    """And plain text may be all that goes on."""
    bind(from_policy="munge", strip_html=True)
    mail = make_mail(to=BOARD, sender=f"Sue <{SENDER}>", text="plain", html="<p>rich</p>")
    delivered = office.deliver(mail, reverse_path=SENDER)
    ((author,),) = fields(delivered, "From")
    assert author.endswith(f"<{BOARD}>")
    assert fields(delivered, "Reply-To") == [(f"{SENDER}",)]
    assert b"rich" not in delivered.sent[0].raw
    assert delivered.sent[0].text.strip() == "plain"


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
        with Relay(relay.host, relay.port) as next_server:
            flush(office._works, next_server)
        office.now += timedelta(hours=1)
        relay.refuse = {}
    assert [(mail.mail_from, mail.rcpt_tos) for mail in relay.received] == [
        ("bounces@lists.example.org", ["ann@example.org", "bob@example.net"]),
        ("bounces@lists.example.org", ["cyd@example.org", "dan@example.org"]),
    ]
    ids = [read_header(mail.data).first("List-Id") for mail in relay.received]
    assert ids == ["board <board.lists.example.org>", "choir <choir.lists.example.org>"]


@pytest.mark.usefixtures("board")
def test_what_goes_on_may_be_sealed(office: PostOffice, bind: Bind, tmp_path: Path) -> None:
    """By the operator's key, which nobody else can read (RFC 8617)."""
    file = tmp_path / "arc.pem"
    file.write_bytes(key("list"))
    file.chmod(0o600)
    bind(arc_key_file=str(file), arc_selector="s2", arc_domain="lists.example.org")
    ((seal,),) = fields(deliver(office), "ARC-Seal")
    assert "d=lists.example.org" in seal
    assert "s=s2" in seal
    file.write_text("no key\n")
    with pytest.raises(SettingsError, match="arc: the key is no RSA private key in PEM"):
        bind(arc_key_file=str(file), arc_selector="s2", arc_domain="lists.example.org")
