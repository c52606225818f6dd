"""Type tokens, URNs and what is known of the built-in kinds without asking an API server.

The tables follow the real provider's `provider/pkg/kinds/kinds.go` (github.com/pulumi/pulumi-kubernetes).
"""

# ruff: noqa: SIM905 - long tables of words read better as text

from dataclasses import dataclass

from tools.offline.common.values import Json, as_text

HELM_RELEASE = "kubernetes:helm.sh/v3:Release"

_NAMESPACED_KINDS = frozenset(
    "Binding ConfigMap ControllerRevision CronJob CSIStorageCapacity DaemonSet Deployment Endpoints "
    "EndpointSlice Event HorizontalPodAutoscaler Ingress Job Lease LimitRange NetworkPolicy "
    "PersistentVolumeClaim Pod PodDisruptionBudget PodTemplate ReplicaSet ReplicationController "
    "ResourceQuota Role RoleBinding Secret Service ServiceAccount StatefulSet".split()
)
_CLUSTER_KINDS = frozenset(
    "APIService CertificateSigningRequest ClusterRole ClusterRoleBinding CSIDriver CSINode "
    "CustomResourceDefinition FlowSchema IngressClass MutatingWebhookConfiguration Namespace Node "
    "PersistentVolume PodSecurityPolicy PriorityClass PriorityLevelConfiguration RuntimeClass "
    "StorageClass ValidatingWebhookConfiguration VolumeAttachment".split()
)
_BUILTIN_GROUPS = frozenset(
    "admissionregistration.k8s.io apiextensions.k8s.io apiregistration.k8s.io apps "
    "auditregistration.k8s.io autoscaling batch certificates.k8s.io coordination.k8s.io discovery.k8s.io "
    "events.k8s.io extensions flowcontrol.apiserver.k8s.io networking.k8s.io node.k8s.io policy "
    "rbac.authorization.k8s.io resource.k8s.io scheduling.k8s.io settings.k8s.io storage.k8s.io "
    "storagemigration.k8s.io".split()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupVersionKind:
    """A Kubernetes kind; `group` is empty for the core group."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_builtin(self) -> bool:
        """Whether Kubernetes itself defines the kind's group, so that it is no custom resource."""
        return not self.group or self.group in _BUILTIN_GROUPS

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Urn:
    """The parts of a Pulumi URN that a provider needs."""

    text: str
    type: str
    name: str

    @property
    def kind(self) -> str:
        return self.type.rpartition(":")[2]


def parse_urn(text: str) -> Urn:
    """`urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`; the name itself may contain `::`."""
    parts = text.split("::", 3)
    if len(parts) != 4:
        raise ValueError(f"{text!r} is no Pulumi URN")
    return Urn(text=text, type=parts[2].rpartition("$")[2], name=parts[3])


def kind_of_token(token: str) -> GroupVersionKind:
    """`kubernetes:apps/v1:Deployment` as a kind.

    Raises:
        ValueError: the token is not of the form `kubernetes:<group>/<version>:<Kind>`.
    """
    package, _, rest = token.partition(":")
    api_version, _, kind = rest.rpartition(":")
    group, slash, version = api_version.partition("/")
    if package != "kubernetes" or not slash or not version or not kind:
        raise ValueError(
            f"the resource type {token!r} is not of the form kubernetes:<group>/<version>:<Kind>, "
            "such as kubernetes:apps/v1:Deployment"
        )
    return GroupVersionKind(group="" if group == "core" else group, version=version, kind=kind)


def kind_of_object(obj: Json) -> GroupVersionKind:
    """The kind that an object says it is."""
    group, _, version = as_text(obj.get("apiVersion")).rpartition("/")
    return GroupVersionKind(
        group="" if group == "core" else group,
        version=version,
        kind=as_text(obj.get("kind")),
    )


def is_patch(urn: Urn, kind: str) -> bool:
    """Whether the resource owns single fields of an object only (`DeploymentPatch` for a Deployment)."""
    return urn.kind == f"{kind}Patch"


def is_list(urn: Urn) -> bool:
    """Whether the resource is a list of built-in objects, which exists only to read YAML that contains one."""
    gvk = kind_of_token(urn.type)
    item = gvk.kind.removesuffix("List")
    return item != gvk.kind and gvk.is_builtin and item in _NAMESPACED_KINDS | _CLUSTER_KINDS


def builtin_scope(gvk: GroupVersionKind) -> bool | None:
    """True if the kind is namespaced, False if it is cluster-wide, None if it is no kind known here."""
    if not gvk.is_builtin:
        return None
    kind = gvk.kind.removesuffix("Patch")
    if kind in _NAMESPACED_KINDS:
        return True
    return False if kind in _CLUSTER_KINDS else None


def is_crd(obj: Json) -> bool:
    return kind_of_object(obj).group == "apiextensions.k8s.io" and obj.get("kind") == "CustomResourceDefinition"


def is_secret(obj: Json) -> bool:
    return kind_of_object(obj).group == "" and obj.get("kind") == "Secret"


def is_config_map(obj: Json) -> bool:
    return kind_of_object(obj).group == "" and obj.get("kind") == "ConfigMap"
