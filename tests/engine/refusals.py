"""What makes each cloud's production stack bad, and how each message begins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.engine.aks_stack import AKS
from tests.engine.cloud_stack import Json, SimulatedCloud
from tests.engine.eks_stack import EKS
from tests.engine.gke_stack import GKE
from tests.support.azure import SUBSCRIPTION

RESERVED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/r/providers/Microsoft.Compute/capacityReservationGroups/g"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A bad stack.

    Attributes:
        cloud: whose.
        spoil: makes the production stack bad.
        beginnings: of every message.
    """

    cloud: SimulatedCloud[Any]
    spoil: Callable[[Json], None]
    beginnings: list[str]


def _eks_values(stack: Json) -> None:
    """What is seen in one block."""
    stack["cluster"]["eks"]["service_cidr"] = "10.20.128.0/20"
    stack["cluster"]["eks"]["api_endpoint"]["public_cidrs"] = ["0.0.0.0/0"]
    stack["cluster"]["eks"]["network"]["zones"] = 1
    stack["pools"]["l4"]["sharing"] = {"mig": "1g.10gb"}
    stack["pools"]["h100"]["zones"] = ["us-east-1a", "us-east-1b"]


def _eks_rules(stack: Json) -> None:
    """What takes the cloud, its node images or several blocks to see."""
    stack["pools"]["amd"] = {"accelerator": "mi300x", "gpus_per_node": 8}
    stack["pools"]["h100"] |= {"zones": ["us-east-1f"], "driver": "operator"}
    stack["pools"]["l4"] = {"accelerator": "l4", "max_nodes": 8, "capacity": "flex_start"}
    stack["pools"]["system"]["min_nodes"] = 0


def _eks_auto_mode(stack: Json) -> None:
    """What AWS keeps to itself."""
    stack["cluster"]["eks"]["provisioner"] = "auto_mode"
    stack["pools"]["l4"]["sharing"] = {"time_slicing": {"replicas": 4}}


def _gke_values(stack: Json) -> None:
    """What is seen in one block."""
    gke = stack["cluster"]["gke"]
    gke |= {"api_endpoint": {"dns": False, "public_cidrs": ["0.0.0.0/0"]}, "autopilot": True, "zones": 5}
    gke["network"]["services_cidr"] = "10.24.16.0/20"
    stack["pools"]["l4"]["sharing"] = {"mig": "1g.10gb"}
    stack["pools"]["h200"]["zones"] = ["us-central1-a", "us-central1-b"]


def _gke_accelerators(stack: Json) -> None:
    """What takes the cloud to see."""
    tpu = {"accelerator": "tpu-v5e", "gpus_per_node": 4}
    stack["pools"] |= {
        "amd": {"accelerator": "mi300x", "gpus_per_node": 8, "max_nodes": 1},
        "part": {**tpu, "tpu_topology": "4x4", "max_nodes": 3},
        "odd": {**tpu, "tpu_topology": "3x5", "max_nodes": 4},
        "queue": {"accelerator": "l4", "capacity": "queued", "min_nodes": 1, "max_nodes": 2},
    }


def _gke_cluster(stack: Json) -> None:
    """What takes the cluster to see."""
    stack["pools"]["system"]["capacity"] = "spot"
    stack["pools"]["h200"]["zones"] = ["us-central1-x"]
    stack["pools"]["l4"]["node_labels"] = {"cloud.google.com/team": "a"}
    zones = ["us-central1-a", "us-central1-b", "us-central1-c"]
    stack["pools"] |= {
        "close": {"machine_type": "e2-standard-4", "placement": "compact", "max_nodes": 2},
        "many": {"machine_type": "n2-standard-4", "max_nodes": 1500},
        "wide": {"machine_type": "n2-standard-4", "capacity": "spot", "min_nodes": 1, "max_nodes": 2, "zones": zones},
    }


def _gke_provisioner(stack: Json) -> None:
    """What node auto-provisioning cannot make."""
    stack["cluster"]["gke"]["provisioner"] = "node_auto_provisioning"


def _aks_values(stack: Json) -> None:
    """What is seen in one block."""
    aks = stack["cluster"]["aks"]
    aks["service_cidr"] = "10.20.128.0/20"
    aks["api_endpoint"]["public_cidrs"] = ["0.0.0.0/0"]
    aks["admins"] = []
    aks["zones"] = ["eastus2-4"]
    aks["tier"] = "premium"
    stack["pools"]["a10"]["sharing"] = {"mig": "1g.10gb"}
    stack["pools"]["h100"]["zones"] = ["eastus2-1", "eastus2-2"]


