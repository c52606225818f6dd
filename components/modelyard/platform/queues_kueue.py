"""Kueue, which lets jobs wait: its kinds, its configuration, and the objects that queues and pools are written as.

No Pulumi package. Sources: https://github.com/kubernetes-sigs/kueue/tree/v0.19.2, in it `charts/kueue/values.yaml`,
`apis/config/v1beta2/configuration_types.go` and `apis/kueue/v1beta2`; and for queued provisioning
https://cloud.google.com/kubernetes-engine/docs/how-to/provisioningrequest and
https://kueue.sigs.k8s.io/docs/concepts/admission_check/provisioning_request/
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelyard.cluster.pools import Pool
from modelyard.kube.quantities import cpu_quantity
from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.namespaces import KUEUE
from modelyard.operators.ports import CONTROL_PLANE_PORT
from modelyard.platform.queues_rules import CPU, Queue
from modelyard.versions import KUEUE as CHART

_GROUP, _VERSION = "kueue.x-k8s.io", "v1beta2"
RESOURCE_FLAVOR = Kind(
    group=_GROUP, version=_VERSION, kind="ResourceFlavor", plural="resourceflavors", namespaced=False
)
"""A pool, as queues count it."""
CLUSTER_QUEUE = Kind(group=_GROUP, version=_VERSION, kind="ClusterQueue", plural="clusterqueues", namespaced=False)
"""A queue with its quotas."""
LOCAL_QUEUE = Kind(group=_GROUP, version=_VERSION, kind="LocalQueue", plural="localqueues")
"""The way of a namespace's jobs into a queue."""
PRIORITY_CLASS = Kind(
    group=_GROUP, version=_VERSION, kind="WorkloadPriorityClass", plural="workloadpriorityclasses", namespaced=False
)
"""The priority of a queue's jobs; not that of their pods."""
ADMISSION_CHECK = Kind(
    group=_GROUP, version=_VERSION, kind="AdmissionCheck", plural="admissionchecks", namespaced=False
)
"""What a job waits for after its quota."""
PROVISIONING_CONFIG = Kind(
    group=_GROUP,
    version=_VERSION,
    kind="ProvisioningRequestConfig",
    plural="provisioningrequestconfigs",
    namespaced=False,
)
"""How machines are requested for a job that has its quota."""

DEFINITION = OperatorDefinition(
    name=KUEUE,
    chart=CHART,
    kinds=(RESOURCE_FLAVOR, CLUSTER_QUEUE, LOCAL_QUEUE, PRIORITY_CLASS, ADMISSION_CHECK, PROVISIONING_CONFIG),
    further_namespaces={},
)
"""Kueue, whose chart brings its kinds as templates: they are upgraded and removed with it."""

HAS_QUEUES = "modelyard.dev/queues"
"""The label of namespaces with queues, `"true"`. Kueue looks at jobs in these alone: where it is away, nobody can make
a Job there, and nothing else in the cluster is held up."""
QUEUE_NAME, PRIORITY_NAME = f"{_GROUP}/queue-name", f"{_GROUP}/priority-class"
"""Labels of a Job."""
MAX_RUN = f"provreq.{_GROUP}/maxRunDurationSeconds"
"""Annotation of a Job: how long machines that are requested for it stay."""

_FOR_EVER = "87600h"
"""Longer than any job runs. By default Kueue stops a job of which after 30 minutes not all pods are ready, and lets it
begin again, its time too: also one whose nodes come one by one, or when the cloud has some. Only a feature gate that is
going to be removed switches that off.
https://github.com/kubernetes-sigs/kueue/blob/v0.19.2/apis/config/v1beta2/defaults.go"""

QUEUED_PROVISIONING = "queued-provisioning.gke.io"
"""GKE's way of making the machines of a request all together."""
CHECK = "queued-provisioning"
"""The name of the check, and that of its configuration."""


