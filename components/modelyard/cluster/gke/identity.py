"""Who may do what in Google Cloud: nodes, pods and administrators. Nobody gets a key that could leak.

Pods are let in directly, by Workload Identity Federation: what they are named by is part of no account.
https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_kubernetes as k8s
from pulumi_gcp import container, projects, serviceaccount

from modelyard.cluster.gke.account import Account
from modelyard.cluster.gke.words import account_id
from modelyard.cluster.identities import BoundIdentity
from modelyard.cluster.logical_names import logical_names
from modelyard.cluster.object_stores import StoreAccess
from modelyard.kube.labels import labels

_NODE_ROLES = ("roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader")
"""What nodes may do: write logs and metrics, and pull images of the project. The first is the least that GKE asks for.
https://cloud.google.com/kubernetes-engine/docs/how-to/service-accounts"""
_STORE_ROLES = {False: "roles/storage.objectViewer", True: "roles/storage.objectUser"}
"""By whether they may write. Neither may change a store itself, nor who may use it.
https://cloud.google.com/storage/docs/access-control/iam-roles"""
_METADATA_SERVER: Mapping[str, Sequence[int]] = {"169.254.169.254/32": (80,)}
"""Where pods ask for tokens, as Dataplane V2 sees it before the node sends it on. GKE's own server answers there, not
Compute Engine's. https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy"""


@dataclass(frozen=True, kw_only=True)
class NodeIdentity:
    """The service account that nodes run as.

    Attributes:
        email: its address.
        complete: its roles: nodes depend on them, as without them they may do nothing.
    """

    email: pulumi.Output[str]
    complete: Sequence[pulumi.Resource]


def make_node_identity(account: Account) -> NodeIdentity:
    """Make a service account for nodes alone, in place of the project's default one, which many things run as.

    It has no key. Pods do not get its rights: on nodes, GKE's metadata server answers them as who they are themselves.
    """
    made = serviceaccount.Account(
        f"{account.name}-nodes",
        account_id=account_id(account.cluster_name, account.project, account.region),
        display_name=f"Nodes of the GKE cluster {account.cluster_name}",
        opts=account.options_in("iam"),
    )
    member = pulumi.Output.concat("serviceAccount:", made.email)
    roles = [
        projects.IAMMember(
            f"{account.name}-nodes-{role.rpartition('/')[2]}",
            project=account.project,
            role=role,
            member=member,
            opts=account.options_in("cloudresourcemanager"),
        )
        for role in _NODE_ROLES
    ]
    return NodeIdentity(email=made.email, complete=roles)


def make_admins(
    account: Account, admins: Sequence[str], cluster: container.Cluster, provider: k8s.Provider, *, location: str
) -> None:
    """Let principals administer this cluster, and no other one of the project.

    IAM lets them as far as the API server, and there a role on the cluster makes them administrators. Roles of IAM that
    would do for both hold for every cluster of the project. https://cloud.google.com/iam/docs/conditions-resource-attributes
    """
    path = f"projects/{account.project}/locations/{location}/clusters/{account.cluster_name}"
    for admin, plain in logical_names(admins, lambda each: each.replace(":", "-").replace("@", "-")).items():
        kind, _, address = admin.partition(":")
        name = f"{account.name}-admin-{plain}"
        projects.IAMMember(
            name,
            project=account.project,
            role="roles/container.clusterViewer",
            member=admin,
            condition=projects.IAMMemberConditionArgs(
                title=f"GKE cluster {account.cluster_name} in {location}", expression=f'resource.name == "{path}"'
            ),
            opts=account.options([cluster]),
        )
        k8s.rbac.v1.ClusterRoleBinding(
            name,
            metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels("admin", instance="admin", component="access")),
            role_ref=k8s.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io", kind="ClusterRole", name="cluster-admin"
            ),
            subjects=[
                k8s.rbac.v1.SubjectArgs(
                    api_group="rbac.authorization.k8s.io", kind="Group" if kind == "group" else "User", name=address
                )
            ],
            opts=pulumi.ResourceOptions(parent=account.parent, provider=provider),
        )


class WorkloadIdentity(pulumi.ComponentResource):
    """Rights of the pods of one service account, which need not exist yet.

    Google names pods by project, namespace and service account, and by no cluster: the pods of a service account of the
    same name, in a namespace of the same name, on another cluster of the project have the same rights.
    """

    bound: BoundIdentity
    """What the pods depend on, as until then they are refused, and where they get tokens."""

    def __init__(
        self,
        name: str,
        account: Account,
        *,
        cluster: pulumi.Resource,
        project_number: pulumi.Input[str],
        namespace: str,
        service_account: str,
        permissions: Sequence[StoreAccess],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Let the pods use the stores.

        Args:
            name: the Pulumi name.
            account: of the cluster.
            cluster: the first one of a project makes the pool of identities that the pods' are in.
            project_number: of the cluster's project.
            namespace: of the service account.
            service_account: whose pods.
            permissions: the stores that they may use.
            opts: Pulumi's options of the component.
        """
        from pulumi_gcp import storage

        super().__init__("modelyard:cluster:WorkloadIdentity", name, {}, opts)
        own = replace(account, name=name, parent=self)
        principal = pulumi.Output.concat(
            "principal://iam.googleapis.com/projects/",
            project_number,
            f"/locations/global/workloadIdentityPools/{account.workload_pool}"
            f"/subject/ns/{namespace}/sa/{service_account}",
        )
        rights = [
            storage.BucketIAMMember(
                f"{name}-{access.store.key}",
                bucket=access.store.name,
                role=_STORE_ROLES[access.write],
                member=principal,
                opts=own.options_in("iamcredentials", [cluster, *access.store.ready]),
            )
            for access in permissions
        ]
        self.bound = BoundIdentity(ready=rights, token_endpoints=_METADATA_SERVER)
        self.register_outputs({"principal": principal})
