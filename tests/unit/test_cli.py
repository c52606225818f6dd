"""The command `modelyard` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from modelyard.cli import main
from tests.support.paths import ROOT
from tests.support.stacks import SECRET, stack, stack_file

LOCAL = ROOT / "stacks" / "Pulumi.local.yaml"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "modelyard.cli", *arguments], check=False, capture_output=True, text=True
    )


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A stack file with three problems."""
    fraud = "workspaces.chat.services.fraud"
    return stack_file(tmp_path, stack({f"{fraud}.replicas": "2", f"{fraud}.pol": "x", "pools.l4.max_nodes": 0}))


def test_check_accepts() -> None:
    done = command("check", str(LOCAL))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{LOCAL}: ok\n", "")


def test_check_refuses_with_every_problem_and_no_stack_trace(wrong: Path) -> None:
    done = command("check", str(wrong))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{wrong}: 3 problems",
        "  pools.l4.max_nodes: 0 is below 1; use 1 or more",
        "  workspaces.chat.services.fraud.replicas: '2' is not a whole number; write 2 without quotes",
        "  workspaces.chat.services.fraud.pol: is not a key here; did you mean pool?",
    ]


def test_plan_prints_tables() -> None:
    done = command("plan", str(LOCAL))
    assert (done.returncode, done.stderr) == (0, "")
    assert any(line.split()[:3] == ["chat/finetune", "TrainingJob", "h100"] for line in done.stdout.splitlines())


def test_schema_is_one_that_the_stack_file_keeps() -> None:
    done = command("schema")
    assert (done.returncode, done.stderr) == (0, "")
    Draft202012Validator.check_schema(json.loads(done.stdout))


def test_plan_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(LOCAL), "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["pools"]] == ["system", "l4", "h100"]


@pytest.mark.parametrize("arguments", [["plan"], ["plan", "--json"]])
def test_plan_refuses_as_check_does(arguments: list[str], wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(wrong)]) == 2
    said = capsys.readouterr()
    assert main([*arguments, str(wrong)]) == 2
    assert capsys.readouterr() == said


def test_one_problem_is_not_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 2
    said = f"{tmp_path}: 1 problem\n  {tmp_path} cannot be read (Is a directory); name a stack file\n"
    assert capsys.readouterr().err == said


def test_a_secret_is_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nested = {"workspaces.chat.services.fraud.env.TOKEN": {"secure": SECRET}}
    assert main(["check", str(stack_file(tmp_path, stack(nested)))]) == 2
    assert main(["check", str(stack_file(tmp_path, stack(), {"hf-token": "hf_in_clear_text"}))]) == 2
    said = capsys.readouterr().err
    assert said.count("1 problem\n") == 2
    assert SECRET not in said
    assert "hf_in_clear_text" not in said


@pytest.mark.parametrize("arguments", [[], ["chek"], ["check"], ["check", "a", "b"], ["plan"], ["schema", "a"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: modelyard" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("check", str(LOCAL)), ("plan", str(LOCAL), "--json"), ("schema",)])
def test_it_runs_without_pulumi(arguments: tuple[str, ...]) -> None:
    program = (
        "import sys\n"
        "from modelyard.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('pulumi', 'pulumi_kubernetes', 'grpc')])\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
