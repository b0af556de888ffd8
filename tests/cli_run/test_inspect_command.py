"""`mailproc inspect`: one record for each file, whatever it is, and the real decisions on real signatures."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mailproc.testing import SigningKey, make_mail
from tests.cli_run.calling import Ended, call, command
from tests.cli_run.conftest import Called
from tests.installation import Installation

pytestmark = pytest.mark.timeout(90)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEYS = [
    "file",
    "verdict",
    "rule",
    "reason",
    "action",
    "sender",
    "authentication",
    "recipients",
    "handler",
    "sha256",
    "size",
    "message_id",
    "attachments",
    "reply_text",
    "defects",
    "error",
    "elapsed_ms",
]
AUTHENTICATION = ["level", "method", "fingerprint", "signed", "signed_at", "content_sha256", "reason"]
HOSTILE = "\x1b[2J\x1b]0;title\x07\r\u202egnp.exe\u2066"


def nested(depth: int) -> bytes:
    """A mail of multiparts in multiparts."""
    head = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return f"From: ann@example.com\nMIME-Version: 1.0\n{head}\nHello\n".encode()


ODD_FILES: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "human", "process"),
    "nested": (nested(1000), "unparseable", "quarantine"),
    "no-header": (b"\n\nonly a body\n", "human", "process"),
    "header-only": (b"From: ann@example.com\nSubject: x\n", "human", "process"),
    "binary": (bytes(range(256)) * 40, "human", "process"),
    "no-colon": (b"From: ann@example.com\nthis is no field\nSubject : spaces\n\nHello\n", "human", "process"),
    "nul": (b"From: ann@example.com\r\nSubject: a\x00b\r\n\r\n\x00\r\r\n", "human", "process"),
    "eight-bit": ("From: Änn <ann@example.com>\nSubject: Grüße\n\nÄ\n".encode("latin-1"), "human", "process"),
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_a_malformed_mail_is_one_record(name: str, tmp_path: Path, mailproc: Called) -> None:
    """All of the keys are there, in ASCII, and the exit status is 0."""
    raw, verdict, action = ODD_FILES[name]
    (tmp_path / "m.eml").write_bytes(raw)
    ended = mailproc("inspect", "--format", "jsonl", "m.eml")
    assert (ended.status, ended.err) == (0, "")
    (row,) = ended.rows
    assert list(row) == KEYS
    assert list(row["authentication"]) == AUTHENTICATION
    assert (row["file"], row["verdict"], row["action"]) == ("m.eml", verdict, action)
    assert (row["sha256"], row["size"]) == (hashlib.sha256(raw).hexdigest(), len(raw))
    assert (row["handler"], row["error"]) == (None, None)
    assert row["reason"].isprintable()
    assert row["defects"] or name == "header-only"


def test_what_cannot_be_read_is_a_record_too(tmp_path: Path, mailproc: Called) -> None:
    """A folder, a FIFO without a writer, a dangling link, a socket, a device, a name that is too long, and nothing at all."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    files = [".", "fifo", "dangling", "round", "/dev/zero", "x" * 300, "missing.eml", "m.eml"]
    (tmp_path / "m.eml").write_bytes(make_mail(to="a@example.org"))
    ended = mailproc("inspect", "--format", "jsonl", *files)
    assert (ended.status, ended.err) == (0, "")
    assert [row["file"] for row in ended.rows] == files
    *unreadable, readable = ended.rows
    for row in unreadable:
        assert list(row) == KEYS
        assert (row["verdict"], row["action"], row["rule"]) == ("unparseable", "quarantine", "unparseable.unreadable")
        assert (row["sha256"], row["size"]) == (None, None)
        assert row["error"].isprintable()
    assert readable["error"] is None


