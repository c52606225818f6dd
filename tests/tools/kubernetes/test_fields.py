"""Who owns which fields: server-side apply, conflicts, patch resources, ignored changes, autoscaled replicas."""

import json

import pytest

from tests.tools.kubernetes.cluster import Cluster, Json
from tests.tools.kubernetes.plugin import Plugin, PluginError
from tests.tools.kubernetes.shapes import (
    CONFIG_MAP,
    DEPLOYMENT,
    DEPLOYMENT_PATCH,
    NAMESPACE,
    annotated,
    config_map,
    deployment,
)

pytestmark = pytest.mark.engine


def test_an_update_takes_over_what_this_provider_created(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(DEPLOYMENT, "web", deployment(replicas=0))
    updated = plugin.update(made, deployment("example.test/web:2", replicas=0))
    owners = {entry["manager"]: entry["operation"] for entry in updated.state["metadata"]["managedFields"]}
    assert owners[made.state["__fieldManager"]] == "Apply"
    assert "pulumi-kubernetes" not in owners


def test_fields_of_another_applier_conflict_unless_forced(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    plugin.configure(kubeconfig=str(cluster.kubeconfig), namespace=namespace, enableConfigMapMutable="true")
    made = plugin.create(CONFIG_MAP, "c", config_map(name="c"))
    theirs: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"key": "theirs"}}
    _apply_as(cluster, "somebody", theirs, namespace)
    ours = config_map({"key": "ours"}, name="c")
    with pytest.raises(PluginError, match='conflict with "somebody"') as caught:
        plugin.update(made, ours)
    assert "pulumi.com/patchForce" in caught.value.message
    assert cluster.get("configmap", "c", namespace)["data"] == {"key": "theirs"}
    plugin.update(made, annotated(ours, patchForce="true"))
    assert cluster.get("configmap", "c", namespace)["data"] == {"key": "ours"}


def test_the_provider_can_force_all_conflicts(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, "c", config_map(name="c"))
    theirs: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"key": "theirs"}}
    _apply_as(cluster, "somebody", theirs, namespace)
    plugin.configure(kubeconfig=str(cluster.kubeconfig), namespace=namespace, enablePatchForce="true")
    plugin.update(made, config_map({"key": "ours"}, name="c"))
    assert cluster.get("configmap", "c", namespace)["data"] == {"key": "ours"}


def test_replicas_belong_to_an_autoscaler_where_the_program_gives_none(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    properties = annotated(deployment(replicas=None), skipAwait="true")
    made = plugin.create(DEPLOYMENT, "web", properties)
    name = made.inputs["metadata"]["name"]
    cluster.run("scale", "deployment", name, "--replicas=3", "-n", namespace)
    changed = annotated(deployment("example.test/web:2", replicas=None), skipAwait="true")
    updated = plugin.update(made, changed)
    assert cluster.get("deployment", name, namespace)["spec"]["replicas"] == 3
    refreshed = plugin.read(updated)
    assert refreshed is not None
    assert not plugin.diff(refreshed, changed).changed


def test_an_ignored_change_is_neither_shown_nor_made(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(DEPLOYMENT, "web", deployment(replicas=0))
    name = made.inputs["metadata"]["name"]
    other = deployment("example.test/web:2", replicas=5)
    kinds = plugin.diff(made, other, ["spec.replicas"]).kinds
    assert kinds == {"spec.template.spec.containers[0].image": "UPDATE"}
    plugin.update(made, other, ignore=["spec.replicas"])
    live = cluster.get("deployment", name, namespace)
    assert live["spec"]["replicas"] == 0
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "example.test/web:2"


def test_an_ignored_field_of_another_applier_stays_theirs(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(DEPLOYMENT, "web", annotated(deployment(replicas=None), skipAwait="true"))
    name = made.inputs["metadata"]["name"]
    theirs: Json = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 2},
    }
    _apply_as(cluster, "autoscaler", theirs, namespace)
    ours = annotated(deployment(replicas=7), skipAwait="true")
    plugin.update(made, ours, ignore=["spec.replicas"])
    assert cluster.get("deployment", name, namespace)["spec"]["replicas"] == 2


def test_a_patch_resource_owns_its_fields_only(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    cluster.apply({**deployment(replicas=2), "metadata": {"name": "web", "namespace": namespace}})
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"owner": "us", "pulumi.com/skipAwait": "true"}},
    }
    made = plugin.create(DEPLOYMENT_PATCH, "web", patch)
    changed = {**patch, "metadata": {"name": "web", "annotations": {"owner": "them", "pulumi.com/skipAwait": "true"}}}
    assert plugin.diff(made, changed).kinds == {"metadata.annotations.owner": "UPDATE"}
    updated = plugin.update(made, changed)
    live = cluster.get("deployment", "web", namespace)
    assert live["metadata"]["annotations"]["owner"] == "them"
    assert live["spec"]["replicas"] == 2
    plugin.delete(updated)
    live = cluster.get("deployment", "web", namespace)
    assert "owner" not in live["metadata"]["annotations"]
    assert live["spec"]["replicas"] == 2


