"""Create, diff, update, read and delete of plain objects, over the provider protocol against a real API server."""

import re
from typing import Any

import grpc
import pytest

from tests.tools.kubernetes.cluster import Cluster
from tests.tools.kubernetes.plugin import Plugin, PluginError
from tests.tools.kubernetes.shapes import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    QUANTITIES,
    QUOTA,
    SECRET,
    config_map,
    deployment,
)
from tools.offline.common.values import UNKNOWN, Secret

pytestmark = pytest.mark.engine


def test_an_unnamed_object_gets_the_resources_name_and_eight_digits(plugin: Plugin) -> None:
    inputs = plugin.check(CONFIG_MAP, "settings", config_map())
    assert re.fullmatch(r"settings-[0-9a-f]{8}", inputs["metadata"]["name"])
    assert inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert plugin.check(CONFIG_MAP, "settings", config_map()) == inputs, "the same seed gives the same name"


def test_a_named_object_keeps_its_name(plugin: Plugin) -> None:
    inputs = plugin.check(CONFIG_MAP, "settings", config_map(name="fixed"))
    assert inputs["metadata"]["name"] == "fixed"
    assert "annotations" not in inputs["metadata"]


def test_the_providers_namespace_is_the_default(plugin: Plugin, namespace: str) -> None:
    assert plugin.check(CONFIG_MAP, "settings", config_map())["metadata"]["namespace"] == namespace
    assert plugin.check(CONFIG_MAP, "settings", config_map(namespace="other"))["metadata"]["namespace"] == "other"
    cluster_wide = plugin.check(NAMESPACE, "team", {"apiVersion": "v1", "kind": "Namespace", "metadata": {}})
    assert "namespace" not in cluster_wide["metadata"]


def test_a_namespace_that_is_not_known_yet_stays_unknown(plugin: Plugin) -> None:
    inputs = plugin.check(CONFIG_MAP, "settings", config_map(namespace=UNKNOWN))
    assert inputs["metadata"]["namespace"] is UNKNOWN


def test_version_and_kind_come_from_the_type_where_they_are_missing(plugin: Plugin) -> None:
    inputs = plugin.check(CONFIG_MAP, "settings", {"data": {"a": "b"}})
    assert (inputs["apiVersion"], inputs["kind"]) == ("v1", "ConfigMap")


def test_a_list_cannot_be_created(plugin: Plugin) -> None:
    with pytest.raises(PluginError, match="Use the type of its items"):
        plugin.check("kubernetes:core/v1:ConfigMapList", "many", {"apiVersion": "v1", "kind": "ConfigMapList"})


def test_generate_name_is_refused(plugin: Plugin) -> None:
    with pytest.raises(PluginError, match="generateName"):
        plugin.check(CONFIG_MAP, "settings", config_map(generateName="x-"))


def test_create_makes_the_object_and_stores_the_real_providers_state(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(name="settings"))
    live = cluster.get("configmap", "settings", namespace)
    assert made.id == f"{namespace}/settings"
    assert live["data"] == {"key": "value"}
    assert made.state["metadata"]["uid"] == live["metadata"]["uid"]
    assert made.state["__inputs"] == made.inputs
    assert made.state["__initialApiVersion"] == "v1"
    assert re.fullmatch(r"pulumi-kubernetes-[0-9a-f]{8}", made.state["__fieldManager"])


