"""What values may be, as the documentation of Azure's APIs says it; unknowns pass.

Names: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
AKS: https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update and …/agent-pools/create-or-update
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.offline.azure.kinds_compute import AGENT_POOL, CLUSTER, PLACEMENT_GROUP
from tools.offline.azure.kinds_identity import FEDERATED_CREDENTIAL, IDENTITY, ROLE_ASSIGNMENT
from tools.offline.azure.kinds_network import (
    NAT_GATEWAY,
    PUBLIC_IP,
    RESOURCE_GROUP,
    SUBNET,
    VIRTUAL_NETWORK,
)
from tools.offline.azure.kinds_storage import BLOB_CONTAINER, MANAGEMENT_POLICY, STORAGE_ACCOUNT, WORKSPACE
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.world import values_at
from tools.offline.common.values import UNKNOWN, Json


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A pattern of the whole text, or a range of a number."""

    pattern: str = ""
    least: float | None = None
    most: float | None = None

    def problem(self, value: Any) -> str:
        """What is wrong with a value; empty where nothing is."""
        if isinstance(value, str):
            fits = not self.pattern or re.fullmatch(self.pattern, value) is not None
            return "" if fits else f"{value!r} does not match {self.pattern}"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            below = self.least is not None and value < self.least
            above = self.most is not None and value > self.most
            return f"must be from {self.least} to {self.most}, not {value}" if below or above else ""
        return ""


_GUID = Limit(pattern="[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NETWORK_NAME = Limit(pattern="[a-zA-Z0-9]([a-zA-Z0-9._-]{0,78}[a-zA-Z0-9_])?")
_POOL = {
    "count": Limit(least=0, most=1000),
    "minCount": Limit(least=0, most=1000),
    "maxCount": Limit(least=1, most=1000),
    "maxPods": Limit(least=10, most=250),
    "osDiskSizeGB": Limit(least=0, most=2048),
    "availabilityZones": Limit(pattern="[1-3]"),
    "nodeTaints": Limit(pattern="[^=: ]+=[^=: ]*:(NoSchedule|PreferNoSchedule|NoExecute)"),
    "orchestratorVersion": Limit(pattern=r"1\.\d{2}(\.\d+)?"),
    "upgradeSettings.maxSurge": Limit(pattern=r"\d+%?"),
    "upgradeSettings.maxUnavailable": Limit(pattern=r"\d+%?"),
    "upgradeSettings.drainTimeoutInMinutes": Limit(least=1, most=1440),
    "upgradeSettings.nodeSoakDurationInMinutes": Limit(least=0, most=30),
}
_POOL_NAME = Limit(pattern="[a-z][a-z0-9]{0,11}")
LIMITS: Mapping[str, Mapping[str, Limit]] = {
    RESOURCE_GROUP: {"resourceGroupName": Limit(pattern=r"[-\w._()]{0,89}[-\w_()]")},
    VIRTUAL_NETWORK: {"virtualNetworkName": Limit(pattern="[a-zA-Z0-9]([a-zA-Z0-9._-]{0,62}[a-zA-Z0-9_])?")},
    SUBNET: {"subnetName": _NETWORK_NAME},
    NAT_GATEWAY: {
        "natGatewayName": _NETWORK_NAME,
        "idleTimeoutInMinutes": Limit(least=4, most=120),
        "zones": Limit(pattern="[1-3]"),
    },
    PUBLIC_IP: {
        "publicIpAddressName": _NETWORK_NAME,
        "idleTimeoutInMinutes": Limit(least=4, most=30),
        "zones": Limit(pattern="[1-3]"),
    },
    IDENTITY: {"resourceName": Limit(pattern="[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}")},
    FEDERATED_CREDENTIAL: {
        "federatedIdentityCredentialResourceName": Limit(pattern="[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}"),
        "issuer": Limit(pattern="https://.+"),
    },
    ROLE_ASSIGNMENT: {"roleAssignmentName": _GUID, "principalId": _GUID},
    PLACEMENT_GROUP: {
        "proximityPlacementGroupName": Limit(pattern="[a-zA-Z0-9]([a-zA-Z0-9._-]{0,78}[a-zA-Z0-9_])?"),
        "zones": Limit(pattern="[1-3]"),
    },
    CLUSTER: {
        "resourceName": Limit(pattern="[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9_-]{0,61}[a-zA-Z0-9]"),
        "dnsPrefix": Limit(pattern="[a-zA-Z0-9]([a-zA-Z0-9-]{0,52}[a-zA-Z0-9])?"),
        "nodeResourceGroup": Limit(pattern=r"[-\w._()]{0,79}[-\w_()]"),
        "kubernetesVersion": Limit(pattern=r"1\.\d{2}(\.\d+)?"),
        "aadProfile.adminGroupObjectIDs": _GUID,
        "aadProfile.tenantID": _GUID,
        "autoScalerProfile.scaleDownUtilizationThreshold": Limit(pattern=r"[01](\.\d+)?"),
        "agentPoolProfiles.name": _POOL_NAME,
        **{f"agentPoolProfiles.{path}": limit for path, limit in _POOL.items()},
    },
    AGENT_POOL: {"agentPoolName": _POOL_NAME, **_POOL},
    STORAGE_ACCOUNT: {"accountName": Limit(pattern="[a-z0-9]{3,24}")},
    BLOB_CONTAINER: {"containerName": Limit(pattern=r"(\$root|\$logs|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9])")},
    MANAGEMENT_POLICY: {
        "managementPolicyName": Limit(pattern="default"),
        "policy.rules.name": Limit(pattern="[a-zA-Z0-9-]{1,256}"),
    },
    WORKSPACE: {
        "workspaceName": Limit(pattern="[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"),
        "retentionInDays": Limit(least=30, most=730),
    },
}


def faults(token: str, inputs: Json) -> Iterator[Fault]:
    """Every value that is not as the documentation says."""
    for path, limit in LIMITS.get(token, {}).items():
        for value in values_at(inputs, path):
            problem = "" if value is UNKNOWN else limit.problem(value)
            if problem:
                yield Fault(path=tuple(path.split(".")), why=problem)
