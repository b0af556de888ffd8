"""Mail that its domain has signed, from the maildrop to what the handler gets, with a real DNS server: 54 to 69 of
docs/behaviour/incoming.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailproc.address import Address
from mailproc.database.engine import writing
from mailproc.database.users import add_user
from mailproc.testing import SigningKey
from mailproc.testing.keys import sign_mail
from tests.dkim.signer import NAME, Ed25519Key, Key, rsa_key, sign
from tests.installation import Clock, Installation, MaildirBox
from tests.servers.dns import DnsServer

KEY = rsa_key(2048)
DESK = "desk@guests.example.org"
STRONG, WEAK = ["grace strong dkim"], ["grace weak from"]


def letter(*, sender: str = "Grace <grace@example.org>", header: str = "", text: str = "Hello", to: str = DESK) -> bytes:
    """A mail of Grace's to the desk."""
    fields = [f"Delivered-To: {to}", f"From: {sender}", f"To: {to}", "Subject: Greetings"]
    fields += ["Date: Mon, 02 Nov 2026 10:00:00 +0000", "Message-ID: <1@example.org>", *header.splitlines()]
    return "\r\n".join([*fields, "", text, ""]).encode()


def signed(raw: bytes, key: Key = KEY, **tags: str | int | None) -> bytes:
    """The mail as its domain sends it now."""
    return sign(raw, key, **{"h": "from:to:subject:date:message-id:sender", "t": int(time.time()), **tags})


@dataclass
class Desk:
    """An installation that trusts example.org, and the DNS that it asks."""

    installation: Installation
    dns: DnsServer

    def gets(self, *mails: bytes) -> list[str]:
        """Whose these mails are for the handler, and how sure that is."""
        before = self.installation.effects()
        self.installation.append(*mails)
        self.installation.empty(self.installation.works())
        after = self.installation.effects()
        for each in before:
            after.remove(each)
        return after

    def end(self) -> tuple[str | None, str | None]:
        """How the last mail ended, by which rule."""
        receipt = max(self.installation.receipts(), key=lambda each: each.received_at)
        return receipt.disposition, receipt.rule

    def configure(self, **keys: str) -> None:
        """Put keys into the section on DKIM."""
        lines = [f"{name} = {value}" for name, value in {"trusted_domains": '["example.org"]', **keys}.items()]
        config = self.installation.config
        top = config.read_text().partition("[dkim]")[0]
        config.write_text("\n".join([f"{top}[dkim]", f'dns_server = "{self.dns.server}"', *lines, ""]))
        self.installation.__dict__.pop("settings", None)


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str) -> Iterator[Desk]:
    """Grace is grace@example.org and grace@example.com; Bob and Ivy, who has left, are of example.org, too."""
    with (
        DnsServer({NAME: [KEY.record()]}) as dns,
        Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")) as installation,
    ):
        with installation.config.open("a") as config:
            config.write('[domains."guests.example.org"]\nhandler = "tests.acceptance.handlers:proofs"\n')
        with writing(installation.engine) as conn:
            add_user(conn, "bob", [Address.parse("bob@example.org")])
            add_user(conn, "ivy", [Address.parse("ivy@example.org")], active=False)
            add_user(conn, "grace", [Address.parse("grace@example.org"), Address.parse("grace@example.net")])
        desk = Desk(installation, dns)
        desk.configure()
        yield desk


@pytest.mark.parametrize("record", ["", "v=DKIM1; k=rsa; p=", "v=DKIM1; k=rsa; p=AAAA", "p=A" * 3])
def test_54_a_broken_key_proves_nothing(desk: Desk, record: str) -> None:
    """A record that is no key, or is one no longer, leaves the mail weak."""
    desk.dns.records[NAME] = [record]
    assert desk.gets(signed(letter())) == WEAK


def test_55_a_garbage_key_proves_nothing(desk: Desk) -> None:
    """Nor does a record of arbitrary octets."""
    desk.dns.records[NAME] = [bytes(range(256))]
    assert desk.gets(signed(letter())) == WEAK


@pytest.mark.parametrize("how", ["trust", "domains"])
def test_56_dkim_can_be_left_out(desk: Desk, how: str) -> None:
    """Where a domain does not trust DKIM, or no domain is trusted, a signature says nothing, and the DNS hears nothing."""
    if how == "trust":
        config = desk.installation.config
        config.write_text(config.read_text().replace(':proofs"\n', ':proofs"\ntrust = ["openpgp", "from"]\n'))
    else:
        desk.configure(trusted_domains="[]")
    assert desk.gets(signed(letter())) == WEAK
    assert desk.dns.asked == []


@pytest.mark.parametrize("form", ["simple/simple", "relaxed/relaxed", "relaxed/simple", "simple/relaxed"])
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_57_58_a_signature_in_any_form_proves_the_sender(desk: Desk, form: str, kind: str) -> None:
    """Simple or relaxed, RSA or Ed25519: the sender is strong, by DKIM."""
    key = KEY if kind == "rsa" else Ed25519Key()
    desk.dns.records[NAME] = [key.record()]
    assert desk.gets(signed(letter(), key, c=form)) == STRONG


def test_59_a_domain_that_is_not_trusted_proves_nothing(desk: Desk) -> None:
    """A valid signature of a domain that the operator does not name leaves the mail weak."""
    desk.dns.records["s1._domainkey.example.net"] = [KEY.record()]
    assert desk.gets(signed(letter(sender="grace@example.net"), d="example.net")) == WEAK


def test_60_a_trusted_domain_vouches_for_its_own_addresses(desk: Desk) -> None:
    """Its signature on a mail from elsewhere, or from a subdomain of it, proves nothing."""
    assert desk.gets(signed(letter(sender="grace@example.net"))) == WEAK


