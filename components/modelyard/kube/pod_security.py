"""Security contexts of pods and containers: as little as their work needs.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Sequence

import pulumi_kubernetes as k8s

from modelyard.kube.users import ROOT


def pod_security_labels(level: str) -> dict[str, str]:
    """Labels of a namespace: its pods keep to that level, and who asks for others is told, as is the audit log."""
    return {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "audit", "warn")}


def pod_security(user_id: int) -> k8s.core.v1.PodSecurityContextArgs:
    """The security context of a pod whose user, group and volumes' group have that number."""
    return k8s.core.v1.PodSecurityContextArgs(
        run_as_non_root=user_id != ROOT,
        run_as_user=user_id,
        run_as_group=user_id,
        fs_group=user_id,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=k8s.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security(
    pod_user_id: int, capabilities: Sequence[str], *, own_user_id: int | None = None
) -> k8s.core.v1.SecurityContextArgs:
    """The security context of a container with these capabilities and no others.

    Args:
        pod_user_id: the number of the pod's user.
        capabilities: of Linux.
        own_user_id: the number of its own user and group; None for the pod's.
    """
    user_id = pod_user_id if own_user_id is None else own_user_id
    return k8s.core.v1.SecurityContextArgs(
        run_as_user=own_user_id,
        run_as_group=own_user_id,
        allow_privilege_escalation=False,
        privileged=False,
        read_only_root_filesystem=True,
        run_as_non_root=user_id != ROOT,
        capabilities=k8s.core.v1.CapabilitiesArgs(drop=["ALL"], add=list(capabilities) or None),
    )


def device_security(capabilities: Sequence[str]) -> k8s.core.v1.SecurityContextArgs:
    """The security context of a process that programs the node's devices, and was not made for less: with these
    capabilities beside those that a container runtime gives by itself, and with all system calls."""
    return k8s.core.v1.SecurityContextArgs(
        allow_privilege_escalation=False,
        privileged=False,
        capabilities=k8s.core.v1.CapabilitiesArgs(add=list(capabilities)),
        seccomp_profile=k8s.core.v1.SeccompProfileArgs(type="Unconfined"),
    )
