"""How many pods may be away at once while nodes are drained."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s


def make_disruption_budget(
    logical_name: str, metadata: k8s.meta.v1.ObjectMetaArgs, selector: Mapping[str, str], opts: pulumi.ResourceOptions
) -> k8s.policy.v1.PodDisruptionBudget:
    """Let one pod go at a time: not "keep one", which with a single replica would stop every drain of its node.

    A pod that is not ready is no reason to keep its node.
    https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy

    Args:
        logical_name: the resource's name.
        metadata: the object's.
        selector: the labels of the pods.
        opts: Pulumi's options.
    """
    return k8s.policy.v1.PodDisruptionBudget(
        logical_name,
        metadata=metadata,
        spec=k8s.policy.v1.PodDisruptionBudgetSpecArgs(
            max_unavailable=1,
            selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(selector)),
            unhealthy_pod_eviction_policy="AlwaysAllow",
        ),
        opts=opts,
    )
