"""A program loads no more of the Azure SDK than its cluster is made of: the network's part takes longer than Pulumi."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

_PROGRAM = """
import sys
from dataclasses import replace
from modelyard.cluster.aks.cluster import AksCluster
from tests.support.mocks import run
from tests.unit.cluster.aks.clusters import EXISTING, POOLS, SPECS
spec = replace(SPECS["autoscaler"], {changes})
run(lambda: AksCluster("main", spec, POOLS))
parts = [name.split(".") for name in sys.modules if name.startswith("pulumi_azure_native.")]
print(*{{part[1] for part in parts if len(part) > 2}})
print(*{{name for name in sys.modules if name in ("pulumi_aws", "pulumi_gcp")}})
"""
_ALWAYS = {"authorization", "containerservice", "managedidentity"}


@pytest.mark.parametrize(
    ("changes", "loaded", "not_loaded"),
    [
        ("tags={}", {"network", "resources", "monitor", "operationalinsights"}, {"storage", "compute", "keyvault"}),
        (
            "network=EXISTING, resource_group='ml', control_plane_logs='none', shared_storage=True",
            set[str](),
            {"network", "resources", "monitor", "operationalinsights", "storage", "compute"},
        ),
    ],
)
def test_only_what_the_cluster_is_made_of(changes: str, loaded: set[str], not_loaded: set[str]) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM.format(changes=changes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules, others = done.stdout.splitlines()
    found = set(modules.split())
    assert loaded | _ALWAYS <= found
    assert not not_loaded & found
    assert not others, "no other cloud's SDK"
