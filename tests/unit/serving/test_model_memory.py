"""Whether weights fit on GPUs, and how long they take to get there."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.pools import resolve_pool
from modelyard.cluster.spec import PoolSpec
from modelyard.gpu.spec import GpuSliceSpec, ReplicasSpec, SharingSpec
from modelyard.serving.model_memory import gpu_memory, loading_seconds
from modelyard.serving.model_spec import ModelSpec
from modelyard.workspace.place import Place
from tests.support.clusters import POOLS
from tests.unit.serving.test_spec import OWN, VLLM


def usable(gpus: Any = 1, **pool: Any) -> float:
    fields: dict[str, Any] = {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 1, **pool}
    memory = gpu_memory(1, gpus, resolve_pool("pool", PoolSpec(**fields)))
    assert memory
    return memory.usable_gib


@pytest.mark.parametrize(
    ("gpus", "pool", "gib"),
    [
        (1, {}, 80),
        (8, {}, 80),
        (GpuSliceSpec(mig="3g.40gb", count=1), {"sharing": SharingSpec(mig="3g.40gb")}, 40),
        (1, {"sharing": SharingSpec(mig="1g.10gb")}, 10),
        (1, {"accelerator": "l4", "gpus_per_node": 1}, 24),
        (1, {"sharing": SharingSpec(mps=ReplicasSpec(replicas=4))}, 20),
        (1, {"sharing": SharingSpec(time_slicing=ReplicasSpec(replicas=4))}, 80),
    ],
)
def test_the_memory_that_servers_use(gpus: Any, pool: dict[str, Any], gib: float) -> None:
    assert usable(gpus, **pool) == pytest.approx(0.92 * gib, abs=0.05)


# Sizes and counts of KAITO's catalog, for cards of 80 GB: what its estimator says fits must fit here.
# https://github.com/kaito-project/kaito/blob/main/presets/workspace/models/model_catalog.yaml
@pytest.mark.parametrize(
    ("size_gib", "fits_on"), [(14.96, 1), (27.51, 1), (51.10, 1), (61.03, 2), (131.42, 3), (121.54, 3), (554.32, 10)]
)
def test_it_is_no_stricter_than_others_estimates(size_gib: float, fits_on: int) -> None:
    pool = resolve_pool("pool", PoolSpec(accelerator="h100", gpus_per_node=8, max_nodes=2))
    memory = gpu_memory(size_gib, fits_on, pool)
    assert memory
    assert memory.fits
    too_few = gpu_memory(size_gib, max(1, fits_on // 2), pool)
    assert too_few
    assert not too_few.fits or fits_on <= 3


def refused(**fields: Any) -> list[str]:
    service = replace(VLLM, **fields)
    return [str(each) for each in service.problems_on(Place(pools=POOLS))]


def test_weights_that_no_gpu_can_hold_are_refused() -> None:
    model = ModelSpec(huggingface="meta-llama/Llama-3.3-70B-Instruct", size_gib=131.4)
    (problem,) = refused(pool="h100", gpus=1, model=model)
    why = "weights and programs take at least 136.3 GiB of each GPU, and servers use 73.6 of those of pool h100"
    assert problem == f"model.size_gib: {why}; raise gpus, use a pool with larger GPUs, or a quantized model"
    assert refused(pool="h100", gpus=2, model=model) == []


def test_nothing_is_known_without_a_size_or_a_gpu() -> None:
    assert VLLM.gpu_memory_on(POOLS["l4"]) is None
    own = replace(OWN, model=ModelSpec(volume="models", size_gib=500))
    assert own.gpu_memory_on(POOLS["system"]) is None


def test_the_start_up_budget_grows_with_the_model() -> None:
    assert (loading_seconds(0.1), loading_seconds(15), loading_seconds(131.4)) == (660, 780, 1980)
    sized = replace(VLLM, model=ModelSpec(huggingface="a/b", size_gib=15))
    assert (VLLM.startup_seconds, sized.startup_seconds) == (1800, 780)
    assert replace(sized, startup_timeout_seconds=60).startup_seconds == 60
