"""The plugin: Google Cloud's provider, and what goes on in a project meanwhile."""

from functools import partial

from tools.offline.cloud import autoscaler, envoy_gateway, volumes
from tools.offline.cloud.machinery import Part
from tools.offline.cloud.server import CloudProvider, announcement
from tools.offline.common import serving
from tools.offline.gcp import compute_classes, controllers, gateways, rules
from tools.offline.gcp.cloud import GCP
from tools.offline.gcp.pools import POOLS

rules.load()


PARTS: tuple[Part, ...] = (
    partial(autoscaler.serve, groups=POOLS),
    compute_classes.serve,
    gateways.serve,
    envoy_gateway.serve,
    controllers.serve,
    volumes.serve,
)
"""What makes nodes for pods that wait, volumes for claims, and load balancers for Gateways and Services."""


class Provider(CloudProvider):
    """The simulated Google Cloud."""

    cloud = GCP
    package = GCP.package
    announcement = announcement(GCP)
    parts = PARTS


def serve(arguments: list[str]) -> None:
    """Serves the engine at the address in `arguments` until it ends."""
    serving.serve("pulumi-resource-gcp", Provider, arguments)
