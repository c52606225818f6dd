"""What a user writes of a cluster on GKE."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Annotated, Any, ClassVar, Literal

from modelyard.cluster.gke.networks import GkeExistingVpcSpec, GkeNetwork, GkeVpcSpec
from modelyard.cluster.gke.words import (
    LABEL_KEY,
    LABEL_VALUE,
    AdminMember,
    ClusterName,
    DiskImage,
    GkeVersion,
    KeyName,
    ProjectId,
    Region,
    SecurityGroup,
)
from modelyard.cluster.gke.zones import is_ai_zone, is_zone_of, zones_of
from modelyard.cluster.networks import address_problems, endpoint_problems
from modelyard.cluster.words import AddressRange
from modelyard.errors import Problem, show
from modelyard.spec import Filled, Name, OneOf, Rule, spec
from modelyard.versions import GKE

_MOST_AUTHORIZED_RANGES = 100
"""https://cloud.google.com/kubernetes-engine/docs/how-to/authorized-networks#limitations"""
_MOST_LABELS = 61
"""Google allows 64 on a resource; the stack's own and two of GKE's are among them."""
_GPU_NETWORKS_PREFIXES = (12, 26)
"""No subnetwork is narrower than /29. https://cloud.google.com/vpc/docs/subnets#valid-ranges"""
_LEAST_WINDOW_HOURS, _MOST_WINDOW_HOURS = 4, 24
_LEAST_HOURS_IN_32_DAYS = 48
"""https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions#maintenance_windows"""
_WEEKS_SURELY_IN_32_DAYS = 4

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
"""A day of the week, in UTC."""


def _zones_type(zones: Any) -> Any:
    return int if isinstance(zones, int) else Sequence[Filled]


Zones = Annotated[int | Sequence[Filled], OneOf(_zones_type, (int, Sequence[Filled]))]
"""How many zones, or their names."""


