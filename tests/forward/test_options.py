"""`forward`: what its options do, and which of them stop the start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mailproc import MissingProgram, SettingsError
from mailproc.plugins import resolve
from mailproc.testing import PostOffice, make_mail
from tests.forward.conftest import Bind, MakeList
from tests.forward.delivering import BOARD, BOUNCES, SENDER, deliver, fields
from tests.forward.signing import key


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"resolver": "nowhere"}, "resolver: nowhere: is not written like module:attribute"),
        ({"resolver": "no_such_module:x"}, "resolver: no_such_module:x: ModuleNotFoundError"),
        ({"resolver": "mailproc.forward:x"}, "resolver: mailproc.forward:x: AttributeError"),
        ({"resolver": "json:dumps"}, "resolver: json:dumps has no method resolve(address, session)"),
        ({"envelope_from": "ours"}, "envelope_from"),
        ({"envelope_from": "fixed"}, "bounces: envelope_from = fixed needs the address where failures come in"),
        ({"envelope_from": "srs"}, "secret_file: envelope_from = srs needs a secret"),
        ({"srs_domain": "not a domain"}, "srs_domain: 'not a domain' is not a domain; write it like lists.example.org"),
        ({"bounces": '"a b"@example.org'}, "bounces: '\"a b\"@example.org' is not an address"),
        ({"bounces": "nobody"}, "bounces: 'nobody' is not an address; write it like bounces@lists.example.org"),
        ({"verp": True}, "verp: is a way of fixed, and envelope_from is keep"),
        ({"secret_file": "nowhere"}, "secret_file: nowhere"),
        ({"from_policy": "lie"}, "from_policy"),
        ({"reject": ["spam"]}, "reject: there is no check spam; there are: report, "),
        ({"arc_selector": "a"}, "arc_key_file, arc_selector and arc_domain: give all of them, or none"),
        ({"dns_server": "localhost"}, "dns_server: the name server 'localhost' is no address and port"),
        ({"hostname": "a b"}, "hostname: 'a b' cannot be a name; write it like mx.example.org"),
        ({"list_help": ["help"]}, "list_help: 'help' is no URL"),
        ({"list_unsubscribe": ["mailto:x@example.org", "x"]}, "list_unsubscribe: 'x' is no URL"),
        ({"arc_key_file": "nowhere", "arc_selector": "a", "arc_domain": "b"}, "arc_key_file: nowhere"),
        ({"recipients": []}, "recipients: there is no such option"),
    ],
)
def test_options_that_cannot_be_used_stop_the_start(options: dict[str, object], says: str) -> None:
    """The error names the option and what to do."""
    with pytest.raises(SettingsError) as caught:
        resolve("forward", {"forward": options})
    assert says in str(caught.value)


@pytest.mark.parametrize("code", ["import sys\nsys.exit(3)", "class R:\n    def __init__(self):\n        raise SystemExit(3)"])
def test_a_module_that_exits_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A program that was meant for a terminal does not end ours without a word."""
    (tmp_path / "exits_at_once.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "exits_at_once", raising=False)
    with pytest.raises(SettingsError, match=r"resolver: exits_at_once:R: SystemExit: 3"):
        resolve("forward", {"forward": {"resolver": "exits_at_once:R"}})


def test_a_secret_is_long_and_one_s_own(secret: Path) -> None:
    """Nobody can guess it, and nobody else can read it."""
    section = {"forward": {"secret_file": str(secret)}}
    resolve("forward", section)
    secret.chmod(0o644)
    with pytest.raises(SettingsError, match="secret"):
        resolve("forward", section)
    secret.chmod(0o600)
    secret.write_text("short\n")
    with pytest.raises(SettingsError, match="the secret has 5 characters; make one of at least 16"):
        resolve("forward", section)


@pytest.mark.usefixtures("board")
def test_urls_name_the_list(office: PostOffice, bind: Bind) -> None:
    """Those of the operator go before a mail to the owner; one click must be promised."""
    bind(
        list_unsubscribe=["https://example.org/{list}/leave", "mailto:{list}-leave@example.org"],
        list_help=["https://example.org/help"],
        one_click=True,
    )
    delivered = deliver(office)
    assert fields(delivered, "List-Unsubscribe") == [("<https://example.org/board/leave>, <mailto:board-leave@example.org>",)]
    assert fields(delivered, "List-Unsubscribe-Post") == [("List-Unsubscribe=One-Click",)]
    assert fields(delivered, "List-Help") == [("<https://example.org/help>",)]


@pytest.mark.usefixtures("board")
def test_from_may_be_the_list_s(office: PostOffice, bind: Bind) -> None:
    """And plain text may be all that goes on."""
    bind(from_policy="munge", strip_html=True)
    mail = make_mail(to=BOARD, sender=f"Sue <{SENDER}>", text="plain", html="<p>rich</p>")
    delivered = office.deliver(mail, reverse_path=SENDER)
    ((author,),) = fields(delivered, "From")
    assert author.endswith(f"<{BOARD}>")
    assert fields(delivered, "Reply-To") == [(f"{SENDER}",)]
    assert b"rich" not in delivered.sent[0].raw
    assert delivered.sent[0].text.strip() == "plain"


@pytest.mark.usefixtures("board")
def test_what_goes_on_may_be_sealed(office: PostOffice, bind: Bind, tmp_path: Path) -> None:
    """By the operator's key, which nobody else can read (RFC 8617)."""
    file = tmp_path / "arc.pem"
    file.write_bytes(key("list"))
    file.chmod(0o600)
    bind(arc_key_file=str(file), arc_selector="s2", arc_domain="lists.example.org")
    ((seal,),) = fields(deliver(office), "ARC-Seal")
    assert "d=lists.example.org" in seal
    assert "s=s2" in seal
    for wrong in ({"arc_selector": "a b"}, {"arc_domain": "a b"}):
        with pytest.raises(SettingsError, match=f"{next(iter(wrong))}: 'a b' is no name in the DNS"):
            bind(**{"arc_key_file": str(file), "arc_selector": "s2", "arc_domain": "example.org"} | wrong)
    bind(arc_key_file=str(file), arc_selector="S2", arc_domain="Lists.example.org", hostname="MX.example.org")
    file.write_text("no key\n")
    with pytest.raises(SettingsError, match="arc_key_file: it is no RSA private key in PEM"):
        bind(arc_key_file=str(file), arc_selector="s2", arc_domain="lists.example.org")


@pytest.mark.parametrize(
    ("reject", "status"),
    [([], "2.0.0"), (["null-reverse-path", "one-from"], "5.6.0"), (["header-encoding", "one-from"], "5.6.0")],
)
def test_the_operator_chooses_what_is_refused(
    office: PostOffice, make_list: MakeList, bind: Bind, reject: list[str], status: str
) -> None:
    """The checks are made before anything else, in the order in which they are named."""
    make_list("board", "ann@example.org")
    bind(reject=reject)
    mail = b"From: eve@example.org\r\n" + make_mail(to=BOARD, sender=SENDER)
    assert office.submit(mail, to=BOARD, reverse_path=SENDER).status == status


def test_references_are_mended_or_refused(office: PostOffice, make_list: MakeList, bind: Bind) -> None:
    """Where two fields are broken nobody can tell what was signed; then nobody counts as served."""
    make_list("board", "ann@example.org")
    bind(repair_references=True)
    cut = make_mail(to=BOARD, sender=SENDER, text="hello")
    mended = office.deliver(b"References: <one\r\n two@example.org>\r\n" + cut, to=BOARD, reverse_path=SENDER)
    assert fields(mended, "References") == [("<onetwo@example.org>",)]
    broken = b"References: <one\r\n two@example.org>\r\n" * 2 + make_mail(to=BOARD, sender=SENDER, text="hello")
    assert office.submit(broken, to=BOARD, reverse_path=SENDER).status == "5.6.0"
    bind()
    assert office.deliver(broken, to=BOARD, reverse_path=SENDER).disposition == "handled"


@pytest.mark.parametrize(
    ("options", "path", "tell"),
    [
        ({}, SENDER, SENDER),
        ({"envelope_from": "fixed", "bounces": BOUNCES}, BOUNCES, None),
    ],
)
def test_who_hears_of_failures(
    office: PostOffice, make_list: MakeList, bind: Bind, options: dict[str, str], path: str, tell: str | None
) -> None:
    """The sender, if known also of those whom our own relay refuses; or we."""
    make_list("board", "ann@example.org", "bob@example.net")
    bind(trust=["from"], **options)
    office.user("sue", SENDER)
    delivered = deliver(office)
    assert {(sent.reverse_path, sent.tell) for sent in delivered.sent} == {(path, tell)}
    assert fields(delivered, "Sender") == [(path,) if options else ()]


def test_srs_without_its_library_stops_the_start(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "srslib", None)
    section = {"envelope_from": "srs", "srs_domain": "lists.example.org", "secret_file": str(secret)}
    with pytest.raises(MissingProgram, match=r"handler\.forward: srslib is not installed; type: pip install"):
        resolve("forward", {"forward": section})
