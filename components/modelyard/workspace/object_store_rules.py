"""What is wrong with a workspace's object stores on a cluster, from specs alone."""

from collections.abc import Iterator, Mapping

from modelyard.cluster.object_store_rules import WITHOUT_CLOUD_FIX, store_name_problems, store_problems
from modelyard.errors import Problem
from modelyard.kube.names import logical_name
from modelyard.workspace.spec import NetworkSpec, WorkspaceSpec

_HTTPS = 443


def object_store_problems(
    workspace_name: str,
    workspace: WorkspaceSpec,
    *,
    unsupported: Mapping[str, str],
    former_versions_days_max: int | None,
) -> Iterator[Problem]:
    """What is wrong with valid stores of a workspace, with paths below the workspace's.

    Args:
        workspace_name: its name.
        workspace: a valid spec.
        unsupported: the cluster's trait of this name.
        former_versions_days_max: the cluster's trait of this name.
    """
    if not workspace.object_stores:
        return
    if "object_store" in unsupported:
        yield Problem(path="object_stores", why=unsupported["object_store"], fix=WITHOUT_CLOUD_FIX)
        return
    for name, store in workspace.object_stores.items():
        found = store_name_problems(logical_name(workspace_name, name))
        for problem in [*found, *store_problems(store, former_versions_days_max=former_versions_days_max)]:
            yield problem.under(f"object_stores.{name}")
    if not _reaches_stores(workspace.network):
        why = "closes the way to the workspace's object stores, which have public addresses that no rule can name"
        fix = "leave it out, or list the addresses of private endpoints with port 443 under allow_egress"
        yield Problem(path="network.allow_internet", why=why, fix=fix)


def _reaches_stores(network: NetworkSpec) -> bool:
    wide = network.allow_internet or network.allow_api_server
    return wide or any(_HTTPS in egress.ports for egress in network.allow_egress)
