"""Engine host: what runs containers under Kubernetes, started as processes of this machine and removed to the last."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from modelyard.cluster.local import processes, programs
from modelyard.cluster.local.api import NODES, connected
from modelyard.cluster.local.engines import control_plane
from modelyard.cluster.local.engines.base import KUBECONFIG
from modelyard.cluster.local.engines.control_plane import ControlPlane
from modelyard.cluster.local.engines.host import (
    addons,
    claim,
    containerd,
    kubelet,
    network,
    objects,
    preflight,
)
from modelyard.cluster.local.engines.host.certificates import issue
from modelyard.cluster.local.engines.host.commands import path
from modelyard.cluster.local.engines.host.machine import NODE, NODE_PORTS, Addresses, Machine, programs_folder
from modelyard.cluster.local.folder import LocalClusterError, Record, write_record
from modelyard.cluster.local.ports import ADDRESS, answers, require_free
from modelyard.errors import Problem

_READY_SECONDS = 120
_READY_POLL_SECONDS = 0.2
_DAEMONS: Mapping[str, Callable[[Machine], list[str]]] = {
    "containerd": containerd.configure,
    "kubelet": kubelet.configure,
    "kube-proxy": addons.proxy,
    "coredns": addons.dns,
    "metrics-server": addons.metrics,
    "local-path-provisioner": addons.volumes,
}
"""The node's processes, and what writes the configuration of each and returns its arguments."""


class HostEngine:
    """A real node as processes of this machine, and simulated ones, under a control plane like kwok's."""

    ports = (*control_plane.PORTS, *NODE_PORTS)

    def problems(self, kubernetes_version: str, own: Collection[str]) -> Iterable[Problem]:
        """What is missing or refused, or the other cluster that has this machine."""
        return preflight.problems(kubernetes_version, own)

    def create(self, name: str, folder: Path, record: Record) -> None:
        """Take the machine, start a control plane and the node, and wait until the node is ready."""
        claim.take(name, folder)
        record = replace(record, network=str(network.choose_addresses().network))
        write_record(folder, record)
        machine = _machine(name, folder, record)
        _prepare(machine)
        _plane(machine).create()
        _run_node(machine)

    def is_alive(self, name: str, folder: Path, record: Record) -> bool:
        """Whether all processes run, the API server listens and the node has its address."""
        machine = _machine(name, folder, record)
        return claim.is_held(folder) and network.is_up() and not _stopped(machine) and _plane(machine).is_alive()

    def start(self, name: str, folder: Path, record: Record) -> None:
        """Start what does not run. Containers whose processes live are taken over by the new containerd."""
        claim.take(name, folder)
        machine = _machine(name, folder, record)
        _prepare(machine)
        _plane(machine).start()
        _run_node(machine)

    def delete(self, _name: str, folder: Path) -> None:
        """End all processes and containers and remove what they have made on the machine."""
        claim.release(folder)

    def images(self, name: str, folder: Path) -> set[str]:
        """References of the images on the node."""
        _require_held(name, folder)
        return containerd.images()

    def load(self, name: str, folder: Path, archive: Path) -> None:
        """Take in the images of a docker-archive."""
        _require_held(name, folder)
        containerd.load(archive)


def _require_held(name: str, folder: Path) -> None:
    if not claim.is_held(folder):
        raise LocalClusterError(f"the local cluster {name} does not run; run the update again, which starts it")


def _machine(name: str, folder: Path, record: Record) -> Machine:
    if record.network is None:
        raise LocalClusterError(f"the network of the local cluster {name} is not recorded; destroy it, make it anew")
    addresses = Addresses(network=IPv4Network(record.network))
    return Machine(name=name, folder=folder, record=record, addresses=addresses)


def _plane(machine: Machine) -> ControlPlane:
    addresses, certificates = machine.addresses, machine.certificates
    aggregation = {
        "requestheader-client-ca-file": str(certificates / "ca.crt"),
        # The user of kwokctl's one certificate, which is also the API server's own towards metrics-server.
        "requestheader-allowed-names": "kwok-admin",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "enable-aggregator-routing": "true",
    }
    to_kubelets = {
        "kubelet-certificate-authority": str(certificates / "ca.crt"),
        "kubelet-client-certificate": str(certificates / "admin.crt"),
        "kubelet-client-key": str(certificates / "admin.key"),
        "kubelet-preferred-address-types": "InternalIP",
    }
    served = {"advertise-address": addresses.node, "service-cluster-ip-range": str(addresses.services)}
    return ControlPlane(
        name=machine.name,
        folder=machine.folder,
        record=machine.record,
        certificate_names=(addresses.node, addresses.api),
        # One address only can be given, and it is asked at two: the guard of the node's network keeps others out.
        replaced={"kube-apiserver": {"bind-address": "0.0.0.0"}},  # noqa: S104
        added={
            "kube-apiserver": {
                **aggregation, **to_kubelets, **served, "enable-admission-plugins": "NodeRestriction"
            },
            "kube-controller-manager": {"service-cluster-ip-range": str(addresses.services)},
            "kwok-controller": {"cidr": str(addresses.simulated_pods)},
        },
    )  # fmt: skip


