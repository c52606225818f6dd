"""What stands beside a route at a gateway of Envoy: its policies, and the Secret that they read."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.labels import INSTANCE
from modelyard.operators.definition import Kind
from modelyard.platform.gateway import Gateway
from modelyard.platform.gateway_kinds import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE, SECURITY_POLICY
from modelyard.serving.route_policies import access_policy, traffic_policy
from modelyard.serving.route_spec import RouteSpec
from modelyard.serving.scope import ServiceScope
from modelyard.workspace.secrets import make_secret


def make_route_rules(
    name: str, gateway: Gateway, route: RouteSpec, scope: ServiceScope, *, is_waking: bool = False
) -> list[pulumi.Resource]:
    """Tell Envoy Gateway whom a route lets in and how it treats requests.

    Creates a SecurityPolicy where the route says who may use it, with a Secret where that takes keys, and a
    BackendTrafficPolicy where it says how requests are treated. They find the route by its labels, so that they are
    there before it: nobody is let in before he is asked. Where the cluster has no kinds of Envoy Gateway, as it
    installs no charts, nothing is created, as nothing would act on it.

    Args:
        name: the Pulumi name of the route; theirs begin with it.
        gateway: what the route leads from.
        route: which has no problems there.
        scope: the service that it is a part of.
        is_waking: whether its requests bring the service's first pod.

    Returns:
        What the route depends on.
    """
    if not gateway.has_policies:
        return []
    target = {"group": HTTP_ROUTE.group, "kind": HTTP_ROUTE.kind, "matchLabels": {INSTANCE: scope.logical}}

    def make(role: str, kind: Kind, spec: Mapping[str, Any]) -> pulumi.Resource:
        return k8s.apiextensions.CustomResource(
            f"{name}-{role}",
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=scope.metadata(),
            spec={**spec, "targetSelectors": [target]},
            opts=scope.options(gateway.ready),
        )

    made: list[pulumi.Resource] = []
    if route.has_access_rules:
        made.append(make("access", SECURITY_POLICY, access_policy(route, _make_keys(name, route, scope))))
    if route.has_traffic_rules or is_waking:
        made.append(make("traffic", BACKEND_TRAFFIC_POLICY, traffic_policy(route, is_waking=is_waking)))
    return made


def _make_keys(name: str, route: RouteSpec, scope: ServiceScope) -> pulumi.Output[str] | None:
    if not route.secrets:
        return None
    known = scope.workspace.spec.secrets
    values = {key: known[secret] for key, secret in route.secrets.items()}
    return make_secret(f"{name}-keys", values, scope.metadata(), scope.options()).metadata.name
