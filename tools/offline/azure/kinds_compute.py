"""The types of AKS, and of what its nodes stand in.

What replaces them: parts of their path, and what the provider lists itself
(https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/gen/replacement.go). What AKS refuses to change
(`PropertyChangeNotAllowed`): https://learn.microsoft.com/azure/aks/manage-node-pools#limitations, and the properties
for which Terraform's provider makes a pool anew
(https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/kubernetes_cluster_node_pool). Times
are the ones that AKS's users report; AKS promises none.
"""

from tools.offline.azure.kinds import GROUP, AzureKind, copied_name, random_name
from tools.offline.azure.kinds_identity import DISK_ENCRYPTION_SET, IDENTITY
from tools.offline.azure.kinds_network import SUBNET
from tools.offline.cloud.kinds import Reference, Seconds

CLUSTER = "azure-native:containerservice:ManagedCluster"
AGENT_POOL = "azure-native:containerservice:AgentPool"
MAINTENANCE = "azure-native:containerservice:MaintenanceConfiguration"
PLACEMENT_GROUP = "azure-native:compute:ProximityPlacementGroup"
RESERVATION_GROUP = "internal:compute:CapacityReservationGroup"
NODE_GROUP = "internal:resources:NodeResourceGroup"
MACHINE = "internal:compute:VirtualMachine"

_CLUSTERS = GROUP + "/providers/Microsoft.ContainerService/managedClusters/{resourceName}"
POOL_FIXED = (
    *("vnetSubnetID", "podSubnetID", "maxPods", "osType", "osDiskSizeGB", "osDiskType", "kubeletDiskType", "type"),
    *("availabilityZones", "scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice", "enableNodePublicIP"),
    *("nodePublicIPPrefixID", "proximityPlacementGroupID", "hostGroupID", "enableUltraSSD", "kubeletConfig"),
    *("linuxOSConfig", "enableEncryptionAtHost", "gpuProfile.driver", "workloadRuntime", "messageOfTheDay"),
    *("capacityReservationGroupID", "creationData", "podIPAllocationMode"),
)
"""What a node pool keeps."""

