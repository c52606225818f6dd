"""From a workload's spec to its pods: what the pool, the workspace and the spec say of every pod."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.pools import Pool
from modelyard.cluster.spec import TaintSpec
from modelyard.gpu.tcpx import Sidecar
from modelyard.kube.containers import Container, Mount, Scratch
from modelyard.kube.labels import CAPACITY, FOLDER_RUN, MODEL_RUN
from modelyard.kube.pods import Pod
from modelyard.kube.probes import file_startup_probe
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.kube.users import DEFAULT_USER_ID, ROOT
from modelyard.workspace.containers import (
    further_container,
    local_image,
    mounts,
    plain_env,
    scratch,
    secret_env,
    sidecar,
    volume_mount,
)
from modelyard.workspace.namespace import WorkspaceNamespace
from modelyard.workspace.pod_resources import PodResources
from modelyard.workspace.words import ARTIFACT_PATH, MODEL_PATH
from modelyard.workspace.workload_spec import WorkloadSpec
from modelyard.workspace.workspace import Workspace

_SHARED_FOLDER = "fabric-shared"
_FABRIC_SIDECAR_REQUESTS = {"cpu": "1", "memory": "1Gi"}
"""Our estimate of what the fabric's process takes, out of the tenth of a node that a pod's share leaves."""
_FABRIC_SIDECAR_STARTUP_SECONDS = 180


def workload_pod(
    workspace: Workspace,
    spec: WorkloadSpec,
    container: Container,
    *,
    claims: Mapping[str, pulumi.Input[str]] | None = None,
) -> Pod:
    """A pod of this workload, to be changed with `dataclasses.replace` in what its kind adds.

    Args:
        workspace: where it runs.
        spec: a spec without problems on the workspace's cluster.
        container: what the kind of workload says of the container; the spec's variables win over its own.
        claims: its claims to devices: their names in the pod, and their templates' names.
    """
    pool = workspace.cluster.pools[spec.pool]
    home = workspace.namespace_for(spec)
    needs = spec.resources_on(pool)
    requests, limits = _quantities(needs)
    capabilities = pool.gpu.pod_capabilities if pool.gpu and spec.needs_companion(pool) else ()
    # Only the container that needs the capability is root.
    further_user_id = DEFAULT_USER_ID if capabilities else None
    return Pod(
        container=replace(
            container,
            image=local_image(workspace, container.image),
            env={**container.env, **_fabric_env(pool, needs), **_paths(spec), **plain_env(workspace, spec)},
            secret_env={**container.secret_env, **secret_env(home, spec.env_from_secrets)},
            requests=requests,
            limits=limits,
            scratch=[*container.scratch, *scratch(spec), *_shared_memory(needs), *_fabric_scratch(pool, needs)],
            mounts=[*mounts(home, spec), *_artifacts(workspace, home, spec), *_fabric_mounts(pool, needs)],
            capabilities=capabilities,
        ),
        service_account=home.service_account_name,
        user_id=ROOT if capabilities else spec.run_as,
        claims=claims or {},
        node_selector=pool.node_selector,
        tolerations=_tolerations(pool),
        labels={**home.pod_labels, **_capacity(pool)},
        annotations={**_artifact_run(workspace, spec), **_fabric_annotations(pool, needs)},
        priority_class=workspace.priority_class(spec),
        init_containers=[further_container(workspace, home, each, further_user_id) for each in spec.init_containers],
        sidecars=[
            *_fabric_sidecars(pool, needs),
            *(
                sidecar(workspace, home, each, further_user_id, f"sidecar-{number}")
                for number, each in enumerate(spec.sidecars, 1)
            ),
        ],
    )


def _capacity(pool: Pool) -> Mapping[str, str]:
    return {CAPACITY: "flex-start"} if pool.spec.capacity == "flex_start" else {}


def _fabric_env(pool: Pool, needs: PodResources) -> Mapping[str, str]:
    return pool.gpu.pod_env if pool.gpu and needs.is_on_fabric else {}


def _fabric_mounts(pool: Pool, needs: PodResources) -> Iterator[Mount]:
    if pool.gpu and needs.is_on_fabric:
        for path, host_path in pool.gpu.pod_host_paths.items():
            is_device = path.startswith("/dev/")
            yield Mount(path=path, volume=_fabric_volume(path), host_path=host_path, read_only=not is_device)


def _fabric_volume(path: str) -> str:
    return f"fabric-{path.rpartition('/')[2].replace('_', '-')}"


def _fabric_annotations(pool: Pool, needs: PodResources) -> Mapping[str, str]:
    return pool.gpu.pod_annotations if pool.gpu and needs.is_on_fabric else {}


def _fabric_scratch(pool: Pool, needs: PodResources) -> list[Scratch]:
    """The folder in which the container and what runs beside it find each other."""
    sidecar = _fabric_sidecar(pool, needs)
    return [Scratch(name=_SHARED_FOLDER, path=sidecar.shared_path)] if sidecar and sidecar.shared_path else []


def _fabric_sidecar(pool: Pool, needs: PodResources) -> Sidecar | None:
    return pool.gpu.pod_sidecar if pool.gpu and needs.is_on_fabric else None


def _fabric_sidecars(pool: Pool, needs: PodResources) -> list[Container]:
    sidecar = _fabric_sidecar(pool, needs)
    if not sidecar:
        return []
    started = sidecar.health_file
    return [
        Container(
            name=sidecar.name,
            image=sidecar.image,
            command=sidecar.command,
            env=sidecar.env,
            requests=_FABRIC_SIDECAR_REQUESTS,
            startup=file_startup_probe(started, budget_seconds=_FABRIC_SIDECAR_STARTUP_SECONDS) if started else None,
            scratch=_fabric_scratch(pool, needs),
            mounts=[
                Mount(path=path, volume=_fabric_volume(path), host_path=folder, read_only=False)
                for path, folder in sidecar.host_paths.items()
            ],
            capabilities=sidecar.capabilities,
            is_of_node=True,
        )
    ]


def _artifact_run(workspace: Workspace, spec: WorkloadSpec) -> dict[str, pulumi.Input[str]]:
    """What rolls a service when a job has run again, and lets nothing start before it has succeeded."""
    further = {
        f"{FOLDER_RUN}.{folder.key}": workspace.artifacts[folder.artifact].run
        for folder in spec.folders_read.values()
        if folder.artifact
    }
    return {**further, **({MODEL_RUN: workspace.artifacts[spec.artifact_read].run} if spec.artifact_read else {})}


def _paths(spec: WorkloadSpec) -> dict[str, str]:
    model = {"MODEL_PATH": MODEL_PATH} if spec.artifact_read or spec.volume_read else {}
    return model | ({"ARTIFACT_PATH": ARTIFACT_PATH} if spec.artifact_written else {})


def _artifacts(workspace: Workspace, home: WorkspaceNamespace, spec: WorkloadSpec) -> Iterator[Mount]:
    if spec.artifact_read:
        read = workspace.artifacts[spec.artifact_read].spec
        yield volume_mount(home, read.volume, MODEL_PATH, read.folder, read_only=True)
    if spec.volume_read:
        volume, folder = spec.volume_read
        yield volume_mount(home, volume, MODEL_PATH, folder, read_only=True)
    for path, folder in spec.folders_read.items():
        if folder.artifact:
            read = workspace.artifacts[folder.artifact].spec
            yield volume_mount(home, read.volume, path, read.folder, read_only=True)
        elif folder.volume:
            yield volume_mount(home, folder.volume, path, folder.folder, read_only=True)
    written = spec.artifact_written
    if written:
        yield volume_mount(home, written.volume, ARTIFACT_PATH, written.folder, read_only=False)


def _quantities(needs: PodResources) -> tuple[dict[str, str], dict[str, str]]:
    # Kubernetes lets nobody ask for less of these than the limit.
    devices = {**({needs.gpu_resource: str(needs.gpus)} if needs.gpu_resource else {}), **needs.fabric}
    requests = {"cpu": cpu_quantity(needs.cpus), "memory": memory_quantity(needs.memory_gib), **devices}
    limits = {"memory": memory_quantity(needs.memory_limit_gib), **devices}
    return requests, limits if needs.cpu_limit is None else {"cpu": cpu_quantity(needs.cpu_limit), **limits}


def _shared_memory(needs: PodResources) -> list[Scratch]:
    if needs.shared_memory_gib is None:
        return []
    return [Scratch(name="shared-memory", path="/dev/shm", memory_gib=needs.shared_memory_gib)]  # noqa: S108


def _tolerations(pool: Pool) -> list[k8s.core.v1.TolerationArgs]:
    return [_toleration(taint) for taint in pool.taints]


def _toleration(taint: TaintSpec) -> k8s.core.v1.TolerationArgs:
    return k8s.core.v1.TolerationArgs(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect)
