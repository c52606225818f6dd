"""The control plane: the API server with its keys, logs and who may use it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.account import Account
from modelyard.cluster.eks.identity import MadeRole, make_role, service_trust
from modelyard.cluster.eks.network import Network
from modelyard.cluster.eks.spec import EksExistingVpcSpec, EksSpec
from modelyard.cluster.eks.zones import ec2_service_of
from modelyard.cluster.logical_names import logical_names

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_CONTROL_PLANE_ZONES = 2
"""In so many zones it has network interfaces, which is what EKS makes at least. These zones can never change, so they
are the first ones, and zones can be added for nodes. AWS runs the control plane itself in three zones in any case.
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
https://github.com/aws/containers-roadmap/issues/2330"""
_KEY_DELETION_DAYS = 7
"""The least that KMS allows: what the key encrypted is gone before the key is."""
_AUTO_MODE_POLICIES = (
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
"""https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html"""
_REGISTRY_POLICY = "AmazonEC2ContainerRegistryPullOnly"


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """A control plane and what belongs to it.

    Attributes:
        cluster: the control plane.
        security_group_id: the cluster's own security group: the API server's and the nodes' interfaces are in it and
            reach each other; from elsewhere only what the spec names reaches it.
        node_role: of nodes, with what must exist before one joins.
    """

    cluster: aws.eks.Cluster
    security_group_id: pulumi.Output[str]
    node_role: MadeRole
    node_access: Sequence[pulumi.Resource]


def make_control_plane(account: Account, spec: EksSpec, network: Network) -> ControlPlane:
    """Make the control plane, its role, its log group and its key unless the user brings one.

    Access is by entries in EKS alone; there is no `aws-auth` ConfigMap. The one that makes the cluster administers it,
    since the same update goes on to install what the cluster needs, and who that is cannot be known without a lookup.

    It depends on its subnets but not on their way out, which is made meanwhile: it needs none.
    """
    auto_mode = spec.provisioner == "auto_mode"
    role = _cluster_role(account, auto_mode=auto_mode)
    node_role = _node_role(account, auto_mode=auto_mode)
    logs = aws.cloudwatch.LogGroup(
        f"{account.name}-control-plane",
        # EKS writes here and nowhere else. Made first: EKS would make it itself, without an end to what it keeps.
        name=f"/aws/eks/{account.cluster_name}/cluster",
        retention_in_days=spec.log_retention_days,
        opts=account.options(),
    )
    cluster = aws.eks.Cluster(
        f"{account.name}-cluster",
        name=account.cluster_name,
        version=spec.kubernetes_version,
        role_arn=role.role.arn,
        vpc_config=aws.eks.ClusterVpcConfigArgs(
            subnet_ids=list(network.private_subnets.values())[:_CONTROL_PLANE_ZONES],
            endpoint_private_access=True,
            endpoint_public_access=bool(spec.api_endpoint.public_cidrs),
            public_access_cidrs=list(spec.api_endpoint.public_cidrs or ()) or None,
        ),
        access_config=aws.eks.ClusterAccessConfigArgs(
            authentication_mode="API", bootstrap_cluster_creator_admin_permissions=True
        ),
        encryption_config=aws.eks.ClusterEncryptionConfigArgs(
            provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=_key_arn(account, spec)),
            resources=["secrets"],
        ),
        enabled_cluster_log_types=list(_LOG_TYPES),
        upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type=spec.upgrade.support.upper()),
        deletion_protection=spec.deletion_protection,
        # EKS' own copies of add-ons are not managed by anybody; ours are made at pinned versions.
        bootstrap_self_managed_addons=False,
        kubernetes_network_config=_service_network(spec, auto_mode=auto_mode),
        compute_config=aws.eks.ClusterComputeConfigArgs(enabled=True) if auto_mode else None,
        storage_config=_auto_mode_storage() if auto_mode else None,
        opts=pulumi.ResourceOptions.merge(
            account.options([logs, *role.complete]),
            # A new one comes before the old one goes, or what is on the old one would be deleted after it, when nobody
            # can be asked to. So AWS refuses a replacement that keeps the name, before anything is lost. What replaces
            # is said here too: the provider overlooks some of it, and takes a VPC for something that can change.
            # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/eks/cluster.go
            pulumi.ResourceOptions(replacement_trigger=_fixed_for_good(spec), delete_before_replace=False),
        ),
    )
    security_group_id = cluster.vpc_config.apply(lambda each: each.cluster_security_group_id or "")
    for cidr in spec.api_endpoint.private_cidrs:
        _let_in(account, security_group_id, cidr)
    for admin, name in logical_names(spec.admins, _admin_name).items():
        _let_administer(account, f"{account.name}-admin-{name}", cluster, admin)
    return ControlPlane(
        cluster=cluster,
        security_group_id=security_group_id,
        node_role=node_role,
        node_access=_node_access(account, cluster, node_role, spec),
    )


