"""The gateway's objects and charts as plain values."""

from collections.abc import Mapping
from typing import Any

from modelyard.cluster.traits import ClusterTraits
from modelyard.kube.labels import STACK, WORKSPACE
from modelyard.kube.placement import HOST, ZONE
from modelyard.operators.namespaces import CERT_MANAGER, GATEWAY
from modelyard.platform.envoy_ai_gateway import extension_manager
from modelyard.platform.gateway_kinds import ENVOY_PROXY
from modelyard.platform.gateway_spec import GKE, GatewaySpec, GatewayTlsSpec

Values = Mapping[str, Any]

GATEWAY_NAME = GATEWAY
"""The Gateway's name, in the namespace of the same name."""
_ENVOY_CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
"""What acts on GatewayClasses of Envoy Gateway."""
_CONTROLLERS_IN_PLACE = {"traefik": "traefik.io/gateway-controller"}
"""Likewise of others. https://doc.traefik.io/traefik/v3.5/providers/kubernetes-gateway/"""
TLS_SECRET = "gateway-tls"  # noqa: S105  # the Secret's name
"""Where cert-manager keeps the certificate."""
ISSUER_NAME = "letsencrypt"

_LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_CONTROLLERS = 2
_ASKS_PICKERS = "modelyard.dev/asks-pickers"
_CPU_PERCENT = 70
_PICKER_HEADERS = ("x-gateway-destination-endpoint", "x-prefiller-host-port")
"""By which a picker says which pod answers, and which one reads the prompt.
https://github.com/llm-d/llm-d-router/blob/v0.10.0/pkg/common/routing/common.go"""
ENVOY_PODS = {"app.kubernetes.io/name": "envoy", "app.kubernetes.io/component": "proxy"}
"""Labels of the pods that Envoy Gateway makes.
https://github.com/envoyproxy/gateway/blob/v1.9.0/examples/kubernetes/metric/pod-monitor.yaml"""
_CPU, _MEMORY = "500m", "512Mi"
"""Of one Envoy: the chart's own default asks for 100m, which one client with large answers uses up."""


def envoy_gateway_values(*, asks_pickers: bool) -> Values:
    """https://github.com/envoyproxy/gateway/blob/v1.9.0/charts/gateway-helm/values.tmpl.yaml

    Args:
        asks_pickers: whether routes may lead to InferencePools.
    """
    # Envoy then runs in the Gateway's namespace, whose end waits for its load balancer's:
    # https://gateway.envoyproxy.io/docs/tasks/operations/gateway-namespace-mode/
    provider = {"type": "Kubernetes", "kubernetes": {"deploy": {"type": "GatewayNamespace"}}}
    extension = {"extensionManager": extension_manager()} if asks_pickers else {}
    # Helm waits for new pods. Old ones would read the configuration up to minutes after routes that rest on it.
    restarts = {"pod": {"annotations": {_ASKS_PICKERS: "true"}}} if asks_pickers else {}
    return {
        "deployment": {"replicas": _CONTROLLERS, **restarts},
        "podDisruptionBudget": {"minAvailable": 1},
        "config": {"envoyGateway": {"provider": provider, **extension}},
        # It would hold back other versions of Gateway API's kinds for the whole cluster, also a cloud's own.
        "crds": {"gatewayAPI": {"safeUpgradePolicy": {"enabled": False}}},
        # It is made by a hook, so that it would outlive the release.
        "topologyInjector": {"enabled": False},
    }


def cert_manager_values() -> Values:
    """https://github.com/cert-manager/cert-manager/blob/v1.21.1/deploy/charts/cert-manager/values.yaml"""
    return {
        "crds": {"enabled": True, "keep": False},
        "config": {
            "apiVersion": "controller.config.cert-manager.io/v1alpha1",
            "kind": "ControllerConfiguration",
            "enableGatewayAPI": True,
        },
        "global": {"leaderElection": {"namespace": CERT_MANAGER}},
        "resources": _asked("128Mi"),
        "cainjector": {"resources": _asked("256Mi")},
        "webhook": {"resources": _asked("64Mi")},
    }


def _asked(memory: str) -> Values:
    """An estimate of ours: the chart asks for nothing, and such pods are the first to go where a node's memory ends."""
    return {"requests": {"cpu": "10m", "memory": memory}}


def envoy_proxy_spec(spec: GatewaySpec, traits: ClusterTraits) -> Values:
    """How Envoy runs: several pods, in different zones and on different nodes as far as there is room, as many as their
    load asks for.

    https://gateway.envoyproxy.io/docs/api/extension_types/#envoyproxy
    """
    scaled = traits.metrics_api_available and spec.max_replicas > spec.min_replicas
    cpu = {"type": "Utilization", "averageUtilization": _CPU_PERCENT}
    apart = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": ENVOY_PODS}}
    deployment: dict[str, Any] = {
        "container": {"resources": {"requests": {"cpu": _CPU, "memory": _MEMORY}, "limits": {"memory": "1Gi"}}},
        "pod": {"topologySpreadConstraints": [{**apart, "topologyKey": key} for key in (ZONE, HOST)]},
    }
    kubernetes: dict[str, Any] = {"envoyDeployment": deployment, "envoyService": _service(spec, traits)}
    if scaled:
        kubernetes["envoyHpa"] = {
            "minReplicas": spec.min_replicas,
            "maxReplicas": spec.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": cpu}}],
        }
    else:
        deployment["replicas"] = spec.min_replicas
    if spec.min_replicas > 1:
        kubernetes["envoyPDB"] = {"maxUnavailable": 1}
    return {"provider": {"type": "Kubernetes", "kubernetes": kubernetes}}


