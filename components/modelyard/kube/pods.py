"""Pods with one container, hardened, from plain values.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.pod_security import container_security, pod_security
from modelyard.kube.quantities import memory_quantity
from modelyard.kube.sidecars import Sidecar, folder_of_node, folders_of_sidecars, sidecar_container
from modelyard.kube.users import DEFAULT_USER_ID

TEMPORARY_FOLDER = "/tmp"  # noqa: S108  # inside the container, on a volume of its own


NOT_MOVED: Mapping[str, str] = {
    "karpenter.sh/do-not-disrupt": "true",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
}
"""Annotations of pods that would lose their work: what sizes a cluster then does not end them to save or renew a node.
On a cluster that is sized by neither of these two they mean nothing.
https://karpenter.sh/docs/concepts/disruption/#pod-level-controls
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md"""


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """One value in a Secret: the Secret's name and the key."""

    name: pulumi.Input[str]
    key: str


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """An empty writable folder that lives as long as the pod.

    Attributes:
        name: the volume's name.
        path: where the container sees it.
        memory_gib: its size in memory, GiB, which counts as the container's memory. None: on the node's disk.
    """

    name: str
    path: str
    memory_gib: float | None = None


@dataclass(frozen=True, kw_only=True)
class Mount:
    """Something that exists beside the pod, as files in its container: exactly one of claim, config map,
    secret and folder of the node.

    Attributes:
        path: where the container sees it.
        claim: the name of a PersistentVolumeClaim.
        config_map: the name of a ConfigMap, each key a file.
        secret: the name of a Secret, each key a file.
        host_path: a folder of the node; only pod security `privileged` lets a pod have one.
        volume: the volume's name in the pod; mounts of the same name share one volume.
        folder: the folder of the claim that is mounted; it is made if need be. None: all of it.
        read_only: whether the container may only read.
    """

    path: str
    volume: str
    claim: pulumi.Input[str] | None = None
    config_map: pulumi.Input[str] | None = None
    secret: pulumi.Input[str] | None = None
    host_path: str | None = None
    folder: str | None = None
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class Container:
    """The container of a pod.

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


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod around one container.

    Attributes:
        container: its container.
        service_account: the ServiceAccount it runs as; its token is not mounted.
        user_id: the number of the user, the group and the volumes' group. Root passes pod security `baseline` only.
        node_selector: labels of its nodes.
        tolerations: taints that do not keep it away.
        restart_policy: `Always` for services, `Never` for Jobs.
        grace_seconds: from being told to end until it is killed. None: Kubernetes' 30.
        spread: how its like are spread.
        affinity: what it is kept near to or away from.
        subdomain: the headless Service that gives it a DNS name.
        labels: further labels, beside those that its controller's selector is part of.
        annotations: further annotations; a changed one makes a controller replace its pods.
        claims: claims of its container to devices, each with the name of its ResourceClaimTemplate.
        sidecars: what runs beside its container.
    """

    container: Container
    service_account: pulumi.Input[str]
    user_id: int = DEFAULT_USER_ID
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: Sequence[k8s.core.v1.TolerationArgs] = ()
    restart_policy: str = "Always"
    grace_seconds: int | None = None
    spread: Sequence[k8s.core.v1.TopologySpreadConstraintArgs] = ()
    affinity: k8s.core.v1.AffinityArgs | None = None
    subdomain: pulumi.Input[str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    claims: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    sidecars: Sequence[Sidecar] = ()


def pod_template(pod: Pod, labels: Mapping[str, str]) -> k8s.core.v1.PodTemplateSpecArgs:
    """The template of a Deployment or a Job for pods that pass `restricted` without a warning, unless they are given
    capabilities or root as their user.

    They run as a numbered user, without capabilities and without a token of the API server, on a
    read-only file system with a writable `/tmp`. `HOME` is `/tmp` and `USER` is set unless the container's own
    variables say otherwise, because the user's number has no entry in the image's `/etc/passwd`.
    """
    return k8s.core.v1.PodTemplateSpecArgs(
        metadata=k8s.meta.v1.ObjectMetaArgs(
            labels={**labels, **pod.labels},
            annotations={"kubectl.kubernetes.io/default-container": pod.container.name, **pod.annotations},
        ),
        spec=_pod_spec(pod),
    )


def _pod_spec(pod: Pod) -> k8s.core.v1.PodSpecArgs:
    return k8s.core.v1.PodSpecArgs(
        service_account_name=pod.service_account,
        automount_service_account_token=False,
        # A variable for each Service of the namespace would be read as settings: VLLM_PORT of a Service called vllm.
        enable_service_links=False,
        security_context=pod_security(pod.user_id),
        node_selector=dict(pod.node_selector) or None,
        tolerations=list(pod.tolerations) or None,
        restart_policy=pod.restart_policy,
        termination_grace_period_seconds=pod.grace_seconds,
        topology_spread_constraints=list(pod.spread) or None,
        affinity=pod.affinity,
        subdomain=pod.subdomain,
        resource_claims=[
            k8s.core.v1.PodResourceClaimArgs(name=name, resource_claim_template_name=template)
            for name, template in pod.claims.items()
        ]
        or None,
        init_containers=[sidecar_container(each) for each in pod.sidecars] or None,
        containers=[_container(pod)],
        volumes=[
            *(_volume(scratch) for scratch in _all_scratch(pod.container)),
            *(_mounted(mount) for mount in {each.volume: each for each in pod.container.mounts}.values()),
            *folders_of_sidecars(pod.sidecars, without={each.volume for each in pod.container.mounts}),
        ],
    )


def _container(pod: Pod) -> k8s.core.v1.ContainerArgs:
    container = pod.container
    return k8s.core.v1.ContainerArgs(
        name=container.name,
        image=container.image,
        command=list(container.command) or None,
        args=list(container.args) or None,
        env=_env(container),
        ports=[k8s.core.v1.ContainerPortArgs(name=name, container_port=port) for name, port in container.ports.items()]
        or None,
        resources=k8s.core.v1.ResourceRequirementsArgs(
            requests=dict(container.requests),
            limits=dict(container.limits),
            claims=[k8s.core.v1.ResourceClaimArgs(name=name) for name in pod.claims] or None,
        ),
        startup_probe=container.startup,
        readiness_probe=container.readiness,
        liveness_probe=container.liveness,
        lifecycle=_lifecycle(container),
        security_context=container_security(pod.user_id, container.capabilities),
        # What a container that failed wrote last stands in its status, also after the pod's logs are gone.
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=[
            *(
                k8s.core.v1.VolumeMountArgs(name=scratch.name, mount_path=scratch.path)
                for scratch in _all_scratch(container)
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


def _env(container: Container) -> list[k8s.core.v1.EnvVarArgs]:
    plain = {"HOME": TEMPORARY_FOLDER, "USER": "app", **container.env}
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


def _all_scratch(container: Container) -> list[Scratch]:
    return [Scratch(name="tmp", path=TEMPORARY_FOLDER), *container.scratch]


def _volume(scratch: Scratch) -> k8s.core.v1.VolumeArgs:
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
    if mount.host_path is not None:
        return folder_of_node(mount.volume, mount.host_path)
    # Readable by the pod's own user and group only.
    secret = k8s.core.v1.SecretVolumeSourceArgs(secret_name=mount.secret, default_mode=0o440)
    return k8s.core.v1.VolumeArgs(name=mount.volume, secret=secret)