def _fixed_for_good(spec: EksSpec) -> str:
    """What can never change of a cluster, beside its region and its name: its Services, its key and its VPC."""
    network = spec.network.vpc_id if isinstance(spec.network, EksExistingVpcSpec) else spec.network.cidr
    return json.dumps([spec.service_cidr, spec.encryption.key_arn, network])


def _cluster_role(account: Account, *, auto_mode: bool) -> MadeRole:
    further = _AUTO_MODE_POLICIES if auto_mode else ()
    trust = service_trust("eks.amazonaws.com", *(("sts:TagSession",) if auto_mode else ()))
    return make_role(account, "control-plane", trust, managed=("AmazonEKSClusterPolicy", *further))


def _node_role(account: Account, *, auto_mode: bool) -> MadeRole:
    # The network plugin has a role of its own, so nodes do not need its rights.
    worker = "AmazonEKSWorkerNodeMinimalPolicy" if auto_mode else "AmazonEKSWorkerNodePolicy"
    return make_role(
        account, "nodes", service_trust(ec2_service_of(account.partition)), managed=(worker, _REGISTRY_POLICY)
    )


def _key_arn(account: Account, spec: EksSpec) -> pulumi.Input[str]:
    if spec.encryption.key_arn:
        return spec.encryption.key_arn
    name = f"{account.name}-secrets"
    key = aws.kms.Key(
        name,
        description=f"Secrets of the EKS cluster {account.cluster_name}",
        enable_key_rotation=True,
        deletion_window_in_days=_KEY_DELETION_DAYS,
        opts=account.options(),
    )
    alias = f"alias/eks/{account.cluster_name}"
    aws.kms.Alias(name, name=alias, target_key_id=key.key_id, opts=account.options())
    return key.arn


def _service_network(spec: EksSpec, *, auto_mode: bool) -> aws.eks.ClusterKubernetesNetworkConfigArgs:
    balancing = aws.eks.ClusterKubernetesNetworkConfigElasticLoadBalancingArgs(enabled=True)
    return aws.eks.ClusterKubernetesNetworkConfigArgs(
        ip_family="ipv4",
        service_ipv4_cidr=spec.service_cidr,
        elastic_load_balancing=balancing if auto_mode else None,
    )


def _auto_mode_storage() -> aws.eks.ClusterStorageConfigArgs:
    return aws.eks.ClusterStorageConfigArgs(block_storage=aws.eks.ClusterStorageConfigBlockStorageArgs(enabled=True))


def _let_in(account: Account, security_group_id: pulumi.Input[str], cidr: str) -> None:
    aws.vpc.SecurityGroupIngressRule(
        f"{account.name}-api-{cidr}",
        security_group_id=security_group_id,
        description="API server",
        cidr_ipv4=cidr,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        opts=account.options(),
    )


def _admin_name(principal: str) -> str:
    """Its kind, path and name, without the account: `role-ops`."""
    return principal.rpartition(":")[2].replace("/", "-")


def _let_administer(account: Account, name: str, cluster: aws.eks.Cluster, principal: str) -> None:
    entry = aws.eks.AccessEntry(
        name, cluster_name=cluster.name, principal_arn=principal, type="STANDARD", opts=account.options()
    )
    _allow(account, name, cluster, entry, "AmazonEKSClusterAdminPolicy")


def _node_access(
    account: Account, cluster: aws.eks.Cluster, node_role: MadeRole, spec: EksSpec
) -> Sequence[pulumi.Resource]:
    """How nodes that are no part of a managed node group get in; for managed ones EKS makes the entry itself."""
    if spec.provisioner == "cluster_autoscaler":
        return []
    auto_mode = spec.provisioner == "auto_mode"
    entry = aws.eks.AccessEntry(
        f"{account.name}-nodes",
        cluster_name=cluster.name,
        principal_arn=node_role.role.arn,
        type="EC2" if auto_mode else "EC2_LINUX",
        opts=account.options(),
    )
    if not auto_mode:
        return [entry]
    # https://docs.aws.amazon.com/eks/latest/userguide/create-node-class.html
    return [_allow(account, f"{account.name}-nodes", cluster, entry, "AmazonEKSAutoNodePolicy")]


def _allow(
    account: Account, name: str, cluster: aws.eks.Cluster, entry: aws.eks.AccessEntry, policy: str
) -> pulumi.Resource:
    return aws.eks.AccessPolicyAssociation(
        name,
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn=f"arn:{account.partition}:eks::aws:cluster-access-policy/{policy}",
        access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
        opts=account.options([entry]),
    )
