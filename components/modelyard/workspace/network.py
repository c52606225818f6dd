"""A workspace's NetworkPolicy: everything is denied but what is listed here.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import ipaddress
from collections.abc import Mapping, Sequence

import pulumi_kubernetes as k8s

from modelyard.kube.labels import GATEWAY, NAME
from modelyard.operators.namespaces import MONITORING
from modelyard.workspace.spec import LINK_LOCAL, EgressSpec, NetworkSpec

HTTP_PORT = "http"
"""The name of the container port on which a workload serves; what gateways may reach."""
METRICS_PORT = "metrics"
"""The name of the container port with a workload's metrics, where that is not its HTTP port."""

_NAMESPACE_NAME = "kubernetes.io/metadata.name"
_EVERYWHERE = ("0.0.0.0/0", "::/0")
# Addresses that are not the internet: private and shared ones, loopback and link-local. RFC 1918, 4193, 6598, 6890.
_NOT_PUBLIC = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    str(LINK_LOCAL),
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
)
# AWS serves its metadata on this IPv6 address too: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
_METADATA = (str(LINK_LOCAL), "fd00:ec2::/32", "fe80::/10")
_HTTPS = 443
_API_SERVER_PORTS = (443, 6443)
_DNS = 53

Peer = k8s.networking.v1.NetworkPolicyPeerArgs


def network_policy_spec(
    network: NetworkSpec,
    token_endpoints: Mapping[str, Sequence[int]],
    gateway_ranges: Sequence[str] = (),
    *,
    clients: Sequence[str] = (),
    servers: Sequence[str] = (),
) -> k8s.networking.v1.NetworkPolicySpecArgs:
    """One policy over all pods of the namespace. It takes effect where the cluster's network enforces policies.

    Args:
        network: what the workspace says.
        token_endpoints: where pods get credentials for object stores: ranges of addresses, each with its TCP ports.
        gateway_ranges: where load balancers connect from that are no pods; those that are have a labelled namespace.
        clients: namespaces whose pods may open connections to the services in this one.
        servers: namespaces to whose services pods of this one may open connections, as those say too.
    """
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(),
        policy_types=["Ingress", "Egress"],
        ingress=[*_ingress(gateway_ranges), *(_from(each, HTTP_PORT) for each in clients)],
        egress=[
            *_egress(network),
            *(_to([_of_namespace(each)]) for each in servers),
            *(_to(_blocks([each], ()), *ports) for each, ports in token_endpoints.items()),
        ],
    )


def api_client_policy_spec(
    pod_labels: Mapping[str, str], *, ports: Sequence[int], gateway_ranges: Sequence[str] = ()
) -> k8s.networking.v1.NetworkPolicySpecArgs:
    """What some pods may beyond the policy over all: speak with the API server, and be asked by gateways.

    Args:
        pod_labels: of those pods.
        ports: where gateways may ask them.
        gateway_ranges: where load balancers connect from that are no pods.
    """
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(pod_labels)),
        policy_types=["Ingress", "Egress"],
        ingress=[k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=_gateways(gateway_ranges), ports=_tcp(*ports))],
        egress=[_to(_blocks(_EVERYWHERE, _METADATA), *_API_SERVER_PORTS)],
    )


def _gateways(ranges: Sequence[str]) -> list[Peer]:
    return [Peer(namespace_selector=_matching(GATEWAY, "true")), *_blocks(ranges, ())]


def _ingress(gateway_ranges: Sequence[str]) -> list[k8s.networking.v1.NetworkPolicyIngressRuleArgs]:
    prometheus = Peer(
        namespace_selector=_matching(_NAMESPACE_NAME, MONITORING),
        pod_selector=_matching(NAME, "prometheus"),
    )
    return [
        k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=[_own_pods()]),
        k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=_gateways(gateway_ranges), ports=_tcp(HTTP_PORT)),
        k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=[prometheus], ports=_tcp(HTTP_PORT, METRICS_PORT)),
    ]


def _egress(network: NetworkSpec) -> list[k8s.networking.v1.NetworkPolicyEgressRuleArgs]:
    rules = [_to([_own_pods()]), _dns()]
    if network.allow_internet:
        rules.append(_to(_blocks(_EVERYWHERE, _NOT_PUBLIC), _HTTPS))
    if network.allow_api_server:
        rules.append(_to(_blocks(_EVERYWHERE, _METADATA), *_API_SERVER_PORTS))
    rules.extend(_further(egress) for egress in network.allow_egress)
    return rules


def _dns() -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    # To anywhere: the resolver is a pod in kube-system, a cache on a link-local address of the node, the node itself or
    # the cloud's metadata address, depending on the cluster.
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(
        ports=[k8s.networking.v1.NetworkPolicyPortArgs(port=_DNS, protocol=protocol) for protocol in ("UDP", "TCP")]
    )


def _further(egress: EgressSpec) -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    return _to(_blocks([egress.cidr], _METADATA), *egress.ports)


def _to(peers: list[Peer], *ports: int) -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(to=peers, ports=_tcp(*ports) if ports else None)


def _from(namespace: str, *ports: int | str) -> k8s.networking.v1.NetworkPolicyIngressRuleArgs:
    return k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=[_of_namespace(namespace)], ports=_tcp(*ports))


def _of_namespace(name: str) -> Peer:
    return Peer(namespace_selector=_matching(_NAMESPACE_NAME, name))


def _own_pods() -> Peer:
    return Peer(pod_selector=k8s.meta.v1.LabelSelectorArgs())


def _blocks(ranges: Sequence[str], without: Sequence[str]) -> list[Peer]:
    """Peers for the ranges, less those that lie wholly inside of one of them: the API server refuses others."""
    return [
        Peer(
            ip_block=k8s.networking.v1.IPBlockArgs(
                cidr=each, except_=[out for out in without if _is_inside(out, each)] or None
            )
        )
        for each in ranges
    ]


def _is_inside(inner: str, outer: str) -> bool:
    first, second = ipaddress.ip_network(inner), ipaddress.ip_network(outer)
    if isinstance(first, ipaddress.IPv4Network):
        return isinstance(second, ipaddress.IPv4Network) and first != second and first.subnet_of(second)
    return isinstance(second, ipaddress.IPv6Network) and first != second and first.subnet_of(second)


def _tcp(*ports: int | str) -> list[k8s.networking.v1.NetworkPolicyPortArgs]:
    return [k8s.networking.v1.NetworkPolicyPortArgs(port=port, protocol="TCP") for port in ports]


def _matching(key: str, value: str) -> k8s.meta.v1.LabelSelectorArgs:
    return k8s.meta.v1.LabelSelectorArgs(match_labels={key: value})
