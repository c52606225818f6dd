"""Resources of a small cluster, for tests that need them there already."""

from typing import Any

from tests.tools.azure.account import REGION, SUBSCRIPTION, Azure, Made
from tools.offline.azure.ids import TENANT

GROUP = "azure-native:resources:ResourceGroup"
NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
ADDRESS = "azure-native:network:PublicIPAddress"
NAT = "azure-native:network:NatGateway"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ROLE = "azure-native:authorization:RoleAssignment"
CLUSTER = "azure-native:containerservice:ManagedCluster"
POOL = "azure-native:containerservice:AgentPool"
MAINTENANCE = "azure-native:containerservice:MaintenanceConfiguration"
PLACEMENT = "azure-native:compute:ProximityPlacementGroup"
ACCOUNT = "azure-native:storage:StorageAccount"
SERVICE = "azure-native:storage:BlobServiceProperties"
CONTAINER = "azure-native:storage:BlobContainer"
POLICY = "azure-native:storage:ManagementPolicy"
WORKSPACE = "azure-native:operationalinsights:Workspace"
SETTING = "azure-native:monitor:DiagnosticSetting"

ADMINS = "33333333-3333-3333-3333-333333333333"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"

Json = dict[str, Any]


def group(azure: Azure) -> str:
    """The name of the resource group of all of these."""
    if not any(each.id.endswith("/rg") for each in azure.world.resources("ResourceGroup")):
        azure.create(GROUP, "rg", {"resourceGroupName": "rg", "location": REGION})
    return "rg"


def network(azure: Azure, cidr: str = "10.1.0.0/16") -> Made:
    """A virtual network."""
    inputs = {"resourceGroupName": group(azure), "addressSpace": {"addressPrefixes": [cidr]}}
    return azure.create(NETWORK, "net", inputs)


def nat(azure: Azure) -> Made:
    """A NAT gateway with its address."""
    sku = {"name": "Standard", "tier": "Regional"}
    address = azure.create(
        ADDRESS, "out", {"resourceGroupName": group(azure), "sku": sku, "publicIPAllocationMethod": "Static"}
    )
    inputs = {"resourceGroupName": group(azure), "sku": {"name": "Standard"}, "publicIpAddresses": [{"id": address.id}]}
    return azure.create(NAT, "nat", inputs)


def subnet_inputs(azure: Azure, within: Made, prefix: str, **more: Any) -> Json:
    """A subnet's properties."""
    return {
        "resourceGroupName": group(azure),
        "virtualNetworkName": within["name"],
        "addressPrefix": prefix,
        **more,
    }


def subnet(azure: Azure, *, name: str = "nodes", prefix: str = "10.1.0.0/20", within: Made | None = None) -> Made:
    """A subnet with a way out, in a network of its own where none is given."""
    inputs = subnet_inputs(azure, within or network(azure), prefix, natGateway={"id": nat(azure).id})
    return azure.create(SUBNET, name, inputs)


def identity(azure: Azure, name: str = "plane") -> Made:
    """An identity."""
    return azure.create(IDENTITY, name, {"resourceGroupName": group(azure)})


def definition(role: str) -> str:
    """The id of a built-in role."""
    return f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def allow(azure: Azure, who: Made, role: str, scope: str, name: str = "allow") -> Made:
    """An assignment of a role."""
    inputs = {
        "principalId": who["principalId"],
        "principalType": "ServicePrincipal",
        "roleDefinitionId": definition(role),
        "scope": scope,
    }
    return azure.create(ROLE, name, inputs)


def system_pool(subnet_id: str, **more: Any) -> Json:
    """An inline pool of the System."""
    found: Json = {
        "name": "cluster",
        "mode": "System",
        "vmSize": "Standard_D4s_v5",
        "count": 1,
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "vnetSubnetID": subnet_id,
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


def cluster_inputs(azure: Azure, within: Made | None = None, **more: Any) -> Json:
    """A cluster's properties, with an identity that may join its subnet."""
    nodes = within or subnet(azure)
    plane = identity(azure)
    allow(azure, plane, NETWORK_CONTRIBUTOR, nodes.id)
    found: Json = {
        "resourceGroupName": group(azure),
        "resourceName": "small",
        "dnsPrefix": "small",
        "kubernetesVersion": "1.34",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [plane.id]},
        "aadProfile": {"managed": True, "adminGroupObjectIDs": [ADMINS], "tenantID": TENANT},
        "disableLocalAccounts": True,
        "oidcIssuerProfile": {"enabled": True},
        "securityProfile": {"workloadIdentity": {"enabled": True}},
        "networkProfile": {
            "networkPlugin": "azure",
            "networkPluginMode": "overlay",
            "networkDataplane": "cilium",
            "networkPolicy": "cilium",
            "outboundType": "userAssignedNATGateway",
        },
        "agentPoolProfiles": [system_pool(nodes.id)],
        "sku": {"name": "Base", "tier": "Standard"},
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


def cluster(azure: Azure, within: Made | None = None, **more: Any) -> Made:
    """A cluster with one node of its own."""
    return azure.create(CLUSTER, "small", cluster_inputs(azure, within, **more))


def pool_inputs(azure: Azure, **more: Any) -> Json:
    """A pool's properties, in the subnet of the cluster's own pool."""
    made = azure.world.one("ManagedCluster").inputs
    found: Json = {
        "resourceGroupName": group(azure),
        "resourceName": "small",
        "agentPoolName": "cpu",
        "mode": "User",
        "vmSize": "Standard_D4s_v5",
        "count": 1,
        "minCount": 0,
        "maxCount": 3,
        "enableAutoScaling": True,
        "vnetSubnetID": made["agentPoolProfiles"][0].get("vnetSubnetID"),
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


def pool(azure: Azure, name: str = "cpu", **more: Any) -> Made:
    """A pool of the cluster's."""
    return azure.create(POOL, name, pool_inputs(azure, agentPoolName=name, **more))
