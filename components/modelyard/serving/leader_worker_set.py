"""The pods of one version of a service whose replicas are groups: one server over several nodes.

https://lws.sigs.k8s.io/docs/concepts/
"""

from collections.abc import Iterable
from dataclasses import replace

import pulumi

from modelyard.kube.names import shortened
from modelyard.kube.placement import prefer_one_zone
from modelyard.kube.pods import Pod, pod_template
from modelyard.platform.leader_worker_sets import LeaderWorkerSets
from modelyard.platform.leader_worker_sets_chart import GROUP_KEY, LEADER_WORKER_SET
from modelyard.serving.containers import PRE_STOP_SECONDS
from modelyard.serving.custom_object import CustomObject
from modelyard.serving.deployment import FORCED, workload_options
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.serving.workload import Workload

_NAME_CHARACTERS = 40
"""The longest start of its generated name. Kubernetes writes a revision, 11 characters, after the name of each group's
StatefulSet into a label of 63; before it are the number of the group, up to 99, with a dash, and Pulumi's suffix of 9.
https://github.com/kubernetes/kubernetes/issues/64023"""
_AVAILABLE = {"pulumi.com/waitFor": "condition=Available"}
"""Has an update wait until all groups are ready."""


def leader_pod(scope: ServiceScope, variant: Variant, pod: Pod) -> Pod:
    """The pod of a group's leader.

    Args:
        scope: the service.
        variant: which version.
        pod: what it would be alone.
    """
    pool = scope.workspace.cluster.pools[variant.spec.pool]
    # Without a device of the fabric, NCCL must not try one that it sees on the node.
    network = {} if variant.spec.is_on_fabric(pool) else {"NCCL_IB_DISABLE": "1"}
    return replace(
        pod,
        container=replace(pod.container, env={**network, **pod.container.env}),
        # Pods that have whole nodes are spread over nodes by that.
        spread=(),
        affinity=prefer_one_zone(scope.selector_of(variant), GROUP_KEY),
    )


def make_leader_worker_set(
    scope: ServiceScope,
    variant: Variant,
    server: Server,
    leader: Pod,
    sets: LeaderWorkerSets,
    *,
    after: Iterable[pulumi.Resource] = (),
) -> Workload:
    """The LeaderWorkerSet of one version: each replica a group of pods on as many nodes, the first of which serves.

    A pod that fails, or whose node is lost, ends its whole group, which starts anew: the programs of a group find each
    other once, at their start. An update starts `surge` groups beside the present ones, or without surge ends one
    first.

    Args:
        scope: the service.
        variant: which version.
        server: its server.
        leader: the pod of a group's leader.
        sets: the cluster's controller.
        after: what has to be there before.
    """
    spec = variant.spec
    waits = sets.are_acted_on and scope.workspace.cluster.pools[spec.pool].runs_containers
    annotations = {**({} if spec.autoscaling else FORCED), **(_AVAILABLE if waits else {})}
    rolling = {"maxSurge": spec.surge, "maxUnavailable": 0 if spec.surge else 1, "partition": 0}
    labels = scope.labels_of(variant)
    made = CustomObject(
        shortened(scope.logical_of(variant), _NAME_CHARACTERS),
        LEADER_WORKER_SET,
        metadata=scope.metadata(labels=labels, annotations=annotations),
        spec={
            # An autoscaler owns the number.
            **({} if spec.autoscaling else {"replicas": spec.min_replicas}),
            # The leader is ready only once the others have joined it.
            "startupPolicy": "LeaderCreated",
            "rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": rolling},
            "networkConfig": {"subdomainPolicy": "Shared"},
            "leaderWorkerTemplate": {
                "size": spec.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": pod_template(leader, labels),
                "workerTemplate": pod_template(_worker_pod(leader, server, spec.drain_seconds), labels),
            },
        },
        opts=workload_options(scope, spec, [*sets.ready, *after]),
    )
    return Workload(
        resource=made,
        name=made.object_name,
        kind=LEADER_WORKER_SET.kind,
        api_version=LEADER_WORKER_SET.api_version,
    )


def _worker_pod(leader: Pod, server: Server, drain_seconds: int) -> Pod:
    """What runs on the further nodes: it listens to nobody but its group, and stays for as long as the leader may have
    requests under way. Whether it lives its group shows: one that ends is restarted, which ends them all."""
    container = replace(
        leader.container,
        args=server.worker_args or (),
        ports={},
        startup=None,
        readiness=None,
        liveness=None,
        pre_stop_seconds=PRE_STOP_SECONDS + drain_seconds,
    )
    return replace(leader, container=container)
