"""What the kind engine asks of kind and Docker, against programs that note it: Docker itself is not needed here."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from modelyard.cluster.local import processes
from modelyard.cluster.local.engines import kind
from modelyard.cluster.local.engines.kind import KindEngine
from modelyard.cluster.local.folder import LocalClusterError, Record
from modelyard.cluster.local.ports import choose_ports
from tests.support.processes import wait_until
from tests.unit.cluster.local.conftest import MakeProgram


class Machine:
    """A machine with programs that note how they were called."""

    def __init__(self, folder: Path, program: MakeProgram) -> None:
        self.cluster = folder / "cluster"
        self.cluster.mkdir()
        self.calls = folder / "calls"
        self._program = program
        self.record = Record(engine="kind", kubernetes_version="1.35", ports=choose_ports(KindEngine.ports))
        self.program("kind", "exit 0")
        # Its command line must begin with its own path, like that of a program that is no script.
        self.program("kwok", """exec bash -c 'exec -a "$0" sleep 60' "$0\"""")
        self.containers(running=True)

    def program(self, name: str, script: str) -> None:
        self._program(name, f'echo "{name} $*" >> {self.calls}\n{script}')

    def containers(self, **states: bool) -> None:
        lines = [
            json.dumps({"Names": f"c-{name}", "State": "running" if up else "exited"}) for name, up in states.items()
        ]
        listing = self.cluster.parent / "containers"
        listing.write_text("\n".join(lines), encoding="utf-8")
        self.program("docker", f'case "$1" in version) echo 28.2.2;; ps) cat {listing};; esac')

    def kwok(self) -> psutil.Process:
        """The kwok that was started."""
        wait_until(lambda: "kwok" in processes.running(self.cluster / "bin"), "kwok runs")
        [process] = processes.running(self.cluster / "bin")["kwok"]
        return process

    def called(self) -> list[str]:
        return self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path, program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    def ready_at_once(kubeconfig: Path, timeout_seconds: int) -> None:
        """No API server is behind these programs."""

    monkeypatch.setattr(kind, "wait_ready", ready_at_once)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "horse battery")
    machine = Machine(tmp_path, program)
    yield machine
    processes.kill(machine.cluster / "bin")


def test_kind_makes_a_pinned_cluster_on_this_machine_only(machine: Machine) -> None:
    KindEngine().create("c", machine.cluster, machine.record)
    folder, port = machine.cluster, machine.record.ports["kube-apiserver"]
    delete, create = machine.called()[:2]
    assert delete == f"kind delete cluster --name=c --kubeconfig={folder}/kubeconfig"
    assert create == (
        f"kind create cluster --name=c --config={folder}/kind.yaml --kubeconfig={folder}/kubeconfig "
        "--image=kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0 "
        "--wait=120s"
    )
    assert yaml.safe_load((folder / "kind.yaml").read_text(encoding="utf-8")) == {
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "kind": "Cluster",
        "networking": {"apiServerAddress": "127.0.0.1", "apiServerPort": port},
    }


def test_kwok_runs_beside_it_and_leaves_real_nodes_alone(machine: Machine) -> None:
    KindEngine().create("c", machine.cluster, machine.record)
    machine.kwok()
    assert machine.called()[-1] == (
        f"kwok --kubeconfig={machine.cluster}/kubeconfig --manage-all-nodes=false "
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake --node-lease-duration-seconds=40 "
        f"--server-address=127.0.0.1:{machine.record.ports['kwok-controller']}"
    )


def test_a_failing_kind_is_shown(machine: Machine) -> None:
    machine.program("kind", 'test "$1" = delete || { echo "failed to pull image" >&2; exit 1; }')
    with pytest.raises(LocalClusterError, match=r"(?s)kind create cluster failed with exit code 1.*failed to pull"):
        KindEngine().create("c", machine.cluster, machine.record)


def test_kind_gets_no_secret_of_the_stack_and_docker_whatever_the_user_prefers(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1")
    machine.program("kind", "env > $HOME/environment")
    monkeypatch.setenv("HOME", str(machine.cluster))
    KindEngine().delete("c", machine.cluster)
    environment = (machine.cluster / "environment").read_text(encoding="utf-8")
    assert "horse battery" not in environment
    assert "KIND_EXPERIMENTAL_PROVIDER=docker\n" in environment
    assert "DOCKER_HOST=tcp://10.0.0.1\n" in environment


def test_stopped_containers_are_started_and_others_left(machine: Machine) -> None:
    machine.containers(worker=True, plane=False)
    KindEngine().start("c", machine.cluster, machine.record)
    assert machine.called()[:2] == [
        "docker ps --all --filter=label=io.x-k8s.kind.cluster=c --format={{json .}}",
        "docker start c-plane",
    ]
    machine.kwok()


def test_a_running_cluster_is_left_as_it_is(machine: Machine) -> None:
    KindEngine().start("c", machine.cluster, machine.record)
    before = machine.kwok()
    KindEngine().start("c", machine.cluster, machine.record)
    assert machine.kwok() == before
    assert not [call for call in machine.called() if call.startswith("docker start")]


def test_containers_that_were_removed_cannot_be_started(machine: Machine) -> None:
    machine.containers()
    with pytest.raises(LocalClusterError, match="containers of the local cluster c were removed"):
        KindEngine().start("c", machine.cluster, machine.record)


def test_it_is_dead_without_kwok_or_api_server(machine: Machine) -> None:
    assert not KindEngine().is_alive("c", machine.cluster, machine.record)
    KindEngine().start("c", machine.cluster, machine.record)
    assert not KindEngine().is_alive("c", machine.cluster, machine.record), "nothing listens"


def test_deleting_ends_kwok_too(machine: Machine) -> None:
    KindEngine().create("c", machine.cluster, machine.record)
    machine.kwok()
    KindEngine().delete("c", machine.cluster)
    assert processes.running(machine.cluster / "bin") == {}
    assert machine.called()[-1] == f"kind delete cluster --name=c --kubeconfig={machine.cluster}/kubeconfig"


def test_what_is_missing_is_named(machine: Machine) -> None:
    assert list(KindEngine().problems("1.35", ())) == []
    assert [str(each) for each in KindEngine().problems("1.29", ())] == [
        "kubernetes_version: 1.29 has no image of kind's nodes; use one of 1.35"
    ]
    machine.program("docker", "exit 1")
    [problem] = KindEngine().problems("1.35", ())
    assert str(problem) == "engine: Docker's daemon does not answer; start Docker, or set engine: kwok"


def test_missing_programs_are_named(program: MakeProgram) -> None:
    whys = [problem.why for problem in KindEngine().problems("1.35", ())]
    assert whys == ["kind is not on PATH", "kwok is not on PATH", "docker is not on PATH"]


def test_images_are_those_of_the_real_nodes_containerd(machine: Machine) -> None:
    listing = "registry.example.org/digits:local-1\nregistry.k8s.io/pause:3.10\n"
    names = json.dumps({"Names": "c-control-plane", "State": "running"})
    machine.program("docker", f"case \"$1\" in ps) echo '{names}';; exec) printf '{listing}';; esac")
    assert KindEngine().images("c", machine.cluster) == set(listing.split())
    assert machine.called()[-1] == "docker exec c-control-plane ctr --namespace=k8s.io images list --quiet"


def test_an_archive_is_loaded_by_kind(machine: Machine) -> None:
    KindEngine().load("c", machine.cluster, Path("/cache/local-1.tar"))
    assert machine.called() == ["kind load image-archive --name=c /cache/local-1.tar"]
