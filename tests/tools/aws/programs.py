"""A small cluster on AWS by hand, for the engine's tests."""

HEAD = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

provider = aws.Provider("aws", region="us-east-1", default_tags={"tags": {"owner": "test"}})
options = pulumi.ResourceOptions(provider=provider)

def after(*resources):
    return pulumi.ResourceOptions(provider=provider, depends_on=list(resources))

def trust(service, *actions):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions or ["sts:AssumeRole"])}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

def role(name, service, policies, *actions):
    made = aws.iam.Role(name, assume_role_policy=trust(service, *actions), opts=options)
    attached = [
        aws.iam.RolePolicyAttachment(f"{name}-{policy}", role=made.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}",
                                     opts=options)
        for policy in policies
    ]
    return made, attached

vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", enable_dns_hostnames=True, opts=options)
gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id, opts=options)
public = aws.ec2.Subnet("public", vpc_id=vpc.id, cidr_block="10.0.0.0/24", availability_zone="us-east-1a", opts=options)
address = aws.ec2.Eip("address", domain="vpc", opts=options)
nat = aws.ec2.NatGateway("nat", subnet_id=public.id, allocation_id=address.id, opts=after(gateway))
table = aws.ec2.RouteTable("table", vpc_id=vpc.id, routes=[{"cidr_block": "0.0.0.0/0", "nat_gateway_id": nat.id}],
                           opts=options)
private, associations = [], []
for index, zone in enumerate(["us-east-1a", "us-east-1b"]):
    private.append(aws.ec2.Subnet(f"private-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{32 * (index + 1)}.0/19",
                                  availability_zone=zone, opts=options))
    associations.append(aws.ec2.RouteTableAssociation(f"way-{zone}", subnet_id=private[-1].id, route_table_id=table.id,
                                                      opts=options))

logs = aws.cloudwatch.LogGroup("logs", name="/aws/eks/small/cluster", retention_in_days=7, opts=options)
key = aws.kms.Key("key", enable_key_rotation=True, opts=options)
cluster_role, cluster_policies = role("cluster", "eks.amazonaws.com", ["AmazonEKSClusterPolicy"])
cluster = aws.eks.Cluster(
    "small",
    name="small",
    role_arn=cluster_role.arn,
    version=VERSION,
    bootstrap_self_managed_addons=False,
    access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
    vpc_config={"subnet_ids": [each.id for each in private], "endpoint_private_access": True},
    enabled_cluster_log_types=["api", "audit"],
    encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
    opts=after(*cluster_policies, logs),
)
cni = aws.eks.Addon("cni", cluster_name=cluster.name, addon_name="vpc-cni", addon_version="v1.20.4-eksbuild.1",
                    opts=options)
proxy = aws.eks.Addon("proxy", cluster_name=cluster.name, addon_name="kube-proxy", opts=options)
node_role, node_policies = role(
    "node", "ec2.amazonaws.com",
    ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"],
)
template = aws.ec2.LaunchTemplate(
    "nodes",
    metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
    block_device_mappings=[
        {"device_name": "/dev/xvda", "ebs": {"volume_size": DISK, "volume_type": "gp3", "encrypted": "true"}}
    ],
    opts=options,
)
group = aws.eks.NodeGroup(
    "system",
    cluster_name=cluster.name,
    node_role_arn=node_role.arn,
    subnet_ids=[each.id for each in private],
    instance_types=["m7i.large"],
    ami_type="AL2023_x86_64_STANDARD",
    version=VERSION,
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    scaling_config={"min_size": 1, "max_size": 3, "desired_size": 1},
    labels={"pool": "system"},
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[*node_policies, cni, proxy, *associations],
                                ignore_changes=["scalingConfig.desiredSize"]),
)
dns = aws.eks.Addon("dns", cluster_name=cluster.name, addon_name="coredns", opts=after(group))
pulumi.export("endpoint", cluster.endpoint)
"""

KUBERNETES = """
arguments = ["eks", "get-token", "--cluster-name", "small", "--region", "us-east-1", "--output", "json"]
kubeconfig = pulumi.Output.all(cluster.endpoint, cluster.certificate_authority["data"]).apply(lambda found: json.dumps({
    "apiVersion": "v1", "kind": "Config", "current-context": "small",
    "clusters": [{"name": "small", "cluster": {"server": found[0], "certificate-authority-data": found[1]}}],
    "contexts": [{"name": "small", "context": {"cluster": "small", "user": "small"}}],
    "users": [{"name": "small", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1",
              "command": "aws", "args": arguments, "interactiveMode": "Never"}}}],
}))
kube = k8s.Provider("inside", kubeconfig=kubeconfig, cluster_identifier="small")
inside = pulumi.ResourceOptions(provider=kube, depends_on=[group])
k8s.core.v1.Namespace("inside", opts=inside)
"""


def program(*, version: str = "1.34", disk: int = 50, more: str = "") -> str:
    """A VPC, a cluster, add-ons and a node group."""
    return f"VERSION, DISK = {version!r}, {disk}\n" + HEAD + more
