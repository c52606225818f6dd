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

_PULUMI, _KUBERNETES = "import pulumi", "with one Kubernetes kind"
_MODELYARD, _STACK = "import modelyard", "with MLStack"
_IMPORTS = {
    _PULUMI: "import pulumi",
    _KUBERNETES: "import pulumi_kubernetes as k8s; k8s.core.v1.Namespace",
    _MODELYARD: "import modelyard",
    _STACK: "import modelyard; modelyard.MLStack",
}


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
    print("imports, each in a fresh interpreter")
    for title, measure, unit in (("time", seconds, "s"), ("memory", peak_mib, "MiB")):
        runs: dict[str, Callable[[], float]] = {name: partial(measure, command) for name, command in commands.items()}
        found = medians(runs, rounds)
        _show(title, found, unit)
        _ratio(found, _MODELYARD, _PULUMI, IMPORT_GOAL)
        _ratio(found, _STACK, _PULUMI, IMPORT_GOAL)
        # No program with a Kubernetes object costs less than this.
        _ratio(found, _STACK, _KUBERNETES)


def _previews(previews: Previews, rounds: int) -> None:
    print(f"preview of the local stack, {previews.compare()} resources, before it exists")
    for title, measure, unit in (("time", previews.seconds, "s"), ("memory", previews.mib, "MiB")):
        runs: dict[str, Callable[[], float]] = {name: partial(measure, name) for name in previews.names}
        found = medians(runs, rounds)
        _show(title, found, unit)
        _ratio(found, LIBRARY, EMPTY)
        _ratio(found, LIBRARY, HAND_WRITTEN, PREVIEW_GOAL)


def _show(title: str, found: Mapping[str, float], unit: str) -> None:
    print(f"  {title}: " + ", ".join(f"{name} {value:.2f} {unit}" for name, value in found.items()))


def _ratio(found: Mapping[str, float], name: str, other: str, goal: float | None = None) -> None:
    ratio = found[name] / found[other]
    verdict = "" if goal is None else f" (goal {goal:.2f} or less: {'met' if ratio <= goal else 'MISSED'})"
    print(f"    {name} : {other} = {ratio:.2f}{verdict}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
