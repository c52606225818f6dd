"""What follows from a pool, and what fits on it."""

import pytest

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import Pool, find_pool, resolve_pool, resolve_pools
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.errors import ConfigError
from modelyard.gpu.spec import GpuSliceSpec, ReplicasSpec, SharingSpec

H100 = resolve_pool("h100", PoolSpec(accelerator="h100", gpus_per_node=8))
CPU = resolve_pool("system", PoolSpec(cpus=4, memory_gib=16))
MIXED = resolve_pool(
    "mixed", PoolSpec(accelerator="h100", gpus_per_node=8, sharing=SharingSpec(mig={"3g.40gb": 1, "1g.10gb": 4}))
)
SHARED = resolve_pool("shared", PoolSpec(accelerator="l4", sharing=SharingSpec(mps=ReplicasSpec(replicas=4))))
EKS = NodeSource(kind="eks", provisioner="cluster_autoscaler", kubernetes_version="1.35")


def said(
    pool: Pool, gpus: int | GpuSliceSpec = 0, cpus: float | None = None, memory_gib: float | None = None
) -> list[str]:
    return [str(problem) for problem in pool.problems(gpus=gpus, cpus=cpus, memory_gib=memory_gib)]


def test_an_accelerator_brings_machine_resource_and_taint() -> None:
    pool = resolve_pool("l4", PoolSpec(accelerator="l4", taints=[TaintSpec(key="team", value="ml")]))
    assert (pool.cpus, pool.memory_gib, pool.gpus_per_node) == (4, 16, 1)
    assert pool.accelerator
    assert pool.accelerator.resource == "nvidia.com/gpu"
    assert [(taint.key, taint.value, taint.effect) for taint in pool.taints] == [
        ("nvidia.com/gpu", "present", "NoSchedule"),
        ("team", "ml", "NoSchedule"),
    ]
    assert pool.node_selector == {"modelyard.dev/pool": "l4"}


@pytest.mark.parametrize(
    ("accelerator", "resource"),
    [("mi300x", "amd.com/gpu"), ("trainium1", "aws.amazon.com/neuron"), ("tpu-v5e", "google.com/tpu")],
)
def test_each_vendor_has_its_resource(accelerator: str, resource: str) -> None:
    pool = resolve_pool("p", PoolSpec(accelerator=accelerator, cpus=8, memory_gib=64))
    assert pool.accelerator
    assert (pool.accelerator.resource, pool.taints[0].key) == (resource, resource)


def test_a_machine_type_brings_its_accelerators() -> None:
    pool = resolve_pool("p", PoolSpec(machine_type="g6.12xlarge"))
    assert pool.accelerator
    assert (pool.accelerator.name, pool.gpus_per_node, pool.cpus, pool.memory_gib) == ("l4", 4, 48, 192)


def test_inline_sizes_win_over_the_table() -> None:
    pool = resolve_pool("p", PoolSpec(machine_type="g6.12xlarge", cpus=40, memory_gib=100))
    assert (pool.cpus, pool.memory_gib, pool.gpus_per_node) == (40, 100, 4)


@pytest.mark.parametrize("gpus", [1, 2, 4, 8])
def test_divisors_of_a_node_fit(gpus: int) -> None:
    assert said(H100, gpus) == []


@pytest.mark.parametrize(
    ("gpus", "why"),
    [
        (3, "gpus: 3 does not divide a node of 8; use 1, 2, 4 or 8"),
        (16, "gpus: 16 exceed a node of 8; use 1, 2, 4 or 8"),
        (0, ("gpus: pool h100 has 8 h100 a node, but none is asked for; "
            "set gpus, or choose a pool without accelerators")),
    ],
)  # fmt: skip
def test_other_counts_do_not(gpus: int, why: str) -> None:
    assert said(H100, gpus) == [why]


