"""A foundation without a cluster behind it, for tests of pools on AKS, and pools of every kind."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as k8s
from pulumi_azure_native import containerservice, managedidentity

from modelyard.cluster.aks.foundation import Foundation
from modelyard.cluster.aks.pools import make_pools
from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import ReplicasSpec, ReservationSpec, SharingSpec
from tests.support.mocks import Recorded, run

REGION = "eastus2"
ZONES = ("eastus2-1", "eastus2-2", "eastus2-3")
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
ADMINS = "6f4b0c5e-4d1e-4b0a-9d8e-2f6f0c1a7b3d"
GROUP = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/capacity/providers/Microsoft.Compute/capacityReservationGroups/a100"
)
SUBNET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/prod/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
SYSTEM = PoolSpec(machine_type="Standard_D4s_v5", min_nodes=2, max_nodes=4)
T4_SPOT = PoolSpec(accelerator="t4", max_nodes=8, capacity="spot")
A100_RESERVED = PoolSpec(
    accelerator="a100-80gb", max_nodes=2, capacity=ReservationSpec(reservation=GROUP), zones=[ZONES[1]]
)
H100_RDMA = PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, fabric="rdma")
MIG = PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, sharing=SharingSpec(mig="1g.10gb"))
SHARES = PoolSpec(accelerator="t4", max_nodes=2, sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4)))
MPS = PoolSpec(accelerator="t4", max_nodes=2, sharing=SharingSpec(mps=ReplicasSpec(replicas=4)))
OPERATOR = PoolSpec(accelerator="h100-nvl", max_nodes=2, driver="operator")
AMD = PoolSpec(accelerator="mi300x", gpus_per_node=8, max_nodes=1)
AZURE_LINUX = PoolSpec(accelerator="a100-80gb", max_nodes=2, node_image="azurelinux")
COMPACT = PoolSpec(machine_type="Standard_D8s_v5", max_nodes=4, placement="compact", zones=[ZONES[0]])
ARM = PoolSpec(machine_type="Standard_D4ps_v6", max_nodes=4)


def aks_spec(provisioner: str = "cluster_autoscaler", **settings: Any) -> AksSpec:
    """A cluster in eastus2 over three zones."""
    settings = {"region": REGION, "subscription_id": SUBSCRIPTION, "admins": [ADMINS], **settings}
    return AksSpec(provisioner=provisioner, **settings)  # pyright: ignore[reportArgumentType]


def pool_of(spec: PoolSpec, name: str = "pool", provisioner: str = "cluster_autoscaler") -> Pool:
    """The pool that a spec describes on such a cluster."""
    return resolve_pool(name, spec, source=NodeSource.of(aks_spec(provisioner)))


def foundation() -> Foundation:
    """A foundation. Make it inside of the program that a test runs: it registers resources."""
    provider = azure.Provider("azure", subscription_id=SUBSCRIPTION)
    options = pulumi.ResourceOptions(provider=provider)
    identity = managedidentity.UserAssignedIdentity("plane", resource_group_name="prod", opts=options)
    cluster = containerservice.ManagedCluster(
        "control-plane", resource_name_="prod", resource_group_name="prod", dns_prefix="prod", opts=options
    )
    way_out = managedidentity.UserAssignedIdentity("way-out", resource_group_name="prod", opts=options)
    return Foundation(
        name="main",
        region=REGION,
        zones=ZONES,
        resource_group="prod",
        subscription_id=SUBSCRIPTION,
        cluster=cluster,
        cluster_name="prod",
        kubernetes_version="1.35",
        node_subnet_id=SUBNET,
        identity=identity,
        provider=provider,
        tags={"team": "ml"},
        disk_encryption_set_id=None,
        before_nodes=[way_out],
        kubernetes_provider=k8s.Provider("kubernetes", kubeconfig="kubeconfig", cluster_identifier="prod"),
    )


def pools_program(
    pools: Mapping[str, PoolSpec],
    provisioner: str = "cluster_autoscaler",
    *,
    then: Callable[[PoolsMade, Foundation], object] | None = None,
) -> Callable[[], object]:
    """A program with these pools; `then` is called with what was made."""

    def program() -> None:
        base = foundation()
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        resolved = {name: pool_of(spec, name, provisioner) for name, spec in pools.items()}
        made = make_pools(parent, base, resolved, aks_spec(provisioner))
        if then:
            then(made, base)

    return program


def pools_made(pools: Mapping[str, PoolSpec], provisioner: str = "cluster_autoscaler") -> Recorded:
    """What such a program registers."""
    return run(pools_program(pools, provisioner))
