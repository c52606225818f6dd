"""Machines made of fake programs, for the toolchain's tests."""

import shutil
from pathlib import Path

from tools.toolchain.pins import REAL_NODE
from tools.toolchain.places import Places

_PROJECT = Path(__file__).resolve().parents[2]


class FakeMachine:
    """A PATH of its own with shell scripts in the place of programs, an empty home and an empty cache."""

    def __init__(self, root: Path) -> None:
        self.programs = root / "bin"
        self.home = root / "home"
        self.project = root / "project"
        for folder in (self.programs, self.home, self.project):
            folder.mkdir()
        shutil.copy(_PROJECT / "requirements.lock", self.project)
        self.places = Places(project=self.project, cache=root / "cache")

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a person at this machine."""
        return {"PATH": f"{self.programs}", "HOME": str(self.home)}

    def program(self, name: str, body: str) -> Path:
        """Install a program; `body` is its shell script."""
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        file.chmod(0o755)
        return file

    def docker_and_kind(self) -> None:
        """Install Docker that answers, and kind."""
        self.program("docker", "echo 28.0.0")
        self.program("kind", "exit 0")

    def pulumi(self, version: str = "v3.260.1") -> None:
        """Install Pulumi with its Python language host beside it."""
        self.program("pulumi", f"echo {version}")
        self.program("pulumi-language-python", "exit 0")

    def cluster_tools(self, kubernetes: str = "v1.35.0") -> None:
        """Install what a control plane without Docker takes."""
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            self.program(name, f"echo Kubernetes {kubernetes}")
        self.program("kubectl", f"echo Client Version: {kubernetes}")
        self.program("kwok", "echo kwok version v0.7.0 go1.26 linux/amd64")
        self.program("kwokctl", "echo kwokctl version v0.7.0 go1.26 linux/amd64")
        self.program("etcd", "echo etcd Version: 3.6.1")
        self.program("etcdctl", "echo etcdctl version: 3.6.1")

    def node_tools(self, kubernetes: str = "v1.35.0") -> None:
        """Install what a node that runs containers takes besides the distribution's packages."""
        for tool in REAL_NODE:
            for program in tool.programs:
                self.program(program.name, f"echo {program.name} v{tool.version}")
        for name in ("kubelet", "kube-proxy"):
            self.program(name, f"echo Kubernetes {kubernetes}")
