"""Rules between the blocks of a stack: pools, names, GPUs, artifacts, secrets."""

from collections.abc import Mapping

from modelyard.spec import NAME_CHARACTERS
from tests.support.stacks import REMOVED, SECRET
from tests.unit.stack.rule_case import EMBED, FINETUNE, FRAUD, JOB, Case

RDMA = {"accelerator": "h100", "gpus_per_node": 8, "fabric": "rdma", "max_nodes": 2}
PRETRAIN = {"image": "registry.example.org/a:1.0.0", "pool": "rdma", "nodes": 2, "gpus_per_node": 8}
MIG = {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": "1g.10gb"}}
MPS = {"accelerator": "l4", "sharing": {"mps": {"replicas": 4}}}
ON_MPS = {"image": "registry.example.org/a:1.0.0", "pool": "mps", "gpus": 1}
LONGEST = "n" * (43 - len("chat-"))
"""The longest name of a workload in workspace `chat`."""

CASES: Mapping[str, Case] = {
    # Pools
    "an unknown pool": Case(
        {f"{FRAUD}.pool": "cpu"},
        f"{FRAUD}.pool: 'cpu' is not a pool of this stack; use one of h100, l4, system",
        {f"{FRAUD}.pool": "cpu", "pools.cpu": {"cpus": 4, "memory_gib": 16, "max_nodes": 1}},
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
        {f"{FRAUD}.memory_gib": 28, f"{FRAUD}.replicas": 1, f"{FRAUD}.surge": 0},
    ),
    "a volume of one node under pods on several": Case(
        {"pools.system.max_nodes": 2},
        f"{FRAUD}.mounts[1].volume: volume models can be on one node at a time, "
        "and pool system has several for 3 pods; set shared: true on volume models, or replicas: 1 and surge: 0 here",
        {"pools.system.max_nodes": 2, f"{FRAUD}.replicas": 1, f"{FRAUD}.surge": 0},
    ),
    "a volume of one node under a training on several": Case(
        {f"{FINETUNE}.mounts": [{"volume": "models", "path": "/data"}]},
        f"{FINETUNE}.mounts[0].volume: volume models can be on one node at a time, and pool h100 has several for 2 "
        "pods; set shared: true on volume models, or nodes: 1 here",
        {f"{FINETUNE}.mounts": [{"volume": "models", "path": "/data"}], f"{FINETUNE}.nodes": 1},
    ),
    "a volume of one node under the pods of a job": Case(
        {f"{EMBED}.mounts": [{"volume": "models", "path": "/data"}], f"{EMBED}.parallelism": 2},
        f"{EMBED}.mounts[0].volume: volume models can be on one node at a time, and pool l4 has several for 2 pods; "
        "set shared: true on volume models, or parallelism: 1 here",
        {f"{EMBED}.mounts": [{"volume": "models", "path": "/data"}]},
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
