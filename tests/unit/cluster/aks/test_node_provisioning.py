from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.aks.node_provisioning import aks_node_class, node_pool
from modelyard.cluster.pools import Pool
from modelyard.cluster.spec import PoolSpec, TaintSpec
from tests.unit.cluster.aks.foundations import ARM, MPS, OPERATOR, SHARES, SYSTEM, T4_SPOT, ZONES, pool_of, pools_made

PROVISIONING = "node_auto_provisioning"
FURTHER = replace(T4_SPOT, machine_types=["Standard_NC8as_T4_v3", "Standard_NC16as_T4_v3"])
KINDS = [SYSTEM, T4_SPOT, FURTHER, SHARES, MPS, OPERATOR, ARM]
# https://github.com/Azure/karpenter-provider-azure/blob/main/pkg/apis/crds: the fields and words of both kinds, as far
# as a pool can have them.
NODE_POOL_FIELDS = {"template", "disruption", "limits"}
TEMPLATE_FIELDS = {"nodeClassRef", "requirements", "taints", "expireAfter"}
REQUIREMENTS = {
    "karpenter.azure.com/sku-name",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "karpenter.sh/capacity-type",
    "topology.kubernetes.io/zone",
}
NODE_CLASS_FIELDS = {"imageFamily", "osDiskSizeGB", "maxPods", "gpu", "tags"}
RESTRICTED = ("karpenter.sh", "karpenter.azure.com", "kubernetes.azure.com", "agentpool", "accelerator")


def provisioned(spec: PoolSpec) -> Pool:
    return pool_of(spec, "pool", PROVISIONING)


def grown(spec: PoolSpec, zones: Sequence[str] = ZONES) -> dict[str, Any]:
    return node_pool(provisioned(spec), zones, most=3)


def requirements(spec: PoolSpec, zones: Sequence[str] = ZONES) -> dict[str, list[str]]:
    return {each["key"]: each["values"] for each in grown(spec, zones)["template"]["spec"]["requirements"]}


def node_class(spec: PoolSpec) -> dict[str, Any]:
    return aks_node_class(provisioned(spec), {"team": "ml"})


@pytest.mark.parametrize("spec", KINDS)
def test_karpenter_knows_every_field(spec: PoolSpec) -> None:
    found = grown(spec)
    assert set(found) == NODE_POOL_FIELDS
    assert set(found["template"]) == {"metadata", "spec"}
    assert set(found["template"]["spec"]) <= TEMPLATE_FIELDS
    assert set(requirements(spec)) <= REQUIREMENTS
    assert all(values for values in requirements(spec).values())
    assert set(node_class(spec)) <= NODE_CLASS_FIELDS


@pytest.mark.parametrize("spec", KINDS)
def test_no_label_is_one_that_it_keeps_for_itself(spec: PoolSpec) -> None:
    assert not any(key.startswith(RESTRICTED) for key in grown(spec)["template"]["metadata"]["labels"])


