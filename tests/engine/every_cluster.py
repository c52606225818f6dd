"""Every kind of cluster, and one stack that uses every feature: the same description, only its cluster differs."""

import copy
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol
from unittest.mock import patch

from modelyard.cluster.local import lifecycle
from modelyard.cluster.local.images.build import provide_archive
from modelyard.cluster.local.images.sources import find_sources
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import resolve_pools
from modelyard.cluster.spec import ImageBuildSpec, PoolSpec
from modelyard.cluster.without_cloud import WITHOUT_CLOUD
from modelyard.spec import load_json
from tests.engine.aks_stack import AKS
from tests.engine.cloud_stack import CloudStack, SimulatedCloud, cloud_stacks, cluster_api, kubectl
from tests.engine.eks_stack import EKS
from tests.engine.gke_stack import GKE
from tests.engine.local_stack import POOL_LABEL, ROOT, Json, LocalStack, write_stack_file, write_stack_project
from tests.support.azure import SUBSCRIPTION
from tests.support.control_plane import ApiServer
from tests.support.engine import STACK, PulumiProject
from tests.support.host_clusters import node_environment

IMAGE = "registry.example.org/digits:1.0.0"
SECRETS = {"modelyard:token": "one"}
CLASS = "standard"
"""The StorageClass of the cluster that exists."""


class AnyStack(Protocol):
    """A stack on any cluster, as the tests see it."""

    project: PulumiProject
    spec: Json
    folder: Path

    def configure(self) -> None:
        """Write `spec`, as it is by now, into the stack's file."""

    def get(self, kinds: str, *arguments: str) -> list[Json]:
        """The objects of these kinds, in all namespaces."""
        ...

    def close(self) -> None:
        """End whatever runs of it."""


@dataclass(frozen=True, kw_only=True)
class ClusterKind:
    """A kind of cluster: a column of the table in the README.

    Attributes:
        cluster: its block.
        level: what runs on its nodes without accelerators: containers, or nothing that is only shown as running.
        opened: makes the project of a stack in an empty folder, and ends what is left of it.
        assert_gone: after a destroy, nothing of the stack is left where it ran.
        system: the pool of what needs no accelerators.
        store_url: how the URLs of its cloud's object stores begin.
        unsupported: what it does not have, with the reason.
    """

    cluster: Json
    level: Literal["real", "simulated"]
    opened: Callable[[Path, Json], AbstractContextManager[AnyStack]]
    assert_gone: Callable[[Any], None]
    system: Json = field(default_factory=lambda: {"cpus": 8, "memory_gib": 32, "min_nodes": 2, "max_nodes": 3})
    store_url: str = ""
    unsupported: Mapping[str, str] = field(default_factory=dict[str, str])


