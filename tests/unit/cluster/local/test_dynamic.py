"""What the two resources tell the engine: when to update, to replace, and that something is gone."""

import base64
import pickletools
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pulumi.dynamic.dynamic
import pytest
from pulumi.dynamic import ResourceProvider

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local import nodes as node_objects
from modelyard.cluster.local.dynamic import (
    LocalClusterProvider,
    LocalImageProvider,
    LocalNodesProvider,
    LocalProgramProvider,
)
from modelyard.cluster.local.images import build, node
from modelyard.cluster.local.images import program as programs
from modelyard.cluster.local.images.sources import ImageSource
from modelyard.cluster.local.lifecycle import Access
from modelyard.cluster.local.nodes import PoolNodes
from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.errors import Problem
from tests.unit.cluster.local.conftest import MakeProgram

INPUTS = {"name": "c", "engine": "kwok", "kubernetes_version": "1.35", "__provider": "…"}
ACCESS = Access(kubeconfig="the key", endpoint="https://127.0.0.1:20001")
OUTPUTS = {
    "name": "c",
    "engine": "kwok",
    "kubernetes_version": "1.35",
    "kubeconfig": ACCESS.kubeconfig,
    "endpoint": ACCESS.endpoint,
}


class Machine:
    """A machine with one cluster, or none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.exists = True
        self.alive = True
        self.problems: list[Problem] = []
        monkeypatch.setattr(lifecycle, "exists", self._exists)
        monkeypatch.setattr(lifecycle, "is_alive", self._is_alive)
        monkeypatch.setattr(lifecycle, "start", self._start)
        monkeypatch.setattr(lifecycle.ENGINES["kwok"], "problems", self._problems)

    def _exists(self, _name: str) -> bool:
        return self.exists

    def _is_alive(self, _name: str) -> bool:
        return self.alive

    def _start(self, _name: str) -> Access:
        self.alive = True
        return ACCESS

    def _problems(self, _version: str, own: Collection[str]) -> list[Problem]:
        self.own = own
        return self.problems


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def failures(olds: dict[str, Any], news: dict[str, Any]) -> list[tuple[str, str]]:
    checked = LocalClusterProvider().check(olds, news)
    assert checked.inputs == news
    return [(failure.property, failure.reason) for failure in checked.failures]


def test_a_running_cluster_is_no_change(machine: Machine) -> None:
    diff = LocalClusterProvider().diff("c", OUTPUTS, INPUTS)
    assert (diff.changes, diff.replaces) == (False, None)


def test_a_dead_cluster_is_an_update_that_starts_it(machine: Machine) -> None:
    machine.alive = False
    diff = LocalClusterProvider().diff("c", OUTPUTS, INPUTS)
    assert (diff.changes, diff.replaces) == (True, None)
    assert LocalClusterProvider().update("c", OUTPUTS, INPUTS).outs == OUTPUTS
    assert machine.alive


@pytest.mark.parametrize("key", ["name", "engine", "kubernetes_version"])
def test_what_a_cluster_is_cannot_change_in_place(machine: Machine, key: str) -> None:
    diff = LocalClusterProvider().diff("c", OUTPUTS, {**INPUTS, key: "other"})
    assert (diff.changes, diff.replaces) == (True, [key])
    assert not diff.delete_before_replace, "the old one lives until what ran on it is removed"


def test_a_real_node_of_this_machine_is_removed_before_another_is_made(machine: Machine) -> None:
    old, new = {**OUTPUTS, "engine": "host"}, {**INPUTS, "engine": "host", "name": "other"}
    assert LocalClusterProvider().diff("c", old, new).delete_before_replace
    machine.alive = False
    failures(old, {**INPUTS, "name": "other"})
    assert machine.own == {"c", "other"}, "the old cluster is no reason to refuse the new one"


def test_reading_starts_a_dead_cluster(machine: Machine) -> None:
    machine.alive = False
    read = LocalClusterProvider().read("c", {**OUTPUTS, "__provider": "…"})
    assert (read.id, read.outs) == ("c", OUTPUTS)
    assert machine.alive


def test_reading_reports_a_cluster_that_is_gone(machine: Machine) -> None:
    machine.exists = machine.alive = False
    assert not LocalClusterProvider().read("c", OUTPUTS).id


def test_a_cluster_that_is_gone_is_refused_until_the_state_knows_it(machine: Machine) -> None:
    machine.exists = machine.alive = False
    [(key, reason)] = failures(INPUTS, INPUTS)
    assert key == "name"
    assert "no longer on this machine" in reason
    assert "--refresh" in reason
    assert failures({}, INPUTS) == [], "a refresh has removed it from the state"
    assert failures({**INPUTS, "name": "before"}, INPUTS) == [], "it is to be replaced"


def test_what_is_missing_on_this_machine_is_refused_at_preview(machine: Machine) -> None:
    machine.problems = [Problem(path="engine", why="etcd is not on PATH", fix="run `make env`")]
    assert failures(INPUTS, INPUTS) == [], "nothing needs to be started"
    machine.alive = False
    assert failures(INPUTS, INPUTS) == [("engine", "etcd is not on PATH; run `make env`")]


def nodes(max_nodes: int = 2, gpus_per_node: int = 1) -> dict[str, Any]:
    spec = PoolSpec(accelerator="l4", max_nodes=max_nodes, gpus_per_node=gpus_per_node)
    pool = PoolNodes.of(resolve_pool("l4", spec, runs_containers=False), {})
    return {**pool.to_inputs(), "cluster": "c"}


MADE = {**nodes(), "nodes": ["l4-0", "l4-1"]}


def test_nodes_that_are_as_wanted_are_no_change() -> None:
    assert LocalNodesProvider().diff("c/l4", MADE, nodes()).changes is False


@pytest.mark.parametrize("news", [nodes(max_nodes=3), nodes(max_nodes=1), nodes(gpus_per_node=2)])
def test_a_changed_pool_is_an_update(news: dict[str, Any]) -> None:
    diff = LocalNodesProvider().diff("c/l4", MADE, news)
    assert (diff.changes, diff.replaces) == (True, None)


@pytest.mark.parametrize("present", [[], ["l4-0"], ["l4-0", "l4-1", "l4-2"]])
def test_nodes_that_a_refresh_did_not_find_are_an_update(present: list[str]) -> None:
    assert LocalNodesProvider().diff("c/l4", {**MADE, "nodes": present}, nodes()).changes is True


def test_another_cluster_needs_other_nodes() -> None:
    diff = LocalNodesProvider().diff("c/l4", MADE, {**nodes(), "cluster": "d"})
    assert (diff.replaces, diff.delete_before_replace) == (["cluster"], False)


def test_a_pool_that_becomes_real_lets_go_of_its_simulated_nodes_first() -> None:
    diff = LocalNodesProvider().diff("c/l4", MADE, {**nodes(), "simulated": False})
    assert (diff.replaces, diff.delete_before_replace) == (["simulated"], True)


def test_nodes_of_a_cluster_that_is_gone_are_gone(machine: Machine) -> None:
    machine.exists = False
    assert not LocalNodesProvider().read("c/l4", MADE).id


def test_nodes_of_a_dead_cluster_end_with_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[Path] = []

    def remove(kubeconfig: Path, _nodes: PoolNodes) -> None:
        removed.append(kubeconfig)

    monkeypatch.setattr(node_objects, "remove", remove)
    machine.alive = False
    LocalNodesProvider().delete("c/l4", MADE)
    assert removed == []
    machine.alive = True
    LocalNodesProvider().delete("c/l4", MADE)
    assert [path.name for path in removed] == ["kubeconfig"]


IMAGE = {
    "cluster": "c",
    "repository": "registry.example.org/digits",
    "reference": "registry.example.org/digits:local-1",
    "context": "/project/digits",
    "dockerfile": "Dockerfile",
}


class Images:
    """What is built, and what the cluster's node has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.present: set[str] = set()
        self.built: list[str] = []
        self.problems: list[Problem] = []
        monkeypatch.setattr(build, "provide_archive", self._provide_archive)
        monkeypatch.setattr(build, "problems", self._problems)
        monkeypatch.setattr(node, "is_present", self._is_present)
        monkeypatch.setattr(node, "load", self._load)

    def _provide_archive(self, source: ImageSource) -> Path:
        self.built.append(source.reference)
        return Path(source.reference)

    def _problems(self, _source: ImageSource) -> list[Problem]:
        return self.problems

    def _is_present(self, _cluster: str, reference: str) -> bool:
        return reference in self.present

    def _load(self, _cluster: str, archive: Path) -> None:
        self.present.add(str(archive))


