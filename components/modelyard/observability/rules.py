"""The alerts on what a stack runs, as plain values. Imports no Pulumi package.

Each alert means that somebody should do something, and says what. The chart's own rules stay beside them: they watch
the nodes, the volumes, the API server and the monitoring itself."""

from typing import Any

from modelyard.platform.leader_worker_sets_chart import WORKER_INDEX

MODEL_SERVICE = "model-service"
"""The role, in the label `app.kubernetes.io/component`, of what serves a model."""
EXPORTED_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/component",
    "modelyard.dev/workspace",
    "modelyard.dev/variant",
    "modelyard.dev/capacity",
    WORKER_INDEX,
    # https://lws.sigs.k8s.io/docs/reference/labels-annotations-and-environment-variables/
    "leaderworkerset.sigs.k8s.io/template-revision-hash",
)
"""Labels of Deployments, Jobs and pods that the alerts read. kube-state-metrics exports only those it is told."""

_NAME = "label_app_kubernetes_io_name"
_COMPONENT = "label_app_kubernetes_io_component"
_WORKSPACE = "label_modelyard_dev_workspace"
_VARIANT = "label_modelyard_dev_variant"
_CAPACITY = "label_modelyard_dev_capacity"
_WORKER = "label_leaderworkerset_sigs_k8s_io_worker_index"
_REVISION = "label_leaderworkerset_sigs_k8s_io_template_revision_hash"
_WORKLOAD = "{{ $labels.namespace }}/{{ $labels.label_app_kubernetes_io_name }}"
_VERSION = f"namespace, {_NAME}, {_VARIANT}"

# While kube-state-metrics is itself replaced there are two of each series, which a plain join refuses: hence max by
# (…).
_SERVICES = (
    f'max by (namespace, deployment, {_NAME}, {_VARIANT}) (kube_deployment_labels{{{_COMPONENT}="{MODEL_SERVICE}"}})'
)
_JOBS = f'max by (namespace, job_name, {_NAME}, {_COMPONENT}) (kube_job_labels{{{_WORKSPACE}!=""}})'
# Pods of spare capacity wait by design while the pool is full: they only keep room.
_PODS = (
    f"max by (namespace, pod, {_NAME}, {_COMPONENT}) "
    f'(kube_pod_labels{{{_WORKSPACE}!="",{_COMPONENT}!="spare-capacity"}})'
)

_ROLLING_OUT = "NewReplicaSetCreated|FoundNewReplicaSet|ReplicaSetUpdated"
_OVERDUE_SECONDS = 60
"""How much later than its time to end a pod is taken for one whose node is lost, and which nothing replaces."""
_FLEXIBLE_SECONDS = 24 * 3600
"""How long pods wait for machines that come when the cloud has some. Google gives no limit; a day is our choice.
https://cloud.google.com/kubernetes-engine/docs/concepts/dws"""

_WANTED = "modelyard:model_service_replicas:wanted"
_AVAILABLE = "modelyard:model_service_replicas:available"
_SERVED = "modelyard:model_service:served"


def _of_services(metric: str) -> str:
    """The sum of a Deployment's metric over each version of each model service."""
    joined = f"{metric} * on (namespace, deployment) group_left ({_NAME}, {_VARIANT}) {_SERVICES}"
    return f"sum by ({_VERSION}) ({joined})"


def _serving_pods() -> str:
    """The pods of model services that answer requests: of a group the leader alone. Those that are told to end, or have
    ended, are none; one that should be gone by now is, as nothing stands in its place."""
    labels = f'kube_pod_labels{{{_COMPONENT}="{MODEL_SERVICE}",{_WORKER}=~"|0"}}'
    return (
        f"(max by (namespace, pod, {_NAME}, {_VARIANT}, {_REVISION}) ({labels}) "
        f"unless on (namespace, pod) (kube_pod_deletion_timestamp > time() - {_OVERDUE_SECONDS}) "
        'unless on (namespace, pod) (kube_pod_status_phase{phase=~"Failed|Succeeded"} == 1))'
    )


def _replicas() -> list[dict[str, Any]]:
    """What each version of each model service has, as series that the alert reads.

    Deployments tell it themselves, and do so before they have pods. Of the Rollouts of Argo and the LeaderWorkerSets
    there is no metric, and so their pods are counted, those of LeaderWorkerSets by revision.
    """
    spec, pods = _of_services("kube_deployment_spec_replicas"), _serving_pods()
    ready = 'max by (namespace, pod) (kube_pod_status_ready{condition="true"})'
    joined = f"{ready} * on (namespace, pod) group_left ({_NAME}, {_VARIANT}, {_REVISION}) {pods}"
    version = f"{_VERSION}, {_REVISION}"
    return [
        {"record": _WANTED, "expr": f"({spec} > 0)\nor count by ({version}) {pods}"},
        {
            "record": _AVAILABLE,
            "expr": f"{_of_services('kube_deployment_status_replicas_available')}\nor sum by ({version}) ({joined})",
        },
        # Whether it has been available since it had no replica for 3 minutes: what is made, updated or comes back from
        # zero has not, and is starting. A group of pods that is made anew is away for a shorter time.
        {
            "record": _SERVED,
            "expr": f"group by ({version}) ({_AVAILABLE} > 0 or ({_WANTED} and last_over_time({_SERVED}[3m])))",
        },
    ]


