"""What machines cost, as far as the table knows."""

import re
from typing import Any

import pytest

from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.pools import resolve_pools
from modelyard.cluster.spec import ClusterSpec, LocalSpec, PoolSpec
from modelyard.foresight.cost import node_price, node_usd_per_hour, prices
from modelyard.gpu.spec import CapacityBlockSpec, ReservationSpec

EKS = ClusterSpec(eks=EksSpec(region="us-east-1"))


def usd(cluster: ClusterSpec, pool: PoolSpec) -> float | None:
    pools = resolve_pools(NodeSource.of_stack(cluster), {"pool": pool})
    return node_usd_per_hour(cluster, pools["pool"])


def test_every_row_can_be_read_and_is_plausible() -> None:
    for (region, machine_type), price in prices().items():
        assert re.fullmatch(r"[a-z]+[a-z0-9-]+", region)
        assert re.fullmatch(r"20\d\d-\d\d", price.month)
        assert price.on_demand or price.spot, machine_type
        assert 0 < (price.on_demand or 1) < 200
        assert (price.spot or 0) <= (price.on_demand or 1000), machine_type


@pytest.mark.parametrize(
    ("pool", "figure"),
    [
        (PoolSpec(accelerator="l4", machine_type="g6.xlarge", max_nodes=1), "on_demand"),
        (PoolSpec(accelerator="l4", machine_type="g6.xlarge", max_nodes=1, capacity="spot"), "spot"),
    ],
)
def test_a_node_costs_what_it_is_bought_for(pool: PoolSpec, figure: str) -> None:
    assert usd(EKS, pool) == getattr(prices()["us-east-1", "g6.xlarge"], figure)


def test_a_reservation_is_paid_as_on_demand_and_a_block_by_its_own_price() -> None:
    h100: dict[str, Any] = {"accelerator": "h100", "gpus_per_node": 8, "max_nodes": 1, "zones": ["us-east-1a"]}
    on_demand = prices()["us-east-1", "p5.48xlarge"].on_demand
    reserved = PoolSpec(**h100, capacity=ReservationSpec(reservation="cr-0123456789abcdef0"))
    assert usd(EKS, reserved) == on_demand
    assert on_demand is not None
    block = PoolSpec(**h100, capacity=CapacityBlockSpec(capacity_block="cr-0123456789abcdef0"))
    assert usd(EKS, block) is None


def test_what_is_not_in_the_table_is_not_guessed() -> None:
    elsewhere = ClusterSpec(eks=EksSpec(region="ap-northeast-1"))
    pool = PoolSpec(accelerator="l4", machine_type="g6.xlarge", max_nodes=1)
    assert usd(elsewhere, pool) is None
    assert usd(ClusterSpec(local=LocalSpec()), PoolSpec(accelerator="l4", max_nodes=1)) is None


def test_the_price_is_that_of_the_region() -> None:
    gke = ClusterSpec(gke=GkeSpec(project="acme-ml", region="us-central1"))
    pools = resolve_pools(NodeSource.of_stack(gke), {"pool": PoolSpec(machine_type="g2-standard-4", max_nodes=1)})
    assert node_price(gke, pools["pool"]) == prices()["us-central1", "g2-standard-4"]
