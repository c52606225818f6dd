"""What runs model servers over several nodes: the controller of LeaderWorkerSets."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.kube.disruptions import make_disruption_budget
from modelyard.kube.labels import labels
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.leader_worker_sets_chart import DEFINITION, PODS, chart_values


class LeaderWorkerSets(pulumi.ComponentResource):
    """The controller of LeaderWorkerSets, for model servers that need more than one node.

    It installs the controller into a namespace of its own, with a PodDisruptionBudget, which its chart has none of;
    once for a cluster. The LeaderWorkerSets themselves are their services'. On destroy they go first, while the
    controller still runs; the kinds stay, as Helm leaves what a chart has in `crds/`. Where the cluster installs no
    charts, only the kind is registered: LeaderWorkerSets are accepted, and nothing makes their pods.
    """

    ready: Sequence[pulumi.Resource]
    """What LeaderWorkerSets depend on."""
    are_acted_on: bool
    """Whether a controller runs, so that pods of LeaderWorkerSets come to be."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        *,
        is_present: bool = False,
        charts: ChartsSpec | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install the controller.

        Args:
            name: the Pulumi name.
            cluster: where.
            is_present: whether the cluster has it already; then nothing is made.
            charts: where charts come from.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: where no charts are installed, the folder of kinds that the cluster names cannot be used.
        """
        super().__init__("modelyard:platform:LeaderWorkerSets", name, {}, opts)
        self.ready = [] if is_present else self._install(name, cluster, charts)
        self.are_acted_on = is_present or cluster.traits.charts_installed
        self.register_outputs({})

    def _install(self, name: str, cluster: Cluster, charts: ChartsSpec | None) -> Sequence[pulumi.Resource]:
        operator = Operator(
            name,
            cluster,
            DEFINITION,
            values=chart_values(),
            charts=charts,
            opts=pulumi.ResourceOptions(parent=self),
        )
        if cluster.traits.charts_installed:
            make_disruption_budget(
                name,
                k8s.meta.v1.ObjectMetaArgs(
                    namespace=operator.namespace_name,
                    labels=labels(DEFINITION.name, instance=DEFINITION.name, component="operator"),
                ),
                PODS,
                pulumi.ResourceOptions(
                    parent=self, provider=cluster.kubernetes_provider, depends_on=list(operator.kinds_ready)
                ),
            )
        return operator.kinds_ready
