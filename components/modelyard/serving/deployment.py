"""The pods of one version of a service."""

import math
from collections.abc import Iterable
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.placement import prefer_other_nodes, spread
from modelyard.kube.pods import Pod
from modelyard.serving.containers import grace_seconds, server_container
from modelyard.serving.model_fetch import with_model
from modelyard.serving.roles import with_role
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spec import ModelServiceSpec
from modelyard.serving.variants import Variant
from modelyard.serving.workload import Workload
from modelyard.workspace.claims import device_claims
from modelyard.workspace.pods import workload_pod

NODE_READY_SECONDS = 900
"""For a node that an autoscaler adds, its GPU driver, and an image of 10 GiB. None of it counts as start-up."""
FORCED = {"pulumi.com/patchForce": "true"}
"""Takes a fixed number of replicas back from an autoscaler that had it before, or from `kubectl scale`."""
_DELETE_SECONDS = 600
"""Pulumi's default, for what comes on top of the pods' own time to end."""


def make_deployment(
    scope: ServiceScope,
    variant: Variant,
    template: k8s.core.v1.PodTemplateSpecArgs,
    *,
    after: Iterable[pulumi.Resource] = (),
) -> Workload:
    """The Deployment of one version; an update of it ends when all new replicas are ready.

    Args:
        scope: the service.
        variant: which version.
        template: its pods.
        after: what has to be there before.
    """
    spec = variant.spec
    made = k8s.apps.v1.Deployment(
        scope.logical_of(variant),
        metadata=scope.metadata(labels=scope.labels_of(variant), annotations=None if spec.autoscaling else FORCED),
        spec=k8s.apps.v1.DeploymentSpecArgs(
            # An autoscaler owns the number; a value here would take it back with every update.
            replicas=None if spec.autoscaling else spec.min_replicas,
            selector=k8s.meta.v1.LabelSelectorArgs(match_labels=scope.selector_of(variant)),
            strategy=rolling_update(spec.surge),
            progress_deadline_seconds=NODE_READY_SECONDS + start_seconds(spec),
            template=template,
        ),
        opts=workload_options(scope, spec, after),
    )
    return Workload(resource=made, name=made.metadata.name)


def server_pod(scope: ServiceScope, variant: Variant, server: Server) -> Pod:
    """A pod with the server of one version."""
    spec, own = variant.spec, scope.selector_of(variant)
    logical = scope.logical_of(variant)
    claims = device_claims(logical, scope.workspace, spec, scope.labels_of(variant), scope.parent)
    pod = workload_pod(scope.workspace, spec, server_container(scope.workspace, spec, server), claims=claims)
    pod = with_role(variant, server, with_model(scope.workspace, spec, pod))
    return replace(pod, grace_seconds=grace_seconds(spec), spread=spread(own), affinity=prefer_other_nodes(own))


def update_seconds(spec: ModelServiceSpec) -> int:
    """The longest that an update may take, seconds: nodes once, then a start for each group of replicas in turn."""
    return NODE_READY_SECONDS + start_seconds(spec) * math.ceil(spec.max_replicas / max(spec.surge, 1))


def start_seconds(spec: ModelServiceSpec) -> int:
    """The longest that a pod on its node may take to its first answer."""
    return spec.fetch_seconds + spec.sidecar_startup_seconds + spec.startup_seconds


def rolling_update(surge: int) -> k8s.apps.v1.DeploymentStrategyArgs:
    """How replicas follow one another in an update."""
    return k8s.apps.v1.DeploymentStrategyArgs(
        type="RollingUpdate",
        rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_surge=surge, max_unavailable=0 if surge else 1),
    )


def workload_options(
    scope: ServiceScope, spec: ModelServiceSpec, after: Iterable[pulumi.Resource]
) -> pulumi.ResourceOptions:
    """Pulumi's options of what makes the pods of one version."""
    seconds = f"{update_seconds(spec)}s"
    options = scope.options([*scope.workspace.before_pods(spec), *after])
    options.custom_timeouts = pulumi.CustomTimeouts(
        create=seconds, update=seconds, delete=f"{_DELETE_SECONDS + grace_seconds(spec)}s"
    )
    # A fixed number that is merely taken out becomes 1, Kubernetes' default, until the autoscaler has seen it.
    options.ignore_changes = ["spec.replicas"] if spec.autoscaling else None
    return options
