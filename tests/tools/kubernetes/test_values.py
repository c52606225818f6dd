"""Property values, quantities, normal forms, paths: the stand-in's pure parts."""

from typing import Any

import pytest
from google.protobuf import struct_pb2

from tests.tools.kubernetes.shapes import QUANTITIES
from tools.offline.common.comparison import differences
from tools.offline.common.paths import covers, format_path, parse_path, reaches
from tools.offline.common.values import UNKNOWN, Json, Secret, contains_unknown, marshal, unmarshal, without_secrets
from tools.offline.kubernetes.normalize import normalize
from tools.offline.kubernetes.objects import prune
from tools.offline.kubernetes.quantities import canonical
from tools.offline.kubernetes.replacement import replacing_paths
from tools.offline.kubernetes.state import checkpoint, mark_secrets, read_state, to_object
from tools.offline.kubernetes.tokens import builtin_scope, is_list, is_patch, kind_of_token, parse_urn


def test_values_survive_the_protocol() -> None:
    properties = {
        "text": "a",
        "whole": 3,
        "broken": 0.5,
        "flag": True,
        "nothing": None,
        "list": [1, {"secret": Secret(value={"inner": UNKNOWN})}],
        "unknown": UNKNOWN,
        "large": 2**53,
    }
    assert unmarshal(marshal(properties)) == properties
    assert isinstance(unmarshal(marshal({"port": 80}))["port"], int)


def test_every_kind_of_unknown_is_recognised() -> None:
    sentinels = ["1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"]
    struct = struct_pb2.Struct()
    struct.update({"values": sentinels, "other": "04da6b54-80e4-46f7-96ec-b56ff0331ba0"})
    assert unmarshal(struct) == {"values": [UNKNOWN, UNKNOWN], "other": "04da6b54-80e4-46f7-96ec-b56ff0331ba0"}


def test_a_secret_shows_nothing_of_itself() -> None:
    assert "hunter2" not in repr({"a": Secret(value="hunter2")})
    assert without_secrets({"a": Secret(value=[Secret(value=1)])}) == {"a": [1]}
    assert contains_unknown([{"a": Secret(value=UNKNOWN)}])
    assert not contains_unknown([{"a": Secret(value="b")}])


BELOW_MILLI = [("1.23456789123M", "1234567891230u"), ("0.1n", "1n")]
"""Exact where the server keeps them; in lists of resources it rounds them up to the next thousandth."""


@pytest.mark.parametrize(("given", "stored"), [*QUANTITIES, *BELOW_MILLI, ("-1.5", "-1500m"), ("much", "much")])
def test_quantities_take_the_servers_form(given: str | float, stored: str) -> None:
    assert canonical(given) == stored


def _pod_spec(**container: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "a", **container}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": template}}


def test_what_the_server_leaves_out_is_left_out() -> None:
    given = _pod_spec(env=[], tty=False, resources={"limits": {"cpu": 1}, "requests": {}}, securityContext={})
    given["spec"]["template"]["spec"] |= {"nodeSelector": {}, "hostNetwork": False, "volumes": [_memory("512Mi")]}
    normal = normalize(given)["spec"]["template"]["spec"]
    container = {"name": "a", "resources": {"limits": {"cpu": "1"}}, "securityContext": {}}
    assert normal == {"containers": [container], "volumes": [_memory("512Mi")]}


def _memory(size: str) -> dict[str, Any]:
    return {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": size}}


def test_a_false_that_means_something_stays() -> None:
    given = _pod_spec(securityContext={"allowPrivilegeEscalation": False})
    given["spec"]["template"]["spec"]["automountServiceAccountToken"] = False
    assert normalize(given) == given


def test_keys_that_users_choose_are_not_fields() -> None:
    data = {"limits": "0.5", "requests": "1024Mi", "tty": "", "sizeLimit": "1024Mi"}
    given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {"max": "1.0"}}, "data": data}
    assert normalize(given) == given


def test_custom_objects_stay_as_they_are() -> None:
    given: Json = {"apiVersion": "example.test/v1", "kind": "Widget", "spec": {"limits": {"cpu": "0.5"}, "list": []}}
    assert normalize(given) == given


def test_an_object_with_unknown_values_stays_as_it_is() -> None:
    given = _pod_spec(resources={"limits": {"cpu": "0.5"}}, image=UNKNOWN)
    assert normalize(given) == given


