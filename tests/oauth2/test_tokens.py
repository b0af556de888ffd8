"""What is kept of tokens between two processes: asked once an hour and not once a minute, and no refresh token is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.oauth2 import Client
from mailproc.oauth2 import cache as cache_module
from mailproc.oauth2.cache import Cache
from mailproc.oauth2.tokens import Tokens
from tests.servers.oauth2 import REFRESH, TokenServer

Process = Callable[[Client], Tokens]


def kept(cache: Path) -> dict[str, object]:
    """What the cache holds."""
    held = json.loads(cache.read_text())
    assert isinstance(held, dict)
    return held


def change(cache: Path, **fields: object) -> None:
    """Change what the cache holds."""
    cache.write_text(json.dumps(kept(cache) | fields))


def used(issuer: TokenServer) -> list[str]:
    """The refresh tokens that were used, in order."""
    return [asked["refresh_token"] for asked in issuer.asked]


def test_a_token_is_asked_for_once(issuer: TokenServer, client: Client, process: Process) -> None:
    """The next processes have it from the cache."""
    first = process(client)(False)
    assert [process(client)(False) for _ in range(3)] == [first] * 3
    assert len(issuer.asked) == 1


def test_the_cache_is_for_its_user_alone(issuer: TokenServer, client: Client, process: Process, cache: Path) -> None:
    """Files are 0600 and their folder 0700, whatever the umask; nothing else is left there."""
    before = os.umask(0)
    try:
        process(client)(False)
    finally:
        os.umask(before)
    assert cache.parent.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in cache.parent.iterdir()} == {
        "office": 0o600,
        "office.lock": 0o600,
    }


@pytest.mark.parametrize(("left", "asks"), [(59, 2), (61, 1), (-5, 2), (86_500, 2), (1e300, 2)])
def test_a_token_is_renewed_a_minute_before_its_end(
    issuer: TokenServer, client: Client, process: Process, cache: Path, left: float, asks: int
) -> None:
    """One that would live longer than any was kept by a clock that has been put back since."""
    process(client)(False)
    change(cache, expires_at=time.time() + left)
    process(client)(False)
    assert len(issuer.asked) == asks


def test_a_token_of_a_short_life_is_used_once(issuer: TokenServer, client: Client, process: Process) -> None:
    """One that lives for less than the margin is good for the login at hand."""
    issuer.lifetime = 30
    assert process(client)(False) != process(client)(False)


def test_a_fresh_one_is_asked_for_after_a_refusal(issuer: TokenServer, client: Client, process: Process) -> None:
    """And the refused one is given to nobody any more."""
    tokens = process(client)
    first = tokens(False)
    second = tokens(True)
    assert second != first
    assert process(client)(False) == second
    assert len(issuer.asked) == 2


def test_another_process_may_have_been_quicker(issuer: TokenServer, client: Client, process: Process) -> None:
    """What it has asked for since is fresh enough."""
    one, other = process(client), process(client)
    assert one(False) == other(False)
    assert one(True) == other(True)
    assert len(issuer.asked) == 2


def test_a_refused_token_is_forgotten_even_if_there_is_no_other(
    issuer: TokenServer, client: Client, process: Process, cache: Path
) -> None:
    """While the endpoint is away, no run tries the old one at the mail server again and again."""
    tokens = process(client)
    tokens(False)
    issuer.answer = 503, b""
    for attempt in (lambda: tokens(True), lambda: process(client)(False)):
        with pytest.raises(Away, match="503"):
            attempt()
    assert kept(cache)["access_token"] == ""


@pytest.mark.parametrize("changes", [{"scope": "other"}, {"client_id": "other-id"}, {"grant": "refresh_token"}])
def test_a_token_is_for_what_it_was_asked_for(
    issuer: TokenServer, refreshing: Client, client: Client, process: Process, changes: dict[str, str]
) -> None:
    """After a change of the configuration the old one is not used."""
    issuer.users["other-id"] = "other"
    process(client)(False)
    process(replace(refreshing, **{"grant": "client_credentials", **changes}))(False)  # type: ignore[arg-type]
    assert len(issuer.asked) == 2


def test_a_refresh_token_that_is_given_in_exchange_is_used(issuer: TokenServer, refreshing: Client, process: Process) -> None:
    """RFC 6749 section 6: the server may end the one that was used, so the next one is kept, by every process."""
    issuer.rotates = True
    for _ in range(4):
        process(refreshing)(False)
        tokens = process(refreshing)
        tokens(False)
        tokens(True)
    sent = used(issuer)
    assert sent[0] == REFRESH
    assert len(set(sent)) == len(sent) == 5
    assert {sent[-1]}.isdisjoint(issuer.refresh_tokens)


def test_a_server_that_gives_none_in_exchange_gets_the_same_again(
    issuer: TokenServer, refreshing: Client, process: Process
) -> None:
    """Also after one that did: the last one that was given stays good."""
    issuer.rotates = True
    process(refreshing)(False)
    issuer.rotates = False
    for _ in range(2):
        tokens = process(refreshing)
        tokens(False)
        tokens(True)
    assert used(issuer)[0] == REFRESH
    assert len(set(used(issuer)[1:])) == 1


def test_a_new_refresh_token_of_the_operator_goes_before_the_kept_one(
    issuer: TokenServer, refreshing: Client, process: Process
) -> None:
    """Whoever authorizes the client anew is heard at once, although an access token still lives."""
    issuer.rotates = True
    process(refreshing)(False)
    issuer.refresh_tokens = {"1//second"}
    renewed = replace(refreshing, refresh_token=lambda: "1//second")
    process(renewed)(False)
    process(renewed)(True)
    sent = used(issuer)
    assert sent[:2] == [REFRESH, "1//second"]
    assert sent[2] not in sent[:2]


def test_no_refresh_token_is_the_operators_to_mend(refreshing: Client, process: Process) -> None:
    """It is said before anybody is asked."""
    with pytest.raises(SettingsError, match=r"^oauth2\.office\.refresh_token_file: is missing; give it$"):
        process(replace(refreshing, refresh_token=lambda: None))(False)


def test_a_refresh_token_that_cannot_be_kept_is_not_asked_for(
    issuer: TokenServer, refreshing: Client, process: Process, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room on the disk is taken before: a server that rotates gives each one once."""

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(Away, match=rf"^{cache}\.new: No space left on device; it must be a file that can be written$"):
        process(refreshing)(False)
    assert issuer.asked == []
    assert not cache.with_name("office.new").exists()


