"""Reverse paths: what a mail goes on with, and what mail that comes back says."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc import Address, MissingProgram
from mailproc.forward.bounces.reversepaths import BouncePath, ReversePaths
from mailproc.forward.bounces.reversepaths import bounced as bounced_at
from mailproc.forward.bounces.reversepaths import reverse_paths as paths_at

LISTS = "lists.example.org"
BOUNCES = Address("bounces", LISTS)
SECRET = "a secret of the tests"

KEEP = ReversePaths("keep", None, False, None, "")
FIXED = ReversePaths("fixed", BOUNCES, False, None, "")
VERP = ReversePaths("fixed", BOUNCES, True, SECRET, "")
SRS = ReversePaths("srs", None, False, SECRET, LISTS)

ANN, BOB = "ann@example.com", "bob@example.net"
NOW = datetime.now(UTC)  # what makes the paths of SRS knows no other time


Paths = Sequence[tuple[str, tuple[str, ...]]]


def reverse_paths(policy: ReversePaths, incoming: str | None, recipients: Sequence[str]) -> Paths:
    """The paths that a mail goes on with now."""
    return paths_at(policy, incoming, recipients, NOW)


def bounced(recipient: Address, policy: ReversePaths, later: timedelta = timedelta()) -> BouncePath | None:
    """What an address says now, or later."""
    return bounced_at(recipient, policy, NOW + later)


@pytest.mark.parametrize(
    ("policy", "incoming", "path"),
    [
        (KEEP, ANN, ANN),
        (KEEP, '"a.b"@example.com', '"a.b"@example.com'),
        (KEEP, '"a b"@example.com', ""),
        (KEEP, "a b@example.com", ""),
        (KEEP, None, ""),
        (KEEP, "", ""),
        (KEEP, "no address", ""),
        (KEEP, "x@y>\r\nRCPT TO:<eve@example.net", ""),
        (FIXED, ANN, str(BOUNCES)),
        (FIXED, None, str(BOUNCES)),
        (FIXED, "", ""),
        (VERP, "", ""),
        (SRS, None, ""),
        (SRS, "", ""),
        (SRS, f"board@{LISTS}", f"board@{LISTS}"),
        (SRS, '"a b"@example.com', ""),
        (SRS, f"ann@{'long.' * 45}example.com", ""),
        (SRS, "bounces+12345678-abcd-ann=example.org@em1234.mail.example.com", ""),
    ],
)
def test_all_recipients_share_a_reverse_path(policy: ReversePaths, incoming: str | None, path: str) -> None:
    """The null path stays null, an unknown one has nobody hear, and nothing gets into the command."""
    assert reverse_paths(policy, incoming, [BOB, ANN]) == [(path, (BOB, ANN))]


def test_a_sender_who_cannot_be_rewritten_is_heard_by_us() -> None:
    """Where the operator has named an address for failures they come there."""
    policy = ReversePaths("srs", BOUNCES, False, SECRET, LISTS)
    for sender in ('"a.b"@example.com', f"{'a' * 31}@mail.example.com"):
        assert reverse_paths(policy, sender, [BOB]) == [(str(BOUNCES), (BOB,))]
    ((path, _),) = reverse_paths(policy, f"{'a' * 30}@mail.example.com", [BOB])
    assert len(path.partition("@")[0]) == 64


@pytest.mark.parametrize("policy", [KEEP, FIXED, VERP, SRS])
def test_no_recipients_have_no_path(policy: ReversePaths) -> None:
    """Nothing goes on to nobody."""
    assert reverse_paths(policy, ANN, []) == []
    assert reverse_paths(policy, "", []) == []


def test_srs_leads_back_to_the_sender() -> None:
    """The path is in our domain, and says whom it stands for."""
    ((path, _),) = reverse_paths(SRS, "Ann+x@example.com", [BOB])
    assert path.startswith("SRS0=") and path.endswith(f"=example.com=Ann+x@{LISTS}")
    assert bounced(Address.parse(path), SRS) == BouncePath("srs", Address("Ann+x", "example.com"))
    lower = Address.parse(path.lower())  # some of those who return mail change the case
    assert bounced(lower, SRS) == BouncePath("srs", Address("ann+x", "example.com"))


def test_srs_of_another_forwarder_leads_to_the_first() -> None:
    """SRS0 becomes SRS1, and SRS1 stays one, so that the path does not grow with each forwarder."""
    first = "SRS0=abcd=XY=example.com=ann@one.example.net"
    ((path, _),) = reverse_paths(SRS, first, [BOB])
    assert path.startswith("SRS1=") and path.endswith(f"=one.example.net==abcd=XY=example.com=ann@{LISTS}")
    found = bounced(Address.parse(path), SRS)
    assert found == BouncePath("srs", Address.parse(first))
    ((second, _),) = reverse_paths(SRS, path.replace(LISTS, "two.example.net"), [BOB])
    assert bounced(Address.parse(second), SRS) == found


@pytest.mark.parametrize(
    "local",
    [
        "SRS0=AAAAAAAA=XY=example.com=victim",
        "SRS0=A=XY=example.com=victim",
        "SRS0==XY=example.com=victim",
        "SRS0=",
        "SRS0=x",
        "SRS1=AAAAAAAA=one.example.net==abcd=XY=example.com=victim",
        "SRS1=A=one.example.net==abcd=XY=example.com=victim",
        "SRS1+",
    ],
)
def test_a_forged_srs_path_leads_nowhere(local: str) -> None:
    """Also one with a hash so short that one of 32 would fit."""
    found = bounced(Address(local, LISTS), SRS)
    assert found is not None and found.address is None and found.objection


@pytest.mark.parametrize("digit", "abcdefghijklmnopqrstuvwxyz0123456789+/")
def test_a_hash_of_one_letter_never_fits(digit: str) -> None:
    """The library compares as many letters as it is shown."""
    ((path, _),) = reverse_paths(SRS, ANN, [BOB])
    day = path.split("=")[2]
    found = bounced(Address(f"SRS0={digit}={day}=example.com=ann", LISTS), SRS)
    assert found is not None and found.address is None


@pytest.mark.parametrize("policy", [SRS, VERP])
@pytest.mark.parametrize(("days", "known"), [(0, True), (20, True), (22, False), (400, False)])
def test_a_path_is_good_for_three_weeks(monkeypatch: pytest.MonkeyPatch, policy: ReversePaths, days: int, known: bool) -> None:
    """What leaked into an archive cannot be used for ever."""
    ((path, _),) = reverse_paths(policy, ANN, [BOB])
    later = timedelta(days=days)
    monkeypatch.setattr("time.time", lambda: (NOW + later).timestamp())  # the library's
    found = bounced(Address.parse(path), policy, later)
    assert found is not None
    assert (found.address is not None, bool(found.objection)) == (known, not known)


def test_verp_gives_each_recipient_a_path() -> None:
    """A failure then says whose it is, whatever the other server writes."""
    paths = reverse_paths(VERP, ANN, ["ann+news@example.com", BOB, BOB])
    assert [recipients for _, recipients in paths] == [("ann+news@example.com",), (BOB,)]
    for path, (recipient,) in paths:
        assert path.endswith(f"-{recipient.replace('@', '=')}@{LISTS}")
        assert bounced(Address.parse(path.upper()), VERP) == BouncePath("verp", Address.parse(recipient.upper()))


def test_recipients_whose_address_does_not_fit_share_the_fixed_path() -> None:
    """A local part has 64 octets (RFC 5321 section 4.5.3.1.1), and no quotes."""
    odd = ["a.very.long.name.of.somebody@students.faculty.example.org", '"a b"@example.org', "z=@examplé.org"]
    assert reverse_paths(VERP, ANN, [*odd, BOB])[0] == (str(BOUNCES), tuple(odd))


def test_a_forged_failure_is_nobodys() -> None:
    """Who knows the form, but not the secret, has nobody declared dead; nor with another's hash."""
    ((path, _),) = reverse_paths(VERP, ANN, [ANN])
    for forged in (
        "bounces+aaaaaaaaaaaaaa-bob=example.net",
        path.split("@")[0].replace("ann=", "bob="),
        "bounces+bob=example.net",
    ):
        found = bounced(Address(forged, LISTS), VERP)
        assert found == BouncePath("verp", None, "it is none that we have made lately")