def _check_time(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        return None
    return f"{show(text)} is no time of day", 'write one like "03:00", in quotes and in UTC'


TimeOfDay = Annotated[str, Rule(_check_time, {"pattern": r"^([01]\d|2[0-3]):[0-5]\d$"})]
"""A time of day in UTC, in quotes."""


@spec
class GkeApiEndpointSpec:
    """Who reaches the API server, beside what runs in the cluster. Always over TLS and with Google's credentials."""

    dns: bool = True
    """By a host name of its own, which leads through Google's front ends: whoever is let in by IAM
    (`container.clusters.connect`) reaches it from anywhere, or, with VPC Service Controls, from where those allow it;
    nobody else gets as far as the API server. So no bastion and no VPN is needed, and no range can go stale."""
    public_cidrs: Sequence[AddressRange] | None = None
    """Ranges of public addresses that reach it over the internet by its public address. Left out: it has none."""
    private_cidrs: Sequence[AddressRange] = ()
    """Ranges that reach its private address from inside the network or one connected with it, beside the cluster's own
    subnetwork. Left out: only that subnetwork does, and with `dns` alone it has no address at all."""

    def problems(self) -> Iterable[Problem]:
        """No range that is as good as everybody, and none on the wrong side."""
        ranges = len(self.public_cidrs or ()) + len(self.private_cidrs)
        if self.public_cidrs is not None and not self.public_cidrs:
            fix = "name those of your offices, VPN and CI, or leave it out for an API server without public address"
            yield Problem(path="public_cidrs", why="a public address that no range may reach", fix=fix)
        if ranges > _MOST_AUTHORIZED_RANGES:
            why = f"{ranges} ranges are more than GKE allows"
            yield Problem(path="public_cidrs", why=why, fix=f"name up to {_MOST_AUTHORIZED_RANGES} in all, or use dns")
        yield from endpoint_problems(self.public_cidrs, self.private_cidrs)

    @property
    def by_address(self) -> bool:
        """Whether the API server has an address."""
        return not self.dns or bool(self.public_cidrs or self.private_cidrs)


@spec
class GkeMaintenanceSpec:
    """When Google may upgrade control plane and nodes. It mends what is urgent at any time."""

    days: Sequence[Weekday] | None = None
    """On which days. Left out: on every day."""
    start: TimeOfDay = "03:00"
    """When it begins, in UTC."""
    hours: int = 4
    """How long it is, 4 to 24. Google needs 48 hours in every 32 days, and may stop in the middle of a pool's nodes
    when it ends."""

    def problems(self) -> Iterable[Problem]:
        """As long and as often as GKE asks for."""
        if not _LEAST_WINDOW_HOURS <= self.hours <= _MOST_WINDOW_HOURS:
            fix = f"use {_LEAST_WINDOW_HOURS} to {_MOST_WINDOW_HOURS}"
            yield Problem(path="hours", why=f"a window of {self.hours} hours is not possible", fix=fix)
        if self.days is None:
            return
        if len(set(self.days)) < len(self.days):
            yield Problem(path="days", why="a day is named twice", fix="name each once")
        hours = len(set(self.days)) * self.hours * _WEEKS_SURELY_IN_32_DAYS
        if hours < _LEAST_HOURS_IN_32_DAYS:
            why = f"{hours} hours in four weeks are less than the {_LEAST_HOURS_IN_32_DAYS} that GKE asks for"
            yield Problem(path="days", why=why, fix="name more days, leave days out, or raise hours")


@spec
class GkeUpgradeSpec:
    """How the cluster gets newer versions."""

    channel: Literal["rapid", "regular", "stable", "extended"] = "regular"
    """How well tried they are. `extended`: a minor version stays for 24 months instead of 14, at a surcharge for the
    months after the first 14."""
    minor: Literal["by_hand", "by_google"] = "by_hand"
    """Who raises the minor version. `by_hand`: whoever changes `kubernetes_version`; Google only when the version's
    support ends. `by_google`: Google, soon after the channel offers a newer one. Patches are Google's in any case."""
    maintenance: GkeMaintenanceSpec = field(default_factory=GkeMaintenanceSpec)
    """When Google may do it."""


@spec
class GkeEncryptionSpec:
    """The key that everything is encrypted with that has no key of Google's own instead."""

    key: KeyName | None = None
    """A key in Cloud KMS, in the cluster's region, for Secrets in the API server's store, nodes' disks, volumes and
    object stores. The stack lets the service agents use it that need it, so whoever runs it must be allowed to set the
    key's IAM policy. Left out: Google's own keys. Disks and stores keep the key that they were made with; with node
    auto-provisioning it changes only together with `name`, for another cluster."""


@spec
class GkeBootDiskSpec:
    """A further disk that nodes start with: what is on it need not be loaded."""

    image: DiskImage
    """The disk's image."""
    holds: Literal["container_images", "data"] = "container_images"
    """`container_images`: GKE takes images from it instead of pulling them; `gke-disk-image-builder` makes it. `data`:
    it is mounted under `/mnt/disks/gke-secondary-disks/`, for models."""


@spec
class GkeSpec:
    """A cluster on GKE, in Standard mode, with its network unless that exists."""

    kind: ClassVar[Literal["gke"]] = "gke"
    """The block that it stands in."""
    shared_volume_gib_max: ClassVar[int | None] = 1024
    """The largest shared volume, GiB: a share of an instance of Filestore.
    https://cloud.google.com/filestore/docs/multishares"""
    project: ProjectId
    """The id of the project. Nothing is done in another one, whatever the credentials."""
    region: Region
    """Where: for example `us-central1`."""
    zones: Zones = 3
    """Zones of nodes: how many, or their names: `[us-central1-a, us-central1-c]`. Zones that are added later move
    nothing. Accelerators are in few zones: https://cloud.google.com/compute/docs/gpus/gpu-regions-zones."""
    control_plane: Literal["regional", "zonal"] = "regional"
    """`regional`: in three zones, also while it is upgraded. `zonal`: in the first of `zones` alone, and away for
    minutes at each upgrade; for environments that may do without. It changes only together with `name`, for another
    cluster."""
    name: ClusterName | None = None
    """The cluster's name, unique in project and region. Left out: `<project>-<stack>`. Another one makes another
    cluster with everything on it, and then removes the old one."""
    kubernetes_version: GkeVersion = GKE[0]
    """Minor version, in quotes. A change upgrades the control plane and then the pools, in place; GKE goes up one
    version at a time and never down."""
    network: GkeNetwork = field(default_factory=GkeVpcSpec)
    """A network of the stack's own, or one that exists, by its `network`."""
    gpu_networks_cidr: AddressRange = "192.168.0.0/16"
    """Addresses of the networks between GPUs of pools with `fabric: tcpx` or `tcpxo`, from /12 to /26: each of the up
    to 8 networks has an eighth of them, one for each node, less 4. Without effect where no pool has such a fabric.
    Another range makes other networks, and the nodes of these pools anew."""
    api_endpoint: GkeApiEndpointSpec = field(default_factory=GkeApiEndpointSpec)
    """Who reaches the API server. Left out: whoever IAM lets in, by its host name; it has no address."""
    upgrade: GkeUpgradeSpec = field(default_factory=GkeUpgradeSpec)
    """How the cluster gets newer versions."""
    provisioner: Literal["cluster_autoscaler", "node_auto_provisioning"] = "cluster_autoscaler"
    """Who makes nodes: node pools that the cluster autoscaler sizes, or node auto-provisioning, which makes node pools
    for pods that wait and removes them again."""
    encryption: GkeEncryptionSpec = field(default_factory=GkeEncryptionSpec)
    """A key of your own."""
    image_streaming: bool = True
    """Let containers start before all of their image is there, which is read as it is needed: images of tens of GB that
    stand in Artifact Registry, at no charge."""
    secondary_boot_disks: Mapping[Name, Sequence[GkeBootDiskSpec]] = field(
        default_factory=dict[str, Sequence[GkeBootDiskSpec]]
    )
    """Further disks of a pool's nodes, by the pool's name."""
    shared_storage: bool | None = None
    """Have a class of volumes (Filestore) that several nodes mount. Left out: where a volume of the stack is
    `shared`."""
    model_disks: bool = False
    """Have classes of disks for models that many nodes read at once (Hyperdisk ML). False, as a disk is charged by the
    throughput that it has at any time, used or not."""
    managed_prometheus: bool = False
    """Let Google's Managed Service for Prometheus collect metrics too. False, as `observability.metrics` does it
    without a charge for each sample."""
    workload_logs: bool = False
    """Send what containers write to Cloud Logging too, beside what the system and the control plane write. False, as it
    is charged by volume. How long logs are kept is the project's setting."""
    deletion_protection: bool = False
    """Let Pulumi refuse to delete the cluster until this is false again; not what is on it, nor what is deleted without
    Pulumi. False, so that `pulumi destroy` works."""
    admins: Sequence[AdminMember] = ()
    """Who administers the cluster, beside the one that makes it: `user:…`, `serviceAccount:…`, and with
    `security_group` also `group:…`."""
    security_group: SecurityGroup | None = None
    """`gke-security-groups@` your domain: the group of all groups that roles on the cluster may name by their address,
    as `members` of workspaces do. Left out: roles name no groups of Google."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels on everything that the stack makes in Google Cloud and that can have some. `modelyard-stack` is added."""
    autopilot: bool = False
    """Refused when true: in Autopilot Google chooses nodes and their drivers, so that pools would mean nothing."""

    def problems(self) -> Iterable[Problem]:
        """Zones and key in the region, groups that GKE knows, labels that Google allows, and no Autopilot."""
        yield from self._zone_problems()
        if self.autopilot:
            why = "Autopilot has no node pools: machine, driver, sharing and fabric of a pool would be Google's choice"
            fix = "leave it out: node_auto_provisioning makes nodes as they are needed too, on a Standard cluster"
            yield Problem(path="autopilot", why=why, fix=fix)
        if self.encryption.key and self.encryption.key.split("/")[3] != self.region:
            why = f"the key is in {self.encryption.key.split('/')[3]}"
            yield Problem(path="encryption.key", why=why, fix=f"name a key in {self.region}")
        if isinstance(self.network, GkeExistingVpcSpec) and self.network.subnetwork.startswith("projects/"):
            region = self.network.subnetwork.split("/")[3]
            if region != self.region:
                fix = f"name a subnetwork in {self.region}"
                yield Problem(path="network.subnetwork", why=f"the subnetwork is in {region}", fix=fix)
        widest, narrowest = _GPU_NETWORKS_PREFIXES
        for problem in address_problems(self.gpu_networks_cidr, widest, narrowest, "networks between GPUs"):
            yield problem.under("gpu_networks_cidr")
        for index, admin in enumerate(self.admins):
            if admin in self.admins[:index]:
                yield Problem(path=f"admins[{index}]", why=f"{admin} stands there twice", fix="name each once")
            if admin.startswith("group:") and not self.security_group:
                fix = "set security_group, and make the group a member of that one"
                yield Problem(path=f"admins[{index}]", why="GKE knows no groups without security_group", fix=fix)
        yield from self._label_problems()

    @property
    def zone_names(self) -> tuple[str, ...]:
        """The names of its zones."""
        return zones_of(self.region)[: self.zones] if isinstance(self.zones, int) else tuple(self.zones)

    @property
    def location(self) -> str:
        """Where the control plane is: the region, or a zone of it."""
        return self.region if self.control_plane == "regional" else self.zone_names[0]

    def _zone_problems(self) -> Iterator[Problem]:
        known = zones_of(self.region)
        if isinstance(self.zones, int):
            if not 1 <= self.zones <= len(known):
                why = f"{self.zones} zones are not possible in {self.region}, of which modelyard knows {len(known)}"
                yield Problem(path="zones", why=why, fix=f"use 1 to {len(known)}, or name the zones")
            return
        if not self.zones:
            yield Problem(path="zones", why="no zone is named", fix=f"name some, like {known[0]}, or leave it out")
        if len(set(self.zones)) < len(self.zones):
            yield Problem(path="zones", why="a zone is named twice", fix="name each once")
        for index, zone in enumerate(self.zones):
            if not is_zone_of(zone, self.region):
                why = f"{show(zone)} is no zone of {self.region}"
                yield Problem(path=f"zones[{index}]", why=why, fix=f"name zones of the region, like {known[0]}")
        if self.control_plane == "zonal" and self.zones and is_ai_zone(self.zones[0]):
            why = f"{self.zones[0]} is a zone of accelerators, which has no control planes"
            yield Problem(path="zones[0]", why=why, fix=f"put another zone first, like {known[0]}")

    def _label_problems(self) -> Iterator[Problem]:
        # https://cloud.google.com/resource-manager/docs/labels-overview#requirements
        if len(self.labels) > _MOST_LABELS:
            yield Problem(path="labels", why=f"{len(self.labels)} labels are too many", fix=f"use up to {_MOST_LABELS}")
        for key, value in self.labels.items():
            if not re.fullmatch(LABEL_KEY, key) or key.startswith("goog"):
                why = f"{show(key)} is no key of a label in Google Cloud"
                fix = "use up to 63 lower-case letters, digits, - and _, a letter first, not beginning with goog"
                yield Problem(path="labels", why=why, fix=fix)
            if not re.fullmatch(LABEL_VALUE, value):
                why = f"{show(value)} is no value of a label in Google Cloud"
                yield Problem(path=f"labels.{key}", why=why, fix="use up to 63 lower-case letters, digits, - and _")
