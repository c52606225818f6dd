"""The Gateway as an object of the cluster, and the address in its status."""

from collections.abc import Mapping
from typing import Any

import pulumi

from modelyard.platform import gateway_kinds as kinds


class GatewayObject(pulumi.CustomResource):
    """The Gateway, with the status that `k8s.apiextensions.CustomResource` does not give out."""

    status: pulumi.Output[Any]
    """As who acts on it writes it; None where nobody does."""

    def __init__(
        self, name: str, *, metadata: Mapping[str, Any], spec: Mapping[str, Any], opts: pulumi.ResourceOptions
    ) -> None:
        """Make it.

        Args:
            name: the Pulumi name.
            metadata: as the API server takes it.
            spec: likewise.
            opts: Pulumi's options.
        """
        kind = kinds.GATEWAY
        properties = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": metadata,
            "spec": spec,
            "status": None,
        }
        super().__init__(f"kubernetes:{kind.api_version}:{kind.kind}", name, properties, opts)


def address_in(status: Any) -> str:
    """The first of the addresses in a Gateway's status; empty where there is none."""
    match status:
        case {"addresses": [{"value": str(address)}, *_]}:
            return address
        case _:
            return ""
