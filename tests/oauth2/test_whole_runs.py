"""Whole runs of ``mailproc`` with OAuth 2.0: a token endpoint, a Dovecot that asks it about tokens, a relay that takes them."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import DovecotBox, Installation, finish, make_mail
from tests.oauth2.conftest import Held
from tests.oauth2.test_tokens import kept
from tests.processes import children_of, lives, wait_for
from tests.servers.dovecot import Dovecot
from tests.servers.oauth2 import REFRESH, SECRET, BearerRelay, TokenServer
from tests.test_startup import HEAVY, OURS_WITH_MAIL, found, imported

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is on loopback
CLIENT = "robot-id"


@pytest.fixture
def site(issuer: TokenServer, token_dovecot: Dovecot, tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation whose maildrop and relay use one refresh token, which changes with each use."""
    user = f"robot-{secrets.token_hex(6)}"
    issuer.users, issuer.rotates = {CLIENT: user}, True
    with (
        BearerRelay(issuer, user, login_without_tls=True) as relay,
        Installation(tmp_path, sqlite_url, DovecotBox(token_dovecot, user), relay=relay) as made,
    ):
        text = made.config.read_text().replace('password_file = "password"', 'auth = "xoauth2"\noauth2 = "office"')
        text = text.replace("smtp://", f"smtp://{user}@").replace("[smtp]", '[smtp]\nauth = "oauthbearer"\noauth2 = "office"')
        text += f'[oauth2.office]\ntoken_url = "{issuer.url}"\nclient_id = "{CLIENT}"\nclient_secret_file = "secret"\n'
        made.config.write_text(f'{text}grant = "refresh_token"\nrefresh_token_file = "refresh"\n')
        for name, content in (("secret", SECRET), ("refresh", REFRESH)):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text(content)
        yield made


def ended(site: Installation, *arguments: str, command: str = "handle") -> tuple[int, str]:
    """The status of a run and what it says, which holds no secret, as its log does not."""
    done = site.mailproc(command, *arguments)
    log = (site.folder / "log").read_text() if (site.folder / "log").exists() else ""
    for shown in (done.stdout, done.stderr, log):
        assert not re.search(rf"ya29|1//|{re.escape(SECRET)}", shown), shown
    return done.returncode, done.stdout + done.stderr


def test_runs_share_one_token(site: Installation, issuer: TokenServer) -> None:
    """The look, the worker and the relay log in with the one that is kept, and so do the next runs."""
    site.append(make_mail("1"), make_mail("2 reply"))
    assert ended(site) == (0, "")
    assert site.effects() == ["1", "2"]
    assert site.left_in_maildrop() == []
    assert len(site.sent()) == 1
    assert ended(site) == (0, "")
    assert len(issuer.asked) == 1
    assert len(set(issuer.introspections)) == 1


def test_an_empty_run_with_a_kept_token_imports_nothing_heavy(site: Installation) -> None:
    """Cron asks every minute, and the endpoint is asked once an hour."""
    assert ended(site)[0] == 0
    modules = imported(site, "handle")
    assert "mailproc.oauth2.tokens" in modules
    assert found(modules, ("http", *HEAVY)) == set()
    assert found(modules, tuple(f"mailproc.{name}" for name in OURS_WITH_MAIL)) == set()


def test_an_expired_token_is_renewed_in_the_run(site: Installation, issuer: TokenServer) -> None:
    """One that was ended before its time costs one refused login; the refresh token has changed meanwhile."""
    assert ended(site) == (0, "")
    issuer.expire()
    site.append(make_mail("1 reply"))
    assert ended(site) == (0, "")
    assert site.effects() == ["1"]
    assert len(site.sent()) == 1
    first, second = (asked["refresh_token"] for asked in issuer.asked)
    assert first == REFRESH != second
    assert len(set(issuer.introspections)) == 2


def test_a_token_that_is_refused_twice_ends_the_run_with_77(site: Installation, issuer: TokenServer) -> None:
    """There are two logins and no third, and the mail stays where it is."""
    site.append(make_mail("1"))
    issuer.users[CLIENT] = "somebody-else"
    status, said = ended(site)
    assert status == os.EX_NOPERM
    assert "the token for robot-" in said
    assert "was refused: status 401" in said
    assert len(issuer.introspections) == 2
    assert site.left_in_maildrop() == ["1"]


def test_a_revoked_refresh_token_ends_the_run_with_77(site: Installation, issuer: TokenServer) -> None:
    """The line says what to do, and a new one in the file is taken by the next run."""
    issuer.refresh_tokens = {"1//authorized-anew"}
    status, said = ended(site)
    assert status == os.EX_NOPERM
    assert said == (
        "mailproc: oauth2.office.token_url: 127.0.0.1 says invalid_grant: Token has been expired or revoked.; "
        "authorize the client anew, and give the new refresh token as oauth2.office.refresh_token_file\n"
    )
    assert issuer.introspections == []
    (site.folder / "refresh").write_text("1//authorized-anew")
    assert ended(site) == (0, "")


def test_an_endpoint_that_is_away_ends_the_run_with_75(site: Installation, issuer: TokenServer) -> None:
    """Mail waits, and the next run works it."""
    site.append(make_mail("1"))
    issuer.answer = 503, json.dumps({"error_description": f"{SECRET} {REFRESH}"}).encode()
    assert ended(site) == (
        os.EX_TEMPFAIL,
        "mailproc: oauth2.office.token_url: 127.0.0.1 answers 503 *** ***; it is asked again by the next run\n",
    )
    issuer.answer = None
    assert ended(site) == (0, "")
    assert site.effects() == ["1"]


def test_a_hostile_endpoint_ends_the_run_with_75(site: Installation, issuer: TokenServer) -> None:
    """A redirect is not followed, and no page of HTML is taken for a token."""
    for answer, says in (((302, b""), "a redirect is not followed"), ((200, b"<html>"), "no answer of a token endpoint")):
        issuer.answer = answer
        status, said = ended(site)
        assert status == os.EX_TEMPFAIL
        assert says in said
    assert len(issuer.asked) == 2


def test_check_tries_the_login(site: Installation, issuer: TokenServer) -> None:
    """Both logins are well; then each failure has its line, with what mends it, and its status."""
    assert ended(site, command="check")[0] == 0
    (site.folder / "refresh").chmod(0o644)
    status, said = ended(site, command="check")
    assert status == os.EX_CONFIG
    assert said.count("oauth2.office.refresh_token_file: others may read or write it; type: chmod o-rwx") == 2
    (site.folder / "refresh").chmod(0o600)
    (site.folder / "refresh").write_text("1//another")
    status, said = ended(site, command="check")
    assert status == os.EX_NOPERM
    assert said.count("says invalid_grant") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_watch_that_ends_or_reads_its_configuration_loses_no_token(
    number: int, site: Installation, issuer: TokenServer
) -> None:
    """Who listens is between asking and keeping then: the endpoint has ended the old token, and the next is on its way."""
    held = Held(issuer)
    watch = site.start("--poll", "1 h", command="watch")
    assert held.asked.wait(20)
    ears = children_of(watch.pid)
    watch.send_signal(number)
    time.sleep(1.0 if number == signal.SIGHUP else 0.3)  # the new configuration is tried first
    assert [lives(pid) for pid in ears] == [True]
    held.released.set()
    wait_for(lambda: not any(map(lives, ears)))
    watch.send_signal(signal.SIGTERM)
    assert finish(watch).returncode == 0
    assert {kept(site.folder / "state" / "tokens" / "office")["refresh_token"]} == issuer.refresh_tokens
    assert ended(site) == (0, "")
