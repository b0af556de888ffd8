"""The campaign against signatures: thousands of attacks and of valid mails, played against each verifier.

::

    python -m benchmarks.attacks        # all of them
    python -m benchmarks.attacks 2/5    # the second fifth

It ends with 1 where an attack succeeds, a valid mail is refused, or a mail can be made to wait; what that means is written in
`tests.attacks.judge`, and each line names the attack, which is the same in every run.
"""

from __future__ import annotations

import sys
import time

from tests.attacks.attacks import attacks
from tests.attacks.campaign import VERIFIERS, Tally, attack_with, welcome_all
from tests.attacks.cast import assembled
from tests.attacks.letters import originals
from tests.attacks.valid import valid_mails

ENDS = ("strong", "as signed", "weak", "none", "rejected", "dropped", "deferred", "failed")


def main(part: str = "1/1") -> int:
    """Play and print; 1 where anything is wrong."""
    number, parts = (int(each) for each in part.split("/"))
    failures = 0
    with assembled() as cast:
        known = originals(cast)
        attacking, valid = attacks(known)[number - 1 :: parts], valid_mails(cast)[number - 1 :: parts]
        for name, make in VERIFIERS.items():
            began = time.monotonic()
            verifier = make()
            attacked, welcomed = attack_with(attacking, cast, verifier, known), welcome_all(valid, cast, verifier)
            _print(name, attacked, welcomed, time.monotonic() - began)
            failures += len(attacked.wrong) + len(welcomed.wrong)
    return 1 if failures else 0


def _print(name: str, attacked: Tally, welcomed: Tally, seconds: float) -> None:
    print(f"{name}: {len(attacked.mails)} different attacks, {len(welcomed.mails)} valid mails, {seconds:.1f} s")
    print(f"  {'attacks':16}{''.join(f'{end:>10}' for end in ENDS)}     wrong")
    for family in attacked.families:
        ends = attacked.of(family)
        print(f"  {family:16}{''.join(f'{ends.get(end, 0):10}' for end in ENDS)}")
    total = [sum(number for (_, ended), number in attacked.ends.items() if ended == end) for end in ENDS]
    print(f"  {'all':16}{''.join(f'{number:10}' for number in total)}{len(attacked.wrong):10}")
    strong = sum(welcomed.ends[family, "strong"] for family in welcomed.families)
    print(f"  {'valid':16}{strong:20}{'':50}{len(welcomed.wrong):10}")
    for wrong in (*attacked.wrong, *welcomed.wrong):
        print(f"  WRONG: {wrong}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
