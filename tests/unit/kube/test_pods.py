"""Pods as plain values; that the API server takes them for `restricted` is shown in tests/engine."""

from dataclasses import replace
from typing import Any

import pulumi_kubernetes as k8s

from modelyard.kube.containers import Container, Mount, Scratch, SecretKey
from modelyard.kube.labels import labels
from modelyard.kube.placement import nodes_of_their_own
from modelyard.kube.pods import Pod, pod_template
from modelyard.kube.probes import Check, file_startup_probe, liveness_probe, readiness_probe, startup_probe
from tests.support.mocks import run


def template_of(container: Container, **pod: Any) -> dict[str, Any]:
    """The pod template as the engine gets it."""

    def program() -> None:
        made = pod_template(
            Pod(container=container, service_account="workload", **pod),
            labels("a", instance="w-a", component="batch-job"),
        )
        k8s.core.v1.PodTemplate("a", template=made)

    return run(program).one("PodTemplate").inputs["template"]


def pod_of(container: Container, **pod: Any) -> dict[str, Any]:
    return template_of(container, **pod)["spec"]


PLAIN = Container(name="main", image="python:3.12")


def test_a_pod_is_restricted() -> None:
    spec = pod_of(PLAIN)
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "workload"
    assert spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec)


def test_the_user_has_a_number_of_choice_in_every_place() -> None:
    context = pod_of(PLAIN, user_id=1000)["securityContext"]
    assert [context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")] == [1000, 1000, 1000]


def test_only_tmp_is_writable_and_home() -> None:
    spec = pod_of(PLAIN)
    (container,) = spec["containers"]
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {}}]
    assert {"name": "HOME", "value": "/tmp"} in container["env"]


