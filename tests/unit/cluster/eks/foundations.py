"""A foundation without a cluster behind it, for tests of pools on EKS, and pools of every kind."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.pools import make_pools
from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.pools_made import PoolsMade
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import CapacityBlockSpec, ReplicasSpec, ReservationSpec, SharingSpec
from tests.support.mocks import Recorded, run

REGION = "us-east-1"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
SUBNETS = {zone: f"subnet-0{zone[-1] * 8}" for zone in ZONES}
SYSTEM = PoolSpec(machine_type="m7i.xlarge", min_nodes=2, max_nodes=4)
L4_SPOT = PoolSpec(
    accelerator="l4", max_nodes=8, capacity="spot", machine_type="g6.xlarge", machine_types=["g6.2xlarge"]
)
RESERVED = ReservationSpec(reservation="cr-0123456789abcdef0")
H100_RDMA = PoolSpec(
    accelerator="h100", gpus_per_node=8, max_nodes=2, fabric="rdma", capacity=RESERVED, zones=[ZONES[1]]
)
BLOCK = PoolSpec(
    accelerator="h100",
    gpus_per_node=8,
    max_nodes=2,
    capacity=CapacityBlockSpec(capacity_block="cr-0fedcba9876543210"),
    zones=[ZONES[2]],
)
MIG = PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2, sharing=SharingSpec(mig="1g.10gb"))
SHARES = PoolSpec(
    accelerator="l4", max_nodes=2, sharing=SharingSpec(time_slicing=ReplicasSpec(replicas=4)), node_image="bottlerocket"
)


def eks_spec(provisioner: str = "cluster_autoscaler", **settings: Any) -> EksSpec:
    """A cluster in us-east-1 over three zones."""
    return EksSpec(region=REGION, provisioner=provisioner, **settings)  # pyright: ignore[reportArgumentType]


def pool_of(spec: PoolSpec, name: str = "pool", provisioner: str = "cluster_autoscaler") -> Pool:
    """The pool that a spec describes on such a cluster."""
    return resolve_pool(name, spec, source=NodeSource.of(eks_spec(provisioner)))


def foundation(disk_key_arn: str | None = None) -> Foundation:
    """A foundation. Make it inside of the program that a test runs: it registers resources."""
    provider = aws.Provider("aws", region=REGION)
    options = pulumi.ResourceOptions(provider=provider)
    role = aws.iam.Role("nodes", assume_role_policy="{}", opts=options)
    cluster = aws.eks.Cluster(
        "control-plane",
        name="prod",
        role_arn="arn",
        vpc_config=aws.eks.ClusterVpcConfigArgs(subnet_ids=list(SUBNETS.values())),
        opts=options,
    )
    addon = aws.eks.Addon("vpc-cni", cluster_name="prod", addon_name="vpc-cni", opts=options)
    return Foundation(
        name="main",
        region=REGION,
        cluster=cluster,
        cluster_name="prod",
        kubernetes_version="1.35",
        private_subnets=SUBNETS,
        node_security_group_id="sg-0aaaaaaaa",
        node_role=role,
        provider=provider,
        tags={"team": "ml"},
        disk_key_arn=disk_key_arn,
        before_nodes=[addon],
        kubernetes_provider=k8s.Provider("kubernetes", kubeconfig="kubeconfig", cluster_identifier="prod"),
    )


def pools_program(
    pools: Mapping[str, PoolSpec],
    provisioner: str = "cluster_autoscaler",
    *,
    disk_key_arn: str | None = None,
    then: Callable[[PoolsMade, Foundation], object] | None = None,
) -> Callable[[], object]:
    """A program with these pools; `then` is called with what was made."""

    def program() -> None:
        base = foundation(disk_key_arn)
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        resolved = {name: pool_of(spec, name, provisioner) for name, spec in pools.items()}
        made = make_pools(parent, base, resolved, eks_spec(provisioner))
        if then:
            then(made, base)

    return program


def pools_made(
    pools: Mapping[str, PoolSpec], provisioner: str = "cluster_autoscaler", *, disk_key_arn: str | None = None
) -> Recorded:
    """What such a program registers."""
    return run(pools_program(pools, provisioner, disk_key_arn=disk_key_arn))
