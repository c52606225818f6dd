"""What has Prometheus read a service."""

from modelyard.kube.labels import VARIANT
from modelyard.observability.monitoring import Monitoring
from modelyard.observability.monitors import service_monitor
from modelyard.platform.kserve_kind import KSERVE, OF_KSERVE
from modelyard.serving.automatic_rules import automatic_of
from modelyard.serving.containers import server_metrics
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.spec import ModelServiceSpec


def make_monitor(scope: ServiceScope, spec: ModelServiceSpec, server: Server, monitoring: Monitoring | None) -> None:
    """A ServiceMonitor for all versions of a service, where there is a Prometheus and the server has metrics.

    Args:
        scope: the service.
        spec: what it is.
        server: that of the live version.
        monitoring: whose Prometheus; None for none.
    """
    metrics = server_metrics(server)
    if not monitoring or not metrics:
        return
    service_monitor(
        f"{scope.logical}-metrics",
        monitoring,
        namespace=scope.namespace,
        labels=scope.labels,
        selector=scope.selector,
        variant_label=VARIANT,
        by_own_service=automatic_of(spec) is not None,
        # KServe gives the labels of ours to a Service of its own, and every value would be there twice.
        unless_label=OF_KSERVE if spec.backend == KSERVE else None,
        port=metrics.port,
        path=metrics.path,
        parent=scope.parent,
    )
