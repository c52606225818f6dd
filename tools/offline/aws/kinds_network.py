"""The types of EC2 networks. What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-aws."""

from tools.offline.aws.kinds import Kind, Name, Reference, Seconds

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway"
EIP = "aws:ec2/eip:Eip"
NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"
ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE_TABLE_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
VPC_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
INSTANCE = "internal:ec2/instance:Instance"

_ARN = "arn:aws:ec2:{region}:{account}:"

KINDS = (
    Kind(
        token=VPC,
        service="EC2",
        id_prefix="vpc",
        arn=_ARN + "vpc/{id}",
        replace=("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
        in_use=("DependencyViolation", "The vpc '{id}' has dependencies and cannot be deleted."),
        outputs=(
            *("defaultNetworkAclId", "defaultRouteTableId", "defaultSecurityGroupId", "dhcpOptionsId"),
            *("mainRouteTableId", "ownerId"),
        ),
        filled={"enableDnsSupport": True, "enableDnsHostnames": False, "instanceTenancy": "default"},
    ),
    Kind(
        token=SUBNET,
        service="EC2",
        id_prefix="subnet",
        arn=_ARN + "subnet/{id}",
        replace=("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn"),
        references=(Reference(path="vpcId", to=VPC, holds=True),),
        in_use=("DependencyViolation", "The subnet '{id}' has dependencies and cannot be deleted."),
        outputs=("availabilityZone", "availabilityZoneId", "ownerId"),
        filled={"mapPublicIpOnLaunch": False, "assignIpv6AddressOnCreation": False},
    ),
    Kind(
        token=INTERNET_GATEWAY,
        service="EC2",
        id_prefix="igw",
        arn=_ARN + "internet-gateway/{id}",
        references=(Reference(path="vpcId", to=VPC, holds=True),),
        outputs=("ownerId",),
    ),
    Kind(
        token=EIP,
        service="EC2",
        id_prefix="eipalloc",
        arn=_ARN + "elastic-ip/{id}",
        replace=("domain", "address", "networkBorderGroup", "publicIpv4Pool", "customerOwnedIpv4Pool", "ipamPoolId"),
        in_use=("AuthFailure", "You do not have permission to access the specified resource."),
        outputs=("allocationId", "publicIp", "publicDns", "domain", "networkBorderGroup", "publicIpv4Pool"),
    ),
    Kind(
        token=NAT_GATEWAY,
        service="EC2",
        id_prefix="nat",
        replace=("subnetId", "allocationId", "connectivityType", "privateIp", "availabilityMode", "vpcId"),
        references=(
            Reference(path="subnetId", to=SUBNET, holds=True),
            Reference(path="allocationId", to=EIP, holds=True),
            Reference(path="secondaryAllocationIds", to=EIP, holds=True),
        ),
        outputs=("associationId", "networkInterfaceId", "publicIp", "privateIp", "connectivityType"),
        seconds=Seconds(create=120, delete=60),
    ),
    Kind(
        token=ROUTE_TABLE,
        service="EC2",
        id_prefix="rtb",
        arn=_ARN + "route-table/{id}",
        replace=("vpcId",),
        references=(
            Reference(path="vpcId", to=VPC, holds=True),
            Reference(path="routes.natGatewayId", to=NAT_GATEWAY),
            Reference(path="routes.gatewayId", to=INTERNET_GATEWAY),
        ),
        outputs=("ownerId", "propagatingVgws", "routes"),
    ),
    Kind(
        token=ROUTE_TABLE_ASSOCIATION,
        service="EC2",
        id_prefix="rtbassoc",
        unique=("subnetId", "gatewayId"),
        replace=("subnetId", "gatewayId"),
        references=(Reference(path="routeTableId", to=ROUTE_TABLE), Reference(path="subnetId", to=SUBNET)),
    ),
    Kind(
        token=VPC_ENDPOINT,
        service="EC2",
        id_prefix="vpce",
        arn=_ARN + "vpc-endpoint/{id}",
        replace=("vpcId", "serviceName", "serviceRegion", "vpcEndpointType", "resourceConfigurationArn"),
        references=(
            Reference(path="vpcId", to=VPC, holds=True),
            Reference(path="subnetIds", to=SUBNET, holds=True),
            Reference(path="routeTableIds", to=ROUTE_TABLE),
            Reference(path="securityGroupIds", to=SECURITY_GROUP, holds=True),
        ),
        outputs=("cidrBlocks", "dnsEntries", "networkInterfaceIds", "ownerId", "prefixListId", "policy", "state"),
        filled={"vpcEndpointType": "Gateway"},
    ),
    Kind(
        token=FLOW_LOG,
        service="EC2",
        id_prefix="fl",
        arn=_ARN + "vpc-flow-log/{id}",
        replace=(
            *("deliverCrossAccountRole", "destinationOptions", "eniId", "iamRoleArn", "logDestination", "logFormat"),
            *("logDestinationType", "maxAggregationInterval", "subnetId", "trafficType", "transitGatewayId", "vpcId"),
        ),
        references=(
            Reference(path="vpcId", to=VPC),
            Reference(path="subnetId", to=SUBNET),
            Reference(path="iamRoleArn", to="aws:iam/role:Role", by="arn"),
        ),
        outputs=("logFormat",),
        filled={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
    ),
    Kind(
        token=SECURITY_GROUP,
        service="EC2",
        id_prefix="sg",
        arn=_ARN + "security-group/{id}",
        name=Name(),
        unique=("vpcId", "name"),
        replace=("name", "namePrefix", "description", "vpcId"),
        references=(Reference(path="vpcId", to=VPC, holds=True),),
        in_use=("DependencyViolation", "resource {id} has a dependent object"),
        outputs=("ownerId", "egress", "ingress", "vpcId"),
        filled={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    ),
    Kind(
        token=INGRESS_RULE,
        service="EC2",
        id_prefix="sgr",
        arn=_ARN + "security-group-rule/{id}",
        unique=(
            *("securityGroupId", "ipProtocol", "fromPort", "toPort"),
            *("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"),
        ),
        replace=("securityGroupId",),
        references=(
            Reference(path="securityGroupId", to=SECURITY_GROUP),
            Reference(path="referencedSecurityGroupId", to=SECURITY_GROUP, holds=True),
        ),
        outputs=("securityGroupRuleId",),
    ),
    Kind(
        token=INSTANCE,
        service="EC2",
        id_prefix="i",
        references=(
            Reference(path="subnetId", to=SUBNET, holds=True),
            Reference(path="securityGroupIds", to=SECURITY_GROUP, holds=True),
        ),
        internal=True,
    ),
)