@pytest.fixture
def images(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Images:
    assert machine.alive
    return Images(monkeypatch)


def test_an_image_is_built_and_loaded(images: Images) -> None:
    created = LocalImageProvider().create({**IMAGE, "__provider": "…"})
    assert (created.id, created.outs) == ("c/registry.example.org/digits", IMAGE)
    assert images.built == [IMAGE["reference"]]
    assert images.present == {IMAGE["reference"]}


def test_an_image_that_the_node_has_is_not_built(images: Images) -> None:
    images.present = {IMAGE["reference"]}
    LocalImageProvider().create(IMAGE)
    assert images.built == []


def test_where_the_sources_are_is_no_change(images: Images) -> None:
    images.present = {IMAGE["reference"]}
    moved = {**IMAGE, "context": "/elsewhere/digits", "dockerfile": "docker/Dockerfile"}
    assert not LocalImageProvider().diff("", IMAGE, moved).changes


def test_another_content_is_an_update_that_keeps_the_old_image(images: Images) -> None:
    images.present = {IMAGE["reference"]}
    changed = {**IMAGE, "reference": "registry.example.org/digits:local-2"}
    diff = LocalImageProvider().diff("", IMAGE, changed)
    assert (diff.changes, diff.replaces) == (True, None)
    assert LocalImageProvider().update("", IMAGE, changed).outs == changed
    assert images.present == {IMAGE["reference"], changed["reference"]}


def test_an_image_that_a_running_cluster_has_lost_is_loaded_again(images: Images, machine: Machine) -> None:
    assert LocalImageProvider().diff("", IMAGE, IMAGE).changes
    machine.alive = False
    assert not LocalImageProvider().diff("", IMAGE, IMAGE).changes, "a dead cluster cannot be asked"
    assert not images.built


def test_another_cluster_gets_the_image_too(images: Images) -> None:
    images.present = {IMAGE["reference"]}
    assert LocalImageProvider().diff("", IMAGE, {**IMAGE, "cluster": "d"}).replaces == ["cluster"]


def test_what_cannot_be_built_here_is_refused_at_preview(images: Images, machine: Machine) -> None:
    images.problems = [Problem(path="dockerfile", why="FROM 'node:22' takes Docker", fix="start Docker")]
    checked = LocalImageProvider().check({}, IMAGE)
    assert [(each.property, each.reason) for each in checked.failures] == [
        ("dockerfile", "FROM 'node:22' takes Docker; start Docker")
    ]
    images.present = {IMAGE["reference"]}
    assert LocalImageProvider().check({}, IMAGE).failures == [], "the node has it"
    machine.alive = False
    assert LocalImageProvider().check({}, IMAGE).failures


PROGRAM = {"cluster": "c", "program": "traefik", "reference": "modelyard.dev/traefik:1"}


@pytest.fixture
def loaded(images: Images, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """References of programs that were loaded."""
    found: list[str] = []

    def load(_cluster: str, _program: str, reference: str) -> None:
        found.append(reference)
        images.present.add(reference)

    monkeypatch.setattr(programs, "load", load)
    return found


def test_a_program_is_loaded_once(loaded: list[str]) -> None:
    made = LocalProgramProvider().create(PROGRAM)
    assert (made.id, made.outs) == ("c/traefik", PROGRAM)
    LocalProgramProvider().create(PROGRAM)
    assert loaded == [PROGRAM["reference"]]
    assert not LocalProgramProvider().diff("", PROGRAM, PROGRAM).changes


def test_another_file_of_a_program_is_an_update_and_another_cluster_gets_it_too(loaded: list[str]) -> None:
    LocalProgramProvider().create(PROGRAM)
    changed = {**PROGRAM, "reference": "modelyard.dev/traefik:2"}
    diff = LocalProgramProvider().diff("", PROGRAM, changed)
    assert (diff.changes, diff.replaces) == (True, None)
    assert LocalProgramProvider().update("", PROGRAM, changed).outs == changed
    assert loaded == [PROGRAM["reference"], changed["reference"]]
    assert LocalProgramProvider().diff("", PROGRAM, {**PROGRAM, "cluster": "d"}).replaces == ["cluster"]


def test_a_program_that_a_running_cluster_has_lost_is_loaded_again(loaded: list[str], machine: Machine) -> None:
    assert LocalProgramProvider().diff("", PROGRAM, PROGRAM).changes
    machine.alive = False
    assert not LocalProgramProvider().diff("", PROGRAM, PROGRAM).changes, "a dead cluster cannot be asked"
    assert not loaded


def test_a_program_that_is_not_here_is_refused_at_preview(program: MakeProgram) -> None:
    checked = LocalProgramProvider().check({}, PROGRAM)
    [(name, reason)] = [(each.property, each.reason) for each in checked.failures]
    assert name == "program"
    assert reason.startswith("traefik is not on PATH; run `make up`, which builds it")
    program("traefik", "exit 0")
    assert LocalProgramProvider().check({}, PROGRAM).failures == []


@pytest.mark.parametrize(
    "provider", [LocalClusterProvider, LocalNodesProvider, LocalImageProvider, LocalProgramProvider]
)
def test_the_state_refers_to_providers_by_a_name_that_never_moves(provider: type[ResourceProvider]) -> None:
    serialize: Callable[[ResourceProvider], str] = pulumi.dynamic.dynamic.serialize_provider  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    pickled = base64.b64decode(serialize(provider()))
    words = [argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)]
    assert words == ["modelyard.cluster.local.dynamic", provider.__name__], "a class by reference, and nothing else"
