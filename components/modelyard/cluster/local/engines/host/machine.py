"""What is fixed about a host cluster: a machine has one at a time, so that names and folders need no choice."""

import os
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from modelyard.cluster.local.engines import control_plane
from modelyard.cluster.local.folder import Record

NODE = "host"
"""The real node's name. A simulated one's ends with a number."""
BRIDGE = "modelyard0"
"""The interface with the node's address, which stays as it is when the machine changes its network."""
TABLE = "modelyard"
"""Our table of nftables."""
CGROUP = "modelyard"
"""The cgroup, in every hierarchy, below which all containers are."""
RUN = Path("/run/modelyard")
"""Sockets and what a restart of the machine may lose. Short, as the path of a socket ends at 107 characters."""
SOCKET = RUN / "containerd.sock"
IMAGE_NAMESPACE = "k8s.io"
"""containerd's namespace of what a kubelet runs."""
PAUSE_IMAGE = "modelyard.dev/pause:local"
NODE_PORTS = ("kubelet", "kube-proxy", "kube-proxy-metrics", "coredns", "metrics-server")
"""What of the node listens on a port."""
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The addresses of a cluster, all of one private /16.

    Attributes:
        network: all of them.
    """

    network: IPv4Network

    @property
    def node(self) -> str:
        """The node's own."""
        return str(self.network[1])

    @property
    def simulated_pods(self) -> IPv4Network:
        """What kwok gives to pods that do not run."""
        return list(self.network.subnets(new_prefix=19))[1]

    @property
    def services(self) -> IPv4Network:
        """Service addresses."""
        return list(self.network.subnets(new_prefix=18))[1]

    @property
    def pods(self) -> IPv4Network:
        """Pods that run."""
        return list(self.network.subnets(new_prefix=17))[1]

    @property
    def api(self) -> str:
        """The API server's Service, which has the first address of the range."""
        return str(self.services[1])

    @property
    def dns(self) -> str:
        """The Service that pods ask for names, at the address that kubeadm and others give it too."""
        return str(self.services[10])


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A host cluster on this machine.

    Attributes:
        name: the cluster's name.
        folder: the cluster's folder.
        record: what is recorded of it.
        addresses: its addresses.
    """

    name: str
    folder: Path
    record: Record
    addresses: Addresses

    @property
    def node_folder(self) -> Path:
        """Everything of the node that must outlive a restart."""
        return self.folder / "node"

    @property
    def certificates(self) -> Path:
        """The cluster's authority and every certificate."""
        return control_plane.work_folder(self.name, self.folder) / "pki"

    @property
    def server(self) -> str:
        """The API server as the node's parts and pods reach it."""
        return f"https://{self.addresses.node}:{self.record.ports['kube-apiserver']}"

    def write(self, name: str, text: str) -> Path:
        """A file of the node's configuration."""
        file = self.node_folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


def programs_folder(folder: Path) -> Path:
    """Links to the programs of the node's daemons, by which they are found among all processes."""
    return folder / "node" / "bin"


def with_sbin(path: str) -> str:
    """PATH with the folders of system programs, which some users' lacks."""
    folders = path.split(os.pathsep)
    return os.pathsep.join([*folders, *(each for each in _SBIN if each not in folders)])
