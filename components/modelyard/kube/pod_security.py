"""Security contexts of pods and containers: as little as their work needs.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Sequence

import pulumi_kubernetes as k8s

from modelyard.kube.users import ROOT


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


def container_security(user_id: int, capabilities: Sequence[str]) -> k8s.core.v1.SecurityContextArgs:
    """The security context of a container with these capabilities and no others."""
    return k8s.core.v1.SecurityContextArgs(
        allow_privilege_escalation=False,
        privileged=False,
        read_only_root_filesystem=True,
        run_as_non_root=user_id != ROOT,
        capabilities=k8s.core.v1.CapabilitiesArgs(drop=["ALL"], add=list(capabilities) or None),
    )
