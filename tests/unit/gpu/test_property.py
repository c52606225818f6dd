"""Whatever a pool says, it is refused, or compiled into what nodes and pods can really have."""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.errors import ConfigError
from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.machine_types import machine_types
from modelyard.gpu.spec import CapacityBlockSpec, ReplicasSpec, ReservationSpec, SharingSpec
from modelyard.spec import validate

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
NAME = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")

PROFILES = sorted({profile for each in ACCELERATORS.values() for profile in each.mig_profiles})
replicas = st.builds(ReplicasSpec, replicas=st.integers(2, 48))

GROUP = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Compute/"
    "capacityReservationGroups/g"
)


def ways(accelerator: str | None) -> st.SearchStrategy[SharingSpec]:
    """Ways to share, with profiles of that GPU where it has some."""
    own = list(ACCELERATORS[accelerator].mig_profiles) if accelerator in ACCELERATORS else []
    profiles = st.sampled_from(own or PROFILES)
    mig = profiles | st.dictionaries(profiles, st.integers(1, 3), max_size=3)
    return (
        st.builds(SharingSpec, mig=mig)
        | st.builds(SharingSpec, time_slicing=replicas)
        | st.builds(SharingSpec, mps=replicas)
    )


capacities = st.sampled_from(
    [
        *("on_demand", "spot", "flex_start", "queued"),
        ReservationSpec(reservation="cr-0123456789abcdef0"),
        ReservationSpec(reservation=GROUP),
        CapacityBlockSpec(capacity_block="cr-0123456789abcdef0"),
    ]
)
MACHINES = [each for each in machine_types().values() if each.accelerator]
BASES: list[dict[str, Any]] = [
    *({"accelerator": each.accelerator, "gpus_per_node": each.gpus} for each in MACHINES),
    *({"machine_type": name} for name in sorted(machine_types())),
    {"cpus": 4.0, "memory_gib": 16.0},
    {
        "machine_type": "new.large",
        "cpus": 4.0,
        "memory_gib": 16.0,
        "accelerator": "h100",
        "gpus_per_node": 2,
        "rdma_devices": 3,
    },
    {},
]
"""What says which machine it is."""
DIVISIBLE = [base for base in BASES if base.get("accelerator") and ACCELERATORS[base["accelerator"]].mig_profiles]
FURTHER: dict[str, st.SearchStrategy[Any]] = {
    "cpus": st.sampled_from([2.0, 96.0]),
    "memory_gib": st.sampled_from([4.0, 64.0]),
    "architecture": st.sampled_from(["amd64", "arm64"]),
    "min_nodes": st.just(1),
    "placement": st.just("compact"),
    "tpu_topology": st.sampled_from(["1x1", "2x2", "2x4", "2x2x1", "4x4", "2x2x2"]),
    "capacity": capacities,
    "fabric": st.sampled_from(["rdma", "rdma", "tcpx", "tcpxo"]),
    "driver": st.sampled_from(["image", "operator"]),
    "device_allocation": st.just("dra"),
    "node_image": st.sampled_from(["al2023", "bottlerocket", "cos", "ubuntu", "azurelinux"]),
    "zones": st.sampled_from([("a",), ("a", "b")]),
    "machine_types": st.sampled_from([("g6.2xlarge",), ("m7i.xlarge",)]),
}
"""What else a pool may say. Of all of it together nearly nothing could be had, so that a case says up to three."""


@st.composite
def specs(draw: st.DrawFn) -> PoolSpec:
    """A pool: its machine, how it is shared or not, and up to three further things."""
    base = draw(st.sampled_from(BASES) | st.sampled_from(DIVISIBLE))
    shared = draw(st.none() | ways(base.get("accelerator")))
    names = draw(st.lists(st.sampled_from(sorted(FURTHER)), max_size=3, unique=True))
    fields: dict[str, Any] = {**base, **{name: draw(FURTHER[name]) for name in names}, "sharing": shared or "whole"}
    return PoolSpec(**fields)


sources = st.sampled_from(
    [
        NodeSource(kind="local", kubernetes_version="1.35"),
        NodeSource(kind="existing"),
        *(
            NodeSource(kind="eks", provisioner=name, kubernetes_version=version)
            for name in ("cluster_autoscaler", "karpenter", "auto_mode")
            for version in ("1.33", "1.35")
        ),
        *(
            NodeSource(kind=kind, provisioner=name, kubernetes_version=version)
            for kind in ("gke", "aks")
            for name in ("cluster_autoscaler", "node_auto_provisioning")
            for version in ("1.33", "1.35")
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(spec=specs(), source=sources)
def test_a_pool_is_refused_or_can_be_had(spec: PoolSpec, source: NodeSource) -> None:
    try:
        pool = resolve_pool("pool", validate(spec), source=source)
    except ConfigError as error:
        found = error.problems
    else:
        found = ()
        _can_be_had(pool)
    assert all(problem.why and problem.fix for problem in found)


def _can_be_had(pool: Pool) -> None:
    assert pool.cpus > 0
    assert pool.memory_gib > 0
    if not pool.gpu:
        assert pool.accelerator is None
        return
    counts = {**pool.gpu.resources, **pool.gpu.fabric_resources}
    assert all(count > 0 for count in counts.values())
    assert bool(pool.gpu.resources) != bool(pool.gpu.device_class)
    assert all(NAME.fullmatch(name) for name in [*counts, *pool.gpu.node_labels, pool.gpu.taint_key])
    assert all(LABEL_VALUE.fullmatch(value) for value in pool.gpu.node_labels.values())
    assert pool.gpu.shares_per_gpu >= 1
    assert sum(pool.gpu.resources.values()) in {0, pool.gpu.gpus * pool.gpu.shares_per_gpu}
    if pool.gpu.fabric_claim:
        assert pool.gpu.fabric_claim.count > 0
        assert not pool.gpu.fabric_resources
    assert bool(pool.gpu.fabric_networks) == bool(pool.gpu.pod_sidecar) == bool(pool.gpu.pod_annotations)
    assert pool.gpu.has_fabric == (pool.spec.fabric != "none")
    assert pool.gpu.slice_nodes in {1, pool.max_nodes}
