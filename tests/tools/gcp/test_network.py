"""Projects, networks, identities and buckets: what Google refuses, and what it lets pass."""

from typing import Any

import pytest

from tests.support.gke_world import PROJECT
from tests.tools.gcp import things
from tests.tools.gcp.account import Gcp, Made, Refused
from tests.tools.gcp.things import (
    ACCOUNT,
    BUCKET,
    BUCKET_MEMBER,
    CLUSTER,
    FIREWALL,
    IDENTITY,
    NAT,
    NETWORK,
    PROJECT_MEMBER,
    ROUTER,
    SERVICE,
    SUBNETWORK,
)
from tools.offline.common.errors import ProviderError

Json = dict[str, Any]


def test_an_api_is_enabled_before_it_is_used_and_stays_so(empty: Gcp) -> None:
    with pytest.raises(ProviderError, match=r"Error 403: compute API has not been used .* \(SERVICE_DISABLED\)"):
        empty.create(NETWORK, "net", {})
    service = empty.create(SERVICE, "compute", {"service": "compute.googleapis.com"})
    made = empty.create(NETWORK, "net", {})
    empty.delete(made)
    empty.delete(service)
    assert empty.world.left() == []
    empty.create(NETWORK, "other", {})


def test_an_api_is_disabled_only_where_the_program_says_so(empty: Gcp) -> None:
    service = empty.create(SERVICE, "compute", {"service": "compute.googleapis.com", "disableOnDestroy": True})
    empty.delete(service)
    with pytest.raises(ProviderError, match="SERVICE_DISABLED"):
        empty.create(NETWORK, "net", {})


def test_a_service_agent_needs_its_api_and_has_the_projects_number(gcp: Gcp) -> None:
    with pytest.raises(ProviderError, match=r"'file\.googleapis\.com' is not enabled"):
        gcp.create(IDENTITY, "file", {"service": "file.googleapis.com"})
    made = gcp.create(IDENTITY, "container", {"service": "container.googleapis.com"})
    assert made["email"] == f"service-{gcp.world.number()}@container-engine-robot.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ipCidrRange": "10.0.0.1/20"}, "ipCidrRange: '10.0.0.1/20' is not a valid IPv4 range"),
        ({"ipCidrRange": "10.0.0.0/30"}, "10.0.0.0/30 is smaller than /29"),
        ({"ipCidrRange": None}, "ipCidrRange: is required here"),
        ({"secondaryIpRanges": [{"rangeName": "Pods", "ipCidrRange": "10.1.0.0/16"}]}, "'Pods' is not unique"),
        ({"secondaryIpRanges": [{"rangeName": "pods"}]}, "ipCidrRange: is required here"),
        ({"name": "Nodes"}, "'Nodes' does not match"),
        ({"stackType": "IPV4"}, "stackType: must be one of"),
        ({"cidr": "10.0.0.0/20"}, "cidr: there is no such property"),
    ],
)
def test_a_subnetwork_is_refused(gcp: Gcp, change: Json, why: str) -> None:
    made = gcp.create(NETWORK, "net", {"autoCreateSubnetworks": False})
    faults = gcp.faults(SUBNETWORK, things.subnetwork_inputs(made, **change))
    assert any(why in each for each in faults), faults
    assert gcp.faults(SUBNETWORK, things.subnetwork_inputs(made)) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"allows": None}, "a rule allows or denies something, one of both"),
        ({"denies": [{"protocol": "udp"}]}, "a rule allows or denies something, one of both"),
        ({"sourceRanges": None}, "one of source_tags, source_ranges, or source_service_accounts is due"),
        ({"sourceRanges": ["192.168.0.1/16"]}, "'192.168.0.1/16' is not a valid IPv4 range"),
        ({"direction": "IN"}, "direction: must be one of"),
    ],
)
def test_a_firewall_rule_is_refused(gcp: Gcp, change: Json, why: str) -> None:
    net = gcp.create(NETWORK, "net", {"autoCreateSubnetworks": False})
    inputs: Json = {"network": net.id, "allows": [{"protocol": "tcp"}], "sourceRanges": ["192.168.0.0/16"]}
    faults = gcp.faults(FIREWALL, {**inputs, **change})
    assert any(why in each for each in faults), faults
    made = gcp.create(FIREWALL, "in", inputs)
    assert (made["direction"], made["priority"]) == ("INGRESS", 1000)
    assert gcp.diff(made, inputs)[0] == []
    with pytest.raises(ProviderError, match="is already being used by"):
        gcp.delete(net)
    gcp.delete(made)
    gcp.delete(net)


