"""What a user writes of a workspace. What all workloads in one share stands in `workload_spec.py`."""

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Annotated

import annotated_types

from modelyard.cluster.pools import Pool
from modelyard.cluster.words import AnyAddressRange
from modelyard.errors import Problem, show
from modelyard.kube.names import plain_name_problems
from modelyard.operators.namespaces import PLATFORM_NAMESPACES
from modelyard.platform.queues_rules import Queue
from modelyard.spec import Amount, CountOrZero, Filled, Name, Rule, Text, spec
from modelyard.workspace.object_store_spec import WorkspaceObjectStoreSpec
from modelyard.workspace.place import Place, WrittenArtifact

LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
"""Where nodes find their cloud's metadata, with credentials of the node: no pod gets there by a wide rule."""

MOST_BYTES = 1024 * 1024
"""Of all values of a ConfigMap or a Secret together, for the API server.
https://kubernetes.io/docs/concepts/configuration/configmap/#motivation
https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/apis/core/validation/validation.go, `ValidateConfigMap`"""


def _check_secret_source(text: str) -> tuple[str, str] | None:
    if re.fullmatch(r"config/[A-Za-z0-9._-]+", text):
        return None
    return f"{show(text)} names no secret", "write config/KEY for the stack's own key modelyard:KEY"


SecretSource = Annotated[str, Rule(_check_secret_source, {"pattern": "^config/[A-Za-z0-9._-]+$"})]
"""Where a secret's value comes from: `config/KEY`, the stack's key `modelyard:KEY` (set with `--secret`)."""


_EVERYBODY = {
    "user:system:anonymous": "whoever reaches the API server, without a name",
    "group:system:unauthenticated": "whoever reaches the API server, without a name",
    "group:system:authenticated": "everybody who has a name: all users and all pods, and on GKE every Google account",
    "group:system:serviceaccounts": "the pods of all namespaces",
}
"""https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings and, of GKE,
https://cloud.google.com/kubernetes-engine/docs/best-practices/rbac"""


def _check_member(text: str) -> tuple[str, str] | None:
    if not re.fullmatch(r"(group|user):\S(.*\S)?|serviceaccount:[a-z0-9-]+/[a-z0-9.-]+", text):
        return f"{show(text)} is no member", "write group:NAME, user:NAME or serviceaccount:NAMESPACE/NAME"
    # https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects
    if not re.match("(group|user):system:", text) or re.fullmatch(_OF_SERVICE_ACCOUNTS, text):
        return None
    whom = f"is {_EVERYBODY[text]}" if text in _EVERYBODY else "begins with system:, which is Kubernetes' own"
    return f"{show(text)} {whom}", "name a group or a user of yours, or write serviceaccount:NAMESPACE/NAME"


_OF_SERVICE_ACCOUNTS = r"user:system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+|group:system:serviceaccounts:[a-z0-9-]+"
"""Kubernetes' names of one, and of all of a namespace."""
Member = Annotated[str, Rule(_check_member)]
"""Who gets a role: `group:NAME`, `user:NAME` or `serviceaccount:NAMESPACE/NAME`. Names that begin with `system:` are
Kubernetes' own and refused, but those of ServiceAccounts: `user:system:serviceaccount:NAMESPACE:NAME` and
`group:system:serviceaccounts:NAMESPACE`."""


AnyPort = Annotated[int, annotated_types.Interval(ge=1, le=65535)]
"""A TCP port of something outside."""


def _check_config_key(text: str) -> tuple[str, str] | None:
    if re.fullmatch(_CONFIG_KEY, text) and text != "." and not text.startswith(".."):
        return None
    return f"{show(text)} is no name of a file here", "use letters, digits, hyphens, underscores and dots"


_CONFIG_KEY = r"[-._a-zA-Z0-9]{1,253}"
ConfigKey = Annotated[str, Rule(_check_config_key, {"pattern": f"^{_CONFIG_KEY}$"})]
"""The name of a file of a ConfigMap. https://kubernetes.io/docs/concepts/configuration/configmap/"""


@spec
class QuotaSpec:
    """What all pods of a namespace may ask for together. What is left out is not limited."""

    gpus: CountOrZero | None = None
    """Accelerators, of each vendor that the pools have, and of each MIG profile as many slices as these would give.
    What goes by the name of whole GPUs counts as whole: shares, and the slices that an image counts so."""
    cpus: Amount | None = None
    """vCPUs."""
    memory_gib: Amount | None = None
    """Memory, GiB."""


@spec
class MembersSpec:
    """Who may work in a workspace, by the cluster's own roles of these names."""

    edit: Sequence[Member] = ()
    """May change everything in it but its roles and its quota. That includes reading its secrets."""
    view: Sequence[Member] = ()
    """May see everything in it but its secrets."""


