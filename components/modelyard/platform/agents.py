"""The agents of nodes that handle accelerators: which there are, and the values of their charts. No Pulumi package.

Each runs on the nodes of exactly those pools whose contract names it, found by the pools' own labels. Labels that other
agents set are no ground for that: NVIDIA's operator rewrites `nvidia.com/gpu.present`, which the device plugin's chart
would go by, on every node that it does not manage.
https://github.com/NVIDIA/gpu-operator/blob/v26.7.0/controllers/nodelabeling_controller.go
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelyard.cluster.pools import Pool
from modelyard.gpu.components import Component
from modelyard.gpu.fabric import INFINIBAND
from modelyard.operators import namespaces
from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.platform.amd import amd_gpu_operator_values
from modelyard.platform.infiniband import NIC_CLUSTER_POLICY, network_operator_values
from modelyard.platform.placement import EXPORTER_SECONDS, Values, node_affinity, tolerations
from modelyard.versions import (
    AMD_GPU_OPERATOR,
    DCGM_EXPORTER,
    EFA_DEVICE_PLUGIN,
    GPU_OPERATOR,
    NETWORK_OPERATOR,
    NEURON,
    NVIDIA_DEVICE_PLUGIN,
    NVIDIA_DRA_DRIVER,
    Chart,
)

_OTHERS = "OTHERS"
"""The configuration of pools without one of their own. No pool is called so, as their names are in lower case."""
_WHOLE = {"version": "v1", "flags": {"migStrategy": "none"}}
_OPERATOR: Component = "gpu-operator"
_EXPORTER: Component = "dcgm-exporter"
_RDMA: Values = {"rdma": {"enabled": True}}
"""Lets the devices of a fast network reach the GPUs' memory."""
_GKE_LIBRARIES = "/home/kubernetes/bin/nvidia"
"""Where GKE's nodes have NVIDIA's driver and its libraries."""
_GKE_MOUNTED = "/usr/local/nvidia"
"""Where containers have them."""
_COUNTERS = "/etc/dcgm-exporter/default-counters.csv"


def pools_by_component(pools: Mapping[str, Pool]) -> dict[Component, list[Pool]]:
    """What has to be installed for these pools, and for which of them. Simulated nodes need nothing.

    Where the GPU operator works, its own exporter runs, as its own device plugin does: it stops both while its MIG
    manager divides GPUs, and starts them anew to see the slices, as it cannot do with those of other charts.
    https://github.com/NVIDIA/mig-parted/blob/main/deployments/container
    """
    found: dict[Component, list[Pool]] = {}
    for pool in pools.values():
        if pool.gpu and pool.runs_containers:
            components = pool.gpu.components
            for component in components - {_EXPORTER} if _OPERATOR in components else components:
                found.setdefault(component, []).append(pool)
    return dict(sorted(found.items()))


def _agent(namespace: str, chart: Chart, *kinds: Kind) -> OperatorDefinition:
    return OperatorDefinition(
        name=namespace, chart=chart, kinds=kinds, pod_security="privileged", further_namespaces={}
    )


def device_plugin_values(pools: Sequence[Pool]) -> Values:
    """https://github.com/NVIDIA/k8s-device-plugin/blob/v0.20.0/deployments/helm/nvidia-device-plugin/values.yaml"""
    configs = _device_plugin_configs(pools)
    return {
        "affinity": _on_nodes_of(pools),
        "tolerations": tolerations(pools),
        **({"config": {"map": configs, "default": _OTHERS}} if configs else {}),
    }


def dra_driver_values(pools: Sequence[Pool]) -> Values:
    """https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/blob/v0.4.1/deployments/helm/dra-driver-nvidia-gpu/values.yaml"""
    return {
        # The chart asks for this word that no device plugin runs on the same nodes.
        "gpuResourcesEnabledOverride": True,
        # They connect GPUs over NVLink between machines, which no pool asks for.
        "resources": {"gpus": {"enabled": True}, "computeDomains": {"enabled": False}},
        **({"nvidiaDriverRoot": _GKE_LIBRARIES} if _is_gke(pools) else {}),
        "kubeletPlugin": {"affinity": _on_nodes_of(pools), "tolerations": tolerations(pools)},
    }


