from typing import Any

import pulumi
import pytest

from modelyard.batch.batch_job import BatchJob
from modelyard.batch.scheduled_job import ScheduledJob
from modelyard.batch.spec import BatchJobSpec, ScheduledJobSpec
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run, value_of

IMAGE = "registry.example.org/embed:1.0.0"


def workspace() -> Workspace:
    return Workspace("chat", bare_cluster(), WorkspaceSpec())


def batch(**fields: Any) -> Recorded:
    given: dict[str, Any] = {"pool": "system", "image": IMAGE, **fields}
    spec = BatchJobSpec(**given)
    return run(lambda: BatchJob("embed", workspace(), spec))


def job_of(**fields: Any) -> dict[str, Any]:
    return batch(**fields).one("Job").inputs["spec"]


def scheduled(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"pool": "system", "image": IMAGE, "schedule": "0 2 * * *", **fields}
    spec = ScheduledJobSpec(**given)
    return dict(run(lambda: ScheduledJob("score", workspace(), spec)).one("CronJob").inputs)


def test_a_job_has_a_generated_name_and_the_contracts_labels() -> None:
    job = batch().one("Job")
    assert job.name == "chat-embed"
    assert "name" not in job.inputs["metadata"]
    assert job.inputs["metadata"]["namespace"] == "chat"
    labels = job.inputs["metadata"]["labels"]
    assert labels == job.inputs["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "embed"
    assert labels["app.kubernetes.io/instance"] == "chat-embed"
    assert labels["app.kubernetes.io/component"] == "batch-job"
    assert labels["modelyard.dev/workspace"] == "chat"
    assert labels["modelyard.dev/stack"] == "project.test"


def test_its_name_is_an_output() -> None:
    names: list[str] = []

    def program() -> None:
        value_of(BatchJob("embed", workspace(), BatchJobSpec(pool="system", image=IMAGE)).job_name, names)

    run(program)
    assert names == [f"chat-embed{AUTO_NAME_SUFFIX}"]


def test_a_job_starts_after_the_workspaces_rules() -> None:
    recorded = batch()
    assert recorded.one("NetworkPolicy").urn in recorded.one("Job").depends_on


def test_no_autoscaler_ends_a_pod_to_save_a_node() -> None:
    for template in (job_of()["template"], scheduled()["spec"]["jobTemplate"]["spec"]["template"]):
        annotations = template["metadata"]["annotations"]
        assert annotations["karpenter.sh/do-not-disrupt"] == "true"
        assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_pods_that_lose_their_node_are_not_counted() -> None:
    job = job_of(retries=5)
    assert job["backoffLimit"] == 5
    assert job["podReplacementPolicy"] == "Failed"
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["podFailurePolicy"]["rules"] == [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    ]


def test_fatal_exit_codes_end_the_job_in_order_and_once() -> None:
    rule = job_of(fatal_exit_codes=[65, 2, 65])["podFailurePolicy"]["rules"][1]
    assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 65]}}


def test_a_finished_job_stays() -> None:
    assert "ttlSecondsAfterFinished" not in job_of()


def test_the_time_is_limited() -> None:
    assert job_of()["activeDeadlineSeconds"] == 86400
    assert job_of(timeout_seconds=60)["activeDeadlineSeconds"] == 60


def test_an_indexed_job_retries_each_part() -> None:
    job = job_of(completions=200, parallelism=8, indexed=True, retries=1)
    assert (job["completions"], job["parallelism"], job["completionMode"]) == (200, 8, "Indexed")
    assert job["backoffLimitPerIndex"] == 1
    assert "backoffLimit" not in job
    assert job_of()["completionMode"] == "NonIndexed"


def test_nothing_waits_for_a_job_unless_asked() -> None:
    job = batch().one("Job")
    assert job.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert job.timeouts == {}


def test_an_awaited_job_has_more_than_its_own_time() -> None:
    job = batch(await_completion=True, timeout_seconds=600).one("Job")
    assert "annotations" not in job.inputs["metadata"]
    assert job.timeouts == {"create": "720s"}


def test_a_job_runs_on_its_pool() -> None:
    pod = job_of(pool="h100", gpus=8)["template"]["spec"]
    assert pod["nodeSelector"] == {"modelyard.dev/pool": "h100"}
    assert {each["key"] for each in pod["tolerations"]} == {"nvidia.com/gpu", "dedicated"}
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "8"


def test_command_and_args_are_the_containers() -> None:
    container = job_of(command=["python", "embed.py"], args=["--all"])["template"]["spec"]["containers"][0]
    assert container["command"] == ["python", "embed.py"]
    assert container["args"] == ["--all"]
    assert container["name"] == "embed"
    assert "command" not in job_of()["template"]["spec"]["containers"][0]


def test_a_schedule_is_a_cron_job() -> None:
    cron = scheduled(time_zone="Europe/Berlin")
    assert "name" not in cron["metadata"]
    assert cron["spec"]["schedule"] == "0 2 * * *"
    assert cron["spec"]["timeZone"] == "Europe/Berlin"
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert cron["spec"]["startingDeadlineSeconds"] == 3600
    assert (cron["spec"]["successfulJobsHistoryLimit"], cron["spec"]["failedJobsHistoryLimit"]) == (3, 3)
    assert cron["spec"]["suspend"] is False
    assert scheduled(concurrency="replace")["spec"]["concurrencyPolicy"] == "Replace"


def test_runs_of_a_schedule_carry_its_labels_and_its_rules() -> None:
    cron = scheduled(retries=1, timeout_seconds=60)
    template = cron["spec"]["jobTemplate"]
    assert template["metadata"]["labels"] == cron["metadata"]["labels"]
    assert template["metadata"]["labels"]["app.kubernetes.io/component"] == "scheduled-job"
    assert template["spec"]["backoffLimit"] == 1
    assert template["spec"]["activeDeadlineSeconds"] == 60
    assert template["spec"]["template"]["metadata"]["labels"] == cron["metadata"]["labels"]


@pytest.mark.parametrize("kind", [BatchJob, ScheduledJob])
def test_a_bad_spec_registers_nothing(kind: type[pulumi.ComponentResource]) -> None:
    def program() -> None:
        if kind is BatchJob:
            BatchJob("embed", workspace(), BatchJobSpec(pool="absent", image=IMAGE))
        else:
            ScheduledJob("embed", workspace(), ScheduledJobSpec(pool="absent", image=IMAGE, schedule="@daily"))

    error = refused(program, f"modelyard:batch:{kind.__name__}")
    assert "embed.pool: 'absent' is not a pool of this stack" in str(error)


def test_a_name_that_is_too_long_for_labels_is_refused() -> None:
    spec = BatchJobSpec(pool="system", image=IMAGE)
    error = refused(lambda: BatchJob("e" * 39, workspace(), spec), "modelyard:batch:BatchJob")
    assert "shorten the workspace's or the workload's name by 1" in str(error)
    assert run(lambda: BatchJob("e" * 38, workspace(), spec)).one("Job")
