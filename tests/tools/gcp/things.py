"""Resources of a small cluster, for tests that need them there already."""

from dataclasses import dataclass
from typing import Any

from tests.support.gke_world import PROJECT
from tests.tools.gcp.account import Gcp, Made

SERVICE = "gcp:projects/service:Service"
IDENTITY = "gcp:projects/serviceIdentity:ServiceIdentity"
NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
FIREWALL = "gcp:compute/firewall:Firewall"
ROUTER = "gcp:compute/router:Router"
NAT = "gcp:compute/routerNat:RouterNat"
ACCOUNT = "gcp:serviceaccount/account:Account"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
KEY_MEMBER = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"
BUCKET = "gcp:storage/bucket:Bucket"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"

Json = dict[str, Any]


@dataclass(kw_only=True)
class Network:
    """A network, its subnetwork, and its way out."""

    network: Made
    subnetwork: Made
    router: Made
    nat: Made


def subnetwork_inputs(network: Made, **more: Any) -> Json:
    """A subnetwork with ranges for pods and Services."""
    ranges = [
        {"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"},
        {"rangeName": "services", "ipCidrRange": "10.100.0.0/20"},
    ]
    return {
        "network": network.id,
        "region": "us-central1",
        "ipCidrRange": "10.0.0.0/20",
        "secondaryIpRanges": ranges,
        "privateIpGoogleAccess": True,
        **more,
    }


def nat_inputs(router: Made, **more: Any) -> Json:
    """A NAT for a whole network."""
    return {
        "router": router["name"],
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
        **more,
    }


def network(gcp: Gcp) -> Network:
    """A network with a way out."""
    made = gcp.create(NETWORK, "net", {"autoCreateSubnetworks": False})
    subnetwork = gcp.create(SUBNETWORK, "nodes", subnetwork_inputs(made))
    router = gcp.create(ROUTER, "router", {"network": made.id})
    nat = gcp.create(NAT, "nat", nat_inputs(router))
    return Network(network=made, subnetwork=subnetwork, router=router, nat=nat)


def cluster_inputs(network: Network, **more: Any) -> Json:
    """A regional cluster's properties."""
    return {
        "name": "small",
        "location": "us-central1",
        "network": network.network.id,
        "subnetwork": network.subnetwork.id,
        "initialNodeCount": 1,
        "removeDefaultNodePool": True,
        "deletionProtection": False,
        "minMasterVersion": "1.34",
        "datapathProvider": "ADVANCED_DATAPATH",
        "releaseChannel": {"channel": "REGULAR"},
        "nodeLocations": ["us-central1-a", "us-central1-b"],
        "ipAllocationPolicy": {"clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"},
        "privateClusterConfig": {"enablePrivateNodes": True},
        "workloadIdentityConfig": {"workloadPool": f"{PROJECT}.svc.id.goog"},
        **more,
    }


def account(gcp: Gcp, *roles: str, name: str = "gke-nodes") -> Made:
    """A service account with roles on the project."""
    made = gcp.create(ACCOUNT, name, {"accountId": name})
    for role in roles or ("roles/container.defaultNodeServiceAccount",):
        inputs = {"project": PROJECT, "role": role, "member": made["member"]}
        gcp.create(PROJECT_MEMBER, role.rpartition("/")[2], inputs)
    return made


def pool_inputs(cluster: Made, config: Json | None = None, **more: Any) -> Json:
    """A node pool's properties."""
    found: Json = {
        "cluster": cluster["name"],
        "location": "us-central1",
        "initialNodeCount": 1,
        "nodeLocations": ["us-central1-a"],
        "nodeConfig": {"machineType": "e2-standard-4", **(config or {})},
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


def gpu_config(**more: Any) -> Json:
    """A machine with one L4."""
    given = {"type": "nvidia-l4", "count": 1, "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"}}
    return {"machineType": "g2-standard-4", "guestAccelerators": [{**given, **more}]}


def scaling(least: int, most: int) -> Json:
    """Sizes over all zones."""
    return {"totalMinNodeCount": least, "totalMaxNodeCount": most, "locationPolicy": "ANY"}
