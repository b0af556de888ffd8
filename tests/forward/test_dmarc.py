"""Which domains ask that mail of others in their name is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc.dkim.txt import Dns, Hurried, Records, Remembered
from mailproc.forward.dmarc import strict
from tests.servers.dns import DnsServer


class Asked:
    """Records that note which names were asked for."""

    def __init__(self, records: dict[str, list[str]]) -> None:
        self.records, self.names = Records(records), list[str]()

    def txt(self, name: str, seconds: float = 0) -> object:
        """Note and answer."""
        self.names.append(name)
        return self.records.txt(name)


def is_strict(domain: str, **records: str) -> bool:
    """Whether a domain is strict where these names (with "_" for ".") have these DMARC records."""
    return strict(domain, Records({f"_dmarc.{name.replace('_', '.')}": [value] for name, value in records.items()}))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=DMARC1; p=reject", True),
        ("v=DMARC1; p=quarantine; rua=mailto:x@example.org", True),
        ("v = DMARC1 ;p = REJECT;", True),
        ("v=DMARC1; p=none; sp=reject", False),
        ("v=DMARC1", False),
        ("v=DMARC1; p=nonsense", False),
        ("v=DMARC1; p=reject; t=y", True),
        ("v=DMARC1; p=quarantine; t=y", False),
        ("v=DMARC1; p=none; p=reject", False),
        ("v=DMARC2; p=reject", False),
        ("v=DMARC11; p=reject", False),
        ("p=reject; v=DMARC1", False),
        ("v=DMARC1; p=reject; " + "x=y; " * 1000, False),
        ("", False),
    ],
)
def test_the_policy_of_the_domain_itself(record: str, expected: bool) -> None:
    """Its own record counts by ``p=``; a policy for testing is one step milder; what is no record is none."""
    assert is_strict("example.org", example_org=record) is expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({"example_org": "v=DMARC1; p=reject"}, True),
        ({"example_org": "v=DMARC1; p=none; sp=quarantine"}, True),
        ({"example_org": "v=DMARC1; p=reject; sp=none"}, False),
        ({"b_example_org": "v=DMARC1; p=reject", "example_org": "v=DMARC1; p=none"}, False),
        ({"b_example_org": "v=DMARC1; p=reject; psd=n", "example_org": "v=DMARC1; p=none"}, True),
        ({"example_org": "v=DMARC1; p=none", "org": "v=DMARC1; p=reject; psd=y"}, False),
        ({"b_example_org": "v=DMARC1; p=none", "org": "v=DMARC1; p=reject; psd=y"}, True),
        ({"org": "v=DMARC1; p=none; sp=reject; psd=y"}, True),
        ({"a_b_example_org": "v=DMARC1; p=none", "example_org": "v=DMARC1; p=reject"}, False),
        ({}, False),
    ],
)
def test_the_policy_above(records: dict[str, str], expected: bool) -> None:
    """Without a record of its own the organizational domain's ``sp=`` counts, and that is found by the walk up the tree."""
    assert is_strict("a.b.example.org", **records) is expected


def test_several_records_are_none() -> None:
    """Of two policies nobody knows which one is meant."""
    assert not strict("example.org", Records({"_dmarc.example.org": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}))
    assert strict("example.org", Records({"_dmarc.example.org": ["v=spf1 -all", "v=DMARC1; p=reject"]}))


def test_eight_names_are_looked_up_at_most() -> None:
    """A domain of many labels costs no more than one of eight: itself, and the seven labels on the right and what is above."""
    asked = Asked({})
    assert not strict(".".join("abcdefghijkl"), asked)
    assert asked.names[0] == "_dmarc.a.b.c.d.e.f.g.h.i.j.k.l"
    assert asked.names[1:] == [f"_dmarc.{'.'.join('abcdefghijkl'[at:])}" for at in range(5, 12)]
    asked = Asked({})
    strict("a.example.org", asked)
    assert asked.names == ["_dmarc.a.example.org", "_dmarc.example.org", "_dmarc.org"]


@pytest.mark.parametrize("behaviour", ["servfail", "silence", "refused", "garbage"])
def test_without_an_answer_a_domain_is_not_strict(behaviour: str, caplog: pytest.LogCaptureFixture) -> None:
    """A DNS that is away lets mail go on unchanged, after one name, and the log tells of it."""
    with DnsServer({"_dmarc.example.org": ["v=DMARC1; p=reject"]}) as server:
        dns = Dns(server.server, query_seconds=0.2, name_seconds=0.3)
        assert strict("example.org", dns)
        server.behave["_dmarc.a.example.org"] = behaviour
        assert not strict("a.example.org", dns)
        assert {name for _, name in server.asked} == {"_dmarc.example.org", "_dmarc.a.example.org"}
    assert "the DMARC policy of a.example.org cannot be looked up" in caplog.text


def test_all_look_ups_of_a_mail_have_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds; what is not known by then is not strict, and what is known is not asked for again."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    given: list[float] = []

    class Slow(Asked):
        def txt(self, name: str, seconds: float = 0) -> object:
            now[0] += 1.5
            given.append(seconds)
            return super().txt(name)

    slow = Slow({"_dmarc.strict.example": ["v=DMARC1; p=reject"]})
    mail = Hurried(slow)
    assert [strict("strict.example", mail) for _ in range(3)] == [True] * 3
    assert not strict("a.b.c.d.e.example.org", mail)
    assert strict("strict.example", mail)
    assert not strict("late.example", mail)
    assert (given, len(slow.names)) == ([5.0, 3.5, 2.0, 0.5], 4)
    assert strict("strict.example", Hurried(slow))


def test_a_name_that_got_no_time_is_not_remembered_as_away() -> None:
    """Whoever has a slow name server cannot have another's policy overlooked in the mail after his."""
    with DnsServer({"_dmarc.example.org": ["v=DMARC1; p=reject"]}) as server:
        server.behave["_dmarc.example.org"] = "silence"
        known = Remembered(Dns(server.server))
        assert not strict("example.org", Hurried(known, 0.1))
        server.behave.clear()
        assert strict("example.org", Hurried(known))


def test_a_domain_beyond_ascii() -> None:
    """It is asked for by its name in the DNS."""
    assert strict("b\xfccher.example", Records({"_dmarc.xn--bcher-kva.example": ["v=DMARC1; p=reject"]}))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_domain(domain: str) -> None:
    """What is no domain is not strict, and nothing is asked that is none."""
    asked = Asked({})
    assert not strict(domain, asked)
    assert all(name.isascii() and name.startswith("_dmarc.") and " " not in name for name in asked.names)
