"""`user`, `key` and `oops`: what is put in comes out again, and a mistake is one line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailproc.database import oopses
from mailproc.database.engine import make_engine, writing
from mailproc.oops import make_oops
from mailproc.testing.keys import SigningKey
from tests.cli.conftest import Call, Ended


@pytest.fixture(scope="module")
def ann() -> Iterator[SigningKey]:
    """Ann's key, a real one."""
    with SigningKey.generate("Ann <ann@example.org>") as key:
        yield key


def test_a_user_is_added_and_listed(site: Call) -> None:
    """Addresses may follow one --email, or have one each; they are compared in lower case."""
    assert site("user", "add", "ann", "--email", "Ann@Example.org", "ann@example.com", "--require-strong") == Ended(0, "", "")
    assert site("user", "add", "--email", "bob@example.org", "--email", "b@example.org", "bob", "--inactive") == Ended(
        0, "", ""
    )
    rows = site("user", "list", "--format", "jsonl").rows
    assert [(row["name"], row["active"], row["require_strong"], row["addresses"]) for row in rows] == [
        ("ann", True, True, ["ann@example.com", "ann@example.org"]),
        ("bob", False, False, ["b@example.org", "bob@example.org"]),
    ]
    assert site("user", "list").out.splitlines() == [
        "NAME  ACTIVE  REQUIRE STRONG  KEYS  ADDRESSES",
        "ann   yes     yes             0     ann@example.com ann@example.org",
        "bob   no      no              0     b@example.org bob@example.org",
    ]
    assert len(site("user", "list", "--limit", "1", "--format", "jsonl").rows) == 1


def test_users_are_switched_on_and_off(site: Call) -> None:
    """Several at once, and none of them when one is unknown."""
    for name in ("ann", "bob"):
        site("user", "add", name, "--email", f"{name}@example.org")
    assert site("user", "deactivate", "ann", "bob") == Ended(0, "", "")
    assert [row["active"] for row in site("user", "list", "--format", "jsonl").rows] == [False, False]
    assert site("user", "activate", "ann", "nobody") == Ended(
        64, "", "mailproc: there is no user nobody; type: mailproc user list\n"
    )
    assert [row["active"] for row in site("user", "list", "--format", "jsonl").rows] == [False, False]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ann", "--email", "x@example.org"], "there is already a user ann"),
        (["eve", "--email", "ANN@example.org"], "the address ann@example.org belongs to the user ann"),
        (["eve"], "Missing option '--email'"),
        (["eve", "--email", "nowhere"], "'nowhere' is not an address"),
        (["eve", "--email", "Eve <eve@example.org>"], "is not an address"),
        (["eve\x1b[2J", "--email", "eve@example.org"], "'eve\\x1b[2J' is not a name"),
        ([" ", "--email", "eve@example.org"], "is not a name"),
    ],
)
def test_a_user_that_cannot_be_is_refused(site: Call, arguments: list[str], says: str) -> None:
    """The status is 64, and nothing of the user stays behind."""
    site("user", "add", "ann", "--email", "ann@example.org")
    ended = site("user", "add", *arguments)
    assert ended.status == 64
    assert says in ended.err
    assert [row["name"] for row in site("user", "list", "--format", "jsonl").rows] == ["ann"]


def test_a_key_is_imported_shown_and_removed(site: Call, ann: SigningKey, tmp_path: Path) -> None:
    """Armored and binary files are the same key; a key id is enough to name it."""
    (tmp_path / "ann.asc").write_text(ann.armored_certificate)
    (tmp_path / "ann.gpg").write_bytes(ann.certificate)
    site("user", "add", "ann", "--email", "ann@example.org")
    assert site("key", "import", "--user", "ann", "ann.asc", "ann.gpg") == Ended(0, "", "")
    (listed,) = site("key", "list", "--format", "jsonl").rows
    assert (listed["user"], listed["fingerprint"], listed["revoked"]) == ("ann", ann.fingerprint, False)
    assert site("key", "list", "--user", "bob") == Ended(0, "", "")
    table = site("key", "list").out.splitlines()
    assert table[0].split() == ["USER", "FINGERPRINT", "LEFT", "EXPIRES", "AT"]
    assert max(map(len, table)) <= 80
    (shown,) = site("key", "show", ann.fingerprint[-16:], "--format", "jsonl").rows
    assert ann.fingerprint in shown["names"]
    assert ann.fingerprint in site("key", "show", ann.fingerprint).out
    assert site("key", "remove", ann.fingerprint) == Ended(0, "", "")
    assert site("key", "list") == Ended(0, "", "")
    assert site("key", "show", ann.fingerprint).status == 64


def test_keys_are_imported_all_or_none(site: Call, ann: SigningKey, tmp_path: Path) -> None:
    """A file that holds no key, or a secret one, is named, and what stood before it is not kept."""
    site("user", "add", "ann", "--email", "ann@example.org")
    (tmp_path / "ann.asc").write_text(ann.armored_certificate)
    (tmp_path / "junk").write_text("hello")
    (tmp_path / "secret.asc").write_bytes(ann.gpg("--armor", "--export-secret-keys"))
    for file, says in (
        ("junk", "junk: this holds no OpenPGP public key"),
        ("secret.asc", "secret.asc: this holds a secret key"),
    ):
        ended = site("key", "import", "--user", "ann", "ann.asc", file)
        assert ended.status == 64
        assert says in ended.err
    assert site("key", "import", "--user", "bob", "ann.asc") == Ended(
        64, "", "mailproc: ann.asc: there is no user bob; type: mailproc user list\n"
    )
    assert site("key", "list", "--format", "jsonl").rows == []


def record(folder: Path, text: str, age: timedelta) -> str:
    """Put an OOPS into the database; answers its id."""
    engine = make_engine(f"sqlite:///{folder}/mailproc.db")
    oops = make_oops(ValueError(text), now=datetime.now(UTC) - age, message_id="<a@example.org>", recipient="b@example.org")
    with writing(engine) as connection:
        oopses.insert(connection, oops)
    return oops.id


def test_oopses_are_listed_shown_and_pruned(site: Call, tmp_path: Path) -> None:
    """The newest comes first, --older-than is written as in the configuration, and nothing of a mail is shown raw."""
    old = record(tmp_path, "old", timedelta(days=91))
    new = record(tmp_path, "new \x1b[31m \u202e", timedelta())
    rows = site("oops", "list", "--format", "jsonl").rows
    assert [row["id"] for row in rows] == [new, old]
    assert set(rows[0]) == {"id", "signature", "count", "exception", "message_id", "recipient", "created_at"}
    assert rows[0]["count"] == 2
    for shown in (site("oops", "list").out, site("oops", "show", new.lower()).out):
        assert new in shown
        assert "ValueError: new" in shown
        assert shown.replace("\n", "").isprintable()
    assert site("oops", "show", old, "--format", "jsonl").rows[0]["traceback"]
    assert site("oops", "show", "OOPS-X") == Ended(64, "", "mailproc: there is no OOPS-X; type: mailproc oops list\n")
    assert site("oops", "prune", "--older-than", "never").status == 64
    assert site("oops", "prune", "--older-than", "90 d") == Ended(0, "", "")
    assert [row["id"] for row in site("oops", "list", "--format", "jsonl").rows] == [new]
    assert site("oops", "list", "--signature", "none") == Ended(0, "", "")
