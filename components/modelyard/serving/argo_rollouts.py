"""What moves requests to new versions in steps by itself: Argo Rollouts."""

from collections.abc import Sequence

import pulumi

from modelyard.cluster.base import Cluster
from modelyard.observability.monitoring import Monitoring
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.gateway import Gateway
from modelyard.serving.argo_rollouts_chart import DEFINITION, chart_values
from modelyard.serving.gateway_monitor import monitor_gateway


class ArgoRollouts(pulumi.ComponentResource):
    """Argo Rollouts with its plugin for the Gateway API, for services with an automatic release.

    Installs it into a namespace of its own; once for a cluster. With a gateway of class `envoy` and metrics it makes a
    PodMonitor by which Prometheus reads what the gateway counts. Rollouts themselves are their services'. On destroy
    they go first, while the controller still runs; its kinds stay, as the chart keeps them. Where the cluster installs
    no charts, only the kinds are registered: Rollouts are accepted, and nothing makes their pods.
    """

    ready: Sequence[pulumi.Resource]
    """What Rollouts depend on."""
    are_acted_on: bool
    """Whether a controller runs, so that pods of Rollouts come to be."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        *,
        is_present: bool = False,
        charts: ChartsSpec | None = None,
        monitoring: Monitoring | None = None,
        gateway: Gateway | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install it.

        Args:
            name: the Pulumi name.
            cluster: where.
            is_present: whether the cluster has it already, with the plugin; then it is not installed.
            charts: where charts come from.
            monitoring: whose Prometheus reads the controller's and the gateway's metrics.
            gateway: whose answers are counted; None where nobody asks for them, or KEDA has them read already.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: where no charts are installed, the folder of kinds that the cluster names cannot be used.
        """
        super().__init__("modelyard:serving:ArgoRollouts", name, {}, opts)
        self.ready = [] if is_present else self._install(name, cluster, charts, monitoring)
        self.are_acted_on = is_present or cluster.traits.charts_installed
        if monitoring and gateway:
            monitor_gateway(f"{name}-gateway", cluster, monitoring, gateway, parent=self)
        self.register_outputs({})

    def _install(
        self, name: str, cluster: Cluster, charts: ChartsSpec | None, monitoring: Monitoring | None
    ) -> Sequence[pulumi.Resource]:
        operator = Operator(
            name,
            cluster,
            DEFINITION,
            values=chart_values(monitored=monitoring is not None),
            charts=charts,
            after=monitoring.monitors_known if monitoring else (),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return operator.kinds_ready
