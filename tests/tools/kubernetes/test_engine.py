"""What a user of the CLI sees: the real engine, the stand-in, a real API server."""

import json

import pytest

from tests.support.engine import MakeProject
from tests.support.processes import wait_until
from tests.tools.kubernetes.cluster import Cluster
from tests.tools.kubernetes.programs import program
from tests.tools.kubernetes.shapes import widget_crd

pytestmark = pytest.mark.engine


def test_up_again_changes_nothing_and_destroy_leaves_nothing(
    make_project: MakeProject, cluster: Cluster, namespace: str
) -> None:
    body = """
k8s.core.v1.Secret("login", string_data={"password": "hunter2"}, opts=options)
k8s.core.v1.ConfigMap("settings", data={"a": "1"}, opts=options)
web = deployment("web")
k8s.core.v1.Service("web", metadata={"name": "web"}, spec={"selector": labels, "ports": [{"port": 80}]},
                    opts=pulumi.ResourceOptions(provider=provider, depends_on=[web]))
pulumi.export("name", web.metadata["name"])
"""
    project = make_project(program(cluster.kubeconfig, namespace, body))
    preview = project.preview()
    assert preview.changes == {"create": 6}
    assert "the kubernetes provider is a stand-in" in preview.messages("info")
    assert cluster.names("deployment", namespace) == [], "a preview makes nothing"
    project.up()
    assert cluster.names("deployment", namespace) == [project.outputs()["name"]]
    assert project.up().unchanged
    assert project.preview("--expect-no-changes").unchanged
    refreshed = project.refresh()
    assert refreshed.changes.keys() <= {"same", "refresh"}, refreshed.summary
    assert project.up().unchanged, "a refresh makes no difference"
    assert "hunter2" not in json.dumps(project.export())
    assert "aHVudGVyMg==" not in json.dumps(project.export())
    project.destroy()
    for kind in ("deployment", "replicaset", "service", "secret"):
        assert cluster.names(kind, namespace) == []


def test_changes_update_or_replace_as_the_real_provider_does(
    make_project: MakeProject, cluster: Cluster, namespace: str
) -> None:
    def body(image: str, app: str, value: str) -> str:
        return f"""
deployment("web", "example.test/web:{image}", {{"app": "{app}"}})
k8s.core.v1.ConfigMap("auto", data={{"a": "{value}"}}, opts=options)
k8s.core.v1.ConfigMap("named", metadata={{"name": "named"}}, data={{"a": "{value}"}}, opts=options)
"""

    def write(image: str, app: str, value: str) -> None:
        project.write(program(cluster.kubeconfig, namespace, body(image, app, value)))

    project = make_project(program(cluster.kubeconfig, namespace, body("1", "web", "1")))
    project.up()
    [before] = cluster.names("deployment", namespace)

    write("2", "web", "1")
    assert project.up().ops("web") == ["update"]
    live = cluster.get("deployment", before, namespace)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "example.test/web:2"

    write("2", "other", "2")
    replaced = project.up()
    assert replaced.ops("web") == ["create-replacement", "replace", "delete-replaced"]
    assert replaced.ops("auto") == ["create-replacement", "replace", "delete-replaced"]
    assert replaced.ops("named") == ["delete-replaced", "replace", "create-replacement"]
    [after] = cluster.names("deployment", namespace)
    assert after != before
    assert cluster.get("configmap", "named", namespace)["data"] == {"a": "2"}
    assert project.up().unchanged


def test_a_foreign_object_of_the_same_name_fails_and_leaves_the_state_clean(
    make_project: MakeProject, cluster: Cluster, namespace: str
) -> None:
    cluster.run("create", "configmap", "taken", "-n", namespace, "--from-literal=owner=else")
    body = 'k8s.core.v1.ConfigMap("c", metadata={"name": "taken"}, data={"owner": "us"}, opts=options)'
    project = make_project(program(cluster.kubeconfig, namespace, body))
    failed = project.up(fails=True)
    assert "already exists" in failed.messages("error")
    assert "Traceback" not in failed.text
    deployment = project.export()["deployment"]
    assert "pending_operations" not in deployment
    assert [each["type"] for each in deployment["resources"]] == ["pulumi:pulumi:Stack", "pulumi:providers:kubernetes"]
    assert cluster.get("configmap", "taken", namespace)["data"] == {"owner": "else"}

    # Adoption, as the message tells; the program must describe what exists.
    imported = body.replace('owner": "us', 'owner": "else').replace(
        "opts=options", f'opts=pulumi.ResourceOptions(provider=provider, import_="{namespace}/taken")'
    )
    project.write(program(cluster.kubeconfig, namespace, imported))
    assert project.up().ops("c") == ["import"]
    project.write(program(cluster.kubeconfig, namespace, body.replace('"us"', '"else"')))
    assert project.up().unchanged


