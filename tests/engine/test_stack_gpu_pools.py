"""Pools of every kind of sharing, and of a fast network, through the real engine and the real scheduler."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.local_stack import POOL_LABEL, Json, LocalStack, local_stack
from tests.support.processes import wait_until

pytestmark = pytest.mark.engine

RUNTIME = {"container": {"image": "registry.example.org/web:1.0.0", "port": 8080, "ready_path": "/"}}


def service(pool: str, gpus: Any, replicas: int) -> Json:
    """A service of which an update needs no free GPU."""
    return {"runtime": RUNTIME, "pool": pool, "gpus": gpus, "replicas": replicas, "surge": 0}


SPEC: Json = {
    "pools": {
        "mig": {"accelerator": "a100-80gb", "gpus_per_node": 2, "sharing": {"mig": "3g.40gb"}},
        "mixed": {"accelerator": "h100", "gpus_per_node": 2, "sharing": {"mig": {"3g.40gb": 1, "1g.10gb": 4}}},
        "sliced": {"accelerator": "l4", "sharing": {"time_slicing": {"replicas": 4}}, "capacity": "spot"},
        "mps": {"accelerator": "l4", "sharing": {"mps": {"replicas": 2}}, "capacity": "flex_start"},
        "fast": {
            "accelerator": "h100",
            "gpus_per_node": 8,
            "fabric": "rdma",
            "capacity": {"reservation": "cr-0123456789abcdef0"},
            "zones": ["us-east-1a"],
            "max_nodes": 2,
        },
    },
    "workspaces": {
        "team": {
            "fabric": {},
            "services": {
                "halves": service("mig", {"mig": "3g.40gb"}, 4),
                "large": service("mixed", {"mig": "3g.40gb"}, 2),
                "small": service("mixed", {"mig": "1g.10gb", "count": 2}, 4),
                "turns": service("sliced", 1, 4),
                "shares": service("mps", 1, 2),
            },
            "training": {
                "finetune": {
                    "image": "registry.example.org/finetune:1.0.0",
                    "pool": "fast",
                    "nodes": 2,
                    "gpus_per_node": 8,
                }
            },
        }
    },
}
# Each pool is full with them: one pod more, and a node less, would be Pending.
PODS = {"halves": ("mig", 4), "large": ("mixed", 2), "small": ("mixed", 4), "turns": ("sliced", 4),
        "shares": ("mps", 2), "finetune": ("fast", 2)}  # fmt: skip
RESOURCES = {
    "mig": {"nvidia.com/mig-3g.40gb": "4"},
    "mixed": {"nvidia.com/mig-3g.40gb": "2", "nvidia.com/mig-1g.10gb": "8"},
    "sliced": {"nvidia.com/gpu": "4"},
    "mps": {"nvidia.com/gpu": "2"},
    "fast": {"nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "10Gi"},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack, made."""
    with local_stack(tmp_path_factory.mktemp("gpu-pools"), SPEC) as made:
        made.project.up()
        yield made


def test_nodes_advertise_what_the_pool_is_compiled_into(stack: LocalStack) -> None:
    found: dict[str, list[Json]] = {}
    for node in stack.get("nodes"):
        allocatable = node["status"]["allocatable"]
        devices = {name: count for name, count in allocatable.items() if "/" in name or name.startswith("hugepages")}
        found.setdefault(node["metadata"]["labels"][POOL_LABEL], []).append(devices)
        assert node["metadata"]["labels"]["modelyard.dev/accelerator"]
    assert found == {pool: [devices] * (2 if pool == "fast" else 1) for pool, devices in RESOURCES.items()}


def test_pods_fill_the_pools_with_what_they_ask_for(stack: LocalStack) -> None:
    pools = {node["metadata"]["name"]: node["metadata"]["labels"][POOL_LABEL] for node in stack.get("nodes")}

    def placed() -> Counter[tuple[str, str | None]]:
        return Counter(
            (pod["metadata"]["labels"]["app.kubernetes.io/name"], pools.get(pod["spec"].get("nodeName")))
            for pod in stack.get("pods")
        )

    wanted = {(name, pool): count for name, (pool, count) in PODS.items()}
    wait_until(lambda: placed() == wanted, "every pod on a node of its pool")


def test_a_second_preview_shows_no_change(stack: LocalStack) -> None:
    assert set(stack.project.preview().changes) == {"same"}
