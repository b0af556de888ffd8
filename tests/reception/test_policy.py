"""Whom a door takes mail for, and from whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Delivery, Outcome, Rejected, Reply, Transient, handler
from mailproc.address import Address
from mailproc.database.engine import create_database, make_engine
from mailproc.directory import Directory
from mailproc.handler import Traits
from mailproc.pipeline import Binding, Site
from mailproc.reception.policy import RecipientPolicy
from mailproc.registry import Registry
from mailproc.smtpd import Caller
from mailproc.userfile import UserFile


@handler()
@dataclass(frozen=True)
class Lists:
    """A handler that knows its addresses."""

    def accepts(self, address: Address, session: Session) -> bool | Reply:
        """Its one list; some addresses say no in other ways."""
        if address.local == "closed":
            raise Rejected("Members only.")
        if address.local == "flooded":
            raise Transient("Too many messages.")
        if address.local == "moved":
            return Reply(551, "5.1.6", "Try announce@lists.example.net")
        return bool(address.local == str(session.scalar(sa.text("SELECT 'announce'"))))

    def __call__(self, delivery: Delivery) -> Outcome:
        """Nothing to do."""
        return delivery.handled()


@dataclass(frozen=True)
class Simple:
    """A handler that asks for no database."""

    def accepts(self, address: Address) -> bool:
        """Its one address."""
        return address.local == "one"


def taken(delivery: Delivery) -> Outcome:
    """A handler that takes everything."""
    return delivery.handled()


@pytest.fixture
def policy(tmp_path: Path) -> Iterator[RecipientPolicy]:
    """A site that knows a list server, a simple handler, a domain with all addresses, and relays the rest for 10.0.0.0/8."""
    registry: Registry[Binding] = Registry()
    registry.add("lists.example.org", Binding("lists", Lists(), Traits()))
    registry.add("simple.example.org", Binding("simple", Simple(), Traits()))  # type: ignore[arg-type]
    registry.add("*.notes.example.org", Binding("notes", taken, Traits()))
    registry.add("*", Binding("relay", taken, Traits()))
    directory: Directory = UserFile({}, {})
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    create_database(engine)
    yield RecipientPolicy(Site(registry, directory, None, "example.org", 1000), engine, [ip_network("10.0.0.0/8")])
    engine.dispose()


@pytest.mark.parametrize(
    ("recipient", "told"),
    [
        ("anybody@a.notes.example.org", "250 2.0.0"),
        ("anybody@A.Notes.Example.ORG", "250 2.0.0"),
        ("anybody@notes.example.org", "550 5.7.1"),
        ("announce@lists.example.org", "250 2.0.0"),
        ("unknown@lists.example.org", "550 5.1.1"),
        ("closed@lists.example.org", "550 5.7.1"),
        ("flooded@lists.example.org", "450 4.7.1"),
        ("moved@lists.example.org", "551 5.1.6 Try announce@lists.example.net"),
        ("one@simple.example.org", "250 2.0.0"),
        ("two@simple.example.org", "550 5.1.1"),
        ("postmaster", "250 2.0.0"),
        ("PostMaster", "250 2.0.0"),
        ("postmaster@lists.example.org", "250 2.0.0"),
        ("postmaster@elsewhere.example.net", "550 5.7.1"),
        ("anybody", "550 5.7.1"),
        ("anybody@[192.0.2.1]", "550 5.7.1"),
        ("anybody@elsewhere.example.net", "550 5.7.1"),
        ("anybody%elsewhere.example.net@lists.example.org", "550 5.1.1"),
        ('"anybody@elsewhere.example.net"@lists.example.org', "550 5.1.1"),
        ("elsewhere.example.net!anybody", "550 5.7.1"),
        ("anybody@elsewhere.example.net@lists.example.org", "550 5.1.1"),
    ],
)
def test_a_stranger_is_heard_for_our_addresses_alone(policy: RecipientPolicy, recipient: str, told: str) -> None:
    """Nothing is relayed for somebody whom nobody knows, in whatever way it is asked for; the postmaster hears everybody."""
    assert policy.reply(recipient, may_relay=policy.may_relay(Caller("192.0.2.1"))).line().startswith(told)


def test_the_postmaster_is_one_for_all_our_domains_and_no_others(policy: RecipientPolicy) -> None:
    """Who may relay may write to somebody else's postmaster; the case of a domain does not count in the ledger."""
    said = ["PostMaster", "postmaster@lists.example.org", "postmaster@elsewhere.example.net", "Bob@Lists.Example.ORG"]
    taken = ["postmaster", "postmaster", "postmaster@elsewhere.example.net", "Bob@lists.example.org"]
    assert [policy.taken_for(recipient) for recipient in said] == taken


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        (Caller("192.0.2.1", user="ann"), "250"),
        (Caller("10.1.2.3"), "250"),
        (Caller("11.1.2.3"), "550"),
        (Caller("::1"), "550"),
        (Caller(""), "550"),
    ],
)
def test_relaying_is_for_who_has_logged_in_or_is_near(policy: RecipientPolicy, caller: Caller, told: str) -> None:
    """What only ``*`` takes is taken from users and from the configured networks, and from nobody at a Unix socket."""
    assert policy.reply("anybody@elsewhere.example.net", may_relay=policy.may_relay(caller)).line().startswith(told)


def test_a_handler_is_asked_only_where_it_has_a_say(policy: RecipientPolicy) -> None:
    """Not about a postmaster, nor for whom nothing is relayed: neither must wait for one that hangs."""
    policy.site.registry.add("asking.example.org", Binding("asking", Lists(), Traits()))
    catch_all: Registry[Binding] = Registry()
    catch_all.add("*", Binding("all", Lists(), Traits()))
    relaying = replace(policy, site=replace(policy.site, registry=catch_all))
    assert policy.asked("anybody@asking.example.org", may_relay=False) == "asking"
    assert policy.asked("postmaster@asking.example.org", may_relay=False) is None
    assert policy.asked("anybody@a.notes.example.org", may_relay=False) is None
    assert [relaying.asked("a@elsewhere.example.net", may_relay=may) for may in (True, False)] == ["all", None]


def test_what_a_handler_raises_by_mistake_goes_through(policy: RecipientPolicy) -> None:
    """A bug of ``accepts`` is no answer: who asks makes an OOPS of it."""
    broken: Registry[Binding] = policy.site.registry
    broken.add("broken.example.org", Binding("broken", type("Broken", (), {"accepts": lambda *_: 1 / 0})(), Traits()))
    with pytest.raises(ZeroDivisionError):
        policy.reply("anybody@broken.example.org", may_relay=False)
