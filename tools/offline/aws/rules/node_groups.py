"""Managed node groups: what they must agree with, and what keeps their nodes from joining."""

import secrets
from collections.abc import Iterator
from typing import Any

from tools.offline.aws import groups
from tools.offline.aws.groups import GROUPS
from tools.offline.aws.kinds_compute import ACCESS_ENTRY, ADDON, CLUSTER, LAUNCH_TEMPLATE, NODE_GROUP, SCALING_GROUP
from tools.offline.aws.kinds_identity import ROLE
from tools.offline.aws.kinds_network import SUBNET, VPC
from tools.offline.aws.rules.clusters import minor, require_policies
from tools.offline.aws.rules.network import leads_out
from tools.offline.aws.rules.policies import trusts
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError, CreateFailedError
from tools.offline.cloud.node_groups import reconcile, remove
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record
from tools.offline.common.values import Json, as_list, as_map

_RESERVED_LABELS = ("kubernetes.io/", "k8s.io/", "eks.amazonaws.com/")
_NODE_POLICIES = [
    ("AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy"),
    (
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEC2ContainerRegistryPowerUser",
    ),
]
_OLDEST_BEHIND = 3
_GPU_NODE_SECONDS = 120
"""How much longer a node with accelerators takes than the three minutes of any node group."""


@rule(registry.in_check, NODE_GROUP)
def parts_of_a_group(inputs: Json) -> Iterator[Fault]:
    """Sizes in order, and no two places for one thing."""
    scaling = as_map(inputs.get("scalingConfig"))
    sizes = [scaling.get(key) for key in ("minSize", "desiredSize", "maxSize")]
    if all(isinstance(size, int) for size in sizes):
        least, desired, most = (int(size or 0) for size in sizes)
        if not least <= desired <= most or most < 1:
            why = f"Minimum capacity {least} can't be greater than desired size {desired}, nor that than maximum {most}"
            yield Fault(path=("scalingConfig",), why=why)
    update = as_map(inputs.get("updateConfig"))
    if update and ("maxUnavailable" in update) == ("maxUnavailablePercentage" in update):
        yield Fault(path=("updateConfig",), why="either maxUnavailable or maxUnavailablePercentage is given")
    yield from _template_faults(inputs)
    for key in as_map(inputs.get("labels")):
        if key.startswith(_RESERVED_LABELS):
            yield Fault(path=("labels", key), why=f"Label cannot contain reserved prefixes {list(_RESERVED_LABELS)}")


def _template_faults(inputs: Json) -> Iterator[Fault]:
    if inputs.get("launchTemplate"):
        for key in ("diskSize", "remoteAccess"):
            if inputs.get(key) is not None:
                yield Fault(path=(key,), why=f"{key} cannot be specified with a launch template: write it in there")
        template = as_map(inputs["launchTemplate"])
        if ("id" in template) == ("name" in template):
            yield Fault(path=("launchTemplate",), why="either id or name is given")
    elif inputs.get("capacityType") == "CAPACITY_BLOCK":
        yield Fault(
            path=("capacityType",), why="CAPACITY_BLOCK needs a launch template with its market and reservation"
        )


@rule(registry.before_create, NODE_GROUP)
def surroundings_of_a_group(account: Account, record: Record) -> None:
    """Its role, its subnets, its version and its launch template fit the cluster and each other."""
    cluster = account.get(CLUSTER, record.inputs["clusterName"])
    role = account.find(ROLE, record.inputs["nodeRoleArn"], "arn")
    assert cluster is not None
    assert role is not None
    if not trusts(role.inputs, "ec2.amazonaws.com", "sts:AssumeRole"):
        raise CloudError(
            "InvalidParameterException",
            "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of "
            f"nodeRole {role.get('arn')}",
        )
    require_policies(account, role, _NODE_POLICIES)
    vpc = cluster.get("vpcConfig.vpcId")
    for subnet in _subnets(account, record):
        if subnet.inputs["vpcId"] != vpc:
            raise CloudError("InvalidParameterException", f"Subnet {subnet.id} is not in the cluster's VPC {vpc}")
    _require_version(cluster, record.inputs.get("version"))
    groups.require_machines(account, record.inputs)
    name = f"eks-{record.get('nodeGroupName')}-{secrets.token_hex(4)}"
    account.add(Record(token=SCALING_GROUP, id=name, inputs={"name": name}, owner=record.key, region=record.region))
    record.outputs["resources"] = [{"autoscalingGroups": [{"name": name}]}]
    _admit_nodes(account, cluster, record)


def _admit_nodes(account: Account, cluster: Record, record: Record) -> None:
    """EKS gives the role of a managed node group an access entry, if it has none."""
    principal = record.inputs["nodeRoleArn"]
    entry = {"clusterName": cluster.id, "principalArn": principal, "type": "EC2_LINUX"}
    found = Record(token=ACCESS_ENTRY, id=f"{cluster.id}:{principal}", inputs=entry, owner=cluster.key)
    if found.key not in account.records and cluster.get("accessConfig.authenticationMode") != "CONFIG_MAP":
        account.add(found)


