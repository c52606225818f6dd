"""Chooses the engine of a local cluster."""

import shutil
from dataclasses import dataclass
from typing import Literal

from modelyard.cluster.local.engines.host import preflight
from modelyard.cluster.local.engines.kind import docker_problem
from modelyard.cluster.local.folder import Engine, recorded_engine


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An engine, and a sentence why."""

    engine: Engine
    why: str


def choose(identity: str, wanted: Literal["auto", "kind", "host", "kwok"], kubernetes_version: str) -> Choice:
    """The engine for the cluster of the stack with that identity.

    `auto` keeps what the stack's cluster has. Where there is none it takes kind if kind is on PATH and Docker answers
    within a few seconds, else host if this machine can start a container, otherwise kwok. This reads PATH and the
    user's state folder, may run `docker version`, and may start a container for less than a second.

    Args:
        identity: the stack's identity on this machine.
        wanted: what the stack says.
        kubernetes_version: minor version of the control plane.
    """
    if wanted != "auto":
        return Choice(engine=wanted, why=f"engine {wanted}, as the stack says")
    recorded = recorded_engine(identity)
    if recorded:
        return Choice(engine=recorded, why=f"engine {recorded}, which the stack's cluster was made with")
    absent = "kind is not on PATH" if shutil.which("kind") is None else docker_problem()
    if absent is None:
        return Choice(engine="kind", why="engine kind, as Docker answers")
    refusal = _host_refusal(kubernetes_version)
    if refusal is None:
        return Choice(engine="host", why=f"engine host, as {absent}, and this machine can run containers itself")
    why = f"engine kwok, as {absent}, and {refusal}: all nodes are simulated and no container runs"
    return Choice(engine="kwok", why=why)


def _host_refusal(kubernetes_version: str) -> str | None:
    first = next(iter(preflight.problems(kubernetes_version, ())), None)
    return first.why if first else None
