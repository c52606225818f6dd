"""The controller of LeaderWorkerSets: what its chart is told, and what there is where no charts are installed."""

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.traits import ClusterTraits
from modelyard.operators.namespaces import PLATFORM_NAMESPACES
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.leader_worker_sets import LeaderWorkerSets
from modelyard.platform.leader_worker_sets_chart import DEFINITION, chart_values
from tests.support.clusters import BareCluster
from tests.support.mocks import Recorded, run

# The keys of the chart's `values.yaml` at v0.10.0: of one that it does not know a chart says nothing.
KNOWN_KEYS = {
    *("nameOverride", "fullnameOverride", "enablePrometheus", "enableCertManager", "enableDisaggregatedSet"),
    *(
        "replicaCount",
        "imagePullSecrets",
        "image",
        "podAnnotations",
        "podSecurityContext",
        "securityContext",
        "service",
    ),
    *("resources", "priorityClassName", "nodeSelector", "tolerations", "affinity", "gangSchedulingManagement"),
}


def made(*, charts: bool, is_present: bool = False) -> tuple[Recorded, LeaderWorkerSets]:
    found: list[LeaderWorkerSets] = []

    def program() -> None:
        provider = k8s.Provider("p", kubeconfig="k")
        node = k8s.core.v1.Node("node", opts=pulumi.ResourceOptions(provider=provider))
        traits = ClusterTraits(charts_installed=charts)
        cluster = BareCluster(traits=traits, ready=[node], kubernetes_provider=provider)
        mirror = ChartsSpec(mirror="oci://mirror.example.org/charts")
        found.append(LeaderWorkerSets("groups", cluster, is_present=is_present, charts=mirror))

    return run(program), found[0]


def test_the_controller_is_a_release_of_its_own_from_the_mirror() -> None:
    recorded, sets = made(charts=True)
    release = recorded.one("Release")
    assert recorded.charts() == {
        "leader-worker-set": ("leader-worker-set", "oci://mirror.example.org/charts/lws", "0.10.0")
    }
    assert recorded.one("Node").urn in release.depends_on, "it needs nodes, and outlives nothing of them"
    assert sets.are_acted_on


def test_it_passes_pod_security_restricted() -> None:
    recorded, _ = made(charts=True)
    labels = recorded.one("Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    # The chart's own containers may gain nothing; a profile is what its pods lack.
    assert chart_values()["podSecurityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert DEFINITION.name in PLATFORM_NAMESPACES


def test_the_chart_is_told_nothing_that_it_does_not_know() -> None:
    assert chart_values().keys() <= KNOWN_KEYS


def test_one_of_two_may_go_with_its_node() -> None:
    values = chart_values()
    assert values["replicaCount"] == 2
    [term] = values["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    recorded, _ = made(charts=True)
    budget = recorded.one("PodDisruptionBudget")
    assert budget.inputs["metadata"]["namespace"] == DEFINITION.name
    assert budget.inputs["spec"]["selector"] == term["podAffinityTerm"]["labelSelector"]
    assert budget.inputs["spec"]["maxUnavailable"] == 1


def test_it_asks_for_less_than_a_small_node_has() -> None:
    assert chart_values()["resources"]["requests"] == {"cpu": "50m", "memory": "256Mi"}


def test_without_charts_there_is_the_kind_alone_and_nothing_acts_on_it() -> None:
    recorded, sets = made(charts=False)
    assert not recorded.of("Release")
    assert not recorded.of("PodDisruptionBudget")
    kind = recorded.one("CustomResourceDefinition")
    assert kind.inputs["metadata"]["name"] == "leaderworkersets.leaderworkerset.x-k8s.io"
    assert not sets.are_acted_on


def test_a_controller_that_the_cluster_has_is_left_alone() -> None:
    for charts in (True, False):
        recorded, sets = made(charts=charts, is_present=True)
        assert not [
            each for each in recorded.under("modelyard:platform:LeaderWorkerSets") if "kubernetes:" in each.type
        ]
        assert sets.ready == []
        assert sets.are_acted_on
