"""The order of the rules, what they all have in common, mail to many, and limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.defaults import DEFAULT_DROP
from mailproc.reading import read_message
from mailproc.screening import FROM_A_PERSON, RULE_IDS, RULES, Screened, Verdict, screen
from tests.cost import within

DEEP = "Content-Type: message/rfc822\n\n" * 60


def screened(head: str, size: int = 1) -> Screened:
    """What a mail with these header lines is, when 1,000 octets are allowed."""
    raw = f"From: ann@example.org\n{head}\n\n".encode()
    return screen(read_message(raw), reverse_path=None, size=size, max_size=1000, our_domain="robot.example.org")


# Each line of the list adds a sign that is asked for earlier.
SIGNS = [
    ("human", "human", ""),
    ("list", "list.field", "List-Id: <a.example.org>\n"),
    ("bulk", "bulk.precedence", "Precedence: list\n"),
    ("auto-generated", "auto-generated.auto-submitted", "Auto-Submitted: auto-generated\n"),
    ("auto-reply", "auto-reply.field", "X-Autorespond: x\n"),
    ("report", "report.tls", "TLS-Report-Domain: a\nTLS-Report-Submitter: b\n"),
    ("bounce", "bounce.failed-recipients", "Return-Path: <>\nX-Failed-Recipients: x@example.net\n"),
    ("loop", "loop.mark", "X-Loop: mailproc/robot.example.org\n"),
    ("unparseable", "unparseable.structure", DEEP),
]


@pytest.mark.parametrize("count", range(1, len(SIGNS) + 1))
def test_order(count: int) -> None:
    """Of several signs the one that is asked for first decides."""
    found = screened("".join(sign for _, _, sign in SIGNS[:count]) + "X: y")
    assert (found.verdict, found.rule) == SIGNS[count - 1][:2]


@pytest.mark.parametrize("count", range(2, len(SIGNS) + 1))
def test_size_comes_late(count: int) -> None:
    """A mail that is too big as well is still what the machine made it."""
    assert screened("".join(sign for _, _, sign in SIGNS[:count]) + "X: y", size=5000).verdict == SIGNS[count - 1][0]


def test_size() -> None:
    """A mail of the largest size passes; one octet more is too big, and still from a person."""
    assert screened("X: y", size=1000).verdict == "human"
    found = screened("X: y", size=1001)
    assert (found.verdict, found.rule) == ("too-big", "too-big.size")
    assert found.verdict in FROM_A_PERSON


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        ("Precedence: bulk", "bulk.precedence"),
        ("Precedence: first-class", "bulk.precedence"),
        ("Precedence:", "bulk.precedence"),
        ("List-Unsubscribe: <mailto:a@example.org>", "bulk.list-unsubscribe"),
        ("Feedback-ID: 1:2:3:example", "bulk.feedback-id"),
        ("List-Id: <a.example.org>\nPrecedence: list", "bulk.precedence"),
        ("List-Id: <a.example.org>\nList-Unsubscribe: <mailto:a@example.org>\nFeedback-ID: 1", "list.field"),
        ("List-Post: <mailto:a@example.org>", "list.field"),
        ("List-Help: <mailto:a@example.org>", "human"),
    ],
)
def test_mail_to_many(head: str, rule: str) -> None:
    """Any Precedence is bulk; a list without it is a list; signs of campaigns are bulk where there is no list."""
    assert screened(head).rule == rule


def test_rule_ids() -> None:
    """Each rule has an id of its own that begins with its verdict, and a docstring."""
    assert len(set(RULE_IDS)) == len(RULES)
    for rule in RULES:
        assert rule.id.split(".")[0] == rule.verdict
        assert rule.opinion.__doc__


def test_every_verdict_has_a_rule() -> None:
    """The vocabulary is closed: every verdict is given by some rule."""
    assert {rule.verdict for rule in RULES} == set(Verdict)


def test_policy_speaks_of_verdicts() -> None:
    """What is dropped by default are verdicts, and none of them is from a person."""
    assert set(DEFAULT_DROP) <= set(Verdict)
    assert not set(DEFAULT_DROP) & FROM_A_PERSON


names = st.sampled_from(
    ["X-Loop", "Message-ID", "Return-Path", "Content-Type", "Auto-Submitted", "Precedence", "X-Failed-Recipients", "From"]
)
values = st.one_of(st.text(max_size=30), st.sampled_from(["<>", "multipart/report; report-type=\x1b", '"', "(", "x\r\ny: z"]))


@given(st.lists(st.tuples(names, values)), st.sampled_from([None, "", "a@example.org"]))
def test_any_mail(fields: list[tuple[str, str]], reverse_path: str | None) -> None:
    """Any mail gets one verdict, by a rule that is listed, with a reason on one line."""
    raw = "".join(f"{name}: {value}\n" for name, value in fields).encode("utf-8", "replace")
    found = screen(read_message(raw), reverse_path=reverse_path, size=len(raw), max_size=50, our_domain="x")
    assert found.rule in RULE_IDS
    assert found.reason and found.reason.isprintable() and len(found.reason) <= 200


def test_time() -> None:
    """Reading and screening a usual mail takes well under a millisecond."""
    head = "Received: from a.example.org (a.example.org [192.0.2.1])\n\tby b.example.org; Thu, 19 Nov 2026 10:00:00 +0000\n" * 6
    body = (
        "--b\nContent-Type: text/plain\n\n"
        + "Hello\n" * 500
        + "--b\nContent-Type: text/html\n\n"
        + "<p>Hello\n" * 300
        + "--b--\n"
    )
    raw = f"{head}From: ann@example.org\nContent-Type: multipart/alternative; boundary=b\n\n{body}".encode()

    def screen_it() -> None:
        for _ in range(500):
            screen(read_message(raw), reverse_path=None, size=len(raw), max_size=10_000, our_domain="x")

    within(0.001 * 500, screen_it)
