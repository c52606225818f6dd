"""A real node whose making was interrupted and whose machine was restarted, or is shared with another containerd."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.engines.host.containerd import write_image
from modelyard.cluster.local.folder import cluster_folder
from tests.support.host_clusters import kubectl, machine_state, node_environment, restart_machine
from tests.support.local_clusters import daemons
from tests.support.processes import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

NAME = "interrupted"
MAKE = f"from modelyard.cluster.local import lifecycle; lifecycle.create('{NAME}', 'host', '1.35')"


def test_a_node_survives_whatever_happens_to_its_machine(tmp_path: Path) -> None:
    with node_environment(tmp_path):
        before = machine_state(tmp_path)
        making = subprocess.Popen([sys.executable, "-c", MAKE])
        wait_until(lambda: f"{NAME}/kubelet" in daemons(tmp_path), "the kubelet is started")
        making.kill()
        making.wait()
        assert not lifecycle.exists(NAME), "killed too late for this test"

        lifecycle.create(NAME, "host", "1.35")
        kubeconfig = cluster_folder(NAME) / "kubeconfig"
        kubectl(kubeconfig, "create", "configmap", "kept")

        restart_machine(tmp_path, before["settings"])
        assert not lifecycle.is_alive(NAME)
        lifecycle.start(NAME)
        assert lifecycle.is_alive(NAME)
        kubectl(kubeconfig, "get", "configmap", "kept")

        restart_machine(tmp_path, before["settings"])
        lifecycle.delete(NAME)
        assert machine_state(tmp_path) == before


def test_another_containerd_and_its_container_are_left_alone(tmp_path: Path) -> None:
    with node_environment(tmp_path), another_containerd() as runs:
        lifecycle.create(NAME, "host", "1.35")
        assert runs()
        lifecycle.delete(NAME)
        assert runs()


@contextmanager
def another_containerd() -> Generator[Callable[[], bool]]:
    """A containerd with a container, as another program of this machine has one; whether the container runs."""
    folder = Path(tempfile.mkdtemp(prefix="other-"))  # the path of a socket must be short
    socket, shared = folder / "socket", Path("/run/containerd")
    alone = not shared.exists()
    config = folder / "config.toml"
    options = f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n[grpc]\naddress = "{socket}"\n'
    config.write_text(f'{options}[plugins."io.containerd.internal.v1.opt"]\npath = "{folder}/opt"\n')

    def ctr(*arguments: str) -> str:
        command = ["ctr", "-a", str(socket), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    daemon = subprocess.Popen(["containerd", "--config", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(socket.exists, "the other containerd listens")
        write_image(folder / "image.tar", "example.org/pause:1", Path(str(shutil.which("modelyard-pause"))))
        ctr("images", "import", str(folder / "image.tar"))
        ctr("run", "--detach", "--null-io", "example.org/pause:1", "theirs")
        yield lambda: "RUNNING" in ctr("tasks", "list")
        ctr("tasks", "kill", "--signal", "9", "theirs")
        wait_until(lambda: "STOPPED" in ctr("tasks", "list"), "the other container has ended")
        ctr("tasks", "delete", "theirs")
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(folder)
        if alone:
            shutil.rmtree(shared, ignore_errors=True)
