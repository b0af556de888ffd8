"""Where a server listens: as it is written, and as it is bound."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from mailproc.errors import SettingsError
from mailproc.smtpd.listening import Listener, bind, by_tls, read_listener, refuse_twins, release
from mailproc.smtpd.tls import server_context
from tests.servers.certificates import Certificate

FORMS = "want HOST:PORT, [IPV6]:PORT, PORT, or unix:/PATH, behind smtp://, smtps:// or lmtp:// where wanted"


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("mx.example.org:25", "smtp://mx.example.org:25"),
        ("0.0.0.0:25", "smtp://0.0.0.0:25"),
        (":2525", "smtp://127.0.0.1:2525"),
        ("2525", "smtp://127.0.0.1:2525"),
        ("[::]:25", "smtp://[::]:25"),
        ("[::1]", "smtp://[::1]:8025"),
        ("localhost", "smtp://localhost:8025"),
        ("127.0.0.1:0", "smtp://127.0.0.1:0"),
        ("unix:/run/mailproc/smtp", "smtp:unix:/run/mailproc/smtp"),
        ("smtp://:25", "smtp://127.0.0.1:25"),
        ("smtps://0.0.0.0:465", "smtps://0.0.0.0:465"),
        ("lmtp://24", "lmtp://127.0.0.1:24"),
        ("lmtp:unix:/run/lmtp", "lmtp:unix:/run/lmtp"),
        ("lmtp://unix:/run/lmtp", "lmtp:unix:/run/lmtp"),
    ],
)
def test_a_listener_is_read(text: str, listener: str) -> None:
    """On loopback where no host is named; what it is written as is read again as the same."""
    assert str(read_listener(text)) == listener
    assert read_listener(listener) == read_listener(text)


def test_lmtp_may_be_what_goes_without_saying() -> None:
    """A scheme that is written goes before."""
    assert read_listener("2424", lmtp=True) == Listener("lmtp", "127.0.0.1", 2424)
    assert read_listener("smtp://2525", lmtp=True).scheme == "smtp"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("::1:25", "::1:25: put brackets around an IPv6 address, such as [::1:25]:8025"),
        ("1:2:3:4:5:6:7:8:25", "1:2:3:4:5:6:7:8:25: put brackets around an IPv6 address, such as [1:2:3:4:5:6:7:8]:25"),
        ("localhost:99999", "localhost:99999: 99999 is no port; want a number from 1 to 65535"),
        ("localhost:smtp", "localhost:smtp: smtp is no port; want a number from 1 to 65535"),
        ("localhost:", "localhost:: nothing is no port; want a number from 1 to 65535"),
        ("65536", "65536: 65536 is no port; want a number from 1 to 65535"),
        ("*:25", "*:25: write 0.0.0.0:25 for every address of IPv4, [::]:25 for IPv6"),
        ("[::1", "[::1: want an IPv6 address in brackets and a port, such as [::1]:8025"),
        ("[::1]x", "[::1]x: want an IPv6 address in brackets and a port, such as [::1]:8025"),
        ("[localhost]:25", "[localhost]:25: want an IPv6 address in brackets and a port, such as [::1]:8025"),
        ("lmtp://25", "lmtp://25: LMTP must not be spoken on port 25 (RFC 2033 section 5); take another port, such as 24"),
        ("smtps:unix:/run/x", "smtps:unix:/run/x: TLS is for networks; write smtp:unix:/run/x"),
        ("unix:run/x", "unix:run/x: the path of a Unix socket begins with /"),
        ("unix:/" + "x" * 107, "unix:/" + "x" * 107 + ": the path of a Unix socket has at most 107 octets"),
        *((text, f"{text}: {FORMS}") for text in ("", "http://x:80", "imap://x", "a b:25", "-x:25", "smtp://", "/run/x")),
    ],
)
def test_what_is_no_listener_is_told_with_the_fix(text: str, error: str) -> None:
    """In one line that begins with what was written."""
    with pytest.raises(ValueError) as raised:
        read_listener(text)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("mx.example.org:465", "smtps://mx.example.org:465"),
        ("[::1]", "smtps://[::1]:8025"),
        ("lmtp://24", "lmtp://24"),
        ("lmtp:unix:/run/lmtp", "lmtp:unix:/run/lmtp"),
        ("unix:/run/smtp", "unix:/run/smtp"),
        ("unix:run/smtp", "unix:run/smtp"),
        ("::1:25", "::1:25"),
    ],
)
def test_a_port_without_a_scheme_may_speak_tls_at_once(text: str, place: str) -> None:
    """Whatever has a scheme keeps it, a Unix socket has no TLS, and what cannot be read stays as it was written."""
    assert by_tls(text) == place


@pytest.mark.parametrize(
    ("first", "second"), [("2525", "127.0.0.1:2525"), ("smtp://2525", "lmtp://2525"), ("unix:/run/x", "lmtp:unix:/run/x")]
)
def test_a_place_that_is_named_twice_is_told(first: str, second: str) -> None:
    """However it is written, and whatever is spoken there; port 0 is another one each time."""
    with pytest.raises(SettingsError) as raised:
        refuse_twins(map(read_listener, (first, "24", second)))
    assert str(raised.value) == f"serve.listen: names {read_listener(second)} twice; remove one"
    refuse_twins(map(read_listener, (first, "24", "127.0.0.1:0", "127.0.0.1:0")))


def test_a_port_is_bound() -> None:
    """It listens before anybody serves there, and without Nagle's algorithm, which asyncio turns off for TCP by its number."""
    (bound,) = bind(read_listener("127.0.0.1:0"))
    with socket.create_connection(bound.getsockname()[:2]):
        assert bound.proto == socket.IPPROTO_TCP
    release([bound])