@spec
class SecretSpec:
    """A secret of a workspace, with one value."""

    from_: SecretSource
    """Where its value comes from."""


@spec
class VolumeSpec:
    """Storage that outlives the pods which mount it: models, data sets, checkpoints, results.

    It is deleted with the stack, and its data with it where the StorageClass reclaims volumes by deleting them.
    """

    size_gib: Amount
    """Its size, GiB. It can grow later where the StorageClass allows that, and never shrink."""
    shared: bool = False
    """Whether pods on several nodes mount it at once, which takes a StorageClass of shared file systems. Left out: the
    pods that mount it all run on one node at a time."""
    storage_class: Filled | None = None
    """Left out: the cluster's own, for one node or shared."""


@spec
class ConfigSpec:
    """Configuration in clear text, as files that workloads mount. A change rolls the workloads that mount it."""

    values: Annotated[Mapping[ConfigKey, Text], annotated_types.MinLen(1)]
    """The files: their names and what is in them, 1 MiB together at most."""

    def problems(self) -> Iterable[Problem]:
        """No more than the API server takes."""
        # What comes from another resource is known later.
        texts = [value for value in self.values.values() if isinstance(value, str)]
        size = sum(len(text.encode(errors="surrogatepass")) for text in texts)
        if size > MOST_BYTES:
            why = f"has {size:,} bytes, and a ConfigMap holds {MOST_BYTES:,}"
            fix = "divide it into several, or put large files on a volume or into the image"
            yield Problem(path="values", why=why, fix=fix)


@spec
class EgressSpec:
    """Addresses outside the cluster that the workspace's pods may open TCP connections to."""

    cidr: AnyAddressRange
    """The addresses."""
    ports: Annotated[Sequence[AnyPort], annotated_types.MinLen(1)]
    """The ports."""


@spec
class NetworkSpec:
    """What a workspace's pods may reach beyond each other and DNS. All else is denied."""

    allow_internet: bool = True
    """Public addresses on TCP port 443, as models and data sets are downloaded from there. Never private addresses or
    the cloud's metadata service; where a workspace with object stores gets its credentials is opened by itself."""
    allow_api_server: bool = False
    """The Kubernetes API server. Its address differs by cloud and is known to no rule, so that this opens TCP ports 443
    and 6443 of every address but the cloud's metadata service."""
    allow_egress: Sequence[EgressSpec] = ()
    """Further addresses: a database, a proxy, a private endpoint of an object store."""


@spec
class FabricSpec:
    """A companion namespace, `<workspace>-fabric`, for training and services over a fabric between nodes.

    Such networks read locked memory, for which a container needs the capability IPC_LOCK. Pod security `restricted`,
    which every workspace enforces, refuses it, and so does `baseline`; Kubernetes has no level between that and
    `privileged`, which the companion enforces. So nobody gets the role `edit` in it: its pods are made by the stack
    alone, and have IPC_LOCK and no other right beyond those of other workloads; beside those on `tcpx` and `tcpxo` a
    process of Google's has rights on the node's network cards. They run as root, as a capability has no effect for
    other users.
    https://kubernetes.io/docs/concepts/security/pod-security-standards/

    It has the workspace's secrets, configuration and network rules, with a quota and volumes of its own. Pods of the
    workspace reach the services in it, and nothing else; its pods do not reach those of the workspace.
    """

    quota: QuotaSpec = field(default_factory=QuotaSpec)
    """What its pods may ask for together, beside the workspace's own quota. Left out: no limit."""
    volumes: Mapping[Name, VolumeSpec] = field(default_factory=dict[str, VolumeSpec])
    """Its volumes by name; what runs on the fabric mounts these only."""


