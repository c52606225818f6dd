"""What breaks in each cloud, and what the user sees of it, in that cloud's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engine.aks_stack import AKS
from tests.engine.cloud_stack import Json, SimulatedCloud
from tests.engine.eks_stack import EKS
from tests.engine.gke_stack import GKE
from tests.engine.services import service
from tests.support.azure import SUBSCRIPTION
from tests.support.cloud_world import CloudWorld
from tests.support.gke_world import PROJECT


@dataclass(frozen=True, kw_only=True)
class Interruptions:
    """A cloud's.

    Attributes:
        cloud: the cloud.
        cluster: the block of a small cluster in it.
        machine: the machine type of its nodes.
        control_plane: the type of a control plane.
        pool: the type of a pool.
        latency: by what the cloud's times are multiplied, so that a control plane and a pool take long enough to be
            killed in: 14 to 22 s and 5 to 11 s, and what is made meanwhile ends before.
        in_the_way: what it says where a control plane of the same name is.
        code: of a pool that could not be made.
        message: what it says of it.
        retried: whether it takes another request for a pool that failed. Where it does not, Pulumi takes the pool for
            tried again and well, and has to be told to replace it.
        stalls: the type whose end takes long in a destroy.
        change: what changes of the cluster alone, while its API server is out of reach.
        is_changed: whether the account has it. Left out where that is not tried.
    """

    cloud: SimulatedCloud[Any]
    cluster: Json
    machine: str
    control_plane: str = "Cluster"
    pool: str
    latency: float = 0.04
    in_the_way: str
    code: str
    message: str
    retried: bool = False
    stalls: str
    change: Json = field(default_factory=dict[str, Any])
    is_changed: Callable[[CloudWorld], bool] | None = None

    @property
    def spec(self) -> Json:
        """A small stack with a service."""
        return {
            "cluster": {self.cloud.key: self.cluster},
            "pools": {"system": {"machine_type": self.machine, "min_nodes": 1, "max_nodes": 3}},
            "workspaces": {"team": {"services": {"web": service(replicas=2)}}},
        }


INTERRUPTIONS: Mapping[str, Interruptions] = {
    "eks": Interruptions(
        cloud=EKS,
        cluster={
            "region": "us-east-1",
            "network": {"zones": 2, "nat": "single"},
            "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]},
        },
        machine="m7i.2xlarge",
        pool="NodeGroup",
        in_the_way="ResourceInUseException",
        code="AsgInstanceLaunchFailures",
        message="We currently do not have sufficient m7i.2xlarge capacity",
        stalls="NodeGroup",
        change={"log_retention_days": 30},
        is_changed=lambda world: world.one("LogGroup").inputs["retentionInDays"] == 30,
    ),
    "gke": Interruptions(
        cloud=GKE,
        cluster={"project": PROJECT, "region": "us-central1"},
        machine="n2-standard-8",
        pool="NodePool",
        in_the_way="alreadyExists",
        code="GCE_QUOTA_EXCEEDED",
        message="Insufficient regional quota to satisfy request: resource 'CPUS': request requires '8.0'",
        stalls="NodePool",
        change={"workload_logs": True},
        is_changed=lambda world: "WORKLOADS" in world.one("Cluster").inputs["loggingConfig"]["enableComponents"],
    ),
    "aks": Interruptions(
        cloud=AKS,
        cluster={
            "subscription_id": SUBSCRIPTION,
            "region": "eastus2",
            "admins": ["33333333-3333-3333-3333-333333333333"],
            "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]},
            "control_plane_logs": "none",
        },
        machine="Standard_D8s_v5",
        control_plane="ManagedCluster",
        pool="AgentPool",
        latency=0.06,
        in_the_way="cannot create already existing resource",
        code="InsufficientVCPUQuota",
        message="Insufficient vcpu quota requested 8, remaining 0 for family standardDSv5Family",
        retried=True,
        stalls="ManagedCluster",
    ),
}
