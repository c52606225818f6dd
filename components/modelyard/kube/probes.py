"""Probes: a start-up budget, then readiness and liveness, over HTTP, gRPC or TCP."""

import math
from dataclasses import dataclass

import pulumi_kubernetes as k8s

_PERIOD_SECONDS = 5
_TIMEOUT_SECONDS = 5
"""Kubernetes' default of 1 s restarts servers that are merely busy, as Python servers under load are."""
_READY_FAILURES = 3
_LIVE_PERIOD_SECONDS = 10
_LIVE_FAILURES = 6
"""A minute of silence: restarting a model server costs its whole load time, so it must be certain."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a probe asks of a container.

    Attributes:
        port: the name of the port, or its number where the container has no name for it.
        path: answers 200 to HTTP. None: it is enough that the port is open.
        grpc_port: the number of the port where gRPC's health service is asked instead; probes take no name for it.
    """

    port: str | int
    path: str | None = None
    grpc_port: int | None = None


def startup_probe(check: Check, *, budget_seconds: int) -> k8s.core.v1.ProbeArgs:
    """Give a container so long to start. The other probes wait until it answers once; then this one is over."""
    return _probe(check, _PERIOD_SECONDS, max(1, math.ceil(budget_seconds / _PERIOD_SECONDS)))


def file_startup_probe(path: str, *, budget_seconds: int) -> k8s.core.v1.ProbeArgs:
    """Give a container so long to write the file by which it says that it can be used."""
    return k8s.core.v1.ProbeArgs(
        exec_=k8s.core.v1.ExecActionArgs(command=["cat", path]),
        period_seconds=_PERIOD_SECONDS,
        timeout_seconds=_TIMEOUT_SECONDS,
        failure_threshold=math.ceil(budget_seconds / _PERIOD_SECONDS),
    )


def readiness_probe(check: Check) -> k8s.core.v1.ProbeArgs:
    """Take a container out of its Service after 15 s without an answer, and back at the first one."""
    return _probe(check, _PERIOD_SECONDS, _READY_FAILURES)


def liveness_probe(check: Check) -> k8s.core.v1.ProbeArgs:
    """Restart a container that has not answered for a minute."""
    return _probe(check, _LIVE_PERIOD_SECONDS, _LIVE_FAILURES)


def _probe(check: Check, period_seconds: int, failures: int) -> k8s.core.v1.ProbeArgs:
    by_http = check.path is not None and check.grpc_port is None
    by_tcp = check.path is None and check.grpc_port is None
    return k8s.core.v1.ProbeArgs(
        http_get=k8s.core.v1.HTTPGetActionArgs(path=check.path, port=check.port) if by_http else None,
        tcp_socket=k8s.core.v1.TCPSocketActionArgs(port=check.port) if by_tcp else None,
        grpc=k8s.core.v1.GRPCActionArgs(port=check.grpc_port) if check.grpc_port else None,
        period_seconds=period_seconds,
        timeout_seconds=_TIMEOUT_SECONDS,
        failure_threshold=failures,
    )
