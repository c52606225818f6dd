"""The functions of the provider that the library calls."""

import base64
from collections.abc import Callable

from tools.offline.azure.cloud import AZURE
from tools.offline.azure.ids import TENANT
from tools.offline.azure.kinds_compute import CLUSTER
from tools.offline.azure.rules.clusters import cluster_named
from tools.offline.cloud import cluster_api
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Record
from tools.offline.common.values import Json

SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""Of AKS's API servers in Entra ID, in every tenant. https://azure.github.io/kubelogin/"""


def user_credentials(session: Session, given: Json) -> Json:
    """`listManagedClusterUserCredentials`: the kubeconfig that `az aks get-credentials` writes.

    Raises:
        ProviderError: there is no such cluster.
    """
    group, name = str(given.get("resourceGroupName")), str(given.get("resourceName"))
    cluster = cluster_named(session.world.look(), group, name)
    if cluster is None:
        raise AZURE.worded(AZURE.not_found(CLUSTER, name), AZURE.table[CLUSTER], "reading", name)
    text = kubeconfig(session, cluster)
    return {"kubeconfigs": [{"name": "clusterUser", "value": base64.b64encode(text.encode()).decode()}]}


def kubeconfig(session: Session, cluster: Record) -> str:
    """The kubeconfig of a cluster with Entra ID: server, authority, and kubelogin for the rest."""
    found = cluster_api.connection(AZURE) if session.kubeconfig else None
    server = found.server if found else f"https://{cluster.get('fqdn')}:443"
    authority = cluster_api.authority(found) if found else base64.b64encode(b"simulated").decode()
    name = cluster.get("name")
    return f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {authority}
    server: {server}
  name: {name}
contexts:
- context:
    cluster: {name}
    user: clusterUser_{name}
  name: {name}
current-context: {name}
kind: Config
preferences: {{}}
users:
- name: clusterUser_{name}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: [get-token, --environment, AzurePublicCloud, --server-id, {SERVER_ID}, --tenant-id, {TENANT}]
      command: kubelogin
      env: null
"""


FUNCTIONS: dict[str, Callable[[Session, Json], Json]] = {
    "azure-native:containerservice:listManagedClusterUserCredentials": user_credentials,
}
