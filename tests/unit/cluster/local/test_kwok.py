"""What the kwok engine asks of kwokctl, and what it refuses before it starts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.cluster.local.engines.kwok import KwokEngine
from modelyard.cluster.local.folder import LocalClusterError, Record
from tests.unit.cluster.local.conftest import MakeProgram

PORTS = {component: 20001 + index for index, component in enumerate(KwokEngine.ports)}
RECORD = Record(engine="kwok", kubernetes_version="1.35", ports=PORTS)
PROGRAMS = ("kwokctl", "kubectl", "etcd", "kube-controller-manager", "kube-scheduler", "kwok")


@pytest.fixture
def programs(program: MakeProgram) -> MakeProgram:
    for name in PROGRAMS:
        program(name, "exit 0")
    program("kube-apiserver", "echo Kubernetes v1.35.4")
    return program


def configuration(folder: Path) -> Mapping[str, Any]:
    return yaml.safe_load((folder / "kwokctl.yaml").read_text(encoding="utf-8"))


def arguments(folder: Path, component: str) -> dict[str, str]:
    [patch] = [each for each in configuration(folder)["componentsPatches"] if each["name"] == component]
    return {each["key"]: each["value"] for each in patch["extraArgs"]}


@pytest.fixture
def asked(programs: MakeProgram, tmp_path: Path) -> Path:
    """The folder of a cluster that was asked of a kwokctl which notes what it is called with, and fails."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    programs("kwokctl", f'printf "%s\\n" "$KWOK_WORKDIR" "$HOME" "$@" > {tmp_path}/called; echo no room >&2; exit 1')
    with pytest.raises(LocalClusterError, match=r"(?s)kwokctl create cluster failed with exit code 1; .*no room"):
        KwokEngine().create("c", folder, RECORD)
    return folder


def test_kwokctl_works_in_the_clusters_folder_and_touches_no_other_kubeconfig(asked: Path, tmp_path: Path) -> None:
    called = (tmp_path / "called").read_text(encoding="utf-8").splitlines()
    assert called == [
        str(asked / "kwok"),
        str(asked),
        "create",
        "cluster",
        f"--config={asked}/kwokctl.yaml",
        "--kubeconfig=",
        "--name=c",
    ]


def test_everything_listens_on_this_machine_only_and_on_its_recorded_port(asked: Path) -> None:
    options = configuration(asked)["options"]
    assert options["bindAddress"] == "127.0.0.1"
    assert options["kubeApiserverPort"] == PORTS["kube-apiserver"]
    assert sorted(value for value in options.values() if isinstance(value, int)) == sorted(PORTS.values())
    assert "0.0.0.0" not in json.dumps(configuration(asked))


def test_etcd_opens_to_the_clusters_certificate_only(asked: Path) -> None:
    etcd = arguments(asked, "etcd")
    assert etcd["client-cert-auth"] == etcd["peer-client-cert-auth"] == "true"
    assert etcd["listen-client-urls"] == f"https://127.0.0.1:{PORTS['etcd']}"
    assert arguments(asked, "kube-apiserver")["etcd-servers"] == etcd["advertise-client-urls"]


def test_kwok_manages_annotated_nodes_only(asked: Path) -> None:
    kwok = arguments(asked, "kwok-controller")
    assert kwok == {
        "manage-all-nodes": "false",
        "node-lease-duration-seconds": "20",
        "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
    }


def test_each_cluster_starts_programs_through_links_of_its_own(asked: Path) -> None:
    links = asked / "kwok" / "clusters" / "c" / "bin"
    assert {link.name: link.readlink().name for link in links.iterdir()} == {
        "etcd": "etcd",
        "kube-apiserver": "kube-apiserver",
        "kube-controller-manager": "kube-controller-manager",
        "kube-scheduler": "kube-scheduler",
        "kwok-controller": "kwok",
        "kwokctl": "kwokctl",
    }


def test_a_machine_with_all_programs_has_no_problem(programs: MakeProgram) -> None:
    assert list(KwokEngine().problems("1.35", ())) == []


def test_each_missing_program_is_named_with_the_fix(program: MakeProgram) -> None:
    program("kwokctl", "exit 0")
    found = {problem.why: problem.fix for problem in KwokEngine().problems("1.35", ())}
    assert "etcd is not on PATH" in found
    assert "kwokctl is not on PATH" not in found
    assert "make env" in found["etcd is not on PATH"]


@pytest.mark.parametrize("version", ["1.34", "1.3", "1.350"])
def test_another_version_than_the_one_asked_for_is_refused(programs: MakeProgram, version: str) -> None:
    [problem] = KwokEngine().problems(version, ())
    assert str(problem).startswith(f"kubernetes_version: {version} is asked for, but kube-apiserver on PATH is v1.35.4")
