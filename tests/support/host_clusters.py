"""Real nodes on this machine for tests: pods without images of their own, and what a machine looks like around them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pytest

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.engines.host import preflight
from modelyard.cluster.local.engines.host.machine import PAUSE_IMAGE, SOCKET
from tests.support.local_clusters import daemons
from tests.support.toolchain import tool_path

_FOLDERS = ("/run", "/var/lib", "/var/log", "/etc/cni", "/opt", "/var/lib/cni", "/var/lib/kubelet", "/run/containerd")
_SETTINGS = ("net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")


@contextmanager
def node_environment(state_folder: Path) -> Generator[None]:
    """
    PATH with the toolchain's programs and a state folder of the test's own.

    Where no node can run the test is skipped with the reason; with CI=true it fails for want of a program, so that CI
    never passes by skipping.
    """
    settings = {"PATH": tool_path(), "XDG_STATE_HOME": str(state_folder)}
    with patch.dict(os.environ, settings):
        problem = next(iter(preflight.problems("1.35", ())), None)
        if problem and os.environ.get("CI") == "true" and "not on PATH" in problem.why:
            pytest.fail(str(problem))
        if problem:
            pytest.skip(f"no real node here: {problem.why}")
        try:
            yield
        finally:
            for folder in (state_folder / "modelyard" / "local").glob("*"):
                lifecycle.delete(folder.name)


def kubectl(kubeconfig: Path, *arguments: str, text: str | None = None) -> str:
    """What kubectl prints; fails the test where it fails."""
    command = ["kubectl", f"--kubeconfig={kubeconfig}", *arguments]
    environment = {**os.environ, "PATH": tool_path()}
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done.stdout


def apply(kubeconfig: Path, *documents: Mapping[str, Any]) -> None:
    """Make these objects, or change them."""
    kubectl(kubeconfig, "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))


def python_pod(code: str, *, claim_name: str | None = None, user: int = 10001) -> dict[str, Any]:
    """The spec of a pod that runs Python code as this machine's interpreter does, in a container of its own."""
    folders = {"python": sys.base_prefix, "usr": "/usr", "lib": "/lib", "lib64": "/lib64", "bin": "/bin"}
    present = {name: path for name, path in folders.items() if Path(path).exists()}
    mounts = [
        {"name": name, "mountPath": "/python" if name == "python" else path, "readOnly": True}
        for name, path in present.items()
    ]
    volumes: list[Any] = [{"name": name, "hostPath": {"path": path}} for name, path in present.items()]
    if claim_name:
        mounts.append({"name": "data", "mountPath": "/data", "readOnly": False})
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": claim_name}})
    container = {
        "name": "main",
        "image": PAUSE_IMAGE,
        "command": ["/python/bin/python3", "-u", "-c", code],
        "env": [{"name": "LD_LIBRARY_PATH", "value": "/python/lib"}, {"name": "HOME", "value": "/"}],
        "securityContext": {
            "runAsUser": user,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
    return {"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 1}


def kill_everything(state_folder: Path) -> None:
    """Kill all processes of the cluster at once, those in containers too."""
    marked = [process.pid for process in daemons(state_folder).values()]
    processes = psutil.process_iter(["cmdline"])
    marked += [each.pid for each in processes if str(SOCKET) in (each.info["cmdline"] or [])]
    for file in Path("/sys/fs/cgroup").glob("**/modelyard/**/cgroup.procs"):
        marked += map(int, file.read_text().split())
    for pid in set(marked):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def restart_machine(state_folder: Path, settings: Sequence[str]) -> None:
    """Take away what a restart of the machine does: processes, mounts, interfaces, rules, cgroups, `/run`, settings.

    Args:
        state_folder: where the clusters are.
        settings: the kernel's settings of `machine_state` before there was a cluster.
    """
    kill_everything(state_folder)
    mounted = [
        line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines() if "/run/modelyard" in line
    ]
    for mount in reversed(mounted):
        subprocess.run(["umount", "--lazy", mount], capture_output=True)
    # The links of pods end with their namespaces.
    subprocess.run(["ip", "link", "delete", "modelyard0"], capture_output=True)
    for table in ("inet modelyard", "ip kube-proxy", "ip6 kube-proxy"):
        subprocess.run(["nft", "delete", "table", *table.split()], capture_output=True)
    for cgroup in sorted(Path("/sys/fs/cgroup").glob("**/modelyard/**"), reverse=True):
        with suppress(OSError):
            cgroup.rmdir()
    for folder in ("/run/modelyard", "/run/containerd"):
        shutil.rmtree(folder, ignore_errors=True)
    for name, value in (each.split("=") for each in settings):
        Path("/proc/sys", name).write_text(value)


def machine_state(state_folder: Path) -> dict[str, list[str]]:
    """What a cluster below `state_folder` could leave on this machine, by kind, comparable between moments."""
    marks = (str(state_folder), "/run/modelyard")
    return {
        "processes": _processes(marks),
        "mounts": [each for each in Path("/proc/self/mounts").read_text().splitlines() if _bears(marks, each)],
        "network namespaces": _names("/run/netns"),
        "links": _names("/sys/class/net"),
        # Routes that a router announces count down.
        "routes": [re.sub(r" expires \d+sec", "", line) for line in _shown("ip", "route", "show", "table", "all")],
        "addresses": _shown("ip", "-brief", "address"),
        "nftables": _shown("nft", "list", "tables"),
        "iptables": [line for line in _shown("iptables-save") if not line.startswith(("#", ":"))],
        "cgroups": sorted(str(each) for each in Path("/sys/fs/cgroup").glob("**/modelyard*")),
        "files": [f"{folder}/{name}" for folder in _FOLDERS for name in _names(folder)],
        "settings": [f"{each}={Path('/proc/sys', each).read_text()}" for each in _SETTINGS],
    }


def _bears(marks: Sequence[str], text: str) -> bool:
    return any(mark in text for mark in marks)


def _processes(marks: Sequence[str]) -> list[str]:
    """Every process that bears a mark of a cluster: in its command, or in the cgroup that it is in."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cgroups = (folder / "cgroup").read_text()
        except OSError:
            continue
        if command and (_bears(marks, command) or "/modelyard" in cgroups):
            found.append(command)
    return sorted(found)


def _names(folder: str) -> list[str]:
    return sorted(each.name for each in Path(folder).glob("*"))


def _shown(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": tool_path()})
    return done.stdout.splitlines()
