"""What is found about the signatures of a mail: with real keys, a real DNS, and the one that signs on other systems."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest

from mailproc.dkim import DomainFinding, DomainVerification, DomainVerifier
from mailproc.dkim.canonical import Body, covered_sha256
from mailproc.dkim.txt import Dns, NoNetwork, Records
from mailproc.dkim.verifier import DkimVerifier
from mailproc.errors import Away
from mailproc.reading import read_header
from tests.cost import within
from tests.dkim.signed_mail import ARRIVAL, KEY, MAIL, USUAL, verify
from tests.dkim.signer import NAME, TIME, rsa_key, sign
from tests.servers.dns import DnsServer

TOP = Path(__file__).parents[2]
PASS, FAIL, AWAY = DomainFinding.PASS, DomainFinding.FAIL, DomainFinding.AWAY
CHANGED_BODY = "the body was changed after example.org signed it"
CHANGED_HEADER = "the header was changed after example.org signed it, or another key signed it"


def findings(raw: bytes, records: object = None) -> list[DomainFinding]:
    """The findings alone."""
    return [found.finding for found in verify(raw, records)]


class Counting:
    """Records that note what they are asked for; a name that begins with "away" is away."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def txt(self, name: str, seconds: float = 0) -> Sequence[bytes]:
        """The usual key."""
        self.asked.append(name)
        if name.startswith("away"):
            raise Away(f"{name}: no answer")
        return [KEY.record().encode()]


def test_a_good_signature() -> None:
    """It passes, with its domain, its time, and what it covers."""
    header = read_header(MAIL)
    digest = covered_sha256(header, Body(MAIL, header.length))
    signed_at = datetime.fromtimestamp(TIME, UTC)
    assert verify(sign(MAIL, KEY)) == [DomainVerification(PASS, "example.org", signed_at, "signed by example.org", digest)]


def test_it_is_a_verifier_of_domains() -> None:
    """It is what `mailproc.authenticate` asks."""
    verifier: DomainVerifier = DkimVerifier(Records(USUAL))
    assert verifier.verify(b"", read_header(b""), [], arrival=ARRIVAL) == []


@pytest.mark.parametrize("form", ["simple/simple", "relaxed/relaxed"])
def test_line_ends(form: str) -> None:
    """A mail that was stored with the line ends of the system is the same mail (section 5.3)."""
    raw = sign(MAIL, KEY, c=form)
    assert findings(raw.replace(b"\r\n", b"\n")) == [PASS]


@pytest.mark.parametrize(
    "old, new", [(b"fine", b"wine"), (b"Ann\r\n", b"Ann\r\nPay!\r\n"), (b"It is", b"\r\nIt is"), (b"fine.", b"fine.\0")]
)
def test_a_changed_body(old: bytes, new: bytes) -> None:
    """Any change of the text is found, and the DNS is not even asked."""
    records = Counting()
    (found,) = verify(
        sign(MAIL, KEY).replace(
            b"\r\n\r\n" + MAIL.partition(b"\r\n\r\n")[2], b"\r\n\r\n" + MAIL.partition(b"\r\n\r\n")[2].replace(old, new)
        ),
        records,
    )
    assert found == DomainVerification(FAIL, "example.org", None, CHANGED_BODY)
    assert records.asked == []


@pytest.mark.parametrize(
    "old, new",
    [
        (b"ann@example.org", b"eve@example.org"),  # another address
        (b"From: Ann", b"From: Eve"),  # another name
        (b"said", b"say"),
        (b"notes@", b"bugs@"),
        (b"10:00:00 +0000\r\nMess", b"11:00:00 +0000\r\nMess"),
        (b"Message-ID: <1", b"Message-ID: <2"),
        (b"text/plain", b"text/html"),
    ],
)
def test_a_changed_header(old: bytes, new: bytes) -> None:
    """Any change of a signed field is found."""
    (found,) = verify(sign(MAIL, KEY).replace(old, new))
    assert found == DomainVerification(FAIL, "example.org", None, CHANGED_HEADER)


