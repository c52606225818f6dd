"""Networks, roles, keys and buckets: what AWS refuses to make and to delete."""

import pytest

from tests.tools.aws import things
from tests.tools.aws.account import Aws
from tests.tools.aws.things import (
    ASSOCIATION,
    ATTACHMENT,
    BUCKET,
    EIP,
    ENDPOINT,
    GATEWAY,
    GROUP,
    INGRESS,
    KEY,
    NAT,
    ROLE,
    ROLE_POLICY,
    SUBNET,
    TABLE,
)
from tools.offline.aws import managed
from tools.offline.common.errors import ProviderError


def test_a_subnet_lies_within_its_vpc_beside_the_others(aws: Aws) -> None:
    vpc = things.vpc(aws)
    things.subnet(aws, vpc, 0, "a")
    with pytest.raises(ProviderError, match=r"InvalidSubnet\.Range"):
        aws.create(SUBNET, "s", {"vpcId": vpc.id, "cidrBlock": "10.1.0.0/20"})
    with pytest.raises(ProviderError, match=r"InvalidSubnet\.Conflict"):
        aws.create(SUBNET, "s", {"vpcId": vpc.id, "cidrBlock": "10.0.8.0/24"})
    with pytest.raises(ProviderError, match=r"\(eu-west-1a\) for parameter availabilityZone is invalid"):
        aws.create(SUBNET, "s", {"vpcId": vpc.id, "cidrBlock": "10.0.16.0/20", "availabilityZone": "eu-west-1a"})
    things.subnet(aws, vpc, 1, "b")


def test_a_nat_gateway_needs_an_internet_gateway_and_an_address_of_its_own(aws: Aws) -> None:
    vpc = things.vpc(aws)
    subnet = things.subnet(aws, vpc, 0, "a")
    address = aws.create(EIP, "address", {"domain": "vpc"})
    inputs = {"subnetId": subnet.id, "allocationId": address.id}
    with pytest.raises(ProviderError, match=rf"Gateway\.NotAttached: Network {vpc.id} has no Internet gateway"):
        aws.create(NAT, "nat", inputs)
    gateway = aws.create(GATEWAY, "gateway", {"vpcId": vpc.id})
    nat = aws.create(NAT, "nat", inputs)
    assert nat["publicIp"] == address["publicIp"]
    with pytest.raises(ProviderError, match=r"Resource\.AlreadyAssociated"):
        aws.create(NAT, "second", inputs)

    # And nothing of it goes before the NAT gateway does.
    with pytest.raises(ProviderError, match="has some mapped public address"):
        aws.delete(gateway)
    with pytest.raises(ProviderError, match="AuthFailure: You do not have permission"):
        aws.delete(address)
    with pytest.raises(ProviderError, match=f"DependencyViolation: The subnet '{subnet.id}' has dependencies"):
        aws.delete(subnet)
    with pytest.raises(ProviderError, match=f"DependencyViolation: The vpc '{vpc.id}' has dependencies"):
        aws.delete(vpc)
    for each in (nat, gateway, address, subnet, vpc):
        aws.delete(each)
    assert aws.world.left() == []


def test_a_vpc_has_one_internet_gateway(aws: Aws) -> None:
    vpc = things.vpc(aws)
    aws.create(GATEWAY, "a", {"vpcId": vpc.id})
    with pytest.raises(ProviderError, match=r"Resource\.AlreadyAssociated"):
        aws.create(GATEWAY, "b", {"vpcId": vpc.id})


