"""Mail in the forms that are found in the world, each in many variants: the verdict is that of the form."""

from __future__ import annotations

from collections import Counter

import pytest

from mailproc.reading import read_message
from mailproc.recipients import reverse_path_of
from mailproc.screening import RULE_IDS, Screened, screen
from tests.cost import within
from tests.screening.forms import KINDS, bounces, expected, forms_of, generated, make, many, people, replies, reports

VARIANTS = 20
FORMS = [(module, verdict, name) for module, verdict in KINDS for name in forms_of(module)]
LEAST = {bounces: 20, replies: 15, reports: 12, many: 10, people: 25, generated: 5}


def screened(raw: bytes) -> Screened:
    """What a polled mail is: its reverse path is what the MTA wrote down."""
    message = read_message(raw)
    path = reverse_path_of(message.header)
    return screen(message, reverse_path=path, size=len(raw), max_size=1 << 20, our_domain="robot.example.org")


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, _, n in FORMS], ids=[f"{m.__name__.rpartition('.')[2]}-{n}" for m, _, n in FORMS]
)
def test_each_variant_is_what_its_form_is(module: object, name: str) -> None:
    """Folding, case, order, line ends, charset and language change nothing."""
    form = forms_of(module)[name]  # type: ignore[arg-type]
    wanted = expected(module, name)  # type: ignore[arg-type]
    for seed in range(VARIANTS):
        raw = make(form, seed)
        found = screened(raw)
        assert found.verdict == wanted, f"seed {seed}: {found}\n{raw.decode('utf-8', 'replace')}"


def test_there_are_many_forms() -> None:
    """Each kind has its share of forms, and all together they make more than two thousand mails."""
    assert {module: len(forms_of(module)) >= least for module, least in LEAST.items()} == dict.fromkeys(LEAST, True)
    assert len(FORMS) * VARIANTS > 2000


def test_the_mails_of_a_form_differ() -> None:
    """Each seed gives another mail, and the same one each time."""
    form = forms_of(bounces)["postfix"]
    assert len({make(form, seed) for seed in range(VARIANTS)}) == VARIANTS
    assert make(form, 1) == make(form, 1)


def test_every_rule_is_met() -> None:
    """Each rule but those of loops and limits decides about some of the mails."""
    rules = Counter(
        screened(make(form, seed)).rule for module, _ in KINDS for form in forms_of(module).values() for seed in range(8)
    )
    assert set(RULE_IDS) - set(rules) == {
        "unparseable.structure",
        "loop.mark",
        "loop.message-id",
        "loop.received",
        "too-big.size",
    }


def test_time() -> None:
    """A mail of any form is read and screened in less than two milliseconds of the processor, on average."""
    mails = [make(form, 1) for module, _ in KINDS for form in forms_of(module).values()]
    within(0.002 * len(mails), lambda: [screened(raw) for raw in mails])
