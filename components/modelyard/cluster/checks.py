"""What every cluster's component does first: check its spec and its pools."""

from collections.abc import Mapping
from typing import TypeVar

from modelyard.cluster.aks.spec import AksSpec
from modelyard.cluster.eks.spec import EksSpec
from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.spec import ExistingSpec, LocalSpec, PoolSpec
from modelyard.component import ProgramConfigError
from modelyard.errors import ConfigError, Problem
from modelyard.spec import validate

T = TypeVar("T")
C = TypeVar("C", LocalSpec, ExistingSpec, EksSpec, GkeSpec, AksSpec)


def checked_cluster(spec: C, path: str, pools: Mapping[str, PoolSpec]) -> tuple[C, Mapping[str, PoolSpec]]:
    """The spec and the pools, once all of them are valid.

    Args:
        spec: the cluster's spec.
        path: where it stands, for messages.
        pools: pools by name.

    Raises:
        ConfigError: with every problem of the spec and of each pool, or else with what pools cannot be there.
    """
    problems: list[Problem] = []
    valid = _checked(spec, path, problems)
    valid_pools = {name: _checked(pool, f"pools.{name}", problems) for name, pool in pools.items()}
    if not problems:
        problems.extend(each.under("pools") for each in NodeSource.of(valid).pool_problems(valid_pools))
    if problems:
        raise ProgramConfigError(problems)
    return valid, valid_pools


def _checked(value: T, path: str, problems: list[Problem]) -> T:
    try:
        return validate(value, path)
    except ConfigError as error:
        problems.extend(error.problems)
        return value