def test_routes_and_their_subnets_are_in_one_vpc(aws: Aws) -> None:
    ours, theirs = things.vpc(aws), things.vpc(aws)
    table = aws.create(TABLE, "table", {"vpcId": ours.id})
    foreign = things.subnet(aws, theirs, 0, "a")
    with pytest.raises(ProviderError, match="belong to different networks"):
        aws.create(ASSOCIATION, "a", {"routeTableId": table.id, "subnetId": foreign.id})
    own = things.subnet(aws, ours, 0, "a")
    aws.create(ASSOCIATION, "a", {"routeTableId": table.id, "subnetId": own.id})
    with pytest.raises(ProviderError, match="AlreadyExists"):
        aws.create(ASSOCIATION, "b", {"routeTableId": table.id, "subnetId": own.id})
    gateway = aws.create(GATEWAY, "gateway", {"vpcId": theirs.id})
    route = {"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}
    with pytest.raises(ProviderError, match="belong to different networks"):
        aws.create(TABLE, "second", {"vpcId": ours.id, "routes": [route]})
    with pytest.raises(ProviderError, match="belong to different networks"):
        aws.update(table, {"vpcId": ours.id, "routes": [route]})
    aws.create(TABLE, "third", {"vpcId": theirs.id, "routes": [route]})


def test_an_endpoint_is_of_a_service_of_the_region(aws: Aws) -> None:
    vpc = things.vpc(aws)
    with pytest.raises(ProviderError, match="InvalidServiceName"):
        aws.create(ENDPOINT, "e", {"vpcId": vpc.id, "serviceName": "com.amazonaws.eu-west-1.s3"})
    with pytest.raises(ProviderError, match=r"Endpoint type \(Gateway\) does not match"):
        aws.create(ENDPOINT, "e", {"vpcId": vpc.id, "serviceName": "com.amazonaws.us-east-1.ecr.api"})
    aws.create(ENDPOINT, "e", {"vpcId": vpc.id, "serviceName": "com.amazonaws.us-east-1.s3"})


def test_a_security_group_in_use_stays(aws: Aws) -> None:
    vpc = things.vpc(aws)
    one = aws.create(GROUP, "one", {"vpcId": vpc.id})
    two = aws.create(GROUP, "two", {"vpcId": vpc.id})
    rule = {"ipProtocol": "-1", "securityGroupId": two.id, "referencedSecurityGroupId": one.id}
    made = aws.create(INGRESS, "rule", rule)
    own = aws.create(INGRESS, "own", {**rule, "securityGroupId": one.id})
    with pytest.raises(ProviderError, match=r"The resource already exists|InvalidPermission"):
        aws.create(INGRESS, "again", rule)
    with pytest.raises(ProviderError, match=f"DependencyViolation: resource {one.id} has a dependent object"):
        aws.delete(one)
    aws.delete(made)
    aws.delete(one)
    assert aws.read(own) is None, "a group's own rules go with it"


def test_a_role_goes_only_without_policies(aws: Aws) -> None:
    role = things.role(aws, "role", "ec2.amazonaws.com")
    arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    attached = aws.create(ATTACHMENT, "attached", {"role": role.id, "policyArn": arn})
    with pytest.raises(ProviderError, match="DeleteConflict: Cannot delete entity, must detach all policies first"):
        aws.delete(role)
    aws.delete(attached)
    inline = aws.create(ROLE_POLICY, "inline", {"role": role.id, "policy": things.policy()})
    with pytest.raises(ProviderError, match="DeleteConflict: Cannot delete entity, must delete policies first"):
        aws.delete(role)
    aws.delete(inline)
    profile = aws.create("aws:iam/instanceProfile:InstanceProfile", "profile", {"role": role.id})
    with pytest.raises(ProviderError, match="must remove roles from instance profile first"):
        aws.delete(role)
    for each in (profile, role):
        aws.delete(each)
    assert aws.world.left() == []


def test_a_role_that_asks_for_it_takes_its_policies_with_it(aws: Aws) -> None:
    role = aws.create(
        ROLE, "role", {"assumeRolePolicy": things.trust("ec2.amazonaws.com"), "forceDetachPolicies": True}
    )
    aws.create(ROLE_POLICY, "inline", {"role": role.id, "policy": things.policy()})
    aws.delete(role)
    assert aws.world.left() == []


def test_a_policy_that_aws_does_not_have_cannot_be_attached(aws: Aws) -> None:
    role = things.role(aws, "role", "ec2.amazonaws.com")
    with pytest.raises(
        ProviderError, match="NoSuchEntity: Policy arn:aws:iam::aws:policy/AmazonEKSPolicy does not exist"
    ):
        aws.create(ATTACHMENT, "a", {"role": role.id, "policyArn": "arn:aws:iam::aws:policy/AmazonEKSPolicy"})
    aws.create(ATTACHMENT, "a", {"role": role.id, "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"})


def test_a_role_has_ten_managed_policies_at_most(aws: Aws) -> None:
    role = things.role(aws, "role", "ec2.amazonaws.com")
    names = sorted(name for name in managed.POLICIES if "service-role" not in name)[:11]
    for index, arn in enumerate(names[:10]):
        aws.create(ATTACHMENT, f"a{index}", {"role": role.id, "policyArn": arn})
    with pytest.raises(ProviderError, match="LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10"):
        aws.create(ATTACHMENT, "a10", {"role": role.id, "policyArn": names[10]})


def test_a_deleted_key_waits_and_is_of_no_use(aws: Aws) -> None:
    key = aws.create(KEY, "key", {})
    aws.create("aws:cloudwatch/logGroup:LogGroup", "logs", {"name": "logs", "kmsKeyId": key["arn"]})
    aws.delete(key)
    assert aws.read(key) is None
    assert aws.world.left() == ["LogGroup logs"]
    with pytest.raises(ProviderError, match="NotFoundException"):
        aws.create("aws:cloudwatch/logGroup:LogGroup", "more", {"name": "more", "kmsKeyId": key["arn"]})


def test_a_bucket_goes_empty_or_by_force(aws: Aws) -> None:
    bucket = aws.create(BUCKET, "models", {})
    assert bucket.id == bucket.id.lower()
    aws.world.note("Bucket", objects=3)
    with pytest.raises(ProviderError, match="BucketNotEmpty"):
        aws.delete(bucket)
    aws.delete(aws.update(bucket, {"forceDestroy": True}))
    assert aws.world.left() == []


def test_a_file_system_has_one_mount_target_in_a_zone_and_goes_after_them(aws: Aws) -> None:
    _, subnets = things.network(aws)
    target, system = "aws:efs/mountTarget:MountTarget", "aws:efs/fileSystem:FileSystem"
    files = aws.create(system, "files", {"encrypted": True})
    made = aws.create(target, "a", {"fileSystemId": files.id, "subnetId": subnets[0].id})
    vpc_id = subnets[0]["vpcId"]
    inputs = {"vpcId": vpc_id, "cidrBlock": "10.0.128.0/24", "availabilityZone": "us-east-1a"}
    other = aws.create(SUBNET, "same-zone", inputs)
    with pytest.raises(ProviderError, match="MountTargetConflict"):
        aws.create(target, "b", {"fileSystemId": files.id, "subnetId": other.id})
    with pytest.raises(ProviderError, match="FileSystemInUse"):
        aws.delete(files)
    aws.delete(made)
    aws.delete(files)
