"""Which agents are installed for which pools, and how each is told so."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.components import Component
from modelyard.operators.namespaces import PLATFORM_NAMESPACES
from modelyard.platform.agents import AGENTS, pools_by_component, values_of
from modelyard.platform.infiniband import nic_cluster_policy
from modelyard.platform.installers import INSTALLERS
from modelyard.workspace.spec import workspace_name_problems
from tests.support.gpu_pools import AKS_POOLS, GKE_POOLS, GPU_POOLS
from tests.unit.platform.chart_keys import KNOWN, VERSIONS, unknown


def pools(*names: str) -> list[Pool]:
    return [GPU_POOLS[name] for name in names]


def values(component: Component, *names: str, monitored: bool = False) -> dict[str, Any]:
    return dict(values_of(component, pools(*names), monitored=monitored))


def needed(found: Sequence[Pool]) -> dict[str, list[str]]:
    by_component = pools_by_component({pool.name: pool for pool in found})
    return {component: [pool.name for pool in its] for component, its in by_component.items()}


def terms(affinity: Any) -> list[dict[str, str]]:
    node = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return [{each["key"]: each["values"][0] for each in term["matchExpressions"]} for term in node]


@pytest.mark.parametrize(
    ("pool", "components"),
    [
        ("system", set[str]()),
        ("whole", {"nvidia-device-plugin", "dcgm-exporter"}),
        ("sliced", {"nvidia-device-plugin", "dcgm-exporter"}),
        ("mps", {"nvidia-device-plugin", "dcgm-exporter"}),
        ("mig", {"gpu-operator"}),
        ("mixed", {"gpu-operator"}),
        ("fabric", {"nvidia-device-plugin", "efa-device-plugin", "dcgm-exporter"}),
        ("claimed", {"nvidia-dra-driver", "dcgm-exporter"}),
        ("neuron", {"neuron-device-plugin"}),
        ("bottlerocket", {"dcgm-exporter"}),
    ],
)
def test_a_pool_gets_what_its_contract_names(pool: str, components: set[str]) -> None:
    assert set(needed(pools(pool))) == components


@pytest.mark.parametrize("component", AGENTS)
def test_a_chart_knows_every_key_that_it_is_given(component: Component) -> None:
    assert AGENTS[component].chart.version == VERSIONS[component], "read the keys of the new version"
    for its in (GPU_POOLS, GKE_POOLS, AKS_POOLS):
        everything = values_of(component, list(its.values()), monitored=True)
        assert list(unknown(everything, KNOWN[component])) == []


def test_a_key_that_no_chart_knows_is_found() -> None:
    values = {"config": {"map": {"any": "file"}, "maps": {}}, "componentSelectorLabels": {"enabled": True}}
    assert list(unknown(values, KNOWN["nvidia-device-plugin"])) == ["config.maps", "componentSelectorLabels"]


def test_simulated_nodes_get_nothing() -> None:
    assert needed([replace(GPU_POOLS["whole"], runs_containers=False)]) == {}


def test_no_node_has_two_device_plugins() -> None:
    handlers = ("nvidia-device-plugin", "nvidia-dra-driver", "gpu-operator", "neuron-device-plugin")
    by_component = needed(list(GPU_POOLS.values()))
    handled = [pool for component in handlers for pool in by_component[component]]
    assert sorted(handled) == sorted(set(handled))
    # Bottlerocket brings its own.
    assert set(GPU_POOLS) - set(handled) == {"system", "bottlerocket"}


def test_no_node_has_two_exporters() -> None:
    by_component = needed(list(GPU_POOLS.values()))
    assert not set(by_component["dcgm-exporter"]) & set(by_component["gpu-operator"])


@pytest.mark.parametrize("component", AGENTS)
def test_each_has_a_privileged_namespace_of_the_platform(component: Component) -> None:
    definition = AGENTS[component]
    assert definition.pod_security == "privileged"
    assert definition.name in PLATFORM_NAMESPACES
    assert definition.name != "kube-system"


def test_agents_share_no_namespace() -> None:
    names = [definition.name for definition in AGENTS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("component", "path"),
    [
        ("nvidia-device-plugin", ()),
        ("dcgm-exporter", ()),
        ("nvidia-dra-driver", ("kubeletPlugin",)),
        ("gpu-operator", ("node-feature-discovery", "worker")),
        ("neuron-device-plugin", ("devicePlugin",)),
    ],
)
def test_an_agent_runs_on_the_nodes_of_its_pools_whatever_taints_they_have(
    component: Component, path: tuple[str, ...]
) -> None:
    found: Any = values(component, "whole", "fabric")
    for key in path:
        found = found[key]
    assert terms(found["affinity"]) == [{"modelyard.dev/pool": "whole"}, {"modelyard.dev/pool": "fabric"}]
    taint = {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    assert found["tolerations"] == [taint]


def test_nodes_that_exist_are_found_by_their_own_labels() -> None:
    pool = replace(GPU_POOLS["whole"], node_selector={"b": "2", "a": "1"})
    affinity = values_of("nvidia-device-plugin", [pool], monitored=False)["affinity"]
    assert terms(affinity) == [{"a": "1", "b": "2"}]


def test_the_plugin_has_no_configuration_where_all_gpus_are_whole() -> None:
    assert "config" not in values("nvidia-device-plugin", "whole")


def test_the_plugin_has_a_configuration_for_each_pool_that_shares() -> None:
    found = values("nvidia-device-plugin", "whole", "sliced", "mps")["config"]
    assert set(found["map"]) == {"OTHERS", "sliced", "mps"}
    assert found["default"] == "OTHERS"
    assert "sharing" not in json.loads(found["map"]["OTHERS"])
    assert json.loads(found["map"]["sliced"])["sharing"]["timeSlicing"]["resources"][0]["replicas"] == 4
    assert json.loads(found["map"]["mps"])["sharing"]["mps"]["resources"][0]["replicas"] == 2


def test_nodes_choose_the_configuration_of_their_pool() -> None:
    for name in ("sliced", "mps"):
        gpu = GPU_POOLS[name].gpu
        assert gpu
        assert (
            gpu.node_labels["nvidia.com/device-plugin.config"] in values("nvidia-device-plugin", name)["config"]["map"]
        )


def test_the_operator_divides_gpus_and_leaves_the_driver_to_the_image() -> None:
    found = values("gpu-operator", "mig", "mixed")
    assert found["driver"] == {"enabled": False}
    assert found["toolkit"] == {"enabled": False}
    assert found["mig"] == {"strategy": "mixed"}
    layouts = json.loads(found["migManager"]["config"]["data"]["config.yaml"])["mig-configs"]
    assert set(layouts) == {"all-disabled", "mig", "mixed"}
    assert layouts["mig"][0]["mig-devices"] == {"1g.10gb": 7}
    assert layouts["mixed"][0]["mig-devices"] == {"3g.40gb": 1, "1g.10gb": 4}
    assert found["migManager"]["config"]["create"] is True
    # A text: Kubernetes takes no other value of a variable.
    assert found["migManager"]["env"] == [{"name": "WITH_REBOOT", "value": "true"}]


def test_nodes_choose_the_layout_of_their_pool() -> None:
    for name in ("mig", "mixed"):
        gpu = GPU_POOLS[name].gpu
        layouts = json.loads(values("gpu-operator", name)["migManager"]["config"]["data"]["config.yaml"])
        assert gpu
        assert gpu.node_labels["nvidia.com/mig.config"] in layouts["mig-configs"]


def test_slices_that_count_as_gpus_are_the_other_strategy() -> None:
    pool = GPU_POOLS["mig"]
    assert pool.gpu
    single = replace(pool, gpu=replace(pool.gpu, resources={"nvidia.com/gpu": 56}))
    assert values_of("gpu-operator", [single], monitored=False)["mig"] == {"strategy": "single"}


def test_the_operator_brings_a_driver_where_the_pool_says_so() -> None:
    pool = GPU_POOLS["whole"]
    driven = replace(pool, spec=replace(pool.spec, driver="operator"))
    found = values_of("gpu-operator", [driven], monitored=False)
    assert found["driver"] == {"enabled": True}
    assert found["toolkit"] == {"enabled": True}
    assert found["migManager"] == {}


@pytest.mark.parametrize("monitored", [True, False])
def test_metrics_have_a_monitor_where_something_reads_them(monitored: bool) -> None:
    exporter = values("dcgm-exporter", "whole", monitored=monitored)
    operator = values("gpu-operator", "mig", monitored=monitored)
    assert exporter["serviceMonitor"] == {"enabled": monitored, "interval": "30s"}
    assert operator["dcgmExporter"]["serviceMonitor"]["enabled"] is monitored
    assert operator["dcgmExporter"]["enabled"] is True


@pytest.mark.parametrize("monitored", [True, False])
def test_the_operator_of_nodes_that_exist_exports_where_something_reads(monitored: bool) -> None:
    there = resolve_pool("there", PoolSpec(accelerator="l4", driver="operator"), source=NodeSource(kind="existing"))
    assert there.gpu
    assert there.gpu.components == {"gpu-operator"}
    found = values_of("gpu-operator", [there], monitored=monitored)["dcgmExporter"]
    assert found == {"enabled": monitored, "serviceMonitor": {"enabled": monitored, "interval": "30s"}}


def test_a_fabrics_gpus_have_gdrcopy() -> None:
    found = values("nvidia-device-plugin", "whole", "fabric")["config"]["map"]
    assert set(found) == {"OTHERS", "fabric"}
    assert json.loads(found["fabric"])["flags"] == {"gdrcopyEnabled": True}


def test_metrics_name_every_pod_that_shares_a_gpu() -> None:
    assert values("dcgm-exporter", "whole")["extraEnv"] == []
    virtual = [{"name": "KUBERNETES_VIRTUAL_GPUS", "value": "true"}]
    assert values("dcgm-exporter", "whole", "sliced")["extraEnv"] == virtual
    assert values("dcgm-exporter", "whole", "mps")["extraEnv"] == virtual
    # Slices are devices of their own.
    assert values("dcgm-exporter", "whole", "mig")["extraEnv"] == []


def test_metrics_name_the_pods_that_claim_gpus() -> None:
    assert values("dcgm-exporter", "whole")["kubernetesDRA"] == {"enabled": False}
    assert values("dcgm-exporter", "claimed")["kubernetesDRA"] == {"enabled": True}


def test_the_fabrics_plugin_goes_by_our_label_too() -> None:
    chosen = values("efa-device-plugin", "fabric")["supportedInstanceLabels"]
    assert chosen == {"keys": ["modelyard.dev/pool"], "values": ["fabric"]}


def test_neurons_chart_brings_the_plugin_alone_and_out_of_kube_system() -> None:
    found = values("neuron-device-plugin", "neuron")
    assert found["devicePlugin"]["namespaceOverride"] == AGENTS["neuron-device-plugin"].name
    assert found["npd"] == {"enabled": False}


def test_the_dra_driver_hands_out_gpus_only() -> None:
    found = values("nvidia-dra-driver", "claimed")
    assert found["gpuResourcesEnabledOverride"] is True
    assert found["resources"] == {"gpus": {"enabled": True}, "computeDomains": {"enabled": False}}


@pytest.mark.parametrize("component", AGENTS)
def test_no_workspace_has_the_name_of_an_agents_namespace(component: Component) -> None:
    name = AGENTS[component].name
    (problem,) = workspace_name_problems(name)
    assert problem.why == f"'{name}' is a namespace of the platform"
    assert list(workspace_name_problems(f"{name}-team")) == []


def test_what_clouds_bring_themselves_is_not_installed() -> None:
    by_component = needed([*GKE_POOLS.values()])
    assert by_component == {
        "dcgm-exporter": ["g-whole", "g-sliced", "g-mig", "g-fabric", "g-claimed"],
        "gib-installer": ["g-fabric"],
        "gke-driver-installer": ["g-claimed"],
        "gpu-operator": ["g-driven"],
        "nvidia-dra-driver": ["g-claimed"],
    }
    assert needed([*AKS_POOLS.values()]) == {
        "amd-driver-installer": ["a-amd"],
        "amd-gpu-operator": ["a-amd"],
        "dcgm-exporter": ["a-whole", "a-mps", "a-mig"],
        "gpu-operator": ["a-fabric"],
        "network-operator": ["a-fabric"],
        "nvidia-device-plugin": ["a-whole", "a-mps", "a-mig"],
    }


def test_agents_find_the_driver_where_gke_has_it() -> None:
    folder = "/home/kubernetes/bin/nvidia"
    exporter = values_of("dcgm-exporter", [GKE_POOLS["g-whole"]], monitored=False)
    assert exporter["extraHostVolumes"] == [{"name": "nvidia", "hostPath": folder}]
    # The chart's own list of counters stays mounted.
    assert [each["name"] for each in exporter["extraVolumeMounts"]] == ["exporter-metrics-volume", "nvidia"]
    # With the chart's own `allowPrivilegeEscalation: false` beside it, the API server refuses the pod.
    assert exporter["securityContext"] == {"privileged": True, "allowPrivilegeEscalation": True}
    assert exporter["extraEnv"] == [{"name": "LD_LIBRARY_PATH", "value": "/usr/local/nvidia/lib64"}]
    shared = values_of("dcgm-exporter", [GKE_POOLS["g-sliced"]], monitored=False)
    assert [each["name"] for each in shared["extraEnv"]] == ["KUBERNETES_VIRTUAL_GPUS", "LD_LIBRARY_PATH"]
    driver = values_of("nvidia-dra-driver", [GKE_POOLS["g-claimed"]], monitored=False)
    assert driver["nvidiaDriverRoot"] == folder
    for its in (values("dcgm-exporter", "whole"), values("nvidia-dra-driver", "claimed")):
        assert not {"extraHostVolumes", "securityContext", "nvidiaDriverRoot"} & set(its)


def test_slices_of_aks_are_named_by_the_plugin() -> None:
    found = values_of("nvidia-device-plugin", list(AKS_POOLS.values())[:3], monitored=False)["config"]["map"]
    assert json.loads(found["a-mig"])["flags"] == {"migStrategy": "single"}
    assert json.loads(found["a-mps"])["sharing"]["mps"]["resources"][0]["replicas"] == 2


def test_infiniband_reaches_the_memory_of_gpus() -> None:
    found = values_of("gpu-operator", [AKS_POOLS["a-fabric"]], monitored=False)
    assert found["driver"] == {"enabled": True, "rdma": {"enabled": True}}
    policy = nic_cluster_policy([AKS_POOLS["a-fabric"]])
    (devices,) = json.loads(policy["rdmaSharedDevicePlugin"]["config"])["configList"]
    gpu = AKS_POOLS["a-fabric"].gpu
    assert gpu
    assert gpu.fabric_resources == {f"rdma/{devices['resourceName']}": devices["rdmaHcaMax"]}
    assert terms({"nodeAffinity": policy["nodeAffinity"]}) == [{"modelyard.dev/pool": "a-fabric"}]
    assert [each["key"] for each in policy["tolerations"]] == ["nvidia.com/gpu"]
    assert policy["ofedDriver"]["version"].startswith("doca")


@pytest.mark.parametrize("monitored", [True, False])
def test_amds_operator_leaves_the_driver_to_what_installs_it(monitored: bool) -> None:
    found = values_of("amd-gpu-operator", [AKS_POOLS["a-amd"]], monitored=monitored)["deviceConfig"]["spec"]
    assert found["driver"] == {"enable": False}
    assert [each["key"] for each in found["devicePlugin"]["devicePluginTolerations"]] == ["amd.com/gpu", "team"]
    assert found["metricsExporter"]["enable"] is monitored
    assert found["metricsExporter"]["prometheus"]["serviceMonitor"]["enable"] is monitored


def test_amds_operator_goes_by_akss_label_alone_and_needs_no_cert_manager() -> None:
    found = values_of("amd-gpu-operator", [AKS_POOLS["a-amd"]], monitored=False)
    # Helm merges maps: the chart's own label stays unless it is null.
    selector = {"feature.node.kubernetes.io/amd-gpu": None, "kubernetes.azure.com/accelerator": "amd"}
    assert found["deviceConfig"]["spec"]["selector"] == selector
    assert found["kmm"] == {"enabled": False, "watch": False}
    assert found["crds"] == {"defaultCR": {"upgrade": True}}


@pytest.mark.parametrize("component", INSTALLERS)
def test_an_installer_has_a_namespace_of_the_platform(component: Component) -> None:
    installer = INSTALLERS[component]
    assert installer.namespace in PLATFORM_NAMESPACES
    assert installer.namespace not in {definition.name for definition in AGENTS.values()}
    assert component not in AGENTS
    with pytest.raises(AssertionError, match="has no chart"):
        values_of(component, [], monitored=False)
