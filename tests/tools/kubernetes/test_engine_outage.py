"""The API server goes away and comes back between updates."""

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.control_plane import ApiServer, running_control_plane
from tests.support.engine import MakeProject
from tests.support.processes import processes_with, wait_until
from tests.tools.kubernetes.cluster import Cluster
from tests.tools.kubernetes.programs import program

pytestmark = pytest.mark.engine


def test_up_fails_cleanly_while_the_api_server_is_away_and_works_again(
    make_project: MakeProject, tmp_path: Path
) -> None:
    folder = tmp_path / "control-plane"
    folder.mkdir()
    with running_control_plane(folder) as server:
        cluster = Cluster(server.kubeconfig)
        # An update, not a replacement: nobody restarts the controllers, which a deletion in the foreground waits for.
        body = 'k8s.core.v1.ServiceAccount("c", metadata={"name": "c", "labels": {"a": "%s"}}, opts=options)'
        project = make_project(program(server.kubeconfig, "default", body % "1"))
        project.up()
        state = project.export()["deployment"]["resources"]
        project.write(program(server.kubeconfig, "default", body % "2"))

        command, port = _stop_api_server(server)
        shown = project.preview()
        assert shown.ops("c") == ["update"], "a preview shows what the inputs say"
        failed = project.up(fails=True)
        assert "configured Kubernetes cluster is unreachable" in failed.messages("error")
        assert "refused" in failed.messages("error")
        assert "pending_operations" not in project.export()["deployment"]
        assert [each["urn"] for each in project.resources()] == [each["urn"] for each in state]

        port.close()
        with _started(command, server, cluster):
            project.up()
            assert cluster.get("serviceaccount", "c", "default")["metadata"]["labels"] == {"a": "2"}
            assert project.up().unchanged


def _binds(port: socket.socket, number: int) -> bool:
    try:
        port.bind(("127.0.0.1", number))
    except OSError:
        return False  # connections of the killed server are still being closed
    return True


def _stop_api_server(server: ApiServer) -> tuple[list[str], socket.socket]:
    """Kills the API server; returns the command that started it, and its port, kept so that nobody else takes it."""
    [process] = [
        found for found in processes_with(f"KWOK_WORKDIR={server.folder}") if "kube-apiserver" in found.command
    ]
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: process not in processes_with(f"KWOK_WORKDIR={server.folder}"), "the API server's end")
    command = shlex.split(process.command)
    [number] = [int(argument.removeprefix("--secure-port=")) for argument in command if "--secure-port=" in argument]
    port = socket.socket()
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Bound but not listening: connections are refused.
    wait_until(lambda: _binds(port, number), "the API server's port")
    return command, port


@contextmanager
def _started(command: list[str], server: ApiServer, cluster: Cluster) -> Generator[None]:
    environment = {**os.environ, "KWOK_WORKDIR": str(server.folder)}
    with (server.folder / "restarted.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(cluster), "the API server's answer", 60)
        yield
    finally:
        process.kill()
        process.wait()


def _answers(cluster: Cluster) -> bool:
    try:
        cluster.run("get", "--raw", "/readyz")
    except AssertionError:
        return False
    return True
