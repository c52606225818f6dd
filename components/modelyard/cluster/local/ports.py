"""Ports for the parts of a local cluster: free when chosen, and kept over restarts."""

import socket
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from modelyard.cluster.local.folder import LocalClusterError, clusters_folder, locked, recorded_ports

FIRST_PORT, LAST_PORT = 20000, 29999
"""Below the ranges from which operating systems take ports for outgoing connections (Linux 32768, macOS 49152), so that
nothing takes a port by chance while its cluster is down, and below Kubernetes' node ports (30000)."""
ADDRESS = "127.0.0.1"
_RELEASE_SECONDS = 3
_RELEASE_POLL_SECONDS = 0.05


def choose_ports(components: Sequence[str]) -> dict[str, int]:
    """A free port on 127.0.0.1 for each component, different from those of all other local clusters.

    The caller records them before it lets go of `reserving()`.
    """
    taken = recorded_ports()
    count = LAST_PORT - FIRST_PORT + 1
    # Users and test runs with folders of their own do not see each other's records: they start at different places.
    start = zlib.crc32(str(clusters_folder()).encode()) % count
    candidates = (FIRST_PORT + (start + step) % count for step in range(count))
    free = (port for port in candidates if port not in taken and is_free(port))
    chosen = dict(zip(components, free, strict=False))
    if len(chosen) < len(components):
        raise LocalClusterError(f"no free port from {FIRST_PORT} to {LAST_PORT} on {ADDRESS}; end what listens there")
    return chosen


def reserving() -> AbstractContextManager[None]:
    """Hold the choice of ports, so that two clusters made at once do not choose the same."""
    return locked(clusters_folder())


def is_free(port: int, address: str = ADDRESS) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def answers(port: int, address: str = ADDRESS) -> bool:
    """Whether a server listens on the port."""
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def require_free(ports: Mapping[str, int], folder: Path, address: str = ADDRESS) -> None:
    """Refuse to start components whose port another program has taken.

    A component that was killed a moment ago still has its own.

    Raises:
        LocalClusterError: naming component and port.
    """
    deadline = time.monotonic() + _RELEASE_SECONDS
    for component, port in ports.items():
        while not is_free(port, address):
            if time.monotonic() < deadline:
                time.sleep(_RELEASE_POLL_SECONDS)
                continue
            why = f"port {port} of the local cluster's {component} is taken by another program"
            raise LocalClusterError(f"{why}; end that program, or destroy the stack and make it anew ({folder})")
