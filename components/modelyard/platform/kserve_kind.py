"""KServe's InferenceService as far as it is used here: its kind, and the words that KServe reads. No Pulumi package.

Source: https://github.com/kserve/kserve/blob/v0.20.0/pkg/constants/constants.go
"""

from modelyard.operators.definition import Kind

KSERVE = "kserve"
"""A service's `backend` where KServe makes its pods."""
INFERENCE_SERVICE = Kind(
    group="serving.kserve.io", version="v1beta1", kind="InferenceService", plural="inferenceservices", has_status=True
)
"""What KServe makes a Deployment of."""
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
"""The annotation that chooses between plain Kubernetes objects, `Standard`, and Knative. Without it KServe's
configuration decides."""
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"
"""The annotation that says who decides the number of replicas: `external` for others, `none` for `minReplicas`."""
INTERNAL = {"networking.kserve.io/visibility": "cluster-local"}
"""The label with which KServe lets nobody in from outside: it makes no Ingress and no HTTPRoute.
https://github.com/kserve/kserve/blob/v0.20.0/pkg/controller/v1beta1/inferenceservice/reconcilers/ingress/kube_ingress_reconciler.go"""
CONTAINER = "kserve-container"
"""What KServe calls the container that serves."""
MADE_SUFFIX = "-predictor"
"""What follows the name of an InferenceService in the name of the Deployment and of the Service that KServe makes."""

_GENERATED_CHARACTERS = 9
"""What Pulumi appends to a name that it generates."""
_DNS_LABEL_CHARACTERS = 63
_APP_PREFIX = "isvc."
_LEAST_CHARACTERS = 12
"""A hash, and enough before it to be recognized."""


def name_characters(namespace: str) -> int:
    """How long the start of an InferenceService's generated name may be in that namespace.

    KServe makes the label `app: isvc.NAME-predictor` of it, and the first part `NAME-predictor-NAMESPACE` of a host
    name, whether or not that is used. One that is too long is found nowhere but in KServe's log, and nothing is made.
    https://github.com/kserve/kserve/blob/v0.20.0/pkg/controller/v1beta1/inferenceservice/reconcilers/ingress/domain.go
    """
    own = len(MADE_SUFFIX) + _GENERATED_CHARACTERS
    return _DNS_LABEL_CHARACTERS - own - max(len(_APP_PREFIX), len(f"-{namespace}"))


def is_namable(namespace: str) -> bool:
    """Whether names of InferenceServices in that namespace can be told apart."""
    return name_characters(namespace) >= _LEAST_CHARACTERS
