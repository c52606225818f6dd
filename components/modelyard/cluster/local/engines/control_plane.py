"""A real control plane as processes of this machine, with kwok beside it for simulated nodes.

etcd, API server, controller manager and scheduler are started by kwokctl's binary runtime, all on 127.0.0.1 unless an
engine asks otherwise. kwok plays the kubelets of the nodes that carry its annotation.
https://kwok.sigs.k8s.io/docs/user/kwokctl-manage-cluster/
"""

import base64
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from modelyard.cluster.local import processes, programs
from modelyard.cluster.local.api import wait_ready
from modelyard.cluster.local.engines.base import ANNOTATION_SELECTOR, KUBECONFIG
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
PORTS = tuple(_PORT_OPTIONS)
"""The components that listen on a port."""
FIX = "run `make env` and the line that it prints, which put the local cluster's programs on PATH"
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

Arguments = Mapping[str, str]


def problems(kubernetes_version: str) -> Iterator[Problem]:
    """Programs that are missing, or a control plane of another version."""
    absent = list(programs.missing(["kwokctl", "kubectl", *_PROGRAMS.values()], FIX))
    yield from absent
    if absent:
        return
    found = _version(str(shutil.which("kube-apiserver")))
    if not f"{found}.".startswith(f"v{kubernetes_version}."):
        why = f"{kubernetes_version} is asked for, but kube-apiserver on PATH is {found}"
        yield Problem(path="kubernetes_version", why=why, fix=f"change it to that version, or {FIX}")


