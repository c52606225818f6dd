"""References between resources: that they exist when something is made, and what they keep from being deleted."""

from tools.offline.aws.errors import AwsError
from tools.offline.aws.kinds import Kind, Reference
from tools.offline.aws.table import KINDS
from tools.offline.aws.world import Account, Record, values_at
from tools.offline.common.values import Json

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
    "aws:kms/key:Key": ("NotFoundException", "Key '{value}' does not exist"),
    "aws:eks/cluster:Cluster": ("ResourceNotFoundException", "No cluster found for name: {value}."),
    "aws:s3/bucket:Bucket": ("NoSuchBucket", "The specified bucket does not exist: {value}"),
    "aws:efs/fileSystem:FileSystem": ("FileSystemNotFound", "File system '{value}' does not exist."),
}
_ANY = ("ResourceNotFoundException", "{value} does not exist")


def require_all(account: Account, kind: Kind, inputs: Json) -> None:
    """Every resource that these properties name exists and is active.

    Raises:
        AwsError: one does not, in the words of the API that looks for it.
    """
    for reference in kind.references:
        for value in values_at(inputs, reference.path):
            _require(account, reference, value)


def _require(account: Account, reference: Reference, value: object) -> None:
    found = account.find(reference.to, value, reference.by)
    if found is None and reference.to == "aws:kms/key:Key":
        # A key is named by id, ARN or alias alike.
        found = account.find(reference.to, value, "id") or account.find(reference.to, value, "arn")
    code, text = _NOT_FOUND.get(reference.to, _ANY)
    if found is None or found.status in ("DELETING", "PENDING_DELETION"):
        raise AwsError(code, text.format(value=value))
    if found.status == "CREATE_FAILED" or (reference.to == "aws:eks/cluster:Cluster" and found.is_coming):
        raise AwsError("InvalidRequestException", f"{KINDS[found.token].label} {found.id} is not in ACTIVE status")


def refuse_if_held(account: Account, kind: Kind, record: Record) -> None:
    """Nothing that AWS counts as a use of the resource is left.

    Raises:
        AwsError: something is.
    """
    code, text = kind.in_use
    for other in account.records.values() if code else ():
        held = [each for each in KINDS[other.token].references if each.holds and each.to == kind.token]
        uses = any(record.get(each.by) in values_at(other.state, each.path) for each in held)
        if uses and not _belongs_to(other, record):
            raise AwsError(code, f"{text.format(id=record.id)} ({KINDS[other.token].label} {other.id})")


def _belongs_to(other: Record, record: Record) -> bool:
    """What goes with a resource does not hold it; a security group's own rules, for one, also those that name it."""
    return other.owner == record.key or other.get("securityGroupId") == record.id
