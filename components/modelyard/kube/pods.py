"""Pods, hardened, from plain values: one container, and what runs before and beside it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ and, of what runs beside it,
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.containers import Container, container_args, volumes_of
from modelyard.kube.pod_security import pod_security
from modelyard.kube.users import DEFAULT_USER_ID

NOT_MOVED: Mapping[str, str] = {
    "karpenter.sh/do-not-disrupt": "true",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
}
"""Annotations of pods that would lose their work: what sizes a cluster then does not end them to save or renew a node.
On a cluster that is sized by neither of these two they mean nothing.
https://karpenter.sh/docs/concepts/disruption/#pod-level-controls
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md"""

_TEMPORARY = "tmp"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod around one container.

    Attributes:
        container: its container.
        service_account: the ServiceAccount it runs as; its token is not mounted.
        user_id: the number of the user, the group and the volumes' group. Root passes pod security `baseline` only.
        node_selector: labels of its nodes.
        tolerations: taints that do not keep it away.
        priority_class: the PriorityClass it is scheduled by. None: the cluster's default.
        restart_policy: `Always` for services, `Never` for Jobs.
        grace_seconds: from being told to end until it is killed. None: Kubernetes' 30.
        spread: how its like are spread.
        affinity: what it is kept near to or away from.
        subdomain: the headless Service that gives it a DNS name.
        labels: further labels, beside those that its controller's selector is part of.
        annotations: further annotations; a changed one makes a controller replace its pods.
        claims: claims of its container to devices, each with the name of its ResourceClaimTemplate.
        init_containers: what runs to its end before all others, one after the other. One that fails runs again, or
            fails the pod where its restart policy is `Never`.
        sidecars: what runs beside its container: each starts before it, in this order and once the one before has
            passed its start-up probe, and Kubernetes ends them after it.
    """

    container: Container
    service_account: pulumi.Input[str]
    user_id: int = DEFAULT_USER_ID
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: Sequence[k8s.core.v1.TolerationArgs] = ()
    priority_class: pulumi.Input[str] | None = None
    restart_policy: str = "Always"
    grace_seconds: int | None = None
    spread: Sequence[k8s.core.v1.TopologySpreadConstraintArgs] = ()
    affinity: k8s.core.v1.AffinityArgs | None = None
    subdomain: pulumi.Input[str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    claims: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    init_containers: Sequence[Container] = ()
    sidecars: Sequence[Container] = ()


def pod_template(pod: Pod, labels: Mapping[str, str]) -> k8s.core.v1.PodTemplateSpecArgs:
    """The template of a Deployment or a Job for pods that pass `restricted` without a warning, unless they are given
    capabilities or root as their user.

    Their containers run as a numbered user, without capabilities and without a token of the API server, on a
    read-only file system with a writable `/tmp`, each of its own. `HOME` is `/tmp` and `USER` is set unless the
    container's own variables say otherwise, because the user's number has no entry in the image's `/etc/passwd`.
    """
    return k8s.core.v1.PodTemplateSpecArgs(
        metadata=k8s.meta.v1.ObjectMetaArgs(labels={**labels, **pod.labels}, annotations=pod_annotations(pod)),
        spec=pod_spec(pod),
    )


def pod_annotations(pod: Pod) -> dict[str, pulumi.Input[str]]:
    """The annotations of such pods."""
    return {"kubectl.kubernetes.io/default-container": pod.container.name, **pod.annotations}


def pod_spec(pod: Pod) -> k8s.core.v1.PodSpecArgs:
    """What such pods are, for kinds that have it elsewhere than in a template."""
    return k8s.core.v1.PodSpecArgs(
        service_account_name=pod.service_account,
        automount_service_account_token=False,
        # A variable for each Service of the namespace would be read as settings: VLLM_PORT of a Service called vllm.
        enable_service_links=False,
        security_context=pod_security(pod.user_id),
        node_selector=dict(pod.node_selector) or None,
        tolerations=list(pod.tolerations) or None,
        priority_class_name=pod.priority_class,
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
        init_containers=list(_first_containers(pod)) or None,
        containers=[
            container_args(pod.container, pod_user_id=pod.user_id, temporary_volume=_TEMPORARY, claims=list(pod.claims))
        ],
        volumes=_volumes(pod),
    )


def _first_containers(pod: Pod) -> Iterator[k8s.core.v1.ContainerArgs]:
    for restart_policy, containers in ((None, pod.init_containers), ("Always", pod.sidecars)):
        for each in containers:
            yield container_args(
                each,
                pod_user_id=pod.user_id,
                temporary_volume=_temporary_volume(each),
                claims=list(pod.claims) if each.claims_devices else (),
                restart_policy=restart_policy,
            )


def _temporary_volume(container: Container) -> str:
    return f"{_TEMPORARY}-{container.name}"


def _volumes(pod: Pod) -> list[k8s.core.v1.VolumeArgs]:
    volumes = dict(volumes_of(pod.container, _TEMPORARY))
    for each in (*pod.init_containers, *pod.sidecars):
        volumes |= {name: volume for name, volume in volumes_of(each, _temporary_volume(each)) if name not in volumes}
    return list(volumes.values())
