"""What a user writes of a cluster on AKS."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Annotated, ClassVar, Literal

import annotated_types

from modelyard.cluster.aks.locations import is_zone_of, zones_of
from modelyard.cluster.aks.networks import AksVnetSpec, Network
from modelyard.cluster.aks.words import (
    AksVersion,
    ClusterName,
    ContainerRegistryId,
    DiskEncryptionSetId,
    GroupObjectId,
    KeyId,
    KeyVaultId,
    Region,
    ResourceGroupName,
    SubscriptionId,
    TenantId,
)
from modelyard.cluster.networks import address_problems, cidr_of, endpoint_problems, public_count_problems
from modelyard.cluster.words import AddressRange
from modelyard.errors import Problem, show
from modelyard.spec import Filled, Rule, spec
from modelyard.versions import AKS

_PUBLIC_RANGES = 200
"""https://learn.microsoft.com/azure/aks/api-server-authorized-ip-ranges#limitations"""
_KEPT_BY_AKS = ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
"""https://learn.microsoft.com/azure/aks/azure-cni-overlay#ip-address-planning"""
_TAGS = 50
_TAGS_OF_ZONE = 15
"""Of a private DNS zone, which a cluster without a public address has and hands its tags to.
https://learn.microsoft.com/azure/aks/use-tags#azure-tags-and-aks-clusters"""
_OWN_TAGS = 6
"""Room for ours: `modelyard-stack`, and those by which the autoscaler knows nodes that are not there yet."""
_TAG_CHARACTERS = 256
_FILES_GIB = 102400


@spec
class AksApiEndpointSpec:
    """Who reaches the API server, beside what is in the cluster's network or connected to it. Always over TLS and with
    an account in Entra ID.
    """

    public_cidrs: Sequence[AddressRange] | None = None
    """Ranges of public addresses that reach it over the internet. Left out: it has no public address."""

    def problems(self) -> Iterable[Problem]:
        """No range that is as good as everybody, and no private one."""
        yield from public_count_problems(self.public_cidrs, _PUBLIC_RANGES)
        # What is connected to the network reaches it without being named.
        fix = "leave it out: what is connected gets in anyway"
        yield from endpoint_problems(self.public_cidrs, private_fix=fix)


@spec
class AksUpgradeSpec:
    """What changes by itself, and when."""

    channel: Literal["patch", "none"] = "patch"
    """`patch`: AKS brings the newest patch release of the cluster's minor version to control plane and pools. `none`:
    the version stays as it was made. The minor version is `kubernetes_version`'s in both cases."""
    node_images: Literal["weekly", "none"] = "weekly"
    """`weekly`: nodes get each new image of their system, with fixes of security, a few nodes at a time. `none`: only
    with an upgrade of Kubernetes."""
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "sunday"
    """The day on which both happen, every week."""
    start_hour_utc: Annotated[int, annotated_types.Interval(ge=0, le=23)] = 2
    """When they begin at the earliest, UTC."""
    duration_hours: Annotated[int, annotated_types.Interval(ge=4, le=24)] = 4
    """How long after that they may begin, hours. 4 is the least that AKS allows."""
    support: Literal["standard", "long_term"] = "standard"
    """`standard`: a version is supported for a year. `long_term`: for two, with `tier: premium`."""


@spec
class AksEncryptionSpec:
    """Keys of yours in place of Azure's own. Everything is encrypted at rest in any case."""

    disk_encryption_set_id: DiskEncryptionSetId | None = None
    """What disks of nodes and volumes are encrypted with. Left out: keys that Azure keeps. It changes only together
    with `name`, for another cluster."""
    key_id: KeyId | None = None
    """A key, with its version, that Kubernetes Secrets are encrypted with in the API server's store. Left out: the
    store is encrypted as a whole, with keys that Azure keeps."""
    key_vault_id: KeyVaultId | None = None
    """The vault of `key_id`, with access by roles: the cluster gets the right to use keys in it."""

    key_vault_access: Literal["public", "private"] = "public"
    """Whether the vault is reached at its public address, without a firewall, or has none: then through a link that
    AKS makes, for which the cluster gets to administer the vault, though not to use what else is in it. AKS changes it
    only after an update without `key_id`."""

    def problems(self) -> Iterable[Problem]:
        """A key and its vault belong together."""
        if bool(self.key_id) != bool(self.key_vault_id):
            missing, given = ("key_vault_id", "key_id") if self.key_id else ("key_id", "key_vault_id")
            yield Problem(path=missing, why=f"is needed beside {given}", fix=f"name it, or leave {given} out")
        if self.key_id and self.key_vault_id:
            host, vault = self.key_id.split("/")[2].partition(".")[0], self.key_vault_id.rpartition("/")[2]
            if host.lower() != vault.lower():
                why = f"is vault {show(vault)}, and the key is in {show(host)}"
                yield Problem(path="key_vault_id", why=why, fix="name the vault of the key")


