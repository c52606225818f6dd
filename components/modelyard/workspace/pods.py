"""From a workload's spec to its pods: what the pool, the workspace and the spec say of every pod."""

from collections.abc import Mapping
from dataclasses import replace

import pulumi_kubernetes as k8s

from modelyard.cluster.pools import Pool
from modelyard.cluster.spec import TaintSpec
from modelyard.kube.pods import DEFAULT_USER_ID, Container, Pod, Scratch, SecretKey
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.workspace.secrets import SECRET_KEY
from modelyard.workspace.workload_spec import PodResources, WorkloadSpec
from modelyard.workspace.workspace import Workspace


def workload_pod(workspace: Workspace, spec: WorkloadSpec, container: Container) -> Pod:
    """A pod of this workload, to be changed with `dataclasses.replace` in what its kind adds.

    Args:
        workspace: where it runs.
        spec: a spec without problems on the workspace's cluster.
        container: what the kind of workload says of the container; the spec's variables win over its own.
    """
    pool = workspace.cluster.pools[spec.pool]
    needs = spec.resources_on(pool)
    requests, limits = _quantities(needs)
    return Pod(
        container=replace(
            container,
            env={**container.env, **spec.env},
            secret_env={**container.secret_env, **secret_env(workspace, spec.env_from_secrets)},
            requests=requests,
            limits=limits,
            scratch=[*container.scratch, *_shared_memory(needs)],
        ),
        service_account=workspace.service_account_name,
        user_id=spec.user_id or DEFAULT_USER_ID,
        node_selector=pool.node_selector,
        tolerations=_tolerations(pool),
    )


def secret_env(workspace: Workspace, variables: Mapping[str, str]) -> dict[str, SecretKey]:
    """Variables from secrets of the workspace, which hold one value each."""
    return {
        variable: SecretKey(name=workspace.secret_names[secret], key=SECRET_KEY)
        for variable, secret in variables.items()
    }


def _quantities(needs: PodResources) -> tuple[dict[str, str], dict[str, str]]:
    gpus = {needs.gpu_resource: str(needs.gpus)} if needs.gpu_resource else {}
    requests = {"cpu": cpu_quantity(needs.cpus), "memory": memory_quantity(needs.memory_gib), **gpus}
    limits = {"memory": memory_quantity(needs.memory_limit_gib), **gpus}
    return requests, limits if needs.cpu_limit is None else {"cpu": cpu_quantity(needs.cpu_limit), **limits}


def _shared_memory(needs: PodResources) -> list[Scratch]:
    if needs.shared_memory_gib is None:
        return []
    return [Scratch(name="shared-memory", path="/dev/shm", memory_gib=needs.shared_memory_gib)]  # noqa: S108


def _tolerations(pool: Pool) -> list[k8s.core.v1.TolerationArgs]:
    return [_toleration(taint) for taint in pool.taints]


def _toleration(taint: TaintSpec) -> k8s.core.v1.TolerationArgs:
    return k8s.core.v1.TolerationArgs(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect)
