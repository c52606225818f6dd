"""A service whose changes take steps by themselves: its Services, its route, its analysis and its Rollout, in order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pulumi

from modelyard.kube.pods import Pod
from modelyard.observability.values import PROMETHEUS_URL
from modelyard.serving.argo_rollouts import ArgoRollouts
from modelyard.serving.automatic_checks import checks
from modelyard.serving.automatic_rules import NEXT_SUFFIX
from modelyard.serving.automatic_spec import AutomaticSpec
from modelyard.serving.cluster_service import SERVICE_PORT
from modelyard.serving.rollout import Tracks, make_analysis, make_rollout, make_tracks
from modelyard.serving.route import Backend, Route, Share
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.serving.workload import Workload

_VARIANT_HEADER = "x-modelyard-variant"
"""The header of answers that says which version gave them. With a filter of its own for each Service of a rule, Envoy
Gateway counts their answers apart. https://github.com/envoyproxy/gateway/blob/v1.9.0/internal/ir/xds.go"""


def make_automatic(
    scope: ServiceScope,
    variant: Variant,
    server: Server,
    pod: Pod,
    automatic: AutomaticSpec,
    rollouts: ArgoRollouts,
    lead: Callable[[Sequence[Share]], Route],
    *,
    after: Iterable[pulumi.Resource],
) -> tuple[Workload, Route]:
    """The Rollout of a service, and what it needs before it: two Services, the route and the analysis.

    The controller makes no pod before it finds the route. Of a service that was a Deployment, the route leads to its
    pods until those of the Rollout are ready; the Deployment ends last.

    Args:
        scope: the service.
        variant: the service as it is written.
        server: its server.
        pod: its pods.
        automatic: the steps.
        rollouts: the cluster's controller.
        lead: makes the route.
        after: what has to be there before the Rollout.
    """
    tracks = make_tracks(scope, server)
    before = list(after)
    analysis = automatic.analysis
    if analysis:
        asked = checks(analysis, variant.spec.load_metrics, route=scope.logical_route, prometheus_url=PROMETHEUS_URL)
        before.append(make_analysis(scope, asked, rollouts))
    route = lead(_shares(scope, variant, server, tracks, marked=bool(analysis and analysis.success_percent)))
    before.append(route.resource)
    return make_rollout(scope, variant, pod, automatic, tracks, rollouts, after=before), route


def _shares(scope: ServiceScope, variant: Variant, server: Server, tracks: Tracks, *, marked: bool) -> Sequence[Share]:
    next_ = replace(variant, label=NEXT_SUFFIX, service_suffix=NEXT_SUFFIX, is_live=False, weight_percent=0)
    return [
        Share(
            variant=each,
            backend=Backend(
                namespace=scope.namespace,
                service=service.metadata.name,
                port=SERVICE_PORT,
                ready_path=server.ready_path,
                drain_seconds=variant.spec.drain_seconds,
            ),
            is_moved=True,
            filters=[_mark(each.label)] if marked else (),
        )
        for each, service in ((variant, tracks.stable), (next_, tracks.next))
    ]


def _mark(label: str) -> dict[str, object]:
    header = {"name": _VARIANT_HEADER, "value": label}
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}
