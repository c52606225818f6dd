"""Readiness of Deployments, StatefulSets, DaemonSets and ReplicationControllers, as the real provider defines it."""

from tools.offline.common.values import Json, as_list, as_map, as_text
from tools.offline.kubernetes.await_pods import label_selector, pod_problems, pods_of
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.objects import annotation, condition, name_of, namespace_of, owned_by, pluck
from tools.offline.kubernetes.waiting import Progress

_REVISION = "deployment.kubernetes.io/revision"


def deployment(client: Client, live: Json) -> Progress:
    """Rolled out: the controller has seen this generation, the ReplicaSet of this revision has all its Pods ready, the
    Deployment is available, its claims are bound, and (from the second revision on) the new ReplicaSet has taken over.
    """
    name = name_of(live)
    revision = annotation(live, _REVISION)
    if not _is_observed(live) or not revision:
        return Progress(done=False, waiting_for=f"[1/2] waiting for the controller to see Deployment {name}")
    replica_set = _replica_set(client, live, revision)
    if replica_set is None:
        return Progress(
            done=False,
            waiting_for=f"[1/2] waiting for the ReplicaSet of Deployment {name}",
            problems=_condition_problems(live),
        )
    wanted = _count(pluck(replica_set, "spec", "replicas"), 1)
    ready = _count(pluck(replica_set, "status", "readyReplicas"))
    pods = () if ready >= wanted else pod_problems(pods_of(client, replica_set, live))
    problems = (*pods, *_condition_problems(live))
    if ready < wanted:
        return Progress(
            done=False,
            waiting_for=f"[1/2] waiting for Deployment {name} ({ready} of {wanted} replicas ready)",
            problems=problems,
        )
    progressing = condition(live, "Progressing")
    taken_over = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    if condition(live, "Available").get("status") != "True" or not (taken_over or revision == "1"):
        return Progress(
            done=False, waiting_for=f"[2/2] waiting for the rollout of Deployment {name} to end", problems=problems
        )
    unbound = _unbound_claims(client, live)
    if unbound:
        return Progress(done=False, waiting_for=f"[2/2] waiting for claims to be bound: {', '.join(unbound)}")
    return Progress(done=True)


def stateful_set(client: Client, live: Json) -> Progress:
    """Rolled out: every replica is ready and of the current revision (OnDelete: just ready, from the first update)."""
    name = name_of(live)
    if not _is_observed(live):
        return Progress(done=False, waiting_for=f"[1/2] waiting for the controller to see StatefulSet {name}")
    status = as_map(live.get("status"))
    wanted = _count(pluck(live, "spec", "replicas"), 1)
    ready = _count(status.get("readyReplicas"))
    replicas_ready = wanted == _count(status.get("replicas")) == ready
    on_delete = pluck(live, "spec", "updateStrategy", "type") == "OnDelete"
    if on_delete and _count(pluck(live, "metadata", "generation")) > 1:
        revision_ready = True
    else:
        current = as_text(status.get("currentRevision"))
        revision_ready = bool(current) and current == as_text(status.get("updateRevision"))
        replicas_ready = replicas_ready and wanted == _count(status.get("currentReplicas"))
    if replicas_ready and revision_ready:
        return Progress(done=True)
    updated = ready if revision_ready else min(ready, _count(status.get("updatedReplicas")))
    return Progress(
        done=False,
        waiting_for=f"[1/2] waiting for StatefulSet {name} ({updated} of {wanted} Pods ready)",
        problems=pod_problems(pods_of(client, live)),
    )


def daemon_set(client: Client, live: Json) -> Progress:
    """Rolled out: on every node that wants one, a Pod of this version is available and ready."""
    name = name_of(live)
    status = as_map(live.get("status"))
    if not _is_observed(live) or "desiredNumberScheduled" not in status:
        return Progress(done=False, waiting_for=f"waiting for the controller to see DaemonSet {name}")
    wanted = _count(status.get("desiredNumberScheduled"))
    counts = {
        "scheduled": "currentNumberScheduled",
        "updated": "updatedNumberScheduled",
        "available": "numberAvailable",
        "ready": "numberReady",
    }
    for word, key in counts.items():
        if _count(status.get(key)) < wanted:
            return Progress(
                done=False,
                waiting_for=f"waiting for DaemonSet {name} ({_count(status.get(key))} of {wanted} Pods {word})",
                problems=pod_problems(pods_of(client, live)),
            )
    return Progress(done=True)


def replication_controller(_client: Client, live: Json) -> Progress:
    """All replicas are available."""
    wanted = _count(pluck(live, "spec", "replicas"))
    available = _count(pluck(live, "status", "availableReplicas"))
    return Progress(
        done=available == wanted,
        waiting_for=f"waiting for ReplicationController {name_of(live)} ({available} of {wanted} replicas available)",
    )


def _count(value: object, default: int = 0) -> int:
    return value if isinstance(value, int) else default


def _is_observed(live: Json) -> bool:
    return _count(pluck(live, "status", "observedGeneration")) >= _count(pluck(live, "metadata", "generation"), 1)


def _replica_set(client: Client, live: Json, revision: str) -> Json | None:
    sets = client.list_objects("apps/v1", "ReplicaSet", namespace=namespace_of(live), selector=label_selector(live))
    matching = [item for item in sets if owned_by(item, live) and annotation(item, _REVISION) == revision]
    return matching[0] if matching else None


def _condition_problems(live: Json) -> tuple[str, ...]:
    """What the Deployment itself says is wrong, such as a quota that keeps Pods from being made."""
    bad = [condition(live, "ReplicaFailure")] if condition(live, "ReplicaFailure").get("status") == "True" else []
    bad += [item for item in (condition(live, "Progressing"),) if item.get("status") == "False"]
    return tuple(f"[{as_text(item.get('reason'))}] {as_text(item.get('message'))}" for item in bad)


def _unbound_claims(client: Client, live: Json) -> list[str]:
    volumes = map(as_map, as_list(pluck(live, "spec", "template", "spec", "volumes")))
    names = {as_text(pluck(volume, "persistentVolumeClaim", "claimName")) for volume in volumes} - {""}
    if not names:
        return []
    claims = client.list_objects("v1", "PersistentVolumeClaim", namespace=namespace_of(live))
    return [name_of(item) for item in claims if name_of(item) in names and pluck(item, "status", "phase") != "Bound"]
