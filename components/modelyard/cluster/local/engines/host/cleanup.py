"""Removes what a host cluster leaves on the machine, also where it was killed at any moment."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from modelyard.cluster.local import processes
from modelyard.cluster.local.engines import control_plane
from modelyard.cluster.local.engines.host import network
from modelyard.cluster.local.engines.host.kubelet import cgroup_folders
from modelyard.cluster.local.engines.host.machine import RUN, SOCKET, programs_folder
from modelyard.cluster.local.engines.host.mounts import unmount_below
from modelyard.cluster.local.folder import LocalClusterError

_WAIT_SECONDS = 20
_POLL_SECONDS = 0.05
_SHIM_SOCKETS = Path("/run/containerd/s")
_CNI_RESULTS = Path("/var/lib/cni/results")
_LOG_LINKS = Path("/var/log/containers")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
_COMMON_FOLDERS = (
    _SHIM_SOCKETS,
    _SHIM_SOCKETS.parent,
    _CNI_RESULTS,
    _CNI_RESULTS.parent,
    _LOG_LINKS,
    _DEVICE_PLUGINS,
    _DEVICE_PLUGINS.parent,
)
"""What containerd, its CNI library and the kubelet make though no setting names it; the inner folders first."""
KUBELET_SOCKET = _DEVICE_PLUGINS / "kubelet.sock"
"""Where every kubelet of a machine expects device plugins."""


def end(folder: Path) -> None:
    """End the daemons of the cluster in `folder`, which bears the cluster's name."""
    control_plane.kill(folder.name, folder)
    processes.kill(programs_folder(folder))


def remove(folder: Path) -> None:
    """End all containers and daemons of the cluster in `folder`; remove mounts, links, rules, cgroups and files."""
    end(folder)
    files = [*_network_results(folder), *_log_links(folder)]
    _end_containers()
    for root in (RUN, folder):
        unmount_below(root)
    network.remove()
    _remove_cgroups()
    # A socket at which nobody listens serves nobody, whoever made it.
    files += [each for each in (KUBELET_SOCKET, *_SHIM_SOCKETS.glob("*")) if not is_listening(each)]
    for each in files:
        each.unlink(missing_ok=True)
    for each in _COMMON_FOLDERS:
        with suppress(OSError):  # not there, or in use by another program
            each.rmdir()


def is_listening(path: Path) -> bool:
    """Whether a program answers at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def remove_run_folder() -> None:
    """Remove the folder of sockets, last: what is in it tells what else there is."""
    shutil.rmtree(RUN, ignore_errors=True)


def _log_links(folder: Path) -> Iterator[Path]:
    return (link for link in _LOG_LINKS.glob("*") if link.is_symlink() and link.readlink().is_relative_to(folder))


def _network_results(folder: Path) -> Iterator[Path]:
    """What the CNI library noted of our pods, among those of others."""
    for sandbox in (folder / "node" / "containerd" / "io.containerd.grpc.v1.cri" / "sandboxes").glob("*"):
        yield from _CNI_RESULTS.glob(f"*-{sandbox.name}-*")


def _end_containers() -> None:
    """Shims first, which would report the end of their containers to nobody; then all that is in our cgroup."""
    _until_none(_shims, "shims of containers")
    _until_none(lambda: {pid for cgroup in _cgroups() for pid in _pids(cgroup)}, "processes of containers")


def _until_none(find: Callable[[], set[int]], what: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while pids := find():
        if time.monotonic() > deadline:
            raise LocalClusterError(f"{what} do not end: {', '.join(map(str, sorted(pids)))}; end them and run again")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _shims() -> set[int]:
    return {
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE and _is_shim(process.info["cmdline"] or [])
    }


def _is_shim(arguments: list[str]) -> bool:
    return bool(arguments) and Path(arguments[0]).name.startswith("containerd-shim") and str(SOCKET) in arguments


def _cgroups() -> list[Path]:
    """Our cgroups in every hierarchy, the inner ones first."""
    found = [each for root in cgroup_folders() if root.exists() for each in (root, *_folders_below(root))]
    return sorted(found, key=lambda each: len(each.parts), reverse=True)


def _folders_below(root: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(root):
        yield Path(folder)


def _pids(cgroup: Path) -> Iterator[int]:
    try:
        text = (cgroup / "cgroup.procs").read_text(encoding="utf-8")
    except OSError:
        return  # it has just been removed, or is no place for processes
    for pid in map(int, text.split()):
        # A process that nobody waits for stays in its cgroup until then.
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                yield pid


def _remove_cgroups() -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while cgroups := _cgroups():
        for cgroup in cgroups:
            with suppress(OSError):
                cgroup.rmdir()
        if time.monotonic() > deadline:
            raise LocalClusterError(f"cgroup {cgroups[0]} cannot be removed; see the processes in its cgroup.procs")
        time.sleep(_POLL_SECONDS)
