"""What happens to a local cluster: made once, restarted on its own data, removed to the last file."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from modelyard.cluster.local import folder as folders
from modelyard.cluster.local.engines.base import KUBECONFIG, Engine
from modelyard.cluster.local.engines.host import claim
from modelyard.cluster.local.engines.host.engine import HostEngine
from modelyard.cluster.local.engines.kind import KindEngine
from modelyard.cluster.local.engines.kwok import KwokEngine
from modelyard.cluster.local.folder import LocalClusterError, Record, cluster_folder, locked, read_record
from modelyard.cluster.local.ports import choose_ports, reserving

ENGINES: dict[folders.Engine, Engine] = {"kind": KindEngine(), "host": HostEngine(), "kwok": KwokEngine()}
"""The engines by name."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach a cluster.

    Attributes:
        kubeconfig: the file's text; it holds an administrator's key.
        endpoint: the API server's URL.
    """

    kubeconfig: str
    endpoint: str


def create(name: str, engine: folders.Engine, kubernetes_version: str) -> Access:
    """Make the cluster, or take the complete one that an interrupted update has left; half a one is removed first.

    Raises:
        LocalClusterError: it could not be made; what there is of it is removed by the next create or delete.
        ConfigError: programs are missing.
    """
    folder = cluster_folder(name)
    with locked(folder):
        record = read_record(folder)
        if record and record.ready and (record.engine, record.kubernetes_version) == (engine, kubernetes_version):
            ENGINES[engine].start(name, folder, record)
            return _access(folder)
        _clear(name, folder, record)
        with reserving():
            ports = choose_ports(ENGINES[engine].ports)
            record = Record(engine=engine, kubernetes_version=kubernetes_version, ports=ports)
            folders.write_record(folder, record)
        ENGINES[engine].create(name, folder, record)
        folders.mark_ready(folder)
        return _access(folder)


def exists(name: str) -> bool:
    """Whether the cluster was made to the end and not removed since, running or not."""
    record = read_record(cluster_folder(name))
    return record is not None and record.ready


def is_alive(name: str) -> bool:
    """Whether every part of an existing cluster runs."""
    record = read_record(cluster_folder(name))
    return record is not None and record.ready and ENGINES[record.engine].is_alive(name, cluster_folder(name), record)


def start(name: str) -> Access:
    """Start what does not run of an existing cluster, on its own data, certificates and ports.

    Raises:
        LocalClusterError: there is no such cluster, or it does not start.
    """
    with _held(name) as (folder, record):
        ENGINES[record.engine].start(name, folder, record)
        return _access(folder)


def delete(name: str) -> None:
    """Remove the cluster's processes, containers and files, whatever there is of them."""
    folder = cluster_folder(name)
    if not folder.exists() and not claim.is_held(folder):
        return
    with locked(folder):
        _clear(name, folder, read_record(folder))
        shutil.rmtree(folder)


@contextmanager
def _held(name: str) -> Generator[tuple[Path, Record]]:
    folder = cluster_folder(name)
    if not exists(name):
        raise LocalClusterError(gone(name))
    with locked(folder):
        record = read_record(folder)
        if record is None or not record.ready:
            raise LocalClusterError(gone(name))
        yield folder, record


def gone(name: str) -> str:
    """What to say of a cluster that Pulumi's state has and this machine does not."""
    return (
        f"the local cluster {name} is no longer on this machine ({cluster_folder(name)} is gone), and what ran on it "
        "is lost; run `pulumi up --refresh --run-program` to make it anew"
    )


def _clear(name: str, folder: Path, record: Record | None) -> None:
    """Remove all that is in the folder, and what it stands for; the folder itself stays, as its lock is held."""
    if record:
        # An interrupted removal must not look like a complete cluster.
        folders.write_record(folder, replace(record, ready=False))
        ENGINES[record.engine].delete(name, folder)
    elif claim.is_held(folder):
        # Its folder was removed while it ran, as far as that went.
        ENGINES["host"].delete(name, folder)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _access(folder: Path) -> Access:
    text = (folder / KUBECONFIG).read_text(encoding="utf-8")
    endpoint = yaml.safe_load(text)["clusters"][0]["cluster"]["server"]
    return Access(kubeconfig=text, endpoint=endpoint)
