"""Whether this machine can have a real node: asked before anything is made, and answered by a container that starts."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelyard.cluster.local import programs
from modelyard.cluster.local.engines import control_plane
from modelyard.cluster.local.engines.host import claim, cleanup, network
from modelyard.cluster.local.engines.host.commands import attempt, path
from modelyard.cluster.local.engines.host.containerd import PLUGINS, plugin_folder
from modelyard.cluster.local.folder import LocalClusterError, clusters_folder
from modelyard.errors import Problem

NODE_PROGRAMS = ("kubelet", "kube-proxy", "coredns", "metrics-server", "local-path-provisioner")
"""What a node runs, besides containerd."""
_SYSTEM_PROGRAMS = ("containerd", "ctr", "runc", "nft", "ip", "umount", "mount", "openssl")
_PACKAGES = "containerd runc containernetworking-plugins nftables iproute2 openssl"
_KWOK = "or set engine: kwok, which simulates all nodes"
_PACKAGES_FIX = f"install it (on Debian and Ubuntu: apt-get install {_PACKAGES}), {_KWOK}"
_NEST_FIX = f"run on the machine itself or in a container that may start containers, {_KWOK}"
_CHECK = f"mycheck{os.getpid()}"
"""Of what is made for a moment, also as an interface, whose name has 15 characters at most."""
_MEMORY_BYTES = 64 * 2**20
_NOBODY = 65534


def problems(kubernetes_version: str, own: Collection[str]) -> Iterator[Problem]:
    """Why this machine can have no real node. What is tried leaves nothing.

    Args:
        kubernetes_version: minor version of the control plane.
        own: names of the stack's own clusters, whose node may be here already.
    """
    yield from control_plane.problems(kubernetes_version)
    lacks = list(_lacks())
    yield from lacks
    if lacks:
        return
    refusal = claim.other(own)
    if refusal:
        why, _, fix = refusal.partition("; ")
        yield Problem(path="engine", why=why, fix=fix)
    elif claim.is_ours(own):
        return
    elif network.proxy_tables() or cleanup.is_listening(cleanup.KUBELET_SOCKET):
        why = "another kubelet, or a kube-proxy with rules of nftables, runs on this machine"
        yield Problem(path="engine", why=why, fix=f"stop that Kubernetes and remove its table kube-proxy, {_KWOK}")
    else:
        yield from _refusals()


def _lacks() -> Iterator[Problem]:
    if sys.platform != "linux":
        yield Problem(path="engine", why="containers run on Linux only", fix="set engine: kind, or engine: kwok")
        return
    if os.geteuid() != 0:
        yield Problem(path="engine", why="only root can run containers without Docker", fix=f"run as root, {_KWOK}")
    yield from programs.missing([*NODE_PROGRAMS, "modelyard-pause"], f"{control_plane.FIX}, {_KWOK}")
    for name in _SYSTEM_PROGRAMS:
        if shutil.which(name, path=path()) is None:
            yield Problem(path="engine", why=f"{name} is not on PATH", fix=_PACKAGES_FIX)
    if plugin_folder() is None:
        yield Problem(path="engine", why=f"the CNI plugins {', '.join(PLUGINS)} are absent", fix=_PACKAGES_FIX)


def _refusals() -> Iterator[Problem]:
    """What the kernel refuses, or the container around us."""
    try:
        for why in filter(None, (_link_refusal(), _rules_refusal(), _container_refusal())):
            yield Problem(path="engine", why=why, fix=_NEST_FIX)
    except (LocalClusterError, OSError) as error:
        yield Problem(path="engine", why=f"no container can be tried here ({error})", fix=_NEST_FIX)


def _link_refusal() -> str | None:
    made = attempt("ip", "link", "add", _CHECK, "type", "bridge")
    attempt("ip", "link", "delete", _CHECK)
    return None if made.returncode == 0 else f"no network interface can be made ({_last(made.stderr)})"


def _rules_refusal() -> str | None:
    rules = f"table inet {_CHECK} {{ chain leave {{ type nat hook postrouting priority srcnat; masquerade; }}; }}"
    checked = attempt("nft", "--check", "-f", "-", text=rules)
    return None if checked.returncode == 0 else f"nftables refuses rules ({_last(checked.stderr)})"


def _container_refusal() -> str | None:
    with _bundle() as folder:
        layers = f"lowerdir={folder}/image,upperdir={folder}/upper,workdir={folder}/work"
        mounted = attempt("mount", "-t", "overlay", _CHECK, "-o", layers, f"{folder}/rootfs")
        if mounted.returncode != 0:
            return f"{folder.parent} cannot hold containers' file systems ({_last(mounted.stderr)})"
        started = attempt("runc", "--root", f"{folder}/state", "run", "--bundle", str(folder), _CHECK)
        if started.returncode == 0 and "modelyard-pause" in started.stdout:
            return None
        return f"no container starts here ({_last(started.stderr)})"


@contextmanager
def _bundle() -> Generator[Path]:
    """A container with one program, on the file system that containers will be on. https://github.com/opencontainers/runtime-spec"""
    parent = next(each for each in (clusters_folder(), *clusters_folder().parents) if each.exists())
    folder = Path(tempfile.mkdtemp(prefix=".modelyard-", dir=parent))
    try:
        for each in ("image/proc", "upper", "work", "rootfs"):
            (folder / each).mkdir(parents=True)
        shutil.copy(str(shutil.which("modelyard-pause")), folder / "image" / "pause")
        (folder / "config.json").write_text(json.dumps(_container()), encoding="utf-8")
        yield folder
    finally:
        attempt("runc", "--root", f"{folder}/state", "delete", "--force", _CHECK)
        attempt("umount", "--lazy", f"{folder}/rootfs")
        shutil.rmtree(folder)


def _container() -> dict[str, object]:
    spaces = ("pid", "network", "ipc", "uts", "mount")
    return {
        "ociVersion": "1.0.2",
        "process": {
            "args": ["/pause", "version"],
            "cwd": "/",
            "user": {"uid": _NOBODY, "gid": _NOBODY},
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "cgroupsPath": f"/{_CHECK}",
            "resources": {"memory": {"limit": _MEMORY_BYTES}},
            "namespaces": [{"type": each} for each in spaces],
        },
    }


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "without saying why"
