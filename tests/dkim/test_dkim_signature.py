"""Which signatures prove enough: each that does not is refused in words that say why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from mailproc.dkim import DomainFinding, DomainVerification
from mailproc.dkim.signature import find_claims
from mailproc.reading import read_header
from tests.dkim.signed_mail import ARRIVAL, KEY, MAIL, verify
from tests.dkim.signer import TIME, rsa_key, sign, signed_names

SHOWN = ["From", "Sender", "Reply-To", "Subject", "Date", "To", "Cc"]
NOT_WELL_FORMED = "the signature is not well formed"


def refused(raw: bytes, **how: object) -> str:
    """Why the one signature of a mail proves nothing."""
    (found,) = verify(raw, **how)
    assert found == DomainVerification(DomainFinding.FAIL, "example.org", None, found.detail, "")
    return found.detail


def passes(raw: bytes, **how: object) -> bool:
    """Whether the one signature of a mail passes."""
    return [found.finding for found in verify(raw, **how)] == [DomainFinding.PASS]


def with_field(field: bytes, raw: bytes = MAIL) -> bytes:
    """The mail with one more field, undermost."""
    return raw.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n", 1)


# What is signed -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", [None, "simple", "relaxed", "simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]
)
def test_canonical_forms(form: str | None) -> None:
    """Every form of the RFC is accepted, also the one that is not stated (section 3.5)."""
    assert passes(sign(MAIL, KEY, c=form))


@pytest.mark.parametrize("form", ["strict", "relaxed/strict", "nofws", "Relaxed/Relaxed", "relaxed/", "relaxed/relaxed/x"])
def test_other_forms(form: str) -> None:
    """No other form is guessed at."""
    raw = sign(MAIL, KEY).replace(b"c=relaxed/relaxed", f"c={form}".encode())
    assert refused(raw) == f"a=ed25519-sha256, c={form} is not accepted; rsa-sha256 or ed25519-sha256 is, relaxed or simple"


@pytest.mark.parametrize(
    "algorithm", ["rsa-sha1", "rsa-md5", "ed25519-sha512", "sha256", "RSA-SHA256", "rsa-sha512", "ecdsa-sha256"]
)
def test_algorithms(algorithm: str) -> None:
    """SHA-1 is broken (RFC 8301), and what is not known proves nothing."""
    raw = sign(MAIL, rsa_key(1024) if algorithm.startswith("rsa") else KEY, a=algorithm)
    assert refused(raw).startswith(f"a={algorithm}, c=relaxed/relaxed is not accepted; ")


@pytest.mark.parametrize("name", SHOWN)
def test_a_field_that_is_shown_is_signed(name: str) -> None:
    """Whatever a reader sees of the header must be signed."""
    raw = MAIL if f"\r\n{name}:".encode() in MAIL else with_field(f"{name}: eve@example.net".encode())
    names = [each for each in signed_names(raw).split(":") if each != name]
    assert refused(sign(raw, KEY, h=":".join(names))) == f"a {name.title()} field of the mail is not signed"
    assert passes(sign(raw, KEY, h=":".join([*names, name])))


@pytest.mark.parametrize("name", SHOWN[1:])
def test_every_field_that_is_shown_is_signed(name: str) -> None:
    """Of two fields both must be signed: readers do not agree about which one counts."""
    once = with_field(f"{name}: ann@example.org".encode())
    twice = with_field(f"{name}: eve@example.org".encode(), once)
    names = [each for each in signed_names(MAIL).split(":") if each != name]
    present = MAIL.count(f"\r\n{name}:".encode())
    assert passes(sign(twice, KEY, h=":".join(names + [name] * (2 + present))))
    assert (
        refused(sign(twice, KEY, h=":".join(names + [name] * (1 + present))))
        == f"a {name.title()} field of the mail is not signed"
    )


@pytest.mark.parametrize("name", SHOWN[1:])
def test_no_field_can_be_added(name: str) -> None:
    """A field that was not there when it was signed is not covered, on top or undermost, whatever its case."""
    names = ":".join(field for field in ("From", "To", "Subject", "Date"))
    raw = sign(MAIL, KEY, h=names)
    assert passes(raw)
    field = f"{name.upper()}: eve@example.net".encode()
    why = f"a {name.title()} field of the mail is not signed"
    assert [refused(field + b"\r\n" + raw), refused(with_field(field, raw))] == [why, why]


@pytest.mark.parametrize(
    "raw", [MAIL.replace(b"From: Ann", b"From: Eve <eve@example.org>\r\nFrom: Ann"), MAIL.replace(b"From: Ann", b"X-From: Ann")]
)
def test_one_author_field(raw: bytes) -> None:
    """Two From fields are refused even when both are signed, and so is a mail without any."""
    assert refused(sign(raw, KEY, h="from:from:from:to:subject:date")) == "the mail has no single From field"


@pytest.mark.parametrize("name", ["Content-Type", "Content-Transfer-Encoding", "MIME-Version"])
def test_fields_that_say_how_to_read_the_body(name: str) -> None:
    """They need not be signed, for many signers leave them out; but there is only one of each."""
    present = with_field(f"{name}: text/plain".encode(), re.sub(rf"\r\n{name}:[^\r]*".encode(), b"", MAIL))
    unsigned = "from:to:subject:date"
    assert passes(sign(present, KEY, h=unsigned))
    twice = with_field(f"{name.lower()}: y".encode(), present)
    assert refused(sign(twice, KEY)) == f"the mail has more than one {name.title()} field"


def test_other_fields() -> None:
    """Fields that a server adds on the way do not matter."""
    assert passes(b"Return-Path: <ann@example.org>\r\nReceived: from a by b\r\n" + with_field(b"X-Spam: no", sign(MAIL, KEY)))


def test_a_part_of_the_body() -> None:
    """A signature over a beginning of the body proves nothing: anybody may have written the rest."""
    assert refused(sign(MAIL, KEY, l=12)) == "it covers only the first 12 octets of the body (l=)"
    assert refused(sign(MAIL, KEY, l=12) + b"Pay at once.\r\n") == "it covers only the first 12 octets of the body (l=)"
    assert refused(sign(MAIL, KEY, l=20)) == "it covers only the first 20 octets of the body (l=)"
    assert refused(sign(MAIL, KEY, l="")) == "it covers only the first octets of the body (l=)"


# Who signs ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identity", [None, "@example.org", "ann@example.org", "ann@EXAMPLE.org", '"a@b"@example.org', "=40@example.org"]
)
def test_identities(identity: str | None) -> None:
    """A signature speaks for its domain, or for somebody there (i=)."""
    assert passes(sign(MAIL, KEY, i=identity))


@pytest.mark.parametrize(
    "identity", ["", "example.org", "@mail.example.org", "ann@example.org.", "ann@example.com", "@notexample.org", "@"]
)
def test_other_identities(identity: str) -> None:
    """Who signs for a subdomain, or for anybody else, does not speak for the domain."""
    assert refused(sign(MAIL, KEY, i=identity)) == "it does not speak for example.org itself (i=)"


@pytest.mark.parametrize("domain", ["example.org", "Example.ORG"])
def test_the_domain(domain: str) -> None:
    """The case of a domain does not matter, and it is reported in lower case."""
    (found,) = verify(sign(MAIL, KEY, d=domain))
    assert (found.finding, found.domain) == (DomainFinding.PASS, "example.org")


@pytest.mark.parametrize(
    "domain", ["org", "mail.example.org", "example.com", "example.org.", "notexample.org", "xample.org", "e\r\n xample.org", ""]
)
def test_other_domains(domain: str) -> None:
    """The signature of another domain is not looked at: neither parents nor subdomains are trusted along."""
    assert verify(sign(MAIL, KEY, d=domain)) == []


def test_a_domain_with_something_behind_it() -> None:
    """A value that only begins like the domain is refused."""
    assert refused(sign(MAIL, KEY, d="example.org .evil.example")) == "it does not speak for example.org itself (i=)"


def test_a_trusted_domain_that_did_not_sign() -> None:
    """Each signature is for its own domain, whichever are trusted."""
    found = verify(sign(MAIL, KEY), domains=("example.com", "example.org", "org"))
    assert [(each.finding, each.domain) for each in found] == [(DomainFinding.PASS, "example.org")]


@pytest.mark.parametrize("raw", [MAIL, b"", b"\r\n", b"\r\n\r\nDKIM-Signature: d=example.org\r\n", MAIL + sign(MAIL, KEY)])
def test_an_unsigned_mail(raw: bytes) -> None:
    """Nothing is found where the header holds no signature."""
    assert verify(raw) == []


@pytest.mark.parametrize("selector", ["s1", "S1", "2026-11", "a.b.c", "under_score", "_x", "k" * 63])
def test_selectors(selector: str) -> None:
    """Any name of the DNS will do."""
    assert passes(sign(MAIL, KEY, s=selector), records={f"{selector}._domainkey.example.org": [KEY.record()]})


@pytest.mark.parametrize(
    "selector",
    [
        "a b",
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-",
        "a/b",
        "*",
        "a\\.b",
        "k" * 64,
        ".".join(["k" * 60] * 4),
        "ä",
        "xn--\u212a",
        "a,b",
        "'",
        "$(x)",
        "%2e",
    ],
)
def test_odd_selectors(selector: str) -> None:
    """What is no name is refused before the DNS is asked."""
    raw = sign(MAIL, KEY).replace(b"s=s1", b"s=" + selector.encode())
    assert refused(raw) in ("its selector is no name in the DNS (s=)", NOT_WELL_FORMED)


def test_the_longest_name() -> None:
    """A name of 253 letters can be asked for, one of 254 cannot."""
    rest = len("._domainkey.example.org")
    for length, fits in ((253 - rest, True), (254 - rest, False)):
        labels = [*["k" * 57] * 3, "k" * (length - 3 * 58)]
        raw = sign(MAIL, KEY, s=".".join(labels))
        assert passes(raw, records={f"{'.'.join(labels)}._domainkey.example.org": [KEY.record()]}) is fits


# When -----------------------------------------------------------------------------------------------------------------------

SECONDS = int(ARRIVAL.timestamp())
DAY = 86400


@pytest.mark.parametrize("at", [None, TIME, SECONDS, SECONDS + DAY, 1177977600])
def test_when_it_was_signed(at: int | None) -> None:
    """The time that a signature states is reported; it may be old, and a day ahead, or missing."""
    (found,) = verify(sign(MAIL, KEY, t=at))
    assert found.finding is DomainFinding.PASS
    assert found.signed_at == (None if at is None else datetime.fromtimestamp(at, UTC))


@pytest.mark.parametrize("at", [0, 1, 1177977599, SECONDS + DAY + 1, 999999999999])
def test_times_that_cannot_be(at: int) -> None:
    """Before there was DKIM, and days after the arrival, nobody signed it."""
    assert refused(sign(MAIL, KEY, t=at)) == "the time at which it was made is impossible (t=)"


@pytest.mark.parametrize(
    "tags", [{"t": "-1"}, {"t": "1e9"}, {"t": "1" * 13}, {"x": ""}, {"x": "9" * 13}, {"t": "\u0661"}, {"x": "+1793617200"}]
)
def test_times_that_are_none(tags: Mapping[str, str]) -> None:
    """A time is at most twelve digits."""
    assert refused(sign(MAIL, KEY, **tags)) in (f"{NOT_WELL_FORMED} (t= or x=)", NOT_WELL_FORMED)


@pytest.mark.parametrize("late", [1, 3600])
def test_an_expiry(late: int) -> None:
    """A signature counts until its expiry, compared with the arrival and with no clock of ours."""
    raw = sign(MAIL, KEY, x=SECONDS)
    assert passes(raw)
    assert passes(raw, arrival=ARRIVAL - timedelta(seconds=late))
    assert refused(raw, arrival=ARRIVAL + timedelta(seconds=late)) == "it had expired when the mail arrived (x=)"


@pytest.mark.parametrize("year", [2009, 2026, 2199])
def test_a_backlog(year: int) -> None:
    """A mail of any year is judged as on the day of its arrival."""
    arrival = datetime(year, 6, 1, tzinfo=UTC)
    at = int(arrival.timestamp())
    assert passes(sign(MAIL, KEY, t=at - 10, x=at + 10), arrival=arrival)
    assert not passes(sign(MAIL, KEY, t=at - 10, x=at - 1), arrival=arrival)


@pytest.mark.parametrize("expires", [SECONDS + 50, SECONDS + 49])
def test_an_expiry_before_its_making(expires: int) -> None:
    """The expiry is later than the making (section 3.5)."""
    assert refused(sign(MAIL, KEY, t=SECONDS + 50, x=expires)) == "it had expired when the mail arrived (x=)"
    assert passes(sign(MAIL, KEY, t=SECONDS + 50, x=SECONDS + 51))


def test_an_expiry_without_a_making() -> None:
    """The time of making need not be stated."""
    assert passes(sign(MAIL, KEY, t=None, x=SECONDS))


# How it is written ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v", "a", "b", "bh", "h", "s"])
def test_a_tag_that_is_required(name: str) -> None:
    """Without one of the required tags, or with an empty one, it is no signature."""
    value = re.compile(rf"(?<=[; ]){name}=[^;\r]*".encode())
    raw = sign(MAIL, KEY)
    assert refused(value.sub(f"y{name}=x".encode(), raw, count=1)) == f"{NOT_WELL_FORMED} ({name}=)"
    assert refused(value.sub(f"{name}=".encode(), raw, count=1)) == f"{NOT_WELL_FORMED} ({name}=)"


@pytest.mark.parametrize("extra", [" d=example.com;", " d=example.org;", " v=1;", " h=from;", " b=x;", " t=1;", " bh=x;"])
def test_a_tag_twice(extra: str) -> None:
    """Two values of a tag are none (section 3.2)."""
    name = extra.split("=")[0].strip()
    assert refused(sign(MAIL, KEY, extra=extra)) == f"the signature has the tag {name}= twice"


@pytest.mark.parametrize("tags", [{"v": "0"}, {"v": "1.0"}, {"v": "2"}, {"q": "http"}, {"q": "dns/txt:x"}, {"q": ""}])
def test_other_kinds(tags: Mapping[str, str]) -> None:
    """Only version 1 and keys in TXT records are known."""
    assert refused(sign(MAIL, KEY, **tags)) == "the signature is of a kind that is not known (v=, q=)"


def test_the_usual_query() -> None:
    """A signature may say that its key is in a TXT record."""
    assert passes(sign(MAIL, KEY, q="dns/txt"))


@pytest.mark.parametrize(
    "extra", [" z=From:ann@example.org|To:x;", " r=y;", " y=;", " unknown_1=a b;", " L=5;", " D=example.com;"]
)
def test_other_tags(extra: str) -> None:
    """Tags that are not known are read over; their case counts."""
    assert passes(sign(MAIL, KEY, extra=extra))


@pytest.mark.parametrize("extra", [";", " ;", " =x;", " x;", " x y=1;", " 1x=1;", " x=\u00e4;", " x=\x01;", " x=\x0b;"])
def test_what_is_no_list_of_tags(extra: str) -> None:
    """A list that is not well formed is refused as a whole, whatever it begins with."""
    assert refused(sign(MAIL, KEY, extra=extra)) in (
        NOT_WELL_FORMED,
        "the header of the mail is not sound (control characters)",
    )


@pytest.mark.parametrize("extra", [" z=x b=aGlkZGVu;", " z=b=x b =y;"])
def test_a_second_place_that_looks_like_the_signature(extra: str) -> None:
    """The library leaves out whatever looks like b=, so that text could change there: there may be only one such place."""
    assert refused(sign(MAIL, KEY, extra=extra)) == f"{NOT_WELL_FORMED} (b=)"


@pytest.mark.parametrize("names", ["from::to", "from:to :", "from:to:su bject"])
def test_names_that_are_none(names: str) -> None:
    """h= holds names of fields."""
    assert refused(sign(MAIL, KEY, h=names + ":subject:date")) == f"{NOT_WELL_FORMED} (h=)"


def test_names_with_blanks_and_folds() -> None:
    """Names may be apart, and written in any case."""
    assert passes(sign(MAIL, KEY, h="FROM : to:\r\n\tSubject:\r\n DATE"))


def test_many_names() -> None:
    """Two hundred names may be signed, one more may not."""
    names = ["from", "to", "subject", "date", *(f"x{n}" for n in range(196))]
    assert passes(sign(MAIL, KEY, h=":".join(names)))
    assert refused(sign(MAIL, KEY, h=":".join([*names, "x"]))) == f"{NOT_WELL_FORMED} (h=)"


def test_a_long_field() -> None:
    """A field of 8,192 octets is read, a longer one is not."""
    short = len(read_header(sign(MAIL, KEY, extra=" z=;")).first("DKIM-Signature") or "")
    assert passes(sign(MAIL, KEY, extra=f" z={'x' * (8192 - short)};"))
    assert refused(sign(MAIL, KEY, extra=f" z={'x' * (8193 - short)};")) == "the signature is too long"


@pytest.mark.parametrize(
    "blanks, fits", [(" " * 99, True), (" " * 100, False), ("\t" * 100, False), (" " * 50 + "\r\n" + " " * 50, False)]
)
def test_many_blanks(blanks: str, fits: bool) -> None:
    """Long runs of blanks, which cost the library's search time, are refused."""
    raw = sign(MAIL, KEY, extra=f"{blanks}y=1;")
    assert passes(raw) if fits else refused(raw) == "the signature is too long"


