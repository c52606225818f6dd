"""`python -m tests.bench [--rounds N]`: prints the ratios."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from modelyard.stack.ml_stack import MLStack
from tests.bench.measure import medians, peak_mib, seconds
from tests.bench.previews import EMPTY, HAND_WRITTEN, LIBRARY, DifferentProgramsError, Previews
from tests.bench.schedule import AWS, AZURE, GCP, down, steps_of, up
from tests.bench.simulated import simulated
from tests.engine.aks_stack import PROD_AKS
from tests.engine.eks_stack import PROD_EKS
from tests.engine.gke_stack import PROD_GKE
from tests.engine.local_stack import LOCAL_SPEC
from tests.support.eks_world import EksWorld
from tests.support.mocks import Recorded, run

PREVIEW_GOAL, IMPORT_GOAL, READY_GOAL = 1.10, 1.3, 1.10
"""Ratios that the library should not exceed: against the hand-written program, against `import pulumi`, and against the
chain of steps that cannot be avoided."""
SCALE = 0.0166
"""Of the simulated account: 1:60, a second for a minute."""

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
        account = EksWorld(Path(folder) / "account")
        for name, spec, environment in (("local", LOCAL_SPEC, {}), ("prod-eks", PROD_EKS, account.environment())):
            previews = Previews(Path(folder) / name, spec, environment)
            try:
                _previews(name, previews, rounds)
            except DifferentProgramsError as error:
                print(error, file=sys.stderr)
                return 1
            finally:
                previews.close()
        _time_to_ready(Path(folder))
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


def _previews(stack: str, previews: Previews, rounds: int) -> None:
    print(f"preview of the stack {stack}, {previews.compare()} resources, before it exists")
    for title, measure, unit in (("time", previews.seconds, "s"), ("memory", previews.mib, "MiB")):
        runs: dict[str, Callable[[], float]] = {name: partial(measure, name) for name in previews.names}
        found = medians(runs, rounds)
        _show(title, found, unit)
        _ratio(found, LIBRARY, EMPTY)
        _ratio(found, LIBRARY, HAND_WRITTEN, PREVIEW_GOAL)


def _time_to_ready(folder: Path) -> None:
    stacks = (("prod-eks", PROD_EKS, AWS), ("prod-gke", PROD_GKE, GCP), ("prod-aks", PROD_AKS, AZURE))
    for stack, spec, cloud in stacks:
        steps = steps_of(_recorded(spec), cloud)
        print(f"time to ready of the stack {stack} at its cloud's usual latencies by its graph, without the engine's")
        for name, schedule, chain, least in (
            ("up", up(steps), cloud.up, cloud.unavoidable(pools=len(spec["pools"]))),
            ("down", down(steps), cloud.down, cloud.unavoidable(deleting=True)),
        ):
            steps_taken = ", ".join(f"{label} {seconds / 60:.2g}" for label, seconds in schedule.chain)
            print(f"  {name}: {steps_taken} min")
            longest = f"unavoidable ({', '.join(chain)})"
            _ratio({"schedule": schedule.seconds, longest: least}, "schedule", longest, READY_GOAL)
    measured = simulated(folder / "simulated", PROD_EKS, SCALE)
    without_charts = steps_of(_recorded(PROD_EKS), AWS, chart_seconds=0)
    print(f"prod-eks on the simulated account at 1:{1 / SCALE:.0f}, with the engine's time, where charts take none:")
    for name, taken, schedule in zip(("up", "down"), measured, (up(without_charts), down(without_charts)), strict=True):
        print(f"    {name} {taken:.1f} s, of which {schedule.seconds * SCALE:.1f} s by its graph", flush=True)


def _recorded(spec: Mapping[str, Any]) -> Recorded:
    return run(MLStack.from_config, config={"modelyard:stack": json.dumps(spec)})


def _show(title: str, found: Mapping[str, float], unit: str) -> None:
    print(f"  {title}: " + ", ".join(f"{name} {value:.2f} {unit}" for name, value in found.items()))


def _ratio(found: Mapping[str, float], name: str, other: str, goal: float | None = None) -> None:
    ratio = found[name] / found[other]
    verdict = "" if goal is None else f" (goal {goal:.2f} or less: {'met' if ratio <= goal else 'MISSED'})"
    print(f"    {name} : {other} = {ratio:.2f}{verdict}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
