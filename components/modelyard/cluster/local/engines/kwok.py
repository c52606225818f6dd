"""Engine kwok: a real control plane and simulated nodes, without Docker or root.

Pods are bound by the real scheduler and shown as running, and no container runs. https://kwok.sigs.k8s.io/
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from modelyard.cluster.local.api import UNREACHABLE, ApiError, connected, make_default_storage_class
from modelyard.cluster.local.engines import control_plane
from modelyard.cluster.local.engines.base import KUBECONFIG, STORAGE_CLASS
from modelyard.cluster.local.engines.control_plane import ControlPlane
from modelyard.cluster.local.folder import Record
from modelyard.errors import Problem

_REQUEST_SECONDS = 5
_VOLUMES = Path("/tmp/hostpath_pv")  # noqa: S108 - the provisioner's own, fixed place
"""Where the controller manager's provisioner makes a folder for each volume."""


class KwokEngine:
    """Simulated nodes under a real control plane."""

    ports = control_plane.PORTS

    def problems(self, kubernetes_version: str, _own: Collection[str]) -> Iterable[Problem]:
        """Programs that are missing, or a control plane of another version."""
        return control_plane.problems(kubernetes_version)

    def create(self, name: str, folder: Path, record: Record) -> None:
        """Start a control plane and wait until it serves."""
        _plane(name, folder, record).create()
        # The controller manager's own provisioner for one machine; it makes an empty folder for each volume.
        make_default_storage_class(folder / KUBECONFIG, STORAGE_CLASS, "kubernetes.io/host-path", "Immediate")

    def is_alive(self, name: str, folder: Path, record: Record) -> bool:
        """Whether all processes run and the API server listens."""
        return _plane(name, folder, record).is_alive()

    def start(self, name: str, folder: Path, record: Record) -> None:
        """Start the processes that do not run, and wait until the API server serves."""
        _plane(name, folder, record).start()

    def delete(self, name: str, folder: Path) -> None:
        """End all processes."""
        if (folder / KUBECONFIG).exists() and control_plane.is_running(name, folder):
            _remove_volumes(folder)
        control_plane.kill(name, folder)

    def images(self, _name: str, _folder: Path) -> set[str]:
        """None: nothing runs that could have an image."""
        return set()

    def load(self, _name: str, _folder: Path, _archive: Path) -> None:
        """Nothing to do: no container runs."""


def _plane(name: str, folder: Path, record: Record) -> ControlPlane:
    added = {"kube-controller-manager": {"enable-hostpath-provisioner": "true"}}
    return ControlPlane(name=name, folder=folder, record=record, added=added)


def _remove_volumes(folder: Path) -> None:
    """Remove the folders of volumes that still exist. They are empty: no container has run."""
    with connected(folder / KUBECONFIG, _REQUEST_SECONDS) as api:
        try:
            volumes = api.list_of("/api/v1/persistentvolumes")
        except (ApiError, *UNREACHABLE):
            return  # half of a cluster does not answer
    for volume in volumes:
        path = Path(volume["spec"].get("hostPath", {}).get("path", ""))
        if path.parent == _VOLUMES and path.is_dir():
            path.rmdir()
