"""Dependencies are no coarser than the truth: making and deleting takes hardly longer than what cannot be avoided.

The measure is tests/bench/schedule.py.
"""

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import yaml

from modelyard.stack.ml_stack import MLStack
from tests.bench.schedule import AZURE, CHART_SECONDS, GPU_NODE_SECONDS, Step, down, steps_of, up
from tests.support.azure import GROUP
from tests.support.mocks import run
from tests.support.paths import ROOT

Json = dict[str, Any]

MOST = 1.10
"""The schedule over the chain that cannot be avoided."""
PROD: Json = yaml.safe_load((ROOT / "stacks" / "Pulumi.prod-aks.yaml").read_text())["config"]["modelyard:stack"]
SUBNETS = f"{GROUP}/network/providers/Microsoft.Network/virtualNetworks/main/subnets"
VAULT = f"{GROUP}/keys/providers/Microsoft.KeyVault/vaults/ml-keys"


def _own(_: Json) -> None:
    """As the file has it: a network of its own, a public endpoint."""


def _existing(stack: Json) -> None:
    network = {"node_subnet_id": f"{SUBNETS}/nodes", "api_server_subnet_id": f"{SUBNETS}/api-server"}
    stack["cluster"]["aks"]["network"] = network


def _everything(stack: Json) -> None:
    key = "https://ml-keys.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef"
    encryption = {
        "disk_encryption_set_id": f"{GROUP}/keys/providers/Microsoft.Compute/diskEncryptionSets/nodes",
        "key_id": key,
        "key_vault_id": VAULT,
        "key_vault_access": "private",
    }
    del stack["cluster"]["aks"]["api_endpoint"]
    stack["cluster"]["aks"] |= {"encryption": encryption, "shared_storage": True, "control_plane_logs": "all"}


VARIANTS: dict[str, Callable[[Json], None]] = {"own": _own, "existing": _existing, "everything": _everything}
PROVISIONERS = {"cluster_autoscaler": len(PROD["pools"]), "node_auto_provisioning": 1}
"""How many agent pools production has with each."""


@cache
def steps(provisioner: str, variant: str) -> dict[str, Step]:
    """The graph of production with this provisioner."""
    spec = copy.deepcopy(PROD)
    spec["cluster"]["aks"]["provisioner"] = provisioner
    if provisioner == "node_auto_provisioning":
        # It does not keep nodes on one fabric.
        del spec["pools"]["h100"]["fabric"]
    VARIANTS[variant](spec)
    return steps_of(run(MLStack.from_config, config={"modelyard:stack": json.dumps(spec)}), AZURE)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("provisioner", PROVISIONERS)
def test_production_is_ready_when_its_longest_chain_is(provisioner: str, variant: str) -> None:
    found = up(steps(provisioner, variant))
    least = AZURE.unavoidable(has_network=variant != "existing", pools=PROVISIONERS[provisioner])
    assert found.seconds <= MOST * least, found.chain


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("provisioner", PROVISIONERS)
def test_production_is_gone_when_its_longest_chain_is(provisioner: str, variant: str) -> None:
    found = down(steps(provisioner, variant))
    least = AZURE.unavoidable(deleting=True, has_network=variant != "existing", pools=PROVISIONERS[provisioner])
    assert found.seconds <= MOST * least, found.chain


def test_the_chain_that_cannot_be_avoided_is_made_of_azures_own_times() -> None:
    assert AZURE.unavoidable() == 30 + 300 + 180 + GPU_NODE_SECONDS
    assert AZURE.unavoidable(pools=3) == 30 + 300 + 3 * 180 + GPU_NODE_SECONDS
    assert AZURE.unavoidable(has_network=False) == 300 + 180 + GPU_NODE_SECONDS
    assert AZURE.unavoidable(deleting=True, pools=3) == CHART_SECONDS + 240 + 10 + 30 + 30
