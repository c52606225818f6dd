"""How pods of a service are found inside of the cluster: Services."""

from collections.abc import Iterable, Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.labels import METRICS, METRICS_PATH, VARIANT
from modelyard.serving.containers import GRPC_PORT, server_metrics
from modelyard.serving.runtimes.runtime import Server
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.serving.workload import Workload
from modelyard.workspace.network import HTTP_PORT, METRICS_PORT

SERVICE_PORT = 80
"""Where a Service listens, whatever its pods' port."""


def service_ports(server: Server) -> dict[str, int]:
    """The ports of a Service of that server, by their names."""
    numbers = {HTTP_PORT: SERVICE_PORT, GRPC_PORT: server.grpc_port, METRICS_PORT: server.metrics_port}
    return {port: number for port, number in numbers.items() if number}


def make_variant_service(
    scope: ServiceScope, variant: Variant, server: Server, workload: Workload
) -> k8s.core.v1.Service:
    """The Service that leads to one version alone, whichever is live.

    Args:
        scope: the service that it is a version of.
        variant: the version, which has a suffix of its own.
        server: what its pods run.
        workload: what makes them.
    """
    return make_cluster_service(
        f"{scope.logical}-{variant.service_suffix}-service",
        scope,
        server,
        name=variant.name_of(scope.name),
        selector=scope.server_selector_of(variant),
        labels=scope.labels_of(variant),
        after=[workload.resource],
    )


def make_cluster_service(
    logical: str,
    scope: ServiceScope,
    server: Server,
    *,
    name: str,
    selector: Mapping[str, str],
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    ignore_changes: Sequence[str] = (),
    after: Iterable[pulumi.Resource] = (),
) -> k8s.core.v1.Service:
    """A Service with the ports of that server.

    Where it is one version's, Prometheus reads the pods behind it for their metrics, if they have some and the service
    is monitored.

    Args:
        logical: the Pulumi name.
        scope: the service that it is a part of.
        server: what its pods run.
        name: its name in DNS.
        selector: labels of its pods.
        labels: its own; that of a version where its pods are of it and behind no other Service that says so.
        annotations: its own.
        ignore_changes: what another changes in it, and keeps.
        after: what has to be there before requests reach those pods.
    """
    # gRPC is HTTP/2 from the first byte, which proxies have to know.
    # https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol
    grpc = {HTTP_PORT} if server.is_grpc else {GRPC_PORT}
    metrics = server_metrics(server) if scope.is_monitored and VARIANT in labels else None
    read = {METRICS: metrics.port} if metrics else {}
    path = {METRICS_PATH: metrics.path} if metrics else {}
    options = scope.options(after)
    options.ignore_changes = list(ignore_changes) or None
    return k8s.core.v1.Service(
        logical,
        metadata=scope.metadata(name, labels={**labels, **read}, annotations={**(annotations or {}), **path}),
        spec=k8s.core.v1.ServiceSpecArgs(
            type="ClusterIP",
            selector=dict(selector),
            ports=[
                k8s.core.v1.ServicePortArgs(
                    name=port,
                    port=number,
                    target_port=port,
                    app_protocol="kubernetes.io/h2c" if port in grpc else "http",
                )
                for port, number in service_ports(server).items()
            ],
        ),
        opts=options,
    )
