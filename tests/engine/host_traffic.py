"""Requests to the sample model on a real node, counted while something changes, and the pods that answer them."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from tests.engine.local_stack import ROOT, Json, LocalStack

SAMPLES = (ROOT / "examples" / "digits" / "samples.json").read_bytes()


def predict(host: str, path: str = "/predict") -> Json:
    """An answer over a new connection."""
    connection = HTTPConnection(host, 80, timeout=10)
    try:
        connection.request("POST", path, SAMPLES, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())
    finally:
        connection.close()


@dataclass(kw_only=True)
class Traffic:
    """Requests on new connections, from several clients at once."""

    answered: int = 0
    versions: Counter[str] = field(default_factory=Counter[str])
    """How many answers named each version of the model; of `/model` only, whose answers do."""
    failures: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """When, and what."""
    last_answer: float = field(default_factory=time.monotonic)
    longest_gap_seconds: float = 0.0

    def take(self, body: bytes) -> None:
        """Count an answer."""
        now = time.monotonic()
        self.longest_gap_seconds = max(self.longest_gap_seconds, now - self.last_answer)
        self.last_answer, self.answered = now, self.answered + 1
        if body:
            self.versions[json.loads(body)["version"]] += 1


@contextmanager
def traffic(
    host: str,
    *,
    path: str = "/readyz",
    clients: int = 4,
    headers: Mapping[str, str] | None = None,
    pause_seconds: float = 0.05,
) -> Generator[Traffic]:
    """Clients that ask again and again while the block runs.

    Each asks after a pause, as clients without one would take the processors from what changes.
    """
    seen, ended, lock = Traffic(), threading.Event(), threading.Lock()

    def ask() -> None:
        while not ended.wait(pause_seconds):
            connection = HTTPConnection(host, 80, timeout=10)
            body = b""
            try:
                connection.request("GET", path, headers=dict(headers or {}))
                answer = connection.getresponse()
                failure = "" if answer.status == 200 else f"status {answer.status}"
                body = answer.read() if path.endswith("/model") else b""
            except (OSError, HTTPException) as error:
                failure = repr(error)
            finally:
                connection.close()
            with lock:
                if failure:
                    seen.failures.append((time.monotonic(), failure))
                else:
                    seen.take(body)

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(ask)
        try:
            yield seen
        finally:
            ended.set()


def pods(stack: LocalStack, workload: str) -> list[Json]:
    """Pods that are not about to end."""
    found = stack.get("pods", f"--selector=app.kubernetes.io/instance={workload}")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def names(found: list[Json]) -> set[str]:
    """What the objects are called."""
    return {pod["metadata"]["name"] for pod in found}


def all_ready(stack: LocalStack, workload: str, count: int) -> Callable[[], bool]:
    """Whether there are so many pods, and every container is ready."""

    def ready() -> bool:
        found = pods(stack, workload)
        return len(found) == count and all(
            status["ready"] for pod in found for status in pod["status"].get("containerStatuses", [{"ready": False}])
        )

    return ready
