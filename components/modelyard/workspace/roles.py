"""Who may work in a workspace: RoleBindings to the cluster's own roles.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
"""

from collections.abc import Sequence

import pulumi_kubernetes as k8s

# Annotations with RBAC types are quoted here: evaluating them would load their module into every program.
_API_GROUP = "rbac.authorization.k8s.io"


def role_ref(role: str) -> "k8s.rbac.v1.RoleRefArgs":
    """The cluster's role of that name."""
    return k8s.rbac.v1.RoleRefArgs(api_group=_API_GROUP, kind="ClusterRole", name=role)


def subjects(members: Sequence[str]) -> "list[k8s.rbac.v1.SubjectArgs]":
    """Subjects of a RoleBinding from `group:NAME`, `user:NAME` and `serviceaccount:NAMESPACE/NAME`."""
    return [_subject(member) for member in members]


def _subject(member: str) -> "k8s.rbac.v1.SubjectArgs":
    kind, name = member.split(":", 1)
    if kind == "serviceaccount":
        namespace, name = name.split("/", 1)
        return k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", namespace=namespace, name=name)
    return k8s.rbac.v1.SubjectArgs(kind=kind.capitalize(), api_group=_API_GROUP, name=name)
