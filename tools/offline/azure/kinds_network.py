"""The types of networks.

What replaces them: parts of their path, and what the provider lists itself
(https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/gen/replacement.go). Times are estimates.
"""

from tools.offline.azure.kinds import GROUP, AzureKind, copied_name, random_name
from tools.offline.cloud.kinds import Reference, Seconds

RESOURCE_GROUP = "azure-native:resources:ResourceGroup"
VIRTUAL_NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
NAT_GATEWAY = "azure-native:network:NatGateway"
PUBLIC_IP = "azure-native:network:PublicIPAddress"

_NETWORK = GROUP + "/providers/Microsoft.Network/"

KINDS = (
    AzureKind(
        token=RESOURCE_GROUP,
        arm_type="Microsoft.Resources/resourceGroups",
        service="Resources",
        id_format=GROUP,
        name=random_name("resourceGroupName", 90),
        replace=("resourceGroupName", "location"),
        outputs=("managedBy", "properties"),
        seconds=Seconds(create=2, delete=30),
    ),
    AzureKind(
        token=VIRTUAL_NETWORK,
        arm_type="Microsoft.Network/virtualNetworks",
        service="Network",
        id_format=_NETWORK + "virtualNetworks/{virtualNetworkName}",
        name=random_name("virtualNetworkName", 64),
        replace=("resourceGroupName", "virtualNetworkName", "location"),
        outputs=("resourceGuid", "subnets", "virtualNetworkPeerings"),
        filled={"enableDdosProtection": False},
        seconds=Seconds(create=10, update=5, delete=10),
    ),
    AzureKind(
        token=SUBNET,
        arm_type="Microsoft.Network/virtualNetworks/subnets",
        service="Network",
        parent=VIRTUAL_NETWORK,
        id_format=_NETWORK + "virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
        name=copied_name("subnetName"),
        replace=("resourceGroupName", "virtualNetworkName", "subnetName"),
        references=(Reference(path="natGateway.id", to=NAT_GATEWAY, holds=True),),
        in_use=(
            "InUseSubnetCannotBeDeleted",
            (
                "Subnet {id} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the "
                "resources within the subnet. See aka.ms/deletesubnet."
            ),
        ),
        outputs=("purpose", "ipConfigurations", "privateEndpointNetworkPolicies", "privateLinkServiceNetworkPolicies"),
        seconds=Seconds(create=5, update=5, delete=10),
    ),
    AzureKind(
        token=NAT_GATEWAY,
        arm_type="Microsoft.Network/natGateways",
        service="Network",
        id_format=_NETWORK + "natGateways/{natGatewayName}",
        name=random_name("natGatewayName"),
        replace=("resourceGroupName", "natGatewayName"),
        references=(Reference(path="publicIpAddresses.id", to=PUBLIC_IP, holds=True),),
        fixed=("location", "zones", "sku.name"),
        in_use=(
            "InUseNatGatewayCannotBeDeleted",
            "Nat gateway {id} is in use by subnet {user} and cannot be deleted.",
        ),
        outputs=("resourceGuid", "subnets"),
        filled={"idleTimeoutInMinutes": 4},
        seconds=Seconds(create=30, update=15, delete=30),
    ),
    AzureKind(
        token=PUBLIC_IP,
        arm_type="Microsoft.Network/publicIPAddresses",
        service="Network",
        id_format=_NETWORK + "publicIPAddresses/{publicIpAddressName}",
        name=random_name("publicIpAddressName"),
        replace=(
            *("resourceGroupName", "publicIpAddressName", "location"),
            *("publicIPAddressVersion", "publicIPPrefix", "sku"),
        ),
        fixed=("zones",),
        in_use=(
            "PublicIPAddressCannotBeDeleted",
            (
                "Public IP address {id} can not be deleted since it is still allocated to resource {user}. In order to "
                "delete the public IP, disassociate/detach the Public IP address from the resource."
            ),
        ),
        outputs=("ipAddress", "resourceGuid", "ipConfiguration"),
        filled={"idleTimeoutInMinutes": 4, "publicIPAddressVersion": "IPv4"},
        seconds=Seconds(create=5, update=3, delete=10),
    ),
)
