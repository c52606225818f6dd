"""What every cluster's component does first: check its spec and its pools."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from modelyard.cluster.node_source import NodeSource
from modelyard.cluster.spec import CloudSpec, ExistingSpec, LocalSpec, PoolSpec
from modelyard.component import shown
from modelyard.errors import ConfigError, Problem
from modelyard.kube.names import plain_name_problems
from modelyard.spec import validate

T = TypeVar("T")
C = TypeVar("C", bound=LocalSpec | ExistingSpec | CloudSpec)


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
        raise shown(problems)
    return valid, valid_pools


def check_in_cloud(
    name: str,
    cluster_name: str,
    spec: CloudSpec,
    *,
    own_name: Callable[[str], Problem | None],
    cloud_name: Callable[[str], Problem | None],
    pool_problems: Iterable[Problem],
) -> None:
    """Refuse what a valid spec and valid pools can still have wrong in a cloud.

    Args:
        name: the component's name.
        cluster_name: the cluster's, of the spec or made from project and stack.
        spec: the cluster's.
        own_name: what is wrong with the component's name, beside what is of every name.
        cloud_name: what is wrong with the cluster's.
        pool_problems: what is wrong with all pools together.

    Raises:
        ConfigError: with every problem.
    """
    too_long, refused = own_name(name), cloud_name(cluster_name)
    problems = [
        *([too_long] if too_long else (replace(each, path="name") for each in plain_name_problems(name))),
        *([refused.under(f"cluster.{spec.kind}")] if refused else []),
        *(each.under("pools") for each in pool_problems),
    ]
    if problems:
        raise shown(problems)


def _checked(value: T, path: str, problems: list[Problem]) -> T:
    try:
        return validate(value, path)
    except ConfigError as error:
        problems.extend(error.problems)
        return value
