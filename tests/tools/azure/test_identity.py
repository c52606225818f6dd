"""Rules of identities, roles, storage and logs: each refuses a case, and lets a near one pass."""

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.tools.azure import things
from tests.tools.azure.account import SUBSCRIPTION, Azure, Made
from tests.tools.azure.things import (
    ACCOUNT,
    CONTAINER,
    CREDENTIAL,
    POLICY,
    READER,
    ROLE,
    SERVICE,
    SETTING,
    SUBNET,
    WORKSPACE,
)
from tools.offline.common.errors import ProviderError

_ISSUER = "https://oidc.example.org/"


def _credential(identity: Made, subject: str = "system:serviceaccount:a:b", **more: Any) -> dict[str, Any]:
    return {
        "resourceGroupName": "rg",
        "resourceName": identity["name"],
        "issuer": _ISSUER,
        "subject": subject,
        "audiences": ["api://AzureADTokenExchange"],
        **more,
    }


def test_trust_in_a_service_account(azure: Azure) -> None:
    identity = things.identity(azure)
    azure.create(CREDENTIAL, "trust", _credential(identity))
    with pytest.raises(ProviderError, match="Issuer and subject combination already exists"):
        azure.create(CREDENTIAL, "again", _credential(identity))
    azure.create(CREDENTIAL, "other", _credential(identity, "system:serviceaccount:a:c"))
    assert "audiences" in azure.faults(CREDENTIAL, _credential(identity, audiences=["me"]))[0]
    assert "issuer" in azure.faults(CREDENTIAL, _credential(identity, issuer="http://a"))[0]
    azure.delete(identity_of(azure))
    assert azure.world.resources("FederatedIdentityCredential") == []


def identity_of(azure: Azure) -> Made:
    """The only identity, as the engine keeps it."""
    found = azure.world.one("UserAssignedIdentity")
    return Made(urn=f"urn:pulumi:test::proj::{things.IDENTITY}::a", id=found.id, inputs=found.inputs, state={})


def test_an_identity_takes_one_trust_at_a_time(tmp_path: Path) -> None:
    azure = Azure(tmp_path, latency=0.1)
    identity = things.identity(azure)
    thread = threading.Thread(target=azure.create, args=(CREDENTIAL, "trust", _credential(identity)))
    thread.start()
    wait_until(lambda: bool(azure.world.resources("FederatedIdentityCredential")), "the first")
    with pytest.raises(ProviderError, match="ConcurrentFederatedIdentityCredentialsWrites"):
        azure.create(CREDENTIAL, "other", _credential(identity, "system:serviceaccount:a:c"))
    thread.join()
    azure.create(CREDENTIAL, "other", _credential(identity, "system:serviceaccount:a:c"))


def test_a_role_is_one_that_there_is(azure: Azure) -> None:
    inputs = {"principalId": things.ADMINS, "scope": "/a", "principalType": "Group"}
    assert (
        "RoleDefinitionDoesNotExist"
        in azure.faults(ROLE, {**inputs, "roleDefinitionId": things.definition(SUBSCRIPTION)})[0]
    )
    assert "InvalidRoleDefinitionId" in azure.faults(ROLE, {**inputs, "roleDefinitionId": READER})[0]
    assert azure.faults(ROLE, {**inputs, "roleDefinitionId": things.definition(READER)}) == []


def test_a_role_is_given_to_somebody_once(azure: Azure) -> None:
    identity = things.identity(azure)
    inputs = {
        "principalId": identity["principalId"],
        "roleDefinitionId": things.definition(READER),
        "scope": identity.id,
    }
    with pytest.raises(ProviderError, match=r"PrincipalNotFound.*principalType"):
        azure.create(ROLE, "a", inputs)
    typed = {**inputs, "principalType": "ServicePrincipal"}
    with pytest.raises(ProviderError, match="PrincipalNotFound"):
        azure.create(ROLE, "a", {**typed, "principalId": things.ADMINS})
    made = azure.create(ROLE, "a", typed)
    with pytest.raises(ProviderError, match="RoleAssignmentExists"):
        azure.create(ROLE, "b", typed)
    with pytest.raises(ProviderError, match="RoleAssignmentUpdateNotPermitted"):
        azure.update(made, {**made.given, "roleDefinitionId": things.definition(things.CONTRIBUTOR)})
    assert azure.diff(made, {**made.given, "scope": f"/subscriptions/{SUBSCRIPTION}"})[1] == ["scope"]
    azure.create(ROLE, "group", {**inputs, "principalId": things.ADMINS, "principalType": "Group"})


def _account(**more: Any) -> dict[str, Any]:
    return {"resourceGroupName": "rg", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, **more}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, ""),
        ({"accountName": "objects123"}, ""),
        ({"accountName": "with-dash"}, "does not match"),
        ({"accountName": "ab"}, "does not match"),
        ({"kind": "FileStorage"}, "does not go with kind"),
        ({"kind": "FileStorage", "sku": {"name": "Premium_LRS"}}, ""),
        ({"sku": {"name": "Standard_XRS"}}, "must be one of"),
        ({"minimumTlsVersion": "TLS1_2"}, ""),
        ({"minimumTlsVersion": "1.2"}, "must be one of"),
        ({"enableNfsV3": True, "isHnsEnabled": True, "enableHttpsTrafficOnly": False}, ""),
        ({"enableNfsV3": True, "isHnsEnabled": True, "enableHttpsTrafficOnly": True}, "NFS 3.0"),
        ({"enableNfsV3": True}, "NFS 3.0"),
    ],
)
def test_the_parts_of_an_account(azure: Azure, more: dict[str, Any], problem: str) -> None:
    found = azure.faults(ACCOUNT, _account(**more))
    assert problem in "; ".join(found)
    assert bool(problem) == bool(found)


