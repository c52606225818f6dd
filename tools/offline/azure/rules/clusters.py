"""AKS clusters: what their parts must agree on, upgrades, and what comes and goes with them.

https://learn.microsoft.com/azure/aks/upgrade-aks-cluster, …/manage-local-accounts-managed-azure-ad,
…/workload-identity-deploy-cluster, …/auto-upgrade-cluster, …/node-auto-provisioning
"""

from collections.abc import Iterator

from tools.offline.azure import nap, pool_nodes
from tools.offline.azure.cloud import AZURE
from tools.offline.azure.ids import SUBSCRIPTION, TENANT, guid, name_of, same
from tools.offline.azure.kinds_compute import AGENT_POOL, CLUSTER, NODE_GROUP
from tools.offline.azure.rules.agent_pools import change_inline, minor, pools_of, require_fit, sync
from tools.offline.azure.rules.cluster_networks import network_of
from tools.offline.azure.rules.cluster_permissions import require_keys
from tools.offline.azure.rules.everything import with_id
from tools.offline.azure.rules.identity import identity_ids
from tools.offline.cloud import cluster_api, nodes, registry
from tools.offline.cloud.errors import CloudError
from tools.offline.cloud.node_groups import reconcile
from tools.offline.cloud.registry import rule
from tools.offline.cloud.schema import Fault
from tools.offline.cloud.session import Session
from tools.offline.cloud.world import Account, Record, values_at
from tools.offline.common.values import UNKNOWN, Json, as_list, as_map, contains_unknown

_DEFAULT_VERSION = "1.34"
_MOST_POOLS = 100


@rule(registry.in_check, CLUSTER)
def parts_of_a_cluster(inputs: Json) -> Iterator[Fault]:
    """Who gets in, who the cluster is, and what needs what."""
    plain: Json = {key: value for key, value in inputs.items() if not contains_unknown(value)}
    if bool(plain.get("dnsPrefix")) == bool(plain.get("fqdnSubdomain")) and inputs.get("dnsPrefix") is not UNKNOWN:
        yield Fault(path=("dnsPrefix",), why="either dnsPrefix or fqdnSubdomain is required")
    yield from _access_faults(inputs, plain)
    yield from _identity_faults(inputs, plain)
    security = as_map(plain.get("securityProfile"))
    if values_at(security, "workloadIdentity.enabled") == [True] and not _is_on(plain, "oidcIssuerProfile.enabled"):
        yield Fault(path=("securityProfile", "workloadIdentity"), why="needs oidcIssuerProfile.enabled")
    sku = as_map(plain.get("sku"))
    if sku.get("name") == "Automatic":
        yield Fault(path=("sku", "name"), why="the simulated AKS has clusters of sku Base only")
    if plain.get("supportPlan") == "AKSLongTermSupport" and sku.get("tier") != "Premium":
        yield Fault(path=("supportPlan",), why="AKSLongTermSupport needs the tier Premium")
    hours = as_map(security.get("imageCleaner")).get("intervalHours")
    if isinstance(hours, int) and not 24 <= hours <= 2160:
        yield Fault(path=("securityProfile", "imageCleaner"), why=f"intervalHours must be from 24 to 2160, not {hours}")
    yield from _provisioning_faults(plain)


def _access_faults(inputs: Json, plain: Json) -> Iterator[Fault]:
    directory = plain.get("aadProfile")
    if plain.get("disableLocalAccounts") and inputs.get("aadProfile") is None:
        yield Fault(path=("disableLocalAccounts",), why="Disabling local accounts needs Entra ID (aadProfile)")
    if plain.get("enableRBAC") is False and directory is not None:
        yield Fault(path=("enableRBAC",), why="Entra ID needs Kubernetes RBAC")
    found = as_map(directory)
    if directory is not None and found.get("managed") is not True:
        yield Fault(path=("aadProfile", "managed"), why="must be true: the older integration is retired")
    if found.get("tenantID") not in (None, TENANT):
        yield Fault(path=("aadProfile", "tenantID"), why=f"the subscription is of tenant {TENANT}")


def _identity_faults(inputs: Json, plain: Json) -> Iterator[Fault]:
    if inputs.get("identity") is None:
        yield Fault(path=("identity",), why="is required: service principals are not simulated")
    kind = as_map(plain.get("identity")).get("type")
    if (kind == "UserAssigned") != bool(identity_ids(plain)) and "identity" in plain:
        yield Fault(path=("identity",), why=f"type {kind} does not go with {len(identity_ids(plain))} identities")
    if kind == "UserAssigned" and len(identity_ids(plain)) > 1:
        yield Fault(path=("identity",), why="a cluster has one user-assigned identity at most")


