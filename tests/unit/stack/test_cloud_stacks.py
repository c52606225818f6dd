"""What the stacks of production are refused for on every cloud."""

from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.stack.spec import load_stack
from tests.unit.stack.production import add_volume, prod


@pytest.mark.parametrize("cloud", ["eks", "gke", "aks"])
def test_shared_volume_without_shared_storage_is_refused(cloud: str) -> None:
    def change(stack: dict[str, Any]) -> None:
        add_volume(stack)
        stack["cluster"][cloud]["shared_storage"] = False

    load_stack(prod(cloud, add_volume))
    with pytest.raises(ConfigError, match=r"volumes\.models\.shared: the cluster has no shared storage class; name"):
        load_stack(prod(cloud, change))


@pytest.mark.parametrize("cloud", ["eks", "gke"])
def test_pools_are_checked_against_the_cluster_before_anything_runs(cloud: str) -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["pools"]["system"]["min_nodes"] = 0

    with pytest.raises(ConfigError, match="no pool has a node for what the cluster itself runs"):
        load_stack(prod(cloud, change))
