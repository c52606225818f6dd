"""Queues through the real engine and a real API server that checks them by Kueue's own schemas.

Kueue itself does not run: what it does to a Job, its field `suspend`, the test does in its place.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.platform.queues import Queues
from modelyard.platform.queues_kueue import DEFINITION
from modelyard.platform.queues_spec import QueueQuotaSpec, QueueSpec
from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.engine.steps import assert_before, changed
from tests.support.clusters import POOLS, BareCluster
from tests.support.control_plane import ApiServer
from tests.support.gpu_pools import GKE_POOLS, gke_pool
from tests.support.kinds import real_kinds
from tests.support.manifests import apply, manifests
from tests.support.mocks import run

pytestmark = pytest.mark.engine

ALL = ",".join(kind.crd_name for kind in DEFINITION.kinds)
IMAGE = "registry.example.org/train:3.0.0"
SPEC: Json = {
    "pools": {
        "system": {"cpus": 16, "memory_gib": 32, "max_nodes": 2},
        "h100": {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 2},
    },
    "platform": {
        "queues": {
            "research": {"pools": {"h100": {"gpus": 8}, "system": {"cpus": 4}}, "cohort": "team"},
            "production": {"pools": {"h100": {"gpus": 8}}, "cohort": "team", "priority": 1000, "strict_fifo": True},
        }
    },
    "workspaces": {
        "chat": {
            "queues": ["research", "production"],
            "jobs": {
                "fit": {"image": IMAGE, "pool": "system", "queue": "research"},
                "nightly": {"image": IMAGE, "pool": "system", "queue": "research", "schedule": "@daily"},
            },
            "training": {
                "finetune": {"image": IMAGE, "pool": "h100", "nodes": 2, "gpus_per_node": 8, "queue": "research"}
            },
        }
    },
}


@pytest.fixture
def stack(tmp_path: Path, shared_folder: Path) -> Iterator[LocalStack]:
    with local_stack(tmp_path, SPEC, crds=shared_folder / "crds" / "kueue") as made:
        yield made


def test_queues_live(stack: LocalStack) -> None:
    _are_accepted(stack)
    _stay(stack)
    _change_in_place(stack)
    _another_queue_is_another_job(stack)
    _go_in_order(stack)


def _are_accepted(stack: LocalStack) -> None:
    stack.project.up()
    found = {(each["kind"], each["metadata"]["name"]) for each in stack.get(ALL)}
    assert found == {
        ("ResourceFlavor", "h100"),
        ("ResourceFlavor", "system"),
        ("ClusterQueue", "research"),
        ("ClusterQueue", "production"),
        ("WorkloadPriorityClass", "research"),
        ("WorkloadPriorityClass", "production"),
        ("LocalQueue", "research"),
        ("LocalQueue", "production"),
    }


def _suspend(stack: LocalStack, job: str, suspended: str) -> None:
    """As Kueue does, under its own name: what kubectl writes under its own, an update takes over."""
    patch = f'{{"spec": {{"suspend": {suspended}}}}}'
    how = ("--namespace=chat", "--type=merge", "--field-manager=kueue-job-controller")
    stack.kubectl("patch", "job", job, *how, f"--patch={patch}")


def _stay(stack: LocalStack) -> None:
    """Also where Kueue has stopped a Job, or let it run."""
    assert stack.project.preview().unchanged
    job = stack.one("jobs", "chat-finetune")["metadata"]["name"]
    for suspended in ("true", "false"):
        _suspend(stack, job, suspended)
        assert stack.project.refresh().unchanged
        assert stack.project.preview().unchanged


def _change_in_place(stack: LocalStack) -> None:
    queues = stack.spec["platform"]["queues"]
    queues["research"]["pools"]["h100"]["gpus"] = 4
    queues["production"]["priority"] = 2000
    stack.spec["workspaces"]["chat"]["training"]["finetune"]["timeout_seconds"] = 3600
    job = stack.one("jobs", "chat-finetune")["metadata"]["name"]
    _suspend(stack, job, "true")
    queues["production"]["pools"]["h100"]["gpus"] = 12
    assert changed(stack.update()) == {
        "ClusterQueue queues-research": {"update"},
        "ClusterQueue queues-production": {"update"},
        "WorkloadPriorityClass queues-production": {"update"},
        "Job chat-finetune": {"update"},
    }
    [production] = (each for each in stack.get("workloadpriorityclasses") if each["metadata"]["name"] == "production")
    assert production["value"] == 2000
    spec = stack.one("jobs", "chat-finetune")["spec"]
    assert (spec["suspend"], spec["activeDeadlineSeconds"]) == (True, 3600), "an update lets no job start by itself"


def _another_queue_is_another_job(stack: LocalStack) -> None:
    before = stack.one("jobs", "chat-finetune")["metadata"]
    stack.spec["workspaces"]["chat"]["training"]["finetune"]["queue"] = "production"
    assert changed(stack.update()).keys() == {"Job chat-finetune"}
    after = stack.one("jobs", "chat-finetune")["metadata"]
    assert after["uid"] != before["uid"]
    assert after["labels"]["kueue.x-k8s.io/queue-name"] == "production"


def _go_in_order(stack: LocalStack) -> None:
    result = stack.project.destroy()
    assert_before(result, "Job chat-finetune", "LocalQueue chat-production")
    assert_before(result, "CronJob chat-nightly", "LocalQueue chat-research")
    assert_before(result, "LocalQueue chat-research", "ClusterQueue queues-research")
    assert_before(result, "ClusterQueue queues-research", "ResourceFlavor queues-h100")
    assert_before(result, "ClusterQueue queues-research", "Namespace queues")
    assert stack.project.resources() == []


def test_every_kind_of_pool_keeps_kueues_schemas(api_server: ApiServer, shared_folder: Path) -> None:
    pools = {**POOLS, **GKE_POOLS, "queued": gke_pool("queued", accelerator="l4", capacity="queued")}
    quotas = {
        name: QueueQuotaSpec(gpus=pool.gpus_per_node) if pool.gpu else QueueQuotaSpec(cpus=1.5)
        for name, pool in pools.items()
    }
    queues = {
        "all": QueueSpec(pools=quotas, cohort="team", lends=False),
        "none": QueueSpec(pools=quotas, cohort="team"),
    }
    found = manifests(run(lambda: Queues("queues", BareCluster(pools=pools), queues)))
    objects = [each for each in found if each.get("apiVersion", "").startswith("kueue.x-k8s.io/")]
    assert {each["kind"] for each in objects} == {kind.kind for kind in DEFINITION.kinds} - {"LocalQueue"}
    with real_kinds(api_server, shared_folder / "crds" / "kueue", DEFINITION.kinds):
        assert apply(api_server, objects, dry_run=True) == ""
        [queue] = (each for each in objects if each["kind"] == "ClusterQueue" and each["metadata"]["name"] == "all")
        queue["spec"]["cohort"] = queue["spec"].pop("cohortName")
        assert "cohort" in apply(api_server, [queue], dry_run=True), "the schemas know the names of fields"
