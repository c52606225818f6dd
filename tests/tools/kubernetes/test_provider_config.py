"""The provider resource: which arguments are taken, what replaces it, how it finds its cluster."""

import inspect
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pulumi_kubernetes
import pytest
import yaml
from pulumi.runtime.proto import provider_pb2

from tests.support.toolchain import clean_environment, require_tool
from tests.tools.kubernetes.cluster import Cluster, Json
from tests.tools.kubernetes.plugin import Plugin, PluginError
from tests.tools.kubernetes.shapes import CONFIG_MAP, RELEASE, config_map
from tools.offline.common.values import UNKNOWN, Secret

pytestmark = pytest.mark.engine


def kubeconfig(server: str = "https://192.0.2.1:6443", **user: str) -> str:
    return json.dumps(
        {
            "current-context": "main",
            "contexts": [
                {"name": "main", "context": {"cluster": "one", "user": "admin"}},
                {"name": "other", "context": {"cluster": "two", "user": "admin"}},
            ],
            "clusters": [
                {"name": "one", "cluster": {"server": server}},
                {"name": "two", "cluster": {"server": "https://192.0.2.2:6443"}},
            ],
            "users": [{"name": "admin", "user": user}],
        }
    )


def test_every_argument_of_the_sdk_is_understood_or_refused(running_plugin: Plugin) -> None:
    understood = {
        "cluster": "one",
        "clusterIdentifier": "stack",
        "context": "main",
        "deleteUnreachable": "true",
        "enableConfigMapMutable": "true",
        "enablePatchForce": "true",
        "enableSecretMutable": "true",
        "enableServerSideApply": "true",
        "helmReleaseSettings": "{}",
        "kubeClientSettings": '{"qps": 5}',
        "kubeconfig": Secret(value=kubeconfig()),
        "namespace": "team",
        "skipUpdateUnreachable": "true",
        "suppressDeprecationWarnings": "true",
        "suppressHelmHookWarnings": "true",
        "upsertExistingObjects": "true",
    }
    assert running_plugin.check_config(understood) == []
    refused = {"renderYamlToDirectory": "out", "enableServerSideApply": "false"}
    for key, value in refused.items():
        assert [key] == [failed for failed, _ in running_plugin.check_config({key: value})]
    assert (running_plugin.check_config({"alwaysRender": "true"})) == [
        ("alwaysRender", '"alwaysRender" requires "renderYamlToDirectory" to be set')
    ]
    assert set(understood) | set(refused) | {"alwaysRender"} == _sdk_arguments()


def _sdk_arguments() -> set[str]:
    names = inspect.signature(pulumi_kubernetes.ProviderArgs.__init__).parameters
    camel = ["".join(part.title() if at else part for at, part in enumerate(name.split("_"))) for name in names]
    return set(camel) - {"Self"}


def test_a_misspelt_argument_is_refused(running_plugin: Plugin) -> None:
    [(key, reason)] = running_plugin.check_config({"kubeConfig": "x"})
    assert key == "kubeConfig"
    assert "is no argument of the kubernetes provider" in reason


def test_strict_mode(running_plugin: Plugin) -> None:
    failures = running_plugin.check_config({"strictMode": "true"}, "default_4_34_2")
    assert [key for key, _ in failures] == ["", "kubeconfig", "context"]
    strict = {"strictMode": "true", "kubeconfig": kubeconfig(), "context": "main"}
    assert running_plugin.check_config(strict) == []


def test_a_changed_cluster_replaces_the_provider(running_plugin: Plugin) -> None:
    old = {"kubeconfig": kubeconfig()}
    assert running_plugin.diff_config(old, {"kubeconfig": kubeconfig("https://192.0.2.9:6443")}).replaces == [
        "kubeconfig"
    ]
    refreshed = running_plugin.diff_config(old, {"kubeconfig": kubeconfig(token="new")})
    assert refreshed.changed
    assert refreshed.replaces == [], "new credentials for the same cluster replace nothing"
    assert running_plugin.diff_config(old, {**old, "context": "other"}).replaces == ["context"]
    assert running_plugin.diff_config({**old, "context": "main"}, {**old, "context": "other"}).replaces == ["context"]
    assert running_plugin.diff_config(old, {**old, "cluster": "two"}).replaces == ["cluster"]
    assert not running_plugin.diff_config(old, old).changed


@pytest.mark.parametrize("key", ["kubeconfig", "context", "cluster"])
def test_an_unknown_cluster_replaces_the_provider(running_plugin: Plugin, key: str) -> None:
    change = running_plugin.diff_config({key: "x", "namespace": "a"}, {key: UNKNOWN, "namespace": "b"})
    assert change.replaces == [key]


