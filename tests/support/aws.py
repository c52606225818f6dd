"""What AWS says of a resource beside what it was asked for, as far as programs of ours read it."""

from collections.abc import Mapping
from typing import Any

SECURITY_GROUP_ID = "sg-0a1b2c3d4e5f60718"
"""The own security group of every cluster."""


def outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource of `pulumi_aws`.

    Args:
        type_: its token.
        name: its Pulumi name.
        inputs: what the program asks for.
    """
    own: dict[str, Any] = {
        "arn": f"arn:aws:{type_.split(':')[1].partition('/')[0]}:::{name}",
        "name": f"{name}-0a1b2c3",
    }
    if type_ == "aws:eks/cluster:Cluster":
        own |= {
            "endpoint": f"https://{name}.eks.example.org",
            "certificateAuthority": {"data": "Y2VydGlmaWNhdGU="},
            "vpcConfig": {**inputs.get("vpcConfig", {}), "clusterSecurityGroupId": SECURITY_GROUP_ID},
        }
        return {**inputs, **own, "name": inputs["name"]}
    if type_ == "aws:kms/key:Key":
        own["keyId"] = f"{name}-key"
    if type_ == "aws:ec2/launchTemplate:LaunchTemplate":
        own["latestVersion"] = 1
    return {**own, **inputs}
