"""A newer copy of a certificate is joined with the older one, so that what was signed before can still be verified."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from keyring_of_test import revoke, signature, signed_part, subpacket

from mailproc.directory import Certificate
from mailproc.openpgp import Finding, Verifier, packets
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.merging import merged
from mailproc.testing.keys import SigningKey

Merge = Callable[[bytes, bytes], Certificate | None]
CONTENT = b"Content-Type: text/plain\r\n\r\nHello\r\n"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
MADE = NOW - 365 * DAY
ANN = "Ann <ann@example.org>"


@pytest.fixture(params=["gpg", "/nonexistent/gpg"], ids=["GnuPG", "Sequoia"])
def merge(request: pytest.FixtureRequest) -> Merge:
    """Both ways in which keys are checked: Sequoia is asked where GnuPG is not there."""
    return lambda old, new: merged(old, read(new), request.param)


@pytest.fixture
def key() -> Iterator[SigningKey]:
    """A key that was made a year ago for a year and a day, with two user ids."""
    with SigningKey.generate(ANN, expires=f"seconds={int((366 * DAY).total_seconds())}", at=MADE) as made:
        add = ("--passphrase", "", "--quick-add-uid", made.fingerprint, "Ann at work <ann@example.com>")
        made.gpg(*add, at=MADE + DAY / 24)
        yield made


def read(data: bytes) -> Certificate:
    """The certificate, as it is when it is imported."""
    (certificate,) = read_certificates(data)
    return certificate


def extend(key: SigningKey, until: str = "2y", **how: datetime) -> None:
    """Let the key expire later."""
    key.gpg("--passphrase", "", "--quick-set-expire", key.fingerprint, until, **how)


def add_subkey(key: SigningKey, at: datetime) -> None:
    """Give the key a subkey that signs."""
    key.gpg("--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", "0", at=at)


def components(data: bytes) -> list[list[packets.Packet]]:
    """The keys and user ids of a certificate, each with its signatures behind it."""
    found: list[list[packets.Packet]] = []
    for packet in packets.read_packets(data) or []:
        if packet.kind != packets.SIGNATURE:
            found.append([])
        found[-1].append(packet)
    return found


def without(kind: int, number: int, data: bytes) -> bytes:
    """The certificate without its component of this kind and number."""
    found = components(data)
    found.remove([component for component in found if component[0].kind == kind][number])
    return b"".join(packet.raw for component in found for packet in component)


def test_what_was_signed_before_a_renewal_stays_good(key: SigningKey, merge: Merge, verifier: Verifier) -> None:
    """The new copy alone does not say that the key was its owner's then; both copies do, and what is signed now is good too."""
    before, old = signed_part(CONTENT, key, at=NOW - DAY), key.certificate
    extend(key)
    assert verifier.verify(before, [key.certificate]).finding is Finding.ALTERED
    both = merge(old, key.certificate)
    assert both is not None
    assert verifier.verify(before, [both.data]).finding is Finding.GOOD
    assert verifier.verify(signed_part(CONTENT, key), [both.data]).finding is Finding.GOOD
    new = read(key.certificate)
    assert (both.names, both.expires_at, both.revoked) == (new.names, new.expires_at, False)
    assert sorted(both.user_ids) == sorted(new.user_ids)


def test_several_renewals_are_all_kept(key: SigningKey, merge: Merge, verifier: Verifier) -> None:
    """Each copy is joined with what was joined before; nothing is in it twice, and what the newest says stands first."""
    parts, data = [], b""
    for days in (300, 200, 100):
        extend(key, "2y", at=NOW - days * DAY)
        parts.append(signed_part(CONTENT, key, at=NOW - days * DAY + DAY))
        both = merge(data, key.certificate)
        assert both is not None
        data = both.data
    assert {verifier.verify(part, [data]).finding for part in parts} == {Finding.GOOD}
    assert [len(component) for component in components(data)] == [1, 4, 4]
    newest = [component[:2] for component in components(key.certificate)]
    assert [component[:2] for component in components(data)] == newest
    again = merge(data, key.certificate)
    assert again is not None and again.data == data


def test_a_copy_that_says_no_more_is_taken_as_it_is(key: SigningKey, merge: Merge) -> None:
    """The same copy again, or one that holds all that the registered one says, has nothing to be joined with."""
    old = key.certificate
    assert merge(old, old) == read(old)
    add_subkey(key, NOW)
    assert merge(old, key.certificate) == read(key.certificate)


@pytest.mark.parametrize("change", [extend, partial(add_subkey, at=NOW)], ids=["extended", "subkey"])
def test_an_older_copy_is_told(change: Callable[[SigningKey], None], key: SigningKey, merge: Merge) -> None:
    """It lacks its owner's last word and adds nothing."""
    old = key.certificate
    change(key)
    both = merge(old, key.certificate)
    assert both is not None
    assert merge(both.data, old) is None


def test_a_copy_from_elsewhere_takes_nothing_back(key: SigningKey, merge: Merge) -> None:
    """An older copy that has something of its own adds it; the later expiry and the subkey stay."""
    elsewhere = key.certificate
    extend(key)
    add_subkey(key, NOW)
    registered = without(packets.USER_ID, 1, key.certificate)
    both = merge(registered, elsewhere)
    assert both is not None
    assert (both.expires_at, set(both.names)) == (read(registered).expires_at, set(read(registered).names))
    assert len(both.user_ids) == 2


