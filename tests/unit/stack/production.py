"""The stacks of production on the three clouds, as their files have them and changed."""

import json
from collections.abc import Callable
from typing import Any

import yaml

from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import load_stack
from tests.support.mocks import Recorded, run
from tests.support.paths import ROOT

Change = Callable[[dict[str, Any]], object]


def prod(cloud: str, change: Change = lambda _: None) -> str:
    """The stack of `stacks/Pulumi.prod-CLOUD.yaml`, changed."""
    file = ROOT / "stacks" / f"Pulumi.prod-{cloud}.yaml"
    stack = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]["modelyard:stack"]
    change(stack)
    return json.dumps(stack)


def made(cloud: str, change: Change = lambda _: None) -> Recorded:
    """What it registers."""
    spec = load_stack(prod(cloud, change))
    return run(lambda: MLStack("main", spec))


def add_volume(stack: dict[str, Any]) -> None:
    """A volume that is mounted from several nodes."""
    stack["workspaces"]["chat"]["volumes"] = {"models": {"size_gib": 100, "shared": True}}
