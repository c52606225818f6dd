"""The API server as somebody else sees it: kubectl, for the most part."""

import importlib
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.processes import wait_until
from tests.support.toolchain import require_tool

Json = dict[str, Any]

NODE: Json = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "simulated", "annotations": {"kwok.x-k8s.io/node": "fake"}},
    "status": {key: {"cpu": "16", "memory": "64Gi", "pods": "110"} for key in ("allocatable", "capacity")},
}


class Cluster:
    """kubectl on one cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        api: Any = importlib.import_module("kubernetes.config").new_client_from_config(str(kubeconfig))
        self._core: Any = importlib.import_module("kubernetes.client").CoreV1Api(api)
        self._kubectl = str(require_tool("kubectl"))

    def make_namespace(self, name: str) -> None:
        """Make it without kubectl, whose start every test would wait for."""
        self._core.create_namespace({"metadata": {"name": name}})

    def give_up_namespace(self, name: str) -> None:
        """Begin to delete it."""
        self._core.delete_namespace(name)

    def remove_nodes_and_pods(self) -> None:
        """Remove all nodes, and the pods of the namespace `default` at once."""
        self._core.delete_collection_node()
        self._core.delete_collection_namespaced_pod("default", grace_period_seconds=0)
        wait_until(
            lambda: not self._core.list_node().items and not self._core.list_namespaced_pod("default").items,
            "the end of nodes and pods",
        )

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [self._kubectl, "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: Json) -> None:
        """`kubectl apply`."""
        self.run("apply", "-f", "-", stdin="\n---\n".join(json.dumps(item) for item in objects))

    def get(self, kind: str, name: str, namespace: str = "") -> Json:
        return json.loads(self.run("get", kind, name, "-o", "json", "--show-managed-fields", *_where(namespace)))

    def names(self, kind: str, namespace: str = "") -> list[str]:
        items = json.loads(self.run("get", kind, "-o", "json", *_where(namespace)))["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def patch(self, kind: str, name: str, namespace: str, patch: Json, *, status: bool = False) -> None:
        """A merge patch, by default of the object itself."""
        extra = ["--subresource", "status"] if status else []
        self.run("patch", kind, name, "--type", "merge", "-p", json.dumps(patch), *extra, *_where(namespace))

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        self.run("delete", kind, name, "--wait=true", *_where(namespace))


def _where(namespace: str) -> list[str]:
    return ["--namespace", namespace] if namespace else []
