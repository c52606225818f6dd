"""What makes a cluster's accelerators usable: device plugins, drivers and their metrics."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.cluster.pools import Pool
from modelyard.gpu.components import Component
from modelyard.kube.labels import labels, selector
from modelyard.kube.pod_security import container_security, pod_security_labels
from modelyard.kube.users import ROOT
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.agents import definition_of, pools_by_component, values_of
from modelyard.platform.infiniband import NIC_CLUSTER_POLICY, POLICY_NAME, nic_cluster_policy
from modelyard.platform.installers import INSTALLERS, Installer
from modelyard.platform.placement import selectors, tolerations
from modelyard.versions import INSTALLER_IMAGE, PAUSE_IMAGE

_PAUSE_USER_ID = 65535
"""The image's own."""


def needed_agents(cluster: Cluster) -> dict[Component, list[Pool]]:
    """What is installed on a cluster for its accelerators, and for which of its pools; nothing where no charts are."""
    return pools_by_component(cluster.pools) if cluster.traits.charts_installed else {}


class Accelerators(pulumi.ComponentResource):
    """The agents of nodes without which no pod gets a GPU of the cluster's pools.

    It installs what the contracts of the pools name, each from its chart into a privileged namespace of its own, on the
    nodes of those pools only: NVIDIA's device plugin, its DRA driver or its GPU operator, the exporter of NVIDIA's
    metrics with its ServiceMonitor, the device plugins of AWS's fabric and of AWS's own accelerators, AMD's GPU
    operator, and NVIDIA's network operator with its policy for InfiniBand. What has no chart is a DaemonSet, in a
    privileged namespace of its own too: on AKS what installs AMD's driver, on GKE what installs Google's NCCL
    plugins, what shows processes beside pods their devices, and what installs NVIDIA's driver where GPUs are claimed. A
    pool's GPUs are handled by one device plugin, never by two. What a node's image or a managed cluster brings itself
    is not installed.

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
            if component in INSTALLERS:
                _install(self, f"{name}-{component}", component, INSTALLERS[component], pools, cluster)
                continue
            agent = Operator(
                f"{name}-{component}",
                cluster,
                definition_of(component, pools),
                values=values_of(component, pools, monitored=bool(monitoring_ready)),
                charts=charts,
                # Also where an agent has no metrics: the engine deletes layer by layer, so charts that stand upon the
                # same go at the same time. It delays nothing, as the kinds are there before the first node.
                after=monitoring_ready,
                opts=child,
            )
            if component == "nvidia-dra-driver":
                self.before_workloads = agent.kinds_ready
            elif component == "network-operator":
                _connect(self, f"{name}-{component}", pools, cluster, agent.kinds_ready)
        self.register_outputs({})


def _connect(
    parent: pulumi.Resource,
    name: str,
    pools: Sequence[Pool],
    cluster: Cluster,
    before: Sequence[pulumi.Resource],
) -> None:
    """What the network operator does on the nodes of the pools."""
    k8s.apiextensions.CustomResource(
        name,
        api_version=NIC_CLUSTER_POLICY.api_version,
        kind=NIC_CLUSTER_POLICY.kind,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=POLICY_NAME, labels=labels(POLICY_NAME, instance=name, component="network")
        ),
        spec=nic_cluster_policy(pools),
        opts=pulumi.ResourceOptions(
            parent=parent, provider=cluster.kubernetes_provider, depends_on=[*cluster.ready, *before]
        ),
    )


def _install(
    parent: pulumi.Resource,
    name: str,
    component: str,
    installer: Installer,
    pools: Sequence[Pool],
    cluster: Cluster,
) -> None:
    """A DaemonSet on the nodes of the pools, in a namespace of its own."""
    provider = cluster.kubernetes_provider
    its_labels = labels(component, instance=name, component="installer")
    namespace = k8s.core.v1.Namespace(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(
            name=installer.namespace, labels={**its_labels, **pod_security_labels("privileged")}
        ),
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=list(cluster.ready)),
    )
    volumes = {path: f"host-{index}" for index, path in enumerate(installer.host_paths)}
    before, while_there = _containers(installer, volumes)
    its_selector = selector(component, instance=name, component="installer")
    k8s.apps.v1.DaemonSet(
        name,
        metadata=k8s.meta.v1.ObjectMetaArgs(namespace=installer.namespace, labels=its_labels),
        spec=k8s.apps.v1.DaemonSetSpecArgs(
            selector=k8s.meta.v1.LabelSelectorArgs(match_labels=its_selector),
            template=k8s.core.v1.PodTemplateSpecArgs(
                metadata=k8s.meta.v1.ObjectMetaArgs(labels=its_labels),
                spec=k8s.core.v1.PodSpecArgs(
                    automount_service_account_token=False,
                    host_network=True,
                    host_pid=True,
                    affinity=_affinity(pools),
                    tolerations=[
                        k8s.core.v1.TolerationArgs(
                            key=each["key"], operator=each["operator"], value=each["value"], effect=each["effect"]
                        )
                        for each in tolerations(pools)
                    ],
                    init_containers=before or None,
                    containers=[while_there],
                    volumes=[
                        k8s.core.v1.VolumeArgs(
                            name=volume,
                            host_path=k8s.core.v1.HostPathVolumeSourceArgs(
                                path=installer.host_paths[path], type="DirectoryOrCreate"
                            ),
                        )
                        for path, volume in volumes.items()
                    ],
                ),
            ),
        ),
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=[namespace, *cluster.ready]),
    )


def _containers(
    installer: Installer, volumes: Mapping[str, str]
) -> tuple[list[k8s.core.v1.ContainerArgs], k8s.core.v1.ContainerArgs]:
    """What is done once, and what runs while the node is there."""
    privileged = k8s.core.v1.SecurityContextArgs(privileged=True)
    needs = k8s.core.v1.ResourceRequirementsArgs(requests={"cpu": "150m", "memory": "64Mi"})
    work = k8s.core.v1.ContainerArgs(
        name="install",
        image=installer.image,
        image_pull_policy="Never" if installer.is_on_node else None,
        command=["bash", "-c", installer.script] if installer.script else None,
        env=[k8s.core.v1.EnvVarArgs(name=key, value=value) for key, value in installer.env.items()],
        resources=needs,
        security_context=privileged,
        volume_mounts=[k8s.core.v1.VolumeMountArgs(name=volume, mount_path=path) for path, volume in volumes.items()],
    )
    if not installer.script:
        return [], work
    prepare = k8s.core.v1.ContainerArgs(
        name="prepare",
        image=INSTALLER_IMAGE,
        command=["nsenter", "-at", "1", "--", "sh", "-c", installer.host_script],
        resources=needs,
        security_context=privileged,
    )
    nobody = container_security(ROOT, (), own_user_id=_PAUSE_USER_ID)
    nobody.seccomp_profile = k8s.core.v1.SeccompProfileArgs(type="RuntimeDefault")
    rest = k8s.core.v1.ContainerArgs(
        name="rest",
        image=PAUSE_IMAGE,
        resources=k8s.core.v1.ResourceRequirementsArgs(
            requests={"cpu": "1m", "memory": "8Mi"},
            # A limit below what runc takes to start a container would end it at once.
            limits={"memory": "32Mi"},
        ),
        security_context=nobody,
    )
    return [*([prepare] if installer.host_script else []), work], rest


def _affinity(pools: Sequence[Pool]) -> k8s.core.v1.AffinityArgs:
    terms = [
        k8s.core.v1.NodeSelectorTermArgs(
            match_expressions=[
                k8s.core.v1.NodeSelectorRequirementArgs(key=key, operator="In", values=[value])
                for key, value in each.items()
            ]
        )
        for each in selectors(pools)
    ]
    required = k8s.core.v1.NodeSelectorArgs(node_selector_terms=terms)
    return k8s.core.v1.AffinityArgs(
        node_affinity=k8s.core.v1.NodeAffinityArgs(required_during_scheduling_ignored_during_execution=required)
    )