def test_a_file_may_have_any_time() -> None:
    """One that is no date, which a tmpfs keeps, is taken for now."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        assert records(Path(folder), [mail()], arrival=10**13)[0]["error"] is None


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    """JSON has it as given; a terminal gets one safe line."""
    names = [b"new\nline.eml", b"\xff\xfe.eml", "\x1b[31m\u202e.eml".encode(), b"-v.eml", b" "]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"From: ann@example.com\n\nHello\n")
    listed = call(tmp_path, "inspect", "--format", "jsonl", "--", *map(os.fsdecode, names))
    assert listed.status == 0
    assert [os.fsencode(row["file"]) for row in listed.rows] == names
    shown = call(tmp_path, "inspect", "--", *map(os.fsdecode, names))
    assert shown.out.count("What is it?") == len(names)
    assert all(line.isprintable() for line in shown.out.splitlines())
    assert len(shown.out.splitlines()) == len(names) * 6


def test_a_large_mail_is_too_big_and_its_memory_is_not(tmp_path: Path) -> None:
    """Size and digest are those of the whole; only its beginning is held."""
    file = tmp_path / "large.eml"
    head = b"From: ann@example.com\nTo: a@example.org\nMessage-ID: <1@example.com>\n\n"
    with file.open("wb") as large:
        large.write(head)
        large.truncate(100 << 20)
    code = (
        "import atexit, sys;"
        "from tests.processes import peak_of;"
        "atexit.register(lambda: print(peak_of(), file=sys.stderr));"
        "from mailproc.cli import main; main()"
    )
    ended = call(tmp_path, started=[command()[0], "-c", code, "inspect", "--format", "jsonl", "large.eml"])
    (row,) = ended.rows
    assert (row["verdict"], row["action"], row["size"], row["message_id"]) == (
        "too-big",
        "reject",
        100 << 20,
        "<1@example.com>",
    )
    assert row["sha256"] == hashlib.file_digest(file.open("rb"), "sha256").hexdigest()
    assert int(ended.err) < 150 * 1024  # KiB


def test_what_a_mail_holds_is_in_the_record(tmp_path: Path, mailproc: Called) -> None:
    """Attachments with a name that is safe for a file, and what the sender wrote without what is quoted."""
    text = "I agree.\n\nOn Mon, 2 Nov 2026 at 10:00, Ben <ben@example.com> wrote:\n> Shall we?\n"
    mail = make_mail(
        to="garden@notes.example.org", sender="Ann <ann@example.com>", text=text, attachments=[("../../etc/passwd", b"x" * 7)]
    )
    (tmp_path / "1.eml").write_bytes(mail)
    (tmp_path / "2.eml").write_bytes(
        b"From: ann@example.com\nContent-Type: text/html\nMIME-Version: 1.0\n\n<p>Hello</p><script>alert(1)</script>\n"
    )
    plain, html = mailproc("inspect", "--format", "jsonl", "1.eml", "2.eml").rows
    assert plain["reply_text"] == "I agree."
    assert plain["sender"] == "ann@example.com"
    assert plain["recipients"] == ["garden@notes.example.org"]
    (attachment,) = plain["attachments"]
    assert list(attachment) == ["name", "safe_name", "type", "size"]
    assert (attachment["name"], attachment["size"]) == ("../../etc/passwd", 7)
    assert "/" not in attachment["safe_name"]
    assert (html["verdict"], html["attachments"]) == ("human", [])
    assert "reply_text" in html


def test_hostile_bytes_are_never_shown_raw(tmp_path: Path, mailproc: Called) -> None:
    """Not as text, and as JSON only escaped."""
    fields = f"From: {HOSTILE} <ann@example.com>\nSubject: {HOSTILE}\nTo: {HOSTILE}@example.org\nMessage-ID: <{HOSTILE}>\n"
    disposition = f'Content-Disposition: attachment; filename="{HOSTILE}"\n'
    (tmp_path / "1.eml").write_bytes(f"{fields}{disposition}MIME-Version: 1.0\n\n{HOSTILE}\n".encode())
    shown = mailproc("inspect", "1.eml")
    assert (shown.status, shown.err) == (0, "")
    assert all(line.isprintable() for line in shown.out.split("\n"))
    (row,) = mailproc("inspect", "--format", "jsonl", "1.eml").rows
    assert row["reason"].isprintable()


# Keys and users ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ann() -> Iterator[SigningKey]:
    """Ann's key."""
    with SigningKey.generate("Ann <ann@example.com>") as key:
        yield key


@pytest.fixture(scope="module")
def ben() -> Iterator[SigningKey]:
    """Ben's key."""
    with SigningKey.generate("Ben <ben@example.com>") as key:
        yield key


@pytest.fixture
def ring(tmp_path: Path, ann: SigningKey, ben: SigningKey) -> Iterator[list[str]]:
    """The options that name a GnuPG home with both keys, and a file with both users and one who is inactive."""
    with SigningKey.generate("Other <other@example.com>") as home:
        home.gpg("--import", data=ann.certificate)
        home.gpg("--import", data=ben.certificate)
        users = {
            "Ann@Example.com": {"fingerprints": [ann.fingerprint.lower()], "active": True},
            "ben@example.com": {"fingerprints": [" ".join([ben.fingerprint[:20], ben.fingerprint[20:]])]},
            "old@example.com": {"fingerprints": [], "active": False},
        }
        (tmp_path / "users.json").write_text(json.dumps(users))
        yield ["--users", "users.json", "--gnupghome", str(home.home)]


def records(folder: Path, raws: list[bytes], *options: str, arrival: float = NOW.timestamp()) -> list[dict[str, Any]]:
    """The records of mails whose files were written at ``arrival``; what is in ``authentication`` stands beside the rest."""
    names = [f"{number}.eml" for number in range(len(raws))]
    for name, raw in zip(names, raws, strict=True):
        (folder / name).write_bytes(raw)
        os.utime(folder / name, (arrival, arrival))
    ended = call(folder, "inspect", "--format", "jsonl", *options, *names)
    assert (ended.status, ended.err) == (0, "")
    assert all(list(row) == KEYS for row in ended.rows)
    return [{**row["authentication"], **row} for row in ended.rows]


def mail(sender: str = "ann@example.com", key: SigningKey | None = None, at: datetime = NOW, inline: bool = False) -> bytes:
    """A mail, signed by ``key``."""
    return make_mail(to="a@example.org", sender=sender, text="Pay 10", key=key, at=at, inline=inline)


