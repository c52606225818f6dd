"""Containers of pods, hardened, from plain values: what runs in one, and what it sees.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.pod_security import container_security, device_security
from modelyard.kube.quantities import memory_quantity

TEMPORARY_FOLDER = "/tmp"  # noqa: S108  # inside the container, on a volume of its own


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """One value in a Secret: the Secret's name and the key."""

    name: pulumi.Input[str]
    key: str


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """An empty writable folder that lives as long as the pod. Containers that name the same volume share it.

    Attributes:
        name: the volume's name.
        path: where the container sees it.
        folder: the folder of it that the container sees, which another container made; None: all of it.
        read_only: whether this container may only read.
        memory_gib: its size in memory, GiB, which counts as the container's memory. None: on the node's disk.
    """

    name: str
    path: str
    folder: str | None = None
    read_only: bool = False
    memory_gib: float | None = None


@dataclass(frozen=True, kw_only=True)
class Mount:
    """Something that exists beside the pod, as files in its container: exactly one of claim, config map,
    secret, image and folder of the node.

    Attributes:
        path: where the container sees it.
        claim: the name of a PersistentVolumeClaim.
        config_map: the name of a ConfigMap, each key a file.
        secret: the name of a Secret, each key a file.
        image: an image whose files are mounted, without being run.
        host_path: a folder of the node, which the pod waits for; only pod security `privileged` lets a pod have one.
        volume: the volume's name in the pod; mounts of the same name share one volume.
        folder: the folder of the claim, which is made if need be, or of the image. None: all of it.
        read_only: whether the container may only read.
    """

    path: str
    volume: str
    claim: pulumi.Input[str] | None = None
    config_map: pulumi.Input[str] | None = None
    secret: pulumi.Input[str] | None = None
    image: pulumi.Input[str] | None = None
    host_path: str | None = None
    folder: str | None = None
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of a pod.

    Attributes:
        name: the container's name.
        image: with a version.
        command: instead of the image's entry point, if not empty.
        args: arguments of the command.
        field_env: variables from the pod's own fields, by field path; they come first, so that `env` can use them.
        env: plain variables.
        secret_env: variables from Secrets.
        ports: container ports by name.
        requests: quantities by resource.
        limits: quantities by resource.
        startup: how long it may take to start.
        readiness: when it can be used.
        liveness: when it must be restarted.
        pre_stop_seconds: how long it goes on after it was told to end, until load balancers have noticed.
        scratch: writable folders beside `/tmp`.
        mounts: volumes, configuration and secrets as files.
        capabilities: of Linux, such as `IPC_LOCK`. With any, the pod passes pod security `privileged` only.
        claims_devices: whether it has the pod's claims to devices too, as the container that the pod is around always
            has.
        user_id: the number of its user and group, where that is not the pod's.
        is_of_node: whether it programs the node's devices: then its system calls and its own files are not restricted,
            it has neither `/tmp` nor variables of ours, and the pod passes pod security `privileged` only.
    """

    name: str
    image: pulumi.Input[str]
    command: Sequence[pulumi.Input[str]] = ()
    args: Sequence[pulumi.Input[str]] = ()
    field_env: Mapping[str, str] = field(default_factory=dict[str, str])
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    secret_env: Mapping[str, SecretKey] = field(default_factory=dict[str, SecretKey])
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    requests: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    startup: k8s.core.v1.ProbeArgs | None = None
    readiness: k8s.core.v1.ProbeArgs | None = None
    liveness: k8s.core.v1.ProbeArgs | None = None
    pre_stop_seconds: int | None = None
    scratch: Sequence[Scratch] = ()
    mounts: Sequence[Mount] = ()
    capabilities: Sequence[str] = ()
    claims_devices: bool = False
    user_id: int | None = None
    is_of_node: bool = False


def container_args(
    container: Container,
    *,
    pod_user_id: int,
    temporary_volume: str,
    claims: Collection[str] = (),
    restart_policy: str | None = None,
) -> k8s.core.v1.ContainerArgs:
    """The container as Kubernetes has it.

    Args:
        container: what it is.
        pod_user_id: the number of the pod's user.
        temporary_volume: the name of the volume that its `/tmp` is.
        claims: names of the pod's claims to devices that it has.
        restart_policy: `Always` makes a sidecar of a container that starts before the others.
    """
    return k8s.core.v1.ContainerArgs(
        name=container.name,
        image=container.image,
        command=list(container.command) or None,
        args=list(container.args) or None,
        restart_policy=restart_policy,
        env=_env(container) or None,
        ports=[k8s.core.v1.ContainerPortArgs(name=name, container_port=port) for name, port in container.ports.items()]
        or None,
        resources=k8s.core.v1.ResourceRequirementsArgs(
            requests=dict(container.requests),
            limits=dict(container.limits) or None,
            claims=[k8s.core.v1.ResourceClaimArgs(name=name) for name in claims] or None,
        ),
        startup_probe=container.startup,
        readiness_probe=container.readiness,
        liveness_probe=container.liveness,
        lifecycle=_lifecycle(container),
        security_context=device_security(container.capabilities)
        if container.is_of_node
        else container_security(pod_user_id, container.capabilities, own_user_id=container.user_id),
        # What a container that failed wrote last stands in its status, also after the pod's logs are gone.
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=[
            *(
                k8s.core.v1.VolumeMountArgs(
                    name=scratch.name,
                    mount_path=scratch.path,
                    sub_path=scratch.folder,
                    read_only=True if scratch.read_only else None,
                )
                for scratch in _all_scratch(container, temporary_volume)
            ),
            *(
                k8s.core.v1.VolumeMountArgs(
                    name=mount.volume,
                    mount_path=mount.path,
                    sub_path=mount.folder,
                    read_only=True if mount.read_only else None,
                )
                for mount in container.mounts
            ),
        ],
    )


def volumes_of(container: Container, temporary_volume: str) -> Iterator[tuple[str, k8s.core.v1.VolumeArgs]]:
    """The volumes that a container sees, by name; more than once where it sees one in several places."""
    for scratch in _all_scratch(container, temporary_volume):
        yield scratch.name, _empty(scratch)
    for mount in container.mounts:
        yield mount.volume, _mounted(mount)


def _env(container: Container) -> list[k8s.core.v1.EnvVarArgs]:
    own = {} if container.is_of_node else {"HOME": TEMPORARY_FOLDER, "USER": "app"}
    plain = {**own, **container.env}
    return [
        *(_env_from(name, field_ref=_field(path)) for name, path in container.field_env.items()),
        *(
            k8s.core.v1.EnvVarArgs(name=name, value=value)
            for name, value in plain.items()
            if name not in container.secret_env
        ),
        *(
            _env_from(name, secret_key_ref=k8s.core.v1.SecretKeySelectorArgs(name=secret.name, key=secret.key))
            for name, secret in container.secret_env.items()
        ),
    ]


def _field(path: str) -> k8s.core.v1.ObjectFieldSelectorArgs:
    return k8s.core.v1.ObjectFieldSelectorArgs(field_path=path)


def _env_from(
    name: str,
    *,
    field_ref: k8s.core.v1.ObjectFieldSelectorArgs | None = None,
    secret_key_ref: k8s.core.v1.SecretKeySelectorArgs | None = None,
) -> k8s.core.v1.EnvVarArgs:
    source = k8s.core.v1.EnvVarSourceArgs(field_ref=field_ref, secret_key_ref=secret_key_ref)
    return k8s.core.v1.EnvVarArgs(name=name, value_from=source)


def _lifecycle(container: Container) -> k8s.core.v1.LifecycleArgs | None:
    if container.pre_stop_seconds is None:
        return None
    return k8s.core.v1.LifecycleArgs(
        pre_stop=k8s.core.v1.LifecycleHandlerArgs(sleep=k8s.core.v1.SleepActionArgs(seconds=container.pre_stop_seconds))
    )


def _all_scratch(container: Container, temporary_volume: str) -> list[Scratch]:
    own = [] if container.is_of_node else [Scratch(name=temporary_volume, path=TEMPORARY_FOLDER)]
    return [*own, *container.scratch]


def _empty(scratch: Scratch) -> k8s.core.v1.VolumeArgs:
    source = (
        k8s.core.v1.EmptyDirVolumeSourceArgs()
        if scratch.memory_gib is None
        else k8s.core.v1.EmptyDirVolumeSourceArgs(medium="Memory", size_limit=memory_quantity(scratch.memory_gib))
    )
    return k8s.core.v1.VolumeArgs(name=scratch.name, empty_dir=source)


def _mounted(mount: Mount) -> k8s.core.v1.VolumeArgs:
    if mount.claim is not None:
        claim = k8s.core.v1.PersistentVolumeClaimVolumeSourceArgs(claim_name=mount.claim)
        return k8s.core.v1.VolumeArgs(name=mount.volume, persistent_volume_claim=claim)
    if mount.config_map is not None:
        config = k8s.core.v1.ConfigMapVolumeSourceArgs(name=mount.config_map)
        return k8s.core.v1.VolumeArgs(name=mount.volume, config_map=config)
    if mount.image is not None:
        image = k8s.core.v1.ImageVolumeSourceArgs(reference=mount.image, pull_policy="IfNotPresent")
        return k8s.core.v1.VolumeArgs(name=mount.volume, image=image)
    if mount.host_path is not None:
        folder = k8s.core.v1.HostPathVolumeSourceArgs(path=mount.host_path, type="Directory")
        return k8s.core.v1.VolumeArgs(name=mount.volume, host_path=folder)
    # Readable by the pod's own user and group only.
    secret = k8s.core.v1.SecretVolumeSourceArgs(secret_name=mount.secret, default_mode=0o440)
    return k8s.core.v1.VolumeArgs(name=mount.volume, secret=secret)
