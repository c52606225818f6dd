"""Which pools can run what serves the whole cluster."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.spec import PoolSpec
from modelyard.errors import Problem
from modelyard.gpu.machine_types import machine_types


def hosts_system(pool: PoolSpec, *, from_zero: bool = False) -> bool:
    """Whether what serves the whole cluster can run on a pool: CoreDNS, storage drivers, operators.

    It tolerates no taints, asks for no accelerators, and should not lose all of its nodes at once, as spot may.

    Args:
        pool: the pool.
        from_zero: nodes come without anything running on the cluster, so none has to be there from the start.
    """
    is_there = from_zero or pool.min_nodes > 0
    return is_there and not has_accelerator(pool) and not pool.taints and pool.capacity != "spot"


def has_accelerator(pool: PoolSpec) -> bool:
    """Whether its nodes have accelerators, named or of its machine type."""
    machine = machine_types().get(pool.machine_type or "")
    return bool(pool.accelerator or (machine and machine.accelerator))


def system_problems(pools: Mapping[str, PoolSpec], *, scaler: str | None, from_zero: bool = False) -> Iterator[Problem]:
    """No pool on which what serves the whole cluster can run.

    Args:
        pools: valid pools by name.
        scaler: what starts nodes, where it runs on the cluster itself.
        from_zero: nodes come without anything running on the cluster.
    """
    if any(hosts_system(pool, from_zero=from_zero) for pool in pools.values()):
        return
    runs = "names, operators" + (f", {scaler}" if scaler else "")
    least = "" if from_zero else " and min_nodes of 1 or more, 2 so that one may fail"
    fix = f"add one without accelerators, taints and capacity: spot, with cpus: 4, memory_gib: 16{least}"
    yield Problem(why=f"no pool has a node for what the cluster itself runs ({runs})", fix=fix)