def _subnets(account: Account, record: Record) -> list[Record]:
    found = [account.get(SUBNET, each) for each in as_list(record.inputs["subnetIds"])]
    return [each for each in found if each is not None]


def _require_version(cluster: Record, version: Any) -> None:
    if not version:
        return
    ours, theirs = minor(version), minor(cluster.get("version"))
    if not theirs - _OLDEST_BEHIND <= ours <= theirs:
        raise CloudError(
            "InvalidParameterException",
            f"Requested Nodegroup Kubernetes version 1.{ours} is not compatible with the cluster's 1.{theirs}: it must "
            f"not be newer, nor more than {_OLDEST_BEHIND} minor versions older",
        )


@rule(registry.outputs, NODE_GROUP)
def what_a_group_tells(account: Account, record: Record) -> Json:
    cluster = account.get(CLUSTER, record.inputs["clusterName"])
    version = record.inputs.get("version") or record.outputs.get("version") or (cluster and cluster.get("version"))
    told: Json = {
        "status": {"UPDATING": "ACTIVE"}.get(record.status, record.status),
        "version": version,
        "releaseVersion": f"{version}.0-20261101",
        "amiType": "AL2023_x86_64_STANDARD",
        "capacityType": "ON_DEMAND",
        "diskSize": 0 if record.inputs.get("launchTemplate") else 20,
    }
    template = account.get(LAUNCH_TEMPLATE, record.inputs.get("launchTemplate", {}).get("id", ""))
    if template is not None:
        told["launchTemplate"] = {"name": template.get("name")}
    return told | {"instanceTypes": groups.instance_types(account, record.inputs)}


@rule(registry.before_update, NODE_GROUP)
def new_version_of_a_group(account: Account, record: Record, new: Json) -> None:
    """Not newer than the cluster, one minor version up at a time, with a launch template that fits as the first did."""
    cluster = account.get(CLUSTER, new["clusterName"])
    assert cluster is not None
    before, after = minor(record.get("version")), minor(new.get("version") or record.get("version"))
    if after not in (before, before + 1):
        raise CloudError(
            "InvalidParameterException",
            f"Requested Nodegroup version 1.{after} is not one minor version above the current 1.{before}",
        )
    _require_version(cluster, new.get("version"))
    groups.require_machines(account, new)


@rule(registry.when_made, NODE_GROUP)
def nodes_join(session: Session, record: Record) -> None:
    """The nodes join, if they find a way to the cluster and a network plugin there."""
    if not record.inputs["scalingConfig"]["desiredSize"]:
        return
    why: list[str] = []

    def can_join() -> bool:
        why[:] = _hindrances(session.world.look(), record)
        return not why

    if groups.has_gpus(session.world.look(), record):
        session.wait(_GPU_NODE_SECONDS)
    if not session.until(can_join):
        text = f"Instances failed to join the kubernetes cluster: {'; '.join(why)}"
        raise CreateFailedError("NodeCreationFailure", text)
    reconcile(session, GROUPS, record.id)


def _hindrances(account: Account, record: Record) -> list[str]:
    cluster = account.get(CLUSTER, record.inputs["clusterName"])
    if cluster is None:
        return ["the cluster is gone"]
    found: list[str] = []
    lost = [subnet.id for subnet in _subnets(account, record) if not leads_out(account, subnet)]
    found += [f"the route table of {each} leads nowhere, so nodes reach neither EKS nor registries" for each in lost]
    vpc = account.get(VPC, cluster.get("vpcConfig.vpcId"))
    if vpc is not None and not (vpc.inputs.get("enableDnsHostnames") and vpc.inputs.get("enableDnsSupport")):
        found.append(f"{vpc.id} has no DNS hostnames, so nodes do not find the private endpoint")
    addons = {each.inputs["addonName"]: each for each in account.of(ADDON) if each.inputs["clusterName"] == cluster.id}
    if cluster.inputs.get("bootstrapSelfManagedAddons") is False:
        missing = [name for name in ("vpc-cni", "kube-proxy") if name not in addons]
        found += [f"container runtime network not ready: the add-on {name} is missing" for name in missing]
    if not _cni_has_permission(account, record, addons.get("vpc-cni")):
        found.append("the network plugin has no permission: AmazonEKS_CNI_Policy is on no role that it has")
    return found


def _cni_has_permission(account: Account, record: Record, addon: Record | None) -> bool:
    if addon is not None and (addon.inputs.get("podIdentityAssociations") or addon.inputs.get("serviceAccountRoleArn")):
        return True
    role = account.find(ROLE, record.inputs["nodeRoleArn"], "arn")
    try:
        require_policies(account, role, [("AmazonEKS_CNI_Policy",)]) if role else None
    except CloudError:
        return False
    return True


@rule(registry.when_updated, NODE_GROUP)
def nodes_follow(session: Session, record: Record) -> None:
    """Labels, taints, number and version of the nodes follow; a new version or template makes new nodes."""
    reconcile(session, GROUPS, record.id)


@rule(registry.when_deleted, NODE_GROUP)
def nodes_leave(session: Session, record: Record) -> None:
    remove(session, GROUPS, record)
