"""Clusters on which Envoy Gateway can be installed, so that they bring nobody in its place."""

from collections.abc import Sequence

import pulumi


class WithoutGateway:
    """The part of the protocol that only clusters keep whose trait `gateway_in_place` names somebody."""

    def run_gateway(
        self, name: str, *, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> Sequence[pulumi.Resource]:
        """Nothing is made."""
        del name, namespace, opts
        return ()
