"""What an engine of local clusters offers."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Protocol

from modelyard.cluster.local.folder import Record
from modelyard.errors import Problem

KUBECONFIG = "kubeconfig"
"""File in a cluster's folder, readable by its user only, with one context named like the cluster."""
STORAGE_CLASS = "standard"
"""The default StorageClass of every local cluster, named as kind names its own."""
FAKE_NODE_ANNOTATION = "kwok.x-k8s.io/node"
"""kwok simulates the nodes that carry this annotation with the value `fake`, and leaves every other node alone."""
FAKE_NODE = "fake"
ANNOTATION_SELECTOR = f"{FAKE_NODE_ANNOTATION}={FAKE_NODE}"


class Engine(Protocol):
    """Makes, restarts and removes clusters. Callers hold the lock of the cluster's folder."""

    @property
    def ports(self) -> tuple[str, ...]:
        """The components that listen on a port of this machine."""
        ...

    def problems(self, kubernetes_version: str, own: Collection[str], /) -> Iterable[Problem]:
        """What this machine lacks to run a cluster of that version beside the stack's `own` ones. Changes nothing."""
        ...

    def create(self, name: str, folder: Path, record: Record) -> None:
        """Make the cluster in an empty folder with the recorded ports, and write its kubeconfig there."""
        ...

    def is_alive(self, name: str, folder: Path, record: Record) -> bool:
        """Whether every part of it runs."""
        ...

    def start(self, name: str, folder: Path, record: Record) -> None:
        """Start what does not run, on the cluster's own data, certificates and ports."""
        ...

    def delete(self, name: str, folder: Path, /) -> None:
        """End whatever there is of it, also where it was never completed. Its folder is removed by the caller."""
        ...

    def images(self, name: str, folder: Path, /) -> set[str]:
        """References of the images that its nodes have."""
        ...

    def load(self, name: str, folder: Path, archive: Path, /) -> None:
        """Give its nodes the images of a docker-archive, under the references that are in it."""
        ...