def _aks_rules(stack: Json) -> None:
    """What takes the cloud, its node images or several blocks to see."""
    pools = stack["pools"]
    pools["l4"] = {"accelerator": "l4"}
    pools["h100"] |= {"zones": ["eastus2-5"], "capacity": {"reservation": RESERVED}}
    pools["a10"] = {"accelerator": "a10", "max_nodes": 8, "capacity": "flex_start"}
    pools["mixed"] = {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": {"3g.40gb": 1, "1g.10gb": 4}}}
    pools["claims"] = {"accelerator": "t4", "device_allocation": "dra"}
    pools["linux"] = {"accelerator": "t4", "driver": "operator", "node_image": "azurelinux"}
    pools["labels"] = {"machine_type": "Standard_D4s_v5", "node_labels": {"kubernetes.azure.com/mode": "x"}}


def _aks_only_spot(stack: Json) -> None:
    """What Azure takes back at any time runs nothing that the cluster needs."""
    stack["pools"]["system"]["capacity"] = "spot"


def _aks_provisioned(stack: Json) -> None:
    """What Karpenter on AKS does not do."""
    stack["cluster"]["aks"]["provisioner"] = "node_auto_provisioning"
    stack["pools"]["mig"] = {"accelerator": "a100-80gb", "sharing": {"mig": "1g.10gb"}}
    stack["pools"]["amd"] = {"accelerator": "mi300x", "gpus_per_node": 8}


REFUSALS: Mapping[str, Refusal] = {
    "eks values": Refusal(
        cloud=EKS,
        spoil=_eks_values,
        beginnings=[
            "cluster.eks.api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; ",
            "cluster.eks.network.zones: 1 zones are not possible; ",
            "cluster.eks.service_cidr: 10.20.128.0/20 overlaps the VPC's 10.20.0.0/16; ",
            "pools.h100.zones: rdma reaches within one zone, not 2; ",
            "pools.l4.sharing.mig: l4 cannot be divided by MIG; ",
        ],
    ),
    "eks rules": Refusal(
        cloud=EKS,
        spoil=_eks_rules,
        beginnings=[
            "pools: no pool has a node for what the cluster itself runs (names, operators, the autoscaler); ",
            "pools.amd.accelerator: aws has no machines with mi300x; ",
            "pools.h100.driver: the image has the driver, and a second one breaks the first; ",
            "pools.h100.zones[0]: the cluster has no zone 'us-east-1f'; ",
            "pools.l4.capacity: EKS has no machines that queue until there is capacity; ",
        ],
    ),
    "eks auto mode": Refusal(
        cloud=EKS,
        spoil=_eks_auto_mode,
        beginnings=["pools.l4.sharing.time_slicing: AWS runs the device plugin of EKS Auto Mode, "],
    ),
    "gke values": Refusal(
        cloud=GKE,
        spoil=_gke_values,
        beginnings=[
            "cluster.gke.api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; ",
            "cluster.gke.autopilot: Autopilot has no node pools: ",
            "cluster.gke.network.services_cidr: 10.24.16.0/20 overlaps 10.24.0.0/14; ",
            "cluster.gke.zones: 5 zones are not possible in us-central1, of which modelyard knows 4; ",
            "pools.h200.zones: rdma reaches within one zone, not 2; ",
            "pools.l4.sharing.mig: l4 cannot be divided by MIG; ",
        ],
    ),
    "gke accelerators": Refusal(
        cloud=GKE,
        spoil=_gke_accelerators,
        beginnings=[
            "pools.amd.accelerator: gcp has no machines with mi300x; ",
            "pools.odd.tpu_topology: tpu-v5e has no slices of 3x5; ",
            "pools.part.max_nodes: a slice of 4x4 has 4 nodes, which come all together, not 3; ",
            "pools.queue.min_nodes: 1 cannot be had at once: ",
        ],
    ),
    "gke cluster": Refusal(
        cloud=GKE,
        spoil=_gke_cluster,
        beginnings=[
            "pools: no pool has a node for what the cluster itself runs (names, operators); ",
            "pools: 1522 nodes of all pools together are more than the 1024 that the network has addresses for; ",
            "pools.close.placement: Google puts no e2 machines close together; ",
            "pools.h200.zones[0]: the cluster has no zone 'us-central1-x'; ",
            "pools.l4.node_labels.cloud.google.com/team: labels of cloud.google.com are not for users to set; ",
            "pools.wide.zones: a node pool begins with as many nodes in each zone, 3 for 1 in 3, ",
        ],
    ),
    "gke provisioner": Refusal(
        cloud=GKE,
        spoil=_gke_provisioner,
        beginnings=["pools.h200.fabric: node auto-provisioning makes no node pools with networks between GPUs; "],
    ),
    "aks values": Refusal(
        cloud=AKS,
        spoil=_aks_values,
        beginnings=[
            "cluster.aks.admins: without one nobody could use the cluster; ",
            "cluster.aks.api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; ",
            "cluster.aks.service_cidr: 10.20.128.0/20 overlaps network.cidr 10.20.0.0/16; ",
            "cluster.aks.tier: is standard but for long support, which is not asked for, ",
            "cluster.aks.zones[0]: 'eastus2-4' is no zone of eastus2; ",
            "pools.a10.sharing.mig: a10 cannot be divided by MIG; ",
            "pools.h100.zones: rdma reaches within one zone, not 2; ",
        ],
    ),
    "aks rules": Refusal(
        cloud=AKS,
        spoil=_aks_rules,
        beginnings=[
            "pools.a10.capacity: Azure has no machines that queue until there is capacity; ",
            "pools.claims.device_allocation: AKS' autoscaler takes nodes without the resource nvidia.com/gpu ",
            "pools.h100.capacity: Azure reserves no machines of type Standard_ND96isr_H100_v5; ",
            "pools.h100.zones[0]: the cluster has no zone 'eastus2-5'; ",
            "pools.l4.accelerator: azure has no machines with l4; ",
            "pools.labels.node_labels.kubernetes.azure.com/mode: labels of kubernetes.azure.com are not for users ",
            "pools.linux.driver: NVIDIA's GPU operator has no driver for Azure Linux; ",
            "pools.mixed.sharing.mig: AKS divides each GPU into as many as fit of one profile; ",
        ],
    ),
    "aks only spot": Refusal(
        cloud=AKS,
        spoil=_aks_only_spot,
        beginnings=["pools: no pool has a node for what the cluster itself runs (names, operators); "],
    ),
    "aks node auto-provisioning": Refusal(
        cloud=AKS,
        spoil=_aks_provisioned,
        beginnings=[
            "pools.amd.accelerator: node auto-provisioning makes no nodes without a driver of NVIDIA's; ",
            "pools.h100.fabric: node auto-provisioning does not keep nodes on one InfiniBand fabric; ",
            "pools.mig.sharing.mig: node auto-provisioning divides no GPUs; ",
        ],
    ),
}
