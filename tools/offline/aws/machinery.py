"""What runs in an account while nobody calls it: what makes nodes for pods that wait."""

import threading

from pulumi.runtime.proto import engine_pb2

from tools.offline.aws import autoscaler, karpenter
from tools.offline.aws.plans import Plans
from tools.offline.aws.session import Session
from tools.offline.common.errors import ProviderError
from tools.offline.kubernetes.errors import ApiError, UnreachableError

_PAUSE_SECONDS = 0.5


def start(session: Session) -> None:
    """Start it, as long as this process lives."""
    if session.kubeconfig is not None:
        threading.Thread(target=_run, args=(session,), name="machinery", daemon=True).start()


def _run(session: Session) -> None:
    """Of all processes on one account one is at it; when it ends, another takes over."""
    while not session.cancelled.wait(_PAUSE_SECONDS):
        with session.world.alone("machinery.lock") as is_ours:
            if is_ours:
                _work(session)


def _work(session: Session) -> None:
    plans = Plans()
    while not session.cancelled.wait(_PAUSE_SECONDS):
        try:
            autoscaler.serve(session, plans)
            karpenter.serve(session, plans)
        except (ApiError, UnreachableError, ProviderError) as error:
            # The API server may come after the account, and go before it.
            session.engine.log(engine_pb2.DEBUG, f"the simulated AWS could not look after nodes: {error}")
