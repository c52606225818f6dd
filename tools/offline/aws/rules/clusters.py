"""EKS clusters: what their parts must agree on, upgrades, and what comes and goes with them."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import ipaddress
import re
import secrets
from collections.abc import Iterator
from typing import Any

from tools.offline.aws import auto_mode, model
from tools.offline.aws.cloud import AWS
from tools.offline.aws.ids import ACCOUNT_ID, CALLER, new_id
from tools.offline.aws.kinds_compute import (
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    ADDON,
    CLUSTER,
    POD_IDENTITY_ASSOCIATION,
)
from tools.offline.aws.kinds_identity import ROLE, ROLE_POLICY_ATTACHMENT
from tools.offline.aws.kinds_network import SECURITY_GROUP, SUBNET, VPC
from tools.offline.aws.kinds_storage import LOG_GROUP
from tools.offline.aws.node_labels import CLUSTER_LABEL
from tools.offline.aws.rules.identity import now
from tools.offline.aws.rules.policies import trusts
from tools.offline.cloud import cluster_api, nodes, registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map, contains_unknown

_VERSION = re.compile(r"1\.(\d{2})")
_DEFAULT_VERSION = "1.34"
_SERVICE_RANGES = tuple(ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_AUTO_MODE_FLAGS = (
    "computeConfig.enabled",
    "kubernetesNetworkConfig.elasticLoadBalancing.enabled",
    "storageConfig.blockStorage.enabled",
)
_GO_WITH_A_CLUSTER = (ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, ADDON, POD_IDENTITY_ASSOCIATION)
_POLICY = "arn:aws:iam::aws:policy/"
_CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
_AUTO_MODE_POLICIES = (
    *_CLUSTER_POLICIES,
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)


def minor(version: Any) -> int:
    """The minor version in `1.34`."""
    match = _VERSION.fullmatch(str(version))
    if match is None:
        raise CloudError("InvalidParameterException", f"unsupported Kubernetes version: {version!r}")
    return int(match[1])


def is_auto_mode(inputs: Json) -> bool:
    """Whether EKS itself makes a cluster's nodes."""
    return values_at(inputs, "computeConfig.enabled") == [True]


@rule(registry.in_check, CLUSTER)
def parts_of_a_cluster(inputs: Json) -> Iterator[Fault]:
    version = inputs.get("version")
    if isinstance(version, str) and not _VERSION.fullmatch(version):
        yield Fault(path=("version",), why=f"unsupported Kubernetes version: {version!r}")
    known_types = model.enum("eks", "LogType")
    for each in as_list(inputs.get("enabledClusterLogTypes")):
        if each is not UNKNOWN and each not in known_types:
            yield Fault(path=("enabledClusterLogTypes",), why=f"{each!r} is none of {', '.join(sorted(known_types))}")
    if values_at(inputs, "encryptionConfig.resources") not in ([], ["secrets"]):
        yield Fault(path=("encryptionConfig", "resources"), why="must be [secrets]")
    yield from _endpoint_faults(as_map(inputs.get("vpcConfig")))
    yield from _service_range_faults(values_at(inputs, "kubernetesNetworkConfig.serviceIpv4Cidr"))
    if not contains_unknown([inputs.get(path.split(".")[0]) for path in _AUTO_MODE_FLAGS]):
        yield from _auto_mode_faults(inputs)


def _endpoint_faults(vpc: Json) -> Iterator[Fault]:
    if vpc.get("endpointPublicAccess") is False and not vpc.get("endpointPrivateAccess"):
        yield Fault(path=("vpcConfig",), why="Private and public endpoint access cannot both be false")
    for each in as_list(vpc.get("publicAccessCidrs")):
        try:
            _ = each is UNKNOWN or ipaddress.IPv4Network(each)
        except ValueError as error:
            yield Fault(path=("vpcConfig", "publicAccessCidrs"), why=f"{each!r} is not a valid CIDR: {error}")


def _service_range_faults(found: list[Any]) -> Iterator[Fault]:
    path = ("kubernetesNetworkConfig", "serviceIpv4Cidr")
    for text in found:
        try:
            network = ipaddress.IPv4Network(text)
        except ValueError as error:
            yield Fault(path=path, why=f"{text!r} is not a valid CIDR: {error}")
            continue
        if not any(network.subnet_of(each) for each in _SERVICE_RANGES) or not 12 <= network.prefixlen <= 24:
            yield Fault(path=path, why=f"{text} must be a private range from /12 to /24")


