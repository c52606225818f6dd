"""What runs in an account while nobody calls it: what makes nodes for pods that wait, and what controllers make."""

import threading
from collections.abc import Callable, Sequence

from pulumi.runtime.proto import engine_pb2

from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session
from tools.offline.common.errors import ProviderError
from tools.offline.kubernetes.errors import ApiError, UnreachableError

Part = Callable[[Session, Plans], None]
"""One look at the cluster, and what follows from it."""

LOCK = "machinery.lock"
_PAUSE_SECONDS = 0.5


def start(session: Session, parts: Sequence[Part]) -> None:
    """Start it, as long as this process lives."""
    if session.kubeconfig is not None:
        threading.Thread(target=_run, args=(session, parts), name="machinery", daemon=True).start()


def _run(session: Session, parts: Sequence[Part]) -> None:
    """Of all processes on one account one is at it; when it ends, another takes over."""
    while not session.cancelled.wait(_PAUSE_SECONDS):
        with session.world.alone(LOCK) as is_ours:
            if is_ours:
                _work(session, parts)


def _work(session: Session, parts: Sequence[Part]) -> None:
    plans = Plans()
    while not session.cancelled.wait(_PAUSE_SECONDS):
        try:
            for part in parts:
                part(session, plans)
        except (ApiError, UnreachableError, ProviderError) as error:
            # The API server may come after the account, and go before it.
            session.engine.log(
                engine_pb2.DEBUG, f"the simulated {session.cloud.name} could not look after nodes: {error}"
            )
    plans.settle()  # what takes over would make the nodes that it does not see yet
