"""Bad stacks in each cloud: refused by `modelyard check`, and as it does by real `pulumi preview`."""

from pathlib import Path

import pytest

from modelyard.cli import main
from tests.engine.local_stack import local_stack, write_stack_file
from tests.engine.refusals import REFUSALS, Refusal

pytestmark = pytest.mark.engine

PREVIEWED = ("eks rules", "gke cluster", "aks rules")
"""Of each cloud the one that takes most to see: its own rules of pools, and several blocks."""
_PULUMIS_OWN = {"an unhandled error occurred: program exited with non-zero exit code: 1"}


def said_by_check(file: Path, refusal: Refusal, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The problems of a bad stack, whose file is good before."""
    spec = refusal.cloud.prod()
    write_stack_file(file, spec)
    assert main(["check", str(file)]) == 0
    refusal.spoil(spec)
    write_stack_file(file, spec)
    capsys.readouterr()
    assert main(["check", str(file)]) == 2
    return [line.strip() for line in capsys.readouterr().err.splitlines()[1:]]


@pytest.mark.parametrize("case", REFUSALS)
def test_check_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """Every problem at once, and none that a case does not name."""
    beginnings = REFUSALS[case].beginnings
    problems = said_by_check(tmp_path / "Pulumi.test.yaml", REFUSALS[case], capsys)
    assert len(problems) == len(beginnings)
    assert [start for start in beginnings if not any(each.startswith(start) for each in problems)] == []


@pytest.mark.parametrize("case", PREVIEWED)
def test_preview_refuses_what_check_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """In the same words, with nothing registered, nothing asked of the cloud, and no stack trace."""
    refusal = REFUSALS[case]
    world = refusal.cloud.world(tmp_path / "account")
    with local_stack(tmp_path / "refused", refusal.cloud.prod(), environment=world.environment()) as stack:
        problems = said_by_check(stack.file, refusal, capsys)
        result = stack.project.preview(fails=True)
        assert stack.project.resources() == []
    shown = result.messages("error").splitlines()
    assert sorted(line for line in shown if line not in _PULUMIS_OWN) == sorted(problems)
    assert "Traceback" not in result.text
    assert {step.type for step in result.steps} <= {"pulumi:pulumi:Stack"}
    assert world.calls() == []
