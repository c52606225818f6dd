"""What rules of a stack are tested with: where things stand in it, and what a case is."""

from typing import Any, NamedTuple

ASSISTANT = "workspaces.chat.services.assistant"
FRAUD = "workspaces.chat.services.fraud"
CONTAINER = f"{FRAUD}.runtime.container"
EMBED = "workspaces.chat.jobs.embed"
SCORE = "workspaces.chat.jobs.score"
FINETUNE = "workspaces.chat.training.finetune"
JOB = {"image": "registry.example.org/a:1.0.0", "pool": "system"}


class Case(NamedTuple):
    """A changed stack, the one line it is refused with, and a near one that passes."""

    refused: dict[str, Any]
    line: str
    passes: dict[str, Any]