def test_a_refresh_sees_what_was_deleted_and_changed_outside_and_up_repairs_it(
    make_project: MakeProject, cluster: Cluster, namespace: str
) -> None:
    body = """
k8s.core.v1.ConfigMap("gone", metadata={"name": "gone"}, data={"a": "1"}, opts=options)
k8s.core.v1.ServiceAccount("drifted", metadata={"name": "drifted", "labels": {"a": "1"}}, opts=options)
"""
    project = make_project(program(cluster.kubeconfig, namespace, body))
    project.up()
    cluster.delete("configmap", "gone", namespace)
    cluster.patch("serviceaccount", "drifted", namespace, {"metadata": {"labels": {"a": "2"}}})
    assert project.up().unchanged, "without a refresh the engine trusts its state"
    refreshed = project.refresh()
    assert refreshed.changes.get("delete") == 1
    assert refreshed.changes.get("update") == 1
    # kubectl changed the label and thus owns it; an update takes it back.
    assert project.up().changes == {"create": 1, "update": 1, "same": 2}
    assert cluster.get("serviceaccount", "drifted", namespace)["metadata"]["labels"] == {"a": "1"}
    assert cluster.names("configmap", namespace) == ["gone", "kube-root-ca.crt"]


def test_a_custom_kind_and_its_object_in_one_run(make_project: MakeProject, cluster: Cluster, namespace: str) -> None:
    group = "one-run.example.test"
    spec = widget_crd(group)["spec"]
    body = f"""
crd = k8s.apiextensions.v1.CustomResourceDefinition("widgets", metadata={{"name": "widgets.{group}"}}, spec={spec!r},
                                                    opts=options)
k8s.apiextensions.CustomResource("w", api_version="{group}/v1", kind="Widget", spec={{"colour": "red"}},
                                 metadata={{"annotations": {{"pulumi.com/deletionPropagationPolicy": "background"}}}},
                                 opts=pulumi.ResourceOptions(provider=provider, depends_on=[crd]))
"""
    project = make_project(program(cluster.kubeconfig, namespace, body))
    assert project.preview().changes == {"create": 4}
    project.up()
    assert len(cluster.names(f"widgets.{group}", namespace)) == 1
    assert project.up().unchanged
    project.destroy()
    assert f"widgets.{group}" not in cluster.names("customresourcedefinition")


def test_a_kind_with_a_deep_schema(make_project: MakeProject, cluster: Cluster, namespace: str) -> None:
    """As cert-manager's Issuer has one."""
    group = "deep.example.test"
    crd = widget_crd(group)
    schema: dict[str, object] = {"type": "string"}
    for _ in range(40):
        schema = {"type": "object", "properties": {"inner": schema}}
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = schema
    body = f"""
from modelyard.operators.deep_messages import allow_deep_messages

allow_deep_messages()
k8s.apiextensions.v1.CustomResourceDefinition("widgets", metadata={{"name": "widgets.{group}"}}, spec={crd["spec"]!r},
                                              opts=options)
"""
    project = make_project(program(cluster.kubeconfig, namespace, body))
    project.up()
    assert f"widgets.{group}" in cluster.names("customresourcedefinition")
    assert project.preview().unchanged
    project.destroy()


