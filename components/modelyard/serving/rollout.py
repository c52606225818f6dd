"""The pods of a service whose changes go to its clients in steps that Argo Rollouts takes.

https://argo-rollouts.readthedocs.io/en/stable/features/specification/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.labels import MAIN_VARIANT, VARIANT
from modelyard.kube.placement import prefer_other_nodes, spread
from modelyard.kube.pods import Pod, pod_template
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.argo_rollouts_chart import ANALYSIS_TEMPLATE, HASH, PLUGIN, ROLLOUT
from modelyard.serving.automatic_rules import NEXT_SUFFIX, STABLE_SUFFIX
from modelyard.serving.automatic_spec import PLACEHOLDERS, AutomaticSpec
from modelyard.serving.cluster_service import make_cluster_service
from modelyard.serving.custom_object import CustomObject
from modelyard.serving.deployment import FORCED, NODE_READY_SECONDS, start_seconds, workload_options
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.serving.workload import Workload

_NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""There are no pods behind a Service before the Rollout, which asks for the Service."""
_AVAILABLE = {"pulumi.com/waitFor": "condition=Available"}
"""Has the first update wait until pods serve. Those of the version that is left keep it true in all later ones."""
_FROM_ROLLOUT: Mapping[str, Mapping[str, Any]] = {
    "namespace": {"fieldRef": {"fieldPath": "metadata.namespace"}},
    "workload": {"fieldRef": {"fieldPath": "metadata.name"}},
    "hash": {"podTemplateHashValue": "Latest"},
}
"""What the arguments of an analysis are."""


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """The two Services that a Rollout shares requests among: for its present version, and for the one that is tried."""

    stable: k8s.core.v1.Service
    next: k8s.core.v1.Service


def make_tracks(scope: ServiceScope, server: Server) -> Tracks:
    """The Services of a Rollout, before it.

    The controller adds a label of one version to the selector of each once that version is ready; until then each
    leads to all pods of the service, those of a Deployment that was before it too. What it has added stays.

    Args:
        scope: the service.
        server: what its pods run.
    """

    def make(suffix: str, labels: Mapping[str, str]) -> k8s.core.v1.Service:
        return make_cluster_service(
            f"{scope.logical}-rollout-{suffix}",
            scope,
            server,
            name=f"{scope.name}-{suffix}",
            selector=scope.selector,
            labels=labels,
            annotations=_NOT_AWAITED,
            ignore_changes=["spec.selector"],
        )

    # Pods of the present version are read for metrics behind the Service of the service itself: once is enough.
    return Tracks(
        stable=make(STABLE_SUFFIX, scope.labels), next=make(NEXT_SUFFIX, {**scope.labels, VARIANT: NEXT_SUFFIX})
    )


def make_analysis(
    scope: ServiceScope, checks: Iterable[Mapping[str, Any]], rollouts: ArgoRollouts
) -> k8s.apiextensions.CustomResource:
    """The AnalysisTemplate of a service: what is checked of its next version.

    Args:
        scope: the service.
        checks: as the controller has them.
        rollouts: the cluster's controller.
    """
    return k8s.apiextensions.CustomResource(
        f"{scope.logical}-analysis",
        api_version=ANALYSIS_TEMPLATE.api_version,
        kind=ANALYSIS_TEMPLATE.kind,
        metadata=scope.metadata(_analysis_name(scope)),
        spec={"args": [{"name": name} for name in PLACEHOLDERS], "metrics": list(checks)},
        opts=scope.options(rollouts.ready),
    )


def make_rollout(
    scope: ServiceScope,
    variant: Variant,
    pod: Pod,
    automatic: AutomaticSpec,
    tracks: Tracks,
    rollouts: ArgoRollouts,
    *,
    after: Iterable[pulumi.Resource],
) -> Workload:
    """The Rollout of a service.

    A first version has no steps. A later one starts beside it and gets the requests of each step; if it does not
    become ready in time or its analysis fails, they all go back. Its pods have `next` as their variant, and are
    renamed once they are the service. Meanwhile the service's own name leads to pods of the present version alone.

    Args:
        scope: the service.
        variant: the service as it is written.
        pod: its pods.
        automatic: the steps.
        tracks: its Services.
        rollouts: the cluster's controller.
        after: what has to be there before: the route whose shares it changes, too.
    """
    spec = variant.spec
    waits = rollouts.are_acted_on and scope.workspace.cluster.pools[spec.pool].runs_containers
    annotations = {**({} if spec.autoscaling else FORCED), **(_AVAILABLE if waits else {})}
    made = CustomObject(
        scope.logical,
        ROLLOUT,
        metadata=scope.metadata(labels=scope.labels_of(variant), annotations=annotations),
        spec={
            # The number that an autoscaler begins with: of a Deployment that this follows there are as many at least.
            "replicas": spec.min_replicas,
            "selector": {"matchLabels": scope.selector},
            "progressDeadlineSeconds": NODE_READY_SECONDS + start_seconds(spec),
            "progressDeadlineAbort": True,
            "strategy": {"canary": _canary(scope, automatic, tracks)},
            "template": pod_template(_of_no_variant(scope, pod), scope.labels),
        },
        opts=workload_options(scope, spec, [*rollouts.ready, *after]),
    )
    return Workload(resource=made, name=made.object_name, kind=ROLLOUT.kind, api_version=ROLLOUT.api_version)


def _of_no_variant(scope: ServiceScope, pod: Pod) -> Pod:
    """The same pod, kept away from its like whatever they are called at the time: the controller names its variant."""
    own = scope.selector
    return replace(pod, spread=spread(own, HASH), affinity=prefer_other_nodes(own))


def _canary(scope: ServiceScope, automatic: AutomaticSpec, tracks: Tracks) -> dict[str, Any]:
    steps: list[Mapping[str, Any]] = []
    for step in automatic.steps:
        steps += [{"setWeight": step.weight_percent}, {"pause": {"duration": f"{step.pause_seconds}s"}}]
    analysis = {
        # With the first pause: before it the next version has no requests.
        "startingStep": 1,
        "templates": [{"templateName": _analysis_name(scope)}],
        "args": [{"name": name, "valueFrom": _FROM_ROLLOUT[name]} for name in PLACEHOLDERS],
    }
    return {
        "stableService": tracks.stable.metadata.name,
        "canaryService": tracks.next.metadata.name,
        "stableMetadata": {"labels": {VARIANT: MAIN_VARIANT}},
        "canaryMetadata": {"labels": {VARIANT: NEXT_SUFFIX}},
        # The route is found by its labels, as its name is generated.
        "trafficRouting": {
            "plugins": {PLUGIN: {"namespace": scope.namespace, "httpRouteSelector": {"matchLabels": scope.selector}}}
        },
        "steps": steps,
        **({"analysis": analysis} if automatic.analysis else {}),
    }


def _analysis_name(scope: ServiceScope) -> str:
    return f"{scope.name}-{NEXT_SUFFIX}"
