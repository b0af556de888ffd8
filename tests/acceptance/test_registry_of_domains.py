"""Which handler serves which domain: 94 to 97 of docs/behaviour/incoming.md, and the patterns that we have besides."""

from __future__ import annotations

import pytest

from mailproc.registry import Registry


@pytest.fixture
def registry() -> Registry[str]:
    """A registry with a domain, a pattern and a longer pattern."""
    registry: Registry[str] = Registry()
    registry.add("maps.example.org", "maps")
    registry.add("*.example.org", "pattern")
    registry.add("*.eu.example.org", "longer pattern")
    return registry


def test_a_bound_domain_is_found_and_no_other(registry: Registry[str]) -> None:
    """What is bound to a domain serves it; a domain that nobody bound, and one that only looks alike, has nothing."""
    assert registry.get("maps.example.org") == "maps"
    for unknown in ("example.net", "maps.example.org.example.net", "xexample.org", "", ".", "org", "example.org"):
        assert registry.get(unknown) is None


def test_a_domain_is_the_same_in_any_case(registry: Registry[str]) -> None:
    """Case counts neither when a domain is bound nor when it is asked for (RFC 5321 section 2.4)."""
    registry.add("Songs.EXAMPLE.org", "songs")
    assert registry.get("songs.example.ORG") == "songs"
    assert registry.get("MAPS.example.org") == "maps"
    registry.add("*.Example.NET", "net")
    assert registry.get("a.EXAMPLE.net") == "net"


def test_what_is_added_is_there_at_once(registry: Registry[str]) -> None:
    """A domain may be bound at any time."""
    assert registry.get("example.net") is None
    registry.add("example.net", "new")
    assert registry.get("example.net") == "new"
    assert dict(registry)["example.net"] == "new"


def test_a_domain_that_is_added_again_has_the_newer_handler(registry: Registry[str]) -> None:
    """The later binding stands, however the domain was written, and there is still one."""
    registry.add("MAPS.example.org", "newer")
    assert registry.get("maps.example.org") == "newer"
    assert len(dict(registry)) == 3


def test_adding_nothing_removes(registry: Registry[str]) -> None:
    """None takes a binding away, so that the pattern above it serves again; taking away what is not there is no error."""
    registry.add("Maps.example.org", None)
    registry.add("maps.example.org", None)
    assert registry.get("maps.example.org") == "pattern"


@pytest.mark.parametrize(
    ("domain", "serves"),
    [
        ("maps.example.org", "maps"),
        ("any.example.org", "pattern"),
        ("a.b.c.example.org", "pattern"),
        ("a.eu.example.org", "longer pattern"),
        ("a.b.eu.example.org", "longer pattern"),
        ("eu.example.org", "pattern"),
        ("x.maps.example.org", "pattern"),
        ("example.org", "all"),
        ("example.net", "all"),
        ("", "all"),
    ],
)
def test_the_most_exact_name_wins(registry: Registry[str], domain: str, serves: str) -> None:
    """A domain goes before a pattern, a longer pattern before a shorter, and ``*`` is the last; none matches its own parent."""
    registry.add("*", "all")
    assert registry.get(domain) == serves
