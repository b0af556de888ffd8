"""Classes that were written for emailtunnel forward mail here as they did there, but for what was wrong with it."""

import logging
import stat
import sys
import types
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path
from typing import ClassVar

import pytest

from mailproc import Address, Transient
from mailproc.errors import SettingsError
from mailproc.forward import InvalidRecipient, Tunnel, checks
from mailproc.forward.bounces.reports import read_report
from mailproc.forward.emailtunnel import Envelope, Message, SMTPForwarder
from mailproc.forward.tunnel.handler import MAX_INSANE
from mailproc.reading import read_message
from mailproc.testing import PostOffice, make_mail
from mailproc.testing.delivered import Delivered

ANN, BOB, CID = "ann@example.com", "bob@example.net", "cid@example.com"
DOMAIN = "tunnel.example.org"
MODULE = types.ModuleType("ourlists")


class Group:
    """A group as an application of emailtunnel has one: any object."""

    def __init__(self, name: str, recipients: list[str]) -> None:
        self.name = name
        self.recipients = recipients


PEOPLE: dict[str, object] = {
    "ann": [ANN],
    "pair": [BOB, "", ANN, BOB, None],
    "nobody": [],
    "text": ANN,
    "oddgroup": [Group("odd", ANN)],  # type: ignore[arg-type]
    "groups": [Group("choir", [ANN, BOB]), Group("band", [BOB, CID]), Group("empty", []), Group("pair", [ANN, CID])],
}


class Plain:
    """A class that extends nothing, and has the one method that it needs."""

    def translate_recipient(self, rcptto: str) -> object:
        """Whom the local part names."""
        name = rcptto.partition("@")[0]
        if name not in PEOPLE:
            raise InvalidRecipient(rcptto)
        return PEOPLE[name]


class Whole(SMTPForwarder):
    """A class that overrides what there is."""

    called: ClassVar[list[str]] = []

    def translate_recipient(self, rcptto: str) -> list[str]:
        """Everybody is Ann, but for one who breaks it."""
        return [ANN] if not rcptto.startswith("broken") else [1 / 0]  # type: ignore[list-item]

    def translate_subject(self, envelope: Envelope) -> str:
        """As lists do it."""
        return f"[our list] {envelope.message.subject}"

    def get_envelope_mailfrom(self, envelope: Envelope, recipients: object = None) -> str:
        """Failures are for us."""
        return "admin@example.org"

    def handle_envelope(self, envelope: Envelope, peer: tuple[str, int]) -> str | None:
        """Refuse some mail before anything else, as applications do."""
        said = {
            "refused": "550 5.7.1 Not today",
            "later": "450 4.2.0 Come again",
            "odd": "what?",
            "fine": "250 2.0.0 Queued as 7",
        }
        local = envelope.rcpttos[0].partition("@")[0]
        if local == "away":
            raise Transient("the directory")
        if local in ("refused", "later", "odd"):
            return said[local]
        return super().handle_envelope(envelope, peer) or said.get(local)

    def handle_error(self, envelope: Envelope | None, str_data: str) -> None:
        """Remember what was wrong, and go wrong itself."""
        assert envelope is not None
        self.called.append(f"{type(sys.exception()).__name__} {envelope.rcpttos[0]} {len(str_data)}")
        raise RuntimeError("the hook")


class Lists(Plain):
    """One that answers groups, with fields for their copies."""

    def get_list_id_header(self, envelope: Envelope, group: Group) -> str:
        """As RFC 2919 has it."""
        return f"<{group.name}.{DOMAIN}>"

    def get_list_unsubscribe_header(self, envelope: Envelope, group: Group) -> str:
        """By mail."""
        return f"<mailto:admin@{DOMAIN}?subject=unsubscribe%20{group.name}>"

    def get_list_help_header(self, envelope: Envelope, group: Group) -> None:
        """None of it."""
        return


class Silent(Plain):
    """One without a Received field."""

    def get_envelope_received(self, envelope: Envelope, peer: object, recipients: object = None) -> None:
        """None at all."""


