"""The simulated nodes beside a kind cluster, by a real kwok against a real API server; Docker and kind stand in."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.cluster.local import lifecycle, nodes
from modelyard.cluster.local.engines.base import KUBECONFIG
from modelyard.cluster.local.engines.kind import KindEngine
from modelyard.cluster.local.folder import Record, cluster_folder, read_record
from modelyard.cluster.local.nodes import PoolNodes
from modelyard.cluster.local.ports import choose_ports
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from tests.support.local_clusters import core_api, daemons, end_clusters
from tests.support.processes import wait_until
from tests.support.toolchain import require_tool, tool_path

pytestmark = pytest.mark.engine


@pytest.fixture
def control_plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a control plane whose nodes nobody simulates, with one node that is real to all who look."""
    require_tool("kwokctl")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{tool_path()}")
    try:
        lifecycle.create("plane", "kwok", "1.35")
        daemons(tmp_path / "state")["plane/kwok-controller"].kill()
        with core_api(cluster_folder("plane") / KUBECONFIG) as core:
            core.create_node({"metadata": {"name": "kind-control-plane"}})
        yield cluster_folder("plane")
    finally:
        end_clusters(tmp_path / "state")


def stand_in(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_simulated_nodes_become_ready_beside_a_real_one(control_plane: Path, tmp_path: Path) -> None:
    record = read_record(control_plane)
    assert record
    ports = {**choose_ports(KindEngine.ports), "kube-apiserver": record.ports["kube-apiserver"]}
    record = Record(engine="kind", kubernetes_version="1.35", ports=ports)
    container = json.dumps({"Names": "kind-control-plane", "State": "running"})
    stand_in(tmp_path, "docker", f"echo '{container}'")
    # kind writes the kubeconfig of what it has made.
    stand_in(
        tmp_path,
        "kind",
        f'for each in "$@"; do case "$each" in --kubeconfig=*) file=${{each#--kubeconfig=}};; esac; done\n'
        f'test "$1" = delete || cp {control_plane}/kubeconfig "$file"',
    )
    folder = cluster_folder("kind")
    folder.mkdir()
    engine = KindEngine()
    engine.create("kind", folder, record)
    assert engine.is_alive("kind", folder, record)

    gpus = PoolNodes.of(resolve_pool("l4", PoolSpec(accelerator="l4", max_nodes=2), runs_containers=False), {})
    assert nodes.apply(folder / KUBECONFIG, gpus) == ["l4-0", "l4-1"]
    real = PoolNodes.of(resolve_pool("system", PoolSpec(cpus=4, memory_gib=16)), {"rack": "a"})
    assert nodes.apply(folder / KUBECONFIG, real) == ["kind-control-plane"]
    with core_api(folder / KUBECONFIG) as core:
        node = core.read_node("kind-control-plane")
        assert (node.metadata.labels["modelyard.dev/pool"], node.metadata.labels["rack"]) == ("system", "a")
        assert "Ready" not in {each.type for each in node.status.conditions or () if each.status == "True"}
        assert nodes.present(folder / KUBECONFIG, real) == ["kind-control-plane"]
        nodes.remove(folder / KUBECONFIG, real)
        assert "modelyard.dev/pool" not in (core.read_node("kind-control-plane").metadata.labels or {})

    daemons(tmp_path / "state")["kind/kwok"].kill()
    wait_until(lambda: not engine.is_alive("kind", folder, record), "the end of kwok is seen")
    engine.start("kind", folder, record)
    assert engine.is_alive("kind", folder, record)
    engine.delete("kind", folder)
    assert not [name for name in daemons(tmp_path / "state") if name.startswith("kind/")]
