from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
import yaml

from modelyard.cluster.traits import ClusterTraits
from modelyard.operators.crds import permissive_crd
from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.versions import Chart
from tests.support.clusters import BareCluster
from tests.support.mocks import Recorded, Registration, refused, run

TYPE = "modelyard:platform:Operator"
WIDGET = Kind(group="example.org", version="v1", kind="Widget", plural="widgets")
PLAIN = OperatorDefinition(
    name="widgets",
    chart=Chart(name="widget-operator", repository="https://charts.example.org", version="1.2.3"),
    kinds=(WIDGET,),
    further_namespaces={},
)
SPLIT = OperatorDefinition(
    name="widgets",
    chart=Chart(name="widget-operator", repository="oci://registry.example.org/charts", version="1.2.3"),
    crds_chart=Chart(name="widget-kinds", repository="oci://registry.example.org/charts", version="4.5.6"),
    kinds=(WIDGET,),
    further_namespaces={"widgets-nodes": "privileged"},
    timeout_seconds=60,
)


def program(
    definition: OperatorDefinition,
    *,
    traits: ClusterTraits | None = None,
    mirror: str | None = None,
    is_ours: bool = False,
) -> Callable[[], object]:
    def make() -> None:
        node = k8s.core.v1.ConfigMap("nodes", opts=pulumi.ResourceOptions(provider=k8s.Provider("p", kubeconfig="k")))
        plane = pulumi.ComponentResource("test:Cluster", "plane") if is_ours else None
        cluster = BareCluster(traits=traits or ClusterTraits(), ready=[node], control_plane=plane)
        operator = Operator("op", cluster, definition, values={"a": {"b": 1}}, charts=ChartsSpec(mirror=mirror))
        k8s.apiextensions.CustomResource(
            "widget",
            api_version=WIDGET.api_version,
            kind=WIDGET.kind,
            spec={},
            opts=pulumi.ResourceOptions(provider=cluster.kubernetes_provider, depends_on=list(operator.kinds_ready)),
        )

    return make


def made(definition: OperatorDefinition, **settings: Any) -> Recorded:
    return run(program(definition, **settings))


def named(recorded: Recorded, name: str, type_: str) -> Registration:
    (found,) = (each for each in recorded.of(type_) if each.name == name)
    return found


def test_its_chart_is_installed_at_its_version() -> None:
    release = made(PLAIN).one("Release").inputs
    assert release["chart"] == "widget-operator"
    assert release["repositoryOpts"] == {"repo": "https://charts.example.org"}
    assert release["version"] == "1.2.3"
    assert release["values"] == {"a": {"b": 1}}
    assert (release["name"], release["namespace"]) == ("widgets", "widgets")
    assert release["timeout"] == 900


def test_an_install_leaves_no_half_done_release() -> None:
    release = made(PLAIN).one("Release").inputs
    assert release["atomic"] is True
    assert release["cleanupOnFail"] is True
    assert release["maxHistory"] == 5
    assert not release.get("skipAwait")


def test_an_oci_chart_is_named_by_its_whole_path() -> None:
    release = named(made(SPLIT), "op", "Release").inputs
    assert release["chart"] == "oci://registry.example.org/charts/widget-operator"
    assert "repositoryOpts" not in release


@pytest.mark.parametrize("definition", [PLAIN, SPLIT])
def test_a_mirror_serves_every_chart(definition: OperatorDefinition) -> None:
    for release in made(definition, mirror="oci://mirror.example.org/a/").of("Release"):
        assert str(release.inputs["chart"]).startswith("oci://mirror.example.org/a/widget-")
        assert "repositoryOpts" not in release.inputs
    for release in made(definition, mirror="https://mirror.example.org").of("Release"):
        assert str(release.inputs["chart"]).startswith("widget-")
        assert release.inputs["repositoryOpts"] == {"repo": "https://mirror.example.org"}


