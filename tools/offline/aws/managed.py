"""What exists in every AWS account: the managed policies of IAM and of EKS access that a cluster has to do with.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
"""

# ruff: noqa: SIM905 - long tables of words read better as text

POLICIES = frozenset(
    f"arn:aws:iam::aws:policy/{name}"
    for name in (
        "AmazonEKSClusterPolicy AmazonEKSServicePolicy AmazonEKSVPCResourceController AmazonEKSComputePolicy "
        "AmazonEKSBlockStoragePolicy AmazonEKSLoadBalancingPolicy "
        "AmazonEKSNetworkingPolicy AmazonEKSWorkerNodePolicy AmazonEKSWorkerNodeMinimalPolicy AmazonEKS_CNI_Policy "
        "AmazonEKSFargatePodExecutionRolePolicy AmazonEKSLocalOutpostClusterPolicy "
        "AmazonEC2ContainerRegistryReadOnly AmazonEC2ContainerRegistryPullOnly AmazonEC2ContainerRegistryPowerUser "
        "AmazonSSMManagedInstanceCore CloudWatchAgentServerPolicy AmazonS3ReadOnlyAccess AWSXRayDaemonWriteAccess "
        "ElasticLoadBalancingReadOnly AmazonFSxFullAccess"
    ).split()
) | {
    "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
    "arn:aws:iam::aws:policy/service-role/AmazonEFSCSIDriverPolicy",
}
ACCESS_POLICIES = frozenset(
    f"arn:aws:eks::aws:cluster-access-policy/{name}"
    for name in (
        "AmazonEKSClusterAdminPolicy AmazonEKSAdminPolicy AmazonEKSAdminViewPolicy AmazonEKSEditPolicy "
        "AmazonEKSViewPolicy AmazonEKSSecretReaderPolicy AmazonEKSAutoNodePolicy AmazonEKSBlockStoragePolicy "
        "AmazonEKSLoadBalancingPolicy AmazonEKSNetworkingPolicy AmazonEKSComputePolicy AmazonEKSHybridPolicy"
    ).split()
)


def is_managed_policy(arn: str) -> bool:
    """Whether AWS itself has a policy of this ARN, among those that a cluster's roles could need."""
    return arn in POLICIES


def is_access_policy(arn: str) -> bool:
    """Whether EKS has an access policy of this ARN."""
    return arn in ACCESS_POLICIES
