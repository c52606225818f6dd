"""What a user writes of how the number of replicas follows the load."""

from collections.abc import Iterable

from modelyard.errors import Problem
from modelyard.spec import Count, Percent, spec


@spec
class TargetSpec:
    """What the replicas are kept at on average; with several, the one that asks for most replicas counts."""

    cpu_percent: Percent | None = None
    """CPU in use, percent of what the pods ask for. It says little of a server that computes on GPUs."""
    memory_percent: Percent | None = None
    """Memory in use, percent of what the pods ask for. Only for servers that give memory back."""

    def problems(self) -> Iterable[Problem]:
        """At least one target."""
        if self.cpu_percent is None and self.memory_percent is None:
            yield Problem(why="nothing is chosen", fix="give cpu_percent or memory_percent")


@spec
class AutoscalingSpec:
    """The number of replicas follows the load."""

    min_replicas: Count = 1
    """Never fewer replicas."""
    max_replicas: Count
    """Never more replicas."""
    target: TargetSpec
    """What decides."""

    def problems(self) -> Iterable[Problem]:
        """The bounds in order."""
        if self.min_replicas > self.max_replicas:
            why = f"{self.min_replicas} is above max_replicas {self.max_replicas}"
            yield Problem(path="min_replicas", why=why, fix="raise max_replicas")
