"""Nodes that are on their way: made beside each other, and counted on by the pods that they are for."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.offline.cloud import nodes, pods
from tools.offline.cloud.session import Session
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import Json
from tools.offline.kubernetes.errors import ApiError, UnreachableError

NODE_SECONDS, GPU_NODE_SECONDS = 60, 300
"""How long a node takes to join, without and with accelerators."""
_SCHEDULER_SECONDS = 10.0
"""How long after a node has joined its pods may still be without it."""


@dataclass(kw_only=True, eq=False)
class Plan:
    """A node on its way."""

    owner: str
    node: nodes.Node
    thread: threading.Thread | None = None
    joined_at: float | None = None

    @property
    def is_over(self) -> bool:
        return self.joined_at is not None and time.monotonic() > self.joined_at + _SCHEDULER_SECONDS


@dataclass(kw_only=True)
class Plans:
    """All nodes on their way in this process."""

    _plans: list[Plan] = field(default_factory=list[Plan])
    resumed: set[str] = field(default_factory=set[str])
    """The types of groups whose nodes on their way in an earlier process are seen to."""

    def room(self) -> "Room":
        """What pods can still have of the nodes on their way."""
        self._plans = [plan for plan in self._plans if not plan.is_over]
        found = Room()
        for plan in self._plans:
            found.add(plan.node)
        return found

    def count(self, owner: str) -> int:
        """How many nodes of an owner have not joined yet."""
        return sum(plan.owner == owner and plan.joined_at is None for plan in self._plans)

    def coming(self, owner: str) -> list[nodes.Node]:
        """The nodes of an owner that have not joined yet."""
        return [plan.node for plan in self._plans if plan.owner == owner and plan.joined_at is None]

    def start(self, session: Session, owner: str, node: nodes.Node, make: Callable[[], None]) -> None:
        """Make a node when its time has come, while others are made."""
        plan = Plan(owner=owner, node=node)

        def run() -> None:
            try:
                session.wait(GPU_NODE_SECONDS if node.machine.has_gpu else NODE_SECONDS)
                make()
            except (ApiError, UnreachableError, ProviderError):
                # The API server, or the update, has ended meanwhile.
                pass
            finally:
                plan.joined_at = time.monotonic()

        plan.thread = threading.Thread(target=run, name=f"node of {owner}", daemon=True)
        self._plans.append(plan)
        plan.thread.start()

    def settle(self) -> None:
        """Wait for every node on its way."""
        for plan in self._plans:
            if plan.thread is not None:
                plan.thread.join()


class Room:
    """Nodes, and what is still free on each."""

    def __init__(self) -> None:
        self._nodes: list[tuple[nodes.Node, Json]] = []

    def add(self, node: nodes.Node) -> None:
        """Count on a node with nothing on it."""
        self._nodes.append((node, nodes.allocatable(node)))

    def take(self, pod: Json) -> bool:
        """Place a pod on the first node that takes it; whether there is one."""
        for node, free in self._nodes:
            if pods.fits(pod, nodes.labels_of("any", node), node.taints, free):
                for name, wanted in pods.requests(pod).items():
                    free[name] = str(pods.number(free.get(name, "0")) - wanted)
                return True
        return False
