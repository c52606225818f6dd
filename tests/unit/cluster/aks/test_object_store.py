"""Stores and identities of workloads: what is in a container is private, and pods get at it without a key."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from modelyard.cluster.aks.cluster import AksCluster
from modelyard.cluster.aks.identity import ROLES
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import StoreAccess
from tests.support.azure import outputs
from tests.support.mocks import Recorded, refused, run, value_of
from tests.unit.cluster.aks.clusters import EXISTING, POOLS, SPECS
from tests.unit.cluster.registrations import named, waits_for

WORKLOAD: Mapping[str, Any] = {"namespace": "chat", "service_account": "workload"}


def with_cluster(then: Callable[[AksCluster], object], variant: str = "existing") -> Recorded:
    return run(lambda: then(AksCluster("main", SPECS[variant], POOLS)))


def store(name: str = "models", variant: str = "existing", **settings: Any) -> Recorded:
    return with_cluster(lambda cluster: cluster.object_store(name, ObjectStoreSpec(**settings)), variant)


def test_account_is_private_and_has_no_keys() -> None:
    account = store().one("StorageAccount").inputs
    assert account["allowBlobPublicAccess"] is False
    assert account["allowSharedKeyAccess"] is False
    assert account["defaultToOAuthAuthentication"] is True
    assert account["enableHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert (account["kind"], account["sku"]) == ("StorageV2", {"name": "Standard_ZRS"})
    container = store().one("BlobContainer").inputs
    assert (container["publicAccess"], container["containerName"]) == ("None", "objects")


def test_only_nodes_reach_it() -> None:
    rules = store().one("StorageAccount").inputs["networkRuleSet"]
    assert (rules["defaultAction"], rules["bypass"]) == ("Deny", "None")
    assert [each["virtualNetworkResourceId"] for each in rules["virtualNetworkRules"]] == [EXISTING.node_subnet_id]


def test_region_without_zones_has_one_copy_place() -> None:
    assert store(variant="still").one("StorageAccount").inputs["sku"] == {"name": "Standard_LRS"}


def test_what_was_overwritten_or_deleted_is_kept_and_objects_stay() -> None:
    recorded = store()
    kept = recorded.one("BlobServiceProperties").inputs
    assert kept["deleteRetentionPolicy"] == {"enabled": True, "days": 30}
    assert kept["blobServicesName"] == "default"
    assert not recorded.of("ManagementPolicy")


def test_objects_go_where_that_is_asked_for() -> None:
    recorded = store(expire_after_days=90, keep_former_versions_days=1)
    assert recorded.one("BlobServiceProperties").inputs["deleteRetentionPolicy"]["days"] == 1
    (rule,) = recorded.one("ManagementPolicy").inputs["policy"]["rules"]
    assert rule["definition"]["actions"] == {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 90}}}
    assert (rule["enabled"], rule["type"]) == (True, "Lifecycle")


def test_store_with_what_is_in_it_goes_only_where_that_is_asked_for() -> None:
    for force in (False, True):
        recorded = store(force_destroy=force)
        for type_ in ("StorageAccount", "BlobContainer"):
            assert recorded.one(type_).protected is not force


def test_name_of_an_account_is_nobody_elses_and_stays() -> None:
    first = store().one("StorageAccount").inputs["accountName"]
    assert first == store().one("StorageAccount").inputs["accountName"]
    others = {
        store("data").one("StorageAccount").inputs["accountName"],
        store(variant="everything").one("StorageAccount").inputs["accountName"],
        store("a-very-long-name-of-a-store").one("StorageAccount").inputs["accountName"],
    }
    assert len({first, *others}) == 4
    assert all(re.fullmatch("[a-z0-9]{3,24}", each) for each in {first, *others})
    assert first.startswith("models")


def test_store_says_its_address() -> None:
    found: list[str] = []
    with_cluster(lambda cluster: value_of(cluster.object_store("models", ObjectStoreSpec()).url, found))
    assert re.fullmatch(r"https://models[0-9a-f]{13}\.blob\.core\.windows\.net/objects", found[0])


@pytest.mark.parametrize(
    ("write", "role"), [(False, "Storage Blob Data Reader"), (True, "Storage Blob Data Contributor")]
)
def test_pods_get_what_they_ask_for_and_no_more(write: bool, role: str) -> None:
    def program(cluster: AksCluster) -> None:
        models = cluster.object_store("models", ObjectStoreSpec())
        access = StoreAccess(store=models, write=write)
        cluster.workload_identity("chat", permissions=[access], **WORKLOAD)

    recorded = with_cluster(program)
    right = named(recorded, "RoleAssignment", "chat-models")
    assert right.inputs["roleDefinitionId"].endswith(ROLES[role])
    assert right.inputs["scope"].endswith("/BlobContainer/objects"), "not the whole account"
    identity = named(recorded, "UserAssignedIdentity", "chat-identity")
    assert identity.urn in right.depends_on
    trust = recorded.one("FederatedIdentityCredential").inputs
    assert trust["subject"] == "system:serviceaccount:chat:workload"
    assert trust["issuer"] == "https://oidc.example.org/main-cluster/"
    assert trust["audiences"] == ["api://AzureADTokenExchange"]
    assert trust["resourceName"] == "chat-identity1a2b3c4d"
    assert "ManagedCluster cluster" in waits_for(recorded, recorded.one("FederatedIdentityCredential"))


def test_pods_and_their_service_account_carry_what_aks_asks_for() -> None:
    def program(cluster: AksCluster) -> None:
        bound.append(cluster.workload_identity("chat", permissions=[], **WORKLOAD))
        (annotation,) = bound[0].service_account_annotations.items()
        assert annotation[0] == "azure.workload.identity/client-id"
        value_of(pulumi.Output.from_input(annotation[1]), client_ids)
        value_of(pulumi.Output.all(*(each.urn for each in bound[0].ready)), ready)

    bound: list[BoundIdentity] = []
    client_ids: list[str] = []
    ready: list[list[str]] = []
    recorded = with_cluster(program)
    assert bound[0].pod_labels == {"azure.workload.identity/use": "true"}
    assert not bound[0].token_endpoints, "they take their token to a public address"
    expected = outputs("azure-native:managedidentity:UserAssignedIdentity", "chat-identity", {})["clientId"]
    assert client_ids == [expected], "the application that the identity stands for, and not its principal"
    assert ready == [[recorded.one("FederatedIdentityCredential").urn]]


def test_rights_are_named_after_their_store_so_that_one_that_goes_takes_no_other_along() -> None:
    def program(cluster: AksCluster) -> None:
        stores = [cluster.object_store(name, ObjectStoreSpec()) for name in ("models", "data")]
        cluster.workload_identity("chat", permissions=[StoreAccess(store=each) for each in stores], **WORKLOAD)

    found = [each.name for each in with_cluster(program).of("RoleAssignment") if "WorkloadIdentity" in each.urn]
    assert found == ["chat-models", "chat-data"]


def test_bad_store_is_refused() -> None:
    def message(**settings: Any) -> str:
        def program() -> None:
            AksCluster("main", SPECS["existing"], POOLS).object_store("models", ObjectStoreSpec(**settings))

        return str(refused(program, "modelyard:cluster:BlobStore"))

    assert message(expire_after_days=0) == "models.expire_after_days: 0 is below 1; use 1 or more"
    assert message(keep_former_versions_days=366) == (
        "models.keep_former_versions_days: 366 days are more than the 365 for which the cluster's cloud keeps them; "
        "use 365 or less"
    )
    assert store(keep_former_versions_days=365).of("BlobContainer")
