"""What Azure says of a resource beside what it was asked for, as far as programs of ours read it."""

import base64
import uuid
from collections.abc import Mapping
from typing import Any

SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
"""The subscription of the tests' clusters."""
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
"""What ids of its resource groups begin with."""
AUTHORITY = "Y2VydGlmaWNhdGU="
"""The certificate of every cluster's authority."""
LIST_CREDENTIALS = "azure-native:containerservice:listManagedClusterUserCredentials"
"""The only question that is asked, and of a cluster that exists only."""

_NAMES = {
    "azure-native:authorization:RoleAssignment": "roleAssignmentName",
    "azure-native:containerservice:AgentPool": "agentPoolName",
    "azure-native:containerservice:MaintenanceConfiguration": "configName",
    "azure-native:containerservice:ManagedCluster": "resourceName",
    "azure-native:storage:BlobContainer": "containerName",
    "azure-native:storage:StorageAccount": "accountName",
}


def outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource of `pulumi_azure_native`.

    Args:
        type_: its token.
        name: its Pulumi name.
        inputs: what the program asks for.
    """
    own: dict[str, Any] = {"name": inputs.get(_NAMES.get(type_, ""), f"{name}1a2b3c4d")}
    if type_ == "azure-native:managedidentity:UserAssignedIdentity":
        own |= {key: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{key}")) for key in ("principalId", "clientId")}
    if type_ == "azure-native:containerservice:ManagedCluster":
        own |= {
            "fqdn": f"{inputs['dnsPrefix']}-0a1b2c3d.hcp.example.org",
            "oidcIssuerProfile": {"enabled": True, "issuerURL": f"https://oidc.example.org/{name}/"},
            # Asked for as a list, and answered with more about each.
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {}},
        }
    return {**inputs, **own}


def previewed(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource that does not exist yet: what was asked for, where it is answered in the same shape."""
    return {key: value for key, value in inputs.items() if key != "identity"}


def resource_id(type_: str, name: str, inputs: Mapping[str, Any]) -> str:
    """The id of a resource: what it is in, what it is, and its name."""
    _, service, kind = type_.split(":")
    within = f"{GROUP}/{inputs['resourceGroupName']}" if "resourceGroupName" in inputs else GROUP
    return f"{within}/providers/Microsoft.{service}/{kind}/{outputs(type_, name, inputs)['name']}"


def credentials() -> dict[str, Any]:
    """Azure's answer to `LIST_CREDENTIALS`: a kubeconfig with users of its own."""
    text = f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {AUTHORITY}
    server: https://elsewhere.example.org:443
  name: main
kind: Config
"""
    return {"kubeconfigs": [{"name": "clusterUser", "value": base64.b64encode(text.encode()).decode()}]}
