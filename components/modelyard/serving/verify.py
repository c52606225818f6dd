"""A Job that asks new versions of a service before requests come to them."""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.containers import Container
from modelyard.kube.jobs import AWAIT_MARGIN_SECONDS, REPLACE_UNREADY, lost_nodes_do_not_count
from modelyard.kube.labels import COMPONENT, VERIFIED_VERSION
from modelyard.kube.pods import NOT_MOVED, Pod, pod_template
from modelyard.serving import verify_requests
from modelyard.serving.deployment import NODE_READY_SECONDS, start_seconds
from modelyard.serving.release_spec import ReleaseSpec
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.serving.verify_spec import VerifySpec
from modelyard.workspace.pods import workload_pod
from modelyard.workspace.workload_spec import WorkloadSpec
from modelyard.workspace.workspace import Workspace

VERIFICATION = "verification"
"""The value of `app.kubernetes.io/component`: not the service's, so that no request comes to the Job's pod."""
_CPUS = 0.1
_MEMORY_GIB = 0.125
"""Of a Python process with a few answers; it fits into the tenth of a node that shares of its GPUs leave."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A version that runs, and is asked by its Service.

    Attributes:
        variant: the version.
        url: where it answers, without a slash at the end.
        version: what changes when it becomes another version: `version_of` its pods.
        after: what has to be there before it is asked.
    """

    variant: Variant
    url: pulumi.Input[str]
    version: pulumi.Input[str]
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class NotRunning:
    """A version that is about to take the place of another. The Job's pod runs it too, for as long as it is asked.

    Attributes:
        variant: the version.
        pod: the pod that it will have.
        port: where its server listens.
        after: what has to be there before it runs.
    """

    variant: Variant
    pod: Pod
    port: int
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class _Checker(WorkloadSpec):
    """The pod that sends the requests, without a GPU."""

    gpus: int = 0


def make_verification(
    scope: ServiceScope, verify: VerifySpec, asked: NotRunning | Sequence[Running]
) -> k8s.batch.v1.Job:
    """Ask a version, or several; what depends on the Job is changed only after all answers were as expected.

    Creates a Job with a generated name, which the update waits for. It runs again when one of the versions or the
    verification changes, and when it has failed; otherwise it stays as it is, finished, and has no time after which
    Kubernetes would remove it. It does not try twice: only a pod that loses its node is replaced. Of a failed one, the
    message that ends the update has every request that failed, with what was expected and what came.

    Versions that requests move to by themselves have a Job each, or one that fails would hold the other back.

    Args:
        scope: the service.
        verify: a verification without problems in the service's workspace.
        asked: the version that is about to start, or those that run and to which requests move together.
    """
    versions = [asked] if isinstance(asked, NotRunning) else asked
    variant = versions[0].variant
    alone = len(versions) == 1
    # What runs beside the server has no node of its own to choose.
    pool = variant.spec.pool if isinstance(asked, NotRunning) else verify.pool or variant.spec.pool
    spec = _Checker(pool=pool, cpus=_CPUS, memory_gib=_MEMORY_GIB, env_from_secrets=verify.env_from_secrets)
    start = start_seconds(variant.spec) if isinstance(asked, NotRunning) else 0
    seconds = NODE_READY_SECONDS + start + verify.timeout_seconds * len(versions)
    labels = {**(scope.labels_of(variant) if alone else scope.labels), COMPONENT: VERIFICATION}
    before = [resource for each in versions for resource in each.after]
    options = scope.options([*scope.workspace.before_pods(spec), *before])
    options.custom_timeouts = pulumi.CustomTimeouts(create=f"{seconds + AWAIT_MARGIN_SECONDS}s")
    return k8s.batch.v1.Job(
        f"{scope.logical_of(variant) if alone else scope.logical}-verify",
        metadata=scope.metadata(labels=labels, annotations=REPLACE_UNREADY),
        spec=k8s.batch.v1.JobSpecArgs(
            completions=1,
            parallelism=1,
            backoff_limit=0,
            active_deadline_seconds=seconds,
            pod_failure_policy=lost_nodes_do_not_count(),
            pod_replacement_policy="Failed",
            template=pod_template(_pod(scope.workspace, spec, verify, asked), labels),
        ),
        opts=options,
    )


def verify_beside(
    scope: ServiceScope, release: ReleaseSpec | None, running: Sequence[Running]
) -> Mapping[str, k8s.batch.v1.Job]:
    """Ask the versions that run beside each other, as their release says; the Jobs by the label of each version.

    Requests move to all variants of an A/B test in one change of the route, and so one Job asks all of them. The
    colours of blue-green have a Job each, whichever is live: so a switch asks nothing anew, and one that has become
    unfit does not keep requests from moving to the other.

    Args:
        scope: the service.
        release: the service's, if it has one.
        running: the versions that have a Service of their own.
    """
    if not release or not release.verify or not running:
        return {}
    together = [[each] for each in running] if release.blue_green else [running]
    jobs = [(group, make_verification(scope, release.verify, group)) for group in together]
    return {each.variant.label: job for group, job in jobs for each in group}


def version_of(template: k8s.core.v1.PodTemplateSpecArgs) -> pulumi.Output[str]:
    """What changes whenever these pods do, and otherwise never."""
    return pulumi.Output.from_input(template).apply(
        lambda known: hashlib.sha256(json.dumps(_plain(known), sort_keys=True).encode()).hexdigest()[:16]
    )


def _plain(value: Any) -> Any:
    """Values as JSON has them, of Pulumi's objects for them too. What is left out is no value."""
    if type(value) in (list, tuple):
        return [_plain(each) for each in value]
    fields: Any = getattr(value, "__dict__", value)
    if not hasattr(fields, "items"):
        return fields
    return {str(key): _plain(each) for key, each in fields.items() if each is not None}


def _pod(workspace: Workspace, spec: _Checker, verify: VerifySpec, asked: NotRunning | Sequence[Running]) -> Pod:
    urls = [f"http://localhost:{asked.port}"] if isinstance(asked, NotRunning) else [version.url for version in asked]
    checker = Container(
        name="verify-requests",
        image=verify.image,
        command=["python3", "-I", "-c", inspect.getsource(verify_requests)],
        args=[verify.plan(), *urls],
    )
    pod = workload_pod(workspace, spec, checker)
    if not isinstance(asked, NotRunning):
        verified = pulumi.Output.all(*(version.version for version in asked)).apply(" ".join)
        annotations = {**pod.annotations, **NOT_MOVED, VERIFIED_VERSION: verified}
        return replace(pod, restart_policy="Never", annotations=annotations)
    # It ends with the Job at once, as nobody else sends it requests.
    server = replace(asked.pod.container, pre_stop_seconds=None, claims_devices=True)
    return replace(
        asked.pod,
        container=pod.container,
        sidecars=[*asked.pod.sidecars, server],
        # It is alone, and is none of the pods that these look at.
        spread=(),
        affinity=None,
        restart_policy="Never",
        annotations={**asked.pod.annotations, **NOT_MOVED},
    )
