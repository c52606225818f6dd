"""The prefill pods of a service: https://github.com/llm-d/llm-d-router/blob/v0.10.0/docs/disaggregation.md."""

from collections.abc import Iterable

import pulumi

from modelyard.kube.pods import pod_template
from modelyard.serving.cluster_service import make_variant_service
from modelyard.serving.deployment import make_deployment, server_pod
from modelyard.serving.prefill import prefill_variant
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spec import ModelServiceSpec


def make_prefill_pods(scope: ServiceScope, spec: ModelServiceSpec, *, after: Iterable[pulumi.Resource]) -> None:
    """Pods that read prompts for those that answer, where the service has such.

    Creates a Deployment, and where Prometheus reads the service's metrics a Service by which it finds them: no client
    has a use for it. They are of the service's PodDisruptionBudget, and no Service of clients leads to them. A gateway
    that finds no picker may send one of them a request, which it answers like any other.

    Args:
        scope: the service.
        spec: what it is.
        after: what has to be there before.
    """
    variant = prefill_variant(spec)
    if not variant:
        return
    server = variant.spec.server(scope.name, role=variant.role)
    pod = server_pod(scope, variant, server)
    workload = make_deployment(scope, variant, pod_template(pod, scope.labels_of(variant)), after=after)
    if scope.is_monitored:
        make_variant_service(scope, variant, server, workload)
