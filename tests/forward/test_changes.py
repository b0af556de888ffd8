"""A mail goes on as its original bytes with named fields changed, so that the signatures of its author still hold."""

from __future__ import annotations

import time
from dataclasses import replace
from email import message_from_bytes, policy
from email.utils import format_datetime

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc.dkim.sealing import Seal
from mailproc.dkim.txt import Dns
from mailproc.forward.changes import Arrived, Changes, FromPolicy, apply
from mailproc.forward.listfields import ListFields
from mailproc.forward.received import Hop
from mailproc.forward.references import BrokenReferences
from mailproc.rawmail import RawMail
from mailproc.reading import read_header, read_message
from tests.forward.differing import differences
from tests.forward.signing import LIST_NAMES, MAIL, NOW, dns, key, records, signed, verifies
from tests.servers.dns import DnsServer

ADDRESS = "notes@lists.example.net"
FIELDS = ListFields(
    "The Notes",
    ADDRESS,
    help=("mailto:help@lists.example.net",),
    subscribe=("mailto:admin@lists.example.net?subject=subscribe%20notes",),
    unsubscribe=("https://lists.example.net/leave/notes", "mailto:admin@lists.example.net?subject=unsubscribe%20notes"),
    owner="admin@lists.example.net",
    sender="admin@lists.example.net",
)
HOP = Hop("mx.lists.example.net", "7-1", "SMTP")
ALL = Changes(FIELDS, ADDRESS, HOP)
SEAL = Seal(key("list"), "s2", "lists.example.net", "mx.lists.example.net")
EVERY = [
    ALL,
    replace(ALL, from_policy=FromPolicy.MUNGE, references=True),
    replace(ALL, plain_text=True, seal=SEAL, txt=records()),
]
PIECES = [
    *(b"\r\n", b"\n", b"\r\n ", b" ", b":", b"a", b"\xff", b"\0", b"\r\n\r\n", b"From: Ann <ann@example.org>\r\n", b"from:"),
    *(
        b"DKIM-Signature: v=1; h=from:list-id; b=x\r\n",
        b"List-Id: <x.example.org>\r\n",
        b"References: <a b>\r\n",
        b"X-Loop: x\n",
    ),
    *(b"Content-Type: text/html\r\n", b"Received: x\r\n", b"Subject: s\r\n", b"ARC-Seal: i=1; cv=none\r\n", b"From x\n"),
]


def changed(raw: bytes, changes: Changes = ALL, recipients: tuple[str, ...] = ("a@example.com", "b@example.com")) -> bytes:
    """The mail as it goes on."""
    return apply(Arrived.read(raw, read_message(raw)), changes, NOW, recipients)


