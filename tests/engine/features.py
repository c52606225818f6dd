"""What the tests of every kind of cluster show, for the table in the README."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

Level = Literal["real", "simulated", "schema only"]
"""How something is shown: containers run; nodes or the account are simulated; the API server accepts the objects."""
T = TypeVar("T", bound=Callable[..., None])


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A row of the table.

    Attributes:
        name: what it is called there.
        test: the name of the test that shows it.
        at_most: how it is shown at best, whatever runs on the cluster; on nodes with accelerators `simulated`.
        needs: the key of `ClusterTraits.unsupported` under which clusters that do not have it say why.
    """

    name: str
    test: str
    at_most: Level = "real"
    needs: str | None = None


FEATURES: list[Feature] = []


def feature(name: str, *, at_most: Level = "real", needs: str | None = None) -> Callable[[T], T]:
    """The test below shows this on every kind of cluster that has it."""

    def note(test: T) -> T:
        FEATURES.append(Feature(name=name, test=test.__name__, at_most=at_most, needs=needs))
        return test

    return note
