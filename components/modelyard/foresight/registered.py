"""What a stack registers, resource by resource: the components themselves run, against a monitor that makes nothing.

The one module of this room that imports Pulumi and components, and with them the cloud's SDK.
"""

import asyncio
import contextvars
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypedDict

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_pulumi_func

from modelyard.errors import ConfigError, Problem
from modelyard.stack.ml_stack import MLStack
from modelyard.stack.spec import StackSpec
from modelyard.workspace.spec import config_key

_PROJECT = "modelyard"
"""The plan does not know the user's project; it stands in names of the cluster only."""
_EXTRAS = {
    "pulumi_aws": "aws",
    "pulumi_azure_native": "azure",
    "pulumi_gcp": "gcp",
    "kubernetes": "local",
    "psutil": "local",
}
_OWNERS = {
    "aws": "AWS",
    "azure-native": "Azure",
    "gcp": "Google Cloud",
    "kubernetes": "Kubernetes",
    "modelyard": "components",
    "pulumi": "providers",
}
"""By the package in a type's name. What stands on this machine is made by providers that are part of the program."""


class PlannedResource(TypedDict):
    """One resource: its type, its name, and what it waits for.

    `waits_for` has the URNs of what must exist before it and outlive it: what it depends on, and its provider.
    """

    urn: str
    type: str
    name: str
    waits_for: list[str]


def registered(stack: StackSpec, name: str, folder: Path) -> list[PlannedResource]:
    """What a valid stack registers, each resource after those that it waits for, in the same order every time.

    The engine counts one more: the stack itself.

    Nothing is looked up and nothing is made. What only the cloud or the API server knows stays unknown, as in a preview
    of a stack that does not exist yet. A local cluster is the one that this machine would have.

    Args:
        stack: the stack.
        name: of the Pulumi stack, with which names begin.
        folder: where the stack's program stands; the process works there from now on.

    Raises:
        ConfigError: something is wrong that only components check, two resources have the same name, or the SDK of the
            stack's cloud is not installed.
    """
    os.chdir(folder)
    monitor = _Monitor()
    # Pulumi keeps its root resource and its settings in a context.
    contextvars.Context().run(asyncio.run, _run(stack, name, monitor))
    twice = sorted(urn for urn, count in Counter(each["urn"] for each in monitor.found).items() if count > 1)
    if twice:
        # The engine ends an update for the first of them, with what was registered before it made.
        raise ConfigError([_twice(urn) for urn in twice])
    return _in_order(monitor.found)


def owner(resource: PlannedResource) -> str:
    """Whose resource it is: `AWS`, `Kubernetes`, `components`, `providers`, or `this machine`."""
    return _OWNERS.get(resource["type"].partition(":")[0], "this machine")


def counts(resources: Iterable[PlannedResource]) -> dict[str, int]:
    """How many resources are whose."""
    return dict(Counter(map(owner, resources)))


