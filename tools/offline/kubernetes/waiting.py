"""Waiting for an object: the loop that all kinds share."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tools.offline.common.engine import Reporter
from tools.offline.common.values import Json, as_list, as_map
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError, AwaitError, NoMatchError, UnreachableError
from tools.offline.kubernetes.objects import TIMEOUT_SECONDS, annotation, name_of, pluck

DEFAULT_TIMEOUT_SECONDS = 600.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_PAUSE_GROWTH = 1.5


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an object is. `problems` explain why it may never get there; `failed` says that it will not."""

    done: bool
    waiting_for: str = ""
    problems: tuple[str, ...] = ()
    failed: bool = False


Check = Callable[[Client, Json], Progress]


@dataclass(frozen=True, kw_only=True)
class Waiter:
    """Everything that a wait needs besides the object."""

    client: Client
    reporter: Reporter
    cancelled: threading.Event
    timeout_seconds: float

    def pauses(self) -> "Pauses":
        return Pauses(self.cancelled, self.timeout_seconds)


class Pauses:
    """Pauses between two looks at an object, growing until the time is over."""

    def __init__(self, cancelled: threading.Event, timeout_seconds: float) -> None:
        self._cancelled = cancelled
        self._deadline = time.monotonic() + timeout_seconds
        self._seconds = _FIRST_PAUSE_SECONDS

    def next(self) -> str:
        """Pauses; returns why to stop instead: "timeout", "cancelled", or "" to go on."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return "timeout"
        if self._cancelled.wait(min(self._seconds, left)):
            return "cancelled"
        self._seconds = min(self._seconds * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
        return ""


def timeout_seconds(requested: float, obj: Json, default: float = DEFAULT_TIMEOUT_SECONDS) -> float:
    """The resource's custom timeout, else its annotation, else the default."""
    if requested:
        return requested
    text = annotation(obj, TIMEOUT_SECONDS)
    return float(text) if text.isdecimal() else default


def wait_until_ready(waiter: Waiter, obj: Json, check: Check) -> Json:
    """Looks at `obj` until `check` is satisfied, and returns the live version that satisfied it.

    Raises:
        AwaitError: the time is over, the update was cancelled, or the object failed or was deleted.
    """
    pauses = waiter.pauses()
    live, progress = obj, Progress(done=False)
    while True:
        try:
            live = waiter.client.get(obj)
            progress = check(waiter.client, live)
        except UnreachableError as error:
            progress = Progress(done=False, waiting_for=f"the API server does not answer: {error}")
        except ApiError as error:
            if error.is_not_found:
                raise AwaitError(f"{name_of(obj)!r} was deleted while it was waited for", live) from None
            progress = Progress(done=False, waiting_for=error.message)
        except NoMatchError as error:
            raise AwaitError(f"{name_of(obj)!r} cannot be waited for: {error}", live) from None
        if progress.done:
            waiter.reporter.status("")
            return live
        if progress.failed:
            raise AwaitError(f"{name_of(obj)!r} failed: {progress.waiting_for}", live, progress.problems)
        waiter.reporter.status(_status_line(progress))
        _stop_if(pauses.next(), live, _reasons(progress))


def wait_until_gone(waiter: Waiter, obj: Json) -> None:
    """Waits until `obj` is gone from the API server, or another object has taken its name.

    Raises:
        AwaitError: the time is over, or the update was cancelled.
    """
    pauses = waiter.pauses()
    live = obj
    uid = pluck(obj, "metadata", "uid")
    while True:
        try:
            live = waiter.client.get(obj)
        except UnreachableError as error:
            waiter.reporter.status(f"waiting for {name_of(obj)} to be deleted; the API server does not answer: {error}")
        except ApiError as error:
            if not error.is_not_found:
                raise
            waiter.reporter.status("")
            return
        else:
            if uid and pluck(live, "metadata", "uid") != uid:
                return
            waiter.reporter.status("; ".join([f"waiting for {name_of(obj)} to be deleted", *_deletion_hints(live)]))
        _stop_if(pauses.next(), live, tuple(_deletion_hints(live)), "to be deleted")


def _stop_if(reason: str, live: Json, problems: tuple[str, ...], what: str = "to be Ready") -> None:
    if reason == "timeout":
        raise AwaitError(f"{name_of(live)!r} timed out waiting {what}", live, problems)
    if reason == "cancelled":
        raise AwaitError(f"Resource operation was cancelled for {name_of(live)!r}", live, problems)


def _status_line(progress: Progress) -> str:
    return ": ".join([progress.waiting_for, *progress.problems[:1]])


def _reasons(progress: Progress) -> tuple[str, ...]:
    return tuple(filter(None, (progress.waiting_for, *progress.problems)))


def _deletion_hints(live: Json) -> list[str]:
    """What holds a deletion: finalizers, and what a Namespace tells in its conditions."""
    finalizers = ", ".join(map(str, as_list(pluck(live, "metadata", "finalizers"))))
    hints = [f"held by the finalizers {finalizers}"] if finalizers else []
    if live.get("kind") != "Namespace":
        return hints
    return hints + [
        str(item.get("message"))
        for item in map(as_map, as_list(pluck(live, "status", "conditions")))
        if item.get("status") == "True" and item.get("message")
    ]
