"""KEDA on a cluster, which scales model services by what Prometheus knows, by the clock, and down to none."""

from collections.abc import Sequence

import pulumi

from modelyard.cluster.base import Cluster
from modelyard.observability.monitoring import Monitoring
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.gateway import Gateway
from modelyard.serving.gateway_monitor import monitor_gateway
from modelyard.serving.keda_chart import KEDA_OPERATOR, chart_values


class Keda(pulumi.ComponentResource):
    """KEDA, once for a cluster, for services whose number of replicas Kubernetes alone cannot decide.

    Installs KEDA into a namespace of its own, unless the cluster has one: there is one server of external metrics on a
    cluster. With metrics and a gateway of class `envoy` it makes a PodMonitor by which Prometheus reads what the
    gateway counts. What is scaled, a ScaledObject for each version of a service, is the ModelService's.

    Where the cluster installs no charts, only the kind is registered: ScaledObjects are accepted, and nothing scales.

    On destroy ScaledObjects go first: KEDA has to let go of each.
    """

    ready: Sequence[pulumi.Resource]
    """What ScaledObjects depend on."""

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
        """Make it; once for a cluster.

        Args:
            name: the Pulumi name.
            cluster: where.
            is_present: whether KEDA is on the cluster already, and is not to be installed.
            charts: where charts come from.
            monitoring: whose Prometheus reads KEDA's and the gateway's metrics.
            gateway: whose requests services may follow.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:serving:Keda", name, {}, opts)
        self._name, self._cluster = name, cluster
        self.ready = () if is_present else self._install(charts, monitoring)
        if monitoring and gateway:
            monitor_gateway(f"{name}-gateway", cluster, monitoring, gateway, parent=self)
        self.register_outputs({})

    def _install(self, charts: ChartsSpec | None, monitoring: Monitoring | None) -> Sequence[pulumi.Resource]:
        operator = Operator(
            self._name,
            self._cluster,
            KEDA_OPERATOR,
            values=chart_values(monitored=monitoring is not None),
            charts=charts,
            after=monitoring.monitors_known if monitoring else (),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return operator.kinds_ready