def test_metadata_that_only_the_server_sets_goes() -> None:
    metadata: Json = {"name": "a", "uid": "1", "resourceVersion": "2", "creationTimestamp": None, "managedFields": []}
    assert normalize({"apiVersion": "x/v1", "kind": "A", "metadata": metadata})["metadata"] == {"name": "a"}


def test_a_secrets_text_becomes_data() -> None:
    given = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {},
        "data": {"a": "aGk=", "b": "aGk=\n"},
        "stringData": {"a": "ho"},
    }
    assert normalize(given)["data"] == {"a": "aG8=", "b": "aGk="}
    assert "stringData" not in normalize(given)


def test_a_definitions_defaults_go() -> None:
    spec = {"preserveUnknownFields": False, "group": "example.test"}
    given = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec, "status": {}}
    assert normalize(given)["spec"] == {"group": "example.test"}
    assert "status" not in normalize(given)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.replicas", ("spec", "replicas")),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c")),
        ("spec.ports[*]", ("spec", "ports", "*")),
        ('["a\\"b"]', ('a"b',)),
    ],
)
def test_paths_are_read_and_written(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_path(text) == path
    if "*" not in path:
        assert format_path(path) == text


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no property path"):
        parse_path("spec.[")


def test_a_path_covers_what_is_below_it() -> None:
    assert covers(("spec",), ("spec", "replicas"))
    assert covers(("spec", "ports", "*", "name"), ("spec", "ports", 3, "name"))
    assert not covers(("spec", "replicas"), ("spec",))
    assert not covers(("spec", "a"), ("spec", "b"))


def test_a_change_reaches_a_path_from_above_if_it_holds_it() -> None:
    assert reaches(("spec", "selector"), ("spec",), {"selector": {}})
    assert not reaches(("spec", "selector"), ("spec",), {"replicas": 1})
    assert reaches(("spec", "containers", "*", "image"), ("spec", "containers"), [{"name": "a"}, {"image": "b"}])
    assert not reaches(("spec", "containers", "*", "image"), ("spec", "containers"), [{"name": "a"}])


def _changes(old: Any, new: Any) -> list[tuple[str, str]]:
    return [(format_path(found.path), found.kind) for found in differences(old, new)]


def test_differences_are_told_at_the_deepest_path() -> None:
    old = {"a": {"b": 1, "c": [1, {"d": 2, "gone": 1}]}, "left": 1}
    new = {"a": {"b": 2, "c": [1, {"d": 3}, 4]}, "new": {"x": 1}}
    assert _changes(old, new) == [
        ("a.b", "update"),
        ("a.c[1].d", "update"),
        ("a.c[1].gone", "delete"),
        ("a.c[2]", "add"),
        ("new", "add"),
        ("left", "delete"),
    ]


def test_equal_values_are_no_difference_and_unlike_ones_are() -> None:
    assert _changes({"a": 1, "b": [2]}, {"a": 1.0, "b": [2]}) == []
    assert _changes({}, {"a": None}) == []
    assert _changes({"a": 1}, {"a": True}) == [("a", "update")]
    assert _changes({"a": "1"}, {"a": 1}) == [("a", "update")]
    assert _changes({"a": 1}, {"a": UNKNOWN}) == [("a", "update")]
    assert _changes({}, {"a": UNKNOWN}) == [("a", "add")]
    assert _changes({"a": {}}, {"a": []}) == [("a", "update")]


def test_a_live_object_is_cut_to_the_shape_of_its_inputs() -> None:
    live: Json = {"a": 1, "status": {}, "list": [{"x": 1, "default": 2}, {"injected": 1}], "text": "b"}
    assert prune(live, {"a": 5, "list": [{"x": 0}], "absent": 1}) == {"a": 1, "list": [{"x": 1}]}
    assert prune({"a": {"b": 1}}, {"a": "was text"}) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("apps/v1", "Deployment", "spec.selector"),
        ("apps/v1", "DaemonSet", "spec.selector"),
        ("apps/v1", "StatefulSet", "spec.revisionHistoryLimit"),
        ("batch/v1", "Job", "spec.template"),
        ("v1", "PersistentVolumeClaim", "spec.storageClassName"),
        ("v1", "Pod", "spec.initContainers[*].image"),
        ("v1", "ResourceQuota", "spec.scopes"),
        ("v1", "Secret", "data"),
        ("v1", "ConfigMap", "binaryData"),
        ("v1", "Service", "spec.clusterIP"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "roleRef"),
        ("storage.k8s.io/v1", "StorageClass", "parameters"),
    ],
)
def test_the_table_of_replacing_fields(api_version: str, kind: str, path: str) -> None:
    obj = {"apiVersion": api_version, "kind": kind}
    identity = [("metadata", "name"), ("metadata", "namespace")]
    found = replacing_paths(obj, is_patch=False, config_map_mutable=False, secret_mutable=False)
    assert parse_path(path) in found
    assert found[:2] == identity
    patched = replacing_paths(obj, is_patch=True, config_map_mutable=False, secret_mutable=False)
    assert patched == identity, "a patch resource is replaced only with its object"


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [("batch/v1", "CronJob"), ("policy/v1", "PodDisruptionBudget"), ("a.test/v1", "Deployment")],
)
def test_kinds_without_replacing_fields(api_version: str, kind: str) -> None:
    obj = {"apiVersion": api_version, "kind": kind}
    assert len(replacing_paths(obj, is_patch=False, config_map_mutable=False, secret_mutable=False)) == 2