class Nosy(Plain):
    """One that tells the client what it was told."""

    def handle_envelope(self, envelope: Envelope, peer: tuple[str, int]) -> str:
        """The peer, and for whom it is."""
        return f"250 2.0.0 {peer} {envelope.rcpttos}"


@pytest.fixture(scope="module", autouse=True)
def ourlists() -> Iterator[None]:
    """The user's module."""
    MODULE.__dict__.update(Plain=Plain, Whole=Whole, Lists=Lists, Silent=Silent, Nosy=Nosy, nothing=None)
    sys.modules["ourlists"] = MODULE
    yield
    del sys.modules["ourlists"]


Bind = Callable[..., PostOffice]


@pytest.fixture(scope="module")
def installed() -> Iterator[PostOffice]:
    """An installation, for all tests: no two mails are the same."""
    with PostOffice() as office:
        yield office


@pytest.fixture
def bind(installed: PostOffice) -> Bind:
    """Bind a class of the user's to the domain, and answer the installation."""

    def bound(name: str, **options: object) -> PostOffice:
        installed.bind(DOMAIN, Tunnel(f"ourlists:{name}", **options), drop=(), trust=())
        return installed

    return bound


def mail(local: str = "ann", **more: object) -> bytes:
    """A mail to an address of the domain."""
    return make_mail(to=f"{local}@{DOMAIN}", **{"subject": "Rehearsal", "text": "At seven.", **more})  # type: ignore[arg-type]


def unclosed() -> bytes:
    """A mail whose last part has no end; a parser writes one."""
    whole = mail(html="<p>At seven.</p>")
    return whole[: whole.rindex(b"\r\n--")]


def copies(delivered: Delivered) -> list[tuple[list[str], bytes]]:
    """What goes on: each mail with all its recipients."""
    found: dict[bytes, list[str]] = {}
    for sent in delivered.sent:
        found.setdefault(sent.raw, []).append(sent.to)
    return [(recipients, raw) for raw, recipients in found.items()]


def test_a_class_with_one_method_forwards_mail(bind: Bind) -> None:
    """It extends nothing, and the bytes that came go on below what is put on top of them."""
    raw = mail()
    delivered = bind("Plain").deliver(raw, reverse_path=CID)
    assert (delivered.disposition, delivered.reason) == ("handled", "sent on to 1")
    ((recipients, sent),) = copies(delivered)
    assert recipients == [ANN]
    assert sent.endswith(raw)
    on_top = message_from_bytes(sent[: -len(raw)])
    assert on_top["Received"].startswith(f"from unknown by {DOMAIN} (mailproc)") and f"for <ann@{DOMAIN}>" in " ".join(
        on_top["Received"].split()
    )
    assert on_top["X-Loop"] == f"ann@{DOMAIN}"


def test_recipients_are_sorted_and_each_is_served_once(bind: Bind) -> None:
    """Empty ones are nobody."""
    assert [recipients for recipients, _ in copies(bind("Plain").deliver(mail("pair")))] == [[ANN, BOB]]


def test_an_address_that_there_is_not_is_refused(bind: Bind) -> None:
    """At a door while the client waits, and elsewhere by a report."""
    office = bind("Plain")
    reply = office.submit(mail("nosuch"))
    assert reply.line() == f"550 5.1.1 There is no such address: nosuch@{DOMAIN}"
    delivered = office.deliver(mail("nosuch"))
    assert (delivered.disposition, copies(delivered)) == ("rejected", [])


def test_a_known_sender_is_told_by_a_report(bind: Bind) -> None:
    """Which other programs read, as we read theirs (RFC 3464)."""
    office = bind("Plain")
    office.user("zoe", "zoe@example.com")
    (told,) = office.deliver(mail("nosuch", sender="zoe@example.com"), reverse_path="zoe@example.com").sent
    report = read_report(read_message(told.raw), told.raw)
    assert report is not None
    assert [(str(each.recipient), each.status) for each in report] == [(f"nosuch@{DOMAIN}", "5.1.1")]


