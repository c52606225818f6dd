"""Where in Azure the machines of pools stand: in proximity placement groups, and in reservations."""

import hashlib
from collections.abc import Iterable

import pulumi
from pulumi_azure_native import compute

from modelyard.cluster.aks.foundation import Foundation
from modelyard.cluster.aks.identity import allow
from modelyard.cluster.aks.nodes import agent_pool_name, needs_placement_group, reservation
from modelyard.cluster.pools import Pool

_HASH_CHARACTERS = 8


def make_placement_group(parent: pulumi.Resource, foundation: Foundation, pool: Pool) -> pulumi.Output[str] | None:
    """Make the group whose machines Azure puts into one data center, for a pool that needs one.

    The first machine decides which. An agent pool of another machine type thus gets a group of its own, named after it:
    that data center may not have such machines.
    https://learn.microsoft.com/azure/virtual-machines/co-location#proximity-placement-groups

    Returns:
        The group's id; None for a pool that needs none.
    """
    if not needs_placement_group(pool):
        return None
    group = compute.ProximityPlacementGroup(
        f"{foundation.name}-{pool.name}",
        proximity_placement_group_name=f"{foundation.cluster_name}-{agent_pool_name(pool, foundation.zones)}",
        resource_group_name=foundation.resource_group,
        location=foundation.region,
        proximity_placement_group_type=compute.ProximityPlacementGroupType.STANDARD,
        tags=dict(foundation.tags),
        opts=pulumi.ResourceOptions(parent=parent, provider=foundation.provider, delete_before_replace=False),
    )
    return group.id


def allow_reservations(
    parent: pulumi.Resource, foundation: Foundation, pools: Iterable[Pool]
) -> dict[str, pulumi.Resource]:
    """Let the control plane make machines in the capacity reservation groups of pools.

    Its identity becomes Contributor of these groups and of nothing else; no role with fewer rights is known to do.
    Azure may take up to an hour to heed that: a pool that it has refused until then is made by the next update.
    https://learn.microsoft.com/azure/aks/use-capacity-reservation-groups

    Returns:
        The rights by the id of the group, which several pools may use.
    """
    account = foundation.account(parent)
    groups = sorted({group for pool in pools if (group := reservation(pool))})
    return {
        group: allow(account, f"reservation-{_digest(group)}", foundation.identity, "Contributor", group)
        for group in groups
    }


def _digest(group: str) -> str:
    return hashlib.sha256(group.encode()).hexdigest()[:_HASH_CHARACTERS]
