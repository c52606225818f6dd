from typing import Any

from modelyard.batch.spec import TrainingJobSpec
from modelyard.batch.training_job import TrainingJob
from modelyard.workspace.spec import WorkspaceSpec
from modelyard.workspace.workspace import Workspace
from tests.support.clusters import bare_cluster
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, refused, run, value_of

IMAGE = "registry.example.org/train:3.0.0"


def workspace() -> Workspace:
    return Workspace("chat", bare_cluster(), WorkspaceSpec())


def training(**fields: Any) -> Recorded:
    given: dict[str, Any] = {
        "pool": "h100",
        "image": IMAGE,
        "nodes": 2,
        "gpus_per_node": 8,
        "command": ["torchrun", "train.py"],
    }
    spec = TrainingJobSpec(**{**given, **fields})
    return run(lambda: TrainingJob("finetune", workspace(), spec))


def pod_of(**fields: Any) -> dict[str, Any]:
    return training(**fields).one("Job").inputs["spec"]["template"]["spec"]


def env_of(**fields: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in pod_of(**fields)["containers"][0]["env"] if "value" in each}


def test_every_node_has_a_pod_with_a_number() -> None:
    job = training().one("Job").inputs["spec"]
    assert job["completionMode"] == "Indexed"
    assert (job["completions"], job["parallelism"]) == (2, 2)
    assert job["template"]["spec"]["containers"][0]["command"] == ["torchrun", "train.py"]


def test_no_autoscaler_ends_a_pod_to_save_a_node() -> None:
    annotations = training().one("Job").inputs["spec"]["template"]["metadata"]["annotations"]
    assert annotations["karpenter.sh/do-not-disrupt"] == "true"
    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_pods_find_each_other_through_a_headless_service() -> None:
    recorded = training()
    service = recorded.one("Service").inputs
    assert service["metadata"]["name"] == "finetune"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    job = recorded.one("Job")
    assert job.inputs["spec"]["template"]["spec"]["subdomain"] == "finetune"
    assert recorded.one("Service").urn in job.depends_on
    labels = job.inputs["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert set(service["spec"]["selector"]) == {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
    }


def test_torchrun_needs_no_options() -> None:
    env = env_of()
    assert env["PET_NNODES"] == "2"
    assert env["PET_NPROC_PER_NODE"] == "8"
    assert env["PET_NODE_RANK"] == "$(NODE_RANK)"
    assert env["MASTER_ADDR"] == "$(JOB_NAME)-0.finetune"
    assert env["PET_MASTER_ADDR"] == "$(MASTER_ADDR)"
    assert env["PET_MASTER_PORT"] == "$(MASTER_PORT)"
    assert env["MASTER_PORT"] == "29500"
    assert env["PET_RDZV_CONF"] == "timeout=1800"


def test_variables_are_defined_before_those_that_use_them() -> None:
    # Kubernetes replaces $(NAME) only by variables that stand before: in any other order it stays as it is.
    names = [each["name"] for each in pod_of()["containers"][0]["env"]]
    for entry in pod_of()["containers"][0]["env"]:
        value = entry.get("value", "")
        if value.startswith("$("):
            used = value[2 : value.index(")")]
            assert names.index(used) < names.index(entry["name"]), entry


def test_a_pod_learns_its_jobs_name_and_its_number_from_its_labels() -> None:
    fields = {
        each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"]
        for each in pod_of()["containers"][0]["env"]
        if "fieldRef" in each.get("valueFrom", {})
    }
    assert fields == {
        "JOB_NAME": "metadata.labels['batch.kubernetes.io/job-name']",
        "NODE_RANK": "metadata.labels['batch.kubernetes.io/job-completion-index']",
    }


def test_without_gpus_there_is_one_process_a_node() -> None:
    env = env_of(pool="system", gpus_per_node=0)
    assert env["PET_NPROC_PER_NODE"] == "1"
    assert "NCCL_IB_DISABLE" not in env
    assert env_of()["NCCL_IB_DISABLE"] == "1"


def test_variables_of_the_spec_win() -> None:
    env = env_of(env={"NCCL_IB_DISABLE": "0", "PET_RDZV_CONF": "timeout=60"})
    assert (env["NCCL_IB_DISABLE"], env["PET_RDZV_CONF"]) == ("0", "timeout=60")


def test_no_node_has_two_pods() -> None:
    (term,) = pod_of()["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    labels = training().one("Job").inputs["spec"]["template"]["metadata"]["labels"]
    assert term["labelSelector"]["matchLabels"].items() <= labels.items()
    assert "affinity" not in pod_of(nodes=1)


def test_its_nodes_are_in_one_zone_where_there_is_room() -> None:
    (preferred,) = pod_of()["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
    labels = training().one("Job").inputs["spec"]["template"]["metadata"]["labels"]
    assert preferred["podAffinityTerm"]["labelSelector"]["matchLabels"].items() <= labels.items()


def test_shared_memory_is_a_volume_in_memory() -> None:
    pod = pod_of()
    (volume,) = (each for each in pod["volumes"] if each["emptyDir"].get("medium") == "Memory")
    assert volume["emptyDir"]["sizeLimit"] == "16Gi"
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert mounts[volume["name"]] == "/dev/shm"


def test_a_retry_is_a_failure_of_every_node() -> None:
    assert training(retries=3, nodes=2).one("Job").inputs["spec"]["backoffLimit"] == 6
    assert training(retries=0).one("Job").inputs["spec"]["backoffLimit"] == 0


def test_nothing_waits_for_a_training() -> None:
    job = training().one("Job")
    assert job.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert job.inputs["spec"]["activeDeadlineSeconds"] == 7 * 86400
    assert "ttlSecondsAfterFinished" not in job.inputs["spec"]


def test_its_names_are_outputs() -> None:
    names: list[str] = []

    def program() -> None:
        spec = TrainingJobSpec(pool="h100", image=IMAGE, nodes=2, gpus_per_node=8)
        made = TrainingJob("finetune", workspace(), spec)
        value_of(made.service_name, names)
        value_of(made.job_name, names)

    run(program)
    assert sorted(names) == [f"chat-finetune{AUTO_NAME_SUFFIX}", "finetune"]


def test_a_training_that_does_not_fit_registers_nothing() -> None:
    spec = TrainingJobSpec(pool="h100", image=IMAGE, nodes=3, gpus_per_node=8)
    error = refused(lambda: TrainingJob("finetune", workspace(), spec), "modelyard:batch:TrainingJob")
    assert str(error) == (
        "finetune.nodes: 3 exceed max_nodes 2 of pool h100; use at most 2, or raise the pool's max_nodes"
    )