def test_all_invalid_recipients_are_told_together(bind: Bind) -> None:
    """A class that is given several at once, as in its own tests, refuses them all, and nothing goes on to the valid ones."""
    raw = mail()
    envelope = Envelope(Message(raw), CID, ["no@x.example", "ann@x.example", "nil@x.example"])
    forwarder = type("Both", (Plain, SMTPForwarder), {})()
    with pytest.raises(InvalidRecipient) as refused:
        forwarder.handle_envelope(envelope, ("smtp", 0))
    assert refused.value.reasons == ("no@x.example", "nil@x.example")
    assert envelope.message.outgoing == []


def test_a_door_can_ask_early(bind: Bind) -> None:
    """Where the class may be called by several threads; otherwise it is not asked."""
    office = bind("Plain", refuse_early=True)
    assert office.submit(mail("nosuch")).code == 550
    with office.session() as session:
        assert not Tunnel("ourlists:Plain", refuse_early=True).accepts(Address("nosuch", DOMAIN), session)
        assert Tunnel("ourlists:Plain", refuse_early=True).accepts(Address("ann", DOMAIN), session)
        assert Tunnel("ourlists:Plain").accepts(Address("nosuch", DOMAIN), session)


def test_an_empty_translation_is_nobody(bind: Bind) -> None:
    """250, and nothing is sent."""
    office = bind("Plain")
    assert office.submit(mail("nobody")).code == 250
    delivered = office.deliver(mail("nobody"))
    assert (delivered.disposition, delivered.reason, delivered.sent) == ("dropped", "it goes on to nobody", ())


def test_a_text_in_place_of_a_list_is_an_error(bind: Bind) -> None:
    """Its letters would be addresses."""
    delivered = bind("Plain").deliver(mail("text"))
    assert (delivered.disposition, copies(delivered)) == ("failed", [])
    assert delivered.oops == "ValueError: translate_recipient answers a list, and this is a text"
    delivered = bind("Plain").deliver(mail("oddgroup"))
    assert (delivered.disposition, copies(delivered)) == ("failed", [])
    assert delivered.oops == "ValueError: get_group_recipients answers a list, and this is a text"


def test_the_return_path_of_its_delivery_to_us_is_gone(bind: Bind) -> None:
    """Whoever delivers it writes one of his own (RFC 5321 section 4.4); the class sees the old one."""
    raw = b"Return-Path: <sue@example.com>\r\n" + mail()
    for name in ("Plain", "Lists"):
        ((_, sent),) = copies(bind(name).deliver(raw))
        assert b"Return-Path" not in sent and sent.endswith(mail().partition(b"\r\n\r\n")[2])


def test_an_error_of_the_class_is_an_oops_and_451(bind: Bind, caplog: pytest.LogCaptureFixture) -> None:
    """Its hook is called, and what goes wrong in there is logged and no more."""
    Whole.called.clear()
    office = bind("Whole")
    raw = mail("broken")
    with caplog.at_level(logging.ERROR):
        reply = office.submit(raw)
    assert (reply.code, Whole.called) == (451, [f"ZeroDivisionError broken@{DOMAIN} {len(raw)}"])
    assert "handle_error of ourlists:Whole: RuntimeError('the hook')" in caplog.text
    assert "ZeroDivisionError" in (office.deliver(mail("broken")).oops or "")


@pytest.mark.parametrize(
    ("local", "line"),
    [("refused", "550 5.7.1 Not today"), ("later", "450 4.2.0 Come again"), ("fine", "250 2.0.0 Queued as 7"), ("x", "250")],
)
def test_what_the_class_answers_is_what_the_client_hears(bind: Bind, local: str, line: str) -> None:
    """Word for word; None is 250."""
    assert bind("Whole").submit(mail(local)).line().startswith(line)


