"""Chooses the engine of a local cluster."""

import shutil
from dataclasses import dataclass
from typing import Literal

from modelyard.cluster.local.engines.kind import docker_problem
from modelyard.cluster.local.folder import Engine, recorded_engine


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An engine, and a sentence why."""

    engine: Engine
    why: str


def choose(identity: str, wanted: Literal["auto", "kind", "kwok"]) -> Choice:
    """The engine for the cluster of the stack with that identity.

    `auto` keeps what the stack's cluster has. Where there is none it takes kind if kind is on PATH and Docker answers
    within a few seconds, otherwise kwok. This reads PATH and the user's state folder and may run `docker version`.
    """
    if wanted != "auto":
        return Choice(engine=wanted, why=f"engine {wanted}, as the stack says")
    recorded = recorded_engine(identity)
    if recorded:
        return Choice(engine=recorded, why=f"engine {recorded}, which the stack's cluster was made with")
    absent = "kind is not on PATH" if shutil.which("kind") is None else docker_problem()
    if absent:
        return Choice(engine="kwok", why=f"engine kwok, as {absent}: all nodes are simulated and no container runs")
    return Choice(engine="kind", why="engine kind, as Docker answers")
