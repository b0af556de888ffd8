"""Without gpg only signed mail waits, loudly; all other mail is handled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailproc.testing.keys import SigningKey, sign_mail
from tests.cli_run.conftest import Called
from tests.installation import Installation, make_mail

pytestmark = pytest.mark.timeout(60)

FIX = "gpg is not installed; type: apt-get install gnupg"


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    """The key of ann."""
    with SigningKey.generate("Ann <ann@example.com>") as made:
        yield made


def test_signed_mail_waits_for_gpg_and_no_other(site: Installation, key: SigningKey, mailproc: Called) -> None:
    """The run says what to install and ends with 69; with gpg back the signed mail is strong."""
    site.import_key(key.certificate)
    site.append(sign_mail(make_mail("signed"), key), make_mail("plain"))
    without = mailproc("handle", environ={"PATH": str(site.folder)})
    assert (without.status, without.line) == (69, f"signed mail waits: {FIX}")
    assert (site.effects(), site.left_in_maildrop()) == (["plain"], ["signed"])
    (waiting,) = (row for row in site.receipts() if row.disposition is None)
    assert (waiting.rule, waiting.attempts, waiting.deferrals) == ("signature.cannot-tell", 0, 1)
    assert waiting.reason == "the check of the signature (the verifier is not installed)"
    with site.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE mailproc_receipt SET retry_at = NULL")  # a minute has passed
    again = mailproc("handle")
    assert (again.status, again.err) == (0, "")
    assert (sorted(site.effects()), site.left_in_maildrop()) == (["plain", "signed"], [])
    assert {row.trust for row in site.receipts()} == {"weak", "strong"}


def test_a_dry_run_and_inspect_say_that_it_waits(site: Installation, key: SigningKey, mailproc: Called) -> None:
    """The decision is the one that a run would make."""
    site.import_key(key.certificate)
    site.append(sign_mail(make_mail("signed"), key), make_mail("plain"))
    (site.folder / "signed.eml").write_bytes(sign_mail(make_mail("signed"), key))
    for arguments, actions in ((("handle", "--dry-run"), ["defer", "process"]), (("inspect", "signed.eml"), ["defer"])):
        ended = mailproc(*arguments, "--format", "jsonl", environ={"PATH": str(site.folder)})
        assert [row["action"] for row in ended.rows] == actions
        assert ended.err == f"mailproc: signed mail waits: {FIX}\n"


def test_a_ring_cannot_be_read_without_gpg(site: Installation, mailproc: Called) -> None:
    """It is not taken for an empty one."""
    (site.folder / "ring").mkdir()
    (site.folder / "mail.eml").write_bytes(make_mail("1"))
    ended = mailproc("inspect", "--gnupghome", "ring", "mail.eml", environ={"PATH": str(site.folder)})
    assert (ended.status, ended.out) == (69, "")
    assert ended.err.endswith(f"{FIX}\n")


def test_a_key_is_registered_without_gpg(site: Installation, key: SigningKey, mailproc: Called) -> None:
    """The other verifier reads it as well."""
    (site.folder / "key.asc").write_text(key.armored_certificate)
    without_gpg = {"PATH": str(site.folder)}
    assert mailproc("key", "import", "--user", "ann", "key.asc", environ=without_gpg).status == 0
    assert [row["fingerprint"] for row in mailproc("key", "list", "--format", "jsonl").rows] == [key.fingerprint]
