"""A workspace's object stores, and who its pods are in the cloud that has them."""

from collections.abc import Mapping

import pulumi

from modelyard.cluster.base import Cluster
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.object_stores import ObjectStore, StoreAccess
from modelyard.kube.names import logical_name
from modelyard.workspace.object_store_spec import WorkspaceObjectStoreSpec

NOBODY = BoundIdentity(ready=())
"""Who pods are in a cloud without a store to use: nobody."""


def make_stores(
    workspace_name: str, cluster: Cluster, specs: Mapping[str, WorkspaceObjectStoreSpec], parent: pulumi.Resource
) -> dict[str, ObjectStore]:
    """Make a workspace's stores, by the names in its spec.

    Args:
        workspace_name: with which their Pulumi names begin.
        cluster: in whose cloud.
        specs: without problems on this cluster.
        parent: the component that they belong to.
    """
    opts = pulumi.ResourceOptions(parent=parent)
    return {name: cluster.object_store(logical_name(workspace_name, name), spec, opts) for name, spec in specs.items()}


def bind_to_stores(
    namespace: str,
    service_account: str,
    cluster: Cluster,
    specs: Mapping[str, WorkspaceObjectStoreSpec],
    stores: Mapping[str, ObjectStore],
    parent: pulumi.Resource,
) -> BoundIdentity:
    """Let the pods of a namespace's service account do with each store what its spec says, and nothing else.

    Args:
        namespace: which need not exist yet.
        service_account: whose pods, likewise.
        cluster: where they run.
        specs: what they may do, by name.
        stores: the stores by the same names; without any nothing is made.
        parent: the component that the identity belongs to.
    """
    if not stores:
        return NOBODY
    return cluster.workload_identity(
        namespace,
        namespace=namespace,
        service_account=service_account,
        permissions=[StoreAccess(store=store, write=specs[name].access == "write") for name, store in stores.items()],
        opts=pulumi.ResourceOptions(parent=parent),
    )
