"""The component that makes queues, and what Kueue is told."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from modelyard.cluster.pools import Pool
from modelyard.cluster.traits import ClusterTraits
from modelyard.kube.quantities import cpu_quantity
from modelyard.operators.namespaces import PLATFORM_NAMESPACES
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.queues import Queues
from modelyard.platform.queues_kueue import DEFINITION, chart_values
from modelyard.platform.queues_spec import QueueQuotaSpec, QueueSpec
from tests.support.clusters import POOLS, BareCluster
from tests.support.gpu_pools import GKE_POOLS, GPU_POOLS, gke_pool
from tests.support.mocks import Recorded, Registration, refused, run

TYPE = "modelyard:platform:Queues"
QUEUED = gke_pool("queued", accelerator="l4", capacity="queued")
RESEARCH = QueueSpec(pools={"h100": QueueQuotaSpec(gpus=12)}, cohort="team", lends=False)
PRODUCTION = QueueSpec(
    pools={"l4": QueueQuotaSpec(gpus=3), "h100": QueueQuotaSpec(gpus=4), "system": QueueQuotaSpec(cpus=8)},
    cohort="team",
    borrows=False,
    priority=1000,
    strict_fifo=True,
)
QUEUES = {"research": RESEARCH, "production": PRODUCTION}
# The keys of the chart's `values.yaml` at v0.19.2 that ours may use: of one that it does not know a chart says nothing.
KNOWN_KEYS = {"controllerManager", "managerConfig", "webhookService", "enablePrometheus", "metrics"}
KNOWN_CONFIG = {
    *("apiVersion", "kind", "health", "metrics", "webhook", "leaderElection", "controller", "clientConnection"),
    *("managedJobsNamespaceSelector", "integrations", "waitForPodsReady", "resources"),
}


def made(
    queues: Mapping[str, QueueSpec] = QUEUES,
    pools: Mapping[str, Pool] = POOLS,
    *,
    charts: bool = True,
    monitored: bool = False,
) -> Recorded:
    def program() -> None:
        provider = k8s.Provider("p", kubeconfig="k")
        own = pulumi.ResourceOptions(provider=provider)
        node, kinds = k8s.core.v1.Node("node", opts=own), k8s.core.v1.ConfigMap("kinds", opts=own)
        traits = ClusterTraits(charts_installed=charts)
        cluster = BareCluster(pools=pools, traits=traits, ready=[node], kubernetes_provider=provider)
        mirror = ChartsSpec(mirror="oci://mirror.example.org/charts")
        Queues("queues", cluster, queues, charts=mirror, monitoring_ready=[kinds] if monitored else [])

    return run(program)


def named(recorded: Recorded, kind: str) -> dict[str, Registration]:
    return {each.inputs["metadata"]["name"]: each for each in recorded.of(kind)}


def specs(recorded: Recorded, kind: str) -> dict[str, Any]:
    return {name: each.inputs["spec"] for name, each in named(recorded, kind).items()}


def config(pools: Sequence[Pool], *, monitored: bool = False) -> dict[str, Any]:
    return json.loads(chart_values(pools, monitored=monitored)["managerConfig"]["controllerManagerConfigYaml"])


def test_kueue_is_a_release_of_its_own_from_the_mirror() -> None:
    recorded = made()
    assert recorded.charts() == {"kueue": ("kueue", "oci://mirror.example.org/charts/kueue", "0.19.2")}
    labels = recorded.one("Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert DEFINITION.name in PLATFORM_NAMESPACES


def test_a_pool_is_a_flavor_by_labels_that_its_nodes_have_from_the_start() -> None:
    assert specs(made(), "ResourceFlavor") == {
        "system": {"nodeLabels": {"modelyard.dev/pool": "system"}},
        "l4": {
            "nodeLabels": {"modelyard.dev/pool": "l4"},
            "nodeTaints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}],
        },
        "h100": {
            "nodeLabels": {"modelyard.dev/pool": "h100"},
            "nodeTaints": [
                {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
                {"key": "dedicated", "value": "ml", "effect": "NoSchedule"},
            ],
        },
    }


def test_only_pools_of_queues_are_flavors() -> None:
    only = {"nightly": QueueSpec(pools={"system": QueueQuotaSpec(cpus=8)})}
    assert list(named(made(only), "ResourceFlavor")) == ["system"]


def test_a_queue_has_quotas_of_its_pools_in_one_group() -> None:
    all_cpus = {name: cpu_quantity(POOLS[name].allocatable_cpus * POOLS[name].max_nodes) for name in ("l4", "h100")}
    assert specs(made(), "ClusterQueue")["production"]["resourceGroups"] == [
        {
            "coveredResources": ["cpu", "nvidia.com/gpu"],
            "flavors": [
                {
                    "name": "l4",
                    "resources": [
                        {"name": "cpu", "nominalQuota": all_cpus["l4"], "borrowingLimit": "0"},
                        {"name": "nvidia.com/gpu", "nominalQuota": "3", "borrowingLimit": "0"},
                    ],
                },
                {
                    "name": "h100",
                    "resources": [
                        {"name": "cpu", "nominalQuota": all_cpus["h100"], "borrowingLimit": "0"},
                        {"name": "nvidia.com/gpu", "nominalQuota": "4", "borrowingLimit": "0"},
                    ],
                },
                {
                    "name": "system",
                    "resources": [
                        {"name": "cpu", "nominalQuota": "8", "borrowingLimit": "0"},
                        {"name": "nvidia.com/gpu", "nominalQuota": "0", "borrowingLimit": "0"},
                    ],
                },
            ],
        }
    ]


def test_a_queue_of_a_cohort_gets_back_what_it_lent() -> None:
    queue = specs(made(), "ClusterQueue")["research"]
    assert queue["cohortName"] == "team"
    assert queue["preemption"] == {"reclaimWithinCohort": "Any", "borrowWithinCohort": {"policy": "LowerPriority"}}
    (group,) = queue["resourceGroups"]
    assert group["flavors"][0]["resources"] == [{"name": "nvidia.com/gpu", "nominalQuota": "12", "lendingLimit": "0"}]


def test_a_queue_alone_has_no_limits_of_cohorts() -> None:
    alone = {"nightly": QueueSpec(pools={"system": QueueQuotaSpec(cpus=8)})}
    assert specs(made(alone), "ClusterQueue")["nightly"] == {
        "namespaceSelector": {"matchLabels": {"modelyard.dev/queues": "true"}},
        "queueingStrategy": "BestEffortFIFO",
        "resourceGroups": [
            {
                "coveredResources": ["cpu"],
                "flavors": [{"name": "system", "resources": [{"name": "cpu", "nominalQuota": "8"}]}],
            }
        ],
    }


def test_nothing_of_its_own_is_zero_and_not_the_least_there_is() -> None:
    borrowing = QueueSpec(pools={"system": QueueQuotaSpec(cpus=0)}, cohort="team")
    lending = QueueSpec(pools={"system": QueueQuotaSpec(cpus=8)}, cohort="team")
    found = specs(made({"idle": borrowing, "own": lending}), "ClusterQueue")["idle"]
    assert found["resourceGroups"][0]["flavors"][0]["resources"] == [{"name": "cpu", "nominalQuota": "0"}]


def test_the_order_of_a_queue_is_strict_on_request() -> None:
    found = specs(made(), "ClusterQueue")
    assert {name: each["queueingStrategy"] for name, each in found.items()} == {
        "research": "BestEffortFIFO",
        "production": "StrictFIFO",
    }


def test_every_queue_has_a_class_of_its_priority() -> None:
    classes = named(made(), "WorkloadPriorityClass")
    assert {name: each.inputs["value"] for name, each in classes.items()} == {"research": 0, "production": 1000}


def test_objects_of_kueue_go_before_it_and_users_before_what_they_use() -> None:
    recorded = made(pools={**POOLS, "queued": QUEUED}, queues={**QUEUES, "later": queued_queue()})
    release = recorded.one("Release").urn
    for kind in ("ResourceFlavor", "ClusterQueue", "WorkloadPriorityClass", "AdmissionCheck"):
        assert all(release in each.depends_on for each in recorded.of(kind)), kind
    flavors = {name: each.urn for name, each in named(recorded, "ResourceFlavor").items()}
    queues = named(recorded, "ClusterQueue")
    assert {flavors["l4"], flavors["h100"], flavors["system"]} <= queues["production"].depends_on
    assert recorded.one("AdmissionCheck").urn in queues["later"].depends_on
    assert recorded.one("ProvisioningRequestConfig").urn in recorded.one("AdmissionCheck").depends_on


def queued_queue() -> QueueSpec:
    return QueueSpec(pools={"queued": QueueQuotaSpec(gpus=4)})


def test_machines_of_queued_provisioning_are_requested_for_jobs_on_them_alone() -> None:
    mixed = QueueSpec(pools={"queued": QueueQuotaSpec(gpus=4), "system": QueueQuotaSpec(cpus=8)})
    recorded = made({"later": mixed}, {**POOLS, "queued": QUEUED})
    assert specs(recorded, "ProvisioningRequestConfig") == {
        "queued-provisioning": {
            "provisioningClassName": "queued-provisioning.gke.io",
            "managedResources": ["nvidia.com/gpu"],
        }
    }
    assert specs(recorded, "AdmissionCheck") == {
        "queued-provisioning": {
            "controllerName": "kueue.x-k8s.io/provisioning-request",
            "parameters": {
                "apiGroup": "kueue.x-k8s.io",
                "kind": "ProvisioningRequestConfig",
                "name": "queued-provisioning",
            },
        }
    }
    checks = specs(recorded, "ClusterQueue")["later"]["admissionChecksStrategy"]
    assert checks == {"admissionChecks": [{"name": "queued-provisioning", "onFlavors": ["queued"]}]}


def test_nothing_is_requested_elsewhere() -> None:
    recorded = made()
    assert (recorded.of("AdmissionCheck"), recorded.of("ProvisioningRequestConfig")) == ([], [])
    assert all("admissionChecksStrategy" not in each for each in specs(recorded, "ClusterQueue").values())


def test_without_charts_there_are_the_kinds_and_the_objects() -> None:
    recorded = made(charts=False)
    assert recorded.of("Release") == []
    kinds = set(named(recorded, "CustomResourceDefinition"))
    assert kinds == {kind.crd_name for kind in DEFINITION.kinds}
    assert set(named(recorded, "ClusterQueue")) == {"research", "production"}


def test_kueue_looks_at_jobs_of_namespaces_with_queues_alone() -> None:
    found = config([])
    assert found["managedJobsNamespaceSelector"] == {"matchLabels": {"modelyard.dev/queues": "true"}}
    assert found["integrations"] == {"frameworks": ["batch/job"]}
    assert "manageJobsWithoutQueueName" not in found


def test_a_job_whose_nodes_come_late_is_not_stopped() -> None:
    """Kueue stops it after 30 minutes where nothing else is said: `waitForPodsReady` is on by default."""
    assert config([])["waitForPodsReady"] == {"timeout": "87600h", "recoveryTimeout": "0s"}


def test_what_a_queue_has_no_quota_of_does_not_keep_jobs_waiting() -> None:
    assert config([POOLS["h100"]])["resources"] == {"quotaCheckStrategy": "IgnoreUndeclared"}


def test_devices_that_are_claimed_are_counted() -> None:
    pools = [GPU_POOLS["claimed"], GKE_POOLS["g-claimed"], GKE_POOLS["g-fabric"]]
    assert config(pools)["resources"]["deviceClassMappings"] == [
        {"name": "nvidia.com/gpu", "deviceClassNames": ["gpu.nvidia.com"]},
        {"name": "mrdma.google.com/devices", "deviceClassNames": ["mrdma.google.com"]},
    ]


@pytest.mark.parametrize("monitored", [True, False])
def test_metrics_are_read_where_something_reads_them(monitored: bool) -> None:
    recorded = made(monitored=monitored)
    release = recorded.one("Release")
    assert release.inputs["values"]["enablePrometheus"] is monitored
    assert (recorded.one("ConfigMap").urn in release.depends_on) is monitored
    assert config([], monitored=monitored)["metrics"]["enableClusterQueueResources"] is monitored


def test_the_chart_knows_every_key() -> None:
    values = chart_values(list(GPU_POOLS.values()), monitored=True)
    assert set(values) <= KNOWN_KEYS
    assert set(config(list(GPU_POOLS.values()))) <= KNOWN_CONFIG


def test_its_webhook_is_where_every_control_plane_reaches_it() -> None:
    """The port that it listens at, and the one that its Service leads to, are told apart from each other."""
    assert config([])["webhook"] == {"port": 10250}
    (port,) = chart_values([], monitored=False)["webhookService"]["ports"]
    assert (port["port"], port["targetPort"]) == (443, 10250)


def test_one_replica_may_go_with_its_node() -> None:
    manager = chart_values([], monitored=False)["controllerManager"]
    assert manager == {"replicas": 2, "podDisruptionBudget": {"enabled": True, "minAvailable": 1}}


def test_queues_that_cannot_be_are_refused_before_anything_is_registered() -> None:
    wrong = {"research": QueueSpec(pools={"h100": QueueQuotaSpec(gpus=17)})}
    error = refused(lambda: Queues("queues", BareCluster(), wrong), TYPE)
    assert [problem.path for problem in error.problems] == ["queues.research.pools.h100.gpus"]
    alone = {"research": QueueSpec(pools={"h100": QueueQuotaSpec(gpus=8)}, lends=False)}
    error = refused(lambda: Queues("queues", BareCluster(), alone), TYPE)
    assert [problem.path for problem in error.problems] == ["research.lends"]