# An HTTP server that ends when it is asked to.
_SERVE = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)
"""


def _service(pool: str, gpus: Any = 0, **fields: Any) -> Json:
    container = {"image": IMAGE, "command": ["python", "-c", _SERVE], "port": 8080, "ready_path": "/"}
    sizes = {"gpus": gpus, "surge": 0} if gpus else {"cpus": 0.05, "memory_gib": 0.125}
    return {"runtime": {"container": container}, "pool": pool, "drain_seconds": 0, **sizes, **fields}


def _job(**fields: Any) -> Json:
    command = ["python", "-c", "print('done')"]
    return {"image": IMAGE, "command": command, "pool": "system", "cpus": 0.05, "memory_gib": 0.125, **fields}


POOLS: Json = {
    "t4": {"accelerator": "t4", "gpus_per_node": 1, "max_nodes": 3},
    "shared": {"accelerator": "t4", "gpus_per_node": 1, "sharing": {"time_slicing": {"replicas": 2}}},
    "mig": {"accelerator": "h100", "gpus_per_node": 8, "sharing": {"mig": "1g.10gb"}},
}
WORKSPACE: Json = {
    "quota": {"gpus": 32, "cpus": 200, "memory_gib": 2000},
    "members": {"view": ["group:ml-all"]},
    "secrets": {"token": {"from": "config/token"}},
    "config": {"settings": {"values": {"level": "low"}}},
    "volumes": {"data": {"size_gib": 1}},
    "services": {
        "web": _service(
            "system",
            replicas=2,
            mounts=[{"config": "settings", "path": "/etc/settings"}, {"secret": "token", "path": "/etc/token"}],
        ),
        "scaled": _service("system", autoscaling={"max_replicas": 3, "target": {"cpu_percent": 70}}),
        "assistant": {
            "model": {"huggingface": "Qwen/Qwen2.5-7B-Instruct"},
            "runtime": {"vllm": {"max_model_len": 8192}},
            "pool": "t4",
            "gpus": 1,
        },
        "turns": _service("shared", 1, replicas=2),
        "slices": _service("mig", {"mig": "1g.10gb"}, replicas=3),
    },
    "jobs": {
        "once": _job(mounts=[{"volume": "data", "path": "/data"}]),
        "nightly": _job(schedule="0 2 * * *"),
    },
    "training": {"finetune": {"image": IMAGE, "pool": "t4", "nodes": 2, "gpus_per_node": 1}},
}


def spec_on(kind: ClusterKind) -> Json:
    """The stack on this kind of cluster."""
    return {
        "cluster": copy.deepcopy(kind.cluster),
        "pools": copy.deepcopy({"system": kind.system, **POOLS}),
        "observability": {"metrics": {"retention_days": 7, "storage_gib": 20}},
        "workspaces": {"team": copy.deepcopy(WORKSPACE)},
    }


@contextmanager
def _kwok(folder: Path, spec: Json) -> Generator[AnyStack]:
    stack = LocalStack(folder, spec, secrets={"token": "one"})
    try:
        yield stack
    finally:
        stack.close()


@contextmanager
def _host(folder: Path, spec: Json) -> Generator[AnyStack]:
    # What is built and downloaded is kept for the next run.
    cache = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")}
    builds: Json = spec["cluster"]["local"]["images"]
    with node_environment(folder / "scratch" / "state"):
        with patch.dict(os.environ, cache):
            for source in find_sources(
                {key: ImageBuildSpec(**each) for key, each in builds.items()}, str(folder)
            ).values():
                provide_archive(source)
        stack = LocalStack(folder, spec, secrets={"token": "one"}, environment=cache)
        try:
            yield stack
        finally:
            stack.close()
            for each in (stack.project.state_folder / "modelyard" / "local").glob("*"):
                lifecycle.delete(each.name)


class _ExistingStack:
    """A stack on a cluster that somebody else made: a control plane with simulated nodes and a volume."""

    def __init__(self, base: Path, api_server: ApiServer, spec: Json) -> None:
        self.folder, self.spec, self._server = base / "project", spec, api_server
        write_stack_project(self.folder)
        self.project = PulumiProject(self.folder, base / "scratch")
        context = kubectl(api_server, "config", "current-context").strip()
        spec["cluster"]["existing"] |= {"context": context, "kubeconfig": str(api_server.kubeconfig)}
        self.configure()
        self.project.set_config(secrets=SECRETS)
        there: Json = {"apiVersion": "v1", "kind": "List", "items": [*_VOLUMES, *_nodes(spec["pools"])]}
        kubectl(api_server, "apply", "--filename=-", text=json.dumps(there))

    def configure(self) -> None:
        """Write `spec`, as it is by now, into the stack's file."""
        write_stack_file(self.folder / "stacks" / f"Pulumi.{STACK}.yaml", self.spec)

    def get(self, kinds: str, *arguments: str) -> list[Json]:
        """The objects of these kinds, in all namespaces."""
        text = kubectl(self._server, "get", kinds, "--all-namespaces", "--output=json", *arguments)
        return json.loads(text)["items"]

    def close(self) -> None:
        """End whatever runs of it."""
        self.project.close()


