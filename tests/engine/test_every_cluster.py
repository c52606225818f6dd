"""Every feature on every kind of cluster: one description, of which only the cluster differs.

The tests of one kind share a stack and stand in order: the last change it and remove it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.engine.cloud_servers import CloudServers
from tests.engine.every_cluster import KINDS, AnyStack, ClusterKind, spec_on
from tests.engine.features import feature
from tests.engine.local_stack import POOL_LABEL, ROOT, Json
from tests.engine.steps import changed
from tests.support.processes import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

PROGRAM = (
    (ROOT / "stacks" / "__main__.py")
    .read_text()
    .replace("MLStack.from_config()", "stack = MLStack.from_config()\nstack")
)
STORE = """
import pulumi

from modelyard import ObjectStoreSpec, StoreAccess

store = stack.cluster.object_store("models", ObjectStoreSpec(force_destroy=True))
pulumi.export("store", store.url)
stack.cluster.workload_identity(
    "models-access", namespace="team", service_account="workload", permissions=[StoreAccess(store=store, write=True)]
)
"""
_INSTANCE = "app.kubernetes.io/instance"
_PLACE_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Made:
    """A stack that is up."""

    kind: ClusterKind
    stack: AnyStack

    def one(self, kind: str, workload: str) -> Json:
        """The only object of a kind that belongs to a workload."""
        [found] = self.stack.get(kind, f"--selector={_INSTANCE}=team-{workload}")
        return found

    def placed(self, workload: str) -> Counter[tuple[str, str]]:
        """Its pods by the pool of their node, which is empty for those that wait, and by their phase."""
        pools = {each["metadata"]["name"]: _pool_of(each) for each in self.stack.get("nodes")}
        return Counter(
            (pools.get(pod["spec"].get("nodeName"), ""), pod["status"]["phase"])
            for pod in self.stack.get("pods", f"--selector={_INSTANCE}=team-{workload}")
            if "deletionTimestamp" not in pod["metadata"]
        )

    def wait_for(self, workload: str, pool: str, count: int, phase: str = "Running") -> None:
        """Wait until so many of its pods are on the pool, and in that phase."""
        wanted = {(pool, phase): count}
        wait_until(lambda: self.placed(workload) == wanted, f"{count} pods of {workload} on {pool}", _PLACE_SECONDS)


def _pool_of(node: Json) -> str:
    labels: dict[str, str] = node["metadata"]["labels"]
    real = next((key for key in labels if key.startswith("pool.modelyard.dev/")), "")
    return labels.get(POOL_LABEL) or real.rpartition("/")[2]


@pytest.fixture(scope="module", params=KINDS)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cloud_servers: CloudServers
) -> Iterator[Made]:
    """The stack on one kind of cluster, made."""
    kind = KINDS[request.param]
    with kind.opened(tmp_path_factory.mktemp(request.param), spec_on(kind), cloud_servers) as stack:
        stack.project.write(PROGRAM if "object_store" in kind.unsupported else PROGRAM + STORE)
        assert set(stack.project.up().changes) == {"create"}
        yield Made(kind=kind, stack=stack)


@feature("model services: stable name, replicas, budget for disruptions, rolling updates")
def test_services_run_in_their_pool(made: Made) -> None:
    made.wait_for("web", "system", 2)
    assert made.one("services", "web")["spec"]["ports"][0]["port"] == 80
    assert made.one("poddisruptionbudgets", "web")["spec"]["maxUnavailable"] == 1
    deployment = made.one("deployments", "web")
    wait_until(lambda: made.one("deployments", "web")["status"].get("availableReplicas") == 2, "its replicas")
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@feature("configuration and secrets, as files that roll what reads them")
def test_pods_have_their_configuration_and_secrets(made: Made) -> None:
    volumes: list[Json] = made.one("deployments", "web")["spec"]["template"]["spec"]["volumes"]
    named = {each["configMap"]["name"] for each in volumes if "configMap" in each}
    named |= {each["secret"]["secretName"] for each in volumes if "secret" in each}
    there = {
        each["metadata"]["name"] for each in made.stack.get("configmaps,secrets", "--selector=modelyard.dev/workspace")
    }
    assert len(named) == 2
    assert named <= there


@feature("autoscaling by CPU")
def test_an_autoscaler_looks_after_the_service(made: Made) -> None:
    made.wait_for("scaled", "system", 1)
    scaler = made.one("horizontalpodautoscalers", "scaled")
    assert scaler["spec"]["scaleTargetRef"]["name"] == made.one("deployments", "scaled")["metadata"]["name"]
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (1, 3)
    if made.kind.level == "real":
        wait_until(lambda: _measured(made.one("horizontalpodautoscalers", "scaled")), "its CPU's use", _PLACE_SECONDS)


def _measured(scaler: Json) -> bool:
    metrics: list[Json] = scaler["status"].get("currentMetrics") or []
    # A metric that was not read yet stands there without a type and what belongs to it.
    return any("averageUtilization" in each.get("resource", {}).get("current", {}) for each in metrics)


@feature("two versions of a service beside each other, and a switch")
def test_the_live_version_has_the_services_name(made: Made) -> None:
    services = {
        each["metadata"]["name"]: each["spec"]["selector"]["modelyard.dev/variant"]
        for each in made.stack.get("services", f"--selector={_INSTANCE}=team-switched")
    }
    assert services == {"switched": "green", "switched-blue": "main", "switched-green": "green"}
    made.wait_for("switched", "system", 2)


@feature("jobs with retries and time limits, on volumes")
def test_a_job_runs_on_its_volume(made: Made) -> None:
    made.wait_for("once", "system", 1, "Succeeded")
    wait_until(lambda: made.one("jobs", "once")["status"].get("succeeded") == 1, "the job")
    [claim] = made.stack.get("persistentvolumeclaims", "--selector=modelyard.dev/workspace")
    assert (claim["metadata"]["name"], claim["status"]["phase"]) == ("data", "Bound")


@feature("jobs on a schedule", at_most="simulated")
def test_a_scheduled_job_waits_for_its_hour(made: Made) -> None:
    cron = made.one("cronjobs", "nightly")
    assert cron["spec"]["schedule"] == "0 2 * * *"
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"


@feature("GPU pools: nodes with their devices, label and taint, where pods ask for them", at_most="simulated")
def test_gpus_are_where_pods_ask_for_them(made: Made) -> None:
    made.wait_for("assistant", "t4", 1)
    [node, *_] = made.stack.get("nodes", f"--selector={POOL_LABEL}=t4")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" in {each["key"] for each in node["spec"]["taints"]}


@feature("GPU sharing by time-slicing", at_most="simulated")
def test_shares_of_a_gpu(made: Made) -> None:
    made.wait_for("turns", "shared", 2)
    assert len(made.stack.get("nodes", f"--selector={POOL_LABEL}=shared")) == 1


@feature("GPU sharing by MIG", at_most="simulated")
def test_slices_of_a_gpu(made: Made) -> None:
    made.wait_for("slices", "mig", 3)
    assert len(made.stack.get("nodes", f"--selector={POOL_LABEL}=mig")) == 1


@feature("training on several nodes", at_most="simulated")
def test_training_has_all_of_its_nodes(made: Made) -> None:
    wait_until(lambda: made.one("jobs", "finetune")["status"].get("succeeded") == 2, "both of its pods", _PLACE_SECONDS)
    job = made.one("jobs", "finetune")
    assert job["spec"]["completionMode"] == "Indexed"
    [peers] = made.stack.get("services", f"--selector={_INSTANCE}=team-finetune")
    assert peers["spec"]["clusterIP"] == "None"


@feature("a team's namespace: pod security, quota, roles, closed network")
def test_a_workspace_has_its_rules(made: Made) -> None:
    [namespace] = [each for each in made.stack.get("namespaces") if each["metadata"]["name"] == "team"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    [quota] = made.stack.get("resourcequotas", "--selector=modelyard.dev/workspace")
    used, hard = quota["status"]["used"], quota["status"]["hard"]
    assert hard["requests.cpu"] == "200"
    assert used["requests.cpu"] != "0", "the API server counts"
    [policy] = made.stack.get("networkpolicies", "--selector=modelyard.dev/workspace")
    assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["spec"]["podSelector"] == {}
    [binding] = made.stack.get("rolebindings", "--selector=modelyard.dev/workspace")
    assert binding["roleRef"]["name"] == "view"


@feature("metrics and alerts of services", at_most="schema only")
def test_services_are_monitored(made: Made) -> None:
    kinds = "servicemonitors.monitoring.coreos.com,prometheusrules.monitoring.coreos.com"
    found = Counter(each["kind"] for each in made.stack.get(kinds))
    assert found["ServiceMonitor"] >= 1
    assert found["PrometheusRule"] >= 1


@feature("object stores that pods reach without a key", needs="object_store")
def test_pods_reach_a_store(made: Made) -> None:
    if "object_store" in made.kind.unsupported:
        made.stack.project.write(PROGRAM + STORE)
        refused = made.stack.project.preview(fails=True)
        made.stack.project.write(PROGRAM)
        assert "no cloud is behind the cluster" in refused.text
        assert "Traceback" not in refused.text
    else:
        assert made.stack.project.outputs()["store"].startswith(made.kind.store_url)


@feature("a second preview without a change")
def test_nothing_changes_without_a_change(made: Made) -> None:
    assert made.stack.project.preview("--expect-no-changes").unchanged


@feature("changes in place")
def test_a_change_changes_what_it_names(made: Made) -> None:
    before = made.one("deployments", "web")["metadata"]["uid"]
    made.stack.spec["workspaces"]["team"]["services"]["web"]["replicas"] = 3
    made.stack.configure()
    result = made.stack.project.up()
    assert changed(result) == {"Deployment team-web": {"update"}}
    made.wait_for("web", "system", 3)
    assert made.one("deployments", "web")["metadata"]["uid"] == before


@feature("destroy leaves nothing")
def test_destroy_leaves_nothing(made: Made) -> None:
    made.stack.project.destroy()
    assert made.stack.project.resources() == []
    made.kind.assert_gone(made.stack)
