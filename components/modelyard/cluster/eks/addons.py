"""Add-ons: what a cluster needs to be one, run by EKS at versions that are pinned for each Kubernetes minor.

The network plugin, kube-proxy and the Pod Identity agent come before nodes, which are not ready without them. CoreDNS,
the storage drivers and metrics-server are pods that EKS waits for, so they come after the nodes that they run on, and
with them what looks after nodes. In EKS Auto Mode all but metrics-server and EFS are part of the nodes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from modelyard.cluster.eks.account import Account
from modelyard.cluster.eks.identity import make_pod_role
from modelyard.kube.labels import labels
from modelyard.versions import EKS

_NAMESPACE = "kube-system"


@dataclass(frozen=True, kw_only=True)
class _Addon:
    """An add-on.

    Attributes:
        name: its name in AWS.
        service_account: whose pods get a role; None where they need none.
        managed: the policies of that role.
        settings: configuration that differs from the add-on's own.
    """

    name: str
    service_account: str | None = None
    managed: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


# Service accounts and policies: https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html
_BEFORE_NODES = (
    _Addon(
        name="vpc-cni",
        service_account="aws-node",
        managed=("AmazonEKS_CNI_Policy",),
        # https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html
        settings={"enableNetworkPolicy": "true"},
    ),
    _Addon(name="kube-proxy"),
    _Addon(name="eks-pod-identity-agent"),
)
_AFTER_NODES = (
    _Addon(name="coredns"),
    _Addon(
        name="aws-ebs-csi-driver",
        service_account="ebs-csi-controller-sa",
        managed=("service-role/AmazonEBSCSIDriverPolicy",),
    ),
)
_METRICS = _Addon(name="metrics-server")
# The agent itself tolerates every taint; what reads GPUs for it does not.
# https://github.com/aws/eks-node-monitoring-agent/blob/main/charts/eks-node-monitoring-agent/values.yaml
_NODE_MONITORING = _Addon(
    name="eks-node-monitoring-agent", settings={"dcgmAgent": {"tolerations": [{"operator": "Exists"}]}}
)
_SHARED_STORAGE = _Addon(
    name="aws-efs-csi-driver",
    service_account="efs-csi-controller-sa",
    managed=("service-role/AmazonEFSCSIDriverPolicy",),
)


def make_addons_before_nodes(
    account: Account, cluster: aws.eks.Cluster, kubernetes_version: str
) -> list[pulumi.Resource]:
    """Make what nodes need to be ready; not for EKS Auto Mode, whose nodes have it."""
    return [_make(account, cluster, kubernetes_version, each, ()) for each in _BEFORE_NODES]


def make_addons_after_nodes(
    account: Account,
    cluster: aws.eks.Cluster,
    kubernetes_version: str,
    *,
    auto_mode: bool,
    shared_storage: bool,
    nodes: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """Make what runs on nodes: host names, volumes, and CPU and memory as metrics for autoscaling."""
    wanted = [*(() if auto_mode else _AFTER_NODES), _METRICS, *((_SHARED_STORAGE,) if shared_storage else ())]
    return [_make(account, cluster, kubernetes_version, each, nodes) for each in wanted]


def make_node_monitoring(
    account: Account, cluster: aws.eks.Cluster, kubernetes_version: str, nodes: Sequence[pulumi.Resource]
) -> None:
    """Make what sees that a node is ill: its kernel, network, disks and GPUs. Nothing waits for it.

    Without it EKS repairs only nodes that are not ready at all. In EKS Auto Mode it is part of the nodes.
    https://docs.aws.amazon.com/eks/latest/userguide/node-health-nma.html
    """
    _make(account, cluster, kubernetes_version, _NODE_MONITORING, nodes)


def make_network_policy_switch(account: Account, provider: k8s.Provider) -> pulumi.Resource:
    """Make what turns network policies on in EKS Auto Mode, whose nodes have the network plugin built in.

    https://docs.aws.amazon.com/eks/latest/userguide/auto-net-pol.html
    """
    return k8s.core.v1.ConfigMap(
        f"{account.name}-network-policy",
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name="amazon-vpc-cni",
            namespace=_NAMESPACE,
            labels=labels("amazon-vpc-cni", instance="amazon-vpc-cni", component="network"),
        ),
        data={"enable-network-policy-controller": "true"},
        opts=pulumi.ResourceOptions(parent=account.parent, provider=provider),
    )


def _make(
    account: Account,
    cluster: aws.eks.Cluster,
    kubernetes_version: str,
    addon: _Addon,
    before: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    associations, complete = _identity(account, addon)
    return aws.eks.Addon(
        f"{account.name}-{addon.name}",
        # From the cluster, not as text: an upgrade of the cluster is then over before its add-ons'.
        cluster_name=cluster.name,
        addon_name=addon.name,
        addon_version=EKS[kubernetes_version][addon.name],
        configuration_values=json.dumps(addon.settings) if addon.settings else None,
        pod_identity_associations=associations,
        # What somebody changed by hand goes back to what stands here, instead of failing the update.
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update="OVERWRITE",
        opts=account.options([*before, *complete]),
    )


def _identity(
    account: Account, addon: _Addon
) -> tuple[list[aws.eks.AddonPodIdentityAssociationArgs] | None, Sequence[pulumi.Resource]]:
    if not addon.service_account:
        return None, ()
    made = make_pod_role(
        account,
        addon.name,
        namespace=_NAMESPACE,
        service_account=addon.service_account,
        managed=addon.managed,
    )
    association = aws.eks.AddonPodIdentityAssociationArgs(role_arn=made.role.arn, service_account=addon.service_account)
    return [association], made.complete