def _prepare(machine: Machine) -> None:
    """What the control plane does not have to wait for, and needs itself: addresses, and a containerd on its way."""
    network.set_up(machine)
    processes.link_programs(
        programs_folder(machine.folder), programs.find({name: name for name in _DAEMONS}, control_plane.FIX)
    )
    _start(machine, "containerd")


def _run_node(machine: Machine) -> None:
    _issue_certificates(machine)
    objects.apply(machine)
    containerd.wait_answering()
    containerd.load_pause(machine)
    _start(machine, *_DAEMONS)
    _wait_ready(machine)


def _issue_certificates(machine: Machine) -> None:
    folder, node = machine.certificates, machine.addresses.node
    issue(folder, "kubelet", f"system:node:{NODE}", group="system:nodes")
    issue(folder, "kubelet-server", f"system:node:{NODE}", group="system:nodes", addresses=[node])
    issue(folder, "kube-proxy", "system:kube-proxy")
    issue(folder, "coredns", objects.DNS_USER)
    issue(folder, "metrics-server", objects.METRICS_USER)
    issue(folder, "local-path-provisioner", objects.PROVISIONER_USER)
    service = f"metrics-server.{objects.SYSTEM_NAMESPACE}.svc"
    issue(folder, "metrics-server-server", service, addresses=[service])


def _start(machine: Machine, *names: str) -> None:
    """Start those of these daemons that do not run."""
    stopped = _stopped(machine)
    for name in names:
        if name in stopped:
            _start_daemon(machine, name)


def _start_daemon(machine: Machine, name: str) -> None:
    port = machine.record.ports.get(name)
    if port:
        address = ADDRESS if name == "kube-proxy" else machine.addresses.node
        require_free({name: port}, machine.folder, address)
    arguments = _DAEMONS[name](machine)
    links = programs_folder(machine.folder)
    # containerd looks for its shim beside itself and on PATH.
    environment = {**processes.bare_environment(machine.node_folder), "PATH": path()}
    processes.start_daemon([links / name, *arguments], log=_log(machine, name), environment=environment)


def _stopped(machine: Machine) -> set[str]:
    return set(_DAEMONS) - set(processes.running(programs_folder(machine.folder)))


def _log(machine: Machine, name: str) -> Path:
    return machine.node_folder / "logs" / f"{name}.log"


def _wait_ready(machine: Machine) -> None:
    """Wait until the node is ready and every process has stayed."""
    deadline = time.monotonic() + _READY_SECONDS
    before: set[str] = set()
    while True:
        stopped = _stopped(machine)
        # While a program is being started it bears its parent's name or none, so that one look is not enough.
        if lost := sorted(stopped & before):
            logs = "\n".join(processes.tail(_log(machine, name)) for name in lost)
            raise LocalClusterError(f"{', '.join(lost)} of the node does not keep running; {logs}")
        if not stopped and _listens(machine) and _is_ready(machine):
            return
        before = stopped
        if time.monotonic() > deadline:
            why = f"the node is not ready after {_READY_SECONDS} seconds"
            raise LocalClusterError(f"{why}; {processes.tail(_log(machine, 'kubelet'))}")
        time.sleep(_READY_POLL_SECONDS)


def _listens(machine: Machine) -> bool:
    """Whether kubelet and CoreDNS answer: for a while the API server still has a dead kubelet's node as ready."""
    return all(answers(machine.record.ports[each], machine.addresses.node) for each in ("kubelet", "coredns"))


def _is_ready(machine: Machine) -> bool:
    with connected(machine.folder / KUBECONFIG) as api:
        nodes = api.list_of(NODES, fieldSelector=f"metadata.name={NODE}")
    conditions = [each for node in nodes for each in node["status"].get("conditions", ())]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
