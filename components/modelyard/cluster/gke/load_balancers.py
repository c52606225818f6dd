"""Load balancers for Services: how they are asked for, and what becomes of them.

GKE's controllers make them with the cluster's control plane, not on its nodes: a passthrough load balancer with network
endpoint groups, health checks and firewall rules for each Service, all of which stand in the cluster's network. A
Service goes once its load balancer is gone, which a finalizer holds it for
(`networking.gke.io/l4-ilb-v2`, `service.kubernetes.io/load-balancer-cleanup`), and Pulumi waits for that. As every
Service depends on the provider of its cluster, it goes before control plane and network whatever else it depends on.

A Gateway of GKE's classes likewise has a load balancer for HTTP, outside of the cluster: its proxies connect to pods
from a subnetwork of their own, one for a region and network. The finalizer `gateway.finalizer.networking.gke.io` holds
the Gateway until forwarding rule, backends and firewall rules are gone.
https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer
"""

from collections.abc import Mapping

LOAD_BALANCER_ANNOTATIONS: Mapping[str, str] = {"networking.gke.io/load-balancer-type": "Internal"}
"""What a Service of type LoadBalancer carries, so that only the network reaches it; without it the internet does.
https://cloud.google.com/kubernetes-engine/docs/how-to/internal-load-balancing"""
GATEWAY_CLASSES: Mapping[str, str] = {"internal": "gke-l7-rilb", "internet": "gke-l7-regional-external-managed"}
"""The GatewayClasses of Google's load balancers for HTTP in the cluster's region, by who reaches them.
https://cloud.google.com/kubernetes-engine/docs/how-to/gatewayclass-capabilities"""
HEALTH_CHECK_RANGES = ("35.191.0.0/16", "130.211.0.0/22")
"""Where Google asks from whether a pod serves. https://cloud.google.com/load-balancing/docs/health-check-concepts#ip-ranges"""
