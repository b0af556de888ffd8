"""Our seal (RFC 8617) holds for dkimpy, goes on with chains that hold, and says of others that they do not."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc.dkim.chain import Chain, read_chain
from mailproc.dkim.sealing import Seal, sealed
from mailproc.dkim.txt import NoNetwork, Records
from mailproc.errors import Away
from mailproc.rawmail import RawMail
from mailproc.reading import read_header
from tests.forward.signing import LIST, MAIL, NOW, dns, key, record, records, signed

OURS = Seal(key("list"), "s2", "lists.example.net", "mx.lists.example.net")


def seal(raw: bytes, original: bytes | None = None) -> bytes:
    """The mail with our seal."""
    return sealed(raw, raw if original is None else original, OURS, records(), NOW)


def chain(raw: bytes) -> Chain:
    """What is found about the chain of a mail."""
    return read_chain(raw, read_header(raw), records())


def verified(raw: bytes) -> bytes | None:
    """What dkimpy finds about the chain; None for one that reports a failure itself."""
    return dkim.arc_verify(raw, dnsfunc=dns(records()))[0]


@pytest.mark.parametrize("raw", [MAIL, signed(), MAIL.replace(b"\r\n", b"\n"), MAIL[: MAIL.index(b"\r\n\r\n") + 4]])
def test_the_first_seal(raw: bytes) -> None:
    """A seal on a mail without one holds, for dkimpy and for us, until the mail is changed."""
    once = seal(raw)
    assert (chain(raw), chain(once)) == (Chain("none"), Chain("pass", 1))
    assert verified(once) == b"pass"
    assert once.endswith(raw)
    changed = once.replace(b"Subject: What", b"Subject: Why")
    assert (chain(changed), verified(changed)) == (Chain("fail", 1), b"fail")


def test_a_chain_is_gone_on_with() -> None:
    """A mail that came with a chain that holds is changed, and sealed over; what was sealed before holds as a chain."""
    once = seal(signed())
    twice = seal(RawMail.read(once).replaced("Subject", "[x] changed").without("DKIM-Signature").to_bytes(), once)
    assert (chain(twice), verified(twice)) == (Chain("pass", 2), b"pass")
    assert b"ARC-Seal: i=2; cv=pass;" in twice
    thrice = seal(twice)
    assert (chain(thrice), verified(thrice)) == (Chain("pass", 3), b"pass")


def test_a_chain_of_another_sealer() -> None:
    """What dkimpy has sealed we take for what it is."""
    stated = b"Authentication-Results: other.example; arc=none; spf=pass smtp.mailfrom=ann@example.org\r\n" + MAIL
    fields = dkim.arc_sign(stated, b"s2", b"lists.example.net", key("list"), b"other.example")
    once = b"".join(fields) + stated
    assert (chain(once), verified(once)) == (Chain("pass", 1), b"pass")
    assert verified(seal(once)) == b"pass"


def test_a_chain_that_does_not_hold_is_sealed_as_failed() -> None:
    """Our seal then covers our own set alone, says so, and is the last one (RFC 8617 section 5.1.2)."""
    broken = seal(signed()).replace(b"It is", b"It was")
    twice = seal(broken)
    assert twice.startswith(b"ARC-Seal: i=2; cv=fail;") and b"arc=fail" in twice
    status, sets, _ = dkim.arc_verify(twice, dnsfunc=dns(records()))
    assert status is None and sets[0]["ams-valid"]
    assert chain(twice) == Chain("fail", 2, over=True)
    assert seal(twice) == twice
    alone = re.sub(rb"ARC-(?:Seal|Message-Signature|Authentication-Results): i=1;(?:.|\r\n[ \t])*\r\n", b"", twice)
    renumbered = dkim.ARC(alone)
    highest, fields = renumbered.sorted_arc_headers()
    assert renumbered.verify_instance(fields, highest, dnsfunc=dns(records()))["as-valid"]


def test_what_we_say_of_signatures() -> None:
    """Of each signature what we found: that it passes, that its key is out of reach, or that we do not rely on it, and why."""

    def stated(raw: bytes, txt: Records | NoNetwork | None = None) -> str:
        value = read_header(sealed(raw, raw, OURS, txt or records(), NOW)).first("ARC-Authentication-Results")
        assert value is not None
        return value.removeprefix("i=1; mx.lists.example.net; ").removesuffix("; arc=none")

    assert stated(MAIL) == "dkim=none"
    assert stated(signed()) == "dkim=pass header.d=example.org"
    broken = stated(signed().replace(b"It is", b"It was"))
    assert broken == 'dkim=policy reason="the body was changed after example.org signed it" header.d=example.org'
    assert stated(signed(), NoNetwork()).startswith('dkim=temperror reason="')
    assert stated(b"DKIM-Signature: nonsense\r\n" + MAIL) == "dkim=policy"
    assert stated(b'DKIM-Signature: d=x"; spf=pass; h=from\r\n' + MAIL) == "dkim=policy"


def test_nothing_is_taken_over_from_the_mail() -> None:
    """Results in our name that came with the mail are not ours: anybody can write them."""
    forged = b"Authentication-Results: mx.lists.example.net; dkim=pass header.d=bank.example; spf=pass\r\n" + MAIL
    assert b"bank.example" not in seal(forged).removesuffix(forged)


ONCE = seal(signed())
TWICE = seal(ONCE)


def without(raw: bytes, pattern: bytes) -> bytes:
    """The mail without the first field that begins so."""
    return re.sub(pattern + rb"(?:.|\r\n[ \t])*\r\n", b"", raw, count=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: without(raw, rb"ARC-Seal: i=1"),
        lambda raw: without(raw, rb"ARC-Message-Signature: i=1"),
        lambda raw: without(raw, rb"ARC-Authentication-Results: i=1"),
        lambda raw: without(raw, rb"ARC-Authentication-Results: i=2"),
        lambda raw: b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=x; s=y; b=AAAA\r\n" + raw,
        lambda raw: raw.replace(b"ARC-Seal: i=2", b"ARC-Seal: i=3"),
        lambda raw: raw.replace(b"cv=pass", b"cv=none"),
        lambda raw: raw.replace(b"ARC-Seal: i=1; cv=none", b"ARC-Seal: i=1; cv=pass"),
        lambda raw: raw.replace(b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: i=1; "),
        lambda raw: raw.replace(b"dkim=pass", b"dkim=fail", 1),
        lambda raw: raw.replace(b"What we", b"Why we"),
        lambda raw: raw.replace(b"From Ann", b"From Bob"),
        lambda raw: raw.replace(b"From: Ann", b"From: Eve <eve@example.org>\r\nFrom: Ann"),
        lambda raw: raw.replace(b"ARC-Seal: i=2;", b"ARC-Seal: i=2; h=from;"),
        lambda raw: raw.replace(b"s=s2", b"s=s3", 1),
        lambda raw: raw.replace(b"d=lists.example.net", b"d=", 1),
        lambda raw: b"ARC-Seal: nonsense\r\n" + raw,
        lambda raw: b"No colon\r\n" + raw,
        lambda raw: b"ARC-Seal: i=3;" + b" " * 200 + b"cv=pass\r\n" + raw,
    ],
    ids=range(19),
)
def test_chains_that_do_not_hold(change: Callable[[bytes], bytes]) -> None:
    """A set that is not whole, stands twice, contradicts another, or is not true makes the chain fail."""
    assert change(TWICE) != TWICE
    relaxed_away = change(TWICE) == TWICE.replace(b"Results: i=1;", b"Results: i=1; ")
    assert chain(change(TWICE)).status == ("pass" if relaxed_away else "fail")


def test_the_key_counts() -> None:
    """Without the key in the DNS, or with another there, no seal holds; where the DNS does not answer nobody can tell."""
    header = read_header(ONCE)
    assert read_chain(ONCE, header, Records({})).status == "fail"
    assert read_chain(ONCE, header, Records({LIST: [record("another")]})).status == "fail"
    with pytest.raises(Away):
        read_chain(ONCE, header, NoNetwork())


@settings(deadline=None, max_examples=50)
@given(st.integers(0, ONCE.index(b"Received:")), st.binary(max_size=4), st.integers(0, 4))
def test_a_chain_of_any_bytes(at: int, inserted: bytes, removed: int) -> None:
    """Whatever is changed in the fields of a chain, there is an answer, and sealing it does not raise."""
    raw = ONCE[:at] + inserted + ONCE[at + removed :]
    assert chain(raw).status in {"none", "pass", "fail"}
    assert seal(raw).endswith(raw)


@pytest.mark.parametrize(
    "raw", [b"no header at all\r\n\r\n" + MAIL, b"subject : x\r\n" + MAIL, MAIL.replace(b"From:", b"To:", 1), b""]
)
def test_what_cannot_be_sealed_goes_on_as_it_is(raw: bytes) -> None:
    """A header that readers may take for different ones, and a mail without an author, get no seal."""
    assert seal(raw) == raw


def test_a_full_chain() -> None:
    """Behind fifty sets there is none (RFC 8617 section 4.2.1)."""
    full = b"ARC-Seal: i=50; cv=pass\r\n" + MAIL
    assert seal(full) == full
    assert b"ARC-Seal: i=50; cv=fail" in seal(full.replace(b"i=50", b"i=49"))


@pytest.mark.parametrize(
    "field",
    [
        b"ARC-Seal: i=1; b=" + b"\r\n " * 300_000,
        b"ARC-Message-Signature: i=1; h=" + b"from:" * 200_000,
        b"".join(b"ARC-Seal: i=%d; cv=pass\r\n" % n for n in range(900)),
        b"ARC-Authentication-Results: i=" + b"1" * 1_000_000,
        b"ARC-Authentication-Results: " + b";i" * 500_000,
        b"X: " + b" \t" * 500_000,
    ],
    ids=range(6),
)
def test_hostile_chains_cost_little(field: bytes) -> None:
    """A megabyte of chain is judged by a look."""
    started = time.process_time()
    seal(field.rstrip() + b"\r\n" + MAIL)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"key": b"nonsense"}, "^key: it is no RSA private key in PEM"),
        ({"selector": "a b"}, "selector"),
        ({"domain": ""}, "domain"),
        ({"authserv_id": "x; dkim=pass"}, "authserv_id"),
    ],
)
def test_a_seal_that_cannot_be_used(changed: dict[str, str], match: str) -> None:
    """What is wrong with the configuration is said when it is read, and the key is never shown."""
    usual = {"key": OURS.key, "selector": "s2", "domain": "example.net", "authserv_id": "mx.example.net"}
    with pytest.raises(ValueError, match=match):
        Seal(**(usual | changed))
    assert "PRIVATE" not in repr(OURS)


def test_case_does_not_matter_in_a_name() -> None:
    """What is spelt with capitals is the same name in the DNS."""
    assert Seal(OURS.key, "S2", "Lists.Example.NET", "MX.lists.example.net") == OURS
