"""A real control plane accepts every job, refuses the schedules that we refuse, and runs the jobs to their end."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec, TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.cluster.pools import POOL_LABEL, Pool
from modelyard.kube.quantities import memory_quantity
from modelyard.workspace.spec import SecretSpec, WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import POOLS, bare_cluster
from tests.support.control_plane import ApiServer
from tests.support.manifests import apply, manifests, pod_of, settle, simulated_node, simulated_nodes, without_job
from tests.support.mocks import run
from tests.support.processes import wait_until
from tests.unit.workspace.test_schedule import BAD, GOOD

pytestmark = pytest.mark.engine

IMAGE = "registry.example.org/train:3.0.0"
OWN_POOLS = {name: replace(pool, node_selector={POOL_LABEL: f"batch-{name}"}) for name, pool in POOLS.items()}
"""Pools whose nodes no other test's pods run on."""
AnyJobSpec = BatchJobSpec | ScheduledJobSpec | TrainingJobSpec

JOBS: dict[str, AnyJobSpec] = {
    "plain": BatchJobSpec(pool="system", image=IMAGE),
    "awaited": BatchJobSpec(pool="system", image=IMAGE, await_completion=True, retries=0, timeout_seconds=1),
    "indexed": BatchJobSpec(
        pool="l4",
        gpus=1,
        image=IMAGE,
        command=["python", "embed.py"],
        args=["--all"],
        completions=200,
        parallelism=8,
        indexed=True,
        retries=0,
        fatal_exit_codes=[255, 1, 255],
        env={"MODE": "fast"},
        env_from_secrets={"TOKEN": "hf"},
    ),
    "scheduled": ScheduledJobSpec(
        pool="system",
        image=IMAGE,
        schedule="0 2 * * mon-fri",
        time_zone="Europe/Berlin",
        concurrency="replace",
        starting_deadline_seconds=10,
        successful_jobs_kept=0,
        failed_jobs_kept=0,
        suspend=True,
        completions=3,
        parallelism=2,
        indexed=True,
        fatal_exit_codes=[2],
    ),
    "training": TrainingJobSpec(
        pool="h100",
        image=IMAGE,
        command=["torchrun", "train.py"],
        nodes=2,
        gpus_per_node=8,
        fatal_exit_codes=[3],
        env_from_secrets={"TOKEN": "hf"},
        env={"NCCL_DEBUG": "INFO"},
    ),
    "alone": TrainingJobSpec(pool="system", image=IMAGE, retries=0),
}


def make(name: str, workspace: Workspace, spec: AnyJobSpec) -> pulumi.ComponentResource:
    if isinstance(spec, BatchJobSpec):
        return BatchJob(name, workspace, spec)
    if isinstance(spec, ScheduledJobSpec):
        return ScheduledJob(name, workspace, spec)
    return TrainingJob(name, workspace, spec)


def objects_of(namespace: str, jobs: Mapping[str, AnyJobSpec]) -> list[dict[str, Any]]:
    def program() -> None:
        workspace = Workspace(
            namespace, bare_cluster(OWN_POOLS), WorkspaceSpec(secrets={"hf": SecretSpec(from_="config/hf")})
        )
        for name, spec in jobs.items():
            make(name, workspace, spec)

    return manifests(run(program, secrets={"modelyard:hf": "hidden"}))


@pytest.mark.parametrize("name", JOBS)
def test_every_object_is_accepted(api_server: ApiServer, name: str) -> None:
    objects = objects_of(f"jobs-{name}", {name: JOBS[name]})
    settle(api_server, objects)
    assert {"Job", "CronJob"} & {each["kind"] for each in objects}
    assert apply(api_server, objects, dry_run=True) == ""


@pytest.mark.parametrize("name", JOBS)
def test_its_pods_are_restricted(api_server: ApiServer, name: str) -> None:
    objects = objects_of(f"jobs-{name}-pods", {name: JOBS[name]})
    settle(api_server, objects)
    (job,) = (each for each in objects if each["kind"] in {"Job", "CronJob"})
    owner = job if job["kind"] == "Job" else {**job, "spec": job["spec"]["jobTemplate"]["spec"]}
    assert apply(api_server, [pod_of(owner)], dry_run=True) == ""