@cache
def _version(program: str) -> str:
    """`v1.35.4` of `Kubernetes v1.35.4`."""
    shown = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=False, timeout=_VERSION_SECONDS
    )
    return shown.stdout.split()[-1] if shown.stdout.split() else "of unknown version"


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """The control plane of one cluster.

    Attributes:
        name: the cluster's name.
        folder: the cluster's folder.
        record: what is recorded of it; its ports.
        certificate_names: addresses at which the API server is reached beside 127.0.0.1 and those of this machine.
        replaced: arguments by component that kwokctl gives another value.
        added: arguments by component that kwokctl does not give.
    """

    name: str
    folder: Path
    record: Record
    certificate_names: Sequence[str] = ()
    replaced: Mapping[str, Arguments] = field(default_factory=dict[str, Arguments])
    added: Mapping[str, Arguments] = field(default_factory=dict[str, Arguments])

    def create(self) -> None:
        """Start it and wait until it serves. It has no object yet, and no node.

        Raises:
            LocalClusterError: it does not start.
            ConfigError: programs are missing.
        """
        config = self.folder / "kwokctl.yaml"
        config.write_text(yaml.safe_dump(self._configuration()), encoding="utf-8")
        self._kwokctl("create", "cluster", f"--config={config}", "--kubeconfig=")
        self._write_kubeconfig()
        self.start()

    def is_alive(self) -> bool:
        """Whether all processes run and the API server listens."""
        return not self._stopped() and answers(self.record.ports["kube-apiserver"])

    def start(self) -> None:
        """Start the processes that do not run, and wait until the API server serves."""
        for _ in range(_ATTEMPTS):
            stopped = self._stopped()
            if stopped:
                self._forget_processes(stopped)
                require_free(_ports_of(self.record, stopped), self.folder)
                self._kwokctl("start", "cluster")
            self._wait_served()
            if not self._stopped():
                return
        stopped = sorted(self._stopped())
        logs = (processes.tail(self._work / "logs" / f"{component}.log") for component in stopped)
        raise LocalClusterError(f"{', '.join(stopped)} does not keep running; " + "\n".join(logs))

    @property
    def certificates(self) -> Path:
        """The folder of the cluster's authority, `ca.crt` and `ca.key`, and of its administrator."""
        return self._work / "pki"

    @property
    def _work(self) -> Path:
        return work_folder(self.name, self.folder)

    def _stopped(self) -> set[str]:
        return set(_PROGRAMS) - set(processes.running(self._work / "bin"))

    def _kwokctl(self, *arguments: str) -> None:
        # kwokctl would download what it does not find in `bin`. The links are set again at each start: a program may be
        # at another place by then. kwokctl is among them, so that one whose caller was killed is found and ended too.
        links = self._work / "bin"
        processes.link_programs(links, programs.find({"kwokctl": "kwokctl", **_PROGRAMS}, FIX))
        processes.run(
            [links / "kwokctl", *arguments, f"--name={self.name}"],
            log=self.folder / "kwokctl.log",
            environment={**processes.bare_environment(self.folder), "KWOK_WORKDIR": str(self.folder / "kwok")},
            timeout_seconds=_COMMAND_SECONDS,
        )

    def _wait_served(self) -> None:
        """Wait until the API server is ready, and until those that wait for it have seen it or have given up."""
        try:
            wait_ready(self.folder / KUBECONFIG, _READY_SECONDS)
        except LocalClusterError as error:
            log = self._work / "logs" / "kube-apiserver.log"
            raise LocalClusterError(f"{error}; {processes.tail(log)}") from None
        running = processes.running(self._work / "bin").values()
        started = [process.create_time() for each in running for process in each]
        if any(abs(time.time() - each - _PATIENCE_SECONDS) < _LOOK_SECONDS for each in started):
            time.sleep(2 * _LOOK_SECONDS)

    def _forget_processes(self, stopped: Iterable[str]) -> None:
        """Remove the process ids of what does not run: after a restart of the machine they are other programs' ids, and
        kwokctl would take those for its own."""
        for component in stopped:
            (self._work / "pids" / f"{component}.pid").unlink(missing_ok=True)

    def _configuration(self) -> Mapping[str, object]:
        return {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": {
                "runtime": "binary",
                # The default lets the whole network reach the API server.
                "bindAddress": ADDRESS,
                "kubeApiserverCertSANs": list(self.certificate_names),
                **{option: self.record.ports[component] for component, option in _PORT_OPTIONS.items()},
            },
            "componentsPatches": [
                self._etcd(),
                self._api_server(),
                # A single one of each needs no election, which would cost 15 s at each restart.
                self._patch("kube-scheduler", {}, {"leader-elect": "false"}),
                self._patch("kube-controller-manager", {}, {"leader-elect": "false"}),
                self._patch(
                    "kwok-controller",
                    # kwokctl has it manage all nodes, and it would then fake a real one whose kubelet has stopped.
                    {"manage-all-nodes": "false", "node-lease-duration-seconds": str(_LEASE_SECONDS)},
                    {"manage-nodes-with-annotation-selector": ANNOTATION_SELECTOR},
                ),
            ],
        }

    def _patch(self, component: str, replaced: Arguments, added: Arguments) -> Mapping[str, object]:
        """Arguments of a component: those that kwokctl gives too, and further ones."""
        replaced = {**replaced, **self.replaced.get(component, {})}
        added = {**added, **self.added.get(component, {})}
        arguments = [{"key": key, "value": value, "override": True} for key, value in replaced.items()]
        arguments += [{"key": key, "value": value} for key, value in added.items()]
        return {"name": component, "extraArgs": arguments}

    def _etcd(self) -> Mapping[str, object]:
        """etcd holds every Secret: only the cluster's own certificate opens it, not every user of the machine."""
        client = f"https://{ADDRESS}:{self.record.ports['etcd']}"
        peer = f"https://{ADDRESS}:{self.record.ports['etcd-peer']}"
        secured = {
            "cert-file": str(self.certificates / "admin.crt"),
            "key-file": str(self.certificates / "admin.key"),
            "trusted-ca-file": str(self.certificates / "ca.crt"),
            "client-cert-auth": "true",
        }
        return self._patch(
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

    def _api_server(self) -> Mapping[str, object]:
        return self._patch(
            "kube-apiserver",
            {"etcd-servers": f"https://{ADDRESS}:{self.record.ports['etcd']}"},
            {
                "etcd-cafile": str(self.certificates / "ca.crt"),
                "etcd-certfile": str(self.certificates / "admin.crt"),
                "etcd-keyfile": str(self.certificates / "admin.key"),
                # With an etcd before 3.5.8 the API server ends kwok's streaming lists with an error, after which kwok
                # sees a new node or pod up to 40 s late. Without the feature it lists and watches.
                "feature-gates": "WatchList=false",
            },
        )

    def _write_kubeconfig(self) -> None:
        """kwokctl's own kubeconfig names files; this one holds what is in them, so that it can be handed on."""
        server = f"https://{ADDRESS}:{self.record.ports['kube-apiserver']}"
        write_kubeconfig(self.folder / KUBECONFIG, self.name, server, self.certificates, "admin")


def write_kubeconfig(file: Path, name: str, server: str, certificates: Path, user: str) -> None:
    """Write a kubeconfig with one context.

    Args:
        file: where; only its owner can read it.
        name: of cluster, user and context.
        server: the API server's URL.
        certificates: the folder with `ca.crt` and the user's certificate and key.
        user: the name of the user's files there.
    """
    ca, certificate, key = (
        base64.b64encode((certificates / part).read_bytes()).decode()
        for part in ("ca.crt", f"{user}.crt", f"{user}.key")
    )
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": name, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(kubeconfig, sort_keys=False), encoding="utf-8")


def kill(name: str, folder: Path) -> None:
    """End all processes of a control plane, also of one that was never completed."""
    processes.kill(work_folder(name, folder) / "bin")


def is_running(name: str, folder: Path) -> bool:
    """Whether any process of it runs."""
    return bool(processes.running(work_folder(name, folder) / "bin"))


def work_folder(name: str, folder: Path) -> Path:
    """kwokctl's folder of the cluster."""
    return folder / "kwok" / "clusters" / name


def _ports_of(record: Record, components: Iterable[str]) -> Mapping[str, int]:
    wanted = set(components)
    if "etcd" in wanted:
        wanted.add("etcd-peer")
    return {component: port for component, port in record.ports.items() if component in wanted}
