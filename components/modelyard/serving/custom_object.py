"""A custom object whose generated name others need."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.operators.definition import Kind


class CustomObject(pulumi.CustomResource):
    """An object of a custom kind, with the name that `k8s.apiextensions.CustomResource` does not give out.

    It creates the object and nothing else; its inputs are as that class has them.
    """

    metadata: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        kind: Kind,
        *,
        metadata: k8s.meta.v1.ObjectMetaArgs,
        spec: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Make it.

        Args:
            name: the Pulumi name, with which the object's begins.
            kind: its kind.
            metadata: without a name.
            spec: as the kind has it.
            opts: Pulumi's options.
        """
        properties = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}
        super().__init__(f"kubernetes:{kind.api_version}:{kind.kind}", name, properties, opts)

    @property
    def object_name(self) -> pulumi.Output[str]:
        """Its name on the cluster."""
        return self.metadata.apply(_name)


def _name(metadata: Mapping[str, Any]) -> str:
    return str(metadata["name"])
