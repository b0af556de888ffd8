"""The testing kit's keys are real, short-lived, and leave nothing behind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailproc.openpgp import Finding, Verifier
from mailproc.openpgp.signed import find_signed_part
from mailproc.reading import read_header
from mailproc.testing.keys import SigningKey, sign_mail

MAIL = b"From: ann@example.org\nSubject: Gr\xc3\xbc\xc3\x9fe\nContent-Type: text/html\n\n<p>Hello\n"


def agents(home: Path) -> list[str]:
    """The agents that serve this home."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if "gpg-agent" in line and str(home) in line]


def test_a_closed_key_leaves_nothing_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its agent ends and its folder goes."""
    with SigningKey.generate("Ann <ann@example.org>") as key:
        assert key.home.is_dir()
        assert agents(key.home) != []
    assert not key.home.exists()
    assert agents(key.home) == []


def test_a_key_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    """An unknown algorithm is an error that says what gpg said."""
    with pytest.raises(RuntimeError, match="gpg"):
        SigningKey.generate("Ann <ann@example.org>", algorithm="none", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inline", [False, True])
def test_a_mail_can_be_signed_at_another_time(inline: bool, ann: SigningKey, verifier: Verifier) -> None:
    """A mail of three days ago is signed three days ago."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    part = find_signed_part(sign_mail(MAIL.replace(b"text/html", b"text/plain"), ann, inline=inline, at=at))
    assert part is not None
    assert verifier.verify(part, [ann.certificate]).signed_at == at


def test_the_fields_of_the_content_are_signed_with_it(ann: SigningKey) -> None:
    """The Content-Type goes into the signed part, everything else stays outside."""
    raw = sign_mail(MAIL, ann)
    part = find_signed_part(raw)
    assert part is not None
    assert part.content == b"Content-Type: text/html\r\n\r\n<p>Hello\r\n"
    assert read_header(raw).all("From") == ("ann@example.org",)
    assert read_header(raw).all("Subject") == ("Grüße",)
    assert len(read_header(raw).all("Content-Type")) == 1


def test_an_expired_key_is_made_by_its_expiry_alone(expired: SigningKey, verifier: Verifier) -> None:
    """A key is a year old unless said otherwise, so that one for a day has expired."""
    then = datetime.now(UTC) - timedelta(days=365) + timedelta(hours=1)
    part = find_signed_part(sign_mail(MAIL, expired, at=then))
    assert part is not None
    assert verifier.verify(part, [expired.certificate]).finding is Finding.EXPIRED_KEY