def test_an_unchanged_cluster_identifier_replaces_nothing(running_plugin: Plugin) -> None:
    def config(identifier: object, server: str = "https://192.0.2.1:6443") -> dict[str, object]:
        return {"kubeconfig": kubeconfig(server), "clusterIdentifier": identifier}

    for changed in (config("a", "https://192.0.2.9:6443"), {"kubeconfig": UNKNOWN, "clusterIdentifier": "a"}):
        change = running_plugin.diff_config(config("a"), changed)
        assert change.changed
        assert change.replaces == []
    assert running_plugin.diff_config(config("a"), config("b")).replaces == ["clusterIdentifier"]
    without = {"kubeconfig": kubeconfig()}
    assert running_plugin.diff_config(without, config("a")).replaces == []
    assert running_plugin.diff_config(config("a"), without).replaces == []


def test_the_stand_in_is_announced_once(start_plugin: Callable[[], Plugin], cluster: Cluster) -> None:
    plugin = start_plugin()
    plugin.check_config({})
    plugin.configure(kubeconfig=str(cluster.kubeconfig))
    assert [line for line in plugin.engine.infos() if "stand-in" in line] == plugin.engine.infos()
    assert len(plugin.engine.infos()) == 1


def test_a_kubeconfig_is_a_path_a_path_in_the_home_folder_or_contents(
    start_plugin: Callable[[], Plugin],
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents = cluster.kubeconfig.read_text()
    (tmp_path / "config").write_text(contents)
    monkeypatch.setenv("HOME", str(tmp_path))
    plugin = start_plugin()
    for given in (str(cluster.kubeconfig), "~/config", contents, json.dumps(yaml.safe_load(contents))):
        plugin.configure(kubeconfig=given, namespace=namespace)
        made = plugin.create(CONFIG_MAP, "settings", config_map())
        plugin.delete(made)


def test_the_contexts_namespace_is_the_default(running_plugin: Plugin, cluster: Cluster) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = "from-context"
    running_plugin.configure(kubeconfig=json.dumps(config))
    assert running_plugin.check(CONFIG_MAP, "c", config_map())["metadata"]["namespace"] == "from-context"
    running_plugin.configure(kubeconfig=json.dumps(config), namespace="from-provider")
    assert running_plugin.check(CONFIG_MAP, "c", config_map())["metadata"]["namespace"] == "from-provider"


def test_tokens_and_exec_plugins_authenticate(
    running_plugin: Plugin, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.run("create", "serviceaccount", "robot", "-n", namespace)
    cluster.run(
        "create", "rolebinding", "robot", "-n", namespace, "--clusterrole=edit", f"--serviceaccount={namespace}:robot"
    )
    token = cluster.run("create", "token", "robot", "-n", namespace).strip()
    file, script = tmp_path / "token", tmp_path / "credential"
    file.write_text(token)
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token, "expirationTimestamp": "2999-01-01T00:00:00Z"},
    }
    script.write_text(
        f'#!/bin/sh\necho run >> {tmp_path}/runs\necho "$KUBERNETES_EXEC_INFO" > {tmp_path}/info\n'
        f"cat <<'EOF'\n{json.dumps(credential)}\nEOF\n"
    )
    script.chmod(0o755)
    exec_plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "provideClusterInfo": True}
    users: list[Json] = [{"token": token}, {"tokenFile": str(file)}, {"exec": exec_plugin}]
    for user in users:
        running_plugin.configure(kubeconfig=_with_user(cluster, user), namespace=namespace)
        running_plugin.delete(running_plugin.create(CONFIG_MAP, "c", config_map()))
    assert (tmp_path / "runs").read_text() == "run\n", "a credential is kept until it expires"
    told = json.loads((tmp_path / "info").read_text())["spec"]["cluster"]
    assert told["server"] == yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]


def _with_user(cluster: Cluster, user: Json) -> str:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = user
    return json.dumps(config)


def test_an_exec_plugin_that_fails_is_named(running_plugin: Plugin, cluster: Cluster) -> None:
    user: Json = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", "echo expired >&2; exit 1"],
        }
    }
    running_plugin.configure(kubeconfig=_with_user(cluster, user))
    with pytest.raises(PluginError, match=r"unreachable: .*exec plugin sh failed: expired"):
        running_plugin.create(CONFIG_MAP, "c", config_map())


UNREACHABLE = {"kubeconfig": kubeconfig("https://127.0.0.1:1")}