def test_destroy_goes_from_objects_over_the_operator_and_its_kinds_to_namespaces_and_nodes() -> None:
    recorded = made(SPLIT)
    operator, kinds = named(recorded, "op", "Release"), named(recorded, "op-crds", "Release")
    own, further = (named(recorded, name, "Namespace") for name in ("op", "op-widgets-nodes"))
    nodes = recorded.one("ConfigMap").urn
    assert operator.urn in recorded.one("Widget").depends_on
    assert {kinds.urn, own.urn, further.urn, nodes} <= operator.depends_on
    for namespace in (own, further):
        assert nodes in namespace.depends_on


def test_a_chart_of_kinds_waits_for_no_node() -> None:
    recorded = made(SPLIT)
    kinds, namespace = named(recorded, "op-crds", "Release"), named(recorded, "op-kinds", "Namespace")
    assert kinds.depends_on == {namespace.urn}
    assert not namespace.depends_on
    assert (kinds.inputs["name"], kinds.inputs["namespace"]) == ("widgets-crds", "widgets-kinds")


@pytest.mark.parametrize("charts_installed", [True, False])
def test_kinds_alone_end_with_a_control_plane_that_the_stack_made(charts_installed: bool) -> None:
    recorded = made(SPLIT, is_ours=True, traits=ClusterTraits(charts_installed=charts_installed))
    ending = {each.name: each.ends_with for each in recorded.registrations if each.ends_with}
    assert set(ending) == ({"op-crds"} if charts_installed else {"op-widgets"})
    assert set(ending.values()) == {recorded.one("test:Cluster").urn}


def test_kinds_on_a_cluster_that_exists_are_deleted() -> None:
    assert not [each for each in made(SPLIT).registrations if each.ends_with]


def test_namespaces_enforce_what_the_operator_can_keep() -> None:
    levels = {
        each.inputs["metadata"]["name"]: each.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for each in made(SPLIT).of("Namespace")
    }
    assert levels == {"widgets": "restricted", "widgets-nodes": "privileged", "widgets-kinds": "restricted"}


def test_without_charts_its_kinds_are_registered() -> None:
    recorded = made(SPLIT, traits=ClusterTraits(charts_installed=False))
    crd = recorded.one("CustomResourceDefinition")
    assert not recorded.of("Release")
    assert crd.type == "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    assert crd.inputs["metadata"]["name"] == "widgets.example.org"
    assert crd.inputs["metadata"]["labels"]["modelyard.dev/stack"] == "project.test"
    assert crd.inputs["spec"] == permissive_crd(WIDGET)["spec"]
    assert crd.urn in recorded.one("Widget").depends_on
    assert len(recorded.of("Namespace")) == 2


def test_real_kinds_are_registered_as_they_are(tmp_path: Path) -> None:
    spec = {**permissive_crd(WIDGET)["spec"], "preserveUnknownFields": False, "some_key": {"$ref": "x", "other_key": 1}}
    document = {"kind": "CustomResourceDefinition", "metadata": {"name": WIDGET.crd_name}, "spec": spec}
    (tmp_path / "widget.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    recorded = made(PLAIN, traits=ClusterTraits(charts_installed=False, crds=str(tmp_path)))
    assert recorded.one("CustomResourceDefinition").inputs["spec"] == spec


def test_a_folder_without_its_kinds_is_refused_before_anything_is_registered(tmp_path: Path) -> None:
    error = refused(program(PLAIN, traits=ClusterTraits(charts_installed=False, crds=str(tmp_path))), TYPE)
    assert [problem.path for problem in error.problems] == ["op"]
    assert "has no CustomResourceDefinition widgets.example.org" in str(error)


def test_the_folder_is_not_read_where_charts_are_installed() -> None:
    assert made(PLAIN, traits=ClusterTraits(charts_installed=True, crds="absent")).one("Release")


def test_a_bad_mirror_is_refused_before_anything_is_registered() -> None:
    assert "op.mirror: 'ftp://x' is no chart repository" in str(refused(program(PLAIN, mirror="ftp://x"), TYPE))
