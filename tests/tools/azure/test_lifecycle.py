"""Names, ids, state, replacement, refresh and faults, for any type."""

import re
import threading
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from tests.tools.azure import things
from tests.tools.azure.account import SUBSCRIPTION, Azure, Made, Refused
from tests.tools.azure.things import (
    CLUSTER,
    GROUP,
    IDENTITY,
    NETWORK,
    POOL,
    READER,
    ROLE,
    SUBNET,
    WORKSPACE,
)
from tools.offline.azure.cloud import AZURE
from tools.offline.azure.kinds_network import RESOURCE_GROUP
from tools.offline.common.errors import PartialError, ProviderError
from tools.offline.common.values import UNKNOWN

_GUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_what_stands_in_a_group_is_named_anew_and_what_is_in_it_after_itself(azure: Azure) -> None:
    made = azure.create(IDENTITY, "worker", {"resourceGroupName": things.group(azure)})
    assert re.fullmatch("worker[0-9a-f]{8}", made["name"])
    assert made.id == (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/"
        f"userAssignedIdentities/{made['name']}"
    )
    assert azure.diff(made, made.given)[0] == []
    assert things.subnet(azure, name="inside")["name"] == "inside"
    role = things.allow(azure, made, READER, made.id)
    assert _GUID.fullmatch(role["name"])


def test_a_name_that_azure_does_not_take_is_refused_given_or_made(azure: Azure) -> None:
    things.cluster(azure)
    assert "does not match" in azure.faults(POOL, things.pool_inputs(azure, agentPoolName="with-dash"))[0]
    inputs = things.pool_inputs(azure, agentPoolName=None)
    with pytest.raises(ProviderError, match="InvalidResourceName"):
        azure.create(POOL, "much-too-long-a-name", inputs)
    assert azure.create(POOL, "short", inputs)["name"] == "short"


def test_an_auto_named_resource_stands_beside_its_successor_and_no_other_does(azure: Azure) -> None:
    auto = azure.create(IDENTITY, "a", {"resourceGroupName": things.group(azure), "location": "eastus2"})
    assert azure.diff(auto, {**auto.given, "location": "westus3"}) == (["location"], ["location"], False)
    named = azure.create(IDENTITY, "b", {**auto.given, "resourceName": "mine"})
    assert azure.diff(named, {**named.given, "location": "westus3"}) == (["location"], ["location"], True)
    other = azure.diff(named, {**named.given, "resourceName": "other"})
    assert other == (["resourceName"], ["resourceName"], True), "also where the successor has another name"


def test_a_location_is_the_same_however_it_is_written(azure: Azure) -> None:
    made = azure.create(GROUP, "g", {"location": "eastus2"})
    assert azure.diff(made, {"location": "East US 2"})[0] == []
    assert azure.diff(made, {"location": "westus3"}) == (["location"], ["location"], False)


def test_a_location_comes_from_the_provider_or_is_missing(azure: Azure, tmp_path: Path) -> None:
    assert azure.create(GROUP, "g", {})["location"] == "eastus2"
    without = Azure(tmp_path / "other", arguments={"subscriptionId": SUBSCRIPTION})
    assert "missing required property 'location'" in without.faults(GROUP, {})[0]


def test_a_group_a_parent_and_a_scope_must_exist(azure: Azure) -> None:
    with pytest.raises(ProviderError, match=r"ResourceGroupNotFound.*Resource group 'none' could not be found"):
        azure.create(IDENTITY, "a", {"resourceGroupName": "none"})
    inputs = {"resourceGroupName": things.group(azure), "virtualNetworkName": "none", "addressPrefix": "10.0.0.0/24"}
    with pytest.raises(ProviderError, match="ParentResourceNotFound"):
        azure.create(SUBNET, "a", inputs)
    who = things.identity(azure)
    with pytest.raises(ProviderError, match="ResourceNotFound"):
        things.allow(azure, who, READER, f"{who.id}x")
    things.allow(azure, who, READER, who.id)
    things.allow(azure, who, READER, f"/subscriptions/{SUBSCRIPTION}", "whole")


def test_ids_are_compared_without_case(azure: Azure) -> None:
    gateway = things.nat(azure)
    inputs = things.subnet_inputs(azure, things.network(azure), "10.1.0.0/24", natGateway={"id": gateway.id.upper()})
    made = azure.create(SUBNET, "a", inputs)
    with pytest.raises(ProviderError, match="InUseNatGatewayCannotBeDeleted"):
        azure.delete(gateway)
    azure.delete(made)
    azure.delete(gateway)


def test_nothing_is_adopted(azure: Azure) -> None:
    azure.create(IDENTITY, "a", {"resourceGroupName": things.group(azure), "resourceName": "mine"})
    with pytest.raises(ProviderError, match=r"cannot create already existing resource '/subscriptions/.*/mine'"):
        azure.create(IDENTITY, "b", {"resourceGroupName": "rg", "resourceName": "MINE"})
    azure.create(IDENTITY, "c", {"resourceGroupName": "rg", "resourceName": "other"})


def test_a_group_takes_what_is_in_it_along(azure: Azure) -> None:
    things.cluster(azure)
    group = azure.world.one("ResourceGroup")
    azure.delete(Made(urn=f"urn:pulumi:test::proj::{GROUP}::rg", id=group.id, inputs=group.inputs, state=group.state))
    assert azure.world.left() == []


