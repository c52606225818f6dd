from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.pools import Pool
from modelyard.cluster.traits import ClusterTraits
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.accelerators import Accelerators
from tests.support.clusters import BareCluster
from tests.support.gpu_pools import AKS_POOLS, GKE_POOLS, GPU_POOLS
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


def test_charts_wait_for_the_kind_of_monitors_and_their_namespaces_do_not() -> None:
    """All of them, so that they stand equally deep and are removed at the same time."""
    recorded = made(monitored=True)
    kinds = recorded.one("ConfigMap").urn
    assert not [each.name for each in recorded.of("Release") if kinds not in each.depends_on]
    assert not [
        each.name for each in recorded.under(TYPE) if each.type.endswith("Namespace") and kinds in each.depends_on
    ]
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


def installers(recorded: Recorded) -> dict[str, Any]:
    return {each.inputs["metadata"]["namespace"]: each.inputs["spec"] for each in recorded.of("DaemonSet")}


def test_what_has_no_chart_is_a_daemon_set_in_a_privileged_namespace_of_its_own() -> None:
    recorded = made([*GKE_POOLS.values(), *AKS_POOLS.values()])
    found = installers(recorded)
    assert set(found) == {"gib-installer", "gke-driver-installer", "amd-driver-installer"}
    levels = {each.inputs["metadata"]["name"]: each.inputs["metadata"]["labels"] for each in recorded.of("Namespace")}
    for name in found:
        assert levels[name]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert not set(found) & set(releases(recorded))


def test_an_installer_does_its_work_first_and_then_nothing() -> None:
    (spec,) = installers(made([GKE_POOLS["g-fabric"], GKE_POOLS["g-whole"]])).values()
    pod = spec["template"]["spec"]
    (work,), (rest,) = pod["initContainers"], pod["containers"]
    assert work["image"].endswith("/nccl-plugin-gib:v1.1.1")
    assert work["securityContext"] == {"privileged": True}
    security = rest["securityContext"]
    assert (security["runAsUser"], security["runAsNonRoot"]) == (65535, True), "the pod is root for what it installs"
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert (security["readOnlyRootFilesystem"], security["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    mounts = {each["name"]: each["mountPath"] for each in work["volumeMounts"]}
    folders = {mounts[each["name"]]: each["hostPath"]["path"] for each in pod["volumes"]}
    assert folders == {
        "/host/nvidia/lib64": "/home/kubernetes/bin/nvidia/lib64",
        "/host/gib": "/home/kubernetes/bin/gib",
    }
    for path in folders:
        assert path in work["command"][2]
    required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "modelyard.dev/pool", "operator": "In", "values": ["g-fabric"]}]
    (toleration,) = pod["tolerations"]
    assert (toleration["key"], toleration["value"]) == ("nvidia.com/gpu", "present")


def test_an_image_that_only_nodes_have_is_never_pulled() -> None:
    (spec,) = installers(made([GKE_POOLS["g-claimed"]])).values()
    (work,) = spec["template"]["spec"]["initContainers"]
    assert (work["image"], work["imagePullPolicy"]) == ("cos-nvidia-installer:fixed", "Never")
    paths = {each["mountPath"] for each in work["volumeMounts"]}
    # Every folder that the installer is told of in its own words is there.
    told = {each["value"] for each in work["env"] if each["name"].endswith(("_CONTAINER", "ROOT_MOUNT_DIR"))}
    assert told <= paths


def test_infiniband_has_one_policy_that_goes_before_its_operator() -> None:
    recorded = made([AKS_POOLS["a-fabric"], AKS_POOLS["a-whole"]])
    (policy,) = recorded.of("NicClusterPolicy")
    assert policy.inputs["metadata"]["name"] == "nic-cluster-policy"
    (operator,) = (each.urn for each in recorded.of("Release") if each.inputs["namespace"] == "network-operator")
    assert operator in policy.depends_on


def test_agents_of_the_systems_priority_are_let_in_on_gke_only() -> None:
    gke = made([GKE_POOLS["g-driven"], GKE_POOLS["g-claimed"], GKE_POOLS["g-whole"]])
    quotas = {each.inputs["metadata"]["namespace"]: each for each in gke.of("ResourceQuota")}
    assert set(quotas) == {"dcgm-exporter", "gpu-operator", "nvidia-dra-driver"}
    for release in gke.of("Release"):
        quota = quotas.get(release.inputs["namespace"])
        assert quota is None or quota.urn in release.depends_on
    (scope,) = quotas["gpu-operator"].inputs["spec"]["scopeSelector"]["matchExpressions"]
    assert scope["values"] == ["system-cluster-critical", "system-node-critical"]
    assert made(list(AKS_POOLS.values())).of("ResourceQuota") == []
    assert made().of("ResourceQuota") == []
