"""The options of a target, and posts as JSON."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from mailproc import Away, Rejected, SettingsError, Transient
from mailproc.gateway.posting import Channel, Direct, File, Posting
from mailproc.gateway.targets.response import Response
from mailproc.gateway.targets.service import read_url
from mailproc.gateway.targets.target import make_target
from tests.gateway.targets.errands import Tries
from tests.gateway.targets.realm import key_file
from tests.gateway.targets.zulip_server import EMAIL

POST = Posting(Channel("general", "x"), "y")


@pytest.mark.parametrize(
    "post",
    [
        Posting(
            Channel("general", "Grüße", 7), "body", "Ann", "Subject", (File(0, "a", "b/c", 3), File(4, "d", "e/f", 0)), "9"
        ),
        Posting(Direct(("9", "ann@example.org")), ""),
    ],
)
def test_a_post_as_json(post: Posting) -> None:
    """A post survives the database."""
    assert Posting.of(json.loads(json.dumps(post.payload()))) == post


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://chat.example.org", "sends mail and keys in the clear"),
        ("ftp://chat.example.org", "must be https://HOST"),
        ("chat.example.org", "must be https://HOST"),
        ("https://", "must be https://HOST"),
        ("https://chat.example.org:port", "its host or port is none"),
        ("https://[::1", "its host or port is none"),
        ("https://bot:key@chat.example.org", "neither a user name"),
        ("https://chat.example.org/#x", "neither a user name nor a #"),
        ("https://chat.example.org/a b", "visible ASCII"),
        ("https://chat.example.org/\r\nEvil: 1", "visible ASCII"),
        ("https://chät.example.org/", "visible ASCII"),
    ],
)
def test_urls_that_cannot_be_used(url: str, problem: str) -> None:
    """A URL that would not work, or not be safe, is refused with the fix."""
    with pytest.raises(ValueError, match=f"url: .*{problem}"):
        read_url(url)


@pytest.mark.parametrize(
    "url", ["https://chat.example.org", "http://127.0.0.1:9991/", "http://[::1]/x?y=z", "http://localhost"]
)
def test_urls(url: str) -> None:
    """HTTPS goes everywhere, and HTTP to this machine."""
    assert read_url(url) == url


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"target": "slack"}, 'target: must be "zulip" or "webhook"'),
        ({"email": None}, "email: is missing"),
        ({"email": "bot"}, "email: must be the bot's address"),
        ({"email": "b:t@example.org"}, "email: must be the bot's address"),
        ({"api_key_file": None}, "api_key_file: is missing"),
        ({"url": "https://chat.example.org/?x"}, "url: must be that of the organization"),
        ({"ca_file": Path("/nowhere/ca.pem")}, "ca_file: /nowhere/ca.pem: there is no such file"),
        ({"message_length": 999}, "message_length: must be"),
        ({"secret_file": Path("x")}, "secret_file: has no use"),
        ({"target": "webhook"}, "email: has no use"),
        ({"target": "webhook", "email": None}, "api_key_file: has no use"),
        ({"target": "webhook", "email": None, "api_key_file": None}, "secret_file: is missing"),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, changed: dict[str, object], problem: str) -> None:
    """An option that is missing or wrong is named."""
    options = {"target": "zulip", "url": "https://chat.example.org", "email": EMAIL, "api_key_file": key_file(tmp_path)}
    with pytest.raises(ValueError, match=problem):
        make_target(**{**options, **changed})  # type: ignore[arg-type]


def test_a_key_that_others_may_read(tmp_path: Path) -> None:
    """A key file that is open to others is refused before anything is posted."""
    key_file(tmp_path).chmod(0o644)
    with pytest.raises(SettingsError, match="api_key_file"):
        make_target("zulip", "https://chat.example.org", email=EMAIL, api_key_file=tmp_path / "key")


def test_a_ca_file_that_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that turns out to hold no certificates is an error of the operator's, and costs no mail."""
    secret = key_file(tmp_path)
    target = make_target("webhook", "https://127.0.0.1:1/", secret_file=secret, ca_file=secret)
    with pytest.raises(Transient, match="the ca_file cannot be used"):
        Tries(POST).at(target)
    assert "it must be a file of PEM certificates" in caplog.text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0.5", 0.5), ("120", 120), ("7200", 3600), ("inf", 3600), ("nan", None), ("", None), ("-3", None), ("x" * 9999, None)],
)
def test_how_long_to_wait(value: str, seconds: float | None) -> None:
    """What a server asks for is bounded, and nonsense is nothing."""
    assert Response(429, {"retry-after": value}, b"").retry_after == seconds


