"""AWS as a simulated cloud: its ids, its errors in its own words, its nodes."""

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from tools.offline.aws import model
from tools.offline.aws.ids import ACCOUNT_ID, new_id
from tools.offline.aws.kinds import Kind as AwsKind
from tools.offline.aws.machines import machine_of
from tools.offline.aws.table import KINDS
from tools.offline.cloud import schema
from tools.offline.cloud.cloud import Cloud
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.kinds import Kind, Reference
from tools.offline.cloud.machines import Machine
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import Account, Record
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import UNKNOWN, Json, as_map

_KEY = "aws:kms/key:Key"
_NOT_FOUND = {
    "aws:ec2/vpc:Vpc": ("InvalidVpcID.NotFound", "The vpc ID '{value}' does not exist"),
    "aws:ec2/subnet:Subnet": ("InvalidSubnetID.NotFound", "The subnet ID '{value}' does not exist"),
    "aws:ec2/securityGroup:SecurityGroup": ("InvalidGroup.NotFound", "The security group '{value}' does not exist"),
    "aws:ec2/routeTable:RouteTable": ("InvalidRouteTableID.NotFound", "The routeTable ID '{value}' does not exist"),
    "aws:ec2/natGateway:NatGateway": ("NatGatewayNotFound", "The Nat Gateway {value} was not found"),
    "aws:ec2/internetGateway:InternetGateway": (
        "InvalidGatewayID.NotFound",
        "The gateway ID '{value}' does not exist",
    ),
    "aws:ec2/eip:Eip": ("InvalidAllocationID.NotFound", "The allocation ID '{value}' does not exist"),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        "InvalidLaunchTemplateId.NotFound",
        "The specified launch template, with template ID {value}, does not exist.",
    ),
    "aws:ec2/placementGroup:PlacementGroup": (
        "InvalidPlacementGroup.Unknown",
        "The placement group '{value}' is unknown.",
    ),
    "aws:iam/role:Role": ("NoSuchEntity", "The role with name {value} cannot be found."),
    _KEY: ("NotFoundException", "Key '{value}' does not exist"),
    "aws:eks/cluster:Cluster": ("ResourceNotFoundException", "No cluster found for name: {value}."),
    "aws:s3/bucket:Bucket": ("NoSuchBucket", "The specified bucket does not exist: {value}"),
    "aws:efs/fileSystem:FileSystem": ("FileSystemNotFound", "File system '{value}' does not exist."),
}
_ANY = ("ResourceNotFoundException", "{value} does not exist")
_TWINS = {
    "IAM": ("EntityAlreadyExists", "The entity already exists"),
    "EKS": ("ResourceInUseException", "The resource already exists"),
    "EC2": ("AlreadyExists", "The resource already exists"),
    "KMS": ("AlreadyExistsException", "An alias with the name already exists"),
    "S3": ("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded"),
}