def _service_unavailable() -> dict[str, Any]:
    condition = 'kube_deployment_status_condition{condition="Progressing",'
    progressing = _of_services(f'{condition}status="true",reason=~"{_ROLLING_OUT}"}}')
    # A Deployment's deadline is over.
    stuck = _of_services(f'{condition}status="false"}}')
    # It was complete once, also before a Prometheus that has been away, or is new, could see that.
    from_zero = "min_over_time(kube_deployment_spec_replicas[1h]) == 0"
    complete = f'{condition}status="true",reason="NewReplicaSetAvailable"}}'
    known = _of_services(f"({complete} unless on (namespace, deployment) ({from_zero}))")
    return {
        "alert": "ModelServiceUnavailable",
        # A roll-out is left to its own deadline, which follows the service's start-up time: large models take long. A
        # start that no Deployment watches has an hour.
        "expr": f"(\n  max by ({_VERSION}) ({_SERVED})\n  or ({stuck} > 0)\n  or ({known} > 0)\n"
        f"  or max by ({_VERSION}) (count_over_time({_WANTED}[1h:5m]) > 11)\n)\n"
        f"and max by ({_VERSION}) ({_WANTED})\n"
        f"unless (sum by ({_VERSION}) ({_AVAILABLE}) > 0)\n"
        f"unless ({progressing} > 0)",
        # Every request to it fails meanwhile. Two minutes are more than a busy server's missed probes last.
        "for": "2m",
        # Between two tries of a group of pods there is none.
        "keep_firing_for": "2m",
        "labels": {"severity": "critical"},
        "annotations": {
            "summary": f"Version {{{{ $labels.{_VARIANT} }}}} of model service {_WORKLOAD} answers no request",
            "description": f"No replica of version {{{{ $labels.{_VARIANT} }}}} of {_WORKLOAD} has been available for "
            "2 minutes, though some are wanted and none is within the time that it has to start.",
            "action": "See why: kubectl -n {{ $labels.namespace }} describe pods -l "
            "app.kubernetes.io/name={{ $labels.label_app_kubernetes_io_name }},"
            f"modelyard.dev/variant={{{{ $labels.{_VARIANT} }}}}. Waiting for a node: check the pool's "
            "max_nodes and the cloud's quota. OOMKilled: raise memory_gib or lower max_model_len. Restarting: read "
            "kubectl logs --previous. After a change of the service: undo it with pulumi up from the version before.",
        },
    }


def _job_failed() -> dict[str, Any]:
    failed = 'max by (namespace, job_name) (kube_job_failed{condition="true"} == 1)'
    started = "max by (namespace, job_name) (kube_job_status_start_time)"
    owners = 'max by (namespace, job_name, owner_name) (kube_job_owner{owner_kind="CronJob"})'
    runs = f"{started} * on (namespace, job_name) group_left (owner_name) {owners}"
    succeeded = (
        'max by (namespace, owner_name) (label_replace(kube_cronjob_status_last_successful_time, "owner_name", "$1", '
        '"cronjob", "(.+)"))'
    )
    return {
        "alert": "JobFailed",
        # A failed run of a schedule is of no interest once a later run has succeeded; its Job is kept for its logs.
        "expr": f"{failed} * on (namespace, job_name) group_left ({_NAME}, {_COMPONENT}) {_JOBS}\n"
        f"unless on (namespace, job_name)\n({runs} < on (namespace, owner_name) group_left () {succeeded})",
        "labels": {"severity": "warning"},
        "annotations": {
            "summary": f"Job {_WORKLOAD} failed",
            "description": "{{ $labels.job_name }} ({{ $labels.label_app_kubernetes_io_component }}) used up its "
            "retries or its time, or met an exit code that is not retried. It is not tried again.",
            "action": "See why: kubectl -n {{ $labels.namespace }} describe job {{ $labels.job_name }}, then "
            "kubectl logs of its pods. DeadlineExceeded: raise timeout_seconds. OOMKilled: raise memory_gib. Then "
            "change the job's specification, or run it again as it is: pulumi up with --replace and the Job's URN. "
            "A schedule runs again by itself.",
        },
    }


def _pods_unschedulable() -> dict[str, Any]:
    waiting = "max by (namespace, pod) (kube_pod_status_unschedulable)"
    flexible = (
        f'kube_pod_labels{{{_CAPACITY}="flex-start"}} and on (namespace, pod) '
        f"(kube_pod_created > time() - {_FLEXIBLE_SECONDS})"
    )
    return {
        "alert": "PodsUnschedulable",
        "expr": f"count by (namespace, {_NAME}, {_COMPONENT})\n"
        f"({waiting} * on (namespace, pod) group_left ({_NAME}, {_COMPONENT}) {_PODS}\n"
        f"unless on (namespace, pod) ({flexible})) > 0",
        # A new GPU node takes up to ten minutes until its driver is ready; what waits for longer gets none.
        "for": "15m",
        "labels": {"severity": "warning"},
        "annotations": {
            "summary": f"{{{{ $value }}}} pods of {_WORKLOAD} find no node",
            "description": f"Pods of {_WORKLOAD} ({{{{ $labels.label_app_kubernetes_io_component }}}}) have been "
            "waiting for a node for more than 15 minutes, longer than a new GPU node needs to start.",
            "action": "See what is missing: kubectl -n {{ $labels.namespace }} describe pods -l "
            "app.kubernetes.io/name={{ $labels.label_app_kubernetes_io_name }} and read the FailedScheduling event. "
            "The pool is full: raise max_nodes. It does not grow: check the cloud's quota and capacity for its machine "
            "type. Its nodes are cordoned or not ready: kubectl get nodes.",
        },
    }


def rule_groups() -> list[dict[str, Any]]:
    """The groups of the PrometheusRule; `{"groups": …}` is a rule file of Prometheus."""
    alerts = [_service_unavailable(), _job_failed(), _pods_unschedulable()]
    # In this order: those of a group are evaluated one after the other, and the first ones are read by the first alert.
    return [{"name": "modelyard", "rules": [*_replicas(), *alerts]}]
