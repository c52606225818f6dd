"""The plugin: Google Cloud's provider, and what goes on in a project meanwhile."""

from tools.offline.cloud import autoscaler, volumes
from tools.offline.cloud.machinery import Part
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.server import CloudProvider, announcement
from tools.offline.cloud.session import Session
from tools.offline.common import serving
from tools.offline.gcp import compute_classes, controllers, rules
from tools.offline.gcp.cloud import GCP
from tools.offline.gcp.pools import POOLS

rules.load()


def _scale(session: Session, plans: Plans) -> None:
    autoscaler.serve(session, plans, POOLS)


PARTS: tuple[Part, ...] = (_scale, compute_classes.serve, controllers.serve, volumes.serve)
"""What makes nodes for pods that wait, volumes for claims, and load balancers for Services."""


class Provider(CloudProvider):
    """The simulated Google Cloud."""

    cloud = GCP
    package = GCP.package
    announcement = announcement(GCP)
    parts = PARTS


def serve(arguments: list[str]) -> None:
    """Serves the engine at the address in `arguments` until it ends."""
    serving.serve("pulumi-resource-gcp", Provider, arguments)
