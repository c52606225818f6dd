"""A cluster on a simulated AKS through its life: nothing shows a change, what can change does, and nothing is left."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.aks_world import AksWorld
from tests.support.azure import SUBSCRIPTION
from tests.support.control_plane import ApiServer
from tests.support.engine import MakeProject

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

HEAD = """
import pulumi

from modelyard import AksCluster, AksSpec, ObjectStoreSpec, PoolSpec, StoreAccess

pools = {"system": PoolSpec(machine_type="Standard_D8s_v5", min_nodes=1, max_nodes=2)}
"""
STORE = """
store = cluster.object_store("models", ObjectStoreSpec(expire_after_days=30, force_destroy=True))
cluster.workload_identity(
    "chat", namespace="chat", service_account="loader", permissions=[StoreAccess(store=store, write=True)]
)
pulumi.export("url", store.url)
pulumi.export("kubeconfig", cluster.kubeconfig)
"""


def program(**settings: Any) -> str:
    """A cluster with a store that pods use."""
    plain = {
        "subscription_id": SUBSCRIPTION,
        "region": "eastus2",
        "admins": ["33333333-3333-3333-3333-333333333333"],
        "shared_storage": True,
        **settings,
    }
    read = f"import json\nfrom modelyard.spec import load_json\nspec = load_json(AksSpec, json.dumps({plain!r}))"
    return f"{HEAD}{read}\ncluster = AksCluster('main', spec, pools)\n{STORE}"


def test_cluster_in_a_network_of_its_own(make_project: MakeProject, api_server: ApiServer, tmp_path: Path) -> None:
    world = AksWorld(tmp_path / "world")
    office = {"public_cidrs": ["203.0.113.0/24"]}
    project = make_project(program(api_endpoint=office), environment=world.environment(api_server.kubeconfig))
    preview = project.preview()
    assert set(preview.changes) == {"create"}, "nothing is asked of a cluster that does not exist"
    project.up()
    assert project.up().unchanged
    project.refresh()
    assert project.up().unchanged, "what Azure says of pools is the pools' own affair"

    # The VPN stands: no public address any more, and the window moves.
    project.write(program(kubernetes_version="1.35", upgrade={"day": "monday"}, tags={"team": "ml"}))
    result = project.up()
    assert not {"create-replacement", "replace", "delete-replaced"} & set(result.changes)
    assert world.one("ManagedCluster").inputs["apiServerAccessProfile"]["enablePrivateCluster"] is True
    assert project.up().unchanged
    project.destroy()
    assert world.left() == []


def test_cluster_with_what_others_made(make_project: MakeProject, api_server: ApiServer, tmp_path: Path) -> None:
    world = AksWorld(tmp_path / "world")
    nodes, server = world.add_vnet()
    vault, key = world.add_key()
    encryption = {
        "disk_encryption_set_id": world.add_disk_encryption_set(),
        "key_id": key,
        "key_vault_id": vault,
        "key_vault_access": "private",
    }
    settings = program(
        resource_group="shared",
        network={"node_subnet_id": nodes, "api_server_subnet_id": server},
        encryption=encryption,
        container_registry_ids=[world.add_registry()],
        control_plane_logs="none",
        upgrade={"channel": "none", "node_images": "none", "support": "long_term"},
        tier="premium",
    )
    of_others = world.left()
    project = make_project(settings, environment=world.environment(api_server.kubeconfig))
    project.up()
    project.refresh()
    assert project.up().unchanged
    project.destroy()
    assert world.left() == of_others
