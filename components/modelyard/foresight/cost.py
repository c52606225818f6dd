"""What the machines of pools cost by list prices, as far as they are known.

The table is `prices.csv` beside this file: USD an hour for a machine with Linux, pay as you go, in some regions, with
the month in which it was read; spot prices are medians over a region's zones. An empty cell is not known. Sources: the
price tables that Karpenter ships for AWS
(https://github.com/aws/karpenter-provider-aws/tree/main/pkg/providers/pricing), for Azure
(https://github.com/Azure/karpenter-provider-azure/tree/main/pkg/providers/pricing) and for Google Cloud
(https://github.com/cloudpilot-ai/karpenter-provider-gcp), and SkyPilot's catalogs for AWS
(https://github.com/skypilot-org/skypilot-catalog). Discounts, reservations and taxes are not in it.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from modelyard.cluster.pools import Pool
from modelyard.cluster.spec import ClusterSpec
from modelyard.gpu.request import capacity_kind


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a machine costs in a region, USD an hour; None for what is not known.

    Attributes:
        month: when it was read: `2026-06`.
    """

    on_demand: float | None
    spot: float | None
    month: str


def _price(row: Mapping[str, str]) -> Price:
    on_demand, spot = (
        float(text) if text else None for text in (row["usd_per_hour_on_demand"], row["usd_per_hour_spot"])
    )
    return Price(on_demand=on_demand, spot=spot, month=row["month"])


@cache
def prices() -> dict[tuple[str, str], Price]:
    """Every price by region and machine type."""
    text = files("modelyard.foresight").joinpath("prices.csv").read_text(encoding="utf-8")
    return {(row["region"], row["machine_type"]): _price(row) for row in csv.DictReader(text.splitlines())}


def node_price(cluster: ClusterSpec, pool: Pool) -> Price | None:
    """The price of a node of that pool; None outside of clouds and where it is not in the table."""
    if not cluster.cloud or not pool.machine_type:
        return None
    return prices().get((cluster.cloud.region, pool.machine_type))


def node_usd_per_hour(cluster: ClusterSpec, pool: Pool) -> float | None:
    """What a node of that pool costs as it is bought; None where that is not known.

    Reserved machines count with the price on demand, by which their reservation is paid, used or not. What capacity
    blocks and flex-start cost is not known here.
    """
    price = node_price(cluster, pool)
    if not price:
        return None
    match capacity_kind(pool.spec.capacity):
        case "on_demand" | "reservation":
            return price.on_demand
        case "spot":
            return price.spot
        case _:
            return None
