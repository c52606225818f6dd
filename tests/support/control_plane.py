"""A real Kubernetes control plane on this machine for tests: etcd, API server, controllers, scheduler and kwok."""

import json
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.cluster.local.ports import is_free
from tests.support.processes import kill_all, processes_with, wait_until
from tests.support.toolchain import clean_environment, require_tool

_NAME = "tests"
_BINARIES = {
    "etcd": "etcd",
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "kwok-controller": "kwok",
}
"""kwokctl's component to the program that is one."""

_PORTS = (
    *("etcdPort", "etcdPeerPort", "kubeApiserverPort", "kubeControllerManagerPort", "kubeSchedulerPort"),
    "kwokControllerPort",
)
"""kwokctl's options."""
_FIRST_PORT, _PORT_COUNT = 11000, 9000
"""Between those that Kubernetes itself uses on a node and those of local clusters."""

_CONFIGURATION = {
    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
    "kind": "KwokctlConfiguration",
    "componentsPatches": [
        {
            # etcd before 3.5.8 breaks kwok's streaming lists, and kwok then sees new nodes and pods up to 40 s late.
            "name": "kube-apiserver",
            "extraArgs": [{"key": "feature-gates", "value": "WatchList=false"}],
        },
        {
            # kwok's default takes every node; one that a test did not mark as simulated stays as it is.
            "name": "kwok-controller",
            "extraArgs": [
                {"key": "manage-all-nodes", "value": "false", "override": True},
                {"key": "manage-nodes-with-annotation-selector", "value": "kwok.x-k8s.io/node=fake"},
            ],
        },
    ],
}


@dataclass(frozen=True, kw_only=True)
class ApiServer:
    """A running control plane without nodes; kwok plays those with the annotation `kwok.x-k8s.io/node: fake`."""

    kubeconfig: Path
    """An administrator's, with one context."""
    folder: Path
    """kwokctl's work folder (`KWOK_WORKDIR`), with the components' logs under `clusters/tests/logs`."""

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """What kubectl prints as the administrator, given `text`; it must succeed."""
        done = subprocess.run(
            [str(require_tool("kubectl")), f"--kubeconfig={self.kubeconfig}", "--request-timeout=20s", *arguments],
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, kinds: str, *arguments: str) -> list[dict[str, Any]]:
        """The objects of these kinds, among which kubectl's arguments choose."""
        return json.loads(self.kubectl("get", kinds, "--output=json", *arguments))["items"]


@contextmanager
def running_control_plane(folder: Path) -> Generator[ApiServer]:
    """
    Start a control plane in `folder` on free ports of 127.0.0.1, about 3 s, and end it afterwards whatever happened.

    The caller's test is skipped (failed if CI=true) where a program is missing.
    """
    kwokctl = str(require_tool("kwokctl"))
    kubeconfig = folder / "kubeconfig.yaml"
    binaries = [f"--{component}-binary={require_tool(program)}" for component, program in _BINARIES.items()]
    environment = {
        **clean_environment(),
        "KWOK_WORKDIR": str(folder),
        "KWOK_KUBECTL_BINARY": str(require_tool("kubectl")),
        "KUBECONFIG": str(kubeconfig),
        # Nothing of it is to survive the machine. etcd reads its options from variables too: etcd.io/docs/v3.5/op-guide
        "ETCD_UNSAFE_NO_FSYNC": "true",
    }
    configuration = folder / "kwokctl.yaml"
    # The default lets the whole network reach it.
    options = {"runtime": "binary", "bindAddress": "127.0.0.1", **_free_ports()}
    configuration.write_text(json.dumps({**_CONFIGURATION, "options": options}), encoding="utf-8")
    create = [
        *(kwokctl, "--name", _NAME, "--config", str(configuration), "create", "cluster", "--wait", "180s"),
        *("--kubeconfig", str(kubeconfig), *binaries),
    ]
    try:
        log = folder / "kwokctl.log"
        with log.open("wb") as output:
            made = subprocess.run(
                create, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        assert made.returncode == 0, f"kwokctl could not start a control plane:\n{log.read_text(errors='replace')}"
        yield ApiServer(kubeconfig=kubeconfig, folder=folder)
    finally:
        kill_all(f"KWOK_WORKDIR={folder}")
        wait_until(lambda: not processes_with(f"KWOK_WORKDIR={folder}"), "the end of the control plane")


def _free_ports() -> dict[str, int]:
    """
    A port for each part of a control plane.

    kwokctl always looks for free ports from the same one downwards, and gives two control planes that are made at once
    the same. Here every process begins at a place of its own.
    """
    start = os.getpid() * 7919
    ports = (_FIRST_PORT + (start + step) % _PORT_COUNT for step in range(_PORT_COUNT))
    return dict(zip(_PORTS, filter(is_free, ports), strict=False))