def test_ranges_of_a_network_are_apart(gcp: Gcp, network: things.Network) -> None:
    inputs = {"network": network.network.id, "region": "europe-west4"}
    with pytest.raises(
        ProviderError, match=r"10\.64\.0\.0/16 conflicts with existing subnetwork range 10\.64\.0\.0/14"
    ):
        gcp.create(SUBNETWORK, "other", {**inputs, "ipCidrRange": "10.64.0.0/16"})
    gcp.create(SUBNETWORK, "other", {**inputs, "ipCidrRange": "10.128.0.0/16"})


def test_a_range_of_nodes_only_grows(gcp: Gcp, network: things.Network) -> None:
    old = network.subnetwork
    with pytest.raises(ProviderError, match="it can only grow"):
        gcp.update(old, {**old.given, "ipCidrRange": "10.0.0.0/21"})
    gcp.update(old, {**old.given, "ipCidrRange": "10.0.0.0/19"})


def test_a_network_goes_after_all_that_is_in_it(gcp: Gcp, network: things.Network) -> None:
    for expected in (r"subnetworks/nodes", r"routers/router"):
        with pytest.raises(ProviderError, match=rf"is already being used by '.*{expected}.*resourceInUseByAnother"):
            gcp.delete(network.network)
        gcp.delete(network.subnetwork if "subnetworks" in expected else network.router)
    gcp.delete(network.network)
    assert gcp.world.left() == []


def test_a_network_is_named_by_id_link_or_name(gcp: Gcp, network: things.Network) -> None:
    inputs = network.router.given
    for other in (network.network["selfLink"], network.network["name"]):
        assert gcp.diff(network.router, {**inputs, "network": other})[0] == []
    assert gcp.diff(network.router, {**inputs, "network": "another"})[1] == ["network"]
    with pytest.raises(ProviderError, match="The resource 'another' was not found, notFound"):
        gcp.create(ROUTER, "second", {"network": "another"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"natIpAllocateOption": None}, "natIpAllocateOption: is required"),
        ({"natIpAllocateOption": "MANUAL_ONLY"}, "MANUAL_ONLY needs addresses"),
        ({"sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS"}, "are named with LIST_OF_SUBNETWORKS"),
        ({"maxPortsPerVm": 1024}, "needs enableDynamicPortAllocation"),
        ({"enableDynamicPortAllocation": True, "minPortsPerVm": 100}, "100 is no power of two"),
        ({"sourceSubnetworkIpRangesToNat": "ALL"}, "must be one of ALL_SUBNETWORKS_ALL_IP_RANGES"),
    ],
)
def test_a_nat_is_refused(gcp: Gcp, network: things.Network, change: Json, why: str) -> None:
    faults = gcp.faults(NAT, things.nat_inputs(network.router, **change))
    assert any(why in each for each in faults), faults
    good = {"enableDynamicPortAllocation": True, "minPortsPerVm": 64, "maxPortsPerVm": 1024}
    assert gcp.faults(NAT, things.nat_inputs(network.router, **good)) == []


def test_a_network_has_one_nat_for_all_of_a_region(gcp: Gcp, network: things.Network) -> None:
    with pytest.raises(ProviderError, match="applies to all subnetworks"):
        gcp.create(NAT, "second", things.nat_inputs(network.router))
    gcp.delete(network.nat)
    gcp.create(NAT, "second", things.nat_inputs(network.router))


@pytest.mark.parametrize("name", ["gke", "Nodes-of-it", "nodes-", "a" * 31])
def test_a_service_accounts_name_is_refused(gcp: Gcp, name: str) -> None:
    assert any("6 to 30 lower-case letters" in each for each in gcp.faults(ACCOUNT, {"accountId": name}))
    assert gcp.faults(ACCOUNT, {"accountId": "a" * 30}) == []


