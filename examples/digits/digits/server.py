"""The service's process: it starts, and it ends without losing a request."""

import logging
import signal
import socket
import time
from types import FrameType

import uvicorn

from digits.app import Readiness, make_app
from digits.artifact import Model

_OPEN_REQUESTS_SECONDS = 30
"""How long requests that are open after the drain may take. A client that sends nothing must not hold the process."""

_log = logging.getLogger("digits")


def serve(model: Model, *, host: str, port: int, drain_seconds: float) -> None:
    """Answer requests until SIGTERM or SIGINT, then drain and return.

    Draining takes `drain_seconds`: `/readyz` fails so that nobody sends new clients, those who come all the same are
    served, and connections are closed after their next answer. Then open requests end. A second signal skips the
    drain.

    Raises:
        OSError: it cannot listen there.
    """
    readiness = Readiness()
    config = uvicorn.Config(
        make_app(model, readiness),
        lifespan="off",
        log_config=None,
        access_log=False,  # every request is in the metrics
        server_header=False,
        timeout_graceful_shutdown=_OPEN_REQUESTS_SECONDS,
    )
    _log.info("model %s, accuracy %.4f", model.metrics.version, model.metrics.accuracy)
    # uvicorn would end the process itself, with 3, where it cannot listen.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=config.backlog) as listener:
        _log.info("listening on %s port %d", host, listener.getsockname()[1])
        _DrainingServer(config, readiness, drain_seconds).run(sockets=[listener])


class _DrainingServer(uvicorn.Server):
    """uvicorn that listens for a while longer: load balancers send clients for a moment after the signal."""

    def __init__(self, config: uvicorn.Config, readiness: Readiness, drain_seconds: float) -> None:
        super().__init__(config)
        self._readiness = readiness
        self._drain_seconds = drain_seconds
        self._drained_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's signature)
        # Not passed on: uvicorn would stop listening now, and at the end die of the signal as if it had crashed.
        if self._readiness.draining:
            self.should_exit = True
            return
        _log.info("%s: draining for %g s", signal.Signals(sig).name, self._drain_seconds)
        self._readiness.draining = True
        self._drained_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """uvicorn asks ten times a second whether to end."""
        return await super().on_tick(counter) or time.monotonic() >= self._drained_at