@pytest.mark.parametrize(
    ("pool", "gpus", "why"),
    [
        (MIXED, 1, "gpus: the GPUs of pool mixed are divided; use {mig: 3g.40gb} or {mig: 1g.10gb}"),
        (MIXED, 0, ("gpus: pool mixed has 8 h100 a node, but none is asked for; "
                    "set gpus, or choose a pool without accelerators")),
        (MIXED, GpuSliceSpec(mig="2g.20gb"),
         "gpus.mig: pool mixed has no slices 2g.20gb; use 3g.40gb or 1g.10gb"),
        (MIXED, GpuSliceSpec(mig="1g.10gb", count=33),
         "gpus.count: 33 exceed the 32 slices 1g.10gb of a node; ask for fewer"),
        (H100, GpuSliceSpec(mig="1g.10gb"), ("gpus: the GPUs of pool h100 are not divided by MIG; "
                                             "use a number, or give the pool sharing: {mig: 1g.10gb}")),
        (SHARED, 2, ("gpus: 2 shares of the GPUs of pool shared may be of the same one; "
                     "use 1, or a pool whose GPUs are whole")),
        (CPU, GpuSliceSpec(mig="1g.10gb"), "gpus: pool system has no GPUs; choose a pool with an accelerator"),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_what_the_pool_has(pool: Pool, gpus: int | GpuSliceSpec, why: str) -> None:
    assert said(pool, gpus) == [why]


@pytest.mark.parametrize(
    ("pool", "gpus"),
    [(MIXED, GpuSliceSpec(mig="3g.40gb")), (MIXED, GpuSliceSpec(mig="1g.10gb", count=32)), (SHARED, 1)],
)
def test_slices_and_shares_that_there_are_can_be_had(pool: Pool, gpus: int | GpuSliceSpec) -> None:
    assert said(pool, gpus) == []


@pytest.mark.parametrize("gpus", [2, 4, 8])
def test_some_of_a_nodes_neuron_devices_are_refused(gpus: int) -> None:
    pool = resolve_pool("trn", PoolSpec(accelerator="trainium1", gpus_per_node=16))
    why = f"{gpus} devices of a node of 16 would be any, and Neuron needs neighbours, which AWS's scheduler extension "
    assert said(pool, gpus) == [f"gpus: {why}finds; it is not installed; use 1 or 16"]


@pytest.mark.parametrize("gpus", [1, 16])
def test_one_neuron_device_or_all_of_a_node_can_be_had(gpus: int) -> None:
    assert said(resolve_pool("trn", PoolSpec(accelerator="trainium1", gpus_per_node=16)), gpus) == []


def test_shares_of_all_slices_fit_on_the_node_together() -> None:
    large, small = MIXED.share(GpuSliceSpec(mig="3g.40gb")), MIXED.share(GpuSliceSpec(mig="1g.10gb"))
    assert large == pytest.approx([4 * each for each in small], rel=0.05)
    for of_large, of_small, free in zip(
        large, small, (MIXED.allocatable_cpus, MIXED.allocatable_memory_gib), strict=True
    ):
        assert 0.85 * free < 8 * of_large + 32 * of_small <= free
    cpus, memory_gib = SHARED.share(1)
    assert 4 * cpus <= SHARED.allocatable_cpus
    assert 4 * memory_gib <= SHARED.allocatable_memory_gib


def test_a_machine_is_found_in_the_cloud_of_the_cluster() -> None:
    pools = resolve_pools(
        EKS,
        {
            "l4": PoolSpec(accelerator="l4"),
            "system": PoolSpec(cpus=6, memory_gib=20),
            "arm": PoolSpec(cpus=6, memory_gib=20, architecture="arm64"),
            "rdma": PoolSpec(accelerator="l4", fabric="rdma"),
            "newer": PoolSpec(
                machine_type="g9.large",
                accelerator="l4",
                gpus_per_node=1,
                cpus=2,
                memory_gib=8,
                architecture="arm64",
            ),
        },
    )
    machines = {name: (pool.machine_type, pool.architecture) for name, pool in pools.items()}
    assert machines == {
        "l4": ("g6.xlarge", "amd64"),
        "system": ("m7i.2xlarge", "amd64"),
        "arm": ("m7g.2xlarge", "arm64"),
        "rdma": ("g6.8xlarge", "amd64"),
        "newer": ("g9.large", "arm64"),
    }
    # What the pool says of its nodes holds, so that what fits on one cluster fits on the next.
    assert (pools["system"].cpus, pools["system"].memory_gib) == (6, 20)
    assert pools["newer"].machine is None
    assert pools["l4"].machine
    assert pools["l4"].machine.cloud == "aws"


def test_a_pool_that_cannot_be_had_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^accelerator: aws has no machines with mi300x; use one of a100-40gb"):
        resolve_pool("p", PoolSpec(accelerator="mi300x", gpus_per_node=8), source=EKS)
    assert resolve_pool("p", PoolSpec(accelerator="mi300x", gpus_per_node=8)).gpu


def test_a_pool_without_accelerators_takes_none() -> None:
    assert said(CPU) == []
    assert CPU.gpu is None
    assert said(CPU, gpus=1) == ["gpus: pool system has no GPUs; choose a pool with an accelerator"]


def test_a_request_fits_up_to_what_the_system_leaves() -> None:
    # 4 cores: 6 % of the first, 1 % of the second, 0.5 % of the next two. 16 GiB: 1 + 0.8 + 0.8 GiB, and 0.1 to evict.
    assert (CPU.allocatable_cpus, CPU.allocatable_memory_gib) == (3.92, 13.3)
    assert said(CPU, cpus=3.92, memory_gib=13.3) == []
    assert said(CPU, cpus=3.93, memory_gib=13.31) == [
        (
            "cpus: 3.93 does not fit on a node of pool system, which has 3.92 for pods; "
            "use at most 3.92, or a pool of larger nodes"
        ),
        (
            "memory_gib: 13.31 does not fit on a node of pool system, which has 13.3 for pods; "
            "use at most 13.3, or a pool of larger nodes"
        ),
    ]


def test_shares_of_all_gpus_fit_on_the_node_together() -> None:
    cpus, memory_gib = H100.share(2)
    assert cpus * 4 <= H100.allocatable_cpus
    assert memory_gib * 4 <= H100.allocatable_memory_gib
    assert said(H100, gpus=2, cpus=cpus, memory_gib=memory_gib) == []


def test_an_unknown_pool_lists_the_known() -> None:
    assert find_pool({"system": CPU}, "system") is CPU
    with pytest.raises(ConfigError, match="pool: 'l4' is not a pool of this stack; use one of h100, system"):
        find_pool({"system": CPU, "h100": H100}, "l4")
    with pytest.raises(ConfigError, match="add it under pools"):
        find_pool({}, "l4")