def test_create_of_a_foreign_objects_name_fails_and_tells_how_to_adopt_it(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    cluster.run("create", "configmap", "taken", "-n", namespace, "--from-literal=owner=else")
    with pytest.raises(PluginError) as caught:
        plugin.create(CONFIG_MAP, "settings", config_map(name="taken"))
    assert caught.value.code == grpc.StatusCode.ALREADY_EXISTS
    assert caught.value.partial is None
    assert f'import="{namespace}/taken"' in caught.value.message
    assert cluster.get("configmap", "taken", namespace)["data"] == {"owner": "else"}


def test_preview_of_a_create_shows_defaults_and_makes_nothing(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    shown = plugin.create(DEPLOYMENT, "web", deployment(), preview=True)
    assert shown.id == ""
    assert shown.state["spec"]["strategy"]["type"] == "RollingUpdate"
    assert "status" not in shown.state, "a program must not see the empty status of a dry run"
    assert cluster.names("deployment", namespace) == []


def test_preview_in_a_namespace_that_does_not_exist_yet_shows_the_inputs(plugin: Plugin) -> None:
    properties = config_map(name="settings", namespace="not-yet")
    assert plugin.create(CONFIG_MAP, "settings", properties, preview=True).state["data"] == {"key": "value"}


def test_preview_with_unknown_values_shows_the_inputs(plugin: Plugin) -> None:
    properties = config_map({"key": UNKNOWN}, name="settings")
    assert plugin.create(CONFIG_MAP, "settings", properties, preview=True).state["data"] == {"key": UNKNOWN}


def test_preview_shows_what_the_server_would_refuse(plugin: Plugin) -> None:
    with pytest.raises(PluginError, match="Invalid value"):
        plugin.create(CONFIG_MAP, "settings", config_map(name="Not_A_Name"), preview=True)


def test_an_unknown_field_is_reported(plugin: Plugin) -> None:
    plugin.create(CONFIG_MAP, "settings", {**config_map(), "dta": {"a": "b"}})
    assert any('unknown field "dta"' in line for line in plugin.engine.warnings())


def test_no_change_is_no_change_in_other_spellings_too(plugin: Plugin, namespace: str) -> None:
    hard = {"requests.cpu": "0.5", "requests.memory": "1024Mi", "requests.nvidia.com/gpu": 4}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": hard}}
    made = plugin.create(QUOTA, "quota", quota)
    assert made.state["spec"]["hard"]["requests.cpu"] == "500m"
    assert not plugin.diff(made, quota).changed
    spelt_out = {**quota, "metadata": {"name": "quota", "namespace": namespace}}
    assert not plugin.diff(made, spelt_out).changed


def test_quantities_are_spelt_as_the_api_server_spells_them(plugin: Plugin) -> None:
    quota: dict[str, Any] = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}}
    for given, stored in QUANTITIES:
        properties = {**quota, "spec": {"hard": {"requests.cpu": given}}}
        assert plugin.create(QUOTA, "quota", properties, preview=True).state["spec"]["hard"] == {"requests.cpu": stored}
        assert plugin.check(QUOTA, "quota", properties)["spec"]["hard"] == {"requests.cpu": stored}


def test_a_changed_field_is_updated_in_place(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(DEPLOYMENT, "web", deployment(replicas=0))
    change = plugin.diff(made, deployment("example.test/web:2", replicas=0))
    assert change.kinds == {"spec.template.spec.containers[0].image": "UPDATE"}
    assert change.replaces == []
    updated = plugin.update(made, deployment("example.test/web:2", replicas=0))
    live = cluster.get("deployment", made.inputs["metadata"]["name"], namespace)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "example.test/web:2"
    assert live["metadata"]["uid"] == made.state["metadata"]["uid"]
    assert updated.state["__fieldManager"] == made.state["__fieldManager"]


def test_an_update_removes_what_the_program_dropped(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(QUOTA, "quota", _labelled_quota({"team": "a", "stage": "test"}))
    change = plugin.diff(made, _labelled_quota({"team": "a"}))
    assert change.kinds == {"metadata.labels.stage": "DELETE"}
    plugin.update(made, _labelled_quota({"team": "a"}))
    assert cluster.get("resourcequota", "quota", namespace)["metadata"]["labels"] == {"team": "a"}


def _labelled_quota(labels: dict[str, str]) -> dict[str, object]:
    metadata = {"name": "quota", "labels": labels}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "3"}}}


def test_a_changed_selector_replaces_a_deployment(plugin: Plugin) -> None:
    made = plugin.create(DEPLOYMENT, "web", deployment(replicas=0))
    other = deployment(replicas=0)
    other["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    other["spec"]["template"]["metadata"] = {"labels": {"app": "other"}}
    change = plugin.diff(made, other)
    assert change.kinds["spec.selector.matchLabels.app"] == "UPDATE_REPLACE"
    assert change.kinds["spec.template.metadata.labels.app"] == "UPDATE"
    assert change.replaces == ["spec.selector.matchLabels.app"]
    assert not change.response.deleteBeforeReplace, "an auto-named object stands beside its successor"


def test_a_named_object_is_deleted_before_it_is_replaced(plugin: Plugin) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(name="settings"))
    change = plugin.diff(made, config_map({"key": "new"}, name="settings"))
    assert change.kinds == {"data.key": "UPDATE_REPLACE"}
    assert change.response.deleteBeforeReplace
    renamed = plugin.diff(made, config_map(name="renamed"))
    assert renamed.replaces == ["metadata.name"]
    assert not renamed.response.deleteBeforeReplace