class Aws(Cloud):
    """AWS."""

    name = "AWS"
    package = "aws"
    folder = "aws"
    environment = "MODELYARD_AWS"
    table = KINDS
    unordered = frozenset(
        {
            *("subnetIds", "securityGroupIds", "vpcSecurityGroupIds", "securityGroups", "enabledClusterLogTypes"),
            *("routeTableIds", "managedPolicyArns", "publicAccessCidrs", "kubernetesGroups", "namespaces", "taints"),
            *("routes", "ingress", "egress", "cidrBlocks", "podIdentityAssociations", "nodePools"),
        }
    )
    computed = frozenset({"region"})
    arguments = frozenset({"region", "defaultTags", "allowedAccountIds"})
    ignored_arguments = frozenset(
        {"skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "profile"}
    )
    replacing_arguments = frozenset({"region"})
    rdma_resource = "vpc.amazonaws.com/efa"

    def argument_problems(self, arguments: Json) -> Iterator[tuple[str, str]]:
        if not arguments.get("region"):
            yield "region", "a region must be set: an AWS provider without one takes that of the shell it runs in"

    def api_faults(self, kind: Kind, inputs: Json) -> Iterator[Fault]:
        call = _of_aws(kind).call
        return model.faults(call, inputs) if call is not None else iter(())

    def defaults(self, kind: Kind, inputs: Json, arguments: Mapping[str, Any]) -> Json:
        tags = as_map(as_map(arguments.get("defaultTags")).get("tags"))
        if not tags or "tags" not in schema.input_properties(kind.token) or inputs.get("tags") is UNKNOWN:
            return {}
        return {"tags": {**tags, **as_map(inputs.get("tags"))}}

    def previewed(self, kind: Kind, state: Json, given: Json) -> Json:
        known = {key: value for key, value in state.items() if key != "region"}
        if "tagsAll" in schema.state_properties(kind.token):
            known["tagsAll"] = given.get("tags") or {}
        return known

    def id_of(self, kind: Kind, record: Record) -> str:
        if _of_aws(kind).id_prefix:
            return new_id(_of_aws(kind).id_prefix)
        return self.formatted(kind.id_format, record) if kind.id_format else _uuid()

    def words(self, record: Record) -> Mapping[str, str]:
        return {**super().words(record), "account": ACCOUNT_ID}

    def outputs(self, kind: Kind, record: Record) -> Json:
        known = schema.state_properties(kind.token)
        told: Json = {"ownerId": ACCOUNT_ID, "region": record.region, "tagsAll": as_map(record.inputs.get("tags"))}
        found = {key: value for key, value in told.items() if key in known}
        return {**found, "arn": self.formatted(_of_aws(kind).arn, record)} if _of_aws(kind).arn else found

    def find(self, account: Account, reference: Reference, value: Any) -> Record | None:
        found = super().find(account, reference, value)
        if found is None and reference.to == _KEY:
            # A key is named by id, ARN or alias alike.
            return account.find(_KEY, value, "id") or account.find(_KEY, value, "arn")
        return found

    def goes_with(self, other: Record, record: Record) -> bool:
        """A security group's own rules, for one, also those that name it."""
        return super().goes_with(other, record) or other.get("securityGroupId") == record.id

    def worded(self, error: CloudError, kind: Kind, verb: str, resource: str) -> ProviderError:
        what = f"{verb} {kind.service} {kind.label} ({resource})"
        text = f"{what}: operation error {kind.service}, api error {error.cloud_code}: {error.text}"
        return ProviderError(text, error.code)

    def not_found(self, token: str, value: Any) -> CloudError:
        code, text = _NOT_FOUND.get(token, _ANY)
        return CloudError(code, text.format(value=value))

    def not_ready(self, kind: Kind, record: Record) -> CloudError:
        return CloudError("InvalidRequestException", f"{kind.label} {record.id} is not in ACTIVE status")

    def cannot_change(self, kind: Kind, record: Record) -> CloudError:
        text = f"{kind.label} {record.id} cannot be updated in status CREATE_FAILED"
        return CloudError("InvalidRequestException", text)

    def twin(self, kind: Kind, other: Record) -> CloudError:
        code, text = _TWINS.get(kind.service, ("ResourceAlreadyExistsException", "The resource already exists"))
        return CloudError(code, f"{text}: {other.id}")

    def machine_of(self, name: str) -> Machine:
        return machine_of(name)

    def node_identity(self, zone: str, region: str) -> tuple[str, str]:
        address = [secrets.randbelow(254) + 1 for _ in range(3)]
        name = f"ip-10-{'-'.join(map(str, address))}.{region}.compute.internal"
        return name, f"aws:///{zone}/{new_id('i')}"


AWS = Aws()


def _of_aws(kind: Kind) -> AwsKind:
    assert isinstance(kind, AwsKind)
    return kind


def _uuid() -> str:
    return re.sub(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", secrets.token_hex(16))
