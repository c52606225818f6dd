"""What makes the pods of one version of a service, as what is around it sees it."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A Deployment, or a LeaderWorkerSet.

    Attributes:
        resource: the object.
        name: its generated name.
        kind: its kind, which has a number of replicas to be set from outside.
        api_version: that of the kind.
    """

    resource: pulumi.Resource
    name: pulumi.Output[str]
    kind: str = "Deployment"
    api_version: str = "apps/v1"
