"""Changes the code of screening and authentication, one place at a time, and sees whether a test notices (with mutmut).

::

    python -m benchmarks.mutants                        # all of it
    python -m benchmarks.mutants mailproc.screening     # what begins with this name

A copy of the tree in the folder ``mutants`` is changed, never the tree itself. What survives is listed; docs/testing.md says of
each kind why. It ends with status 1 where fewer than 90% of the changes of a package are noticed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

ENOUGH = 0.9
PACKAGES = ("mailproc.screening", "mailproc.authenticate")
_MUTANTS = Path("mutants")
_KILLED = {1, 3, -24, 24, 36, 37, 255}  # a test failed, could not be collected, or took too long
_SURVIVED = {0}


def ends(package: str) -> dict[str, int | None]:
    """The exit status of the tests for each change of a package; None where they were not run."""
    found: dict[str, int | None] = {}
    for file in sorted((_MUTANTS / package.replace(".", "/")).rglob("*.meta")):
        found |= json.loads(file.read_text())["exit_code_by_key"]
    return found


def report(package: str) -> bool:
    """Print how many changes were noticed, and which were not; answers whether it is enough."""
    found = ends(package)
    counts = Counter(
        "killed" if status in _KILLED else "survived" if status in _SURVIVED else "not run" for status in found.values()
    )
    share = counts["killed"] / len(found) if found else 0.0
    print(f"{package}: {counts['killed']} of {len(found)} changes are noticed, {share:.1%}; {counts['not run']} were not run")
    for name in sorted(name for name, status in found.items() if status in _SURVIVED):
        print(f"  {name}")
    return share >= ENOUGH


def change(package: str) -> None:
    """Have mutmut make each change of a package and run its tests; what it says is shown where it fails."""
    mutmut = Path(sys.executable).with_name("mutmut")
    environment = {**os.environ, "PYTHONPATH": ""}
    ended = subprocess.run([mutmut, "run", f"{package}*"], env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        print("\n".join((ended.stdout + ended.stderr).splitlines()[-20:]))


def main() -> int:
    """Run mutmut, and print what came out."""
    wanted = tuple(sys.argv[1:]) or PACKAGES
    for package in wanted:  # one after the other: in a run over several, changes were counted as noticed that were not
        change(package)
    enough = [report(package) for package in wanted]
    return 0 if all(enough) else 1


if __name__ == "__main__":
    sys.exit(main())