def test_several_signatures() -> None:
    """Each is answered for, the topmost first; one that fails takes nothing from another."""
    raw = sign(sign(sign(MAIL, KEY, t=TIME), KEY, d="example.net"), KEY, s="s2", t=TIME + 1)
    found = verify(raw)
    assert [(each.finding, each.detail) for each in found] == [
        (FAIL, "the key s2._domainkey.example.org is not in DNS"),
        (PASS, "signed by example.org"),
    ]


def test_the_position_of_a_signature() -> None:
    """Which of the fields is verified is told by its place, also where others stand above it."""
    rsa = rsa_key(1024)
    raw = sign(b"X: y\r\n" + sign(b"Z: z\r\n" + MAIL, rsa, s="r"), KEY)
    assert findings(raw, USUAL | {"r._domainkey.example.org": [rsa.record()]}) == [PASS, PASS]


def test_two_trusted_domains() -> None:
    """The signatures of all domains in question are looked at."""
    raw = sign(sign(MAIL, KEY), KEY, d="example.com")
    records = USUAL | {"s1._domainkey.example.com": [KEY.record()]}
    found = verify(raw, records, domains=("example.org", "example.com"))
    assert [(each.finding, each.domain) for each in found] == [(PASS, "example.com"), (PASS, "example.org")]
    assert len({each.covered_sha256 for each in found}) == 1


def test_at_most_five_signatures() -> None:
    """Of many signatures of a domain only the five on top are looked at; those of others do not count."""
    fields = b"".join(sign(MAIL, KEY, s=f"k{n}").removesuffix(MAIL) for n in range(9))
    others = b"".join(sign(MAIL, KEY, s=f"k{n}", d="example.net").removesuffix(MAIL) for n in range(9))
    records = Counting()
    assert [each.finding for each in verify(others + fields + MAIL, records)] == [PASS] * 5
    assert records.asked == [f"k{n}._domainkey.example.org" for n in range(5)]


@pytest.mark.parametrize("domain", ["example.org", "example.net"])
def test_a_thousand_signatures(domain: str) -> None:
    """They cost next to nothing."""
    field = sign(MAIL, rsa_key(4096), d=domain, h="from:to:subject:date").removesuffix(MAIL)
    raw = field * (262144 // len(field) - 1) + MAIL
    short = f"DKIM-Signature: v=1; d={domain}; h=from; b=x\r\n".encode() * 990 + MAIL
    within(1, lambda: [verify(mail, USUAL) for mail in (raw, short)])


def test_the_dns_is_asked_once_for_a_key() -> None:
    """A backlog of one domain costs one query."""
    records = Counting()
    verifier = DkimVerifier(records)
    raw = sign(sign(MAIL, KEY), KEY)
    for _ in range(3):
        assert len(verifier.verify(raw, read_header(raw), {"example.org"}, arrival=ARRIVAL)) == 2
    assert records.asked == [NAME]


def test_a_key_that_nobody_can_look_up() -> None:
    """It is neither good nor bad; what is there to say is what was asked."""
    (found,) = verify(sign(MAIL, KEY, s="away"), Counting())
    assert found == DomainVerification(AWAY, "example.org", None, "away._domainkey.example.org: no answer")


def test_a_key_that_is_away_and_another_of_its_domain() -> None:
    """What is known of the domain stays known; what is not is away with it, so that made-up selectors cost one wait."""
    assert findings(sign(sign(MAIL, KEY, s="away"), KEY), Counting()) == [PASS, AWAY]
    assert findings(sign(sign(MAIL, KEY), KEY, s="away"), Counting()) == [AWAY, AWAY]


def test_a_mail_waits_for_the_dns_twice_at_most() -> None:
    """After a key that is away the DNS is not asked for others of the domain, and after two nothing more is judged."""
    records = Counting()
    raw = MAIL
    for n in range(5):
        raw = sign(raw, KEY, s=f"away{n}")
    assert findings(raw, records) == [AWAY, AWAY]
    assert len(records.asked) == 1


def test_without_a_network() -> None:
    """Where no name server may be asked, it is said what would help."""
    (found,) = verify(sign(MAIL, KEY), NoNetwork())
    assert (found.finding, found.detail) == (AWAY, "inspect asks no name server; give --dns FILE")


# A real DNS -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour, finding, detail",
    [
        ("", PASS, "signed by example.org"),
        ("truncate", PASS, "signed by example.org"),
        ("nxdomain", FAIL, f"the key {NAME} is not in DNS"),
        ("empty", FAIL, f"the key {NAME} is not in DNS"),
        ("other-name", FAIL, f"the key {NAME} is not in DNS"),
        ("silence", AWAY, f"{NAME}: no answer within 0.4 s"),
        ("servfail", AWAY, f"{NAME}: SERVFAIL"),
        ("refused", AWAY, f"{NAME}: REFUSED"),
        ("garbage", AWAY, f"{NAME}: no answer within 0.4 s"),
        ("other-question", AWAY, f"{NAME}: no answer within 0.4 s"),
    ],
)
def test_what_the_dns_does(behaviour: str, finding: DomainFinding, detail: str) -> None:
    """Only an answer is a fact; whatever else happens is no word about the signature."""
    with DnsServer({NAME: [rsa_key(2048).record()]}) as server:
        server.behave[NAME] = behaviour
        txt = Dns(server.server, query_seconds=0.2, name_seconds=0.4)
        (found,) = verify(sign(MAIL, rsa_key(2048)), txt)
    assert found.finding is finding
    assert found.detail.startswith(detail) and len(found.detail) <= 200


