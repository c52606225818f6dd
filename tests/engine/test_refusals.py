"""Bad stacks through real `pulumi preview`: refused in the words of `modelyard check`, with nothing registered."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from modelyard.cli import main
from tests.engine.local_stack import LocalStack, local_stack
from tests.support.update import Result

pytestmark = pytest.mark.engine

GOOD: dict[str, Any] = {
    "cluster": {"local": {"engine": "kwok"}},
    "pools": {
        "system": {"cpus": 8, "memory_gib": 32, "max_nodes": 2},
        "h100": {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 2},
    },
    "workspaces": {
        "chat": {
            "services": {
                "assistant": {
                    "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
                    "runtime": {"vllm": {}},
                    "pool": "h100",
                    "gpus": 8,
                }
            },
            "jobs": {
                "score": {
                    "image": "registry.example.org/score:1.0.0",
                    "pool": "system",
                    "cpus": 1,
                    "memory_gib": 1,
                    "schedule": "0 2 * * *",
                    "timeout_seconds": 3600,
                }
            },
        }
    },
}
"""What each case makes bad."""
_PULUMIS_OWN = {"an unhandled error occurred: program exited with non-zero exit code: 1"}
SECRET = "hunter2-do-not-show"


def _shape(stack: Any) -> None:
    """Errors that are seen in a single value."""
    chat = stack["workspaces"]["chat"]
    chat["services"]["assistant"]["replica"] = 2
    chat["services"]["assistant"]["gpus"] = "8"
    stack["pools"]["h100"]["max_nodes"] = 0
    stack["pools"]["system"]["memory_gib"] = -1
    chat["jobs"]["score"]["cpus"] = True
    chat["jobs"]["score"]["schedule"] = "61 2 * * *"
    chat["jobs"]["score"]["image"] = None


def _rules(stack: Any) -> None:
    """Errors that take more than one block to see."""
    chat = stack["workspaces"]["chat"]
    chat["services"]["assistant"]["gpus"] = 3
    chat["jobs"]["nowhere"] = {**chat["jobs"]["score"], "schedule": "0 2 * * *", "pool": "h200"}
    chat["jobs"]["limited"] = {**chat["jobs"]["nowhere"], "pool": "system", "memory_gib": 2, "memory_limit_gib": 1}
    chat["jobs"]["n" * 40] = {**chat["jobs"]["nowhere"], "pool": "system"}


def _secrets(stack: Any) -> None:
    """One that is nowhere, and one that is not encrypted."""
    stack["workspaces"]["chat"]["secrets"] = {name: {"from": f"config/{name}"} for name in ("token", "clear")}


def _secret_inside(stack: Any) -> None:
    stack["workspaces"]["chat"]["services"]["assistant"]["env"] = {"TOKEN": {"secure": SECRET}}


CASES: dict[str, tuple[Callable[[Any], None], dict[str, Any], list[str]]] = {
    "shape": (
        _shape,
        {},
        [
            "workspaces.chat.services.assistant.replica: ",
            "workspaces.chat.services.assistant.gpus: ",
            "pools.h100.max_nodes: ",
            "pools.system.memory_gib: ",
            "workspaces.chat.jobs.score.cpus: ",
            "workspaces.chat.jobs.score.schedule: ",
            "workspaces.chat.jobs.score.image: ",
        ],
    ),
    "rules": (
        _rules,
        {},
        [
            "workspaces.chat.services.assistant.gpus: 3 does not divide a node of 8; use 1, 2, 4 or 8",
            "workspaces.chat.jobs.nowhere.pool: ",
            "workspaces.chat.jobs.limited.memory_limit_gib: ",
            f"workspaces.chat.jobs.{'n' * 40}: ",
        ],
    ),
    "secrets": (
        _secrets,
        {"modelyard:clear": SECRET},
        [
            "workspaces.chat.secrets.token.from: the key modelyard:token is missing;",
            "workspaces.chat.secrets.clear.from: the key modelyard:clear is in clear text; ",
        ],
    ),
}
"""What makes the stack bad, further keys of the file, and how some of the messages begin."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that was never made."""
    with local_stack(tmp_path_factory.mktemp("refused"), GOOD) as made:
        yield made


def configure(stack: LocalStack, config: dict[str, Any]) -> None:
    """Write the stack's file with this configuration."""
    content = yaml.safe_load(stack.file.read_text(encoding="utf-8"))
    stack.file.write_text(yaml.safe_dump({**content, "config": config}, sort_keys=False), encoding="utf-8")


def refused(stack: LocalStack) -> Result:
    """Preview the stack, which must be refused with nothing registered and no stack trace."""
    result = stack.project.preview(fails=True)
    assert "Traceback" not in result.text
    assert {step.type for step in result.steps} <= {"pulumi:pulumi:Stack"}
    assert stack.project.resources() == []
    assert SECRET not in result.text
    return result


