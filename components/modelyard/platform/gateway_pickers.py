"""What lets Envoy ask pickers of replicas: InferencePool's kind, and Envoy AI Gateway."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.kube.labels import labels
from modelyard.operators.kinds import register_kind
from modelyard.operators.namespaces import ENVOY_AI_GATEWAY, ENVOY_GATEWAY
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.envoy_ai_gateway import DEFINITION, ENVOY_GATEWAY_ACCOUNT, chart_values
from modelyard.platform.gateway_kinds import INFERENCE_POOL
from modelyard.platform.inference_pool_kind import inference_pool_crd


def let_pools_be_read(
    name: str, cluster: Cluster, *, are_present: bool, parent: pulumi.Resource
) -> Sequence[pulumi.Resource]:
    """Let Envoy Gateway read InferencePools, which it has to before it says of itself that it is ready.

    Creates a ClusterRole and its binding, and InferencePool's kind. The chart of Envoy AI Gateway has such a role too,
    but comes only once Envoy Gateway is there, whose kinds it needs.

    Args:
        name: the Pulumi name of the gateway.
        cluster: where charts are installed.
        are_present: whether the cluster has the kind already; then it is not made.
        parent: the gateway.
    """
    own = labels(ENVOY_AI_GATEWAY, instance=ENVOY_AI_GATEWAY, component="operator")
    opts = pulumi.ResourceOptions(parent=parent, provider=cluster.kubernetes_provider)
    metadata = k8s.meta.v1.ObjectMetaArgs(labels=own)
    rule = k8s.rbac.v1.PolicyRuleArgs(
        api_groups=[INFERENCE_POOL.group], resources=[INFERENCE_POOL.plural], verbs=["get", "list", "watch"]
    )
    role = k8s.rbac.v1.ClusterRole(f"{name}-{INFERENCE_POOL.plural}", metadata=metadata, rules=[rule], opts=opts)
    account = k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=ENVOY_GATEWAY_ACCOUNT, namespace=ENVOY_GATEWAY)
    binding = k8s.rbac.v1.ClusterRoleBinding(
        f"{name}-{INFERENCE_POOL.plural}",
        metadata=metadata,
        role_ref=k8s.rbac.v1.RoleRefArgs(
            api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=role.metadata.name
        ),
        subjects=[account],
        opts=opts,
    )
    if are_present:
        return [binding]
    kind = register_kind(
        name,
        inference_pool_crd(),
        labels=own,
        parent=parent,
        provider=cluster.kubernetes_provider,
        ends_with=cluster.control_plane,
    )
    return [kind, binding]


def install_envoy_ai_gateway(
    name: str,
    cluster: Cluster,
    charts: ChartsSpec | None,
    *,
    after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> Sequence[pulumi.Resource]:
    """Install Envoy AI Gateway. What it returns, routes depend on.

    Args:
        name: the Pulumi name of the gateway.
        cluster: where charts are installed.
        charts: where they come from.
        after: Envoy Gateway, whose kinds it watches, and InferencePool, for which it looks when it starts.
        parent: the gateway.
    """
    operator = Operator(
        f"{name}-pickers",
        cluster,
        DEFINITION,
        values=chart_values(),
        charts=charts,
        after=after,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return operator.kinds_ready