def _provisioning_faults(plain: Json) -> Iterator[Fault]:
    profile = as_map(plain.get("nodeProvisioningProfile"))
    if profile.get("mode") != "Auto":
        return
    network = network_of(plain)
    if network.get("networkPlugin") != "azure" or network.get("networkPolicy") == "calico":
        why = "node auto-provisioning needs networkPlugin azure, and no policy calico"
        yield Fault(path=("nodeProvisioningProfile",), why=why)
    for index, each in enumerate(map(as_map, as_list(plain.get("agentPoolProfiles")))):
        if each.get("enableAutoScaling"):
            why = "node auto-provisioning and the cluster autoscaler cannot be on together"
            yield Fault(path=("agentPoolProfiles", index, "enableAutoScaling"), why=why)


def _is_on(inputs: Json, path: str) -> bool:
    return values_at(inputs, path) == [True]


@rule(registry.before_create, CLUSTER)
def what_comes_with_a_cluster(account: Account, record: Record) -> None:
    """Its inline pools, and the resource group of its nodes."""
    group = record.inputs.get("nodeResourceGroup") or (
        f"MC_{record.inputs['resourceGroupName']}_{name_of(record.id)}_{record.inputs['location']}"
    )
    group_id = f"/subscriptions/{record.notes.get('subscription', SUBSCRIPTION)}/resourceGroups/{group}"
    if with_id(account, group_id) is not None:
        raise CloudError("NodeResourceGroupExists", f"The node resource group {group} exists already.")
    record.outputs["nodeResourceGroup"] = group
    record.outputs["kubernetesVersion"] = _version_of(record)
    account.add(Record(token=NODE_GROUP, id=group_id, inputs={}, owner=record.key, region=record.region))
    profiles = [as_map(each) for each in as_list(record.inputs.get("agentPoolProfiles"))]
    for profile in profiles:
        require_fit(account, record, profile)
        account.add(_inline_pool(record, profile))


def _inline_pool(cluster: Record, profile: Json) -> Record:
    inputs = {key: value for key, value in profile.items() if key != "name" and value is not None}
    inputs |= {key: cluster.inputs[key] for key in ("resourceGroupName",)} | {"resourceName": name_of(cluster.id)}
    return Record(
        token=AGENT_POOL,
        id=f"{cluster.id}/agentPools/{profile['name']}",
        inputs={**inputs, "agentPoolName": profile["name"]},
        outputs={"count": profile.get("count", 1)},
        region=cluster.region,
        owner=cluster.key,
    )


def _version_of(record: Record) -> str:
    return str(record.inputs.get("kubernetesVersion") or record.outputs.get("kubernetesVersion") or _DEFAULT_VERSION)


@rule(registry.outputs, CLUSTER)
def what_a_cluster_tells(account: Account, record: Record) -> Json:
    """Its addresses, its issuer, and the identities that it has."""
    version = _version_of(record)
    region = str(record.inputs.get("location"))
    prefix = record.inputs.get("dnsPrefix") or record.inputs.get("fqdnSubdomain")
    digest = guid(record.id).partition("-")[0]
    local = cluster_api.connection(AZURE)
    # A server of tests is reached by its address and port, where Azure's has a name.
    fqdn = local.server.partition("://")[2] if local else f"{prefix}-{digest}.hcp.{region}.azmk8s.io"
    told: Json = {
        "kubernetesVersion": version,
        "currentKubernetesVersion": f"{version}.0" if version.count(".") == 1 else version,
        "fqdn": fqdn,
        "azurePortalFQDN": f"{prefix}-{digest}.portal.hcp.{region}.azmk8s.io",
        "maxAgentPools": _MOST_POOLS,
        "powerState": {"code": "Running"},
        "resourceUID": guid(record.id, "uid").replace("-", "")[:24],
        "networkProfile": network_of(record.inputs),
        "sku": {"name": "Base", "tier": "Free"},
        "supportPlan": "KubernetesOfficial",
        "identity": _identity(account, record),
    }
    if _is_on(record.inputs, "apiServerAccessProfile.enablePrivateCluster"):
        told["privateFQDN"] = f"{prefix}-{digest}.{guid(record.id, 'zone')}.privatelink.{region}.azmk8s.io"
    if _is_on(record.inputs, "oidcIssuerProfile.enabled"):
        issuer = f"https://{region}.oic.prod-aks.azure.com/{TENANT}/{guid(record.id, 'issuer')}/"
        told["oidcIssuerProfile"] = {"issuerURL": issuer}
    return told


def _identity(account: Account, record: Record) -> Json:
    if identity_ids(record.inputs):
        found = [with_id(account, each) for each in identity_ids(record.inputs)]
        return {
            "userAssignedIdentities": {
                each.id: {key: each.get(key) for key in ("clientId", "principalId")}
                for each in found
                if each is not None
            }
        }
    return {"principalId": guid(record.id, "principal"), "tenantId": TENANT}


