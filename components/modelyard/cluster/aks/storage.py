"""Volumes: disks for one node, and file shares for several."""

from collections.abc import Mapping
from typing import Any, Literal

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.aks.account import Account
from modelyard.kube.labels import labels

STORAGE_CLASS = "premium-disk"
"""The class of volumes that one node mounts."""
SHARED_STORAGE_CLASSES = {"files": "premium-nfs", "blob": "blob-nfs"}
"""The class of volumes that several nodes mount, by the service that they are of."""


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


def make_shared_storage_class(
    account: Account, provider: k8s.Provider, service: Literal["files", "blob"], *, node_subnet_id: pulumi.Input[str]
) -> pulumi.Resource:
    """Make the class of shared volumes, over NFS.

    - `files`: each is a share of Azure Files, on SSDs, of 100 GiB or more.
      https://learn.microsoft.com/azure/aks/azure-csi-files-storage-provision
    - `blob`: each is a container of Azure Blob, without locks, and for reading rather than for changing.
      https://learn.microsoft.com/azure/aks/create-volume-azure-blob-storage,
      https://learn.microsoft.com/azure/storage/blobs/network-file-system-protocol-known-issues

    The driver makes the storage account in the cluster's own resource group, with which it goes, and lets the node
    subnet in and nobody else: NFS knows no accounts, so the network decides. What mounts them otherwise, SMB and
    BlobFuse, needs the account's key, and SMB knows neither links nor owners of files.
    """
    by_service: Mapping[str, Mapping[str, Any]] = {
        "files": {
            "provisioner": "file.csi.azure.com",
            "parameters": {"protocol": "nfs", "skuName": "Premium_LRS"},
            # https://learn.microsoft.com/azure/storage/files/nfs-performance
            "mount_options": ["nconnect=4", "noresvport", "actimeo=30"],
        },
        "blob": {
            "provisioner": "blob.csi.azure.com",
            # Without a name the driver lets every subnet of the network in, the API server's too.
            "parameters": {"protocol": "nfs", "skuName": "Standard_LRS", "subnetName": _last_of(node_subnet_id)},
        },
    }
    volumes = {"volume_binding_mode": "Immediate", "allow_volume_expansion": True}
    return _storage_class(account, provider, SHARED_STORAGE_CLASSES[service], {**by_service[service], **volumes})


def _last_of(id_: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(id_).apply(lambda known: known.rpartition("/")[2])


def _storage_class(account: Account, provider: k8s.Provider, name: str, fields: Mapping[str, Any]) -> pulumi.Resource:
    return k8s.storage.v1.StorageClass(
        f"{account.name}-{name}",
        metadata=k8s.meta.v1.ObjectMetaArgs(name=name, labels=labels(name, instance=name, component="storage")),
        reclaim_policy="Delete",
        **fields,
        opts=pulumi.ResourceOptions(parent=account.parent, provider=provider),
    )
