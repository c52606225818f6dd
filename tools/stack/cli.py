"""The two commands, for the project in the current folder."""

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from tools.stack import backend, locks, orphans, pending, salt, table, trial
from tools.stack.pulumi import PulumiFailedError, Stack, ask

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
        backend.repair()
        command(Stack(name=name))
    except PulumiFailedError as failure:
        if str(failure):
            print(failure, file=sys.stderr)
        return failure.status
    except trial.TrialError as failure:
        print(f"the stack is up, but {failure}", file=sys.stderr)
        return 1
    return 0


def up(stack: Stack) -> None:
    """Provision the stack, then show its outputs and what runs where."""
    if not stack.exists():
        ask("stack", "init", stack.name, "--no-select")
    _recover(stack)
    # With the program, the cluster is read, and started if it is dead, before anything on it.
    stack.show("up", "--yes", "--skip-preview", "--refresh", "--run-program", "--suppress-outputs")
    print(flush=True)
    stack.show("stack", "output")
    print(flush=True)
    kubeconfig = stack.ask("stack", "output", "kubeconfig", "--show-secrets")
    pods = table.rows(kubeconfig)
    print(table.text(pods), table.summary(pods), sep="\n\n")
    tried = trial.find(_config_folder(), _short_name(stack))
    if tried:
        print(f"\n{trial.run(tried, kubeconfig, pods)}")


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
    """Set right what an engine or a provider that was killed left behind."""
    held = list(locks.locks_of(_project()["name"], stack.name))
    if held and all(lock.is_stale for lock in held):
        print(
            f"the update of process {held[0].pid} from {held[0].timestamp} was killed: releasing its lock", flush=True
        )
        stack.ask("cancel", "--yes")
    exported = stack.export()
    begun = pending.pending_creates(exported.get("deployment") or {})
    if begun:
        found = pending.existing_objects(stack.export(show_secrets=True)["deployment"], _project()["name"], stack.name)
        print(f"a killed update left {len(begun)} creates pending; {len(found)} of the objects are there", flush=True)
        exported["deployment"] = pending.settle(exported["deployment"], found)
        stack.replace_state(exported)
    for orphan in orphans.remove(exported.get("deployment") or {}, _project()["name"], stack.name):
        print(f"removed {orphan}: a failed update made it, and the stack does not know it", flush=True)


def _project() -> dict[str, str]:
    return yaml.safe_load(Path("Pulumi.yaml").read_text(encoding="utf-8"))


def _short_name(stack: Stack) -> str:
    return stack.name.rsplit("/", 1)[-1]


def _config_folder() -> Path:
    return Path(_project().get("stackConfigDir", ""))


def _config_file(stack: Stack) -> Path:
    return _config_folder() / f"Pulumi.{_short_name(stack)}.yaml"
