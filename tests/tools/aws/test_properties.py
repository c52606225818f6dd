"""Check refuses what the SDK, AWS's API models and AWS's documents refuse, and lets the near case pass."""

import json
from typing import Any

import pytest

from tests.tools.aws.account import Aws
from tests.tools.aws.things import (
    ADDON,
    ALIAS,
    BUCKET,
    CLUSTER,
    ENTRY,
    INGRESS,
    KEY,
    LOG_GROUP,
    NODE_GROUP,
    ROLE,
    ROLE_POLICY,
    SUBNET,
    TABLE,
    TEMPLATE,
    VPC,
    policy,
    trust,
)
from tools.offline.common.values import UNKNOWN

Json = dict[str, Any]

_GROUP: Json = {
    "clusterName": "c",
    "nodeRoleArn": "arn:aws:iam::123456789012:role/n",
    "subnetIds": ["subnet-1"],
    "scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 0},
}
_CLUSTER: Json = {
    "roleArn": "arn:aws:iam::123456789012:role/c",
    "version": "1.34",
    "vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]},
}
_AUTO: Json = {
    **_CLUSTER,
    "bootstrapSelfManagedAddons": False,
    "accessConfig": {"authenticationMode": "API"},
    "computeConfig": {"enabled": True},
    "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": True}},
    "storageConfig": {"blockStorage": {"enabled": True}},
}
_RULE: Json = {"securityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
_EVENTS = "aws:cloudwatch/eventRule:EventRule"


def _inline(*arguments: str, **more: Any) -> Json:
    return {"role": "r", "policy": policy(*arguments, **more)}


def _trust(**more: Any) -> Json:
    return {"assumeRolePolicy": trust("ec2.amazonaws.com"), **more}


def _interfaces(*interfaces: Json) -> Json:
    return {"networkInterfaces": list(interfaces)}


_CASES: list[tuple[str, Json, Json, str]] = [
    # The SDK's own types.
    (VPC, {"cidrBlok": "10.0.0.0/16"}, {"cidrBlock": "10.0.0.0/16"}, "cidrBlok: there is no such property"),
    (SUBNET, {"cidrBlock": "10.0.0.0/24"}, {"cidrBlock": "10.0.0.0/24", "vpcId": UNKNOWN}, "vpcId: is required"),
    (VPC, {"cidrBlock": ["10.0.0.0/16"]}, {"cidrBlock": UNKNOWN}, "cidrBlock: must be a string"),
    (
        NODE_GROUP,
        {**_GROUP, "scalingConfig": {"minSize": 0, "maxSize": 2}},
        _GROUP,
        "scalingConfig.desiredSize: is required",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "taints": [{"key": "a", "effect": "NO_SCHEDULE", "vlaue": "b"}]},
        {**_GROUP, "taints": [{"key": "a", "effect": "NO_SCHEDULE", "value": "b"}]},
        "taints[0].vlaue: there is no such property",
    ),
    # AWS's API models.
    (
        NODE_GROUP,
        {**_GROUP, "taints": [{"key": "a", "effect": "NoSchedule"}]},
        {**_GROUP, "taints": [{"key": "a", "effect": "NO_SCHEDULE"}]},
        "taints[0].effect: must be one of NO_SCHEDULE",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "amiType": "AL2023_X86_64"},
        {**_GROUP, "amiType": "AL2023_x86_64_NVIDIA"},
        "amiType: must",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "capacityType": "spot"},
        {**_GROUP, "capacityType": "SPOT"},
        "capacityType: must be one of",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "labels": {"a": "x" * 64}},
        {**_GROUP, "labels": {"a": "x" * 63}},
        "must have at most 63 characters",
    ),
    (
        CLUSTER,
        {**_CLUSTER, "accessConfig": {"authenticationMode": "api"}},
        {**_CLUSTER, "accessConfig": {"authenticationMode": "API"}},
        "accessConfig.authenticationMode: must be one of API",
    ),
    (
        CLUSTER,
        {**_CLUSTER, "upgradePolicy": {"supportType": "standard"}},
        {**_CLUSTER, "upgradePolicy": {"supportType": "STANDARD"}},
        "upgradePolicy.supportType: must be one of STANDARD",
    ),
    (CLUSTER, {**_CLUSTER, "name": "-c"}, {**_CLUSTER, "name": "c"}, "name: '-c' does not match"),
    (
        TEMPLATE,
        {"metadataOptions": {"httpTokens": "needed"}},
        {"metadataOptions": {"httpTokens": "required"}},
        "metadataOptions.httpTokens: must be one of optional, required",
    ),
    (
        TEMPLATE,
        {"instanceMarketOptions": {"marketType": "CAPACITY_BLOCK"}},
        {"instanceMarketOptions": {"marketType": "capacity-block"}},
        "instanceMarketOptions.marketType: must be one of",
    ),
    (TEMPLATE, {"instanceType": "p5.huge"}, {"instanceType": "p5.48xlarge"}, "instanceType: must be one of"),
    (
        TEMPLATE,
        {"tagSpecifications": [{"resourceType": "machine", "tags": {"a": "b"}}]},
        {"tagSpecifications": [{"resourceType": "instance", "tags": {"a": "b"}}]},
        "tagSpecifications[0].resourceType: must be one of",
    ),
    (ROLE, _trust(name="a" * 65), _trust(name="a" * 64), "name: must have at most 64 characters"),
    (ROLE, _trust(maxSessionDuration=60), _trust(maxSessionDuration=3600), "maxSessionDuration: must be from 3600"),
    (
        _LIFECYCLE,
        {"bucket": "b", "rules": [{"id": "a", "status": "On"}]},
        {"bucket": "b", "rules": [{"id": "a", "status": "Enabled"}]},
        "rules[0].status: must be one of Enabled, Disabled",
    ),
    (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {"bucket": "b", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES"}}]},
        {"bucket": "b", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
        "sseAlgorithm: must be one of",
    ),
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        {"bucket": "b", "versioningConfiguration": {"status": "On"}},
        {"bucket": "b", "versioningConfiguration": {"status": "Enabled"}},
        "versioningConfiguration.status: must be one of",
    ),
    # Documents.
    (ROLE, {"assumeRolePolicy": "{"}, _trust(), "MalformedPolicyDocument: This policy contains invalid Json"),
    (ROLE, {"assumeRolePolicy": policy()}, _trust(), "Missing required field Principal"),
    (
        ROLE_POLICY,
        {"role": "r", "policy": json.dumps({"Statement": []})},
        _inline(),
        'its Version must be "2012-10-17"',
    ),
    (
        ROLE_POLICY,
        _inline(action="GetObject"),
        _inline(action="s3:Get*"),
        "'GetObject' is no action",
    ),
    (
        ROLE_POLICY,
        _inline(resource="bucket"),
        _inline(resource="arn:aws:s3:::b"),
        "must be in ARN format",
    ),
    (
        ROLE_POLICY,
        _inline(Sid="a-b"),
        _inline(Sid="ab"),
        "(SID) must be alpha-numeric",
    ),
    (
        ROLE_POLICY,
        _inline(Effects="Deny"),
        _inline(Effect="Deny"),
        "there is no element 'Effects'",
    ),
    (
        ROLE_POLICY,
        _inline(Condition={"StringEqual": {"a": "b"}}),
        _inline(Condition={"StringEquals": {"a": "b"}}),
        "Invalid Condition type: StringEqual",
    ),
    (
        ROLE_POLICY,
        _inline(Principal={"Service": "ec2.amazonaws.com"}),
        _inline(),
        "should not specify a principal",
    ),
    (
        ROLE_POLICY,
        _inline(resource="arn:aws:s3:::" + "b" * 10240),
        _inline(resource="arn:aws:s3:::" + "b" * 5000),
        "Cannot exceed quota for PolicySize: 10240",
    ),
    # Networks.
    (VPC, {"cidrBlock": "10.0.0.1/16"}, {"cidrBlock": "10.0.0.0/16"}, "is not a valid IPv4 CIDR block"),
    (VPC, {"cidrBlock": "10.0.0.0/15"}, {"cidrBlock": "10.0.0.0/16"}, "must be from /16 to /28"),
    (
        TABLE,
        {"vpcId": "vpc-1", "routes": [{"cidrBlock": "0.0.0.0/0"}]},
        {"vpcId": "vpc-1", "routes": [{"cidrBlock": "0.0.0.0/0", "natGatewayId": UNKNOWN}]},
        "a route has one target, and this one has none",
    ),
    (
        INGRESS,
        {**_RULE, "cidrIpv4": "10.0.0.0/8", "referencedSecurityGroupId": "sg-2"},
        {**_RULE, "cidrIpv4": "10.0.0.0/8"},
        "a rule has one of",
    ),
    (
        INGRESS,
        {"securityGroupId": "sg-1", "ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/8"},
        {"securityGroupId": "sg-1", "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"},
        "tcp needs fromPort and toPort",
    ),
    # Clusters and their parts.
    (CLUSTER, {**_CLUSTER, "version": "34"}, _CLUSTER, "version: unsupported Kubernetes version"),
    (
        CLUSTER,
        {**_CLUSTER, "enabledClusterLogTypes": ["apis"]},
        {**_CLUSTER, "enabledClusterLogTypes": ["api"]},
        "'apis' is none of api",
    ),
    (
        CLUSTER,
        {**_CLUSTER, "vpcConfig": {"subnetIds": ["a"], "endpointPublicAccess": False}},
        {**_CLUSTER, "vpcConfig": {"subnetIds": ["a"], "endpointPublicAccess": False, "endpointPrivateAccess": True}},
        "cannot both be false",
    ),
    (
        CLUSTER,
        {**_CLUSTER, "kubernetesNetworkConfig": {"serviceIpv4Cidr": "100.64.0.0/16"}},
        {**_CLUSTER, "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16"}},
        "must be a private range from /12 to /24",
    ),
    (
        CLUSTER,
        {**_AUTO, "storageConfig": {"blockStorage": {"enabled": False}}},
        _AUTO,
        "must all be set to either true or false",
    ),
    (
        CLUSTER,
        {**_AUTO, "bootstrapSelfManagedAddons": True},
        _AUTO,
        "bootstrapSelfManagedAddons: must be false with EKS Auto Mode",
    ),
    (
        CLUSTER,
        {**_AUTO, "computeConfig": {"enabled": True, "nodePools": ["system"]}},
        {**_AUTO, "computeConfig": {"enabled": True, "nodePools": ["system"], "nodeRoleArn": UNKNOWN}},
        "nodeRoleArn and nodePools are given together",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "scalingConfig": {"minSize": 2, "maxSize": 3, "desiredSize": 1}},
        {**_GROUP, "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 1}},
        "Minimum capacity 2 can't be greater than desired size 1",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 10}},
        {**_GROUP, "updateConfig": {"maxUnavailable": 1}},
        "either maxUnavailable or maxUnavailablePercentage",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "launchTemplate": {"id": "lt-1", "version": "1"}, "diskSize": 50},
        {**_GROUP, "diskSize": 50},
        "diskSize cannot be specified with a launch template",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "capacityType": "CAPACITY_BLOCK"},
        {**_GROUP, "capacityType": "CAPACITY_BLOCK", "launchTemplate": {"id": "lt-1", "version": "1"}},
        "CAPACITY_BLOCK needs a launch template",
    ),
    (
        NODE_GROUP,
        {**_GROUP, "labels": {"kubernetes.io/os": "linux"}},
        {**_GROUP, "labels": {"example.com/os": "linux"}},
        "Label cannot contain reserved prefixes",
    ),
    (
        TEMPLATE,
        _interfaces({"deviceIndex": 0, "interfaceType": "efa-only"}),
        _interfaces({"deviceIndex": 0, "interfaceType": "efa"}),
        "efa-only has none",
    ),
    (
        TEMPLATE,
        {**_interfaces({"deviceIndex": 0}), "vpcSecurityGroupIds": ["sg-1"]},
        _interfaces({"deviceIndex": 0, "securityGroups": ["sg-1"]}),
        "may not be specified on the same request",
    ),
    (
        TEMPLATE,
        _interfaces({"deviceIndex": 0}, {"deviceIndex": 0}),
        _interfaces({"deviceIndex": 0}, {"deviceIndex": 1, "networkCardIndex": 1}),
        "has two interfaces of device index 0",
    ),
    (TEMPLATE, {"userData": "#!/bin/sh"}, {"userData": "IyEvYmluL3No"}, "Invalid BASE64 encoding"),
    (
        ADDON,
        {"clusterName": "c", "addonName": "vpc-cny"},
        {"clusterName": "c", "addonName": "vpc-cni"},
        "Addon vpc-cny specified is not supported",
    ),
    (
        ADDON,
        {"clusterName": "c", "addonName": "vpc-cni", "addonVersion": "v1.20.4"},
        {"clusterName": "c", "addonName": "vpc-cni", "addonVersion": "v1.20.4-eksbuild.1"},
        "Addon version specified is not supported",
    ),
    (
        ADDON,
        {"clusterName": "c", "addonName": "vpc-cni", "configurationValues": "{"},
        {"clusterName": "c", "addonName": "vpc-cni", "configurationValues": "{}"},
        "is not a JSON object",
    ),
    (
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        {
            "clusterName": "c",
            "principalArn": "a",
            "policyArn": "AmazonEKSViewPolicy",
            "accessScope": {"type": "cluster"},
        },
        {
            "clusterName": "c",
            "principalArn": "a",
            "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
            "accessScope": {"type": "cluster"},
        },
        "The policyArn parameter format is not valid",
    ),
    (
        ENTRY,
        {"clusterName": "c"},
        {"clusterName": "c", "principalArn": UNKNOWN},
        "principalArn: is required",
    ),
    # Keys, buckets, logs, events.
    (KEY, {"deletionWindowInDays": 5}, {"deletionWindowInDays": 7}, "must be from 7 to 30"),
    (ALIAS, {"name": "k", "targetKeyId": "1"}, {"name": "alias/k", "targetKeyId": "1"}, "must begin with alias/"),
    (BUCKET, {"bucket": "Models"}, {"bucket": "models"}, "InvalidBucketName"),
    (LOG_GROUP, {"retentionInDays": 8}, {"retentionInDays": 7}, "retentionInDays: must be one of"),
    (_EVENTS, {"eventPattern": '{"source": "aws.ec2"}'}, {"eventPattern": '{"source": ["aws.ec2"]}'}, "is not valid"),
]


@pytest.mark.parametrize(("token", "bad", "good", "message"), _CASES, ids=[case[3][:60] for case in _CASES])
def test_check_refuses_it_and_lets_the_near_case_pass(
    aws: Aws, token: str, bad: Json, good: Json, message: str
) -> None:
    assert message in "\n".join(aws.faults(token, bad))
    assert aws.faults(token, good) == []