def test_config_map_and_secret_data_change_in_place_where_the_provider_says_so(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "1"}}
    made, hidden = plugin.create(CONFIG_MAP, "c", config_map(name="c")), plugin.create(SECRET, "s", secret)
    changed_secret = {**secret, "stringData": {"a": "2"}}
    assert plugin.diff(hidden, changed_secret).replaces == ["data.a"]
    plugin.configure(
        kubeconfig=str(cluster.kubeconfig),
        namespace=namespace,
        enableConfigMapMutable="true",
        enableSecretMutable="true",
    )
    assert plugin.diff(made, config_map({"key": "new"}, name="c")).kinds == {"data.key": "UPDATE"}
    assert plugin.diff(hidden, changed_secret).kinds == {"data.a": "UPDATE"}
    immutable = {**config_map({"key": "new"}, name="c"), "immutable": True}
    assert plugin.diff(made, immutable).replaces == ["data.key"]


def test_a_generated_name_may_be_spelt_out_later(plugin: Plugin) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map())
    name = made.inputs["metadata"]["name"]
    assert plugin.diff(made, config_map(name=name)).replaces == []
    assert plugin.diff(made, config_map(name="another")).replaces == ["metadata.name"]


def test_secrets_stay_secret(plugin: Plugin) -> None:
    properties = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"token": "hunter2"}}
    made = plugin.create(SECRET, "s", properties)
    encoded = Secret(value={"token": "aHVudGVyMg=="})
    assert made.inputs["data"] == encoded
    assert "stringData" not in made.inputs
    assert made.state["data"] == encoded
    assert made.state["__inputs"]["data"] == encoded
    assert not plugin.diff(made, properties).changed


def test_a_secret_value_elsewhere_stays_secret_too(plugin: Plugin) -> None:
    properties = deployment(replicas=0)
    properties["spec"]["template"]["metadata"]["annotations"] = {"licence": Secret(value="hunter2")}
    made = plugin.create(DEPLOYMENT, "web", properties)
    for stored in (made.inputs, made.state, made.state["__inputs"]):
        assert stored["spec"]["template"]["metadata"]["annotations"]["licence"] == Secret(value="hunter2")
        assert "hunter2" not in str(stored)
    assert not plugin.diff(made, properties).changed


def test_read_sees_changes_made_elsewhere(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(name="settings"))
    cluster.patch("configmap", "settings", namespace, {"data": {"key": "drifted", "added": "elsewhere"}})
    seen = plugin.read(made)
    assert seen is not None
    assert seen.inputs["data"] == {"key": "drifted"}, "what the program does not describe is not its input"
    assert seen.state["data"] == {"key": "drifted", "added": "elsewhere"}
    assert seen.state["__fieldManager"] == made.state["__fieldManager"]
    assert plugin.diff(seen, config_map(name="settings")).kinds == {"data.key": "UPDATE_REPLACE"}


def test_read_of_a_deleted_object_says_that_it_is_gone(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(name="settings"))
    cluster.delete("configmap", "settings", namespace)
    assert plugin.read(made) is None


def test_import_takes_everything_but_what_the_cluster_sets(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    cluster.apply({**deployment(replicas=0), "metadata": {"name": "web", "namespace": namespace, "labels": {"a": "b"}}})
    found = plugin.import_(DEPLOYMENT, "web", f"{namespace}/web")
    assert found is not None
    assert found.inputs["spec"]["replicas"] == 0
    assert found.inputs["metadata"] == {"name": "web", "namespace": namespace, "labels": {"a": "b"}}
    assert "status" not in found.inputs
    assert not plugin.diff(found, found.inputs).changed
    assert plugin.import_(DEPLOYMENT, "web", f"{namespace}/absent") is None


def test_an_imported_object_can_be_updated(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    metadata = {"name": "c", "namespace": namespace}
    cluster.apply({**config_map(), "metadata": metadata})
    found = plugin.import_(CONFIG_MAP, "c", f"{namespace}/c")
    assert found is not None
    plugin.update(found, {**found.inputs, "data": {"key": "ours"}})
    assert cluster.get("configmap", "c", namespace)["data"] == {"key": "ours"}


def test_delete_removes_the_object_and_accepts_that_it_is_gone(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(name="settings"))
    plugin.delete(made)
    assert "settings" not in cluster.names("configmap", namespace)
    plugin.delete(made)


def test_upsert_takes_over_an_existing_object_if_the_provider_says_so(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    cluster.run("create", "configmap", "taken", "-n", namespace, "--from-literal=other=kept")
    plugin.configure(kubeconfig=str(cluster.kubeconfig), namespace=namespace, upsertExistingObjects="true")
    made = plugin.create(CONFIG_MAP, "settings", config_map(name="taken"))
    assert cluster.get("configmap", "taken", namespace)["data"] == {"key": "value", "other": "kept"}
    assert not plugin.diff(made, config_map(name="taken")).changed
