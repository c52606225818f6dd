"""Roles: who may take them, and what they may do. None is for a person, and none has a key that could leak.

Pods get theirs by Pod Identity, bound to one service account of one cluster.
https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.account import Account
from modelyard.cluster.identities import BoundIdentity

_VERSION = "2012-10-17"
"""Of the policy language: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html"""
_AGENT: Mapping[str, Sequence[int]] = {"169.254.170.23/32": (80,)}
"""Where pods ask the agent on their node for credentials, with a token that EKS adds to them.
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html"""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a role may do.

    Attributes:
        actions: by name; a star only at the end of one.
        resources: ARNs; `*` alone only under a condition.
        conditions: by operator and key, as in the policy language.
    """

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


@dataclass(frozen=True, kw_only=True)
class MadeRole:
    """A role with its policies.

    Attributes:
        complete: the role's policies: who uses it depends on them, as without them it may do nothing.
    """

    role: aws.iam.Role
    complete: Sequence[pulumi.Resource]


def service_trust(service: str, *actions: str) -> str:
    """Who may take a role: a service of AWS.

    Args:
        service: for example `eks.amazonaws.com`.
        actions: beside `sts:AssumeRole`.
    """
    allowed = ["sts:AssumeRole", *actions]
    return _document([{"Effect": "Allow", "Principal": {"Service": service}, "Action": allowed}])


def pod_trust(cluster_name: str, namespace: str, service_account: str) -> str:
    """Who may take a role: the pods of one service account, on one cluster.

    The session tags that Pod Identity sets decide it, so that nobody else's association can use the role.
    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
    """
    tags = {
        "eks-cluster-name": cluster_name,
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": service_account,
    }
    return _document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}},
            }
        ]
    )


def make_role(
    account: Account, key: str, trust: str, *, managed: Sequence[str] = (), statements: Sequence[Statement] = ()
) -> MadeRole:
    """Make a role.

    Args:
        account: where.
        key: what its Pulumi name ends with.
        trust: who may take it.
        managed: names of policies that AWS keeps.
        statements: what it may do beside them.
    """
    name = f"{account.name}-{key}"
    role = aws.iam.Role(name, assume_role_policy=trust, opts=account.options())
    complete: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}",
            role=role.name,
            policy_arn=account.managed_policy(policy),
            opts=account.options(),
        )
        for policy in managed
    ]
    if statements:
        policy = aws.iam.RolePolicy(name, role=role.id, policy=_policy(statements), opts=account.options())
        complete.append(policy)
    return MadeRole(role=role, complete=complete)


def make_pod_role(
    account: Account,
    key: str,
    *,
    namespace: str,
    service_account: str,
    managed: Sequence[str] = (),
    statements: Sequence[Statement] = (),
) -> MadeRole:
    """Make a role for the pods of one service account. What binds it to them is made by whoever makes those."""
    trust = pod_trust(account.cluster_name, namespace, service_account)
    return make_role(account, key, trust, managed=managed, statements=statements)


def bind(
    account: Account,
    key: str,
    made: MadeRole,
    *,
    cluster: aws.eks.Cluster,
    namespace: str,
    service_account: str,
    before: Sequence[pulumi.Resource] = (),
) -> pulumi.Resource:
    """Give a role to the pods of a service account that start from now on. The service account need not exist yet."""
    return aws.eks.PodIdentityAssociation(
        f"{account.name}-{key}",
        # From the cluster, not as text: it is replaced with the cluster.
        cluster_name=cluster.name,
        namespace=namespace,
        service_account=service_account,
        role_arn=made.role.arn,
        opts=account.options([*before, *made.complete]),
    )


class WorkloadIdentity(pulumi.ComponentResource):
    """A role for the pods of one service account, which need not exist yet, bound to it by Pod Identity."""

    bound: BoundIdentity
    """What the pods depend on, as pods that started earlier get no credentials, and where they get them."""

    def __init__(
        self,
        name: str,
        account: Account,
        *,
        cluster: aws.eks.Cluster,
        namespace: str,
        service_account: str,
        statements: Sequence[Statement],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the role and bind it.

        Args:
            name: the Pulumi name.
            account: of the cluster.
            cluster: whose pods.
            namespace: of the service account.
            service_account: whose pods.
            statements: what they may do.
            opts: Pulumi's options of the component.
        """
        super().__init__("modelyard:cluster:WorkloadIdentity", name, {}, opts)
        own = replace(account, name=name, parent=self)
        made = make_pod_role(
            own, "identity", namespace=namespace, service_account=service_account, statements=statements
        )
        association = bind(own, "identity", made, cluster=cluster, namespace=namespace, service_account=service_account)
        self.bound = BoundIdentity(ready=[association], token_endpoints=_AGENT)
        self.register_outputs({"role_arn": made.role.arn})


def _policy(statements: Sequence[Statement]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {
            "Version": _VERSION,
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": list(each.actions),
                    "Resource": list(each.resources),
                    **({"Condition": each.conditions} if each.conditions else {}),
                }
                for each in statements
            ],
        }
    )


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": _VERSION, "Statement": statements})
