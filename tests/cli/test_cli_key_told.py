"""What is told of keys: when they are imported, shown, listed and exported, and before senders are told."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailproc.testing.keys import SigningKey
from tests.cli.keys import Call, Generate, Import, expiring, listed, revoke
from tests.cli_run.calling import Ended, call_on_terminal


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


@pytest.mark.parametrize(
    ("algorithm", "usage", "objection"),
    [
        ("rsa1024", "sign,cert", "RSA with 1024 bits, fewer than 2048"),
        ("ed25519", "cert", "the key is not for signing"),
    ],
)
def test_a_key_that_can_never_count_is_told(
    algorithm: str, usage: str, objection: str, site: Call, put: Import, tmp_path: Path
) -> None:
    """It is registered, for it does no harm, and the line says why its mail will be refused."""
    with SigningKey.generate("Nobody") as home:
        make = ("--passphrase", "", "--quick-generate-key", "Ann <ann@example.org>", algorithm, usage, "0")
        home.gpg(*make, at=datetime.now(UTC) - timedelta(days=1))
        (tmp_path / "key.gpg").write_bytes(home.gpg("--export", "ann@example.org"))
        home.gpg("--passphrase", "", "--quick-add-key", primary(home), "ed25519", "sign", "0")
        (tmp_path / "subkey.gpg").write_bytes(home.gpg("--export", "ann@example.org"))
    status, shown = call_on_terminal(tmp_path, "key", "import", "--user", "ann", "key.gpg")
    assert (status, f" registered (nothing that it signs will count: {objection}): Ann <ann@example.org>" in shown) == (0, True)
    _, shown = call_on_terminal(tmp_path, "key", "import", "--user", "ann", "subkey.gpg")
    assert ("nothing" in shown) == (algorithm == "rsa1024")  # a weak primary key spoils its subkeys


def primary(home: SigningKey) -> str:
    """The fingerprint of Ann's key in a home."""
    listing = home.gpg("--with-colons", "--list-keys", "ann@example.org").decode()
    return re.findall("^fpr:+([0-9A-F]+):", listing, re.MULTILINE)[0]


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
