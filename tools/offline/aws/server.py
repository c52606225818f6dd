"""The plugin: AWS's provider, and what goes on in an account meanwhile."""

from functools import partial

from tools.offline.aws import karpenter, rules
from tools.offline.aws.cloud import AWS
from tools.offline.aws.groups import GROUPS
from tools.offline.cloud import autoscaler, envoy_gateway, volumes
from tools.offline.cloud.machinery import Part
from tools.offline.cloud.server import CloudProvider, announcement
from tools.offline.common import serving

rules.load()


PARTS: tuple[Part, ...] = (
    partial(autoscaler.serve, groups=GROUPS),
    karpenter.serve,
    envoy_gateway.serve,
    volumes.serve,
)
"""What makes nodes for pods that wait, volumes for their claims, and Services for Gateways."""


class Provider(CloudProvider):
    """The simulated AWS."""

    cloud = AWS
    package = AWS.package
    announcement = announcement(AWS)
    parts = PARTS


def serve(arguments: list[str]) -> None:
    """Serves the engine at the address in `arguments` until it ends."""
    serving.serve("pulumi-resource-aws", Provider, arguments)