def gpu_operator_values(pools: Sequence[Pool], *, monitored: bool) -> Values:
    """https://github.com/NVIDIA/gpu-operator/blob/v26.7.0/deployments/gpu-operator/values.yaml

    The operator works on nodes that its node-feature-discovery finds to have a GPU, so that this one looks at its
    pools' nodes only. Its CustomResourceDefinitions stay on the cluster when it goes, as Helm never removes those.
    """
    plugin, layouts = _device_plugin_configs(pools), _mig_configs(pools)
    tolerated = tolerations(pools)
    drivers = any(pool.spec.driver == "operator" or _has_infiniband(pool) for pool in pools)
    exported = any(pool.gpu and _EXPORTER in pool.gpu.components for pool in pools)
    return {
        # Two drivers on one node would fight, so that an image with a driver keeps it, and its toolkit with it.
        "driver": {"enabled": drivers, **(_RDMA if any(_has_infiniband(pool) for pool in pools) else {})},
        "toolkit": {"enabled": drivers},
        # One for the whole cluster: it wins over what a pool's configuration of the device plugin says.
        "mig": {"strategy": "mixed" if any(_has_named_slices(pool) for pool in pools) else "single"},
        "migManager": _mig_manager(layouts) if layouts else {},
        "devicePlugin": {"config": _config("device-plugin-configs", plugin, _OTHERS)} if plugin else {},
        "dcgmExporter": {"enabled": exported or monitored, "serviceMonitor": _service_monitor(monitored=monitored)},
        "daemonsets": {"tolerations": tolerated},
        "node-feature-discovery": {"worker": {"affinity": _on_nodes_of(pools), "tolerations": tolerated}},
    }


def dcgm_exporter_values(pools: Sequence[Pool], *, monitored: bool) -> Values:
    """https://github.com/NVIDIA/dcgm-exporter/blob/4.5.3-4.8.2/deployment/values.yaml

    Args:
        pools: the pools whose nodes it reads.
        monitored: whether there is a Prometheus to read it.
    """
    shared = any(pool.gpu and pool.gpu.sharing_kind in {"time_slicing", "mps"} for pool in pools)
    on_gke = _is_gke(pools)
    return {
        "affinity": _on_nodes_of(pools),
        "tolerations": tolerations(pools),
        "serviceMonitor": _service_monitor(monitored=monitored),
        "kubernetesDRA": {"enabled": any(pool.device_class for pool in pools)},
        "extraEnv": [
            # Without it, only one of the pods that share a GPU is named.
            *([{"name": "KUBERNETES_VIRTUAL_GPUS", "value": "true"}] if shared else []),
            # The chart's image is without a distribution, and so without NVIDIA's own places to look.
            *([{"name": "LD_LIBRARY_PATH", "value": f"{_GKE_MOUNTED}/lib64"}] if on_gke else []),
        ],
        **(_libraries_of_gke() if on_gke else {}),
    }


def efa_device_plugin_values(pools: Sequence[Pool]) -> Values:
    """https://github.com/aws/eks-charts/blob/master/stable/aws-efa-k8s-device-plugin/values.yaml"""
    labels = [pool.node_selector for pool in pools]
    return {
        # The chart chooses nodes by any label's values, and comes with a list of machine types.
        "supportedInstanceLabels": {
            "keys": sorted({key for each in labels for key in each}),
            "values": sorted({value for each in labels for value in each.values()}),
        },
        "tolerations": tolerations(pools),
    }


def neuron_device_plugin_values(pools: Sequence[Pool]) -> Values:
    """https://github.com/aws-neuron/neuron-helm-charts/blob/main/charts/neuron-helm-chart/values.yaml"""
    return {
        "devicePlugin": {
            # The chart puts it into kube-system otherwise, whatever the release's namespace.
            "namespaceOverride": namespaces.NEURON_DEVICE_PLUGIN,
            "affinity": _on_nodes_of(pools),
            "tolerations": tolerations(pools),
        },
        # It replaces nodes by itself; the cluster's own node repair does that here.
        "npd": {"enabled": False},
    }


AGENTS: Mapping[Component, OperatorDefinition] = {
    "nvidia-device-plugin": _agent(namespaces.NVIDIA_DEVICE_PLUGIN, NVIDIA_DEVICE_PLUGIN),
    "nvidia-dra-driver": _agent(namespaces.NVIDIA_DRA_DRIVER, NVIDIA_DRA_DRIVER),
    "gpu-operator": _agent(namespaces.GPU_OPERATOR, GPU_OPERATOR),
    "dcgm-exporter": _agent(namespaces.DCGM_EXPORTER, DCGM_EXPORTER),
    "efa-device-plugin": _agent(namespaces.EFA_DEVICE_PLUGIN, EFA_DEVICE_PLUGIN),
    "neuron-device-plugin": _agent(namespaces.NEURON_DEVICE_PLUGIN, NEURON),
    "amd-gpu-operator": _agent(namespaces.AMD_GPU_OPERATOR, AMD_GPU_OPERATOR),
    "network-operator": _agent(namespaces.NETWORK_OPERATOR, NETWORK_OPERATOR, NIC_CLUSTER_POLICY),
}
"""Every agent that has a chart, by the name that contracts give it."""
_CRITICAL: frozenset[Component] = frozenset({_OPERATOR, _EXPORTER, "nvidia-dra-driver"})


