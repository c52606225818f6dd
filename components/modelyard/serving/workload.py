"""What makes the pods of one version of a service, as what is around it sees it."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A Deployment, or what stands in its place.

    Attributes:
        resource: the object that is made here.
        name: the generated name of what has a number of replicas: of the object, or of what KServe makes of it.
        kind: its kind, which has a number of replicas to be set from outside.
        api_version: that of the kind.
    """

    resource: pulumi.Resource
    name: pulumi.Output[str]
    kind: str = "Deployment"
    api_version: str = "apps/v1"