def test_an_immutable_change_of_a_custom_object_shows_in_the_preview(
    make_project: MakeProject, cluster: Cluster, namespace: str
) -> None:
    group = "preview.example.test"
    cluster.apply(widget_crd(group))
    cluster.run("wait", "--for=condition=Established", f"crd/widgets.{group}")
    body = f"""
k8s.apiextensions.CustomResource("w", api_version="{group}/v1", kind="Widget", spec={{"size": 1}}, opts=options)
"""
    project = make_project(program(cluster.kubeconfig, namespace, body))
    project.up()
    project.write(program(cluster.kubeconfig, namespace, body.replace('"size": 1', '"size": 2')))
    assert "size is immutable" in project.preview(fails=True).messages("error")


UNKNOWN_KUBECONFIG = """
source = k8s.core.v1.ConfigMap("source", data={{"a": "{value}"}}, opts=options)
kubeconfig = source.id.apply(lambda _: open({path!r}).read())
second = k8s.Provider("second", kubeconfig=kubeconfig, namespace={namespace!r}{identifier})
k8s.core.v1.ConfigMap("inside", metadata={{"name": "inside"}}, data={{"a": "1"}},
                      opts=pulumi.ResourceOptions(provider=second))
"""


@pytest.mark.parametrize("identified", [True, False])
def test_a_kubeconfig_that_is_unknown_at_preview(
    make_project: MakeProject, cluster: Cluster, namespace: str, identified: bool
) -> None:
    def text(value: str) -> str:
        identifier = ', cluster_identifier="fixed"' if identified else ""
        path = str(cluster.kubeconfig)
        body = UNKNOWN_KUBECONFIG.format(value=value, path=path, namespace=namespace, identifier=identifier)
        return program(cluster.kubeconfig, namespace, body)

    project = make_project(text("1"))
    assert project.preview().changes == {"create": 5}
    project.up()
    project.write(text("2"))
    shown = project.preview()
    inside = [step.op for step in shown.steps if step.name == "inside"]
    if not identified:
        assert "replace" in inside, "without an identifier, an unknown cluster may be another one"
        return
    # The engine asks no provider whose configuration is unknown, and takes the object to be updated.
    assert inside == ["update"]
    before = cluster.get("configmap", "inside", namespace)["metadata"]["uid"]
    assert project.up().ops("inside") == ["same"]
    assert cluster.get("configmap", "inside", namespace)["metadata"]["uid"] == before


def test_ctrl_c_during_a_wait_ends_soon_and_the_next_up_recovers(
    make_project: MakeProject, cluster: Cluster, namespace: str
) -> None:
    body = 'deployment("web", pod={"nodeSelector": {"nowhere": "true"}})'
    project = make_project(program(cluster.kubeconfig, namespace, body))
    running = project.start("up", "--skip-preview", "--yes")
    running.wait_for("waiting for Deployment")
    running.interrupt()
    result = running.wait(30)
    assert result.exit_code != 0
    wait_until(lambda: not project.processes(), "the end of every process of the update", 20)
    [made] = cluster.names("deployment", namespace)
    project.write(program(cluster.kubeconfig, namespace, 'deployment("web")'))
    project.up()
    assert cluster.names("deployment", namespace) == [made], "the object was recorded, and is the same one"
    assert cluster.get("deployment", made, namespace)["status"]["readyReplicas"] == 1


def test_a_custom_timeout_fails_the_update_and_keeps_the_object(
    make_project: MakeProject, cluster: Cluster, namespace: str
) -> None:
    timeout = 'opts=pulumi.ResourceOptions(provider=provider, custom_timeouts=pulumi.CustomTimeouts(create="2s"))'
    body = f'deployment("web", pod={{"nodeSelector": {{"nowhere": "true"}}}}, {timeout})'
    project = make_project(program(cluster.kubeconfig, namespace, body))
    failed = project.up(fails=True)
    assert "timed out waiting to be Ready" in failed.messages("error")
    assert "Unschedulable" in failed.messages("error")
    assert "web" in [each["urn"].rsplit("::")[-1] for each in project.resources()]


def test_the_killed_engine_leaves_no_plugin(make_project: MakeProject, cluster: Cluster, namespace: str) -> None:
    body = 'deployment("web", pod={"nodeSelector": {"nowhere": "true"}})'
    project = make_project(program(cluster.kubeconfig, namespace, body))
    running = project.start("up", "--skip-preview", "--yes")
    running.wait_for("waiting for Deployment")
    running.kill()
    wait_until(lambda: not project.processes(), "the end of every process of the update", 20)
