"""When each resource of a stack begins and ends at the clouds' usual latencies, without the engine's own time.

The graph is what a program registers: of each resource its dependencies, its provider and its parent. What it says is
how long an update takes on a machine that is infinitely fast: where a dependency is coarser than the truth, and only
there, an update takes longer than the chain of steps that cannot be avoided.

- Up, a resource begins when all that it depends on is there.
- What ends with something else that goes takes no time.
- Down, the engine deletes in layers, each only after the one before it has ended to the last resource. A resource's
  layer is how many others it stands upon, one upon the other. So what is slow should be in the same layer as other slow
  things, and that is a matter of dependencies too.
  https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/resource/deploy/step_generator.go (`ScheduleDeletes`)
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.mocks import Recorded, Registration
from tools.offline.aws.table import KINDS as AWS_KINDS
from tools.offline.azure.table import TABLE as AZURE_KINDS
from tools.offline.cloud.table import Table
from tools.offline.gcp.table import KINDS as GCP_KINDS

CHART_SECONDS, GPU_NODE_SECONDS, LOAD_BALANCER_SECONDS = 60, 300, 180
"""Of a cloud's own resources its simulated account knows how long they take (tools/offline). A chart's removal is taken
to be as slow as its installation: Helm waits for what it deletes, at most as long."""

_RELEASE = "kubernetes:helm.sh/v3:Release"
_WORKLOADS = ("kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job")


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What takes how long in a cloud, and the chains that no dependency can make shorter.

    Attributes:
        kinds: its resource types, with their times.
        named: types by what they are called in the chains.
        up: what cannot be avoided before a workload runs, in a network of the stack's own.
        down: likewise before everything is gone.
        network: what of the chains falls away in a network that exists.
        sizers: components whose charts give pods their nodes, by the end of their type; elsewhere the cloud does.
        one_by_one: what of the chain `up` the cloud makes no two of at a time.
    """

    kinds: Table
    named: Mapping[str, str]
    up: tuple[str, ...]
    down: tuple[str, ...]
    network: frozenset[str] = frozenset()
    sizers: tuple[str, ...] = ()
    one_by_one: frozenset[str] = frozenset()

    def unavoidable(self, *, deleting: bool = False, has_network: bool = True, pools: int = 1) -> float:
        """How long the chain takes at the same latencies, seconds.

        Args:
            deleting: the chain of a destroy, else that of an update that makes everything.
            has_network: whether the network is the stack's own.
            pools: how many pools there are, where they are made one by one.
        """
        chain = [each for each in (self.down if deleting else self.up) if has_network or each not in self.network]
        times = dict.fromkeys(() if deleting else self.one_by_one, pools)
        return sum(self._seconds(each, deleting=deleting) * times.get(each, 1) for each in chain)

    def _seconds(self, name: str, *, deleting: bool) -> float:
        if name not in self.named:
            return {"operator": CHART_SECONDS, "GPU node": GPU_NODE_SECONDS}[name]
        seconds = self.kinds[self.named[name]].seconds
        return seconds.delete if deleting else seconds.create


AWS = Cloud(
    kinds=AWS_KINDS,
    named={"control plane": "aws:eks/cluster:Cluster", "system pool": "aws:eks/nodeGroup:NodeGroup"},
    up=("control plane", "system pool", "operator", "GPU node"),
    down=("operator", "system pool", "control plane"),
    # In Auto Mode, AWS does.
    sizers=("EksAutoscaler$", "EksKarpenter$"),
)
"""docs/guides/eks.md has the reasons."""
GCP = Cloud(
    kinds=GCP_KINDS,
    named={
        "network": "gcp:compute/network:Network",
        "subnetwork": "gcp:compute/subnetwork:Subnetwork",
        "control plane": "gcp:container/cluster:Cluster",
        "node pool": "gcp:container/nodePool:NodePool",
    },
    up=("network", "subnetwork", "control plane", "node pool", "GPU node"),
    down=("operator", "node pool", "control plane", "subnetwork", "network"),
    network=frozenset({"network", "subnetwork"}),
)
"""docs/guides/gke.md has the reasons."""
AZURE = Cloud(
    kinds=AZURE_KINDS,
    named={
        "NAT gateway": "azure-native:network:NatGateway",
        "subnet": "azure-native:network:Subnet",
        "resource group": "azure-native:resources:ResourceGroup",
        "control plane": "azure-native:containerservice:ManagedCluster",
        "node pool": "azure-native:containerservice:AgentPool",
    },
    up=("NAT gateway", "control plane", "node pool", "GPU node"),
    down=("operator", "control plane", "subnet", "NAT gateway", "resource group"),
    network=frozenset({"NAT gateway", "subnet"}),
    one_by_one=frozenset({"node pool"}),
)
"""docs/guides/aks.md has the reasons: pools go with the control plane."""


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


def steps_of(recorded: Recorded, cloud: Cloud, *, chart_seconds: float = CHART_SECONDS) -> dict[str, Step]:
    """The graph of what was registered, by URN."""
    known = {each.urn for each in recorded.registrations}
    sizers = {each.urn for each in recorded.of(_RELEASE) if any(one in each.urn for one in cloud.sizers)}
    return {each.urn: _step(each, cloud, known, sizers, chart_seconds) for each in recorded.registrations}


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


def _step(each: Registration, cloud: Cloud, known: set[str], sizers: set[str], chart_seconds: float) -> Step:
    needs = {*each.depends_on, each.provider.rpartition("::")[0], each.parent} & known
    kind = cloud.kinds.get(each.type)
    up_seconds, down_seconds = (kind.seconds.create, kind.seconds.delete) if kind else (0, 0)
    if each.type == _RELEASE:
        up_seconds = down_seconds = chart_seconds
    elif each.type in _WORKLOADS:
        up_seconds = GPU_NODE_SECONDS
    elif each.type == "kubernetes:core/v1:Service" and each.inputs["spec"].get("type") == "LoadBalancer":
        up_seconds = down_seconds = LOAD_BALANCER_SECONDS
    if each.ends_with:
        down_seconds = 0
    label = f"{each.type.rpartition(':')[2]} {each.name}"
    sized_by = frozenset(sizers if each.type in _WORKLOADS else ())
    return Step(label=label, needs=frozenset(needs), sized_by=sized_by, up=up_seconds, down=down_seconds)
