"""DKIM: what proves the domain of an author, and all that must not; and results that somebody else wrote (B42, B78)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.corpus.cases import ANN, ARRIVAL, Case
from tests.dkim.signer import Ed25519Key, Key, RsaKey, rsa_key, sign

NAME = "k1._domainkey.example.org"
AUTHSERV_ID = "mx.example.org"  # whose results are believed, where any are

KEY = Ed25519Key()
SIGNED_AT = int((ARRIVAL - timedelta(minutes=5)).timestamp())
MAIL = (
    b"From: Ann <ann@example.org>\r\n"
    b"To: notes@example.net\r\n"
    b"Subject: The list for Monday\r\n"
    b"Date: Mon, 02 Nov 2026 08:54:00 +0000\r\n"
    b"Message-ID: <monday@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"Bread, salt.\r\n"
)
RECEIVED = b"Received: from mail.example.org by mx.example.org with ESMTPS id 1; Mon, 02 Nov 2026 08:59:00 +0000\r\n"

STRONG: Mapping[str, Any] = {
    "sender": ANN,
    "action": "process",
    "authentication.level": "strong",
    "authentication.method": "dkim",
    "authentication.signed": "whole",
}
WEAK: Mapping[str, Any] = {
    "sender": ANN,
    "action": "process",
    "authentication.level": "weak",
    "authentication.method": "from",
    "authentication.signed": "none",
}


NOBODY: Mapping[str, Any] = {"sender": None, "authentication.level": "none", "authentication.method": "none"}


def cases() -> list[Case]:
    """All cases; Ann is a user, and her domain is trusted."""
    return [*_good(), *_proves_too_little(), *_keys(), *_times(), *_changed(), *_many(), *_results()]


def _signed(raw: bytes = MAIL, key: Key = KEY, **tags: str | int | None) -> bytes:
    return sign(raw, key, **{"s": "k1", "t": SIGNED_AT} | tags)


def _case(name: str, raw: bytes, wanted: Mapping[str, Any] = WEAK, records: Sequence[str] | None = None, **how: Any) -> Case:
    dns = {NAME: [KEY.record()] if records is None else list(records)}
    return Case(f"B78.{name}", raw, wanted, trusted=("example.org",), dns=how.pop("dns", dns), **how)


def _with_field(field: bytes, raw: bytes) -> bytes:
    return raw.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n", 1)


def _good() -> Iterator[Case]:
    for form in ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"):
        yield _case(f"good-{form.replace('/', '-')}", _signed(c=form), STRONG)
    for bits in (1024, 2048, 4096):
        key = rsa_key(bits)
        yield _case(f"good-rsa-{bits}", _signed(key=key), STRONG, [key.record()])
    yield _case("good-line-ends", _signed().replace(b"\r\n", b"\n"), STRONG)
    yield _case("good-on-its-way", b"Return-Path: <ann@example.org>\r\n" + RECEIVED + _signed(), STRONG)
    yield _case("good-identity", _signed(i="ann@example.org"), STRONG)
    yield _case("good-upper-case", _signed(d="EXAMPLE.ORG"), STRONG)
    yield _case("good-not-expired", _signed(x=int(ARRIVAL.timestamp()) + 1), STRONG)
    yield _case("good-no-time", _signed(t=None), STRONG)
    yield _case("good-type-unsigned", _signed(h="from:to:subject:date"), STRONG)
    yield _case("good-beside-others", _signed(_signed(_signed(), d="example.com"), d="example.net"), STRONG)
    yield _case("good-beside-a-bad-one", _signed(_signed(), s="k2"), STRONG)
    yield _case("good-key-of-a-provider", _signed(), STRONG, [KEY.record(t="s", n="a note", h="sha256", s="email")])


def _proves_too_little() -> Iterator[Case]:
    length = len(b"Bread, salt.\r\n")
    yield _case("length", _signed(l=length))
    yield _case("length-and-text-after-it", _signed(l=length) + b"And all the money.\r\n")
    yield _case("length-zero", _signed(l=0))
    yield _case("from-unsigned", _signed(h="to:subject:date"))
    yield _case("subject-unsigned", _signed(h="from:to:date"))
    yield _case("to-unsigned", _signed(h="from:subject:date"))
    yield _case("date-unsigned", _signed(h="from:to:subject"))
    yield _case("reply-to-added", b"Reply-To: eve@example.net\r\n" + _signed())
    yield _case("sender-added", _with_field(b"Sender: eve@example.net", _signed()))
    yield _case("cc-added", _with_field(b"Cc: all@example.net", _signed()))
    yield _case("subject-twice", b"Subject: Pay\r\n" + _signed(h="from:to:subject:date"))
    yield _case("content-type-twice", b"Content-Type: text/html\r\n" + _signed(h="from:to:subject:date"))
    unsigned = _signed(MAIL.replace(b"salt.", b"salt.\r\n--- said ---\r\n\r\nPay Eve."), h="from:to:subject:date")
    boundary = b'multipart/mixed; boundary="- said ---"'
    yield _case("type-changed-to-parts", unsigned.replace(b"text/plain; charset=utf-8", boundary))
    yield _case("type-changed-to-html", unsigned.replace(b"text/plain", b"text/html"))
    yield _case("sha1", _signed(key=rsa_key(1024), a="rsa-sha1"), records=[rsa_key(1024).record()])
    yield _case("other-version", _signed(v="2"))
    yield _case("other-query", _signed(q="http"))
    yield _case("identity-of-a-subdomain", _signed(i="ann@mail.example.org"))
    yield _case("identity-of-another", _signed(i="ann@example.net"))
    yield _case("tag-twice", _signed(extra=" d=example.org;"))
    for domain in ("org", "mail.example.org", "example.net", "evil-example.org", "example.org.evil.example"):
        records = {f"k1._domainkey.{domain}": [KEY.record()]}
        yield _case(f"signed-by-{domain.replace('.', '-')}", _signed(d=domain), dns=records)
    two = b"From: Eve <eve@example.net>\r\n" + _signed()
    yield _case("from-twice", two, NOBODY)
    both = _signed(b"From: Eve <eve@example.net>\r\n" + MAIL, h="from:from:from:to:subject:date")
    yield _case("from-twice-and-signed", both, NOBODY)


def _keys() -> Iterator[Case]:
    for bits in (512, 768, 16384):
        key = rsa_key(bits)
        yield _case(f"key-of-{bits}-bits", _signed(key=key), records=[key.record()])
    slow = RsaKey(rsa_key(16384).primes, e=rsa_key(16384).n - 2)
    yield _case("key-that-takes-seconds", _signed(key=rsa_key(16384)), records=[slow.record()])
    yield _case("key-with-exponent-1", _signed(key=rsa_key(1024)), records=[RsaKey(rsa_key(1024).primes, e=1).record()])
    for name, tags in {
        "revoked": {"p": ""},
        "for-testing": {"t": "y"},
        "for-sha1": {"h": "sha1"},
        "for-reports": {"s": "tlsrpt"},
        "of-another-type": {"k": "rsa"},
        "broken": {"p": "AAAA"},
        "of-another-version": {"v": "DKIM2"},
        "of-another": {"p": rsa_key(1024).record().rpartition("p=")[2][:44]},
    }.items():
        yield _case(f"key-{name}", _signed(), records=[KEY.record(**tags)])
    yield _case("key-garbage", _signed(), records=["garbage"])
    yield _case("key-tag-twice", _signed(), records=[KEY.record() + "; k=ed25519"])
    yield _case("key-twice", _signed(), records=[KEY.record(), KEY.record()])
    yield _case("key-gone", _signed(), dns={})
    yield _case("key-under-another-name", _signed(), dns={"k1._domainkey.example.net": [KEY.record()]})
    yield _case("selector-that-is-no-name", _signed().replace(b"s=k1", b"s=../k1"))
    yield _case("signed-with-another-key", _signed(key=Ed25519Key(b"mallory." * 4)))


def _times() -> Iterator[Case]:
    arrived = int(ARRIVAL.timestamp())
    yield _case("expired", _signed(x=arrived - 1))
    yield _case("expired-before-it-was-made", _signed(x=SIGNED_AT))
    yield _case("time-zero", _signed(t=0))
    yield _case("time-of-another-age", _signed(t=999999999999))
    yield _case("time-is-no-number", _signed(t="now"))
    yield _case("replayed-after-a-year", _signed(t=arrived - 365 * 86400))
    yield _case("made-hours-after-it-arrived", _signed(t=arrived + 3600))


def _changed() -> Iterator[Case]:
    yield _case("text-added", _signed() + b"And all the money.\r\n")
    yield _case("text-changed", _signed().replace(b"salt", b"gold"))
    yield _case("name-changed", _signed().replace(b"Ann <", b"The boss <"))
    yield _case("subject-changed", _signed().replace(b"Monday", b"Friday"))
    yield _case("address-changed", _signed(MAIL.replace(b"Ann <ann@", b"Bob <bob@")).replace(b"Bob <bob@", b"Ann <ann@"))
    yield _case("recipient-changed", _signed().replace(b"notes@", b"bugs@"))
    yield _case("signature-of-another-mail", _signed(MAIL.replace(b"salt", b"gold")).replace(b"gold", b"salt"))
    yield _case("signature-cut", _signed().replace(b" b=", b" b=AAAA"))
    yield _case("header-with-a-line-that-is-none", b"Subject : Pay\r\n" + _signed(), NOBODY)
    yield _case("header-with-bare-cr", b"X: y\rSubject: Pay\r\n" + _signed(), NOBODY)
    yield _case("header-with-nul", b"X: y\0\r\n" + _signed())


def _many() -> Iterator[Case]:
    junk = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=k%d; h=from; bh=AAAA; b=AAAA\r\n"
    yield _case("a-thousand-signatures", b"".join(junk % n for n in range(990)) + MAIL)
    yield _case("a-thousand-signatures-of-others", junk.replace(b"example.org", b"example.net") % 1 * 990 + MAIL)
    yield _case("signature-in-the-body", MAIL + _signed())
    yield _case("no-signature", MAIL)


def _results() -> Iterator[Case]:
    """Forged: none of them stands where only our own server could have written it, or speaks of a signature to rely on."""
    says = f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n".encode()
    lmtp = b"Received: from x with LMTP by mx.example.org with ESMTPS id 2; Mon, 02 Nov 2026 08:59:30 +0000\r\n"
    bad = _signed().replace(b"salt", b"gold")
    for name, raw in {
        "results-without-a-signature": says + MAIL,
        "results-below-a-trace": RECEIVED + says + bad,
        "results-below-a-trace-that-says-lmtp": lmtp + says + bad,
        "results-of-another-server": says.replace(b"mx.example.org", b"mx.example.net") + bad,
        "results-of-a-server-with-a-longer-name": says.replace(b"mx.example.org", b"mx.example.org.evil.example") + bad,
        "results-in-the-body": RECEIVED + bad + says,
        "results-in-a-comment": says.replace(b"dkim=pass", b"dkim=none (dkim=pass)") + bad,
        "results-about-a-part-of-the-body": says + _signed(l=5) + b"And all the money.\r\n",
        "results-about-an-added-reply-to": b"Reply-To: eve@example.net\r\n" + says + _signed(),
        "results-that-contradict-each-other": says + says.replace(b"=pass", b"=fail") + bad,
        "results-that-are-broken": says.replace(b"header.d", b"(((") + bad,
    }.items():
        dns = {NAME: [KEY.record()]}
        yield Case(f"B42.{name}", raw, WEAK, trusted=("example.org",), dns=dns)
