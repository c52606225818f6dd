"""Load balancers for Services: AKS makes them itself.

They stand in the cluster's own resource group and have addresses in the node subnet. A Service without these
annotations would get a public address.
https://learn.microsoft.com/azure/aks/internal-lb
"""

from collections.abc import Mapping

LOAD_BALANCER_ANNOTATIONS: Mapping[str, str] = {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}
"""What a Service of type LoadBalancer carries so that it is reached inside the network only."""
