"""How the cluster is reached: a kubeconfig that holds no credentials."""

import base64
import json

import pulumi
import pulumi_azure_native as azure

from modelyard.cluster.aks.account import Account

_SERVER_APPLICATION = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""What AKS is called in Entra ID, the same everywhere. https://azure.github.io/kubelogin/concepts/aks.html"""


def kubeconfig_of(
    account: Account, cluster: azure.containerservice.ManagedCluster, *, tenant_id: str | None
) -> pulumi.Output[str]:
    """A kubeconfig whose user is whoever is logged in to the Azure CLI, as a token is asked for each time.

    `kubelogin` asks for it, and takes other kinds of login from the variable `AAD_LOGIN_METHOD`: the same file serves a
    person, a pipeline and a workload. Secret like every cluster's.

    The cluster says everything but the certificate of its authority. That stands in the kubeconfig which Azure hands
    out to every user of the cluster, and is asked for once the cluster exists: not in the preview that makes it.
    https://azure.github.io/kubelogin/cli/get-token.html

    Args:
        account: where.
        cluster: which.
        tenant_id: of its users; None is the one they are logged in to.
    """
    name = account.cluster_name
    tenant = ["--tenant-id", tenant_id] if tenant_id else []
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "kubelogin",
            "args": ["get-token", "--login", "azurecli", "--server-id", _SERVER_APPLICATION, *tenant],
            "interactiveMode": "Never",
            "provideClusterInfo": False,
        }
    }

    def render(values: list[str]) -> str:
        host, authority = values
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": name,
                        "cluster": {"server": f"https://{host}", "certificate-authority-data": authority},
                    }
                ],
                "users": [{"name": name, "user": user}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                "current-context": name,
            }
        )

    return pulumi.Output.secret(pulumi.Output.all(cluster.fqdn, _authority(account, cluster)).apply(render))


def _authority(account: Account, cluster: azure.containerservice.ManagedCluster) -> pulumi.Output[str]:
    answer = azure.containerservice.list_managed_cluster_user_credentials_output(
        resource_group_name=account.resource_group,
        # The id is unknown until there is a cluster to ask; its name is known before.
        resource_name=cluster.id.apply(lambda each: each.rpartition("/")[2]),
        format="exec",
        opts=pulumi.InvokeOutputOptions(parent=account.parent, provider=account.provider, depends_on=[cluster]),
    )
    return answer.apply(_authority_in)


def _authority_in(answer: azure.containerservice.ListManagedClusterUserCredentialsResult) -> str:
    # A line of its own in YAML, whatever else stands there.
    text = base64.b64decode(answer.kubeconfigs[0].value).decode()
    return next(line.partition(":")[2].strip() for line in text.splitlines() if "certificate-authority-data:" in line)
