"""The texts of error mails."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailproc.answers import load_texts
from mailproc.errors import SettingsError

GOOD = "Subject: Kaputt: $subject\n\nNummer: $oops\nKosten: $$5\n"


def test_defaults_need_no_folder() -> None:
    """Every kind has a subject of its own."""
    texts = load_texts()
    assert len({text.subject for text in (texts.rejected, texts.too_big, texts.oops, texts.undelivered)}) == 4


def test_operator_replaces_one_text(tmp_path: Path) -> None:
    """A file in the folder stands for ours; the others stay; what is no .txt is left alone."""
    (tmp_path / "oops.txt").write_text(GOOD)
    (tmp_path / "oops.txt~").write_text("$nonsense")
    texts = load_texts(tmp_path)
    assert texts.oops.filled({"subject": "x", "oops": "OOPS-1"}) == ("Kaputt: x", "Nummer: OOPS-1\nKosten: $5\n")
    assert texts.rejected == load_texts().rejected


def test_windows_editors_are_understood(tmp_path: Path) -> None:
    """A byte order mark and CRLF do no harm."""
    (tmp_path / "oops.txt").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_texts(tmp_path).oops.subject == "Kaputt: $subject"


def test_values_are_not_templates() -> None:
    """A value with a placeholder in it stays as it is."""
    text = load_texts().rejected
    _, body = text.filled({"reason": "$admin ${domain} $$ {0} %s", "admin": "root@example.org"})
    assert "$admin ${domain} $$ {0} %s" in body


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "welcome.txt",
            b"Subject: x\n\n$reason",
            "there is no such text; use one of rejected.txt, .*, undelivered.txt",
        ),
        ("oops.txt", b"Subject: x\n\nsorry", r"it must say \$oops"),
        ("undelivered.txt", b"Subject: x\n\nto $recipient", r"it must say \$reason"),
        ("too-big.txt", b"Subject: x\n\n$size", r"it must say \$limit"),
        ("rejected.txt", b"Subject: x\n\n$reason $raeson", r"unknown \$raeson; there are \$admin"),
        ("rejected.txt", b"Subject: x\n\n$reason costs $ 5", r"write \$\$"),
        ("rejected.txt", b"Dear $reason\n\nbye", "begin it with a line 'Subject: ...'"),
        ("rejected.txt", b"Subject: $reason", "and an empty line"),
        ("rejected.txt", b"Subject: \n\n$reason", "begin it with"),
        ("rejected.txt", b"Subject: x\n\n$reason gr\xfc\xdfe", "not UTF-8"),
        ("rejected.txt", b"Subject: x\n\n$reason" + b"x" * 70_000, "longer than 65536 octets"),
    ],
)
def test_broken_text_names_the_file_and_the_fix(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    """A mistake in a text stops the start, not the first error mail at night."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=complaint) as error:
        load_texts(tmp_path)
    assert str(tmp_path / name) in str(error.value)
    assert "\n" not in str(error.value)


def test_unreadable_places_are_named(tmp_path: Path) -> None:
    """A folder that is missing, and a text that is a folder, are the operator's to mend."""
    with pytest.raises(SettingsError, match="missing"):
        load_texts(tmp_path / "missing")
    (tmp_path / "oops.txt").mkdir()
    with pytest.raises(SettingsError, match=r"oops\.txt"):
        load_texts(tmp_path)
