"""The life of a key through the command line: registered, extended, given a subkey, revoked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailproc.testing.keys import sign_mail
from tests.cli.keys import Call, Generate, Import, listed, revoke
from tests.cli_run.calling import Ended
from tests.installation import Installation, MaildirBox, make_mail

Make = Callable[[], Installation]


@pytest.fixture
def make_site(tmp_path: Path, sqlite_url: str) -> Iterator[Make]:
    """Make an installation that handles the mail of a Maildir."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")))


def import_into(site: Installation, certificate: bytes) -> tuple[int, str]:
    """What `mailproc key import` for ann ends with, in a process of its own, and what it says."""
    (site.folder / "ann.gpg").write_bytes(certificate)
    ended = site.mailproc("key", "import", "--user", "ann", "ann.gpg")
    return ended.returncode, ended.stderr


def test_a_user_has_several_keys(site: Call, put: Import, generate: Generate) -> None:
    """All of them count, from one file or several; `user list` has their number."""
    keys = [generate("Ann <ann@example.org>") for _ in range(3)]
    assert put("ann", keys[0].certificate + keys[1].certificate, keys[2].certificate) == Ended(0, "", "")
    assert set(listed(site)) == {key.fingerprint for key in keys}
    ann, bob = site("user", "list", "--format", "jsonl").rows
    assert (ann["keys"], ann["good_keys"], bob["keys"], bob["good_keys"]) == (3, 3, 0, 0)
    assert [line.split()[3] for line in site("user", "list").out.splitlines()] == ["STRONG", "3", "0"]
    site("key", "remove", keys[0].fingerprint, keys[1].fingerprint[-16:])
    assert set(listed(site)) == {keys[2].fingerprint}


def test_an_extended_key_replaces_its_older_copy(site: Call, put: Import, generate: Generate) -> None:
    """The later date counts from then on; the older file is refused, with what makes it acceptable."""
    key = generate("Ann <ann@example.org>", expires="1d")
    old = key.certificate
    put("ann", old)
    assert listed(site)[key.fingerprint]["state"] == "expired"
    key.gpg("--passphrase", "", "--quick-set-expire", key.fingerprint, "2y")
    assert put("ann", key.certificate) == Ended(0, "", "")
    assert listed(site)[key.fingerprint]["state"] == "good"
    refused = put("ann", old)
    assert refused.status == 64
    assert re.search(
        rf"an older copy of the key {key.fingerprint} .*: it expired on \d{{4}}-\d\d-\d\d; leave it out", refused.line
    )
    assert listed(site)[key.fingerprint]["state"] == "good"
    assert refused.line.endswith(f"mailproc key remove {key.fingerprint}")
    site("key", "remove", key.fingerprint)
    assert put("ann", old) == Ended(0, "", "")


def test_a_mail_that_was_signed_before_its_key_was_extended_is_strong(make_site: Make, generate: Generate) -> None:
    """The new copy is imported while the mail waits; a revocation counts and stays, and the older copy is refused."""
    site, key = make_site(), generate("Ann <ann@example.com>", expires=f"seconds={int(timedelta(days=375).total_seconds())}")
    old = key.certificate
    assert import_into(site, old) == (0, "")
    waiting = [
        sign_mail(make_mail(name, text=name), key, at=datetime.now(UTC) - timedelta(hours=1)) for name in ("1", "2", "3")
    ]
    key.gpg("--passphrase", "", "--quick-set-expire", key.fingerprint, "2y")
    for number, mail in enumerate(waiting[:2]):  # the second time there is nothing to join any more
        assert import_into(site, key.certificate) == (0, "")
        status, said = import_into(site, old)
        assert (status, "it lacks what its owner has signed since; leave it out" in said) == (64, True)
        site.append(mail, sign_mail(make_mail(f"new{number}", text=f"new{number}"), key))
        assert site.run().returncode == 0
    assert {(row.disposition, row.trust) for row in site.receipts()} == {("handled", "strong")}
    assert site.effects() == ["1", "2", "new0", "new1"]
    revoke(key)
    for _ in range(2):
        assert import_into(site, key.certificate) == (0, "")
        status, said = import_into(site, old)
        assert (status, "is revoked, and this is an older copy of it" in said) == (64, True)
    site.append(waiting[2])
    site.run()
    assert [(row.disposition, row.rule) for row in site.receipts()][2] == ("rejected", "signature.revoked-key")


