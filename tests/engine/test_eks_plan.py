"""What `modelyard plan --resources` says of a stack on EKS is what the engine registers."""

from collections import Counter
from pathlib import Path

import pytest

from modelyard.foresight.registered import registered
from modelyard.stack.file import check_file
from tests.engine.eks_stack import PROD_EKS, eks_stacks
from tests.support.engine import STACK
from tests.support.paths import ROOT

pytestmark = pytest.mark.engine


def test_plan_counts_what_the_engine_registers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It works in the folder of the stack's program, and the next test is to find this one's.
    monkeypatch.chdir(ROOT)
    said = registered(check_file(ROOT / "stacks" / "Pulumi.prod-eks.yaml"), STACK, ROOT / "stacks")
    with eks_stacks(tmp_path) as make:
        done = make(PROD_EKS).project.preview()
    assert done.changes == {"create": len(said) + 1}
    assert Counter(step.type for step in done.steps) == Counter(
        ["pulumi:pulumi:Stack", *(each["type"] for each in said)]
    )
