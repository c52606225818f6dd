"""A foundation without a cluster behind it, for tests of pools on GKE, and pools of every kind."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi_gcp import Provider, container, serviceaccount

from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.gke.pools import make_pools
from modelyard.cluster.gke.spec import GkeBootDiskSpec, GkeSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReplicasSpec, ReservationSpec, SharingSpec
from tests.support.mocks import Recorded, Registration, run
from tests.unit.cluster.registrations import named

PROJECT = "ml-prod-4711"
REGION = "us-central1"
ZONES = ("us-central1-a", "us-central1-b", "us-central1-c")
NODES = "nodes@ml-prod-4711.iam.gserviceaccount.com"
KEY = f"projects/{PROJECT}/locations/{REGION}/keyRings/ring/cryptoKeys/disks"
RESERVED = ReservationSpec(reservation="h100")

SYSTEM = PoolSpec(machine_type="e2-standard-4", min_nodes=3, max_nodes=6)
CPU_FROM_ZERO = PoolSpec(machine_type="n2-standard-8", max_nodes=10)
ARM = PoolSpec(machine_type="c4a-standard-4", max_nodes=4)
L4 = PoolSpec(accelerator="l4", machine_type="g2-standard-8", max_nodes=8)
L4_SPOT = PoolSpec(accelerator="l4", machine_type="g2-standard-8", max_nodes=8, capacity="spot")
A100_FLEX = PoolSpec(accelerator="a100-40gb", max_nodes=4, capacity="flex_start")
A100_QUEUED = PoolSpec(accelerator="a100-40gb", max_nodes=4, capacity="queued")
A100_COMPACT = PoolSpec(accelerator="a100-40gb", gpus_per_node=8, max_nodes=4, placement="compact")
H100_RESERVED = PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, capacity=RESERVED, zones=[ZONES[1]])
H200_RDMA = PoolSpec(accelerator="h200", gpus_per_node=8, max_nodes=2, fabric="rdma", capacity="spot")
MIG = PoolSpec(accelerator="a100-80gb", max_nodes=2, sharing=SharingSpec(mig="1g.10gb"))
TIME_SLICED = PoolSpec(accelerator="l4", max_nodes=2, sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4)))
MPS = PoolSpec(accelerator="l4", max_nodes=2, sharing=SharingSpec(mps=ReplicasSpec(replicas=8)))
UBUNTU = PoolSpec(accelerator="l4", machine_type="g2-standard-8", max_nodes=2, node_image="ubuntu")
OPERATOR = PoolSpec(accelerator="l4", machine_type="g2-standard-8", max_nodes=2, node_image="ubuntu", driver="operator")
TPU = PoolSpec(accelerator="tpu-v5e", gpus_per_node=4, max_nodes=3)
TPU_SLICE = PoolSpec(accelerator="tpu-v5e", gpus_per_node=4, max_nodes=4, tpu_topology="4x4")

ALL: Mapping[str, PoolSpec] = {
    "system": SYSTEM,
    "cpu": CPU_FROM_ZERO,
    "arm": ARM,
    "l4": L4,
    "l4-spot": L4_SPOT,
    "a100-flex": A100_FLEX,
    "a100-queued": A100_QUEUED,
    "a100-compact": A100_COMPACT,
    "h100": H100_RESERVED,
    "h200": H200_RDMA,
    "mig": MIG,
    "time-sliced": TIME_SLICED,
    "mps": MPS,
    "ubuntu": UBUNTU,
    "operator": OPERATOR,
    "tpu": TPU,
    "tpu-slice": TPU_SLICE,
}
"""A pool of every kind."""


def gke_spec(provisioner: str = "cluster_autoscaler", **settings: Any) -> GkeSpec:
    """A regional cluster in us-central1 over three zones, named a, b and c."""
    return GkeSpec(
        **{  # pyright: ignore[reportArgumentType]
            "project": PROJECT,
            "region": REGION,
            "zones": list(ZONES),
            "provisioner": provisioner,
            **settings,
        }
    )


def pool_of(spec: PoolSpec, name: str = "pool", provisioner: str = "cluster_autoscaler") -> Pool:
    """The pool that a spec describes on such a cluster."""
    return resolve_pool(name, spec, source=NodeSource.of(gke_spec(provisioner)))


def disks(*holds: str) -> list[GkeBootDiskSpec]:
    """Further disks that hold so."""
    return [GkeBootDiskSpec(image=f"global/images/{each.replace('_', '-')}", holds=each) for each in holds]  # pyright: ignore[reportArgumentType]


def foundation(disk_key: str | None = None, present_version: str = "1.35") -> Foundation:
    """A foundation. Make it inside of the program that a test runs: it registers resources.

    Args:
        disk_key: the key of disks.
        present_version: which the control plane has.
    """
    provider = Provider("gcp", project=PROJECT, region=REGION)
    options = pulumi.ResourceOptions(provider=provider)
    cluster = container.Cluster(
        "control-plane", name="prod", location=REGION, min_master_version=present_version, opts=options
    )
    nodes = serviceaccount.Account("nodes", account_id="nodes", opts=options)
    return Foundation(
        name="main",
        project=PROJECT,
        region=REGION,
        location=REGION,
        zones=ZONES,
        cluster=cluster,
        cluster_name="prod",
        kubernetes_version="1.35",
        network="prod",
        subnetwork="prod",
        apis={"compute": nodes},
        node_service_account=NODES,
        provider=provider,
        labels={"team": "ml"},
        disk_key=disk_key,
        before_nodes=[nodes],
        kubernetes_provider=k8s.Provider("kubernetes", kubeconfig="kubeconfig", cluster_identifier="prod"),
    )


def pools_program(
    pools: Mapping[str, PoolSpec],
    spec: GkeSpec,
    *,
    disk_key: str | None = None,
    present_version: str = "1.35",
    then: Callable[[PoolsMade, Foundation], object] | None = None,
) -> Callable[[], object]:
    """A program with these pools; `then` is called with what was made."""

    def program() -> None:
        base = foundation(disk_key, present_version)
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        resolved = {name: pool_of(pool, name, spec.provisioner) for name, pool in pools.items()}
        made = make_pools(parent, base, resolved, spec)
        if then:
            then(made, base)

    return program


def pools_made(
    pools: Mapping[str, PoolSpec],
    spec: GkeSpec | None = None,
    *,
    disk_key: str | None = None,
    present_version: str = "1.35",
) -> Recorded:
    """What such a program registers."""
    return run(pools_program(pools, spec or gke_spec(), disk_key=disk_key, present_version=present_version))


def node_pool(spec: PoolSpec, cluster: GkeSpec | None = None, *, disk_key: str | None = None) -> Registration:
    """The node pool of a pool named `pool`."""
    return named(pools_made({"pool": spec}, cluster, disk_key=disk_key), "NodePool", "main-pool")
