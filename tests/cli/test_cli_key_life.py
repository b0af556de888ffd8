"""The life of a key through the command line: registered, extended, given a subkey, revoked; and what is seen of it."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailproc.testing.keys import SigningKey, sign_mail
from tests.cli.conftest import Call, Ended
from tests.cli_run.calling import call_on_terminal
from tests.installation import Installation, MaildirBox, make_mail

Generate = Callable[..., SigningKey]
Import = Callable[..., Ended]
Make = Callable[[], Installation]


@pytest.fixture
def generate() -> Iterator[Generate]:
    """Make keys that go when the test ends."""
    with ExitStack() as stack:
        yield lambda *arguments, **how: stack.enter_context(SigningKey.generate(*arguments, **how))


@pytest.fixture
def put(site: Call, tmp_path: Path) -> Import:
    """Have `mailproc key import` read certificates for a user, in a file each."""

    def imported(user: str, *certificates: bytes) -> Ended:
        files = []
        for number, certificate in enumerate(certificates):
            files.append(f"{user}{number}.gpg")
            (tmp_path / files[-1]).write_bytes(certificate)
        return site("key", "import", "--user", user, *files)

    for name in ("ann", "bob"):
        site("user", "add", name, "--email", f"{name}@example.org")
    return imported


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


def revoke(key: SigningKey) -> None:
    """Import the revocation that GnuPG made along with the key."""
    (file,) = (key.home / "openpgp-revocs.d").iterdir()
    key.gpg("--import", data=file.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))


def expiring(generate: Generate, days: int) -> SigningKey:
    """A key that was made a year ago and expires in so many days, less an hour."""
    made = datetime.now(UTC) - timedelta(days=365)
    until = datetime.now(UTC) + timedelta(days=days, hours=-1)
    return generate("Ann <ann@example.org>", expires=f"seconds={int((until - made).total_seconds())}", at=made)


def listed(site: Call) -> dict[str, dict[str, object]]:
    """The keys as a program sees them, by fingerprint."""
    return {str(row["fingerprint"]): row for row in site("key", "list", "--format", "jsonl").rows}


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


def test_days_are_counted_down(site: Call, put: Import, generate: Generate) -> None:
    """For a person in one column, for a program as a number and a word."""
    keys = {days: expiring(generate, days) for days in (-9, 10, 300)} | {None: generate("Ann <ann@example.org>")}
    gone = generate("Ann <ann@example.org>")
    revoke(gone)
    put("ann", *(key.certificate for key in keys.values()), gone.certificate)
    rows = listed(site)
    assert [(rows[key.fingerprint]["state"], rows[key.fingerprint]["days_left"]) for key in keys.values()] == [
        ("expired", -10),
        ("expiring", 9),
        ("good", 299),
        ("good", None),
    ]
    assert rows[gone.fingerprint]["state"] == "revoked"
    text = {line.split()[1]: line for line in site("key", "list").out.splitlines()}
    for key, words in zip([*keys.values(), gone], ["expired", "9 days", "299 days", "for ever", "revoked"], strict=True):
        assert f"  {words}  " in text[key.fingerprint]
    assert max(map(len, text.values())) <= 80


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


def test_a_key_shows_what_its_owner_says_of_it(site: Call, put: Import, generate: Generate) -> None:
    """Its user ids, each on a line, its subkeys, and when it was made; never raw."""
    key = generate("Ann <ann@example.org>")
    key.gpg("--allow-freeform-uid", "--passphrase", "", "--quick-add-uid", key.fingerprint, "Änn \x1b[31m\u202egpj.exe")
    put("ann", key.certificate)
    (shown,) = site("key", "show", key.fingerprint, "--format", "jsonl").rows
    assert set(shown["user_ids"]) == {"Ann <ann@example.org>", "Änn \x1b[31m\u202egpj.exe"}
    assert datetime.now(UTC) - datetime.fromisoformat(shown["made_at"]) > timedelta(days=364)
    text = site("key", "show", key.fingerprint).out
    assert re.search(r"^user id 1 +Ä?", text, re.MULTILINE) and re.search(r"^user id 2 ", text, re.MULTILINE)
    assert all(line.isprintable() for line in text.splitlines())
    assert re.search(r"^days left +-$", text, re.MULTILINE)


def test_an_exported_key_is_the_one_that_was_imported(site: Call, put: Import, generate: Generate, tmp_path: Path) -> None:
    """GnuPG reads it, and so do we; several keys are several blocks."""
    keys = [generate("Ann <ann@example.org>"), generate("Ann <ann@example.org>", algorithm="rsa2048")]
    put("ann", *(key.certificate for key in keys))
    exported = site("key", "export", *(key.fingerprint for key in keys))
    assert (exported.status, exported.err) == (0, "")
    with tempfile.TemporaryDirectory(prefix="k") as home:
        command = ["gpg", "--homedir", home, "--batch", "--with-colons", "--import-options", "show-only", "--import"]
        said = subprocess.run(command, input=exported.out, capture_output=True, text=True, timeout=60, check=True).stdout
    assert set(re.findall("^fpr:+([0-9A-F]+):", said, re.MULTILINE)) == {key.fingerprint for key in keys}
    (tmp_path / "out.asc").write_text(exported.out)
    site("key", "remove", *(key.fingerprint for key in keys))
    assert site("key", "import", "--user", "bob", "out.asc") == Ended(0, "", "")
    assert {row["user"] for row in listed(site).values()} == {"bob"}
    assert site("key", "export", "0" * 16).line == f"there is no key {'0' * 16}; type: mailproc key list"


def test_what_was_imported_is_told_on_a_terminal(site: Call, put: Import, generate: Generate, tmp_path: Path) -> None:
    """With what is wrong with it, in one line that nobody's user id breaks."""
    key = generate("Ann <ann@example.org>", expires="1d")
    (tmp_path / "key.gpg").write_bytes(key.certificate)
    status, shown = call_on_terminal(tmp_path, "key", "import", "--user", "ann", "key.gpg")
    assert status == 0
    assert re.fullmatch(rf"{key.fingerprint} registered \(it expired on [0-9-]+\): Ann <ann@example\.org>\r\n", shown)