def test_tokens_and_urns_are_read() -> None:
    urn = parse_urn("urn:pulumi:dev::proj::modelyard:serving:ModelService$kubernetes:apps/v1:Deployment::a::b")
    assert (urn.type, urn.name, urn.kind) == ("kubernetes:apps/v1:Deployment", "a::b", "Deployment")
    gvk = kind_of_token("kubernetes:core/v1:Namespace")
    assert (gvk.group, gvk.api_version) == ("", "v1")
    custom = kind_of_token("kubernetes:monitoring.coreos.com/v1:ServiceMonitor")
    assert custom.api_version == "monitoring.coreos.com/v1"
    assert not custom.is_builtin
    for wrong in ("kubernetes:v1:Namespace", "aws:core/v1:Namespace", "kubernetes:core/v1:"):
        with pytest.raises(ValueError, match="kubernetes:<group>/<version>:<Kind>"):
            kind_of_token(wrong)


def test_patch_and_list_resources_are_told_apart_from_their_kinds() -> None:
    patch = parse_urn("urn:pulumi:dev::proj::kubernetes:apps/v1:DeploymentPatch::web")
    assert is_patch(patch, "Deployment")
    assert not is_patch(parse_urn("urn:pulumi:dev::p::kubernetes:example.test/v1:Patch::x"), "Patch")
    assert is_list(parse_urn("urn:pulumi:dev::p::kubernetes:core/v1:ConfigMapList::x"))
    assert not is_list(parse_urn("urn:pulumi:dev::p::kubernetes:example.test/v1:AllowList::x"))


@pytest.mark.parametrize(
    ("token", "namespaced"),
    [
        ("kubernetes:core/v1:Namespace", False),
        ("kubernetes:core/v1:ConfigMapPatch", True),
        ("kubernetes:batch/v1:CronJob", True),
        ("kubernetes:storage.k8s.io/v1:StorageClass", False),
        ("kubernetes:example.test/v1:ConfigMap", None),
        ("kubernetes:resource.k8s.io/v1:ResourceClaim", None),
    ],
)
def test_the_scope_of_builtin_kinds_is_known_without_a_cluster(token: str, namespaced: bool | None) -> None:
    assert builtin_scope(kind_of_token(token)) is namespaced


def test_secrets_are_marked_where_the_inputs_have_them() -> None:
    outs = {"a": {"b": "x", "c": "y"}, "list": ["p", "q"], "plain": "z"}
    mark_secrets(outs, {"a": {"b": Secret(value="x")}, "list": ["p", Secret(value="q")], "absent": Secret(value=1)})
    assert outs == {"a": {"b": Secret(value="x"), "c": "y"}, "list": Secret(value=["p", "q"]), "plain": "z"}


def test_a_state_is_read_back_as_it_was_written() -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "aGk="}}
    live = {**inputs, "metadata": {"uid": "1"}, "x-kubernetes-list-type": "set"}
    stored = checkpoint(inputs, live, {}, initial_api_version="v1", manager="m")
    assert stored["data"] == Secret(value={"a": "aGk="})
    assert stored["x_kubernetes_list_type"] == "set", "SDKs know the key with underscores"
    state = read_state(stored)
    assert (state.inputs, state.live, state.field_manager) == (inputs, live, "m")
    assert to_object({"x_kubernetes_int_or_string": True}) == {"x-kubernetes-int-or-string": True}
