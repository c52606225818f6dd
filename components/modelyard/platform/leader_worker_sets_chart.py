"""LeaderWorkerSet, which runs groups of pods that live and die together: its kind, its chart and the values of it.

No Pulumi package. Sources: https://github.com/kubernetes-sigs/lws/tree/v0.10.0/charts/lws and, of its image's user, the
`Dockerfile` beside it.
"""

from typing import Any

from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.namespaces import LEADER_WORKER_SET as NAMESPACE
from modelyard.versions import LEADER_WORKER_SET as CHART

LEADER_WORKER_SET = Kind(
    group="leaderworkerset.x-k8s.io", version="v1", kind="LeaderWorkerSet", plural="leaderworkersets"
)
"""Groups of pods, each with a leader."""
WORKER_INDEX = "leaderworkerset.sigs.k8s.io/worker-index"
"""The label by which the controller numbers the pods of a group; the leader has `0`."""
GROUP_KEY = "leaderworkerset.sigs.k8s.io/group-key"
"""The label by which it tells the pods of one group from those of others.
https://lws.sigs.k8s.io/docs/reference/labels-annotations-and-environment-variables/"""

DEFINITION = OperatorDefinition(
    name=NAMESPACE,
    chart=CHART,
    kinds=(LEADER_WORKER_SET,),
    further_namespaces={},
)
"""The controller. Its chart has the kinds in `crds/`: Helm neither upgrades nor removes them."""

PODS = {"control-plane": "controller-manager"}
"""Labels by which the chart finds the controller's pods."""
_HOST = "kubernetes.io/hostname"


def chart_values() -> dict[str, Any]:
    """Values of the chart.

    It has two replicas on two nodes, of which one works: while none answers, no pod of a group can be made, as the
    controller's webhook writes each pod's place in its group into it. Other pods never come to it. The chart asks for a
    whole vCPU and 1 GiB, for a program that watches a few objects; a twentieth of the vCPU and a quarter of the memory
    are our estimate of what it needs, and it may use the whole GiB. With a seccomp profile, which the chart leaves out,
    its pods pass pod security `restricted`. Its webhook is at 9443, which the chart lets nobody change.
    """
    near = {
        "topologyKey": _HOST,
        "labelSelector": {"matchLabels": PODS},
    }
    preferred = [{"weight": 100, "podAffinityTerm": near}]
    return {
        "replicaCount": 2,
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    }
