"""The plugin: Azure's provider, and what goes on in an account meanwhile."""

# ruff: noqa: N802 - the protocol sets names

from functools import partial
from typing import Any

from pulumi.runtime.proto import provider_pb2

from tools.offline.azure import functions, nap, rules
from tools.offline.azure.cloud import AZURE
from tools.offline.azure.pool_nodes import POOLS
from tools.offline.cloud import autoscaler, envoy_gateway, volumes
from tools.offline.cloud.machinery import Part
from tools.offline.cloud.server import CloudProvider, announcement
from tools.offline.common import serving
from tools.offline.common.values import as_map, marshal, unmarshal, without_secrets

rules.load()


PARTS: tuple[Part, ...] = (partial(autoscaler.serve, groups=POOLS), nap.serve, envoy_gateway.serve, volumes.serve)
"""What makes nodes for pods that wait, volumes for their claims, and Services for Gateways."""


class Provider(CloudProvider):
    """The simulated Azure."""

    cloud = AZURE
    package = AZURE.package
    announcement = announcement(AZURE)
    parts = PARTS

    def Invoke(self, request: Any, context: Any) -> Any:
        known = functions.FUNCTIONS.get(request.tok)
        if known is None:
            return super().Invoke(request, context)

        def run() -> Any:
            given = as_map(without_secrets(unmarshal(request.args)))
            answer = provider_pb2.InvokeResponse()
            # Its field is named as a keyword of Python's.
            getattr(answer, "return").CopyFrom(marshal(known(self._configured(), given)))
            return answer

        return self._answer(context, run)


def serve(arguments: list[str]) -> None:
    """Serves the engine at the address in `arguments` until it ends."""
    serving.serve("pulumi-resource-azure-native", Provider, arguments)
