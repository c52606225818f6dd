"""A pool as a node pool."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import container

from modelyard.cluster.gke.foundation import Foundation
from modelyard.cluster.gke.gpu_networks import GpuNetwork
from modelyard.cluster.gke.node_config import network_config, node_config
from modelyard.cluster.gke.nodes import gke_settings
from modelyard.cluster.gke.placement import Size, placement, size_of
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.pools import Pool
from modelyard.gpu.spec import ReservationSpec

_PREFIX_CHARACTERS = 31
"""A node pool's name has up to 40, of which the random end takes 9 after a prefix of this length."""
_TIMEOUTS = pulumi.CustomTimeouts(create="2h", update="24h", delete="2h")
"""In an update nodes are made anew one after the other, and each, as in a deletion, may be drained for an hour."""
_UPDATED_AT_ONCE_PERCENT = 10
_MOST_UPDATED_AT_ONCE = 20
"""https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies#surge"""


class GkeNodePool(pulumi.ComponentResource):
    """The nodes of one pool in a node pool, which GKE's cluster autoscaler sizes.

    The autoscaler is part of the control plane: it starts pools from zero nodes by the node pool's own labels, taints
    and accelerators, without anything on the cluster.

    Size, zones and upgrade settings change in place, and so do labels and taints, on nodes that run too. For another
    machine type, disk or image GKE makes the nodes anew one after the other, each drained first, for up to an hour
    where pods do not go. A change of accelerators, their sharing or driver, of the kind of capacity, placement, local
    or further disks makes a new node pool before the old one is drained and removed: its name has a random end.

    Nodes have the Kubernetes version of the control plane, and another `kubernetes_version` of the cluster upgrades
    them in place after it. Patches GKE brings in the cluster's maintenance window, to the control plane first. A
    refresh between the two finds nodes behind it, and the next update brings them up at once, not in the window. Where
    GKE raises minor versions too (`upgrade: {minor: by_google}`), the version is left to it altogether.

    Nodes with accelerators or of a reservation are upgraded by removing an old one before a new one starts, since there
    may be no further machine; others the other way round. Of nodes that come and go by flex-start, none is upgraded: a
    new one has the new version.
    https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies
    """

    node_pool: container.NodePool
    """The node pool."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        pool: Pool,
        spec: GkeSpec,
        networks: Sequence[GpuNetwork] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the node pool.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            pool: whose nodes. With how many it begins is said once: a change of `min_nodes` moves the autoscaler's
                limit, which does not itself start nodes.
            spec: of the cluster.
            networks: those between GPUs, of which its nodes are in as many as they have cards for.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:GkeNodePool", name, {"pool": pool.name}, opts)
        size = size_of(pool, foundation.zones)
        joined = networks[: pool.gpu.fabric_networks if pool.gpu else 0]
        self.node_pool = container.NodePool(
            name,
            cluster=foundation.cluster.name,
            project=foundation.project,
            location=foundation.location,
            name_prefix=f"{pool.name[: _PREFIX_CHARACTERS - 1]}-",
            version=_version(foundation, spec),
            node_locations=list(size.zones),
            initial_node_count=size.first,
            autoscaling=_autoscaling(pool, size),
            management=container.NodePoolManagementArgs(auto_repair=not _comes_and_goes(pool), auto_upgrade=True),
            upgrade_settings=_upgrade_settings(pool),
            placement_policy=_placement_policy(pool),
            queued_provisioning=(
                container.NodePoolQueuedProvisioningArgs(enabled=True) if pool.spec.capacity == "queued" else None
            ),
            network_config=network_config(pool, joined),
            node_config=node_config(foundation, pool, spec),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=foundation.provider,
                depends_on=[*foundation.before_nodes, *(resource for each in joined for resource in each.ready)],
                ignore_changes=_not_ours(pool),
                custom_timeouts=_TIMEOUTS,
            ),
        )
        self.register_outputs({"nodePoolName": self.node_pool.name})


def _autoscaling(pool: Pool, size: Size) -> container.NodePoolAutoscalingArgs:
    """Limits of all zones together; of a slice of TPUs, which is in one zone, those of the zone, as GKE asks for them.

    https://cloud.google.com/kubernetes-engine/docs/how-to/tpus and, as for slices by flex-start no others will do,
    https://github.com/GoogleCloudPlatform/cluster-toolkit/pull/5111
    """
    if gke_settings(pool).tpu_topology:
        return container.NodePoolAutoscalingArgs(
            min_node_count=size.least, max_node_count=size.most, location_policy=size.where
        )
    return container.NodePoolAutoscalingArgs(
        total_min_node_count=size.least, total_max_node_count=size.most, location_policy=size.where
    )


def _not_ours(pool: Pool) -> list[str]:
    """What would replace a node pool that nothing is wrong with.

    How many nodes it began with is no longer of account once `min_nodes` changes. Disks that come with a machine, GKE
    tells of also where nobody asked for them, as for machines of which it is not known whether they have some.
    https://github.com/GoogleCloudPlatform/cluster-toolkit/blob/main/modules/compute/gke-node-pool/main.tf
    """
    unknown = pool.machine is None or pool.machine.local_nvme_gib is None
    disks = ["nodeConfig.ephemeralStorageLocalSsdConfig", "nodeConfig.localNvmeSsdBlockConfig"]
    return ["initialNodeCount", *(disks if unknown else ())]


def _version(foundation: Foundation, spec: GkeSpec) -> pulumi.Output[str] | None:
    """The control plane's version, in full: a part of it would differ from what the API says ever after.

    A preview still has the old one where the control plane is about to be upgraded, and shows the new minor version.
    Left to itself, GKE upgrades no nodes to a minor version that it is kept from upgrading to.
    https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions
    """
    if spec.upgrade.minor == "by_google":
        return None
    wanted = spec.kubernetes_version
    return foundation.cluster.master_version.apply(
        lambda current: current if _minor(current) >= _minor(wanted) else wanted
    )


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _comes_and_goes(pool: Pool) -> bool:
    """Whether its machines come when there are some and stay for days at most: GKE neither repairs them, which is a
    condition of flex-start, nor upgrades them in place.

    https://cloud.google.com/kubernetes-engine/docs/how-to/provisioningrequest
    """
    return pool.spec.capacity in {"flex_start", "queued"}


def _upgrade_settings(pool: Pool) -> container.NodePoolUpgradeSettingsArgs | None:
    if _comes_and_goes(pool):
        return None  # GKE knows one way for them only, which the provider does not
    if pool.accelerator or isinstance(pool.spec.capacity, ReservationSpec):
        return container.NodePoolUpgradeSettingsArgs(strategy="SURGE", max_surge=0, max_unavailable=1)
    at_once = min(max(1, pool.max_nodes * _UPDATED_AT_ONCE_PERCENT // 100), _MOST_UPDATED_AT_ONCE)
    return container.NodePoolUpgradeSettingsArgs(strategy="SURGE", max_surge=at_once, max_unavailable=0)


def _placement_policy(pool: Pool) -> container.NodePoolPlacementPolicyArgs | None:
    place = placement(pool)
    if place is None:
        return None
    return container.NodePoolPlacementPolicyArgs(type="COMPACT", tpu_topology=place.tpu_topology)
