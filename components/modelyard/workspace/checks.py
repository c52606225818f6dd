"""The checks that a workload's component makes before it registers anything."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from modelyard.component import checked
from modelyard.errors import Problem
from modelyard.kube.names import name_problems
from modelyard.workspace.place import Place
from modelyard.workspace.workspace import Workspace


class _PlacedSpec(Protocol):
    def container_name_problems(self, name: str) -> Iterator[Problem]: ...
    def problems_on(self, place: Place) -> Iterator[Problem]: ...


T = TypeVar("T", bound=_PlacedSpec)


def check_workload(name: str, workspace: Workspace, spec: T) -> T:
    """The spec, once it is valid and can work in this workspace under this name.

    Raises:
        ConfigError: with every problem that was found; those of the spec alone hide the others.
    """

    def name_rule(valid: T) -> Iterable[Problem]:
        yield from name_problems(workspace.workspace_name, name)
        yield from valid.container_name_problems(name)

    def place_rule(valid: T) -> Iterable[Problem]:
        return valid.problems_on(workspace.place)

    return checked(spec, name, name_rule, place_rule)
