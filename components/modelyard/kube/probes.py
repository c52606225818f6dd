"""Probes: a start-up budget, then readiness and liveness, over HTTP or TCP."""

import math

import pulumi_kubernetes as k8s

_PERIOD_SECONDS = 5
_TIMEOUT_SECONDS = 5
"""Kubernetes' default of 1 s restarts servers that are merely busy, as Python servers under load are."""
_READY_FAILURES = 3
_LIVE_PERIOD_SECONDS = 10
_LIVE_FAILURES = 6
"""A minute of silence: restarting a model server costs its whole load time, so it must be certain."""


def startup_probe(port: str, path: str | None, *, budget_seconds: int) -> k8s.core.v1.ProbeArgs:
    """Give a container so long to start. The other probes wait until it answers once; then this one is over."""
    return _probe(port, path, _PERIOD_SECONDS, max(1, math.ceil(budget_seconds / _PERIOD_SECONDS)))


def readiness_probe(port: str, path: str | None) -> k8s.core.v1.ProbeArgs:
    """Take a container out of its Service after 15 s without an answer, and back at the first one."""
    return _probe(port, path, _PERIOD_SECONDS, _READY_FAILURES)


def liveness_probe(port: str, path: str | None) -> k8s.core.v1.ProbeArgs:
    """Restart a container that has not answered for a minute. Without a path it is enough that the port is open."""
    return _probe(port, path, _LIVE_PERIOD_SECONDS, _LIVE_FAILURES)


def _probe(port: str, path: str | None, period_seconds: int, failures: int) -> k8s.core.v1.ProbeArgs:
    return k8s.core.v1.ProbeArgs(
        http_get=k8s.core.v1.HTTPGetActionArgs(path=path, port=port) if path else None,
        tcp_socket=None if path else k8s.core.v1.TCPSocketActionArgs(port=port),
        period_seconds=period_seconds,
        timeout_seconds=_TIMEOUT_SECONDS,
        failure_threshold=failures,
    )
