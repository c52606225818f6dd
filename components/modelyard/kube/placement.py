"""Where pods of one workload go relative to each other."""

from collections.abc import Mapping

import pulumi_kubernetes as k8s

HOST = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


def spread(
    selector: Mapping[str, str], revision_key: str = "pod-template-hash"
) -> list[k8s.core.v1.TopologySpreadConstraintArgs]:
    """Spread a Deployment's pods over zones and nodes as far as there is room, each revision for itself.

    Args:
        selector: the labels of the pods.
        revision_key: the label by which those of one revision are told from others.
    """
    return [
        k8s.core.v1.TopologySpreadConstraintArgs(
            max_skew=1,
            topology_key=key,
            when_unsatisfiable="ScheduleAnyway",
            label_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(selector)),
            match_label_keys=[revision_key],
        )
        for key in (ZONE, HOST)
    ]


def prefer_other_nodes(selector: Mapping[str, str]) -> k8s.core.v1.AffinityArgs:
    """Prefer nodes without another such pod: the spread in the older form that policy checkers ask for by name."""
    return k8s.core.v1.AffinityArgs(
        pod_anti_affinity=k8s.core.v1.PodAntiAffinityArgs(
            preferred_during_scheduling_ignored_during_execution=[
                k8s.core.v1.WeightedPodAffinityTermArgs(weight=100, pod_affinity_term=_other_nodes(selector))
            ]
        )
    )


def prefer_one_zone(selector: Mapping[str, str], group_key: str | None = None) -> k8s.core.v1.AffinityArgs:
    """Prefer the zone of the other such pods; with a label's key, of those that have the same value there.
    https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#matchlabelkeys"""
    return k8s.core.v1.AffinityArgs(
        pod_affinity=k8s.core.v1.PodAffinityArgs(
            preferred_during_scheduling_ignored_during_execution=[
                k8s.core.v1.WeightedPodAffinityTermArgs(
                    weight=100,
                    pod_affinity_term=k8s.core.v1.PodAffinityTermArgs(
                        topology_key=ZONE,
                        label_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(selector)),
                        match_label_keys=[group_key] if group_key else None,
                    ),
                )
            ]
        )
    )


def nodes_of_their_own(selector: Mapping[str, str]) -> k8s.core.v1.AffinityArgs:
    """Never put two such pods on one node, and prefer one zone for all: between zones data takes longer, and clouds
    bill it."""
    affinity = prefer_one_zone(selector)
    affinity.pod_anti_affinity = k8s.core.v1.PodAntiAffinityArgs(
        required_during_scheduling_ignored_during_execution=[_other_nodes(selector)]
    )
    return affinity


def _other_nodes(selector: Mapping[str, str]) -> k8s.core.v1.PodAffinityTermArgs:
    return k8s.core.v1.PodAffinityTermArgs(
        topology_key=HOST, label_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(selector))
    )
