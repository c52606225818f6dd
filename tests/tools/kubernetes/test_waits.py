"""What creates, updates, refreshes and deletes wait for, against real controllers."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.processes import wait_until
from tests.tools.kubernetes.cluster import Cluster, Json
from tests.tools.kubernetes.plugin import Plugin, PluginError, recovered
from tests.tools.kubernetes.shapes import (
    CLAIM,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    LABELS,
    NAMESPACE,
    POD,
    SERVICE,
    STATEFUL_SET,
    UNSCHEDULABLE,
    annotated,
    config_map,
    deployment,
    job,
    pod_template,
    service,
)

pytestmark = pytest.mark.engine


def test_a_deployment_is_waited_for_until_its_pods_are_ready(plugin: Plugin) -> None:
    made = plugin.create(DEPLOYMENT, "web", deployment(replicas=2))
    assert made.state["status"]["readyReplicas"] == 2
    updated = plugin.update(made, deployment("example.test/web:2", replicas=2))
    assert updated.state["status"]["updatedReplicas"] == 2
    assert updated.state["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert plugin.read(updated) is not None


def test_a_deployment_that_cannot_run_times_out_and_says_why(plugin: Plugin) -> None:
    started = time.monotonic()
    properties = deployment(replicas=2, **UNSCHEDULABLE)
    with pytest.raises(PluginError, match="timed out waiting to be Ready") as caught:
        plugin.create(DEPLOYMENT, "web", properties, timeout=2)
    assert time.monotonic() - started < 15
    assert caught.value.partial is not None
    reasons = " ".join(caught.value.partial.reasons)
    assert "0 of 2 replicas ready" in reasons
    assert "Unschedulable 0/1 nodes are available" in reasons
    said = plugin.engine.statuses()
    assert any("waiting for Deployment" in line for line in said)
    assert any("Unschedulable" in line for line in said), "the wait itself says so too"
    made = recovered(caught.value, DEPLOYMENT, "web")
    with pytest.raises(PluginError, match="failed to initialize"):
        plugin.read(made)
    repaired = plugin.update(made, deployment(replicas=2))
    assert repaired.state["status"]["readyReplicas"] == 2


def test_the_annotation_sets_the_timeout_and_the_custom_timeout_goes_first(plugin: Plugin) -> None:
    started = time.monotonic()
    properties = annotated(deployment(**UNSCHEDULABLE), timeoutSeconds="1")
    with pytest.raises(PluginError, match="timed out"):
        plugin.create(DEPLOYMENT, "web", properties)
    with pytest.raises(PluginError, match="timed out"):
        plugin.create(DEPLOYMENT, "again", annotated(properties, timeoutSeconds="600"), timeout=1)
    assert time.monotonic() - started < 20


def test_skip_await_waits_for_nothing(plugin: Plugin) -> None:
    made = plugin.create(DEPLOYMENT, "web", annotated(deployment(**UNSCHEDULABLE), skipAwait="true"))
    assert plugin.read(made) is not None


def test_a_job_is_waited_for_until_it_has_completed(plugin: Plugin) -> None:
    made = plugin.create(JOB, "train", job())
    assert made.state["status"]["succeeded"] == 1
    change = plugin.diff(made, {**job(), "spec": {**job()["spec"], "parallelism": 2}})
    assert change.replaces == ["spec.parallelism"]


def test_a_job_that_fails_fails_at_once(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    properties = {**job(), "spec": {**job()["spec"], "activeDeadlineSeconds": 1, "template": _stuck_pod()}}
    started = time.monotonic()
    with pytest.raises(PluginError, match=r"failed: \[DeadlineExceeded\]"):
        plugin.create(JOB, "train", properties, timeout=60)
    assert time.monotonic() - started < 30


def _stuck_pod() -> dict[str, object]:
    return pod_template(restartPolicy="Never", **UNSCHEDULABLE)


def test_a_stateful_set_is_waited_for_until_every_replica_is_new(plugin: Plugin) -> None:
    def properties(image: str) -> dict[str, object]:
        spec = {
            "serviceName": "db",
            "replicas": 2,
            "selector": {"matchLabels": LABELS},
            "template": pod_template(image),
        }
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {}, "spec": spec}

    made = plugin.create(STATEFUL_SET, "db", properties("example.test/db:1"))
    assert made.state["status"]["readyReplicas"] == 2
    updated = plugin.update(made, properties("example.test/db:2"))
    assert updated.state["status"]["currentRevision"] == updated.state["status"]["updateRevision"]
    assert updated.state["status"]["currentRevision"] != made.state["status"]["currentRevision"]


def test_a_daemon_set_is_waited_for_on_every_node(plugin: Plugin) -> None:
    spec = {"selector": {"matchLabels": LABELS}, "template": pod_template()}
    properties = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {}, "spec": spec}
    made = plugin.create(DAEMON_SET, "agent", properties)
    assert made.state["status"]["numberReady"] == 1


def test_a_pod_is_waited_for(plugin: Plugin) -> None:
    template = pod_template()
    properties: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": template["spec"]}
    made = plugin.create(POD, "one", properties)
    assert made.state["status"]["phase"] == "Running"


def test_a_service_waits_for_its_pods_to_be_ready(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    plugin.create(DEPLOYMENT, "web", deployment())
    made = plugin.create(SERVICE, "web", service())
    assert made.state["spec"]["clusterIP"]
    assert plugin.create(SERVICE, "none", service(clusterIP="None")).id
    nobody = plugin.create(SERVICE, "nobody", service(selector={"app": "nobody"}))
    assert nobody.id, "a service without Pods is no unready one"


def test_a_load_balancer_waits_for_its_address(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    properties = {**service(type="LoadBalancer"), "metadata": {"name": "lb"}}
    with pytest.raises(PluginError, match="timed out") as caught:
        plugin.create(SERVICE, "lb", properties, timeout=3)
    assert caught.value.partial is not None
    assert "does your cloud provider support this" in " ".join(caught.value.partial.reasons)
    address = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    cluster.patch("service", "lb", namespace, address, status=True)
    made = recovered(caught.value, SERVICE, "lb")
    assert plugin.read(made) is not None


def test_a_claim_waits_to_be_bound_unless_its_class_waits_for_a_consumer(plugin: Plugin, cluster: Cluster) -> None:
    for mode in ("Immediate", "WaitForFirstConsumer"):
        cluster.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": mode.lower()},
                "provisioner": "example.test/none",
                "volumeBindingMode": mode,
            }
        )

    def claim(class_name: str) -> dict[str, object]:
        storage = {"resources": {"requests": {"storage": "1024Mi"}}}
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": class_name, **storage}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {}, "spec": spec}

    made = plugin.create(CLAIM, "data", claim("waitforfirstconsumer"))
    assert made.state["status"]["phase"] == "Pending"
    assert not plugin.diff(made, claim("waitforfirstconsumer")).changed
    assert plugin.diff(made, claim("immediate")).replaces == ["spec.storageClassName"]
    with pytest.raises(PluginError, match="timed out"):
        plugin.create(CLAIM, "bound", claim("immediate"), timeout=1)


def test_wait_for_takes_the_place_of_the_kinds_own_wait(plugin: Plugin) -> None:
    stuck = deployment(**UNSCHEDULABLE)
    by_path = annotated(stuck, waitFor="jsonpath={.status.unavailableReplicas}=1")
    assert plugin.create(DEPLOYMENT, "path", by_path).id
    by_condition = annotated(stuck, waitFor="condition=Available=False")
    assert plugin.create(DEPLOYMENT, "condition", by_condition).id
    both = annotated(stuck, waitFor='["condition=Available=False", "jsonpath={.status.readyReplicas}"]')
    with pytest.raises(PluginError, match="timed out"):
        plugin.create(DEPLOYMENT, "both", both, timeout=2)


def test_a_wait_for_that_cannot_be_read_is_told(plugin: Plugin) -> None:
    with pytest.raises(PluginError, match='expected a "jsonpath=" or "condition=" prefix'):
        plugin.create(DEPLOYMENT, "web", annotated(deployment(replicas=0), waitFor="ready"))


def test_an_object_that_is_deleted_meanwhile_is_not_waited_for(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    properties = {**deployment(**UNSCHEDULABLE), "metadata": {"name": "web"}}
    with ThreadPoolExecutor() as pool:
        creation = pool.submit(plugin.create, DEPLOYMENT, "web", properties, timeout=60)
        wait_until(lambda: "web" in cluster.names("deployment", namespace), "the deployment")
        cluster.delete("deployment", "web", namespace)
        with pytest.raises(PluginError, match="was deleted while it was waited for"):
            creation.result(20)


def test_cancellation_ends_waits_and_keeps_what_exists(
    start_plugin: Callable[[], Plugin], cluster: Cluster, namespace: str
) -> None:
    plugin = start_plugin()
    plugin.configure(kubeconfig=str(cluster.kubeconfig), namespace=namespace)
    properties = deployment(**UNSCHEDULABLE)
    with ThreadPoolExecutor() as pool:
        creations = [pool.submit(plugin.create, DEPLOYMENT, f"web{number}", properties) for number in range(3)]
        wait_until(lambda: len(cluster.names("deployment", namespace)) == 3, "the deployments")
        cancelled_at = time.monotonic()
        plugin.cancel()
        for creation in creations:
            with pytest.raises(PluginError, match="operation was cancelled") as caught:
                creation.result(10)
            assert caught.value.partial is not None
            assert caught.value.partial.id.startswith(f"{namespace}/web")
    assert time.monotonic() - cancelled_at < 5


def test_many_waits_run_at_once(plugin: Plugin) -> None:
    barrier = threading.Barrier(24)

    def create(number: int) -> None:
        barrier.wait(30)
        with pytest.raises(PluginError, match="timed out"):
            plugin.create(DEPLOYMENT, f"web{number}", deployment(**UNSCHEDULABLE), timeout=4)

    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=24) as pool:
        list(pool.map(create, range(24)))
    assert time.monotonic() - started < 40, "24 waits of 4 s one after the other would take 96 s"


def test_delete_waits_until_finalizers_are_done(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    made = plugin.create(NAMESPACE, "held", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "held"}})
    held = {"name": "c", "namespace": "held", "finalizers": ["example.test/hold"]}
    cluster.apply({**config_map(), "metadata": held})
    with pytest.raises(PluginError, match="timed out waiting to be deleted"):
        plugin.delete(made, timeout=1)
    # The namespace controller says what it waits for after its grace period of 5 s.
    remaining = "configmaps. has 1 resource instances"
    wait_until(lambda: remaining in str(cluster.get("namespace", "held")["status"]), "what the namespace waits for")
    with pytest.raises(PluginError, match=f"timed out waiting to be deleted(?s:.*){re.escape(remaining)}"):
        plugin.delete(made, timeout=1)
    holding = plugin.create(CONFIG_MAP, "c", config_map(name="c", finalizers=["example.test/hold"]))
    with pytest.raises(PluginError, match=r"held by the finalizers .*example\.test/hold"):
        plugin.delete(holding, timeout=1)
    cluster.patch("configmap", "c", namespace, {"metadata": {"finalizers": None}})
    with ThreadPoolExecutor() as pool:
        deletion = pool.submit(plugin.delete, made)
        time.sleep(1)
        assert not deletion.done()
        cluster.patch("configmap", "c", "held", {"metadata": {"finalizers": None}})
        deletion.result(60)
    assert "held" not in cluster.names("namespace")


def test_delete_is_in_the_foreground_unless_the_object_says_otherwise(
    plugin: Plugin, cluster: Cluster, namespace: str
) -> None:
    plugin.delete(plugin.create(DEPLOYMENT, "front", deployment()))
    assert cluster.names("replicaset", namespace) == [], "dependents go first"
    plugin.delete(plugin.create(DEPLOYMENT, "orphan", annotated(deployment(), deletionPropagationPolicy="orphan")))
    assert len(cluster.names("replicaset", namespace)) == 1