def test_a_refusal_leaves_what_is_kept(issuer: TokenServer, refreshing: Client, process: Process, cache: Path) -> None:
    """A server that says no, or is away, costs no refresh token."""
    issuer.rotates = True
    process(refreshing)(False)
    change(cache, expires_at=0.0)
    before = kept(cache)
    for answer, error in (((400, b'{"error": "invalid_grant"}'), LoginRefused), ((200, b"<html>"), Away)):
        issuer.answer = answer
        with pytest.raises(error):
            process(refreshing)(False)
        assert kept(cache) == before
    assert sorted(file.name for file in cache.parent.iterdir()) == ["office", "office.lock"]


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{", b"[" * 60_000, b'{"asked": 1}', b'{"other": ""}', b'{"expires_at": "x"}', b"\xff"]
)
def test_a_cache_that_cannot_be_read_is_none(
    issuer: TokenServer, client: Client, process: Process, cache: Path, content: bytes
) -> None:
    """It is written anew."""
    cache.parent.mkdir()
    cache.write_bytes(content)
    assert process(client)(False) == process(client)(False)
    assert len(issuer.asked) == 1


def test_a_link_in_the_place_of_the_cache_is_refused(
    issuer: TokenServer, client: Client, process: Process, cache: Path, tmp_path: Path
) -> None:
    """Nobody leads us to read or write another file."""
    cache.parent.mkdir()
    (tmp_path / "other").write_text("{}")
    cache.symlink_to(tmp_path / "other")
    with pytest.raises(SettingsError, match=rf"^{cache}: Too many levels of symbolic links; remove it$"):
        process(client)(False)
    cache.unlink()
    cache.with_name("office.new").symlink_to(tmp_path / "other")
    process(client)(False)
    assert (tmp_path / "other").read_text() == "{}"


def test_a_cache_of_another_user_is_none(
    issuer: TokenServer, client: Client, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gives us a token of his."""
    first = process(client)(False)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert process(client)(False) != first


def test_a_folder_in_the_place_of_the_cache_is_told(client: Client, process: Process, cache: Path) -> None:
    """It cannot be replaced, and the line names it."""
    cache.mkdir(parents=True)
    with pytest.raises(Away, match=rf"^{cache}: Is a directory; it must be a file that can be written$"):
        process(client)(False)


def test_a_pipe_in_the_place_of_the_cache_does_not_keep_us_waiting(
    issuer: TokenServer, client: Client, process: Process, cache: Path
) -> None:
    """It is no cache."""
    cache.parent.mkdir()
    os.mkfifo(cache)
    process(client)(False)
    assert kept(cache)["access_token"] in issuer.tokens


USE = """
import sys
from pathlib import Path
from mailproc.oauth2 import Client
from mailproc.oauth2.cache import Cache
from mailproc.oauth2.tokens import Tokens
url, refresh_token, cache = sys.argv[1:]
client = Client("oauth2.office", url, "robot-id", "refresh_token", refresh_token=lambda: refresh_token)
print(Tokens(client, Cache(Path(cache)))(False))
"""


def test_processes_that_refresh_at_once_use_one_token(issuer: TokenServer, cache: Path) -> None:
    """The server ends a refresh token with its use, so that two uses of one would lock us out."""
    issuer.rotates = True
    command = [sys.executable, "-c", USE, issuer.url, REFRESH, str(cache)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate(timeout=30)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(set(outputs)) == 1
    assert outputs[0].strip() in issuer.tokens
    assert used(issuer) == [REFRESH]


def test_a_lock_that_is_never_given_back_is_told(
    issuer: TokenServer, client: Client, process: Process, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hangs with it does not hang all others."""
    monkeypatch.setattr(cache_module, "PATIENCE", 0.1)
    with Cache(cache).locked(), pytest.raises(Away, match=r"another process has held its lock for 0\.1 s; end it$"):
        process(client)(False)
    assert issuer.asked == []


def test_what_is_kept_does_not_show_itself(client: Client, process: Process, cache: Path) -> None:
    """Neither by repr of what was read nor of what reads it."""
    token = process(client)(False)
    assert token not in repr(Cache(cache).read())
    assert token not in repr(process(client))