def test_status_and_check_warn_before_senders_are_told(site: Call, put: Import, generate: Generate) -> None:
    """Keys that expire within 30 days or have, and users of whose keys none is good; revoked ones are counted alone."""
    gone = generate("Ann <ann@example.org>")
    revoke(gone)
    assert json.loads(site("status", "--format", "jsonl").out)["warnings"] == []
    assert "warning" not in site("status").out
    put("ann", expiring(generate, 29).certificate, expiring(generate, 31).certificate, gone.certificate)
    dead = expiring(generate, -1)
    put("bob", dead.certificate)
    warnings = [
        "1 keys that have expired; type: mailproc key list",
        "1 keys that expire within 30 days; type: mailproc key list",
        "no good key is left to bob: their signed mail is rejected",
    ]
    assert json.loads(site("status", "--format", "jsonl").out)["warnings"] == warnings
    text = site("status").out
    for number, warning in enumerate(warnings, 1):
        assert re.search(rf"^warning {number} +{re.escape(warning)}$", text, re.MULTILINE)
    checked = {row["what"]: row for row in site("check", "--format", "jsonl").rows}["keys"]
    assert (checked["status"], checked["text"]) == (0, "4 registered, 1 of them revoked")
    has_expired, expires, lost = checked["advice"]
    assert has_expired == f"the key {dead.fingerprint} of bob has expired"
    assert re.fullmatch(r"the key \w+ of ann expires on [0-9-]+", expires)
    assert lost == "bob has no good key left, so that what they sign is rejected: import a new one"
    assert [line.split()[3] for line in site("user", "list").out.splitlines()] == ["STRONG", "2", "0"]


def test_nobody_is_warned_of_users_who_have_left(site: Call, put: Import, generate: Generate) -> None:
    """An inactive user's mail is dropped, whatever their keys are."""
    put("ann", expiring(generate, -1).certificate)
    site("user", "deactivate", "ann")
    assert json.loads(site("status", "--format", "jsonl").out)["warnings"] == []
    assert {row["what"]: row for row in site("check", "--format", "jsonl").rows}["keys"]["advice"] == []


def test_a_long_list_of_users_is_cut(site: Call, put: Import, generate: Generate, tmp_path: Path) -> None:
    """The line names five and counts the others."""
    for number in range(7):
        site("user", "add", f"u{number}", "--email", f"u{number}@example.org")
        put(f"u{number}", expiring(generate, -1).certificate)
    (warning,) = [text for text in json.loads(site("status", "--format", "jsonl").out)["warnings"] if "left" in text]
    assert warning == "no good key is left to u0, u1, u2, u3, u4 and 2 others: their signed mail is rejected"
