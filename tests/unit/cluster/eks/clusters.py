"""Clusters on EKS in every variant, as the recording engine saw them."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.eks.spec import (
    EksApiEndpointSpec,
    EksEncryptionSpec,
    EksExistingVpcSpec,
    EksSpec,
    EksUpgradeSpec,
    EksVpcSpec,
)
from modelyard.cluster.spec import PoolSpec
from tests.support.mocks import PROJECT, Recorded, run

REGION = "us-east-1"
ACCOUNT = "111122223333"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ADMIN = "arn:aws:iam::111122223333:role/platform/admin"
CLUSTER_NAME = f"{PROJECT}-main"
EXISTING = EksExistingVpcSpec(
    vpc_id="vpc-0123456789abcdef0",
    private_subnet_ids={"us-east-1a": "subnet-0000000a", "us-east-1b": "subnet-0000000b"},
)
POOLS: Mapping[str, PoolSpec] = {
    "system": PoolSpec(machine_type="m7i.2xlarge", min_nodes=2, max_nodes=4),
    "l4": PoolSpec(accelerator="l4", max_nodes=8, capacity="spot"),
}
SPECS: Mapping[str, EksSpec] = {
    "autoscaler": EksSpec(region=REGION),
    "karpenter": EksSpec(region=REGION, provisioner="karpenter"),
    "auto_mode": EksSpec(region=REGION, provisioner="auto_mode"),
    "everything": EksSpec(
        region=REGION,
        account_id=ACCOUNT,
        name="prod",
        kubernetes_version="1.34",
        network=EksVpcSpec(cidr="10.20.0.0/16", zones=["us-east-1b", "us-east-1d"], nat="single", flow_logs=True),
        api_endpoint=EksApiEndpointSpec(public_cidrs=["203.0.113.0/24"], private_cidrs=["10.8.0.0/16"]),
        upgrade=EksUpgradeSpec(support="extended"),
        encryption=EksEncryptionSpec(key_arn=KEY),
        log_retention_days=365,
        deletion_protection=True,
        shared_storage=True,
        admins=[ADMIN],
        tags={"team": "ml"},
    ),
    "existing": EksSpec(region=REGION, network=EXISTING, shared_storage=True),
    "auto_shared": EksSpec(region=REGION, provisioner="auto_mode", shared_storage=True),
    "china": EksSpec(region="cn-north-1"),
}


@cache
def made(variant: str) -> Recorded:
    """What a cluster of this variant registers."""
    return run(lambda: EksCluster("main", SPECS[variant], POOLS))


def statements(recorded: Recorded) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy that is not AWS's own, with the name of what has it."""
    for type_ in ("RolePolicy", "QueuePolicy", "BucketPolicy"):
        for each in recorded.of(type_):
            for statement in json.loads(each.inputs["policy"])["Statement"]:
                yield each.name, statement


def listed(value: Any) -> list[Any]:
    """A value of the policy language that may be one or several."""
    return list(value) if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownArgumentType]
