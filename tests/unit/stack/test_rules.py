"""Every rule of a stack: what it refuses, with path, value and fix, and a near one that it lets pass.

The stack file (`modelyard check`) and the Pulumi program (`MLStack.from_config`) say the same of each.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modelyard.errors import ConfigError
from modelyard.spec import NAME_CHARACTERS
from modelyard.stack.config import stack_from_config
from modelyard.stack.file import check_file
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import StackSpec, load_stack
from tests.support.mocks import refused, run
from tests.support.stacks import REMOVED, SECRET, stack, stack_file

ASSISTANT = "workspaces.chat.services.assistant"
FRAUD = "workspaces.chat.services.fraud"
CONTAINER = f"{FRAUD}.runtime.container"
EMBED = "workspaces.chat.jobs.embed"
SCORE = "workspaces.chat.jobs.score"
FINETUNE = "workspaces.chat.training.finetune"
JOB = {"image": "registry.example.org/a:1.0.0", "pool": "system"}
RDMA = {"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2}
PRETRAIN = {"image": "registry.example.org/a:1.0.0", "pool": "rdma", "nodes": 2, "gpus_per_node": 8}
MIG = {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": "1g.10gb"}}
MPS = {"accelerator": "l4", "sharing": {"mps": {"replicas": 4}}}
ON_MPS = {"image": "registry.example.org/a:1.0.0", "pool": "mps", "gpus": 1}
LONGEST = "n" * (43 - len("chat-"))
"""The longest name of a workload in workspace `chat`."""


class Case(NamedTuple):
    """A changed stack, the one line it is refused with, and a near one that passes."""

    refused: dict[str, Any]
    line: str
    passes: dict[str, Any]


CASES = {
    # Keys
    "misspelt key at the top": Case(
        {"workspace": {}},
        "workspace: is not a key here; did you mean workspaces?",
        {},
    ),
    "misspelt key of a service": Case(
        {f"{FRAUD}.replica": 2},
        f"{FRAUD}.replica: is not a key here; did you mean replicas?",
        {f"{FRAUD}.replicas": 3},
    ),
    "misspelt key deep inside": Case(
        {f"{ASSISTANT}.autoscaling.target.cpu_percnt": 70},
        f"{ASSISTANT}.autoscaling.target.cpu_percnt: is not a key here; did you mean cpu_percent?",
        {f"{ASSISTANT}.autoscaling.target.cpu_percent": 80},
    ),
    "misspelt key of a job": Case(
        {f"{EMBED}.retrys": 1},
        f"{EMBED}.retrys: is not a key here; did you mean retries?",
        {f"{EMBED}.retries": 1},
    ),
    "key of a scheduled job in a batch job": Case(
        {f"{EMBED}.time_zone": "Europe/Berlin"},
        f"{EMBED}.time_zone: is not a key here; keys here are args, ",
        {f"{EMBED}.time_zone": "Europe/Berlin", f"{EMBED}.schedule": "0 2 * * *"},
    ),
    "a required key is missing": Case(
        {f"{FRAUD}.pool": REMOVED},
        f"{FRAUD}.pool: is missing; it is required",
        {f"{FRAUD}.pool": "system"},
    ),
    # Types
    "a number in quotes": Case(
        {f"{FRAUD}.replicas": "2"},
        f"{FRAUD}.replicas: '2' is not a whole number; write 2 without quotes",
        {f"{FRAUD}.replicas": 2},
    ),
    "true where a number belongs": Case(
        {"pools.system.max_nodes": True},
        "pools.system.max_nodes: True is not a whole number; write a whole number",
        {"pools.system.max_nodes": 1, f"{FRAUD}.replicas": 1},
    ),
    "a fraction where a whole number belongs": Case(
        {f"{EMBED}.completions": 1.5},
        f"{EMBED}.completions: 1.5 is not a whole number; write a whole number",
        {f"{FRAUD}.cpus": 1.5},
    ),
    "a version without quotes": Case(
        {"cluster.local.kubernetes_version": 1.35},
        'cluster.local.kubernetes_version: 1.35 is not text; put it in quotes: "1.35"',
        {"cluster.local.kubernetes_version": "1.35"},
    ),
    "a number in the environment": Case(
        {f"{FRAUD}.env.PORT": 80},
        f'{FRAUD}.env.PORT: 80 is not text; put it in quotes: "80"',
        {f"{FRAUD}.env.PORT": "80"},
    ),
    "text where a list belongs": Case(
        {f"{FINETUNE}.command": "torchrun"},
        f"{FINETUNE}.command: 'torchrun' is not a list; write a list",
        {f"{FINETUNE}.command": ["torchrun"]},
    ),
    "a list where a mapping belongs": Case(
        {"workspaces.chat.jobs": []},
        "workspaces.chat.jobs: [] is not a mapping of names to values; write a mapping of names to values",
        {"workspaces.chat.jobs": {}},
    ),
    "a block without a value": Case(
        {"observability.metrics": None},
        "observability.metrics: has no value; write {} for a block with its defaults, or leave the key out",
        {"observability.metrics": {}},
    ),
    "an infinite size": Case(
        {"pools.system.cpus": float("inf")},
        "pools.system.cpus: inf is not a finite number; write a finite number",
        {"pools.system.cpus": 1e3},
    ),
    # Sizes
    "no node at most": Case(
        {"pools.h100.max_nodes": 0},
        "pools.h100.max_nodes: 0 is below 1; use 1 or more",
        {"pools.h100.max_nodes": 1, f"{FINETUNE}.nodes": 1},
    ),
    "a negative least size": Case(
        {"pools.l4.min_nodes": -1},
        "pools.l4.min_nodes: -1 is below 0; use 0 or more",
        {"pools.l4.min_nodes": 0},
    ),
    "more nodes at least than at most": Case(
        {"pools.system.min_nodes": 3},
        "pools.system.min_nodes: 3 is above max_nodes 2; raise max_nodes",
        {"pools.system.min_nodes": 2},
    ),
    "no CPU": Case(
        {f"{FRAUD}.cpus": 0},
        f"{FRAUD}.cpus: 0 must be above 0; use a number above 0",
        {f"{FRAUD}.cpus": 0.1},
    ),
    "negative memory": Case(
        {f"{SCORE}.memory_gib": -4},
        f"{SCORE}.memory_gib: -4 must be above 0; use a number above 0",
        {f"{SCORE}.memory_gib": 4},
    ),
    "no time": Case(
        {f"{EMBED}.timeout_seconds": 0},
        f"{EMBED}.timeout_seconds: 0 is below 1; use 1 or more",
        {f"{EMBED}.timeout_seconds": 1},
    ),
    "no replica": Case(
        {f"{FRAUD}.replicas": 0},
        f"{FRAUD}.replicas: 0 is below 1; use 1 or more",
        {f"{FRAUD}.replicas": 1},
    ),
    "a count that Kubernetes cannot hold": Case(
        {f"{EMBED}.completions": 2**31},
        f"{EMBED}.completions: 2147483648 is above 2147483647; use 2147483647 or less",
        {f"{EMBED}.completions": 2**31 - 1},
    ),
    "a limit below the request": Case(
        {f"{FRAUD}.memory_limit_gib": 1},
        f"{FRAUD}.memory_limit_gib: 1 is below memory_gib 2; raise it, lower memory_gib, or leave it out",
        {f"{FRAUD}.memory_limit_gib": 2},
    ),
    "a CPU limit below the default request": Case(
        {f"{SCORE}.cpu_limit": 0.5},
        f"{SCORE}.cpu_limit: 0.5 is below cpus 1; raise it, lower cpus, or leave it out",
        {f"{SCORE}.cpu_limit": 0.5, f"{SCORE}.cpus": 0.5},
    ),
    # Pools
    "an unknown pool": Case(
        {f"{FRAUD}.pool": "cpu"},
        f"{FRAUD}.pool: 'cpu' is not a pool of this stack; use one of h100, l4, system",
        {f"{FRAUD}.pool": "cpu", "pools.cpu": {"cpus": 4, "memory_gib": 16, "max_nodes": 3}},
    ),
    "3 GPUs on a node of 8": Case(
        {f"{FINETUNE}.gpus_per_node": 3},
        f"{FINETUNE}.gpus_per_node: 3 does not divide a node of 8; use 1, 2, 4 or 8",
        {f"{FINETUNE}.gpus_per_node": 4},
    ),
    "2 GPUs on a node of 1": Case(
        {f"{EMBED}.gpus": 2},
        f"{EMBED}.gpus: 2 exceed a node of 1; use 1",
        {f"{EMBED}.gpus": 1},
    ),
    "a GPU on a pool without": Case(
        {f"{FRAUD}.gpus": 1},
        f"{FRAUD}.gpus: pool system has no GPUs; choose a pool with an accelerator",
        {f"{FRAUD}.gpus": 0},
    ),
    "no GPU on a pool with some": Case(
        {f"{EMBED}.gpus": 0},
        f"{EMBED}.gpus: pool l4 has 1 l4 a node, but none is asked for; "
        "set gpus, or choose a pool without accelerators",
        {f"{EMBED}.gpus": 0, f"{EMBED}.pool": "system"},
    ),
    "more memory than a node": Case(
        {f"{FRAUD}.memory_gib": 30},
        f"{FRAUD}.memory_gib: 30 does not fit on a node of pool system, which has 28.34 for pods; "
        "use at most 28.34, or a pool of larger nodes",
        {f"{FRAUD}.memory_gib": 28, f"{FRAUD}.replicas": 1},
    ),
    "more nodes than the pool": Case(
        {f"{FINETUNE}.nodes": 3},
        f"{FINETUNE}.nodes: 3 exceed max_nodes 2 of pool h100; use at most 2, or raise the pool's max_nodes",
        {f"{FINETUNE}.nodes": 3, "pools.h100.max_nodes": 3},
    ),
    "an unknown accelerator": Case(
        {"pools.h100.accelerator": "h1000"},
        "pools.h100.accelerator: 'h1000' is unknown; did you mean h100?",
        {"pools.h100.accelerator": "h200"},
    ),
    # Names
    "a name with capitals": Case(
        {"workspaces.chat.jobs.Nightly": JOB},
        "workspaces.chat.jobs.Nightly: 'Nightly' is not a name; "
        "use lower-case letters, digits and dashes, beginning with a letter",
        {"workspaces.chat.jobs.nightly": JOB},
    ),
    "a name too long for a label": Case(
        {f"workspaces.chat.jobs.{LONGEST}n": JOB},
        f"workspaces.chat.jobs.{LONGEST}n: 'chat-{LONGEST}n', from which names and labels are generated, has 44 "
        "characters; shorten the workspace's or the workload's name by 1, as 43 is the most",
        {f"workspaces.chat.jobs.{LONGEST}": JOB},
    ),
    "a pool's name too long": Case(
        {f"pools.{'p' * (NAME_CHARACTERS + 1)}": {"cpus": 1, "memory_gib": 1}},
        f"pools.{'p' * 41}: '{'p' * 41}' has 41 characters; use at most 40, as labels end at 63",
        {f"pools.{'p' * NAME_CHARACTERS}": {"cpus": 1, "memory_gib": 1}},
    ),
    "a namespace of Kubernetes": Case(
        {"workspaces.kube-chat": {}},
        "workspaces.kube-chat: 'kube-chat' is a namespace of Kubernetes; choose another name",
        {"workspaces.kubechat": {}},
    ),
    "two workloads of which the same names are made": Case(
        {"workspaces.chat-team": {"jobs": {"a": JOB}}, "workspaces.chat.jobs.team-a": JOB},
        "workspaces.chat-team.jobs.a: would be named chat-team-a, as workspaces.chat.jobs.team-a is; "
        "rename one of them",
        {"workspaces.chat-team": {"jobs": {"a": JOB}}, "workspaces.chat.jobs.team-b": JOB},
    ),
    "two secrets of which the same names are made": Case(
        {
            "workspaces.chat-team": {"secrets": {"a": {"from": "config/hf-token"}}},
            "workspaces.chat.secrets.team-a": {"from": "config/hf-token"},
        },
        "workspaces.chat-team.secrets.a: would be named chat-team-a, as workspaces.chat.secrets.team-a is; "
        "rename one of them",
        # A secret and a workload have names of their own.
        {
            "workspaces.chat-team": {"secrets": {"a": {"from": "config/hf-token"}}},
            "workspaces.chat.jobs.team-a": JOB,
        },
    ),
    "two volumes of which the same names are made": Case(
        {
            "workspaces.chat-team": {"volumes": {"a": {"size_gib": 1}}},
            "workspaces.chat.volumes.team-a": {"size_gib": 1},
        },
        "workspaces.chat-team.volumes.a: would be named chat-team-a, as workspaces.chat.volumes.team-a is; "
        "rename one of them",
        {
            "workspaces.chat-team": {"volumes": {"a": {"size_gib": 1}}},
            "workspaces.chat.config.team-a": {"values": {"a": "b"}},
        },
    ),
    "a companion namespace that is another workspace's": Case(
        {"workspaces.chat.fabric": {}, "workspaces.chat-fabric": {}},
        "workspaces.chat.fabric: would make the namespace chat-fabric, which is a workspace; "
        "rename one of the two workspaces",
        {"workspaces.chat.fabric": {}, "workspaces.chat-fabrics": {}},
    ),
    "a training over a fabric without a companion namespace": Case(
        {"pools.rdma": RDMA, "workspaces.chat.training.pretrain": PRETRAIN},
        "workspaces.chat.training.pretrain.nodes: over several nodes of pool rdma, whose network locks memory, pods "
        "need IPC_LOCK, which pod security restricted refuses; give the workspace fabric: {}, which makes a companion "
        "namespace for such jobs, or use nodes: 1 or a pool without fabric",
        {"pools.rdma": RDMA, "workspaces.chat.training.pretrain": PRETRAIN, "workspaces.chat.fabric": {}},
    ),
    # Shares and slices of GPUs
    "whole GPUs of a pool whose GPUs are divided": Case(
        {"pools.mig": MIG, f"{EMBED}.pool": "mig", f"{EMBED}.gpus": 1},
        f"{EMBED}.gpus: the GPUs of pool mig are divided; use {{mig: 1g.10gb}}",
        {"pools.mig": MIG, f"{EMBED}.pool": "mig", f"{EMBED}.gpus": {"mig": "1g.10gb"}},
    ),
    "a slice that is misspelt": Case(
        {"pools.mig": MIG, f"{EMBED}.pool": "mig", f"{EMBED}.gpus": {"mig": "1g10gb"}},
        f"{EMBED}.gpus.mig: '1g10gb' is not a MIG profile; write one as NVIDIA does: 1g.10gb",
        {"pools.mig": MIG, f"{EMBED}.pool": "mig", f"{EMBED}.gpus": {"mig": "1g.10gb", "count": 2}},
    ),
    "two users on GPUs that MPS shares": Case(
        {"pools.mps": MPS, "workspaces.chat.jobs.one": ON_MPS, "workspaces.chat.jobs.two": {**ON_MPS, "user_id": 1000}},
        "workspaces.chat.jobs.two.user_id: runs as user 1000 on pool mps, where workspaces.chat.jobs.one runs as "
        "10001: MPS serves one user at a time; set user_id: 10001, or use another pool",
        {"pools.mps": MPS, "workspaces.chat.jobs.one": ON_MPS, "workspaces.chat.jobs.two": ON_MPS},
    ),
    # Artifacts
    "an artifact of no job": Case(
        {"workspaces.chat.jobs.score.model.artifact": "tune"},
        "workspaces.chat.jobs.score.model.artifact: 'tune' is no job of this workspace that writes an artifact; "
        "name one of fit",
        {"workspaces.chat.jobs.score.model": REMOVED},
    ),
    "an artifact that nobody waits for": Case(
        {"workspaces.chat.jobs.fit.await_completion": REMOVED},
        "workspaces.chat.jobs.score.model.artifact: nothing waits until fit has written its artifact; "
        "set await_completion: true on fit, or name a job that has it",
        {"workspaces.chat.jobs.fit.await_completion": REMOVED, "workspaces.chat.jobs.score.model": REMOVED},
    ),
    "artifacts in a circle": Case(
        {"workspaces.chat.jobs.fit.model": {"artifact": "fit"}},
        "workspaces.chat.jobs: each waits for the next: fit reads fit; let one of them read no artifact of another",
        {
            "workspaces.chat.jobs.fit.model": {"artifact": "tune"},
            "workspaces.chat.training.tune": {
                **JOB,
                "artifact": {"volume": "models", "folder": "tune"},
                "await_completion": True,
            },
        },
    ),
    "an artifact on no volume": Case(
        {"workspaces.chat.jobs.fit.artifact.volume": "data"},
        "workspaces.chat.jobs.fit.artifact.volume: 'data' is no volume of this workspace; "
        "use one of models, or add it under volumes",
        {"workspaces.chat.jobs.fit.artifact.volume": "data", "workspaces.chat.volumes.data": {"size_gib": 1}},
    ),
    "a shared volume where there is no storage for it": Case(
        {
            "cluster": {"existing": {"context": "on-prem"}},
            "workspaces.chat.volumes.models.shared": True,
        },
        "workspaces.chat.volumes.models.shared: the cluster has no shared storage class; name a storage_class for "
        "ReadWriteMany volumes, or leave shared out: pods of one node can share it",
        {
            "cluster": {"existing": {"context": "on-prem", "shared_storage_class": "nfs"}},
            "workspaces.chat.volumes.models.shared": True,
        },
    ),
    # Choices
    "two clusters": Case(
        {"cluster.existing": {"context": "on-prem"}},
        "cluster: local and existing exclude each other; give exactly one of local, existing, eks, gke, aks",
        {"cluster.existing": {"context": "on-prem"}, "cluster.local": REMOVED},
    ),
    "no cluster": Case(
        {"cluster": {}},
        "cluster: nothing is chosen; give exactly one of local, existing, eks, gke, aks",
        {"cluster": {"local": {}}},
    ),
    "no context": Case(
        {"cluster": {"existing": {}}},
        "cluster.existing.context: is missing; it is required",
        {"cluster": {"existing": {"context": "on-prem"}}},
    ),
    "replicas beside autoscaling": Case(
        {f"{ASSISTANT}.replicas": 1},
        f"{ASSISTANT}.replicas: is given beside autoscaling, which decides it; remove one of them",
        {f"{ASSISTANT}.replicas": 1, f"{ASSISTANT}.autoscaling": REMOVED},
    ),
    "a choice that there is not": Case(
        {"cluster.local.engine": "docker"},
        "cluster.local.engine: 'docker' is not a choice here; use 'auto', 'kind', 'host' or 'kwok'",
        {"cluster.local.engine": "kind"},
    ),
    # Texts with a form
    "a bad cron line": Case(
        {f"{SCORE}.schedule": "0 25 * * *"},
        f"{SCORE}.schedule: '25' in '0 25 * * *' is no hour; use 0 to 23, *, ranges a-b or steps */n",
        {f"{SCORE}.schedule": "0 23 * * *"},
    ),
    "a cron line of six fields": Case(
        {f"{SCORE}.schedule": "0 0 2 * * *"},
        f"{SCORE}.schedule: '0 0 2 * * *' is no cron line; write minute, hour, day, month and weekday, such as "
        '"0 2 * * *" for every night at two',
        {f"{SCORE}.schedule": "0 2 * * *"},
    ),
    "a cron line that never comes": Case(
        {f"{SCORE}.schedule": "0 0 30 2 *"},
        f"{SCORE}.schedule: '0 0 30 2 *' never comes; name a day that exists in one of its months",
        {f"{SCORE}.schedule": "0 0 29 2 *"},
    ),
    "an unknown time zone": Case(
        {f"{SCORE}.time_zone": "Europe/Berln"},
        f"{SCORE}.time_zone: 'Europe/Berln' is no time zone; did you mean Europe/Berlin?",
        {f"{SCORE}.time_zone": "Europe/Berlin"},
    ),
    "an image without a version": Case(
        {f"{CONTAINER}.image": "registry.example.org/fraud"},
        f"{CONTAINER}.image: 'registry.example.org/fraud' has no tag, which means latest; "
        "name a version, as pods of one workload would run different images",
        {f"{CONTAINER}.image": "registry.example.org/fraud:4"},
    ),
    "a port of root": Case(
        {f"{CONTAINER}.port": 80},
        f"{CONTAINER}.port: 80 is below 1024; use 1024 or more",
        {f"{CONTAINER}.port": 1024},
    ),
    "an address inside a range": Case(
        {"workspaces.chat.network.allow_egress[0].cidr": "10.20.0.7/16"},
        "workspaces.chat.network.allow_egress[0].cidr: '10.20.0.7/16' is an address inside a range; "
        "write 10.20.0.0/16, or /32 for one address",
        {"workspaces.chat.network.allow_egress[0].cidr": "10.20.0.7/32"},
    ),
    # Secrets
    "a secret inside the stack": Case(
        {f"{FRAUD}.env.TOKEN_TEXT": {"secure": SECRET}},
        f"{FRAUD}.env.TOKEN_TEXT: is a secret, which would end in clear text in the state; give it a key of its own "
        "(pulumi config set --secret modelyard:NAME) and write {from: config/NAME}",
        {f"{FRAUD}.env.TOKEN_TEXT": "secure"},
    ),
    "a secret of no workspace": Case(
        {f"{FRAUD}.env_from_secrets.TOKEN": "token"},
        f"{FRAUD}.env_from_secrets.TOKEN: 'token' is no secret of this workspace; "
        "use one of hf-token, or add it under secrets",
        {f"{FRAUD}.env_from_secrets.TOKEN": "token", "workspaces.chat.secrets.token": {"from": "config/hf-token"}},
    ),
    "a secret from nowhere": Case(
        {"workspaces.chat.secrets.hf-token.from": "hf-token"},
        "workspaces.chat.secrets.hf-token.from: 'hf-token' names no secret; "
        "write config/KEY for the stack's own key modelyard:KEY",
        {"workspaces.chat.secrets.hf-token.from": "config/hf-token"},
    ),
    "a secret whose key is missing": Case(
        {"workspaces.chat.secrets.hf-token.from": "config/other"},
        "workspaces.chat.secrets.hf-token.from: the key modelyard:other is missing; "
        "run: pulumi config set --secret modelyard:other",
        {},
    ),
}  # fmt: skip


def of_file(path: Path) -> str:
    """What `modelyard check` says."""
    with pytest.raises(ConfigError) as caught:
        check_file(path)
    return str(caught.value)


def of_program(written: dict[str, Any], **keys: str) -> str:
    """What `pulumi preview` says, after making sure that nothing is registered."""
    config = {"modelyard:stack": json.dumps(written), **{f"modelyard:{key}": value for key, value in keys.items()}}
    secrets = {} if keys else {"modelyard:hf-token": "clear"}
    return str(refused(MLStack.from_config, "modelyard:stack:MLStack", config=config, secrets=secrets))


EKS_POOLS: dict[str, Any] = {
    "system": {"cpus": 4, "memory_gib": 16, "min_nodes": 2, "max_nodes": 3},
    "h100": {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 2},
}


def on_eks(pools: dict[str, Any], **workspaces: Any) -> list[str]:
    """What is said of a stack on EKS with these pools beside two sound ones."""
    written = {"cluster": {"eks": {"region": "us-east-1"}}, "pools": {**EKS_POOLS, **pools}, "workspaces": workspaces}
    try:
        load_stack(json.dumps(written))
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_a_pool_is_checked_against_the_cluster() -> None:
    assert on_eks({}) == []
    assert on_eks({"queued": {"accelerator": "l4", "capacity": "flex_start"}}) == [
        (
            "pools.queued.capacity: EKS has no machines that queue until there is capacity; use {capacity_block: ID} "
            "or {reservation: ID}"
        )
    ]


def test_a_pool_that_is_wrong_by_itself_is_said_once() -> None:
    found = on_eks({"divided": {"accelerator": "l4", "sharing": {"mig": "1g.10gb"}, "capacity": "flex_start"}})
    assert [line.split(": ")[0] for line in found] == ["pools.divided.sharing.mig"]
    found = on_eks({"divided": {"accelerator": "h100", "sharing": {}}})
    assert found == ["pools.divided.sharing: nothing is chosen; give exactly one of mig, time_slicing, mps"]


def test_workloads_of_a_pool_that_cannot_be_had_are_not_measured_by_it() -> None:
    job = {**JOB, "pool": "queued", "gpus": 3}
    found = on_eks({"queued": {"accelerator": "l4", "capacity": "flex_start"}}, team={"jobs": {"one": job}})
    assert [line.split(": ")[0] for line in found] == ["pools.queued.capacity"]


def test_rules_of_all_pools_together_come_with_the_others() -> None:
    found = on_eks({"system": {"accelerator": "l4"}, "queued": {"accelerator": "l4", "capacity": "flex_start"}})
    assert [line.split(": ")[0] for line in found] == ["pools.queued.capacity", "pools"]


@pytest.mark.parametrize("name", CASES)
def test_the_file_is_refused_with_path_value_and_fix(name: str, tmp_path: Path) -> None:
    said = of_file(stack_file(tmp_path, stack(CASES[name].refused)))
    assert said.startswith(CASES[name].line)
    assert said.count("\n") == 0
    assert SECRET not in said


@pytest.mark.parametrize("name", CASES)
def test_the_program_says_the_same_and_registers_nothing(name: str, tmp_path: Path) -> None:
    written = stack(CASES[name].refused)
    assert of_program(written) == of_file(stack_file(tmp_path, written))


@pytest.mark.parametrize("name", CASES)
def test_a_near_one_passes(name: str, tmp_path: Path) -> None:
    written = stack(CASES[name].passes)
    found: list[StackSpec] = []
    config = {"modelyard:stack": json.dumps(written)}
    run(lambda: found.append(stack_from_config()), config=config, secrets={"modelyard:hf-token": "clear"})
    assert found == [check_file(stack_file(tmp_path, written))]


def test_every_problem_comes_at_once(tmp_path: Path) -> None:
    # Types first, all of them; then rules, all of them.
    for kind in ({"true where a number belongs", "misspelt key of a job", "no replica", "a block without a value"},
                 {"an unknown pool", "3 GPUs on a node of 8", "a limit below the request", "no cluster"}):  # fmt: skip
        written = stack({path: value for name in kind for path, value in CASES[name].refused.items()})
        said = of_file(stack_file(tmp_path, written)).splitlines()
        assert sorted(said) == sorted(CASES[name].line for name in kind)
        assert of_program(written).splitlines() == said


def test_a_secret_in_clear_text_is_refused_without_being_shown(tmp_path: Path) -> None:
    line = ("workspaces.chat.secrets.hf-token.from: the key modelyard:hf-token is in clear text; "
            "run: pulumi config set --secret modelyard:hf-token")  # fmt: skip
    assert of_file(stack_file(tmp_path, stack(), {"hf-token": "hf_clear"})) == line
    assert of_program(stack(), **{"hf-token": "hf_clear"}) == line


def test_a_stack_that_is_secret_as_a_whole_is_refused() -> None:
    """Pulumi knows secrecy per key only: one secret inside makes the whole key secret."""
    text = json.dumps(stack())
    error = refused(MLStack.from_config, "modelyard:stack:MLStack", secrets={"modelyard:stack": text})
    assert [problem.path for problem in error.problems] == ["modelyard:stack"]
    assert "clear text in the state" in str(error)


@pytest.mark.parametrize("text", ["", "x", "[", '"text"', "1", "null", "[]", '{"secure": "v1:AAAA"}', "[" * 10_000])
def test_what_is_no_mapping_is_refused_as_the_key_that_it_is(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_stack(text)
    assert [problem.path for problem in caught.value.problems] == ["modelyard:stack"]


def test_a_missing_stack_is_refused() -> None:
    error = refused(MLStack.from_config, "modelyard:stack:MLStack", config={"other:stack": "{}"})
    assert str(error).startswith("modelyard:stack: is missing; add it under config:")