@pytest.mark.parametrize(
    "tags", [{"b": "x"}, {"b": "YQ"}, {"bh": "YQ=="}, {"bh": "x"}, {"bh": "A" * 43}, {"b": "!"}, {"b": "===="}]
)
def test_values_that_are_no_base64(tags: Mapping[str, str]) -> None:
    """The digest has 32 octets, and both values are base64 to the letter."""
    assert refused(sign(MAIL, KEY, **tags)) == "the signature's b= or bh= cannot be read"


def test_blanks_in_the_values() -> None:
    """b= and bh= may be folded anywhere; that changes nothing for b=, which is not signed."""
    raw = sign(MAIL, KEY)
    folded = re.sub(rb"(?<= b=)(.{20})(.{20})", rb" \1\r\n\t\2 ", raw, count=1)
    assert folded != raw
    assert passes(folded)
    digest = re.search(rb"bh=([^;]*)", raw)
    assert digest is not None
    parted = f"{digest[1][:9].decode()} {digest[1][9:].decode()}"
    assert passes(sign(MAIL, KEY, bh=parted))


# The header as a whole -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field, defect",
    [
        (b"Subject : Pay", "space-before-colon"),
        (b"no colon", "field-without-colon"),
        (b"From eve@example.net Mon Nov  2 10:00:00 2026", "bad-field-name"),
        (b"b\xc3\xa4d: x", "bad-field-name"),
        (b"X: a\rSubject: Pay", "bare-cr"),
        (b"X: a\0b", "nul"),
        (b"X: a\r\n \r\n b", "blank-fold"),
        (b"X: a\x0bb", "control characters"),
        (b"X: a\x0cb", "control characters"),
        (b"X: " + b"a" * 262144, "header-too-long"),
        (b"X: y\r\n" * 1000 + b"Z: z", "too-many-fields"),
    ],
)
def test_a_header_that_readers_take_for_different_ones(field: bytes, defect: str) -> None:
    """A line that one reader takes for a field and another for nothing, or for the end, leaves nothing to rely on."""
    assert refused(sign(with_field(field), KEY)) == f"the header of the mail is not sound ({defect})"
    assert refused(with_field(field, sign(MAIL, KEY))) == f"the header of the mail is not sound ({defect})"