def said_by_check(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The problems that `modelyard check` finds."""
    capsys.readouterr()
    assert main(["check", str(stack.file)]) == 2
    return [line.strip() for line in capsys.readouterr().err.splitlines()[1:]]


def test_the_good_stack_is_taken(stack: LocalStack) -> None:
    """What the cases start from has no fault, so that each is refused for its own."""
    configure(stack, {"modelyard:stack": GOOD})
    assert main(["check", str(stack.file)]) == 0
    assert stack.project.preview().changes.keys() == {"create"}


@pytest.mark.parametrize("case", CASES)
def test_preview_refuses_what_check_refuses(stack: LocalStack, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """Every problem at once, in the same words. Their order is the file's in one, the alphabet's in the other."""
    spoil, keys, beginnings = CASES[case]
    bad = copy.deepcopy(GOOD)
    spoil(bad)
    configure(stack, {**keys, "modelyard:stack": bad})
    problems = said_by_check(stack, capsys)
    assert [problem for problem in problems if not problem.startswith(tuple(beginnings))] == []
    assert [start for start in beginnings if not any(each.startswith(start) for each in problems)] == []
    shown = refused(stack).messages("error").splitlines()
    assert sorted(line for line in shown if line not in _PULUMIS_OWN) == sorted(problems)


@pytest.mark.parametrize("value", ["a text", None, ["a", "list"]], ids=["text", "nothing", "list"])
def test_a_stack_that_is_no_mapping(stack: LocalStack, capsys: pytest.CaptureFixture[str], value: Any) -> None:
    """Also where it is no mapping at all."""
    configure(stack, {"modelyard:stack": value})
    problems = said_by_check(stack, capsys)
    assert len(problems) == 1
    assert problems[0] in refused(stack).messages("error")


def test_no_stack(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without our key."""
    configure(stack, {})
    problems = said_by_check(stack, capsys)
    assert [problem.split(";")[0] for problem in problems] == ["modelyard:stack: is missing"]
    assert problems[0] in refused(stack).messages("error")


def test_secret_inside_the_stack(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    """Check sees where it is; the program only sees that the whole is a secret, or that it cannot be decrypted."""
    bad = copy.deepcopy(GOOD)
    _secret_inside(bad)
    configure(stack, {"modelyard:stack": bad})
    [problem] = said_by_check(stack, capsys)
    assert problem.startswith("workspaces.chat.services.assistant.env.TOKEN: is a secret")
    refused(stack)

    configure(stack, {"modelyard:stack": GOOD})
    stack.project.run(
        *("config", "set", "--secret", "--path", "modelyard:stack.workspaces.chat.services.assistant.env.TOKEN", SECRET)
    )
    [problem] = said_by_check(stack, capsys)
    assert problem.startswith("workspaces.chat.services.assistant.env.TOKEN: is a secret")
    assert "give it a key of its own" in refused(stack).messages("error")


@pytest.mark.parametrize(
    "text",
    ["config:\n  modelyard:stack:\n    cluster: {}\n    cluster: {}\n", "config: [unclosed\n", "- config\n"],
    ids=["double key", "no YAML", "no mapping"],
)
def test_a_file_that_pulumi_cannot_read(stack: LocalStack, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Pulumi's own parser comes first here; check says it in our words."""
    before = stack.file.read_text(encoding="utf-8")
    stack.file.write_text(text, encoding="utf-8")
    try:
        assert said_by_check(stack, capsys)
        refused(stack)
    finally:
        stack.file.write_text(before, encoding="utf-8")


PYTHON = """
import pulumi

from modelyard import (
    ContainerSpec, LocalCluster, LocalSpec, ModelService, ModelServiceSpec, PoolSpec, RuntimeSpec, Workspace,
    WorkspaceSpec,
)

runtime = RuntimeSpec(container=ContainerSpec(image="registry.example.org/web:1", port=8080, ready_path="/"))
spec = ModelServiceSpec(runtime=runtime, pool="system", SPEC)
cluster = LocalCluster("c", LocalSpec(engine="kwok"), {"system": PoolSpec(cpus=8, memory_gib=32, max_nodes=2)})
ModelService("web", Workspace("team", cluster, WorkspaceSpec()), spec)
"""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('cpus="1", memory_gib=1', "web.cpus: "),
        ("cpus=1, memory_gib=1, gpus=1", "web.gpus: pool system has no GPUs; choose a pool with an accelerator"),
    ],
    ids=["type", "rule"],
)
def test_python_gets_the_same_errors(stack: LocalStack, arguments: str, problem: str) -> None:
    """A program that builds a spec wrongly is refused by the component: no object of it is registered."""
    program = stack.folder / "stacks" / "__main__.py"
    before = program.read_text(encoding="utf-8")
    program.write_text(PYTHON.replace("SPEC", arguments), encoding="utf-8")
    try:
        result = stack.project.preview(fails=True)
    finally:
        program.write_text(before, encoding="utf-8")
    assert problem in result.messages("error")
    assert "Traceback" not in result.text
    assert not [step.urn for step in result.steps if "ModelService" in step.urn]
