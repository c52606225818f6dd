"""The rules that a gateway, the cluster and the routes of all workspaces make together. Imports no Pulumi package."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.gke.load_balancers import GATEWAY_CLASSES
from modelyard.cluster.spec import ClusterSpec
from modelyard.errors import Problem
from modelyard.platform.gateway_spec import GatewaySpec, class_problems
from modelyard.serving.route_spec import RouteSpec, route_problems, twin_route_problems


def gateway_problems(
    gateway: GatewaySpec | None, cluster: ClusterSpec, routes: Mapping[str, RouteSpec]
) -> Iterator[Problem]:
    """A gateway that the cluster cannot have, and routes that do not go with it or with each other.

    Args:
        gateway: the stack's, if it has one.
        cluster: where it would be.
        routes: of services, by the paths of those.
    """
    for path, route in routes.items():
        yield from (problem.under(path) for problem in route_problems(route, gateway))
    if gateway:
        own: Mapping[str, str] = GATEWAY_CLASSES if cluster.gke and cluster.gke.network.proxies_cidr else {}
        yield from (problem.under("platform.gateway") for problem in class_problems(gateway, own))
        yield from twin_route_problems(routes, gateway)
