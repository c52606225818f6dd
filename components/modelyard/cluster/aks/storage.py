"""Volumes: disks for one node, and file shares for several."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.aks.account import Account
from modelyard.kube.labels import labels

STORAGE_CLASS = "premium-disk"
"""The class of volumes that one node mounts."""
SHARED_STORAGE_CLASS = "premium-nfs"
"""The class of volumes that several nodes mount."""


def make_storage_class(
    account: Account, provider: k8s.Provider, *, disk_encryption_set_id: str | None
) -> pulumi.Resource:
    """Make the class of disks: Premium SSD, encrypted, in the zone of the pod that asks first.

    AKS' own default class stays what it is, Standard SSD, and stays the default: it is AKS' to reset. So volumes name
    this class. Premium SSD v2 would be cheaper at the same speed, but is not in every region, zone and machine type.
    https://learn.microsoft.com/azure/aks/azure-csi-disk-storage-provision
    """
    return _storage_class(
        account,
        provider,
        STORAGE_CLASS,
        {
            "provisioner": "disk.csi.azure.com",
            "parameters": {
                "skuName": "Premium_LRS",
                **({"diskEncryptionSetID": disk_encryption_set_id} if disk_encryption_set_id else {}),
            },
            "volume_binding_mode": "WaitForFirstConsumer",
            "allow_volume_expansion": True,
        },
    )


def make_shared_storage_class(account: Account, provider: k8s.Provider) -> pulumi.Resource:
    """Make the class of shared volumes: each is a share of Azure Files over NFS, on SSDs, of 100 GiB or more.

    The driver makes the storage account in the cluster's own resource group, with which it goes, and lets the node
    subnet in and nobody else: NFS knows no accounts, so the network decides. NFS and not SMB, which needs a key and
    knows neither links nor owners of files.
    https://learn.microsoft.com/azure/aks/azure-csi-files-storage-provision
    """
    return _storage_class(
        account,
        provider,
        SHARED_STORAGE_CLASS,
        {
            "provisioner": "file.csi.azure.com",
            "parameters": {"protocol": "nfs", "skuName": "Premium_LRS"},
            # https://learn.microsoft.com/azure/storage/files/nfs-performance
            "mount_options": ["nconnect=4", "noresvport", "actimeo=30"],
            "volume_binding_mode": "Immediate",
            "allow_volume_expansion": True,
        },
    )


def _storage_class(account: Account, provider: k8s.Provider, name: str, fields: Mapping[str, Any]) -> pulumi.Resource:
    return k8s.storage.v1.StorageClass(
        f"{account.name}-{name}",
        metadata=k8s.meta.v1.ObjectMetaArgs(name=name, labels=labels(name, instance=name, component="storage")),
        reclaim_policy="Delete",
        **fields,
        opts=pulumi.ResourceOptions(parent=account.parent, provider=provider),
    )
