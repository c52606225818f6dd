"""Engine kwok: a real control plane as processes of this machine, and simulated nodes.

etcd, API server, controller manager and scheduler are started by kwokctl's binary runtime, all on 127.0.0.1. kwok plays
the kubelets of the nodes that carry its annotation: pods are bound by the real scheduler and shown as running, and no
container runs. https://kwok.sigs.k8s.io/docs/user/kwokctl-manage-cluster/
"""

import base64
import importlib
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from modelyard.cluster.local import processes, programs
from modelyard.cluster.local.api import core_api, make_default_storage_class, wait_ready
from modelyard.cluster.local.engines.base import ANNOTATION_SELECTOR, KUBECONFIG, STORAGE_CLASS
from modelyard.cluster.local.folder import LocalClusterError, Record
from modelyard.cluster.local.ports import ADDRESS, answers, require_free
from modelyard.errors import Problem

# kwokctl's name of a component, which is also its name in the folder `bin` of a cluster, and the program that is one.
_PROGRAMS = {
    "etcd": "etcd",
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "kwok-controller": "kwok",
}
# The component that listens, and kwokctl's option for its port.
_PORT_OPTIONS = {
    "etcd": "etcdPort",
    "etcd-peer": "etcdPeerPort",
    "kube-apiserver": "kubeApiserverPort",
    "kube-controller-manager": "kubeControllerManagerPort",
    "kube-scheduler": "kubeSchedulerPort",
    "kwok-controller": "kwokControllerPort",
}
_FIX = "run `make env` and the line that it prints, which put the local cluster's programs on PATH"
_LEASE_SECONDS = 20
"""A kwok that was killed leaves its nodes leased, and its successor starts no pod on them until that is over: with
kwokctl's 200, for over three minutes. Of kwok alone: kwokctl's own option also makes a node count as lost as soon."""
_COMMAND_SECONDS = 180
_READY_SECONDS = 120
_VERSION_SECONDS = 20
# The controller manager ends itself where the API server is not healthy within 20 s, which it looks at every second: on
# a busy machine it has to be started once more.
_ATTEMPTS = 3
_PATIENCE_SECONDS = 20
_LOOK_SECONDS = 2
_REQUEST_SECONDS = 5
_VOLUMES = Path("/tmp/hostpath_pv")  # noqa: S108 - the provisioner's own, fixed place
"""Where the controller manager's provisioner makes a folder for each volume."""


class KwokEngine:
    """Simulated nodes under a real control plane."""

    ports = tuple(_PORT_OPTIONS)

    def problems(self, kubernetes_version: str) -> Iterator[Problem]:
        """Programs that are missing, or a control plane of another version."""
        absent = list(programs.missing(["kwokctl", "kubectl", *_PROGRAMS.values()], _FIX))
        yield from absent
        if absent:
            return
        found = _version(str(shutil.which("kube-apiserver")))
        if not f"{found}.".startswith(f"v{kubernetes_version}."):
            why = f"{kubernetes_version} is asked for, but kube-apiserver on PATH is {found}"
            yield Problem(path="kubernetes_version", why=why, fix=f"change it to that version, or {_FIX}")

    def create(self, name: str, folder: Path, record: Record) -> None:
        """Start a control plane and wait until it serves."""
        config = folder / "kwokctl.yaml"
        config.write_text(yaml.safe_dump(_configuration(name, folder, record)), encoding="utf-8")
        self._kwokctl(name, folder, "create", "cluster", f"--config={config}", "--kubeconfig=")
        _write_kubeconfig(name, folder, record)
        self.start(name, folder, record)
        # The controller manager's own provisioner for one machine; it makes an empty folder for each volume.
        make_default_storage_class(folder / KUBECONFIG, STORAGE_CLASS, "kubernetes.io/host-path", "Immediate")

    def is_alive(self, name: str, folder: Path, record: Record) -> bool:
        """Whether all processes run and the API server listens."""
        return not _stopped(name, folder) and answers(record.ports["kube-apiserver"])

    def start(self, name: str, folder: Path, record: Record) -> None:
        """Start the processes that do not run, and wait until the API server serves."""
        for _ in range(_ATTEMPTS):
            stopped = _stopped(name, folder)
            if stopped:
                _forget_processes(name, folder, stopped)
                require_free(_ports_of(record, stopped), folder)
                self._kwokctl(name, folder, "start", "cluster")
            _wait_served(name, folder)
            if not _stopped(name, folder):
                return
        stopped = sorted(_stopped(name, folder))
        logs = (processes.tail(_work(name, folder) / "logs" / f"{component}.log") for component in stopped)
        raise LocalClusterError(f"{', '.join(stopped)} does not keep running; " + "\n".join(logs))

    def delete(self, name: str, folder: Path) -> None:
        """End all processes."""
        if (folder / KUBECONFIG).exists() and processes.running(_bin(name, folder)):
            _remove_volumes(folder)
        processes.kill(_bin(name, folder))

    def _kwokctl(self, name: str, folder: Path, *arguments: str) -> None:
        # kwokctl would download what it does not find in `bin`. The links are set again at each start: a program may be
        # at another place by then. kwokctl is among them, so that one whose caller was killed is found and ended too.
        targets = programs.find({"kwokctl": "kwokctl", **_PROGRAMS}, _FIX)
        processes.link_programs(_bin(name, folder), targets)
        processes.run(
            [_bin(name, folder) / "kwokctl", *arguments, f"--name={name}"],
            log=folder / "kwokctl.log",
            environment={**processes.bare_environment(folder), "KWOK_WORKDIR": str(folder / "kwok")},
            timeout_seconds=_COMMAND_SECONDS,
        )


def _stopped(name: str, folder: Path) -> set[str]:
    return set(_PROGRAMS) - set(processes.running(_bin(name, folder)))


