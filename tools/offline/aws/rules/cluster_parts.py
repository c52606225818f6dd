"""What stands in a cluster on EKS's side: access entries, add-ons, Pod Identity."""

# ruff: noqa: ARG001 - the rules of one occasion have one signature

import json
import re
from collections.abc import Iterator

from tools.offline.aws import managed
from tools.offline.aws.ids import ACCOUNT_ID, CALLER
from tools.offline.aws.kinds_compute import (
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    ADDON,
    CLUSTER,
    NODE_GROUP,
    POD_IDENTITY_ASSOCIATION,
)
from tools.offline.aws.kinds_identity import ROLE
from tools.offline.aws.kinds_network import INSTANCE
from tools.offline.aws.rules.clusters import is_auto_mode
from tools.offline.aws.rules.identity import now
from tools.offline.aws.rules.policies import trusts
from tools.offline.cloud import registry
from tools.offline.cloud.errors import CloudError, CreateFailedError
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import Json, as_list, as_map

_ADDON_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")
_ADDONS = frozenset(
    {
        *("vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "aws-ebs-csi-driver", "aws-efs-csi-driver"),
        *("metrics-server", "eks-node-monitoring-agent", "snapshot-controller", "aws-mountpoint-s3-csi-driver"),
        *("amazon-cloudwatch-observability", "adot", "aws-fsx-csi-driver", "cert-manager", "external-dns"),
        *("kube-state-metrics", "prometheus-node-exporter", "amazon-sagemaker-hyperpod-taskgovernance"),
    }
)
"""https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html and community add-ons."""
_WITH_DEPLOYMENT = frozenset(
    {"coredns", "aws-ebs-csi-driver", "aws-efs-csi-driver", "metrics-server", "snapshot-controller", "cert-manager"}
)
"""Add-ons that are active only once their Deployment runs, and so once there are nodes."""


@rule(registry.before_create, ACCESS_ENTRY)
def principal_of_an_entry(account: Account, record: Record) -> None:
    """It exists, where the account is ours; its groups are not Kubernetes' own."""
    cluster = account.get(CLUSTER, record.inputs["clusterName"])
    assert cluster is not None
    if cluster.get("accessConfig.authenticationMode") == "CONFIG_MAP":
        raise CloudError(
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
            "operation.",
        )
    principal = record.inputs["principalArn"]
    known = principal == CALLER or account.find(ROLE, principal, "arn") is not None
    if f":{ACCOUNT_ID}:" in principal and not known:
        raise CloudError("InvalidParameterException", "The specified principalArn is invalid: invalid principal.")
    groups = as_list(record.inputs.get("kubernetesGroups"))
    for group in groups:
        if group.startswith("system:"):
            text = f"The kubernetes group name {group} is invalid, it cannot start with system:"
            raise CloudError("InvalidParameterException", text)
    if groups and record.inputs["type"] != "STANDARD":
        raise CloudError(
            "InvalidParameterException", f"An entry of type {record.inputs['type']} has no kubernetesGroups"
        )


@rule(registry.outputs, ACCESS_ENTRY)
def times_of_an_entry(account: Account, record: Record) -> Json:
    cluster, principal = record.inputs["clusterName"], record.inputs["principalArn"]
    arn = f"arn:aws:eks:{record.region}:{ACCOUNT_ID}:access-entry/{cluster}/{principal.partition('::')[2]}"
    return {} if "createdAt" in record.outputs else {"createdAt": now(), "modifiedAt": now(), "accessEntryArn": arn}


@rule(registry.before_delete, ACCESS_ENTRY)
def policies_of_an_entry(account: Account, record: Record) -> None:
    """What is associated with an entry goes with it."""
    for other in account.of(ACCESS_POLICY_ASSOCIATION):
        if all(other.inputs[key] == record.inputs[key] for key in ("clusterName", "principalArn")):
            account.remove(other)


@rule(registry.in_check, ACCESS_POLICY_ASSOCIATION)
def scope_of_access(inputs: Json) -> Iterator[Fault]:
    arn = inputs.get("policyArn")
    if isinstance(arn, str) and not managed.is_access_policy(arn):
        yield Fault(path=("policyArn",), why=f"The policyArn parameter format is not valid, or there is none: {arn}")
    scope = as_map(inputs.get("accessScope"))
    if (scope.get("type") == "namespace") != bool(scope.get("namespaces")):
        yield Fault(path=("accessScope",), why="namespaces are given with type namespace, and only then")


@rule(registry.before_create, ACCESS_POLICY_ASSOCIATION)
def entry_of_access(account: Account, record: Record) -> None:
    entry = account.get(ACCESS_ENTRY, f"{record.inputs['clusterName']}:{record.inputs['principalArn']}")
    if entry is None:
        raise CloudError(
            "ResourceNotFoundException",
            f"The specified principalArn could not be found: {record.inputs['principalArn']} has no access entry",
        )
    if entry.inputs.get("type", "STANDARD") not in ("STANDARD", "EC2"):
        raise CloudError("InvalidRequestException", f"An entry of type {entry.inputs['type']} takes no access policy")


@rule(registry.outputs, ACCESS_POLICY_ASSOCIATION)
def times_of_access(account: Account, record: Record) -> Json:
    return {} if "associatedAt" in record.outputs else {"associatedAt": now(), "modifiedAt": now()}


@rule(registry.in_check, ADDON)
def what_an_addon_is(inputs: Json) -> Iterator[Fault]:
    name, version, values = (inputs.get(key) for key in ("addonName", "addonVersion", "configurationValues"))
    if isinstance(name, str) and name not in _ADDONS:
        yield Fault(path=("addonName",), why=f"Addon {name} specified is not supported; known: {sorted(_ADDONS)}")
    if isinstance(version, str) and not _ADDON_VERSION.fullmatch(version):
        yield Fault(path=("addonVersion",), why=f"Addon version specified is not supported: {version!r}")
    if isinstance(values, str):
        try:
            valid = isinstance(json.loads(values), dict)
        except ValueError:
            valid = False
        if not valid:
            yield Fault(
                path=("configurationValues",), why="ConfigurationValue provided in request is not a JSON object"
            )


@rule(registry.before_create, ADDON)
def roles_of_an_addon(account: Account, record: Record) -> None:
    for arn in values_at(record.inputs, "podIdentityAssociations.roleArn"):
        _require_pod_identity(account, arn)


@rule(registry.before_update, ADDON)
def new_roles_of_an_addon(account: Account, record: Record, new: Json) -> None:
    for arn in values_at(new, "podIdentityAssociations.roleArn"):
        _require_pod_identity(account, arn)


@rule(registry.outputs, ADDON)
def times_of_an_addon(account: Account, record: Record) -> Json:
    version = {} if record.inputs.get("addonVersion") else {"addonVersion": "v1.0.0-eksbuild.1"}
    return version | ({} if "createdAt" in record.outputs else {"createdAt": now(), "modifiedAt": now()})


@rule(registry.when_made, ADDON)
def nodes_for_an_addon(session: Session, record: Record) -> None:
    """An add-on with a Deployment becomes active only where its pods find a node."""
    if record.inputs["addonName"] in _WITH_DEPLOYMENT and not session.until(lambda: _has_nodes(session, record)):
        raise CreateFailedError(
            "InsufficientNumberOfReplicas",
            f"The add-on {record.inputs['addonName']} is unhealthy because all deployments have no or insufficient "
            "replicas: there are no nodes",
        )


def _has_nodes(session: Session, record: Record) -> bool:
    account, name = session.world.look(), record.inputs["clusterName"]
    cluster = account.get(CLUSTER, name)
    if cluster is not None and is_auto_mode(cluster.inputs):
        return True
    groups = [each for each in account.of(NODE_GROUP) if each.inputs["clusterName"] == name]
    if any(each.notes.get("joined") and each.inputs["scalingConfig"]["desiredSize"] for each in groups):
        return True
    return any(each.inputs.get("clusterName") == name for each in account.of(INSTANCE))


@rule(registry.before_create, POD_IDENTITY_ASSOCIATION)
def role_of_a_service_account(account: Account, record: Record) -> None:
    _require_pod_identity(account, record.inputs["roleArn"])


@rule(registry.before_update, POD_IDENTITY_ASSOCIATION)
def new_role_of_a_service_account(account: Account, record: Record, new: Json) -> None:
    _require_pod_identity(account, new["roleArn"])


@rule(registry.outputs, POD_IDENTITY_ASSOCIATION)
def identity_of_an_association(account: Account, record: Record) -> Json:
    cluster = record.inputs["clusterName"]
    arn = f"arn:aws:eks:{record.region}:{ACCOUNT_ID}:podidentityassociation/{cluster}/{record.id}"
    return {"associationId": record.id, "associationArn": arn}


def _require_pod_identity(account: Account, arn: str) -> None:
    role = account.find(ROLE, arn, "arn")
    if role is None or not trusts(role.inputs, "pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession"):
        raise CloudError(
            "InvalidParameterException",
            f"Trust policy of {arn} does not let pods.eks.amazonaws.com do sts:AssumeRole and sts:TagSession: pods "
            "would get no credentials",
        )
