"""The sender's mistakes are told to the sender and are no OOPS: 17 to 27, 81 to 87 and 112 of docs/behaviour/incoming.md."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest

from mailproc import Delivery, Outcome, Trust, handler
from mailproc.authenticate import MAX_AGE, MAX_AHEAD
from mailproc.testing import PostOffice, SigningKey, make_mail
from mailproc.testing.delivered import Delivered
from tests.installation import Installation

DESK = "desk@desk.example.org"
MiB = 1024 * 1024


def assert_told_no_oops(delivered: Delivered, to: str, *words: str) -> None:
    """The mail was rejected, and ``to`` alone is told these words; no fault of ours was recorded."""
    assert (delivered.disposition, delivered.oops, delivered.answer) == ("rejected", None, "queued")
    (told,) = delivered.sent
    assert (told.to, told.answer) == (to, True)
    text = " ".join(told.text.split())
    for each in words:
        assert each in text


# 17 to 19: signatures that do not count --------------------------------------------------------------------------------------


def test_17_a_broken_signature_is_told(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """A mail that was changed after it was signed reaches no handler, and its sender is told so."""
    raw = make_mail(to=DESK, text="Turn left.\n", key=ann_key).replace(b"left", b"right")
    assert_told_no_oops(office.deliver(raw), "ann@example.com", "changed after it was signed")
    assert letters == []


def test_18_an_expired_key_is_told(office: PostOffice, letters: list[Delivery], expired_key: SigningKey) -> None:
    """A signature that was made while the key was good does not count after its expiry, and the text says how to extend it."""
    made = datetime.now(UTC) - timedelta(days=364, hours=12)
    raw = make_mail(to=DESK, sender="dan@example.com", text="Hello\n", key=expired_key, at=made)
    assert_told_no_oops(office.deliver(raw), "dan@example.com", "has expired", "--quick-set-expire")
    assert letters == []


def test_19_a_key_that_is_not_there_is_told(office: PostOffice, letters: list[Delivery], strange_key: SigningKey) -> None:
    """We fetch no key from anywhere: one that nobody has registered is named, with how to have it registered (promise 8)."""
    delivered = office.deliver(make_mail(to=DESK, text="Hello\n", key=strange_key))
    assert_told_no_oops(delivered, "ann@example.com", strange_key.fingerprint, "not registered here", "gpg --armor --export")
    assert letters == []


# 20: too big -----------------------------------------------------------------------------------------------------------------


def long_mail(size: int, **how: str) -> bytes:
    """A mail of exactly so many octets."""
    raw = make_mail(to="1@guests.example.org", **how)
    return raw + b"x" * (size - len(raw))


def test_20_a_mail_that_is_too_big_is_told_its_size_and_the_limit(house: Installation) -> None:
    """One octet over the limit it comes back, cut to 8 KiB, with both sizes in the text; it is archived whole, and no OOPS."""
    raw = long_mail(MiB + 1, subject="holidays")
    house.append(raw)
    house.empty(house.works())
    ((row,), (receipt,)) = house.outbox(), house.receipts()
    assert (receipt.disposition, receipt.rule, house.oopses(), house.effects()) == ("rejected", "too-big.size", [], [])
    assert (row.recipient, row.reverse_path) == ("ann@example.com", "")
    text, original = message_from_bytes(row.raw).get_payload()
    told = text.get_payload()
    assert "1.1 MB" in told and "1 MB" in told and "too large" in told
    assert original.get_content_type() == "message/rfc822"
    assert original.get_payload(0)["Subject"] == "holidays"
    assert len(row.raw) < 8192 + 4096
    assert (house.archived(), house.left_in_maildrop()) == ([raw], [])


def test_20_a_mail_of_the_largest_size_is_handled(house: Installation) -> None:
    """The limit itself is not too big."""
    house.append(long_mail(MiB))
    house.empty(house.works())
    assert house.dispositions() == ["handled"]


def test_20_a_stranger_is_not_told_of_the_size(house: Installation) -> None:
    """Launchpad answers whatever address stands in From; a stranger hears nothing from us (promise 3)."""
    house.append(long_mail(MiB + 1, sender="zoe@example.net"))
    house.empty(house.works())
    (receipt,) = house.receipts()
    assert (receipt.disposition, receipt.answer) == ("rejected", "answer suppressed: unknown sender")
    assert house.outbox() == []


# 21 to 26: addresses of every kind -------------------------------------------------------------------------------------------


def test_21_junk_in_to_is_no_oops(house: Installation) -> None:
    """A mail whose To is a heap of brackets, as spam has it, is dropped without a word, and counted (promise 9)."""
    raw = b"From: ann@example.com\r\nTo: <<one@guests.example.org>,\r\n\t<two@guests.example.org>,\r\n <three>\r\n\r\nBuy\r\n"
    house.append(raw.replace(b"one@guests.example.org", b"one").replace(b"two@guests.example.org", b"two"))
    house.empty(house.works())
    (receipt,) = house.receipts()
    assert (receipt.recipient, receipt.disposition, receipt.rule) == ("", "dropped", "route.no-recipient")
    assert (house.oopses(), house.outbox(), house.left_in_maildrop()) == ([], [], [])
    assert house.balance().balanced


SENDERS = {
    "22 without an at sign": ("From: postmaster", "nobody"),
    "22 empty": ("From:", "nobody"),
    "24 beyond ASCII in the address": ("From: Dörte <dörte@example.com>", "nobody"),
    "24 beyond ASCII in the domain": ("From: ann@exämple.com", "nobody"),
    "25 beyond ASCII in the name": ("From: Änn <ann@example.com>", "ann"),
}


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
@pytest.mark.parametrize(("line", "who"), SENDERS.values(), ids=SENDERS)
def test_22_24_25_any_from_is_handled(house: Installation, line: str, who: str, charset: str) -> None:
    """A From that is no address, or holds raw letters beyond ASCII, is somebody's or nobody's, and no OOPS."""
    house.append(f"{line}\r\nTo: desk@guests.example.org\r\n\r\nHello\r\n".encode(charset))
    house.empty(house.works())
    assert (house.dispositions(), house.effects(), house.oopses()) == (["handled"], [f"{who}: Hello"], [])


@pytest.mark.parametrize(
    "line", ["Cc: postmaster", "Cc: dörte@example.com", "Cc: Dörte <dörte@exämple.com>, <", "Cc: @, friend@example.net"]
)
@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_23_26_any_cc_is_handled(house: Installation, line: str, charset: str) -> None:
    """A Cc that is no address, or holds raw letters beyond ASCII, takes nothing from the address in To."""
    house.append(f"From: ann@example.com\r\nTo: desk@guests.example.org\r\n{line}\r\n\r\nHello\r\n".encode(charset))
    house.empty(house.works())
    assert [(receipt.recipient, receipt.disposition) for receipt in house.receipts()] == [
        ("desk@guests.example.org", "handled")
    ]
    assert house.effects() == ["ann: Hello"]


# 27, 81 to 84: when it was signed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(days=7), "hours before it arrived"),
        (MAX_AGE + timedelta(seconds=1), "hours before it arrived"),
        (-MAX_AHEAD - timedelta(seconds=1), "still to come when it arrived"),
        (timedelta(days=-7), "still to come when it arrived"),
    ],
)
def test_27_81_82_a_signature_at_the_wrong_time_ends_the_mail(
    office: PostOffice, letters: list[Delivery], ann_key: SigningKey, age: timedelta, told: str
) -> None:
    """A signature that is too old or too new is refused: the mail does not go on as if it were unsigned."""
    office.now = datetime.now(UTC).replace(microsecond=0)
    raw = make_mail(to=DESK, text="Hello\n", key=ann_key, at=office.now - age)
    assert_told_no_oops(office.deliver(raw), "ann@example.com", told)
    assert letters == []


@pytest.mark.parametrize("age", [timedelta(minutes=-1), timedelta(hours=1), MAX_AGE, -MAX_AHEAD])
def test_83_84_a_signature_at_the_right_time_counts(
    office: PostOffice, letters: list[Delivery], ann_key: SigningKey, age: timedelta
) -> None:
    """A minute ahead, an hour old, and both limits themselves are fresh."""
    office.now = datetime.now(UTC).replace(microsecond=0)
    assert office.deliver(make_mail(to=DESK, text="Hello\n", key=ann_key, at=office.now - age)).trust is Trust.STRONG
    assert len(letters) == 1


# 85 to 87: who is not proven enough ------------------------------------------------------------------------------------------


@pytest.fixture
def safe(office: PostOffice) -> PostOffice:
    """A domain whose handler wants proof."""

    @handler(requires=Trust.STRONG)
    def vault(delivery: Delivery) -> Outcome:
        return delivery.handled()

    office.bind("vault.example.org", vault)
    return office


def test_85_without_a_signature_the_text_asks_for_one(safe: PostOffice) -> None:
    """Where proof is required a known sender without a signature is told to sign, and with which key."""
    delivered = safe.deliver(make_mail(to="door@vault.example.org", text="Open\n"))
    assert_told_no_oops(delivered, "ann@example.com", "is not signed", "the OpenPGP key that is registered for you")


def test_86_with_a_colleagues_key_the_text_asks_for_the_own_one(safe: PostOffice, bob_key: SigningKey) -> None:
    """Where proof is required, a signature by another user's key is told apart from none."""
    delivered = safe.deliver(make_mail(to="door@vault.example.org", text="Open\n", key=bob_key))
    assert_told_no_oops(delivered, "ann@example.com", "registered for somebody else")