def test_a_group_stays_while_others_use_what_is_in_it(azure: Azure) -> None:
    nodes, server = azure.world.add_vnet()
    del server
    inputs = things.cluster_inputs(azure, Made(urn="", id=nodes, inputs={}, state={}))
    made = azure.create(CLUSTER, "small", inputs)
    group = next(each for each in azure.world.resources("ResourceGroup") if each.id.endswith("/shared"))
    shared = Made(urn=f"urn:pulumi:test::proj::{GROUP}::shared", id=group.id, inputs={}, state={})
    with pytest.raises(ProviderError, match="InUseSubnetCannotBeDeleted"):
        azure.delete(shared)
    azure.delete(made)
    azure.delete(shared)
    assert [each.id for each in azure.world.resources("Subnet")] == []


def test_a_preview_knows_what_the_program_says_and_nothing_that_azure_adds(azure: Azure) -> None:
    shown = azure.preview(CLUSTER, things.cluster_inputs(azure))
    assert shown["dnsPrefix"] == "small"
    assert shown["fqdn"] is UNKNOWN
    assert shown["name"] is UNKNOWN
    assert shown["oidcIssuerProfile"]["issuerURL"] is UNKNOWN
    assert shown["identity"]["userAssignedIdentities"] is UNKNOWN
    assert azure.world.resources("ManagedCluster") == []


def test_unknown_references_pass_a_preview(azure: Azure) -> None:
    inputs = {"resourceGroupName": UNKNOWN, "virtualNetworkName": UNKNOWN, "addressPrefix": "10.0.0.0/24"}
    assert azure.preview(SUBNET, inputs)["resourceGroupName"] is UNKNOWN


def test_a_refresh_sees_drift_and_what_is_gone(azure: Azure) -> None:
    inputs = {"resourceGroupName": things.group(azure), "sku": {"name": "PerGB2018"}, "retentionInDays": 30}
    made = azure.create(WORKSPACE, "logs", inputs)
    azure.world.change("Workspace", "retentionInDays", 90)
    found = azure.read(made)
    assert found is not None
    assert found.inputs["retentionInDays"] == 90
    azure.world.forget("Workspace", made.id)
    assert azure.read(made) is None


def test_where_something_stands_cannot_change_in_place(azure: Azure) -> None:
    gateway = things.nat(azure)
    assert azure.diff(gateway, {**gateway.given, "location": "westus3"})[1] == [], "the provider would change it"
    with pytest.raises(ProviderError, match="InvalidResourceLocation"):
        azure.update(gateway, {**gateway.given, "location": "westus3"})
    assert azure.update(gateway, {**gateway.given, "idleTimeoutInMinutes": 10})["idleTimeoutInMinutes"] == 10


def test_faults_fail_before_and_after_and_stall(azure: Azure) -> None:
    inputs = {"resourceGroupName": things.group(azure), "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    azure.world.go_wrong("VirtualNetwork.create", code="Throttled", message="later")
    with pytest.raises(ProviderError, match='Code="Throttled" Message="later"'):
        azure.create(NETWORK, "a", inputs)
    assert azure.world.resources("VirtualNetwork") == []
    azure.world.go_right()
    azure.world.go_wrong("VirtualNetwork.create", then="fail_after")
    with pytest.raises(PartialError):
        azure.create(NETWORK, "a", inputs)
    assert azure.world.one("VirtualNetwork").status == "CREATE_FAILED"
    azure.world.go_right()
    azure.world.go_wrong("VirtualNetwork.create", then="stall")
    thread = threading.Thread(target=lambda: azure.create(NETWORK, "b", inputs))
    thread.start()
    assert len(azure.world.resources("VirtualNetwork")) == 1
    azure.world.go_right()
    thread.join()
    assert len(azure.world.resources("VirtualNetwork")) == 2


def test_changes_of_one_network_wait_for_each_other(tmp_path: Path) -> None:
    azure = Azure(tmp_path, latency=0.05)
    network = things.network(azure)
    blocks = ["10.1.0.0/24", "10.1.1.0/24"]
    inputs = [things.subnet_inputs(azure, network, block) for block in blocks]
    threads = [
        threading.Thread(target=azure.create, args=(SUBNET, f"s{index}", each)) for index, each in enumerate(inputs)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(azure.world.calls("Subnet.create")) == 2, "both subnets")
    calls = azure.world.calls("Subnet.create")
    seconds = max(call["end"] for call in calls) - min(call["start"] for call in calls)
    assert seconds >= 0.45, "5 s each, at 1:20"


def test_the_subscription_must_be_named() -> None:
    assert [key for key, _ in AZURE.argument_problems({"location": "eastus2"})] == ["subscriptionId"]
    assert [key for key, _ in AZURE.argument_problems({"subscriptionId": "mine"})] == ["subscriptionId"]
    other = {"subscriptionId": SUBSCRIPTION, "tenantId": SUBSCRIPTION, "environment": "china"}
    assert [key for key, _ in AZURE.argument_problems(other)] == ["environment", "tenantId"]
    assert list(AZURE.argument_problems({"subscriptionId": SUBSCRIPTION})) == []


def test_what_check_refuses_is_not_made(azure: Azure) -> None:
    with pytest.raises(Refused, match="there is no such property"):
        azure.create(RESOURCE_GROUP, "g", {"lokation": "eastus2"})
    with pytest.raises(Refused, match="must be a string"):
        azure.create(ROLE, "g", {"principalId": 1, "roleDefinitionId": "a", "scope": "b"})
