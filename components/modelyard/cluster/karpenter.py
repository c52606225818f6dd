"""What pools have in common wherever Karpenter makes their nodes: on EKS, on EKS Auto Mode and on AKS.

Sources: https://karpenter.sh/docs/concepts/nodepools/ and https://karpenter.sh/docs/concepts/disruption/
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.pools import Pool
from modelyard.gpu.machine_types import machine_types
from modelyard.kube.labels import labels
from modelyard.operators.definition import Kind

NODE_POOL = Kind(group="karpenter.sh", version="v1", kind="NodePool", plural="nodepools", namespaced=False)

_IDLE_ACCELERATORS = "10m"
"""A machine with accelerators takes minutes to start and to load images, so a short pause between jobs keeps it. As
long as the cluster autoscaler waits."""
_IDLE = "1m"
_ONLY_EMPTY_ONES = [{"nodes": "0", "reasons": ["Drifted", "Underutilized"]}, {"nodes": "100%", "reasons": ["Empty"]}]
_DELETE_TIMEOUT = "30m"
"""Nodes are drained one after the other, and a machine with accelerators takes minutes to go."""


def growing(pool: Pool, template: Mapping[str, Any], *, most: int) -> dict[str, Any]:
    """The `spec` of a NodePool that grows and shrinks with what pods ask for.

    Nodes with accelerators go only once they are empty, also when a newer image or another spec is to replace them:
    nothing that trains for weeks is moved for it. Others are also merged into fewer.

    Args:
        pool: whose nodes.
        template: what its nodes are like.
        most: how many nodes there may be.
    """
    busy = {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": _IDLE_ACCELERATORS,
        "budgets": _ONLY_EMPTY_ONES,
    }
    plain = {
        "consolidationPolicy": "WhenEmptyOrUnderutilized",
        "consolidateAfter": _IDLE,
        "budgets": [{"nodes": "10%"}],
    }
    return {
        "template": template,
        "disruption": busy if pool.accelerator else plain,
        "limits": {"nodes": str(most), "cpu": str(most * _most_cpus(pool))},
    }


def node_template(
    pool: Pool,
    node_class: Kind,
    *,
    node_labels: Mapping[str, str],
    machine_label: str,
    machines: Sequence[str],
    capacity_type: Literal["on-demand", "spot", "reserved"],
    zones: Sequence[str],
    expire_after: str,
    **further: str,
) -> dict[str, Any]:
    """The `template` of a NodePool: what its nodes are like.

    Args:
        pool: whose nodes.
        node_class: the kind of the pool's node class, which has the pool's name.
        node_labels: their labels.
        machine_label: the label that the cloud says a node's machine type with.
        machines: the machine types, of which Karpenter chooses.
        capacity_type: how they are bought.
        zones: where they may be. None: in a region without zones.
        expire_after: how old nodes become.
        further: further fields of nodes.
    """
    requirements = {
        machine_label: machines,
        "kubernetes.io/arch": [pool.architecture],
        "kubernetes.io/os": ["linux"],
        "karpenter.sh/capacity-type": [capacity_type],
    }
    if zones:
        requirements["topology.kubernetes.io/zone"] = zones
    taints = [
        {"key": taint.key, "effect": taint.effect, **({"value": taint.value} if taint.value else {})}
        for taint in pool.taints
    ]
    return {
        "metadata": {"labels": dict(node_labels)},
        "spec": {
            "nodeClassRef": {"group": node_class.group, "kind": node_class.kind, "name": pool.name},
            "requirements": [
                {"key": key, "operator": "In", "values": list(values)} for key, values in requirements.items()
            ],
            **({"taints": taints} if taints else {}),
            "expireAfter": expire_after,
            **further,
        },
    }


def _most_cpus(pool: Pool) -> int:
    others = (machine_types()[name].vcpus for name in pool.spec.machine_types if name in machine_types())
    return int(max([pool.cpus, *others]))


def make_object(
    parent: pulumi.Resource,
    logical_name: str,
    kind: Kind,
    name: str,
    spec: Mapping[str, Any],
    provider: k8s.Provider,
    before: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    """A custom object that makes or describes nodes, under a name that others address."""
    return k8s.apiextensions.CustomResource(
        logical_name,
        api_version=kind.api_version,
        kind=kind.kind,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=name, labels=labels(name, instance=logical_name, component="node-pool")
        ),
        spec=spec,
        opts=pulumi.ResourceOptions(
            parent=parent,
            provider=provider,
            depends_on=list(before),
            custom_timeouts=pulumi.CustomTimeouts(delete=_DELETE_TIMEOUT),
        ),
    )
