"""`forward`: what is made of mail that comes back, and who hears of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailproc.forward import lists
from mailproc.reading import read_header
from mailproc.testing import PostOffice, make_mail
from tests.forward.conftest import Bind, MakeList
from tests.forward.delivering import BOARD, BOUNCES, SENDER, by_group, dead, deliver, report


def test_a_bounce_is_taken_back_before_anything_is_checked(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """A list refuses reports where the operator says so; the address that is there for them takes them all the same."""
    make_list("board", "ann@example.org")
    bind(envelope_from="fixed", bounces=BOUNCES, reject=["report", "null-reverse-path"])
    deliver(office)
    replies = []
    for to in (BOARD, BOUNCES):
        mail = report(to, "ann@example.org", about="List-Id: <board.lists.example.org>\r\n")
        replies.append(office.submit(mail, to=to, reverse_path="").line())
    assert replies[0] == "550 5.7.1 It is a delivery status notification"
    assert replies[1].startswith("250 ")
    assert dead(office) == {"ann@example.org": 1}


def test_each_recipient_may_have_a_path_of_its_own(office: PostOffice, make_list: MakeList, bind: Bind, secret: Path) -> None:
    """A bounce to it tells who is dead, whatever address the report names; a path that we have not made is none."""
    make_list("board", "ann@example.org", "bob@example.net")
    bind(envelope_from="fixed", bounces=BOUNCES, verp=True, secret_file=str(secret))
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
    bind(envelope_from="fixed", bounces=BOUNCES)
    deliver(office)
    to = BOUNCES
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
    bind(envelope_from="fixed", bounces=BOUNCES, verp=True, secret_file=str(secret))
    paths = {sent.to: sent.reverse_path for sent in deliver(office).sent}
    to = paths[f"{local}@example.org"]
    assert to == BOUNCES != paths["ann@example.org"]
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
    bind(hostname=hostname, envelope_from="fixed", bounces=BOUNCES)
    deliver(office)
    to = BOUNCES
    office.deliver(report(to, "ann@example.org", about=f"{about}\r\n"), to=to, reverse_path="")
    assert bool(dead(office)) is ours


@pytest.mark.parametrize(
    ("path", "headers", "ends"),
    [
        (SENDER, {}, "rejected"),
        ("", {"Auto-Submitted": "auto-replied"}, "dropped"),
        ("", {"Auto-Submitted": "Auto-Replied (vacation)"}, "dropped"),
        ("", {"Auto-Submitted": "auto-generated (failure)"}, "handled"),
        ("", {"Auto-Submitted": "auto-generated"}, "handled"),
        ("", {}, "handled"),
    ],
)
def test_other_mail_to_the_address_of_bounces(
    office: PostOffice, bind: Bind, path: str, headers: dict[str, str], ends: str
) -> None:
    """A person is told so, an absence is nothing to report, and what is no report goes to the administrator."""
    bind(envelope_from="fixed", bounces=BOUNCES)
    mail = make_mail(to=BOUNCES, sender=SENDER, subject="failure notice", text="x", headers=headers)
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
    assert office.submit(mail + b"\0", to=path, reverse_path="").status == "5.6.0"
    forged = path.replace("=sue@", "=eve@")
    assert office.submit(mail, to=forged, reverse_path="").code == 550
    away = {"Auto-Submitted": "auto-replied"}
    for headers in ({}, away):  # a member who has forged a reverse path knows what leads to whom he wrote there
        assert office.submit(make_mail(to=path, text="buy", headers=headers), to=path, reverse_path=SENDER).code == 550
    answer = office.deliver(make_mail(to=path, text="away", headers=away), to=path, reverse_path="")
    assert answer.reason == f"bounce: passed on to {SENDER}"


def test_a_path_of_ones_own_is_good_for_three_weeks(office: PostOffice, make_list: MakeList, bind: Bind, secret: Path) -> None:
    """By the time of the delivery; a bounce that comes later is dropped."""
    make_list("board", "ann@example.org")
    bind(envelope_from="fixed", bounces=BOUNCES, verp=True, secret_file=str(secret))
    (path,) = [sent.reverse_path for sent in deliver(office).sent]
    assert office.deliver(report(path, "ann@example.org"), to=path, reverse_path="").disposition == "handled"
    office.now += timedelta(days=22)
    late = office.deliver(report(path, "ann@example.org") + b"late", to=path, reverse_path="")
    assert (late.disposition, dead(office)) == ("dropped", {"ann@example.org": 1})
