"""What `modelyard plan --resources` says, against what the components register, and as a command."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.cluster.eks import control_plane
from modelyard.errors import ConfigError
from modelyard.foresight.registered import PlannedResource, counts, dot, registered, render
from modelyard.stack.file import check_file, read_file
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support.mocks import run
from tests.support.paths import ROOT
from tests.support.stacks import stack, stack_file

EKS = ROOT / "stacks" / "Pulumi.prod-eks.yaml"


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The local cluster looks for one that it made before; the working folder is put back after the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def eks() -> list[PlannedResource]:
    """The resources of production on EKS."""
    return registered(check_file(EKS), "test", ROOT)


def resources(**waits_for: tuple[str, list[str]]) -> list[PlannedResource]:
    """Resources by name, each with its type and what it waits for."""
    return [
        {"urn": name, "type": type_, "name": name, "waits_for": before} for name, (type_, before) in waits_for.items()
    ]


CHAIN = resources(
    net=("aws:ec2/vpc:Vpc", []),
    part=("aws:ec2/subnet:Subnet", ["net"]),
    other=("aws:ec2/subnet:Subnet", ["net"]),
    plane=("aws:eks/cluster:Cluster", ["net", "part", "other"]),
    way=("pulumi:providers:kubernetes", ["plane"]),
    whole=("modelyard:workspace:Workspace", []),
    home=("kubernetes:core/v1:Namespace", ["way", "whole"]),
    nodes=("pulumi-python:dynamic/modelyard:LocalNodes", []),
)


def short(urn: str) -> str:
    """Types and name, without the project and the stack."""
    return urn.split("::", 2)[2]


def test_it_is_what_the_program_registers(eks: list[PlannedResource]) -> None:
    recorded = run(MLStack.from_config, config={"modelyard:stack": read_file(EKS).stack or ""}).registrations
    said = {short(each["urn"]): {short(urn) for urn in each["waits_for"]} for each in eks}
    assert said == {
        short(each.urn): {short(urn) for urn in {*each.depends_on, each.provider.rpartition("::")[0]} - {""}}
        for each in recorded
    }


def test_two_of_the_same_name_are_refused_as_the_engine_refuses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that a list of the user's decides are told apart by the components; if they were not, it is said here."""

    def plain_names(entries: Iterable[str], plain: Callable[[str], str]) -> dict[str, str]:
        return {each: plain(each) for each in entries}

    monkeypatch.setattr(control_plane, "logical_names", plain_names)
    admins = [f"arn:aws:iam::{account}:role/ops" for account in ("111122223333", "444455556666")]
    spec = check_file(EKS)
    assert spec.cluster.eks
    eks_spec = replace(spec.cluster.eks, admins=admins)
    with pytest.raises(
        ConfigError, match="two resources aws:eks/accessEntry:AccessEntry would be called test-"
    ) as said:
        registered(replace(spec, cluster=replace(spec.cluster, eks=eks_spec)), "test", ROOT)
    assert len(said.value.problems) == 2, "the entry, and its policy"


def test_each_stands_after_what_it_waits_for(eks: list[PlannedResource]) -> None:
    seen: set[str] = set()
    for each in eks:
        assert set(each["waits_for"]) <= seen
        seen.add(each["urn"])


def test_secrets_and_a_local_cluster_need_no_configuration_and_no_engine() -> None:
    found = registered(load_stack(json.dumps(stack())), "test", ROOT)
    assert any(each["type"] == "kubernetes:core/v1:Secret" for each in found)
    assert counts(found)["this machine"] > 1
    assert "AWS" not in counts(found)


def test_counts_by_whose_they_are() -> None:
    assert counts(CHAIN) == {"AWS": 4, "providers": 1, "components": 1, "Kubernetes": 1, "this machine": 1}


def test_types_with_what_they_wait_for_directly_also_through_a_provider() -> None:
    head, empty, *lines = render(CHAIN).splitlines()
    assert head == "resources: 4 AWS, 1 Kubernetes, 1 components, 1 providers, 1 this machine"
    assert not empty
    assert [line.split(maxsplit=2) for line in lines] == [
        ["COUNT", "TYPE", "WAITS FOR"],
        ["1", "aws:ec2/Vpc", "-"],
        ["2", "aws:ec2/Subnet", "aws:ec2/Vpc"],
        ["1", "aws:eks/Cluster", "aws:ec2/Subnet"],
        ["1", "kubernetes:Namespace", "aws:eks/Cluster"],
        ["1", "pulumi-python:LocalNodes", "-"],
    ]


def test_graph_for_graphviz() -> None:
    lines = [line.strip() for line in dot(CHAIN).splitlines()]
    assert (lines[0], lines[-1]) == ("digraph stack {", "}")
    assert r'r3 [label="aws:eks/Cluster\nplane"];' in lines
    assert [line for line in lines if "->" in line] == [
        "r0 -> r1;", "r0 -> r2;", "r1 -> r3;", "r2 -> r3;", "r3 -> r4;"
    ]  # fmt: skip


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`modelyard plan` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "modelyard.cli", "plan", *arguments], check=False, capture_output=True, text=True
    )


def test_plan_prints_them_after_its_tables(eks: list[PlannedResource]) -> None:
    done = command("--resources", str(EKS))
    assert (done.returncode, done.stderr) == (0, "")
    assert "chat/assistant" in done.stdout
    assert done.stdout.endswith(render(eks) + "\n")


def test_plan_prints_the_graph_alone(tmp_path: Path) -> None:
    done = command("--graph", str(stack_file(tmp_path, stack())))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("digraph stack {")


def test_plan_as_json_has_them_where_they_are_asked_for(tmp_path: Path) -> None:
    file = str(stack_file(tmp_path, stack()))
    assert json.loads(command("--json", "--resources", file).stdout)["resources"]
    assert "resources" not in json.loads(command("--json", file).stdout)


def test_what_only_components_refuse_is_refused_here_too(tmp_path: Path) -> None:
    file = stack_file(tmp_path, stack({"cluster": {"local": {"engine": "kwok", "crds": "nowhere"}}}))
    assert command(str(file)).returncode == 0
    done = command("--resources", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere" in done.stderr


def without_aws(file: Path) -> subprocess.CompletedProcess[str]:
    """`modelyard plan --resources` where the AWS SDK is not installed."""
    program = (
        "import sys; sys.modules['pulumi_aws'] = None\n"
        "from modelyard.cli import main; sys.exit(main(['plan', '--resources', sys.argv[1]]))"
    )
    return subprocess.run([sys.executable, "-c", program, str(file)], check=False, capture_output=True, text=True)


def test_a_missing_sdk_is_named_with_what_installs_it() -> None:
    done = without_aws(EKS)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[1:] == [
        "  cluster: needs the package pulumi_aws to tell its resources; pip install modelyard[aws]"
    ]


def test_another_clouds_sdk_is_not_missed(tmp_path: Path) -> None:
    assert without_aws(stack_file(tmp_path, stack())).returncode == 0
