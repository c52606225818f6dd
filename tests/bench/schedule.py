"""When each resource of a stack begins and ends at the clouds' usual latencies, without the engine's own time.

The graph is what a program registers: of each resource its dependencies, its provider and its parent. What it says is
how long an update takes on a machine that is infinitely fast: where a dependency is coarser than the truth, and only
there, an update takes longer than the chain of steps that cannot be avoided.

- Up, a resource begins when all that it depends on is there.
- Down, the engine deletes in layers, each only after the one before it has ended to the last resource. A resource's
  layer is how many others it stands upon, one upon the other. So what is slow should be in the same layer as other slow
  things, and that is a matter of dependencies too.
  https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/resource/deploy/step_generator.go (`ScheduleDeletes`)
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.support.mocks import Recorded, Registration
from tools.offline.aws.table import KINDS

CHART_SECONDS, GPU_NODE_SECONDS, LOAD_BALANCER_SECONDS = 60, 300, 180
"""Of AWS's own resources the simulated account knows how long they take (tools/offline/aws). A chart's removal is taken
to be as slow as its installation: Helm waits for what it deletes, at most as long."""
UNAVOIDABLE_UP = ("control plane", "system pool", "operator", "GPU node")
UNAVOIDABLE_DOWN = ("operator", "system pool", "control plane")
"""The chains that no dependency can make shorter; docs/guides/eks.md has the reasons."""

_CLUSTER, _NODE_GROUP = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
_RELEASE = "kubernetes:helm.sh/v3:Release"
_SIZERS = ("EksAutoscaler$", "EksKarpenter$")
"""Components whose charts give pods their nodes; in Auto Mode AWS does."""
_WORKLOADS = ("kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource of the graph.

    Attributes:
        label: its type and its name.
        needs: what it depends on, by URN.
        sized_by: what gives its pods a node, by URN; it is no dependency, and needed for its creation all the same.
        up: how long its creation takes, seconds.
        down: how long its deletion takes, seconds.
    """

    label: str
    needs: frozenset[str] = frozenset()
    sized_by: frozenset[str] = frozenset()
    up: float = 0
    down: float = 0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long an update takes, and why.

    Attributes:
        seconds: from its begin to its end.
        chain: the steps that it consists of, first to last: what it is, and how long it takes.
    """

    seconds: float
    chain: list[tuple[str, float]]


def steps_of(recorded: Recorded, *, chart_seconds: float = CHART_SECONDS) -> dict[str, Step]:
    """The graph of what was registered, by URN."""
    known = {each.urn for each in recorded.registrations}
    sizers = {each.urn for each in recorded.of(_RELEASE) if any(one in each.urn for one in _SIZERS)}
    return {each.urn: _step(each, known, sizers, chart_seconds) for each in recorded.registrations}


def up(steps: Mapping[str, Step]) -> Schedule:
    """An update that makes all of it, until its workloads run.

    A workload's pods get a node that does not exist yet from what sizes the pools.
    """
    ends: dict[str, float] = {}
    last: dict[str, str] = {}

    def end(urn: str) -> float:
        if urn not in ends:
            before = max(steps[urn].needs | steps[urn].sized_by, key=end, default="")
            last[urn] = before
            ends[urn] = (ends[before] if before else 0) + steps[urn].up
        return ends[urn]

    final = max(steps, key=end)
    chain: list[tuple[str, float]] = []
    urn = final
    while urn:
        if steps[urn].up:
            chain.insert(0, (steps[urn].label, steps[urn].up))
        urn = last[urn]
    return Schedule(seconds=ends[final], chain=chain)


def down(steps: Mapping[str, Step]) -> Schedule:
    """An update that deletes all of it, layer by layer as the engine does."""
    layers: dict[str, int] = {}

    def layer(urn: str) -> int:
        if urn not in layers:
            layers[urn] = 1 + max((layer(each) for each in steps[urn].needs), default=0)
        return layers[urn]

    slowest: dict[int, list[Step]] = defaultdict(list)
    for urn, step in steps.items():
        slowest[layer(urn)].append(step)
    chain: list[tuple[str, float]] = []
    for _, together in sorted(slowest.items(), reverse=True):
        step = max(together, key=lambda each: each.down)
        if step.down:
            chain.append((step.label, step.down))
    return Schedule(seconds=sum(seconds for _, seconds in chain), chain=chain)


def unavoidable(chain: Iterable[str], *, deleting: bool = False) -> float:
    """How long a chain takes at the same latencies, seconds."""
    cluster, group = KINDS[_CLUSTER].seconds, KINDS[_NODE_GROUP].seconds
    seconds = {
        "control plane": cluster.delete if deleting else cluster.create,
        "system pool": group.delete if deleting else group.create,
        "operator": CHART_SECONDS,
        "GPU node": GPU_NODE_SECONDS,
    }
    return sum(seconds[each] for each in chain)


def _step(each: Registration, known: set[str], sizers: set[str], chart_seconds: float) -> Step:
    needs = {*each.depends_on, each.provider.rpartition("::")[0], each.parent} & known
    kind = KINDS.get(each.type)
    up_seconds, down_seconds = (kind.seconds.create, kind.seconds.delete) if kind else (0, 0)
    if each.type == _RELEASE:
        up_seconds = down_seconds = chart_seconds
    elif each.type in _WORKLOADS:
        up_seconds = GPU_NODE_SECONDS
    elif each.type == "kubernetes:core/v1:Service" and each.inputs["spec"].get("type") == "LoadBalancer":
        up_seconds = down_seconds = LOAD_BALANCER_SECONDS
    label = f"{each.type.rpartition(':')[2]} {each.name}"
    sized_by = frozenset(sizers if each.type in _WORKLOADS else ())
    return Step(label=label, needs=frozenset(needs), sized_by=sized_by, up=up_seconds, down=down_seconds)