def test_a_subkey_that_was_replaced_is_known_on(site: Call, put: Import, generate: Generate) -> None:
    """What it has signed still leads to the key; the copy without it may be imported again, an older one may not."""
    key = generate("Ann <ann@example.org>")
    add = ("--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", "0")
    key.gpg(*add, at=datetime.now(UTC) - timedelta(days=9))
    old = key.certificate
    put("ann", old)
    key.gpg("--command-fd", "0", "--edit-key", key.fingerprint, data=b"key 1\ndelkey\ny\nsave\n")
    key.gpg(*add)
    assert [put("ann", key.certificate) for _ in range(2)] == [Ended(0, "", "")] * 2
    (shown,) = site("key", "show", key.fingerprint, "--format", "jsonl").rows
    assert len(shown["subkeys"]) == 2
    for subkey in shown["subkeys"]:
        assert site("key", "show", subkey).status == 0
    assert f"the subkey {shown['subkeys'][0]} is not in it" in put("ann", old).line


def test_an_expired_key_may_be_imported_twice(site: Call, put: Import, generate: Generate) -> None:
    """It is no older than what is there."""
    certificate = generate("Ann <ann@example.org>", expires="1d").certificate
    assert [put("ann", certificate).status for _ in range(2)] == [0, 0]


def test_a_new_subkey_becomes_known(site: Call, put: Import, generate: Generate) -> None:
    """A signature that names it leads to the key; the older copy without it is refused."""
    key = generate("Ann <ann@example.org>")
    old = key.certificate
    put("ann", old)
    key.gpg("--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", "0")
    subkey = re.findall("^fpr:+([0-9A-F]+):", key.gpg("--with-colons", "--list-keys").decode(), re.MULTILINE)[1]
    assert site("key", "show", subkey).line == f"there is no key {subkey}; type: mailproc key list"
    assert put("ann", key.certificate) == Ended(0, "", "")
    for name in (subkey, subkey[-16:], f"0x{subkey[-16:].lower()}"):
        (shown,) = site("key", "show", name, "--format", "jsonl").rows
        assert (shown["fingerprint"], shown["subkeys"]) == (key.fingerprint, [subkey])
    assert f"the subkey {subkey} is not in it" in put("ann", old).line


def test_a_revocation_is_for_ever(site: Call, put: Import, generate: Generate) -> None:
    """Importing the revoked certificate marks the key; a copy without the revocation does not bring it back."""
    key = generate("Ann <ann@example.org>")
    before = key.certificate
    put("ann", before)
    revoke(key)
    assert put("ann", key.certificate) == Ended(0, "", "")
    assert listed(site)[key.fingerprint]["revoked"] is True
    assert put("ann", before).line == (
        f"ann0.gpg: the key {key.fingerprint} is revoked, and this is an older copy of it; leave it out"
    )
    assert listed(site)[key.fingerprint]["state"] == "revoked"
    assert put("ann", key.certificate) == Ended(0, "", "")


def test_a_key_is_one_users(site: Call, put: Import, generate: Generate) -> None:
    """Somebody else's key is refused with the command that frees it."""
    key = generate("Ann <ann@example.org>")
    put("ann", key.certificate)
    assert put("bob", key.certificate).line == (
        f"bob0.gpg: the key {key.fingerprint} belongs to the user ann; type: mailproc key remove {key.fingerprint}"
    )
