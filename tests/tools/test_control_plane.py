"""The control plane that tests share: real, reachable from this machine only, and gone afterwards."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.control_plane import ApiServer, running_control_plane
from tests.support.processes import processes_with, wait_until
from tests.support.toolchain import clean_environment

pytestmark = pytest.mark.engine

NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "control-plane-test", "annotations": {"kwok.x-k8s.io/node": "fake"}},
}


def kubectl(server: ApiServer, *arguments: str, given: object = None) -> str:
    """What kubectl prints."""
    command = ["kubectl", "--kubeconfig", str(server.kubeconfig), *arguments]
    document = None if given is None else json.dumps(given)
    done = subprocess.run(command, env=clean_environment(), input=document, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_api_server_plays_only_marked_nodes(api_server: ApiServer) -> None:
    """kwok makes a marked node ready; an unmarked one it does not touch."""
    unmarked = {**NODE, "metadata": {"name": "control-plane-unmarked"}}
    for node in (NODE, unmarked):
        kubectl(api_server, "apply", "-f", "-", given=node)

    def ready(name: str) -> str:
        condition = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        return kubectl(api_server, "get", "node", name, "-o", condition)

    try:
        wait_until(lambda: ready("control-plane-test") == "True", "a simulated node that is ready")
        assert ready("control-plane-unmarked") != "True"
    finally:
        kubectl(api_server, "delete", "node", "control-plane-test", "control-plane-unmarked")


def test_nothing_listens_on_the_network(api_server: ApiServer) -> None:
    """Every part of the control plane listens on the loopback address."""
    parts = processes_with(f"KWOK_WORKDIR={api_server.folder}")
    assert len(parts) == 5
    assert not [part for part in parts if "0.0.0.0" in part.command]


def test_it_is_gone_after_an_error(tmp_path: Path) -> None:
    """A failing test leaves no process of its control plane."""

    def fail_with_a_control_plane() -> None:
        with running_control_plane(tmp_path):
            assert processes_with(f"KWOK_WORKDIR={tmp_path}")
            raise LookupError

    with pytest.raises(LookupError):
        fail_with_a_control_plane()
    assert not processes_with(f"KWOK_WORKDIR={tmp_path}")