def test_ipv4_and_ipv6_may_have_the_same_port() -> None:
    """An IPv6 socket takes IPv6 alone."""
    four = bind(read_listener("0.0.0.0:0"))
    port = four[0].getsockname()[1]
    six = bind(read_listener(f"[::]:{port}"))
    assert [one.family for one in four + six] == [socket.AF_INET, socket.AF_INET6]
    release(four + six)


def test_a_name_may_have_several_addresses() -> None:
    """Those that this machine lacks are left out."""
    bound = bind(read_listener("localhost:0"))
    assert {one.getsockname()[0] for one in bound} <= {"127.0.0.1", "::1"}
    release(bound)


def test_a_port_that_is_taken_is_told() -> None:
    """In one line that names the key, the listener and the fix."""
    bound = bind(read_listener("127.0.0.1:0"))
    taken = read_listener(f"127.0.0.1:{bound[0].getsockname()[1]}")
    with pytest.raises(SettingsError) as raised:
        bind(taken)
    told = f"serve.listen: {taken}: cannot listen there: Address already in use; stop what listens there, or name another place"
    assert str(raised.value) == told
    release(bound)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "x" * 64 + ".example"])
def test_an_address_that_is_not_ours_is_told(host: str) -> None:
    """In one line that names the key, the listener and the fix."""
    told = rf"^serve\.listen: smtp://{host}:8025: cannot listen there: [^\n]+; name an address of this machine$"
    with pytest.raises(SettingsError, match=told):
        bind(read_listener(host))


def test_a_unix_socket_has_its_mode_and_goes_when_its_server_ends(tmp_path: Path) -> None:
    """The umask that was set is set again."""
    listener = read_listener(f"unix:{tmp_path}/smtp")
    before = os.umask(0o027)
    try:
        bound = bind(listener)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert Path(listener.path).stat().st_mode & 0o777 == 0o660
    release(bound)
    assert not Path(listener.path).exists()