def test_a_subkey_that_was_replaced_is_still_called_by_its_names(key: SigningKey, merge: Merge, verifier: Verifier) -> None:
    """What it signed before is good; the same copy, imported again, is no older one, although the subkey is not in it."""
    add_subkey(key, NOW - 10 * DAY)
    part, old = signed_part(CONTENT, key, at=NOW - DAY), key.certificate
    add_subkey(key, NOW)
    new = without(packets.SUBKEY, 0, key.certificate)
    both = merge(old, new)
    assert both is not None
    assert set(both.names) == set(read(key.certificate).names) and len(both.names) == 6
    assert set(part.issuers) <= set(both.names)
    assert verifier.verify(part, [both.data]).finding is Finding.GOOD
    assert [component[0].kind for component in components(both.data)] == [6, 13, 13, 14, 14]
    again = merge(both.data, new)
    assert again is not None and again.data == both.data


def test_a_user_id_that_was_deleted_does_not_end_the_key(merge: Merge, verifier: Verifier) -> None:
    """Its owner has put the expiry off, but could not say so of a user id that is gone."""
    with SigningKey.generate(ANN, expires="1d") as key:
        add = ("--passphrase", "", "--quick-add-uid", key.fingerprint, "Ann at work <ann@example.com>")
        key.gpg(*add, at=MADE + DAY / 24)
        before, old = signed_part(CONTENT, key, at=MADE + DAY / 2), key.certificate
        for until in ("2y", "0"):
            extend(key, until)
            both = merge(old, without(packets.USER_ID, 1, key.certificate))
            assert both is not None and both.expires_at == read(key.certificate).expires_at
            for part in (before, signed_part(CONTENT, key)):
                assert verifier.verify(part, [both.data]).finding is Finding.GOOD


def test_a_user_id_without_an_expiry_is_kept(merge: Merge) -> None:
    """It stands behind those of the new copy, and before the subkeys (RFC 9580 section 10.1)."""
    with SigningKey.generate(ANN) as key:
        key.gpg("--passphrase", "", "--quick-add-uid", key.fingerprint, "Old", at=NOW - 9 * DAY)
        old = key.certificate
        add_subkey(key, NOW)
        number = [component[0].body for component in components(key.certificate)[1:]].index(b"Old")
        both = merge(old, without(packets.USER_ID, number, key.certificate))
    assert both is not None
    assert [component[0].body for component in components(both.data)[1:3]] == [ANN.encode(), b"Old"]
    assert set(both.user_ids) == {ANN, "Old"}
    assert components(both.data)[-1][0].kind == packets.SUBKEY


def test_a_revocation_counts_and_stays(key: SigningKey, merge: Merge, verifier: Verifier) -> None:
    """Also what was signed before is refused, as with the revoked copy alone."""
    part, old = signed_part(CONTENT, key, at=NOW - DAY), key.certificate
    extend(key)
    revoke(key)
    both = merge(old, key.certificate)
    assert both is not None and both.revoked
    assert verifier.verify(part, [both.data]).finding is Finding.REVOKED_KEY


def test_the_revocation_of_a_subkey_stays(key: SigningKey, merge: Merge, verifier: Verifier) -> None:
    """A copy that is newer in all else, but was not told of it, does not bring the subkey back."""
    add_subkey(key, NOW - 10 * DAY)
    part, before = signed_part(CONTENT, key, at=NOW - DAY), key.certificate
    key.gpg("--command-fd", "0", "--edit-key", key.fingerprint, data=b"key 1\nrevkey\ny\n0\n\ny\nsave\n")
    assert len(key.certificate) > len(before)
    registered = key.certificate
    extend(key)
    last = components(before)[-1]
    new = without(packets.SUBKEY, 0, key.certificate) + b"".join(packet.raw for packet in last)
    assert verifier.verify(signed_part(CONTENT, key, at=NOW - DAY, by=f"{key.fingerprint}!"), [new]).finding is not Finding.GOOD
    both = merge(registered, new)
    assert both is not None and not both.revoked
    assert verifier.verify(part, [both.data]).finding is Finding.REVOKED_KEY


def test_what_others_signed_is_left_out(key: SigningKey, merge: Merge) -> None:
    """Certifications by anybody else, of either copy, and what names nobody, are of no use here."""
    strange = signature(subpacket(16, b"\1" * 8)) + signature(subpacket(33, b"\4" + b"\2" * 20)) + signature()
    mixed = signature(subpacket(16, bytes.fromhex(key.fingerprint[-16:])) + subpacket(16, b"\3" * 8))
    old = key.certificate
    extend(key)
    both, clean = merge(old + mixed, key.certificate + strange), merge(old, key.certificate)
    assert both is not None and clean is not None
    assert both.data == clean.data


def test_no_more_than_a_mebibyte_is_kept(key: SigningKey, merge: Merge) -> None:
    """Beyond it the new copy counts alone; below, all of it is there."""
    owner = subpacket(16, bytes.fromhex(key.fingerprint[-16:]))
    old = key.certificate
    extend(key)
    for number, alone in ((110, False), (120, True)):
        padded = old + b"".join(signature(owner, subpacket(100, bytes([each]) * 180) * 50) for each in range(number))
        both = merge(padded, key.certificate)
        assert both is not None
        assert (both == read(key.certificate)) is alone
        assert len(both.data) < 2**20 and (alone or len(both.data) > 990_000)


@pytest.mark.parametrize("old", [b"", b"cert", b"\xff" * 100, signature(), b"\xc6\x00"])
def test_what_cannot_be_read_adds_nothing(old: bytes, ann: SigningKey, merge: Merge) -> None:
    """Whatever was registered, the new copy takes its place."""
    assert merge(old, ann.certificate) == read(ann.certificate)


def test_another_key_adds_nothing(ann: SigningKey, bob: SigningKey, merge: Merge) -> None:
    """Only copies of one key are joined, one with one."""
    for old in (bob.certificate, bob.certificate + ann.certificate, ann.certificate + bob.certificate):
        assert merge(old, ann.certificate) == read(ann.certificate)
