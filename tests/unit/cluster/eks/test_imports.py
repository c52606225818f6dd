"""A program loads no more of the AWS SDK than its cluster is made of: EC2's part alone takes longer than Pulumi."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

_PROGRAM = """
import sys
from modelyard.cluster.eks.cluster import EksCluster
from modelyard.cluster.eks.spec import EksSpec
from tests.support.mocks import run
from tests.unit.cluster.eks.clusters import EXISTING, POOLS, REGION
from dataclasses import replace
spec = replace(EksSpec(region=REGION), {changes})
run(lambda: EksCluster("main", spec, POOLS))
print(*{{name.split(".")[1] for name in sys.modules if name.startswith("pulumi_aws.") and name.count(".") > 1}})
"""


@pytest.mark.parametrize(
    ("changes", "loaded", "not_loaded"),
    [
        ("provisioner='cluster_autoscaler'", {"eks", "iam", "ec2"}, {"sqs", "efs", "s3", "vpc"}),
        ("provisioner='karpenter'", {"eks", "iam", "ec2", "sqs"}, {"efs", "s3", "vpc"}),
        ("provisioner='auto_mode', network=EXISTING", {"eks", "iam"}, {"ec2", "sqs", "efs", "s3", "vpc"}),
    ],
)
def test_only_what_the_cluster_is_made_of(changes: str, loaded: set[str], not_loaded: set[str]) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM.format(changes=changes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = set(done.stdout.split())
    assert loaded <= found
    assert not not_loaded & found