def test_signatures_and_users_decide(tmp_path: Path, ann: SigningKey, ben: SigningKey, ring: list[str]) -> None:
    """Each finding about a signature has its level and its action; who may write at all is not asked without a handler."""
    part = mail(key=ann, inline=True).replace(b"-----BEGIN PGP SIGNED", b"Pay 99 before\r\n-----BEGIN PGP SIGNED")
    decided = {
        mail(key=ann): ("strong", "openpgp", "whole", "process", "human"),
        mail(key=ann, inline=True): ("strong", "openpgp", "whole", "process", "human"),
        mail(): ("weak", "from", "none", "process", "human"),
        part: ("weak", "from", "part", "process", "human"),
        mail(key=ann).replace(b"Pay 10", b"Pay 99"): ("weak", "from", "whole", "reject", "signature.altered"),
        mail(key=ben): ("weak", "from", "whole", "process", "human"),
        mail("old@example.com"): ("none", "none", "none", "drop", "inactive"),
        mail("who@example.net"): ("none", "none", "none", "process", "human"),
    }
    rows = records(tmp_path, list(decided), *ring)
    found = [tuple(row[key] for key in ("level", "method", "signed", "action", "rule")) for row in rows]
    assert found == list(decided.values())


def test_a_strong_record_names_the_key_and_what_it_signed(tmp_path: Path, ann: SigningKey, ring: list[str]) -> None:
    """Fingerprint of the primary key, time of the signature, digest of the signed content."""
    (row,) = records(tmp_path, [mail(key=ann, at=NOW - timedelta(hours=1))], *ring)
    assert (row["fingerprint"], row["signed_at"]) == (ann.fingerprint, "2026-11-20T11:00:00+00:00")
    assert re.fullmatch("[0-9a-f]{64}", row["content_sha256"])


def test_the_age_of_a_signature_is_that_at_its_arrival(tmp_path: Path, ann: SigningKey, ring: list[str]) -> None:
    """48 hours unless said otherwise, 0 for no limit; without --now the mail arrived when its file was written."""
    mails = [mail(key=ann, at=NOW - timedelta(hours=hours)) for hours in (0, 47, 49)]

    def levels(*options: str, arrival: float = NOW.timestamp()) -> list[str]:
        return [row["level"] for row in records(tmp_path, mails, *ring, *options, arrival=arrival)]

    assert levels() == ["strong", "strong", "weak"]
    later = (NOW + timedelta(hours=48)).timestamp()
    assert levels(arrival=later) == ["strong", "weak", "weak"]
    assert levels("--now", NOW.isoformat(), arrival=later) == ["strong", "strong", "weak"]
    assert levels("--now", str(int(NOW.timestamp()) + 3600)) == ["strong", "strong", "weak"]
    assert levels("--max-signature-age", "0") == ["strong", "strong", "strong"]
    assert levels("--max-signature-age", "3600") == ["strong", "weak", "weak"]


def test_files_of_users_and_keys_that_are_wrong_are_told(tmp_path: Path, ann: SigningKey, mailproc: Called) -> None:
    """With the file, and how to write it."""
    (tmp_path / "m.eml").write_bytes(mail())
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "typo.json").write_text('{"ann@example.com": {"fingerprint": []}}')
    for options, line in (
        (("--users", "no.json"), "no.json: No such file or directory"),
        (("--users", "list.json"), "list.json: Expected `object`"),
        (("--users", "typo.json"), "typo.json: Object contains unknown field `fingerprint`"),
        (("--gnupghome", "nowhere"), "nowhere: there is no such GnuPG home"),
    ):
        ended = mailproc("inspect", *options, "m.eml")
        assert ended.status == 78
        assert ended.line.startswith(line)
    assert mailproc("inspect", "--now", "yesterday", "m.eml").status == 64
    assert mailproc("inspect").status == 64


# With a configuration ------------------------------------------------------------------------------------------------------


def test_the_configuration_routes_and_knows_the_users(site: Installation, mailproc: Called) -> None:
    """Handler and users are those of the installation; nothing of it is changed."""
    (site.folder / "1.eml").write_bytes(make_mail(to="book@notes.example.org"))
    (site.folder / "2.eml").write_bytes(make_mail(to="book@elsewhere.example.org"))
    one, two = mailproc("inspect", "--format", "jsonl", "1.eml", "2.eml").rows
    assert (one["handler"], one["action"], one["authentication"]["level"]) == ("deeds", "process", "weak")
    assert (two["handler"], two["action"], two["rule"]) == (None, "quarantine", "route.no-handler")
    assert site.receipts() == []


def test_a_configuration_that_is_wrong_is_told(site: Installation, mailproc: Called) -> None:
    """One that is there is used or refused, never passed over."""
    site.config.write_text("nonsense = 1")
    (site.folder / "1.eml").write_bytes(make_mail(to="book@notes.example.org"))
    ended: Ended = mailproc("inspect", "1.eml")
    assert ended.status == 78
    assert "nonsense" in ended.line