@pytest.mark.parametrize("form", ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"])
def test_the_signature_of_the_author_holds(form: str) -> None:
    """With all list fields added, a DKIM signature of whatever form verifies as before."""
    raw = signed(form=form)
    assert verifies(raw)
    after = changed(raw)
    assert verifies(after)
    assert read_header(after).first("List-Id") == "The Notes <notes.lists.example.net>"
    assert not verifies(after.replace(b"It is", b"It was"))


@pytest.mark.parametrize("form", ["relaxed/relaxed", "simple/simple"])
def test_fields_that_are_signed_are_never_touched(form: str) -> None:
    """Where the author's server has signed List-* and the like, be they there or not, they stay, and the signature holds."""
    raw = signed(MAIL.replace(b"Date:", b"List-Unsubscribe: <https://example.org/leave>\r\nDate:"), form=form, more=LIST_NAMES)
    after = changed(raw)
    assert verifies(after)
    assert differences(raw, after) == ["received: added", "x-loop: added"]


@pytest.mark.parametrize("hides", [b"X: y\r\n" * 1000, b"X: " + b"y" * 300_000 + b"\r\n"])
def test_a_header_that_is_too_long_gets_no_list_fields(hides: bytes) -> None:
    """What is signed in the rest of it nobody knows; it is marked as it goes on, and that is all."""
    raw = hides + signed(more=LIST_NAMES)
    after = changed(raw)
    assert after.endswith(raw)
    assert [name for name, _ in read_header(after.removesuffix(raw)).fields] == ["Received", "X-Loop"]


def test_what_is_changed_is_what_was_named() -> None:
    """Our fields are there, everything else is byte for byte what came, also what a parser would write anew."""
    raw = signed()
    after = changed(raw)
    ours = ["list-help", "list-id", "list-owner", "list-post", "list-subscribe", "list-unsubscribe", "list-unsubscribe-post"]
    names = sorted([*ours, "precedence", "received", "sender", "x-auto-response-suppress", "x-loop"])
    assert differences(raw, after) == [f"{name}: added" for name in names]
    assert after.endswith(raw[raw.index(b"From: Ann") :])


def test_no_changes_are_none() -> None:
    """Without anything to change the bytes are those that came, with CRLF."""
    assert changed(MAIL, Changes()) == MAIL
    assert changed(MAIL.replace(b"\r\n", b"\n"), Changes()) == MAIL


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join) | st.binary(max_size=100), st.sampled_from(EVERY))
def test_any_bytes_go_on(raw: bytes, changes: Changes) -> None:
    """Whatever the mail is, it goes on with its body and its fields, and with ours on top as one reader sees them."""
    try:
        after = changed(raw, changes)
    except BrokenReferences:
        return
    assert read_header(after).all("X-Loop") == (ADDRESS, *read_header(raw).all("X-Loop"))
    bodies = (RawMail.read(each).body.replace(b"\r\n", b"\n") for each in (raw, after))
    strays = any(not field.name for field in RawMail.read(raw).fields)  # where the body begins behind them, readers disagree
    assert len(set(bodies)) == 1 or changes.plain_text or strays
    assert set(differences(raw, after)) >= {"received: added", "x-loop: added"}


@pytest.mark.parametrize(
    "subject",
    [
        b"Subject: =?UTF-8?a?hello_world?=\r\n",
        b"Subject: =?UTF-8?b?hello_world?=\r\n",
        b"Subject: =?UTF-8?b?4pyT\xa3?=\r\n",
        b"Subject: \xe6\xf8\xe5 raw\r\n",
        b"Subject:\r\n",
        b"",
    ],
)
def test_a_subject_that_cannot_be_decoded_goes_on_as_it_is(subject: bytes) -> None:
    """A wrong encoded word, a stray octet, raw octets or no subject at all are nobody's business but the reader's."""
    raw = signed(MAIL.replace(b"Subject: What we\r\n said\r\n", subject))
    after = changed(raw)
    assert subject in after and after.count(b"Subject:") == raw.count(b"Subject:")
    assert verifies(after)


def test_received_names_the_recipient_only_when_alone() -> None:
    """With several recipients our Received names none, for it would tell who got a blind copy (RFC 5321 section 4.4)."""
    value = read_header(changed(MAIL, recipients=("a@example.com",))).all("Received")
    assert value[0] == (
        f"from unknown by mx.lists.example.net (mailproc) with SMTP id 7-1 for <a@example.com>; {format_datetime(NOW)}"
    )
    assert value[1:] == read_header(MAIL).all("Received")
    assert b"example.com" not in changed(MAIL)


def test_from_in_the_name_of_the_list() -> None:
    """Munged, the list is the author, who wrote gets the answers, no signature is left, and signed List-* are ours."""
    raw = signed(more=LIST_NAMES)
    after = changed(raw, replace(ALL, from_policy=FromPolicy.MUNGE))
    parsed = message_from_bytes(after, policy=policy.default)
    assert str(parsed["From"]) == "Ann Doe via The Notes <notes@lists.example.net>"
    assert str(parsed["Reply-To"]) == "ann@example.org"
    assert parsed["List-Post"] == "<mailto:notes@lists.example.net>"
    assert not verifies(after) and "DKIM-Signature" not in parsed and not parsed.defects