def test_a_loop_of_aliases() -> None:
    """It ends at once, as a fault of the DNS."""
    with DnsServer() as server:
        server.aliases = {NAME: "a.example.org", "a.example.org": NAME}
        assert findings(sign(MAIL, KEY), Dns(server.server)) == [AWAY]


def test_a_key_at_another_place() -> None:
    """A domain may have its keys with its provider."""
    with DnsServer({"k.provider.example": [KEY.record()]}) as server:
        server.aliases = {NAME: "k.provider.example"}
        assert findings(sign(MAIL, KEY), Dns(server.server)) == [PASS]


def test_several_threads() -> None:
    """One verifier serves them all."""
    with DnsServer(USUAL) as server:
        verifier = DkimVerifier(Dns(server.server))
        good, bad = sign(MAIL, KEY), sign(MAIL, KEY) + b"x\r\n"
        found: list[list[DomainFinding]] = []

        def look() -> None:
            for raw in (good, bad) * 10:
                found.append(
                    [each.finding for each in verifier.verify(raw, read_header(raw), {"example.org"}, arrival=ARRIVAL)]
                )

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [[FAIL]] * 40 + [[PASS]] * 40


# Others who sign ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [(header, body) for header in (b"simple", b"relaxed") for body in (b"simple", b"relaxed")])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_what_dkimpy_signs(form: tuple[bytes, bytes], line_end: bytes, tmp_path: Path) -> None:
    """A key that OpenSSL makes and a signature that dkimpy writes are good."""
    key = tmp_path / "key"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "2048"], check=True, capture_output=True, timeout=60)
    public = subprocess.run(
        ["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True, timeout=60
    )
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(public.stdout).decode()}"
    raw = MAIL.replace(b"\r\n", line_end)
    raw = dkim.sign(raw, b"o", b"example.org", key.read_bytes(), canonicalize=form, linesep=line_end) + raw
    (found,) = verify(raw, {"o._domainkey.example.org": [record]}, arrival=datetime.now(UTC))
    assert found.finding is PASS