def render(resources: Sequence[PlannedResource]) -> str:
    """The resources of one type that wait for the same types in one line each, with what they wait for.

    What is waited for anyway, as something else waits for it, is left out. Components and providers are counted, and
    have no line of their own: what waits for a provider waits for what that waits for.
    """
    before = _graph(resources)
    types = {each["urn"]: _short(each["type"]) for each in resources if each["urn"] in before}
    amounts = Counter((types[urn], ", ".join(sorted({types[one] for one in before[urn]})) or "-") for urn in before)
    rows = [("COUNT", "TYPE", "WAITS FOR"), *((str(count), *key) for key, count in amounts.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    total = ", ".join(f"{count} {whose}" for whose, count in sorted(counts(resources).items()))
    table = (f"{row[0].rjust(widths[0])}  {row[1].ljust(widths[1])}  {row[2]}" for row in rows)
    return "\n".join([f"resources: {total}", "", *table])


def dot(resources: Sequence[PlannedResource]) -> str:
    """The same graph resource by resource, in Graphviz's language; arrows go to what waits."""
    before = _graph(resources)
    ids = {urn: f"r{number}" for number, urn in enumerate(before)}
    labels = {each["urn"]: f"{_short(each['type'])}\\n{each['name']}" for each in resources}
    nodes = (f'  {ids[urn]} [label="{labels[urn]}"];' for urn in before)
    edges = (f"  {ids[one]} -> {ids[urn]};" for urn in before for one in sorted(before[urn], key=ids.__getitem__))
    return "\n".join(["digraph stack {", "  rankdir=LR;", "  node [shape=box];", *nodes, *edges, "}"])


def _twice(urn: str) -> Problem:
    type_, name = urn.split("::")[2:]
    why = f"two resources {type_.rpartition('$')[2]} would be called {name}, of which Pulumi makes none"
    return Problem(why=why, fix="give one of what they belong to another name")


async def _run(stack: StackSpec, name: str, monitor: "_Monitor") -> None:
    keys = [
        f"modelyard:{config_key(secret)}"
        for workspace in stack.workspaces.values()
        for secret in workspace.secrets.values()
    ]
    pulumi.runtime.set_all_config(dict.fromkeys(keys, ""), keys)
    mocks.set_mocks(monitor.mocks, project=_PROJECT, stack=name, preview=True, monitor=monitor)

    def program() -> None:
        MLStack(name, stack)

    try:
        await run_pulumi_func(program)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if not extra:
            raise
        why = f"needs the package {error.name} to tell its resources"
        raise ConfigError(Problem(path="cluster", why=why, fix=f"pip install modelyard[{extra}]")) from None


class _NoMocks(mocks.Mocks):
    """Never asked: the monitor answers registrations itself, and components look nothing up."""

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        raise AssertionError(f"{args.token} was invoked: components look nothing up")

    def new_resource(self, args: mocks.MockResourceArgs) -> NoReturn:
        raise AssertionError(f"{args.name} was read: components read nothing")


class _Monitor(mocks.MockMonitor):
    """Notes every registration, and answers that the resource has the properties that it was asked for."""

    def __init__(self) -> None:
        super().__init__(_NoMocks())
        self.found: list[PlannedResource] = []

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it: with the types of all ancestors but the root stack."""
        ancestors = parent.split("::")[2] if parent else ""
        chain = f"{ancestors}${type_}" if ancestors and ancestors != "pulumi:pulumi:Stack" else type_
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{chain}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # gRPC's name
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type != "pulumi:pulumi:Stack":
            before = {*request.dependencies, request.provider.rpartition("::")[0]} - {""}
            found: PlannedResource = {
                "urn": urn, "type": request.type, "name": request.name, "waits_for": sorted(before)
            }  # fmt: skip
            self.found.append(found)
        if request.type == "azure-native:containerservice:ManagedCluster":
            # Asked for as a list and answered as a map, which the SDK checks.
            request.object.fields.pop("identity", None)
        return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)


def _short(type_: str) -> str:
    """`aws:eks/nodeGroup:NodeGroup` as `aws:eks/NodeGroup`, `kubernetes:core/v1:Secret` as `kubernetes:Secret`."""
    package, module, kind = type_.split(":")
    if package == "azure-native":
        return f"azure:{module}/{kind}"
    return f"{package}:{module.partition('/')[0]}/{kind}" if package in ("aws", "gcp") else f"{package}:{kind}"


def _in_order(found: Sequence[PlannedResource]) -> list[PlannedResource]:
    """What waits for nothing first, what waits for that next: not as chance has it in which they were registered."""
    depths: dict[str, int] = {}
    for each in found:
        depths[each["urn"]] = 1 + max((depths[urn] for urn in each["waits_for"]), default=0)
    return sorted(found, key=lambda each: (depths[each["urn"]], each["type"], each["name"]))


def _graph(resources: Sequence[PlannedResource]) -> dict[str, set[str]]:
    """What each resource, but components and providers, waits for directly, by URN; in the order of registration."""
    waits = {each["urn"]: each["waits_for"] for each in resources}
    made = [each["urn"] for each in resources if owner(each) not in ("components", "providers")]
    direct = {urn: set(_through(waits[urn], waits, set(made))) for urn in made}
    further: dict[str, set[str]] = {}
    for urn in made:
        further[urn] = direct[urn].union(*(further[one] for one in direct[urn]))
    return {urn: found - set[str]().union(*(further[one] for one in found)) for urn, found in direct.items()}


def _through(urns: Iterable[str], waits: Mapping[str, Sequence[str]], made: set[str]) -> Iterator[str]:
    """These resources; instead of one that is not shown, what it waits for."""
    for urn in urns:
        if urn in made:
            yield urn
        else:
            yield from _through(waits.get(urn, ()), waits, made)
