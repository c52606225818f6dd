"""What counts as installed, and what is then missing."""

import time
from pathlib import Path

import pytest

from tests.tools.toolchain_fakes import FakeMachine
from tools.toolchain import detect, install
from tools.toolchain.detect import find_go, look, version_in
from tools.toolchain.pins import ALL_TOOLS, REAL_NODE


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return FakeMachine(tmp_path)


def _missing(machine: FakeMachine, *, real_node: bool = False, gateway: bool = False) -> list[str]:
    found = look(machine.environ, machine.places)
    tools = install.tools_for_a_stack(found, real_node=real_node, gateway=gateway)
    return [tool.name for tool in install.missing(tools, found, machine.places)]


def test_docker_kind_and_pulumi_are_enough(machine: FakeMachine) -> None:
    machine.docker_and_kind()
    machine.pulumi()
    found = look(machine.environ, machine.places)
    assert found.kind
    assert found.language_host
    tools = install.tools_for_a_stack(found, real_node=True)
    install.provide_tools(tools, found, machine.places, machine.environ)
    assert not machine.places.cache.exists()


def test_without_docker_a_control_plane_is_missing_too(machine: FakeMachine) -> None:
    machine.pulumi()
    assert _missing(machine) == ["etcd", "kubernetes", "kwok"]


def test_nothing_is_missing_where_everything_is_installed(machine: FakeMachine) -> None:
    machine.pulumi()
    machine.cluster_tools()
    assert _missing(machine) == []


@pytest.mark.parametrize(
    ("system", "user", "docker", "real"),
    [
        ("Linux", 0, False, True),
        ("Linux", 1000, False, False),
        ("Darwin", 0, False, False),
        ("Linux", 0, True, False),
    ],
)
def test_a_node_of_this_machine_takes_linux_and_root_and_no_docker(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, system: str, user: int, docker: bool, real: bool
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("os.geteuid", lambda: user)
    if docker:
        machine.docker_and_kind()
    assert look(machine.environ, machine.places).real_node is real


def test_a_node_that_runs_containers_takes_its_tools_too(machine: FakeMachine) -> None:
    machine.pulumi()
    machine.cluster_tools()
    assert _missing(machine) == []
    assert _missing(machine, real_node=True) == [tool.name for tool in REAL_NODE]
    machine.node_tools()
    assert _missing(machine, real_node=True) == []


@pytest.mark.parametrize("absent", ["kubelet", "kube-apiserver"])
def test_kubelet_and_api_server_are_both_installed_or_both_ours(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    machine.pulumi()
    machine.cluster_tools()
    machine.node_tools()
    assert _missing(machine, real_node=True) == []
    (machine.programs / absent).unlink()
    assert _missing(machine, real_node=True) == ["kubernetes", "kubernetes-node"]


def test_docker_that_does_not_answer_is_no_docker(machine: FakeMachine) -> None:
    machine.docker_and_kind()
    machine.program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    machine.pulumi()
    assert "kubernetes" in _missing(machine)


def test_docker_without_kind_is_not_enough(machine: FakeMachine) -> None:
    machine.program("docker", "echo 28.0.0")
    machine.pulumi()
    assert "kubernetes" in _missing(machine)


def test_a_hung_docker_is_given_up(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "PROBE_SECONDS", 0.3)
    machine.docker_and_kind()
    machine.program("docker", "exec /bin/sleep 60")
    start = time.monotonic()
    assert not look(machine.environ, machine.places).kind
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("version", "used"), [("v3.253.9", False), ("v3.254.0", True), ("v4.0.0", True)])
def test_pulumi_is_used_from_the_version_that_the_project_requires(
    machine: FakeMachine, version: str, used: bool
) -> None:
    machine.docker_and_kind()
    machine.pulumi(version)
    assert _missing(machine) == ([] if used else ["pulumi"])


def test_pulumi_without_language_host_is_used_without_it(machine: FakeMachine) -> None:
    machine.docker_and_kind()
    machine.program("pulumi", "echo v3.260.0")
    assert not look(machine.environ, machine.places).language_host
    assert _missing(machine) == []


def test_language_host_beside_the_real_file_of_a_linked_pulumi_counts(machine: FakeMachine, tmp_path: Path) -> None:
    machine.pulumi()
    installed = tmp_path / "opt"
    machine.programs.rename(installed)
    machine.programs.mkdir()
    (machine.programs / "pulumi").symlink_to(installed / "pulumi")
    assert look(machine.environ, machine.places).language_host


def test_language_host_of_an_old_pulumi_does_not_count(machine: FakeMachine) -> None:
    machine.pulumi("v3.100.0")
    assert not look(machine.environ, machine.places).language_host


def test_one_old_program_makes_the_whole_set_missing(machine: FakeMachine) -> None:
    machine.pulumi()
    machine.cluster_tools()
    machine.program("kubectl", "echo Client Version: v1.32.4")
    assert _missing(machine) == ["kubernetes"]


def test_a_program_that_fails_is_not_used(machine: FakeMachine) -> None:
    machine.docker_and_kind()
    machine.program("pulumi", "echo v3.260.0; exit 1")
    assert _missing(machine) == ["pulumi"]


def test_own_cache_on_path_is_not_taken_for_an_installation(machine: FakeMachine) -> None:
    machine.pulumi()
    cached = machine.places.programs(ALL_TOOLS[0])
    cached.parent.mkdir(parents=True)
    machine.programs.rename(cached)
    environ = {**machine.environ, "PATH": f"{cached}:{machine.programs}"}
    found = look(environ, machine.places)
    assert found.path == str(machine.programs)
    assert found.installed == frozenset()


def test_other_folders_of_the_checkout_stay_on_path(machine: FakeMachine) -> None:
    own = machine.project / ".venv" / "bin"
    stand_in = machine.project / "tools" / "offline" / "bin" / "host"
    environ = {**machine.environ, "PATH": f"{stand_in}:{own}"}
    assert look(environ, machine.places).path == str(own)


@pytest.mark.parametrize(("version", "used"), [("go1.26.3", False), ("go1.26.4", True), ("go1.27rc1", True)])
def test_go_is_used_when_it_is_new_enough(machine: FakeMachine, version: str, used: bool) -> None:
    go = machine.program("go", f"echo go version {version} linux/amd64")
    assert find_go(machine.environ, machine.places) == (go if used else None)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0\n", (3, 259, 0)),
        ("Kubernetes v1.35.4", (1, 35, 4)),
        ("go version go1.27 linux/amd64", (1, 27, 0)),
        ("nothing", None),
    ],
)
def test_version_in(text: str, version: tuple[int, int, int] | None) -> None:
    assert version_in(text) == version


def test_only_a_stack_with_a_gateway_on_a_real_node_takes_what_acts_on_it(machine: FakeMachine) -> None:
    assert "traefik" not in _missing(machine, real_node=True)
    assert _missing(machine, real_node=True, gateway=True)[-1] == "traefik"
    assert "traefik" not in _missing(machine, gateway=True)