def test_61_a_changed_address_in_from_is_not_proven(desk: Desk) -> None:
    """A colleague who sends Grace's mail as theirs is believed no more than From is."""
    raw = signed(letter())
    assert desk.gets(raw.replace(b"Grace <grace@", b"Grace <bob@")) == ["bob weak from"]


def test_62_a_changed_name_in_from_is_not_proven(desk: Desk) -> None:
    """The display name is a part of what is signed."""
    assert desk.gets(signed(letter()).replace(b"From: Grace", b"From: The Boss")) == WEAK


def test_63_a_key_that_does_not_exist_proves_nothing(desk: Desk) -> None:
    """That there is no such name is an answer."""
    del desk.dns.records[NAME]
    assert desk.gets(signed(letter())) == WEAK
    assert desk.dns.asked == [("udp", NAME)]


def test_64_a_mail_without_a_signature_is_weak(desk: Desk) -> None:
    """And the DNS is not asked."""
    assert desk.gets(letter()) == WEAK
    assert desk.dns.asked == []


def test_65_a_changed_body_is_not_proven(desk: Desk) -> None:
    """A word more makes the mail weak."""
    assert desk.gets(signed(letter()) + b"and more\r\n") == WEAK


def test_66_the_domain_of_sender_vouches_for_the_same_user(desk: Desk) -> None:
    """Grace writes from another of her addresses, and Sender names the one whose domain has signed."""
    raw = letter(sender="grace@example.net", header="Sender: grace@example.org")
    assert desk.gets(signed(raw)) == STRONG


@pytest.mark.parametrize("other", ["nobody@example.org", "bob@example.org", "ivy@example.org"])
def test_67_68_a_sender_who_is_somebody_else_vouches_for_nobody(desk: Desk, other: str) -> None:
    """The address in Sender is nobody's, another user's, or that of one who has left: From stays unproven."""
    raw = letter(sender="grace@example.net", header=f"Sender: {other}")
    assert desk.gets(signed(raw)) == WEAK


def test_69_an_inactive_user_is_dropped(desk: Desk) -> None:
    """A proof does not bring back who has left; nothing is looked up."""
    assert desk.gets(signed(letter(sender="ivy@example.org"))) == []
    assert desk.end() == ("dropped", "inactive")
    assert desk.dns.asked == []


# What we add ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["servfail", "refused", "garbage"])
def test_a_mail_waits_while_dns_is_away(desk: Desk, trouble: str) -> None:
    """Nobody can tell, so that it is tried again later; then it is proven."""
    clock = Clock()
    desk.dns.behave[NAME] = trouble
    desk.installation.append(signed(letter()))
    desk.installation.empty(desk.installation.works(clock))
    assert desk.end() == (None, "dkim.no-dns")
    assert desk.installation.effects() == []
    desk.dns.behave.clear()
    clock.now = max(receipt.retry_at for receipt in desk.installation.receipts())
    desk.installation.empty(desk.installation.works(clock))
    assert desk.installation.effects() == STRONG


def test_the_operator_may_go_on_without_dns(desk: Desk) -> None:
    """With `on_dns_error = "ignore"` the mail is weak at once."""
    desk.configure(on_dns_error='"ignore"')
    desk.dns.behave[NAME] = "servfail"
    assert desk.gets(signed(letter())) == WEAK


def test_a_proof_counts_once(desk: Desk) -> None:
    """The same mail by another way is dropped as a replay, and one to another recipient counts once more."""
    raw = signed(letter())
    assert desk.gets(raw) == STRONG
    assert desk.gets(b"Received: from elsewhere.example.net by mx.example.org; Mon, 02 Nov 2026 11:00:00 +0000\r\n" + raw) == []
    assert desk.end() == ("dropped", "replay")
    assert desk.gets(raw.replace(b"Delivered-To: desk", b"Delivered-To: other")) == STRONG


def test_openpgp_is_not_looked_at_in_a_mail_that_is_proven(desk: Desk) -> None:
    """A signature that nobody knows would be refused, but the domain has vouched for the mail."""
    with SigningKey.generate("Grace <grace@example.org>") as strange:
        raw = sign_mail(letter(), strange)
    assert desk.gets(signed(raw)) == STRONG


def test_our_mx_may_tell(desk: Desk) -> None:
    """What our own server has found is believed without DNS; the same words below its Received are a forgery."""
    desk.configure(authserv_id='"mx.example.org"')
    desk.dns.records.clear()
    says = b"Authentication-Results: mx.example.org; dkim=pass header.d=example.org\r\n"
    traced = b"Received: from mail.example.org by mx.example.org with ESMTPS; Mon, 02 Nov 2026 10:00:01 +0000\r\n"
    raw = signed(letter())
    assert desk.gets(traced + says + raw) == WEAK
    assert desk.gets(says + traced + raw) == STRONG


def test_a_real_run_asks_the_dns(desk: Desk) -> None:
    """``mailproc handle`` as cron runs it, and ``check``, which asks the DNS for each trusted domain."""
    desk.installation.append(signed(letter()))
    ended = desk.installation.run()
    assert (ended.returncode, ended.stderr, desk.installation.effects()) == (0, "", STRONG)
    checked = desk.installation.mailproc("check")
    assert "DNS answers for example.org" in checked.stdout
    desk.dns.behave["_domainkey.example.org"] = "servfail"
    checked = desk.installation.mailproc("check")
    assert checked.returncode == 75
    assert "_domainkey.example.org" in checked.stdout + checked.stderr