def chart_values(pools: Iterable[Pool], *, monitored: bool) -> dict[str, Any]:
    """Values of Kueue's chart.

    It has two replicas, one of which may go with its node: as long as none answers, Jobs in namespaces with queues
    cannot be made. It looks at Jobs only, and not, as by default, at pods, Deployments and other kinds.

    What the chart lets move of it listens where every control plane reaches it; its API of waiting jobs stays on 8082.

    Args:
        pools: those of the queues.
        monitored: whether Prometheus reads it.
    """
    config = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": ":8081"},
        "metrics": {"bindAddress": ":8443", "enableClusterQueueResources": monitored},
        "webhook": {"port": CONTROL_PLANE_PORT},
        "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
        "clientConnection": {"qps": 300, "burst": 500},
        "managedJobsNamespaceSelector": {"matchLabels": {HAS_QUEUES: "true"}},
        "integrations": {"frameworks": ["batch/job"]},
        "waitForPodsReady": {"timeout": _FOR_EVER, "recoveryTimeout": "0s"},
        # What a queue has no quota of goes with what it has: processors and memory, the fabric's devices, huge pages.
        "resources": {"quotaCheckStrategy": "IgnoreUndeclared", **_claimed(pools)},
    }
    return {
        "controllerManager": {"replicas": 2, "podDisruptionBudget": {"enabled": True, "minAvailable": 1}},
        # JSON is YAML.
        "managerConfig": {"controllerManagerConfigYaml": json.dumps(config, sort_keys=True)},
        "webhookService": {"ports": [{"port": 443, "protocol": "TCP", "targetPort": CONTROL_PLANE_PORT}]},
        "enablePrometheus": monitored,
    }


def _claimed(pools: Iterable[Pool]) -> dict[str, Any]:
    """As what devices that pods claim are counted. A class that has no name here keeps all jobs with it waiting."""
    found: dict[str, str] = {}
    for pool in pools:
        if pool.gpu and pool.device_class:
            found[pool.device_class] = pool.gpu.accelerator.resource
        if pool.gpu and pool.gpu.fabric_claim:
            device_class = pool.gpu.fabric_claim.device_class
            found[device_class] = f"{device_class}/devices"
    mappings = [{"name": name, "deviceClassNames": [device_class]} for device_class, name in sorted(found.items())]
    return {"deviceClassMappings": mappings} if mappings else {}


def resource_flavor(pool: Pool) -> dict[str, Any]:
    """The `spec` of a pool's flavor. A job has the flavor of the pool whose nodes its pods choose, and has to tolerate
    their taints; both hold for pods of the pool, also where it has no nodes yet."""
    taints = [{"key": each.key, "value": each.value, "effect": each.effect} for each in pool.taints]
    return {"nodeLabels": dict(pool.node_selector), **({"nodeTaints": taints} if taints else {})}


def cluster_queue(queue: Queue, pools: Mapping[str, Pool]) -> dict[str, Any]:
    """The `spec` of a queue's ClusterQueue."""
    resources = sorted({resource for amounts in queue.quotas.values() for resource in amounts})
    queued = [name for name in queue.quotas if pools[name].is_queued]
    checks = {"admissionChecks": [{"name": CHECK, "onFlavors": queued}]}
    return {
        "namespaceSelector": {"matchLabels": {HAS_QUEUES: "true"}},
        "queueingStrategy": "StrictFIFO" if queue.spec.strict_fifo else "BestEffortFIFO",
        # One group, as the resources of a pod come from one pool.
        "resourceGroups": [
            {
                "coveredResources": resources,
                "flavors": [
                    {"name": name, "resources": [_quota(queue, pools[name], each) for each in resources]}
                    for name in queue.quotas
                ],
            }
        ],
        **(_cohort(queue.spec.cohort) if queue.spec.cohort else {}),
        **({"admissionChecksStrategy": checks} if queued else {}),
    }


def _cohort(name: str) -> dict[str, Any]:
    return {
        "cohortName": name,
        "preemption": {"reclaimWithinCohort": "Any", "borrowWithinCohort": {"policy": "LowerPriority"}},
    }


def _quota(queue: Queue, pool: Pool, resource: str) -> dict[str, Any]:
    # Beside pools that are counted by processors, one with accelerators gives all of its own.
    uncounted = pool.allocatable_cpus * pool.max_nodes if resource == CPU else 0
    amount = queue.quotas[pool.name].get(resource, uncounted)
    limits = {"borrowingLimit": queue.spec.borrows, "lendingLimit": queue.spec.lends} if queue.spec.cohort else {}
    quantity = cpu_quantity(amount) if resource == CPU and amount else str(round(amount))
    return {"name": resource, "nominalQuota": quantity, **{key: "0" for key, free in limits.items() if not free}}


def provisioning_config(pools: Sequence[Pool]) -> dict[str, Any]:
    """The `spec` of how machines of these pools are requested: for pods with their accelerators."""
    resources = sorted({pool.gpu.accelerator.resource for pool in pools if pool.gpu})
    return {"provisioningClassName": QUEUED_PROVISIONING, "managedResources": resources}


def admission_check() -> dict[str, Any]:
    """The `spec` of the check that requests them."""
    parameters = {"apiGroup": _GROUP, "kind": PROVISIONING_CONFIG.kind, "name": CHECK}
    return {"controllerName": f"{_GROUP}/provisioning-request", "parameters": parameters}
