"""Readiness of Pods and Jobs, and what keeps a Pod from being ready."""

from collections.abc import Iterable, Iterator

from tools.offline.common.values import Json, as_list, as_map, as_text
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.objects import condition, name_of, namespace_of, owned_by, pluck
from tools.offline.kubernetes.waiting import Progress

_MAX_PROBLEMS = 5


def pod(_client: Client, live: Json) -> Progress:
    """A Pod is ready when its Ready condition is true, or when it has succeeded."""
    if pluck(live, "status", "phase") == "Succeeded" or condition(live, "Ready").get("status") == "True":
        return Progress(done=True)
    for kind, verb in (("PodScheduled", "scheduled"), ("Initialized", "initialized")):
        if condition(live, kind).get("status") != "True":
            return Progress(
                done=False, waiting_for=f"waiting for Pod {name_of(live)} to be {verb}", problems=pod_problems([live])
            )
    return Progress(
        done=False, waiting_for=f"waiting for Pod {name_of(live)} to be ready", problems=pod_problems([live])
    )


def job(client: Client, live: Json) -> Progress:
    """A Job is ready when it is complete, and fails when it has failed."""
    status = as_map(live.get("status"))
    failure = condition(live, "Failed")
    if failure.get("status") == "True":
        reason = f"[{as_text(failure.get('reason'))}] {as_text(failure.get('message'))}"
        return Progress(done=False, failed=True, waiting_for=reason, problems=pod_problems(pods_of(client, live)))
    if condition(live, "Complete").get("status") == "True":
        return Progress(done=True)
    if not status.get("startTime"):
        return Progress(done=False, waiting_for=f"waiting for Job {name_of(live)} to start")
    counts = " | ".join(f"{word}: {status.get(word.lower(), 0)}" for word in ("Active", "Succeeded", "Failed"))
    return Progress(
        done=False,
        waiting_for=f"waiting for Job {name_of(live)} to succeed ({counts})",
        problems=pod_problems(pods_of(client, live)),
    )


def pods_of(client: Client, owner: Json, selector_source: Json | None = None) -> list[Json]:
    """The Pods that `owner` made; its own selector narrows the search."""
    source = selector_source or owner
    pods = client.list_objects("v1", "Pod", namespace=namespace_of(owner), selector=label_selector(source))
    return [item for item in pods if owned_by(item, owner)]


def label_selector(obj: Json) -> str:
    """The matchLabels of a workload's selector as a query."""
    labels = as_map(pluck(obj, "spec", "selector", "matchLabels"))
    return ",".join(f"{key}={value}" for key, value in labels.items())


def pod_problems(pods: Iterable[Json]) -> tuple[str, ...]:
    """Why Pods are not ready, the most frequent reasons of at most five."""
    found = [problem for item in pods for problem in _problems(item)]
    return tuple(found[:_MAX_PROBLEMS])


def _problems(live: Json) -> Iterator[str]:
    if condition(live, "Ready").get("status") == "True" or pluck(live, "status", "phase") == "Succeeded":
        return
    name = name_of(live)
    scheduled = condition(live, "PodScheduled")
    if scheduled and scheduled.get("status") != "True":
        yield f"pod {name}: {as_text(scheduled.get('reason'))} {as_text(scheduled.get('message'))}".rstrip()
        return
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in map(as_map, as_list(pluck(live, "status", key))):
            if not status.get("ready"):
                yield from (f"pod {name}: {text}" for text in _container_problems(status))


def _container_problems(status: Json) -> Iterator[str]:
    name = as_text(status.get("name"))
    waiting = as_map(pluck(status, "state", "waiting"))
    if waiting and waiting.get("reason") not in ("ContainerCreating", "PodInitializing"):
        yield f"container {name}: [{as_text(waiting.get('reason'))}] {as_text(waiting.get('message'))}".rstrip()
    for place in ("state", "lastState"):
        ended = as_map(pluck(status, place, "terminated"))
        if ended and ended.get("reason") != "Completed":
            what = f"[{as_text(ended.get('reason'))}] exit code {ended.get('exitCode')}"
            yield f"container {name} ended: {what} {as_text(ended.get('message'))}".rstrip()