def test_the_name_of_an_account_is_free_in_the_world(azure: Azure) -> None:
    things.group(azure)
    azure.create(ACCOUNT, "a", _account(accountName="objects"))
    azure.world.add_group("second")
    with pytest.raises(ProviderError, match="StorageAccountAlreadyTaken"):
        azure.create(ACCOUNT, "b", _account(accountName="objects", resourceGroupName="second"))
    with pytest.raises(ProviderError, match="InvalidResourceName"):
        azure.create(ACCOUNT, "my-objects", _account())
    azure.create(ACCOUNT, "objects", _account())


def test_a_subnet_that_an_account_lets_in_has_the_endpoint(azure: Azure) -> None:
    network = things.network(azure)
    bare = azure.create(SUBNET, "bare", things.subnet_inputs(azure, network, "10.1.0.0/24"))
    inputs = things.subnet_inputs(azure, network, "10.1.1.0/24", serviceEndpoints=[{"service": "Microsoft.Storage"}])
    ready = azure.create(SUBNET, "ready", inputs)

    def rules(subnet_id: str) -> dict[str, Any]:
        rule = {"virtualNetworkResourceId": subnet_id}
        return {"networkRuleSet": {"defaultAction": "Deny", "virtualNetworkRules": [rule]}}

    with pytest.raises(ProviderError, match="SubnetsHaveNoServiceEndpointsConfigured"):
        azure.create(ACCOUNT, "a", _account(**rules(bare.id)))
    with pytest.raises(ProviderError, match="was not found"):
        azure.create(ACCOUNT, "a", _account(**rules("/none")))
    made = azure.create(ACCOUNT, "a", _account(**rules(ready.id)))
    with pytest.raises(ProviderError, match="SubnetsHaveNoServiceEndpointsConfigured"):
        azure.update(made, {**made.given, **rules(bare.id)})
    assert made["primaryEndpoints"]["blob"] == f"https://{made['name']}.blob.core.windows.net/"


def test_what_is_in_an_account(azure: Azure) -> None:
    things.group(azure)
    account = azure.create(ACCOUNT, "a", _account())
    of = {"resourceGroupName": "rg", "accountName": account["name"]}
    azure.create(
        SERVICE, "s", {**of, "blobServicesName": "default", "deleteRetentionPolicy": {"enabled": True, "days": 7}}
    )
    with pytest.raises(ProviderError, match="is called default"):
        azure.create(SERVICE, "s", of)
    assert "days" in azure.faults(SERVICE, {**of, "deleteRetentionPolicy": {"enabled": True}})[0]
    with pytest.raises(ProviderError, match="PublicAccessNotPermitted"):
        azure.create(CONTAINER, "objects", {**of, "publicAccess": "Blob"})
    assert "does not match" in azure.faults(CONTAINER, {**of, "containerName": "Objects"})[0]
    made = azure.create(CONTAINER, "objects", {**of, "publicAccess": "None"})
    assert made.id.endswith("/blobServices/default/containers/objects")
    action = {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 7}}}
    rule = {
        "name": "old",
        "type": "Lifecycle",
        "definition": {"actions": action, "filters": {"blobTypes": ["blockBlob"]}},
    }
    policy = {**of, "managementPolicyName": "default", "policy": {"rules": [rule]}}
    assert "does not match default" in azure.faults(POLICY, {**policy, "managementPolicyName": "mine"})[0]
    assert "the same name" in azure.faults(POLICY, {**policy, "policy": {"rules": [rule, rule]}})[0]
    pages = {**rule, "definition": {"actions": action, "filters": {"blobTypes": ["pageBlob"]}}}
    assert "blobTypes" in azure.faults(POLICY, {**policy, "policy": {"rules": [pages]}})[0]
    azure.create(POLICY, "p", policy)
    azure.delete(account)
    assert [each for each in azure.world.left() if not each.startswith("ResourceGroup")] == []


def test_logs_go_somewhere_and_are_of_kinds_that_there_are(azure: Azure) -> None:
    cluster = things.cluster(azure)
    logs = azure.create(
        WORKSPACE, "logs", {"resourceGroupName": "rg", "sku": {"name": "PerGB2018"}, "retentionInDays": 30}
    )
    assert "must be from 30" in azure.faults(WORKSPACE, {**logs.given, "retentionInDays": 10})[0]
    inputs = {
        "resourceUri": cluster.id,
        "workspaceId": logs.id,
        "logs": [{"category": "kube-audit-admin", "enabled": True}],
    }
    assert "at least one of workspaceId" in azure.faults(SETTING, {**inputs, "workspaceId": None})[0]
    assert "logs and metrics" in azure.faults(SETTING, {**inputs, "logs": None})[0]
    assert "either category" in azure.faults(SETTING, {**inputs, "logs": [{"enabled": True}]})[0]
    assert "Dedicated" in azure.faults(SETTING, {**inputs, "logAnalyticsDestinationType": "Mine"})[0]
    with pytest.raises(ProviderError, match="Category 'audit' is not supported"):
        azure.create(SETTING, "a", {**inputs, "logs": [{"category": "audit", "enabled": True}]})
    azure.create(SETTING, "a", inputs)
    with pytest.raises(ProviderError, match="already used in diagnostic setting"):
        azure.create(SETTING, "b", inputs)
    azure.create(SETTING, "b", {**inputs, "logs": [{"category": "guard", "enabled": True}]})
    azure.delete(cluster)
    assert len(azure.world.resources("DiagnosticSetting")) == 2, "settings of logs stay behind"
