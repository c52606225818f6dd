"""From a workload's spec to its pods: what the pool, the workspace and the spec say of every pod."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.pools import Pool
from modelyard.cluster.spec import TaintSpec
from modelyard.gpu.tcpx import Sidecar as FabricSidecar
from modelyard.kube.images import repository_of
from modelyard.kube.labels import MODEL_RUN
from modelyard.kube.pods import Container, Mount, Pod, Scratch, SecretKey
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.kube.sidecars import Sidecar
from modelyard.kube.users import ROOT
from modelyard.workspace.namespace import WorkspaceNamespace
from modelyard.workspace.pod_resources import PodResources
from modelyard.workspace.secrets import SECRET_KEY
from modelyard.workspace.words import ARTIFACT_PATH, MODEL_PATH
from modelyard.workspace.workload_spec import WorkloadSpec
from modelyard.workspace.workspace import Workspace

_SHARED_FOLDER = "fabric-shared"
_SIDECAR_REQUESTS = {"cpu": "1", "memory": "1Gi"}
"""Our estimate of what a process beside a container takes, out of the tenth of a node that its share leaves."""


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
    return Pod(
        container=replace(
            container,
            image=_local_image(workspace.cluster.traits.images, container.image),
            env={
                **container.env,
                **_fabric_env(pool, needs),
                **_paths(spec),
                **{key: workspace.object_stores[name].url for key, name in spec.env_from_object_stores.items()},
                **spec.env,
            },
            secret_env={**container.secret_env, **secret_env(home, spec.env_from_secrets)},
            requests=requests,
            limits=limits,
            scratch=[*container.scratch, *_shared_memory(needs), *_fabric_scratch(pool, needs)],
            mounts=[*_mounts(home, spec), *_artifacts(workspace, home, spec), *_fabric_mounts(pool, needs)],
            capabilities=capabilities,
        ),
        service_account=home.service_account_name,
        user_id=ROOT if capabilities else spec.run_as,
        claims=claims or {},
        node_selector=pool.node_selector,
        tolerations=_tolerations(pool),
        labels=home.pod_labels,
        annotations={**_artifact_run(workspace, spec), **_fabric_annotations(pool, needs)},
        sidecars=_fabric_sidecars(pool, needs),
    )


def _local_image(images: Mapping[str, str], image: pulumi.Input[str]) -> pulumi.Input[str]:
    """What the cluster has in place of the image, whatever its version, or the image itself."""
    if not images:
        return image
    if isinstance(image, str):
        return images.get(repository_of(image), image)
    return pulumi.Output.from_input(image).apply(lambda known: images.get(repository_of(known), known))


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


def _fabric_sidecar(pool: Pool, needs: PodResources) -> FabricSidecar | None:
    return pool.gpu.pod_sidecar if pool.gpu and needs.is_on_fabric else None


def _fabric_sidecars(pool: Pool, needs: PodResources) -> list[Sidecar]:
    sidecar = _fabric_sidecar(pool, needs)
    if not sidecar:
        return []
    return [
        Sidecar(
            name=sidecar.name,
            image=sidecar.image,
            command=sidecar.command,
            env=sidecar.env,
            requests=_SIDECAR_REQUESTS,
            capabilities=sidecar.capabilities,
            host_paths={path: (_fabric_volume(path), folder) for path, folder in sidecar.host_paths.items()},
            folders={sidecar.shared_path: _SHARED_FOLDER} if sidecar.shared_path else {},
            started_file=sidecar.health_file,
        )
    ]


def _artifact_run(workspace: Workspace, spec: WorkloadSpec) -> Mapping[str, pulumi.Input[str]]:
    """What rolls a service when the job has run again, and lets nothing start before it has succeeded."""
    return {MODEL_RUN: workspace.artifacts[spec.artifact_read].run} if spec.artifact_read else {}


def _paths(spec: WorkloadSpec) -> dict[str, str]:
    model = {"MODEL_PATH": MODEL_PATH} if spec.artifact_read or spec.volume_read else {}
    return model | ({"ARTIFACT_PATH": ARTIFACT_PATH} if spec.artifact_written else {})


def _mounts(home: WorkspaceNamespace, spec: WorkloadSpec) -> Iterator[Mount]:
    for mount in spec.mounts:
        if mount.volume:
            yield _volume_mount(home, mount.volume, mount.path, mount.folder, read_only=mount.read_only)
        elif mount.config:
            name = home.config_names[mount.config]
            yield Mount(path=mount.path, volume=f"config-{mount.config}", config_map=name)
        elif mount.secret:
            name = home.secret_names[mount.secret]
            yield Mount(path=mount.path, volume=f"secret-{mount.secret}", secret=name)


def _artifacts(workspace: Workspace, home: WorkspaceNamespace, spec: WorkloadSpec) -> Iterator[Mount]:
    if spec.artifact_read:
        read = workspace.artifacts[spec.artifact_read].spec
        yield _volume_mount(home, read.volume, MODEL_PATH, read.folder, read_only=True)
    if spec.volume_read:
        volume, folder = spec.volume_read
        yield _volume_mount(home, volume, MODEL_PATH, folder, read_only=True)
    written = spec.artifact_written
    if written:
        yield _volume_mount(home, written.volume, ARTIFACT_PATH, written.folder, read_only=False)


def _volume_mount(home: WorkspaceNamespace, volume: str, path: str, folder: str | None, *, read_only: bool) -> Mount:
    claim = home.volume_names[volume]
    return Mount(path=path, volume=f"volume-{volume}", claim=claim, folder=folder, read_only=read_only)


def secret_env(home: WorkspaceNamespace, variables: Mapping[str, str]) -> dict[str, SecretKey]:
    """Variables from secrets of the workspace, which hold one value each."""
    return {
        variable: SecretKey(name=home.secret_names[secret], key=SECRET_KEY) for variable, secret in variables.items()
    }


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