@pytest.mark.parametrize(("folder", "group"), [(0o700, 3333), (0o2710, 4444)])
def test_a_unix_socket_is_given_away_and_may_keep_the_group_of_its_folder(tmp_path: Path, folder: int, group: int) -> None:
    """By the setgid bit the folder of an MTA gives its own, also to the socket of a server that root has started."""
    there = tmp_path / "there"
    there.mkdir()
    os.chown(there, -1, 4444)
    there.chmod(folder)
    bound = bind(read_listener(f"unix:{there}/smtp"), (2222, 3333))
    facts = (there / "smtp").stat()
    release(bound)
    assert (facts.st_uid, facts.st_gid) == (2222, group)


def test_the_socket_of_a_dead_server_is_replaced(tmp_path: Path) -> None:
    """It cannot be bound while its file is there."""
    listener = read_listener(f"unix:{tmp_path}/smtp")
    for one in bind(listener):
        one.close()
    assert Path(listener.path).is_socket()
    release(bind(listener))


def test_the_socket_of_a_living_server_is_left_alone(tmp_path: Path) -> None:
    """So is a file that is no socket, and both are told."""
    listener = read_listener(f"lmtp:unix:{tmp_path}/lmtp")
    bound = bind(listener)
    with pytest.raises(SettingsError) as raised:
        bind(listener)
    assert str(raised.value) == f"serve.listen: {listener}: another server listens there; stop it first"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.path)
    release(bound)
    Path(listener.path).write_text("precious")
    with pytest.raises(SettingsError, match=r"^serve\.listen: .*: there is a file that is no socket; move it away$"):
        bind(listener)
    assert Path(listener.path).read_text() == "precious"


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    """In one line that names the key, the listener and the fix."""
    told = f"cannot listen there: No such file or directory; make the folder {tmp_path}/none"
    with pytest.raises(SettingsError, match=f"^serve.listen: .*/none/smtp: {told}$"):
        bind(read_listener(f"unix:{tmp_path}/none/smtp"))


def test_a_certificate_is_shown_by_tls_1_2_and_newer(certificate: Certificate) -> None:
    """Clients are asked for none."""
    context = server_context(certificate.certificate, certificate.key)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE


def test_a_certificate_that_is_unfit_is_told(certificate: Certificate, tmp_path: Path) -> None:
    """In one line that names the key and the file, and nobody is asked for a passphrase."""
    none, rubbish, torn, other, locked = (tmp_path / name for name in ("none", "rubbish", "torn", "other", "locked"))
    rubbish.write_text("rubbish")
    torn.write_text("".join(certificate.certificate.read_text().splitlines(keepends=True)[:3]))
    make_other = ["genrsa", "-out", other, "2048"]
    lock = ["pkey", "-in", certificate.key, "-aes128", "-passout", "pass:x", "-out", locked]
    for arguments in (make_other, lock):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    good, key = certificate.certificate, certificate.key
    for files, error in (
        ((none, key), f"cert: {none}: No such file or directory; TLS needs a certificate and its key, as PEM files"),
        ((good, none), f"key: {none}: No such file or directory; TLS needs a certificate and its key, as PEM files"),
        ((rubbish, key), f"cert: {rubbish}: holds no certificate as PEM; tls_cert and tls_key may be swapped"),
        ((key, good), f"cert: {key}: holds no certificate as PEM; tls_cert and tls_key may be swapped"),
        ((good, rubbish), f"key: {rubbish}: holds no private key as PEM; tls_cert and tls_key may be swapped"),
        ((good, good), f"key: {good}: holds no private key as PEM; tls_cert and tls_key may be swapped"),
        ((torn, key), f"cert: {torn}, or its key {key}, cannot be read as PEM ("),
        ((good, other), f"key: {other}: is not the key of {good}; give the two that belong together"),
        ((good, locked), f"key: {locked}: the key has a passphrase; write it without one, readable by its owner alone"),
    ):
        with pytest.raises(SettingsError) as raised:
            server_context(*files)
        assert str(raised.value).startswith(f"serve.tls_{error}")
        assert "\n" not in str(raised.value)
