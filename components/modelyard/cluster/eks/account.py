"""Where in AWS a cluster's resources are made, and what all of them have in common."""

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from modelyard.cluster.eks.zones import partition_of


@dataclass(frozen=True, kw_only=True)
class Account:
    """One region of an account, as one cluster uses it.

    Attributes:
        name: the Pulumi name that resources' names begin with.
        cluster_name: the cluster's name in AWS, known at preview.
        region: for example `us-east-1`.
        parent: of all resources.
        provider: of all resources in AWS.
    """

    name: str
    cluster_name: str
    region: str
    parent: pulumi.Resource
    provider: aws.Provider

    @property
    def partition(self) -> str:
        """The part of AWS that stands in every ARN: `aws`."""
        return partition_of(self.region)

    def managed_policy(self, name: str) -> str:
        """The ARN of a policy that AWS keeps."""
        return f"arn:{self.partition}:iam::aws:policy/{name}"

    def options(self, before: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of a resource in AWS, made after `before`."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, depends_on=list(before))
