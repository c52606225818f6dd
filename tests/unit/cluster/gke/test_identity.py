"""Rights: none is wider than what it is for, and nobody has a key."""

from dataclasses import replace

import pytest

from modelyard.cluster.gke.cluster import GkeCluster
from tests.support.gcp import PROJECT_NUMBER
from tests.support.mocks import Recorded, run
from tests.unit.cluster.gke.clusters import CLOUD_PROJECT, KEY, POOLS, REGION, SPECS, control_plane, made
from tests.unit.cluster.registrations import named, names, waits_for

_OF_PROJECT = {
    "roles/container.defaultNodeServiceAccount",
    "roles/artifactregistry.reader",
    "roles/container.clusterViewer",
}


@pytest.mark.parametrize("variant", SPECS)
def test_roles_in_the_project_are_few_and_none_is_basic(variant: str) -> None:
    assert {each.inputs["role"] for each in made(variant).of("IAMMember")} <= _OF_PROJECT


@pytest.mark.parametrize("variant", SPECS)
def test_nobody_has_a_key_and_no_other_binding_is_overwritten(variant: str) -> None:
    types = {each.type.rpartition(":")[2] for each in made(variant).registrations}
    assert "Key" not in types
    assert not {each for each in types if each.endswith(("IAMBinding", "IAMPolicy"))}, "members are added one by one"


def members(recorded: Recorded) -> dict[str, str]:
    return {each.name.removeprefix("main-"): each.inputs["member"] for each in recorded.of("IAMMember")}


def test_nodes_have_an_account_of_their_own_with_the_least_roles() -> None:
    recorded = made("autoscaler")
    account = recorded.one("serviceaccount/account:Account")
    assert len(account.inputs["accountId"]) <= 30
    address = f"{account.inputs['accountId']}@ml-prod.iam.gserviceaccount.com"
    assert members(recorded) == {
        "nodes-container.defaultNodeServiceAccount": f"serviceAccount:{address}",
        "nodes-artifactregistry.reader": f"serviceAccount:{address}",
    }
    for pool in recorded.of("gcp:container/nodePool:NodePool"):
        assert pool.inputs["nodeConfig"]["serviceAccount"] == address
        assert "IAMMember nodes-artifactregistry.reader" in waits_for(recorded, pool)


def test_admins_administer_this_cluster_alone() -> None:
    recorded = made("everything")
    member = named(recorded, "IAMMember", "main-admin-user-ada-example.org").inputs
    assert (member["member"], member["role"]) == ("user:ada@example.org", "roles/container.clusterViewer")
    path = f"projects/{CLOUD_PROJECT}/locations/{REGION}/clusters/prod"
    assert member["condition"]["expression"] == f'resource.name == "{path}"'
    bound = {
        each.inputs["subjects"][0]["kind"]: each.inputs["subjects"][0]["name"]
        for each in recorded.of("ClusterRoleBinding")
    }
    assert bound == {"User": "ada@example.org", "Group": "ml-admins@example.org"}
    assert {each.inputs["roleRef"]["name"] for each in recorded.of("ClusterRoleBinding")} == {"cluster-admin"}
    assert not made("autoscaler").of("ClusterRoleBinding")


def test_googles_agents_encrypt_with_the_users_key_and_do_nothing_else() -> None:
    recorded = made("everything")
    found = {each.name.removeprefix("main-"): each.inputs for each in recorded.of("CryptoKeyIAMMember")}
    assert {(each["role"], each["cryptoKeyId"]) for each in found.values()} == {
        ("roles/cloudkms.cryptoKeyEncrypterDecrypter", KEY)
    }
    agent = f"serviceAccount:service-{PROJECT_NUMBER}@"
    assert {name: each["member"].removeprefix(agent) for name, each in found.items()} == {
        "container-key": "container-engine-robot.iam.gserviceaccount.com",
        "compute-key": "compute-system.iam.gserviceaccount.com",
        "storage-key": "gs-project-accounts.iam.gserviceaccount.com",
        "file-key": "cloud-filer.iam.gserviceaccount.com",
    }


def test_agents_are_there_before_they_may_use_the_key() -> None:
    recorded = made("everything")
    for service in ("container", "storage", "file"):
        grant = named(recorded, "CryptoKeyIAMMember", f"main-{service}-key")
        assert {f"ServiceIdentity {service}-agent", f"Service {service}", "Service cloudkms"} <= waits_for(
            recorded, grant
        )
    assert "Service compute" in waits_for(recorded, named(recorded, "CryptoKeyIAMMember", "main-compute-key"))


def test_nodes_wait_until_their_disks_can_be_encrypted() -> None:
    recorded = made("everything")
    assert "CryptoKeyIAMMember compute-key" not in waits_for(recorded, control_plane("everything"))
    for pool in recorded.of("gcp:container/nodePool:NodePool"):
        assert "CryptoKeyIAMMember compute-key" in waits_for(recorded, pool)


def test_without_a_key_no_agent_is_asked_for_but_the_one_that_tells_the_projects_number() -> None:
    recorded = made("existing")
    assert names(recorded, "ServiceIdentity") == ["container-agent"]
    assert not recorded.of("CryptoKeyIAMMember")


def test_admins_whose_addresses_read_alike_are_told_apart() -> None:
    admins = ["user:ada-ml@example.org", "user:ada@ml-example.org"]
    recorded = run(lambda: GkeCluster("main", replace(SPECS["autoscaler"], admins=admins), POOLS))
    found = {
        each.name: each.inputs["member"]
        for each in recorded.of("IAMMember")
        if each.inputs["role"] == "roles/container.clusterViewer"
    }
    assert set(found.values()) == set(admins)
    assert found["main-admin-user-ada-ml-example.org"] == admins[0]
