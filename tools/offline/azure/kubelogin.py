"""`kubelogin get-token --server-id ID`: the credential of a kubeconfig's exec plugin.

Only where a cluster lets somebody in: by an admin group of Entra ID, or by a role of Azure's.
https://azure.github.io/kubelogin/cli/get-token.html
"""

import argparse
import sys

from tools.offline.azure.cloud import AZURE
from tools.offline.azure.functions import SERVER_ID
from tools.offline.azure.ids import CALLER
from tools.offline.azure.kinds_compute import CLUSTER
from tools.offline.azure.rules.identity import has_role
from tools.offline.cloud.credentials import print_credential
from tools.offline.cloud.world import Account, values_at

_LOGINS = ("azurecli", "azd", "devicecode", "interactive", "spn", "msi", "workloadidentity")
_ROLES = ("Azure Kubernetes Service RBAC Cluster Admin", "Azure Kubernetes Service RBAC Admin")


def main(arguments: list[str]) -> int:
    """Print the credential; the exit code."""
    parser = argparse.ArgumentParser(prog="kubelogin")
    parser.add_argument("command", choices=["get-token"])
    parser.add_argument("--server-id", required=True)
    parser.add_argument("--login", "-l", choices=_LOGINS, default="devicecode")
    for name in ("--environment", "--client-id", "--tenant-id"):
        parser.add_argument(name)
    given = parser.parse_intermixed_args(arguments)
    return print_credential(AZURE, lambda account: access_problem(account, given.server_id), program="Error")


def access_problem(account: Account, server_id: str) -> str:
    """Why the caller gets no token, or one that no cluster takes; empty if they do."""
    if server_id != SERVER_ID:
        return f"AADSTS500011: The resource principal named {server_id} was not found in the tenant"
    clusters = account.of(CLUSTER)
    if not clusters:
        return "there is no cluster"
    for each in clusters:
        groups = values_at(each.inputs, "aadProfile.adminGroupObjectIDs")
        if groups or has_role(account, CALLER, each.id, *_ROLES):
            return ""
    return f"the server has asked for the client to provide credentials: {CALLER} is in no admin group of the cluster"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
