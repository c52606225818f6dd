"""Load balancers for Services: how they are asked for, and what becomes of them.

GKE's controllers make them with the cluster's control plane, not on its nodes: a passthrough load balancer with network
endpoint groups, health checks and firewall rules for each Service, all of which stand in the cluster's network. A
Service goes once its load balancer is gone, which a finalizer holds it for
(`networking.gke.io/l4-ilb-v2`, `service.kubernetes.io/load-balancer-cleanup`), and Pulumi waits for that. As every
Service depends on the provider of its cluster, it goes before control plane and network whatever else it depends on.
https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer
"""

from collections.abc import Mapping

LOAD_BALANCER_ANNOTATIONS: Mapping[str, str] = {"networking.gke.io/load-balancer-type": "Internal"}
"""What a Service of type LoadBalancer carries, so that only the network reaches it.
https://cloud.google.com/kubernetes-engine/docs/how-to/internal-load-balancing"""