def test_scratch_on_disk_and_in_memory() -> None:
    scratch = [
        Scratch(name="cache", path="/cache"),
        Scratch(name="shared-memory", path="/dev/shm", memory_gib=2),
    ]
    spec = pod_of(Container(name="main", image="python:3.12", scratch=scratch))
    assert spec["volumes"][1:] == [
        {"name": "cache", "emptyDir": {}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
    ]
    assert [each["mountPath"] for each in spec["containers"][0]["volumeMounts"]] == ["/tmp", "/cache", "/dev/shm"]


def test_variables_from_fields_come_first_and_each_name_comes_once() -> None:
    container = Container(
        name="main",
        image="python:3.12",
        field_env={"JOB_NAME": "metadata.labels['batch.kubernetes.io/job-name']"},
        env={"HOME": "/home/me", "MASTER_ADDR": "$(JOB_NAME)-0", "TOKEN": "clear"},
        secret_env={"TOKEN": SecretKey(name="hf-1234", key="value")},
    )
    env = pod_of(container)["containers"][0]["env"]
    assert [each["name"] for each in env] == ["JOB_NAME", "HOME", "USER", "MASTER_ADDR", "TOKEN"]
    assert env[0]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/job-name']"}}
    assert env[1]["value"] == "/home/me"
    assert env[4] == {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-1234", "key": "value"}}}


def test_what_is_not_asked_for_is_left_to_kubernetes() -> None:
    spec = pod_of(PLAIN)
    (container,) = spec["containers"]
    assert not {"command", "args", "ports", "lifecycle", "startupProbe", "livenessProbe"} & set(container)
    assert not {"nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "subdomain"} & set(spec)


def test_probes_over_http_and_tcp() -> None:
    container = Container(
        name="main",
        image="python:3.12",
        ports={"http": 8080},
        startup=startup_probe(Check(port="http", path="/healthz"), budget_seconds=301),
        readiness=readiness_probe(Check(port="http", path="/healthz")),
        liveness=liveness_probe(Check(port="http")),
        pre_stop_seconds=15,
    )
    made = pod_of(container)["containers"][0]
    assert made["startupProbe"]["failureThreshold"] * made["startupProbe"]["periodSeconds"] >= 301
    assert made["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert made["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert made["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert "httpGet" not in made["livenessProbe"]
    assert made["ports"] == [{"name": "http", "containerPort": 8080}]
    assert made["lifecycle"] == {"preStop": {"sleep": {"seconds": 15}}}


def test_pods_that_must_be_on_nodes_of_their_own() -> None:
    affinity = pod_of(PLAIN, affinity=nodes_of_their_own({"app": "a"}), restart_policy="Never")["affinity"]
    others = {"labelSelector": {"matchLabels": {"app": "a"}}}
    near = {"topologyKey": "topology.kubernetes.io/zone", **others}
    assert affinity == {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", **others}]
        },
        "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": near}]},
    }


def test_the_template_carries_the_labels() -> None:
    assert template_of(PLAIN)["metadata"]["labels"]["app.kubernetes.io/instance"] == "w-a"


def test_a_capability_is_the_only_one() -> None:
    container = replace(PLAIN, capabilities=["IPC_LOCK"])
    assert pod_of(container)["containers"][0]["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["IPC_LOCK"],
    }


def test_root_is_said_to_be_root_in_both_contexts() -> None:
    spec = pod_of(PLAIN, user_id=0)
    assert spec["securityContext"]["runAsNonRoot"] is False
    assert spec["containers"][0]["securityContext"]["runAsNonRoot"] is False
    assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_container_has_the_claims_of_its_pod() -> None:
    spec = pod_of(PLAIN, claims={"gpus": "a-gpus-1234"})
    assert spec["resourceClaims"] == [{"name": "gpus", "resourceClaimTemplateName": "a-gpus-1234"}]
    assert spec["containers"][0]["resources"]["claims"] == [{"name": "gpus"}]
    assert "resourceClaims" not in pod_of(PLAIN)


def test_what_runs_before_and_what_runs_beside() -> None:
    spec = pod_of(
        PLAIN,
        init_containers=[Container(name="fetch", image="a:1"), Container(name="unpack", image="a:1")],
        sidecars=[Container(name="proxy", image="b:1")],
    )
    found = [(each["name"], each.get("restartPolicy")) for each in spec["initContainers"]]
    assert found == [("fetch", None), ("unpack", None), ("proxy", "Always")]
    assert [each["name"] for each in spec["containers"]] == ["main"]
    assert "initContainers" not in pod_of(PLAIN)


def test_further_containers_are_as_restricted_with_a_folder_of_their_own() -> None:
    spec = pod_of(PLAIN, sidecars=[Container(name="proxy", image="b:1")])
    (proxy,), (main,) = spec["initContainers"], spec["containers"]
    assert proxy["securityContext"] == main["securityContext"]
    assert proxy["volumeMounts"] == [{"name": "tmp-proxy", "mountPath": "/tmp"}]
    assert [each["name"] for each in spec["volumes"]] == ["tmp", "tmp-proxy"]
    assert {"name": "HOME", "value": "/tmp"} in proxy["env"]


def test_a_container_has_a_user_of_its_own_where_it_says_so() -> None:
    spec = pod_of(
        PLAIN, user_id=0, sidecars=[Container(name="a", image="b:1", user_id=1000), Container(name="b", image="b:1")]
    )
    own, the_pods = (each["securityContext"] for each in spec["initContainers"])
    assert (own["runAsUser"], own["runAsGroup"], own["runAsNonRoot"]) == (1000, 1000, True)
    assert not {"runAsUser", "runAsGroup"} & set(the_pods)
    assert the_pods["runAsNonRoot"] is False


def test_containers_share_what_has_the_same_name() -> None:
    model, claim = Scratch(name="model", path="/model"), Mount(path="/data", volume="data", claim="data")
    fetch = Container(name="fetch", image="a:1", scratch=[replace(model, path="/to")], mounts=[claim])
    spec = pod_of(replace(PLAIN, scratch=[model], mounts=[replace(claim, folder="a")]), init_containers=[fetch])
    names = [each["name"] for each in spec["volumes"]]
    assert names == ["tmp", "model", "data", "tmp-fetch"]
    (main,), (first,) = spec["containers"], spec["initContainers"]
    assert {"name": "model", "mountPath": "/model"} in main["volumeMounts"]
    assert {"name": "model", "mountPath": "/to"} in first["volumeMounts"]


def test_a_process_of_the_node_is_not_restricted() -> None:
    daemon = Container(
        name="daemon",
        image="d:1",
        capabilities=["NET_ADMIN"],
        mounts=[Mount(path="/host", volume="sys", host_path="/sys", read_only=False)],
        startup=file_startup_probe("/ready", budget_seconds=180),
        is_of_node=True,
    )
    spec = pod_of(PLAIN, sidecars=[daemon])
    (made,) = spec["initContainers"]
    assert made["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "capabilities": {"add": ["NET_ADMIN"]},
        "seccompProfile": {"type": "Unconfined"},
    }
    assert "env" not in made
    assert made["volumeMounts"] == [{"name": "sys", "mountPath": "/host"}]
    assert made["startupProbe"]["exec"] == {"command": ["cat", "/ready"]}
    assert made["startupProbe"]["periodSeconds"] * made["startupProbe"]["failureThreshold"] == 180
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_pod_names_its_priority() -> None:
    assert pod_of(PLAIN, priority_class="production-1234")["priorityClassName"] == "production-1234"
    assert "priorityClassName" not in pod_of(PLAIN)