@spec
class WorkspaceSpec:
    """A team's namespace: who works in it, what it may use, and what it can reach."""

    quota: QuotaSpec = field(default_factory=QuotaSpec)
    """What its pods may ask for together. Left out: no limit."""
    members: MembersSpec = field(default_factory=MembersSpec)
    """Who may work in it. Left out: only those who have rights in the whole cluster."""
    secrets: Mapping[Name, SecretSpec] = field(default_factory=dict[str, SecretSpec])
    """Its secrets by name; workloads refer to them."""
    config: Mapping[Name, ConfigSpec] = field(default_factory=dict[str, ConfigSpec])
    """Its configuration by name; workloads mount it."""
    volumes: Mapping[Name, VolumeSpec] = field(default_factory=dict[str, VolumeSpec])
    """Its volumes by name; workloads mount them, and artifacts lie on them."""
    object_stores: Mapping[Name, WorkspaceObjectStoreSpec] = field(default_factory=dict[str, WorkspaceObjectStoreSpec])
    """Stores in the cluster's cloud by name: S3, Cloud Storage or Blob Storage. All of its pods use them without a key,
    and workloads ask for their URLs. On a cluster without a cloud they are refused."""
    network: NetworkSpec = field(default_factory=NetworkSpec)
    """What its pods may reach."""
    queues: Sequence[Name] = ()
    """Queues of the platform that its jobs may wait in, also jobs that its members make by themselves."""
    fabric: FabricSpec | None = None
    """The companion namespace for training, and for replicas of services, over several nodes of a pool with a `fabric`,
    where the nodes' image leaves locked memory limited; `{}` for the defaults. Left out: there is none."""

    def place(
        self,
        pools: Mapping[str, Pool],
        artifacts: Mapping[str, WrittenArtifact],
        queues: Mapping[str, Queue],
        priorities: Collection[str],
    ) -> Place:
        """What its workloads find around them, on a cluster with these pools, queues and priorities, and beside jobs
        with these artifacts."""
        fabric_volumes: Mapping[str, VolumeSpec] = self.fabric.volumes if self.fabric else {}
        return Place(
            pools=pools,
            secrets=self.secrets,
            volumes=self.volumes,
            config=self.config,
            object_stores=self.object_stores,
            queues={name: queues[name] for name in self.queues if name in queues},
            priorities=priorities,
            artifacts=artifacts,
            volume_sizes_gib={name: volume.size_gib for name, volume in self.volumes.items()},
            unshared_volumes=[name for name, volume in self.volumes.items() if not volume.shared],
            unshared_fabric_volumes=[name for name, volume in fabric_volumes.items() if not volume.shared],
            fabric_volumes=self.fabric.volumes if self.fabric else None,
        )


def workspace_name_problems(name: str) -> Iterator[Problem]:
    """Why a workspace, and so its namespace, cannot have this name. The path is empty: it is the workspace's."""
    yield from plain_name_problems(name)
    if name == "default" or name.startswith("kube-") or name in PLATFORM_NAMESPACES:
        owner = "the platform" if name in PLATFORM_NAMESPACES else "Kubernetes"
        yield Problem(why=f"{show(name)} is a namespace of {owner}", fix="choose another name")


def config_key(secret: SecretSpec) -> str:
    """The key of the stack's configuration, without `modelyard:`, that a secret takes its value from."""
    return secret.from_.removeprefix("config/")


def secret_problems(secrets: Mapping[str, SecretSpec], keys: Mapping[str, bool]) -> Iterator[Problem]:
    """Secrets whose key is missing or in clear text. No message shows a value.

    Args:
        secrets: a workspace's secrets by name.
        keys: the keys that the stack's configuration has, without `modelyard:`, and whether each is encrypted.
    """
    for name, secret in secrets.items():
        key, path = config_key(secret), f"secrets.{name}.from"
        command = f"run: pulumi config set --secret modelyard:{key}"
        if key not in keys:
            yield Problem(path=path, why=f"the key modelyard:{key} is missing", fix=command)
        elif not keys[key]:
            yield Problem(path=path, why=f"the key modelyard:{key} is in clear text", fix=command)


def volume_problems(
    workspace: WorkspaceSpec, *, shared_available: bool, shared_gib_max: int | None = None
) -> Iterator[Problem]:
    """Shared volumes that name no StorageClass, on a cluster that has none for them, or none for volumes of that size.

    Args:
        workspace: whose volumes.
        shared_available: whether the cluster has a class for them.
        shared_gib_max: the largest volume of that class, GiB; None for any.
    """
    blocks = {"volumes": workspace.volumes}
    if workspace.fabric:
        blocks["fabric.volumes"] = workspace.fabric.volumes
    for block, volumes in blocks.items():
        for name, volume in volumes.items():
            if not volume.shared or volume.storage_class:
                continue
            fix = "name a storage_class for ReadWriteMany volumes"
            if not shared_available:
                fix = f"{fix}, or leave shared out: pods of one node can share it"
                yield Problem(path=f"{block}.{name}.shared", why="the cluster has no shared storage class", fix=fix)
            elif shared_gib_max is not None and volume.size_gib > shared_gib_max:
                why = f"{volume.size_gib:g} GiB are more than the {shared_gib_max} of a shared volume on this cluster"
                yield Problem(path=f"{block}.{name}.size_gib", why=why, fix=f"use up to {shared_gib_max}, or {fix}")


def fabric_namespace(workspace: str) -> str:
    """The name of a workspace's companion namespace."""
    return f"{workspace}-fabric"
