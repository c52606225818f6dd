"""Engine kind: a node in a container of Docker, and simulated nodes beside it.

Containers run on the one real node. Pools that this machine cannot have are nodes simulated by the kwok controller,
which runs on the host against kind's API server. https://kind.sigs.k8s.io/docs/user/configuration/
"""

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import yaml

from modelyard.cluster.local import processes, programs
from modelyard.cluster.local.api import wait_ready
from modelyard.cluster.local.engines.base import ANNOTATION_SELECTOR, KUBECONFIG
from modelyard.cluster.local.folder import LocalClusterError, Record
from modelyard.cluster.local.ports import ADDRESS, answers, require_free
from modelyard.errors import Problem
from modelyard.versions import KIND_NODE_IMAGES

_FIX = "install it (https://kind.sigs.k8s.io/docs/user/quick-start/), or set engine: kwok"
_KWOK_FIX = "run `make env` and the line that it prints, which put kwok on PATH, or set engine: kwok"
_LABEL = "io.x-k8s.kind.cluster"
"""The label by which kind itself finds a cluster's containers."""
_ANSWER_SECONDS = 5
_CREATE_SECONDS = 900
_COMMAND_SECONDS = 120
_READY_SECONDS = 120
# A kubelet renews its lease every 10 s and is taken for dead after 40 s; kwok does the same for its nodes.
_LEASE_SECONDS = 40


def docker_problem() -> str | None:
    """Why Docker cannot be used, or None where it answers within a few seconds."""
    docker = shutil.which("docker")
    if docker is None:
        return "docker is not on PATH"
    command = [docker, "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return f"Docker does not answer within {_ANSWER_SECONDS} seconds"
    return None if done.returncode == 0 and done.stdout.strip() else "Docker's daemon does not answer"


class KindEngine:
    """One real node in Docker, and simulated ones."""

    ports = ("kube-apiserver", "kwok-controller")

    def problems(self, kubernetes_version: str, _own: Collection[str]) -> Iterator[Problem]:
        """Programs that are missing, Docker that does not answer, or a version without an image."""
        yield from programs.missing(["kind"], _FIX)
        yield from (each for each in programs.missing(["kwok"], _KWOK_FIX) if "kwok" in each.why)
        docker = docker_problem()
        if docker:
            yield Problem(path="engine", why=docker, fix="start Docker, or set engine: kwok")
        if kubernetes_version not in KIND_NODE_IMAGES:
            known = ", ".join(KIND_NODE_IMAGES)
            why = f"{kubernetes_version} has no image of kind's nodes"
            yield Problem(path="kubernetes_version", why=why, fix=f"use one of {known}")

    def create(self, name: str, folder: Path, record: Record) -> None:
        """Have kind make the cluster, then simulate nodes beside it."""
        self.delete(name, folder)
        config = folder / "kind.yaml"
        networking = {"apiServerAddress": ADDRESS, "apiServerPort": record.ports["kube-apiserver"]}
        document = {"apiVersion": "kind.x-k8s.io/v1alpha4", "kind": "Cluster", "networking": networking}
        config.write_text(yaml.safe_dump(document), encoding="utf-8")
        self._kind(
            folder,
            *("create", "cluster", f"--name={name}", f"--config={config}", f"--kubeconfig={folder / KUBECONFIG}"),
            *(f"--image={KIND_NODE_IMAGES[record.kubernetes_version]}", f"--wait={_READY_SECONDS}s"),
            timeout_seconds=_CREATE_SECONDS,
        )
        self._simulate(folder, record)

    def is_alive(self, name: str, folder: Path, record: Record) -> bool:
        """Whether the containers run, the API server listens and nodes are simulated."""
        return (
            bool(processes.running(_bin(folder)))
            and answers(record.ports["kube-apiserver"])
            and all(state == "running" for _, state in _containers(name))
        )

    def start(self, name: str, folder: Path, record: Record) -> None:
        """Start stopped containers, and kwok."""
        containers = _containers(name)
        if not containers:
            why = f"the containers of the local cluster {name} were removed, and what ran on it is lost"
            raise LocalClusterError(f"{why}; destroy the stack and make it anew")
        stopped = [container for container, state in containers if state != "running"]
        if stopped:
            _docker("start", *stopped)
        wait_ready(folder / KUBECONFIG, _READY_SECONDS)
        self._simulate(folder, record)

    def delete(self, name: str, folder: Path) -> None:
        """Have kind remove the containers, and end kwok."""
        processes.kill(_bin(folder))
        command = ("delete", "cluster", f"--name={name}", f"--kubeconfig={folder / KUBECONFIG}")
        self._kind(folder, *command, timeout_seconds=_COMMAND_SECONDS)

    def images(self, name: str, folder: Path) -> set[str]:
        """What containerd in the first container has."""
        del folder
        container, _ = _containers(name)[0]
        return set(_docker("exec", container, "ctr", "--namespace=k8s.io", "images", "list", "--quiet").split())

    def load(self, name: str, folder: Path, archive: Path) -> None:
        """Have kind hand the archive to its nodes."""
        command = ("load", "image-archive", f"--name={name}", str(archive))
        self._kind(folder, *command, timeout_seconds=_CREATE_SECONDS)

    def _kind(self, folder: Path, *arguments: str, timeout_seconds: int) -> None:
        kind = programs.find({"kind": "kind"}, _FIX)["kind"]
        log = folder / "kind.log"
        processes.run([kind, *arguments], log=log, environment=_environment(), timeout_seconds=timeout_seconds)

    def _simulate(self, folder: Path, record: Record) -> None:
        if processes.running(_bin(folder)):
            return
        port = record.ports["kwok-controller"]
        require_free({"kwok-controller": port}, folder)
        processes.link_programs(_bin(folder), programs.find({"kwok": "kwok"}, _KWOK_FIX))
        command = [
            _bin(folder) / "kwok",
            f"--kubeconfig={folder / KUBECONFIG}",
            # kind's own node is real.
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={ANNOTATION_SELECTOR}",
            f"--node-lease-duration-seconds={_LEASE_SECONDS}",
            f"--server-address={ADDRESS}:{port}",
        ]
        environment = processes.bare_environment(folder)
        processes.start_daemon(command, log=folder / "kwok.log", environment=environment)


def _environment() -> dict[str, str]:
    """The user's environment, which tells where Docker is, without what it has no use for."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "KUBECONFIG"))}
    return {**kept, "KIND_EXPERIMENTAL_PROVIDER": "docker"}


def _bin(folder: Path) -> Path:
    return folder / "bin"


def _containers(name: str) -> Sequence[tuple[str, str]]:
    """Names and states of the cluster's containers."""
    listed = _docker("ps", "--all", f"--filter=label={_LABEL}={name}", "--format={{json .}}")
    containers = [json.loads(line) for line in listed.splitlines() if line]
    return [(container["Names"], container["State"]) for container in containers]


def _docker(*arguments: str) -> str:
    docker = programs.find({"docker": "docker"}, _FIX)["docker"]
    try:
        done = subprocess.run(
            [docker, *arguments], capture_output=True, text=True, check=False, timeout=_COMMAND_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise LocalClusterError(f"docker {arguments[0]} took over {_COMMAND_SECONDS} seconds") from None
    if done.returncode != 0:
        raise LocalClusterError(f"docker {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
