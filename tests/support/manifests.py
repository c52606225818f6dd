"""From what a program registers to manifests, and what a real API server says of them."""

import json
import subprocess
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from modelyard.cluster.spec import TaintSpec
from tests.support.control_plane import ApiServer
from tests.support.mocks import AUTO_NAME_SUFFIX, Recorded, Registration
from tests.support.toolchain import require_tool


def manifests(recorded: Recorded) -> list[dict[str, Any]]:
    """The Kubernetes objects among the registrations, in their order, named as the provider would name them."""
    return [_manifest(each) for each in recorded.registrations if each.type.startswith("kubernetes:")]


def pod_of(workload: Mapping[str, Any]) -> dict[str, Any]:
    """A bare Pod from a workload's template: only a Pod is held to pod security, its controller is warned at most."""
    template = workload["spec"]["template"]
    metadata = {
        **template["metadata"],
        "name": workload["metadata"]["name"],
        "namespace": workload["metadata"]["namespace"],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def without_job(objects: Sequence[dict[str, Any]], pods: int) -> list[dict[str, Any]]:
    """The objects with bare pods in place of their Job, which stay: kwok ends those of a Job at once, so that the
    second may follow the first on its node."""
    (job,) = (each for each in objects if each["kind"] == "Job")
    bare = [pod_of(job) for _ in range(pods)]
    for number, pod in enumerate(bare):
        pod["metadata"]["name"] += f"-{number}"
    return [each for each in objects if each is not job] + bare


def apply(server: ApiServer, objects: Iterable[Mapping[str, Any]], *, dry_run: bool) -> str:
    """What the API server objects to, empty for nothing: unknown fields, invalid values, and every warning."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    command = [
        *(str(require_tool("kubectl")), "--kubeconfig", str(server.kubeconfig), "--warnings-as-errors"),
        *("apply", "--server-side", "--validate=strict", *(["--dry-run=server"] if dry_run else []), "-f", "-"),
    ]
    done = subprocess.run(command, input=json.dumps(listed), capture_output=True, encoding="utf-8", check=False)
    return "" if done.returncode == 0 else done.stderr


def settle(server: ApiServer, objects: Iterable[Mapping[str, Any]]) -> None:
    """Make those of the objects that a pod needs to exist before it can even be dry-run."""
    needed = [each for each in objects if each["kind"] in {"Namespace", "ServiceAccount", "PriorityClass"}]
    assert needed
    assert apply(server, needed, dry_run=False) == ""


def delete(server: ApiServer, objects: Iterable[Mapping[str, Any]]) -> None:
    """Delete objects by kind and name, and wait until they are gone."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    command = [str(require_tool("kubectl")), "--kubeconfig", str(server.kubeconfig), "delete", "-f", "-"]
    subprocess.run(command, input=json.dumps(listed), capture_output=True, encoding="utf-8", check=True)


def simulated_node(
    name: str,
    labels: Mapping[str, str],
    size: Mapping[str, str] | None = None,
    taints: Iterable[TaintSpec] = (),
) -> dict[str, Any]:
    """A node that kwok plays, with room for `size`; by default for what needs no devices."""
    room = {"cpu": "16", "memory": "64Gi", "pods": "110"} if size is None else dict(size)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": name, **labels},
        },
        "spec": {"taints": [{"key": each.key, "value": each.value, "effect": each.effect} for each in taints]},
        "status": {"allocatable": room, "capacity": room},
    }


@contextmanager
def simulated_nodes(server: ApiServer, nodes: Sequence[Mapping[str, Any]]) -> Generator[None]:
    """Nodes that kwok plays, for as long as the block lasts: the other tests of this API server count theirs."""
    assert apply(server, nodes, dry_run=False) == ""
    try:
        yield
    finally:
        delete(server, nodes)


def _manifest(registration: Registration) -> dict[str, Any]:
    inputs: dict[str, Any] = _whole_numbers(dict(registration.inputs))
    metadata = {"name": f"{registration.name}{AUTO_NAME_SUFFIX}", **inputs.get("metadata", {})}
    return {**inputs, "metadata": metadata}


def _whole_numbers(value: Any) -> Any:
    """The engine has floats only; in JSON `3.0` is no integer to the API server."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_numbers(child) for key, child in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_whole_numbers(child) for child in value]  # pyright: ignore[reportUnknownVariableType]
    return value