@pytest.mark.parametrize("length, finding", [(False, PASS), (True, FAIL)])
def test_what_dkimpy_signs_with_a_length(length: bool, finding: DomainFinding) -> None:
    """dkimpy signs and accepts a beginning of the body when told to; we do not."""
    seed = base64.b64encode(KEY.seed)
    raw = dkim.sign(MAIL, b"s1", b"example.org", seed, signature_algorithm=b"ed25519-sha256", length=length) + MAIL
    raw += b"\r\nPay at once.\r\n" if length else b""
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: KEY.record().encode())
    assert [each.finding for each in verify(raw, arrival=datetime.now(UTC))] == [finding]


# Bounds and silence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["simple/simple", "relaxed/relaxed"])
def test_a_large_mail(form: str) -> None:
    """25 MiB are verified in well under two seconds, with little memory beside them, also when signed five times."""
    rsa = rsa_key(1024)
    body = (base64.b64encode(bytes(range(57))) + b"\r\n") * ((25 << 20) // 78)  # the same in all forms
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    head = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    one, other = (sign(head, rsa, c=each, bh=digest).removesuffix(head) for each in (form, "relaxed/simple"))
    raw = (one + other) * 2 + one + head + body
    header = read_header(raw)
    verifier = DkimVerifier(Records({NAME: [rsa.record()]}))
    found = within(2, lambda: verifier.verify(raw, header, {"example.org"}, arrival=ARRIVAL))
    assert [each.finding for each in found] == [PASS] * 5
    tracemalloc.start()
    verifier.verify(raw, header, {"example.org"}, arrival=ARRIVAL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_body_that_is_dear_to_the_library() -> None:
    """A megabyte of blanks, over which dkimpy would search for minutes, is nothing."""
    raw = sign(MAIL + b" " * (1 << 20) + b"x\r\n", KEY)
    assert within(1, lambda: findings(raw)) == [PASS]


def test_a_header_that_is_dear_to_the_library() -> None:
    """As many names, fields, blanks and folds as are let through are verified at once."""
    fields = b"".join(b"Y%d: z\r\n" % n for n in range(980))
    names = ":".join(["from", "to", "subject", "date", *(f"x{n}" for n in range(196))])
    raw = sign(fields + MAIL, KEY, h=names, extra=(" " * 99 + "y") * 40 + "=1;")
    assert len(within(0.5, lambda: findings(raw))) == 1
    folded = re.sub(rb" b=(.{4})", rb" b=\1" + (b" " * 90 + b"A") * 60, sign(fields + MAIL, KEY, h=names), count=1)
    assert within(0.5, lambda: findings(folded)) == [FAIL]


class Failing:
    """Records whose look-up has a bug."""

    def txt(self, name: str, seconds: float = 0) -> Sequence[bytes]:
        """Fail."""
        raise KeyError("a bug\nin \x1b[31mtwo lines")


def test_whatever_goes_wrong() -> None:
    """What nobody thought of is a signature that proves nothing, told in one line."""
    (found,) = verify(sign(MAIL, KEY), Failing())
    assert found.finding is FAIL
    assert re.fullmatch(r"the signature cannot be checked: KeyError: [ -~]+", found.detail)


def test_what_is_told_is_one_line() -> None:
    """Whatever of the mail is in it."""
    (found,) = verify(sign(MAIL, KEY).replace(b"a=ed25519-sha256", b"a=" + b"x" * 500))
    assert len(found.detail) == 200 and found.detail.endswith("...")


def test_the_library_says_nothing() -> None:
    """dkimpy's own log lines hold bytes of the mail; none reaches ours, and none stderr."""
    program = """
import logging
logging.basicConfig(level=logging.DEBUG)
from tests.dkim.signed_mail import KEY, MAIL, verify
from tests.dkim.signer import rsa_key, sign
logging.getLogger("dkimpy").error("its own")
assert verify(sign(MAIL, rsa_key(1024)), {"s1._domainkey.example.org": [rsa_key(1024).record()]})[0].covered_sha256
verify(sign(MAIL, KEY).replace(b"said", b"say"))
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, timeout=60, check=True)
    assert (ended.stdout, ended.stderr) == (b"", b"")
