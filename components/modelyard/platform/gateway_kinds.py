"""The kinds and operators that a gateway is made of. Imports no Pulumi package.

https://gateway-api.sigs.k8s.io/reference/spec/, https://gateway.envoyproxy.io/docs/api/extension_types/,
https://cert-manager.io/docs/reference/api-docs/
"""

from dataclasses import replace

from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.namespaces import CERT_MANAGER, ENVOY_GATEWAY
from modelyard.versions import CERT_MANAGER as CERT_MANAGER_CHART
from modelyard.versions import ENVOY_GATEWAY as ENVOY_GATEWAY_CHART

_GATEWAY_API = "gateway.networking.k8s.io"
GATEWAY_CLASS = Kind(group=_GATEWAY_API, version="v1", kind="GatewayClass", plural="gatewayclasses", namespaced=False)
"""Who acts on Gateways."""
GATEWAY = Kind(group=_GATEWAY_API, version="v1", kind="Gateway", plural="gateways")
"""An entrance with its load balancer."""
HTTP_ROUTE = Kind(group=_GATEWAY_API, version="v1", kind="HTTPRoute", plural="httproutes")
"""Which requests at a Gateway go to which Service."""
GRPC_ROUTE = Kind(group=_GATEWAY_API, version="v1", kind="GRPCRoute", plural="grpcroutes")
"""Likewise of gRPC. None is made; who acts on Gateways watches them."""
REFERENCE_GRANT = Kind(group=_GATEWAY_API, version="v1beta1", kind="ReferenceGrant", plural="referencegrants")
"""Which namespaces may refer to one's objects. None is made; who acts on Gateways watches them."""
ENVOY_PROXY = Kind(group="gateway.envoyproxy.io", version="v1alpha1", kind="EnvoyProxy", plural="envoyproxies")
"""How Envoy Gateway runs Envoy. Only the chart brings it."""
BACKEND_TRAFFIC_POLICY = Kind(
    group="gateway.envoyproxy.io", version="v1alpha1", kind="BackendTrafficPolicy", plural="backendtrafficpolicies"
)
"""How Envoy treats the requests of a route. Only the chart brings it."""
SECURITY_POLICY = Kind(
    group="gateway.envoyproxy.io", version="v1alpha1", kind="SecurityPolicy", plural="securitypolicies"
)
"""Whom Envoy lets use a route. Only the chart brings it."""
CLIENT_TRAFFIC_POLICY = Kind(
    group="gateway.envoyproxy.io", version="v1alpha1", kind="ClientTrafficPolicy", plural="clienttrafficpolicies"
)
"""How Envoy takes what clients send to a gateway. Only the chart brings it."""
INFERENCE_POOL = Kind(group="inference.networking.k8s.io", version="v1", kind="InferencePool", plural="inferencepools")
"""Pods of which a picker chooses one for each request. Brought by the gateways that ask pickers.
https://gateway-api-inference-extension.sigs.k8s.io/api-types/inferencepool/"""
ISSUER = Kind(group="cert-manager.io", version="v1", kind="Issuer", plural="issuers")
"""Who certifies for a namespace."""
CERTIFICATE = Kind(group="cert-manager.io", version="v1", kind="Certificate", plural="certificates")
"""A certificate that cert-manager keeps fresh in a Secret."""

# What GKE's own load balancers are told of a Service behind them:
# https://cloud.google.com/kubernetes-engine/docs/how-to/configure-gateway-resources
GCP_BACKEND_POLICY = Kind(group="networking.gke.io", version="v1", kind="GCPBackendPolicy", plural="gcpbackendpolicies")
"""How long requests may take, and how long those of a pod that ends may still."""
HEALTH_CHECK_POLICY = Kind(
    group="networking.gke.io", version="v1", kind="HealthCheckPolicy", plural="healthcheckpolicies"
)
"""What tells that a pod serves."""

ENVOY_GATEWAY_OPERATOR = OperatorDefinition(
    name=ENVOY_GATEWAY,
    chart=ENVOY_GATEWAY_CHART,
    kinds=(GATEWAY_CLASS, GATEWAY, HTTP_ROUTE),
    further_namespaces={},
)
"""Envoy Gateway. Its kinds are the chart's own: their chart is larger than Helm keeps a release."""
WITH_INFERENCE_POOLS = replace(ENVOY_GATEWAY_OPERATOR, kinds=(*ENVOY_GATEWAY_OPERATOR.kinds, INFERENCE_POOL))
"""The kinds for a class that asks pickers, where nothing is installed."""
GATEWAY_IN_PLACE_KINDS = replace(
    ENVOY_GATEWAY_OPERATOR,
    kinds=(
        *(replace(kind, has_status=True) for kind in (GATEWAY_CLASS, GATEWAY, HTTP_ROUTE, GRPC_ROUTE)),
        REFERENCE_GRANT,
    ),
)
"""The kinds where another acts on them in Envoy Gateway's place."""
CERT_MANAGER_OPERATOR = OperatorDefinition(
    name=CERT_MANAGER, chart=CERT_MANAGER_CHART, kinds=(ISSUER, CERTIFICATE), further_namespaces={}
)
"""cert-manager."""
CERT_MANAGER_WITHOUT_ISSUERS = replace(CERT_MANAGER_OPERATOR, kinds=(CERTIFICATE,))
"""The same where the issuer is there already."""
