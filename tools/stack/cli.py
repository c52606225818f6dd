"""The two commands."""

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from tools.stack import locks, pending, salt, table
from tools.stack.pulumi import PulumiFailedError, Stack, ask

_PROJECT = Path(__file__).resolve().parents[2]
_USAGE = "usage: python -m tools.stack up|destroy STACK"


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit status, which is Pulumi's own where Pulumi failed."""
    match list(arguments):
        case ["up", name]:
            command = up
        case ["destroy", name]:
            command = destroy
        case _:
            print(_USAGE, file=sys.stderr)
            return 2
    try:
        command(Stack(name=name))
    except PulumiFailedError as failure:
        if str(failure):
            print(failure, file=sys.stderr)
        return failure.status
    return 0


def up(stack: Stack) -> None:
    """Provision the stack, then show its outputs and what runs where."""
    if not stack.exists():
        ask("stack", "init", stack.name, "--no-select")
    _recover(stack)
    # With the program, the cluster is read, and started if it is dead, before anything on it.
    stack.show("up", "--yes", "--skip-preview", "--refresh", "--run-program", "--suppress-outputs")
    print()
    stack.show("stack", "output")
    print()
    print(table.text(table.rows(stack.ask("stack", "output", "kubeconfig", "--show-secrets"))))


def destroy(stack: Stack) -> None:
    """Remove what the stack made, and the stack; its configuration stays."""
    if not stack.exists():
        print(f"there is no stack {stack.name}")
        return
    _recover(stack)
    stack.show("destroy", "--yes", "--skip-preview", "--refresh", "--run-program")
    stack.ask("stack", "rm", "--yes", "--preserve-config")
    salt.remove(_config_file(stack))


def _recover(stack: Stack) -> None:
    """Set right what an engine that was killed left in the stack's state."""
    held = list(locks.locks_of(_project_name(), stack.name))
    if held and all(lock.is_stale for lock in held):
        print(f"the update of process {held[0].pid} from {held[0].timestamp} was killed: releasing its lock")
        stack.ask("cancel", "--yes")
    if not pending.pending_creates(stack.deployment()):
        return
    imports = pending.to_import(stack.deployment(show_secrets=True), _project_name(), stack.name)
    print(f"a killed update left creates pending; found {len(imports)} of the objects")
    pairs = [f"--import-pending-creates={part}" for urn_and_id in imports for part in urn_and_id]
    stack.show("refresh", "--yes", "--skip-preview", "--run-program", "--clear-pending-creates", *pairs)


def _project() -> dict[str, str]:
    return yaml.safe_load((_PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))


def _project_name() -> str:
    return _project()["name"]


def _config_file(stack: Stack) -> Path:
    return _PROJECT / _project()["stackConfigDir"] / f"Pulumi.{stack.name.rsplit('/', 1)[-1]}.yaml"
