"""A stack on a cluster that somebody else made."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import resolve_pools
from modelyard.cluster.spec import PoolSpec
from modelyard.spec import load_json
from tests.engine.local_stack import POOL_LABEL, Json, write_stack_file, write_stack_project
from tests.support.control_plane import ApiServer
from tests.support.engine import STACK, PulumiProject
from tests.support.manifests import apply, simulated_node

STORAGE_CLASS = "standard"
"""The cluster's own."""


class ExistingStack:
    """A stack on a cluster that somebody else made: a control plane with simulated nodes and a volume."""

    def __init__(self, base: Path, api_server: ApiServer, spec: Json, secrets: Mapping[str, str]) -> None:
        """Make what the cluster has before, the project in `base`, an empty folder, and its configuration."""
        self.folder, self.spec, self._api_server = base / "project", spec, api_server
        write_stack_project(self.folder)
        self.project = PulumiProject(self.folder, base / "scratch")
        context = api_server.kubectl("config", "current-context").strip()
        spec["cluster"]["existing"] |= {"context": context, "kubeconfig": str(api_server.kubeconfig)}
        self.configure()
        self.project.set_config(secrets=secrets)
        assert apply(api_server, [*_VOLUMES, *_nodes(spec["pools"])], dry_run=False) == ""

    def configure(self) -> None:
        """Write `spec`, as it is by now, into the stack's file."""
        write_stack_file(self.folder / "stacks" / f"Pulumi.{STACK}.yaml", self.spec)

    def get(self, kinds: str, *arguments: str) -> list[Json]:
        """The objects of these kinds, in all namespaces."""
        return self._api_server.get(kinds, "--all-namespaces", *arguments)

    def close(self) -> None:
        """End whatever runs of it."""
        self.project.close()


_VOLUMES: list[Json] = [
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS},
        "provisioner": "kubernetes.io/no-provisioner",
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "disk"},
        "spec": {
            "storageClassName": STORAGE_CLASS,
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/nowhere"},
        },
    },
]


def _nodes(pools: Json) -> Iterator[Json]:
    """As many nodes of each pool as it may have, with what their owner's device plugins would advertise."""
    source = NodeSource(kind="existing")
    for name, pool in resolve_pools(
        source, {name: load_json(PoolSpec, json.dumps(each)) for name, each in pools.items()}
    ).items():
        devices = {key: str(count) for key, count in pool.gpu.resources.items()} if pool.gpu else {}
        sizes = {"cpu": str(pool.cpus), "memory": f"{pool.memory_gib}Gi", "pods": "110", **devices}
        for index in range(pool.max_nodes):
            yield simulated_node(f"{name}-{index}", {POOL_LABEL: name}, sizes, pool.taints)