_VOLUMES: list[Json] = [
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CLASS},
        "provisioner": "kubernetes.io/no-provisioner",
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "disk"},
        "spec": {
            "storageClassName": CLASS,
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
            yield {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": f"{name}-{index}",
                    "annotations": {"kwok.x-k8s.io/node": "fake"},
                    "labels": {POOL_LABEL: name},
                },
                "spec": {
                    "taints": [{"key": each.key, "value": each.value, "effect": each.effect} for each in pool.taints]
                },
                "status": {"allocatable": sizes, "capacity": sizes},
            }


@contextmanager
def _existing(folder: Path, spec: Json) -> Generator[AnyStack]:
    (folder / "api").mkdir()
    with cluster_api(folder / "api") as server:
        stack = _ExistingStack(folder, server, spec)
        try:
            yield stack
        finally:
            stack.close()


def _in(cloud: SimulatedCloud[Any]) -> Callable[[Path, Json], AbstractContextManager[AnyStack]]:
    @contextmanager
    def opened(folder: Path, spec: Json) -> Generator[AnyStack]:
        with cloud_stacks(cloud, folder) as make:
            stack = make(spec)
            stack.project.set_config(secrets=SECRETS)
            yield stack

    return opened


def _no_process_is_left(stack: LocalStack) -> None:
    assert stack.processes() == []
    assert not list((stack.project.state_folder / "modelyard" / "local").glob("*/kubeconfig"))


def _no_object_is_left(stack: AnyStack) -> None:
    assert stack.get("namespaces", "--selector=modelyard.dev/stack") == []


def _no_resource_is_left(stack: CloudStack[Any]) -> None:
    _no_object_is_left(stack)
    assert stack.world.left() == []
    assert stack.get("nodes") == []


KINDS: Mapping[str, ClusterKind] = {
    "host": ClusterKind(
        cluster={
            "local": {
                "engine": "host",
                "images": {"registry.example.org/digits": {"context": str(ROOT / "examples" / "digits")}},
            }
        },
        level="real",
        opened=_host,
        assert_gone=_no_process_is_left,
        # Larger than any machine that runs tests: what it really has is what the scheduler sees.
        system={"cpus": 512, "memory_gib": 2048},
        unsupported=WITHOUT_CLOUD,
    ),
    "kwok": ClusterKind(
        cluster={"local": {"engine": "kwok"}},
        level="simulated",
        opened=_kwok,
        assert_gone=_no_process_is_left,
        unsupported=WITHOUT_CLOUD,
    ),
    "existing": ClusterKind(
        cluster={"existing": {"storage_class": CLASS}},
        level="simulated",
        opened=_existing,
        assert_gone=_no_object_is_left,
        unsupported=WITHOUT_CLOUD,
    ),
    "eks": ClusterKind(
        cluster={"eks": {"region": "us-east-1", "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]}}},
        level="simulated",
        opened=_in(EKS),
        assert_gone=_no_resource_is_left,
        store_url="s3://",
    ),
    "gke": ClusterKind(
        cluster={"gke": {"project": "modelyard-test", "region": "us-central1"}},
        level="simulated",
        opened=_in(GKE),
        assert_gone=_no_resource_is_left,
        store_url="gs://",
    ),
    "aks": ClusterKind(
        cluster={
            "aks": {
                "subscription_id": SUBSCRIPTION,
                "region": "eastus2",
                "admins": ["11111111-1111-1111-1111-111111111111"],
                "api_endpoint": {"public_cidrs": ["203.0.113.0/24"]},
            }
        },
        level="simulated",
        opened=_in(AKS),
        assert_gone=_no_resource_is_left,
        store_url="https://",
    ),
}
"""Every kind of cluster. A further cloud is one entry more."""