def values_of(component: Component, pools: Sequence[Pool], *, monitored: bool) -> Values:
    """The values of an agent's chart.

    Args:
        component: which agent.
        pools: the pools that it works for.
        monitored: whether there is a Prometheus to read metrics.
    """
    match component:
        case "nvidia-device-plugin":
            return device_plugin_values(pools)
        case "nvidia-dra-driver":
            return dra_driver_values(pools)
        case "gpu-operator":
            return gpu_operator_values(pools, monitored=monitored)
        case "dcgm-exporter":
            return dcgm_exporter_values(pools, monitored=monitored)
        case "efa-device-plugin":
            return efa_device_plugin_values(pools)
        case "neuron-device-plugin":
            return neuron_device_plugin_values(pools)
        case "amd-gpu-operator":
            return amd_gpu_operator_values(pools, monitored=monitored)
        case "network-operator":
            return network_operator_values()
        case (
            "gib-installer"
            | "tcpx-installer"
            | "tcpxo-installer"
            | "device-injector"
            | "gke-driver-installer"
            | "amd-driver-installer"
        ):
            raise AssertionError(f"{component} has no chart")


def definition_of(component: Component, pools: Sequence[Pool]) -> OperatorDefinition:
    """An agent as it is installed for these pools: on GKE, pods of the system's own priority run in `kube-system` only,
    unless a namespace is let have some."""
    definition = AGENTS[component]
    return replace(definition, has_critical_pods=True) if _is_gke(pools) and component in _CRITICAL else definition


def _is_gke(pools: Sequence[Pool]) -> bool:
    return any(pool.gpu and pool.gpu.gke for pool in pools)


def _has_infiniband(pool: Pool) -> bool:
    return bool(pool.gpu and INFINIBAND in pool.gpu.fabric_resources)


def _libraries_of_gke() -> Values:
    """What finds the libraries where GKE has them: nothing puts them into containers that ask for no GPU.
    https://cloud.google.com/stackdriver/docs/managed-prometheus/exporters/nvidia-dcgm"""
    return {
        "extraHostVolumes": [{"name": "nvidia", "hostPath": _GKE_LIBRARIES}],
        # The first is the chart's own, which a list of ours takes the place of.
        "extraVolumeMounts": [
            {"name": "exporter-metrics-volume", "mountPath": _COUNTERS, "subPath": _COUNTERS.rpartition("/")[2]},
            {"name": "nvidia", "mountPath": _GKE_MOUNTED, "readOnly": True},
        ],
        # Helm merges this with the chart's own, which forbids what a privileged container cannot be forbidden.
        "securityContext": {"privileged": True, "allowPrivilegeEscalation": True},
    }


def _service_monitor(*, monitored: bool) -> Values:
    return {"enabled": monitored, "interval": f"{EXPORTER_SECONDS}s"}


def _on_nodes_of(pools: Sequence[Pool]) -> Values:
    """Affinity to the nodes of any of the pools."""
    return {"nodeAffinity": node_affinity(pools)}


def _mig_manager(layouts: Mapping[str, str]) -> Values:
    """The MIG manager, which restarts a node where its GPUs cannot be reset otherwise, as on virtual machines of AWS.
    https://docs.aws.amazon.com/eks/latest/userguide/device-management-nvidia-mig.html"""
    return {
        "config": _config("mig-configs", layouts, "all-disabled"),
        "env": [{"name": "WITH_REBOOT", "value": "true"}],
    }


def _config(name: str, data: Mapping[str, str], default: str) -> Values:
    return {"name": name, "create": True, "default": default, "data": dict(data)}


def _device_plugin_configs(pools: Sequence[Pool]) -> dict[str, str]:
    """The files of the plugin's configuration by the value of the nodes' label; empty where no pool has one."""
    own = {pool.name: pool.gpu.device_plugin_config for pool in pools if pool.gpu and pool.gpu.device_plugin_config}
    return {name: _yaml(config) for name, config in {_OTHERS: _WHOLE, **own}.items()} if own else {}


def _mig_configs(pools: Sequence[Pool]) -> dict[str, str]:
    """The file of the MIG manager's layouts; empty where no GPU is divided. It stands in place of the operator's own,
    so that the layout of whole GPUs is in it too: https://github.com/NVIDIA/mig-parted"""
    own = [pool.gpu.mig_config for pool in pools if pool.gpu and pool.gpu.mig_config]
    layouts: dict[str, Any] = {"all-disabled": [{"devices": "all", "mig-enabled": False}]}
    for each in own:
        layouts |= each
    return {"config.yaml": _yaml({"version": "v1", "mig-configs": layouts})} if own else {}


def _has_named_slices(pool: Pool) -> bool:
    return bool(pool.gpu) and any(name.startswith("nvidia.com/mig-") for name in pool.gpu.resources)


def _yaml(value: object) -> str:
    # JSON is YAML, and needs no further package.
    return json.dumps(value, indent=2)
