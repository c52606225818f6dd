"""What each class of gateway can do with a route. Imports no Pulumi package.

Every class does what is Core in Gateway API: hosts, path prefixes, headers of one value, weights, redirects, request
headers. What is beyond that is a word here. Sources, by class:

- envoy: https://github.com/kubernetes-sigs/gateway-api/tree/main/conformance/reports/v1.6/envoy-gateway, for what only
  its own policies say https://gateway.envoyproxy.io/docs/api/extension_types/, and for pickers, with Envoy AI Gateway,
  https://aigateway.envoyproxy.io/docs/capabilities/inference/httproute-inferencepool
- gke: https://github.com/kubernetes-sigs/gateway-api/tree/main/conformance/reports/v1.6/gke-gateway, and for its own
  policies https://github.com/GoogleCloudPlatform/gke-gateway-api/tree/main/config/crd. Patterns:
  https://github.com/GoogleCloudPlatform/gke-gateway-api/issues/54
- traefik: https://github.com/traefik/traefik/blob/v3.5.0/pkg/provider/kubernetes/gateway/httproute.go
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from modelyard.errors import Problem

RouteFeature = Literal[
    "header_patterns", "mirror", "mirror_percent", "response_headers_by_backend", "request_timeout", "kv_cache"
]
"""What Gateway API leaves to a class. `header_patterns`: headers, and so cookies, by regular expression. `mirror`: a
copy of all requests to a second backend. `mirror_percent`: of a share of them. `response_headers_by_backend`: headers
in the answers of one backend of several. `request_timeout`: the longest time to an answer's last byte. `kv_cache`: asks
the picker of an InferencePool, https://gateway-api-inference-extension.sigs.k8s.io/implementations/gateways/."""
PolicyFeature = Literal[
    "retry",
    "rate_limit",
    "max_request_mib",
    "max_parallel_requests",
    "idle_timeout_seconds",
    "slow_start_seconds",
    "client_ip",
    "balance_header",
    "api_keys",
    "jwt",
    "oidc",
    "source_cidrs",
]
"""What a class has by means of its own, named as the fields of a route that need it. `client_ip`: the same client to
the same replica."""
GatewayFeature = RouteFeature | PolicyFeature

TRAEFIK = "traefik"
"""The class of Traefik."""


@dataclass(frozen=True, kw_only=True)
class GatewayFeatures:
    """What acts on a gateway's routes, and what it can do beyond Gateway API's Core.

    Attributes:
        controller: who it is, for messages.
        words: what it can.
        instead: what does the same there by other means, by feature.
        is_known: whether this is said here, and not by the user.
    """

    controller: str
    words: frozenset[GatewayFeature]
    instead: Mapping[GatewayFeature, str]
    is_known: bool = True

    def can(self, feature: GatewayFeature) -> bool:
        """Whether it has this feature."""
        return feature in self.words

    def refuse(self, feature: GatewayFeature, path: str, what: str) -> Iterator[Problem]:
        """A problem unless it has this feature.

        Args:
            feature: what is needed.
            path: where that is asked for.
            what: what is asked for, after "does not": `mirror requests`.
        """
        if not self.can(feature):
            fix = self.instead.get(feature, "leave it out, or use another class of gateway, such as envoy")
            yield Problem(path=path, why=f"{self.controller} does not {what}", fix=fix)

    def without_client_addresses(self) -> "GatewayFeatures":
        """The same behind a load balancer that hides the addresses of clients."""
        fix = "tell clients apart by api_keys or a header, or restrict the gateway by its source_cidrs"
        return replace(
            self,
            controller=f"{self.controller}, behind this cluster's load balancers, which hide clients' addresses,",
            words=self.words - {"client_ip", "source_cidrs"},
            instead={**self.instead, "client_ip": fix, "source_cidrs": fix},
        )

    def without_pickers(self) -> "GatewayFeatures":
        """The same without what asks pickers."""
        return replace(
            self,
            words=self.words - {"kv_cache"},
            instead={**self.instead, "kv_cache": "set pickers: true in the gateway, or use balance: header"},
        )


_BY_CLASS: Mapping[str, GatewayFeatures] = {
    "envoy": GatewayFeatures(
        controller="Envoy Gateway",
        words=frozenset(get_args(RouteFeature)) | frozenset(get_args(PolicyFeature)),
        instead={},
    ),
    "gke": GatewayFeatures(
        controller="GKE's load balancer",
        # The time is that of its own policy, as it takes none from a route.
        words=frozenset({"mirror", "mirror_percent", "request_timeout", "client_ip", "kv_cache"}),
        instead={
            "rate_limit": "set it in a security policy of Cloud Armor, or use class envoy",
            "source_cidrs": "set them in a security policy of Cloud Armor, or use class envoy",
            "oidc": "use Identity-Aware Proxy in front of it, or class envoy",
        },
    ),
    # Filters of one backend of several are not refused but never read.
    TRAEFIK: GatewayFeatures(controller="Traefik", words=frozenset({"header_patterns"}), instead={}),
}


def features_of(class_: str, further: Sequence[RouteFeature] = ()) -> GatewayFeatures:
    """What a class of gateway can do.

    Args:
        class_: the gateway's `class`, or that of whom the cluster has in its place.
        further: what the user says that a class of his own can do.
    """
    known = _BY_CLASS.get(class_)
    return known or GatewayFeatures(controller=f"class {class_}", words=frozenset(further), instead={}, is_known=False)
