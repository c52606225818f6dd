"""The command `modelyard`: what can be said of a stack file without an engine, a cluster or an account."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from modelyard.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0, or 2 where the stack file is refused; argparse exits with 2 on wrong usage.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        print(options.run(options))
    except ConfigError as error:
        print(_refusal(error, options.file), file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modelyard", description="Look at a stack file before anything is made.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="validate a stack file; every problem at once, exit code 2")
    check.add_argument("file", type=Path, help="for example stacks/Pulumi.local.yaml")
    check.set_defaults(run=_check)

    plan = commands.add_parser("plan", help="print what the stack would make, pool by pool and workload by workload")
    plan.add_argument("file", type=Path, help="for example stacks/Pulumi.local.yaml")
    plan.add_argument("--json", action="store_true", help="as JSON")
    more = plan.add_mutually_exclusive_group()
    more.add_argument(
        "--resources",
        action="store_true",
        help="also how many resources of AWS and of Kubernetes, by type, and what waits for what; takes some seconds",
    )
    more.add_argument("--graph", action="store_true", help="only the graph of all resources, for Graphviz")
    plan.set_defaults(run=_plan)

    schema = commands.add_parser("schema", help="print the JSON Schema of a stack file, for editors")
    schema.set_defaults(run=_schema, file=None)
    return parser


def _check(options: argparse.Namespace) -> str:
    from modelyard.stack.file import check_file

    check_file(options.file)
    return f"{options.file}: ok"


def _plan(options: argparse.Namespace) -> str:
    from modelyard.foresight.plan import plan
    from modelyard.foresight.plan_text import render
    from modelyard.stack.file import check_file

    stack = check_file(options.file)
    planned = plan(stack)
    if not (options.resources or options.graph):
        return json.dumps(planned, indent=2) if options.json else render(planned)

    # Loaded here: it imports Pulumi and the SDK of the stack's cloud.
    from modelyard.foresight import registered

    resources = registered.registered(stack, _stack_name(options.file), options.file.resolve().parent)
    if options.graph:
        return registered.dot(resources)
    if options.json:
        return json.dumps({**planned, "resources": resources}, indent=2)
    return f"{render(planned)}\n\n{registered.render(resources)}"


def _stack_name(file: Path) -> str:
    """`prod` for `Pulumi.prod.yaml`; another file's name says nothing of a stack's."""
    parts = file.name.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == "Pulumi" else "stack"


def _schema(_: argparse.Namespace) -> str:
    from modelyard.stack.schema import file_schema

    return json.dumps(file_schema(), indent=2)


def _refusal(error: ConfigError, file: Path) -> str:
    count = len(error.problems)
    lines = [f"{file}: {count} problem{'s' if count > 1 else ''}"]
    return "\n".join([*lines, *(f"  {problem}" for problem in error.problems)])


if __name__ == "__main__":
    sys.exit(main())
