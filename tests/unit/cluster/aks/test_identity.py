"""Who may do what in Azure: the least, on single resources."""

import pytest

from modelyard.cluster.aks.cluster import AksCluster
from modelyard.cluster.aks.identity import ROLES
from tests.support.azure import SUBSCRIPTION
from tests.support.mocks import run
from tests.unit.cluster.aks.clusters import DISKS, EXISTING, POOLS, REGISTRY, SPECS, VAULT, aks_spec, made
from tests.unit.cluster.registrations import names

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged
OWNER, CONTRIBUTOR = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"


def given(variant: str) -> set[tuple[str, str, str]]:
    """Who has which role on what, by the ends of names."""
    role_names = {value: key for key, value in ROLES.items()}
    recorded = made(variant)
    return {
        (
            each.name.removeprefix("main-"),
            role_names[each.inputs["roleDefinitionId"].rpartition("/")[2]],
            each.inputs["scope"].rpartition("/")[2].removesuffix("1a2b3c4d"),
        )
        for each in recorded.of("RoleAssignment")
    }


def test_control_plane_may_use_its_subnets_and_give_nodes_their_identity() -> None:
    assert given("autoscaler") == {
        ("control-plane-nodes", "Network Contributor", "main-nodes"),
        ("control-plane-api-server", "Network Contributor", "main-api-server"),
        ("control-plane-kubelet", "Managed Identity Operator", "main-kubelet"),
    }


def test_further_rights_go_with_what_is_asked_for() -> None:
    assert given("everything") - given("autoscaler") == {
        ("control-plane-disks", "Reader", DISKS.rpartition("/")[2]),
        ("control-plane-keys", "Key Vault Crypto User", VAULT.rpartition("/")[2]),
        ("control-plane-vault", "Key Vault Contributor", VAULT.rpartition("/")[2]),
        ("kubelet-mlimages", "AcrPull", REGISTRY.rpartition("/")[2]),
    }


def test_in_an_existing_network_it_may_use_the_two_subnets() -> None:
    scopes = {each.inputs["scope"] for each in made("existing").of("RoleAssignment")}
    assert {EXISTING.node_subnet_id, EXISTING.api_server_subnet_id} <= scopes


@pytest.mark.parametrize("variant", SPECS)
def test_nobody_has_more_than_a_resource(variant: str) -> None:
    for each in made(variant).of("RoleAssignment"):
        role = each.inputs["roleDefinitionId"]
        assert role.startswith(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/")
        assert role.rpartition("/")[2] not in {OWNER, CONTRIBUTOR, ACCESS_ADMINISTRATOR}
        assert "/resourceGroups/" in each.inputs["scope"], "a resource is in a group"
        assert "/providers/Microsoft." in each.inputs["scope"], "a group is no single resource"
        assert each.inputs["principalType"] == "ServicePrincipal"
        assert "roleAssignmentName" not in each.inputs, "the provider makes a UUID, and another for a replacement"


@pytest.mark.parametrize("variant", SPECS)
def test_cluster_and_nodes_have_an_identity_each(variant: str) -> None:
    recorded = made(variant)
    assert sorted(names(recorded, "UserAssignedIdentity")) == ["control-plane", "kubelet"]
    cluster = recorded.one("containerservice:ManagedCluster").inputs
    assert cluster["identity"]["type"] == "UserAssigned"
    (identity,) = cluster["identity"]["userAssignedIdentities"]
    assert identity.endswith("main-control-plane1a2b3c4d")
    kubelet = cluster["identityProfile"]["kubeletidentity"]
    assert kubelet["resourceId"].endswith("main-kubelet1a2b3c4d")
    assert kubelet["clientId"] != kubelet["objectId"]


def test_registries_of_the_same_name_are_told_apart() -> None:
    other = REGISTRY.replace("/images/", "/elsewhere/")
    recorded = run(lambda: AksCluster("main", aks_spec(container_registry_ids=[REGISTRY, other]), POOLS))
    scopes = {
        each.name: each.inputs["scope"]
        for each in recorded.of("RoleAssignment")
        if each.inputs["scope"].endswith("/mlimages")
    }
    assert set(scopes.values()) == {REGISTRY, other}
    assert scopes["main-kubelet-mlimages"] == REGISTRY
