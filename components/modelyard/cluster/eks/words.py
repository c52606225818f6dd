"""Names, ids and ARNs in AWS's own words, as types of what a user writes."""

import re
from typing import Annotated

from modelyard.cluster.eks.zones import REGION
from modelyard.cluster.words import pattern, version
from modelyard.errors import Problem, show
from modelyard.spec import Rule
from modelyard.versions import EKS

CLUSTER_NAME_CHARACTERS = 100
"""https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html"""
COMPONENT_NAME_CHARACTERS = 36
"""The longest Pulumi name of a cluster: a role's name in AWS ends at 64, of which what it is for takes up to 20 and
Pulumi's random end 8. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
_CLUSTER_NAME = r"[0-9A-Za-z][A-Za-z0-9-]*"
_ID = r"[0-9a-f]{8}([0-9a-f]{9})?"
_PARTITION = r"aws(-cn|-us-gov)?"


def cluster_name_problem(name: str) -> Problem | None:
    """What is wrong with a cluster's name in AWS, also with one that is made from the project's and the stack's."""
    fix = f"give one of up to {CLUSTER_NAME_CHARACTERS} letters, digits and dashes"
    if len(name) > CLUSTER_NAME_CHARACTERS or not re.fullmatch(_CLUSTER_NAME, name):
        return Problem(path="name", why=f"{show(name)} is no name that EKS allows", fix=fix)
    return None


def component_name_problem(name: str) -> Problem | None:
    """What is wrong with the Pulumi name of a cluster, beside what is of every name."""
    if len(name) <= COMPONENT_NAME_CHARACTERS:
        return None
    why = f"{show(name)}, with which the names of roles begin, has {len(name)} characters"
    return Problem(path="name", why=why, fix=f"use at most {COMPONENT_NAME_CHARACTERS}, as AWS ends them at 64")


def _check_name(text: str) -> tuple[str, str] | None:
    problem = cluster_name_problem(text)
    return (problem.why, problem.fix) if problem else None


EksVersion = Annotated[str, version(tuple(EKS), "that EKS add-ons are pinned for")]
"""A Kubernetes minor version in quotes."""
ClusterName = Annotated[str, Rule(_check_name, {"pattern": f"^{_CLUSTER_NAME}$", "maxLength": CLUSTER_NAME_CHARACTERS})]
"""The name of a cluster in AWS. Underscores, which EKS allows too, are no part of the host names made from it."""
Region = Annotated[str, pattern(REGION, "region", "write one like us-east-1")]
"""A region of AWS."""
AccountId = Annotated[str, pattern(r"\d{12}", "id of an AWS account", 'write its 12 digits in quotes: "111122223333"')]
"""The id of an account in AWS."""
VpcId = Annotated[str, pattern(f"vpc-{_ID}", "id of a VPC", "write one like vpc-0123456789abcdef0")]
"""The id of a VPC."""
SubnetId = Annotated[str, pattern(f"subnet-{_ID}", "id of a subnet", "write one like subnet-0123456789abcdef0")]
"""The id of a subnet."""
KeyArn = Annotated[
    str,
    pattern(
        rf"arn:{_PARTITION}:kms:{REGION}:\d{{12}}:key/(mrk-)?[0-9a-f-]+",
        "ARN of a KMS key",
        "write one like arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, not an alias",
    ),
]
"""The ARN of a KMS key."""
PrincipalArn = Annotated[
    str,
    pattern(
        rf"arn:{_PARTITION}:iam::\d{{12}}:(role|user)/[\w+=,.@/-]+",
        "ARN of an IAM role or user",
        "write one like arn:aws:iam::111122223333:role/platform",
    ),
]
"""The ARN of an IAM role or user. An access entry takes no group and no session."""
