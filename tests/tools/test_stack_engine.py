"""The driver under the real engine and API server: what a killed, interrupted or concurrent update leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ApiServer
from tests.support.engine import STACK, MakeProject, PulumiProject
from tests.support.paths import ROOT
from tests.support.processes import wait_until
from tests.support.toolchain import require_tool
from tools.stack.pending import existing_objects

pytestmark = pytest.mark.engine

_NO_SUCH_NODE = {"modelyard.dev/pool": "nowhere"}
_PROGRAM = """
from pathlib import Path
import pulumi
import pulumi_kubernetes as k8s
from modelyard.kube.labels import labels

kubeconfig = Path({kubeconfig!r}).read_text()
provider = k8s.Provider("cluster", kubeconfig=kubeconfig, cluster_identifier="tests")
own = labels("waiting", instance="waiting", component="test")
k8s.apps.v1.Deployment(
    "waiting",
    metadata={{"name": {name!r}, "namespace": "default", "labels": own, "annotations": {annotations!r}}},
    spec={{
        "selector": {{"match_labels": {{"app": {name!r}}}}},
        "template": {{
            "metadata": {{"labels": {{"app": {name!r}}}}},
            "spec": {{
                "node_selector": {node_selector!r},
                "containers": [{{"name": "c", "image": "registry.example.org/c:1"}}],
            }},
        }},
    }},
    opts=pulumi.ResourceOptions(provider=provider),
)
pulumi.export("kubeconfig", pulumi.Output.secret(kubeconfig))
"""


class Driven:
    """A project with one Deployment that never gets a node, so that its create waits until it is told not to."""

    def __init__(self, make_project: MakeProject, api_server: ApiServer, name: str) -> None:
        self.name = name
        self.kubeconfig = api_server.kubeconfig
        self.project: PulumiProject = make_project(self._program({}))

    def _program(self, annotations: Mapping[str, str]) -> str:
        return _PROGRAM.format(
            kubeconfig=str(self.kubeconfig),
            name=self.name,
            annotations=dict(annotations),
            node_selector=_NO_SUCH_NODE,
        )

    def stop_waiting(self) -> None:
        self.project.write(self._program({"pulumi.com/skipAwait": "true"}))

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start the driver as `make` in a terminal does: in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tools.stack", command, STACK],
            cwd=self.project.folder,
            env={**self.project.environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def drive(self, command: str) -> tuple[int, str]:
        process = self.start(command)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def uid(self) -> str | None:
        """The Deployment's, or None where there is none."""
        answer = _kubectl(self.kubeconfig, "get", "deployment", self.name, "--ignore-not-found", "--output=json")
        return json.loads(answer)["metadata"]["uid"] if answer else None

    def wait_for_create(self) -> str:
        wait_until(lambda: self.uid() is not None, "the Deployment on the API server")
        uid = self.uid()
        assert uid is not None
        return uid

    def locks(self) -> list[Path]:
        return list((self.project.folder.parent / "scratch" / "backend").glob(".pulumi/locks/**/*.json"))


def _kubectl(kubeconfig: Path, *arguments: str, text: str = "") -> str:
    command = [str(require_tool("kubectl")), f"--kubeconfig={kubeconfig}", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_killed_update_is_finished_with_the_object_that_it_had_made(
    make_project: MakeProject, api_server: ApiServer
) -> None:
    driven = Driven(make_project, api_server, "driver-killed")
    update = driven.project.start("up", "--yes", "--skip-preview")
    uid = driven.wait_for_create()
    update.kill()
    assert driven.locks()
    assert driven.project.export()["deployment"]["pending_operations"]

    driven.stop_waiting()
    status, output = driven.drive("up")
    assert status == 0, output
    assert "was killed: releasing its lock" in output
    assert "1 creates pending; 1 of the objects are there" in output
    assert "NAMESPACE  WORKLOAD" in output
    assert driven.uid() == uid
    assert not driven.locks()
    assert driven.project.preview("--refresh").changes.keys() <= {"same", "refresh"}

    status, output = driven.drive("destroy")
    assert status == 0, output
    assert driven.uid() is None
    assert json.loads(driven.project.run("stack", "ls", "--json").stdout) == []
    assert driven.drive("destroy") == (0, f"there is no stack {STACK}\n")


def test_live_update_is_left_alone_and_ctrl_c_ends_it_in_good_order(
    make_project: MakeProject, api_server: ApiServer
) -> None:
    driven = Driven(make_project, api_server, "driver-interrupted")
    first = driven.start("up")
    driven.wait_for_create()
    held = driven.locks()
    assert held

    status, output = driven.drive("up")
    assert status != 0
    assert "locked" in output
    assert driven.locks() == held
    assert first.poll() is None

    os.killpg(first.pid, signal.SIGINT)
    output, _ = first.communicate(timeout=60)
    assert first.returncode not in (0, -signal.SIGINT), output
    assert "Traceback" not in output
    assert not driven.locks()


def test_program_error_is_the_drivers_exit_status(make_project: MakeProject, api_server: ApiServer) -> None:
    driven = Driven(make_project, api_server, "driver-failed")
    driven.project.write("raise SystemExit('no good')")
    status, output = driven.drive("up")
    assert status not in (0, 130)
    assert "Traceback" not in output


def _pending(kind: str, api_version: str, name: str) -> dict[str, Any]:
    inputs = {"apiVersion": api_version, "kind": kind, "metadata": {"namespace": "default", "name": name}}
    return {"type": "creating", "resource": {"urn": name, "inputs": inputs, "provider": "provider::id"}}


def _config_map(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"namespace": "default", "name": name, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_only_objects_with_this_stacks_label_are_taken_over(api_server: ApiServer) -> None:
    objects: Sequence[dict[str, Any]] = [
        _config_map("driver-ours", {"modelyard.dev/stack": "proj.test"}),
        _config_map("driver-theirs", {"modelyard.dev/stack": "proj.other"}),
        _config_map("driver-foreign", {}),
    ]
    _kubectl(
        api_server.kubeconfig,
        "create",
        "-f",
        "-",
        text=json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}),
    )
    kubeconfig = {"plaintext": json.dumps(api_server.kubeconfig.read_text(encoding="utf-8"))}
    deployment = {
        "resources": [{"urn": "provider", "type": "pulumi:providers:kubernetes", "inputs": {"kubeconfig": kubeconfig}}],
        "pending_operations": [
            *(_pending("ConfigMap", "v1", each["metadata"]["name"]) for each in objects),
            _pending("ConfigMap", "v1", "driver-absent"),
            _pending("Unheard", "example.org/v1", "driver-unknown-kind"),
        ],
    }
    assert existing_objects(deployment, "proj", "test") == {"driver-ours": "default/driver-ours"}