KINDS = (
    AzureKind(
        token=CLUSTER,
        arm_type="Microsoft.ContainerService/managedClusters",
        service="ContainerService",
        id_format=_CLUSTERS,
        name=random_name("resourceName", 63),
        model="ManagedCluster",
        replace=(
            *("resourceGroupName", "resourceName", "diskEncryptionSetID", "dnsPrefix", "fqdnSubdomain", "linuxProfile"),
            *("location", "nodeResourceGroup", "windowsProfile", "networkProfile.serviceCidr"),
            *("networkProfile.serviceCidrs", "networkProfile.dnsServiceIP", "networkProfile.networkMode"),
            *("networkProfile.networkPlugin", "networkProfile.networkPluginMode", "networkProfile.podCidr"),
            *("networkProfile.networkDataplane", "networkProfile.networkPolicy", "networkProfile.outboundType"),
        ),
        fixed=("apiServerAccessProfile.subnetId",),
        references=(
            Reference(path="agentPoolProfiles.vnetSubnetID", to=SUBNET, holds=True),
            Reference(path="agentPoolProfiles.podSubnetID", to=SUBNET, holds=True),
            Reference(path="agentPoolProfiles.proximityPlacementGroupID", to=PLACEMENT_GROUP, holds=True),
            Reference(path="apiServerAccessProfile.subnetId", to=SUBNET, holds=True),
            Reference(path="diskEncryptionSetID", to=DISK_ENCRYPTION_SET, holds=True),
            Reference(path="identity.userAssignedIdentities", to=IDENTITY),
            Reference(path="identityProfile.kubeletidentity.resourceId", to=IDENTITY),
        ),
        outputs=(
            *("fqdn", "privateFQDN", "azurePortalFQDN", "currentKubernetesVersion", "kubernetesVersion"),
            *("nodeResourceGroup", "maxAgentPools", "powerState", "agentPoolProfiles", "enableRBAC", "supportPlan"),
            *("identity.principalId", "identity.tenantId", "identity.userAssignedIdentities", "identityProfile"),
            *("oidcIssuerProfile.issuerURL", "networkProfile", "sku.name", "resourceUID", "storageProfile"),
            *("autoUpgradeProfile", "servicePrincipalProfile", "dnsPrefix", "securityProfile", "windowsProfile"),
        ),
        filled={"enableRBAC": True, "disableLocalAccounts": False},
        always_told=("agentPoolProfiles",),
        seconds=Seconds(create=300, update=600, delete=240, slow=("kubernetesVersion",)),
        is_waited_for=True,
    ),
    AzureKind(
        token=AGENT_POOL,
        arm_type="Microsoft.ContainerService/managedClusters/agentPools",
        service="ContainerService",
        parent=CLUSTER,
        id_format=_CLUSTERS + "/agentPools/{agentPoolName}",
        name=copied_name("agentPoolName", 63),
        model="AgentPool",
        replace=("resourceGroupName", "resourceName", "agentPoolName", "vmSize", "gpuInstanceProfile"),
        fixed=POOL_FIXED,
        references=(
            Reference(path="vnetSubnetID", to=SUBNET, holds=True),
            Reference(path="podSubnetID", to=SUBNET, holds=True),
            Reference(path="proximityPlacementGroupID", to=PLACEMENT_GROUP, holds=True),
        ),
        outputs=(
            *(
                "count",
                "maxPods",
                "orchestratorVersion",
                "currentOrchestratorVersion",
                "nodeImageVersion",
                "powerState",
            ),
            *("osDiskSizeGB", "osDiskType", "osSKU", "osType", "type", "mode", "kubeletDiskType", "scaleDownMode"),
            *("upgradeSettings", "nodeTaints", "nodeLabels", "scaleSetPriority", "enableFIPS", "securityProfile"),
        ),
        always_told=("count",),
        seconds=Seconds(create=180, update=600, delete=150, slow=("orchestratorVersion", "osSKU")),
    ),
    AzureKind(
        token=MAINTENANCE,
        arm_type="Microsoft.ContainerService/managedClusters/maintenanceConfigurations",
        service="ContainerService",
        parent=CLUSTER,
        id_format=_CLUSTERS + "/maintenanceConfigurations/{configName}",
        name=copied_name("configName"),
        replace=("resourceGroupName", "resourceName", "configName"),
        seconds=Seconds(create=2, update=2, delete=2),
    ),
    AzureKind(
        token=PLACEMENT_GROUP,
        arm_type="Microsoft.Compute/proximityPlacementGroups",
        service="Compute",
        id_format=GROUP + "/providers/Microsoft.Compute/proximityPlacementGroups/{proximityPlacementGroupName}",
        name=random_name("proximityPlacementGroupName"),
        replace=("resourceGroupName", "proximityPlacementGroupName", "location"),
        fixed=("zones", "proximityPlacementGroupType"),
        in_use=(
            "OperationNotAllowed",
            "Cannot delete proximity placement group {id} while it is used by {user}.",
        ),
        outputs=("availabilitySets", "virtualMachines", "virtualMachineScaleSets"),
        filled={"proximityPlacementGroupType": "Standard"},
        seconds=Seconds(create=5, update=5, delete=5),
    ),
    AzureKind(
        token=RESERVATION_GROUP,
        arm_type="Microsoft.Compute/capacityReservationGroups",
        service="Compute",
        internal=True,
    ),
    AzureKind(token=NODE_GROUP, arm_type="", service="Resources", internal=True),
    AzureKind(
        token=MACHINE,
        arm_type="",
        service="Compute",
        references=(Reference(path="subnetId", to=SUBNET, holds=True),),
        internal=True,
    ),
)