def test_another_secret_makes_other_paths() -> None:
    """A path of one installation says nothing to another."""
    for policy in (SRS, VERP):
        other = ReversePaths(policy.kind, policy.bounces, policy.verp, "another", policy.domain)
        ((path, _),) = reverse_paths(policy, ANN, [BOB])
        found = bounced(Address.parse(path), other)
        assert found is not None and found.address is None


def test_paths_of_a_kind_that_is_not_in_use_any_more_are_known() -> None:
    """Mail comes back for days after the configuration was changed."""
    both = ReversePaths("keep", BOUNCES, False, SECRET, LISTS)
    for policy in (SRS, VERP):
        ((path, _),) = reverse_paths(policy, ANN, [BOB])
        found = bounced(Address.parse(path), both)
        assert found is not None and found.address is not None


@pytest.mark.parametrize(
    ("recipient", "policy", "found"),
    [
        (f"Bounces@{LISTS}", FIXED, BouncePath("fixed")),
        (f"bounces@{LISTS}", VERP, BouncePath("fixed")),
        (f"board@{LISTS}", VERP, None),
        ("bounces@example.org", FIXED, None),
        (f"SRS0=x=y=z=w@{LISTS}", FIXED, None),
        ("SRS0=x=y=z=w@example.org", SRS, None),
        (f"bounces@{LISTS}", KEEP, None),
        (f"bounces+x@{LISTS}", FIXED, None),
    ],
)
def test_an_address_is_one_for_failures_or_not(recipient: str, policy: ReversePaths, found: BouncePath | None) -> None:
    """Everything else is a list, or nothing."""
    assert bounced(Address.parse(recipient), policy) == found