def test_a_date_to_wait_for() -> None:
    """A server may name a date, and one in the past is nothing."""
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 80 < (Response(503, {"Retry-After": format_datetime(later, usegmt=True)}, b"").retry_after or 0) <= 90
    assert Response(503, {"Retry-After": "Fri, 06 Nov 2020 10:00:00 GMT"}, b"").retry_after is None


def read_request(connection: socket.socket) -> None:
    """Read all of it: who closes before that has the kernel reset the connection, and nobody may read the answer."""
    with connection.makefile("rb") as request:
        header = b"".join(iter(request.readline, b"\r\n")).lower()
        request.read(int(header.partition(b"content-length:")[2].split()[0]))


@contextmanager
def saying(*said: bytes) -> Iterator[str]:
    """A server that answers one request with each of these, whatever it was; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in said:
                connection, _ = server.accept()
                with connection:
                    read_request(connection)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_url_is_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The path of a URL, which is a password at many a webhook, is in no log and in no error, whatever the answer is."""
    said = (
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\nyes",
        b"HTTP/1.1 500 no\r\nnothing\r\n\r\n",
        b"HTTP/1.1 301 x\r\nLocation\r\n\r\n",
        b"",
    )
    with saying(*said) as url, caplog.at_level(logging.DEBUG):
        target = make_target("webhook", f"{url}/sesame?token=open", secret_file=key_file(tmp_path))
        told = Tries(POST).at(target)
        for _ in said[1:]:
            with pytest.raises(Transient) as caught:
                Tries(POST).at(target)
            told += str(caught.value)
    assert "the chat (http://127.0.0.1" in told
    assert not any(word in told + caplog.text for word in ("sesame", "token"))


@pytest.mark.parametrize("status", [200, 400, 403])
@pytest.mark.parametrize(
    "echo",
    [
        b"Cannot POST /hooks/open-sesame-now?key=swordfish&x=%2F",
        b'{"path": "\\/hooks\\/open-sesame-now", "query": "key=swordfish&amp;x=%2F"}',
        b"no hook open-sesame-now with key=swordfish&amp;x=/",
        b'{"you are": "\\u0063orrect horse"}',
        b"who is corr\xe2\x80\x8bect horse?",
    ],
)
def test_what_a_server_repeats(tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, echo: bytes) -> None:
    """Neither the URL nor our secret is in a log, an error or the ledger, though the server says it, escaped or not."""
    answer = b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(echo), echo)
    with saying(answer) as url, caplog.at_level(logging.DEBUG):
        url = f"{url}/hooks/open-sesame-now?key=swordfish&x=%2F"
        target, told = make_target("webhook", url, secret_file=key_file(tmp_path, "correct horse")), ""
        try:
            told = Tries(POST).at(target)
        except (Transient, Rejected) as error:
            told = str(error)
    assert str(status) in told or "***" in told
    assert not any(word in told + caplog.text for word in ("sesame", "swordfish", "horse"))


@pytest.mark.parametrize("first", [b"100 Continue", b"102 Processing", b"103 Early Hints\r\nLink: </a>; rel=preload"])
def test_what_comes_before_the_answer(tmp_path: Path, first: bytes) -> None:
    """A 1xx is no answer yet; the one behind it counts."""
    early = b"HTTP/1.1 " + first + b"\r\n\r\n"
    with saying(early * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate", early) as url:
        target = make_target("webhook", url, secret_file=key_file(tmp_path))
        assert Tries(POST).at(target).endswith(": late")
        with pytest.raises(Away):
            Tries(POST).at(target)


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\n\r\n{"], ids=["nothing", "header", "body"]
)
def test_a_server_that_falls_silent(tmp_path: Path, said: bytes) -> None:
    """However far an answer has come, waiting for the rest has an end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(said)
                connection.recv(100_000)
                connection.settimeout(5)
                while connection.recv(100_000):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        target = make_target("webhook", url, secret_file=key_file(tmp_path), patience=0.3)
        begun = time.monotonic()
        with pytest.raises(Away, match="in time"):
            Tries(POST).at(target)
        assert time.monotonic() - begun < 3
        thread.join()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nothing", "SMTP", "no status", "odd status", "long line", "many fields", "cut", "bad chunk"],
)
def test_what_is_no_http(tmp_path: Path, said: bytes) -> None:
    """Whatever else a server says, it is away."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100_000)
                connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        target = make_target("webhook", f"http://127.0.0.1:{server.getsockname()[1]}/", secret_file=key_file(tmp_path))
        with pytest.raises(Away, match="the chat"):
            Tries(POST).at(target)
        thread.join()