def _auto_mode_faults(inputs: Json) -> Iterator[Fault]:
    flags = [values_at(inputs, path) == [True] for path in _AUTO_MODE_FLAGS]
    if any(flags) and not all(flags):
        yield Fault(
            path=("computeConfig",),
            why=f"{', '.join(_AUTO_MODE_FLAGS)} must all be set to either true or false (EKS Auto Mode)",
        )
    if not all(flags):
        return
    if inputs.get("bootstrapSelfManagedAddons") is not False:
        yield Fault(path=("bootstrapSelfManagedAddons",), why="must be false with EKS Auto Mode")
    if values_at(inputs, "accessConfig.authenticationMode") == ["CONFIG_MAP"]:
        yield Fault(path=("accessConfig", "authenticationMode"), why="EKS Auto Mode needs API or API_AND_CONFIG_MAP")
    pools = values_at(inputs, "computeConfig.nodePools")
    if set(pools) - {"system", "general-purpose"}:
        yield Fault(path=("computeConfig", "nodePools"), why="there are two built-in pools: system, general-purpose")
    if bool(pools) != bool(values_at(inputs, "computeConfig.nodeRoleArn")):
        yield Fault(path=("computeConfig",), why="nodeRoleArn and nodePools are given together, or neither")


@rule(registry.before_create, CLUSTER)
def surroundings_of_a_cluster(account: Account, record: Record) -> None:
    """Subnets in two zones of one VPC, and a role that EKS may take on and that may do what EKS does."""
    subnets = [account.get(SUBNET, each) for each in values_at(record.inputs, "vpcConfig.subnetIds")]
    found = [each for each in subnets if each is not None]
    if len({each.get("availabilityZone") for each in found}) < 2:
        raise CloudError("InvalidParameterException", "Subnets specified must be in at least two different AZs")
    vpcs = {each.inputs["vpcId"] for each in found}
    if len(vpcs) > 1:
        raise CloudError("InvalidParameterException", "Subnets specified must belong to the same VPC")
    vpc = account.get(VPC, vpcs.pop())
    assert vpc is not None
    _require_role(account, record)
    _require_apart(record, vpc)
    group = Record(
        token=SECURITY_GROUP,
        id=new_id("sg"),
        inputs={"vpcId": vpc.id, "name": f"eks-cluster-sg-{record.id}"},
        region=record.region,
        owner=record.key,
    )
    account.add(group)
    record.outputs["vpcConfig"] = {"clusterSecurityGroupId": group.id, "vpcId": vpc.id}
    record.outputs["createdAt"] = now()
    if values_at(record.inputs, "accessConfig.bootstrapClusterCreatorAdminPermissions") != [False]:
        entry = {"clusterName": record.id, "principalArn": CALLER, "type": "STANDARD"}
        account.add(
            Record(
                token=ACCESS_ENTRY, id=f"{record.id}:{CALLER}", inputs=entry, owner=record.key, notes={"admin": True}
            )
        )


def _require_role(account: Account, record: Record) -> None:
    role = account.find(ROLE, record.inputs["roleArn"], "arn")
    assert role is not None
    auto = is_auto_mode(record.inputs)
    actions = ("sts:AssumeRole", "sts:TagSession") if auto else ("sts:AssumeRole",)
    if not trusts(role.inputs, "eks.amazonaws.com", *actions):
        raise CloudError(
            "InvalidParameterException",
            f"Role with arn: {role.get('arn')}, could not be assumed because it does not exist or the trusted entity "
            f"is not correct: eks.amazonaws.com needs {' and '.join(actions)}",
        )
    require_policies(account, role, [(each,) for each in (_AUTO_MODE_POLICIES if auto else _CLUSTER_POLICIES)])


def require_policies(account: Account, role: Record, wanted: list[tuple[str, ...]]) -> None:
    """A role has, of each group of AWS's managed policies, at least one.

    Raises:
        CloudError: one group is missing.
    """
    attached = {
        each.inputs["policyArn"] for each in account.of(ROLE_POLICY_ATTACHMENT) if each.inputs["role"] == role.id
    }
    attached |= set(values_at(role.inputs, "managedPolicyArns"))
    missing = [group for group in wanted if not any(_POLICY + name in attached for name in group)]
    if missing:
        raise CloudError(
            "InvalidParameterException",
            "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the "
            f"following policies {[_POLICY + group[0] for group in missing]} are attached",
        )