def test_a_role_is_given_to_who_exists(gcp: Gcp) -> None:
    def inputs(member: str, role: str = "roles/logging.logWriter") -> Json:
        return {"project": PROJECT, "role": role, "member": member}

    email = f"nodes-of-it@{PROJECT}.iam.gserviceaccount.com"
    with pytest.raises(ProviderError, match=f"Service account {email} does not exist"):
        gcp.create(PROJECT_MEMBER, "early", inputs(f"serviceAccount:{email}"))
    made = gcp.create(ACCOUNT, "nodes", {"accountId": "nodes-of-it"})
    assert made["email"] == email
    gcp.create(PROJECT_MEMBER, "role", inputs(made["member"]))
    with pytest.raises(Refused, match="is no role"):
        gcp.create(PROJECT_MEMBER, "bad", inputs(made["member"], "logging.logWriter"))
    with pytest.raises(Refused, match="is no member"):
        gcp.create(PROJECT_MEMBER, "bad", inputs("nodes"))


def test_a_pods_identity_needs_the_pool_that_comes_with_the_first_cluster(gcp: Gcp, network: things.Network) -> None:
    bucket = gcp.create(BUCKET, "models", {"location": "US"})
    number, pool = gcp.world.number(), f"{PROJECT}.svc.id.goog"

    def inputs(number: str) -> Json:
        subject = f"workloadIdentityPools/{pool}/subject/ns/team/sa/trainer"
        member = f"principal://iam.googleapis.com/projects/{number}/locations/global/{subject}"
        return {"bucket": bucket["name"], "role": "roles/storage.objectUser", "member": member}

    with pytest.raises(ProviderError, match="Identity Pool does not exist"):
        gcp.create(BUCKET_MEMBER, "early", inputs(number))
    gcp.create(CLUSTER, "small", things.cluster_inputs(network))
    with pytest.raises(ProviderError, match=r"the pool of .* is in project"):
        gcp.create(BUCKET_MEMBER, "other", inputs("1"))
    gcp.create(BUCKET_MEMBER, "trainer", inputs(number))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "Models"}, "'Models' is no name of a bucket"),
        ({"publicAccessPrevention": "on"}, "must be enforced or inherited"),
        ({"softDeletePolicy": {"retentionDurationSeconds": 3600}}, "must be 0, or from 7 to 90 days"),
        ({"lifecycleRules": [{"action": {"type": "Delete"}, "condition": {}}]}, "has no condition"),
        ({"lifecycleRules": [{"action": {"type": "Drop"}, "condition": {"age": 1}}]}, "'Drop' is no action"),
    ],
)
def test_a_bucket_is_refused(gcp: Gcp, change: Json, why: str) -> None:
    faults = gcp.faults(BUCKET, {"location": "US", **change})
    assert any(why in each for each in faults), faults
    rules = [{"action": {"type": "Delete"}, "condition": {"age": 1}}]
    assert gcp.faults(BUCKET, {"location": "US", "name": "models-1", "lifecycleRules": rules}) == []


def test_only_an_empty_bucket_goes_or_one_that_may_lose_its_objects(gcp: Gcp) -> None:
    made = gcp.create(BUCKET, "models", {"location": "US"})
    gcp.world.note("Bucket", objects=3)
    with pytest.raises(ProviderError, match="Error 409: The bucket you tried to delete is not empty"):
        gcp.delete(made)
    gcp.delete(gcp.update(made, {**made.given, "forceDestroy": True}))
    assert gcp.world.left() == []


def test_a_buckets_key_must_be_open_to_cloud_storage(gcp: Gcp) -> None:
    key = gcp.world.add_key("key")
    inputs = {"location": "us-central1", "encryption": {"defaultKmsKeyName": key}}
    agent = f"service-{gcp.world.number()}@gs-project-accounts.iam.gserviceaccount.com"
    with pytest.raises(ProviderError, match=f"service account {agent} has been authorized"):
        gcp.create(BUCKET, "models", inputs)
    gcp.world.let_use(key, agent)
    gcp.create(BUCKET, "models", inputs)


def test_labels_of_the_provider_are_on_what_can_have_some(gcp: Gcp) -> None:
    other = Gcp(gcp.world.world.folder, arguments={"defaultLabels": {"owner": "us"}})
    made: Made = other.create(BUCKET, "models", {"location": "US", "labels": {"tier": "prod"}})
    assert made["pulumiLabels"] == {"owner": "us", "tier": "prod", "goog-pulumi-provisioned": "true"}
    assert made["labels"] == {"tier": "prod"}
    assert other.diff(made, {**made.given, "location": "us"})[0] == []
    assert other.diff(made, {**made.given, "location": "EU"})[1] == ["location"]
