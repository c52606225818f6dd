"""What a stack gives to other stacks, typed on both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pulumi


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """The outputs of a stack: exported by it, and read by others through a StackReference."""

    cluster_name: pulumi.Output[str]
    """The cluster's name."""
    kubeconfig: pulumi.Output[str]
    """How to reach the cluster; a secret."""
    services: pulumi.Output[Mapping[str, str]]
    """In-cluster base URL of each model service, by `workspace/service`."""
    service_ports: pulumi.Output[Mapping[str, Mapping[str, int]]]
    """The ports of each model service inside of the cluster, by `workspace/service` and by their names: `http`, and
    where it has them `grpc` and `metrics`."""
    routes: pulumi.Output[Mapping[str, str]]
    """Base URL for clients of the gateway of each model service with a route, by `workspace/service`."""
    gateway_address: pulumi.Output[str]
    """Where the gateway's load balancer listens, for a record in DNS: an IP address or a name. Empty without a gateway,
    and where nothing gives it an address."""
    object_stores: pulumi.Output[Mapping[str, str]]
    """URL of each object store of a workspace, by `workspace/store`."""

    def export(self) -> None:
        """Make them the outputs of the running stack, under their own names."""
        for each in fields(self):
            pulumi.export(each.name, getattr(self, each.name))

    @classmethod
    def of(cls, reference: pulumi.StackReference) -> "StackOutputs":
        """The outputs of another stack; what it does not have makes the update fail."""
        return cls(**{each.name: reference.require_output(each.name) for each in fields(cls)})