def _require_apart(record: Record, vpc: Record) -> None:
    for text in values_at(record.inputs, "kubernetesNetworkConfig.serviceIpv4Cidr"):
        if ipaddress.ip_network(text).overlaps(ipaddress.ip_network(vpc.inputs["cidrBlock"])):
            raise CloudError("InvalidParameterException", f"The serviceIpv4Cidr {text} overlaps the CIDR of {vpc.id}")


@rule(registry.outputs, CLUSTER)
def what_a_cluster_tells(account: Account, record: Record) -> Json:
    version = record.inputs.get("version") or _DEFAULT_VERSION
    digits = record.notes.setdefault("digits", secrets.token_hex(16).upper())
    told: Json = {
        "status": {"UPDATING": "ACTIVE"}.get(record.status, record.status),
        "version": version,
        "platformVersion": "eks.1",
        "endpoint": f"https://{digits}.gr7.{record.region}.eks.amazonaws.com",
        "certificateAuthority": {"data": "c2ltdWxhdGVk"},
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{record.region}.amazonaws.com/id/{digits}"}]}],
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        "accessConfig": {"authenticationMode": "CONFIG_MAP"},
        "upgradePolicy": {"supportType": "EXTENDED"},
    }
    return told | _address()


def _address() -> Json:
    """The API server that clusters lead to; nothing where there is none."""
    found = cluster_api.connection(AWS)
    if found is None:
        return {}
    return {"endpoint": found.server, "certificateAuthority": {"data": cluster_api.authority(found)}}


@rule(registry.before_update, CLUSTER)
def upgrade(account: Account, record: Record, new: Json) -> None:
    """One minor version up at a time, and never down."""
    before, after = minor(record.get("version")), minor(new.get("version") or record.get("version"))
    if after not in (before, before + 1):
        raise CloudError(
            "InvalidParameterException",
            f"Unsupported Kubernetes minor version update from 1.{before} to 1.{after}",
        )
    modes = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"]
    old_mode = record.get("accessConfig.authenticationMode")
    [mode] = values_at(new, "accessConfig.authenticationMode") or [old_mode]
    if modes.index(mode) < modes.index(old_mode):
        raise CloudError(
            "InvalidParameterException", f"Unsupported authentication mode update from {old_mode} to {mode}"
        )


@rule(registry.before_delete, CLUSTER)
def protected_cluster(account: Account, record: Record) -> None:
    if record.inputs.get("deletionProtection"):
        raise CloudError(
            "InvalidRequestException", f"Cluster {record.id} has deletion protection enabled; disable it first"
        )


@rule(registry.when_made, CLUSTER)
def first_signs_of_life(session: Session, record: Record) -> None:
    """A log group, where nobody made it before; with Auto Mode its kinds of objects."""
    _write_logs(session, record)
    client = cluster_api.client(session)
    if client is not None and is_auto_mode(record.inputs):
        auto_mode.install(session, client, values_at(record.inputs, "computeConfig.nodePools"))


@rule(registry.when_deleted, CLUSTER)
def last_signs_of_life(session: Session, record: Record) -> None:
    """A log group that is gone by now comes back with the last lines; nodes that EKS itself made go."""
    _write_logs(session, record)
    client = cluster_api.client(session)
    if client is not None and is_auto_mode(record.inputs):
        auto_mode.remove(session, client)
        nodes.remove(session, {CLUSTER_LABEL: record.id})
    with session.world.open() as account:
        for other in [each for each in account.records.values() if each.token in _GO_WITH_A_CLUSTER]:
            if other.inputs["clusterName"] == record.id:
                account.remove(other)


def _write_logs(session: Session, record: Record) -> None:
    name = f"/aws/eks/{record.id}/cluster"
    with session.world.open() as account:
        if record.inputs.get("enabledClusterLogTypes") and account.get(LOG_GROUP, name) is None:
            arn = f"arn:aws:logs:{record.region}:{ACCOUNT_ID}:log-group:{name}"
            account.add(Record(token=LOG_GROUP, id=name, inputs={"name": name}, outputs={"arn": arn}))
