"""Volumes: disks for one node, and shares of a file system for several. Both are encrypted in any case."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.keys import Keys
from modelyard.cluster.gke.network import Network
from modelyard.kube.labels import labels

STORAGE_CLASS = "balanced"
"""The class of volumes that one node mounts."""
SHARED_STORAGE_CLASS = "filestore"
"""The class of volumes that several nodes mount."""
MODEL_STORAGE_CLASS = "hyperdisk-ml"
"""The class of disks that a model is written to, from one node."""
MODEL_COPIES_STORAGE_CLASS = "hyperdisk-ml-copies"
"""The class of disks that are made of a snapshot of such a disk, one in each zone, and read by many nodes."""
_DISKS = "pd.csi.storage.gke.io"
_MODEL_THROUGHPUT = "2400Mi"
_DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def make_storage_class(account: Account, provider: k8s.Provider, keys: Keys) -> pulumi.Resource:
    """Make the cluster's default class: balanced disks, in the zone of the pod that asks first.

    Older machines take Persistent Disk alone, and newer ones Hyperdisk alone, so the driver takes the one that fits the
    node, and the autoscaler adds no node that the disk does not fit. GKE's own default class is of Persistent Disk: of
    two default classes, the newer one counts. https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-volumes/automatic-disk-type
    """
    parameters = {
        "type": "dynamic",
        "pd-type": "pd-balanced",
        "hyperdisk-type": "hyperdisk-balanced",
        "use-allowed-disk-topology": "true",
        **({"disk-encryption-kms-key": keys.key} if keys.key else {}),
    }
    fields = {"provisioner": _DISKS, "volume_binding_mode": "WaitForFirstConsumer"}
    return _storage_class(
        account, provider, STORAGE_CLASS, {**fields, "parameters": parameters}, _DEFAULT, keys, "compute"
    )


def make_shared_storage_class(
    account: Account, provider: k8s.Provider, keys: Keys, network: Network
) -> pulumi.Resource:
    """Make the class of shared volumes: each of 100 GiB to 1 TiB, up to ten of them on an instance of Filestore.

    A smaller one is as large as the smallest; a larger one is refused before anything is made.

    The driver makes an instance, of 1 TiB or more and charged as a whole, for the first volume, and removes it after
    the last. It is in all zones of the region. In a shared VPC it is reached by private services access, which has to
    be set up there. https://cloud.google.com/filestore/docs/multishares
    """
    connected = "PRIVATE_SERVICE_ACCESS" if network.is_shared else "DIRECT_PEERING"
    parameters = {
        "tier": "enterprise",
        "multishare": "true",
        "network": network.network_name,
        "connect-mode": connected,
        **({"instance-encryption-kms-key": keys.key} if keys.key else {}),
    }
    fields = {"provisioner": "filestore.csi.storage.gke.io", "volume_binding_mode": "WaitForFirstConsumer"}
    return _storage_class(
        account, provider, SHARED_STORAGE_CLASS, {**fields, "parameters": parameters}, {}, keys, "file"
    )


def make_model_storage_classes(
    account: Account, provider: k8s.Provider, keys: Keys, zones: Sequence[str]
) -> list[pulumi.Resource]:
    """Make the classes of Hyperdisk ML, whose disks many nodes read at once.

    A disk is either written, from one node, or read by many, as its claim's access mode says: `ReadWriteOnce` or
    `ReadOnlyMany`. So a model is written to a volume of the first class, a snapshot is made of it, and of that a claim
    of the second class, which is one disk in each of the cluster's zones behind one volume. Neither grows.
    The copies' throughput, 2,400 MiB/s, is that of Google's example.
    https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-volumes/hyperdisk-ml

    Args:
        account: where.
        provider: of objects on the cluster.
        keys: what disks are encrypted with.
        zones: of the cluster.
    """
    key = {"disk-encryption-kms-key": keys.key} if keys.key else {}
    written = {
        "provisioner": _DISKS,
        "volume_binding_mode": "WaitForFirstConsumer",
        "allow_volume_expansion": False,
        "parameters": {"type": "hyperdisk-ml", **key},
    }
    copies = {
        "provisioner": _DISKS,
        "volume_binding_mode": "Immediate",
        "allow_volume_expansion": False,
        "parameters": {
            "type": "hyperdisk-ml",
            "provisioned-throughput-on-create": _MODEL_THROUGHPUT,
            "enable-multi-zone-provisioning": "true",
            **key,
        },
        "allowed_topologies": [{"matchLabelExpressions": [{"key": "topology.gke.io/zone", "values": list(zones)}]}],
    }
    by_name = {MODEL_STORAGE_CLASS: written, MODEL_COPIES_STORAGE_CLASS: copies}
    return [_storage_class(account, provider, name, fields, {}, keys, "compute") for name, fields in by_name.items()]


def _storage_class(
    account: Account,
    provider: k8s.Provider,
    name: str,
    fields: Mapping[str, Any],
    annotations: Mapping[str, str],
    keys: Keys,
    service: str,
) -> pulumi.Resource:
    # Disks and shares are made through their service by GKE, on behalf of pods that wait for a volume.
    before = [account.apis[service], *keys.usable[service]]
    settled: Mapping[str, Any] = {"allow_volume_expansion": True, **fields}
    return k8s.storage.v1.StorageClass(
        f"{account.name}-{name}",
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=name, annotations=dict(annotations), labels=labels(name, instance=name, component="storage")
        ),
        reclaim_policy="Delete",
        **settled,
        opts=pulumi.ResourceOptions(parent=account.parent, provider=provider, depends_on=before),
    )