def test_the_line_of_an_mbox() -> None:
    """A mailbox's own line above the mail is not part of it."""
    assert passes(b"From ann@example.org Mon Nov  2 10:00:00 2026\r\n" + sign(MAIL, KEY))
    assert passes(b"From ann@example.org Mon Nov  2 10:00:00 2026\n" + sign(MAIL, KEY).replace(b"\r\n", b"\n"))


@pytest.mark.parametrize("form", ["simple/simple", "relaxed/relaxed"])
def test_letters_beyond_ascii(form: str) -> None:
    """Fields in UTF-8 or Latin-1 are signed as they stand."""
    for name in ("Änn".encode(), "Änn".encode("latin-1")):
        raw = MAIL.replace(b"Ann <", name + b" <")
        assert passes(sign(raw, KEY, c=form))


def test_only_headers() -> None:
    """A mail without a body can be signed."""
    head = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n"
    for form in ("simple/simple", "relaxed/relaxed"):
        assert passes(sign(head + b"\r\n", KEY, c=form))
        assert passes(sign(head + b"\r\n", KEY, c=form).removesuffix(b"\r\n"))


# The cheap look ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["d=example.org", "v=1;d=example.org;s=x", "v=1; d = EXAMPLE.org ; s=x", "d=a; d=example.org", "d=example.org x"]
)
def test_claims(value: str) -> None:
    """Whatever could be taken for a signature of the domain is looked at."""
    header = read_header(f"X: y\r\ndkim-signature: {value}\r\n\r\n".encode())
    (claim,) = find_claims(header, {"example.org"})
    assert (claim.position, claim.domain, claim.value) == (1, "example.org", value)


@pytest.mark.parametrize(
    "value", ["", "d=", "d=example.com", "bd=example.org", "x=d=example.org", "example.org", "d=example.org."]
)
def test_no_claims(value: str) -> None:
    """All others are not."""
    assert find_claims(read_header(f"DKIM-Signature: {value}\r\n\r\n".encode()), {"example.org"}) == []


def test_a_claim_counts_once() -> None:
    """A field that names two trusted domains is one claim, of the first."""
    header = read_header(b"DKIM-Signature: d=example.net; d=example.com; d=example.org\r\n\r\n")
    assert [claim.domain for claim in find_claims(header, {"example.org", "example.com"})] == ["example.com"]
