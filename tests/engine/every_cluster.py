"""Every kind of cluster, and one stack that uses every feature: the same description, only its cluster differs."""

import copy
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from modelyard.cluster.object_store_rules import WITHOUT_CLOUD
from tests.engine.aks_stack import AKS
from tests.engine.cloud_servers import CloudServers
from tests.engine.cloud_stack import CloudStack, SimulatedCloud, cloud_stacks
from tests.engine.eks_stack import EKS
from tests.engine.every_feature import POOLS, WORKSPACE
from tests.engine.existing_stack import STORAGE_CLASS, ExistingStack
from tests.engine.gke_stack import GKE
from tests.engine.host_stack import CLUSTER as HOST
from tests.engine.host_stack import host_stack
from tests.engine.local_stack import Json, LocalStack, local_stack
from tests.support.azure import SUBSCRIPTION
from tests.support.engine import PulumiProject

LOCAL_SECRETS = {"token": "one"}
SECRETS = {f"modelyard:{name}": value for name, value in LOCAL_SECRETS.items()}


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
        opened: makes the project of a stack in an empty folder, on an API server of these where it needs one, and ends
            what is left of it.
        assert_gone: after a destroy, nothing of the stack is left where it ran.
        system: the pool of what needs no accelerators.
        store_url: how the URLs of its cloud's object stores begin.
        unsupported: what it does not have, with the reason.
    """

    cluster: Json
    level: Literal["real", "simulated"]
    opened: Callable[[Path, Json, CloudServers], AbstractContextManager[AnyStack]]
    assert_gone: Callable[[Any], None]
    system: Json = field(default_factory=lambda: {"cpus": 8, "memory_gib": 32, "min_nodes": 2, "max_nodes": 3})
    store_url: str = ""
    unsupported: Mapping[str, str] = field(default_factory=dict[str, str])


def spec_on(kind: ClusterKind) -> Json:
    """The stack on this kind of cluster."""
    return {
        "cluster": copy.deepcopy(kind.cluster),
        "pools": copy.deepcopy({"system": kind.system, **POOLS}),
        "observability": {"metrics": {"retention_days": 7, "storage_gib": 20}},
        "workspaces": {"team": copy.deepcopy(WORKSPACE)},
    }


def _kwok(folder: Path, spec: Json, servers: CloudServers) -> AbstractContextManager[AnyStack]:
    return local_stack(folder, spec, secrets=LOCAL_SECRETS)


def _host(folder: Path, spec: Json, servers: CloudServers) -> AbstractContextManager[AnyStack]:
    return host_stack(folder, spec, LOCAL_SECRETS)


@contextmanager
def _existing(folder: Path, spec: Json, servers: CloudServers) -> Generator[AnyStack]:
    with servers.one() as server, closing(ExistingStack(folder, server, spec, SECRETS)) as stack:
        yield stack


def _in(cloud: SimulatedCloud[Any]) -> Callable[[Path, Json, CloudServers], AbstractContextManager[AnyStack]]:
    @contextmanager
    def opened(folder: Path, spec: Json, servers: CloudServers) -> Generator[AnyStack]:
        with cloud_stacks(cloud, folder, servers) as make:
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
        cluster=HOST,
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
        cluster={"existing": {"storage_class": STORAGE_CLASS}},
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
