"""Readiness of Services, volumes, quotas and token Secrets, as the real provider defines it."""

import time
from dataclasses import dataclass

from tools.offline.common.values import Json, as_list, as_map, as_text
from tools.offline.kubernetes.client import Client
from tools.offline.kubernetes.errors import ApiError
from tools.offline.kubernetes.objects import name_of, pluck
from tools.offline.kubernetes.waiting import Check, Progress

# The real provider gives endpoints 10 s to settle after each change; Pods that are not ready yet show within this one.
SETTLE_SECONDS = 1.0


@dataclass(kw_only=True)
class ServiceCheck:
    """A Service is ready when it has its load balancer's address, if it wants one, and none of its Pods is unready."""

    settle_seconds: float = SETTLE_SECONDS
    _endpoints_version: str = ""
    _changed_at: float = 0.0

    def __call__(self, client: Client, live: Json) -> Progress:
        name = name_of(live)
        balanced = pluck(live, "spec", "type") == "LoadBalancer"
        has_address = not balanced or bool(as_list(pluck(live, "status", "loadBalancer", "ingress")))
        if _selects_pods(live):
            problem = self._unsettled(client, live)
            if problem:
                return Progress(done=False, waiting_for=f"[1/2] waiting for endpoints of Service {name}: {problem}")
        if has_address:
            return Progress(done=True)
        return Progress(
            done=False,
            waiting_for=f"[2/2] waiting for an address of Service {name}",
            problems=("Service was not allocated an IP address; does your cloud provider support this?",),
        )

    def _unsettled(self, client: Client, live: Json) -> str:
        """Why the endpoints cannot be relied on yet; empty if they can."""
        try:
            endpoints = client.get({**live, "kind": "Endpoints"})
        except ApiError as error:
            if not error.is_not_found:
                raise
            return "none yet"
        version = as_text(pluck(endpoints, "metadata", "resourceVersion"))
        if version != self._endpoints_version:
            self._endpoints_version, self._changed_at = version, time.monotonic()
        subsets = list(map(as_map, as_list(endpoints.get("subsets"))))
        unready = sum(len(as_list(subset.get("notReadyAddresses"))) for subset in subsets)
        if unready:
            return f"{unready} Pods are not ready"
        return "settling" if time.monotonic() - self._changed_at < self.settle_seconds else ""


def _selects_pods(live: Json) -> bool:
    spec = as_map(live.get("spec"))
    return bool(spec.get("selector")) and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName"


def claim_check(*, is_update: bool) -> Check:
    """A claim is ready when it is bound; one that waits for its first consumer is ready while it is pending."""

    def check(client: Client, live: Json) -> Progress:
        name, phase = name_of(live), as_text(pluck(live, "status", "phase"))
        if phase == "Bound" and is_update:
            return Progress(done=True)
        class_name = as_text(pluck(live, "spec", "storageClassName"))
        mode, problem = _bind_mode(client, class_name)
        done = phase == ("Pending" if mode == "WaitForFirstConsumer" else "Bound")
        return Progress(
            done=done,
            waiting_for=f"waiting for PersistentVolumeClaim {name} to be bound (it is {phase or 'new'})",
            problems=(problem,) if problem else (),
        )

    return check


def _bind_mode(client: Client, class_name: str) -> tuple[str, str]:
    """The storage class's volumeBindingMode, or why it is not known."""
    if not class_name:
        return "", "it names no storage class, and the cluster has no default one"
    try:
        storage_class = client.get(
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": class_name}}
        )
    except ApiError as error:
        return "", error.message
    return as_text(storage_class.get("volumeBindingMode")), ""


def volume(_client: Client, live: Json) -> Progress:
    """A volume is ready when it is available or bound."""
    phase = as_text(pluck(live, "status", "phase"))
    return Progress(
        done=phase in ("Available", "Bound"),
        waiting_for=f"waiting for PersistentVolume {name_of(live)} to be available (it is {phase or 'new'})",
    )


def resource_quota(_client: Client, live: Json) -> Progress:
    """A quota is ready when the controller enforces what it says."""
    return Progress(
        done=as_map(pluck(live, "spec", "hard")) == as_map(pluck(live, "status", "hard")),
        waiting_for=f"waiting for ResourceQuota {name_of(live)} to take effect",
    )


def secret(_client: Client, live: Json) -> Progress:
    """A service account's token Secret is ready when it holds the token; any other is ready at once."""
    is_token = live.get("type") == "kubernetes.io/service-account-token"
    return Progress(
        done=not is_token or bool(live.get("data")),
        waiting_for=f"waiting for the token in Secret {name_of(live)}",
    )
