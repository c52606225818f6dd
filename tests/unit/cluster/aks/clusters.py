"""Clusters on AKS in every variant, as the recording engine saw them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from modelyard.cluster.aks.cluster import AksCluster
from modelyard.cluster.aks.networks import AksExistingVnetSpec, AksVnetSpec
from modelyard.cluster.aks.spec import (
    AksApiEndpointSpec,
    AksEncryptionSpec,
    AksSpec,
    AksUpgradeSpec,
)
from modelyard.cluster.spec import PoolSpec
from tests.support.azure import GROUP, SUBSCRIPTION
from tests.support.mocks import PROJECT, Recorded, run

REGION = "eastus2"
ADMINS = ["3f2504e0-4f89-41d3-9a0c-0305e82c3301"]
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLUSTER_NAME = f"{PROJECT}-main"
DISKS = f"{GROUP}/keys/providers/Microsoft.Compute/diskEncryptionSets/nodes"
VAULT = f"{GROUP}/keys/providers/Microsoft.KeyVault/vaults/ml-keys"
KEY = "https://ml-keys.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef"
REGISTRY = f"{GROUP}/images/providers/Microsoft.ContainerRegistry/registries/mlimages"
_NETWORK = f"{GROUP}/network/providers/Microsoft.Network/virtualNetworks/main/subnets"
EXISTING = AksExistingVnetSpec(
    node_subnet_id=f"{_NETWORK}/nodes", api_server_subnet_id=f"{_NETWORK}/api-server", way_out="route"
)
POOLS: Mapping[str, PoolSpec] = {
    "system": PoolSpec(machine_type="Standard_D8s_v5", min_nodes=2, max_nodes=4),
    "l4": PoolSpec(accelerator="a100-80gb", max_nodes=8, capacity="spot"),
}


def aks_spec(**settings: Any) -> AksSpec:
    """A cluster in eastus2 with these settings."""
    given: dict[str, Any] = {"subscription_id": SUBSCRIPTION, "region": REGION, "admins": ADMINS, **settings}
    return AksSpec(**given)


SPECS: Mapping[str, AksSpec] = {
    "autoscaler": aks_spec(),
    "node_auto_provisioning": aks_spec(provisioner="node_auto_provisioning"),
    "everything": aks_spec(
        region="westeurope",
        zones=["westeurope-1", "westeurope-3"],
        resource_group="ml-platform",
        tenant_id=TENANT,
        name="prod",
        kubernetes_version="1.34",
        tier="premium",
        system_machine_type="Standard_D4ds_v5",
        container_registry_ids=[REGISTRY],
        network=AksVnetSpec(cidr="10.20.0.0/20", nat_addresses=2, nat_idle_minutes=10),
        pod_cidr="10.64.0.0/16",
        service_cidr="10.80.0.0/20",
        api_endpoint=AksApiEndpointSpec(public_cidrs=["203.0.113.0/24"]),
        upgrade=AksUpgradeSpec(support="long_term", day="tuesday", start_hour_utc=4, duration_hours=6),
        encryption=AksEncryptionSpec(
            disk_encryption_set_id=DISKS, key_id=KEY, key_vault_id=VAULT, key_vault_access="private"
        ),
        control_plane_logs="all",
        log_retention_days=365,
        deletion_protection=True,
        shared_storage=True,
        tags={"team": "ml"},
    ),
    "existing": aks_spec(network=EXISTING, shared_storage=True, shared_storage_service="blob"),
    "still": aks_spec(
        region="westus", control_plane_logs="none", upgrade=AksUpgradeSpec(channel="none", node_images="none")
    ),
}


@cache
def made(variant: str) -> Recorded:
    """What a cluster of this variant registers."""
    return run(lambda: AksCluster("main", SPECS[variant], POOLS))
