"""What a machine must offer for a real node, and how each refusal reads."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from modelyard.cluster.local.engines.choice import choose
from modelyard.cluster.local.engines.host import claim, cleanup, containerd, preflight
from modelyard.cluster.local.folder import Record, cluster_folder, write_record
from tests.unit.cluster.local.conftest import MakeProgram

STARTED = "echo modelyard-pause 1.0.0"
CONTROL_PLANE = ("kwokctl", "kubectl", "etcd", "kube-controller-manager", "kube-scheduler", "kwok")


@pytest.fixture
def machine(program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProgram:
    """A machine that can have a node, all of whose programs only say that they worked."""
    for name in (*CONTROL_PLANE, *preflight.NODE_PROGRAMS, "modelyard-pause", "openssl", "containerd", "ctr"):
        program(name, "exit 0")
    for name in ("ip", "mount", "umount", "nft"):
        program(name, 'test "$1" != list')
    program("kube-apiserver", "echo Kubernetes v1.35.4")
    program("runc", STARTED)
    plugins = tmp_path / "cni"
    plugins.mkdir()
    for name in containerd.PLUGINS:
        (plugins / name).touch()
    monkeypatch.setattr(containerd, "PLUGIN_FOLDERS", [plugins])
    monkeypatch.setattr(preflight, "path", lambda: os.environ["PATH"])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(claim, "RUN", tmp_path / "run")
    monkeypatch.setattr(claim, "_FILE", tmp_path / "run" / "cluster.json")
    monkeypatch.setattr(cleanup, "KUBELET_SOCKET", tmp_path / "kubelet.sock")
    return program


def refusals(own: Sequence[str] = ()) -> list[str]:
    return [str(problem) for problem in preflight.problems("1.35", own)]


def test_a_machine_that_starts_a_container_has_no_problem_and_keeps_nothing(
    machine: MakeProgram, clusters: Path
) -> None:
    before = set(clusters.parent.parent.parent.iterdir())
    assert refusals() == []
    assert set(clusters.parent.parent.parent.iterdir()) == before
    assert choose("stack", "auto", "1.35").engine == "host"


def test_other_systems_have_no_containers(machine: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert refusals() == ["engine: containers run on Linux only; set engine: kind, or engine: kwok"]


def test_other_users_than_root(machine: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    [refusal] = refusals()
    assert refusal.startswith("engine: only root can run containers without Docker; run as root, or set engine: kwok")
    choice = choose("stack", "auto", "1.35")
    assert choice.engine == "kwok"
    assert "kind is not on PATH, and only root can run containers" in choice.why


@pytest.mark.parametrize("name", ["kubelet", "modelyard-pause"])
def test_a_program_of_the_toolchain_that_is_missing(machine: MakeProgram, name: str) -> None:
    machine(name, "").unlink()
    [refusal] = refusals()
    assert refusal.startswith(f"engine: {name} is not on PATH; run `make env`")


def test_a_program_of_the_system_that_is_missing(machine: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    file = machine("containerd", "")
    file.unlink()
    monkeypatch.setattr(preflight, "path", lambda: str(file.parent))
    [refusal] = refusals()
    assert "containerd is not on PATH; install it (on Debian and Ubuntu: apt-get install containerd" in refusal


def test_network_plugins_that_are_missing(machine: MakeProgram) -> None:
    (containerd.PLUGIN_FOLDERS[0] / "ptp").unlink()
    [refusal] = refusals()
    assert "the CNI plugins ptp, host-local, loopback are absent; install it" in refusal


@pytest.mark.parametrize(
    ("refuser", "why"),
    [
        ("runc", "no container starts here (runc: operation not permitted)"),
        ("mount", "cannot hold containers' file systems (runc: operation not permitted)"),
        ("ip", "no network interface can be made (runc: operation not permitted)"),
        ("nft", "nftables refuses rules (runc: operation not permitted)"),
    ],
)
def test_a_container_around_us_that_may_not_nest(machine: MakeProgram, refuser: str, why: str) -> None:
    machine(refuser, "echo first >&2; echo 'runc: operation not permitted' >&2; exit 1")
    [refusal] = refusals()
    assert why in refusal
    assert "a container that may start containers, or set engine: kwok" in refusal


def test_a_container_that_ends_without_a_word_has_not_run(machine: MakeProgram) -> None:
    machine("runc", "exit 0")
    assert "no container starts here (without saying why)" in refusals()[0]


def test_another_clusters_machine(machine: MakeProgram) -> None:
    folder = cluster_folder("first")
    folder.mkdir(parents=True)
    write_record(folder, Record(engine="host", kubernetes_version="1.35"))
    claim.take("first", folder)
    [refusal] = refusals(["second"])
    assert f"engine: this machine has the real node of the local cluster first ({folder}), and can have one" in refusal
    assert "destroy the stack that made it, or set engine: kwok" in refusal
    assert refusals(["second", "first"]) == [], "which is to be replaced"


def test_another_kubernetes_on_the_machine(machine: MakeProgram) -> None:
    machine("nft", "exit 0")
    assert "another kubelet, or a kube-proxy with rules of nftables, runs on this machine" in refusals()[0]


def test_another_version_of_the_control_plane(machine: MakeProgram) -> None:
    machine("kube-apiserver", "echo Kubernetes v1.34.1")
    assert refusals()[0].startswith("kubernetes_version: 1.35 is asked for, but kube-apiserver on PATH is v1.34.1")