def cron_job(schedule: str, zone: str = "Etc/UTC") -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {"schedule": schedule, "timeZone": zone, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


@pytest.mark.parametrize("schedule", GOOD)
def test_a_schedule_that_we_accept_is_accepted(api_server: ApiServer, schedule: str) -> None:
    assert apply(api_server, [cron_job(schedule)], dry_run=True) == ""


STRICTER = {"@every 5m", "0 0 30 2 *", "0 0 30,31 feb *", "0 0 31 2,4,6 ?", "1,,2 * * * *"}
"""What Kubernetes accepts although it is no time of day, never comes, or was hardly meant so."""


@pytest.mark.parametrize("schedule", [schedule for schedule, _ in BAD])
def test_a_schedule_that_we_refuse_is_refused(api_server: ApiServer, schedule: str) -> None:
    said = apply(api_server, [cron_job(schedule)], dry_run=True)
    assert ("spec.schedule" in said) == (schedule not in STRICTER), said


def test_the_default_time_zone_is_known_to_kubernetes(api_server: ApiServer) -> None:
    assert apply(api_server, [cron_job("@daily", "Europe/Berlin")], dry_run=True) == ""
    assert "spec.timeZone" in apply(api_server, [cron_job("@daily", "Europe/Berlim")], dry_run=True)


def node(pool: Pool, number: int) -> dict[str, Any]:
    """A simulated node of a pool, with its labels, taints and size."""
    gpus = {pool.accelerator.resource: str(pool.gpus_per_node)} if pool.accelerator else {}
    size = {"cpu": str(int(pool.cpus)), "memory": memory_quantity(pool.memory_gib), "pods": "110", **gpus}
    return simulated_node(f"batch-{pool.name}-{number}", pool.node_selector, size, pool.taints)


RUNNING: dict[str, AnyJobSpec] = {
    "finetune": JOBS["training"],
    "embed": BatchJobSpec(pool="system", image=IMAGE, completions=3, parallelism=2, indexed=True),
    "score": ScheduledJobSpec(pool="system", image=IMAGE, schedule="* * * * *"),
}


@pytest.fixture(scope="module", autouse=True)
def started(api_server: ApiServer) -> Iterator[None]:
    """Run all three kinds of jobs from the beginning on: the scheduled one comes when a minute is over."""
    nodes = [node(OWN_POOLS[pool], number) for pool in ("h100", "system") for number in (1, 2)]
    with simulated_nodes(api_server, nodes):
        assert apply(api_server, objects_of("running", RUNNING), dry_run=False) == ""
        yield


@pytest.fixture(scope="module")
def finished(api_server: ApiServer, started: None) -> Callable[[str], list[dict[str, Any]]]:
    """Wait for the end of the jobs; gives the pods of one by its name."""

    def jobs_done() -> bool:
        done = {
            job["metadata"]["labels"]["app.kubernetes.io/name"]
            for job in api_server.get("jobs", "-n", "running")
            if any(each["type"] == "Complete" for each in job["status"].get("conditions", []))
        }
        return done == set(RUNNING)

    wait_until(jobs_done, "all jobs to complete, the scheduled one in the next minute")
    (cron_job,) = api_server.get("cronjobs", "-n", "running")
    name = cron_job["metadata"]["name"]
    api_server.kubectl("patch", "cronjob", name, "-n", "running", "-p", '{"spec": {"suspend": true}}')

    def pods(name: str) -> list[dict[str, Any]]:
        chosen = f"app.kubernetes.io/name={name}"
        return api_server.get("pods", "-n", "running", "-l", chosen)

    return pods


def value_in(pod: dict[str, Any], name: str) -> str:
    """A variable as the kubelet would set it: from fields of the pod, and with $(…) replaced."""
    values: dict[str, str] = {}
    for each in pod["spec"]["containers"][0]["env"]:
        field = each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", "")
        if field.startswith("metadata.labels['"):
            values[each["name"]] = pod["metadata"]["labels"][field.removeprefix("metadata.labels['").removesuffix("']")]
        elif "value" in each:
            text = each["value"]
            for known, value in values.items():
                text = text.replace(f"$({known})", value)
            values[each["name"]] = text
    return values[name]


def test_nodes_of_a_training_find_each_other(finished: Callable[[str], list[dict[str, Any]]]) -> None:
    first, second = sorted(finished("finetune"), key=lambda pod: pod["spec"]["hostname"])
    job = first["metadata"]["labels"]["batch.kubernetes.io/job-name"]
    assert first["spec"]["hostname"] == f"{job}-0"
    assert first["spec"]["subdomain"] == "finetune"
    for rank, pod in enumerate((first, second)):
        assert value_in(pod, "PET_MASTER_ADDR") == f"{first['spec']['hostname']}.finetune"
        assert value_in(pod, "PET_NODE_RANK") == str(rank)
        assert value_in(pod, "PET_NNODES") == "2"
        assert value_in(pod, "PET_NPROC_PER_NODE") == "8"
        assert value_in(pod, "PET_MASTER_PORT") == "29500"


def test_each_node_of_a_training_is_another_node_of_its_pool(api_server: ApiServer, started: None) -> None:
    objects = without_job(objects_of("together", {"finetune": JOBS["training"]}), pods=2)
    assert apply(api_server, objects, dry_run=False) == ""

    def nodes() -> set[str | None]:
        return {pod["spec"].get("nodeName") for pod in api_server.get("pods", "-n", "together")}

    wait_until(lambda: nodes() == {"batch-h100-1", "batch-h100-2"}, "a node for each")


def test_the_service_of_a_training_leads_to_its_pods(
    api_server: ApiServer, finished: Callable[[str], list[dict[str, Any]]]
) -> None:
    assert finished("finetune")
    (service,) = api_server.get("services", "-n", "running", "--field-selector=metadata.name=finetune")
    chosen = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
    found = api_server.get("pods", "-n", "running", "-l", chosen)
    assert len(found) == 2


def test_every_part_of_an_indexed_job_ran(finished: Callable[[str], list[dict[str, Any]]]) -> None:
    pods = finished("embed")
    assert {pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] for pod in pods} == {"0", "1", "2"}
    for pod in pods:
        assert "JOB_COMPLETION_INDEX" in {each["name"] for each in pod["spec"]["containers"][0]["env"]}
        assert pod["spec"]["nodeName"].startswith("batch-system-")
        assert pod["status"]["phase"] == "Succeeded"


def test_a_run_of_a_schedule_carries_the_labels_that_alerts_read(
    finished: Callable[[str], list[dict[str, Any]]],
) -> None:
    labels = finished("score")[0]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "scheduled-job"
    assert labels["modelyard.dev/workspace"] == "running"
