"""A pool as an agent pool, which is what AKS calls its own groups of nodes."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import containerservice as aks

from modelyard.cluster.aks.foundation import Foundation
from modelyard.cluster.aks.nodes import (
    MAX_PODS,
    agent_pool_labels,
    agent_pool_name,
    agent_pool_taints,
    availability_zones,
    is_spot,
    mode,
    needs_placement_group,
    os_sku,
    reservation,
    unknown_to_autoscaler,
    vm_sizes,
)
from modelyard.cluster.pools import Pool

_RESOURCE_TAG = "k8s.io_cluster-autoscaler_node-template_resources_"
_DRIVERS = {"install": aks.GPUDriver.INSTALL, "none": aks.GPUDriver.NONE}
_SURGE = "33%"
"""What Azure recommends for production: https://learn.microsoft.com/azure/aks/upgrade-aks-node-pools-rolling"""
_UNAVAILABLE = "10%"
_ON_DEMAND_PRICE = -1


class AksAgentPool(pulumi.ComponentResource):
    """The nodes of one pool in an agent pool of AKS.

    Size, labels, taints and tags change in place, labels and taints on nodes that are there too. A new Kubernetes
    version comes after the control plane's, node by node, each drained first; where a pod does not end within half an
    hour the update fails, and the next one goes on from there.

    A change of machine type, system, disk, zones, kind of capacity, driver or MIG profile makes another agent pool, of
    `min_nodes`, before the old one is drained and removed: AKS refuses such a change in place. Azure's provider for
    Pulumi replaces an agent pool only if its name, its machine type or its MIG profile changes, and would remove the
    old one first, so the name follows from all of these, and the order is set here.
    https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/gen/replacement.go

    Where the cluster goes, its agent pools go with it, all at once, rather than one after the other before it.

    Nodes with accelerators or of a reservation are updated by draining an old one before it is renewed, since there may
    be no further machine. For others new ones come first. Spot machines have no such setting.

    The system's disk is on the machine itself where there is room for it (ephemeral), which AKS decides by the size:
    faster, and free. Left out, the size is that of the machine's own temporary disk, or 128 GiB to 1 TiB by vCPUs.
    NVMe disks that a machine has beside it are not touched.
    https://learn.microsoft.com/azure/aks/concepts-storage#ephemeral-os-disks

    Secure boot and a virtual TPM are off: the driver that AKS installs on Ubuntu does not load with it, nor do all
    machine types have them. Encryption at the host is off, as a subscription has to be registered for it; disks are
    encrypted in any case. https://learn.microsoft.com/azure/aks/use-trusted-launch#limitations

    It makes no identity and no subnet: nodes have the foundation's.
    """

    agent_pool: aks.AgentPool
    """The agent pool."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        pool: Pool,
        *,
        placement_group_id: pulumi.Input[str] | None = None,
        fixed_size: int | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the agent pool.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            pool: whose nodes.
            placement_group_id: the group that keeps its nodes close together.
            fixed_size: so many nodes, always. Left out: AKS' autoscaler chooses between the pool's limits, and the size
                that it chose is left alone. But Azure takes limits only together with a size, and Pulumi knows the
                present one after a refresh only: change a pool with `pulumi up --refresh`, or it goes back to the size
                that Pulumi saw last. https://github.com/pulumi/pulumi-azure-native/issues/2943
                A `min_nodes` above that size is taken: https://github.com/Azure/azure-cli-extensions/pull/1606
            after: what is made before it, beside what all nodes need.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:AksAgentPool", name, {"pool": pool.name}, opts)
        is_scaled = fixed_size is None
        settings = pool.gpu.aks if pool.gpu else None
        self.agent_pool = aks.AgentPool(
            name,
            resource_group_name=foundation.resource_group,
            resource_name_=foundation.cluster.name,
            agent_pool_name=agent_pool_name(pool, foundation.zones),
            mode=mode(pool),
            type=aks.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
            orchestrator_version=foundation.kubernetes_version,
            vm_size=vm_sizes(pool)[0],
            os_type=aks.OSType.LINUX,
            os_sku=os_sku(pool),
            os_disk_size_gb=pool.spec.disk_gib,
            count=pool.min_nodes if is_scaled else fixed_size,
            enable_auto_scaling=is_scaled,
            min_count=pool.min_nodes if is_scaled else None,
            max_count=pool.max_nodes if is_scaled else None,
            max_pods=MAX_PODS,
            vnet_subnet_id=foundation.node_subnet_id,
            enable_node_public_ip=False,
            availability_zones=availability_zones(pool, foundation.zones) or None,
            proximity_placement_group_id=placement_group_id,
            capacity_reservation_group_id=reservation(pool),
            scale_set_priority=aks.ScaleSetPriority.SPOT if is_spot(pool) else aks.ScaleSetPriority.REGULAR,
            # Never more than on demand, and no machine that is stopped but kept, which would count against the quota.
            spot_max_price=_ON_DEMAND_PRICE if is_spot(pool) else None,
            scale_set_eviction_policy=aks.ScaleSetEvictionPolicy.DELETE if is_spot(pool) else None,
            gpu_profile=aks.GPUProfileArgs(driver=_DRIVERS[settings.driver]) if settings else None,
            gpu_instance_profile=settings.gpu_instance_profile if settings else None,
            node_labels=agent_pool_labels(pool),
            node_taints=agent_pool_taints(pool) or None,
            upgrade_settings=_upgrade_settings(pool),
            tags={**foundation.tags, **(_template_tags(pool) if is_scaled else {})},
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=foundation.provider,
                depends_on=[*foundation.before_nodes, *after],
                ignore_changes=["count"] if is_scaled else None,
                delete_before_replace=False,
                deleted_with=foundation.cluster if _ends_with_cluster(pool) else None,
            ),
        )
        self.register_outputs({"agentPoolName": self.agent_pool.name})


def _ends_with_cluster(pool: Pool) -> bool:
    """Not where something else outlives its machines and goes before the cluster: a placement group, a right."""
    return not needs_placement_group(pool) and not reservation(pool)


def _upgrade_settings(pool: Pool) -> aks.AgentPoolUpgradeSettingsArgs | None:
    # AKS refuses both for spot pools, and unavailable nodes in system pools, which never have accelerators.
    # https://github.com/hashicorp/terraform-provider-azurerm/pull/31129
    if is_spot(pool):
        return None
    if pool.accelerator or reservation(pool):
        return aks.AgentPoolUpgradeSettingsArgs(max_surge="0", max_unavailable=_UNAVAILABLE)
    return aks.AgentPoolUpgradeSettingsArgs(max_surge=_SURGE)


def _template_tags(pool: Pool) -> dict[str, str]:
    """What the autoscaler cannot know of a pool without nodes. Labels and taints AKS tells it itself.

    It reads the tags of the scale set, which are the agent pool's; a slash is an underscore there. That AKS' own reads
    them too is not documented: without them such a pool would start from zero only where pods ask for `nvidia.com/gpu`.
    https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/cloudprovider/azure/README.md
    """
    return {
        f"{_RESOURCE_TAG}{resource.replace('/', '_')}": amount
        for resource, amount in unknown_to_autoscaler(pool).items()
    }
