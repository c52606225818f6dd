"""Look at and end local clusters: their daemons outlive every command, and so every test that fails."""

import importlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil


def daemons(state_folder: Path) -> dict[str, psutil.Process]:
    """The live daemons of all clusters below `XDG_STATE_HOME`, by cluster and program: `NAME/etcd`."""
    found: dict[str, psutil.Process] = {}
    clusters = state_folder / "modelyard" / "local"
    for process in psutil.process_iter(["cmdline", "status"]):
        arguments = process.info["cmdline"]
        if not arguments or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        program = Path(arguments[0])
        if program.is_relative_to(clusters):
            found[f"{program.relative_to(clusters).parts[0]}/{program.name}"] = process
    return found


def kill_daemons(state_folder: Path) -> None:
    """SIGKILL all daemons at once, as a crash of the machine would."""
    processes = daemons(state_folder).values()
    for process in processes:
        process.kill()
    psutil.wait_procs(list(processes), timeout=10)


def cluster_folders(state_folder: Path) -> list[Path]:
    """The folders of all clusters below `XDG_STATE_HOME`."""
    return sorted((state_folder / "modelyard" / "local").glob("*"))


def listening_ports(state_folder: Path) -> dict[str, set[tuple[str, int]]]:
    """Addresses on which each daemon listens."""
    return {
        name: {(each.laddr.ip, each.laddr.port) for each in process.net_connections("tcp") if each.status == "LISTEN"}
        for name, process in daemons(state_folder).items()
    }


def end_clusters(state_folder: Path) -> None:
    """Leave nothing of any cluster below `XDG_STATE_HOME`."""
    kill_daemons(state_folder)
    if os.path.lexists(state_folder):
        shutil.rmtree(state_folder)


@contextmanager
def core_api(kubeconfig: Path) -> Generator[Any]:
    """The official client's `CoreV1Api` of the cluster that a kubeconfig describes."""
    client: Any = importlib.import_module("kubernetes.client")
    config: Any = importlib.import_module("kubernetes.config")
    with config.new_client_from_config(str(kubeconfig)) as api:
        yield client.CoreV1Api(api)
