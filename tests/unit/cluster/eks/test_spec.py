"""The spec of a cluster on EKS: what it refuses, with the reason, and what is near it and passes."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.eks.networks import cut
from modelyard.cluster.eks.spec import (
    EksApiEndpointSpec,
    EksEncryptionSpec,
    EksExistingVpcSpec,
    EksSpec,
    EksVpcSpec,
)
from modelyard.cluster.eks.words import cluster_name_problem, component_name_problem
from modelyard.cluster.eks.zones import is_zone_of, partition_of, zones_of
from modelyard.errors import ConfigError
from modelyard.spec import json_schema, load_json, validate
from modelyard.versions import EKS
from tests.unit.cluster.eks.clusters import ADMIN, KEY

PRIVATE = {"us-east-1a": "subnet-0000000a", "us-east-1b": "subnet-0000000b"}


def spec(**settings: Any) -> EksSpec:
    return EksSpec(region="us-east-1", **settings)


def vpc(**settings: Any) -> EksSpec:
    return spec(network=EksVpcSpec(**settings))


def existing(**settings: Any) -> EksSpec:
    return spec(network=replace(EksExistingVpcSpec(vpc_id="vpc-01234567", private_subnet_ids=PRIVATE), **settings))


def endpoint(**settings: Any) -> EksSpec:
    return spec(api_endpoint=EksApiEndpointSpec(**settings))


REFUSED = [
    (EksSpec(region="us-east"), "region: 'us-east' is no region; write one like us-east-1"),
    (
        spec(account_id="1111-2222-3333"),
        "account_id: '1111-2222-3333' is no id of an AWS account; write its 12 digits in",
    ),
    (spec(name="a_b"), "name: 'a_b' is no name that EKS allows; give one of up to 100 letters, digits and dashes"),
    (spec(name="a" * 101), "give one of up to 100 letters"),
    (
        spec(kubernetes_version="1.20"),
        "kubernetes_version: '1.20' is not a version of Kubernetes that EKS add-ons are pinned for; use 1.35 or",
    ),
    (vpc(zones=1), "network.zones: 1 zones are not possible; use 2 to 6: a control plane needs two"),
    (vpc(zones=7), "network.zones: 7 zones are not possible; use 2 to 6"),
    (vpc(zones=6), "network.zones: 6 zones are more than the 5 of us-east-1 that modelyard knows; use at most 5, or"),
    (vpc(zones=["us-east-1a"]), "network.zones: 1 zones are not possible"),
    (vpc(zones=["us-east-1a", "us-east-1a"]), "network.zones: a zone is named twice; name each once"),
    (
        vpc(zones=["us-east-1a", "eu-west-1b"]),
        "network.zones[1]: 'eu-west-1b' is no zone of us-east-1; name zones of the region, like us-east-1a",
    ),
    (
        vpc(zones=["us-east-1a", "us-east-1-bos-1a"]),
        "network.zones[1]: 'us-east-1-bos-1a' is no zone of us-east-1",
    ),
    (vpc(cidr="10.0.0.0/21"), "network.cidr: 10.0.0.0/21 is too small for a VPC of ours; use /16 to /20"),
    (vpc(cidr="10.0.0.0/15"), "network.cidr: 10.0.0.0/15 is too large for a VPC of ours; use /16 to /20"),
    (vpc(cidr="10.0.0.1/16"), "network.cidr: '10.0.0.1/16' is no range of IPv4 addresses; write one like 10.0.0.0/16"),
    (vpc(cidr="54.0.0.0/16"), "network.cidr: 54.0.0.0/16 are no private addresses; choose a range within 10.0.0.0/8"),
    (
        vpc(cidr="172.20.0.0/16"),
        "service_cidr: 172.20.0.0/16 overlaps the VPC's 172.20.0.0/16; choose ranges apart",
    ),
    (spec(service_cidr="10.0.128.0/20"), "service_cidr: 10.0.128.0/20 overlaps the VPC's 10.0.0.0/16"),
    (spec(service_cidr="172.20.0.0/25"), "service_cidr: 172.20.0.0/25 is too small for Services; use /12 to /24"),
    (spec(service_cidr="100.64.0.0/16"), "service_cidr: 100.64.0.0/16 are no private addresses"),
    (
        existing(private_subnet_ids={"us-east-1a": "subnet-0000000a"}),
        "network.private_subnet_ids: names one zone; name subnets in 2 to 6 zones: a control plane needs two",
    ),
    (existing(private_subnet_ids={}), "network.private_subnet_ids: names 0 zones"),
    (
        existing(private_subnet_ids={"us-west-2a": "subnet-0000000a", "us-east-1b": "subnet-0000000b"}),
        "network.private_subnet_ids.us-west-2a: is no zone of us-east-1; use the names of its zones, like us-east-1a",
    ),
    (
        existing(private_subnet_ids=dict.fromkeys(PRIVATE, "subnet-0000000a")),
        "network.private_subnet_ids: subnet-0000000a is named twice; a subnet is in one zone",
    ),
    (existing(vpc_id="prod"), "network.vpc_id: 'prod' is no id of a VPC; write one like vpc-0123456789abcdef0"),
    (
        endpoint(public_cidrs=["0.0.0.0/0"]),
        "api_endpoint.public_cidrs[0]: 0.0.0.0/0 lets most of the internet reach the API server; name the ranges of",
    ),
    (endpoint(public_cidrs=["203.0.113.0/24", "128.0.0.0/1"]), "public_cidrs[1]: 128.0.0.0/1 lets most of"),
    (
        endpoint(public_cidrs=["10.0.0.0/8"]),
        "api_endpoint.public_cidrs[0]: 10.0.0.0/8 has private addresses, which a public endpoint never sees",
    ),
    (endpoint(public_cidrs=[]), "api_endpoint.public_cidrs: 0 ranges are not possible; name 1 to 40, or leave it out"),
    (endpoint(public_cidrs=["203.0.113.0/24"] * 41), "api_endpoint.public_cidrs: 41 ranges are not possible"),
    (endpoint(private_cidrs=["203.0.113.0/24"]), "api_endpoint.private_cidrs[0]: 203.0.113.0/24 are no private"),
    (spec(encryption=EksEncryptionSpec(key_arn="alias/x")), "encryption.key_arn: 'alias/x' is no ARN of a KMS key"),
    (
        spec(encryption=EksEncryptionSpec(key_arn=KEY.replace("us-east-1", "eu-west-1"))),
        "encryption.key_arn: the key is in eu-west-1; name a key in us-east-1",
    ),
    (spec(log_retention_days=91), "log_retention_days: 91 is not a choice here"),
    (spec(admins=["arn:aws:sts::111122223333:assumed-role/a/b"]), "admins[0]: 'arn:aws:sts::111122223333:assumed-"),
    (spec(admins=[ADMIN, ADMIN]), f"admins: {ADMIN} stands there twice; name each once"),
    (spec(tags={"aws:team": "ml"}), "tags: 'aws:team' is no key of a tag"),
    (spec(tags={f"team-{number}": "ml" for number in range(41)}), "tags: 41 tags are too many; use up to 40"),
    (spec(tags={"team": "a?b"}), "tags.team: 'a?b' is no value of a tag"),
    (spec(provisioner="fargate"), "provisioner: 'fargate' is not a choice here"),
]
PASSES = [
    spec(),
    spec(account_id="000000000001"),
    spec(name="a" * 100),
    *(spec(kubernetes_version=version) for version in EKS),
    vpc(zones=2),
    vpc(zones=5),
    vpc(zones=[f"us-east-1{letter}" for letter in "abcdef"]),
    vpc(cidr="10.0.0.0/20"),
    vpc(cidr="100.64.0.0/16"),
    vpc(cidr="172.21.0.0/16"),
    spec(service_cidr="172.16.0.0/12"),
    spec(service_cidr="10.1.0.0/24"),
    existing(),
    endpoint(public_cidrs=["203.0.113.7/32"]),
    endpoint(public_cidrs=[f"203.0.113.{number}/32" for number in range(40)]),
    endpoint(private_cidrs=["10.0.0.0/8"]),
    spec(encryption=EksEncryptionSpec(key_arn=KEY)),
    spec(encryption=EksEncryptionSpec(key_arn=KEY.replace("key/", "key/mrk-"))),
    spec(log_retention_days=1827),
    spec(admins=[ADMIN, "arn:aws:iam::111122223333:user/ada@example.org"]),
    spec(tags={"cost center": "a/b=c"}),
    spec(tags={f"team-{number}": "ml" for number in range(40)}),
]


@pytest.mark.parametrize(("refused", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_refused_with_the_reason(refused: EksSpec, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(refused)
    assert any(message in str(problem) for problem in caught.value.problems), str(caught.value)


@pytest.mark.parametrize("passes", PASSES, ids=str)
def test_near_ones_pass(passes: EksSpec) -> None:
    assert validate(passes) == passes


def test_network_of_either_kind_is_read() -> None:
    ours = load_json(EksSpec, '{"region": "eu-west-1", "network": {"zones": 2}}')
    assert isinstance(ours.network, EksVpcSpec)
    subnets = '{"eu-west-1a": "subnet-0000000a", "eu-west-1b": "subnet-0000000b"}'
    text = f'{{"region": "eu-west-1", "network": {{"vpc_id": "vpc-01234567", "private_subnet_ids": {subnets}}}}}'
    assert isinstance(load_json(EksSpec, text).network, EksExistingVpcSpec)


def test_misspelt_key_of_a_network_is_named() -> None:
    with pytest.raises(ConfigError, match=r"network\.zone: is not a key here; did you mean zones\?"):
        load_json(EksSpec, '{"region": "eu-west-1", "network": {"zone": 2}}')


def test_schema_describes_both_networks() -> None:
    definitions = json_schema(EksSpec)["$defs"]
    assert "vpc_id" in definitions["EksExistingVpcSpec"]["properties"]
    assert "cidr" in definitions["EksVpcSpec"]["properties"]


def test_names_of_roles_and_clusters_fit() -> None:
    assert component_name_problem("a" * 36) is None
    assert "has 37 characters; use at most 36" in str(component_name_problem("a" * 37))
    assert cluster_name_problem("acme-ml-prod") is None
    assert "is no name that EKS allows" in str(cluster_name_problem("acme.ml"))


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("eu-central-1", ("eu-central-1a", "eu-central-1b", "eu-central-1c")),
        ("ap-northeast-1", ("ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d")),
        ("us-west-1", ("us-west-1a", "us-west-1c")),
    ],
)
def test_zones_are_known_without_a_lookup(region: str, zones: tuple[str, ...]) -> None:
    assert zones_of(region)[:3] == zones
    assert all(is_zone_of(zone, region) for zone in zones)


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_region_says_its_partition(region: str, partition: str) -> None:
    assert partition_of(region) == partition


def test_a_zone_that_is_added_renumbers_none() -> None:
    zones = [f"us-east-1{letter}" for letter in "abcdef"]
    six = cut("10.20.0.0/16", zones)
    for count in range(2, 6):
        assert cut("10.20.0.0/16", zones[:count]) == six[:count]
    assert (six[0].private_cidr, six[0].public_cidr) == ("10.20.0.0/19", "10.20.224.0/22")
    assert (six[5].private_cidr, six[5].public_cidr) == ("10.20.160.0/19", "10.20.244.0/22")


def test_versions_are_pinned_for_every_minor() -> None:
    first, *_ = EKS.values()
    assert all(addons.keys() == first.keys() for addons in EKS.values())
    assert all(addons["kube-proxy"].startswith(f"v{version}.") for version, addons in EKS.items())
