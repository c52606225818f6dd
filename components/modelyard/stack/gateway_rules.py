"""The rules that a gateway, the cluster and the routes of all workspaces make together. Imports no Pulumi package."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.gke.load_balancers import GATEWAY_CLASSES
from modelyard.cluster.spec import ClusterSpec
from modelyard.cluster.traits import ClusterTraits
from modelyard.errors import Problem
from modelyard.platform.gateway_features import TRAEFIK
from modelyard.platform.gateway_spec import GatewaySpec, class_problems
from modelyard.serving.release_rules import release_problems
from modelyard.serving.route_spec import route_problems, twin_route_problems
from modelyard.serving.spec import ModelServiceSpec


def gateway_problems(
    gateway: GatewaySpec | None, cluster: ClusterSpec, services: Mapping[str, ModelServiceSpec]
) -> Iterator[Problem]:
    """A gateway that the cluster cannot have, and routes and releases that do not go with it or with each other.

    Args:
        gateway: the stack's, if it has one.
        cluster: where it would be.
        services: by their paths.
    """
    features = gateway.features_on(_traits(cluster)) if gateway else None
    for path, service in services.items():
        found = [*route_problems(service.route, gateway, features)]
        found += release_problems(service.release, features)
        yield from (problem.under(path) for problem in found)
    if gateway:
        own: Mapping[str, str] = GATEWAY_CLASSES if cluster.gke and cluster.gke.network.proxies_cidr else {}
        yield from (problem.under("platform.gateway") for problem in class_problems(gateway, own))
        routes = {path: service.route for path, service in services.items() if service.route}
        yield from twin_route_problems(routes, gateway)


def _traits(cluster: ClusterSpec) -> ClusterTraits:
    """What is known of the cluster without making it. Of an engine that is yet to be chosen nothing is."""
    local = cluster.local
    is_host = local is not None and local.engine == "host" and not local.installs_charts
    return ClusterTraits(client_addresses_seen=cluster.eks is None, gateway_in_place=TRAEFIK if is_host else None)
