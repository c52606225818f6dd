"""The kubelet of the real node, its size, and the cgroup of its pods."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from modelyard.cluster.local.engines.control_plane import write_kubeconfig
from modelyard.cluster.local.engines.host import mounts
from modelyard.cluster.local.engines.host.machine import CGROUP, NODE, RUN, SOCKET, Machine
from modelyard.cluster.pools import Pool, resolve_pool
from modelyard.cluster.spec import PoolSpec

_ROOT = RUN / "kubelet"
"""Where the kubelet sees its folder: it has sockets there, whose paths must be short."""
_GIB = 1024**3
_EVICTION_MIB = 100
_PERCENT_LEFT = "1%"
"""Disk that pods may not fill: the disk is the user's own, and mostly full."""


def node_size() -> Pool:
    """This machine as a pool of one node: what it has, and of that what pods can have."""
    cpus, memory_gib = float(psutil.cpu_count() or 1), round(psutil.virtual_memory().total / _GIB, 3)
    return resolve_pool(NODE, PoolSpec(cpus=cpus, memory_gib=memory_gib, min_nodes=1))


def configure(machine: Machine) -> list[str]:
    """Write the kubelet's configuration, make its cgroup, and return its arguments."""
    mounts.bind(machine.node_folder / "kubelet", _ROOT)
    for folder in cgroup_folders():
        folder.mkdir(exist_ok=True)
        hand_down(folder.parent)
    kubeconfig = machine.node_folder / "kubelet.kubeconfig"
    write_kubeconfig(kubeconfig, NODE, machine.server, machine.certificates, "kubelet")
    config = machine.write("kubelet.yaml", json.dumps(_configuration(machine)))
    return [
        f"--config={config}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={NODE}",
        f"--node-ip={machine.addresses.node}",
        f"--root-dir={_ROOT}",
        f"--cert-dir={machine.node_folder / 'kubelet' / 'pki'}",
    ]


def cgroup_folders() -> Iterator[Path]:
    """Our cgroup in each hierarchy, be it of version 1 or 2."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, folder, kind = line.split()[:3]
        if kind in {"cgroup", "cgroup2"}:
            yield Path(folder) / CGROUP


def hand_down(root: Path) -> None:
    """Let the cgroups below the root of a hierarchy have every controller.

    With version 2 they have those only that their parent names, and a kubelet wants all of them.
    https://docs.kernel.org/admin-guide/cgroup-v2.html#controlling-controllers
    """
    offered = root / "cgroup.controllers"
    for each in offered.read_text(encoding="utf-8").split() if offered.exists() else ():
        with suppress(OSError):  # some are handed to nobody
            (root / "cgroup.subtree_control").write_text(f"+{each}", encoding="utf-8")


def _configuration(machine: Machine) -> dict[str, object]:
    """https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/"""
    size = node_size()
    folder, certificates = machine.node_folder, machine.certificates
    kept_mib = round((size.memory_gib - size.allocatable_memory_gib) * 1024) - _EVICTION_MIB
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": machine.addresses.node,
        "port": machine.record.ports["kubelet"],
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(certificates / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificates / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(certificates / "kubelet-server.key"),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        # Distributions that still run cgroup v1 are served as well.
        "failCgroupV1": False,
        "failSwapOn": False,
        "systemReserved": {"cpu": f"{round((size.cpus - size.allocatable_cpus) * 1000)}m", "memory": f"{kept_mib}Mi"},
        "evictionHard": {
            "memory.available": f"{_EVICTION_MIB}Mi",
            **dict.fromkeys(("nodefs.available", "nodefs.inodesFree", "imagefs.available"), _PERCENT_LEFT),
        },
        # Images come from no registry: one that was removed would never come back.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "clusterDomain": "cluster.local",
        "clusterDNS": [machine.addresses.dns],
        "resolvConf": str(machine.write("resolv.conf", f"nameserver {machine.addresses.dns}{os.linesep}")),
        "podLogsDir": str(folder / "logs" / "pods"),
        "volumePluginDir": str(folder / "kubelet" / "plugins"),
        "serializeImagePulls": False,
        # kube-proxy uses nftables; these chains would only be left behind.
        "makeIPTablesUtilChains": False,
    }
