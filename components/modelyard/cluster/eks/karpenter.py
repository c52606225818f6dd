"""Karpenter: its controller, and pools that it makes nodes for."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.cluster.chart_host import ChartHost
from modelyard.cluster.eks.foundation import Foundation
from modelyard.cluster.eks.identity import bind, make_pod_role
from modelyard.cluster.eks.interruptions import make_interruption_queue
from modelyard.cluster.eks.karpenter_policy import karpenter_statements
from modelyard.cluster.eks.node_pool import (
    EC2_NODE_CLASS,
    NODE_OVERLAY,
    Place,
    ec2_node_class,
    node_overlay,
    node_pool,
    unknown_to_karpenter,
)
from modelyard.cluster.eks.nodes import zones_of_pool
from modelyard.cluster.karpenter import NODE_POOL, make_object
from modelyard.cluster.pools import Pool
from modelyard.operators.definition import OperatorDefinition
from modelyard.operators.namespaces import KARPENTER
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.versions import KARPENTER as CHART
from modelyard.versions import KARPENTER_CRDS

DEFINITION = OperatorDefinition(
    name=KARPENTER,
    chart=CHART,
    crds_chart=KARPENTER_CRDS,
    kinds=(NODE_POOL, EC2_NODE_CLASS, NODE_OVERLAY),
    further_namespaces={},
)
_SERVICE_ACCOUNT = "karpenter"
_MOST_REPLICAS = 2


class EksKarpenter(pulumi.ComponentResource):
    """Karpenter's controller on a cluster, with its role, its nodes' instance profile and its interruption queue.

    It runs on nodes that it did not make, of the pools that have nodes from the start: twice where there are two.
    Its namespace enforces pod security `restricted`. Its role is cut to machines that carry the cluster's name.

    NodePools depend on `ready`. A destroy then removes them, and their nodes with them, while the controller still
    runs; without it machines would go on running, and being paid.

    Nodes that it makes are not repaired: Karpenter's own repair is an alpha feature and is left off.
    """

    instance_profile: aws.iam.InstanceProfile
    """What machines get the role of nodes by."""
    ready: Sequence[pulumi.Resource]
    """What must exist before a NodePool and outlive it."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        *,
        replicas: int,
        overlays: bool,
        system_ready: Sequence[pulumi.Resource],
        charts: ChartsSpec | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install Karpenter.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            replicas: how many controllers; each has a node of its own.
            overlays: whether NodeOverlays are used, which are an alpha feature.
            system_ready: the nodes that it runs on.
            charts: where charts come from.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:EksKarpenter", name, {}, opts)
        account = foundation.account(self)
        self.instance_profile = aws.iam.InstanceProfile(
            f"{foundation.name}-nodes", role=foundation.node_role.name, opts=account.options()
        )
        queue, queue_ready = make_interruption_queue(account, "karpenter", foundation.before_nodes)
        identity = {"namespace": DEFINITION.name, "service_account": _SERVICE_ACCOUNT}
        role = make_pod_role(
            account,
            "karpenter",
            statements=karpenter_statements(
                partition=account.partition,
                region=foundation.region,
                cluster_name=foundation.cluster_name,
                cluster_arn=foundation.cluster.arn,
                node_role_arn=foundation.node_role.arn,
                queue_arn=queue.arn,
            ),
            **identity,
        )
        # As deep in the graph as the add-ons of other operators: see the autoscaler.
        bound = bind(account, "karpenter", role, cluster=foundation.cluster, before=system_ready, **identity)
        before = [*system_ready, bound, *queue_ready]
        operator = Operator(
            name,
            ChartHost(
                kubernetes_provider=foundation.kubernetes_provider, ready=before, control_plane=foundation.cluster
            ),
            DEFINITION,
            values=karpenter_values(
                cluster_name=foundation.cluster_name,
                region=foundation.region,
                queue_name=queue.name,
                replicas=min(replicas, _MOST_REPLICAS),
                overlays=overlays,
            ),
            charts=charts,
            opts=pulumi.ResourceOptions(parent=self),
        )
        # A node that joins needs what the nodes of managed groups need too, and so does one that is removed.
        self.ready = [*operator.kinds_ready, self.instance_profile, *foundation.before_nodes, *system_ready]
        self.register_outputs({})


class EksKarpenterPool(pulumi.ComponentResource):
    """A pool whose nodes Karpenter makes: its NodePool, its EC2NodeClass, and what Karpenter does not know of them.

    Shares and slices of GPUs, and huge pages, are no part of what EC2 says of a machine. A NodeOverlay (alpha in
    Karpenter 1.14) tells Karpenter of them, so that such a pool starts from zero nodes too.
    """

    ready: Sequence[pulumi.Resource]
    """What must exist before pods of the pool and outlive them."""

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        karpenter: EksKarpenter,
        pool: Pool,
        *,
        placement_group: pulumi.Input[str] | None,
        most: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the pool.

        Args:
            name: the Pulumi name.
            foundation: what it is made on.
            karpenter: what makes its nodes.
            pool: whose nodes.
            placement_group: the name of the group that keeps its nodes close together.
            most: how many nodes there may be.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:EksKarpenterPool", name, {"pool": pool.name}, opts)
        where = place(foundation, pool, karpenter.instance_profile.name, placement_group)
        provider = foundation.kubernetes_provider
        before = list(karpenter.ready)
        node_class = make_object(self, name, EC2_NODE_CLASS, pool.name, ec2_node_class(pool, where), provider, before)
        before.append(node_class)
        unknown = unknown_to_karpenter(pool)
        if unknown:
            overlay = node_overlay(pool.name, unknown)
            before.append(make_object(self, name, NODE_OVERLAY, pool.name, overlay, provider, before))
        spec = node_pool(pool, EC2_NODE_CLASS, where, most=most)
        self.ready = [make_object(self, name, NODE_POOL, pool.name, spec, provider, before)]
        self.register_outputs({})


def place(
    foundation: Foundation, pool: Pool, identity: pulumi.Input[str], placement_group: pulumi.Input[str] | None
) -> Place:
    """Where a pool's nodes are made."""
    zones = zones_of_pool(pool, foundation.private_subnets)
    return Place(
        zones=zones,
        subnet_ids=[foundation.private_subnets[zone] for zone in zones],
        security_group_id=foundation.node_security_group_id,
        identity=identity,
        disk_key_arn=foundation.disk_key_arn,
        placement_group=placement_group,
        tags=dict(foundation.tags),
    )


def karpenter_values(
    *, cluster_name: str, region: str, queue_name: pulumi.Input[str], replicas: int, overlays: bool
) -> dict[str, Any]:
    """Values of Karpenter's chart."""
    return {
        "fullnameOverride": "karpenter",
        "replicas": replicas,
        # By the node's own resolver: on destroy CoreDNS goes at the same time as it, while nodes still have to go.
        "dnsPolicy": "Default",
        "serviceAccount": {"name": _SERVICE_ACCOUNT},
        "settings": {
            "clusterName": cluster_name,
            "eksControlPlane": True,
            "interruptionQueue": queue_name,
            "featureGates": {"nodeOverlay": overlays},
        },
        "controller": {
            # It would otherwise ask the machine's metadata, which pods do not reach.
            "env": [{"name": "AWS_REGION", "value": region}],
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        },
    }