def test_an_unreachable_cluster_previews_inputs_and_refuses_the_rest(running_plugin: Plugin, plugin: Plugin) -> None:
    made = plugin.create(CONFIG_MAP, "c", config_map())
    running_plugin.configure(**UNREACHABLE)
    assert running_plugin.create(CONFIG_MAP, "d", config_map(), preview=True).state["data"] == {"key": "value"}
    assert running_plugin.update(made, config_map({"key": "b"}), preview=True).state["data"] == {"key": "b"}
    for act in (
        lambda: running_plugin.create(CONFIG_MAP, "d", config_map()),
        lambda: running_plugin.update(made, config_map({"key": "b"})),
    ):
        with pytest.raises(
            PluginError, match=r"configured Kubernetes cluster is unreachable: .*127\.0\.0\.1:1.*refused"
        ):
            act()
    with pytest.raises(PluginError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        running_plugin.read(made)
    with pytest.raises(PluginError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        running_plugin.delete(made)


def test_an_unreachable_clusters_objects_can_be_forgotten(running_plugin: Plugin, plugin: Plugin) -> None:
    made = plugin.create(CONFIG_MAP, "c", config_map())
    running_plugin.configure(**UNREACHABLE, deleteUnreachable="true")
    assert running_plugin.read(made) is None
    running_plugin.delete(made)
    assert any("Deleting the unreachable resource from Pulumi state" in line for line in running_plugin.engine.infos())


def test_an_unreachable_clusters_objects_can_be_left_as_they_are(running_plugin: Plugin, plugin: Plugin) -> None:
    made = plugin.create(CONFIG_MAP, "c", config_map())
    running_plugin.configure(**UNREACHABLE, skipUpdateUnreachable="true")
    seen = running_plugin.read(made)
    assert seen is not None
    assert seen.state == made.state
    assert running_plugin.check(CONFIG_MAP, "c", config_map({"key": "new"}), made) == made.inputs


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("no-such-file", "neither an existing file nor the contents of a kubeconfig"),
        ("a: ]", "neither an existing file nor YAML at line 1"),
        (
            kubeconfig().replace('"main", "context"', '"gone", "context"'),
            "no context 'main'; its contexts: gone, other",
        ),
        (kubeconfig(**{"client-certificate-data": "%%"}), "client-certificate-data is not base64"),
        (kubeconfig(**{"auth-provider": "gcp"}), "use an exec plugin instead"),
    ],
)
def test_a_bad_kubeconfig_says_what_is_wrong_and_nothing_else(running_plugin: Plugin, given: str, message: str) -> None:
    running_plugin.configure(kubeconfig=given)
    with pytest.raises(PluginError) as caught:
        running_plugin.create(CONFIG_MAP, "c", config_map())
    assert "the kubeconfig cannot be used: " in caught.value.message
    assert message in caught.value.message


def test_a_number_that_is_none_is_refused(running_plugin: Plugin) -> None:
    with pytest.raises(PluginError, match=r"kubeClientSettings\.qps .* must be a number, not 'many'"):
        running_plugin.configure(kubeClientSettings='{"qps": "many"}')


def test_what_the_stand_in_lacks_is_refused_by_name(plugin: Plugin) -> None:
    with pytest.raises(PluginError, match="no function 'kubernetes:yaml:decode'"):
        plugin.call("Invoke", provider_pb2.InvokeRequest(tok="kubernetes:yaml:decode"))
    with pytest.raises(PluginError, match=r"kubernetes:helm\.sh/v4:Chart"):
        plugin.call("Construct", provider_pb2.ConstructRequest(type="kubernetes:helm.sh/v4:Chart", name="c"))


def test_a_helm_release_is_recorded_and_said_not_to_be_installed(plugin: Plugin, namespace: str) -> None:
    inputs = {"chart": "kube-prometheus-stack", "version": "1.2.3", "values": {"password": Secret(value="hunter2")}}
    shown = plugin.create(RELEASE, "metrics", inputs, preview=True)
    assert shown.state["status"] is UNKNOWN
    made = plugin.create(RELEASE, "metrics", inputs)
    assert made.id.startswith(f"{namespace}/metrics-")
    assert made.state["status"]["status"] == "deployed"
    assert made.state["values"] == {"password": Secret(value="hunter2")}
    assert "hunter2" not in str(made.state)
    assert any("recorded but not installed" in line for line in plugin.engine.warnings())
    assert not plugin.diff(made, inputs).changed
    newer = {**inputs, "version": "1.2.4"}
    assert plugin.diff(made, newer).kinds == {"version": "UPDATE"}
    updated = plugin.update(made, newer)
    assert updated.state["status"]["revision"] == 2
    assert plugin.diff(made, {**inputs, "namespace": "other"}).replaces == ["namespace"]
    assert plugin.read(updated) == updated
    with pytest.raises(PluginError, match="cannot import Helm releases"):
        plugin.import_(RELEASE, "metrics", "monitoring/metrics")
    plugin.delete(updated)


def test_the_plugin_ends_with_its_engine(start_plugin: Callable[[], Plugin]) -> None:
    plugin = start_plugin()
    assert plugin.process.stdin is not None
    plugin.process.stdin.close()
    assert plugin.process.wait(10) != 0


def test_the_plugin_says_what_it_needs() -> None:
    plugin = str(require_tool("pulumi-resource-kubernetes"))
    done = subprocess.run(
        [plugin],
        env={**clean_environment(), "MODELYARD_PYTHON": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no Python at /nowhere; run 'make up' once" in done.stderr
