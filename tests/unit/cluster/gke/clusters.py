"""Clusters on GKE in every variant, as the recording engine saw them."""

from collections.abc import Mapping
from functools import cache

from modelyard.cluster.gke.cluster import GkeCluster
from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeVpcSpec
from modelyard.cluster.gke.spec import (
    GkeApiEndpointSpec,
    GkeEncryptionSpec,
    GkeMaintenanceSpec,
    GkeSpec,
    GkeUpgradeSpec,
)
from modelyard.cluster.spec import PoolSpec
from tests.support.mocks import PROJECT, Recorded, Registration, run

CLOUD_PROJECT = "ml-prod-4711"
REGION = "us-central1"
KEY = f"projects/keys-4711/locations/{REGION}/keyRings/ml/cryptoKeys/prod"
ADMIN = "user:ada@example.org"
ADMINS = "group:ml-admins@example.org"
CLUSTER_NAME = f"{PROJECT}-main"
EXISTING = GkeExistingVpcSpec(network="corp", subnetwork="corp-ml", pods_range="ml-pods", services_range="ml-services")
SHARED_VPC = GkeExistingVpcSpec(
    network="projects/network-host/global/networks/corp",
    subnetwork=f"projects/network-host/regions/{REGION}/subnetworks/corp-ml",
    pods_range="ml-pods",
    services_range="ml-services",
)
POOLS: Mapping[str, PoolSpec] = {
    "system": PoolSpec(machine_type="n2-standard-8", min_nodes=2, max_nodes=4),
    "l4": PoolSpec(accelerator="l4", max_nodes=8, capacity="spot"),
}
PLAIN = GkeSpec(project=CLOUD_PROJECT, region=REGION)
SPECS: Mapping[str, GkeSpec] = {
    "autoscaler": PLAIN,
    "provisioning": GkeSpec(project=CLOUD_PROJECT, region=REGION, provisioner="node_auto_provisioning"),
    "zonal": GkeSpec(project=CLOUD_PROJECT, region=REGION, control_plane="zonal", zones=2),
    "address": GkeSpec(
        project=CLOUD_PROJECT,
        region=REGION,
        api_endpoint=GkeApiEndpointSpec(dns=False, public_cidrs=["203.0.113.0/24"], private_cidrs=["10.128.0.0/16"]),
    ),
    "everything": GkeSpec(
        project=CLOUD_PROJECT,
        region=REGION,
        zones=["us-central1-a", "us-central1-f"],
        name="prod",
        kubernetes_version="1.36",
        network=GkeVpcSpec(
            nodes_cidr="10.20.0.0/20", pods_cidr="10.24.0.0/14", services_cidr="10.20.16.0/20", flow_logs=True
        ),
        api_endpoint=GkeApiEndpointSpec(private_cidrs=["10.128.0.0/16"]),
        upgrade=GkeUpgradeSpec(
            channel="stable",
            minor="by_google",
            maintenance=GkeMaintenanceSpec(days=["saturday", "sunday"], start="22:30", hours=8),
        ),
        encryption=GkeEncryptionSpec(key=KEY),
        image_streaming=False,
        shared_storage=True,
        model_disks=True,
        managed_prometheus=True,
        workload_logs=True,
        deletion_protection=True,
        admins=[ADMIN, ADMINS],
        security_group="gke-security-groups@example.org",
        labels={"team": "ml"},
    ),
    "existing": GkeSpec(project=CLOUD_PROJECT, region=REGION, network=EXISTING, shared_storage=True),
    "shared_vpc": GkeSpec(project=CLOUD_PROJECT, region=REGION, network=SHARED_VPC, shared_storage=True),
}


@cache
def made(variant: str) -> Recorded:
    """What a cluster of this variant registers."""
    return run(lambda: GkeCluster("main", SPECS[variant], POOLS))


def control_plane(variant: str) -> Registration:
    """The control plane of this variant."""
    return made(variant).one("gcp:container/cluster:Cluster")
