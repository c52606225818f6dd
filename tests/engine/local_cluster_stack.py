"""The stack that the engine tests of local clusters run: a cluster, its pools, and objects on it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.engine import MakeProject, PulumiProject, projects
from tests.support.local_clusters import cluster_folders, core_api, end_clusters
from tests.support.toolchain import require_tool

POOLS = "dict(system=PoolSpec(cpus=4, memory_gib=16), l4=PoolSpec(accelerator='l4', max_nodes=2))"
NODES = {"system-0", "l4-0", "l4-1"}
OBJECTS = ["team", "settings", "volume"]
"""The logical names of what is on the cluster."""

_PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.local.cluster import LocalCluster
from modelyard.cluster.spec import LocalSpec, PoolSpec

cluster = LocalCluster("local", LocalSpec(engine={engine!r}), {pools})
on_it = pulumi.ResourceOptions(provider=cluster.kubernetes_provider, depends_on=cluster.ready)
team = k8s.core.v1.Namespace("team", metadata={{"name": "team"}}, opts=on_it)
metadata = {{"namespace": team.metadata.name}}
k8s.core.v1.ConfigMap("settings", metadata=metadata, data={{"key": "value"}}, opts=on_it)
size = {{"access_modes": ["ReadWriteMany"], "resources": {{"requests": {{"storage": "1Gi"}}}}}}
k8s.core.v1.PersistentVolumeClaim("volume", metadata={{**metadata, "name": "volume"}}, spec=size, opts=on_it)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("name", cluster.cluster_name)
"""

MakeStack = Callable[..., PulumiProject]


def program(pools: str = POOLS, engine: str = "kwok") -> str:
    """The program's text with these pools."""
    return _PROGRAM.format(pools=pools, engine=engine)


@contextmanager
def stacks(make_project: MakeProject, state_folder: Path) -> Generator[MakeStack]:
    """Make projects whose clusters are all below one state folder, and end all of them afterwards."""

    def make(environment: Mapping[str, str] | None = None, *, engine: str = "kwok") -> PulumiProject:
        settings = {"XDG_STATE_HOME": str(state_folder), **(environment or {})}
        return make_project(program(engine=engine), environment=settings)

    try:
        yield make
    finally:
        end_clusters(state_folder)


@contextmanager
def one_stack(base: Path, engine: str = "kwok") -> Generator[PulumiProject]:
    """
    One such project, made: for tests that share it. What is left of it is removed afterwards.

    Its machine can have neither a real node nor kind.
    """
    require_tool("kwokctl")
    with projects(base) as make_project, stacks(make_project, base / "state") as make:
        made = make(engine=engine)
        take_away(made, "kubelet")
        put_first(made, base / "stand-ins", {"docker": "exit 1"})
        result = made.up()
        assert set(result.changes) == {"create"}
        assert engine != "auto" or "engine kwok, as" in result.messages("info")
        yield made


def put_first(project: PulumiProject, folder: Path, scripts: Mapping[str, str]) -> None:
    """From now on these programs of the folder, in the shell's language, are the first that the project finds."""
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    project.environment["PATH"] = f"{folder}:{project.environment['PATH']}"


def take_away(project: PulumiProject, program: str) -> None:
    """From now on the project's commands do not find a program."""
    folders = project.environment["PATH"].split(":")
    project.environment["PATH"] = ":".join(each for each in folders if not (Path(each) / program).exists())


def kubeconfig_of(project: PulumiProject) -> Path:
    """The kubeconfig of the project's cluster, the only one in its state folder."""
    [folder] = cluster_folders(project.state_folder)
    return folder / "kubeconfig"


def nodes(project: PulumiProject) -> dict[str, Any]:
    """The cluster's nodes by name."""
    with core_api(kubeconfig_of(project)) as core:
        return {node.metadata.name: node for node in core.list_node().items}


def objects(project: PulumiProject) -> dict[str, str]:
    """What is on the cluster, by kind, with the id that an object keeps as long as it lives."""
    with core_api(kubeconfig_of(project)) as core:
        found = {
            "team": core.read_namespace("team"),
            "settings": core.list_namespaced_config_map("team", field_selector="metadata.name!=kube-root-ca.crt").items[
                0
            ],
            "volume": core.read_namespaced_persistent_volume_claim("volume", "team"),
        }
    return {name: each.metadata.uid for name, each in found.items()}


def assert_nothing_left(project: PulumiProject) -> None:
    """No folder of a cluster is left."""
    assert cluster_folders(project.state_folder) == []
