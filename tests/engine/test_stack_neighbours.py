"""Two projects on one machine, one of which uses modelyard as a library, and a third that reads their outputs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.local_stack import Json, LocalStack, uids
from tests.engine.services import service
from tests.support.engine import PulumiProject, write_project

pytestmark = pytest.mark.engine

SPEC: Json = {
    "cluster": {"local": {"engine": "kwok"}},
    "pools": {"system": {"cpus": 8, "memory_gib": 32, "max_nodes": 1}},
    "workspaces": {
        "team": {"services": {"web": service("registry.example.org/web:1.0.0", container={"ready_path": "/"})}}
    },
}
LIBRARY = """
import modelyard as my

runtime = my.RuntimeSpec(container=my.ContainerSpec(image="registry.example.org/web:IMAGE", port=8080, ready_path="/"))
web = my.ModelServiceSpec(runtime=runtime, pool="system", cpus=1, memory_gib=1)
spec = my.StackSpec(
    cluster=my.ClusterSpec(local=my.LocalSpec(engine="kwok")),
    pools={"system": my.PoolSpec(cpus=8, memory_gib=32, max_nodes=1)},
    workspaces={"team": my.WorkspaceStackSpec(services={"web": web})},
)
my.MLStack("platform", spec).outputs.export()
"""
READER = """
import pulumi

from modelyard import StackOutputs

outputs = StackOutputs.of(pulumi.StackReference("organization/infra/test"))
pulumi.export("cluster", outputs.cluster_name)
pulumi.export("web", outputs.services.apply(lambda services: services["team/web"]))
pulumi.export("kubeconfig", outputs.kubeconfig)
"""


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Two stacks that share the user's folders."""

    own: LocalStack
    """The project itself."""
    library: PulumiProject
    """Somebody else's project, which imports the library."""

    @property
    def library_cluster(self) -> Path:
        """The data of the second one's cluster."""
        [folder] = (self.own.project.state_folder / "modelyard" / "local").glob("infra-test-*")
        return folder


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    """Both stacks, made at the same time."""
    own = LocalStack(tmp_path_factory.mktemp("own"), SPEC)
    base = own.base / "elsewhere"
    write_project(base / "infra", LIBRARY.replace("IMAGE", "1.0.0"), name="infra")
    shared = {key: own.project.environment[key] for key in ("XDG_STATE_HOME", "PULUMI_BACKEND_URL")}
    library = PulumiProject(base / "infra", base / "scratch", environment=shared)
    try:
        both = [project.start("up", "--yes", "--skip-preview") for project in (own.project, library)]
        results = [each.wait() for each in both]
        assert [each.exit_code for each in results] == [0, 0], "".join(each.text for each in results)
        yield Neighbours(own=own, library=library)
    finally:
        library.close()
        own.close()


def test_each_has_a_cluster_of_its_own(neighbours: Neighbours) -> None:
    """Made at once from the same spec: no port in common, and the same objects on each."""
    assert len(neighbours.own.daemons()) == 5
    own: Json = json.loads((neighbours.own.cluster_folder / "cluster.json").read_text())["ports"]
    other: Json = json.loads((neighbours.library_cluster / "cluster.json").read_text())["ports"]
    assert own.keys() == other.keys()
    assert not set(own.values()) & set(other.values())
    assert len({*own.values(), *other.values()}) == len(own) + len(other)
    assert {each["type"] for each in neighbours.library.resources()} == {
        each["type"] for each in neighbours.own.project.resources()
    }


def test_outputs_are_read_by_another_stack(neighbours: Neighbours, tmp_path: Path) -> None:
    """Typed outputs through a StackReference; what was secret stays secret."""
    write_project(tmp_path / "apps", READER, name="apps")
    shared = {"PULUMI_BACKEND_URL": neighbours.own.project.environment["PULUMI_BACKEND_URL"]}
    reader = PulumiProject(tmp_path / "apps", tmp_path / "scratch", environment=shared)
    reader.up()
    assert reader.outputs() == {
        "cluster": neighbours.library_cluster.name,
        "web": "http://web.team.svc",
        "kubeconfig": "[secret]",
    }
    kubeconfig = (neighbours.library_cluster / "kubeconfig").read_text()
    assert reader.outputs(show_secrets=True)["kubeconfig"] == kubeconfig
    assert "client-key-data" in kubeconfig
    assert "client-key-data" not in json.dumps(reader.export())


def test_one_changes_and_goes_and_the_other_stays(neighbours: Neighbours) -> None:
    """An update and the destroy of one touch nothing of the other."""
    own, library = neighbours.own, neighbours.library
    before = uids(own.of_workspace("team")) | uids(own.get("pods"))
    library.write(LIBRARY.replace("IMAGE", "2.0.0"))
    assert library.up().changes["update"] == 1
    folder = neighbours.library_cluster

    library.destroy()

    assert not folder.exists()
    assert len(own.daemons()) == len(own.processes()) == 5
    assert uids(own.of_workspace("team")) | uids(own.get("pods")) == before
    assert own.project.preview("--expect-no-changes").unchanged


def test_a_cluster_is_removed_dead_too(neighbours: Neighbours) -> None:
    """Runs last: it removes the other one."""
    own = neighbours.own
    own.kill_daemons()
    assert set(own.project.destroy().changes) == {"delete"}
    assert own.processes() == []
    assert list((own.project.state_folder / "modelyard" / "local").iterdir()) == []
    assert own.project.resources() == []
