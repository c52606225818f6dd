"""The types of GKE.

What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-google (google/services/container,
there also that up to five operations on node pools may run beside each other while one on the cluster runs alone). How
long they take: a regional control plane 6 minutes and a node pool 2, as users report
(https://github.com/hashicorp/terraform-provider-google/issues/1643 has operations with their times); the rest is our
estimate, as Google publishes no times.
"""

from tools.offline.gcp.kinds import Api, Kind, Name, Reference, Seconds
from tools.offline.gcp.kinds_identity import ACCOUNT, KEY
from tools.offline.gcp.kinds_network import NETWORK, SUBNETWORK

CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"

_CONTAINER = "container.googleapis.com"
_NODE_CONFIG_RENAMED = {
    "guestAccelerators": "accelerators",
    "guestAccelerators.type": "acceleratorType",
    "guestAccelerators.count": "acceleratorCount",
    "effectiveTaints": "taints",
    "loggingVariant": "loggingConfig.variantConfig.variant",
}
_NODE_CONFIG_REPLACES = (
    *("advancedMachineFeatures", "bootDiskKmsKey", "confidentialNodes.confidentialInstanceType"),
    *("enableConfidentialStorage", "ephemeralStorageLocalSsdConfig", "flexStart", "guestAccelerators"),
    *("hostMaintenancePolicy", "localNvmeSsdBlockConfig", "localSsdCount", "localSsdEncryptionMode"),
    *("maxRunDuration", "metadata", "minCpuPlatform", "nodeGroup", "oauthScopes", "preemptible"),
    *("reservationAffinity", "sandboxConfig", "secondaryBootDisks", "serviceAccount", "shieldedInstanceConfig"),
    *("soleTenantConfig", "spot"),
)