def picker_headers_spec() -> Values:
    """The policy by which nobody but a picker says which pods work on a request: the headers that say so are taken off
    before anything reads them.

    https://gateway.envoyproxy.io/docs/api/extension_types/#headersettings
    """
    return {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": GATEWAY_NAME}],
        "headers": {"earlyRequestHeaders": {"remove": list(_PICKER_HEADERS)}},
    }


def _service(spec: GatewaySpec, traits: ClusterTraits) -> Values:
    if not traits.load_balancer_available:
        return {"type": "ClusterIP"}
    public = spec.exposure == "internet"
    annotations = traits.public_load_balancer_annotations if public else traits.load_balancer_annotations
    return {
        "type": "LoadBalancer",
        **({"annotations": dict(annotations)} if annotations else {}),
        **({"loadBalancerClass": traits.load_balancer_class} if traits.load_balancer_class else {}),
        **({"loadBalancerSourceRanges": list(spec.source_cidrs)} if spec.source_cidrs else {}),
    }


def gateway_spec(spec: GatewaySpec, class_name: str, stack: str, *, has_proxy: bool) -> Values:
    """The Gateway: with TLS its port 80 is for those only who prove whose name it is, and for sending on to HTTPS.

    Args:
        spec: a valid spec.
        class_name: of the GatewayClass.
        stack: the value of the label `modelyard.dev/stack` on the namespaces whose routes may come.
        has_proxy: whether an EnvoyProxy says how Envoy runs.
    """
    workspaces = {"from": "Selector", "selector": _workspaces_of(stack)}
    plain = _listener("http", 80, "HTTP", {"from": "Same"} if spec.tls else workspaces)
    listeners = [plain]
    if spec.tls:
        secret = {"group": "", "kind": "Secret", "name": spec.tls.secret or TLS_SECRET}
        tls = {"mode": "Terminate", "certificateRefs": [secret]}
        listeners.append({**_listener("https", 443, "HTTPS", workspaces), "tls": tls})
    proxy = {"group": ENVOY_PROXY.group, "kind": ENVOY_PROXY.kind, "name": GATEWAY_NAME}
    return {
        "gatewayClassName": class_name,
        "listeners": listeners,
        **({"infrastructure": {"parametersRef": proxy}} if has_proxy else {}),
    }


def _listener(name: str, port: int, protocol: str, namespaces: Values) -> dict[str, Any]:
    return {"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": namespaces}}


def _workspaces_of(stack: str) -> Values:
    return {"matchLabels": {STACK: stack}, "matchExpressions": [{"key": WORKSPACE, "operator": "Exists"}]}


def redirect_spec() -> Values:
    """The route that sends requests by HTTP on to HTTPS. Let's Encrypt's own has a longer path, and wins."""
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    everything = {"path": {"type": "PathPrefix", "value": "/"}}
    return {"parentRefs": [parent_ref("http")], "rules": [{"matches": [everything], "filters": [redirect]}]}


def parent_ref(listener: str) -> dict[str, str]:
    """How a route names the gateway's listener."""
    return {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "namespace": GATEWAY,
        "name": GATEWAY_NAME,
        "sectionName": listener,
    }


def issuer_spec(tls: GatewayTlsSpec) -> Values:
    """Let's Encrypt, which is answered through the gateway.
    https://cert-manager.io/docs/configuration/acme/http01/#configuring-the-http-01-gateway-api-solver"""
    return {
        "acme": {
            "server": _LETS_ENCRYPT,
            "email": tls.email,
            "privateKeySecretRef": {"name": "letsencrypt-account"},
            "solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [parent_ref("http")]}}}],
        }
    }


def certificate_spec(spec: GatewaySpec, tls: GatewayTlsSpec) -> Values:
    """A certificate for all of the gateway's names.

    https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.CertificateSpec
    """
    issuer = {"kind": "ClusterIssuer", "name": tls.cluster_issuer}
    return {
        "secretName": TLS_SECRET,
        "dnsNames": spec.hostnames,
        "issuerRef": {
            "group": "cert-manager.io",
            **(issuer if tls.cluster_issuer else {"kind": "Issuer", "name": ISSUER_NAME}),
        },
        "privateKey": {"rotationPolicy": "Always"},
    }


def controller_name(traits: ClusterTraits) -> str:
    """Who acts on the GatewayClass `envoy`."""
    in_place = traits.gateway_in_place
    return _CONTROLLERS_IN_PLACE[in_place] if in_place else _ENVOY_CONTROLLER


def class_name(spec: GatewaySpec, traits: ClusterTraits) -> str:
    """The GatewayClass that the Gateway names."""
    return traits.gateway_classes[spec.exposure] if spec.class_ == GKE else spec.class_
