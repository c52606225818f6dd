"""`python -m tests.bench [--rounds N]`: prints the ratios."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.bench.measure import medians, peak_mib, seconds
from tests.bench.previews import EMPTY, HAND_WRITTEN, LIBRARY, DifferentProgramsError, Previews

PREVIEW_GOAL, IMPORT_GOAL = 1.10, 1.3
"""Ratios that the library should not exceed: against the hand-written program, and against `import pulumi`."""

_PULUMI, _MODELYARD = "import pulumi", "import modelyard"
_IMPORTS = {_PULUMI: "import pulumi", _MODELYARD: "import modelyard; modelyard.MLStack"}


def main() -> int:
    """Measure and print; the exit status is 1 where the programs do not register the same resources."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each preview after a first one; imports: twice")
    rounds = parser.parse_args().rounds
    _imports(rounds * 2)
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as folder:
        previews = Previews(Path(folder))
        try:
            _previews(previews, rounds)
        except DifferentProgramsError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            previews.close()
    return 0


def _imports(rounds: int) -> None:
    commands = {name: [sys.executable, "-c", statement] for name, statement in _IMPORTS.items()}
    print("import (MLStack touched), in a fresh interpreter")
    for title, measure, unit in (("time", seconds, "s"), ("memory", peak_mib, "MiB")):
        runs: dict[str, Callable[[], float]] = {name: partial(measure, command) for name, command in commands.items()}
        found = medians(runs, rounds)
        _show(title, found, unit, {_PULUMI: IMPORT_GOAL}, of=_MODELYARD)


def _previews(previews: Previews, rounds: int) -> None:
    print(f"preview of the local stack, {previews.compare()} resources, before it exists")
    for title, measure, unit in (("time", previews.seconds, "s"), ("memory", previews.mib, "MiB")):
        runs: dict[str, Callable[[], float]] = {name: partial(measure, name) for name in previews.names}
        _show(title, medians(runs, rounds), unit, {EMPTY: None, HAND_WRITTEN: PREVIEW_GOAL}, of=LIBRARY)


def _show(title: str, found: Mapping[str, float], unit: str, goals: Mapping[str, float | None], *, of: str) -> None:
    print(f"  {title}: " + ", ".join(f"{name} {value:.2f} {unit}" for name, value in found.items()))
    for other, goal in goals.items():
        ratio = found[of] / found[other]
        verdict = "" if goal is None else f"  goal {goal:.2f} or less: {'met' if ratio <= goal else 'MISSED'}"
        print(f"    {ratio:.2f} of {other}{verdict}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