def test_the_longest_address_of_bounces() -> None:
    """Below it the shortest recipient has a path of his own."""
    longest = ReversePaths("fixed", Address("b" * 42, LISTS), True, SECRET, "")
    assert reverse_paths(longest, ANN, ["a@b.de", BOB])[1] == (str(longest.bounces), (BOB,))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("munge", None, False, None, ""), "envelope_from: 'munge' is none of keep, fixed, srs"),
        (("fixed", None, False, None, ""), "bounces: envelope_from = fixed needs the address"),
        (("keep", BOUNCES, True, SECRET, ""), "verp: is a way of fixed"),
        (("fixed", BOUNCES, True, None, ""), "secret_file: verp needs a secret"),
        (("fixed", Address("b" * 43, LISTS), True, SECRET, ""), "verp: bounces is so long that no recipient has a path"),
        (("srs", None, False, "", LISTS), "secret_file: envelope_from = srs needs a secret"),
        (("srs", None, False, SECRET, ""), "srs_domain: envelope_from = srs needs a domain"),
        (("srs", None, False, SECRET, "not a domain"), "srs_domain: 'not a domain' is not a domain; write it like"),
        (("keep", None, False, None, "a..b"), "srs_domain: 'a..b' is not a domain"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(arguments: tuple, says: str) -> None:
    """The text names the key."""
    with pytest.raises(ValueError, match=says):
        ReversePaths(*arguments)


def test_srs_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said at the start, and of what comes back in the ledger."""
    ((path, _),) = reverse_paths(SRS, ANN, [BOB])
    monkeypatch.setitem(sys.modules, "srslib", None)
    with pytest.raises(MissingProgram, match=r"^srslib is not installed; type: pip install 'srslib>=0\.1\.5'$"):
        ReversePaths("srs", None, False, SECRET, LISTS)
    found = bounced(Address.parse(path), SRS)
    assert found is not None and found.address is None and "not installed" in found.objection


@given(st.text(max_size=80), st.sampled_from([FIXED, VERP, SRS]))
def test_any_recipient_is_read(text: str, policy: ReversePaths) -> None:
    """An address that somebody made up is an objection, or nothing; never an error, and never somebody."""
    for local in (text, f"SRS0={text}", f"SRS1={text}", f"bounces+{text}"):
        found = bounced(Address(local, LISTS), policy)
        assert found is None or found.address is None


@given(st.text(max_size=300))
def test_any_reverse_path_is_fit_for_the_command(incoming: str) -> None:
    """No line end, no angle bracket, whoever sent it."""
    for policy in (KEEP, SRS):
        ((path, _),) = reverse_paths(policy, incoming, [BOB])
        assert not set(path) & set("\r\n<>\0 ")
        assert path == "" or "@" in path