def test_munged_where_the_domain_is_strict() -> None:
    """A real DNS decides: only the author whose domain has mail of others refused loses the From."""
    changes = replace(ALL, from_policy=FromPolicy.MUNGE_IF_DMARC_STRICT)
    with DnsServer({"_dmarc.example.org": ["v=DMARC1; p=reject"]}) as server:
        changes = replace(changes, txt=Dns(server.server))
        assert b"From: Ann Doe via The Notes <" in changed(signed(), changes)
        unquoted = signed(MAIL.replace(b"Ann Doe <", b"ann@example.org <"))
        assert b"From: ann via The Notes <" in changed(unquoted, changes)
        for odd in (
            b'"a b"@example.org',
            b"ann @ example.org",
            b"ann(c)@example.org",
            b"Ann <ann@example.org",
            b"ann=40example.org",
        ):
            assert b"via The Notes <" in changed(MAIL.replace(b"Ann Doe <ann@example.org>", odd), changes)
        server.records["_dmarc.example.org"] = ["v=DMARC1; p=none"]
        four = b", ".join(b"a@%d.example.net" % at for at in range(4))
        assert b"via The Notes <" in changed(MAIL.replace(b"Ann Doe <ann@example.org>", four), changes)
        assert b"via The Notes <" not in changed(MAIL.replace(b"Ann Doe <ann@example.org>", four[:-18]), changes)
        assert verifies(changed(signed(), changes))
        assert verifies(changed(signed(), replace(changes, txt=None)))


def test_plain_text_only() -> None:
    """HTML and files are taken out with the signature over them; a mail that is plain text keeps both text and signature."""
    html = MAIL.partition(b"\r\n\r\n")[0] + (
        b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Language: sv\r\n\r\n"
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hall\xc3\xa5 = <i>there</i></p>\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n%PDF\r\n--b--\r\n"
    )
    after = changed(signed(html), replace(ALL, plain_text=True))
    parsed = message_from_bytes(after, policy=policy.default)
    assert parsed.get_content_type() == "text/plain" and parsed["Content-Transfer-Encoding"] == "quoted-printable"
    assert parsed.get_content() == "Hall\xe5 = _there_\r\n"
    assert (parsed["Content-Language"], parsed["DKIM-Signature"], parsed.defects) == ("sv", None, [])
    assert verifies(changed(signed(), replace(ALL, plain_text=True)))


def test_a_seal_and_all_changes() -> None:
    """Sealed after all changes, the mail has a chain that holds, and it says what we found of the author's signature."""
    after = changed(signed(), replace(ALL, from_policy=FromPolicy.MUNGE, seal=SEAL, txt=records()))
    assert after.startswith(b"ARC-Seal: i=1; cv=none;")
    assert dkim.arc_verify(after, dnsfunc=dns(records()))[0] == b"pass"
    assert b"mx.lists.example.net;\r\n dkim=pass header.d=example.org;\r\n arc=none\r\n" in after
    assert changed(signed(), replace(ALL, seal=SEAL)) == changed(signed())


def test_without_the_dns_a_mail_goes_on_without_a_seal(caplog: pytest.LogCaptureFixture) -> None:
    """Where the key of an earlier seal cannot be looked up, nobody can say whether that holds; the mail is not kept back."""
    once = changed(signed(), replace(ALL, seal=SEAL, txt=records()))
    with DnsServer() as server:
        server.behave["s2._domainkey.lists.example.net"] = "servfail"
        txt = Dns(server.server, query_seconds=0.2, name_seconds=0.5)
        again = changed(once, replace(Changes(address="other@example.com"), seal=SEAL, txt=txt))
    assert differences(once, again) == ["x-loop: added"]
    assert "goes on without a seal" in caplog.text


def test_a_large_mail() -> None:
    """25 MB go through all changes and a seal in a few passes."""
    raw = MAIL.replace(b"It is  fine. \r\n", b"word  and  more \t words \r\n" * 1_000_000)
    message = read_message(raw)
    for changes, most in ((ALL, 0.5), (replace(ALL, seal=SEAL, txt=records(), from_policy=FromPolicy.MUNGE), 6)):
        started = time.process_time()
        after = apply(Arrived.read(raw, message), changes, NOW, ())
        assert time.process_time() - started < most
        assert after.endswith(raw[-1000:])
    assert b"dkim=none;\r\n arc=none\r\n" in after[:5000]
