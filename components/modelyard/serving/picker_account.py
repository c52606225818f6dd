"""As whom the endpoint pickers of one workspace run, and whom they may speak with.

https://github.com/llm-d/llm-d-router/blob/v0.10.0/config/charts/llm-d-router-gateway/templates/rbac.yaml
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.labels import COMPONENT as COMPONENT_LABEL
from modelyard.kube.labels import labels
from modelyard.workspace.network import api_client_policy_spec
from modelyard.workspace.workspace import Workspace

COMPONENT = "endpoint-picker"
"""The value of `app.kubernetes.io/component`, and of the name."""
EXT_PROC_PORT = 9002
"""Where gateways ask, by Envoy's protocol for external processors."""
HEALTH_PORT = 9003
"""Where load balancers of GKE look by themselves whether a picker serves."""
_READ = ["get", "list", "watch"]


@dataclass(frozen=True, kw_only=True)
class PickerAccount:
    """A ServiceAccount that may see pods and pools of its namespace. `ready` is what its pods depend on."""

    name: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]


def picker_account(workspace: Workspace) -> PickerAccount:
    """The account of the workspace's pickers, made for the first service that needs one.

    Creates a ServiceAccount, a Role and a RoleBinding, and a NetworkPolicy that lets gateways and the health checks of
    load balancers in, and pickers out to the API server.
    """
    return workspace.once(COMPONENT, lambda: _make(workspace))


def _make(workspace: Workspace) -> PickerAccount:
    name = f"{workspace.workspace_name}-{COMPONENT}"
    opts = pulumi.ResourceOptions(parent=workspace, provider=workspace.cluster.kubernetes_provider)
    metadata = k8s.meta.v1.ObjectMetaArgs(
        namespace=workspace.namespace,
        labels=labels(COMPONENT, instance=name, component=COMPONENT, workspace=workspace.workspace_name),
    )
    account = k8s.core.v1.ServiceAccount(
        name,
        metadata=metadata,
        # Pickers ask for its token; nothing else that runs as it gets one.
        automount_service_account_token=False,
        opts=opts,
    )
    role = k8s.rbac.v1.Role(
        name,
        metadata=metadata,
        rules=[
            _rule("", "pods"),
            _rule("inference.networking.k8s.io", "inferencepools"),
            # It looks for these where the cluster has them.
            _rule("llm-d.ai", "inferenceobjectives", "inferencemodelrewrites"),
        ],
        opts=opts,
    )
    binding = k8s.rbac.v1.RoleBinding(
        name,
        metadata=metadata,
        role_ref=k8s.rbac.v1.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=role.metadata.name),
        subjects=[
            k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=workspace.namespace)
        ],
        opts=opts,
    )
    policy = k8s.networking.v1.NetworkPolicy(
        name,
        metadata=metadata,
        spec=api_client_policy_spec(
            {COMPONENT_LABEL: COMPONENT},
            ports=(EXT_PROC_PORT, HEALTH_PORT),
            gateway_ranges=workspace.cluster.traits.gateway_source_ranges,
        ),
        opts=opts,
    )
    return PickerAccount(name=account.metadata.name, ready=[account, binding, policy])


def _rule(group: str, *resources: str) -> k8s.rbac.v1.PolicyRuleArgs:
    return k8s.rbac.v1.PolicyRuleArgs(api_groups=[group], resources=list(resources), verbs=_READ)