def test_a_class_is_called_for_each_recipient_and_told_the_entrance(bind: Bind) -> None:
    """It hears of no client, and of nobody else who gets the mail."""
    raw = mail(headers={"Cc": f"bob@{DOMAIN}"})
    said = [bind("Nosy").submit(raw, to=f"{local}@{DOMAIN}").line() for local in ("ann", "bob")]
    assert said == [f"250 2.0.0 ('smtp', 0) ['{local}@{DOMAIN}']" for local in ("ann", "bob")]


def test_what_is_no_reply_is_an_error(bind: Bind) -> None:
    """A client could not read it."""
    delivered = bind("Whole").deliver(mail("odd"))
    assert delivered.oops == "ValueError: handle_envelope answers a reply such as '250 OK' or None, and not 'what?'"


def test_what_the_class_refuses_goes_on_to_nobody(bind: Bind) -> None:
    """Its sender is told; and what it waits for is waited for."""
    office = bind("Whole")
    assert (office.deliver(mail("refused")).disposition, office.deliver(mail("later")).disposition) == ("rejected", "deferred")
    away = office.deliver(mail("away"))
    assert (away.disposition, away.reason) == ("deferred", "the directory")


def test_the_class_chooses_subject_and_reverse_path(bind: Bind) -> None:
    """Of the header nothing else is changed."""
    raw = mail()
    ((_, sent),) = copies(bind("Whole").deliver(raw))
    assert sent.endswith(raw.replace(b"Subject: Rehearsal", b"Subject: [our list] Rehearsal"))


@pytest.mark.parametrize(
    ("field", "becomes"),
    [
        (b"Subject: =?UTF-8?a?hello_world?=", b"Subject: [our list] =?UTF-8?a?hello_world?="),
        (b"Subject: =?UTF-8?b?hello_world?=", None),
        (b"Subject: =?utf-8?b?w6Y=?= \xa3", None),
        (b"Subject: =?utf-8?q?x=0D=0ABcc=3A_eve=40example=2Ecom?=", None),
        (b"Subject: " + b"x" * 1_000_000, None),
        (b"Subject: " + b"\xff" * 1_000_000, None),
        (b"Subject:", b"Subject: [our list]"),
        (b"X-None: 1", b"Subject: [our list]"),
    ],
)
def test_any_subject_is_sent_on(bind: Bind, field: bytes, becomes: bytes | None) -> None:
    """Wrong encoded words, stray octets, line ends in disguise, and none at all."""
    raw = mail(headers={"X-Place": "here"}).replace(b"Subject: Rehearsal\r\n", b"").replace(b"X-Place: here", field)
    for name in ("Plain", "Whole"):
        ((_, sent),) = copies(bind(name).deliver(raw + name.encode()))
        header = sent.partition(b"\r\n\r\n")[0]
        assert header.count(b"\r\nSubject:") == (name == "Whole" or not field.startswith(b"X-None"))
        assert max(map(len, header.split(b"\r\n"))) <= 998 or name == "Plain"
        assert b"\r\nBcc:" not in header
    assert becomes is None or becomes in header


@pytest.mark.parametrize(("names", "left"), [("from:subject", 0), ("from:date", 1)])
def test_a_signature_over_the_old_subject_goes(bind: Bind, names: str, left: int) -> None:
    """It is wrong now; one that does not cover it stays, and so do all where the class leaves the subject alone."""
    signature = {"DKIM-Signature": f"v=1; d=example.com; h={names}; b=x"}
    ((_, sent),) = copies(bind("Whole").deliver(mail(headers=signature)))
    assert sent.count(b"DKIM-Signature:") == left
    message = Message(mail(headers=signature))
    message.subject = message.subject
    assert message.as_bytes().count(b"DKIM-Signature:") == 1


