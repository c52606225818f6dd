"""The types of EKS, and of EC2 and Auto Scaling that make its nodes.

What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-aws (internal/service/eks and ec2).
"""

from tools.offline.aws.kinds import Call, Kind, Name, Reference, Seconds
from tools.offline.aws.kinds_identity import KEY, ROLE
from tools.offline.aws.kinds_network import SECURITY_GROUP, SUBNET

LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PLACEMENT_GROUP = "aws:ec2/placementGroup:PlacementGroup"
SCALING_GROUP = "internal:autoscaling/group:Group"
CLUSTER = "aws:eks/cluster:Cluster"
ACCESS_ENTRY = "aws:eks/accessEntry:AccessEntry"
ACCESS_POLICY_ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
ADDON = "aws:eks/addon:Addon"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
POD_IDENTITY_ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

_ARN = "arn:aws:eks:{region}:{account}:"
_IN_CLUSTER = Reference(path="clusterName", to=CLUSTER)

KINDS = (
    Kind(
        token=LAUNCH_TEMPLATE,
        service="EC2",
        id_prefix="lt",
        arn="arn:aws:ec2:{region}:{account}:launch-template/{id}",
        name=Name(most=128),
        unique=("name",),
        replace=("name", "namePrefix"),
        references=(
            Reference(path="vpcSecurityGroupIds", to=SECURITY_GROUP),
            Reference(path="networkInterfaces.securityGroups", to=SECURITY_GROUP),
            Reference(path="networkInterfaces.subnetId", to=SUBNET),
            Reference(path="placement.groupName", to=PLACEMENT_GROUP),
            Reference(path="blockDeviceMappings.ebs.kmsKeyId", to=KEY, by="arn"),
        ),
        call=Call(
            service="ec2",
            operation="CreateLaunchTemplate",
            within="LaunchTemplateData",
            renamed={
                "vpcSecurityGroupIds": "SecurityGroupIds",
                "networkInterfaces.securityGroups": "Groups",
                "networkInterfaces.ipv6Addresses": "Ipv6Addresses",
                "securityGroupNames": "SecurityGroups",
            },
            apart=("name", "namePrefix", "description", "tags", "region", "defaultVersion", "updateDefaultVersion"),
        ),
        outputs=("latestVersion", "defaultVersion"),
        refreshed=("latestVersion", "defaultVersion"),
    ),
    Kind(
        token=PLACEMENT_GROUP,
        service="EC2",
        id_format="{name}",
        arn="arn:aws:ec2:{region}:{account}:placement-group/{id}",
        name=Name(),
        unique=("name",),
        replace=("name", "strategy", "partitionCount", "spreadLevel"),
        call=Call(
            service="ec2", operation="CreatePlacementGroup", renamed={"name": "GroupName"}, apart=("tags", "region")
        ),
        outputs=("placementGroupId",),
    ),
    Kind(token=SCALING_GROUP, service="AutoScaling", id_format="{name}", internal=True),
    Kind(
        token=CLUSTER,
        service="EKS",
        id_format="{name}",
        arn=_ARN + "cluster/{id}",
        name=Name(most=100),
        unique=("name",),
        replace=(
            *("name", "roleArn", "bootstrapSelfManagedAddons", "outpostConfig"),
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            *("kubernetesNetworkConfig.ipFamily", "kubernetesNetworkConfig.serviceIpv4Cidr"),
            *("encryptionConfig.provider.keyArn", "encryptionConfig.resources", "computeConfig.nodeRoleArn"),
        ),
        references=(
            Reference(path="roleArn", to=ROLE, by="arn"),
            Reference(path="vpcConfig.subnetIds", to=SUBNET, holds=True),
            Reference(path="vpcConfig.securityGroupIds", to=SECURITY_GROUP, holds=True),
            Reference(path="encryptionConfig.provider.keyArn", to=KEY, by="arn"),
            Reference(path="computeConfig.nodeRoleArn", to=ROLE, by="arn"),
        ),
        in_use=("ResourceInUseException", "Cluster has nodegroups attached"),
        call=Call(
            service="eks",
            operation="CreateCluster",
            renamed={"vpcConfig": "resourcesVpcConfig", "bootstrapSelfManagedAddons": "bootstrapSelfManagedAddons"},
            apart=("enabledClusterLogTypes", "defaultAddonsToRemoves", "forceUpdateVersion", "region"),
        ),
        outputs=(
            *("certificateAuthority", "createdAt", "endpoint", "identities", "platformVersion", "status", "version"),
            *("vpcConfig.clusterSecurityGroupId", "vpcConfig.vpcId", "kubernetesNetworkConfig.serviceIpv4Cidr"),
            *("accessConfig.authenticationMode", "upgradePolicy.supportType"),
        ),
        filled={"bootstrapSelfManagedAddons": True, "deletionProtection": False},
        seconds=Seconds(create=540, update=540, delete=180, slow=("version",)),
        added_in_place=True,
        is_waited_for=True,
        is_lost_when_failed=True,
    ),
    Kind(
        token=ACCESS_ENTRY,
        service="EKS",
        id_format="{clusterName}:{principalArn}",
        unique=("clusterName", "principalArn"),
        replace=("clusterName", "principalArn", "type"),
        references=(_IN_CLUSTER,),
        call=Call(service="eks", operation="CreateAccessEntry", renamed={"userName": "username"}, apart=("region",)),
        outputs=("accessEntryArn", "createdAt", "modifiedAt", "kubernetesGroups", "userName"),
        filled={"type": "STANDARD"},
    ),
    Kind(
        token=ACCESS_POLICY_ASSOCIATION,
        service="EKS",
        id_format="{clusterName}#{principalArn}#{policyArn}",
        unique=("clusterName", "principalArn", "policyArn"),
        replace=("clusterName", "principalArn", "policyArn", "accessScope"),
        references=(_IN_CLUSTER,),
        call=Call(service="eks", operation="AssociateAccessPolicy", apart=("region",)),
        outputs=("associatedAt", "modifiedAt"),
    ),
    Kind(
        token=ADDON,
        service="EKS",
        id_format="{clusterName}:{addonName}",
        arn=_ARN + "addon/{clusterName}/{addonName}/{hash}",
        unique=("clusterName", "addonName"),
        replace=("clusterName", "addonName", "namespaceConfig"),
        references=(
            _IN_CLUSTER,
            Reference(path="serviceAccountRoleArn", to=ROLE, by="arn"),
            Reference(path="podIdentityAssociations.roleArn", to=ROLE, by="arn"),
        ),
        call=Call(
            service="eks",
            operation="CreateAddon",
            renamed={"resolveConflictsOnCreate": "resolveConflicts"},
            apart=("resolveConflictsOnUpdate", "preserve", "region"),
        ),
        outputs=("createdAt", "modifiedAt", "addonVersion", "configurationValues"),
        seconds=Seconds(create=60, update=60, delete=15),
    ),
    Kind(
        token=NODE_GROUP,
        service="EKS",
        id_format="{clusterName}:{nodeGroupName}",
        arn=_ARN + "nodegroup/{clusterName}/{nodeGroupName}/{hash}",
        name=Name(property="nodeGroupName", most=63),
        unique=("clusterName", "nodeGroupName"),
        replace=(
            *("clusterName", "nodeGroupName", "nodeGroupNamePrefix", "nodeRoleArn", "subnetIds", "amiType"),
            *("capacityType", "diskSize", "instanceTypes", "remoteAccess", "launchTemplate.id", "launchTemplate.name"),
        ),
        references=(
            Reference(path="clusterName", to=CLUSTER, holds=True),
            Reference(path="nodeRoleArn", to=ROLE, by="arn"),
            Reference(path="subnetIds", to=SUBNET, holds=True),
            Reference(path="launchTemplate.id", to=LAUNCH_TEMPLATE),
        ),
        call=Call(
            service="eks",
            operation="CreateNodegroup",
            renamed={"nodeRoleArn": "nodeRole", "subnetIds": "subnets", "remoteAccess.ec2SshKey": "ec2SshKey"},
            apart=("nodeGroupNamePrefix", "forceUpdateVersion", "region"),
        ),
        outputs=(
            *("resources", "status", "amiType", "capacityType", "diskSize", "instanceTypes", "releaseVersion"),
            *("version", "launchTemplate.name"),
        ),
        seconds=Seconds(create=180, update=180, delete=180, slow=("version", "releaseVersion", "launchTemplate")),
        is_lost_when_failed=True,
    ),
    Kind(
        token=POD_IDENTITY_ASSOCIATION,
        service="EKS",
        id_prefix="a",
        unique=("clusterName", "namespace", "serviceAccount"),
        replace=("clusterName", "namespace", "serviceAccount"),
        references=(_IN_CLUSTER, Reference(path="roleArn", to=ROLE, by="arn")),
        call=Call(service="eks", operation="CreatePodIdentityAssociation", apart=("region",)),
        outputs=("associationArn", "associationId", "externalId"),
        filled={"disableSessionTags": False},
    ),
)