def _check_system_machine(text: str) -> tuple[str, str] | None:
    if not re.fullmatch(r"Standard_\w+", text):
        return f"{show(text)} is no machine type of Azure", "write one like Standard_D4s_v5"
    if text.startswith("Standard_B"):
        # https://learn.microsoft.com/azure/aks/use-system-pools#system-and-user-node-pools
        return f"{text} is of the B series, which AKS does not run its own parts on", "use one like Standard_D4s_v5"
    return None


LogRetentionDays = Annotated[int, annotated_types.Interval(ge=30, le=730)]
"""How long Log Analytics keeps what is in a workspace, days."""


@spec
class AksSpec:
    """A cluster on AKS, with its network unless that exists."""

    kind: ClassVar[Literal["aks"]] = "aks"
    """The block that it stands in."""
    subscription_id: SubscriptionId
    """The subscription in Azure. Nothing is done in any other one, whichever the Azure CLI is set to."""
    region: Region
    """Where: for example `eastus2`."""
    admins: Sequence[GroupObjectId]
    """Entra groups, by their object ids, whose members administer the cluster. One or more, and whoever runs Pulumi is
    in one of them: the cluster has no accounts of its own, not even for the one that made it."""
    zones: Sequence[Filled] | None = None
    """Names of the zones that nodes are to be in, as nodes carry them: `[eastus2-1, eastus2-2]`. Left out: all of the
    region's, where it has zones."""
    resource_group: ResourceGroupName | None = None
    """A resource group that exists, in which everything is made. Left out: one of the stack's own. AKS makes a second
    one for machines and disks, named after the cluster with `-nodes`, and removes it with the cluster."""
    tenant_id: TenantId | None = None
    """The Entra tenant of `admins`. Left out: the subscription's."""
    name: ClusterName | None = None
    """The cluster's name. Left out: `<project>-<stack>`. Another one makes another cluster with everything on it, and
    then removes the old one."""
    kubernetes_version: AksVersion = AKS[0]
    """Minor version, in quotes. A change upgrades control plane and pools in place, one after the other; AKS goes up
    one version at a time and never down."""
    tier: Literal["free", "standard", "premium"] = "standard"
    """Of the control plane. `standard`: up to 5,000 nodes, with a guarantee that Azure pays for. `free`: without one,
    for up to ten nodes or so. `premium`: beside it the long support of versions, at six times the price."""
    system_machine_type: Annotated[str, Rule(_check_system_machine)] = "Standard_D4s_v5"
    """Machine of the one node that the cluster itself owns, beside `pools`: AKS wants a node from the start, and only
    parts of AKS run on it. AKS asks for 4 vCPUs and 4 GiB or more, and none of the B series. It changes only together
    with `name`, for another cluster."""
    container_registry_ids: Sequence[ContainerRegistryId] = ()
    """Azure container registries, by their ids, that nodes may pull images from."""
    network: Network = field(default_factory=AksVnetSpec)
    """A network of the stack's own, or one that exists, by its `node_subnet_id`."""
    pod_cidr: AddressRange = "100.64.0.0/12"
    """Addresses of pods, which exist inside the cluster only: from /12 to /20, and apart from all others. Each node
    takes a /24 of them. They change only together with `name`, for another cluster."""
    service_cidr: AddressRange = "172.20.0.0/16"
    """Addresses of Services, which exist inside the cluster only: from /13 to /24. They change only together with
    `name`, for another cluster."""
    api_endpoint: AksApiEndpointSpec = field(default_factory=AksApiEndpointSpec)
    """Who reaches the API server. Left out: only what is in the cluster's network or connected to it, so `pulumi up`
    has to run there. In a network that the same update makes nothing can run yet: the first update needs `public_cidrs`
    there."""
    upgrade: AksUpgradeSpec = field(default_factory=AksUpgradeSpec)
    """What changes by itself, and when."""
    provisioner: Literal["cluster_autoscaler", "node_auto_provisioning"] = "cluster_autoscaler"
    """Who makes nodes: node pools that the cluster autoscaler sizes, or node auto-provisioning (Karpenter), both run by
    AKS."""
    encryption: AksEncryptionSpec = field(default_factory=AksEncryptionSpec)
    """Keys of yours in place of Azure's own."""
    control_plane_logs: Literal["audit", "all", "none"] = "audit"
    """Which logs of the control plane are kept. `audit`: who changed what, who logged in, and what the autoscaler did.
    `all`: also who read what, and the API server's own, which are many times as much and charged by volume."""
    log_retention_days: LogRetentionDays = 90
    """How long they are kept, days. 90 covers a quarter's audits; Azure charges nothing for the first 31."""
    deletion_protection: bool = False
    """Let Pulumi refuse to delete the cluster until this is false again. False, so that `pulumi destroy` works. It is
    no lock in Azure: that would stop pools from being replaced too."""
    shared_storage: bool | None = None
    """Offer volumes that several nodes mount. Left out: where a volume of the stack is `shared`."""
    shared_storage_service: Literal["files", "blob"] = "files"
    """What they are. `files`: shares of Azure Files, on SSDs, with locks, paid for by their size. `blob`: containers of
    Azure Blob, without locks, paid for by what is in them: for large files that are read from beginning to end. A
    change makes shared volumes anew, empty."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on everything that the stack makes in Azure. `modelyard-stack` is added."""

    def problems(self) -> Iterable[Problem]:
        """Zones in the region, ranges apart, a tier for the support, admins, tags that Azure allows, registries, shared
        storage."""
        yield from self._zone_problems()
        yield from self._range_problems()
        yield from self._tier_problems()
        yield from self._admin_problems()
        yield from self._tag_problems()
        yield from self._registry_problems()
        if self.shared_storage is False and self.shared_storage_service != "files":
            why, fix = f"is {self.shared_storage_service}, and shared_storage is false", "leave one of them out"
            yield Problem(path="shared_storage_service", why=why, fix=fix)

    def zone_names(self) -> tuple[str, ...]:
        """The zones of nodes; empty in a region without zones."""
        return zones_of(self.region) if self.zones is None else tuple(self.zones)

    @property
    def shared_volume_gib_max(self) -> int | None:
        """The largest shared volume, GiB: a share of Azure Files on SSDs; containers of Blob have no size.
        https://learn.microsoft.com/azure/storage/files/storage-files-scale-targets"""
        return _FILES_GIB if self.shared_storage_service == "files" else None

    @property
    def is_private(self) -> bool:
        """Whether the API server has no public address."""
        return not self.api_endpoint.public_cidrs

    def _zone_problems(self) -> Iterator[Problem]:
        if self.zones is None:
            return
        known = zones_of(self.region)
        for index, zone in enumerate(self.zones):
            if not is_zone_of(zone, self.region):
                fix = f"use {' or '.join(known)}" if known else f"leave zones out: {self.region} has none"
                yield Problem(path=f"zones[{index}]", why=f"{show(zone)} is no zone of {self.region}", fix=fix)
            elif not known:
                why, fix = f"{self.region} has no zones", "leave zones out, or choose a region like eastus2"
                yield Problem(path=f"zones[{index}]", why=why, fix=fix)
        if len(set(self.zones)) < len(self.zones):
            yield Problem(path="zones", why="a zone is named twice", fix="name each once")
        if not self.zones:
            yield Problem(path="zones", why="is empty", fix="name one or more, or leave it out for all")

    def _range_problems(self) -> Iterator[Problem]:
        found = [
            *(each.under("service_cidr") for each in address_problems(self.service_cidr, 13, 24, "Services")),
            *(each.under("pod_cidr") for each in address_problems(self.pod_cidr, 12, 20, "pods")),
        ]
        yield from found
        if found:
            return
        fix = "choose ranges apart, like 10.0.0.0/16, 100.64.0.0/12 and 172.20.0.0/16"
        own = {"network.cidr": self.network.cidr} if isinstance(self.network, AksVnetSpec) else {}
        ranges = {**own, "pod_cidr": self.pod_cidr, "service_cidr": self.service_cidr}
        for name, cidr in ranges.items():
            for kept in _KEPT_BY_AKS:
                if cidr_of(cidr).overlaps(cidr_of(kept)):
                    yield Problem(path=name, why=f"{cidr} overlaps {kept}, which AKS keeps for itself", fix=fix)
        names = list(ranges)
        for index, name in enumerate(names):
            for other in names[:index]:
                if cidr_of(ranges[name]).overlaps(cidr_of(ranges[other])):
                    yield Problem(path=name, why=f"{ranges[name]} overlaps {other} {ranges[other]}", fix=fix)

    def _tier_problems(self) -> Iterator[Problem]:
        long_term = self.upgrade.support == "long_term"
        if long_term and self.tier != "premium":
            why, fix = f"comes with tier premium only, not {self.tier}", "write tier: premium, or support: standard"
            yield Problem(path="upgrade.support", why=why, fix=fix)
        if self.tier == "premium" and not long_term:
            why = "is standard but for long support, which is not asked for, at six times the price"
            yield Problem(path="tier", why=why, fix="add upgrade: {support: long_term}, or write tier: standard")

    def _admin_problems(self) -> Iterator[Problem]:
        if not self.admins:
            why, fix = "without one nobody could use the cluster", "name the Entra group of those who run Pulumi"
            yield Problem(path="admins", why=why, fix=fix)
        for admin in sorted({each for each in self.admins if list(self.admins).count(each) > 1}):
            yield Problem(path="admins", why=f"{admin} stands there twice", fix="name each once")

    def _registry_problems(self) -> Iterator[Problem]:
        # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules: case does not count.
        known = [each.lower() for each in self.container_registry_ids]
        for index, registry in enumerate(known):
            if registry in known[:index]:
                why = f"{self.container_registry_ids[index]} stands there twice"
                yield Problem(path=f"container_registry_ids[{index}]", why=why, fix="name each once")

    def _tag_problems(self) -> Iterator[Problem]:
        # https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
        # https://learn.microsoft.com/azure/aks/use-tags: what AKS keeps for itself.
        for key, value in self.tags.items():
            reserved = key.lower().startswith(("aks-managed", "k8s-azure", "kubernetes.io-", "microsoft", "windows"))
            if reserved or not re.fullmatch(r"[^<>%&\\?/\x00-\x1f]{1,512}", key):
                fix = (
                    "use up to 512 characters without < > % & \\ ? /, not beginning with aks-managed, microsoft, azure"
                )
                yield Problem(path="tags", why=f"{show(key)} is no name of a tag", fix=fix)
            if len(value) > _TAG_CHARACTERS:
                fix = f"use at most {_TAG_CHARACTERS}"
                yield Problem(path=f"tags.{key}", why=f"has {len(value)} characters", fix=fix)
        if self.is_private and len(self.tags) >= _TAGS_OF_ZONE:
            why = f"{len(self.tags)} and ours are more than the {_TAGS_OF_ZONE} of a private cluster's DNS zone"
            yield Problem(path="tags", why=why, fix=f"keep {_TAGS_OF_ZONE - 1}")
        elif len(self.tags) > _TAGS - _OWN_TAGS:
            why = f"{len(self.tags)} and up to {_OWN_TAGS} of ours are more than the {_TAGS} of a resource in Azure"
            yield Problem(path="tags", why=why, fix=f"keep {_TAGS - _OWN_TAGS}")
