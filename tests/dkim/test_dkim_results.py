"""What our own server says in Authentication-Results, and when it is believed (RFC 8601 section 5)."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from mailproc.dkim import DomainFinding, DomainVerification, DomainVerifier
from mailproc.dkim.results import TrustedResults
from mailproc.reading import read_header
from tests.cost import within
from tests.dkim.signed_mail import ARRIVAL, KEY, MAIL, verify
from tests.dkim.signer import TIME, sign

US = "mx.example.net"
SIGNED = sign(MAIL, KEY)
SAYS = "dkim=pass (good) header.d=example.org"
SMTP = (
    b"Received: from mail.example.org (mail.example.org [192.0.2.1])\r\n"
    b"\tby mx.example.net with ESMTPS id 1\r\n"
    b"\tfor <notes@example.net>; Mon, 02 Nov 2026 10:00:02 +0000\r\n"
)
LMTP = (
    b"Received: from mx.example.net\r\n"
    b"\tby imap.example.net with LMTP\r\n"
    b"\tid 2 (envelope-from <ann@example.org>)\r\n"
    b"\tfor <notes@example.net>; Mon, 02 Nov 2026 10:00:03 +0000\r\n"
)


def b_of(raw: bytes) -> str:
    """The value of the topmost b=."""
    found = re.search(rb" b=([^;\r]*)", raw)
    assert found is not None
    return found[1].decode()


def results(*said: str, by: str = US) -> bytes:
    """A field with these results."""
    return f"Authentication-Results: {'; '.join([by, *said])}\r\n".encode()


def look(
    raw: bytes, *, domains: Collection[str] = ("example.org",), arrival: datetime = ARRIVAL, by: str = US
) -> list[DomainVerification]:
    """What is believed."""
    return list(TrustedResults(by).verify(raw, read_header(raw), set(domains), arrival=arrival))


def believed(raw: bytes, **how: object) -> bool:
    """Whether the mail passes; nothing else is ever said but that it does."""
    found = look(raw, **how)
    assert [each.finding for each in found] in ([], [DomainFinding.PASS])
    return bool(found)


def test_what_our_server_found() -> None:
    """It counts as our own verification does: the same domain, the same time, the same digest."""
    (ours,) = verify(SIGNED)
    (found,) = look(results(SAYS) + SIGNED)
    assert found == DomainVerification(
        DomainFinding.PASS,
        "example.org",
        datetime.fromtimestamp(TIME, UTC),
        "signed by example.org, says mx.example.net",
        ours.covered_sha256,
    )


def test_it_is_a_verifier_of_domains() -> None:
    """It is what `mailproc.authenticate` asks, and it has nothing to say of a mail without a word of ours."""
    verifier: DomainVerifier = TrustedResults(US)
    assert list(verifier.verify(SIGNED, read_header(SIGNED), {"example.org"}, arrival=ARRIVAL)) == []


# Whose field it is ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [US, "MX.example.NET", f"(us) {US}", f"{US} (us)", f"{US} 1", f" {US}"])
def test_our_name(by: str) -> None:
    """Our name may be in any case, with comments and a version."""
    assert believed(results(SAYS, by=by) + SIGNED)
    assert believed(results(SAYS) + SIGNED, by="Mx.Example.Net")


@pytest.mark.parametrize(
    "by",
    [
        "mx.example.org",
        "example.net",
        f"x{US}",
        f"{US}.evil.example",
        f"{US}/1",
        f"evil.example ({US})",
        f"{US} 2",
        f'"{US}"',
        f"{US}\0",
        "",
    ],
)
def test_other_names(by: str) -> None:
    """Nobody else is believed, however alike the name."""
    assert not believed(results(SAYS, by=by) + SIGNED)


def test_our_name_in_the_field_of_another() -> None:
    """The name counts where the name stands."""
    assert not believed(results(f"spf=pass smtp.mailfrom={US}", SAYS, by="evil.example") + SIGNED)


# Where it stands ------------------------------------------------------------------------------------------------------------


def test_above_every_trace() -> None:
    """Our server writes above what came with the mail; the fields of a delivery may stand above that."""
    assert believed(b"Return-Path: <ann@example.org>\r\nDelivered-To: notes\r\n" + results(SAYS) + SMTP + SIGNED)
    assert believed(results("spf=pass smtp.mailfrom=a@b.example", by="other.example.net") + results(SAYS) + SMTP + SIGNED)


@pytest.mark.parametrize("below", [SMTP, LMTP + SMTP, SMTP + LMTP, b"X: y\r\n" + SMTP])
def test_below_a_trace(below: bytes) -> None:
    """What is below may have come with the mail, and our name can be written by anybody."""
    assert not believed(below + results(SAYS) + SIGNED)
    assert not believed(below + results("dkim=temperror header.d=example.org") + SIGNED)


def test_in_the_body() -> None:
    """A field is one of the header."""
    assert not believed(sign(MAIL + results(SAYS), KEY))


@pytest.mark.parametrize("protocol", ["LMTP", "LMTPS", "LMTPA", "LMTPSA", "lmtp"])
def test_below_the_final_delivery(protocol: str) -> None:
    """The last hop, from our server to the mailbox, is our own (RFC 3848)."""
    received = LMTP.replace(b"LMTP", protocol.encode())
    assert believed(received + results(SAYS) + SMTP + SIGNED)
    assert believed(received + LMTP + results(SAYS) + SMTP + SIGNED)


def test_below_a_final_delivery_over_tls() -> None:
    """The words about the cipher are none about the protocol."""
    tls = LMTP.replace(b"with LMTP\r\n", b"with LMTPS (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n")
    assert believed(tls + results(SAYS) + SMTP + SIGNED)


@pytest.mark.parametrize(
    "received",
    [
        b"from a by b with SMTP id 1; date",
        b"from a by b with ESMTPSA id 1; date",
        b"from a by b with LMTPX id 1; date",
        b"from a by b with local (Exim) id 1; date",
        b"by b id 1; date",
        b"",
        b"with",
        b"from with-LMTP by b; date",
        b"from x with LMTP by mx.example.net with ESMTPS id 1; date",  # a client that says EHLO x with LMTP
        b"from x with LMTP ( (unknown [192.0.2.9]) by mx.example.net with ESMTPS id 1; date",  # and one that opens a comment
        b'from "x with LMTP (mail [192.0.2.9]) by mx.example.net (Postfix) with ESMTPS id 1; date',
        b"from x with LMTP by mx.example.net (x with SMTP) ; date",
        b"from x with LMTP\r\n\tby mx.example.net\r\n\twith\r\n\tESMTP id 1; date",
        b"from x with LMTP by mx.example.net with cipher (ESMTP with  SMTP); date",
        b"from unknown (HELO with LMTP) (192.0.2.1) by mx.example.net with (TLS_AES encrypted) SMTP; x",
        b"from a (with LMTP b) by mx.example.net with (LMTP) ESMTP id 1; x",
        b"from x by h with LMTP; ( (unknown [192.0.2.9]) by mx.example.net with ESMTP id 1; x",
        b"from x by h with LMTP by mx.example.net id 1; x",
        b"from unknown (HELO with LMTP) by mx.example.net",
        b"by",
        b"with LMTP by",
    ],
)
def test_other_traces(received: bytes) -> None:
    """Anything else was a way into our house, whatever words a client put into it."""
    assert not believed(b"Received: " + received + b"\r\n" + results(SAYS) + SIGNED)


def test_a_trace_in_any_case() -> None:
    """The names of the fields may be written in any case."""
    assert not believed(SMTP.replace(b"Received", b"RECEIVED") + results(SAYS) + SIGNED)
    assert believed(results(SAYS).replace(b"Authentication-Results", b"authentication-RESULTS") + SIGNED)


# What it says ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "dkim=pass header.d=example.org",
        "dkim = pass header.d = Example.ORG",
        "DKIM=PASS HEADER.D=example.org",
        'dkim=pass reason="good" header.d="example.org"',
        "dkim=pass header.i=@example.org header.d=example.org header.s=s1 header.a=ed25519-sha256",
        "dkim=pass header.d=example.org header.s=S1",
        "dkim=pass header.d=example.org header.d=example.org",
        f"dkim=pass header.d=example.org header.b={b_of(SIGNED)[:8]}",
        f'dkim=pass header.d=example.org header.b="{b_of(SIGNED)[:10]}"',
        f'dkim=pass header.d=example.org header.b="{b_of(SIGNED)}"',
        "spf=fail smtp.mailfrom=a@example.org; dkim=pass header.d=example.org; dmarc=fail header.from=example.org",
        "dkim=pass header.d=example.net; dkim=pass header.d=example.org; dkim=fail header.d=example.com",
        "dkim=pass header.d=example.org policy.dkim-rules=none x-bits=256",
    ],
)
def test_a_pass(said: str) -> None:
    """A signature of the domain passed, among whatever else is said."""
    assert believed(results(said) + SIGNED)


@pytest.mark.parametrize(
    "said",
    [
        "none",
        "dkim=none",
        "dkim=fail header.d=example.org",
        "dkim=policy header.d=example.org",
        "dkim=neutral header.d=example.org",
        "dkim=permerror header.d=example.org",
        "dkim=passed header.d=example.org",
        "dkim=pass",
        "dkim=pass header.i=@example.org",
        "dkim=pass header.d=example.net",
        "dkim=pass header.d=mail.example.org",
        "dkim=pass header.d=",
        "dkim=pass smtp.d=example.org",
        "dkim=pass header.d=example.org header.d=example.net",
        "dkim=pass header.d=example.net header.d=example.org",
        "dkim=pass header.d=example.org header.s=s2",
        "dkim=pass header.d=example.org header.b=AAAAAAAA",
        f"dkim=pass header.d=example.org header.b={b_of(SIGNED)[1:9]}",
        f'dkim=pass header.d=example.org header.b="{b_of(SIGNED)}A"',
        "dkim-adsp=pass header.d=example.org",
        "x-dkim=pass header.d=example.org",
        "spf=pass header.d=example.org",
        "arc=pass header.d=example.org",
        'spf=pass smtp.mailfrom="x; dkim=pass header.d=example.org"@evil.example',
        "spf=pass (dkim=pass header.d=example.org)",
        "dkim=fail (dkim=pass) header.d=example.org",
        "dkim",
        "dkim=",
        "=pass header.d=example.org",
        "dkim=pass header.d=example.org;",
        "dkim=pass header.d=example.org; ;",
        "(dkim=pass header.d=example.org",
        "",
    ],
)
def test_no_pass(said: str) -> None:
    """Everything else says nothing here; our own verification decides."""
    assert not believed(results(said) + SIGNED)


def test_a_domain_that_is_not_asked_about() -> None:
    """Results of other domains are not looked at."""
    assert look(results("dkim=pass header.d=example.org") + SIGNED, domains=("example.com",)) == []
    assert look(results("dkim=temperror header.d=example.org") + SIGNED, domains=("example.com",)) == []


def test_what_could_not_be_looked_up() -> None:
    """A temporary error is told as one."""
    (found,) = look(results("dkim=temperror header.d=Example.org header.s=s1") + SIGNED)
    detail = "mx.example.net could not look up the key of example.org"
    assert found == DomainVerification(DomainFinding.AWAY, "example.org", None, detail)


def test_several_results() -> None:
    """Each is answered for, in their order; those that say nothing are left out; the same twice is once; at most five."""
    raw = sign(sign(MAIL, KEY, d="example.com"), KEY)
    said = [
        "dkim=pass header.d=example.com",
        "dkim=fail header.d=example.org header.s=x",
        "dkim=temperror header.d=example.org",
        SAYS,
        SAYS,
    ]
    found = look(results(*said) + raw, domains=("example.org", "example.com"))
    assert [(each.finding, each.domain) for each in found] == [
        (DomainFinding.PASS, "example.com"),
        (DomainFinding.AWAY, "example.org"),
        (DomainFinding.PASS, "example.org"),
    ]
    many = [f"dkim=temperror header.d=example.org header.s=s{n}" for n in range(9)]
    assert len(look(results(*many) + raw)) == 5


# What it does not say -------------------------------------------------------------------------------------------------------


def test_a_pass_without_a_signature() -> None:
    """A result about a signature that is not there is about another mail."""
    assert not believed(results(SAYS) + MAIL)
    assert not believed(results(SAYS) + sign(MAIL, KEY, d="example.net"))


@pytest.mark.parametrize(
    "raw",
    [
        sign(MAIL, KEY, l=12),
        sign(MAIL, KEY, h="from:to:date"),
        sign(MAIL, KEY, h="to:subject:date"),
        sign(MAIL, KEY, i="@mail.example.org"),
        sign(MAIL, KEY, a="rsa-sha1"),
        sign(MAIL, KEY, x=TIME + 1),
        sign(MAIL, KEY, t=0),
        sign(MAIL, KEY, v="2"),
        sign(MAIL, KEY, extra=" d=example.org;"),
        b"Reply-To: eve@example.net\r\n" + sign(MAIL, KEY),
        b"Subject: Pay\r\n" + sign(MAIL, KEY, h="from:to:subject:date"),
        b"From: eve@example.org\r\n" + sign(MAIL, KEY),
        b"Content-Type: text/html\r\n" + sign(MAIL, KEY),
        b"X: a\rb\r\n" + sign(MAIL, KEY),
        b"no colon\r\n" + sign(MAIL, KEY),
    ],
)
def test_a_signature_that_proves_too_little(raw: bytes) -> None:
    """Our server calls it good, and so it may be; what it covers is for us to judge."""
    assert not believed(results(SAYS) + raw)


def test_an_unsound_header_and_a_temporary_error() -> None:
    """A header that readers take for different ones is nothing to wait for."""
    assert look(results("dkim=temperror header.d=example.org") + b"X: a\rb\r\n" + SIGNED) == []


def test_an_expiry_by_the_arrival() -> None:
    """As in our own verification the arrival counts."""
    raw = results(SAYS) + sign(MAIL, KEY, x=int(ARRIVAL.timestamp()))
    assert believed(raw)
    assert not believed(raw, arrival=ARRIVAL + timedelta(seconds=1))


def test_two_signatures_that_could_be_meant() -> None:
    """One of them may be made up, to look younger or to cover more than the one that passed."""
    weak = sign(MAIL, KEY, l=12)
    made_up = b"DKIM-Signature" + sign(MAIL, KEY, b="AAAAAAAAAAAA").removesuffix(MAIL).removeprefix(b"DKIM-Signature")
    for raw in (made_up + weak, weak.removesuffix(MAIL) + made_up + MAIL, made_up + SIGNED):
        assert not believed(results(SAYS) + raw)
        assert not believed(results(SAYS + " header.s=s1") + raw)
    assert not believed(results(f"{SAYS} header.b={b_of(weak)[:8]}") + made_up + weak)
    assert believed(results(f"{SAYS} header.b={b_of(SIGNED)[:8]}") + made_up + SIGNED)
    alike = sign(MAIL, KEY, b=b_of(SIGNED)[:8] + "AAAA").removesuffix(MAIL)
    assert not believed(results(f"{SAYS} header.b={b_of(SIGNED)[:8]}") + alike + SIGNED)


def test_many_signatures_that_could_be_meant() -> None:
    """However many are made up, the one that passed is not lost among them."""
    made_up = sign(MAIL, KEY, b="AAAAAAAAAAAA").removesuffix(MAIL) * 20
    assert not believed(results(SAYS) + made_up + sign(MAIL, KEY, l=12))


def test_a_signature_told_by_its_selector() -> None:
    """Two signatures of a domain are told apart by the selector, or by the beginning of b=, which may be folded."""
    raw = sign(SIGNED, KEY, s="s2", l=5)
    assert believed(results(f"{SAYS} header.s=s1") + raw)
    assert not believed(results(f"{SAYS} header.s=s2") + raw)
    folded = SIGNED.replace(b" b=" + b_of(SIGNED)[:4].encode(), b" b=" + b_of(SIGNED)[:4].encode() + b"\r\n\t")
    assert believed(results(f"{SAYS} header.b={b_of(SIGNED)[:8]}") + folded)


def test_a_signature_that_is_not_well_formed() -> None:
    """Nobody knows whether it is the one that passed."""
    broken = b"DKIM-Signature: d=example.org; s=s1; s=s2\r\n"
    assert not believed(results(SAYS) + broken + SIGNED)


# Several fields of ours -----------------------------------------------------------------------------------------------------


def test_fields_that_agree() -> None:
    """Several filters of one server may each write a field."""
    spf, dmarc = results("spf=pass smtp.mailfrom=a@example.org"), results("dmarc=pass header.from=example.org")
    assert believed(spf + results(SAYS) + dmarc + SIGNED)
    assert believed(results(SAYS) + results(SAYS) + SIGNED)
    assert believed(results(SAYS) + results("dkim=fail header.d=example.com") + SIGNED)


@pytest.mark.parametrize(
    "other",
    [
        "dkim=fail header.d=example.org",
        "dkim=temperror header.d=example.org",
        f"{SAYS}; dkim=fail header.d=example.org",
        f"{SAYS} header.s=s2",
    ],
)
def test_fields_that_contradict_each_other(other: str) -> None:
    """One of them is not ours; neither is believed, in either order."""
    assert look(results(SAYS) + results(other) + SIGNED) == []
    assert look(results(other) + results(SAYS) + SIGNED) == []
    below = results(other)
    assert believed(results(SAYS) + SMTP + below + SIGNED)


@pytest.mark.parametrize("broken", ["dkim=", "x", "dkim=pass header.d=example.org header.d=a.example", "(" * 2000])
def test_a_field_of_ours_that_is_broken(broken: str) -> None:
    """Our server writes no broken fields: there is something wrong, and none is believed."""
    assert not believed(results(broken) + results(SAYS) + SIGNED)
    assert not believed(results(SAYS) + results(broken) + SIGNED)


def test_too_many_fields() -> None:
    """Five fields of ours are read; who has more of them has not understood something."""
    spf = results("spf=none smtp.mailfrom=a@example.org")
    assert believed(spf * 4 + results(SAYS) + SIGNED)
    assert not believed(spf * 5 + results(SAYS) + SIGNED)
    assert believed(results("spf=none", by="other.example.org") * 50 + results(SAYS) + SIGNED)


def test_a_long_field() -> None:
    """A field of 4,096 octets is read, a longer one is not."""
    short = len(results(SAYS, "spf=none ()")) - len(b"Authentication-Results: \r\n")
    assert believed(results(SAYS, f"spf=none ({'x' * (4096 - short)})") + SIGNED)
    assert not believed(results(SAYS, f"spf=none ({'x' * (4097 - short)})") + SIGNED)


@pytest.mark.parametrize(
    "piece", ["(", "((", "(a)", "dkim=pass header.d=a; ", "header.d=a ", '"', "\\", ";", " ", "a=b ", 'x="', "("]
)
def test_no_field_takes_long(piece: str) -> None:
    """Whatever stands in the fields, they are read, or given up, at once."""
    said = f"dkim=pass {piece * (4000 // len(piece))}"
    raw = results(said) * 5 + results(SAYS, by="x " + US) * 50 + SIGNED
    within(1, lambda: look(raw))


def test_without_a_trace() -> None:
    """Where no Received but that of a final delivery is there, nobody can tell who wrote the field."""
    bare = sign(MAIL.partition(b"\r\n")[2], KEY)
    assert verify(bare)[0].finding is DomainFinding.PASS
    assert not believed(results(SAYS) + bare)
    assert not believed(LMTP + results(SAYS) + bare)
    assert believed(LMTP + results(SAYS) + SMTP + bare)
    assert believed(LMTP.replace(b"with", b"via unix with") + results(SAYS) + SMTP + bare)