def test_a_plain_pool() -> None:
    assert grown(replace(SYSTEM, zones=[ZONES[1]])) == {
        "template": {
            "metadata": {"labels": {"modelyard.dev/pool": "pool"}},
            "spec": {
                "nodeClassRef": {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "pool"},
                "requirements": [
                    {"key": "karpenter.azure.com/sku-name", "operator": "In", "values": ["Standard_D4s_v5"]},
                    {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                    {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
                    {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                    {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eastus2-2"]},
                ],
                "expireAfter": "720h",
            },
        },
        "disruption": {
            "consolidationPolicy": "WhenEmptyOrUnderutilized",
            "consolidateAfter": "1m",
            "budgets": [{"nodes": "10%"}],
        },
        "limits": {"nodes": "3", "cpu": "12"},
    }


def test_machines_with_accelerators_go_only_once_they_are_empty() -> None:
    found = grown(T4_SPOT)
    assert found["disruption"] == {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": "10m",
        "budgets": [{"nodes": "0", "reasons": ["Drifted", "Underutilized"]}, {"nodes": "100%", "reasons": ["Empty"]}],
    }
    assert found["template"]["spec"]["expireAfter"] == "Never"


def test_zones_are_asked_for_only_where_they_are_known_to_have_the_machine() -> None:
    assert requirements(SYSTEM)["topology.kubernetes.io/zone"] == list(ZONES)
    assert "topology.kubernetes.io/zone" not in requirements(T4_SPOT)
    assert requirements(replace(T4_SPOT, zones=[ZONES[0]]))["topology.kubernetes.io/zone"] == [ZONES[0]]
    assert "topology.kubernetes.io/zone" not in requirements(SYSTEM, ())


def test_spot_takes_the_first_machine_that_is_free() -> None:
    found = requirements(FURTHER)
    assert found["karpenter.sh/capacity-type"] == ["spot"]
    assert found["karpenter.azure.com/sku-name"] == [
        "Standard_NC4as_T4_v3",
        "Standard_NC8as_T4_v3",
        "Standard_NC16as_T4_v3",
    ]
    # The largest counts: a limit is not to keep the last node away.
    assert grown(FURTHER)["limits"] == {"nodes": "3", "cpu": "48"}


def test_taints_are_the_pools_and_pods_tolerate_them() -> None:
    spec = replace(T4_SPOT, taints=[TaintSpec(key="dedicated", value="ml", effect="NoExecute")])
    taints = grown(spec)["template"]["spec"]["taints"]
    assert {(each["key"], each["value"], each["effect"]) for each in taints} == {
        (taint.key, taint.value, taint.effect) for taint in provisioned(spec).taints
    }
    assert {each["key"] for each in taints} == {
        "nvidia.com/gpu",
        "kubernetes.azure.com/scalesetpriority",
        "dedicated",
    }
    assert "taints" not in grown(SYSTEM)["template"]["spec"]


@pytest.mark.parametrize(
    ("spec", "mode"), [(T4_SPOT, {"mode": "Driver"}), (OPERATOR, {"mode": "None"}), (SYSTEM, None)]
)
def test_the_driver_is_the_contracts(spec: PoolSpec, mode: dict[str, str] | None) -> None:
    assert node_class(spec).get("gpu") == mode


@pytest.mark.parametrize(("spec", "size"), [(SYSTEM, 128), (T4_SPOT, 200), (replace(T4_SPOT, disk_gib=512), 512)])
def test_disks_hold_the_images(spec: PoolSpec, size: int) -> None:
    assert node_class(spec)["osDiskSizeGB"] == size


def test_machines_carry_the_clusters_tags() -> None:
    assert node_class(SYSTEM) == {
        "imageFamily": "Ubuntu",
        "osDiskSizeGB": 128,
        "maxPods": 110,
        "tags": {"team": "ml"},
    }
    assert "tags" not in aks_node_class(provisioned(SYSTEM), {})


def test_objects_are_made_on_the_cluster_and_go_before_it() -> None:
    recorded = pools_made({"system": SYSTEM, "t4": T4_SPOT}, PROVISIONING)
    (found,) = (each for each in recorded.of("NodePool") if each.name == "main-t4-more")
    (its_class,) = (each for each in recorded.of("AKSNodeClass") if each.name == "main-t4-more")
    assert found.type == "kubernetes:karpenter.sh/v1:NodePool"
    assert its_class.type == "kubernetes:karpenter.azure.com/v1beta1:AKSNodeClass"
    assert found.inputs["metadata"]["name"] == its_class.inputs["metadata"]["name"] == "t4"
    assert found.inputs["spec"]["template"]["spec"]["nodeClassRef"]["name"] == "t4"
    assert its_class.urn in found.depends_on
    by_urn = {each.urn: each.name for each in recorded.registrations}
    assert {by_urn[urn] for urn in its_class.depends_on} >= {"control-plane", "way-out"}
    assert found.timeouts["delete"] == "30m"


def test_a_pool_may_have_as_many_nodes_as_it_says() -> None:
    recorded = pools_made({"system": SYSTEM}, PROVISIONING)
    assert recorded.one("AgentPool").inputs["count"] == SYSTEM.min_nodes
    assert recorded.one("NodePool").inputs["spec"]["limits"]["nodes"] == str(SYSTEM.max_nodes - SYSTEM.min_nodes)
