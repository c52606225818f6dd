"""A program loads no more of the Google SDK than its cluster is made of."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

_PROGRAM = """
import sys
from modelyard.cluster.gke.cluster import GkeCluster
from tests.support.mocks import run
from tests.unit.cluster.gke.clusters import POOLS, SPECS
run(lambda: GkeCluster("main", SPECS[{variant!r}], POOLS))
print(*{{name.split(".")[1] for name in sys.modules if name.startswith("pulumi_gcp.") and name.count(".") > 1}})
print(*{{name.split(".")[0] for name in sys.modules}})
"""


@pytest.mark.parametrize(
    ("variant", "loaded", "not_loaded"),
    [
        ("autoscaler", {"container", "projects", "serviceaccount", "compute"}, {"kms", "storage", "filestore"}),
        ("existing", {"container", "projects", "serviceaccount"}, {"compute", "kms", "storage", "filestore"}),
    ],
)
def test_only_what_the_cluster_is_made_of(variant: str, loaded: set[str], not_loaded: set[str]) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM.format(variant=variant)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    parts, packages = (set(line.split()) for line in done.stdout.splitlines())
    assert loaded <= parts
    assert not not_loaded & parts
    assert not {"pulumi_aws", "pulumi_azure_native"} & packages
