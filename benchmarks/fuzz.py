"""Every reader and writer of mail against generated hostile bytes, for as long as you like.

::

    python -m benchmarks.fuzz --minutes 60
    python -m benchmarks.fuzz --minutes 10 --target addresses
    python -m benchmarks.fuzz --replay fuzz-findings/addresses-7.eml
    python -m benchmarks.fuzz --minutes 60 --target signed-part --atheris

The targets take turns, each with a new seed. What fails is made as small as it can be, written to a file, and reported with its
seed. With ``--atheris``, where that is installed, one target is driven by the coverage of the code instead. Exit status 1 when
anything was found.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import time
import traceback
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

AT_ONCE = 500  # inputs for one seed
MOST_FINDINGS = 3  # of one target: after that it only repeats itself


class Campaign:
    """The inputs that were tried, by target, and what was found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tried: dict[str, int] = {}
        self.found: dict[str, list[Path]] = {}

    def try_out(self, target: Target, number: int) -> None:
        """Try the inputs of one seed, and write down the smallest that fails."""
        failing: list[bytes] = []

        @seed(number)
        @settings(
            max_examples=AT_ONCE,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(target.inputs())
        def holds(raw: bytes) -> None:
            self.tried[target.name] = self.tried.get(target.name, 0) + 1
            try:
                target(raw)
            except BaseException:
                failing.append(raw)
                raise

        try:
            holds()
        except (Exception, HypothesisException) as error:
            self._note(target.name, number, failing[-1] if failing else b"", error)

    def _note(self, name: str, number: int, raw: bytes, error: BaseException) -> None:
        self.folder.mkdir(exist_ok=True)
        file = self.folder / f"{name}-{number}.eml"
        file.write_bytes(raw)
        self.found.setdefault(name, []).append(file)
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = "".join(traceback.format_exception_only(error)).splitlines()[0][:300]
        print(f"FOUND {name}, seed {number}: {file}: {what} ({Path(where.filename).name}:{where.lineno})", flush=True)

    def report(self, seconds: float) -> None:
        """Print how much was tried."""
        for name, tried in sorted(self.tried.items()):
            print(f"{name}: {tried} inputs, {len(self.found.get(name, []))} findings")
        print(f"{sum(self.tried.values())} inputs in {seconds / 60:.1f} minutes")


def campaign(targets: list[Target], seconds: float, first: int, folder: Path) -> bool:
    """Let the targets take turns until the time is over; whether nothing was found."""
    began = time.monotonic()
    state = Campaign(folder)
    for target, number in zip(cycle(targets), count(first), strict=False):
        if time.monotonic() - began > seconds:
            break
        if len(state.found.get(target.name, [])) < MOST_FINDINGS:
            state.try_out(target, number)
        elif all(len(state.found.get(each.name, [])) >= MOST_FINDINGS for each in targets):
            break
    state.report(time.monotonic() - began)
    return not state.found


def replay(targets: dict[str, Target], file: Path) -> None:
    """Try one file again, by the target that its name begins with; what fails is raised."""
    targets[file.name.rpartition("-")[0]](file.read_bytes())


def guided(name: str, seconds: float, folder: Path) -> None:
    """Let atheris find its way by the coverage of mailproc; it does not come back, and its exit status tells."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["mailproc"]):
        target = importlib.import_module("tests.fuzz.targets").TARGETS[name]
    corpus = folder / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)

    @settings(max_examples=AT_ONCE, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @given(target.inputs())
    def sow(raw: bytes) -> None:
        (corpus / f"{abs(hash(raw)):x}").write_bytes(raw)

    sow()
    limits = [f"-max_total_time={int(seconds)}", "-max_len=8192", "-timeout=20", f"-artifact_prefix={folder}/{name}-"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], lambda data: target(bytes(data)))
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    """Run and print; 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--target", action="append", help="only this one; may be given several times")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; by default the time")
    parser.add_argument("--folder", type=Path, default=Path("fuzz-findings"), help="where failing inputs are written")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try a written input again")
    parser.add_argument("--atheris", action="store_true", help="let the coverage guide one target")
    options = parser.parse_args(arguments)
    logging.getLogger("mailproc").setLevel(logging.CRITICAL + 1)
    if options.atheris:
        guided((options.target or ["reading"])[0], options.minutes * 60, options.folder)
    targets = importlib.import_module("tests.fuzz.targets").TARGETS
    if options.replay:
        replay(targets, options.replay)
        return 0
    chosen = [targets[name] for name in options.target or targets]
    first = int(time.time()) if options.seed is None else options.seed
    return 0 if campaign(chosen, options.minutes * 60, first, options.folder) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