def test_a_large_mail_goes_to_few_groups_at_once(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """All copies are in memory together: where they are too many nothing is sent."""
    raw = mail("groups")
    monkeypatch.setattr(checks, "MAX_COPIES", 2 * len(raw))
    reply = bind("Plain").submit(raw)
    assert (reply.code, reply.status) == (552, "5.3.4")


def test_what_no_relay_takes_is_refused(bind: Bind) -> None:
    """A NUL and a CR without LF, while its sender can still be told."""
    for octet in (b"\0", b"\r"):
        assert bind("Plain").submit(mail() + octet + b"x").line().startswith("554 5.6.0 It holds a NUL or a CR without LF")


def test_each_group_gets_a_copy_with_its_fields(bind: Bind) -> None:
    """Who is in two groups gets the first one's; a group without anybody left gets none."""
    found = copies(bind("Lists").deliver(mail("groups")))
    assert [(recipients, message_from_bytes(raw)["List-Id"]) for recipients, raw in found] == [
        ([ANN, BOB], f"<choir.{DOMAIN}>"),
        ([CID], f"<band.{DOMAIN}>"),
    ]
    assert [message_from_bytes(raw).get_all("Received") is not None for _, raw in found] == [True, True]
    assert "List-Help" not in message_from_bytes(found[0][1])


def test_a_field_that_is_signed_is_left_alone(bind: Bind) -> None:
    """Also one that is signed and not there."""
    raw = mail(
        "groups", headers={"DKIM-Signature": "v=1; d=example.com; h=from : List-Unsubscribe:list-id; b=x", "List-Id": "<old>"}
    )
    for _, sent in copies(bind("Lists").deliver(raw)):
        assert message_from_bytes(sent)["List-Id"] == "<old>"
        assert "List-Unsubscribe" not in message_from_bytes(sent)


def test_a_header_that_is_too_long_gets_no_fields_of_a_list(bind: Bind) -> None:
    """What is signed in the rest of it nobody knows."""
    raw = b"X: y\r\n" * 1000 + mail("groups", headers={"DKIM-Signature": "v=1; d=example.com; h=list-id; b=x"})
    ((recipients, sent),) = copies(bind("Lists").deliver(raw, to=f"groups@{DOMAIN}"))
    assert recipients == [ANN, BOB, CID]
    assert sent.endswith(raw) and b"List-" not in sent.removesuffix(raw)


def test_a_mail_that_has_been_here_is_refused(bind: Bind) -> None:
    """By our mark, whatever host it came through."""
    office = bind("Plain")
    ((_, sent),) = copies(office.deliver(mail()))
    assert office.submit(sent, to=f"ann@{DOMAIN}").line() == "554 5.4.6 The mail goes in circles"
    assert office.submit(sent, to=f"pair@{DOMAIN}").code == 250


def test_a_host_name_of_the_class_is_counted_in_received_alone() -> None:
    """A mail that speaks of it is no loop."""

    class Named(SMTPForwarder):
        my_hostname = "mx.tunnel.example.org"

    def circles(field: str, times: int) -> bool:
        raw = f"{field}: by mx.tunnel.example.org; now\r\n".encode() * times + mail()
        return Named().detect_mail_loop(Envelope(Message(raw), CID, [f"ann@{DOMAIN}"]))

    assert [circles("Received", 3), circles("Received", 4), circles("X-Talk", 9)] == [False, True, False]


def test_a_class_may_have_no_received(bind: Bind) -> None:
    """As it always could."""
    ((_, sent),) = copies(bind("Silent").deliver(mail()))
    assert b"Received:" not in sent


def test_recipients_come_in_the_order_of_their_fields() -> None:
    """To before Cc, whom no field names last; a comma in an encoded name parts nothing."""
    raw = (
        b"Cc: c@example.org, a@example.org\r\nResent-To: r@example.org\r\n"
        b"To: =?utf8?q?f=C3=B8o=2Cb=C3=A6r?= <a@example.org>, t@example.org\r\n\r\n"
    )
    envelope = Envelope(Message(raw), CID, ["b@example.org", "c@example.org", "a@example.org"])
    assert envelope.recipients() == [
        ("a@example.org", "a@example.org", "To"),
        (None, "t@example.org", "To"),
        (None, "r@example.org", "Resent-To"),
        ("c@example.org", "c@example.org", "Cc"),
        ("b@example.org", "b@example.org", "Bcc"),
    ]


def test_a_message_answers_what_it_always_did() -> None:
    """Its fields can be read and edited; every other byte stays."""
    raw = b"received: one\r\nX-A:  1\r\nX-A: 2\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\nFrom here\r\n"
    message = Message(raw)
    assert (message.as_bytes(), str(message)) == (raw, raw.decode())
    assert (message.get_header("x-a"), message.get_header("X-B", "none"), message.get_all_headers("X-A")) == (
        "1",
        "none",
        ["1", "2"],
    )
    assert (message.subject, message.get_unique_header("X-A"), message.message["x-a"]) == ("café", "1", "1")
    assert list(message.header_items()) == [("received", "one"), ("X-A", "1"), ("X-A", "2"), ("Subject", "café")]
    with pytest.raises(KeyError):
        message.get_unique_header("X-B")
    message.set_unique_header("X-A", "3\n\tand more")
    message.prefix_received_lines()
    message.add_received_line("two")
    assert message.as_bytes() == (
        b"Received: two\r\nX-received: one\r\nX-A: 3 and more\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\nFrom here\r\n"
    )


def test_a_mail_that_does_not_survive_parsing_is_kept_and_goes_on(bind: Bind, tmp_path: Path) -> None:
    """As it came and as a parser would write it; the other mail is not."""
    raw = unclosed()
    office = bind("Plain", insane_dir=tmp_path)
    for each in (mail(), raw):
        ((_, sent),) = copies(office.deliver(each))
        assert sent.endswith(each)
    (came,) = tmp_path.glob("*.in")
    (written,) = tmp_path.glob("*.out")
    assert came.read_bytes().endswith(raw) and came.stem == written.stem
    assert {stat.S_IMODE(file.stat().st_mode) for file in (came, written)} == {0o600}
    assert written.read_bytes() not in (b"", came.read_bytes())


def test_the_folder_does_not_fill_the_disk(bind: Bind, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A hundred are enough to see what is the matter; nor does a folder that is away stop mail."""
    for number in range(MAX_INSANE):
        (tmp_path / f"{number}.in").touch()
    raw = unclosed()
    assert bind("Plain", insane_dir=tmp_path).deliver(raw, to=f"ann@{DOMAIN}").disposition == "handled"
    assert len(list(tmp_path.iterdir())) == MAX_INSANE and "look at them" in caplog.text
    with pytest.raises(ValueError, match=r"insane_dir: .*away is no folder; make it"):
        bind("Plain", insane_dir=tmp_path / "away")
    away = tmp_path / "later"
    away.mkdir()
    office = bind("Plain", insane_dir=away)
    away.rmdir()
    assert office.deliver(unclosed(), to=f"ann@{DOMAIN}").disposition == "handled"
    assert "No such file or directory" in caplog.text


@pytest.mark.parametrize(
    ("relay", "says"),
    [
        ("ourlists", "relay: ourlists: is not written like module:attribute"),
        ("nosuch.module:Class", "relay: nosuch.module:Class: ModuleNotFoundError"),
        ("ourlists:Nosuch", "relay: ourlists:Nosuch: AttributeError"),
        ("ourlists:nothing", "relay: ourlists:nothing is no class"),
    ],
)
def test_a_class_that_cannot_be_used_stops_the_start(installed: PostOffice, relay: str, says: str) -> None:
    """The configuration names the handler, and the text the key."""
    with pytest.raises(SettingsError, match=says):
        installed.bind(DOMAIN, "mailproc.forward:Tunnel", {"relay": relay})


def test_the_configuration_names_the_class(installed: PostOffice) -> None:
    """As it stands in a section of its own."""
    installed.bind("other.example.org", "mailproc.forward:Tunnel", {"relay": "ourlists:Plain"}, drop=(), trust=())
    assert installed.deliver(mail(), to="ann@other.example.org").disposition == "handled"
