"""Which changes replace an object instead of updating it.

The table is the real provider's, `provider/pkg/provider/diff.go` (github.com/pulumi/pulumi-kubernetes). Everything that
is not in it, such as all fields of custom resources, is updated in place, and the API server refuses what is immutable.
"""

# ruff: noqa: SIM905 - long tables of words read better as text

from tools.offline.common.paths import Path, parse_path
from tools.offline.common.values import Json
from tools.offline.kubernetes.tokens import is_config_map, is_secret, kind_of_object

_SELECTOR = ["spec.selector"]
_JOB = ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"]
_STATEFUL_SET = [
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
]
_CONTAINER_FIELDS = (
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext "
    "stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
).split()
_POD_FIELDS = (
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork "
    "hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName "
    "readinessGates restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName "
    "shareProcessNamespace subdomain terminationGracePeriodSeconds volumes"
).split()
_VOLUME_SOURCES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
).split()

_FIELDS: dict[tuple[str, str], list[str]] = {
    ("apps/v1", "DaemonSet"): _SELECTOR,
    ("apps/v1", "Deployment"): _SELECTOR,
    ("apps/v1", "StatefulSet"): _STATEFUL_SET,
    ("batch/v1", "Job"): _JOB,
    ("v1", "PersistentVolume"): [f"spec.{source}" for source in _VOLUME_SOURCES],
    ("v1", "PersistentVolumeClaim"): [
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ],
    ("v1", "Pod"): [
        *(f"spec.{field}" for field in _POD_FIELDS),
        *(f"spec.{kind}[*].{field}" for kind in ("containers", "initContainers") for field in _CONTAINER_FIELDS),
    ],
    ("v1", "ResourceQuota"): ["spec.scopes"],
    ("v1", "Secret"): ["type"],
    ("v1", "Service"): ["spec.clusterIP"],
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ["roleRef"],
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ["roleRef"],
    ("storage.k8s.io/v1", "StorageClass"): ["parameters", "provisioner"],
}
_IDENTITY = ["metadata.name", "metadata.namespace"]


def replacing_paths(obj: Json, *, is_patch: bool, config_map_mutable: bool, secret_mutable: bool) -> list[Path]:
    """The paths whose change replaces `obj`; a patch resource is replaced only with the object it patches."""
    return [parse_path(path) for path in _replacing(obj, is_patch, config_map_mutable, secret_mutable)]


def _replacing(obj: Json, is_patch: bool, config_map_mutable: bool, secret_mutable: bool) -> list[str]:
    if is_patch:
        return _IDENTITY
    immutable = obj.get("immutable") is True
    if is_secret(obj) and (not secret_mutable or immutable):
        return [*_IDENTITY, "type", "stringData", "data"]
    if is_config_map(obj) and (not config_map_mutable or immutable):
        return [*_IDENTITY, "binaryData", "data"]
    gvk = kind_of_object(obj)
    return [*_IDENTITY, *_FIELDS.get((gvk.api_version, gvk.kind), [])]
