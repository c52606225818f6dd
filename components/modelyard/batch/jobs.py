"""What all kinds of jobs share: from a task's spec to its container, its pods and the Job around them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.batch.queueing import queue_annotations, queue_labels
from modelyard.batch.spec import BatchJobSpec, JobSpec, TaskSpec, TrainingJobSpec
from modelyard.kube.containers import Container
from modelyard.kube.jobs import AWAIT_MARGIN_SECONDS
from modelyard.kube.pods import NOT_MOVED, Pod, pod_template
from modelyard.workspace.pods import workload_pod
from modelyard.workspace.workspace import Workspace

_NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""The annotation that lets an update go on while the Job still runs."""


def task_container(name: str, spec: TaskSpec) -> Container:
    """The container of a task, without what the workspace and the pool say of it."""
    return Container(name=name, image=spec.image, command=spec.command, args=spec.args)


def task_pod(
    workspace: Workspace, spec: TaskSpec, container: Container, claims: Mapping[str, pulumi.Input[str]]
) -> Pod:
    """A pod that runs to its end, and is not ended before so that a node can go: it would begin again.

    Args:
        workspace: where it runs.
        spec: a spec without problems on the workspace's cluster.
        container: its container.
        claims: its claims to devices: their names in the pod, and their templates' names.
    """
    pod = workload_pod(workspace, spec, container, claims=claims)
    return replace(pod, restart_policy="Never", annotations={**pod.annotations, **NOT_MOVED})


def job_args(spec: JobSpec, pod: Pod, labels: Mapping[str, str]) -> k8s.batch.v1.JobSpecArgs:
    """The Job of independent pods."""
    return k8s.batch.v1.JobSpecArgs(
        completions=spec.completions,
        parallelism=spec.parallelism,
        completion_mode="Indexed" if spec.indexed else "NonIndexed",
        backoff_limit=None if spec.indexed else spec.retries,
        backoff_limit_per_index=spec.retries if spec.indexed else None,
        active_deadline_seconds=spec.timeout_seconds,
        pod_failure_policy=failure_policy(spec.fatal_exit_codes, pod),
        pod_replacement_policy="Failed",
        template=pod_template(pod, labels),
    )


def failure_policy(fatal_exit_codes: Sequence[int], pod: Pod) -> k8s.batch.v1.PodFailurePolicyArgs:
    """A pod that lost its node is replaced without being counted; a fatal exit code ends the job. The rest is
    counted. Of pods with further containers, it is that of their own: others have codes with another meaning."""
    disrupted = k8s.batch.v1.PodFailurePolicyOnPodConditionsPatternArgs(type="DisruptionTarget", status="True")
    rules = [k8s.batch.v1.PodFailurePolicyRuleArgs(action="Ignore", on_pod_conditions=[disrupted])]
    if fatal_exit_codes:
        codes = k8s.batch.v1.PodFailurePolicyOnExitCodesRequirementArgs(
            container_name=pod.container.name if pod.init_containers or pod.sidecars else None,
            operator="In",
            values=sorted(set(fatal_exit_codes)),  # the API server refuses others
        )
        rules.append(k8s.batch.v1.PodFailurePolicyRuleArgs(action="FailJob", on_exit_codes=codes))
    return k8s.batch.v1.PodFailurePolicyArgs(rules=rules)


def job_metadata(
    workspace: Workspace, spec: BatchJobSpec | TrainingJobSpec, labels: Mapping[str, str]
) -> k8s.meta.v1.ObjectMetaArgs:
    """The metadata of a Job with a generated name, which an update waits for if the spec says so."""
    requested = queue_annotations(spec, workspace.cluster.pools[spec.pool], spec.timeout_seconds)
    return k8s.meta.v1.ObjectMetaArgs(
        namespace=workspace.namespace_for(spec).namespace,
        labels={**labels, **queue_labels(spec)},
        annotations={**({} if spec.await_completion else _NOT_AWAITED), **requested} or None,
    )


def job_options(
    parent: pulumi.Resource,
    workspace: Workspace,
    spec: BatchJobSpec | TrainingJobSpec,
    immutable: Sequence[object],
) -> pulumi.ResourceOptions:
    """Options of a Job, which Kubernetes lets nobody change once it exists.

    Args:
        parent: the component.
        workspace: where it runs; its rules exist before the Job's pods.
        spec: what runs; its time is that of the creation where an update waits for its end.
        immutable: what cannot change beyond the fields that Pulumi knows of: a change replaces the Job.
    """
    create = f"{spec.timeout_seconds + AWAIT_MARGIN_SECONDS}s"
    return pulumi.ResourceOptions(
        parent=parent,
        provider=workspace.cluster.kubernetes_provider,
        depends_on=workspace.before_pods(spec),
        # Old and new together would need twice the GPUs and write to the same place.
        delete_before_replace=True,
        # Kueue lets no job that runs go into another queue.
        replacement_trigger=repr([*immutable, spec.queue] if spec.queue else immutable),
        custom_timeouts=pulumi.CustomTimeouts(create=create) if spec.await_completion else None,
    )