@rule(registry.before_update, CLUSTER)
def change_of_a_cluster(account: Account, record: Record, new: Json) -> None:
    """One thing at a time, one minor version up at a time, and some things only on."""
    _refuse_while_pools_change(account, record)
    before, after = _version_of(record), new.get("kubernetesVersion") or _version_of(record)
    if minor(after) not in (minor(before), minor(before) + 1):
        text = f"Upgrading Kubernetes version {before} to {after} is not allowed."
        raise CloudError("OperationNotAllowed", f"{text} Available upgrades: [1.{minor(before) + 1}].")
    if _is_on(record.inputs, "oidcIssuerProfile.enabled") and not _is_on(new, "oidcIssuerProfile.enabled"):
        text = "OIDC issuer feature cannot be disabled once it is enabled."
        raise CloudError("OIDCIssuerFeatureCannotBeDisabled", text)
    _require_way_in(as_map(record.inputs.get("apiServerAccessProfile")), as_map(new.get("apiServerAccessProfile")))
    require_keys(account, new)
    _change_inline_pools(account, record, new)


def _require_way_in(now: Json, new: Json) -> None:
    """The server becomes private or public only where it has an address in the network already."""
    changed = {key for key in {*now, *new} if (now.get(key) or None) != (new.get(key) or None)}
    refused = {"enableVnetIntegration"} if now.get("enableVnetIntegration") else {"enablePrivateCluster"}
    if "enablePrivateCluster" not in changed and now.get("enablePrivateCluster"):
        refused.add("privateDNSZone")
    for key in sorted(changed & refused):
        text = f"Changing property 'properties.apiServerAccessProfile.{key}' is not allowed."
        raise CloudError("PropertyChangeNotAllowed", text)


def _refuse_while_pools_change(account: Account, record: Record) -> None:
    for pool in pools_of(account, record):
        what = {"CREATING": "Creating", "UPDATING": "Updating", "DELETING": "Deleting"}.get(pool.status)
        if what:
            raise CloudError(
                "OperationNotAllowed",
                f"Operation is not allowed: Another agentpool operation ({name_of(pool.id)} - {what}) is in progress, "
                "please wait for it to finish before starting a new operation. See "
                "https://aka.ms/aks-pending-operation for more details",
            )


def _change_inline_pools(account: Account, record: Record, new: Json) -> None:
    """A pool that the list leaves out stays; one that it adds is refused.

    https://github.com/pulumi/pulumi-azure-native/issues/579, …/2719
    """
    pools = {name_of(each.id).lower(): each for each in pools_of(account, record)}
    for profile in map(as_map, as_list(new.get("agentPoolProfiles"))):
        pool = pools.get(str(profile["name"]).lower())
        if pool is None:
            raise CloudError(
                "BadRequest",
                "A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed through "
                "managed cluster operations. For agent pool specific change, please use per agent pool operations: "
                f"https://aka.ms/agent-pool-rest-api (agentPoolProfiles: {profile['name']})",
            )
        change_inline(pool, profile)
    sync(account, record)
    new["agentPoolProfiles"] = record.inputs["agentPoolProfiles"]


@rule(registry.before_delete, CLUSTER)
def cluster_at_rest(account: Account, record: Record) -> None:
    _refuse_while_pools_change(account, record)


@rule(registry.when_made, CLUSTER)
def first_nodes(session: Session, record: Record) -> None:
    """Those of its inline pools; with node auto-provisioning its kinds of objects."""
    api = cluster_api.client(session)
    if api is not None and nap.is_on(record):
        nap.install(session, api, record)
    for pool in pools_of(session.world.look(), record):
        reconcile(session, pool_nodes.POOLS, pool.id)


@rule(registry.when_updated, CLUSTER)
def nodes_of_inline_pools_follow(session: Session, record: Record) -> None:
    """Also to an upgrade of the control plane, where they name no version of their own."""
    for pool in pools_of(session.world.look(), record):
        if pool.owner == record.key and pool.status == "ACTIVE":
            reconcile(session, pool_nodes.POOLS, pool.id)


@rule(registry.when_deleted, CLUSTER)
def nodes_leave_with_a_cluster(session: Session, record: Record) -> None:
    nodes.remove(session, {pool_nodes.CLUSTER_LABEL: pool_nodes.cluster_label(record.id)})
    api = cluster_api.client(session)
    if api is not None and nap.is_on(record):
        nap.remove(session, api)


def cluster_named(account: Account, group: str, name: str) -> Record | None:
    """The cluster of a name in a resource group."""
    for each in account.of(CLUSTER):
        if same(name_of(each.id), name) and same(each.inputs["resourceGroupName"], group):
            return each
    return None
