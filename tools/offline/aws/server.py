"""The plugin: AWS's provider, and what goes on in an account meanwhile."""

from tools.offline.aws import karpenter, rules
from tools.offline.aws.cloud import AWS
from tools.offline.aws.groups import GROUPS
from tools.offline.cloud import autoscaler, volumes
from tools.offline.cloud.machinery import Part
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.server import CloudProvider, announcement
from tools.offline.cloud.session import Session
from tools.offline.common import serving

rules.load()


def _scale(session: Session, plans: Plans) -> None:
    autoscaler.serve(session, plans, GROUPS)


PARTS: tuple[Part, ...] = (_scale, karpenter.serve, volumes.serve)
"""What makes nodes for pods that wait, and volumes for their claims."""


class Provider(CloudProvider):
    """The simulated AWS."""

    cloud = AWS
    package = AWS.package
    announcement = announcement(AWS)
    parts = PARTS


def serve(arguments: list[str]) -> None:
    """Serves the engine at the address in `arguments` until it ends."""
    serving.serve("pulumi-resource-aws", Provider, arguments)
