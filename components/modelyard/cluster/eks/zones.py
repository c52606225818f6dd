"""Regions and zones of AWS as far as their names tell, so that nothing has to be looked up."""

import re

REGION = r"[a-z]{2}(-[a-z]+)+-\d"
"""What names of regions look like; new ones appear every year, so they are not listed."""

# Regions whose zones are not a, b and c. us-east-1e and one zone of us-west-1 have no EKS in most accounts.
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
# https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html#network-requirements-subnets
_LETTERS = {
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ca-central-1": "abd",
    "cn-north-1": "abd",
    "us-east-1": "abcdf",
    "us-west-1": "ac",
    "us-west-2": "abcd",
}
_USUAL_LETTERS = "abc"


def zones_of(region: str) -> tuple[str, ...]:
    """The names of a region's zones that most accounts have and that offer EKS, in order."""
    return tuple(region + letter for letter in _LETTERS.get(region, _USUAL_LETTERS))


def is_zone_of(zone: str, region: str) -> bool:
    """Whether a name can be that of a zone in the region; local and wavelength zones have no control planes."""
    return bool(re.fullmatch(re.escape(region) + "[a-z]", zone))


def partition_of(region: str) -> str:
    """The part of AWS that a region belongs to, which stands in every ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    for start, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(start):
            return partition
    return "aws"


def ec2_service_of(partition: str) -> str:
    """EC2, as roles and policies of a part of AWS name it: in China with an end of its own."""
    return "ec2.amazonaws.com.cn" if partition == "aws-cn" else "ec2.amazonaws.com"
