"""A stack on the simulated account with AWS's latencies, through the real engine."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.engine.cloud_servers import CloudServers
from tests.engine.eks_stack import eks_stacks


def simulated(folder: Path, spec: Mapping[str, Any], scale: float) -> tuple[float, float]:
    """How long it takes to make a stack and to delete it again, seconds.

    Args:
        folder: where, to be made.
        spec: the stack.
        scale: of AWS's times.
    """
    folder.mkdir()
    with closing(CloudServers(folder)) as servers, eks_stacks(folder, servers) as make:
        project = make(dict(spec), latency=scale).project
        return project.up().seconds, project.destroy().seconds