def _wait_served(name: str, folder: Path) -> None:
    """Wait until the API server is ready, and until those that wait for it have seen it or have given up."""
    try:
        wait_ready(folder / KUBECONFIG, _READY_SECONDS)
    except LocalClusterError as error:
        log = _work(name, folder) / "logs" / "kube-apiserver.log"
        raise LocalClusterError(f"{error}; {processes.tail(log)}") from None
    started = [process.create_time() for each in processes.running(_bin(name, folder)).values() for process in each]
    if any(abs(time.time() - each - _PATIENCE_SECONDS) < _LOOK_SECONDS for each in started):
        time.sleep(2 * _LOOK_SECONDS)


def _work(name: str, folder: Path) -> Path:
    return folder / "kwok" / "clusters" / name


def _bin(name: str, folder: Path) -> Path:
    return _work(name, folder) / "bin"


@cache
def _version(program: str) -> str:
    """`v1.35.4` of `Kubernetes v1.35.4`."""
    shown = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False, timeout=_VERSION_SECONDS
    )
    return shown.stdout.split()[-1] if shown.stdout.split() else "of unknown version"


def _configuration(name: str, folder: Path, record: Record) -> Mapping[str, object]:
    certificates = _work(name, folder) / "pki"
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": {
            "runtime": "binary",
            # The default lets the whole network reach the API server.
            "bindAddress": ADDRESS,
            **{option: record.ports[component] for component, option in _PORT_OPTIONS.items()},
        },
        "componentsPatches": [
            _etcd(certificates, record),
            _api_server(certificates, record),
            # A single one of each needs no election, which would cost 15 s at each restart.
            _patch("kube-scheduler", {}, {"leader-elect": "false"}),
            _patch("kube-controller-manager", {}, {"leader-elect": "false", "enable-hostpath-provisioner": "true"}),
            _patch(
                "kwok-controller",
                # kwokctl has it manage all nodes, and it would then fake a real one whose kubelet has stopped.
                {"manage-all-nodes": "false", "node-lease-duration-seconds": str(_LEASE_SECONDS)},
                {"manage-nodes-with-annotation-selector": ANNOTATION_SELECTOR},
            ),
        ],
    }


def _patch(component: str, replaced: Mapping[str, str], added: Mapping[str, str]) -> Mapping[str, object]:
    """Arguments of a component: those that kwokctl gives too, and further ones."""
    arguments = [{"key": key, "value": value, "override": True} for key, value in replaced.items()]
    arguments += [{"key": key, "value": value} for key, value in added.items()]
    return {"name": component, "extraArgs": arguments}


def _etcd(certificates: Path, record: Record) -> Mapping[str, object]:
    """etcd holds every Secret: only the cluster's own certificate opens it, not every user of the machine."""
    client = f"https://{ADDRESS}:{record.ports['etcd']}"
    peer = f"https://{ADDRESS}:{record.ports['etcd-peer']}"
    secured = {
        "cert-file": str(certificates / "admin.crt"),
        "key-file": str(certificates / "admin.key"),
        "trusted-ca-file": str(certificates / "ca.crt"),
        "client-cert-auth": "true",
    }
    return _patch(
        "etcd",
        {
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"node0={peer}",
        },
        {**secured, **{f"peer-{key}": value for key, value in secured.items()}},
    )


def _api_server(certificates: Path, record: Record) -> Mapping[str, object]:
    return _patch(
        "kube-apiserver",
        {"etcd-servers": f"https://{ADDRESS}:{record.ports['etcd']}"},
        {
            "etcd-cafile": str(certificates / "ca.crt"),
            "etcd-certfile": str(certificates / "admin.crt"),
            "etcd-keyfile": str(certificates / "admin.key"),
            # With an etcd before 3.5.8 the API server ends kwok's streaming lists with an error, after which kwok sees
            # a new node or pod up to 40 s late. Without the feature it lists and watches.
            "feature-gates": "WatchList=false",
        },
    )


def _write_kubeconfig(name: str, folder: Path, record: Record) -> None:
    """kwokctl's own kubeconfig names files; this one holds what is in them, so that it can be handed on."""
    certificates = _work(name, folder) / "pki"
    ca, certificate, key = (
        base64.b64encode((certificates / file).read_bytes()).decode() for file in ("ca.crt", "admin.crt", "admin.key")
    )
    server = f"https://{ADDRESS}:{record.ports['kube-apiserver']}"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": name, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    file = folder / KUBECONFIG
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(kubeconfig, sort_keys=False), encoding="utf-8")


def _remove_volumes(folder: Path) -> None:
    """Remove the folders of volumes that still exist. They are empty: no container has run."""
    exceptions: Any = importlib.import_module("urllib3.exceptions")
    with core_api(folder / KUBECONFIG) as core:
        try:
            volumes = core.list_persistent_volume(_request_timeout=_REQUEST_SECONDS).items
        except (exceptions.HTTPError, OSError):
            return  # half of a cluster does not answer
    for volume in volumes:
        path = volume.spec.host_path and Path(volume.spec.host_path.path)
        if path and path.parent == _VOLUMES and path.is_dir():
            path.rmdir()


def _forget_processes(name: str, folder: Path, stopped: Iterable[str]) -> None:
    """Remove the process ids of what does not run: after a restart of the machine they are other programs' ids, and
    kwokctl would take those for its own."""
    for component in stopped:
        (_work(name, folder) / "pids" / f"{component}.pid").unlink(missing_ok=True)


def _ports_of(record: Record, components: Iterable[str]) -> Mapping[str, int]:
    wanted = set(components)
    if "etcd" in wanted:
        wanted.add("etcd-peer")
    return {component: port for component, port in record.ports.items() if component in wanted}