def test_a_patch_resource_of_fields_of_another_manager_conflicts(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    cluster.apply({**config_map(), "metadata": {"name": "c", "namespace": namespace}})
    token = "kubernetes:core/v1:ConfigMapPatch"
    with pytest.raises(PluginError, match="kubectl-client-side-apply"):
        plugin.create(token, "c", config_map({"key": "ours"}, name="c"))
    plugin.create(token, "c", annotated(config_map({"key": "ours"}, name="c"), patchForce="true"))
    assert cluster.get("configmap", "c", namespace)["data"] == {"key": "ours"}


def test_a_patch_resource_needs_a_name(plugin: Plugin) -> None:
    with pytest.raises(PluginError, match=r"`\.metadata\.name` field to be set"):
        plugin.check("kubernetes:core/v1:NamespacePatch", "n", {"apiVersion": "v1", "kind": "Namespace"})


def test_a_patch_resource_that_owns_a_required_field_says_why_it_cannot_go(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    cluster.apply({**deployment(replicas=0), "metadata": {"name": "web", "namespace": namespace}})
    other_image = {**deployment("example.test/web:2", replicas=0), "metadata": {"name": "web"}}
    patch = annotated(other_image, patchForce="true", skipAwait="true")
    made = plugin.create(DEPLOYMENT_PATCH, "web", patch)
    with pytest.raises(PluginError, match="currently managing a required field"):
        plugin.delete(made)


def test_the_field_manager_can_be_chosen_and_changed(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    first = annotated(config_map(name="c"), patchFieldManager="first")
    made = plugin.create("kubernetes:core/v1:ConfigMapPatch", "c", first)
    assert made.state["__fieldManager"] == "first"
    second = annotated(config_map(name="c"), patchFieldManager="second", patchForce="true")
    updated = plugin.update(made, second)
    assert updated.state["__fieldManager"] == "second"
    live = cluster.get("configmap", "c", namespace)
    managers = {entry["manager"] for entry in live["metadata"]["managedFields"]}
    assert live["data"] == {"key": "value"}
    assert "second" in managers
    assert "first" not in managers


def test_a_namespace_that_exists_can_be_labelled(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    patch = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"tier": "gold"}}}
    made = plugin.create(f"{NAMESPACE}Patch", "labels", patch)
    assert cluster.get("namespace", namespace)["metadata"]["labels"]["tier"] == "gold"
    plugin.delete(made)
    live = cluster.get("namespace", namespace)
    assert "tier" not in live["metadata"]["labels"]
    assert "deletionTimestamp" not in live["metadata"]


def _apply_as(cluster: Cluster, manager: str, obj: Json, namespace: str) -> None:
    arguments = ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-n", namespace)
    cluster.run(*arguments, "-f", "-", stdin=json.dumps(obj))
