"""Which check an object waits for."""

from tools.offline.common.values import Json
from tools.offline.kubernetes import await_core, await_pods, await_workloads
from tools.offline.kubernetes.objects import SKIP_AWAIT, WAIT_FOR, annotation, is_true
from tools.offline.kubernetes.tokens import kind_of_object
from tools.offline.kubernetes.wait_for import parse_wait_for
from tools.offline.kubernetes.waiting import DEFAULT_TIMEOUT_SECONDS, Check

_CHECKS: dict[tuple[str, str], Check] = {
    ("apps/v1", "DaemonSet"): await_workloads.daemon_set,
    ("apps/v1", "Deployment"): await_workloads.deployment,
    ("apps/v1", "StatefulSet"): await_workloads.stateful_set,
    ("batch/v1", "Job"): await_pods.job,
    ("v1", "PersistentVolume"): await_core.volume,
    ("v1", "Pod"): await_pods.pod,
    ("v1", "ReplicationController"): await_workloads.replication_controller,
    ("v1", "ResourceQuota"): await_core.resource_quota,
    ("v1", "Secret"): await_core.secret,
}
# Kinds whose readiness a refresh looks at too.
_CHECKED_ON_READ = frozenset({"DaemonSet", "Deployment", "Job", "Pod", "Service", "StatefulSet"})
_DEFAULT_TIMEOUTS_SECONDS = {
    ("v1", "PersistentVolume"): 300.0,
    ("v1", "PersistentVolumeClaim"): 300.0,
    ("v1", "ResourceQuota"): 60.0,
    ("v1", "Secret"): 5.0,
}
# Kinds for which `skipAwait` skips the wait for their deletion too.
_SKIPS_DELETE_WAIT = frozenset(
    {
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "Job"),
        ("v1", "Namespace"),
        ("v1", "Pod"),
        ("v1", "ReplicationController"),
    }
)


def _key(obj: Json) -> tuple[str, str]:
    gvk = kind_of_object(obj)
    return gvk.api_version, gvk.kind


def default_timeout_seconds(obj: Json) -> float:
    """How long the kind is waited for when nothing else is said."""
    return _DEFAULT_TIMEOUTS_SECONDS.get(_key(obj), DEFAULT_TIMEOUT_SECONDS)


def ready_check(inputs: Json, *, is_update: bool) -> Check | None:
    """The check that `inputs` are waited for after a create or an update; None if there is nothing to wait for.

    Raises:
        ValueError: the annotation `pulumi.com/waitFor` cannot be read.
    """
    if is_true(inputs, SKIP_AWAIT):
        return None
    wanted = annotation(inputs, WAIT_FOR)
    return parse_wait_for(wanted) if wanted else _kind_check(inputs, is_update=is_update)


def read_check(inputs: Json, live: Json) -> Check | None:
    """The check that a refresh makes; None if the kind's readiness is no matter of state."""
    if is_true(inputs, SKIP_AWAIT) or _key(live)[1] not in _CHECKED_ON_READ or not kind_of_object(live).is_builtin:
        return None
    return _kind_check(live, is_update=True, settle_seconds=0.0)


def _kind_check(obj: Json, *, is_update: bool, settle_seconds: float = await_core.SETTLE_SECONDS) -> Check | None:
    key = _key(obj)
    if key == ("v1", "Service"):
        return await_core.ServiceCheck(settle_seconds=settle_seconds)
    if key == ("v1", "PersistentVolumeClaim"):
        return await_core.claim_check(is_update=is_update)
    return _CHECKS.get(key)


def skips_delete_wait(inputs: Json) -> bool:
    return is_true(inputs, SKIP_AWAIT) and _key(inputs) in _SKIPS_DELETE_WAIT
