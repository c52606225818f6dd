"""From what specs say of containers to the containers: variables, files, and what runs before and beside a workload's
own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pulumi

from modelyard.kube.containers import Container, Mount, Scratch, SecretKey
from modelyard.kube.images import repository_of
from modelyard.kube.probes import Check, liveness_probe, readiness_probe, startup_probe
from modelyard.kube.quantities import cpu_quantity, memory_quantity
from modelyard.workspace.container_spec import EnvironmentSpec, FurtherContainerSpec, SidecarSpec
from modelyard.workspace.namespace import WorkspaceNamespace
from modelyard.workspace.secrets import SECRET_KEY
from modelyard.workspace.workspace import Workspace


def further_container(
    workspace: Workspace, home: WorkspaceNamespace, spec: FurtherContainerSpec, user_id: int | None
) -> Container:
    """A container before or beside a workload's own.

    Args:
        workspace: where it runs.
        home: the namespace of the workload in it.
        spec: a spec without problems there.
        user_id: the number of its user where the spec names none; None for the pod's.
    """
    memory = memory_quantity(spec.memory_gib)
    return Container(
        name=spec.container_name,
        image=local_image(workspace, spec.image),
        command=spec.command,
        args=spec.args,
        env=plain_env(workspace, spec),
        secret_env=secret_env(home, spec.env_from_secrets),
        requests={"cpu": cpu_quantity(spec.cpus), "memory": memory},
        limits={"memory": memory},
        scratch=scratch(spec),
        mounts=list(mounts(home, spec)),
        user_id=spec.user_id or user_id,
    )


def sidecar(
    workspace: Workspace, home: WorkspaceNamespace, spec: SidecarSpec, user_id: int | None, port_name: str
) -> Container:
    """A container beside a workload's own, with its probes.

    Args:
        workspace: where it runs.
        home: the namespace of the workload in it.
        spec: a spec without problems there.
        user_id: the number of its user where the spec names none; None for the pod's.
        port_name: what its port is called, different from those of the pod's other containers.
    """
    made = further_container(workspace, home, spec, user_id)
    if not spec.port:
        return made
    ready, live = Check(port=port_name, path=spec.ready_path), Check(port=port_name)
    return replace(
        made,
        ports={port_name: spec.port},
        startup=startup_probe(ready, budget_seconds=spec.startup_timeout_seconds),
        readiness=readiness_probe(ready),
        liveness=liveness_probe(live),
    )


def local_image(workspace: Workspace, image: pulumi.Input[str]) -> pulumi.Input[str]:
    """What the cluster has in place of the image, whatever its version, or the image itself."""
    images = workspace.cluster.traits.images
    if not images:
        return image
    if isinstance(image, str):
        return images.get(repository_of(image), image)
    return pulumi.Output.from_input(image).apply(lambda known: images.get(repository_of(known), known))


def plain_env(workspace: Workspace, spec: EnvironmentSpec) -> dict[str, pulumi.Input[str]]:
    """Variables in clear text, and with the URLs of object stores."""
    urls = {key: workspace.object_stores[name].url for key, name in spec.env_from_object_stores.items()}
    return {**urls, **spec.env}


def secret_env(home: WorkspaceNamespace, variables: Mapping[str, str]) -> dict[str, SecretKey]:
    """Variables from secrets of the workspace, which hold one value each."""
    return {
        variable: SecretKey(name=home.secret_names[secret], key=SECRET_KEY) for variable, secret in variables.items()
    }


def scratch(spec: EnvironmentSpec) -> list[Scratch]:
    """Its folders on the node's disk. Those of the same name are one in the pod."""
    return [Scratch(name=f"scratch-{mount.scratch}", path=mount.path) for mount in spec.mounts if mount.scratch]


def mounts(home: WorkspaceNamespace, spec: EnvironmentSpec) -> Iterator[Mount]:
    """Its files from the workspace."""
    for mount in spec.mounts:
        if mount.volume:
            yield volume_mount(home, mount.volume, mount.path, mount.folder, read_only=mount.read_only)
        elif mount.config:
            name = home.config_names[mount.config]
            yield Mount(path=mount.path, volume=f"config-{mount.config}", config_map=name)
        elif mount.secret:
            name = home.secret_names[mount.secret]
            yield Mount(path=mount.path, volume=f"secret-{mount.secret}", secret=name)


def volume_mount(home: WorkspaceNamespace, volume: str, path: str, folder: str | None, *, read_only: bool) -> Mount:
    """A volume of the workspace."""
    claim = home.volume_names[volume]
    return Mount(path=path, volume=f"volume-{volume}", claim=claim, folder=folder, read_only=read_only)
