"""Changes of what decides a service's size, through the real engine and an API server with KEDA's own schemas.

KEDA itself does not run: what it does to a Deployment, its field `spec.replicas`, the test does in its place.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.local_stack import Json, LocalStack, local_stack, uids
from tests.engine.services import service
from tests.engine.steps import assert_before, changed
from tests.engine.test_stack_changes import watching
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

NAME = "team-scaled"
AUTOSCALER = f"{NAME}-autoscaler"
QUEUE: Json = {"query": 'sum(mine_queue{namespace="team"})', "threshold": 5, "counts_without_pods": True}
BY_QUEUE: Json = {"min_replicas": 2, "max_replicas": 6, "target": {"prometheus": QUEUE, "cpu_percent": 80}}
BY_CPU: Json = {"min_replicas": 2, "max_replicas": 4, "target": {"cpu_percent": 70}}
OFFICE: Json = {"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "time_zone": "Europe/Berlin", "replicas": 4}
TO_ZERO: Json = {"min_replicas": 0, "max_replicas": 6, "target": {"prometheus": QUEUE}, "schedules": [OFFICE]}
SPEC: Json = {
    "pools": {
        "system": {"cpus": 32, "memory_gib": 64, "max_nodes": 2},
        "tight": {"cpus": 8, "memory_gib": 16, "max_nodes": 1},
    },
    "observability": {"metrics": {}},
    "platform": {"gateway": {}},
    "workspaces": {
        "team": {
            "services": {
                "scaled": service(replicas=3),
                "woken": service(
                    route={"path": "/woken"},
                    autoscaling={"min_replicas": 0, "max_replicas": 2, "target": {"requests_per_second": 5}},
                ),
                "warm": service(
                    pool="tight",
                    cpus=3,
                    spare_replicas=1,
                    surge=0,
                    autoscaling={**BY_CPU, "min_replicas": 1, "max_replicas": 2},
                ),
                "asked": service(
                    autoscaling={
                        "max_replicas": 2,
                        "target": {"prometheus": QUEUE},
                        "schedules": [{**OFFICE, "replicas": 2}],
                    },
                ),
            }
        }
    },
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, shared_folder: Path) -> Iterator[LocalStack]:
    """The stack whose service's size is decided by one after the other."""
    with local_stack(tmp_path_factory.mktemp("scaling"), SPEC, crds=shared_folder / "crds") as made:
        made.project.up()
        yield made


def decided_by(stack: LocalStack, **what: object) -> tuple[dict[str, set[str]], list[int]]:
    """Let this decide the size: what changed, and every size meanwhile."""
    scaled = stack.spec["workspaces"]["team"]["services"]["scaled"]
    scaled.pop("replicas", None)
    scaled.pop("autoscaling", None)
    scaled |= what
    with watching(stack, NAME, ".spec.replicas") as seen:
        result = stack.update()
    return changed(result), seen


def scale(stack: LocalStack, replicas: int) -> None:
    """As an autoscaler does."""
    deployment = stack.one("deployments", NAME)["metadata"]["name"]
    stack.kubectl("scale", "deployment", deployment, "--namespace=team", f"--replicas={replicas}")


def size(stack: LocalStack) -> int:
    return stack.one("deployments", NAME)["spec"]["replicas"]


def kinds(stack: LocalStack) -> set[str]:
    """What decides the size of `scaled`."""
    selector = f"--selector=app.kubernetes.io/instance={NAME}"
    return {each["kind"] for each in stack.get("horizontalpodautoscalers,scaledobjects.keda.sh", selector)}


def test_kedas_own_schema_takes_every_kind_of_trigger(stack: LocalStack) -> None:
    asked = stack.one("scaledobjects.keda.sh", "team-asked")["spec"]
    assert [each["type"] for each in asked["triggers"]] == ["prometheus", "cron"]
    woken = stack.one("scaledobjects.keda.sh", "team-woken")["spec"]
    assert (woken["minReplicaCount"], woken["maxReplicaCount"]) == (0, 2)
    assert "httproute/team/team-woken-route" in woken["triggers"][0]["metadata"]["query"]
    assert woken["scaleTargetRef"]["name"] == stack.one("deployments", "team-woken")["metadata"]["name"]


def test_prometheus_reads_the_gateway(stack: LocalStack) -> None:
    (monitor,) = stack.get("podmonitors.monitoring.coreos.com")
    assert monitor["metadata"]["namespace"] == "gateway"


def test_nothing_changes_by_itself(stack: LocalStack) -> None:
    assert stack.project.preview().unchanged


@pytest.fixture(scope="module")
def before(stack: LocalStack) -> dict[str, str]:
    """The Deployment, which none of the changes may replace."""
    return {key: uid for key, uid in uids(stack.get("deployments")).items() if NAME in key}


