"""A pool as a managed node group."""

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.launch_template import make_launch_template
from modelyard.cluster.eks.nodes import (
    advertised_resources,
    ami_type,
    instance_types,
    node_labels,
    scratch_gib,
    zones_of_pool,
)
from modelyard.cluster.pools import Pool
from modelyard.gpu.accelerators import NVIDIA
from modelyard.gpu.spec import CapacityBlockSpec

_PREFIX_CHARACTERS = 37
"""A node group's name has up to 63, of which the suffix takes 26.
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html"""
_RESOURCE_TAG = "k8s.io/cluster-autoscaler/node-template/resources/"
_ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"
"""By it the cluster autoscaler knows a new node whose GPUs are still to come, and does not start another for them."""
_TAINT_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}
_UPDATED_AT_ONCE_PERCENT = 10


class EksNodeGroup(pulumi.ComponentResource):
    """The nodes of one pool in a managed node group, with their launch template.

    Size, labels and taints change in place, labels and taints on nodes that start from then on. A change of the
    Kubernetes version, of disk, tags or fabric is made in place node by node, each drained first. A change of machine
    types, kind of capacity, zones or image makes a new group, of `min_nodes`, before the old one is drained and
    removed: its name has a random end. Where a pod does not end, an update fails after 15 minutes
    (`PodEvictionFailure`), and a group that is removed takes it along after five. Unhealthy nodes are replaced (node
    repair).
    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html

    Nodes with accelerators are updated by removing an old one before a new one starts, since there may be no further
    machine; others the other way round.

    The group is one for all zones of the pool. A pod whose volume is in one zone may wait in vain for a new node there,
    as the autoscaler does not know in which zone it will start: give such pods a pool with one zone.

    It makes no role and no access entry: nodes have the foundation's.
    """

    node_group: aws.eks.NodeGroup
    """The node group."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        pool: Pool,
        *,
        placement_group: pulumi.Input[str] | None = None,
        fixed_size: int | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the node group.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            pool: whose nodes.
            placement_group: the name of the group that keeps its nodes close together.
            fixed_size: so many nodes, always. Left out: an autoscaler chooses between the pool's limits, and the size
                that it chose is left alone, but for limits that are the same. AWS takes limits only together with a
                size that is within them, and Pulumi knows the present one after a refresh only: change `min_nodes` and
                `max_nodes` with `pulumi up --refresh`, or the group goes back to the size that Pulumi saw last; and
                where the present size is outside of the new limits, change it first, by hand.
                https://github.com/hashicorp/terraform-provider-aws/issues/18310
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:EksNodeGroup", name, {"pool": pool.name}, opts)
        template = make_launch_template(self, name, foundation, pool, placement_group)
        smallest = pool.min_nodes if fixed_size is None else fixed_size
        largest = pool.max_nodes if fixed_size is None else fixed_size
        self.node_group = aws.eks.NodeGroup(
            name,
            cluster_name=foundation.cluster.name,
            node_group_name_prefix=f"{pool.name[: _PREFIX_CHARACTERS - 1]}-",
            node_role_arn=foundation.node_role.arn,
            version=foundation.kubernetes_version,
            ami_type=ami_type(pool),
            capacity_type=_capacity_type(pool),
            # A capacity block's machine type stands in the launch template.
            instance_types=None if isinstance(pool.spec.capacity, CapacityBlockSpec) else instance_types(pool),
            subnet_ids=[foundation.private_subnets[zone] for zone in zones_of_pool(pool, foundation.private_subnets)],
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                desired_size=smallest, min_size=smallest, max_size=largest
            ),
            update_config=_update_config(pool),
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            labels=_labels(pool),
            taints=[
                aws.eks.NodeGroupTaintArgs(key=taint.key, value=taint.value, effect=_TAINT_EFFECTS[taint.effect])
                for taint in pool.taints
            ],
            tags=_template_tags(pool) if fixed_size is None else None,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=foundation.provider,
                depends_on=list(foundation.before_nodes),
                ignore_changes=["scalingConfig.desiredSize"] if smallest < largest else None,
            ),
        )
        self.register_outputs({"nodeGroupName": self.node_group.node_group_name})


def _capacity_type(pool: Pool) -> str:
    if isinstance(pool.spec.capacity, CapacityBlockSpec):
        return "CAPACITY_BLOCK"
    return "SPOT" if pool.spec.capacity == "spot" else "ON_DEMAND"


def _update_config(pool: Pool) -> aws.eks.NodeGroupUpdateConfigArgs:
    # https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html
    at_once = max(1, pool.max_nodes * _UPDATED_AT_ONCE_PERCENT // 100)
    return aws.eks.NodeGroupUpdateConfigArgs(
        max_unavailable=min(at_once, 100), update_strategy="MINIMAL" if pool.accelerator else "DEFAULT"
    )


def _labels(pool: Pool) -> dict[str, str]:
    labels = node_labels(pool)
    # The autoscaler holds a node with this label for unfinished until it has whole GPUs, which one that offers nothing
    # but slices of them never gets.
    if pool.accelerator and pool.gpu and pool.gpu.resources.get(NVIDIA):
        labels[_ACCELERATOR_LABEL] = pool.accelerator.name
    return labels


def _template_tags(pool: Pool) -> dict[str, str]:
    """What the cluster autoscaler cannot know of a pool without nodes. Labels and taints it reads from EKS itself.

    It reads the tags of the node group (`eks:DescribeNodegroup`), so that none of the Auto Scaling group are needed.
    https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.35.2/cluster-autoscaler/cloudprovider/aws/aws_manager.go
    """
    resources = {"ephemeral-storage": f"{scratch_gib(pool)}Gi", **advertised_resources(pool)}
    return {f"{_RESOURCE_TAG}{resource}": amount for resource, amount in resources.items()}
