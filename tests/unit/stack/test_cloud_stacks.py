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


@pytest.mark.parametrize(("cloud", "most"), [("gke", 1024), ("aks", 102400)])
def test_shared_volumes_are_no_larger_than_their_service_has_them(cloud: str, most: int) -> None:
    def of(gib: int, **more: str) -> str:
        def change(stack: dict[str, Any]) -> None:
            add_volume(stack)
            for workspace in stack["workspaces"].values():
                for volume in workspace.get("volumes", {}).values():
                    volume.update(size_gib=gib, shared=True, **more)

        return prod(cloud, change)

    load_stack(of(most))
    load_stack(of(most + 1, storage_class="larger"))
    why = f"{most + 1} GiB are more than the {most} of a shared volume on this cluster; use up to {most}, or name a"
    with pytest.raises(ConfigError, match=rf"volumes\.models\.size_gib: {why}"):
        load_stack(of(most + 1))


def test_file_systems_that_grow_have_volumes_of_any_size() -> None:
    def huge(stack: dict[str, Any]) -> None:
        add_volume(stack)
        stack["workspaces"]["chat"]["volumes"]["models"].update(size_gib=500_000, shared=True)

    def on_blob(stack: dict[str, Any]) -> None:
        huge(stack)
        stack["cluster"]["aks"]["shared_storage_service"] = "blob"

    load_stack(prod("eks", huge))
    load_stack(prod("aks", on_blob))


@pytest.mark.parametrize("cloud", ["eks", "gke"])
def test_pools_are_checked_against_the_cluster_before_anything_runs(cloud: str) -> None:
    def change(stack: dict[str, Any]) -> None:
        stack["pools"]["system"]["min_nodes"] = 0

    with pytest.raises(ConfigError, match="no pool has a node for what the cluster itself runs"):
        load_stack(prod(cloud, change))
