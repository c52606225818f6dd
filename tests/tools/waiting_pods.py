"""Pods that wait for nodes on a real API server that has none, and a simulated cloud's look at them."""

import itertools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from tests.support.cloud_client import CloudClient
from tests.support.control_plane import ApiServer
from tests.support.processes import wait_until
from tests.tools.kubernetes.cluster import Cluster
from tools.offline.cloud.plans import Plans
from tools.offline.cloud.session import Session

Json = dict[str, Any]

_numbers = itertools.count()


@contextmanager
def without_nodes(server: ApiServer) -> Generator[Cluster]:
    """The API server without nodes and pods, before and afterwards."""
    kube = Cluster(server.kubeconfig)
    kube.remove_nodes_and_pods()
    yield kube
    kube.remove_nodes_and_pods()


def waiting_pod(
    kube: Cluster,
    selector: Json,
    *,
    gpus: int = 0,
    tolerations: list[Json] | None = None,
    resource: str = "nvidia.com/gpu",
) -> str:
    """The name of a new pod of which the scheduler has said that it waits, or where it is."""
    name = f"pod-{next(_numbers)}"
    limits = {resource: str(gpus)} if gpus else {}
    container = {"name": "a", "image": "a", "resources": {"requests": {"cpu": "1", **limits}, "limits": limits}}
    spec = {"nodeSelector": selector, "tolerations": tolerations or [], "containers": [container]}
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec})
    wait_until(lambda: _is_seen(kube, name), f"the scheduler's word on {name}")
    return name


def _is_seen(kube: Cluster, name: str) -> bool:
    pod = kube.get("pod", name, "default")
    reasons = {each.get("reason") for each in pod["status"].get("conditions", [])}
    return "Unschedulable" in reasons or "nodeName" in pod["spec"]


def node_of(kube: Cluster, name: str) -> str:
    """The node that a pod is on; empty where it waits."""
    return kube.get("pod", name, "default")["spec"].get("nodeName", "")


def look_once(serve: Callable[[Session, Plans], None], client: CloudClient) -> None:
    """One look of a part of the cloud at its clusters, and the nodes that follow from it."""
    plans = Plans()
    serve(client.session, plans)
    plans.settle()
