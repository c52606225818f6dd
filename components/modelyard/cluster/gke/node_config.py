"""A pool's nodes in the words of GKE's node pools."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_gcp import container

from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.gke.gpu_networks import GpuNetwork
from modelyard.cluster.gke.nodes import (
    disk_gib,
    disk_type,
    gke_settings,
    has_image_streaming,
    has_secure_boot,
    is_ubuntu,
    local_disks,
    machine_type,
    node_labels,
    reservation_of,
)
from modelyard.cluster.gke.provisioned import added_taints
from modelyard.cluster.gke.spec import GkeBootDiskSpec, GkeSpec
from modelyard.cluster.pools import Pool

CLOUD_PLATFORM_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""What nodes may do, the roles of their service account say. Narrower scopes would be a second list beside them.
https://cloud.google.com/compute/docs/access/service-accounts#scopes_best_practice"""
_RESERVATION_KEY = "compute.googleapis.com/reservation-name"
_DRIVERS = {"default": "DEFAULT", "latest": "LATEST", "disabled": "INSTALLATION_DISABLED"}
_SHARING = {"time_sharing": "TIME_SHARING", "mps": "MPS"}
_TAINT_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}


def node_config(foundation: Foundation, pool: Pool, spec: GkeSpec) -> container.NodePoolNodeConfigArgs:
    """How the machines of a node pool start.

    Pods reach GKE's metadata server and not the machine's own, so that none takes the nodes' service account: pods have
    Workload Identity Federation. https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity

    The taint of accelerators is declared although GKE sets it too, as it does not on a cluster that has nothing else.
    GKE sees one taint, and the provider compares the keys that are declared only. Others that it sets by itself are
    left to it.

    Nodes with Arm processors get no taint: pods come to them by the pool that they name.
    """
    disks = spec.secondary_boot_disks.get(pool.name, ())
    spot = True if pool.spec.capacity == "spot" else None
    flex_start = True if pool.spec.capacity in {"flex_start", "queued"} else None
    return container.NodePoolNodeConfigArgs(
        machine_type=machine_type(pool),
        image_type="UBUNTU_CONTAINERD" if is_ubuntu(pool) else "COS_CONTAINERD",
        disk_type=disk_type(pool),
        disk_size_gb=disk_gib(pool),
        boot_disk_kms_key=foundation.disk_key,
        secondary_boot_disks=[_secondary_disk(each, foundation.project) for each in disks] or None,
        ephemeral_storage_local_ssd_config=_local_disks(pool),
        labels=node_labels(pool),
        taints=_taints(pool, spec.provisioner),
        taint_config=_taint_config(pool),
        resource_labels=dict(foundation.labels),
        service_account=foundation.node_service_account,
        oauth_scopes=[CLOUD_PLATFORM_SCOPE],
        workload_metadata_config=container.NodePoolNodeConfigWorkloadMetadataConfigArgs(mode="GKE_METADATA"),
        shielded_instance_config=container.NodePoolNodeConfigShieldedInstanceConfigArgs(
            enable_secure_boot=has_secure_boot(pool), enable_integrity_monitoring=True
        ),
        gvnic=container.NodePoolNodeConfigGvnicArgs(enabled=True),
        gcfs_config=container.NodePoolNodeConfigGcfsConfigArgs(
            enabled=has_image_streaming(pool, wanted=spec.image_streaming)
        ),
        guest_accelerators=_accelerators(pool),
        spot=spot,
        flex_start=flex_start,
        reservation_affinity=_reservation(pool, foundation.project),
    )


def _accelerators(pool: Pool) -> list[pulumi.Input[container.NodePoolNodeConfigGuestAcceleratorArgs]] | None:
    settings = gke_settings(pool)
    if settings.accelerator_type is None:
        return None
    sharing = None
    if settings.sharing_strategy:
        sharing = container.NodePoolNodeConfigGuestAcceleratorGpuSharingConfigArgs(
            gpu_sharing_strategy=_SHARING[settings.sharing_strategy],
            max_shared_clients_per_gpu=settings.max_shared_clients_per_gpu or 1,
        )
    return [
        container.NodePoolNodeConfigGuestAcceleratorArgs(
            type=settings.accelerator_type,
            count=settings.accelerator_count,
            gpu_driver_installation_config=(
                container.NodePoolNodeConfigGuestAcceleratorGpuDriverInstallationConfigArgs(
                    gpu_driver_version=_DRIVERS[settings.driver_version]
                )
            ),
            gpu_partition_size=settings.gpu_partition_size,
            gpu_sharing_config=sharing,
        )
    ]


def _taints(pool: Pool, provisioner: str) -> list[pulumi.Input[container.NodePoolNodeConfigTaintArgs]]:
    added = added_taints(pool.name, pool.spec, provisioner)
    return [
        container.NodePoolNodeConfigTaintArgs(key=taint.key, value=taint.value, effect=_TAINT_EFFECTS[taint.effect])
        for taint in pool.taints
        if taint not in added
    ]


def _taint_config(pool: Pool) -> container.NodePoolNodeConfigTaintConfigArgs | None:
    if pool.architecture != "arm64":
        return None
    return container.NodePoolNodeConfigTaintConfigArgs(architecture_taint_behavior="NONE")


def _local_disks(pool: Pool) -> container.NodePoolNodeConfigEphemeralStorageLocalSsdConfigArgs | None:
    count = local_disks(pool)
    return container.NodePoolNodeConfigEphemeralStorageLocalSsdConfigArgs(local_ssd_count=count) if count else None


def _secondary_disk(disk: GkeBootDiskSpec, project: str) -> container.NodePoolNodeConfigSecondaryBootDiskArgs:
    image = disk.image if disk.image.startswith("projects/") else f"projects/{project}/{disk.image}"
    return container.NodePoolNodeConfigSecondaryBootDiskArgs(
        disk_image=image, mode="CONTAINER_IMAGE_CACHE" if disk.holds == "container_images" else None
    )


def _reservation(pool: Pool, project: str) -> container.NodePoolNodeConfigReservationAffinityArgs | None:
    """Machines on demand take those of open reservations first, as everywhere in Compute Engine; what comes otherwise
    must not."""
    reservation = reservation_of(pool)
    if reservation:
        return container.NodePoolNodeConfigReservationAffinityArgs(
            consume_reservation_type="SPECIFIC_RESERVATION", key=_RESERVATION_KEY, values=[reservation.path(project)]
        )
    if pool.spec.capacity == "on_demand":
        return None
    return container.NodePoolNodeConfigReservationAffinityArgs(consume_reservation_type="NO_RESERVATION")


def network_config(pool: Pool, networks: Sequence[GpuNetwork] = ()) -> container.NodePoolNetworkConfigArgs:
    """Nodes without public addresses, and, where their GPUs reach each other, the networks for that: GKE's or ours.

    Args:
        pool: whose nodes.
        networks: in each of which they have a card, in that order.
    """
    profile: Any = gke_settings(pool).accelerator_network_profile
    return container.NodePoolNetworkConfigArgs(
        enable_private_nodes=True,
        accelerator_network_profile=profile,
        additional_node_network_configs=[
            container.NodePoolNetworkConfigAdditionalNodeNetworkConfigArgs(
                network=each.network, subnetwork=each.subnetwork
            )
            for each in networks
        ]
        or None,
    )
