from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.pools import Pool
from modelyard.cluster.traits import ClusterTraits
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.accelerators import Accelerators
from tests.support.clusters import BareCluster
from tests.support.gpu_pools import GPU_POOLS
from tests.support.mocks import Recorded, run

TYPE = "modelyard:platform:Accelerators"


def made(
    pools: Sequence[Pool] = tuple(GPU_POOLS.values()),
    *,
    traits: ClusterTraits | None = None,
    monitored: bool = False,
    mirror: str | None = None,
) -> Recorded:
    def program() -> None:
        provider = k8s.Provider("p", kubeconfig="k")
        node = k8s.core.v1.Node("node", opts=pulumi.ResourceOptions(provider=provider))
        kinds = k8s.core.v1.ConfigMap("kinds", opts=pulumi.ResourceOptions(provider=provider))
        cluster = BareCluster(pools={pool.name: pool for pool in pools}, traits=traits or ClusterTraits(), ready=[node])
        accelerators = Accelerators(
            "accelerators",
            cluster,
            charts=ChartsSpec(mirror=mirror),
            monitoring_ready=[kinds] if monitored else [],
        )
        k8s.core.v1.Pod(
            "pod",
            opts=pulumi.ResourceOptions(provider=provider, depends_on=list(accelerators.before_workloads)),
        )

    return run(program)


def releases(recorded: Recorded) -> dict[str, str]:
    return {each.inputs["namespace"]: each.inputs["version"] for each in recorded.of("Release")}


def test_each_agent_is_a_release_in_a_namespace_of_its_own() -> None:
    recorded = made()
    assert releases(recorded) == {
        "nvidia-device-plugin": "0.20.0",
        "nvidia-dra-driver": "0.4.1",
        "gpu-operator": "v26.7.0",
        "dcgm-exporter": "4.8.2",
        "efa-device-plugin": "v0.5.30",
        "neuron-device-plugin": "1.10.0",
    }
    levels = {
        each.inputs["metadata"]["name"]: each.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for each in recorded.of("Namespace")
    }
    assert levels == dict.fromkeys(releases(recorded), "privileged")


def test_a_cluster_without_accelerators_gets_nothing() -> None:
    recorded = made([GPU_POOLS["system"]])
    assert [each.type for each in recorded.under(TYPE)] == [TYPE]


def test_nothing_is_made_where_no_charts_are_installed() -> None:
    recorded = made(traits=ClusterTraits(charts_installed=False))
    assert [each.type for each in recorded.under(TYPE)] == [TYPE]


def test_charts_come_from_the_mirror() -> None:
    for release in made(mirror="oci://mirror.example.org/charts").of("Release"):
        assert release.inputs["chart"].startswith("oci://mirror.example.org/charts/")


def test_what_brings_a_monitor_waits_for_its_kind() -> None:
    recorded = made(monitored=True)
    kinds = recorded.one("ConfigMap").urn
    waiting = {each.inputs["namespace"] for each in recorded.of("Release") if kinds in each.depends_on}
    assert waiting == {"dcgm-exporter", "gpu-operator"}
    for release in recorded.of("Release"):
        monitor = release.inputs["values"].get("serviceMonitor")
        assert monitor is None or monitor["enabled"] is True


def test_without_monitoring_there_is_no_monitor() -> None:
    (exporter,) = (each for each in made().of("Release") if each.inputs["namespace"] == "dcgm-exporter")
    assert exporter.inputs["values"]["serviceMonitor"]["enabled"] is False


def test_workloads_go_before_the_driver_of_their_claims() -> None:
    recorded = made()
    (driver,) = (each.urn for each in recorded.of("Release") if each.inputs["namespace"] == "nvidia-dra-driver")
    assert recorded.one("Pod").depends_on == {driver}


def test_workloads_wait_for_no_device_plugin() -> None:
    assert made([GPU_POOLS["whole"]]).one("Pod").depends_on == frozenset()