def test_87_with_the_own_signature_the_door_is_open(safe: PostOffice, ann_key: SigningKey) -> None:
    """Where proof is required, the own signature is enough, and nobody is told anything."""
    delivered = safe.deliver(make_mail(to="door@vault.example.org", text="Open\n", key=ann_key))
    assert (delivered.disposition, delivered.sent) == ("handled", ())


# 112: the error mail ---------------------------------------------------------------------------------------------------------


def test_112_an_error_mail_has_the_commands_the_error_and_the_mail(office: PostOffice) -> None:
    """What failed, why, and which mail it was: a text part, and the original as message/rfc822, cut to 64 KiB."""

    @handler()
    def clerk(delivery: Delivery) -> Outcome:
        return delivery.reject("There is no such shelf.", failing_commands=["file under x", "burn y"])

    office.bind("clerk.example.org", clerk)
    long = "".join(f"{n}\n" for n in range(30_000))
    delivered = office.deliver(make_mail(to="desk@clerk.example.org", subject="Filing", text=long))
    (told,) = delivered.sent
    mail = message_from_bytes(told.raw)
    assert mail.get_content_type() == "multipart/mixed"
    assert (mail["In-Reply-To"], mail["Auto-Submitted"]) == (mail.get_payload(1).get_payload(0)["Message-ID"], "auto-replied")
    text, original = mail.get_payload()
    assert "Failing command:\r\n    file under x\r\n    burn y\r\n" in text.get_payload()
    assert "Error message:\r\n\r\nThere is no such shelf.\r\n" in text.get_payload()
    assert original.get_content_type() == "message/rfc822"
    assert original.get_payload(0)["Subject"] == "Filing"
    assert original["Content-Description"] == "the first 65536 octets of your mail"
    assert 65_536 < len(told.raw) < 65_536 + 3000