def test_fixed_size_to_keda(stack: LocalStack, before: dict[str, str]) -> None:
    found, seen = decided_by(stack, autoscaling=BY_QUEUE)
    # Of the Deployment at most its note of who owns the number changes.
    assert {**found, f"ScaledObject {AUTOSCALER}": {"create"}} == {**found}
    assert min(seen, default=3) >= BY_QUEUE["min_replicas"]
    assert (size(stack), kinds(stack)) == (3, {"ScaledObject"})


def test_the_number_of_keda_stays_when_something_else_changes(stack: LocalStack, before: dict[str, str]) -> None:
    scale(stack, 5)
    found, seen = decided_by(stack, autoscaling=BY_QUEUE, cpus=2)
    assert found == {f"Deployment {NAME}": {"update"}}
    assert set(seen) <= {5}
    assert size(stack) == 5


def test_keda_to_kubernetes_own_autoscaler(stack: LocalStack, before: dict[str, str]) -> None:
    found, seen = decided_by(stack, autoscaling=BY_CPU)
    assert found == {f"HorizontalPodAutoscaler {AUTOSCALER}": {"create"}, f"ScaledObject {AUTOSCALER}": {"delete"}}
    assert min(seen, default=5) >= BY_CPU["min_replicas"]
    assert kinds(stack) == {"HorizontalPodAutoscaler"}


def test_kubernetes_own_autoscaler_to_keda(stack: LocalStack, before: dict[str, str]) -> None:
    """KEDA's webhook lets its ScaledObject come while the other is still there, as that one says so."""
    (present,) = stack.get("horizontalpodautoscalers", f"--selector=app.kubernetes.io/instance={NAME}")
    assert present["metadata"]["annotations"]["validations.keda.sh/hpa-ownership"] == "false"
    found, seen = decided_by(stack, autoscaling=BY_QUEUE)
    assert found == {f"ScaledObject {AUTOSCALER}": {"create"}, f"HorizontalPodAutoscaler {AUTOSCALER}": {"delete"}}
    assert min(seen, default=4) >= BY_QUEUE["min_replicas"]
    assert kinds(stack) == {"ScaledObject"}


def test_no_pod_at_all_is_a_size_too(stack: LocalStack, before: dict[str, str]) -> None:
    found, _ = decided_by(stack, autoscaling=TO_ZERO)
    assert found == {f"ScaledObject {AUTOSCALER}": {"update"}}
    scale(stack, 0)
    found, seen = decided_by(stack, autoscaling=TO_ZERO, memory_gib=2)
    assert found == {f"Deployment {NAME}": {"update"}}
    assert set(seen) <= {0}, "an update wakes nothing"
    assert stack.project.refresh().unchanged
    assert stack.project.preview().unchanged


def test_no_pod_to_a_fixed_size(stack: LocalStack, before: dict[str, str]) -> None:
    found, _ = decided_by(stack, replicas=2)
    assert found == {f"Deployment {NAME}": {"update"}, f"ScaledObject {AUTOSCALER}": {"delete"}}
    assert (size(stack), kinds(stack)) == (2, set())
    assert before.items() <= uids(stack.get("deployments")).items()


def _phases(stack: LocalStack, component: str) -> list[str]:
    """The phases of the pods of `warm` of that component that are to stay."""
    labels = f"app.kubernetes.io/instance=team-warm,app.kubernetes.io/component={component}"
    found = stack.get("pods", f"--selector={labels}")
    return sorted(each["status"]["phase"] for each in found if "deletionTimestamp" not in each["metadata"])


def test_room_that_is_kept_gives_way_to_a_replica(stack: LocalStack) -> None:
    """The one node has room for two of three pods: the scheduler ends the spare one for a second replica."""
    wait_until(lambda: _phases(stack, "spare-capacity") == ["Running"], "a spare pod that runs")
    labels = "app.kubernetes.io/instance=team-warm,app.kubernetes.io/component=model-service"
    (deployment,) = stack.get("deployments", f"--selector={labels}")
    stack.kubectl("scale", "deployment", deployment["metadata"]["name"], "--namespace=team", "--replicas=2")
    wait_until(lambda: _phases(stack, "model-service") == ["Running"] * 2, "a second replica in its place", 60)
    wait_until(lambda: _phases(stack, "spare-capacity") == ["Pending"], "a spare pod that waits")


def test_scaled_objects_go_before_what_has_to_let_go_of_them(stack: LocalStack) -> None:
    result = stack.project.destroy()
    assert_before(result, "ScaledObject ", "Namespace keda")
    assert stack.project.resources() == []
