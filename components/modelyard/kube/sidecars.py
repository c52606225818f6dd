"""What runs beside a pod's container: it starts before it, and Kubernetes ends it after it.

https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_kubernetes as k8s

_PROBE_SECONDS = 5
_STARTUP_PROBES = 36
"""Of three minutes together."""


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """A process of the node's kind beside a container, which only pod security `privileged` lets a pod have.

    Attributes:
        name: of its container.
        image: with a version.
        command: what runs.
        env: its variables.
        requests: quantities by resource.
        capabilities: of Linux, beside those that a container runtime gives by itself.
        host_paths: folders of the node by the path where it sees them, each with the name of its volume; it may write
            to them.
        folders: scratch folders of the container that it sees too, each by its path with the name of its volume.
        started_file: the file by which it says that it can be used; until then the container does not start. None: the
            container starts when it runs.
    """

    name: str
    image: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    requests: Mapping[str, str] = field(default_factory=dict[str, str])
    capabilities: Sequence[str] = ()
    host_paths: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    folders: Mapping[str, str] = field(default_factory=dict[str, str])
    started_file: str | None = None


def sidecar_container(sidecar: Sidecar) -> k8s.core.v1.ContainerArgs:
    """The container of a sidecar, among a pod's first containers.

    Its system calls and its own files are not restricted: it programs the node's devices, and was not made for less.
    """
    volumes = {**{path: volume for path, (volume, _) in sidecar.host_paths.items()}, **sidecar.folders}
    return k8s.core.v1.ContainerArgs(
        name=sidecar.name,
        image=sidecar.image,
        command=list(sidecar.command),
        restart_policy="Always",
        env=[k8s.core.v1.EnvVarArgs(name=name, value=value) for name, value in sidecar.env.items()],
        resources=k8s.core.v1.ResourceRequirementsArgs(requests=dict(sidecar.requests)),
        startup_probe=_started(sidecar.started_file) if sidecar.started_file else None,
        security_context=k8s.core.v1.SecurityContextArgs(
            allow_privilege_escalation=False,
            privileged=False,
            capabilities=k8s.core.v1.CapabilitiesArgs(add=list(sidecar.capabilities)),
            seccomp_profile=k8s.core.v1.SeccompProfileArgs(type="Unconfined"),
        ),
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=[k8s.core.v1.VolumeMountArgs(name=volume, mount_path=path) for path, volume in volumes.items()],
    )


def folder_of_node(volume: str, path: str) -> k8s.core.v1.VolumeArgs:
    """The volume of a folder that the node has; the pod waits until it has."""
    folder = k8s.core.v1.HostPathVolumeSourceArgs(path=path, type="Directory")
    return k8s.core.v1.VolumeArgs(name=volume, host_path=folder)


def folders_of_sidecars(sidecars: Sequence[Sidecar], *, without: Collection[str]) -> list[k8s.core.v1.VolumeArgs]:
    """The volumes of folders of the node that sidecars see, but those that the pod has already."""
    found = dict(pair for sidecar in sidecars for pair in sidecar.host_paths.values())
    return [folder_of_node(volume, path) for volume, path in found.items() if volume not in without]


def _started(path: str) -> k8s.core.v1.ProbeArgs:
    return k8s.core.v1.ProbeArgs(
        exec_=k8s.core.v1.ExecActionArgs(command=["cat", path]),
        period_seconds=_PROBE_SECONDS,
        failure_threshold=_STARTUP_PROBES,
    )
