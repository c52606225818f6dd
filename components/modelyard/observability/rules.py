"""The alerts on what a stack runs, as plain values. Imports no Pulumi package.

Each alert means that somebody should do something, and says what. The chart's own rules stay beside them: they watch
the nodes, the volumes, the API server and the monitoring itself."""

from typing import Any

MODEL_SERVICE = "model-service"
"""The role, in the label `app.kubernetes.io/component`, of what serves a model."""
EXPORTED_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/component", "modelyard.dev/workspace")
"""Labels of Deployments, Jobs and pods that the alerts read. kube-state-metrics exports only those it is told."""

_NAME = "label_app_kubernetes_io_name"
_COMPONENT = "label_app_kubernetes_io_component"
_WORKSPACE = "label_modelyard_dev_workspace"
_WORKLOAD = "{{ $labels.namespace }}/{{ $labels.label_app_kubernetes_io_name }}"

# While kube-state-metrics is itself replaced there are two of each series, which a plain join refuses: hence max by
# (…).
_SERVICES = f'max by (namespace, deployment, {_NAME}) (kube_deployment_labels{{{_COMPONENT}="{MODEL_SERVICE}"}})'
_JOBS = f'max by (namespace, job_name, {_NAME}, {_COMPONENT}) (kube_job_labels{{{_WORKSPACE}!=""}})'
_PODS = f'max by (namespace, pod, {_NAME}, {_COMPONENT}) (kube_pod_labels{{{_WORKSPACE}!=""}})'

_ROLLING_OUT = "NewReplicaSetCreated|FoundNewReplicaSet|ReplicaSetUpdated"


def _of_services(metric: str) -> str:
    """The sum of a Deployment's metric over all variants of each model service."""
    return f"sum by (namespace, {_NAME}) ({metric} * on (namespace, deployment) group_left ({_NAME}) {_SERVICES})"


def _service_unavailable() -> dict[str, Any]:
    available = _of_services("kube_deployment_status_replicas_available")
    wanted = _of_services("kube_deployment_spec_replicas")
    progressing = f'kube_deployment_status_condition{{condition="Progressing",status="true",reason=~"{_ROLLING_OUT}"}}'
    return {
        "alert": "ModelServiceUnavailable",
        # A roll-out is left to its own deadline, which follows the service's start-up time: large models take long.
        "expr": f"{available} == 0\nand {wanted} > 0\nunless {_of_services(progressing)} > 0",
        # Every request fails meanwhile. Two minutes are more than a busy server's missed probes last.
        "for": "2m",
        "labels": {"severity": "critical"},
        "annotations": {
            "summary": f"Model service {_WORKLOAD} answers no request",
            "description": f"No replica of {_WORKLOAD} has been available for 2 minutes, though some are wanted and "
            "none is within the time that a roll-out gives it to start.",
            "action": "See why: kubectl -n {{ $labels.namespace }} describe pods -l "
            "app.kubernetes.io/name={{ $labels.label_app_kubernetes_io_name }}. Waiting for a node: check the pool's "
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
    return {
        "alert": "PodsUnschedulable",
        "expr": f"count by (namespace, {_NAME}, {_COMPONENT})\n"
        f"({waiting} * on (namespace, pod) group_left ({_NAME}, {_COMPONENT}) {_PODS}) > 0",
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
    return [{"name": "modelyard", "rules": [_service_unavailable(), _job_failed(), _pods_unschedulable()]}]