KINDS = (
    Kind(
        token=CLUSTER,
        service="Cluster",
        enabled=_CONTAINER,
        place="location",
        labels="resourceLabels",
        id_format="projects/{project}/locations/{location}/clusters/{name}",
        name=Name(most=40),
        unique=("project", "location", "name"),
        replace=(
            *("name", "location", "clusterIpv4Cidr", "description", "enableKubernetesAlpha", "enableTpu"),
            *("enableAutopilot", "initialNodeCount", "confidentialNodes", "masterAuth.clientCertificateConfig"),
            *("network", "nodePools", "project", "subnetwork", "networkingMode", "defaultMaxPodsPerNode"),
            *("ipAllocationPolicy.clusterIpv4CidrBlock", "ipAllocationPolicy.servicesIpv4CidrBlock"),
            *("ipAllocationPolicy.clusterSecondaryRangeName", "ipAllocationPolicy.servicesSecondaryRangeName"),
            *("ipAllocationPolicy.podCidrOverprovisionConfig", "privateClusterConfig.masterIpv4CidrBlock"),
            *("privateClusterConfig.privateEndpointSubnetwork", "datapathProvider", "dataplaneOptimizationMode"),
            "clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey",
            *(f"nodeConfig.{each}" for each in _NODE_CONFIG_REPLACES),
        ),
        references=(
            Reference(path="network", to=NETWORK, holds=True),
            Reference(path="subnetwork", to=SUBNETWORK, holds=True),
            Reference(path="databaseEncryption.keyName", to=KEY),
            Reference(path="clusterAutoscaling.autoProvisioningDefaults.serviceAccount", to=ACCOUNT, by="email"),
            Reference(path="clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey", to=KEY),
            Reference(path="nodeConfig.serviceAccount", to=ACCOUNT, by="email"),
            Reference(path="nodePools.nodeConfig.serviceAccount", to=ACCOUNT, by="email"),
            Reference(path="nodePools.nodeConfig.bootDiskKmsKey", to=KEY),
        ),
        api=Api(
            document="container.v1",
            schema="Cluster",
            renamed={
                **{f"nodeConfig.{old}": new for old, new in _NODE_CONFIG_RENAMED.items()},
                **{f"nodePools.nodeConfig.{old}": new for old, new in _NODE_CONFIG_RENAMED.items()},
                "clusterAutoscaling": "autoscaling",
                "clusterAutoscaling.enabled": "enableNodeAutoprovisioning",
                "clusterAutoscaling.autoProvisioningDefaults": "autoprovisioningNodePoolDefaults",
                "clusterAutoscaling.autoProvisioningLocations": "autoprovisioningLocations",
                "clusterAutoscaling.resourceLimits.minimum": "minimum",
                "clusterAutoscaling.resourceLimits.maximum": "maximum",
                "datapathProvider": "networkConfig.datapathProvider",
                "defaultSnatStatus": "networkConfig.defaultSnatStatus",
                "dnsConfig": "networkConfig.dnsConfig",
                "enableCiliumClusterwideNetworkPolicy": "networkConfig.enableCiliumClusterwideNetworkPolicy",
                "enableFqdnNetworkPolicy": "networkConfig.enableFqdnNetworkPolicy",
                "enableIntranodeVisibility": "networkConfig.enableIntraNodeVisibility",
                "enableL4IlbSubsetting": "networkConfig.enableL4ilbSubsetting",
                "enableMultiNetworking": "networkConfig.enableMultiNetworking",
                "disableL4LbFirewallReconciliation": "networkConfig.disableL4LbFirewallReconciliation",
                "gatewayApiConfig": "networkConfig.gatewayApiConfig",
                "inTransitEncryptionConfig": "networkConfig.inTransitEncryptionConfig",
                "networkPerformanceConfig": "networkConfig.networkPerformanceConfig",
                "privateIpv6GoogleAccess": "networkConfig.privateIpv6GoogleAccess",
                "serviceExternalIpsConfig": "networkConfig.serviceExternalIpsConfig",
                "dataplaneOptimizationMode": "networkConfig.dataplaneOptimizationMode",
                "loggingConfig": "loggingConfig.componentConfig",
                "monitoringConfig.enableComponents": "componentConfig.enableComponents",
                "maintenancePolicy": "maintenancePolicy.window",
                "nodeLocations": "locations",
                "nodePools.nodeConfig": "config",
                "nodePools.nodeLocations": "locations",
                "enableLegacyAbac": "legacyAbac.enabled",
                "enableShieldedNodes": "shieldedNodes.enabled",
                "enableAutopilot": "autopilot.enabled",
                "autopilotClusterPolicyConfig": "autopilot.clusterPolicyConfig",
                "autopilotPrivilegedAdmissions": "autopilot.privilegedAdmissionConfig",
                "allowNetAdmin": "autopilot.workloadPolicyConfig.allowNetAdmin",
                "defaultMaxPodsPerNode": "defaultMaxPodsConstraint.maxPodsPerNode",
                "minMasterVersion": "initialClusterVersion",
                "nodeVersion": "currentNodeVersion",
                "desiredEmulatedVersion": "currentEmulatedVersion",
            },
            apart=(
                *("deletionPolicy", "deletionProtection", "ignoreNodeCountChanges", "networkingMode", "project"),
                *("removeDefaultNodePool", "skipNodePoolRefresh", "clusterTelemetry", "podSecurityPolicyConfig"),
                *("protectConfig", "tpuConfig", "workloadAltsConfig"),
            ),
        ),
        outputs=(
            *("endpoint", "masterVersion", "selfLink", "servicesIpv4Cidr", "labelFingerprint", "operation"),
            *("clusterIpv4Cidr", "nodeVersion", "nodeLocations", "nodePools", "nodeConfig", "databaseEncryption"),
            *("masterAuth", "masterAuth.clusterCaCertificate", "controlPlaneEndpointsConfig", "addonsConfig"),
            "controlPlaneEndpointsConfig.dnsEndpointConfig",
            "controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint",
            *("privateClusterConfig", "privateClusterConfig.privateEndpoint", "privateClusterConfig.publicEndpoint"),
            *("loggingConfig", "monitoringConfig", "loggingService", "monitoringService", "releaseChannel"),
            *("securityPostureConfig", "defaultMaxPodsPerNode", "datapathProvider", "defaultSnatStatus"),
            *("ipAllocationPolicy", "networkPolicy", "nodePoolAutoConfig", "nodePoolDefaults", "notificationConfig"),
            *("clusterAutoscaling", "costManagementConfig", "serviceExternalIpsConfig", "tpuIpv4CidrBlock"),
            *("masterAuthorizedNetworksConfig", "anonymousAuthenticationConfig", "enterpriseConfig", "fleet"),
            *("gatewayApiConfig", "identityServiceConfig", "secretManagerConfig", "workloadIdentityConfig"),
            *("verticalPodAutoscaling", "meshCertificates", "authenticatorGroupsConfig", "enableL4IlbSubsetting"),
        ),
        refreshed=("operation",),
        filled={"deletionProtection": True, "networkingMode": "VPC_NATIVE", "enableShieldedNodes": True},
        seconds=Seconds(create=360, update=480, delete=240, slow=("minMasterVersion",)),
        is_waited_for=True,
    ),
    Kind(
        token=NODE_POOL,
        service="NodePool",
        enabled=_CONTAINER,
        place="location",
        id_format="projects/{project}/locations/{location}/clusters/{cluster_name}/nodePools/{name}",
        name=Name(most=40),
        unique=("project", "location", "cluster", "name"),
        replace=(
            *("cluster", "initialNodeCount", "location", "maxPodsPerNode", "name", "namePrefix", "project"),
            *("placementPolicy", "queuedProvisioning", "networkConfig.acceleratorNetworkProfile"),
            *("networkConfig.additionalNodeNetworkConfigs", "networkConfig.additionalPodNetworkConfigs"),
            *("networkConfig.createPodRange", "networkConfig.podCidrOverprovisionConfig", "networkConfig.podRange"),
            *("networkConfig.podIpv4CidrBlock", "networkConfig.subnetwork"),
            *(f"nodeConfig.{each}" for each in _NODE_CONFIG_REPLACES),
        ),
        references=(
            Reference(path="cluster", to=CLUSTER),
            Reference(path="nodeConfig.serviceAccount", to=ACCOUNT, by="email"),
            Reference(path="nodeConfig.bootDiskKmsKey", to=KEY),
            Reference(path="networkConfig.additionalNodeNetworkConfigs.network", to=NETWORK, holds=True),
            Reference(path="networkConfig.additionalNodeNetworkConfigs.subnetwork", to=SUBNETWORK, holds=True),
        ),
        api=Api(
            document="container.v1",
            schema="NodePool",
            renamed={
                "nodeConfig": "config",
                **{f"nodeConfig.{old}": new for old, new in _NODE_CONFIG_RENAMED.items()},
                "nodeLocations": "locations",
                "maxPodsPerNode": "maxPodsConstraint.maxPodsPerNode",
                "nodeDrainConfigs": "nodeDrainConfig",
                "maintenancePolicies": "maintenancePolicy",
            },
            apart=(
                *("cluster", "deletionPolicy", "ignoreNodeCountChanges", "location", "namePrefix", "nodeCount"),
                "project",
            ),
        ),
        outputs=(
            *("instanceGroupUrls", "managedInstanceGroupUrls", "operation", "nodeCount", "version", "nodeLocations"),
            *("maxPodsPerNode", "management", "upgradeSettings", "networkConfig", "nodeConfig", "initialNodeCount"),
            *("nodeConfig.effectiveTaints", "nodeConfig.guestAccelerators", "nodeConfig.diskType"),
            *(
                "nodeConfig.diskSizeGb",
                "nodeConfig.imageType",
                "nodeConfig.metadata",
                "nodeConfig.shieldedInstanceConfig",
            ),
            *("nodeConfig.kubeletConfig", "nodeConfig.loggingVariant", "nodeConfig.localSsdCount"),
            *("nodeConfig.workloadMetadataConfig", "nodeConfig.gcfsConfig", "networkConfig.podRange"),
        ),
        refreshed=("operation",),
        seconds=Seconds(create=120, update=120, delete=150, slow=("nodeConfig", "version")),
        is_lost_when_failed=True,
    ),
)
