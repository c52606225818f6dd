"""Volumes: encrypted disks for one node, and a file system for several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from modelyard.cluster.eks.account import Account
from modelyard.cluster.eks.control_plane import ControlPlane
from modelyard.cluster.eks.network import Network
from modelyard.kube.labels import labels

STORAGE_CLASS = "gp3"
"""The class of volumes that one node mounts."""
SHARED_STORAGE_CLASS = "efs"
"""The class of volumes that several nodes mount."""
_NFS_PORT = 2049
_DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


@dataclass(frozen=True, kw_only=True)
class SharedStorage:
    """A file system in every zone of the cluster.

    Attributes:
        reachable: what pods that mount it depend on.
    """

    file_system_id: pulumi.Output[str]
    reachable: Sequence[pulumi.Resource]


def make_storage_class(account: Account, provider: k8s.Provider, *, auto_mode: bool) -> pulumi.Resource:
    """Make the cluster's default class: gp3 disks, encrypted, in the zone of the pod that asks first.

    gp3 costs less than gp2 at the same size and brings its speed without size.
    https://docs.aws.amazon.com/eks/latest/userguide/create-storage-class.html
    """
    auto = {"key": "eks.amazonaws.com/compute-type", "values": ["auto"]}
    return _storage_class(
        account,
        provider,
        STORAGE_CLASS,
        {
            "provisioner": "ebs.csi.eks.amazonaws.com" if auto_mode else "ebs.csi.aws.com",
            "parameters": {"type": "gp3", "encrypted": "true"},
            "volume_binding_mode": "WaitForFirstConsumer",
            "allow_volume_expansion": True,
            "allowed_topologies": [{"matchLabelExpressions": [auto]}] if auto_mode else None,
        },
        annotations=_DEFAULT,
        before=(),
    )


def make_shared_storage(account: Account, network: Network, plane: ControlPlane) -> SharedStorage:
    """Make an encrypted file system that the cluster's nodes reach, in every zone, and nobody else.

    Its throughput grows and shrinks with use, as nobody knows a data set's before it is read.
    """
    name = f"{account.name}-shared"
    tags = {"Name": f"{account.cluster_name}-shared"}
    system = aws.efs.FileSystem(name, encrypted=True, throughput_mode="elastic", tags=tags, opts=account.options())
    group = aws.ec2.SecurityGroup(
        name,
        description=f"File system of the EKS cluster {account.cluster_name}",
        vpc_id=network.vpc_id,
        tags=tags,
        opts=account.options(),
    )
    let_in = aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=group.id,
        description="NFS from nodes",
        referenced_security_group_id=plane.security_group_id,
        ip_protocol="tcp",
        from_port=_NFS_PORT,
        to_port=_NFS_PORT,
        opts=account.options(),
    )
    targets = [
        aws.efs.MountTarget(
            f"{name}-{zone}",
            file_system_id=system.id,
            subnet_id=subnet_id,
            security_groups=[group.id],
            opts=account.options(),
        )
        for zone, subnet_id in network.private_subnets.items()
    ]
    return SharedStorage(file_system_id=system.id, reachable=[let_in, *targets])


def make_shared_storage_class(account: Account, provider: k8s.Provider, shared: SharedStorage) -> pulumi.Resource:
    """Make the class of shared volumes: each is a folder of the file system, with a user of its own that owns it.

    https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/README.md#storage-class-parameters-for-dynamic-provisioning
    """
    return _storage_class(
        account,
        provider,
        SHARED_STORAGE_CLASS,
        {
            "provisioner": "efs.csi.aws.com",
            "parameters": {
                "provisioningMode": "efs-ap",
                "fileSystemId": shared.file_system_id,
                "directoryPerms": "700",
            },
            "volume_binding_mode": "Immediate",
        },
        annotations={},
        before=shared.reachable,
    )


def _storage_class(
    account: Account,
    provider: k8s.Provider,
    name: str,
    fields: Mapping[str, Any],
    *,
    annotations: Mapping[str, str],
    before: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    return k8s.storage.v1.StorageClass(
        f"{account.name}-{name}",
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=name, annotations=dict(annotations), labels=labels(name, instance=name, component="storage")
        ),
        reclaim_policy="Delete",
        **fields,
        opts=pulumi.ResourceOptions(parent=account.parent, provider=provider, depends_on=list(before)),
    )
