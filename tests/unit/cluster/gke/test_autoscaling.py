from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_gcp import container

from modelyard.cluster.gke.autoscaling import cluster_autoscaling
from modelyard.cluster.gke.spec import GkeEncryptionSpec, GkeSpec
from tests.support.mocks import run
from tests.unit.cluster.gke.foundations import KEY, L4_SPOT, NODES, SYSTEM, ZONES, gke_spec, pool_of


def registered(spec: GkeSpec) -> Mapping[str, Any] | None:
    """What the cluster is told, as it arrives."""
    pools = {name: pool_of(pool, name, spec.provisioner) for name, pool in {"system": SYSTEM, "l4": L4_SPOT}.items()}

    def program() -> None:
        autoscaling = cluster_autoscaling(spec, pools, pulumi.Output.from_input(NODES))
        container.Cluster("control-plane", cluster_autoscaling=autoscaling)

    return run(program).one("Cluster").inputs.get("clusterAutoscaling")


def test_the_cluster_makes_no_node_pools_by_itself() -> None:
    assert registered(gke_spec()) is None


def test_it_makes_them_within_what_the_pools_may_have() -> None:
    found = registered(gke_spec("node_auto_provisioning"))
    assert found
    assert found["enabled"] is True
    assert found["autoProvisioningLocations"] == list(ZONES)
    assert found["resourceLimits"] == [
        {"resourceType": "cpu", "maximum": 6 * 4 + 8 * 8},
        {"resourceType": "memory", "maximum": 6 * 16 + 8 * 32},
        {"resourceType": "nvidia-l4", "maximum": 8},
    ]


def test_and_as_safe_as_those_of_the_stack() -> None:
    found = registered(gke_spec("node_auto_provisioning", encryption=GkeEncryptionSpec(key=KEY)))
    assert found
    assert found["autoProvisioningDefaults"] == {
        "serviceAccount": NODES,
        "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "imageType": "COS_CONTAINERD",
        "diskType": "pd-balanced",
        "bootDiskKmsKey": KEY,
        "shieldedInstanceConfig": {"enableSecureBoot": True, "enableIntegrityMonitoring": True},
        "management": {"autoRepair": True, "autoUpgrade": True},
    }
