"""What makes a cluster's accelerators usable: device plugins, drivers and their metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.cluster.pools import Pool
from modelyard.cluster.traits import ClusterTraits
from modelyard.gpu.contract import Component
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.agents import AGENTS, MONITORED, pools_by_component, values_of


def needed_agents(cluster: Cluster) -> dict[Component, list[Pool]]:
    """What is installed on a cluster for its accelerators, and for which of its pools; nothing where no charts are."""
    return pools_by_component(cluster.pools) if cluster.traits.charts_installed else {}


class Accelerators(pulumi.ComponentResource):
    """The agents of nodes without which no pod gets a GPU of the cluster's pools.

    It installs what the contracts of the pools name, each from its chart into a privileged namespace of its own, on the
    nodes of those pools only: NVIDIA's device plugin, its DRA driver or its GPU operator, the exporter of NVIDIA's
    metrics with its ServiceMonitor, the device plugins of AWS's fabric and of AWS's own accelerators. A pool's GPUs are
    handled by one of them, never by two. What a node's image or a managed cluster brings itself is not installed.

    It makes nothing where no pool names anything, where the nodes are simulated, and where the cluster installs no
    charts.
    """

    before_workloads: Sequence[pulumi.Resource]
    """What workloads depend on, so that it outlives them: the driver through which claims of theirs are given back."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        *,
        charts: ChartsSpec | None = None,
        monitoring_ready: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install the agents; once for a cluster.

        Args:
            name: the Pulumi name.
            cluster: whose pools.
            charts: where charts come from.
            monitoring_ready: what a ServiceMonitor depends on; empty where nothing reads metrics.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:platform:Accelerators", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.before_workloads = []
        for component, pools in needed_agents(cluster).items():
            agent = Operator(
                f"{name}-{component}",
                _after(cluster, monitoring_ready) if component in MONITORED else cluster,
                AGENTS[component],
                values=values_of(component, pools, monitored=bool(monitoring_ready)),
                charts=charts,
                opts=child,
            )
            if component == "nvidia-dra-driver":
                self.before_workloads = agent.kinds_ready
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class _Host:
    kubernetes_provider: k8s.Provider
    traits: ClusterTraits
    ready: Sequence[pulumi.Resource]


def _after(cluster: Cluster, further: Sequence[pulumi.Resource]) -> _Host:
    """The cluster, for what must exist after something else on it too."""
    return _Host(
        kubernetes_provider=cluster.kubernetes_provider, traits=cluster.traits, ready=[*cluster.ready, *further]
    )
