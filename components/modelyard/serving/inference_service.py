"""The pods of one version of a service that KServe makes.

https://kserve.github.io/website/docs/concepts/resources, and what KServe does with it:
https://github.com/kserve/kserve/blob/v0.20.0/pkg/controller/v1beta1/inferenceservice/components/predictor.go
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.names import shortened
from modelyard.kube.pods import Pod, pod_annotations, pod_spec
from modelyard.kube.quantities import cpu_quantity
from modelyard.platform.kserve import KServe
from modelyard.platform.kserve_kind import (
    AUTOSCALER_CLASS,
    CONTAINER,
    DEPLOYMENT_MODE,
    INFERENCE_SERVICE,
    INTERNAL,
    MADE_SUFFIX,
    name_characters,
)
from modelyard.serving.custom_object import CustomObject
from modelyard.serving.deployment import rolling_update, workload_options
from modelyard.serving.scope import ServiceScope
from modelyard.serving.variants import Variant
from modelyard.serving.workload import Workload

_READY = {"pulumi.com/waitFor": "condition=Ready"}
"""Has an update wait for a new InferenceService until its replicas are ready."""


def make_inference_service(
    scope: ServiceScope,
    variant: Variant,
    pod: Pod,
    kserve: KServe,
    *,
    after: Iterable[pulumi.Resource] = (),
) -> Workload:
    """The InferenceService of one version, with the pods that a Deployment would have.

    KServe makes a Deployment of it, and a Service that nothing here uses. It makes no autoscaler, as the service's own
    scales the Deployment, and lets nobody in from outside. Where no autoscaler decides, the number of replicas is the
    InferenceService's.

    Args:
        scope: the service.
        variant: which version.
        pod: its pods, without what KServe asks of them.
        kserve: the cluster's.
        after: what has to be there before.
    """
    spec, labels = variant.spec, scope.labels_of(variant)
    pool = scope.workspace.cluster.pools[spec.pool]
    waits = kserve.is_acted_on and pool.runs_containers
    annotations = {
        DEPLOYMENT_MODE: "Standard",
        AUTOSCALER_CLASS: "external" if spec.autoscaling else "none",
        **(_READY if waits else {}),
    }
    # KServe writes a limit of its own, of one CPU, where there is none: all that a node has is none in effect.
    limits = {"cpu": cpu_quantity(pool.allocatable_cpus), **pod.container.limits}
    pod = replace(pod, container=replace(pod.container, name=CONTAINER, limits=limits))
    options = workload_options(scope, spec, [*kserve.ready, *after])
    # An autoscaler owns the Deployment's number, which is not in here.
    options.ignore_changes = None
    made = CustomObject(
        shortened(scope.logical_of(variant), name_characters(scope.workspace.workspace_name)),
        INFERENCE_SERVICE,
        metadata=scope.metadata(labels={**labels, **INTERNAL}, annotations=annotations),
        spec={
            "predictor": {
                **_fields(pod_spec(pod)),
                "labels": {**labels, **pod.labels},
                "annotations": pod_annotations(pod),
                "deploymentStrategy": rolling_update(spec.surge),
                **({} if spec.autoscaling else {"minReplicas": spec.min_replicas}),
            }
        },
        opts=options,
    )
    return Workload(resource=made, name=made.object_name.apply(lambda name: f"{name}{MADE_SUFFIX}"))


def _fields(spec: k8s.core.v1.PodSpecArgs) -> dict[str, Any]:
    """The fields of a pod by their names in Kubernetes: a predictor has them beside its own."""
    return {_camel_case(name): value for name, value in vars(spec).items() if value is not None}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return "".join([first, *(each.capitalize() for each in others)])
